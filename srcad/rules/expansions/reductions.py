"""Reductions with NumPy's `axis` (None, negative, a tuple) and `keepdims`, over primitives that take one axis."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.shapes import flat, reshaped
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import (
    axes_of,
    axis_of,
    compile_time,
    dtype_name,
    dtype_of,
    expands,
    is_float_name,
    unsupported,
    with_new_axes,
)

cast = PRIMITIVES["astype"]
array_of = PRIMITIVES["array"]
copy_of = PRIMITIVES["copy"]
root = PRIMITIVES["root"]
reduce_sum = PRIMITIVES["np.sum"]
reduce_mean = PRIMITIVES["np.mean"]
reduce_prod = PRIMITIVES["np.prod"]
reduce_max = PRIMITIVES["np.max"]
reduce_min = PRIMITIVES["np.min"]
reduce_any = PRIMITIVES["np.any"]
reduce_all = PRIMITIVES["np.all"]
reduce_argmax = PRIMITIVES["np.argmax"]
reduce_argmin = PRIMITIVES["np.argmin"]


# ---- helpers ------------------------------------------------------------------------------------


def operand(a: Any, dtype: Any, out: Any) -> Any:
    """The array to reduce; bools count as integers."""
    if out is not None:
        unsupported("a reduction with out=")
    x = np.asarray(a)
    if dtype is None:
        return x
    if summed_dtype(dtype_name(dtype)) != dtype_name(dtype):
        unsupported("a reduction in integers of less than 64 bits")
    return cast(x, dtype=dtype_name(dtype))


@compile_time
def summed_dtype(name: str) -> str:
    """The dtype of a sum or a product of all entries: integers have 64 bits.

    >>> summed_dtype("bool"), summed_dtype("int8"), summed_dtype("uint8"), summed_dtype("float32")
    ('int64', 'int64', 'uint64', 'float32')
    """
    return str(np.sum(np.zeros(1, name)).dtype.name)


def number(x: Any) -> Any:
    name = summed_dtype(dtype_of(x))
    return x if dtype_of(x) == name else cast(x, dtype=name)


def restored(y: Any, rank: Any, axes: Any, keepdims: Any) -> Any:
    """The result with its reduced axes put back as axes of length 1, where `keepdims` asks for it."""
    if not keepdims or rank == 0 or len(axes) == 0:
        return y
    if len(axes) == rank:
        if rank == 1:
            return array_of(y)
        return array_of(y)[with_new_axes(rank, axes[:-1])]
    return y[with_new_axes(rank, axes)]


def first_axes(x: Any, axes: Any) -> Any:
    """`x` with the given axes merged into one, which comes first: ties over several axes are one tie."""
    rank = np.ndim(x)
    if len(axes) == 1:
        return np.moveaxis(x, axes[0], 0)
    others = tuple([k for k in range(rank) if k not in axes])
    front = np.transpose(x, axes + others)
    return reshaped(front, (count(x, axes),) + tuple([x.shape[k] for k in others]))


def count(x: Any, axes: Any) -> Any:
    """The number of entries reduced into one."""
    if len(axes) == np.ndim(x):
        return x.size
    n = 1
    for k in axes:
        n = n * x.shape[k]
    return n


def sum_over(x: Any, axes: Any) -> Any:
    if len(axes) == np.ndim(x):
        return reduce_sum(x)
    y = x if len(axes) > 0 else copy_of(x)
    for k in axes[::-1]:
        y = reduce_sum(y, axis=k)
    return y


# ---- sums ---------------------------------------------------------------------------------------


@expands(np.sum, methods=("sum",))
def sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = operand(a, dtype, out)
    if np.ndim(x) == 0:
        return number(x)
    axes = axes_of(axis, np.ndim(x))
    return restored(sum_over(x, axes), np.ndim(x), axes, keepdims)


@expands(np.mean, methods=("mean",))
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = operand(a, dtype, out)
    if np.ndim(x) == 0:
        if axis is not None:
            unsupported("np.mean of a number, with an axis")
        return x * 1.0
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == np.ndim(x):
        y = reduce_mean(x)
    else:
        y = sum_over(x, axes) / count(x, axes)
    return restored(y, np.ndim(x), axes, keepdims)


@expands(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: Any = False) -> Any:
    x = np.asarray(a)
    if weights is None:
        return np.mean(x, axis=axis, keepdims=keepdims)
    if not is_float_name(dtype_of(x)):
        x = cast(x, dtype="float64")
    w = np.asarray(weights)
    if np.ndim(w) != np.ndim(x):
        if np.ndim(w) != 1 or axis is None:
            unsupported("np.average whose weights have another rank than the array, unless they are 1-D with axis=")
        k = axis_of(axis, np.ndim(x))
        if len(w) != x.shape[k]:
            raise ValueError(f"{len(w)} weights for {x.shape[k]} items")
        w = w[with_new_axes(np.ndim(x), tuple([j for j in range(np.ndim(x)) if j != k]))]
        return np.sum(x * w, axis=k, keepdims=keepdims) / weight_of(np.sum(weights))
    for k in range(np.ndim(x)):
        if w.shape[k] != x.shape[k]:
            if axis is not None:
                raise ValueError(f"axis {k} has {x.shape[k]} items and {w.shape[k]} weights")
            raise TypeError(f"axis {k} has {x.shape[k]} items and {w.shape[k]} weights")
    return np.sum(x * w, axis=axis, keepdims=keepdims) / weight_of(np.sum(w, axis=axis, keepdims=keepdims))


def weight_of(total: Any) -> Any:
    if np.any(total == 0.0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return total


@expands(np.var, methods=("var",))
def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    x = number(operand(a, dtype, out))
    if np.ndim(x) == 0:
        if axis is not None:
            unsupported("np.var of a number, with an axis")
        return x * 0.0
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == np.ndim(x):
        centred = x - reduce_mean(x)
    else:
        centred = x - np.mean(x, axis=axes, keepdims=True)
    squares = sum_over(centred * centred, axes)
    n = count(x, axes) if ddof == 0 else max(count(x, axes) - ddof, 0)
    return restored(squares / n, np.ndim(x), axes, keepdims)


@expands(np.std, methods=("std",))
def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    return root(np.var(a, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims))


# ---- products and extremes ----------------------------------------------------------------------


@expands(np.prod, methods=("prod",))
def prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = number(operand(a, dtype, out))
    if np.ndim(x) == 0:
        return x
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == 0:
        return x
    if len(axes) == np.ndim(x):
        y = reduce_prod(x)
    else:
        y = runtime.prod_first(first_axes(x, axes))
    return restored(y, np.ndim(x), axes, keepdims)


@expands(np.max, np.amax, methods=("max",))
def max_of(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = operand(a, None, out)
    if np.ndim(x) == 0:
        return x
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == 0:
        return x
    if len(axes) == np.ndim(x):
        y = reduce_max(x)
    elif np.ndim(x) == 2 and axes == (1,):
        y = runtime.max_last(x)
    else:
        y = runtime.max_first(first_axes(x, axes))
    return restored(y, np.ndim(x), axes, keepdims)


@expands(np.min, np.amin, methods=("min",))
def min_of(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = operand(a, None, out)
    if np.ndim(x) == 0:
        return x
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == 0:
        return x
    if len(axes) == np.ndim(x):
        y = reduce_min(x)
    elif np.ndim(x) == 2 and axes == (1,):
        y = runtime.min_last(x)
    else:
        y = runtime.min_first(first_axes(x, axes))
    return restored(y, np.ndim(x), axes, keepdims)


@expands(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return np.max(a, axis, out, keepdims) - np.min(a, axis, out, keepdims)


# ---- of ufuncs, which reduce the first axis unless told otherwise --------------------------------


@expands(np.add.reduce)
def add_reduce(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return np.sum(array, axis, dtype, out, keepdims)


@expands(np.multiply.reduce)
def multiply_reduce(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return np.prod(array, axis, dtype, out, keepdims)


@expands(np.maximum.reduce)
def maximum_reduce(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return np.max(operand(array, dtype, out), axis, None, keepdims)


@expands(np.minimum.reduce)
def minimum_reduce(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return np.min(operand(array, dtype, out), axis, None, keepdims)


# ---- without derivative -------------------------------------------------------------------------


@expands(np.argmax, methods=("argmax",))
def argmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = operand(a, None, out)
    if axis is None or np.ndim(x) == 1:
        return restored(reduce_argmax(x), np.ndim(x), axes_of(axis, np.ndim(x)), keepdims)
    axes = axes_of(axis, np.ndim(x))
    return restored(runtime.argmax_first(np.moveaxis(x, axes[0], 0)), np.ndim(x), axes, keepdims)


@expands(np.argmin, methods=("argmin",))
def argmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = operand(a, None, out)
    if axis is None or np.ndim(x) == 1:
        return restored(reduce_argmin(x), np.ndim(x), axes_of(axis, np.ndim(x)), keepdims)
    axes = axes_of(axis, np.ndim(x))
    return restored(runtime.argmin_first(np.moveaxis(x, axes[0], 0)), np.ndim(x), axes, keepdims)


@expands(np.any, methods=("any",))
def any_of(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = operand(a, None, out)
    if np.ndim(x) == 0:
        return x if dtype_of(x) == "bool" else x != 0
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == np.ndim(x):
        return restored(reduce_any(x), np.ndim(x), axes, keepdims)
    return sum(x != 0, axis=axes, keepdims=keepdims) > 0


@expands(np.all, methods=("all",))
def all_of(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    x = operand(a, None, out)
    if np.ndim(x) == 0:
        return x if dtype_of(x) == "bool" else x != 0
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == np.ndim(x):
        return restored(reduce_all(x), np.ndim(x), axes, keepdims)
    return sum(x == 0, axis=axes, keepdims=keepdims) == 0


@expands(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return sum(np.asarray(a) != 0, axis=axis, keepdims=keepdims)


# ---- running sums and products ------------------------------------------------------------------

running_sum = PRIMITIVES["np.cumsum"]


@expands(np.cumsum, methods=("cumsum",))
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    x = number(operand(a, dtype, out))
    if axis is None:
        return running_sum(flat(x))
    k = axis_of(axis, np.ndim(x))
    if np.ndim(x) == 1:
        return running_sum(x)
    y = x.copy()
    rows = np.moveaxis(y, k, 0)
    for i in range(1, x.shape[k]):
        rows[i] += rows[i - 1]
    return y


@expands(np.cumprod, methods=("cumprod",))
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    x = number(operand(a, dtype, out))
    if axis is None and np.ndim(x) != 1:
        x = flat(x)
    k = 0 if axis is None else axis_of(axis, np.ndim(x))
    y = x.copy()
    rows = np.moveaxis(y, k, 0)
    factors = np.moveaxis(x, k, 0)
    for i in range(1, x.shape[k]):
        rows[i] = rows[i - 1] * factors[i]
    return y


@expands(np.diff)
def diff(a: Any, n: Any = 1, axis: Any = -1) -> Any:
    k = axis_of(axis, np.ndim(a))
    y = np.moveaxis(a, k, -1)
    for _ in range(n):
        y = y[..., 1:] - y[..., :-1]
    return np.moveaxis(y, -1, k)


@expands(np.ediff1d)
def ediff1d(ary: Any) -> Any:
    x = flat(ary)
    return x[1:] - x[:-1]
