"""`scipy.spatial.distance`. A Euclidean distance of 0 has the derivative 0, as the norm of a zero vector has."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import distance

from srcad.rules.expansions.math_module import doubles
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import expands, unsupported

root = PRIMITIVES["root"]


def lengths(differences: Any, metric: Any, p: Any) -> Any:
    """The lengths of the vectors along the last axis."""
    if metric == "sqeuclidean":
        return np.sum(differences * differences, axis=-1)
    if metric == "euclidean" or (metric == "minkowski" and p == 2):
        return root(np.sum(differences * differences, axis=-1))
    if metric == "cityblock":
        return np.sum(np.abs(differences), axis=-1)
    if metric == "chebyshev":
        return np.max(np.abs(differences), axis=-1)
    if metric == "minkowski":
        return np.sum(np.abs(differences) ** p, axis=-1) ** (1.0 / p)
    return unsupported(f"the metric {metric} of scipy.spatial.distance")


@expands(distance.cdist)
def cdist(XA: Any, XB: Any, metric: Any = "euclidean", *, out: Any = None, w: Any = None, p: Any = 2) -> Any:
    if out is not None or w is not None:
        unsupported("scipy.spatial.distance.cdist with out or w")
    a = doubles(np.asarray(XA))
    b = doubles(np.asarray(XB))
    if np.ndim(a) != 2 or np.ndim(b) != 2:
        raise ValueError("XA and XB must be 2-dimensional arrays.")
    return lengths(a[:, None, :] - b[None, :, :], metric, p)


@expands(distance.pdist)
def pdist(X: Any, metric: Any = "euclidean", *, out: Any = None, w: Any = None, p: Any = 2) -> Any:
    if out is not None or w is not None:
        unsupported("scipy.spatial.distance.pdist with out or w")
    a = doubles(np.asarray(X))
    n = a.shape[0]
    result = np.zeros(n * (n - 1) // 2)
    at = 0
    for i in range(n - 1):
        result[at : at + n - 1 - i] = lengths(a[i + 1 :] - a[i], metric, p)
        at += n - 1 - i
    return result


def difference(u: Any, v: Any, w: Any) -> Any:
    if w is not None:
        unsupported("scipy.spatial.distance with w")
    return doubles(np.asarray(u)) - doubles(np.asarray(v))


@expands(distance.euclidean)
def euclidean(u: Any, v: Any, w: Any = None) -> Any:
    return lengths(difference(u, v, w), "euclidean", 2)


@expands(distance.sqeuclidean)
def sqeuclidean(u: Any, v: Any, w: Any = None) -> Any:
    return lengths(difference(u, v, w), "sqeuclidean", 2)


@expands(distance.cityblock)
def cityblock(u: Any, v: Any, w: Any = None) -> Any:
    return lengths(difference(u, v, w), "cityblock", 2)


@expands(distance.chebyshev)
def chebyshev(u: Any, v: Any, w: Any = None) -> Any:
    return lengths(difference(u, v, w), "chebyshev", 2)


@expands(distance.cosine)
def cosine(u: Any, v: Any, w: Any = None) -> Any:
    if w is not None:
        unsupported("scipy.spatial.distance with w")
    a = doubles(np.asarray(u))
    b = doubles(np.asarray(v))
    similarity = a @ b / np.sqrt((a @ a) * (b @ b))
    # rounding may leave it a little over 1
    return 1.0 - np.clip(similarity, -1.0, 1.0)
