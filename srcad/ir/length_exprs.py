"""Lengths of arrays, and sums of integers, as expressions."""

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


def plus(a: Expr, b: Expr | int) -> Expr:
    """The sum of two integers; their constants become one.

    >>> n, i = Var("n"), Var("i")
    >>> plus(Op("-", (n, Const(1))), 2) == Op("+", (n, Const(1)))
    True
    >>> plus(Const(0), i), plus(Op("+", (Const(1), i)), -1), plus(Const(2), -1)
    (Var(name='i'), Var(name='i'), Const(value=1))
    """
    match a, Const(b) if isinstance(b, int) else b:
        case _, Const(int(by)):
            return _offset(a, by)
        case Const(0), other:
            return other
        case Const(int(by)), (Op("+" | "-", (_, Const(int()))) | Op("+", (Const(int()), _))) as other:
            return _offset(other, by)
        case _, other:
            return Op("+", (a, other))


def minus(a: Expr, b: Expr | int) -> Expr:
    """The difference of two integers; their constants become one.

    >>> minus(Op("+", (Var("n"), Const(3))), 1) == Op("+", (Var("n"), Const(2)))
    True
    >>> minus(Var("n"), Var("n")), minus(Var("n"), Const(0))
    (Const(value=0), Var(name='n'))
    """
    match Const(b) if isinstance(b, int) else b:
        case Const(int(by)):
            return _offset(a, -by)
        case other:
            return Const(0) if a == other else Op("-", (a, other))


def _offset(a: Expr, by: int) -> Expr:
    match a:
        case Const(int(value)):
            return Const(value + by)
        case Op("+", (base, Const(int(value)))):
            return _offset(base, value + by)
        case Op("-", (base, Const(int(value)))):
            return _offset(base, by - value)
        case Op("+", (Const(int(value)), base)):
            return plus(Const(value + by), base)
    if by == 0:
        return a
    return Op("+", (a, Const(by))) if by > 0 else Op("-", (a, Const(-by)))
