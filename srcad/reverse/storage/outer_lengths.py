"""Array lengths in terms of names defined outside of loops, and simplified integer sums.

>>> from srcad.ir.nodes import Var
>>> from srcad.ir.printer import expr_text
>>> expr_text(minus(plus(Var("n"), 3), Const(1))), expr_text(plus(plus(Var("n"), 1), -1))
('n + 2', 'n')
"""

from __future__ import annotations

from srcad.ir.length_exprs import linear_expression, nonnegative_length, shape_query
from srcad.ir.nodes import Const, Expr, Op
from srcad.ir.regions import Regions
from srcad.ir.types import Dim


def length(d: Dim, regions: Regions) -> Expr | None:
    """A length in terms of names defined outside of loops; None where there is no such form."""
    return nonnegative_length(d, shape_query) if _is_defined_outside(d, regions) else None


def linear(d: Dim, regions: Regions) -> Expr | None:
    """An integer, in the same terms."""
    return linear_expression(d, shape_query) if _is_defined_outside(d, regions) else None


def _is_defined_outside(d: Dim, regions: Regions) -> bool:
    found = [regions.definitions.get(symbol.name) for symbol, _ in d.terms]
    return all(definition is not None and not regions.enclosing_loops(definition.region) for definition in found)


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
