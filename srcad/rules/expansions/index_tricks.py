"""What is indexed to make arrays (`np.r_`, `np.c_`, `np.mgrid`, `np.ogrid`), and the flat view, written to."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.picking import position
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import common_dtype, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]


def parts_of(items: Any) -> Any:
    """The arrays that are named between the brackets."""
    each = items if isinstance(items, tuple) else (items,)
    for item in each:
        if isinstance(item, str):
            unsupported("a text in the brackets of np.r_ or np.c_")
    return [counted(item) if isinstance(item, slice) else np.asarray(item) for item in each]


def counted(item: Any) -> Any:
    """The numbers that a slice stands for."""
    if item.stop is None:
        raise ValueError("a slice without a stop stands for no array")
    start = 0 if item.start is None else item.start
    step = 1 if item.step is None else item.step
    if dtype_of(step) == "complex128":  # how many there are
        return np.linspace(start, item.stop, int(np.abs(step)))
    return np.arange(start, item.stop, step)


def counted_alike(items: Any) -> Any:
    """The numbers that each slice stands for, all of one dtype."""
    vectors = [counted(item) for item in items]
    dtype = common_dtype(*[dtype_of(x) for x in vectors])
    return [cast(x, dtype=dtype) for x in vectors]


@expands(np.r_)
def joined_rows(items: Any) -> Any:
    return np.concatenate(vectors_of(parts_of(items)))


def vectors_of(parts: Any) -> Any:
    """The parts as arrays; of what dtype a number is, the arrays say."""
    names = [dtype_of(x) for x in parts if np.ndim(x) > 0]
    if len(names) == 0:
        return [np.atleast_1d(x) for x in parts]
    return [x if np.ndim(x) > 0 else x + np.zeros(1, dtype=common_dtype(*names)) for x in parts]


@expands(np.c_)
def joined_columns(items: Any) -> Any:
    parts = vectors_of(parts_of(items))
    return np.concatenate([x[:, None] if np.ndim(x) == 1 else x for x in parts], axis=-1)


@expands(np.ogrid)
def open_grid(items: Any) -> Any:
    if not isinstance(items, tuple):
        return counted(items)
    rank = len(items)
    vectors = counted_alike(items)
    found: Any = ()
    for k in range(rank):
        found = found + (vectors[k][tuple([slice(None) if j == k else None for j in range(rank)])],)
    return found


@expands(np.mgrid)
def full_grid(items: Any) -> Any:
    if not isinstance(items, tuple):
        return counted(items)
    vectors = open_grid(items)
    shape = tuple([vectors[k].shape[k] for k in range(len(items))])
    return np.stack([np.broadcast_to(x, shape) for x in vectors])


def put_flat(a: Any, items: Any, value: Any) -> None:
    """`a.flat[items] = value`: values are taken one after the other, and again from the first."""
    places = np.atleast_1d(np.arange(a.size)[items])
    written = np.ravel(np.atleast_1d(value))
    for k in range(len(places)):
        a[position(a, places[k])] = written[k % len(written)]


def put_all(a: Any, value: Any) -> None:
    """`a.flat = value`."""
    put_flat(a, slice(None), value)
