"""Order: sorting (stable, so that ties are settled by position) and what stands on it."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.shapes import flat, reshaped
from srcad.rules.registry import axes_of, axis_of, dtype_of, expands, unsupported

# ---- along an axis ------------------------------------------------------------------------------


def rows_along(x: Any, k: Any) -> Any:
    """The vectors along an axis, as the rows of a matrix."""
    moved = np.moveaxis(x, k, -1)
    if np.ndim(x) == 2:
        return moved
    return reshaped(moved, (product_of(moved.shape[:-1]), moved.shape[np.ndim(x) - 1]))


def rows_back(rows: Any, x: Any, k: Any) -> Any:
    """The rows of `rows_along(x, k)`, all of another length perhaps, as an array like `x`."""
    if np.ndim(x) == 2:
        return np.moveaxis(rows, -1, k)
    shape = x.shape[:k] + x.shape[k + 1 :] + (rows.shape[1],)
    return np.moveaxis(reshaped(rows, shape), -1, k)


def product_of(lengths: Any) -> Any:
    n = 1
    for d in lengths:
        n = n * d
    return n


@expands(np.argsort, methods=("argsort",))
def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if order is not None:
        unsupported("sorting by fields with order=")
    x = flat(a) if axis is None else np.asarray(a)
    k = axis_of(-1 if axis is None else axis, np.ndim(x))
    if np.ndim(x) == 1:
        return runtime.stable_order(x)
    rows = rows_along(x, k)
    out = np.empty(rows.shape, dtype=np.int64)
    for i in range(rows.shape[0]):
        out[i] = runtime.stable_order(rows[i])
    return rows_back(out, x, k)


@expands(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if order is not None:
        unsupported("sorting by fields with order=")
    x = flat(a) if axis is None else np.asarray(a)
    k = axis_of(-1 if axis is None else axis, np.ndim(x))
    if np.ndim(x) == 1:
        return sorted_vector(x)
    rows = rows_along(x, k)
    out = np.empty(rows.shape, dtype=dtype_of(x))
    for i in range(rows.shape[0]):
        out[i] = sorted_vector(rows[i])
    return rows_back(out, x, k)


def sorted_vector(x: Any) -> Any:
    order = runtime.stable_order(x)
    out = np.empty(x.shape, dtype=dtype_of(x))
    for k in range(len(x)):
        out[k] = x[order[k]]
    return out


def sorted_first(a: Any, axis: Any) -> Any:
    """The entries that are reduced into one, sorted along a first axis."""
    x = np.asarray(a)
    axes = axes_of(axis, np.ndim(x))
    if len(axes) == np.ndim(x):
        return sorted_vector(flat(x))
    if len(axes) == 1:
        return np.moveaxis(np.sort(x, axes[0]), axes[0], 0)
    if x.size == 0:
        raise ValueError("cannot reshape array of size 0")
    others = tuple([k for k in range(np.ndim(x)) if k not in axes])
    shape = tuple([x.shape[k] for k in others]) + (product_of([x.shape[k] for k in axes]),)
    return np.moveaxis(np.sort(reshaped(np.transpose(x, others + axes), shape)), -1, 0)


@expands(methods=("sort",))
def sort_in_place(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    a[...] = np.sort(a, axis, kind, order)


# ---- in part, and by several keys ---------------------------------------------------------------


@expands(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> Any:
    check_kth(a, kth, axis)
    # NumPy does not say in which order the parts are
    return np.sort(a, axis, None, order)


@expands(np.argpartition, methods=("argpartition",))
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> Any:
    check_kth(a, kth, axis)
    return np.argsort(a, axis, None, order)


@expands(methods=("partition",))
def partition_in_place(a: Any, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> None:
    a[...] = np.partition(a, kth, axis, kind, order)


def check_kth(a: Any, kth: Any, axis: Any) -> None:
    n = np.size(a) if axis is None else a.shape[axis_of(axis, np.ndim(a))]
    for k in kth if isinstance(kth, (tuple, list)) or np.ndim(kth) > 0 else (kth,):
        if k < -n or k >= n:
            raise ValueError(f"kth(={k}) out of bounds ({n})")


@expands(np.lexsort)
def lexsort(keys: Any, axis: Any = -1) -> Any:
    rows = [np.asarray(key) for key in keys]
    if np.ndim(rows[0]) != 1:
        unsupported("np.lexsort of other than vectors")
    order = runtime.stable_order(rows[0])
    for key in rows[1:]:
        if len(key) != len(order):
            raise ValueError("all keys need to be the same shape")
        order = order[runtime.stable_order(key[order])]
    return order
