"""The parameters of an optimiser: a structure, of whose leaves the floats are changed.

Arrays are changed in place. Numbers cannot be: a structure with new numbers and the same arrays is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from srcad.dispatch.float_leaves import FloatLeaves, dtype_of, number_like
from srcad.dispatch.leaf_conversion import overlaps_itself
from srcad.errors import fail

Array = np.ndarray[Any, Any]
_DTYPES = frozenset((np.dtype(np.float32), np.dtype(np.float64)))


class Flat:
    """A leaf as a one-dimensional contiguous array: a view of it, else a copy that `value` writes back.

    >>> rows = np.zeros((2, 3))[:, ::2]
    >>> flat = Flat(rows)
    >>> flat.array[:] = 1.0
    >>> flat.value() is rows, rows.tolist()
    (True, [[1.0, 1.0], [1.0, 1.0]])
    """

    def __init__(self, leaf: Any) -> None:
        self._leaf = leaf
        self._order = order_of(leaf)
        self.array: Array = flat_view(leaf, dtype_of(leaf), self._order)

    def value(self) -> Any:
        return written_back(self._leaf, self.array, self._order)


def order_of(leaf: Any) -> Any:
    """The order in which the items of a leaf are taken: that in which they lie in memory, if they are contiguous."""
    return "F" if isinstance(leaf, np.ndarray) and leaf.flags.fnc else "C"


def flat_view(leaf: Any, dtype: np.dtype[Any], order: Any) -> Array:
    """The items of a leaf in this order and dtype; a view where that is possible."""
    return np.asarray(leaf, dtype).ravel(order)


def written_back(leaf: Any, flat: Array, order: Any) -> Any:
    """A leaf whose `flat_view` has been changed: the same array, or a new number of its type."""
    if not isinstance(leaf, np.ndarray):
        return number_like(leaf, flat[0])
    if not (leaf.flags.f_contiguous if order == "F" else leaf.flags.c_contiguous):
        leaf[...] = flat.reshape(leaf.shape, order=order)
    return leaf


def refuse_unsuited(params: FloatLeaves) -> None:
    """Refuse a structure whose floats cannot be changed in place.

    S304 for complex numbers, S305 for another dtype than float32 and float64, S317 for an array that is read-only, S308
    for one that overlaps another or itself, S302 for a matrix or a masked array.
    """
    for at, leaf in enumerate(params.leaves):
        if isinstance(leaf, complex) or (isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "c"):
            fail("S304", f"{params.place(at)} is complex", advice="split it into its real and imaginary parts.")
    for at in params.positions:
        leaf = params.leaves[at]
        dtype = dtype_of(leaf)
        if dtype not in _DTYPES:
            fail("S305", f"{params.place(at)} has dtype {dtype}", None, "Floats are float32 or float64.")
        if isinstance(leaf, np.ndarray):
            if type(leaf) is not np.ndarray:
                fail("S302", f"{params.place(at)} is of type {type(leaf).__qualname__}, not a plain array")
            flags = leaf.flags
            if not flags.writeable:
                advice = "copy it: np.array(x)."
                fail("S317", f"{params.place(at)} is read-only", None, "It is changed in place.", advice)
            if not flags.forc and overlaps_itself(leaf):
                fail("S308", f"items of {params.place(at)} share memory", None, "It is changed in place.")
    overlap = overlapping(params.floats)
    if overlap is not None:
        first, second = (params.place(params.positions[k]) for k in overlap)
        why = "Each is changed in place: what they share would be changed twice."
        fail("S308", f"{first} and {second} overlap in memory", None, why, "keep the array once in the structure.")


def owner(array: Array) -> object:
    """What the memory of an array belongs to."""
    found: Any = array
    while isinstance(found, np.ndarray) and found.base is not None:
        found = found.base
    return found


def owners(leaves: Iterable[Any]) -> set[int]:
    """The owners of the memory of the arrays, by identity."""
    return {id(owner(leaf)) for leaf in leaves if isinstance(leaf, np.ndarray)}


def overlapping(leaves: Sequence[Any]) -> tuple[int, int] | None:
    """The positions of two arrays that share memory, if there are any.

    >>> x = np.zeros(4)
    >>> overlapping([x[:2], x[2:]]), overlapping([x[::2], x[1::2]]), overlapping([x[:3], 1.0, x[2:]])
    (None, None, (0, 2))
    """
    groups: dict[int, list[int]] = {}
    for at, leaf in enumerate(leaves):
        if isinstance(leaf, np.ndarray) and leaf.size:
            groups.setdefault(id(owner(leaf)), []).append(at)
    if len(groups) == len(leaves):
        return None
    for group in groups.values():
        if len(group) > 1:
            bounds = sorted((*_bounds(leaves[at]), at) for at in group)
            for k, (_, end, at) in enumerate(bounds):
                for start, _, other in bounds[k + 1 :]:
                    if start >= end:
                        break
                    if np.shares_memory(leaves[at], leaves[other]):
                        return (min(at, other), max(at, other))
    return None


def _bounds(array: Array) -> tuple[int, int]:
    """The address of the first byte of an array, and that behind its last one."""
    reach = [(length - 1) * stride for length, stride in zip(array.shape, array.strides, strict=True)]
    start = array.__array_interface__["data"][0] + sum(one for one in reach if one < 0)
    return start, start + sum(map(abs, reach)) + array.itemsize


def assigned(params: FloatLeaves, floats: Sequence[Any]) -> Any:
    """The parameters with these floats: arrays are changed in place, numbers are new."""
    found = []
    for leaf, value in zip(params.floats, floats, strict=True):
        if isinstance(leaf, np.ndarray):
            leaf[...] = value
        found.append(leaf if isinstance(leaf, np.ndarray) else value)
    return params.with_floats(found)
