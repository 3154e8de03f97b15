"""The text of a checkpointed loop: its stretches in the forward sweep, and each run again and taken back.

Forward, a stretch keeps what it begins with. On the way back the last comes first: what it began with is put back, its
turns run again and save what their reversal reads, in the same places as those of all other stretches.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from srcad.canonicalize.array_expansion import SAVED
from srcad.ir.length_exprs import plus
from srcad.ir.nodes import Assign, Block, Carry, Comment, Const, Effect, Expr, For, Op, Span, Stmt, Store, Undef, Var
from srcad.ir.regions import Region
from srcad.ir.traversal import blocks, defined, rename, with_blocks
from srcad.ir.types import Array, Scalar
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.source_comments import AGAIN, ITERATION_REVERSED
from srcad.reverse.storage.plan import Plan
from srcad.reverse.storage.tape_layout import TapeLayout, TapeSlot
from srcad.typing.builder import Builder

CHECKPOINTS = "_checkpoints"
"""What the name of an array ends in that keeps the state at the start of each stretch."""


@dataclass
class _Kept:
    """Where the state of a loop is kept: by the name of the array, by the name that is carried round."""

    memory: dict[str, TapeSlot] = field(default_factory=dict)
    carried: dict[str, TapeSlot] = field(default_factory=dict)
    before: dict[str, Var] = field(default_factory=dict)
    """Copies of arrays as they are before the loop."""


class SegmentLoops:
    def __init__(
        self, builder: Builder, slots: TapeLayout, checkpoints: SegmentState, stored: frozenset[str], plan: Plan
    ) -> None:
        self.builder = builder
        self.checkpoints = checkpoints
        self.stored = stored
        self.preamble: dict[Region, list[Stmt]] = {}
        """Before the stretches are taken back: the places that all of them use."""
        self.starts: dict[str, Var] = {}
        """For each name carried round, what a stretch begins with."""
        self.results: dict[str, Var] = {}
        """For each result of the loop, that of a stretch which is run again."""
        self._kept: dict[Region, _Kept] = {}
        for turn in checkpoints.segments:
            kept = self._kept[turn] = _Kept()
            for name in checkpoints.saved_arrays(turn):
                kept.memory[name] = slots.segment(_called(name), builder.types[name], turn)
            for carry in checkpoints.saved_carries(turn, plan.reads):
                t = builder.types[carry.arg]
                kept.carried[carry.arg] = slots.segment(_called(carry.arg), t, turn)
                self.starts[carry.arg] = builder.fresh(f"%{_base(carry.arg)}", t)
            owner = turn.owner
            assert isinstance(owner, For)
            for carry in owner.carried:
                self.results[carry.result] = builder.fresh(_base(carry.result), builder.types[carry.result])
            for name in checkpoints.clobbered_arrays(turn, plan.restored_after_segments.get(turn, ())):
                kept.before[name] = builder.keep(_base(name).removesuffix(SAVED) + SAVED, builder.types[name])

    def is_first(self, stmt: Stmt) -> bool:
        """Whether the statement says where the one stretch begins that analyses see."""
        return isinstance(stmt, Assign) and any(s.first.name == stmt.target for s in self.checkpoints.segments.values())

    # ---- forward -----------------------------------------------------------------------------

    def forward(self, stmt: For, turn: Region) -> Block:
        """The loop over the stretches, and before it the places for what they begin with."""
        stretch, kept = self.checkpoints.segments[turn], self._kept[turn]
        results = {carry.result for carry in stmt.carried}
        # it runs twice: with names of its own, each is still assigned in one place
        own = {name: self._fresh(name) for name in (*sorted(defined((stmt,)) - results), stretch.first.name)}
        (inner,) = rename((stmt,), own)
        assert isinstance(inner, For)
        first = own[stretch.first.name]
        begins: list[Stmt] = []
        round_stretches, round_turns = [], []
        for carry, one in zip(stmt.carried, inner.carried, strict=True):
            start, end = self._fresh(carry.arg), self._fresh(carry.result)
            slot = kept.carried.get(carry.arg)
            begins += [] if slot is None else self._saved(carry.arg, start, slot)
            round_stretches.append(Carry(start, carry.init, Var(end), carry.result))
            round_turns.append(Carry(one.arg, Var(start), one.next, end))
        for name, slot in kept.memory.items():
            begins += self._saved(name, name, slot)
        bounds, last = self._bounds(turn, first)
        inner = replace(inner, start=Var(first), stop=last, carried=tuple(round_turns))
        body = (*begins, *bounds, inner)
        made = [s for slot in (*kept.carried.values(), *kept.memory.values()) for s in slot.declare]
        made += [Assign(copy.name, Op("copy", (Var(name),))) for name, copy in kept.before.items()]
        number = self._fresh(stretch.number.name)
        around = tuple(round_stretches)
        outer = For(stretch.number.name, Const(0), stretch.count, Const(1), body, around, None, stmt.span)
        return (*made, *rename((outer,), {stretch.number.name: number}))

    def _saved(self, name: str, at: str, slot: TapeSlot) -> Block:
        t = self.builder.types[name]
        value: Expr = Var(at)
        if isinstance(t, Array) and slot.by_reference:
            if name in self.stored:
                value = Op("copy", (value,))
            elif t.layout != "C":
                value = Op("np.ascontiguousarray", (value,))
        return slot.push(value)

    def _bounds(self, turn: Region, first: str) -> tuple[Block, Var]:
        stretch = self.checkpoints.segments[turn]
        last = self.builder.fresh("last", Scalar("int64"))
        end = replace(stretch, first=Var(first)).end
        return (Assign(first, stretch.begin), Assign(last.name, end)), last

    def _fresh(self, name: str) -> str:
        made = self.builder.fresh(_base(name), self.builder.types[name]).name
        if name in self.builder.tape:
            self.builder.tape[made] = self.builder.tape[name]
        return made

    # ---- and back ----------------------------------------------------------------------------

    def bounds(self, stmt: For, turn: Region) -> tuple[For, Block]:
        """The loop over one stretch, and before it where that begins and ends."""
        bounds, last = self._bounds(turn, self.checkpoints.segments[turn].first.name)
        return replace(stmt, stop=last), bounds

    def handed_on(self, end: Var, carry: Carry, span: Span | None) -> Stmt:
        """What the last turn of a stretch has handed on."""
        return Assign(end.name, self.results[carry.result], span)

    def reverse(self, stmt: For, bounds: Block, turn: Region, again: Block, back: Block) -> list[Stmt]:
        """All stretches, the last first; `again` is the body of the second run of one, `back` takes it back."""
        stretch, kept = self.checkpoints.segments[turn], self._kept[turn]
        restored: list[Stmt] = []
        for name, slot in kept.memory.items():
            restored += [*slot.position, Store(Var(name), (), slot.read, None, stmt.span)]
        carried = []
        for carry in stmt.carried:
            slot_of = kept.carried.get(carry.arg)
            start: Expr = Undef()
            if slot_of is not None:
                start = self.starts[carry.arg]
                # what comes out of a list belongs to nobody else
                own = carry.arg in self.stored and not slot_of.by_reference
                load = Op("copy", (slot_of.read,)) if own else slot_of.read
                restored += [*slot_of.position, Assign(self.starts[carry.arg].name, load, stmt.span)]
            carried.append(replace(carry, init=start, result=self.results[carry.result].name))
        rerun = replace(stmt, body=_silent(again), carried=tuple(carried))
        body = (
            *bounds,
            *restored,
            Comment(AGAIN),
            rerun,
            Comment(ITERATION_REVERSED),
            *back,
        )
        loop = For(stretch.number.name, plus(stretch.count, -1), Const(-1), Const(-1), body)
        after = [Store(Var(name), (), copy) for name, copy in kept.before.items()]
        return [*self.preamble.get(turn, ()), loop, *after]


def _silent(block: Block) -> Block:
    """Without what is printed and checked: that was in the forward sweep."""
    kept = (s for s in block if not isinstance(s, Effect) or s.call.prim not in ("print", "check"))
    return tuple(with_blocks(s, [_silent(b) for b in blocks(s)]) for s in kept)


def _called(name: str) -> str:
    return _base(name).lstrip("%").removesuffix(SAVED) + CHECKPOINTS


def _base(name: str) -> str:
    return name.rsplit(".", 1)[0]
