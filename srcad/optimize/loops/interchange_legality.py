"""One statement of an innermost loop in a nest of its own: whether it may be, and whether it pays."""

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

_MOST = 10
"""How much there may be to compute in what a statement takes along."""
_DOUBLE = Scalar("float64")


@dataclass(frozen=True)
class PerfectNest:
    """Loops one inside the other, with numbers that are made between them."""

    loops: tuple[For, ...]

    @property
    def body(self) -> Block:
        return self.loops[-1].body

    @property
    def counters(self) -> tuple[str, ...]:
        return tuple(loop.index for loop in self.loops)


@dataclass(frozen=True)
class DistributedStatement:
    """The statement to be moved, which changes an element, or a number (`index` is empty) that becomes one of a row."""

    target: str
    index: tuple[Expr, ...]
    value: Expr
    stmt: Store | AugAssign

    @property
    def is_free_sum(self) -> bool:
        return self.stmt.free and self.stmt.op in ("+", "-")


class StatementDistribution:
    """Statement number `k` of the chain that is statement number `at` of a loop."""

    def __init__(
        self,
        loop: For,
        at: int,
        chain: PerfectNest,
        k: int,
        types: dict[str, Type],
        shared: MayAlias,
        live: frozenset[str],
        facts: tuple[LinearForm[str], ...],
    ) -> None:
        self.loop, self.at, self.chain, self.k = loop, at, chain, k
        self.types = types
        self.live = live
        self.facts = facts
        self.assigned = defined((loop,))
        self.counters = frozenset((loop.index, *chain.counters))
        self.accesses = LoopAccesses(types, shared, self.assigned)
        self.rest = self._without()

    def _without(self) -> For:
        """The loop without the statement."""
        *outer, last = self.chain.loops
        new = replace(last, body=(*last.body[: self.k], *last.body[self.k + 1 :]))
        for around in reversed(outer):
            new = replace(around, body=tuple(new if isinstance(s, For) else s for s in around.body))
        return replace(self.loop, body=(*self.loop.body[: self.at], new, *self.loop.body[self.at + 1 :]))

    # ---- the statement by itself -------------------------------------------------------------

    @cached_property
    def statement(self) -> DistributedStatement | None:
        """The statement, with the numbers of its turn that it reads put in."""
        stmt = self.chain.body[self.k]
        if not isinstance(stmt, Store | AugAssign) or len(self.counters) <= len(self.chain.loops):
            return None
        value = self._closed(stmt.value)
        if isinstance(stmt, AugAssign):
            fits = value is not None and self.types.get(stmt.target) == _DOUBLE and stmt.target not in names(value)
            return DistributedStatement(stmt.target, (), value, stmt) if fits and value is not None else None
        index = [self._closed(e) for e in stmt.index]
        items = tuple(e for e in index if e is not None)
        base = stmt.base.name if isinstance(stmt.base, Var) else ""
        whole = len(items) == len(index) and self.accesses.is_element(base, items)
        return DistributedStatement(base, items, value, stmt) if whole and value is not None else None

    def _closed(self, expr: Expr) -> Expr | None:
        """The expression with numbers of the same turn put in; None where it takes more than that."""
        for name in names(expr):
            if name in self._made:
                made = self._made[name]
                if made is None:
                    return None
                expr = replace_names(expr, {name: made})
        return expr if isinstance(expr, Slice) or _cost(expr) <= 2 * _MOST else None

    @cached_property
    def _made(self) -> dict[str, Expr | None]:
        """What the numbers are that a turn makes before the statement; None where that is not to be said again."""
        once = {n for n in self.assigned if sum(n in _own(s) for s in walk((self.loop,))) == 1}
        made: dict[str, Expr | None] = {}

        def make(stmt: Stmt, fits: bool) -> None:
            if isinstance(stmt, Assign):
                # a counter of a loop further in would be what is left of its last turn
                value: Expr | None = stmt.value if names(stmt.value).isdisjoint(self.counters - bound) else None
                for name in names(stmt.value):
                    if value is not None and name in made:
                        one = made[name]
                        value = None if one is None else replace_names(value, {name: one})
                made[stmt.target] = value if fits and stmt.target in once else None

        bound = {self.loop.index}
        for s in self.loop.body[: self.at]:
            if isinstance(s, Assign) and is_int64(self.types.get(s.target)):
                make(s, affine_index(s.value, self.types) is not None)
        for loop in self.chain.loops:
            bound.add(loop.index)
            for s in loop.body if loop is not self.chain.loops[-1] else loop.body[: self.k]:
                make(s, _cost(s.value) <= _MOST if isinstance(s, Assign) else False)
        return made

    @cached_property
    def expanded_scalars(self) -> tuple[str, ...] | None:
        """The numbers that the loop makes before, and the statement reads or adds to; None where it may not."""
        assert self.statement is not None
        read = {n for e in (*self.statement.index, self.statement.value) for n in names(e)} - self.counters
        read |= set() if self.statement.index else {self.statement.target}
        found = sorted(read & self.assigned)
        earlier, after = defined(self.loop.body[: self.at]), defined(self.rest.body[self.at :])
        fits = all(self.types.get(n) == _DOUBLE and n in earlier and n not in after for n in found)
        return tuple(found) if fits else None

    @cached_property
    def own(self) -> list[Access]:
        """The elements the statement meets, first of all its own."""
        assert self.statement is not None
        target, index, value = self.statement.target, self.statement.index, self.statement.value
        place = self.accesses.element(target, index, self.around, self.counters)
        found = [Access(target, place, True)] if index else []
        return found + [a for e in (*index, value) for a in self.accesses.read(e, self.around, self.counters)]

    @cached_property
    def around_loop(self) -> tuple[LinearForm[str], ...]:
        """What holds in the loop's turns."""
        return (*self.facts, *index_bounds(self.loop, self.types))

    @cached_property
    def around(self) -> tuple[LinearForm[str], ...]:
        """What holds in the statement's turns."""
        return (*self.around_loop, *(f for loop in self.chain.loops for f in index_bounds(loop, self.types)))

    # ---- whether it pays ---------------------------------------------------------------------

    def is_profitable(self) -> bool:
        """Whether fewer elements lie apart from those of the turn before; a sum in order would make turns wait."""
        if self.statement is None or self.expanded_scalars is None or any(a.place is None for a in self.own):
            return False
        place = self.own[0].place if self.statement.index else None
        if place is not None and not place.moves(self.loop.index) and not self.statement.is_free_sum:
            return False
        return self._apart(self.loop.index) < self._apart(self.chain.counters[-1])

    def _apart(self, counter: str) -> int:
        found = set()
        for a in self.own:
            known = self.types[a.array]
            assert isinstance(known, Array) and a.place is not None
            if a.place.steps(counter, 0 if known.layout == "F" else -1):
                found.add((a.array, a.place.written))
        return len(found)

    # ---- whether it may be -------------------------------------------------------------------

    def is_legal(self) -> bool:
        assert self.statement is not None
        if self.live & self.counters:
            return False
        if not self.statement.index and not self._is_sum_of_turn():
            return False
        return self._bounds_fit() and self._turns_fit() and self.deferred is not None

    def _is_sum_of_turn(self) -> bool:
        """Whether every turn gives the number a first value, and reads it only after all that is added to it."""
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

    def _bounds_fit(self) -> bool:
        """Whether the bounds of the inner loops can be said outside: of one alone they may go with the counter."""
        read: set[str] = set()
        for depth, loop in enumerate(self.chain.loops):
            here = names(loop.start) | names(loop.stop)
            if not here & self.assigned <= {self.loop.index, *self.chain.counters[:depth]}:
                return False
            read |= here
        return self.loop.index not in read or (len(self.chain.loops) == 1 and self.slope is not None)

    @cached_property
    def slope(self) -> tuple[bool, int] | None:
        """Of a triangle: whether the inner loop ends where the outer one is, or begins there; and how far from it."""
        low, high = limits(self.chain.loops[0])
        c = self.loop.index
        if (c in names(low)) == (c in names(high)):
            return None
        by = affine_indices(high if c in names(high) else low, c)
        return None if by is None else (c in names(high), by)

    def _turns_fit(self) -> bool:
        """Whether the statement's own turns may run in the new order."""
        levels = []
        for depth, loop in enumerate(self.chain.loops):
            level = [
                iteration_before(self.loop.index, self.loop.step),
                iteration_before(loop.index, opposite(loop.step)),
            ]
            levels.append([*level, *(f for n in self.chain.counters[:depth] for f in same_iteration(n))])
        return not self.conflicts_with_itself(levels)

    def conflicts_with_itself(self, orders: Sequence[Sequence[LinearForm[str]]]) -> bool:
        """Whether two turns of these orders may meet one element; to the sum of an adjoint, both may add."""
        assert self.statement is not None
        conflict = self.accesses.conflict
        if self.statement.index and self.statement.is_free_sum:
            place, others = self.own[:1], self.own[1:]
            return conflict(place, others, orders) or conflict(others, place, orders)
        return conflict(self.own, self.own, orders)

    @cached_property
    def deferred(self) -> int | None:
        """From which statement of the loop on the rest has to wait for the moved one; None where that cannot be."""
        assert self.statement is not None
        c, step, body, at = self.loop.index, self.loop.step, self.rest.body, self.at
        early, beside, late = (
            list(self.accesses.of(part, self.around_loop, self.counters))
            for part in (body[:at], body[at : at + 1], body[at + 1 :])
        )
        conflict = self.accesses.conflict
        this_or_later = [iteration_before(c, step, 0)]
        if conflict(self.own, early, [[iteration_before(c, step)]]) or conflict(self.own, beside, [this_or_later]):
            return None
        if self.statement.index and not conflict(self.own, late, [this_or_later]):
            return len(body)
        # what comes after in the turn waits until all turns of the statement have run
        if conflict([*self.own, *early, *beside], late, [[iteration_before(c, opposite(step))]]):
            return None
        made, makes = defined(body[: at + 1]), defined(body[at + 1 :])
        counters = {s.index for s in walk(body) if isinstance(s, For)} - self.live
        back = _read(body[: at + 1]) & makes
        across = _read(body[at + 1 :]) & (made - {self.statement.target, c})
        return None if back or across or made & makes - counters else at + 1


def limits(loop: For) -> tuple[Expr, Expr]:
    """The least value of the counter, and the first too great."""
    if loop.step == Const(1):
        return loop.start, loop.stop
    return plus(loop.stop, 1), plus(loop.start, 1)


def opposite(step: Expr) -> Expr:
    return Const(-1) if step == Const(1) else Const(1)


def _own(stmt: Stmt) -> tuple[str, ...]:
    match stmt:
        case Assign(target) | AugAssign(target):
            return (target,)
        case For(index):
            return (index,)
    return ()


def _read(block: Block) -> frozenset[str]:
    """The names that are read, but for the counter of a loop in it."""
    found: frozenset[str] = frozenset()
    for stmt in block:
        found |= {n for e in own_exprs(stmt) for n in names(e)}
        inside = frozenset[str]().union(*map(_read, blocks(stmt)))
        found |= inside - ({stmt.index} if isinstance(stmt, For) else set())
    return found


def _cost(value: Expr) -> int:
    return sum(operation_cost(op.prim) or 3 * _MOST for op in ops(value))
