"""Nests of loops over one box of indices, and what in them adds to an array at shifted places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from srcad.analysis.loops.parallel_loops import MayAlias, affine_indices, is_reduction_array, memory_reads
from srcad.analysis.values.duplication_cost import is_cheap_to_duplicate, is_short_loop
from srcad.analysis.values.effects import is_pure
from srcad.ir.length_exprs import plus
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Const, Expr, For, Op, Stmt, Store, Var
from srcad.ir.traversal import children, names, ops, own_exprs, own_stores, own_writes, replace_names
from srcad.ir.types import FLOATS, Array, Scalar, Type
from srcad.optimize.stencils.gather_nest import ConstantFill, Gather, LoopLevel, ShiftedTerm, shifted_expr

_SPREAD = 8
"""So far may the terms of one row lie apart: as many statements write out each end of it."""
_ROWS = 8
"""From so many rows LLVM's vector loops read at most: it compares each with what is written."""
_TERMS = 40


@dataclass(frozen=True)
class IterationBox:
    """Nests over the same indices, one after the other."""

    loops: tuple[For, ...]
    levels: tuple[LoopLevel, ...]

    def turns(self) -> Iterator[tuple[For, Stmt]]:
        """What is done for each index: the innermost loops and their statements, in order."""
        return ((loop, s) for loop in _innermost(self.loops) for s in loop.body if not isinstance(s, Comment))


def iteration_box(loop: Stmt, types: Mapping[str, Type]) -> IterationBox | None:
    """The box of one nest; None where it is not of that kind."""
    levels: list[LoopLevel] = []
    row: tuple[Stmt, ...] = (loop,)
    while any(isinstance(s, For) for s in row):
        loops = [s for s in row if isinstance(s, For)]
        first = loops[0]
        if len(loops) < sum(not isinstance(s, Comment) for s in row):
            return None
        if any(_header(other) != _header(first) for other in loops):
            return None
        if first.carried or first.exit is not None or first.step != Const(1):
            return None
        if not isinstance(first.start, Const) or not isinstance(first.start.value, int):
            return None
        levels.append(LoopLevel(first.index, first.start.value, first.stop))
        row = tuple(s for other in loops for s in other.body)
    counters = [level.index for level in levels]
    written = Counter(n for s in row for n in own_writes(s))
    simple = all(isinstance(s, Assign | AugAssign | Store | Comment) for s in row)
    if not levels or not simple or len(set(counters)) < len(counters) or written.keys() & set(counters):
        return None
    if not all(isinstance(types.get(n), Scalar) for n in written):
        return None
    for level in levels:
        if not is_pure(level.stop) or memory_reads(level.stop, types) or names(level.stop) & {*counters, *written}:
            return None
    assert isinstance(loop, For)
    return IterationBox((loop,), tuple(levels))


def joined_nests(a: IterationBox, b: IterationBox, types: Mapping[str, Type], meet: MayAlias) -> IterationBox | None:
    """Both as one, where the first does nothing but add, and nothing else has to do with what either adds to."""
    if a.levels != b.levels or not all(isinstance(s, Assign) or _added(s) for _, s in a.turns()):
        return None
    for one, other in ((a, b), (b, a)):
        added = {name for _, s in one.turns() for name in _added(s)}
        used = {n for _, s in other.turns() for e in _read(s) for n in memory_reads(e, types)}
        used |= {n for _, s in other.turns() if not _added(s) for n in own_stores(s)}
        if any(meet(x, y) for x in added for y in used):
            return None
    return IterationBox(a.loops + b.loops, a.levels)


def extract_gathers(found: IterationBox, types: Mapping[str, Type], meet: MayAlias) -> tuple[list[Gather], Block]:
    """What can be gathered, and what remains."""
    work = _Parting(found, types, meet)
    groups: dict[tuple[str, tuple[Expr, ...]], list[tuple[Stmt, ShiftedTerm]]] = {}
    for at, (_, stmt) in enumerate(work.turns):
        term = work.term(at, stmt)
        if term is not None:
            assert isinstance(stmt, Store) and isinstance(stmt.base, Var)
            groups.setdefault((stmt.base.name, term[0]), []).append((stmt, term[1]))
    gathers: list[Gather] = []
    gone: set[int] = set()
    for (array, place), terms in groups.items():
        gather = Gather(found.levels, array, place, tuple(term for _, term in terms))
        if _pays(gather):
            gathers.append(gather)
            gone |= {id(stmt) for stmt, _ in terms}
    return gathers, _without(found.loops, lambda s: id(s) in gone)


def constant_fills(block: Block, types: Mapping[str, Type]) -> list[ConstantFill] | None:
    """The elements that are set to numbers, where the block does nothing else."""
    found: list[ConstantFill] = []
    for loop in block:
        over = iteration_box(loop, types) if not isinstance(loop, Comment) else None
        if over is None:
            return None
        for _, stmt in over.turns():
            match stmt:
                case Store(Var(array), index, Const(float()) as value, None) if array not in {f.array for f in found}:
                    if _levels(index, over.levels, types) != ((0,) * len(over.levels), index):
                        return None
                    found.append(ConstantFill(over.levels, array, index, value))
                case _:
                    return None
    return found


