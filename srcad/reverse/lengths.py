"""Lengths of arrays as expressions."""

from __future__ import annotations

from collections.abc import Callable

from srcad.analyses.regions import Regions
from srcad.ir.nodes import Const, Expr, Op, Var
from srcad.ir.types import Dim, Symbol


def length(d: Dim, regions: Regions) -> Expr | None:
    """A length in terms of what is known outside of loops; None where that does not say it."""
    return written(d, asked) if _known(d, regions) else None


def linear(d: Dim, regions: Regions) -> Expr | None:
    """An integer in the same terms."""
    return summed(d, asked) if _known(d, regions) else None


def written(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
    """A length, never below zero, as an expression."""
    total = summed(d, spelled)
    if isinstance(total, Const):
        return Const(max(d.const, 0))
    # `x[1:-1]` of one element has none, not -1
    return total if d.never_negative else Op("max", (total, Const(0)))


def summed(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
    """A linear form as an expression, its symbols as `spelled` says."""
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


def asked(symbol: Symbol) -> Expr:
    """A length is asked of its array."""
    known = Var(symbol.name)
    return known if symbol.axis is None else Op("shape", (known,), (("axis", symbol.axis),))


def minus(a: Expr, b: Expr) -> Expr:
    """a - b for integers, simplified."""
    match a, b:
        case _, Const(0):
            return a
        case Const(int() as x), Const(int() as y):
            return Const(x - y)
        case Op("-", (base, Const(int() as x))), Const(int() as y):
            return plus(base, -x - y)
        case Op("+", (base, Const(int() as x))), Const(int() as y):
            return plus(base, x - y)
        case _, Const(int() as y):
            return plus(a, -y)
        case _:
            return Op("-", (a, b))


def plus(a: Expr, by: int) -> Expr:
    """a + by for integers, simplified."""
    match a:
        case Const(int() as x):
            return Const(x + by)
        case Op("+", (base, Const(int() as x))):
            return plus(base, x + by)
        case Op("-", (base, Const(int() as x))):
            return plus(base, by - x)
    if by == 0:
        return a
    return Op("+", (a, Const(by))) if by > 0 else Op("-", (a, Const(-by)))
