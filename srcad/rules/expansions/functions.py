"""Functions of NumPy that call a function: `vectorize`, `apply_along_axis`, `piecewise`."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import reshaped
from srcad.rules.expansions.sorting import rows_along
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axis_of, dtype_name, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]


@expands(np.vectorize)
def vectorize(
    pyfunc: Any,
    otypes: Any = None,
    doc: Any = None,
    excluded: Any = None,
    cache: Any = False,
    signature: Any = None,
) -> Any:
    if excluded is not None or signature is not None:
        unsupported("np.vectorize with excluded= or signature=")
    return lambda *args: of_elements(pyfunc, otypes, args)


def of_elements(pyfunc: Any, otypes: Any, args: Any) -> Any:
    """The function of each element of arrays that are broadcast."""
    arrays = [np.asarray(a) for a in args]
    shape = np.broadcast_shapes(*[np.shape(a) for a in arrays])
    if len(shape) == 0:
        y = pyfunc(*arrays)
        return y if otypes is None else cast(y, dtype=dtype_name(otypes[0]))
    rows = [a if np.ndim(a) == 0 else np.ravel(np.broadcast_to(a, shape)) for a in arrays]
    n = 1
    for d in shape:
        n = n * d
    if n == 0 and otypes is None:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    if otypes is None:
        # the first one says of which dtype they all are
        first = pyfunc(*[a if np.ndim(a) == 0 else a[0] for a in rows])
        if isinstance(first, (tuple, list)) or np.ndim(first) != 0:
            unsupported("np.vectorize of a function that gives other than a number")
        y = np.empty(n, dtype=dtype_of(first))
        y[0] = first
        for k in range(1, n):
            y[k] = pyfunc(*[a if np.ndim(a) == 0 else a[k] for a in rows])
    else:
        y = np.empty(n, dtype=dtype_name(otypes[0]))
        for k in range(n):
            y[k] = pyfunc(*[a if np.ndim(a) == 0 else a[k] for a in rows])
    return reshaped(y, shape)


@expands(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    x = np.asarray(arr)
    k = axis_of(axis, np.ndim(x))
    rows = rows_along(x, k) if np.ndim(x) > 1 else x[None]
    if rows.shape[0] == 0:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    first = func1d(rows[0], *args, **kwargs)
    if isinstance(first, (tuple, list)):
        unsupported("np.apply_along_axis of a function that gives a tuple or a list")
    y = np.empty((rows.shape[0],) + np.shape(first), dtype=dtype_of(first))
    y[0] = first
    for i in range(1, rows.shape[0]):
        y[i] = func1d(rows[i], *args, **kwargs)
    before = x.shape[:k]
    after = x.shape[k + 1 :]
    y = reshaped(y, before + after + np.shape(first))
    if np.ndim(first) == 0:
        return y
    # the axes of one result come where the axis was
    count = np.ndim(first)
    places = tuple(range(len(before) + len(after), len(before) + len(after) + count))
    return np.moveaxis(y, places, tuple(range(k, k + count)))


@expands(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    y = np.asarray(a)
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        k = axis_of(axis, np.ndim(a))
        result = func(y, k)
        y = result if np.ndim(result) == np.ndim(y) else np.expand_dims(result, k)
    return y


@expands(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    at = np.asarray(x)
    conditions = list(condlist) if isinstance(condlist, (tuple, list)) else [condlist]
    if len(funclist) != len(conditions) and len(funclist) != len(conditions) + 1:
        raise ValueError("as many functions as conditions are expected, or one more")
    if len(funclist) > len(conditions):
        rest = conditions[0]
        for condition in conditions[1:]:
            rest = rest | condition
        conditions = conditions + [np.logical_not(rest)]
    if np.ndim(at) == 0:
        y = cast(0, dtype=dtype_of(at))
        for condition, function in zip(conditions, funclist, strict=True):
            y = np.where(condition, piece(function, at, args, kw), y)
        return cast(y, dtype=dtype_of(at))
    y = np.zeros_like(at)
    for condition, function in zip(conditions, funclist, strict=True):
        if np.any(condition):
            # of those elements alone: the function may ask for more than one of them
            y[condition] = piece(function, at[condition], args, kw)
    return y


def piece(function: Any, at: Any, args: Any, kw: Any) -> Any:
    return function(at, *args, **kw) if callable(function) else function
