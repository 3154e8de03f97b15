"""The parameters of an optimiser: a structure, of whose leaves the floats are changed.

Arrays are changed in place. Numbers cannot be: a structure with new numbers and the same arrays is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from srcad.dispatch.leaf_conversion import overlaps_itself
from srcad.dispatch.pytree import leaves_like, places, unflatten
from srcad.errors import fail

Array = np.ndarray[Any, Any]


def is_number(leaf: object) -> bool:
    """Whether a leaf is a number that is changed: a float of Python or NumPy, or an integer of Python.

    >>> [is_number(leaf) for leaf in (1.0, np.float32(1.0), 1, True, np.ones(1), None)]
    [True, True, True, False, False, False]
    """
    return isinstance(leaf, float | np.floating) or type(leaf) is int


def is_changed(leaf: object) -> bool:
    """Whether an optimiser changes a leaf: numbers and arrays of floats. The others have None as gradient."""
    return is_number(leaf) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f")


def dtype_of(leaf: Any) -> np.dtype[Any]:
    """The dtype in which a leaf that is changed is computed.

    >>> dtype_of(1), dtype_of(np.float32(1.0))
    (dtype('float64'), dtype('float32'))
    """
    return leaf.dtype if isinstance(leaf, np.ndarray | np.floating) else np.dtype(np.float64)


class Flat:
    """A leaf as a one-dimensional contiguous array: a view of it, else a copy that `value` writes back.

    >>> rows = np.zeros((2, 3))[:, ::2]
    >>> flat = Flat(rows)
    >>> flat.array[:] = 1.0
    >>> flat.value() is rows, rows.tolist()
    (True, [[1.0, 1.0], [1.0, 1.0]])
    """

    def __init__(self, leaf: Any, order: Any = None) -> None:
        self._leaf = leaf
        self.order = order or order_of(leaf)
        self.array: Array = flat_view(leaf, dtype_of(leaf), self.order)

    def value(self) -> Any:
        """The leaf, changed: the same array, or a new number of its type."""
        leaf = self._leaf
        if not isinstance(leaf, np.ndarray):
            return float(self.array[0]) if isinstance(leaf, int) else type(leaf)(self.array[0])
        if not (leaf.flags.f_contiguous if self.order == "F" else leaf.flags.c_contiguous):
            leaf[...] = self.array.reshape(leaf.shape, order=self.order)
        return leaf


def order_of(leaf: Any) -> Any:
    """The order in which the items of a leaf are taken: that in which they lie in memory, if they are contiguous."""
    return "F" if isinstance(leaf, np.ndarray) and leaf.flags.fnc else "C"


def flat_view(leaf: Any, dtype: np.dtype[Any], order: Any) -> Array:
    """The items of a leaf in this order and dtype; a view where that is possible."""
    return np.asarray(leaf, dtype).ravel(order)


def gradients_of(params: Any, gradient: Any, leaves: Sequence[Any], spec: Any) -> list[Any]:
    """The leaves of a gradient in the order of those of the parameters. Raises S340 where they do not fit."""
    found = leaves_like(spec, gradient)
    if found is None:
        fail(
            "S340",
            "the gradient has another structure than the parameters",
            why=f"The parameters are {_listed(params, 'params')}; the gradient is {_listed(gradient, 'gradient')}.",
            advice="give the gradient as srcad.grad returns it for the argument that is optimised.",
        )
    for at, (leaf, own) in enumerate(zip(leaves, found, strict=True)):
        if not _fits(leaf, own):
            _refuse_leaf(places(params, "params")[at], leaf, own)
    return found


def _fits(leaf: Any, own: Any) -> bool:
    if not is_changed(leaf):
        return own is None
    if isinstance(leaf, np.ndarray):
        return isinstance(own, np.ndarray) and own.shape == leaf.shape and own.dtype.kind == "f"
    return is_number(own) or (isinstance(own, np.ndarray) and own.shape == () and own.dtype.kind == "f")


def _refuse_leaf(place: str, leaf: Any, own: Any) -> NoReturn:
    wanted = described(leaf) if is_changed(leaf) else "None, as it is no float"
    why = f"{place} is {described(leaf)}; its gradient is {described(own)}."
    fail("S340", f"the gradient of {place} does not fit it", None, why, f"give {wanted}.")


def refuse_unsuited(params: Any, leaves: Sequence[Any], name: str = "params") -> None:
    """Refuse a structure whose floats cannot be changed in place; errors call it `name`.

    S305 for another dtype than float32 and float64, S317 for an array that is read-only, S308 for one that overlaps
    another or itself, S302 for a matrix or a masked array.
    """
    for at, leaf in enumerate(leaves):
        if not is_changed(leaf):
            continue
        dtype = dtype_of(leaf)
        if not (dtype.isnative and dtype.itemsize in (4, 8)):
            fail("S305", f"{places(params, name)[at]} has dtype {dtype}", None, "Floats are float32 or float64.")
        if isinstance(leaf, np.ndarray):
            if type(leaf) is not np.ndarray:
                fail("S302", f"{places(params, name)[at]} is of type {type(leaf).__qualname__}, not a plain array")
            if not leaf.flags.writeable:
                advice = "copy it: np.array(x)."
                fail("S317", f"{places(params, name)[at]} is read-only", None, "It is changed in place.", advice)
            if not leaf.flags.forc and overlaps_itself(leaf):
                fail("S308", f"items of {places(params, name)[at]} share memory", None, "It is changed in place.")
    overlap = overlapping(leaves)
    if overlap is not None:
        first, second = (places(params, name)[at] for at in overlap)
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


def rebuilt(params: Any, spec: Any, leaves: Sequence[Any], values: Sequence[Any]) -> Any:
    """The parameters themselves where all leaves are the same objects, else a structure like them with these leaves."""
    same = all(value is leaf for leaf, value in zip(leaves, values, strict=True))
    return params if same else unflatten(spec, values)


def described(leaf: Any) -> str:
    """A leaf in a sentence.

    >>> described(np.ones((2, 3))), described(1.0), described(None)
    ('an array of float64 of shape (2, 3)', 'a number', 'None')
    """
    if isinstance(leaf, np.ndarray):
        return f"an array of {leaf.dtype} of shape {leaf.shape}"
    if leaf is None:
        return "None"
    return "a number" if is_number(leaf) else f"of type {type(leaf).__qualname__}"


def _listed(tree: Any, name: str) -> str:
    found = places(tree, name)
    return ", ".join(found[:6]) + (" and more" if len(found) > 6 else "") if found else "empty"
