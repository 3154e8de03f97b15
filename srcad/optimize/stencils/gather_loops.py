"""The loops of gathers, with peeled borders: one statement adds up all shifted terms of an element.

In the interior of the array every term exists, and one statement adds them up; at the borders some are missing. The
border iterations of the innermost loop are peeled, one statement an element. Along the last of the outer loops a loop
over the border rows alone follows, in which every term has a loop of its own; so it is where an array is too short to
have an interior, whose rows are all border.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from srcad.ir.length_exprs import minus, plus
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, Block, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.types import Scalar, Type
from srcad.optimize.stencils.gather_nest import ConstantFill, Gather, LoopLevel, ShiftedTerm, loop_over, shifted_expr

_Range = tuple[LoopLevel, tuple[int, int]]
"""A loop of the box, with the least and the greatest shift along it."""


def gather_loops(gathers: Sequence[Gather], types: dict[str, Type]) -> Block:
    """The loops of gathers that may be joined (`Gather.may_join`); new names are entered into `types`.

    >>> from srcad.ir.notation import show
    >>> def element(name, *index):
    ...     return Op("index", (Var(name), *index))
    >>> i, j, before = Var("i"), Var("j"), Op("-", (Var("i"), Const(1)))
    >>> level = LoopLevel("i", 1, Op("-", (Var("n"), Const(1))))
    >>> terms = (ShiftedTerm((0,), "+", element("d_v", i)), ShiftedTerm((1,), "-", element("d_v", before)))
    >>> print(show(gather_loops([Gather((level,), "d_u", (i,), terms)], {})))
    if 2 < (n - 1):
        d_u[1] += d_v[1]
        for i in range(2, n - 1, 1):
            d_u[i] += d_v[i] - d_v[i - 1]
        d_u[n - 1] -= d_v[n - 2]
    else:
        for i in range(1, n - 1, 1):
            d_u[i] += d_v[i]
        for i in range(2, n, 1):
            d_u[i] -= d_v[i - 1]

    >>> terms = (ShiftedTerm((0, 0), "+", element("d_v", i, j)), ShiftedTerm((1, 0), "-", element("d_v", before, j)))
    >>> print(show(gather_loops([Gather((level, LoopLevel("j", 0, Var("m"))), "d_u", (i, j), terms)], {})))
    for i in range(2, n - 1, 1):
        for j in range(m):
            d_u[i, j] += d_v[i, j] - d_v[i - 1, j]
    edges = n - max(n - 3, 0)
    for edge in range(1, edges, 1):
        i = select(edge < 2, edge, edge + max(n - 3, 0))
        if i < (n - 1):
            for j in range(m):
                d_u[i, j] += d_v[i, j]
        if 2 <= i:
            for j in range(m):
                d_u[i, j] -= d_v[i - 1, j]
    """
    first = gathers[0]
    *outer, (last, (least, most)) = zip(first.levels, first.shift_ranges(), strict=True)
    tests: list[Expr] = []  # conditions of the interior
    if least < most:
        tests.append(Op("<", (Const(last.start + most), plus(last.stop, least))))
    if first.when is not None:
        tests.append(replace(first.when, prim="!="))
    interior = tuple(stmt for gather in gathers for stmt in _interior(gather))
    separate = tuple(stmt for gather in gathers for stmt in _separate_loops(gather))
    if all(_is_even(level) for level in outer):
        return _over_union(outer, (If(_all(tests), interior, separate),))
    # a nest of its own for the interior: LLVM hoists the run-time alias checks out of the outer loop
    nest = _over_interior(outer, interior)
    if tests:
        nest = (If(_all(tests), nest, ()),)
    return (*nest, *_over_border(outer, tests, separate, types))


def _is_even(level: _Range) -> bool:
    """Whether all terms have the same shift along the loop, so that it has no border."""
    _, (least, most) = level
    return least == most


def _over_interior(levels: Sequence[_Range], body: Block) -> Block:
    for level, (least, most) in reversed(levels):
        body = (loop_over(level, Const(level.start + most), plus(level.stop, least), body),)
    return body


def _over_union(levels: Sequence[_Range], body: Block) -> Block:
    """Loops over the union of the translated boxes."""
    for level, (least, most) in reversed(levels):
        body = (loop_over(level, Const(level.start + least), plus(level.stop, most), body),)
    return body


def _over_border(levels: Sequence[_Range], tests: list[Expr], body: Block, types: dict[str, Type]) -> Block:
    """Loops over the union without the interior, where all of `tests` hold; over all of the union elsewhere.

    The last loop with a border has its indices in two parts, before the interior and behind it.
    """
    cut = max(at for at, level in enumerate(levels) if not _is_even(level))
    for level, (least, most) in levels[:cut]:
        if least < most:
            here = Var(level.index)
            tests = [*tests, Op("<=", (Const(level.start + most), here)), Op("<", (here, plus(level.stop, least)))]
    level, (least, most) = levels[cut]
    begin, end = Const(level.start + most), plus(level.stop, least)
    inside: Expr = Op("max", (minus(end, level.start + most), Const(0)))
    if tests:
        inside = Op("select", (_all(tests), inside, Const(0)))
    edge, edges = (fresh_name(name, Scalar("int64"), types) for name in ("edge", "edges"))
    place = Op("select", (Op("<", (Var(edge), begin)), Var(edge), Op("+", (Var(edge), inside))))
    body = (Assign(level.index, place), *_over_union(levels[cut + 1 :], body))
    loop = For(edge, Const(level.start + least), Var(edges), Const(1), body)
    return _over_union(levels[:cut], (Assign(edges, Op("-", (plus(level.stop, most), inside))), loop))


def _interior(gather: Gather) -> Iterator[Stmt]:
    last, (least, most) = gather.levels[-1], gather.shift_ranges()[-1]
    fill = gather.fill
    for by in range(least, most):
        terms = [t for t in gather.terms if t.shifts[-1] <= by]
        yield from _element(gather, Const(last.start + by), terms, fill if by >= 0 else None)
    yield loop_over(last, Const(last.start + most), plus(last.stop, least), (_sum(gather, gather.terms, fill),))
    for by in range(least, most):
        terms = [t for t in gather.terms if t.shifts[-1] > by]
        yield from _element(gather, plus(last.stop, by), terms, fill if by < 0 else None)


def _element(gather: Gather, position: Expr, terms: list[ShiftedTerm], fill: ConstantFill | None) -> Iterator[Stmt]:
    """One peeled element of the border."""
    at = {gather.levels[-1].index: position}
    here = tuple(replace(term, value=shifted_expr(term.value, at)) for term in terms)
    if fill is not None or here:
        yield replace(_sum(gather, here, fill), index=tuple(shifted_expr(item, at) for item in gather.place))


def _sum(gather: Gather, terms: Sequence[ShiftedTerm], fill: ConstantFill | None) -> Store:
    ordered = sorted(terms, key=lambda term: term.op)  # additions before subtractions
    op = ordered[0].op if ordered else "+"
    total: Expr | None = None
    if fill is not None and (fill.value != Const(0.0) or op == "-" or not ordered):
        total = fill.value
    for term in ordered:
        sign = "+" if op == "-" and fill is None else term.op
        total = term.value if total is None else Op(sign, (total, term.value))
    assert total is not None
    return Store(Var(gather.array), gather.place, total, op if fill is None else None)


def _separate_loops(gather: Gather) -> Iterator[Stmt]:
    """A loop for each term."""
    still = (0,) * len(gather.levels)
    if gather.fill is not None:
        when = None if gather.when is None else replace(gather.when, prim="!=")
        yield from _guarded(gather, Store(Var(gather.array), gather.place, gather.fill.value), still, when)
    for term in gather.terms:
        yield from _guarded(gather, Store(Var(gather.array), gather.place, term.value, term.op), term.shifts)


def _guarded(gather: Gather, store: Store, shifts: tuple[int, ...], when: Expr | None = None) -> Block:
    *outer, (last, by) = zip(gather.levels, shifts, strict=True)
    loop = loop_over(last, Const(last.start + by), plus(last.stop, by), (store,))
    tests: list[Expr] = [] if when is None else [when]
    for (level, shift), (least, most) in zip(outer, gather.shift_ranges(), strict=False):
        if shift > least:
            tests.append(Op("<=", (Const(level.start + shift), Var(level.index))))
        if shift < most:
            tests.append(Op("<", (Var(level.index), plus(level.stop, shift))))
    return (If(_all(tests), (loop,), ()),) if tests else (loop,)


def _all(tests: list[Expr]) -> Expr:
    total = tests[0]
    for test in tests[1:]:
        total = Op("and", (total, test))
    return total
