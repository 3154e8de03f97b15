"""The methods of NumPy's functions of two arguments: `reduce`, `accumulate`, `outer`, `at`, `reduceat`.

Each takes the function first. Where a reduction of NumPy's is the same (`np.add.reduce`), it is that.
"""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions import reductions
from srcad.rules.expansions.advanced_indexing import (
    count,
    entry,
    flat_indices,
    front,
    index_shape,
    is_basic,
    one_item_each,
    picked_axes,
)
from srcad.rules.expansions.reductions import first_axes, operand, restored
from srcad.rules.expansions.shapes import reshaped, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axes_of, axis_of, dtype_of, expands, ufunc_method, unsupported

cast = PRIMITIVES["astype"]


# ---- reduce -------------------------------------------------------------------------------------


@expands(np.add.reduce)
def add_reduce(
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    return reductions.sum(array, axis, dtype, out, keepdims, initial, where)


@expands(np.multiply.reduce)
def multiply_reduce(
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    return reductions.prod(array, axis, dtype, out, keepdims, initial, where)


@expands(np.maximum.reduce)
def maximum_reduce(
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    return reductions.max_of(operand(array, dtype), axis, out, keepdims, initial, where)


@expands(np.minimum.reduce)
def minimum_reduce(
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    return reductions.min_of(operand(array, dtype), axis, out, keepdims, initial, where)


@ufunc_method("reduce")
def reduce(
    ufunc: Any,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    if where is not None:
        unsupported("where= of this reduction")
    x = operand(array, dtype)
    if np.ndim(x) == 0:
        unsupported("a reduction of a number")
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == 0:
        unsupported("a reduction over no axis")
    rows = first_axes(x, axes)
    first = ufunc.identity if initial is None else initial
    if first is not None:
        y = begun(ufunc, rows, first)
        for k in range(rows.shape[0]):
            y = ufunc(y, rows[k])
    else:
        if rows.shape[0] == 0:
            raise ValueError("zero-size array to reduction operation")
        y = as_result(ufunc, rows[0], rows[0])
        for k in range(1, rows.shape[0]):
            y = ufunc(y, rows[k])
    return stored(restored(y, np.ndim(x), axes, keepdims), out)


def as_result(ufunc: Any, first: Any, like: Any) -> Any:
    """The first entry, in the dtype that the function gives."""
    name = dtype_of(ufunc(like, like))
    return first if dtype_of(first) == name else cast(first, dtype=name)


def begun(ufunc: Any, rows: Any, initial: Any) -> Any:
    name = dtype_of(ufunc(np.zeros(rows.shape[1:], dtype_of(rows)), np.zeros(rows.shape[1:], dtype_of(rows))))
    value = cast(initial, dtype=name)
    return value if np.ndim(rows) == 1 else np.full(rows.shape[1:], value)


# ---- accumulate ---------------------------------------------------------------------------------


@expands(np.add.accumulate)
def add_accumulate(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    return np.cumsum(array, axis, dtype, out)


@expands(np.multiply.accumulate)
def multiply_accumulate(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    return np.cumprod(array, axis, dtype, out)


@ufunc_method("accumulate")
def accumulate(ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    x = operand(array, dtype)
    k = axis_of(axis, np.ndim(x))
    rows = np.moveaxis(x, k, 0)
    y = np.empty(x.shape, dtype=dtype_of(ufunc(x, x)))
    sums = np.moveaxis(y, k, 0)
    if rows.shape[0] > 0:
        sums[0] = rows[0]
    for i in range(1, rows.shape[0]):
        sums[i] = ufunc(sums[i - 1], rows[i])
    return stored(y, out)


@ufunc_method("reduceat")
def reduceat(ufunc: Any, array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    x = operand(array, dtype)
    places = np.asarray(indices)
    if np.ndim(places) != 1:
        unsupported("reduceat with other than a vector of indices")
    k = axis_of(axis, np.ndim(x))
    rows = np.moveaxis(x, k, 0)
    n = rows.shape[0]
    y = np.empty((len(places),) + rows.shape[1:], dtype=dtype_of(ufunc(rows, rows)))
    for i in range(len(places)):
        start = places[i]
        if start < 0 or start >= n:
            raise IndexError(f"index {start} out-of-bounds in reduceat [0, {n})")
        stop = places[i + 1] if i + 1 < len(places) else n
        y[i] = rows[start]
        for j in range(start + 1, stop):
            y[i] = ufunc(y[i], rows[j])
    return stored(np.moveaxis(y, 0, k), out)


# ---- outer --------------------------------------------------------------------------------------


@ufunc_method("outer")
def outer(ufunc: Any, A: Any, B: Any, out: Any = None) -> Any:
    x = np.asarray(A)
    y = np.asarray(B)
    if np.ndim(x) > 0 and np.ndim(y) > 0:
        x = x[(slice(None),) * np.ndim(x) + (None,) * np.ndim(y)]
    return stored(ufunc(x, y), out)


# ---- in place -----------------------------------------------------------------------------------


@ufunc_method("at")
def at(ufunc: Any, a: Any, indices: Any, b: Any = None) -> None:
    items = indices if isinstance(indices, tuple) else (indices,)
    for item in items:
        if is_basic(item):
            unsupported("ufunc.at with a slice among the indices")
    full = one_item_each(a, items)
    picked = picked_axes(full)
    target = front(a, items, full, picked)
    given = [full[k] for k in picked]
    numbers = [k for k in given if np.ndim(k) > 0]
    if len(numbers) == 0:
        place = tuple(given)
        target[place] = ufunc(target[place]) if b is None else ufunc(target[place], b)
        return
    shape = index_shape(given)
    each = flat_indices(a, given, shape)
    n = count(shape)
    if b is None:
        for k in range(n):
            place = tuple([entry(i, k) for i in each])
            target[place] = ufunc(target[place])
    elif np.ndim(b) == 0:
        for k in range(n):
            place = tuple([entry(i, k) for i in each])
            target[place] = ufunc(target[place], b)
    else:
        rest = target.shape[len(picked) :]
        own = np.copy(b)  # what is added may be a part of what it is added to
        values = reshaped(np.broadcast_to(own, shape + rest), (n,) + rest)
        for k in range(n):
            place = tuple([entry(i, k) for i in each])
            target[place] = ufunc(target[place], values[k])
