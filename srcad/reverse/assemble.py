"""Assembly of the gradient function: the forward sweep with its saves, then the reverse sweep.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def iterate(h, n):
...     for t in range(n):
...         h = np.sin(h)
...     return h
>>> source = srcad.grad(iterate, argnums="h", target="python").source_for(1.0, 3)
>>> print(source[source.index("    h_saved") : source.index("    return")].rstrip())
    h_saved = np.empty(max(n, 0))
    for t in range(n):
        h_saved[t] = h
        h = np.sin(h)
<BLANKLINE>
    # ---- reverse sweep -----------------------------------------------------
    d_h = d_result
    for t in range(n - 1, -1, -1):
        # L3: h = np.sin(h)
        d_h = np.cos(h_saved[t]) * d_h
"""

from __future__ import annotations

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.to_be_recorded import ToBeRecorded
from srcad.analysis.values.loop_dependence import LoopDependence
from srcad.canonicalize.trip_counts import trip_count_of
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Assign, Block, Expr, For, If, Op, Stmt, Store, Var, While
from srcad.ir.regions import Region
from srcad.ir.result_memory import root
from srcad.ir.traversal import block_reads, defined, place, rename, replace_names, substitute, with_blocks
from srcad.ir.types import Array, Scalar
from srcad.reverse.adjoint.reverse_sweep import ReverseBranches, ReverseGroup, ReverseLoop, ReverseSweep
from srcad.reverse.assembled_sweeps import AssembledSweeps, Insertions
from srcad.reverse.loops.checkpoint_loops import SegmentLoops
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.loops.interleave import InterleavePlan
from srcad.reverse.loops.reversed_loop import reversed_loop
from srcad.reverse.source_comments import ITERATION, ITERATION_REVERSED, RERUN
from srcad.reverse.storage.overwritten_memory import SavePoint, is_restored_at
from srcad.reverse.storage.recovery_report import recoveries
from srcad.reverse.storage.tape_layout import TapeLayout
from srcad.reverse.storage.tape_names import recovered_name, saved_as
from srcad.reverse.storage.tape_slot import Growth, TapeSlot, capacity_check
from srcad.typing.builder import Builder
from srcad.typing.join import join_types, rename_symbols


