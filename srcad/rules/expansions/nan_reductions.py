"""Reductions that leave NaN out: it is replaced by what changes nothing, so nothing of it reaches a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions import reductions
from srcad.rules.expansions.reductions import masked, operand
from srcad.rules.expansions.shapes import stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, expands, is_constant, is_float_name

cast = PRIMITIVES["astype"]
root = PRIMITIVES["root"]


def has_nan(x: Any) -> Any:
    """Whether the dtype is one that has NaN."""
    return is_float_name(dtype_of(x))


def without_nan(a: Any, value: Any) -> Any:
    """The array, with a value in the place of NaN."""
    x = np.asarray(a)
    return np.where(np.isnan(x), cast(value, dtype=dtype_of(x)), x) if has_nan(x) else x


def there(x: Any, where: Any) -> Any:
    """Which entries count: those that are no NaN, of those that `where` chooses."""
    given = np.logical_not(np.isnan(x)) if has_nan(x) else np.ones(np.shape(x), dtype=bool)
    return given if where is None else given & where


@expands(np.nansum)
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    return reductions.sum(without_nan(a, 0.0), axis, dtype, out, keepdims, initial, where)


@expands(np.nanprod)
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    return reductions.prod(without_nan(a, 1.0), axis, dtype, out, keepdims, initial, where)


@expands(np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None
) -> Any:
    x = operand(a, dtype)
    if not has_nan(x):
        return reductions.mean(x, axis, None, out, keepdims, where=where)
    counted = there(x, where)
    count = cast(np.sum(counted, axis=axis, keepdims=keepdims), dtype=dtype_of(x))
    return stored(np.sum(masked(x, counted, 0.0), axis=axis, keepdims=keepdims) / count, out)


@expands(np.nanvar)
def nanvar(
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
    x = operand(a, dtype)
    lost = ddof if correction is None else correction
    if not has_nan(x):
        return reductions.var(x, axis, None, out, lost, keepdims, where=where, mean=mean)
    counted = there(x, where)
    x = masked(x, counted, 0.0)
    count = np.sum(counted, axis=axis, keepdims=True)
    average = np.sum(x, axis=axis, keepdims=True) / cast(count, dtype=dtype_of(x)) if mean is None else mean
    centred = masked(x - average, counted, 0.0)
    squares = np.sum(centred * centred, axis=axis, keepdims=keepdims)
    left = np.sum(counted, axis=axis, keepdims=keepdims)
    left = left if is_constant(lost) and lost == 0 else left - lost
    return stored(squares / np.where(left > 0, cast(left, dtype=dtype_of(x)), cast(np.nan, dtype=dtype_of(x))), out)


@expands(np.nanstd)
def nanstd(
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
    return stored(root(nanvar(a, axis, dtype, None, lost, keepdims, where=where, mean=mean)), out)


@expands(np.nanmax)
def nanmax(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Any:
    x = np.asarray(a)
    if not has_nan(x):
        return reductions.max_of(x, axis, out, keepdims, initial, where)
    y = reductions.max_of(without_nan(x, -np.inf), axis, None, keepdims, initial, where)
    return stored(y if initial is not None else nan_if_nothing(y, x, axis, keepdims), out)


@expands(np.nanmin)
def nanmin(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Any:
    x = np.asarray(a)
    if not has_nan(x):
        return reductions.min_of(x, axis, out, keepdims, initial, where)
    y = reductions.min_of(without_nan(x, np.inf), axis, None, keepdims, initial, where)
    return stored(y if initial is not None else nan_if_nothing(y, x, axis, keepdims), out)


def nan_if_nothing(y: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    """A maximum, or NaN where there was nothing else."""
    return np.where(np.all(np.isnan(x), axis=axis, keepdims=keepdims), cast(np.nan, dtype=dtype_of(x)), y)


@expands(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
    check_not_all_nan(a, axis)
    return np.argmax(without_nan(a, -np.inf), axis, out, keepdims=keepdims)


@expands(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
    check_not_all_nan(a, axis)
    return np.argmin(without_nan(a, np.inf), axis, out, keepdims=keepdims)


def check_not_all_nan(a: Any, axis: Any) -> None:
    x = np.asarray(a)
    if has_nan(x) and np.any(np.all(np.isnan(x), axis=axis)):
        raise ValueError("All-NaN slice encountered")
