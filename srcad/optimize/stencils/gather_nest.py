"""Gathers: what is added to the elements of an array, as terms that each come from a shifted iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from srcad.analysis.loops.parallel_loops import affine_indices
from srcad.ir.length_exprs import plus
from srcad.ir.nodes import Block, Const, Expr, For, Op, Slice, Stmt, Store, Var
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
            stmt = loop_over(level, Const(level.start), level.stop, (stmt,))
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
    apart: frozenset[str] = frozenset()
    """Other arrays with gathers over this box, of which none reads what another adds to."""

    def names(self) -> frozenset[str]:
        return frozenset({self.array}).union(*(names(term.value) for term in self.terms))

    def invariant_names(self) -> frozenset[str]:
        """The names in bounds and indices, except the loop indices."""
        exprs = (*(level.stop for level in self.levels), *self.place)
        indices = {level.index for level in self.levels}
        return frozenset().union(*map(names, exprs)) - indices

    def shift_ranges(self) -> list[tuple[int, int]]:
        """The least and the greatest shift at each level."""
        moves = [term.shifts for term in self.terms] + ([(0,) * len(self.levels)] if self.fill else [])
        return [(min(column), max(column)) for column in zip(*moves, strict=True)]

    def may_join(self, other: Gather) -> bool:
        """Whether another gather may have the same loops."""
        same = (self.levels, self.shift_ranges(), self.when) == (other.levels, other.shift_ranges(), other.when)
        return same and other.array in self.apart and self.array in other.apart

    @property
    def when(self) -> Op | None:
        """A condition under which it assigns instead of adding; None where it always does the same."""
        return None if self.fill is None else self.fill.unless


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


def loop_over(level: LoopLevel, start: Expr, stop: Expr, body: Block) -> For:
    return For(level.index, start, stop, Const(1), body)
