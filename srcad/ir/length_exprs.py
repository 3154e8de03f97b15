"""Array lengths (linear forms over symbols) as expressions of the IR."""

from __future__ import annotations

from collections.abc import Callable

from srcad.ir.nodes import Const, Expr, Op, Var
from srcad.ir.types import Dim, Symbol


def nonnegative_length(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
    """A length, never negative, as an expression.

    >>> from srcad.ir.printer import expr_text
    >>> from srcad.ir.types import dim
    >>> n = dim(Symbol("x", 0))
    >>> expr_text(nonnegative_length(n + 1, shape_query)), expr_text(nonnegative_length(n - 2, shape_query))
    ('shape(x, axis=0) + 1', 'max(shape(x, axis=0) - 2, 0)')
    """
    total = linear_expression(d, spelled)
    if isinstance(total, Const):
        return Const(max(d.const, 0))
    # `x[1:-1]` of one element has length 0, not -1
    return total if d.is_nonnegative else Op("max", (total, Const(0)))


def linear_expression(d: Dim, spelled: Callable[[Symbol], Expr]) -> Expr:
    """A linear form as an expression; `spelled` gives the expression of a symbol."""
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
    """The expression that reads a symbol: the name of an integer, or the shape of an array."""
    known = Var(symbol.name)
    return known if symbol.axis is None else Op("shape", (known,), (("axis", symbol.axis),))
