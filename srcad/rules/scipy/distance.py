"""`scipy.spatial.distance`. A Euclidean distance of 0 has the derivative 0, as the norm of a zero vector has."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import spatial
from scipy.spatial import distance

from srcad.rules.expansions.math_module import doubles
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, expands, unsupported

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


def between(a: Any, b: Any, metric: Any, p: Any) -> Any:
    """The distances of vectors along the last axis, of two arrays that broadcast."""
    if metric == "cosine":
        return angle(a, b)
    if metric == "correlation":
        return angle(a - np.mean(a, axis=-1, keepdims=True), b - np.mean(b, axis=-1, keepdims=True))
    if metric == "canberra":
        sizes = np.abs(a) + np.abs(b)
        return np.sum(np.abs(a - b) / np.where(sizes == 0.0, 1.0, sizes), axis=-1)
    if metric == "braycurtis":
        return np.sum(np.abs(a - b), axis=-1) / np.sum(np.abs(a + b), axis=-1)
    return lengths(a - b, metric, p)


def angle(a: Any, b: Any) -> Any:
    norms = np.sqrt(np.sum(a * a, axis=-1)) * np.sqrt(np.sum(b * b, axis=-1))
    # rounding may leave it a little over 1
    return 1.0 - np.clip(np.sum(a * b, axis=-1) / norms, -1.0, 1.0)


@expands(distance.cdist)
def cdist(XA: Any, XB: Any, metric: Any = "euclidean", *, out: Any = None, w: Any = None, p: Any = 2) -> Any:
    if out is not None or w is not None:
        unsupported("scipy.spatial.distance.cdist with out or w")
    a = doubles(np.asarray(XA))
    b = doubles(np.asarray(XB))
    if np.ndim(a) != 2 or np.ndim(b) != 2:
        raise ValueError("XA and XB must be 2-dimensional arrays.")
    return between(a[:, None, :], b[None, :, :], metric, p)


@expands(distance.pdist)
def pdist(X: Any, metric: Any = "euclidean", *, out: Any = None, w: Any = None, p: Any = 2) -> Any:
    if out is not None or w is not None:
        unsupported("scipy.spatial.distance.pdist with out or w")
    a = doubles(np.asarray(X))
    n = a.shape[0]
    result = np.zeros(n * (n - 1) // 2)
    at = 0
    for i in range(n - 1):
        result[at : at + n - 1 - i] = between(a[i + 1 :], a[i], metric, p)
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


def both(u: Any, v: Any, w: Any) -> Any:
    if w is not None:
        unsupported("scipy.spatial.distance with w")
    return doubles(np.asarray(u)), doubles(np.asarray(v))


@expands(distance.cosine)
def cosine(u: Any, v: Any, w: Any = None) -> Any:
    a, b = both(u, v, w)
    return angle(a, b)


@expands(distance.correlation)
def correlation(u: Any, v: Any, w: Any = None, centered: Any = True) -> Any:
    a, b = both(u, v, w)
    return between(a, b, "correlation" if centered else "cosine", 2)


@expands(distance.canberra)
def canberra(u: Any, v: Any, w: Any = None) -> Any:
    a, b = both(u, v, w)
    return between(a, b, "canberra", 2)


@expands(distance.braycurtis)
def braycurtis(u: Any, v: Any, w: Any = None) -> Any:
    a, b = both(u, v, w)
    return between(a, b, "braycurtis", 2)


@expands(distance.minkowski)
def minkowski(u: Any, v: Any, p: Any = 2, w: Any = None) -> Any:
    a, b = both(u, v, w)
    return between(a, b, "minkowski", p)


@expands(distance.mahalanobis)
def mahalanobis(u: Any, v: Any, VI: Any) -> Any:
    a, b = both(u, v, None)
    return root((a - b) @ doubles(np.asarray(VI)) @ (a - b))


@expands(distance.squareform)
def squareform(X: Any, force: Any = "no", checks: Any = True) -> Any:
    x = np.asarray(X)
    if force != "no":
        unsupported("scipy.spatial.distance.squareform with force")
    if np.ndim(x) == 2:
        n = x.shape[0]
        condensed = np.zeros(n * (n - 1) // 2, dtype=dtype_of(x))
        at = 0
        for i in range(n - 1):
            condensed[at : at + n - 1 - i] = x[i, i + 1 :]
            at += n - 1 - i
        return condensed
    m = int(np.ceil(np.sqrt(2.0 * x.shape[0])))
    table = np.zeros((m, m), dtype=dtype_of(x))
    at = 0
    for i in range(m - 1):
        table[i, i + 1 :] = x[at : at + m - 1 - i]
        table[i + 1 :, i] = x[at : at + m - 1 - i]
        at += m - 1 - i
    return table


@expands(spatial.distance_matrix)
def distance_matrix(x: Any, y: Any, p: Any = 2, threshold: Any = 1000000) -> Any:
    a = doubles(np.asarray(x))
    b = doubles(np.asarray(y))
    if np.ndim(a) == 2 and np.ndim(b) == 2:
        return between(a[:, None, :], b[None, :, :], "minkowski", p)
    return unsupported("scipy.spatial.distance_matrix of other than two matrices")
