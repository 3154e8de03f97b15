"""What a text relies on of the types of its arguments, and no more: found by making it again for weaker types.

A specialisation is made for the types of one call: the memory layout of each array, and of each of its axes whether it
has one, up to 8 or more items. Most texts would be the same without. A file that leaves the house asks for what it
relies on, so what it does not rely on is taken away first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from srcad.compiler.pipeline import Generated
from srcad.dispatch.argument_types import AbstractArguments
from srcad.errors import SrcadError
from srcad.frontend.values.abstract_values import Abstract, Leaf, map_structure
from srcad.ir.types import Array, Dim, Symbol, Type, dim

_MANY = 64
"""Attempts at single arrays that are worth the time."""

Weaken = Callable[[Array, str], Array]


def weakened_arguments(
    made: Generated,
    arguments: AbstractArguments,
    make: Callable[[AbstractArguments], Generated],
    text: Callable[[Generated], str],
) -> Generated:
    """The function made for the weakest types that give the same `text`. `make` makes it for such types."""
    wanted = text(made)
    arrays = [leaf.name for leaf in arguments.leaves if isinstance(leaf.type, Array)]

    def attempt(steps: Iterable[tuple[Weaken, Iterable[str]]]) -> bool:
        """Whether the text is the same for weaker types; then they are what is known."""
        nonlocal made, arguments
        weaker = arguments
        for weaken, names in steps:
            weaker = _weakened(weaker, weaken, frozenset(names))
        if weaker.leaves == arguments.leaves:
            return True
        try:
            found = make(weaker)
        except SrcadError:
            return False
        if text(found) != wanted:
            return False
        made, arguments = found, weaker
        return True

    if attempt((weaken, arrays) for weaken in _WEAKER):
        return made
    for weaken in _WEAKER:
        if not attempt([(weaken, arrays)]) and 1 < len(arrays) <= _MANY // len(_WEAKER):
            for name in arrays:
                attempt([(weaken, [name])])
    return made


def _strided(known: Array, name: str) -> Array:
    return replace(known, layout="A")


def _short(known: Array, name: str) -> Array:
    return replace(known, dims=tuple(_each(known.dims, lambda s: replace(s, at_least_nine=False))))


def _perhaps_one(known: Array, name: str) -> Array:
    return replace(known, dims=tuple(_each(known.dims, lambda s: s if s.at_least_nine else replace(s, not_one=False))))


def _perhaps_more(known: Array, name: str) -> Array:
    return replace(known, dims=tuple(dim(Symbol(name, at)) if d.is_one else d for at, d in enumerate(known.dims)))


_WEAKER: tuple[Weaken, ...] = (_strided, _short, _perhaps_one, _perhaps_more)
"""In this order: what is not known to be long may be one."""


def _each(dims: Iterable[Dim], change: Callable[[Symbol], Symbol]) -> Iterator[Dim]:
    for d in dims:
        yield d.replaced(lambda symbol: dim(change(symbol)))


def _weakened(arguments: AbstractArguments, weaken: Weaken, names: frozenset[str]) -> AbstractArguments:
    types: dict[str, Type] = {
        leaf.name: weaken(leaf.type, leaf.name) if leaf.name in names and isinstance(leaf.type, Array) else leaf.type
        for leaf in arguments.leaves
    }
    position = {leaf.name: at for at, leaf in enumerate(arguments.leaves)}

    def change(value: Abstract) -> Abstract:
        if not isinstance(value, Leaf):
            return map_structure(value, change)
        name = getattr(value.atom, "name", None)
        return replace(value, type=types[name]) if name in position else value

    leaves = tuple(replace(leaf, type=types[leaf.name]) for leaf in arguments.leaves)
    return replace(arguments, arguments={k: change(v) for k, v in arguments.arguments.items()}, leaves=leaves)
