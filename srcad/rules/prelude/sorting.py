"""Order: sorting (stable, so that ties are settled by position) and what stands on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.prelude.shapes import flat
from srcad.rules.table import axis_of, dtype_of, expands, refuse


@expands(np.argsort, methods=("argsort",))
def argsort(a: Any, axis: Any = -1, kind: Any = None) -> Any:
    x = flat(a) if axis is None else np.asarray(a)
    if np.ndim(x) == 1:
        return runtime.stable_order(x)
    if np.ndim(x) > 3:
        refuse("sorting an array with more than three axes")
    out = np.empty(x.shape, dtype=np.int64)
    k = -1 if axis is None else axis_of(axis, np.ndim(x))
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
    if np.ndim(x) == 1:
        return sorted_vector(x)
    if np.ndim(x) > 3:
        refuse("sorting an array with more than three axes")
    out = np.empty(x.shape, dtype=dtype_of(x))
    k = axis_of(axis, np.ndim(x))
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
        refuse("np.median with out=")
    return np.quantile(a, 0.5, axis=axis, keepdims=keepdims)


@expands(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    if not np.isscalar(q):
        refuse("np.percentile of several at once (ask for one after the other, and join them in np.array)")
    return np.quantile(a, q / 100.0, axis=axis, keepdims=keepdims)


@expands(np.quantile)
def quantile(a: Any, q: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    if not np.isscalar(q):
        refuse("np.quantile of several at once (ask for one after the other, and join them in np.array)")
    x = np.sort(flat(a)) if axis is None else np.moveaxis(np.sort(a, axis), axis, 0)
    place = q * (x.shape[0] - 1)
    below = min(int(place), x.shape[0] - 1)
    above = min(below + 1, x.shape[0] - 1)
    # the whole between, so that equal neighbours give themselves
    y = x[below] + (x[above] - x[below]) * (place - below)
    if axis is None:
        return np.full((1,) * np.ndim(a), y) if keepdims else y
    return np.expand_dims(y, axis) if keepdims else y
