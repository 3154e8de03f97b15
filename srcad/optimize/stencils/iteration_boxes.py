"""Loop distribution of shifted additions: nests over one box of indices, and the scatters in them as gathers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.loops.parallel_loops import MayAlias, affine_indices, is_reduction_array, memory_reads
from srcad.analysis.values.duplication_cost import is_cheap_to_duplicate, is_short_loop
from srcad.analysis.values.effects import is_pure
from srcad.ir.length_exprs import plus
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.traversal import children, names, ops, own_exprs, own_stores, own_writes, replace_names, walk
from srcad.ir.types import FLOATS, Array, Scalar, Type
from srcad.optimize.stencils.gather_nest import ConstantFill, Gather, LoopLevel, ShiftedTerm, shifted_expr

_MAX_SHIFT_SPREAD = 8
"""The greatest distance between shifts of the innermost loop: as many elements are peeled at each end."""
_MAX_ROWS = 8
"""The most rows that a vector loop may read: LLVM emits an alias check for each with the stored one."""
_MAX_TERMS = 40


@dataclass(frozen=True)
class IterationBox:
    """Adjacent nests over the same indices."""

    loops: tuple[For, ...]
    levels: tuple[LoopLevel, ...]

    def statements(self) -> Iterator[tuple[For, Stmt]]:
        """The statements of an iteration, with their innermost loops, in order."""
        return ((loop, s) for loop in _innermost(self.loops) for s in loop.body)

    def bodies(self) -> list[Block]:
        """The innermost blocks, in order."""
        return [loop.body for loop in _innermost(self.loops)]

    @property
    def has_branches(self) -> bool:
        return any(isinstance(s, If) for _, s in self.statements())


def iteration_box(loop: Stmt, types: Mapping[str, Type]) -> IterationBox | None:
    """The box of one nest; None where the loop is no nest over a box with scalar definitions, stores and branches."""
    levels: list[LoopLevel] = []
    row: tuple[Stmt, ...] = (loop,)
    while any(isinstance(s, For) for s in row):
        loops = [s for s in row if isinstance(s, For)]
        first = loops[0]
        if len(loops) < len(row):
            return None
        if any(_header(other) != _header(first) for other in loops):
            return None
        if first.carried or first.exit is not None or first.step != Const(1):
            return None
        if not isinstance(first.start, Const) or not isinstance(first.start.value, int):
            return None
        levels.append(LoopLevel(first.index, first.start.value, first.stop))
        row = tuple(s for other in loops for s in other.body)
    indices = [level.index for level in levels]
    written = Counter(n for s in walk(row) for n in own_writes(s))
    simple = all(isinstance(s, Assign | AugAssign | Store) or _is_branch(s) for s in walk(row))
    if not levels or not simple or len(set(indices)) < len(indices) or written.keys() & set(indices):
        return None
    if not all(isinstance(types.get(n), Scalar) for n in written):
        return None
    for level in levels:
        if not is_pure(level.stop) or memory_reads(level.stop, types) or names(level.stop) & {*indices, *written}:
            return None
    assert isinstance(loop, For)
    return IterationBox((loop,), tuple(levels))


def _is_branch(stmt: Stmt) -> bool:
    return isinstance(stmt, If) and not stmt.joins and is_pure(stmt.cond)


def fused_nests(
    a: IterationBox, b: IterationBox, types: Mapping[str, Type], may_alias: MayAlias
) -> IterationBox | None:
    """Both as one box, where nothing else may access the arrays that either adds to. A fill ends a box."""
    filled = any(isinstance(s, Store) and not _added(s) and isinstance(s.value, Const) for _, s in a.statements())
    if a.levels != b.levels or a.has_branches or b.has_branches or filled:
        return None
    for one, other in ((a, b), (b, a)):
        reduced = {name for _, s in one.statements() for name in _added(s)}
        used = {n for _, s in other.statements() for e in _read(s) for n in memory_reads(e, types)}
        used |= {n for _, s in other.statements() if not _added(s) for n in own_stores(s)}
        if any(may_alias(x, y) for x in reduced for y in used):
            return None
    return IterationBox(a.loops + b.loops, a.levels)


def extract_gathers(
    found: IterationBox, types: Mapping[str, Type], may_alias: MayAlias
) -> tuple[list[Gather], Block, list[Gather]]:
    """The profitable gathers, the loops without their additions, and the gathers of what these loops compute.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> types = {"d_u": Array("float64", (dim(99),)), "d_v": Array("float64", (dim(99),)), "n": Scalar("int64")}
    >>> types["i"] = Scalar("int64")
    >>> (loop,) = parse('''
    ... for i in range(1, n):
    ...     d_u[i - 1] += d_v[i]
    ...     d_u[i] -= d_v[i]
    ...     d_v[i] = 0.0
    ... ''')
    >>> (gather,), rest, _ = extract_gathers(iteration_box(loop, types), types, str.__eq__)
    >>> gather.array, gather.place, [(term.shifts, term.op) for term in gather.terms]
    ('d_u', (Var(name='i'),), [((-1,), '+'), ((0,), '-')])
    >>> print(show(rest))
    for i in range(1, n, 1):
        d_v[i] = 0.0

    >>> types["t"] = types["d_v"]
    >>> (loop,) = parse('''
    ... for i in range(1, n):
    ...     t[i] = 3.0 * d_v[i]
    ...     d_u[i - 1] += t[i]
    ...     d_u[i] -= t[i]
    ... ''')
    >>> [], rest, (gather,) = extract_gathers(iteration_box(loop, types), types, str.__eq__)
    >>> print(show(rest))
    for i in range(1, n, 1):
        t[i] = 3.0 * d_v[i]
    """
    if found.has_branches:
        return [], found.loops, []
    work = _TermExtraction(found, types, may_alias)
    groups: dict[tuple[str, tuple[Expr, ...]], list[tuple[Stmt, ShiftedTerm, _When]]] = {}
    for at, (_, stmt) in enumerate(work.statements):
        term = work.term(at, stmt)
        if term is not None:
            assert isinstance(stmt, Store) and isinstance(stmt.base, Var)
            place, moved, when = term
            groups.setdefault((stmt.base.name, place), []).append((stmt, moved, when))
    first: list[Gather] = []
    last: list[Gather] = []
    removed: set[int] = set()
    for (array, place), terms in groups.items():
        gather = Gather(found.levels, array, place, tuple(term for _, term, _ in terms))
        if not _is_profitable(gather):
            continue
        if all(when.before for *_, when in terms):
            first.append(gather)
        elif all(when.after for *_, when in terms):
            last.append(gather)
        else:
            continue
        removed |= {id(stmt) for stmt, *_ in terms}
    # the box reads nothing that it adds to, by whatever name (`is_reduction_array`)
    return _apart(first), _without(found.loops, lambda s: id(s) in removed), _apart(last)


def _apart(gathers: list[Gather]) -> list[Gather]:
    arrays = frozenset(gather.array for gather in gathers)
    return [replace(gather, apart=arrays - {gather.array}) for gather in gathers]


@dataclass(frozen=True)
class _When:
    """Whether a value is the same before the whole box, and after all of it."""

    before: bool = True
    after: bool = True

    def __and__(self, other: _When) -> _When:
        return _When(self.before and other.before, self.after and other.after)


def constant_fills(block: Block, types: Mapping[str, Type]) -> list[ConstantFill] | None:
    """The fills with constants, where the block does nothing else; None otherwise."""
    found: list[ConstantFill] = []
    for loop in block:
        over = iteration_box(loop, types)
        if over is None:
            return None
        for _, stmt in over.statements():
            match stmt:
                case Store(Var(array), index, Const(float()) as value, None) if array not in {f.array for f in found}:
                    if shifts_of(index, over.levels, types) != ((0,) * len(over.levels), index):
                        return None
                    found.append(ConstantFill(over.levels, array, index, value))
                case _:
                    return None
    return found


class _TermExtraction:
    def __init__(self, found: IterationBox, types: Mapping[str, Type], may_alias: MayAlias) -> None:
        self.levels = found.levels
        self.types = types
        self.may_alias = may_alias
        self.statements = list(found.statements())
        self.body: Block = tuple(s for _, s in self.statements)
        self.written = Counter(n for s in self.body for n in own_writes(s))
        self.is_reduction: dict[str, bool] = {}

    def term(self, at: int, stmt: Stmt) -> tuple[tuple[Expr, ...], ShiftedTerm, _When] | None:
        """The index without shifts, the term that the statement adds there, and when; None where it cannot be moved."""
        if not isinstance(stmt, Store) or stmt.op not in ("+", "-") or not isinstance(stmt.base, Var):
            return None
        array = stmt.base.name
        kind = self.types.get(array)
        if not isinstance(kind, Array) or kind.dtype not in FLOATS or kind.rank != len(stmt.index):
            return None
        found = shifts_of(stmt.index, self.levels, self.types)
        if found is None or self.levels[-1].index not in {n for item in stmt.index for n in names(item)}:
            return None
        if array not in self.is_reduction:
            self.is_reduction[array] = is_reduction_array(array, self.body, self.types, self.may_alias)
        if not self.is_reduction[array] or any(names(item) & self.written.keys() for item in stmt.index):
            return None
        found_value = self._value(at, stmt.value)
        if found_value is None:
            return None
        value, when = found_value
        shifts, place = found
        back = {level.index: plus(Var(level.index), -by) for level, by in zip(self.levels, shifts, strict=True) if by}
        return place, ShiftedTerm(shifts, stmt.op, shifted_expr(value, back)), when

    def _value(self, at: int, value: Expr) -> tuple[Expr, _When] | None:
        """The value with scalars of the iteration substituted; None where it would differ outside of the box."""
        loop = self.statements[at][0]
        when = self._available(value, at)
        for i in range(at - 1, -1, -1):
            around, definition = self.statements[i]
            if around is not loop or not set(own_writes(definition)) & names(value):
                continue
            if not isinstance(definition, Assign):
                return None  # an accumulator
            value = replace_names(value, {definition.target: definition.value})
            when &= self._available(definition.value, i)
        if (
            not (when.before or when.after)
            or not is_cheap_to_duplicate(value)
            or names(value) & self.written.keys()
            or not _is_scalar_expression(value, self.types)
        ):
            return None
        return value, when

    def _available(self, value: Expr, at: int) -> _When:
        """When the value may be read: no iteration stores to what it reads, except the same one, later or earlier."""
        found = _When()
        for element in ops(value):
            if element.prim != "index":
                continue
            array, *items = element.args
            if not isinstance(array, Var):
                return _When(False, False)
            kind = self.types.get(array.name)
            if not isinstance(kind, Array) or kind.rank != len(items):
                return _When(False, False)
            element_index = shifts_of(tuple(items), self.levels, self.types)
            is_private = element_index is not None and {n for e in element_index[1] for n in names(e)} >= {
                level.index for level in self.levels
            }
            for i, store in enumerate(self.body):
                if not isinstance(store, Store) or not isinstance(store.base, Var):
                    continue
                if self.may_alias(array.name, store.base.name):
                    same = is_private and store.base == array and store.index == tuple(items)
                    found &= _When(same and i > at, same and i < at)
        return found


def shifts_of(
    index: tuple[Expr, ...], levels: tuple[LoopLevel, ...], types: Mapping[str, Type]
) -> tuple[tuple[int, ...], tuple[Expr, ...]] | None:
    """The shift at each level, and the index without them: each level at most once, and no negative index."""
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


def _is_profitable(gather: Gather) -> bool:
    rows = {(op.args[0], op.args[1:-1]) for term in gather.terms for op in ops(term.value) if op.prim == "index"}
    return len(rows) <= _MAX_ROWS and is_short_stencil([term.shifts for term in gather.terms], gather.levels)


def is_short_stencil(shifts: Sequence[tuple[int, ...]], levels: tuple[LoopLevel, ...]) -> bool:
    """Whether there are several shifts, not far apart, and the innermost loop is worth it."""
    if len(set(shifts)) < 2 or len(shifts) > _MAX_TERMS:
        return False
    last = [by[-1] for by in shifts]
    inner = For("", Const(levels[-1].start), levels[-1].stop, Const(1), ())
    return max(last) - min(last) <= _MAX_SHIFT_SPREAD and not is_short_loop(inner)


def _without(block: Block, removed: Callable[[Stmt], bool]) -> Block:
    """The loops without some statements; loops that become empty are removed."""
    remaining: list[Stmt] = []
    for stmt in block:
        if isinstance(stmt, For):
            stmt = replace(stmt, body=_without(stmt.body, removed))
            if not stmt.body:
                continue
        if not removed(stmt):
            remaining.append(stmt)
    return tuple(remaining)


def _added(stmt: Stmt) -> tuple[str, ...]:
    """The array to an element of which the statement adds."""
    match stmt:
        case Store(Var(array), (_, *_), _, "+" | "-"):
            return (array,)
    return ()


def _read(stmt: Stmt) -> tuple[Expr, ...]:
    return (*stmt.index, stmt.value) if isinstance(stmt, Store) else own_exprs(stmt)


def _is_scalar_expression(expr: Expr, types: Mapping[str, Type]) -> bool:
    """Whether it consists of scalars and elements of arrays only."""
    match expr:
        case Op("index", (Var(), *items)):
            return all(_is_scalar_expression(item, types) for item in items)
        case Var(name):
            return isinstance(types.get(name), Scalar)
    return all(_is_scalar_expression(part, types) for part in children(expr))


def _innermost(loops: Iterable[Stmt]) -> Iterator[For]:
    for loop in loops:
        if isinstance(loop, For):
            if any(isinstance(s, For) for s in loop.body):
                yield from _innermost(loop.body)
            else:
                yield loop


def _header(loop: For) -> tuple[object, ...]:
    return loop.index, loop.start, loop.stop, loop.step, loop.carried, loop.exit
