"""Nests of two loops that run over a triangle: `for i in range(n): for j in range(i)`.

What is saved in each turn is packed row after row, as matrices of one triangle are in LAPACK: no place is wasted, and
along a row the places follow one another.
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.ir.length_exprs import minus, plus, shape_query
from srcad.ir.nodes import Const, Expr, For, Op, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Dim, Scalar, Symbol, Type
from srcad.reverse.storage.outer_lengths import linear


def packed_triangle(
    outer: Region, inner: Region, regions: Regions, types: Mapping[str, Type]
) -> tuple[Expr, Expr] | None:
    """(number of turns of both loops, number of the turn of both) where the inner count moves by one in each turn."""
    one, other = _counter(outer, types), _counter(inner, types)
    if one is None or other is None or inner.parent is not outer:
        return None
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    count = other.high - other.low
    by = next((c for symbol, c in count.terms if symbol.name == one.name), 0)
    first, last = count.with_value(one, one.low), count.with_value(one, one.high - 1)
    # a row of less than no turns would not be one of none
    if by not in (1, -1) or not ((first.is_nonnegative and by == 1) or (last.is_nonnegative and by == -1)):
        return None
    rows, start = linear(one.high - one.low, regions), linear(one.low, regions)
    length = linear(first, regions)
    if rows is None or start is None or length is None:
        return None
    row, place = minus(Var(one.name), start), _from(other)
    # the product of two integers that follow one another is never negative; other sizes might come out below 0
    consecutive = not first.terms and by == 1 and first.const in (0, 1)
    if not consecutive and not (one.high - one.low).is_nonnegative:
        rows = Op("max", (rows, Const(0)))
    before = _before(row, first, length, by)
    return _before(rows, first, length, by), place if before == Const(0) else Op("+", (before, place))


def _from(counter: Symbol) -> Expr:
    """The number of the turn of the inner loop: `j - i - 1` for a counter from i + 1."""
    assert counter.low is not None
    place: Expr = Var(counter.name)
    for symbol, by in counter.low.terms:
        term = shape_query(symbol) if abs(by) == 1 else Op("*", (Const(abs(by)), shape_query(symbol)))
        place = Op("-" if by > 0 else "+", (place, term))
    return plus(place, -counter.low.const)


def _before(row: Expr, first: Dim, length: Expr, by: int) -> Expr:
    """The turns before a row: `row` times the first, and one more or less for each row since."""
    if not first.terms and by == 1 and first.const in (0, 1):
        neighbour = plus(row, 1) if first.const else plus(row, -1)
        return Op("//", (Op("*", (row, neighbour)), Const(2)))
    triangle = Op("//", (Op("*", (row, plus(row, -1))), Const(2)))
    return Op("+" if by == 1 else "-", (Op("*", (row, length)), triangle))


def _counter(turn: Region, types: Mapping[str, Type]) -> Symbol | None:
    owner = turn.owner
    t = types[owner.index] if isinstance(owner, For) else None
    if not isinstance(t, Scalar) or t.dim is None or len(t.dim.terms) != 1:
        return None
    symbol = t.dim.terms[0][0]
    assert isinstance(owner, For)
    return symbol if symbol.name == owner.index else None
