"""The gradient function put together: the forward sweep with what it saves, then the reverse sweep."""

from __future__ import annotations

from dataclasses import dataclass, field

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.to_be_recorded import ToBeRecorded
from srcad.canonicalize.array_expansion import SAVED
from srcad.canonicalize.trip_counts import trip_count_of
from srcad.ir.length_exprs import minus, plus
from srcad.ir.nodes import Assign, Block, Comment, Const, Expr, For, If, Op, Stmt, Store, Var, While
from srcad.ir.regions import Region
from srcad.ir.result_memory import root
from srcad.ir.traversal import block_reads, defined, place, replace_names, substitute, with_blocks
from srcad.ir.types import Array, Scalar
from srcad.reverse.adjoint.reverse_sweep import ReverseBranches, ReverseGroup, ReverseLoop, ReverseSweep
from srcad.reverse.loops.checkpoint_loops import SegmentLoops
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.loops.interleave import InterleavePlan
from srcad.reverse.source_comments import ITERATION, ITERATION_REVERSED
from srcad.reverse.storage.overwritten_memory import SavePoint, is_restored_at
from srcad.reverse.storage.tape_layout import Growth, TapeLayout, TapeSlot, room
from srcad.reverse.storage.tape_names import recovered_name, tape_name
from srcad.typing.builder import Builder
from srcad.typing.join import WeakType, join_types, rename_symbols


@dataclass
class _Insertions:
    """Statements to add to a region of the forward sweep, by position."""

    before: dict[int, list[Stmt]] = field(default_factory=dict)
    after: dict[int, list[Stmt]] = field(default_factory=dict)
    """After position -1: at the start of the region."""


@dataclass(frozen=True)
class AssembledSweeps:
    forward: Block
    reverse: Block
    deferred: Block
    """What the primal computes from the results of fused loops, after both sweeps."""
    restores: bool
    """Whether the reverse sweep writes into arrays of the primal."""
    restored: tuple[str, ...] | None
    """Those arrays; None where some have no name when the forward sweep is over: they were made in a loop."""


