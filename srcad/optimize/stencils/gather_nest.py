"""Gather loop nests with peeled borders: one statement adds up all shifted terms of an element.

In the interior of the array every term exists, and one statement adds them up; at the borders some are missing. The
border iterations of the innermost loop are peeled, one statement an element; along the outer loops, and where an array
is too short to have an interior, every term has a loop of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.loops.parallel_loops import affine_indices
from srcad.ir.length_exprs import plus
from srcad.ir.nodes import Block, Const, Expr, For, If, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import names, replace_names


@dataclass(frozen=True)
class LoopLevel:
    """One loop of a box, with step 1."""

    index: str
    start: int
    stop: Expr


@dataclass(frozen=True)
class ConstantFill:
    """Every element at the index `place`, over the box, is set to a constant."""

    levels: tuple[LoopLevel, ...]
    array: str
    place: tuple[Expr, ...]
    value: Const
    also: frozenset[str] = frozenset()
    """Other names that may alias the array there."""
    unless: Op | None = None
    """A condition under which the fill is not done."""

    @property
    def when(self) -> Expr:
        assert self.unless is not None
        return replace(self.unless, prim="!=")

    def names(self) -> frozenset[str]:
        return frozenset({self.array})

    def covers(self, gather: Gather) -> bool:
        """Whether it fills exactly the elements of the box that the gather adds to, whatever the indices are called."""
        if len(self.levels) != len(gather.levels):
            return False
        named = {a.index: Var(b.index) for a, b in zip(self.levels, gather.levels, strict=True)}
        place = tuple(replace_names(item, named) for item in self.place)
        box = tuple(replace(a, index=b.index) for a, b in zip(self.levels, gather.levels, strict=True))
        return box == gather.levels and place == gather.place

    def block(self) -> Block:
        stmt: Stmt = Store(Var(self.array), self.place, self.value)
        for level in reversed(self.levels):
            stmt = _loop(level, Const(level.start), level.stop, (stmt,))
        return (stmt,)


@dataclass(frozen=True)
class ShiftedTerm:
    """What the iteration `shifts` earlier adds to an element, its value in terms of the indices of that element."""

    shifts: tuple[int, ...]
    op: str
    value: Expr


@dataclass(frozen=True)
class Gather:
    """`array[place] += value` for every term, each over the box translated by its shifts."""

    levels: tuple[LoopLevel, ...]
    array: str
    place: tuple[Expr, ...]
    terms: tuple[ShiftedTerm, ...]
    fill: ConstantFill | None = None
    """A fill before, over the untranslated box."""

    def names(self) -> frozenset[str]:
        return frozenset({self.array}).union(*(names(term.value) for term in self.terms))

    def invariant_names(self) -> frozenset[str]:
        """The names in bounds and indices, except the loop indices."""
        exprs = (*(level.stop for level in self.levels), *self.place)
        indices = {level.index for level in self.levels}
        return frozenset().union(*map(names, exprs)) - indices

    def block(self) -> Block:
        """The loops.

        >>> from srcad.ir.notation import show
        >>> d_v = Op("index", (Var("d_v"), Var("i")))
        >>> before = Op("index", (Var("d_v"), Op("-", (Var("i"), Const(1)))))
        >>> level = LoopLevel("i", 1, Op("-", (Var("n"), Const(1))))
        >>> terms = (ShiftedTerm((0,), "+", d_v), ShiftedTerm((1,), "-", before))
        >>> print(show(Gather((level,), "d_u", (Var("i"),), terms).block()))
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
        """
        *outer, (last, (least, most)) = zip(self.levels, self._shift_range(), strict=True)
        tests: list[tuple[Expr, Expr]] = []  # conditions of the interior, and their negations
        if least < most:
            first, end = Const(last.start + most), plus(last.stop, least)
            tests.append((Op("<", (first, end)), Op("<=", (end, first))))
        if self.fill is not None and self.fill.unless is not None:
            tests.append((self.fill.when, self.fill.unless))
        interior, separate = tuple(self._interior()), tuple(self._separate_loops())
        if all(least == most for _, (least, most) in outer):
            return _nest(outer, (If(_connected("and", [yes for yes, _ in tests]), interior, separate),))
        # a nest of its own for the interior: LLVM hoists the run-time alias checks out of the outer loop
        for level, (least, most) in reversed(outer):
            interior = (_loop(level, Const(level.start + most), plus(level.stop, least), interior),)
        if tests:
            interior = (If(_connected("and", [yes for yes, _ in tests]), interior, ()),)
        border = [no for _, no in tests]
        for level, (least, most) in outer:
            if least < most:
                border.append(Op("<", (Var(level.index), Const(level.start + most))))
                border.append(Op("<=", (plus(level.stop, least), Var(level.index))))
        return (*interior, *_nest(outer, (If(_connected("or", border), separate, ()),)))

    def _shift_range(self) -> list[tuple[int, int]]:
        """The least and the greatest shift at each level."""
        moves = [term.shifts for term in self.terms] + ([(0,) * len(self.levels)] if self.fill else [])
        return [(min(column), max(column)) for column in zip(*moves, strict=True)]

    def _interior(self) -> Iterator[Stmt]:
        last, (least, most) = self.levels[-1], self._shift_range()[-1]
        for by in range(least, most):
            terms = [t for t in self.terms if t.shifts[-1] <= by]
            yield from self._element(Const(last.start + by), terms, self.fill is not None and by >= 0)
        yield _loop(last, Const(last.start + most), plus(last.stop, least), (self._sum(self.terms, self.fill),))
        for by in range(least, most):
            terms = [t for t in self.terms if t.shifts[-1] > by]
            yield from self._element(plus(last.stop, by), terms, self.fill is not None and by < 0)

    def _element(self, position: Expr, terms: list[ShiftedTerm], filled: bool) -> Iterator[Stmt]:
        """One peeled element of the border."""
        at = {self.levels[-1].index: position}
        here = tuple(replace(term, value=shifted_expr(term.value, at)) for term in terms)
        if filled or here:
            index = tuple(shifted_expr(item, at) for item in self.place)
            yield replace(self._sum(here, self.fill if filled else None), index=index)

    def _sum(self, terms: Sequence[ShiftedTerm], fill: ConstantFill | None) -> Store:
        ordered = sorted(terms, key=lambda term: term.op)  # additions before subtractions
        op = ordered[0].op if ordered else "+"
        total: Expr | None = None
        if fill is not None and (fill.value != Const(0.0) or op == "-" or not ordered):
            total = fill.value
        for term in ordered:
            sign = "+" if op == "-" and fill is None else term.op
            total = term.value if total is None else Op(sign, (total, term.value))
        assert total is not None
        return Store(Var(self.array), self.place, total, op if fill is None else None)

    def _separate_loops(self) -> Iterator[Stmt]:
        """A loop for each term."""
        still = (0,) * len(self.levels)
        if self.fill is not None:
            when = self.fill.when if self.fill.unless is not None else None
            yield from self._guarded(Store(Var(self.array), self.place, self.fill.value), still, when)
        for term in self.terms:
            yield from self._guarded(Store(Var(self.array), self.place, term.value, term.op), term.shifts)

    def _guarded(self, store: Store, shifts: tuple[int, ...], when: Expr | None = None) -> Block:
        *outer, (last, by) = zip(self.levels, shifts, strict=True)
        loop = _loop(last, Const(last.start + by), plus(last.stop, by), (store,))
        tests: list[Expr] = [] if when is None else [when]
        for (level, shift), (least, most) in zip(outer, self._shift_range(), strict=False):
            if shift > least:
                tests.append(Op("<=", (Const(level.start + shift), Var(level.index))))
            if shift < most:
                tests.append(Op("<", (Var(level.index), plus(level.stop, shift))))
        return (If(_connected("and", tests), (loop,), ()),) if tests else (loop,)


def shifted_expr(expr: Expr, to: Mapping[str, Expr]) -> Expr:
    """The expression with indices replaced, and the constants that are added to them combined."""
    for name, base in to.items():
        by = affine_indices(expr, name)
        if by is not None:
            return plus(base, by)
    match expr:
        case Op(prim, args, static):
            return Op(prim, tuple(shifted_expr(arg, to) for arg in args), static)
        case Slice(lower, upper, step):
            return Slice(*(None if part is None else shifted_expr(part, to) for part in (lower, upper, step)))
    return expr


def _loop(level: LoopLevel, start: Expr, stop: Expr, body: Block) -> For:
    return For(level.index, start, stop, Const(1), body)


def _nest(levels: Sequence[tuple[LoopLevel, tuple[int, int]]], body: Block) -> Block:
    """Loops over the union of the translated boxes."""
    for level, (least, most) in reversed(levels):
        body = (_loop(level, Const(level.start + least), plus(level.stop, most), body),)
    return body


def _connected(op: str, tests: list[Expr]) -> Expr:
    total = tests[0]
    for test in tests[1:]:
        total = Op(op, (total, test))
    return total
