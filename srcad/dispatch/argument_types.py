"""Abstraction of the arguments of one call: structures with typed leaves, the input of lowering.

>>> described = abstract_arguments(("params", "n"), ({"W": np.ones((3, 1)), "act": "relu"}, 4), (0,), known=(2,))
>>> [(leaf.name, leaf.place, leaf.differentiated) for leaf in described.leaves], described.known
([('params_W', 'params["W"]', True)], ((2, 4),))
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from srcad.dispatch.leaf_conversion import is_static, leaf_type
from srcad.dispatch.pytree import flatten, is_leaf, leaf_names, paths, places
from srcad.errors import fail
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Mapping, Record, Seq
from srcad.frontend.values.user_classes import attributes, is_object
from srcad.ir.nodes import Var
from srcad.ir.types import Type
from srcad.rules.libraries import read_as

_NUMBERS = (int, float, complex, np.ndarray, np.generic)


@dataclass(frozen=True)
class FlatLeaf:
    """One leaf, a parameter of the generated function."""

    position: int
    """Among all leaves of the call, static ones included."""
    name: str
    place: str
    type: Type
    differentiated: bool
    zero_d: bool = False
    """It is a 0-d array, and is treated as a scalar."""


_MOST_ELEMENTS = 1024


@dataclass(frozen=True)
class AbstractArguments:
    arguments: Dictionary[str, Abstract]
    leaves: tuple[FlatLeaf, ...]
    known: tuple[tuple[int, bool | int], ...] = ()
    """Leaves that are compile-time constants, by position: no parameters of the generated function."""
    fixed: bool = False
    """Integers and bools that the function reads from outside are compile-time constants, too."""
    shapes: Dictionary[str, tuple[int, ...]] = field(default_factory=dict, compare=False)
    """The shapes of arrays in this call, by name: for what takes an array apart into its items, or slices it."""
    elements: Dictionary[str, np.ndarray] = field(default_factory=dict, compare=False)
    """The arrays of few integers in this call, by name: for what has them as keys."""
    integers: Dictionary[str, int] = field(default_factory=dict, compare=False)
    """The integers in this call, by name: for what slices arrays by them."""


def abstract_arguments(
    names: Sequence[str],
    values: Sequence[object],
    active: Collection[int],
    fixed: int = 0,
    known: Collection[int] = (),
    invented: Collection[int] = (),
) -> AbstractArguments:
    """Structures and leaves of the values given for the parameters `names`; leaves at positions `active` are
    differentiated.

    The first `fixed` values are bound arguments, as the `self` of a method: they may be objects of any class.
    The leaves at the positions `known` (integers and bools) are constants of the generated function. Of those at the
    positions `invented` only the types are given.
    """
    taken: set[str] = set(names)
    arguments: dict[str, Abstract] = {}
    flat: list[FlatLeaf] = []
    constants: list[tuple[int, bool | int]] = []
    shapes: dict[str, tuple[int, ...]] = {}
    elements: dict[str, np.ndarray] = {}
    integers: dict[str, int] = {}
    position = 0
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        leaf_values, _ = flatten(value)
        whole = paths(value)
        taken -= {name} if () in whole else set()
        found: list[FlatLeaf | Any] = []
        for leaf, flat_name, place in zip(
            leaf_values, leaf_names(name, whole, taken), places(value, name), strict=True
        ):
            if is_static(leaf) or (at < fixed and not isinstance(leaf, _NUMBERS)):
                found.append(Constant(leaf))
            elif position in known:
                constants.append((position, python_integer(leaf)))
                found.append(Constant(python_integer(leaf)))
            else:
                differentiated = position in active
                kind = leaf_type(leaf, flat_name, place, differentiated)
                zero_d = isinstance(leaf, np.ndarray) and leaf.ndim == 0
                flat.append(FlatLeaf(position, flat_name, place, kind, differentiated, zero_d))
                found.append(Leaf(Var(flat_name), kind))
                if isinstance(leaf, np.ndarray) and position not in invented:
                    shapes[flat_name] = leaf.shape
                    if leaf.dtype.kind in "iu" and 0 < leaf.size <= _MOST_ELEMENTS:
                        elements[flat_name] = leaf.copy()
                elif isinstance(leaf, int) and not isinstance(leaf, bool) and position not in invented:
                    integers[flat_name] = leaf
            position += 1
        rest = iter(found)
        arguments[name] = _structure(value, rest, name)
        assert next(rest, None) is None, "the structure of an argument has fewer leaves than the argument"
    return AbstractArguments(
        arguments, tuple(flat), tuple(constants), shapes=shapes, elements=elements, integers=integers
    )


def python_integer(leaf: Any) -> bool | int:
    """A bool or integer of NumPy or of an enumeration as a Python bool or int."""
    return bool(leaf) if isinstance(leaf, bool | np.bool_) else int(leaf)


def _structure(value: Any, found: Iterator[Any], name: str) -> Abstract:
    """The structure of `value`; its leaves are taken from `found`, from left to right."""

    def each(items: Iterable[tuple[Any, Any]]) -> tuple[tuple[Any, Abstract], ...]:
        return tuple((key, _structure(item, found, name)) for key, item in items)

    value = read_as(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return Record(type(value), each(zip(value._fields, value, strict=True)))
    if isinstance(value, tuple | list):
        kind = "list" if isinstance(value, list) else "tuple"
        return Seq(tuple(_structure(item, found, name) for item in value), kind)
    if isinstance(value, dict):
        return Mapping(each(value.items()))
    if is_object(value):
        return Record(type(value), each(attributes(value).items()))
    if not is_leaf(value):
        fail(
            "S302",
            f"{name} is, or has in it, a {type(value).__qualname__}, which srcad does not read",
            advice="use dict, list, tuple, namedtuple, dataclass or a class of your own.",
        )
    leaf: Abstract = next(found)
    return leaf
