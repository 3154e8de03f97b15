"""Reductions with NumPy's `axis` (None, negative, a tuple) and `keepdims`, over primitives that take one axis."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.shapes import flat, reshaped, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import (
    axes_of,
    compile_time,
    dtype_name,
    dtype_of,
    expands,
    is_complex_name,
    is_constant,
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


def operand(a: Any, dtype: Any) -> Any:
    """The array to reduce; bools count as integers."""
    x = np.asarray(a)
    if dtype is None:
        return x
    if summed_dtype(dtype_name(dtype)) != dtype_name(dtype):
        unsupported("a reduction in integers of less than 64 bits")
    return cast(x, dtype=dtype_name(dtype))


def masked(x: Any, where: Any, value: Any) -> Any:
    """`x` with a value that changes nothing wherever `where` leaves it out."""
    if where is None:
        return x
    if np.ndim(x) == 0:
        return np.where(where, x, cast(value, dtype=dtype_of(x)))
    return np.where(np.broadcast_to(where, x.shape), x, cast(value, dtype=dtype_of(x)))


def chosen_count(x: Any, axes: Any, where: Any) -> Any:
    """The number of entries that are reduced into one: a number, or an array of them where `where` chooses some."""
    if where is None:
        return count(x, axes)
    return sum_over(cast(np.broadcast_to(where, x.shape), dtype="int64"), axes)


def with_initial(x: Any, initial: Any) -> Any:
    """`x` with one more entry along its first axis."""
    if initial is None:
        return x
    if is_float_name(dtype_of(initial)) and not is_float_name(dtype_of(x)):
        unsupported("initial= of a float for integers")
    return np.concatenate((x, np.full((1,) + x.shape[1:], cast(initial, dtype=dtype_of(x)))))


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


def last_axes(x: Any, how_many: Any) -> Any:
    return tuple(range(np.ndim(x) - how_many, np.ndim(x)))


def as_last_axis(x: Any, how_many: Any) -> Any:
    """`x` with its last axes merged into one."""
    axes = last_axes(x, how_many)
    return x if how_many == 1 else reshaped(x, x.shape[: axes[0]] + (count(x, axes),))


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
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    x = masked(operand(a, dtype), where, 0)
    result = total(x, axis, keepdims)
    return stored(result if initial is None else result + cast(initial, dtype=dtype_of(result)), out)


def total(x: Any, axis: Any, keepdims: Any) -> Any:
    if np.ndim(x) == 0:
        return number(x)
    axes = axes_of(axis, np.ndim(x))
    return restored(sum_over(x, axes), np.ndim(x), axes, keepdims)


@expands(np.mean, methods=("mean",))
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None
) -> Any:
    x = operand(a, dtype)
    if np.ndim(x) == 0:
        if axis is not None or where is not None:
            unsupported("np.mean of a number, with an axis or where=")
        return stored(x * 1.0, out)
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == np.ndim(x) and where is None:
        y = reduce_mean(x)
    else:
        y = quotient(sum_over(masked(x, where, 0), axes), chosen_count(x, axes, where), where)
    return stored(restored(y, np.ndim(x), axes, keepdims), out)


def quotient(y: Any, n: Any, where: Any) -> Any:
    """`y / n` in the dtype of `y`, if that is one of floats: a number that was counted is of NumPy's."""
    return y / (cast(n, dtype=dtype_of(y)) if where is not None and is_float_name(dtype_of(y)) else n)


@expands(np.var, methods=("var",))
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = None,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    x = number(operand(a, dtype))
    if np.ndim(x) == 0:
        if axis is not None or where is not None or mean is not None:
            unsupported("np.var of a number, with an axis, where= or mean=")
        return stored(x * 0.0, out)
    axes = axes_of(axis, np.ndim(x))
    if mean is not None:
        centred = x - mean
    elif len(axes) == np.ndim(x) and where is None:
        centred = x - reduce_mean(x)
    else:
        centre = quotient(sum_over(masked(x, where, 0.0), axes), chosen_count(x, axes, where), where)
        centred = x - restored(centre, np.ndim(x), axes, True)
    centred = masked(centred, where, 0.0)
    squares = sum_over(squared_magnitude(centred), axes)
    lost = ddof if correction is None else correction
    n = chosen_count(x, axes, where)
    n = n if is_constant(lost) and lost == 0 else np.maximum(n - lost, 0) if np.ndim(n) > 0 else max(n - lost, 0)
    return stored(restored(quotient(squares, n, where), np.ndim(x), axes, keepdims), out)


