"""NumPy's functions that read or write chosen elements: `take`, `choose`, `put`, `place` and their kin."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.advanced_indexing import take
from srcad.rules.expansions.shapes import flat, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import at_axis, axis_of, dtype_of, expands, is_float_name, unsupported

cast = PRIMITIVES["astype"]


# ---- to read ------------------------------------------------------------------------------------


@expands(np.take, methods=("take",))
def take_at(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
    x = flat(a) if axis is None else np.asarray(a)
    k = 0 if axis is None else axis_of(axis, np.ndim(x))
    where = in_range(np.asarray(indices), x.shape[k], mode)
    if np.ndim(where) == 0:
        return stored(x[at_axis(np.ndim(x), k, where)], out)
    return stored(take(x, at_axis(np.ndim(x), k, where)), out)


def in_range(where: Any, n: Any, mode: Any) -> Any:
    if mode == "wrap":
        return where % n
    if mode == "clip":
        return np.clip(where, 0, n - 1)
    return where


@expands(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    if np.ndim(condition) != 1:
        unsupported("np.compress with a condition that is not a vector")
    return np.take(a, np.flatnonzero(condition), axis, out)


@expands(methods=("compress",))
def compress_method(a: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    return compress(condition, a, axis, out)


@expands(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return np.take(flat(arr), np.flatnonzero(condition))


@expands(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None:
        if np.ndim(indices) != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        return take(flat(arr), (indices,))
    if np.ndim(arr) != np.ndim(indices):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    if np.ndim(arr) == 1:
        return take(arr, (indices,))
    return np.asarray(arr)[along(arr, indices, axis_of(axis, np.ndim(arr)))]


def along(arr: Any, indices: Any, k: Any) -> Any:
    """The index that goes along one axis by `indices`, and with the others."""
    rank = np.ndim(arr)
    found: Any = ()
    for j in range(rank):
        if j == k:
            found = found + (indices,)
        else:
            found = found + (np.arange(arr.shape[j])[tuple([slice(None) if i == j else None for i in range(rank)])],)
    return found


@expands(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: Any = "raise") -> Any:
    if not isinstance(choices, (tuple, list)):
        unsupported("np.choose from the rows of an array: name them in a list")
    which = in_range(np.asarray(a), len(choices), mode)
    if mode == "raise" and np.any((which < 0) | (which >= len(choices))):
        raise ValueError("invalid entry in choice array")
    y = choices[0]
    for k in range(1, len(choices)):
        y = np.where(which == k, choices[k], y)
    return stored(np.copy(np.broadcast_to(y, np.broadcast_shapes(np.shape(y), np.shape(which)))), out)


@expands(methods=("choose",))
def choose_method(a: Any, choices: Any, out: Any = None, mode: Any = "raise") -> Any:
    return choose(a, choices, out, mode)


# ---- to write -----------------------------------------------------------------------------------


@expands(np.put)
def put(a: Any, ind: Any, v: Any, mode: Any = "raise") -> None:
    where = np.ravel(in_range(np.asarray(ind), a.size, mode))
    written = np.copy(np.ravel(np.atleast_1d(v)))  # NumPy reads them all first
    for k in range(len(where)):
        if where[k] < -a.size or where[k] >= a.size:
            raise IndexError(f"index {where[k]} is out of bounds for size {a.size}")
        a[position(a, where[k] % a.size)] = written[k % len(written)]


@expands(methods=("put",))
def put_method(a: Any, ind: Any, v: Any, mode: Any = "raise") -> None:
    put(a, ind, v, mode)


def position(a: Any, at: Any) -> Any:
    """The index of the element that comes at a place, by rows."""
    found: Any = ()
    for d in a.shape[::-1]:
        found = (at % d,) + found
        at = at // d
    return found


@expands(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    """Each value goes to its own place, those of the places that are not chosen nowhere."""
    put_chosen(a, mask, values, skips=True)


@expands(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """The values go to the chosen places, one after the other."""
    put_chosen(arr, mask, vals, skips=False)


def put_chosen(a: Any, mask: Any, values: Any, skips: Any) -> None:
    if np.size(mask) != a.size:
        raise ValueError("mask and data must be the same size")
    chosen = np.ravel(np.asarray(mask))
    written = np.copy(np.ravel(np.atleast_1d(values))) if skips else np.ravel(np.atleast_1d(values))
    done = 0
    for k in range(a.size):
        if chosen[k]:
            a[position(a, k)] = written[(k if skips else done) % len(written)]
            done += 1


@expands(np.copyto)
def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = None) -> None:
    if casting != "same_kind":
        unsupported("np.copyto with casting=")
    if is_float_name(dtype_of(src)) and not is_float_name(dtype_of(dst)):
        unsupported("np.copyto of floats into integers")
    dst[...] = src if where is None else np.where(where, src, dst)


@expands(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    if axis is None:
        unsupported("np.put_along_axis with axis=None")
    if np.ndim(arr) != np.ndim(indices):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    if np.ndim(arr) == 1:
        arr[indices] = values
    else:
        arr[along(arr, indices, axis_of(axis, np.ndim(arr)))] = values
