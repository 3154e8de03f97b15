"""Legality and profitability of distributing one statement into an interchanged nest of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from srcad.analysis.integers.element_accesses import Access, LoopAccesses
from srcad.analysis.integers.element_dependence import (
    affine_index,
    index_bounds,
    is_int64,
    iteration_before,
    same_iteration,
)
from srcad.analysis.loops.parallel_loops import affine_indices
from srcad.analysis.memory.may_alias import MayAlias
from srcad.analysis.values.duplication_cost import operation_cost
from srcad.ir.length_exprs import plus
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Slice, Stmt, Store, Var
from srcad.ir.traversal import blocks, defined, names, ops, own_exprs, replace_names, walk
from srcad.ir.types import Array, Scalar, Type

_MAX_COST = 10
"""The most expensive definition that is recomputed in the statement's own nest."""
_DOUBLE = Scalar("float64")


@dataclass(frozen=True)
class PerfectNest:
    """Perfectly nested loops, except for definitions of scalars between them."""

    loops: tuple[For, ...]

    @property
    def body(self) -> Block:
        return self.loops[-1].body

    @property
    def indices(self) -> tuple[str, ...]:
        return tuple(loop.index for loop in self.loops)


@dataclass(frozen=True)
class DistributedStatement:
    """The distributed statement: it updates an element, or a scalar (`index` is empty) that is to be expanded."""

    target: str
    index: tuple[Expr, ...]
    value: Expr
    stmt: Store | AugAssign

    @property
    def is_reassociable_sum(self) -> bool:
        return self.stmt.free and self.stmt.op in ("+", "-")