def squared_magnitude(x: Any) -> Any:
    return np.real(x * np.conj(x)) if is_complex_name(dtype_of(x)) else x * x


@expands(np.std, methods=("std",))
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = None,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    lost = ddof if correction is None else correction
    return stored(root(var(a, axis, dtype, None, lost, keepdims, where=where, mean=mean)), out)


# ---- products and extremes ----------------------------------------------------------------------


@expands(np.prod, methods=("prod",))
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    x = number(masked(operand(a, dtype), where, 1))
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == 0:
        y = x
    elif len(axes) == np.ndim(x):
        y = reduce_prod(x)
    else:
        y = runtime.prod_first(first_axes(x, axes))
    y = restored(y, np.ndim(x), axes, keepdims)
    return stored(y if initial is None else y * cast(initial, dtype=dtype_of(y)), out)


@expands(np.max, np.amax, methods=("max",))
def max_of(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Any:
    x = of_chosen(a, where, initial)
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == 0:
        y = x if initial is None else np.maximum(x, cast(initial, dtype=dtype_of(x)))
    elif len(axes) == np.ndim(x):
        y = reduce_max(x if initial is None else with_initial(flat(x), initial))
    elif axes == last_axes(x, len(axes)) and initial is None:
        y = runtime.max_last(as_last_axis(x, len(axes)))
    else:
        y = runtime.max_first(with_initial(first_axes(x, axes), initial))
    return stored(restored(y, np.ndim(x), axes, keepdims), out)


@expands(np.min, np.amin, methods=("min",))
def min_of(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Any:
    x = of_chosen(a, where, initial)
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == 0:
        y = x if initial is None else np.minimum(x, cast(initial, dtype=dtype_of(x)))
    elif len(axes) == np.ndim(x):
        y = reduce_min(x if initial is None else with_initial(flat(x), initial))
    elif axes == last_axes(x, len(axes)) and initial is None:
        y = runtime.min_last(as_last_axis(x, len(axes)))
    else:
        y = runtime.min_first(with_initial(first_axes(x, axes), initial))
    return stored(restored(y, np.ndim(x), axes, keepdims), out)


def of_chosen(a: Any, where: Any, initial: Any) -> Any:
    """The operand of a maximum or minimum, with `initial` wherever `where` leaves an entry out."""
    if where is not None and initial is None:
        raise ValueError("where= of a maximum or a minimum needs initial=")
    x = np.asarray(a)
    return x if where is None else masked(x, where, initial)


@expands(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return stored(np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims), out)


# ---- without derivative -------------------------------------------------------------------------


@expands(np.argmax, methods=("argmax",))
def argmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return place_of(a, axis, out, keepdims, reduce_argmax, runtime.argmax_first)


@expands(np.argmin, methods=("argmin",))
def argmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return place_of(a, axis, out, keepdims, reduce_argmin, runtime.argmin_first)


def place_of(a: Any, axis: Any, out: Any, keepdims: Any, of_all: Any, along_first: Any) -> Any:
    """Where an extreme is: of all entries by `of_all`, else along an axis."""
    x = np.asarray(a)
    axes = axes_of(axis, np.ndim(x))
    y = of_all(x) if axis is None or np.ndim(x) == 1 else along_first(np.moveaxis(x, axes[0], 0))
    return stored(restored(y, np.ndim(x), axes, keepdims), out)


@expands(np.any, methods=("any",))
def any_of(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None) -> Any:
    x = masked(np.asarray(a), where, 0)
    axes = axes_of(axis, np.ndim(x))
    if np.ndim(x) == 0:
        y = x if dtype_of(x) == "bool" else x != 0
    elif len(axes) == np.ndim(x):
        y = restored(reduce_any(x), np.ndim(x), axes, keepdims)
    else:
        y = sum(x != 0, axis=axes, keepdims=keepdims) > 0
    return stored(y, out)


@expands(np.all, methods=("all",))
def all_of(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None) -> Any:
    x = masked(np.asarray(a), where, 1)
    axes = axes_of(axis, np.ndim(x))
    if np.ndim(x) == 0:
        y = x if dtype_of(x) == "bool" else x != 0
    elif len(axes) == np.ndim(x):
        y = restored(reduce_all(x), np.ndim(x), axes, keepdims)
    else:
        y = sum(x == 0, axis=axes, keepdims=keepdims) == 0
    return stored(y, out)


@expands(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return sum(np.asarray(a) != 0, axis=axis, keepdims=keepdims)
