"""Nested arguments: any nesting of dict, list, tuple, namedtuple and dataclass becomes a flat list of leaves.

Dictionaries keep their own order (a program may loop over them), so two dictionaries of the same keys in
another order are two structures.
"""

from __future__ import annotations

import dataclasses
import keyword
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import optree
from optree import PyTreeSpec

from srcad.errors import fail

_NAMESPACE = "srcad"
# Entered once for good: it concerns our namespace alone.
_in_order = optree.dict_insertion_ordered(True, namespace=_NAMESPACE)
_in_order.__enter__()
_known_dataclasses: set[type] = set()


def flatten(tree: object) -> tuple[list[Any], PyTreeSpec]:
    """The leaves from left to right, and the structure. `None` is a leaf.

    >>> flatten(({"W": [1.0, 2.0], "b": None}, 3))[0]
    [1.0, 2.0, None, 3]
    """
    leaves: list[Any]
    try:
        leaves, spec = optree.tree_flatten(tree, none_is_leaf=True, namespace=_NAMESPACE)  # type: ignore[arg-type]
    except RecursionError:
        fail("S302", "an argument is nested without end: a list or dict in it contains itself")
    for leaf in leaves:
        if hasattr(leaf, "__dataclass_fields__") and _register(type(leaf)):
            return flatten(tree)
    return leaves, spec


def is_leaf(value: object) -> bool:
    whole: Any = value
    return bool(optree.tree_is_leaf(whole, none_is_leaf=True, namespace=_NAMESPACE))


def unflatten(spec: PyTreeSpec, leaves: Iterable[Any]) -> Any:
    return optree.tree_unflatten(spec, leaves)


def paths(tree: object) -> list[tuple[object, ...]]:
    """Of each leaf the entries that lead to it: keys, positions and field names."""
    flatten(tree)  # registers what it meets
    accessors = optree.tree_accessors(tree, none_is_leaf=True, namespace=_NAMESPACE)  # type: ignore[arg-type]
    return [tuple(getattr(entry, "field", entry.entry) for entry in accessor) for accessor in accessors]


def places(tree: object, name: str) -> list[str]:
    """How a user would write each leaf of the argument `name`: `params["W"][0]`, `point.x`."""
    flatten(tree)
    accessors = optree.tree_accessors(tree, none_is_leaf=True, namespace=_NAMESPACE)  # type: ignore[arg-type]
    return [accessor.codify(name).replace("'", '"') for accessor in accessors]


def leaf_names(name: str, leaf_paths: Sequence[tuple[object, ...]], taken: set[str]) -> list[str]:
    """An identifier for each leaf of the argument `name`; `taken` grows by them.

    >>> leaf_names("params", [("W", 0), ("W", 1), ("b",)], set())
    ['params_W_0', 'params_W_1', 'params_b']
    """
    names = []
    for path in leaf_paths:
        parts = [re.sub(r"\W", "_", str(part)) for part in (name, *path)]
        wanted = "_".join(part for part in parts if part) or "leaf"
        if keyword.iskeyword(wanted):
            wanted += "_"
        found, count = wanted, 0
        while found in taken:
            count += 1
            found = f"{wanted}_{count}"
        taken.add(found)
        names.append(found)
    return names


def _register(cls: type) -> bool:
    """Make instances of a dataclass inner nodes; False if it is none."""
    if not dataclasses.is_dataclass(cls):
        return False
    if cls in _known_dataclasses:  # by another thread, since it was taken for a leaf
        return True
    fields = tuple(f.name for f in dataclasses.fields(cls))

    def take_apart(value: Any) -> tuple[tuple[Any, ...], tuple[str, ...], tuple[str, ...]]:
        return tuple(getattr(value, name) for name in fields), fields, fields

    def put_together(names: tuple[str, ...], children: Iterable[Any]) -> Any:
        # not through __init__: it may convert or check what a gradient need not satisfy
        made = object.__new__(cls)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(made, name, child)
        return made

    register: Any = optree.register_pytree_node
    with suppress(ValueError):  # another thread has just done so
        register(cls, take_apart, put_together, path_entry_type=optree.GetAttrEntry, namespace=_NAMESPACE)
    _known_dataclasses.add(cls)
    return True
