"""Coordinates and index arrays of grids, and indices of elements as numbers and as tuples."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, expands, unsupported

copy_of = PRIMITIVES["copy"]


@expands(np.meshgrid)
def meshgrid(*xi: Any, copy: Any = True, sparse: Any = False, indexing: Any = "xy") -> Any:
    if indexing != "xy" and indexing != "ij":
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    vectors = [np.ravel(x) for x in xi]
    rank = len(vectors)
    # the axis along which each varies
    axes = [1 - k if k < 2 and rank > 1 and indexing == "xy" else k for k in range(rank)]
    rows = [
        x[tuple([slice(None) if j == k else None for j in range(rank)])] for x, k in zip(vectors, axes, strict=True)
    ]
    if not sparse:
        shape = tuple([len(vectors[axes.index(k)]) for k in range(rank)])
        rows = [np.broadcast_to(x, shape) for x in rows]
    return tuple([copy_of(x) if copy else x for x in rows])


@expands(np.ix_)
def ix_(*args: Any) -> Any:
    rank = len(args)
    found: Any = ()
    for k in range(rank):
        x = np.asarray(args[k])
        if np.ndim(x) != 1:
            raise ValueError("Cross index must be 1 dimensional")
        x = np.flatnonzero(x) if dtype_of(x) == "bool" else x
        found = found + (x[tuple([slice(None) if j == k else None for j in range(rank)])],)
    return found


@expands(np.argwhere)
def argwhere(a: Any) -> Any:
    if np.ndim(a) == 0:
        unsupported("np.argwhere of a number")
    return np.stack(np.nonzero(a), axis=1)


@expands(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: Any = "C") -> Any:
    if order != "C":
        unsupported("np.unravel_index with order= other than 'C'")
    left = np.asarray(indices)
    dims = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    n = 1
    for d in dims:
        n = n * d
    if np.any(left < 0) or np.any(left >= n):
        raise ValueError(f"an index is out of bounds for an array of {n} items")
    found: Any = ()
    for d in dims[::-1]:
        found = (left % d,) + found
        left = left // d
    return found


@expands(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: Any = "C") -> Any:
    if order != "C" or mode != "raise":
        unsupported("np.ravel_multi_index with mode= or order=")
    flat: Any = 0
    for index, d in zip(multi_index, dims, strict=True):
        if np.any(np.asarray(index) < 0) or np.any(np.asarray(index) >= d):
            raise ValueError("invalid entry in coordinates array")
        flat = flat * d + np.asarray(index)
    return flat


@expands(np.tril_indices_from)
def tril_indices_from(arr: Any, k: Any = 0) -> Any:
    return np.nonzero(np.tri(square(arr), arr.shape[-1], k, dtype=bool))


@expands(np.triu_indices_from)
def triu_indices_from(arr: Any, k: Any = 0) -> Any:
    return np.nonzero(np.logical_not(np.tri(square(arr), arr.shape[-1], k - 1, dtype=bool)))


def square(arr: Any) -> Any:
    if np.ndim(arr) != 2:
        raise ValueError("input array must be 2-d")
    return arr.shape[0]


@expands(np.diag_indices_from)
def diag_indices_from(arr: Any) -> Any:
    rank = np.ndim(arr)
    if rank < 2:
        raise ValueError("input array must be at least 2-d")
    for k in range(1, rank):
        if arr.shape[k] != arr.shape[0]:
            raise ValueError("All dimensions of input must be of equal length")
    return (np.arange(arr.shape[0]),) * rank
