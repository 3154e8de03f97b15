"""Running sums and products, differences of neighbours, and quadrature of samples."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.nan_reductions import without_nan
from srcad.rules.expansions.reductions import number, operand
from srcad.rules.expansions.shapes import flat, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axes_of, axis_of, common_dtype, dtype_of, expands, is_float_name, unsupported

cast = PRIMITIVES["astype"]
running_sum = PRIMITIVES["np.cumsum"]


# ---- sums and products --------------------------------------------------------------------------


@expands(np.cumsum, methods=("cumsum",))
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    x = number(operand(a, dtype))
    if axis is None:
        return stored(running_sum(flat(x)), out)
    k = axis_of(axis, np.ndim(x))
    if np.ndim(x) == 1:
        return stored(running_sum(x), out)
    y = x.copy()
    rows = np.moveaxis(y, k, 0)
    for i in range(1, x.shape[k]):
        rows[i] += rows[i - 1]
    return stored(y, out)


@expands(np.cumprod, methods=("cumprod",))
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    x = number(operand(a, dtype))
    if axis is None and np.ndim(x) != 1:
        x = flat(x)
    k = 0 if axis is None else axis_of(axis, np.ndim(x))
    y = x.copy()
    rows = np.moveaxis(y, k, 0)
    factors = np.moveaxis(x, k, 0)
    for i in range(1, x.shape[k]):
        rows[i] = rows[i - 1] * factors[i]
    return stored(y, out)


@expands(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return cumsum(without_nan(a, 0.0), axis, dtype, out)


@expands(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return cumprod(without_nan(a, 1.0), axis, dtype, out)


@expands(np.cumulative_sum)
def cumulative_sum(
    x: Any, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: Any = False
) -> Any:
    y = cumsum(x, only_axis(axis, np.ndim(x)), dtype)
    return stored(begun_with(0, y, axis) if include_initial else y, out)


@expands(np.cumulative_prod)
def cumulative_prod(
    x: Any, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: Any = False
) -> Any:
    y = cumprod(x, only_axis(axis, np.ndim(x)), dtype)
    return stored(begun_with(1, y, axis) if include_initial else y, out)


def only_axis(axis: Any, rank: Any) -> Any:
    if axis is None and rank != 1:
        raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
    return 0 if axis is None else axis


def begun_with(value: Any, y: Any, axis: Any) -> Any:
    """`y` with a first entry along an axis."""
    k = axis_of(0 if axis is None else axis, np.ndim(y))
    first = np.full(y.shape[:k] + (1,) + y.shape[k + 1 :], value, dtype_of(y))
    return np.concatenate((first, y), axis=k)


# ---- differences --------------------------------------------------------------------------------


@expands(np.diff)
def diff(a: Any, n: Any = 1, axis: Any = -1, prepend: Any = None, append: Any = None) -> Any:
    x = np.asarray(a)
    if n == 0:
        return x
    k = axis_of(axis, np.ndim(x))
    if prepend is not None:
        x = np.concatenate((beside(x, k, prepend), x), axis=k)
    if append is not None:
        x = np.concatenate((x, beside(x, k, append)), axis=k)
    y = np.moveaxis(x, k, -1)
    for _ in range(n):
        y = y[..., 1:] != y[..., :-1] if dtype_of(x) == "bool" else y[..., 1:] - y[..., :-1]
    return np.moveaxis(y, -1, k)


def beside(x: Any, k: Any, values: Any) -> Any:
    """What is joined with `x` along an axis: a number as one entry."""
    if np.ndim(values) > 0:
        return values
    return np.broadcast_to(values, x.shape[:k] + (1,) + x.shape[k + 1 :])


@expands(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    x = flat(ary)
    y = x[1:] - x[:-1]
    name = dtype_of(y)
    for given in (to_begin, to_end):
        if given is not None and common_dtype(dtype_of(given), name) != name:
            unsupported("np.ediff1d with to_begin= or to_end= of another dtype")
    if to_begin is not None:
        y = np.concatenate((np.ravel(cast(np.asarray(to_begin), dtype=name)), y))
    if to_end is not None:
        y = np.concatenate((y, np.ravel(cast(np.asarray(to_end), dtype=name))))
    return y


@expands(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: Any = 1) -> Any:
    x = np.asarray(f)
    if not is_float_name(dtype_of(x)):
        x = cast(x, dtype="float64")
    axes = axes_in_order(axis, np.ndim(x))
    if len(varargs) == 0:
        steps: Any = [1.0 for _ in axes]
    elif len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        steps = [varargs[0] for _ in axes]
    else:
        steps = list(varargs)
    if len(steps) != len(axes):
        raise TypeError("invalid number of arguments")
    parts = tuple([slope_along(x, k, h, edge_order) for k, h in zip(axes, steps, strict=True)])
    if len(axes) == 1:
        return parts[0]
    return parts


def axes_in_order(axis: Any, rank: Any) -> Any:
    if axis is None:
        return axes_of(None, rank)
    return tuple([axis_of(k, rank) for k in (axis if isinstance(axis, (tuple, list)) else (axis,))])


def slope_along(x: Any, k: Any, h: Any, edge_order: Any) -> Any:
    """Central differences within, one-sided ones at both ends: of second order, or of first order at the ends."""
    if edge_order != 1 and edge_order != 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    n = x.shape[k]
    if n < edge_order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient")
    if np.ndim(h) == 0:
        return slope_by_number(x, k, h, edge_order)
    if np.ndim(h) != 1:
        unsupported("np.gradient with places of several axes")
    if len(h) != n:
        raise ValueError(f"{len(h)} places for {n} items")
    gaps = h[1:] - h[:-1]
    if np.any(gaps == 0):
        raise ValueError("np.gradient at places that repeat is not supported")
    return slope_by_places(x, k, gaps, edge_order)


def slope_by_number(x: Any, k: Any, h: Any, edge_order: Any) -> Any:
    y = np.moveaxis(x, k, -1)
    inner = 0.5 * (y[..., 2:] - y[..., :-2]) / h
    if edge_order == 1:
        first = (y[..., 1] - y[..., 0]) / h
        last = (y[..., -1] - y[..., -2]) / h
    else:
        first = (-1.5 * y[..., 0] + 2.0 * y[..., 1] - 0.5 * y[..., 2]) / h
        last = (0.5 * y[..., -3] - 2.0 * y[..., -2] + 1.5 * y[..., -1]) / h
    return np.moveaxis(between_ends(y, first, inner, last), -1, k)


def slope_by_places(x: Any, k: Any, gaps: Any, edge_order: Any) -> Any:
    # Fornberg's weights on three places; after a gap of a, and before one of b
    y = np.moveaxis(x, k, -1)
    a = gaps[:-1]
    b = gaps[1:]
    inner = -b / (a * (a + b)) * y[..., :-2] + (b - a) / (a * b) * y[..., 1:-1] + a / (b * (a + b)) * y[..., 2:]
    if edge_order == 1:
        first = (y[..., 1] - y[..., 0]) / gaps[0]
        last = (y[..., -1] - y[..., -2]) / gaps[len(gaps) - 1]
    else:
        c = gaps[0]
        d = gaps[1]
        first = (
            -(2.0 * c + d) / (c * (c + d)) * y[..., 0] + (c + d) / (c * d) * y[..., 1] - c / (d * (c + d)) * y[..., 2]
        )
        c = gaps[len(gaps) - 2]
        d = gaps[len(gaps) - 1]
        last = (
            d / (c * (c + d)) * y[..., -3] - (d + c) / (c * d) * y[..., -2] + (2.0 * d + c) / (d * (c + d)) * y[..., -1]
        )
    return np.moveaxis(between_ends(y, first, inner, last), -1, k)


def between_ends(y: Any, first: Any, inner: Any, last: Any) -> Any:
    out = np.empty(y.shape, dtype=dtype_of(inner))
    out[..., 0] = first
    out[..., 1:-1] = inner
    out[..., -1] = last
    return out


# ---- quadrature ---------------------------------------------------------------------------------


@expands(*[getattr(np, name) for name in ("trapezoid", "trapz") if hasattr(np, name)])
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    y = np.asarray(y)
    x = None if x is None else np.asarray(x)
    rank = np.ndim(y)
    k = axis_of(axis, rank)
    upper = np.moveaxis(y, k, -1)[..., 1:]
    lower = np.moveaxis(y, k, -1)[..., :-1]
    if x is None:
        return np.sum(dx * (upper + lower) / 2.0, axis=-1)
    if np.ndim(x) == 1:
        return np.sum((x[1:] - x[:-1]) * (upper + lower) / 2.0, axis=-1)
    widths = np.moveaxis(x, k, -1)[..., 1:] - np.moveaxis(x, k, -1)[..., :-1]
    return np.sum(widths * (upper + lower) / 2.0, axis=-1)
