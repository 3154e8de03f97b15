"""Putting arrays together, taking them apart, and moving their entries about."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import flat, reshaped
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import at_axis, axes_of, axis_of, expands, unsupported

join = PRIMITIVES["np.concatenate"]
triangle_below = PRIMITIVES["np.tril"]
triangle_above = PRIMITIVES["np.triu"]
diagonal_matrix = PRIMITIVES["np.diag"]
diagonal_of = PRIMITIVES["diagonal"]


def parts_of(arrays: Any) -> Any:
    if isinstance(arrays, (tuple, list)):
        return [np.asarray(a) for a in arrays]
    if np.ndim(arrays) > 0:
        unsupported("joining the rows of an array: name them in a tuple")
    return arrays


# ---- together -----------------------------------------------------------------------------------


@expands(np.concatenate)
def concatenate(arrays: Any, axis: Any = 0) -> Any:
    parts = parts_of(arrays)
    if axis is None:
        return join(*[flat(a) for a in parts], axis=0)
    return join(*parts, axis=axis_of(axis, np.ndim(parts[0])))


@expands(np.stack)
def stack(arrays: Any, axis: Any = 0) -> Any:
    parts = parts_of(arrays)
    if np.ndim(parts[0]) == 0:
        return np.array(arrays)
    k = axis_of(axis, np.ndim(parts[0]) + 1)
    return join(*[np.expand_dims(a, k) for a in parts], axis=k)


@expands(np.vstack)
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


@expands(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        return join(flat(arr), flat(values), axis=0)
    return np.concatenate((arr, values), axis)


@expands(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0.0) -> Any:
    if mode != "constant" or isinstance(constant_values, (tuple, list)):
        unsupported("np.pad with a mode other than 'constant'")
    rank = np.ndim(array)
    if not isinstance(pad_width, (tuple, list)):
        widths = ((pad_width, pad_width),) * rank
    elif not isinstance(pad_width[0], (tuple, list)):
        widths = ((pad_width[0], pad_width[-1]),) * rank
    else:
        widths = tuple([pad_width[k if len(pad_width) > 1 else 0] for k in range(rank)])
    shape = array.shape
    out = np.full(tuple([widths[k][0] + shape[k] + widths[k][1] for k in range(rank)]), constant_values, array.dtype)
    out[tuple([slice(widths[k][0], widths[k][0] + shape[k]) for k in range(rank)])] = array
    return out


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
    axes = axes_of(axis, np.ndim(m))
    return m[tuple([slice(None, None, -1) if k in axes else slice(None) for k in range(np.ndim(m))])]


@expands(np.fliplr)
def fliplr(m: Any) -> Any:
    return m[:, ::-1]


@expands(np.flipud)
def flipud(m: Any) -> Any:
    return m[::-1]


@expands(np.rot90)
def rot90(m: Any, k: Any = 1) -> Any:
    if np.ndim(m) != 2:
        unsupported("np.rot90 of an array that is not a matrix")
    if k % 4 == 0:
        return m
    if k % 4 == 1:
        return m.T[::-1]
    if k % 4 == 2:
        return m[::-1, ::-1]
    return m.T[:, ::-1]


# ---- triangles and diagonals --------------------------------------------------------------------


@expands(np.tril)
def tril(m: Any, k: Any = 0) -> Any:
    if np.ndim(m) != 2:
        unsupported("np.tril of an array that is not a matrix")
    return triangle_below(m, k)


@expands(np.triu)
def triu(m: Any, k: Any = 0) -> Any:
    if np.ndim(m) != 2:
        unsupported("np.triu of an array that is not a matrix")
    return triangle_above(m, k)


@expands(np.diag)
def diag(v: Any, k: Any = 0) -> Any:
    x = np.asarray(v)
    if np.ndim(x) > 2:
        unsupported("np.diag of an array with more than two axes")
    return diagonal_of(x, k) if np.ndim(x) == 2 else diagonal_matrix(x, k)


@expands(np.diagonal, methods=("diagonal",))
def diagonal(a: Any, offset: Any = 0) -> Any:
    if np.ndim(a) != 2:
        unsupported("np.diagonal of an array that is not a matrix")
    return diagonal_of(a, offset)


@expands(np.diagflat)
def diagflat(v: Any, k: Any = 0) -> Any:
    return diagonal_matrix(flat(v), k)


@expands(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any) -> None:
    if np.ndim(a) != 2 or np.ndim(val) != 0:
        unsupported("np.fill_diagonal of other than a matrix with a number")
    for i in range(min(a.shape[0], a.shape[1])):
        a[i, i] = val
