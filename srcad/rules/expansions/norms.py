"""Norms of vectors and matrices, along any axes, and the condition numbers that are made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.linalg import floats, matrices
from srcad.rules.expansions.reductions import squared_magnitude
from srcad.rules.expansions.shapes import flat
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axes_of, axis_of, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]
root = PRIMITIVES["root"]


@expands(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    a = floats(np.asarray(x))
    if np.ndim(a) == 0:
        return abs(a)
    axes = axes_of(axis, np.ndim(a))
    if ord is None or (ord == 2 and len(axes) == 1) or (ord == "fro" and len(axes) == 2):
        return root(np.sum(squared_magnitude(a), axis=axes, keepdims=keepdims))
    if ord == "fro" or (ord == "nuc" and len(axes) == 1) or (len(axes) != 1 and len(axes) != 2):
        unsupported("this order of np.linalg.norm for this number of axes")
    if len(axes) == 2:
        rows, columns = axes if axis is None else tuple([axis_of(k, np.ndim(a)) for k in axis])
        y = matrix_norms(np.moveaxis(a, (rows, columns), (-2, -1)), ord)
        return np.expand_dims(y, axes) if keepdims else y
    if ord == 1:
        return np.sum(np.abs(a), axis=axes, keepdims=keepdims)
    if ord == np.inf:
        return np.max(np.abs(a), axis=axes, keepdims=keepdims)
    if ord == -np.inf:
        return np.min(np.abs(a), axis=axes, keepdims=keepdims)
    if ord == 0:
        return cast(np.sum(a != 0, axis=axes, keepdims=keepdims), dtype=dtype_of(np.abs(a)))
    return np.sum(np.abs(a) ** ord, axis=axes, keepdims=keepdims) ** (1.0 / ord)


def matrix_norms(a: Any, ord: Any) -> Any:
    """Of the matrices that the last two axes are."""
    if ord == 1:
        return np.max(np.sum(np.abs(a), axis=-2), axis=-1)
    if ord == -1:
        return np.min(np.sum(np.abs(a), axis=-2), axis=-1)
    if ord == np.inf:
        return np.max(np.sum(np.abs(a), axis=-1), axis=-1)
    if ord == -np.inf:
        return np.min(np.sum(np.abs(a), axis=-1), axis=-1)
    if ord == 2:
        return np.max(np.linalg.svdvals(a), axis=-1)
    if ord == -2:
        return np.min(np.linalg.svdvals(a), axis=-1)
    if ord == "nuc":
        return np.sum(np.linalg.svdvals(a), axis=-1)
    return unsupported("this order of np.linalg.norm for a matrix")


@expands(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: Any = False, ord: Any = 2) -> Any:
    a = np.asarray(x)
    if axis is None:
        y = norm(flat(a), ord)
        return np.full((1,) * np.ndim(a), y) if keepdims else y
    if isinstance(axis, (tuple, list)) and len(axis) != 1:
        unsupported("np.linalg.vector_norm over several axes")
    return norm(a, ord, axis, keepdims)


@expands(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: Any = False, ord: Any = "fro") -> Any:
    return norm(x, ord, (-2, -1), keepdims)


@expands(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    a = matrices(x)
    if p is None or p == 2 or p == -2:
        s = np.linalg.svdvals(a)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(a, p, (-2, -1)) * norm(np.linalg.inv(a), p, (-2, -1))
