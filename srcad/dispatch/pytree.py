"""Pytrees: flattening of nested dicts, lists, tuples, namedtuples and objects into a list of leaves, and back.

Of an object the attributes are its parts.

Dictionaries keep their insertion order (a program may loop over them), so two dictionaries with the same keys in
another order are different structures.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import optree
from optree import PyTreeSpec

from srcad.errors import fail
from srcad.frontend.values.user_classes import attributes, instance_of, is_user_class
from srcad.rules.libraries import read_as

_NAMESPACE = "srcad"
# entered once and never left: it affects this namespace only
_in_order = optree.dict_insertion_ordered(True, namespace=_NAMESPACE)
_in_order.__enter__()
_known_classes: set[type] = set()
_PLAIN = frozenset({np.ndarray, float, int, bool})
"""Classes of most leaves: no nodes, and read as they are."""


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
    if _PLAIN.issuperset(map(type, leaves)):
        return leaves, spec
    for leaf in leaves:
        if not isinstance(leaf, type) and _register(type(leaf)):
            return flatten(tree)
        if read_as(leaf) is not leaf:
            return flatten(unflatten(spec, map(read_as, leaves)))
    return leaves, spec


def is_leaf(value: object) -> bool:
    whole: Any = value
    return bool(optree.tree_is_leaf(whole, none_is_leaf=True, namespace=_NAMESPACE))


def with_copied_arrays(tree: Any) -> Any:
    """The structure with copies of its arrays, which may be written into.

    >>> x = np.zeros(2)
    >>> copy = with_copied_arrays({"x": x, "n": 3})
    >>> copy["x"] is x, copy
    (False, {'x': array([0., 0.]), 'n': 3})
    """
    leaves, spec = flatten(tree)
    return unflatten(spec, [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in leaves])


def leaves_like(spec: PyTreeSpec, tree: object) -> list[Any] | None:
    """The leaves in the order of `spec`; None for another structure. The order of keys in a dictionary does not count.

    >>> leaves_like(flatten({"a": 1.0, "b": 2.0})[1], {"b": "second", "a": "first"})
    ['first', 'second']
    """
    leaves, found = flatten(tree)
    if found == spec:
        return leaves
    whole: Any = tree
    try:
        parts: list[Any] = spec.flatten_up_to(whole)
    except (ValueError, TypeError):
        return None
    return parts if all(map(is_leaf, parts)) else None


def unflatten(spec: PyTreeSpec, leaves: Iterable[Any]) -> Any:
    return optree.tree_unflatten(spec, leaves)


def paths(tree: object) -> list[tuple[object, ...]]:
    """The path of each leaf: keys, positions and field names.

    >>> paths({"W": [1.0, 2.0]})
    [('W', 0), ('W', 1)]
    """
    accessors = flatten(tree)[1].accessors()
    return [tuple(getattr(entry, "field", entry.entry) for entry in accessor) for accessor in accessors]


def places(tree: object, name: str) -> list[str]:
    """Each leaf of the argument `name` in the user's notation.

    >>> places({"W": [1.0, 2.0]}, "params")
    ['params["W"][0]', 'params["W"][1]']
    """
    return [place.replace("'", '"') for place in places_of(flatten(tree)[1], name)]


def places_of(spec: PyTreeSpec, name: str) -> list[str]:
    """Each leaf of a structure as Python writes it, so that no two keys are written alike but those of one `repr`.

    >>> places_of(flatten({"W": [1.0, 2.0]})[1], "mean")
    ["mean['W'][0]", "mean['W'][1]"]
    """
    return [accessor.codify(name) for accessor in spec.accessors()]


def leaf_names(name: str, leaf_paths: Sequence[tuple[object, ...]], taken: set[str]) -> list[str]:
    """An identifier for each leaf of the argument `name`; they are added to `taken`.

    >>> leaf_names("params", [("W", 0), ("W", 1), ("b",)], set())
    ['params_W_0', 'params_W_1', 'params_b']
    """
    names = []
    for path in leaf_paths:
        wanted = "_".join(part for part in map(_word, (name, *path)) if part) or "leaf"
        if keyword.iskeyword(wanted):
            wanted += "_"
        found, count = wanted, 0
        while found in taken:
            count += 1
            found = f"{wanted}_{count}"
        taken.add(found)
        names.append(found)
    return names


def _word(key: object) -> str:
    """A key as part of an identifier, as Python reads identifiers: compatible characters are the same (NFKC).

    >>> _word("W"), _word("learning rate"), _word(("conv", 1)), _word("ﬁlter"), _word("x²")
    ('W', 'learning_rate', 'conv_1', 'filter', 'x2')
    """
    text = unicodedata.normalize("NFKC", str(key))
    return "_".join("".join(char if f"_{char}".isidentifier() else " " for char in text).split())


def _register(cls: type) -> bool:
    """Register a user's class as a node type; False for any other class."""
    if not is_user_class(cls):
        return False
    if cls in _known_classes:  # registered by another thread since it was seen as a leaf
        return True

    def flatten_instance(value: Any) -> tuple[tuple[Any, ...], tuple[str, ...], tuple[str, ...]]:
        found = attributes(value)
        return tuple(found.values()), tuple(found), tuple(found)

    def unflatten_instance(names: tuple[str, ...], children: Iterable[Any]) -> Any:
        return instance_of(cls, dict(zip(names, children, strict=True)))

    register: Any = optree.register_pytree_node
    with suppress(ValueError):  # another thread has just registered it
        register(cls, flatten_instance, unflatten_instance, path_entry_type=optree.GetAttrEntry, namespace=_NAMESPACE)
    _known_classes.add(cls)
    return True


def copied(tree: Any) -> Any:
    """The structure with copies of its arrays, in their layout.

    >>> x = np.ones(2)
    >>> copied((x, 3))[0] is x, copied((x, 3))[1]
    (False, 3)
    """
    leaves, spec = flatten(tree)
    return unflatten(spec, [np.array(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves])
