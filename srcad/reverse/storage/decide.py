"""Storage decision: how the reverse sweep recovers each value it reads. This is the one place where that is decided.

For each value, the first that applies: (1) it counts iterations, as an index does; (2) it can be reloaded from an array
it was stored into; (3) it can be recomputed from what is available; (4) it is still live under its name; (5) the
neighbouring iteration restores it; (6) it is saved, once per iteration of the enclosing loops. Memory is restored: a
store saves what it overwrites, where the sweep still reads that (`overwritten_memory`). Which recomputable values are
saved after all, so that others need not be, is a minimum cut.

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
from dataclasses import replace
from itertools import chain

from srcad.analysis.integers.induction_variables import InductionVariable, induction_variable
from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded, elements_read
from srcad.analysis.values.min_cut import min_cut
from srcad.analysis.values.value_numbering import value_numbers
from srcad.canonicalize.trip_counts import is_trip_count
from srcad.ir.length_exprs import nonnegative_length, shape_query
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Assign, Carry, Expr, For, Op, Var
from srcad.ir.regions import Definition, Region, Regions
from srcad.ir.result_memory import root
from srcad.ir.traversal import names, place
from srcad.ir.types import Array, Scalar
from srcad.ir.types import counter as counter_dim
from srcad.reverse.adjoint.reverse_sweep import ReverseSweep
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.storage.cost import StorageCost
from srcad.reverse.storage.loop_carried import loop_carried_values
from srcad.reverse.storage.overwritten_memory import RestorePlanner, SavePoints, innermost
from srcad.reverse.storage.plan import Counted, Plan
from srcad.reverse.storage.recomputation import FREE_TO_RECOMPUTE, Recomputation, SavedElement
from srcad.reverse.storage.recorded_reads import RecordedReads, read_position
from srcad.reverse.storage.stored_copies import StoredCopies
from srcad.reverse.storage.tape_layout import TapeLayout
from srcad.rules.traits import SHAPE_QUERIES
from srcad.typing.builder import Builder


class StoragePlanner:
    """Decides the plan for a sweep; `order` ranks names by definition."""

    def __init__(
        self,
        builder: Builder,
        regions: Regions,
        aliases: AliasClasses,
        sweep: ReverseSweep,
        checkpoints: SegmentState,
        rounds_alike: bool,
    ) -> None:
        self.checkpoints = checkpoints
        self.builder = builder
        self.regions = regions
        self.aliases = aliases
        self.sweep = sweep
        self.overwrites = ToBeRecorded(regions, aliases, builder.types)
        self.order = {name: rank for rank, name in enumerate(regions.definitions)}
        self.stores = self.overwrites.stores
        self.recomputation = Recomputation(builder, regions, aliases, self.overwrites, sweep.reads(), rounds_alike)
        self.restore_planner = RestorePlanner(regions, self.overwrites, builder.types, checkpoints)
        self.slots = TapeLayout(builder, regions, checkpoints.segments)
        self.cost = StorageCost(builder, regions, self.restore_planner, self.slots)
        self.stored_copies = StoredCopies(builder, regions, aliases, self.overwrites)
        self.loop_carried = loop_carried_values(regions, builder.types, aliases.written)
        self.counted: dict[Carry, Counted] = {}
        self.uncounted: set[Carry] = set()
        self._last = {inner.region: min(g.position for g in inner.groups) for inner, _ in sweep.walk()}
        self.value_number: Mapping[str, str] = {}
        """For names whose value another name has too, the name that is read instead."""

    def plan(self) -> Plan:
        """The plan. Of equal values that would all have to be saved, the first is."""
        plan = self._plan()
        saved = {*plan.saved, *plan.read_from_saved_overwrite}
        equals = value_numbers(self.regions.top.stmts, self.builder.types, self.aliases)
        repeated = {first for name, first in equals.items() if name in saved and self._in_loop(first)}
        if not repeated:
            return plan
        self.value_number = {name: first for name, first in equals.items() if first in repeated}
        self.counted, self.uncounted = {}, set()
        return self._plan()

    def _plan(self) -> Plan:
        """Repeat until the restores cover all that is read; both only grow."""
        save_points: SavePoints = {}
        not_reloadable: frozenset[str] = frozenset()
        while True:
            plan = self._decide(save_points, not_reloadable)
            if self._reverse_inductions(plan):
                continue
            save_points = plan.save_points
            needed = innermost(save_points, self.restore_planner.required_for(plan.accesses))
            read = [from_overwrite.store for _, from_overwrite in plan.read_from_saved_overwrite.values()]
            needed = innermost(needed, {id(store): self.restore_planner.at_store(store) for store in read})
            # a value that is reloaded from where it was stored must not be overwritten by a restore before it is read
            overwritten_reloads = frozenset(name for name in plan.reloaded if self._is_restored_store(name, needed))
            if needed == save_points and overwritten_reloads <= not_reloadable:
                behind = self.checkpoints.restored_after(plan.accesses, self.overwrites)
                return replace(plan, accesses=(*plan.accesses, *self.checkpoints.reads), restored_after_segments=behind)
            save_points = needed
            not_reloadable |= overwritten_reloads

    # ---- the decision of each name -----------------------------------------------------------

    def _decide(self, save_points: SavePoints, not_reloadable: frozenset[str]) -> Plan:
        recorded, save_points = self._unconditional_reads(save_points)
        recomputed: dict[str, int] = {}
        reloaded: dict[str, tuple[int, Expr]] = {}
        from_overwrite: dict[str, tuple[int, SavedElement]] = {}
        saved: dict[str, int] = {}
        carried: dict[str, int] = {}
        decided: dict[str, float] = {}
        must_save = self._choose_saved(recorded, save_points, not_reloadable)
        while True:
            # a read earlier in the reverse sweep may be added to a name that was decided: then it is decided again
            pending = [n for n, positions in recorded.uses.items() if max(positions) > decided.get(n, -2)]
            if not pending:
                starts = [(one.carry.arg, one.loop) for n, one in self.loop_carried.items() if n in carried]
                unread = [(arg, loop) for arg, loop in starts if arg not in recorded.uses]
                for arg, loop in unread:
                    recorded.name(arg, loop, self._last[loop])
                if not unread:
                    break
                continue
            name = max(pending, key=lambda n: self.order[n])
            definition = self.regions.definitions[name]
            position = decided[name] = max(recorded.uses[name])
            for plan in (recomputed, reloaded, from_overwrite, saved, carried):
                plan.pop(name, None)
            if isinstance(definition.node, For):
                continue
            if is_trip_count(definition, name):
                continue
            induction = next((c for c in self.counted.values() if name in c.counter.last_use), None)
            if induction is not None:
                if position > induction.counter.last_use[name]:
                    self.read_too_late.add(induction.counter.carry)
                continue
            location = None if name in not_reloadable else self._location(name, definition)
            if location is not None:
                reloaded[name] = (int(position), location)
                for n in names(location):
                    recorded.name(n, definition.region, position)
                continue
            if (
                name not in must_save
                and self._may_recompute(name, definition, position)
                and self._restores_nothing_more(name, save_points, position)
            ):
                recomputed[name] = int(position)
                assert isinstance(definition.node, Assign)
                self._record_recomputation(name, definition, position, recorded)
                continue
            element = self._saved_element(name, definition, position) if name not in must_save else None
            if element is not None:
                from_overwrite[name] = (int(position), element)
                for item in element.items:
                    recorded.expression(item, definition.region, position)
                continue
            if not self._in_loop(name):
                continue
            if name in self.loop_carried and name not in must_save:
                carried[name] = int(position)
                continue
            saved[name] = int(position)
        carried_values = {name: self.loop_carried[name] for name in carried}
        reads = frozenset(recorded.uses) | {one.carry.result for one in carried_values.values()}
        accesses, counted = tuple(recorded.accesses), tuple(self.counted.values())
        return Plan(
            recomputed,
            reloaded,
            from_overwrite,
            saved,
            save_points,
            self.restore_planner,
            reads,
            accesses,
            counted,
            self.value_number,
            carried_values,
        )

    def _unconditional_reads(self, save_points: SavePoints) -> tuple[RecordedReads, SavePoints]:
        """What the sweep itself reads, and the restores required for that."""
        while True:
            recorded = RecordedReads(self.regions, self.aliases, self.overwrites, self.value_number)
            self.read_too_late: set[Carry] = set()
            recorded.sweep(self.sweep, save_points, self.restore_planner, tuple(self.counted.values()))
            wider = innermost(save_points, self.restore_planner.required_for(recorded.accesses))
            if wider == save_points:
                return recorded, save_points
            save_points = wider

    def _reverse_inductions(self, plan: Plan) -> bool:
        """Reverse an induction variable that would be saved, or no longer, where a value is read after its reversal.

        Whether anything changed, so that the plan has to be made again.
        """
        for carry in self.read_too_late:
            del self.counted[carry]
            self.uncounted.add(carry)
        if self.read_too_late:
            return True
        for name in plan.saved:
            counter = induction_variable(name, self.regions, self.builder.types)
            if counter is None or counter.carry in self.counted or counter.carry in self.uncounted:
                continue
            if counter.turn in self.regions.interleaved:
                continue
            variable = self.builder.fresh(base(name), Scalar("int64"))
            self.counted[counter.carry] = Counted(counter, variable)
            if self._is_nonnegative(counter):
                for one in (*counter.last_use, counter.carry.arg, counter.carry.result, variable.name):
                    self.builder.types[one] = Scalar("int64", counter_dim(one))
            return True
        return False

    def _is_nonnegative(self, counter: InductionVariable) -> bool:
        """Whether it only grows, from 0 or more: then indices computed from it are nonnegative."""
        start = self.builder.typeof(counter.carry.init)
        known = isinstance(start, Scalar) and start.dim is not None and start.dim.is_index
        return known and all(
            s.op == "+" and isinstance(s.by.value, int) and s.by.value >= 0 for s in counter.increments
        )

    # ---- recomputation -----------------------------------------------------------------------

    def _choose_saved(
        self, recorded: RecordedReads, save_points: SavePoints, not_reloadable: frozenset[str]
    ) -> frozenset[str]:
        """Which of the recomputable values to save, so that others need not be: a minimum cut."""
        uses = {name: max(positions) for name, positions in recorded.uses.items()}
        needed = [name for name in uses if self._in_loop(name)]
        not_recomputable: list[str] = []
        inputs: dict[str, list[str]] = {}
        stores: dict[str, int] = {}

        def saves(wanted: SavePoints) -> list[str]:
            """The nodes of the restores that are needed in addition."""
            additional = [(id(s), wanted[id(s)]) for s, _ in self.stores if id(s) in wanted]
            additional = [
                (store, point) for store, point in additional if innermost(save_points, {store: point}) != save_points
            ]
            nodes = dict(self.cost.of_store(store, point) for store, point in additional)
            stores.update(nodes)
            return list(nodes)

        pending = list(needed)
        while pending:
            name = max(pending, key=lambda n: self.order[n])
            pending = [n for n in pending if n != name]
            definition = self.regions.definitions[name]
            if self._is_always_available(name, definition):
                continue
            if name not in not_reloadable and self._location(name, definition) is not None:
                continue
            if self._may_recompute(name, definition, uses[name]):
                assert isinstance(definition.node, Assign)
                inputs[name] = saves(self.restore_planner.required_for(self._elements_of(name, definition, uses[name])))
            elif (element := self._saved_element(name, definition, uses[name])) is not None:
                inputs[name] = saves({id(element.store): self.restore_planner.at_store(element.store)})
            elif name in self.loop_carried:
                start = self.loop_carried[name].carry.arg
                uses.setdefault(start, -1)
                inputs[name] = [start]
                pending.append(start)
                continue
            else:
                not_recomputable.append(name)
                continue
            assert isinstance(definition.node, Assign)
            for n in (self.value_number.get(n, n) for n in names(definition.node.value)):
                where = read_position(self.regions, n, definition.region, uses[name])
                if where is not None:
                    uses[n] = max(where, uses.get(n, where))
                    if self._in_loop(n):
                        inputs[name].append(n)
                        pending.append(n)
        known = {*needed, *not_recomputable, *inputs, *chain(*inputs.values())} - set(stores)
        weight = {name: self.cost.of_name(name) for name in known} | stores
        must_save = min_cut(
            [n for n in needed if n in inputs or n in not_recomputable], [*not_recomputable, *stores], inputs, weight
        )
        return must_save - set(stores)

    def _is_always_available(self, name: str, definition: Definition) -> bool:
        """Whether the reversed loops define the value anyway."""
        if isinstance(definition.node, For) or is_trip_count(definition, name):
            return True
        return any(name in c.counter.last_use for c in self.counted.values())

    def _location(self, name: str, definition: Definition) -> Expr | None:
        """Where a value of an iteration can be read: where it was stored; a length, from an array before the loops."""
        if not self._in_loop(name):
            return None
        match definition.node, self.builder.types[name]:
            case Assign(_, Op(prim, (Var(array),))), Scalar(_, known) if prim in SHAPE_QUERIES and self._in_loop(array):
                same = None if known is None else self.slots.lengths.before_loops(known, definition.region)
                return None if same is None else nonnegative_length(same, shape_query)
        return self.stored_copies.location(name, definition)

    def _in_loop(self, name: str) -> bool:
        return bool(self.regions.enclosing_loops(self.regions.definitions[name].region))

    def _may_recompute(self, name: str, definition: Definition, position: float) -> bool:
        """Whether the value may be recomputed at the reversal of `position`."""
        if not self.recomputation.is_recomputable(name, definition, position):
            return False
        t = self.builder.types[name]
        # the reverse sweep has to take the branch that the forward sweep took
        exact = not (isinstance(t, Scalar) and t.dtype == "bool") or self.recomputation.is_bit_exact(name)
        if self.regions.enclosing_loops(definition.region):
            return exact
        return is_temporary(name) and exact and self._has_available_operands(name, definition.region, position)

    def _has_available_operands(self, name: str, region: Region, position: float) -> bool:
        """Whether the value can be recomputed from operands for which nothing need be saved."""
        definition = self.regions.definitions[name]
        if self._is_always_available(name, definition):
            return True
        where = read_position(self.regions, name, region, position)
        if where is None:
            return False
        if not self.recomputation.is_recomputable(name, definition, where):
            return not self.regions.enclosing_loops(definition.region)
        if not self.regions.enclosing_loops(definition.region) and not is_temporary(name):
            return True
        assert isinstance(definition.node, Assign)
        return all(self._has_available_operands(n, definition.region, where) for n in names(definition.node.value))

    def _record_recomputation(
        self, name: str, definition: Definition, position: float, recorded: RecordedReads
    ) -> None:
        node = definition.node
        assert isinstance(node, Assign)
        for n in names(node.value):
            recorded.name(n, definition.region, position)
        recorded.accesses += self._elements_of(name, definition, position)

    def _elements_of(self, name: str, definition: Definition, position: float) -> list[MemoryAccess]:
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

    def _restores_nothing_more(self, name: str, save_points: SavePoints, position: float) -> bool:
        """Whether recomputing needs no further restores; where the value is live, those would not pay."""
        if self._in_loop(name):
            return True
        needed = self.restore_planner.required_for(self._elements_of(name, self.regions.definitions[name], position))
        return innermost(save_points, needed) == save_points

    def _saved_element(self, name: str, definition: Definition, position: float) -> SavedElement | None:
        """The value as a part of what a store saves, if the tape has random access."""
        element = self.recomputation.saved_element(name, definition, position) if self._in_loop(name) else None
        if element is None:
            return None
        t = self.builder.typeof(place(element.store))
        assert isinstance(t, Scalar | Array)
        return element if self.slots.is_random_access(definition.region, t) else None

    def _is_restored_store(self, name: str, save_points: SavePoints) -> bool:
        """Whether a store of the value is reversed, for the sake of other reads."""
        values = [Var(n) for n in (name, *(n for n, first in self.value_number.items() if first == name))]
        return any(id(s) in save_points and s.value in values for s, _ in self.stores)
