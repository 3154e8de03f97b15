"""Indexing by integer arrays and boolean masks, written as loops over basic indexing.

`take(x, items)` is `x[items]` and `put(x, items, value)` is `x[items] = value`, where at least one item is an
integer array (or list of integers) or a mask. Every axis is first given one item: an Ellipsis becomes slices,
a mask the vectors of its true positions. Then slices and new axes are applied as a view, the axes that are
indexed come first, and a loop picks them. Repeats behave as in NumPy: each is read, the last written wins.
"""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import flat, reshaped
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import (
    dtype_of,
    inverse_of,
    is_float_name,
    known_many,
    known_one,
    known_size,
    unsupported,
)

copy_of = PRIMITIVES["copy"]
positions_of = PRIMITIVES["nonzero"]


def is_basic(item: Any) -> Any:
    return item is None or item is Ellipsis or isinstance(item, slice)


def is_mask(item: Any) -> Any:
    if is_basic(item) or isinstance(item, (list, tuple)):
        return False
    return np.ndim(item) > 0 and dtype_of(item) == "bool"


def axes_used(item: Any) -> Any:
    if item is None or item is Ellipsis:
        return 0
    if is_mask(item):
        return np.ndim(item)
    return 1


def one_item_each(x: Any, items: Any) -> Any:
    """The items with Ellipsis and masks written out, one for each axis of `x` and each new axis."""
    left = np.ndim(x)
    for item in items:
        left = left - axes_used(item)
    full: Any = ()
    ended = False
    axis = 0
    for item in items:
        if is_mask(item):
            for k in range(np.ndim(item)):
                if item.shape[k] != x.shape[axis + k]:
                    raise IndexError(f"a mask of {item.shape[k]} for an axis of {x.shape[axis + k]}")
        axis = axis + (left if item is Ellipsis else axes_used(item))
        if item is Ellipsis:
            full = full + (slice(None),) * left
            ended = True
        elif is_mask(item):
            full = full + tuple([positions_of(item, axis=k, shared=True) for k in range(np.ndim(item))])
        elif isinstance(item, (list, tuple)):
            full = full + (np.array(item),)
        else:
            full = full + (item,)
    if not ended:
        full = full + (slice(None),) * left
    return full


def picked_axes(full: Any) -> Any:
    """The positions of the items that pick: integers and integer arrays."""
    return tuple([k for k in range(len(full)) if not is_basic(full[k])])


def front(x: Any, items: Any, full: Any, picked: Any) -> Any:
    """A view of `x` with slices and new axes applied and the picked axes first."""
    view = x
    for item in items:
        if is_basic(item):
            view = x[tuple([entry if is_basic(entry) else slice(None) for entry in full])]
    if picked == tuple(range(len(picked))):
        return view
    return np.transpose(view, picked + tuple([k for k in range(len(full)) if k not in picked]))


def place(full: Any, picked: Any) -> Any:
    """Where the axes of the index arrays come out: in the place of the picked ones if these are neighbours."""
    if picked == tuple(range(picked[0], picked[0] + len(picked))):
        return picked[0]
    return 0


def index_shape(indices: Any) -> Any:
    """The shape of the index arrays, broadcast against one another."""
    arrays = [i for i in indices if np.ndim(i) > 0]
    total = arrays[0]
    if len(arrays) > 1:
        if all_vectors(arrays):
            for i in arrays:
                if not known_one(i, 0):
                    total = i
        else:
            for i in arrays[1:]:
                total = total + i
    return total.shape


def all_vectors(arrays: Any) -> Any:
    return False not in [np.ndim(i) == 1 for i in arrays]


def flat_indices(x: Any, indices: Any, shape: Any) -> Any:
    """Each index as a number, or as a vector with one entry for each position of `shape`."""
    arrays = [i for i in indices if np.ndim(i) > 0]
    each: Any = []
    for i in indices:
        if np.ndim(i) == 0:
            each = each + [i]
        elif all_vectors(arrays):
            if not known_one(i, 0) and i.shape[0] != shape[0]:
                raise IndexError(f"{i.shape[0]} indices beside {shape[0]}")
            each = each + [i if is_float_name(dtype_of(x)) else copy_of(i)]
        elif len(arrays) == 1:
            each = each + [flat(i)]
        else:
            each = each + [flat(np.broadcast_to(i, shape))]
    return each


def entry(index: Any, k: Any) -> Any:
    if np.ndim(index) == 0:
        return index
    return index[0] if known_one(index, 0) else index[k]


def count(shape: Any) -> Any:
    n = shape[0]
    for d in shape[1:]:
        n = n * d
    return n


def take(x: Any, items: Any) -> Any:
    """`x[items]`, a new array."""
    full = one_item_each(x, items)
    picked = picked_axes(full)
    source = front(x, items, full, picked)
    indices = [full[k] for k in picked]
    shape = index_shape(indices)
    each = flat_indices(x, indices, shape)
    n = count(shape)
    rest = source.shape[len(picked) :]
    out = np.empty((n,) + rest, dtype=dtype_of(x))
    for k in range(n):
        out[k] = source[tuple([entry(i, k) for i in each])]
    if len(shape) != 1:
        out = reshaped(out, shape + rest)
    first = place(full, picked)
    if first == 0:
        return out
    order = tuple(range(len(shape), len(shape) + first)) + tuple(range(len(shape)))
    return np.transpose(out, order + tuple(range(len(shape) + first, np.ndim(out))))


def put(x: Any, items: Any, value: Any) -> None:
    """`x[items] = value`, in place."""
    full = one_item_each(x, items)
    picked = picked_axes(full)
    target = front(x, items, full, picked)
    indices = [full[k] for k in picked]
    shape = index_shape(indices)
    each = flat_indices(x, indices, shape)
    n = count(shape)
    v = np.asarray(value)
    if np.ndim(v) == 0:
        for k in range(n):
            target[tuple([entry(i, k) for i in each])] = v
        return
    rest = target.shape[len(picked) :]
    first = place(full, picked)
    result = rest[:first] + shape + rest[first:]
    if np.ndim(v) > len(result):
        unsupported("a value of more axes than the places that it is written to")
    # a copy: the value may be a view of `x`
    v = copy_of(v) if fits(v, result) else np.broadcast_to(copy_of(v), result)
    if first != 0:
        order = tuple(range(len(shape), len(shape) + first)) + tuple(range(len(shape)))
        v = np.transpose(v, inverse_of(order + tuple(range(len(shape) + first, len(result)))))
    if len(shape) != 1:
        v = reshaped(v, (n,) + rest)
    if v.shape[0] != n:
        raise ValueError(f"{v.shape[0]} values for {n} places")
    for k in range(n):
        target[tuple([entry(i, k) for i in each])] = v[k]


def fits(value: Any, shape: Any) -> Any:
    """Whether the value has this shape without being broadcast, or does not fit: no axis may turn out to be 1."""
    if np.ndim(value) != len(shape):
        return False
    if len(shape) == 1 and known_size(value, shape):
        return True
    return False not in [known_many(value, k) for k in range(np.ndim(value))]