class Assembly:
    """The assembly of one gradient: tape slots, and the statements of the plan inserted into both sweeps."""

    def __init__(
        self, builder: Builder, interleaved: InterleavePlan, aliases: AliasClasses, checkpoints: SegmentState
    ) -> None:
        self.builder = builder
        self.regions = regions = interleaved.regions
        self.aliases = aliases
        self.plan = interleaved.plan
        self.deferred = interleaved.deferred
        self.reruns = interleaved.reruns
        self.slots = TapeLayout(builder, regions, checkpoints.segments)
        self.segment_loops = SegmentLoops(builder, self.slots, checkpoints, aliases.written, self.plan)
        self.segments = checkpoints.segments
        self.overwrites = ToBeRecorded(regions, aliases, builder.types)
        self.loop_dependence = LoopDependence(regions, aliases)
        self.insertions: dict[Region, Insertions] = {}
        self.preamble: dict[Region, list[Stmt]] = {}
        """Before an interleaved loop: the tape slots that its iterations reuse."""
        self.growths: dict[Region, dict[Region | None, list[Growth]]] = {}
        """By loop, the arrays that grow by a row per iteration, by where they are declared."""
        self.names: dict[str, Var] = {}
        self.value_slots: dict[str, TapeSlot] = {}
        self.restore_slots: dict[int, TapeSlot] = {}

    def sweeps(self, sweep: ReverseSweep) -> AssembledSweeps:
        """Both sweeps, with all that the plan saves, recovers and restores."""
        self._save_values()
        self._save_overwritten()
        for name in (*self.plan.recovered, *self.plan.loop_carried):
            base = recovered_name(self.builder, name, self.regions.definitions[name].node, name in self.plan.recomputed)
            slot = self.value_slots.get(name)
            if slot is not None and isinstance(slot.read, Op) and not is_temporary(base):
                base = f"%{base}"  # a value that is read once is read from the tape
            self.names[name] = self._recovered_variable(base, name)
        for counted in self.plan.counted:
            self.names.update(dict.fromkeys(counted.counter.last_use, counted.variable))
        for name, first in self.plan.value_numbers.items():
            self.names[name] = self.names.get(first, Var(first))
        self.builder.recoveries += recoveries(self.plan, self.builder, self.regions, self.aliases, self.overwrites)
        reverse = self.reverse(sweep)
        top = self.regions.top
        restores = bool(self.plan.save_points or self.segments)
        return AssembledSweeps(self.forward(top), reverse, self.deferred_statements(top), restores, self._restored())

    def _restored(self) -> tuple[str, ...] | None:
        if self.segments:
            return None  # segments run again, and overwrite the state they begin with
        reversed_stores = [
            s for r in self.regions for s in r.stmts if isinstance(s, Store) and id(s) in self.plan.save_points
        ]
        groups = {self.aliases.class_of[root(store.base) or ""] for store in reversed_stores}
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

    def _recovered_variable(self, base: str, name: str) -> Var:
        """The name of a value in the reverse sweep; a loop-carried value has one name in all iterations."""
        variable = self.builder.fresh(base, self.builder.types[name])
        if name in self.plan.loop_carried:
            carry = self.plan.loop_carried[name].carry
            both = join_types(self.builder.types[carry.arg], self.builder.types[carry.result])
            assert not isinstance(both, str), both
            self.builder.types[variable.name] = rename_symbols(both, variable.name)
        return variable

    # ---- forward -----------------------------------------------------------------------------

    def _at(self, region: Region) -> Insertions:
        return self.insertions.setdefault(region, Insertions())

    def _declare(self, slot: TapeSlot, region: Region) -> None:
        if slot.declare:
            outermost = self.regions.enclosing_loops(region)[0]
            assert outermost.parent is not None
            if outermost in self.segments:
                self.segment_loops.preamble.setdefault(outermost, []).extend(slot.declare)
                return
            around = [loop for loop in outermost.enclosing if loop in self.regions.interleaved]
            known = next((loop for loop in reversed(around) if self._is_sized_before(slot.declare, loop)), None)
            if slot.grows is not None:
                self.growths.setdefault(outermost, {}).setdefault(known, []).append(slot.grows)
            if known is not None:
                self.preamble.setdefault(known, []).extend(slot.declare)
                return
            before = self._at(outermost.parent).before
            before.setdefault(outermost.position, []).extend(slot.declare)

    def _is_sized_before(self, declared: Block, loop: Region) -> bool:
        """Whether the sizes of a slot are known before an interleaved loop: it is allocated once for all iterations."""
        own = defined(declared)
        return all(loop not in set(self.regions.definitions[n].region.enclosing) for n in block_reads(declared) - own)

    def _save_values(self) -> None:
        ranks = {name: rank for rank, name in enumerate(self.regions.definitions)}
        for name in sorted(self.plan.saved, key=lambda n: ranks[n]):
            definition = self.regions.definitions[name]
            region = definition.region
            t = self.builder.types[name]
            written = isinstance(t, Array) and name in self.aliases.written
            last = definition.position
            if written and self._is_only_name_saved(name, region):
                # its final content: the reverse sweep restores what was overwritten before that
                last = len(region.stmts) - 1 - self._ends_with_counter(region)
                written = False
            of, ending = saved_as(self.builder, name, definition.node)
            varies = self.loop_dependence.of(name)
            slot = self.slots.make(of, region, t, ending=ending, refers=written, varies=varies)
            self.value_slots[name] = slot
            self._declare(slot, region)
            value: Expr = Var(name)
            if isinstance(t, Array) and t.layout != "C" and name not in self.aliases.written and slot.by_reference:
                value = Op("np.ascontiguousarray", (value,))
            self._at(region).after.setdefault(last, []).extend(slot.push(value))

    def _is_only_name_saved(self, name: str, region: Region) -> bool:
        """Whether the memory does not outlive the region, and no other saved name may refer to it: that would refer to
        the original, and what is restored in a copy would not be restored there."""
        group = self.aliases.class_of[name]
        others = (n for n in self.plan.saved if n != name and self.aliases.class_of.get(n) == group)
        return self.overwrites.lifetime(group) is region and not any(others)

    def _ends_with_counter(self, loop: Region) -> bool:
        """Whether the last statement of a region increments its trip counter, which is a position in the tape."""
        owner = loop.owner
        count = trip_count_of(owner) if isinstance(owner, For | While) else None
        last = loop.stmts[-1]
        return count is not None and isinstance(last, Assign) and count.next == Var(last.target)

    def _save_overwritten(self) -> None:
        shared: dict[object, TapeSlot] = {}
        for store, _ in self.overwrites.stores:
            if id(store) in self.plan.save_points:
                save_point, written = self.plan.save_points[id(store)], place(store)
                if (save_point, written) not in shared:
                    shared[save_point, written] = self._save_location(written, save_point)
                self.restore_slots[id(store)] = shared[save_point, written]

    def _save_location(self, written: Expr, save_point: SavePoint) -> TapeSlot:
        t = self.builder.typeof(written)
        base = root(written)
        assert base is not None and isinstance(t, Scalar | Array)
        slot = self.slots.make(self.builder.variable(base), save_point.region, t)
        self._declare(slot, save_point.region)
        content: Expr = Op("copy", (written,)) if isinstance(t, Array) and slot.by_reference else written
        self._at(save_point.region).before.setdefault(save_point.position, []).extend(slot.push(content))
        return slot

    def forward(self, region: Region) -> Block:
        """The region's statements with the insertions; a `while` is assembled by its owner."""
        added = self._at(region)
        out: list[Stmt] = [*self._capacity_checks(region), *added.after.get(-1, ())]
        for position, stmt in enumerate(region.stmts):
            out += added.before.get(position, ())
            if isinstance(stmt, For) and (loop := self.regions.body_of(stmt, "loop")) in self.segments:
                out += self.segment_loops.forward(stmt, loop)
            elif self._is_rerun(stmt):
                out += self._first_run(stmt)
            elif position not in self.deferred.get(region, ()) and not self._is_interleaved(stmt):
                out += () if self.segment_loops.is_for_analyses(stmt) else (self._inner(stmt),)
            out += added.after.get(position, ())
        return tuple(out)

    def _capacity_checks(self, loop: Region) -> Block:
        return tuple(s for several in self.growths.get(loop, {}).values() for s in capacity_check(several))

    def deferred_statements(self, region: Region) -> Block:
        """The statements of a region that come after its reversal."""
        return tuple(region.stmts[at] for at in sorted(self.deferred.get(region, ())))

    def _is_interleaved(self, stmt: Stmt) -> bool:
        return isinstance(stmt, For) and self.regions.body_of(stmt, "loop") in self.regions.interleaved

    def _is_rerun(self, stmt: Stmt) -> bool:
        return isinstance(stmt, For) and self.regions.body_of(stmt, "loop") in self.reruns

    def _first_run(self, stmt: Stmt) -> Block:
        """The loop as it runs in the forward sweep, with names of its own: only its results are read after it."""
        results = {name for s in (stmt,) if isinstance(s, For) for name in (c.result for c in s.carried)}
        own = sorted(defined((stmt,)) - results)
        return rename((stmt,), {name: self.builder.fresh(base(name), self.builder.types[name]).name for name in own})

    def _inner(self, stmt: Stmt) -> Stmt:
        match stmt:
            case If():
                inner = [self.forward(self.regions.body_of(stmt, kind)) for kind in ("then", "else")]
                return with_blocks(stmt, inner)
            case For():
                return with_blocks(stmt, [self.forward(self.regions.body_of(stmt, "loop"))])
            case While(test=test):
                region = self.regions.body_of(stmt, "loop")
                added = self._at(region)
                # saving belongs to the iteration, which starts only when the test has passed
                at_start: list[Stmt] = [*self._capacity_checks(region), *added.after.get(-1, ())]
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
        """The reversal of a region: at each position restored memory, recovered values, then adjoint statements."""
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
            now = self._topological_order(sorted(due.pop(group.position, ()), key=lambda n: ranks[n]))
            if group.restores is not None and is_restored_at(group, sweep.region, self.plan.save_points):
                first = self._index_names(group.restores)
                for name in (n for n in now if n in first):
                    out += self._recover(name, group)
                out += self._restore(group)
                now = [n for n in now if n not in first]
            for name in now:
                out += self._recover(name, group)
            out += substitute(tuple(group.stmts), self.names)
            out += self._nested(group)
        assert not due, due
        return tuple(out)

    def _topological_order(self, due: list[str]) -> list[str]:
        """Values to recover at one position, each after those it is recovered from."""
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
        """The names that recovering a value reads."""
        if name in self.plan.reloaded:
            return self.plan.names(self.plan.reloaded[name][1])
        if name in self.plan.read_from_saved_overwrite:
            return frozenset(
                n for item in self.plan.read_from_saved_overwrite[name][1].items for n in self.plan.names(item)
            )
        node = self.regions.definitions[name].node
        return self.plan.names(node.value) if name in self.plan.recomputed and isinstance(node, Assign) else frozenset()

    def _index_names(self, store: Store) -> frozenset[str]:
        """The names that determine the target of a store: needed before it can be restored."""
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

    def _restore(self, group: ReverseGroup) -> list[Stmt]:
        store = group.restores
        assert store is not None
        slot = self.restore_slots[id(store)]
        restored = Store(self._renamed(store.base), tuple(map(self._renamed, store.index)), slot.read, None, group.span)
        return [*slot.position, restored]

    def _renamed(self, e: Expr) -> Expr:
        return replace_names(e, self.names)

    def _recover(self, name: str, group: ReverseGroup) -> list[Stmt]:
        target = self.names[name].name
        if name in self.plan.recomputed:
            node = self.regions.definitions[name].node
            assert isinstance(node, Assign)
            return [Assign(target, self._renamed(node.value), group.span)]
        if name in self.plan.reloaded:
            return [Assign(target, self._renamed(self.plan.reloaded[name][1]), group.span)]
        if name in self.plan.read_from_saved_overwrite:
            part = self.plan.read_from_saved_overwrite[name][1]
            return [Assign(target, self._element(self.restore_slots[id(part.store)], part.items), group.span)]
        slot = self.value_slots[name]
        return [*slot.position, Assign(target, slot.read, group.span)]

    def _element(self, slot: TapeSlot, items: tuple[Expr, ...]) -> Expr:
        """An element of what a tape slot holds."""
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
            case ReverseLoop(owner, inner):
                body = self.reverse(inner)
                if self._is_interleaved(owner):
                    forward, deferred = self.forward(inner.region), self.deferred_statements(inner.region)
                    start = RERUN if inner.region in self.reruns else ITERATION
                    both = (start, *forward, ITERATION_REVERSED, *body) if forward else body
                    both += deferred
                    return [*self.preamble.get(inner.region, ()), with_blocks(owner, [both])]
                if not body:
                    return []
                carried_ends = [
                    (self.names[end], one.carry)
                    for end, one in self.plan.loop_carried.items()
                    if one.loop is inner.region
                ]
                before = [Assign(end.name, self.names[carry.arg], owner.span) for end, carry in carried_ends]
                if isinstance(owner, For) and inner.region in self.segments:
                    one, bounds = self.segment_loops.bounds(owner, inner.region)
                    last = [self.segment_loops.loop_carried_end(end, carry, owner.span) for end, carry in carried_ends]
                    reversal = (*last, reversed_loop(self.builder, one, (*body, *before), self._renamed))
                    return self.segment_loops.reverse(one, bounds, inner.region, self.forward(inner.region), reversal)
                last = [Assign(end.name, Var(carry.result), owner.span) for end, carry in carried_ends]
                return [*last, reversed_loop(self.builder, owner, (*body, *before), self._renamed)]
            case _:
                return []
