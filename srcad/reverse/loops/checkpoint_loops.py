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

from dataclasses import dataclass, field, replace

from srcad.canonicalize.array_expansion import SAVED
from srcad.ir.length_exprs import plus
from srcad.ir.names import base, stem
from srcad.ir.nodes import Assign, Block, Carry, Const, Effect, Expr, For, Op, Recovery, Span, Stmt, Store, Undef, Var
from srcad.ir.regions import Region
from srcad.ir.traversal import blocks, defined, rename, with_blocks
from srcad.ir.types import Array, Scalar
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.source_comments import ITERATION_REVERSED, RERUN
from srcad.reverse.storage.plan import Plan
from srcad.reverse.storage.tape_layout import TapeLayout
from srcad.reverse.storage.tape_slot import TapeSlot
from srcad.typing.builder import Builder

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

    def sets_segment_start(self, stmt: Stmt) -> bool:
        """Whether the statement sets the start of the single segment that analyses see."""
        return isinstance(stmt, Assign) and any(s.first.name == stmt.target for s in self.checkpoints.segments.values())

    # ---- forward -----------------------------------------------------------------------------

    def forward(self, stmt: For, loop: Region) -> Block:
        """The loop over the segments, and before it the tape slots of their states."""
        segment, state = self.checkpoints.segments[loop], self._state_slots[loop]
        results = {carry.result for carry in stmt.carried}
        # it is emitted twice: with names of its own, each name still has one definition
        own = {name: self._fresh(name) for name in (*sorted(defined((stmt,)) - results), segment.first.name)}
        (inner,) = rename((stmt,), own)
        assert isinstance(inner, For)
        first = own[segment.first.name]
        saves: list[Stmt] = []
        outer_carries, inner_carries = [], []
        for carry, one in zip(stmt.carried, inner.carried, strict=True):
            start, end = self._fresh(carry.arg), self._fresh(carry.result)
            slot = state.carried.get(carry.arg)
            saves += [] if slot is None else self._saved(carry.arg, start, slot)
            outer_carries.append(Carry(start, carry.init, Var(end), carry.result))
            inner_carries.append(Carry(one.arg, Var(start), one.next, end))
        for name, slot in state.memory.items():
            saves += self._saved(name, name, slot)
        bounds, last = self._bounds(loop, first)
        inner = replace(inner, start=Var(first), stop=last, carried=tuple(inner_carries))
        body = (*saves, *bounds, inner)
        declared = [s for slot in (*state.carried.values(), *state.memory.values()) for s in slot.declare]
        declared += [Assign(copy.name, Op("copy", (Var(name),))) for name, copy in state.before.items()]
        number = self._fresh(segment.number.name)
        outer_carried = tuple(outer_carries)
        outer = For(segment.number.name, Const(0), segment.count, Const(1), body, outer_carried, None, stmt.span)
        return (*declared, *rename((outer,), {segment.number.name: number}))

    def _saved(self, name: str, at: str, slot: TapeSlot) -> Block:
        t = self.builder.types[name]
        value: Expr = Var(at)
        if isinstance(t, Array) and slot.by_reference:
            if name in self.stored:
                value = Op("copy", (value,))
            elif t.layout != "C":
                value = Op("np.ascontiguousarray", (value,))
        return slot.push(value)

    def _bounds(self, loop: Region, first: str) -> tuple[Block, Var]:
        segment = self.checkpoints.segments[loop]
        last = self.builder.fresh("last", Scalar("int64"))
        end = replace(segment, first=Var(first)).end
        return (Assign(first, segment.begin), Assign(last.name, end)), last

    def _fresh(self, name: str) -> str:
        fresh = self.builder.fresh(base(name), self.builder.types[name]).name
        if name in self.builder.tape:
            self.builder.tape[fresh] = self.builder.tape[name]
        return fresh

    # ---- reverse -----------------------------------------------------------------------------

    def bounds(self, stmt: For, loop: Region) -> tuple[For, Block]:
        """The loop over one segment, and the statements that compute its bounds."""
        bounds, last = self._bounds(loop, self.checkpoints.segments[loop].first.name)
        return replace(stmt, stop=last), bounds

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
        rerun = replace(stmt, body=_without_effects(rerun_body), carried=tuple(carried))
        body = (
            *bounds,
            *restored,
            RERUN,
            rerun,
            ITERATION_REVERSED,
            *reversal,
        )
        reversed_loop = For(segment.number.name, plus(segment.count, -1), Const(-1), Const(-1), body)
        after = [Store(Var(name), (), copy) for name, copy in state.before.items()]
        return [*self.preamble.get(loop, ()), reversed_loop, *after]


def _without_effects(block: Block) -> Block:
    """Without printing and checks: the forward sweep has done both."""
    remaining = (s for s in block if not isinstance(s, Effect) or s.call.prim not in ("print", "check"))
    return tuple(with_blocks(s, [_without_effects(b) for b in blocks(s)]) for s in remaining)