class Assembly:
    def __init__(
        self, builder: Builder, fused: InterleavePlan, aliases: AliasClasses, checkpoints: SegmentState
    ) -> None:
        self.builder = builder
        self.regions = regions = fused.regions
        self.aliases = aliases
        self.plan = fused.plan
        self.moved = fused.deferred
        self.slots = TapeLayout(builder, regions, checkpoints.segments)
        self.stretched = SegmentLoops(builder, self.slots, checkpoints, aliases.written, self.plan)
        self.stretches = checkpoints.segments
        self.overwrites = ToBeRecorded(regions, aliases, builder.types)
        self.insertions: dict[Region, _Insertions] = {}
        self.preamble: dict[Region, list[Stmt]] = {}
        """Before a fused loop: the places its turns use again."""
        self.growths: dict[Region, dict[Region | None, list[Growth]]] = {}
        """By loop, the arrays that grow by a row in each turn, by where they begin."""
        self.names: dict[str, Var] = {}
        self.value_slots: dict[str, TapeSlot] = {}
        self.undo_slots: dict[int, TapeSlot] = {}

    def sweeps(self, sweep: ReverseSweep) -> AssembledSweeps:
        self._save_values()
        self._save_overwritten()
        for name in (*self.plan.recovered, *self.plan.loop_carried):
            base = recovered_name(name, self.regions.definitions[name].node, name in self.plan.recomputed)
            slot = self.value_slots.get(name)
            if slot is not None and isinstance(slot.read, Op) and not base.startswith("%"):
                base = f"%{base}"  # what is read once is read where it is kept
            self.names[name] = self._holder(base, name)
        for counted in self.plan.counted:
            self.names.update(dict.fromkeys(counted.counter.last_use, counted.holder))
        for name, first in self.plan.value_numbers.items():
            self.names[name] = self.names.get(first, Var(first))
        reverse = self.reverse(sweep)
        top = self.regions.top
        restores = bool(self.plan.save_points or self.stretches)
        return AssembledSweeps(self.forward(top), reverse, self.late(top), restores, self._restored())

    def _restored(self) -> tuple[str, ...] | None:
        if self.stretches:
            return None  # which run again, and use up what they begin with
        undone = [s for r in self.regions for s in r.stmts if isinstance(s, Store) and id(s) in self.plan.save_points]
        groups = {self.aliases.class_of[root(store.base) or ""] for store in undone}
        found = []
        for name, group in self.aliases.class_of.items():
            definition = self.regions.definitions.get(name)
            node = definition.node if definition is not None else None
            if group not in groups or definition is None or (isinstance(node, Assign) and root(node.value)):
                continue  # a view of another
            if definition.region is not self.regions.top or name in self.plan.saved:
                return None
            found.append(name)
        return tuple(found)

    def _holder(self, base: str, name: str) -> Var:
        """The name by which the reverse sweep has a value; what is handed on goes by one name from turn to turn."""
        holder = self.builder.fresh(base, self.builder.types[name])
        if name in self.plan.loop_carried:
            carry = self.plan.loop_carried[name].carry
            both = join_types(*(WeakType(self.builder.types[n], False) for n in (carry.arg, carry.result)))
            assert isinstance(both, WeakType), both
            self.builder.types[holder.name] = rename_symbols(both, holder.name)
        return holder

    # ---- forward -----------------------------------------------------------------------------

    def _at(self, region: Region) -> _Insertions:
        return self.insertions.setdefault(region, _Insertions())

    def _declare(self, slot: TapeSlot, region: Region) -> None:
        if slot.declare:
            outermost = self.regions.enclosing_loops(region)[0]
            assert outermost.parent is not None
            if outermost in self.stretches:
                self.stretched.preamble.setdefault(outermost, []).extend(slot.declare)
                return
            around = [turn for turn in outermost.enclosing if turn in self.regions.interleaved]
            known = next((turn for turn in reversed(around) if self._known_outside(slot.declare, turn)), None)
            if slot.grows is not None:
                self.growths.setdefault(outermost, {}).setdefault(known, []).append(slot.grows)
            if known is not None:
                self.preamble.setdefault(known, []).extend(slot.declare)
                return
            before = self._at(outermost.parent).before
            before.setdefault(outermost.position, []).extend(slot.declare)

    def _known_outside(self, declared: Block, turn: Region) -> bool:
        """Whether the sizes of a place are known before a fused loop: it is made once, and each turn uses it again."""
        made = defined(declared)
        return all(turn not in set(self.regions.definitions[n].region.enclosing) for n in block_reads(declared) - made)

    def _save_values(self) -> None:
        ranks = {name: rank for rank, name in enumerate(self.regions.definitions)}
        for name in sorted(self.plan.saved, key=lambda n: ranks[n]):
            definition = self.regions.definitions[name]
            region = definition.region
            t = self.builder.types[name]
            written = isinstance(t, Array) and name in self.aliases.written
            last = definition.position
            if written and self.overwrites.lifetime(self.aliases.class_of[name]) is region:
                # what the array holds in the end: going back, what was overwritten before that is restored
                last = len(region.stmts) - 1 - self._counts(region)
                written = False
            slot = self.slots.make(tape_name(name, t, definition.node), region, t, refers=written)
            self.value_slots[name] = slot
            self._declare(slot, region)
            value: Expr = Var(name)
            if isinstance(t, Array) and t.layout != "C" and name not in self.aliases.written and slot.by_reference:
                value = Op("np.ascontiguousarray", (value,))
            self._at(region).after.setdefault(last, []).extend(slot.push(value))

    def _counts(self, turn: Region) -> bool:
        """Whether the last statement of a region counts its turns, whose number is a place."""
        owner = turn.owner
        count = trip_count_of(owner) if isinstance(owner, For | While) else None
        last = turn.stmts[-1]
        return count is not None and isinstance(last, Assign) and count.next == Var(last.target)

    def _save_overwritten(self) -> None:
        shared: dict[object, TapeSlot] = {}
        for store, _ in self.overwrites.stores:
            if id(store) in self.plan.save_points:
                home, written = self.plan.save_points[id(store)], place(store)
                if (home, written) not in shared:
                    shared[home, written] = self._save_place(written, home)
                self.undo_slots[id(store)] = shared[home, written]

    def _save_place(self, written: Expr, home: SavePoint) -> TapeSlot:
        t = self.builder.typeof(written)
        base = root(written)
        assert base is not None and isinstance(t, Scalar | Array)
        slot = self.slots.make(base.rsplit(".", 1)[0].removesuffix(SAVED) + SAVED, home.region, t)
        self._declare(slot, home.region)
        content: Expr = Op("copy", (written,)) if isinstance(t, Array) and slot.by_reference else written
        self._at(home.region).before.setdefault(home.position, []).extend(slot.push(content))
        return slot

    def forward(self, region: Region) -> Block:
        """The region's statements with the insertions; a `while` is put together by its owner."""
        added = self._at(region)
        out: list[Stmt] = [*self._room(region), *added.after.get(-1, ())]
        for position, stmt in enumerate(region.stmts):
            out += added.before.get(position, ())
            if isinstance(stmt, For) and (turn := self.regions.body_of(stmt, "turn")) in self.stretches:
                out += self.stretched.forward(stmt, turn)
            elif position not in self.moved.get(region, ()) and not self._is_fused(stmt):
                out += () if self.stretched.is_first(stmt) else (self._inner(stmt),)
            out += added.after.get(position, ())
        return tuple(out)

    def _room(self, turn: Region) -> Block:
        return tuple(s for several in self.growths.get(turn, {}).values() for s in room(several))

    def late(self, region: Region) -> Block:
        """The statements of a region that come after the way back through it."""
        return tuple(region.stmts[at] for at in sorted(self.moved.get(region, ())))

    def _is_fused(self, stmt: Stmt) -> bool:
        return isinstance(stmt, For) and self.regions.body_of(stmt, "turn") in self.regions.interleaved

    def _inner(self, stmt: Stmt) -> Stmt:
        match stmt:
            case If():
                inner = [self.forward(self.regions.body_of(stmt, kind)) for kind in ("then", "else")]
                return with_blocks(stmt, inner)
            case For():
                return with_blocks(stmt, [self.forward(self.regions.body_of(stmt, "turn"))])
            case While(test=test):
                region = self.regions.body_of(stmt, "turn")
                added = self._at(region)
                # saving belongs to the turn, which starts only when the test has passed
                at_start: list[Stmt] = [*self._room(region), *added.after.get(-1, ())]
                for position in range(len(test)):
                    assert not added.before.get(position)
                    at_start += added.after.get(position, ())
                body: list[Stmt] = []
                for position in range(len(test), len(region.stmts)):
                    body += added.before.get(position, ())
                    body.append(self._inner(region.stmts[position]))
                    body += added.after.get(position, ())
                return with_blocks(stmt, [test, tuple(at_start + body)])
            case _:
                return stmt

    # ---- reverse -----------------------------------------------------------------------------

    def reverse(self, sweep: ReverseSweep) -> Block:
        due: dict[int, list[str]] = {}
        for name in self.plan.recovered:
            definition = self.regions.definitions[name]
            if definition.region is sweep.region:
                due.setdefault(self._due(name), []).append(name)
        ranks = {name: rank for rank, name in enumerate(self.regions.definitions)}
        out: list[Stmt] = []
        for group in sweep.with_others(
            self.plan.counted, self.plan.restore_planner.groups(self.plan.save_points, sweep.region)
        ):
            now = self._in_order(sorted(due.pop(group.position, ()), key=lambda n: ranks[n]))
            if group.restores is not None and is_restored_at(group, sweep.region, self.plan.save_points):
                first = self._index_names(group.restores)
                for name in (n for n in now if n in first):
                    out += self._get_back(name, group)
                out += self._undo(group)
                now = [n for n in now if n not in first]
            for name in now:
                out += self._get_back(name, group)
            out += substitute(tuple(group.stmts), self.names)
            out += self._nested(group)
        assert not due, due
        return tuple(out)

    def _in_order(self, due: list[str]) -> list[str]:
        """Values to get back at one position, each after those it is got back from."""
        ordered: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in ordered:
                return
            for n in due:
                if n in self._sources(name):
                    visit(n)
            ordered[name] = None

        for name in due:
            visit(name)
        return list(ordered)

    def _sources(self, name: str) -> frozenset[str]:
        """The names that getting a value back reads."""
        if name in self.plan.reloaded:
            return self.plan.names(self.plan.reloaded[name][1])
        if name in self.plan.read_from_saved_overwrite:
            return frozenset(
                n for item in self.plan.read_from_saved_overwrite[name][1].items for n in self.plan.names(item)
            )
        node = self.regions.definitions[name].node
        return self.plan.names(node.value) if name in self.plan.recomputed and isinstance(node, Assign) else frozenset()

    def _index_names(self, store: Store) -> frozenset[str]:
        """What says where the store went: needed before the place can be restored."""
        found: frozenset[str] = frozenset()
        pending = [n for e in (store.base, *store.index) for n in self.plan.names(e)]
        while pending:
            name = pending.pop()
            if name in found:
                continue
            found |= {name}
            pending += self._sources(name) if name in self.regions.definitions else ()
        return found

    def _due(self, name: str) -> int:
        if name in self.plan.reloaded:
            return self.plan.reloaded[name][0]
        if name in self.plan.read_from_saved_overwrite:
            return self.plan.read_from_saved_overwrite[name][0]
        return self.plan.recomputed[name] if name in self.plan.recomputed else self.plan.saved[name]

    def _undo(self, group: ReverseGroup) -> list[Stmt]:
        store = group.restores
        assert store is not None
        slot = self.undo_slots[id(store)]
        restored = Store(self._renamed(store.base), tuple(map(self._renamed, store.index)), slot.read, None, group.span)
        return [*slot.position, restored]

    def _renamed(self, e: Expr) -> Expr:
        return replace_names(e, self.names)

    def _get_back(self, name: str, group: ReverseGroup) -> list[Stmt]:
        target = self.names[name].name
        if name in self.plan.recomputed:
            node = self.regions.definitions[name].node
            assert isinstance(node, Assign)
            return [Assign(target, self._renamed(node.value), group.span)]
        if name in self.plan.reloaded:
            return [Assign(target, self._renamed(self.plan.reloaded[name][1]), group.span)]
        if name in self.plan.read_from_saved_overwrite:
            part = self.plan.read_from_saved_overwrite[name][1]
            return [Assign(target, self._element(self.undo_slots[id(part.store)], part.items), group.span)]
        slot = self.value_slots[name]
        return [*slot.position, Assign(target, slot.read, group.span)]

    def _element(self, slot: TapeSlot, items: tuple[Expr, ...]) -> Expr:
        """An element of what is kept in a place."""
        match slot.read, tuple(map(self._renamed, items)):
            case load, ():
                return load
            case Op("index", (saved, *at)), inner:
                return Op("index", (saved, *at, *inner))
            case load, inner:
                return Op("index", (load, *inner))

    def _nested(self, group: ReverseGroup) -> list[Stmt]:
        match group.nested:
            case ReverseBranches(owner, then, orelse):
                a, b = self.reverse(then), self.reverse(orelse)
                return [If(self._renamed(owner.cond), a, b, (), owner.span)] if a or b else []
            case ReverseLoop(owner, turn):
                body = self.reverse(turn)
                if self._is_fused(owner):
                    forward, late = self.forward(turn.region), self.late(turn.region)
                    both = (Comment(ITERATION), *forward, Comment(ITERATION_REVERSED), *body) if forward else body
                    both += late
                    return [*self.preamble.get(turn.region, ()), with_blocks(owner, [both])]
                if not body:
                    return []
                handed_on = [
                    (self.names[end], one.carry)
                    for end, one in self.plan.loop_carried.items()
                    if one.turn is turn.region
                ]
                before = [Assign(end.name, self.names[carry.arg], owner.span) for end, carry in handed_on]
                if isinstance(owner, For) and turn.region in self.stretches:
                    one, bounds = self.stretched.bounds(owner, turn.region)
                    last = [self.stretched.handed_on(end, carry, owner.span) for end, carry in handed_on]
                    back = (*last, self._turned(one, (*body, *before)))
                    return self.stretched.reverse(one, bounds, turn.region, self.forward(turn.region), back)
                last = [Assign(end.name, Var(carry.result), owner.span) for end, carry in handed_on]
                return [*last, self._turned(owner, (*body, *before))]
            case _:
                return []

    def _turned(self, owner: For | While, body: Block) -> Stmt:
        """The loop backwards over the same turns."""
        count = trip_count_of(owner)
        if count is not None:
            turns = self._renamed(Var(count.result))
            if isinstance(owner, For):
                start, step = self._renamed(owner.start), self._renamed(owner.step)
                at = Var(count.arg) if step == Const(1) else Op("*", (Var(count.arg), step))
                body = (Assign(owner.index, plus(start, at)), *body)
            return For(count.arg, plus(turns, -1), Const(-1), Const(-1), body)
        assert isinstance(owner, For)
        start, stop, step = (self._renamed(e) for e in (owner.start, owner.stop, owner.step))
        if isinstance(step, Const) and isinstance(step.value, int):
            by = step.value
            toward = 1 if by > 0 else -1
            if by == toward:
                last = plus(stop, -toward)
            else:
                span = plus(minus(stop, start), -toward)
                last = plus(start, Op("*", (Op("//", (span, Const(by))), Const(by))))
            return For(owner.index, last, plus(start, -toward), Const(-by), body)
        turns = Op("len", (Op("range", (start, stop, step)),))
        turn = self.builder.fresh("turn", Scalar("int64"))
        body = (Assign(owner.index, plus(start, Op("*", (turn, step)))), *body)
        return For(turn.name, plus(turns, -1), Const(-1), Const(-1), body)
