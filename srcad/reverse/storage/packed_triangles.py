"""Packed triangular iteration spaces, of nests of two loops: `for i in range(n): for j in range(i)`.

What is saved in each iteration is packed row after row, as matrices of one triangle are in LAPACK: no element is
unused, and those of a row are contiguous.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def iterate(s, n):
...     for i in range(n):
...         for j in range(i):
...             s = np.sin(s)
...     return s
>>> source = srcad.grad(iterate, argnums="s", target="python").source_for(1.0, 4)
>>> print(*(line for line in source.splitlines() if "s_saved" in line), sep="\\n")
keeps   s_saved  n * (n - 1) // 2 floats   read by line 4
    s_saved = np.empty(n * (n - 1) // 2)
            s_saved[i * (i - 1) // 2 + j] = s
            d_s = np.cos(s_saved[i * (i - 1) // 2 + j]) * d_s
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.shapes.outer_lengths import linear
from srcad.ir.length_exprs import minus, plus, shape_query
from srcad.ir.nodes import Const, Expr, For, Op, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Dim, Scalar, Symbol, Type


def packed_triangle(
    outer: Region, inner: Region, regions: Regions, types: Mapping[str, Type]
) -> tuple[Expr, Expr] | None:
    """(trip count, iteration number) of both loops together, where the inner trip count changes by one each time."""
    one, other = _index_symbol(outer, types), _index_symbol(inner, types)
    if one is None or other is None or inner.parent is not outer:
        return None
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    count = other.high - other.low
    by = next((c for symbol, c in count.terms if symbol.name == one.name), 0)
    first, last = count.with_value(one, one.low), count.with_value(one, one.high - 1)
    # a negative trip count of the inner loop would not count as zero
    if by not in (1, -1) or not ((first.is_nonnegative and by == 1) or (last.is_nonnegative and by == -1)):
        return None
    rows, start = linear(one.high - one.low, regions), linear(one.low, regions)
    length = linear(first, regions)
    if rows is None or start is None or length is None:
        return None
    row, column = minus(Var(one.name), start), _inner_number(other)
    # the product of two consecutive integers is never negative; other sizes might be
    consecutive = not first.terms and by == 1 and first.const in (0, 1)
    if not consecutive and not (one.high - one.low).is_nonnegative:
        rows = Op("max", (rows, Const(0)))
    before = _iterations_before(row, first, length, by)
    return _iterations_before(rows, first, length, by), column if before == Const(0) else Op("+", (before, column))


def _inner_number(counter: Symbol) -> Expr:
    """The iteration number of the inner loop: `j - i - 1` for an index from i + 1."""
    assert counter.low is not None
    column: Expr = Var(counter.name)
    for symbol, by in counter.low.terms:
        term = shape_query(symbol) if abs(by) == 1 else Op("*", (Const(abs(by)), shape_query(symbol)))
        column = Op("-" if by > 0 else "+", (column, term))
    return plus(column, -counter.low.const)


def _iterations_before(row: Expr, first: Dim, length: Expr, by: int) -> Expr:
    """The iterations before a row: `row` times those of the first, and one more or less for each row since."""
    if not first.terms and by == 1 and first.const in (0, 1):
        neighbour = plus(row, 1) if first.const else plus(row, -1)
        return Op("//", (Op("*", (row, neighbour)), Const(2)))
    triangle = Op("//", (Op("*", (row, plus(row, -1))), Const(2)))
    return Op("+" if by == 1 else "-", (Op("*", (row, length)), triangle))


def _index_symbol(loop: Region, types: Mapping[str, Type]) -> Symbol | None:
    owner = loop.owner
    t = types[owner.index] if isinstance(owner, For) else None
    if not isinstance(t, Scalar) or t.dim is None or len(t.dim.terms) != 1:
        return None
    symbol = t.dim.terms[0][0]
    assert isinstance(owner, For)
    return symbol if symbol.name == owner.index else None
