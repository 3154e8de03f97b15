"""Lengths of arrays as expressions."""

from __future__ import annotations

from collections.abc import Callable

from srcad.analyses.regions import Regions
from srcad.ir.nodes import Const, Expr, Op, Var
from srcad.ir.types import Dim, Symbol


def length(d: Dim, regions: Regions) -> Expr | None:
    """A length in terms of what is known outside of loops; None where that does not say it."""
    for symbol, _ in d.terms:
        definition = regions.definitions.get(symbol.name)
        if definition is None or regions.loops(definition.region):
            return None
    return written(d, _asked)


def written(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
    """A length, never below zero, as an expression."""
    total: Expr = Const(0)
    for symbol, coefficient in d.terms:
        known = spelled(symbol)
        if coefficient != 1:
            known = Op("*", (Const(coefficient), known))
        total = known if total == Const(0) else Op("+", (total, known))
    if total == Const(0):
        return Const(d.const)
    if d.const:
        total = Op("+" if d.const > 0 else "-", (total, Const(abs(d.const))))
    # `x[1:-1]` of one element has none, not -1
    return total if d.never_negative else Op("max", (total, Const(0)))


def _asked(symbol: Symbol) -> Expr:
    known = Var(symbol.name)
    return known if symbol.axis is None else Op("shape", (known,), (("axis", symbol.axis),))
