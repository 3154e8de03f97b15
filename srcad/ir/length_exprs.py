"""Array lengths and other linear forms, and sums of integers, as expressions of the IR."""

from __future__ import annotations

from collections.abc import Callable

from srcad.ir.linear import LinearForm, U
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


def linear_expression(form: LinearForm[U], spelled: Callable[[U], Expr]) -> Expr:
    """A linear form as an expression, negative terms last; `spelled` gives the expression of an unknown.

    >>> from srcad.ir.printer import expr_text
    >>> n, m = LinearForm.unknown("n"), LinearForm.unknown("m")
    >>> expr_text(linear_expression(n * 2 - m + 3, Var)), expr_text(linear_expression(n - n, Var))
    ('((2 * n) - m) + 3', '0')
    """
    total: Expr | None = None
    for unknown, coefficient in sorted(form.terms, key=lambda term: term[1] < 0):
        term = spelled(unknown)
        if abs(coefficient) != 1:
            term = Op("*", (Const(abs(coefficient)), term))
        if total is None:
            total = term if coefficient > 0 else Op("neg", (term,))
        else:
            total = Op("+" if coefficient > 0 else "-", (total, term))
    return Const(form.const) if total is None else plus(total, form.const)


def shape_query(symbol: Symbol) -> Expr:
    """The expression that reads a symbol: the name of an integer, or the shape of an array."""
    known = Var(symbol.name)
    return known if symbol.axis is None else Op("shape", (known,), (("axis", symbol.axis),))


def plus(a: Expr, b: Expr | int) -> Expr:
    """The sum of two integers, constants folded.

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
    """The difference of two integers, constants folded.

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