class _Parting:
    def __init__(self, found: IterationBox, types: Mapping[str, Type], meet: MayAlias) -> None:
        self.levels = found.levels
        self.types = types
        self.meet = meet
        self.turns = list(found.turns())
        self.body: Block = tuple(s for _, s in self.turns)
        self.written = Counter(n for s in self.body for n in own_writes(s))
        self.added: dict[str, bool] = {}

    def term(self, at: int, stmt: Stmt) -> tuple[tuple[Expr, ...], ShiftedTerm] | None:
        """Where the statement adds to, were it not for shifts, and what; None where it has to stay."""
        if not isinstance(stmt, Store) or stmt.op not in ("+", "-") or not isinstance(stmt.base, Var):
            return None
        array = stmt.base.name
        known = self.types.get(array)
        if not isinstance(known, Array) or known.dtype not in FLOATS or known.rank != len(stmt.index):
            return None
        found = _levels(stmt.index, self.levels, self.types)
        if found is None or self.levels[-1].index not in {n for item in stmt.index for n in names(item)}:
            return None
        if array not in self.added:
            self.added[array] = is_reduction_array(array, self.body, self.types, self.meet)
        if not self.added[array] or any(names(item) & self.written.keys() for item in stmt.index):
            return None
        value = self._value(at, stmt.value)
        if value is None:
            return None
        shifts, place = found
        back = {level.index: plus(Var(level.index), -by) for level, by in zip(self.levels, shifts, strict=True) if by}
        return place, ShiftedTerm(shifts, stmt.op, shifted_expr(value, back))

    def _value(self, at: int, value: Expr) -> Expr | None:
        """The value in terms of what does not change before it is read; None where there are none."""
        loop = self.turns[at][0]
        early = self._is_early(value, at)
        for i in range(at - 1, -1, -1):
            around, made = self.turns[i]
            if around is not loop or not set(own_writes(made)) & names(value):
                continue
            if not isinstance(made, Assign):
                return None  # a number that is added to
            value = replace_names(value, {made.target: made.value})
            early = early and self._is_early(made.value, i)
        if (
            not early
            or not is_cheap_to_duplicate(value)
            or names(value) & self.written.keys()
            or not _numbers(value, self.types)
        ):
            return None
        return value

    def _is_early(self, value: Expr, at: int) -> bool:
        """Whether what is read is before the whole box what it is in every turn: only this turn stores to it, later."""
        for element in ops(value):
            if element.prim != "index":
                continue
            array, *items = element.args
            if not isinstance(array, Var):
                return False
            known = self.types.get(array.name)
            if not isinstance(known, Array) or known.rank != len(items):
                return False
            own = _levels(tuple(items), self.levels, self.types)
            alone = own is not None and {n for e in own[1] for n in names(e)} >= {level.index for level in self.levels}
            for i, store in enumerate(self.body):
                if not isinstance(store, Store) or not isinstance(store.base, Var):
                    continue
                same = alone and i > at and store.base == array and store.index == tuple(items)
                if not same and self.meet(array.name, store.base.name):
                    return False
        return True


def _levels(
    index: tuple[Expr, ...], levels: tuple[LoopLevel, ...], types: Mapping[str, Type]
) -> tuple[tuple[int, ...], tuple[Expr, ...]] | None:
    """The shift of each level, and the index without them: each level once at most, and never counted from the end."""
    shifts = dict.fromkeys((level.index for level in levels), 0)
    place: list[Expr] = []
    used: list[str] = []
    for item in index:
        level = next((level for level in levels if affine_indices(item, level.index) is not None), None)
        if level is None:
            if names(item) & shifts.keys() or not all(isinstance(types.get(n), Scalar) for n in names(item)):
                return None
            place.append(item)
            continue
        by = affine_indices(item, level.index)
        assert by is not None
        if level.index in used or level.start + by < 0:
            return None
        used.append(level.index)
        shifts[level.index] = by
        place.append(Var(level.index))
    return tuple(shifts.values()), tuple(place)


def _pays(gather: Gather) -> bool:
    shifts = [term.shifts for term in gather.terms]
    if len(set(shifts)) < 2 or len(shifts) > _TERMS:
        return False
    last = [by[-1] for by in shifts]
    rows = {(op.args[0], op.args[1:-1]) for term in gather.terms for op in ops(term.value) if op.prim == "index"}
    inner = For("", Const(gather.levels[-1].start), gather.levels[-1].stop, Const(1), ())
    return max(last) - min(last) <= _SPREAD and len(rows) <= _ROWS and not is_short_loop(inner)


def _without(block: Block, gone: Callable[[Stmt], bool]) -> Block:
    """The loops without some statements and without comments, and then without those in which nothing is done."""
    kept: list[Stmt] = []
    for stmt in block:
        if isinstance(stmt, For):
            stmt = replace(stmt, body=_without(stmt.body, gone))
            if not stmt.body:
                continue
        if not isinstance(stmt, Comment) and not gone(stmt):
            kept.append(stmt)
    return tuple(kept)


def _added(stmt: Stmt) -> tuple[str, ...]:
    """The array that the statement adds to an element of."""
    match stmt:
        case Store(Var(array), (_, *_), _, "+" | "-"):
            return (array,)
    return ()


def _read(stmt: Stmt) -> tuple[Expr, ...]:
    return (*stmt.index, stmt.value) if isinstance(stmt, Store) else own_exprs(stmt)


def _numbers(expr: Expr, types: Mapping[str, Type]) -> bool:
    """Whether there are only numbers in it, and elements of arrays."""
    match expr:
        case Op("index", (Var(), *items)):
            return all(_numbers(item, types) for item in items)
        case Var(name):
            return isinstance(types.get(name), Scalar)
    return all(_numbers(part, types) for part in children(expr))


def _innermost(loops: Iterable[Stmt]) -> Iterator[For]:
    for loop in loops:
        if isinstance(loop, For):
            if any(isinstance(s, For) for s in loop.body):
                yield from _innermost(loop.body)
            else:
                yield loop


def _header(loop: For) -> tuple[object, ...]:
    return loop.index, loop.start, loop.stop, loop.step, loop.carried, loop.exit
