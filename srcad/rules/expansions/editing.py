"""Arrays with entries added, left out or repeated, and arrays made of blocks."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import flat, reshaped
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import at_axis, axis_of, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]
join = PRIMITIVES["np.concatenate"]


# ---- entries ------------------------------------------------------------------------------------


@expands(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        return join(flat(arr), flat(values), axis=0)
    return np.concatenate((arr, values), axis)


@expands(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    x = flat(arr) if axis is None else np.asarray(arr)
    rank = np.ndim(x)
    k = 0 if axis is None else axis_of(axis, rank)
    n = x.shape[k]
    given = cast(np.asarray(values), dtype=dtype_of(x))
    if np.ndim(given) > rank:
        unsupported("np.insert of values of more axes than the array")
    given = np.full((1,) * rank, given) if np.ndim(given) == 0 else given[(None,) * (rank - np.ndim(given)) + (...,)]
    if not isinstance(obj, slice) and not isinstance(obj, (tuple, list)) and np.ndim(obj) == 0:
        if obj < -n or obj > n:
            raise IndexError(f"index {obj} is out of bounds for axis {k} with size {n}")
        return inserted_at(x, k, obj + n if obj < 0 else obj, np.moveaxis(given, 0, k))
    places = positions(obj, n)
    if len(places) == 0:
        return x.copy()
    rows = np.moveaxis(x, k, 0)
    count = len(places)
    new = np.broadcast_to(np.moveaxis(given, k, 0), (count,) + rows.shape[1:])
    y = np.empty((n + count,) + rows.shape[1:], dtype=dtype_of(x))
    order = np.argsort(places, kind="stable")
    done = 0
    for i in range(n + 1):
        while done < count and places[order[min(done, count - 1)]] <= i:
            y[i + done] = new[order[done]]
            done += 1
        if i < n:
            y[i + done] = rows[i]
    return np.moveaxis(y, 0, k)


def inserted_at(x: Any, k: Any, at: Any, new: Any) -> Any:
    wide = np.broadcast_to(new, x.shape[:k] + (new.shape[k],) + x.shape[k + 1 :])
    before = x[at_axis(np.ndim(x), k, slice(0, at))]
    after = x[at_axis(np.ndim(x), k, slice(at, x.shape[k]))]
    return join(before, wide, after, axis=k)


def positions(obj: Any, n: Any) -> Any:
    """The places between `n` entries, counted from the front."""
    if isinstance(obj, slice):
        return np.arange(n)[obj]
    where = np.asarray(obj)
    if dtype_of(where) == "bool":
        return np.flatnonzero(where)
    for j in where:
        if j < -n or j > n:
            raise IndexError(f"index {j} is out of bounds for an axis with size {n}")
    return np.where(where < 0, where + n, where)


@expands(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    x = flat(arr) if axis is None else np.asarray(arr)
    k = 0 if axis is None else axis_of(axis, np.ndim(x))
    n = x.shape[k]
    if not isinstance(obj, slice) and not isinstance(obj, (tuple, list)) and np.ndim(obj) == 0:
        if obj < -n or obj >= n:
            raise IndexError(f"index {obj} is out of bounds for axis {k} with size {n}")
        at = obj + n if obj < 0 else obj
        before = x[at_axis(np.ndim(x), k, slice(0, at))]
        after = x[at_axis(np.ndim(x), k, slice(at + 1, n))]
        return join(before, after, axis=k)
    kept = np.ones(n, dtype=bool)
    kept[obj] = False
    return np.take(x, np.flatnonzero(kept), axis=k)


@expands(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    x = flat(a)
    shape = tuple(new_shape) if isinstance(new_shape, (tuple, list)) else (new_shape,)
    n = 1
    for d in shape:
        if d < 0:
            raise ValueError("all elements of `new_shape` must be non-negative")
        n = n * d
    if x.size == 0:
        return np.zeros(shape, dtype=dtype_of(x))
    return reshaped(np.take(x, np.arange(n) % x.size), shape)


# ---- blocks -------------------------------------------------------------------------------------


@expands(np.block)
def block(arrays: Any) -> Any:
    depth = depth_of(arrays)
    rank = max(depth, rank_of(arrays))
    y = block_of(arrays, rank - depth, rank)
    return np.copy(y)


def depth_of(arrays: Any) -> Any:
    if isinstance(arrays, tuple):
        raise TypeError("arrays is a tuple. Only lists can be used to arrange blocks")
    return 1 + depth_of(arrays[0]) if isinstance(arrays, list) else 0


def rank_of(arrays: Any) -> Any:
    if not isinstance(arrays, list):
        return np.ndim(arrays)
    rank = 0
    for one in arrays:
        rank = max(rank, rank_of(one))
    return rank


def block_of(arrays: Any, axis: Any, rank: Any) -> Any:
    if isinstance(arrays, list):
        return np.concatenate([block_of(one, axis + 1, rank) for one in arrays], axis=axis)
    if np.ndim(arrays) == 0:
        return np.full((1,) * rank, arrays) if rank > 0 else np.asarray(arrays)
    return arrays[(None,) * (rank - np.ndim(arrays)) + (...,)]
