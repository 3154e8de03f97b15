"""What is known of lengths from one turn of a loop to the next, and before its first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from typing import TypeVar

from srcad.ir.nodes import Block, Const, Expr, For, Function, If, Stmt
from srcad.ir.traversal import block_reads, defined, names
from srcad.ir.types import Array, Dim, Symbol, dim
from srcad.optimize.array_statements.assignments import ArrayAssignments
from srcad.optimize.shapes.shape_environment import ShapeEnvironment
from srcad.optimize.shapes.shape_guards import ShapeGuard, first_iteration_guards, nonempty_condition

_Result = TypeVar("_Result")
Lengths = dict[str, tuple[Dim, ...]]


class LoopShapes(ArrayAssignments):
    """Loops and branches: an array that has three elements whichever way it came has three."""

    def __init__(self, f: Function) -> None:
        super().__init__(ShapeEnvironment(f))
        self.declared = f.types
        self.asked: dict[Dim, tuple[ShapeGuard, ...]] = {}
        """By number of turns, the lengths that loops have asked for."""
        self._params = frozenset(p.name for p in f.params)
        self._asking: list[tuple[Stmt, Dim, Expr, list[ShapeGuard]]] = []
        """The loops that ask before their first turn."""

    def block(self, block: Block) -> Block:
        """A block in other words; `_Spread` knows how."""
        raise NotImplementedError

    def either(self, then: Block, orelse: Block) -> tuple[Block, Block]:
        """The branches of an `if`."""
        changed = defined(then) | defined(orelse)
        before = {name: self.known.types[name] for name in changed if name in self.known.types}
        one = self.block(then)
        lengths = self._lengths(changed)
        self.known.forget(changed)
        self.known.types.update(before)
        other = self.block(orelse)
        lengths = {name: d for name, d in self._lengths(changed).items() if lengths.get(name) == d}
        self.known.forget(changed)
        self._take(lengths)
        return one, other

    def repeated(self, changed: Set[str], turn: Callable[[], _Result]) -> _Result:
        """A turn of a loop, which may be any but the last: lengths are those that no turn changes."""
        lengths = self._lengths(changed)
        while True:
            self.known.forget(changed)
            self._take(lengths)
            self.known.boundary()
            result = turn()
            self.known.boundary()
            after = self._lengths(changed)
            kept = {name: d for name, d in lengths.items() if after.get(name) == d}
            self.known.forget(changed)
            self._take(kept)
            if kept == lengths:
                return result
            lengths = kept

    def _lengths(self, changed: Set[str]) -> dict[str, tuple[Dim, ...]]:
        """The lengths of arrays that are numbers here, and not at all times."""
        found: dict[str, tuple[Dim, ...]] = {}
        for name in changed:
            kind, declared = self.known.types.get(name), self.declared.get(name)
            if isinstance(kind, Array) and isinstance(declared, Array) and any(d.terms for d in declared.dims):
                lengths = tuple(map(self.known.length, kind.dims))
                if not any(d.terms for d in lengths):
                    found[name] = lengths
        return found

    def _take(self, lengths: dict[str, tuple[Dim, ...]]) -> None:
        for name, dims in lengths.items():
            kind = self.known.types[name]
            assert isinstance(kind, Array)
            self.known.types[name] = replace(kind, dims=dims)

    # ---- what first turns ask for ------------------------------------------------------------

    def loop(self, loop: For) -> Stmt:
        """The loop; where each first turn asks for a length of an argument, in an `if` that asks for it before."""
        runs, far = nonempty_condition(loop), self._distance(loop)
        met = self._lengths_met(loop.body)
        promised = () if runs is None or far is None else self.asked.get(far, ())
        found: list[ShapeGuard] = []
        for asked in promised:
            if asked.symbol in met and not any(_says(other, asked) for other in found):
                found.append(asked)
        facts, before = self.known.snapshot(), self.asked
        changed = {loop.index, *defined(loop.body)}
        entering = {name: self.known.types[name] for name in changed if name in self.known.types}
        lengths = self._lengths(changed)
        while True:
            self.known.types.update(entering)
            for asked in found:
                if not asked.under:
                    self.known.assume_equal(dim(asked.symbol), dim(asked.length))
                else:
                    ((inner, _),) = asked.under
                    self.asked = {**self.asked, inner: (*self.asked.get(inner, ()), replace(asked, under=()))}
            new = self._turns(loop)
            after = self._lengths(changed)
            self.known.restore(facts)
            self.asked = before
            asks = (*first_iteration_guards(new.body, self._params, self.declared), *self._asked_inside(new))
            more = [a for a in dict.fromkeys(asks) if not any(_says(b, a) for b in found)]
            if runs is None or not found + more:
                return new
            if not more:
                break
            found += more
        # what was asked holds where there was a turn
        self._leave(changed, lengths, after)
        made = If(runs, (*(asked.check() for asked in found), new), ())
        if far is not None:
            self.asked = {**before, far: (*before.get(far, ()), *(a for a in found if a not in promised))}
            self._asking.append((made, far, runs, found))
        return made

    def _leave(self, changed: Set[str], before: Lengths, after: Lengths) -> None:
        """After a loop, of which nobody knows whether it had a turn."""
        self.known.forget(changed)
        self._take({name: d for name, d in after.items() if before.get(name) == d})

    def _asked_inside(self, loop: For) -> Iterator[ShapeGuard]:
        """What loops in every turn ask for, if they have a turn themselves; that is known before this one."""
        changed = {loop.index, *defined(loop.body)}
        for stmt in loop.body:
            for made, far, runs, found in self._asking:
                if made is stmt and not names(runs) & changed:
                    yield from (replace(asked, under=((far, runs),)) for asked in found if not asked.under)

    def _lengths_met(self, body: Block) -> set[Symbol]:
        kinds = (self.declared.get(name) for name in block_reads(body))
        return {s for kind in kinds if isinstance(kind, Array) for d in kind.dims for s, _ in d.terms}

    def _distance(self, loop: For) -> Dim | None:
        """From the start of a loop to its stop, which says whether there is a turn."""
        start, stop = self.known.number(loop.start), self.known.number(loop.stop)
        if start is None or stop is None or loop.step not in (Const(1), Const(-1)):
            return None
        return stop - start if loop.step == Const(1) else start - stop

    def _turns(self, loop: For) -> For:
        def turn() -> For:
            self.known.turn(loop)
            body = self.block(loop.body)
            leave = loop.exit
            if leave is not None:
                more: list[Stmt] = []
                leave = self.scalar(leave, more)
                body += tuple(more)
            return replace(loop, body=body, exit=leave)

        return self.repeated({loop.index, *defined(loop.body)}, turn)


def _says(one: ShapeGuard, other: ShapeGuard) -> bool:
    """Whether what the one asks leaves nothing for the other to ask."""
    if one.symbol != other.symbol or not one.under:
        return one.symbol == other.symbol
    # how far a loop goes has another symbol in each turn of the loop around; the condition has the same text
    pairs = zip(one.under, other.under, strict=False)
    return len(one.under) == len(other.under) and all(a == b or m == n for (a, m), (b, n) in pairs)