class StatementDistribution:
    """The distribution of statement number `k` of the nest that is statement number `at` of a loop.

    >>> from srcad.analysis.memory.may_alias import may_alias
    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import dim
    >>> (loop,) = parse('''
    ... for j in range(n):
    ...     for k in range(n):
    ...         A[k, j] += x[k]
    ... ''')
    >>> types = {"A": Array("float64", (dim(9), dim(9))), "x": Array("float64", (dim(9),))}
    >>> types.update(dict.fromkeys("jkn", Scalar("int64")))
    >>> nest = PerfectNest((loop.body[0],))
    >>> distribution = StatementDistribution(loop, 0, nest, 0, types, may_alias((loop,), types), frozenset(), ())
    >>> distribution.is_profitable(), distribution.is_legal()
    (True, True)
    """

    def __init__(
        self,
        loop: For,
        at: int,
        nest: PerfectNest,
        k: int,
        types: dict[str, Type],
        shared: MayAlias,
        live: frozenset[str],
        facts: tuple[LinearForm[str], ...],
    ) -> None:
        self.loop, self.at, self.nest, self.k = loop, at, nest, k
        self.types = types
        self.live = live
        self.facts = facts
        self.assigned = defined((loop,))
        self.indices = frozenset((loop.index, *nest.indices))
        self.accesses = LoopAccesses(types, shared, self.assigned)
        self.rest = self._without()

    def _without(self) -> For:
        """The loop without the statement."""
        *outer, last = self.nest.loops
        new = replace(last, body=(*last.body[: self.k], *last.body[self.k + 1 :]))
        for around in reversed(outer):
            new = replace(around, body=tuple(new if isinstance(s, For) else s for s in around.body))
        return replace(self.loop, body=(*self.loop.body[: self.at], new, *self.loop.body[self.at + 1 :]))

    # ---- the statement by itself -------------------------------------------------------------

    @cached_property
    def statement(self) -> DistributedStatement | None:
        """The statement, with the scalars of its iteration substituted."""
        stmt = self.nest.body[self.k]
        if not isinstance(stmt, Store | AugAssign) or len(self.indices) <= len(self.nest.loops):
            return None
        value = self._substituted(stmt.value)
        if isinstance(stmt, AugAssign):
            is_legal = value is not None and self.types.get(stmt.target) == _DOUBLE and stmt.target not in names(value)
            return DistributedStatement(stmt.target, (), value, stmt) if is_legal and value is not None else None
        index = [self._substituted(e) for e in stmt.index]
        items = tuple(e for e in index if e is not None)
        base = stmt.base.name if isinstance(stmt.base, Var) else ""
        is_element = len(items) == len(index) and self.accesses.is_element(base, items)
        return DistributedStatement(base, items, value, stmt) if is_element and value is not None else None

    def _substituted(self, expr: Expr) -> Expr | None:
        """The expression with scalars of the same iteration substituted; None where illegal or too expensive."""
        for name in names(expr):
            if name in self._definitions:
                definition = self._definitions[name]
                if definition is None:
                    return None
                expr = replace_names(expr, {name: definition})
        return expr if isinstance(expr, Slice) or _cost(expr) <= 2 * _MAX_COST else None

    @cached_property
    def _definitions(self) -> dict[str, Expr | None]:
        """The definitions of an iteration before the statement; None where one must not be recomputed."""
        once = {n for n in self.assigned if sum(n in _targets(s) for s in walk((self.loop,))) == 1}
        definitions: dict[str, Expr | None] = {}

        def define(stmt: Stmt, is_legal: bool) -> None:
            if isinstance(stmt, Assign):
                # the index of a loop further in would be that of its last iteration
                value: Expr | None = stmt.value if names(stmt.value).isdisjoint(self.indices - bound) else None
                for name in names(stmt.value):
                    if value is not None and name in definitions:
                        one = definitions[name]
                        value = None if one is None else replace_names(value, {name: one})
                definitions[stmt.target] = value if is_legal and stmt.target in once else None

        bound = {self.loop.index}
        for s in self.loop.body[: self.at]:
            if isinstance(s, Assign) and is_int64(self.types.get(s.target)):
                define(s, affine_index(s.value, self.types) is not None)
        for loop in self.nest.loops:
            bound.add(loop.index)
            for s in loop.body if loop is not self.nest.loops[-1] else loop.body[: self.k]:
                define(s, _cost(s.value) <= _MAX_COST if isinstance(s, Assign) else False)
        return definitions

    @cached_property
    def expanded_scalars(self) -> tuple[str, ...] | None:
        """The scalars to expand: defined before in the loop, used or added to by the statement; None where illegal."""
        assert self.statement is not None
        read = {n for e in (*self.statement.index, self.statement.value) for n in names(e)} - self.indices
        read |= set() if self.statement.index else {self.statement.target}
        found = sorted(read & self.assigned)
        earlier, after = defined(self.loop.body[: self.at]), defined(self.rest.body[self.at :])
        is_legal = all(self.types.get(n) == _DOUBLE and n in earlier and n not in after for n in found)
        return tuple(found) if is_legal else None

    @cached_property
    def own_accesses(self) -> list[Access]:
        """The accesses of the statement, its target first."""
        assert self.statement is not None
        target, index, value = self.statement.target, self.statement.index, self.statement.value
        place = self.accesses.element(target, index, self.around, self.indices)
        found = [Access(target, place, True)] if index else []
        return found + [a for e in (*index, value) for a in self.accesses.read(e, self.around, self.indices)]

    @cached_property
    def around_loop(self) -> tuple[LinearForm[str], ...]:
        """The facts in the loop's iterations."""
        return (*self.facts, *index_bounds(self.loop, self.types))

    @cached_property
    def around(self) -> tuple[LinearForm[str], ...]:
        """The facts in the statement's iterations."""
        return (*self.around_loop, *(f for loop in self.nest.loops for f in index_bounds(loop, self.types)))

    # ---- profitability -----------------------------------------------------------------------

    def is_profitable(self) -> bool:
        """Whether fewer accesses are strided; an ordered sum in the innermost loop would be a recurrence."""
        if self.statement is None or self.expanded_scalars is None or any(a.place is None for a in self.own_accesses):
            return False
        place = self.own_accesses[0].place if self.statement.index else None
        if place is not None and not place.moves(self.loop.index) and not self.statement.is_reassociable_sum:
            return False
        return self._strided_accesses(self.loop.index) < self._strided_accesses(self.nest.indices[-1])

    def _strided_accesses(self, index: str) -> int:
        found = set()
        for a in self.own_accesses:
            kind = self.types[a.array]
            assert isinstance(kind, Array) and a.place is not None
            if a.place.steps(index, 0 if kind.layout == "F" else -1):
                found.add((a.array, a.place.written))
        return len(found)

    # ---- legality ----------------------------------------------------------------------------

    def is_legal(self) -> bool:
        assert self.statement is not None
        if self.live & self.indices:
            return False
        if not self.statement.index and not self._is_private_sum():
            return False
        return self._has_available_bounds() and self._may_permute() and self.deferred is not None

    def _is_private_sum(self) -> bool:
        """Whether every iteration initialises the scalar, and reads it only after all that is added to it."""
        assert self.statement is not None
        target = self.statement.target
        if target in self.live or target in _read(self.rest.body[self.at : self.at + 1]):
            return False
        for stmt in self.loop.body[: self.at]:
            if any(target in names(e) for s in walk((stmt,)) for e in own_exprs(s)):
                return False
            if isinstance(stmt, Assign) and stmt.target == target:
                return True
        return False

    def _has_available_bounds(self) -> bool:
        """Whether the inner bounds are available outside: those of a single inner loop may depend on the index."""
        read: set[str] = set()
        for depth, loop in enumerate(self.nest.loops):
            here = names(loop.start) | names(loop.stop)
            if not here & self.assigned <= {self.loop.index, *self.nest.indices[:depth]}:
                return False
            read |= here
        return self.loop.index not in read or (len(self.nest.loops) == 1 and self.triangle_bound is not None)

    @cached_property
    def triangle_bound(self) -> tuple[bool, int] | None:
        """Of a triangular nest: whether the outer index bounds the inner loop above (or below); and the offset."""
        low, high = limits(self.nest.loops[0])
        c = self.loop.index
        if (c in names(low)) == (c in names(high)):
            return None
        by = affine_indices(high if c in names(high) else low, c)
        return None if by is None else (c in names(high), by)

    def _may_permute(self) -> bool:
        """Whether the statement's own iterations may run in the new order."""
        levels = []
        for depth, loop in enumerate(self.nest.loops):
            level = [
                iteration_before(self.loop.index, self.loop.step),
                iteration_before(loop.index, opposite(loop.step)),
            ]
            levels.append([*level, *(f for n in self.nest.indices[:depth] for f in same_iteration(n))])
        return not self.conflicts_with_itself(levels)

    def conflicts_with_itself(self, orders: Sequence[Sequence[LinearForm[str]]]) -> bool:
        """Whether two iterations in one of these orders may conflict; additions to adjoints do not conflict."""
        assert self.statement is not None
        conflict = self.accesses.conflict
        if self.statement.index and self.statement.is_reassociable_sum:
            place, others = self.own_accesses[:1], self.own_accesses[1:]
            return conflict(place, others, orders) or conflict(others, place, orders)
        return conflict(self.own_accesses, self.own_accesses, orders)

    @cached_property
    def deferred(self) -> int | None:
        """From which statement on the rest must run after the new nest; None where no order is legal."""
        assert self.statement is not None
        c, step, body, at = self.loop.index, self.loop.step, self.rest.body, self.at
        earlier, remaining, later = (
            list(self.accesses.of(part, self.around_loop, self.indices))
            for part in (body[:at], body[at : at + 1], body[at + 1 :])
        )
        conflict = self.accesses.conflict
        this_or_later = [iteration_before(c, step, 0)]
        if conflict(self.own_accesses, earlier, [[iteration_before(c, step)]]) or conflict(
            self.own_accesses, remaining, [this_or_later]
        ):
            return None
        if self.statement.index and not conflict(self.own_accesses, later, [this_or_later]):
            return len(body)
        # later statements of an iteration are deferred until the whole nest has run
        if conflict([*self.own_accesses, *earlier, *remaining], later, [[iteration_before(c, opposite(step))]]):
            return None
        definitions, later_definitions = defined(body[: at + 1]), defined(body[at + 1 :])
        indices = {s.index for s in walk(body) if isinstance(s, For)} - self.live
        backward = _read(body[: at + 1]) & later_definitions
        across = _read(body[at + 1 :]) & (definitions - {self.statement.target, c})
        return None if backward or across or definitions & later_definitions - indices else at + 1


def limits(loop: For) -> tuple[Expr, Expr]:
    """The least value of the index, and the first above the greatest."""
    if loop.step == Const(1):
        return loop.start, loop.stop
    return plus(loop.stop, 1), plus(loop.start, 1)


def opposite(step: Expr) -> Expr:
    return Const(-1) if step == Const(1) else Const(1)


def _targets(stmt: Stmt) -> tuple[str, ...]:
    match stmt:
        case Assign(target) | AugAssign(target):
            return (target,)
        case For(index):
            return (index,)
    return ()


def _read(block: Block) -> frozenset[str]:
    """The names that are read, except indices of loops in the block."""
    found: frozenset[str] = frozenset()
    for stmt in block:
        found |= {n for e in own_exprs(stmt) for n in names(e)}
        inside = frozenset[str]().union(*map(_read, blocks(stmt)))
        found |= inside - ({stmt.index} if isinstance(stmt, For) else set())
    return found


def _cost(value: Expr) -> int:
    return sum(operation_cost(op.prim) or 3 * _MAX_COST for op in ops(value))
