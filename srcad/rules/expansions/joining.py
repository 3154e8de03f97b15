"""Putting arrays together, taking them apart, and moving their entries about."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import flat, reshaped, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import at_axis, axes_of, axis_of, dtype_name, expands, unsupported

join = PRIMITIVES["np.concatenate"]
cast = PRIMITIVES["astype"]


def parts_of(arrays: Any) -> Any:
    if isinstance(arrays, (tuple, list)):
        return [np.asarray(a) for a in arrays]
    if np.ndim(arrays) > 0:
        unsupported("joining the rows of an array: name them in a tuple")
    return arrays


# ---- together -----------------------------------------------------------------------------------


@expands(np.concatenate, np.concat)
def concatenate(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None) -> Any:
    if not isinstance(arrays, (tuple, list)):
        return stored(rows_joined(arrays, axis, dtype), out)
    parts = parts_of(arrays)
    if dtype is not None:
        parts = [cast(a, dtype=dtype_name(dtype)) for a in parts]
    if axis is None:
        return stored(join(*[flat(a) for a in parts], axis=0), out)
    return stored(join(*parts, axis=axis_of(axis, np.ndim(parts[0]))), out)


def rows_joined(arrays: Any, axis: Any, dtype: Any) -> Any:
    """The parts that an array has along its first axis, put together along another."""
    if np.ndim(arrays) < 2:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    if arrays.shape[0] == 0:
        raise ValueError("need at least one array to concatenate")
    x = arrays if dtype is None else cast(arrays, dtype=dtype_name(dtype))
    if axis is None:
        return np.copy(flat(x))
    k = axis_of(axis, np.ndim(x) - 1)
    shape = x.shape[1 : k + 1] + (x.shape[0] * x.shape[k + 1],) + x.shape[k + 2 :]
    return np.copy(reshaped(np.moveaxis(x, 0, k), shape))


@expands(np.stack)
def stack(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None) -> Any:
    if not isinstance(arrays, (tuple, list)):
        x = arrays if dtype is None else cast(arrays, dtype=dtype_name(dtype))
        return stored(np.copy(np.moveaxis(x, 0, axis)), out)
    parts = parts_of(arrays)
    if dtype is not None:
        parts = [cast(a, dtype=dtype_name(dtype)) for a in parts]
    if np.ndim(parts[0]) == 0:
        return stored(np.array(parts), out)
    k = axis_of(axis, np.ndim(parts[0]) + 1)
    return stored(join(*[np.expand_dims(a, k) for a in parts], axis=k), out)


@expands(*[getattr(np, name) for name in ("vstack", "row_stack") if hasattr(np, name)])
def vstack(tup: Any) -> Any:
    return join(*[np.atleast_2d(a) for a in parts_of(tup)], axis=0)


@expands(np.hstack)
def hstack(tup: Any) -> Any:
    parts = [np.atleast_1d(a) for a in parts_of(tup)]
    return join(*parts, axis=0 if np.ndim(parts[0]) == 1 else 1)


@expands(np.dstack)
def dstack(tup: Any) -> Any:
    return join(*[np.atleast_3d(a) for a in parts_of(tup)], axis=2)


@expands(np.column_stack)
def column_stack(tup: Any) -> Any:
    parts = [np.atleast_1d(a) for a in parts_of(tup)]
    return join(*[a[:, None] if np.ndim(a) == 1 else a for a in parts], axis=1)


# ---- apart --------------------------------------------------------------------------------------


@expands(np.split)
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    if isinstance(indices_or_sections, (tuple, list)):
        return array_split(ary, indices_or_sections, axis)
    k = axis_of(axis, np.ndim(ary))
    n = ary.shape[k]
    if n % indices_or_sections != 0:
        raise ValueError(f"{n} items cannot be split into {indices_or_sections} equal parts")
    size = n // indices_or_sections
    return [ary[at_axis(np.ndim(ary), k, slice(i * size, (i + 1) * size))] for i in range(indices_or_sections)]


@expands(np.unstack)
def unstack(x: Any, *, axis: Any = 0) -> Any:
    return (*np.moveaxis(np.asarray(x), axis, 0),)


@expands(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    k = axis_of(axis, np.ndim(ary))
    n = ary.shape[k]
    if isinstance(indices_or_sections, (tuple, list)):
        bounds = [0] + list(indices_or_sections) + [n]
    else:
        sections = indices_or_sections
        # the first n % sections parts have one entry more
        bounds = [i * (n // sections) + min(i, n % sections) for i in range(sections + 1)]
    return [ary[at_axis(np.ndim(ary), k, slice(bounds[i], bounds[i + 1]))] for i in range(len(bounds) - 1)]


@expands(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    if np.ndim(ary) < 2:
        unsupported("np.vsplit of an array with one axis")
    return split(ary, indices_or_sections, 0)


@expands(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    if np.ndim(ary) < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


@expands(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1)


# ---- about --------------------------------------------------------------------------------------


@expands(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return reshaped(rolled(flat(a), shift, 0), np.shape(a))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    shifts = tuple(shift) if isinstance(shift, (tuple, list)) else (shift,)
    if len(axes) == 1:
        axes = axes * len(shifts)
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(axes) != len(shifts):
        unsupported("np.roll with another number of shifts than axes")
    y = np.copy(a) if len(axes) == 0 else a
    for k, by in zip(axes, shifts, strict=True):
        y = rolled(y, by, axis_of(k, np.ndim(a)))
    return y


def rolled(a: Any, shift: Any, k: Any) -> Any:
    n = a.shape[k]
    cut = n - shift % max(n, 1)
    return join(a[at_axis(np.ndim(a), k, slice(cut, None))], a[at_axis(np.ndim(a), k, slice(None, cut))], axis=k)


@expands(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    m = np.asarray(m)
    axes = axes_of(axis, np.ndim(m))
    return m[tuple([slice(None, None, -1) if k in axes else slice(None) for k in range(np.ndim(m))])]


@expands(np.fliplr)
def fliplr(m: Any) -> Any:
    return np.asarray(m)[:, ::-1]


@expands(np.flipud)
def flipud(m: Any) -> Any:
    return np.asarray(m)[::-1]


@expands(np.rot90)
def rot90(m: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    rank = np.ndim(m)
    first = axis_of(axes[0], rank)
    second = axis_of(axes[1], rank)
    if first == second:
        raise ValueError("Axes must be different.")
    if k % 4 == 0:
        return m[:]
    if k % 4 == 1:
        return np.flip(np.swapaxes(m, first, second), first)
    if k % 4 == 2:
        return np.flip(np.flip(m, first), second)
    return np.flip(np.swapaxes(m, first, second), second)
