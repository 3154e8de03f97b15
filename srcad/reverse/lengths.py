"""Lengths of arrays as expressions."""

from __future__ import annotations

from srcad.analyses.regions import Regions
from srcad.ir.nodes import Const, Expr, Op, Var
from srcad.ir.types import Dim


def length(d: Dim, regions: Regions) -> Expr | None:
    """A length in terms of what is known outside of loops; None where that does not say it."""
    total = linear(d, regions)
    if total is None or d.never_negative:
        return total
    # `x[1:-1]` of one element has none, not -1
    return Const(max(d.const, 0)) if isinstance(total, Const) else Op("max", (total, Const(0)))


def linear(d: Dim, regions: Regions) -> Expr | None:
    """An integer in the same terms."""
    total: Expr = Const(0)
    for symbol, coefficient in d.terms:
        definition = regions.definitions.get(symbol.name)
        if definition is None or regions.loops(definition.region):
            return None
        known: Expr = Var(symbol.name)
        if symbol.axis is not None:
            known = Op("shape", (known,), (("axis", symbol.axis),))
        if coefficient != 1:
            known = Op("*", (Const(coefficient), known))
        total = known if total == Const(0) else Op("+", (total, known))
    if total == Const(0):
        return Const(d.const)
    if d.const:
        total = Op("+" if d.const > 0 else "-", (total, Const(abs(d.const))))
    return total
