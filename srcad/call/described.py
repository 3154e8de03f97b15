"""The arguments of one call, as lowering wants them: structures with typed leaves in place of values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srcad.call.leaves import is_static, leaf_type
from srcad.frontend.values import Abstract, Leaf, Mapping, Record, Seq, Static
from srcad.ir.nodes import Var
from srcad.ir.types import Type
from srcad.tree import flatten, leaf_names, paths, places


@dataclass(frozen=True)
class FlatLeaf:
    """One leaf that the generated function takes as a parameter of its own."""

    position: int
    """Among all leaves of the call, static ones included."""
    name: str
    place: str
    type: Type
    parameter: str
    differentiated: bool


@dataclass(frozen=True)
class Described:
    arguments: Dictionary[str, Abstract]
    leaves: tuple[FlatLeaf, ...]


def described(names: Sequence[str], values: Sequence[object], wrt: Sequence[str]) -> Described:
    """Structures and leaves of the values given for the parameters `names`; leaves of `wrt` are differentiated."""
    taken: set[str] = set(names)
    arguments: dict[str, Abstract] = {}
    flat: list[FlatLeaf] = []
    position = 0
    for name, value in zip(names, values, strict=True):
        leaf_values, _ = flatten(value)
        whole = paths(value)
        taken -= {name} if () in whole else set()
        found: list[FlatLeaf | Any] = []
        for leaf, flat_name, place in zip(
            leaf_values, leaf_names(name, whole, taken), places(value, name), strict=True
        ):
            if is_static(leaf):
                found.append(Static(leaf))
            else:
                active = name in wrt
                kind = leaf_type(leaf, flat_name, place, active)
                flat.append(FlatLeaf(position, flat_name, place, kind, name, active))
                found.append(Leaf(Var(flat_name), kind))
            position += 1
        arguments[name] = _structure(value, iter(found))
    return Described(arguments, tuple(flat))


def _structure(value: Any, found: Any) -> Abstract:
    """The structure of `value`; its leaves are taken from the iterator `found`, from left to right."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return Record(type(value), tuple((field, _structure(getattr(value, field), found)) for field in value._fields))
    if isinstance(value, tuple | list):
        return Seq(tuple(_structure(item, found) for item in value), "list" if isinstance(value, list) else "tuple")
    if isinstance(value, dict):
        return Mapping(tuple((key, _structure(item, found)) for key, item in value.items()))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value)]
        return Record(type(value), tuple((field, _structure(getattr(value, field), found)) for field in fields))
    leaf: Abstract = next(found)
    return leaf
