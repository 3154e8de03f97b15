"""Storage decision: how the reverse sweep recovers each value it reads. This is the one place where that is decided.

For each value, the first that applies: (1) it is still live under its name; (2) it is cheap to recompute from what is
available; (3) it can be reloaded from an array it was stored into; (4) it is saved, once per iteration of the
enclosing loops. Memory is kept right by saving what a store overwrites, where the sweep still reads it
(`overwritten_memory`). Which recomputable values are saved after all, so that others need not be, is a minimum cut.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def chain(x, s):
...     y = np.empty(len(x))
...     for i in range(len(x)):
...         a = 2.0 * x[i]
...         y[i] = np.exp(a * s)
...         s = np.sin(s) * y[i]
...     return s
>>> source = srcad.grad(chain, argnums="x", target="python").source_for(np.ones(3), 1.0)
>>> print(source[source.index("    for i in range(len(x) - 1") : source.index("    return")].rstrip())
    for i in range(len(x) - 1, -1, -1):
        # L6: s = np.sin(s) * y[i]
        d_y[i] = sin_saved[i] * d_s
        s = s_saved[i]
        d_s = np.cos(s) * y[i] * d_s
        # L5: y[i] = np.exp(a * s)
        d_product = y[i] * d_y[i]
        a = 2.0 * x[i]
        d_a = s * d_product
        d_s += a * d_product
        # L4: a = 2.0 * x[i]
        d_x[i] += 2.0 * d_a

Here `x` is live, `a` is recomputed, `np.exp(a * s)` is reloaded from `y`, and `s` was saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from srcad.analysis.integers.induction_variables import InductionVariable, induction_variable
from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded, elements_read
from srcad.analysis.values.min_cut import min_cut
from srcad.analysis.values.value_numbering import value_numbers
from srcad.canonicalize.trip_counts import is_trip_count
from srcad.ir.nodes import Assign, Carry, Expr, For, Op, Var
from srcad.ir.regions import Definition, Region, Regions
from srcad.ir.result_memory import root
from srcad.ir.traversal import block_reads, names, own_exprs, place, walk
from srcad.ir.types import Array, Scalar
from srcad.ir.types import counter as counter_dim
from srcad.reverse.adjoint.reverse_sweep import ReverseBranches, ReverseGroup, ReverseLoop, ReverseSweep, bounds
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.storage.cost import StorageCost
from srcad.reverse.storage.loop_carried import loop_carried_values
from srcad.reverse.storage.overwritten_memory import RestorePlanner, SavePoints, is_restored_at, reversed_atomically
from srcad.reverse.storage.plan import Counted, Plan
from srcad.reverse.storage.recomputation import FREE_TO_RECOMPUTE, Recomputation, SavedElement, before_restoring
from srcad.reverse.storage.stored_copies import StoredCopies
from srcad.reverse.storage.tape_layout import TapeLayout
from srcad.typing.builder import Builder


@dataclass
class _Draft:
    uses: dict[str, list[float]] = field(default_factory=dict)
    """For each name that is read, the positions of the reads in the region which defines it: of the index of a restored
    store, before the restore (`before_restoring`)."""
    accesses: list[MemoryAccess] = field(default_factory=list)


class StoragePlanner:
    """Decides the plan for a sweep; `order` ranks names by definition."""

    def __init__(
        self, builder: Builder, regions: Regions, aliases: AliasClasses, sweep: ReverseSweep, checkpoints: SegmentState
    ) -> None:
        self.checkpoints = checkpoints
        self.builder = builder
        self.regions = regions
        self.aliases = aliases
        self.sweep = sweep
        self.overwrites = ToBeRecorded(regions, aliases, builder.types)
        self.order = {name: rank for rank, name in enumerate(regions.definitions)}
        self.stores = self.overwrites.stores
        self.again = Recomputation(builder, regions, aliases, self.overwrites)
        self.undoing = RestorePlanner(regions, self.overwrites, builder.types, checkpoints)
        self.slots = TapeLayout(builder, regions, checkpoints.segments)
        self.weights = StorageCost(builder, regions, self.undoing, self.slots)
        self.standing = StoredCopies(builder, regions, aliases, self.overwrites)
        self.handed_on = loop_carried_values(regions, builder.types, aliases.written)
        self.counted: dict[Carry, Counted] = {}
        self.uncounted: set[Carry] = set()
        self._last = {inner.region: min(g.position for g in inner.groups) for inner, _ in sweep.everything()}
        self.equal: Mapping[str, str] = {}
        """For names whose value another name has too, the name that is read instead."""

    def plan(self) -> Plan:
        """The plan. Of equal values that would all have to be saved, the first is."""
        plan = self._plan()
        kept = {*plan.saved, *plan.read_from_saved_overwrite}
        equals = value_numbers(self.regions.top.stmts, self.builder.types, self.aliases)
        twice = {first for name, first in equals.items() if name in kept and self._in_loop(first)}
        if not twice:
            return plan
        self.equal = {name: first for name, first in equals.items() if first in twice}
        self.counted, self.uncounted = {}, set()
        return self._plan()

    def _plan(self) -> Plan:
        """Repeat until the restores cover all that is read; both only grow."""
        undone: SavePoints = {}
        barred: frozenset[str] = frozenset()
        while True:
            plan = self._decide(undone, barred)
            if self._count_back(plan):
                continue
            undone = plan.save_points
            needed = reversed_atomically(undone, self.undoing.required_for(plan.accesses))
            read = [overwritten.store for _, overwritten in plan.read_from_saved_overwrite.values()]
            needed = reversed_atomically(needed, {id(store): self.undoing.at_store(store) for store in read})
            # a value that is reloaded from where it was stored must not be overwritten by a restore before it is read
            lost = frozenset(name for name in plan.reloaded if self._undone_store(name, needed))
            if needed == undone and lost <= barred:
                behind = self.checkpoints.restored_after(plan.accesses, self.overwrites)
                return replace(plan, accesses=(*plan.accesses, *self.checkpoints.reads), restored_after_segments=behind)
            undone = needed
            barred |= lost

    # ---- what is read, where -----------------------------------------------------------------

    def _decide(self, undone: SavePoints, barred: frozenset[str]) -> Plan:
        draft, undone = self._read_anyway(undone)
        again: dict[str, int] = {}
        found: dict[str, tuple[int, Expr]] = {}
        overwritten: dict[str, tuple[int, SavedElement]] = {}
        saved: dict[str, int] = {}
        handed: dict[str, int] = {}
        done: dict[str, float] = {}
        keep = self._cut(draft, undone, barred)
        while True:
            # a read earlier in the reverse sweep may be added to a name that was decided: then it is decided again
            pending = [n for n, positions in draft.uses.items() if max(positions) > done.get(n, -2)]
            if not pending:
                starts = [(one.carry.arg, one.turn) for n, one in self.handed_on.items() if n in handed]
                unread = [(arg, turn) for arg, turn in starts if arg not in draft.uses]
                for arg, turn in unread:
                    self._use(draft, arg, turn, self._last[turn])
                if not unread:
                    break
                continue
            name = max(pending, key=lambda n: self.order[n])
            definition = self.regions.definitions[name]
            position = done[name] = max(draft.uses[name])
            for plan in (again, found, overwritten, saved, handed):
                plan.pop(name, None)
            if isinstance(definition.node, For):
                continue
            if is_trip_count(definition, name):
                continue
            held = next((c for c in self.counted.values() if name in c.counter.last_use), None)
            if held is not None:
                if position > held.counter.last_use[name]:
                    self.late.add(held.counter.carry)
                continue
            there = None if name in barred or not self._in_loop(name) else self.standing.location(name, definition)
            if there is not None:
                found[name] = (int(position), there)
                for n in names(there):
                    self._use(draft, n, definition.region, position)
                continue
            if name not in keep and self._cheap(name, definition, position) and self._reads_on(name, undone, position):
                again[name] = int(position)
                assert isinstance(definition.node, Assign)
                self._read_again(name, definition, position, draft)
                continue
            part = self._overwritten(name, definition, position) if name not in keep else None
            if part is not None:
                overwritten[name] = (int(position), part)
                for item in part.items:
                    self._reads_of(item, definition.region, position, draft)
                continue
            if not self._in_loop(name):
                continue
            if name in self.handed_on and name not in keep:
                handed[name] = int(position)
                continue
            saved[name] = int(position)
        left = {name: self.handed_on[name] for name in handed}
        reads = frozenset(draft.uses) | {one.carry.result for one in left.values()}
        accesses, counted = tuple(draft.accesses), tuple(self.counted.values())
        return Plan(again, found, overwritten, saved, undone, self.undoing, reads, accesses, counted, self.equal, left)

    def _read_anyway(self, undone: SavePoints) -> tuple[_Draft, SavePoints]:
        """What the sweep itself reads, and the restores required for that."""
        while True:
            draft = _Draft()
            self.late: set[Carry] = set()
            self._collect(self.sweep, undone, draft)
            wider = reversed_atomically(undone, self.undoing.required_for(draft.accesses))
            if wider == undone:
                return draft, undone
            undone = wider

    def _count_back(self, plan: Plan) -> bool:
        """Reverse an induction variable that would be saved, or no longer, where a value is read after its reversal.

        Whether anything changed, so that the plan has to be made again.
        """
        for carry in self.late:
            del self.counted[carry]
            self.uncounted.add(carry)
        if self.late:
            return True
        for name in plan.saved:
            counter = induction_variable(name, self.regions, self.builder.types)
            if counter is None or counter.carry in self.counted or counter.carry in self.uncounted:
                continue
            if counter.turn in self.regions.interleaved:
                continue
            holder = self.builder.fresh(name.rsplit(".", 1)[0], Scalar("int64"))
            self.counted[counter.carry] = Counted(counter, holder)
            if self._never_negative(counter):
                for one in (*counter.last_use, counter.carry.arg, counter.carry.result, holder.name):
                    self.builder.types[one] = Scalar("int64", counter_dim(one))
            return True
        return False

    def _never_negative(self, counter: InductionVariable) -> bool:
        """Whether it only grows, from 0 or more: then indices computed from it are nonnegative."""
        start = self.builder.typeof(counter.carry.init)
        known = isinstance(start, Scalar) and start.dim is not None and start.dim.is_index
        return known and all(
            s.op == "+" and isinstance(s.by.value, int) and s.by.value >= 0 for s in counter.increments
        )

    def _collect(self, sweep: ReverseSweep, undone: SavePoints, draft: _Draft) -> bool:
        """Record what the sweep reads; whether it does anything at all."""
        anything = False
        moved = self.undoing.groups(undone, sweep.region)
        for group in sweep.with_others(self.counted.values(), moved):
            restores = is_restored_at(group, sweep.region, undone)
            if group.restores is not None and restores:
                for e in (group.restores.base, *group.restores.index):
                    self._reads_of(e, sweep.region, before_restoring(group.position), draft)
            if group.stmts:
                for n in block_reads(tuple(group.stmts)):
                    self._use(draft, n, sweep.region, group.position)
                self._content(group, sweep.region, draft)
            match group.nested:
                case ReverseBranches(owner, then, orelse):
                    both = [self._collect(then, undone, draft), self._collect(orelse, undone, draft)]
                    if any(both):
                        anything = True
                        self._reads_of(owner.cond, sweep.region, group.position, draft)
                case ReverseLoop(owner, turn):
                    if self._collect(turn, undone, draft):
                        anything = True
                        for e in bounds(owner):
                            self._reads_of(e, sweep.region, group.position, draft)
                case None:
                    anything = anything or restores or bool(group.stmts)
        return anything

    def _reads_of(self, e: Expr, region: Region, position: float, draft: _Draft) -> None:
        for n in names(e):
            self._use(draft, n, region, position)

    def _use(self, draft: _Draft, name: str, region: Region, position: float) -> None:
        """Record a read, by its position in the region that defines the name."""
        if name not in self.regions.definitions:
            return  # a name that the sweep itself defines
        name = self.equal.get(name, name)
        where = self._position(name, region, position)
        assert where is not None, f"{name} is read outside of the region that defines it"
        draft.uses.setdefault(name, []).append(where)

    def _position(self, name: str, region: Region, position: float) -> float | None:
        """A read as a position in the region that defines the name; None where it is outside of it."""
        home = self.regions.definitions[name].region
        return position if region is home else home.place_of(region)

    def _content(self, group: ReverseGroup, region: Region, draft: _Draft) -> None:
        """Record the elements of written arrays that a group reads."""
        for stmt in walk(tuple(group.stmts)):
            for e in own_exprs(stmt):
                for read in elements_read(e):
                    n = root(read)
                    if n in self.aliases.written and n in self.regions.definitions:
                        at = self.overwrites.access(self.aliases.class_of[n], region, group.position, read)
                        draft.accesses.append(at)

    # ---- recomputation -----------------------------------------------------------------------

    def _cut(self, draft: _Draft, undone: SavePoints, barred: frozenset[str]) -> frozenset[str]:
        """Which of the recomputable values to save, so that others need not be: a minimum cut."""
        uses = {name: max(positions) for name, positions in draft.uses.items()}
        needed = [name for name in uses if self._in_loop(name)]
        dear: list[str] = []
        inputs: dict[str, list[str]] = {}
        stores: dict[str, int] = {}

        def saves(wanted: SavePoints) -> list[str]:
            """The nodes of the restores that are needed in addition."""
            more = [(id(s), wanted[id(s)]) for s, _ in self.stores if id(s) in wanted]
            more = [(store, home) for store, home in more if reversed_atomically(undone, {store: home}) != undone]
            nodes = dict(self.weights.of_store(store, home) for store, home in more)
            stores.update(nodes)
            return list(nodes)

        pending = list(needed)
        while pending:
            name = max(pending, key=lambda n: self.order[n])
            pending = [n for n in pending if n != name]
            definition = self.regions.definitions[name]
            if self._free(name, definition):
                continue
            if name not in barred and self.standing.location(name, definition) is not None:
                continue
            if self._cheap(name, definition, uses[name]):
                assert isinstance(definition.node, Assign)
                inputs[name] = saves(self.undoing.required_for(self._content_of(name, definition, uses[name])))
            elif (part := self._overwritten(name, definition, uses[name])) is not None:
                inputs[name] = saves({id(part.store): self.undoing.at_store(part.store)})
            elif name in self.handed_on:
                start = self.handed_on[name].carry.arg
                uses.setdefault(start, -1)
                inputs[name] = [start]
                pending.append(start)
                continue
            else:
                dear.append(name)
                continue
            assert isinstance(definition.node, Assign)
            for n in (self.equal.get(n, n) for n in names(definition.node.value)):
                where = self._position(n, definition.region, uses[name])
                if where is not None:
                    uses[n] = max(where, uses.get(n, where))
                    if self._in_loop(n):
                        inputs[name].append(n)
                        pending.append(n)
        known = {*needed, *dear, *inputs, *chain(*inputs.values())} - set(stores)
        weight = {name: self.weights.of_name(name) for name in known} | stores
        keep = min_cut([n for n in needed if n in inputs or n in dear], [*dear, *stores], inputs, weight)
        return keep - set(stores)

    def _free(self, name: str, definition: Definition) -> bool:
        """Whether the reversed loops define the value anyway."""
        if isinstance(definition.node, For) or is_trip_count(definition, name):
            return True
        return any(name in c.counter.last_use for c in self.counted.values())

    def _in_loop(self, name: str) -> bool:
        return bool(self.regions.enclosing_loops(self.regions.definitions[name].region))

    def _cheap(self, name: str, definition: Definition, position: float) -> bool:
        """Whether the value may be recomputed at the reversal of `position`."""
        if not self.again.is_recomputable(name, definition, position):
            return False
        t = self.builder.types[name]
        # the reverse sweep has to take the branch that the forward sweep took
        exact = not (isinstance(t, Scalar) and t.dtype == "bool") or self.again.is_bit_exact(name)
        if self.regions.enclosing_loops(definition.region):
            return exact
        return name.startswith("%") and exact and self._at_hand(name, definition.region, position)

    def _at_hand(self, name: str, region: Region, position: float) -> bool:
        """Whether the value can be recomputed from operands for which nothing need be saved."""
        definition = self.regions.definitions[name]
        if self._free(name, definition):
            return True
        where = self._position(name, region, position)
        if where is None:
            return False
        if not self.again.is_recomputable(name, definition, where):
            return not self.regions.enclosing_loops(definition.region)
        if not self.regions.enclosing_loops(definition.region) and not name.startswith("%"):
            return True
        assert isinstance(definition.node, Assign)
        return all(self._at_hand(n, definition.region, where) for n in names(definition.node.value))

    def _read_again(self, name: str, definition: Definition, position: float, draft: _Draft) -> None:
        node = definition.node
        assert isinstance(node, Assign)
        for n in names(node.value):
            self._use(draft, n, definition.region, position)
        draft.accesses += self._content_of(name, definition, position)

    def _content_of(self, name: str, definition: Definition, position: float) -> list[MemoryAccess]:
        """The elements of written arrays that recomputing the value reads."""
        node = definition.node
        assert isinstance(node, Assign)
        array = isinstance(self.builder.types[name], Array)
        if array and isinstance(node.value, Op) and node.value.prim in FREE_TO_RECOMPUTE:
            return []  # a view reads nothing
        found = []
        for one in elements_read(node.value):
            rooted = root(one)
            if rooted is not None and rooted in self.aliases.written:
                found.append(
                    self.overwrites.access(self.aliases.class_of[rooted], definition.region, int(position), one)
                )
        return found

    def _reads_on(self, name: str, undone: SavePoints, position: float) -> bool:
        """Whether recomputing needs no further restores; where the value is live, those would not pay."""
        if self._in_loop(name):
            return True
        needed = self.undoing.required_for(self._content_of(name, self.regions.definitions[name], position))
        return reversed_atomically(undone, needed) == undone

    def _overwritten(self, name: str, definition: Definition, position: float) -> SavedElement | None:
        """The value as a part of what a store saves, if the tape has random access."""
        part = self.again.overwritten(name, definition, position) if self._in_loop(name) else None
        if part is None:
            return None
        t = self.builder.typeof(place(part.store))
        assert isinstance(t, Scalar | Array)
        return part if self.slots.is_random_access(definition.region, t) else None

    def _undone_store(self, name: str, undone: SavePoints) -> bool:
        """Whether a store of the value is reversed, for the sake of other reads."""
        values = [Var(n) for n in (name, *(n for n, first in self.equal.items() if first == name))]
        return any(id(s) in undone and s.value in values for s, _ in self.stores)
