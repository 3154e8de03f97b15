"""Lengths of arrays as expressions."""

from __future__ import annotations

from collections.abc import Callable

from srcad.analyses.regions import Regions
from srcad.ir.nodes import Const, Expr, Op, Var
from srcad.ir.types import Dim, Symbol


def length(d: Dim, regions: Regions) -> Expr | None:
    """A length in terms of what is known outside of loops; None where that does not say it."""
    return written(d, _asked) if _known(d, regions) else None


def linear(d: Dim, regions: Regions) -> Expr | None:
    """An integer in the same terms."""
    return _sum(d, _asked) if _known(d, regions) else None


def written(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
    """A length, never below zero, as an expression."""
    total = _sum(d, spelled)
    if isinstance(total, Const):
        return Const(max(d.const, 0))
    # `x[1:-1]` of one element has none, not -1
    return total if d.never_negative else Op("max", (total, Const(0)))


def _sum(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
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
    return total


def _known(d: Dim, regions: Regions) -> bool:
    homes = [regions.definitions.get(symbol.name) for symbol, _ in d.terms]
    return all(home is not None and not regions.loops(home.region) for home in homes)


def _asked(symbol: Symbol) -> Expr:
    known = Var(symbol.name)
    return known if symbol.axis is None else Op("shape", (known,), (("axis", symbol.axis),))
