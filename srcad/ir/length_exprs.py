"""Lengths of arrays as expressions."""

from __future__ import annotations

from collections.abc import Callable

from srcad.ir.nodes import Const, Expr, Op, Var
from srcad.ir.types import Dim, Symbol


def nonnegative_length(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
    """A length, never below zero, as an expression."""
    total = linear_expression(d, spelled)
    if isinstance(total, Const):
        return Const(max(d.const, 0))
    # `x[1:-1]` of one element has none, not -1
    return total if d.is_nonnegative else Op("max", (total, Const(0)))


def linear_expression(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
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


def shape_query(symbol: Symbol) -> Expr:
    """A length is asked of its array."""
    known = Var(symbol.name)
    return known if symbol.axis is None else Op("shape", (known,), (("axis", symbol.axis),))
