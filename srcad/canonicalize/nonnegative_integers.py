"""Integers that are never negative: the types of those that range analysis proves so say it.

The compiler knows it of the counters it makes itself. In a text that is read, whoever wrote it, it has to be found
again: a position that a loop moves on by a row of a triangle, and another one moves back. Later passes, which have no
normal form, read it from the types. What is differentiated is left alone: the reversal asks for the forms of integers.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.integers.integer_facts import IntegerFacts
from srcad.analysis.integers.value_ranges import ValueRanges
from srcad.ir.nodes import Function, Var
from srcad.ir.types import Array, Dim, Scalar, counter


def mark_nonnegative_integers(f: Function) -> Function:
    """Integers that a loop changes, or that are computed from such a one, get the type of a counter.

    A form over lengths says more than that, and is kept; so is what a length is computed from.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def moved(x, n):
    ...     at, low, total = len(x), len(x), 0.0
    ...     for i in range(n):
    ...         for j in range(i):
    ...             at += 1
    ...             low -= 1
    ...         total += x[at - i - 1] * x[low - 1]
    ...     return total
    >>> f = mark_nonnegative_integers(normal_form(moved, np.ones(3), 2))
    >>> is_counter = {name: known.dim.is_index for name, known in f.types.items() if name.startswith(("at.", "low."))}
    >>> all(known == name.startswith("at.") for name, known in is_counter.items() if not name.endswith(".0"))
    True
    """
    walk = _Nonnegative(f)
    walk.walk()
    lengths = [length for known in f.types.values() if isinstance(known, Array) for length in known.dims]
    used = {symbol.name for length in lengths for symbol, _ in length.terms if symbol.axis is None}
    types = {
        name: replace(known, dim=counter(name))
        for name, known in f.types.items()
        if name in walk.names - used and isinstance(known, Scalar) and _says_less(known.dim)
    }
    return replace(f, types=f.types | types)


class _Nonnegative(IntegerFacts):
    def __init__(self, f: Function) -> None:
        super().__init__(f)
        self.names: set[str] = set()

    def defined(self, name: str, now: ValueRanges) -> None:
        if self.deciding and now.is_counter(name) and now.is_nonnegative(now.value(Var(name))):
            self.names.add(name)


def _says_less(value: Dim | None) -> bool:
    """Whether the form of an integer is one over integers of no known range."""
    return value is None or (not value.is_index and all(symbol.axis is None for symbol, _ in value.terms))
