"""Order: sorting (stable, so that ties are settled by position) and what stands on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.shapes import flat
from srcad.rules.registry import axis_of, dtype_of, expands, is_float_name, unsupported


@expands(np.argsort, methods=("argsort",))
def argsort(a: Any, axis: Any = -1, kind: Any = None) -> Any:
    x = flat(a) if axis is None else np.asarray(a)
    k = axis_of(-1 if axis is None else axis, np.ndim(x))
    if np.ndim(x) == 1:
        return runtime.stable_order(x)
    if np.ndim(x) > 3:
        unsupported("sorting an array with more than three axes")
    out = np.empty(x.shape, dtype=np.int64)
    rows = np.moveaxis(x, k, -1)
    places = np.moveaxis(out, k, -1)
    if np.ndim(x) == 2:
        for i in range(rows.shape[0]):
            places[i] = runtime.stable_order(rows[i])
    else:
        for i in range(rows.shape[0]):
            for j in range(rows.shape[1]):
                places[i, j] = runtime.stable_order(rows[i, j])
    return out


@expands(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None) -> Any:
    x = flat(a) if axis is None else np.asarray(a)
    k = axis_of(-1 if axis is None else axis, np.ndim(x))
    if np.ndim(x) == 1:
        return sorted_vector(x)
    if np.ndim(x) > 3:
        unsupported("sorting an array with more than three axes")
    out = np.empty(x.shape, dtype=dtype_of(x))
    rows = np.moveaxis(x, k, -1)
    sorted_rows = np.moveaxis(out, k, -1)
    if np.ndim(x) == 2:
        for i in range(rows.shape[0]):
            sorted_rows[i] = sorted_vector(rows[i])
    else:
        for i in range(rows.shape[0]):
            for j in range(rows.shape[1]):
                sorted_rows[i, j] = sorted_vector(rows[i, j])
    return out


def sorted_vector(x: Any) -> Any:
    order = runtime.stable_order(x)
    out = np.empty(x.shape, dtype=dtype_of(x))
    for k in range(len(x)):
        out[k] = x[order[k]]
    return out


@expands(methods=("sort",))
def sort_in_place(a: Any, axis: Any = -1, kind: Any = None) -> None:
    a[...] = np.sort(a, axis)


@expands(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, keepdims: Any = False) -> Any:
    if out is not None:
        unsupported("np.median with out=")
    x = np.sort(flat(a)) if axis is None else np.moveaxis(np.sort(a, one_axis(axis)), axis, 0)
    n = x.shape[0]
    if n == 0:
        raise ValueError("the median of nothing")
    # the middle, or the mean of the two
    y = 0.5 * x[or_nan(x, (n - 1) // 2)] + 0.5 * x[or_nan(x, n // 2)]
    return placed(nan_where(x[n - 1], y), a, axis, keepdims)


def one_axis(axis: Any) -> Any:
    if isinstance(axis, (tuple, list)):
        unsupported("a median or quantile over several axes")
    return axis


def or_nan(x: Any, k: Any) -> Any:
    """The position, or that of a NaN in a sorted vector: it comes last, and is the result."""
    if np.ndim(x) != 1 or not is_float_name(dtype_of(x)):
        return k
    last = len(x) - 1
    return last if np.isnan(x[last]) else k


def nan_where(last: Any, y: Any) -> Any:
    """The same in each column of a sorted array."""
    return np.where(np.isnan(last), last, y) if np.ndim(last) > 0 and is_float_name(dtype_of(last)) else y


def placed(y: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    if axis is None:
        return np.full((1,) * np.ndim(a), y) if keepdims else y
    return np.expand_dims(y, axis) if keepdims else y


@expands(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    if not np.isscalar(q):
        unsupported("np.percentile of several at once (ask for one after the other, and join them in np.array)")
    return np.quantile(a, q / 100.0, axis=axis, keepdims=keepdims)


@expands(np.quantile)
def quantile(a: Any, q: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    if not np.isscalar(q):
        unsupported("np.quantile of several at once (ask for one after the other, and join them in np.array)")
    if q < 0.0 or q > 1.0:
        raise ValueError("Quantiles must be in the range [0, 1]")
    x = np.sort(flat(a)) if axis is None else np.moveaxis(np.sort(a, one_axis(axis)), axis, 0)
    n = x.shape[0]
    if n == 0:
        raise ValueError("a quantile of nothing")
    place = q * (n - 1)
    below = min(int(place), n - 1)
    above = min(below + 1, n - 1)
    # from the nearer neighbour, as NumPy does: it matters where the other one is infinite
    part = place - below
    first = or_nan(x, below if part < 0.5 else above)
    other = or_nan(x, above if part < 0.5 else below)
    y = x[first] + (x[other] - x[first]) * (part if part < 0.5 else 1.0 - part)
    return placed(nan_where(x[n - 1], y), a, axis, keepdims)
