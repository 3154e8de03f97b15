"""Functions that give an array another shape, by views where NumPy gives views."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import (
    axes_of,
    axis_of,
    dtype_of,
    expands,
    is_constant,
    is_packed,
    known_many,
    known_one,
    known_size,
    moved,
    reversed_axes,
    swapped,
    unsupported,
    with_new_axes,
    without_axes,
)

copy_of = PRIMITIVES["copy"]
array_of = PRIMITIVES["array"]
reshape_to = PRIMITIVES["reshape"]
permute = PRIMITIVES["np.transpose"]
spread = PRIMITIVES["np.broadcast_to"]
packed = PRIMITIVES["np.ascontiguousarray"]


def stored(y: Any, out: Any) -> Any:
    """`y`, or the array `out` with `y` written into it: what a function with the option out= gives."""
    if out is None:
        return y
    if np.ndim(out) == 0 or np.ndim(out) != np.ndim(y):
        unsupported("out= of another number of axes than the result, or of none,")
    if dtype_of(out) != dtype_of(y):
        unsupported("out= of another dtype than the result")
    for k in range(np.ndim(y)):
        if out.shape[k] != y.shape[k]:
            raise ValueError(f"out= has {out.shape[k]} items along axis {k}, and the result has {y.shape[k]}")
    out[...] = y
    return out


# ---- reshape ------------------------------------------------------------------------------------


def is_by_columns(order: Any) -> Any:
    if order != "C" and order != "F":
        unsupported("order= other than 'C' and 'F'")
    return order == "F"


@expands(np.reshape)
def reshape(a: Any, shape: Any, order: Any = "C") -> Any:
    x = np.asarray(a)
    dims = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if is_by_columns(order):
        return np.transpose(np.reshape(np.transpose(x), dims[::-1]))
    if np.ndim(x) > 0 and not known_size(x, dims):
        others = product_of(dims)
        if len([d for d in dims if is_constant(d) and d == -1]) == 0:
            if x.size != others:
                raise ValueError(f"cannot reshape an array of size {x.size} into one of {others}")
        elif others == 0 or x.size % max(others, 1) != 0:
            raise ValueError(f"cannot reshape an array of size {x.size} into parts of {others}")
    return reshaped(x, dims)


def reshaped(x: Any, dims: Any) -> Any:
    """The array in another shape, which is known to fit."""
    if len(dims) == 0:
        return x if np.ndim(x) == 0 else x[(0,) * np.ndim(x)]
    if np.ndim(x) == 0:
        x = array_of(x)
    if np.ndim(x) == 1 and len(dims) == 1:
        return x[:]  # a view in NumPy too, packed or not
    others = product_of(dims)
    if not is_packed(x):
        x = packed(x)
    return reshape_to(x, *[x.size // others if is_constant(d) and d == -1 else d for d in dims])


def product_of(dims: Any) -> Any:
    """The product of the lengths that are given."""
    others = 1
    for d in dims:
        if not (is_constant(d) and d == -1):
            others = others * d
    return others


@expands(methods=("reshape",))
def reshape_method(a: Any, *shape: Any, order: Any = "C") -> Any:
    if len(shape) == 1:
        return np.reshape(a, shape[0], order)
    return np.reshape(a, shape, order)


@expands(methods=("view",))
def view(a: Any, dtype: Any = None) -> Any:
    if dtype is not None and dtype_of(np.empty(0, dtype=dtype)) != dtype_of(a):
        unsupported("view(dtype) of another dtype")
    return a[...]


@expands(np.ravel, methods=("ravel",))
def ravel(a: Any, order: Any = "C") -> Any:
    x = np.transpose(np.asarray(a)) if is_by_columns(order) else np.asarray(a)
    if np.ndim(x) == 0:
        return array_of(x)
    y = x if is_packed(x) else packed(x)
    return y if np.ndim(y) == 1 else reshape_to(y, y.size)


def flat(a: Any) -> Any:
    """All entries in a row, for who only reads them: a vector need not be packed for that."""
    x = np.asarray(a)
    return x if np.ndim(x) == 1 else np.ravel(x)


@expands(methods=("flatten",))
def flatten(a: Any, order: Any = "C") -> Any:
    return copy_of(flat(np.transpose(a) if is_by_columns(order) else a))


# ---- permutations of axes -----------------------------------------------------------------------


@expands(np.transpose)
def transpose(a: Any, axes: Any = None) -> Any:
    x = np.asarray(a)
    if np.ndim(x) < 2:
        return x
    if axes is None:
        return permute(x, axes=reversed_axes(np.ndim(x)))
    order = tuple([axis_of(k, np.ndim(x)) for k in axes])
    # in Numba a transpose that changes nothing still forgets that the array is contiguous
    return x if order == tuple(range(np.ndim(x))) else permute(x, axes=order)


@expands(methods=("transpose",))
def transpose_method(a: Any, *axes: Any) -> Any:
    if len(axes) == 0:
        return np.transpose(a)
    if len(axes) == 1:
        return np.transpose(a, axes[0])
    return np.transpose(a, axes)


@expands(np.swapaxes, methods=("swapaxes",))
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    order = swapped(np.ndim(a), axis1, axis2)
    if order == tuple(range(np.ndim(a))):
        return a
    return permute(a, axes=order)


@expands(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    if np.ndim(x) < 2:
        raise ValueError("Input array must be at least 2-dimensional")
    return np.swapaxes(x, -1, -2)


@expands(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    order = moved(np.ndim(a), source, destination)
    if order == tuple(range(np.ndim(a))):
        return a
    return permute(a, axes=order)


@expands(np.rollaxis)
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    k = axis_of(axis, np.ndim(a))
    if start < -np.ndim(a) or start > np.ndim(a):
        unsupported("np.rollaxis with a start out of bounds")
    to = start + np.ndim(a) if start < 0 else start
    return np.moveaxis(a, k, to - 1 if to > k else to)


# ---- axes of length 1 ---------------------------------------------------------------------------


@expands(np.squeeze, methods=("squeeze",))
def squeeze(a: Any, axis: Any = None) -> Any:
    rank = np.ndim(a)
    if axis is not None:
        axes = axes_of(axis, rank)
    else:
        for k in range(rank):
            if not known_one(a, k) and not known_many(a, k):
                unsupported("np.squeeze without axis=, where a length is not known before the program runs")
        axes = tuple([k for k in range(rank) if known_one(a, k)])
    for k in axes:
        if known_many(a, k):
            unsupported("np.squeeze of an axis whose length is not 1")
        if not known_one(a, k) and a.shape[k] != 1:
            raise ValueError(f"an axis of length {a.shape[k]} cannot be left out")
    if len(axes) == 0:
        return a
    items = (*without_axes(rank, axes), ...)  # the dots: NumPy gives a view even where no axis is left
    return a[items]


@expands(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    a = np.asarray(a)
    extra = len(axis) if isinstance(axis, (tuple, list)) else 1
    if np.ndim(a) == 0:
        return reshaped(a, (1,) * extra)
    rank = np.ndim(a) + extra
    return a[with_new_axes(rank, axes_of(axis, rank))]


@expands(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    if len(arys) != 1:
        return tuple([atleast_1d(one) for one in arys])
    x = np.asarray(arys[0])
    return array_of(x) if np.ndim(x) == 0 else x


@expands(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    if len(arys) != 1:
        return tuple([atleast_2d(one) for one in arys])
    x = np.atleast_1d(arys[0])
    return x[None, :] if np.ndim(x) == 1 else x


@expands(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    if len(arys) != 1:
        return tuple([atleast_3d(one) for one in arys])
    x = np.atleast_1d(arys[0])
    if np.ndim(x) == 1:
        return x[None, :, None]
    return x[:, :, None] if np.ndim(x) == 2 else x


# ---- broadcasting and repetition ----------------------------------------------------------------


@expands(np.broadcast_to)
def broadcast_to(array: Any, shape: Any) -> Any:
    x = np.asarray(array)
    if not isinstance(shape, (tuple, list)):
        return spread(x, shape)
    if len(shape) == 0:
        return x
    return spread(x, *shape)


@expands(np.broadcast_shapes)
def broadcast_shapes(*args: Any) -> Any:
    total = np.empty(args[0])
    for shape in args[1:]:
        total = total + np.empty(shape)
    return np.shape(total)


@expands(np.broadcast_arrays)
def broadcast_arrays(*args: Any) -> Any:
    total = np.asarray(args[0])
    for x in args[1:]:
        total = total + np.zeros(np.shape(x))
    return tuple([np.broadcast_to(x, np.shape(total)) for x in args])


@expands(np.repeat, methods=("repeat",))
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    x = flat(a) if axis is None else np.asarray(a)
    k = 0 if axis is None else axis_of(axis, np.ndim(x))
    if np.ndim(repeats) != 0:
        times = np.asarray(repeats)
        if known_one(times, 0):
            return repeat(x, times[0], k)
        if len(times) != x.shape[k]:
            raise ValueError(f"{len(times)} counts for {x.shape[k]} items")
        rows = np.empty(np.sum(times), dtype=np.int64)
        filled = 0
        for i in range(len(times)):
            for _ in range(times[i]):
                rows[filled] = i
                filled += 1
        return np.take(x, rows, axis=k)
    shape = x.shape
    wide = x[with_new_axes(np.ndim(x) + 1, (k + 1,))]
    wide = spread(wide, *(shape[: k + 1] + (repeats,) + shape[k + 1 :]))
    return reshape_to(packed(copy_of(wide)), *(shape[:k] + (shape[k] * repeats,) + shape[k + 1 :]))


@expands(np.tile)
def tile(A: Any, reps: Any) -> Any:
    times = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    x = np.atleast_1d(A)
    rank = max(len(times), np.ndim(x))
    times = (1,) * (rank - len(times)) + times
    if np.ndim(x) < rank:
        x = x[with_new_axes(rank, tuple(range(rank - np.ndim(x))))]
    shape = x.shape
    wide = x[with_new_axes(2 * rank, tuple(range(0, 2 * rank, 2)))]
    wide = spread(wide, *[times[k // 2] if k % 2 == 0 else shape[k // 2] for k in range(2 * rank)])
    return reshape_to(packed(copy_of(wide)), *[times[k] * shape[k] for k in range(rank)])
