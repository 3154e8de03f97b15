"""Triangles and diagonals of matrices, and of stacks of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.shapes import flat
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axis_of, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]
triangle_below = PRIMITIVES["np.tril"]
triangle_above = PRIMITIVES["np.triu"]
diagonal_matrix = PRIMITIVES["np.diag"]
diagonal_of = PRIMITIVES["diagonal"]


# ---- triangles ----------------------------------------------------------------------------------


@expands(np.tril)
def tril(m: Any, k: Any = 0) -> Any:
    if np.ndim(m) == 2:
        return triangle_below(m, k)
    return np.where(below(m, k), m, cast(0, dtype=dtype_of(m)))


@expands(np.triu)
def triu(m: Any, k: Any = 0) -> Any:
    if np.ndim(m) == 2:
        return triangle_above(m, k)
    return np.where(below(m, k - 1), cast(0, dtype=dtype_of(m)), m)


def below(m: Any, k: Any) -> Any:
    """Which entries of a matrix stand on the diagonal or below it."""
    if np.ndim(m) == 1:
        return np.tri(len(m), len(m), k, dtype=bool)
    return np.tri(m.shape[-2], m.shape[-1], k, dtype=bool)


# ---- diagonals ----------------------------------------------------------------------------------


@expands(np.diag)
def diag(v: Any, k: Any = 0) -> Any:
    x = np.asarray(v)
    if np.ndim(x) > 2:
        raise ValueError("Input must be 1- or 2-d.")
    return diagonal_of(x, k) if np.ndim(x) == 2 else diagonal_matrix(x, k)


@expands(np.diagonal, methods=("diagonal",))
def diagonal(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    x = np.asarray(a)
    rows = axis_of(axis1, np.ndim(x))
    columns = axis_of(axis2, np.ndim(x))
    if rows == columns:
        raise ValueError("axis1 and axis2 cannot be the same")
    if np.ndim(x) == 2:
        return diagonal_of(x, offset if rows == 0 else -offset)
    if np.ndim(x) > 5:
        unsupported("np.diagonal of an array with more than five axes")
    return runtime.diagonals(np.moveaxis(x, (rows, columns), (-2, -1)), offset)


@expands(np.linalg.diagonal)
def diagonal_of_matrices(x: Any, /, *, offset: Any = 0) -> Any:
    return diagonal(x, offset, -2, -1)


@expands(np.diagflat)
def diagflat(v: Any, k: Any = 0) -> Any:
    return diagonal_matrix(flat(v), k)


@expands(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: Any = False) -> None:
    rank = np.ndim(a)
    if rank < 2:
        raise ValueError("array must be at least 2-d")
    for k in range(1, rank):
        if rank > 2 and a.shape[k] != a.shape[0]:
            raise ValueError("All dimensions of input must be of equal length")
    n = min(a.shape[0], a.shape[1])
    if wrap and rank == 2:
        columns = a.shape[1]
        for i in range((a.size + columns) // (columns + 1)):
            at = i * (columns + 1)
            a[at // columns, at % columns] = value_at(val, i)
        return
    for i in range(n):
        a[(i,) * rank] = value_at(val, i)


def value_at(val: Any, i: Any) -> Any:
    """The values are taken one after the other, and again from the first."""
    if np.ndim(val) == 0:
        return val
    if np.ndim(val) > 1:
        unsupported("np.fill_diagonal with values of several axes")
    return val[i % len(val)]
