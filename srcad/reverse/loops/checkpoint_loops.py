"""Code of checkpointed loops: a loop over segments forward; each segment run again and reversed, the last one first.

Forward, a segment saves the state it begins with. In the reverse sweep that state is restored, the iterations of the
segment run again, and save what their reversal reads in memory that all segments share.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def iterate(h, n):
...     for t in range(n):
...         h = np.sin(h)
...     return h
>>> gradient = srcad.grad(iterate, argnums="h", checkpoint="t", target="python")
>>> source = gradient.source_for(1.0, 100)
>>> print(source[source.index("    h_saved =") : source.index("    return")].rstrip())
    h_saved = np.empty(length)
    for stretch in range(stretches - 1, -1, -1):
        first = stretch * length
        last = min(first + length, n)
        # forward again
        h = h_checkpoints[stretch]
        for t in range(first, last):
            h_saved[t - first] = h
            h = np.sin(h)
        # and back
        for t in range(last - 1, first - 1, -1):
            # L3: h = np.sin(h)
            d_h = np.cos(h_saved[t - first]) * d_h
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from srcad.canonicalize.array_expansion import SAVED
from srcad.canonicalize.checkpoint_segments import Segment, Snapshots
from srcad.ir.length_exprs import plus
from srcad.ir.names import base, stem
from srcad.ir.nodes import (
    Assign,
    Block,
    Carry,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Op,
    Recovery,
    Span,
    Stmt,
    Store,
    Undef,
    Var,
)
from srcad.ir.regions import Region
from srcad.ir.traversal import blocks, defined, rename, with_blocks
from srcad.ir.types import Array, Scalar
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.loops.online_checkpoints import online_loop, renewed, within_row_0
from srcad.reverse.source_comments import ITERATION_REVERSED, RERUN
from srcad.reverse.storage.plan import Plan
from srcad.reverse.storage.tape_layout import TapeLayout
from srcad.reverse.storage.tape_slot import TapeSlot
from srcad.typing.builder import Builder

_PLAN = "runtime.snapshot_starts"
_TO_SEGMENT = Comment("from the last state that is saved to the start of the stretch")
_BEGUN = "a segment of the loop runs again from there"
_OVERWRITTEN = "the segments that run again overwrite it"


@dataclass
class _StateSlots:
    """The tape slots of the state of a loop: by the name of the array, by the name of the carry."""

    memory: dict[str, TapeSlot] = field(default_factory=dict)
    carried: dict[str, TapeSlot] = field(default_factory=dict)
    before: dict[str, Var] = field(default_factory=dict)
    """Copies of arrays with their content before the loop."""


class SegmentLoops:
    """The emission of all checkpointed loops of a function."""

    def __init__(
        self, builder: Builder, slots: TapeLayout, checkpoints: SegmentState, stored: frozenset[str], plan: Plan
    ) -> None:
        self.builder = builder
        self.checkpoints = checkpoints
        self.stored = stored
        self.preamble: dict[Region, list[Stmt]] = {}
        """Before the segments are reversed: the tape slots that all of them share."""
        self.starts: dict[str, Var] = {}
        """For each carry, its value at the start of a segment."""
        self.results: dict[str, Var] = {}
        """For each result of the loop, that of the second run of a segment."""
        self._state_slots: dict[Region, _StateSlots] = {}
        for loop in checkpoints.segments:
            state = self._state_slots[loop] = _StateSlots()
            for name in checkpoints.saved_arrays(loop):
                state.memory[name] = slots.segment(builder.variable(name), builder.types[name], loop)
            for carry in checkpoints.saved_carries(loop, plan.reads):
                t = builder.types[carry.arg]
                state.carried[carry.arg] = slots.segment(builder.variable(carry.arg), t, loop)
                self.starts[carry.arg] = builder.fresh(f"%{base(carry.arg)}", t)
            owner = loop.owner
            assert isinstance(owner, For)
            begun = [stem(builder.variable(name)) for name in (*state.memory, *state.carried)]
            builder.recoveries += tuple(Recovery(of, "saved", _BEGUN, owner.span) for of in begun)
            for carry in owner.carried:
                self.results[carry.result] = builder.fresh(base(carry.result), builder.types[carry.result])
            for name in checkpoints.clobbered_arrays(loop, plan.restored_after_segments.get(loop, ())):
                state.before[name] = builder.keep(builder.variable(name), SAVED, builder.types[name])
                builder.recoveries += (Recovery(builder.variable(name), "saved", _OVERWRITTEN, owner.span),)

    def is_for_analyses(self, stmt: Stmt) -> bool:
        """Whether the statement, before a loop, is about the single segment that analyses see, or belongs behind it."""
        found = set()
        for segment in self.checkpoints.segments.values():
            found.add(segment.first.name)
            if segment.uncounted is not None:
                found |= {segment.uncounted.end.name} | defined(segment.uncounted.behind)
        return isinstance(stmt, Assign) and stmt.target in found

    # ---- forward -----------------------------------------------------------------------------

    def forward(self, stmt: For, loop: Region) -> Block:
        """The loop over the segments, and before it the tape slots of their states."""
        segment, state = self.checkpoints.segments[loop], self._state_slots[loop]
        declared = [s for slot in (*state.carried.values(), *state.memory.values()) for s in slot.declare]
        declared += [Assign(copy.name, Op("copy", (Var(name),))) for name, copy in state.before.items()]
        inits, results = [carry.init for carry in stmt.carried], [carry.result for carry in stmt.carried]
        if segment.uncounted is not None:
            slots = {**state.carried, **state.memory}
            return (*declared, *online_loop(self.builder, stmt, segment, slots, self._saved))
        if segment.snapshots is not None:
            none = Op("np.zeros", (Const(1),), (("dtype", "int64"),))
            declared.append(self._next_starts(segment.snapshots, none, Const(0), segment.count))
        return (*declared, self._saving_loop(stmt, loop, Const(0), inits, results))

    def _saving_loop(self, stmt: For, loop: Region, place: Expr, inits: Sequence[Expr], results: Sequence[str]) -> For:
        """The loop over the segments, or from one place for a state to the next: it saves the state, and runs on."""
        segment, state = self.checkpoints.segments[loop], self._state_slots[loop]
        # it is emitted more than once: with names of its own, each name still has one definition
        after = {carry.result for carry in stmt.carried}
        own = {name: self._fresh(name) for name in (*sorted(defined((stmt,)) - after), segment.first.name)}
        (inner,) = rename((stmt,), own)
        assert isinstance(inner, For)
        saves: list[Stmt] = []
        outer_carries, inner_carries = [], []
        for carry, one, init, result in zip(stmt.carried, inner.carried, inits, results, strict=True):
            start, end = self._fresh(carry.arg), self._fresh(carry.result)
            slot = state.carried.get(carry.arg)
            saves += [] if slot is None else self._saved(carry.arg, start, slot)
            outer_carries.append(Carry(start, init, Var(end), result))
            inner_carries.append(Carry(one.arg, Var(start), one.next, end))
        for name, slot in state.memory.items():
            saves += self._saved(name, name, slot)
        first = own[segment.first.name]
        last = self.builder.fresh("last", Scalar("int64"))
        count, number = segment.places
        if segment.snapshots is None:
            bounds = self._bounds(segment, first, last)
        else:
            starts = segment.snapshots.starts
            count = plus(Op("len", (starts,)), -1)
            before = segment.end_before(Op("index", (starts, plus(number, 1))))
            bounds = (Assign(first, segment.begin(Op("index", (starts, number)))), Assign(last.name, before))
            # expanded arrays have as many rows as one segment has iterations: here each iteration has the first
            inner = replace(inner, body=within_row_0(inner.body, inner.index, first))
        inner = replace(inner, start=Var(first), stop=last, carried=tuple(inner_carries))
        body = rename((*saves, *bounds, inner), {number.name: (own_number := self._fresh(number.name))})
        return For(own_number, place, count, Const(1), body, tuple(outer_carries), None, stmt.span)

    def _next_starts(self, snapshots: Snapshots, starts: Expr, place: Expr, segment: Expr) -> Assign:
        """Plan where states are saved on the way from one of a place to the start of a segment."""
        return Assign(snapshots.starts.name, Op(_PLAN, (starts, place, segment, Const(snapshots.count))))

    def _saved(self, name: str, at: str, slot: TapeSlot) -> Block:
        t = self.builder.types[name]
        value: Expr = Var(at)
        if isinstance(t, Array) and slot.by_reference:
            if name in self.stored:
                value = Op("copy", (value,))
            elif t.layout != "C":
                value = Op("np.ascontiguousarray", (value,))
        return slot.push(value)

    def _bounds(self, segment: Segment, first: str, last: Var) -> Block:
        end = replace(segment, first=Var(first)).end
        return (Assign(first, segment.begin(segment.number)), Assign(last.name, end))

    def _fresh(self, name: str) -> str:
        return renewed(self.builder, name)

    # ---- reverse -----------------------------------------------------------------------------

    def bounds(self, stmt: For, loop: Region) -> tuple[For, Block]:
        """The loop over one segment, and the statements that compute its bounds."""
        segment, last = self.checkpoints.segments[loop], self.builder.fresh("last", Scalar("int64"))
        return replace(stmt, stop=last), self._bounds(segment, segment.first.name, last)

    def loop_carried_end(self, end: Var, carry: Carry, span: Span | None) -> Stmt:
        """The loop-carried value after the last iteration of a segment."""
        return Assign(end.name, self.results[carry.result], span)

    def reverse(self, stmt: For, bounds: Block, loop: Region, rerun_body: Block, reversal: Block) -> list[Stmt]:
        """All segments, the last first; `rerun_body` is the body of the second run of one, `reversal` its reversal."""
        segment, state = self.checkpoints.segments[loop], self._state_slots[loop]
        restored: list[Stmt] = []
        for name, slot in state.memory.items():
            restored += [*slot.position, Store(Var(name), (), slot.read, None, stmt.span)]
        carried = []
        for carry in stmt.carried:
            slot_of = state.carried.get(carry.arg)
            start: Expr = Undef()
            if slot_of is not None:
                start = self.starts[carry.arg]
                # an array taken out of a list is not aliased
                own = carry.arg in self.stored and not slot_of.by_reference
                load = Op("copy", (slot_of.read,)) if own else slot_of.read
                restored += [*slot_of.position, Assign(self.starts[carry.arg].name, load, stmt.span)]
            carried.append(replace(carry, init=start, result=self.results[carry.result].name))
        begun: Block = (*bounds, *restored, RERUN)
        if segment.snapshots is not None:
            way, carried = self._forward_from_snapshot(stmt, loop, restored, carried)
            begun = (*way, RERUN, *bounds)
        rerun = replace(stmt, body=_without_effects(rerun_body), carried=tuple(carried))
        body = (*begun, rerun, ITERATION_REVERSED, *reversal)
        reversed_loop = For(segment.number.name, plus(segment.count, -1), Const(-1), Const(-1), body)
        after = [Store(Var(name), (), copy) for name, copy in state.before.items()]
        return [*self.preamble.get(loop, ()), reversed_loop, *after]

    def _forward_from_snapshot(
        self, stmt: For, loop: Region, restored: Sequence[Stmt], carried: Sequence[Carry]
    ) -> tuple[Block, list[Carry]]:
        """The way from the last state that is saved, which is taken from its place, to the start of a segment.

        Returns it and what the loop carries into the segment.
        """
        segment = self.checkpoints.segments[loop]
        assert segment.snapshots is not None
        place, starts = segment.snapshots.place, segment.snapshots.starts
        before = [self._fresh(carry.arg) for carry in carried]
        once_more = self._saving_loop(stmt, loop, place, [carry.init for carry in carried], before)
        way = (
            _TO_SEGMENT,
            Assign(place.name, plus(Op("len", (starts,)), -2)),
            *restored,
            self._next_starts(segment.snapshots, starts, place, segment.number),
            *_without_effects((once_more,)),
        )
        return way, [replace(carry, init=Var(name)) for carry, name in zip(carried, before, strict=True)]


def _without_effects(block: Block) -> Block:
    """Without printing and checks: the forward sweep has done both."""
    remaining = (s for s in block if not isinstance(s, Effect) or s.call.prim not in ("print", "check"))
    return tuple(with_blocks(s, [_without_effects(b) for b in blocks(s)]) for s in remaining)
