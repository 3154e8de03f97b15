"""What must hold in a call for a specialisation to be right for it, beside the types of the arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.dispatch.argument_types import AbstractArguments
from srcad.dispatch.leaf_conversion import leaf_type_key
from srcad.dispatch.pytree import flatten
from srcad.frontend.lowering.lower import Guard, Lowered
from srcad.frontend.values.context import Captured
from srcad.ir.types import Symbol

_Size = tuple[int, int | None]
"""Where a length is: the number of a flat argument, and its axis; None for an integer."""


@dataclass(frozen=True)
class CallGuards:
    """Constant arguments, outer constants, types of captured variables, lengths, integers in arrays."""

    known: tuple[tuple[int, object], ...]
    """The arguments that are constants, by position."""
    outer: tuple[Guard, ...]
    captures: tuple[Captured, ...]
    capture_keys: tuple[object, ...]
    lengths: tuple[tuple[_Size, int, tuple[tuple[int, _Size], ...]], ...]
    """Each is a constant plus a sum of others with their coefficients."""
    elements: tuple[tuple[int, Any], ...]
    """Arrays of integers, by the number of the flat argument, and what is in them."""
    positions: tuple[int, ...]
    """Of the leaves that are the first flat arguments."""

    @staticmethod
    def of(
        lowered: Lowered, arguments: AbstractArguments, names: Sequence[str], positions: Sequence[int]
    ) -> CallGuards:
        """The guards of a function with these flat arguments, for the captured variables as they are now."""

        def size(symbol: Symbol) -> _Size:
            return names.index(symbol.name), symbol.axis

        known = tuple(((names.index(name), axis), length, ()) for name, axis, length in lowered.lengths)
        fitted = tuple((size(s), d.const, tuple((c, size(term)) for term, c in d.terms)) for s, d in lowered.fitted)
        return CallGuards(
            tuple(arguments.known),
            lowered.guards,
            lowered.captures,
            _types(lowered.captures),
            known + fitted,
            tuple((names.index(name), values) for name, values in lowered.elements),
            tuple(positions),
        )

    def hold(self, leaves: Sequence[Any]) -> bool:
        for position, value in self.known:
            if leaves[position] != value:
                return False
        for guard in self.outer:
            now = guard.read()
            if now is not guard.value and not _equal(now, guard.value):
                return False
        if self.captures and _types(self.captures) != self.capture_keys:
            return False
        return not (self.lengths or self.elements) or self._arrays_fit(leaves)

    def _arrays_fit(self, leaves: Sequence[Any]) -> bool:
        flat = [leaves[at] for at in self.positions]
        for captured in self.captures:
            flat += captured.leaves()

        def read(size: _Size) -> int:
            at, axis = size
            return int(flat[at] if axis is None else flat[at].shape[axis])

        fit = all(read(one) == const + sum(c * read(term) for c, term in terms) for one, const, terms in self.lengths)
        return fit and all(np.array_equal(flat[at], values) for at, values in self.elements)


def _types(captures: Sequence[Captured]) -> tuple[object, ...]:
    keys: list[object] = []
    for captured in captures:
        leaves, spec = flatten(captured.read())
        keys.append((spec, *map(leaf_type_key, leaves)))
    return tuple(keys)


def _equal(now: object, before: object) -> bool:
    try:
        return type(now) is type(before) and bool(now == before)
    except Exception:  # a comparison defined by the user may raise anything
        return False
