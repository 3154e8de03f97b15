"""How the reverse sweep gets back each value it reads: the one place where that is decided.

For each value, the first that applies: (1) it is still alive under its name; (2) it is cheap to compute again
from what is at hand; (3) it still stands in an array it was stored into; (4) it is saved, once per turn of the
loops around it. Memory is kept right by saving what a store overwrites, where the sweep still reads it
(`overwrites`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from srcad.analyses.aliases import Aliases
from srcad.analyses.counters import Counter, counter_of
from srcad.analyses.cut import cheapest
from srcad.analyses.overwrites import Access, Overwrites, places_read
from srcad.analyses.regions import Definition, Region, Regions
from srcad.frontend.builder import Builder
from srcad.ir.nodes import Assign, Carry, Const, Expr, For, Op, Store, Var, While
from srcad.ir.types import FLOATS, Array, Scalar, Type
from srcad.ir.types import counter as counter_dim
from srcad.ir.walk import block_reads, names, own_exprs, root, walk
from srcad.normalize.count_turns import count_of
from srcad.reverse.checkpoints import Checkpoints
from srcad.reverse.found import Stored
from srcad.reverse.plan import Counted, Plan
from srcad.reverse.sweep import Branches, Group, Sweep, Turns
from srcad.rules.primitives import PRIMITIVES

VIEWS_AGAIN = frozenset({"index", "np.transpose", "reshape", "shape", "len", "size"})
"""Primitives that make no new elements, so that making the result again costs nothing."""

ONE_INSTRUCTION = frozenset({"np.sqrt", "math.sqrt", "root"})
"""Primitives that take a machine no longer than a division: what a loop saves of them costs more to write and read."""


@dataclass
class _Draft:
    uses: dict[str, list[int]] = field(default_factory=dict)
    """For each name that is read, the positions of the reads in the region which defines it."""
    accesses: list[Access] = field(default_factory=list)


class Storage:
    """Decides the plan for a sweep; `order` ranks names by definition."""

    def __init__(
        self, builder: Builder, regions: Regions, aliases: Aliases, sweep: Sweep, checkpoints: Checkpoints
    ) -> None:
        self.checkpoints = checkpoints
        self.builder = builder
        self.regions = regions
        self.aliases = aliases
        self.sweep = sweep
        self.overwrites = Overwrites(regions, aliases, builder.types)
        self.order = {name: rank for rank, name in enumerate(regions.definitions)}
        self.stores = self.overwrites.stores
        self.standing = Stored(builder, regions, aliases, self.overwrites)
        self.counted: dict[Carry, Counted] = {}
        self.uncounted: set[Carry] = set()

    def plan(self) -> Plan:
        """Repeat until what is undone covers all that is read; both only grow."""
        undone: frozenset[int] = frozenset()
        barred: frozenset[str] = frozenset()
        while True:
            plan = self._decide(undone, barred)
            if self._count_back(plan):
                continue
            needed = self.checkpoints.undone(plan.accesses, self.overwrites)
            # a value found where it was stored must not be undone before it is read
            lost = frozenset(name for name in plan.found if self._undone_store(name, needed | undone))
            if needed <= undone and lost <= barred:
                return self.checkpoints.completed(plan, self.overwrites)
            undone |= needed
            barred |= lost

    # ---- what is read, where -----------------------------------------------------------------

    def _decide(self, undone: frozenset[int], barred: frozenset[str]) -> Plan:
        draft = _Draft()
        self.late: set[Carry] = set()
        self._collect(self.sweep, undone, draft)
        again: dict[str, int] = {}
        found: dict[str, tuple[int, Expr]] = {}
        saved: dict[str, int] = {}
        done: dict[str, int] = {}
        keep = self._cut(draft, barred)
        while True:
            # where a value was stored may be read earlier than it seemed: then that is looked at again
            pending = [n for n, positions in draft.uses.items() if max(positions) > done.get(n, -2)]
            if not pending:
                break
            name = max(pending, key=lambda n: self.order[n])
            definition = self.regions.definitions[name]
            position = done[name] = max(draft.uses[name])
            for plan in (again, found, saved):
                plan.pop(name, None)
            if isinstance(definition.node, For):
                continue
            if _is_count(definition, name):
                continue
            held = next((c for c in self.counted.values() if name in c.counter.until), None)
            if held is not None:
                if position > held.counter.until[name]:
                    self.late.add(held.counter.carry)
                continue
            place = None if name in barred or not self._in_loop(name) else self.standing.place(name, definition)
            if place is not None:
                found[name] = (position, place)
                for n in names(place):
                    self._use(draft, n, definition.region, position)
                continue
            if name not in keep and self._cheap(name, definition, position):
                again[name] = position
                assert isinstance(definition.node, Assign)
                self._read_again(name, definition, position, draft)
                continue
            if not self._in_loop(name):
                continue
            saved[name] = position
        return Plan(
            again, found, saved, undone, frozenset(draft.uses), tuple(draft.accesses), tuple(self.counted.values())
        )

    def _count_back(self, plan: Plan) -> bool:
        """Count back what would be saved, where that can be; stop it where a value is read after it has gone."""
        for carry in self.late:
            del self.counted[carry]
            self.uncounted.add(carry)
        if self.late:
            return True
        for name in plan.saved:
            counter = counter_of(name, self.regions, self.builder.types)
            if counter is None or counter.carry in self.counted or counter.carry in self.uncounted:
                continue
            if counter.turn in self.regions.fused:
                continue
            holder = self.builder.fresh(name.rsplit(".", 1)[0], Scalar("int64"))
            self.counted[counter.carry] = Counted(counter, holder)
            if self._never_negative(counter):
                for one in (*counter.until, counter.carry.arg, counter.carry.result, holder.name):
                    self.builder.types[one] = Scalar("int64", counter_dim(one))
            return True
        return False

    def _never_negative(self, counter: Counter) -> bool:
        """Whether it only grows, from 0 or more: then it may be said of the indices it is used in."""
        start = self.builder.typeof(counter.carry.init)
        known = isinstance(start, Scalar) and start.dim is not None and start.dim.counts
        return known and all(s.op == "+" and isinstance(s.by.value, int) and s.by.value >= 0 for s in counter.steps)

    def _collect(self, sweep: Sweep, undone: frozenset[int], draft: _Draft) -> bool:
        """Record what the sweep reads; whether it does anything at all."""
        anything = False
        for group in sweep.with_counted(self.counted.values()):
            restores = group.undo is not None and id(group.undo) in undone
            if restores:
                assert group.undo is not None
                for e in (group.undo.base, *group.undo.index):
                    for n in names(e):
                        self._use(draft, n, sweep.region, group.position)
            if group.stmts:
                for n in block_reads(tuple(group.stmts)):
                    self._use(draft, n, sweep.region, group.position)
                self._content(group, sweep.region, draft)
            match group.nested:
                case Branches(owner, then, orelse):
                    both = [self._collect(then, undone, draft), self._collect(orelse, undone, draft)]
                    if any(both):
                        anything = True
                        self._reads_of(owner.cond, sweep.region, group.position, draft)
                case Turns(owner, turn):
                    if self._collect(turn, undone, draft):
                        anything = True
                        for e in _bounds(owner):
                            self._reads_of(e, sweep.region, group.position, draft)
                case None:
                    anything = anything or restores or bool(group.stmts)
        return anything

    def _reads_of(self, e: Expr, region: Region, position: int, draft: _Draft) -> None:
        for n in names(e):
            self._use(draft, n, region, position)

    def _use(self, draft: _Draft, name: str, region: Region, position: int) -> None:
        """Note a read; the position is that in the region which defines the name."""
        if name not in self.regions.definitions:
            return  # a name of the sweep's own
        where = self._position(name, region, position)
        assert where is not None, f"{name} is read outside of the region that defines it"
        draft.uses.setdefault(name, []).append(where)

    def _position(self, name: str, region: Region, position: int) -> int | None:
        """The place of a read as a position in the region that defines the name."""
        home = self.regions.definitions[name].region
        return position if region is home else home.place_of(region)

    def _content(self, group: Group, region: Region, draft: _Draft) -> None:
        """Note which written arrays have elements read by a group."""
        for stmt in walk(tuple(group.stmts)):
            for e in own_exprs(stmt):
                for place in places_read(e):
                    n = root(place)
                    if n in self.aliases.stored and n in self.regions.definitions:
                        at = self.overwrites.access(self.aliases.group[n], region, group.position, place)
                        draft.accesses.append(at)

    # ---- again -------------------------------------------------------------------------------

    def _cut(self, draft: _Draft, barred: frozenset[str]) -> frozenset[str]:
        """Which of the values that could be computed again had better be saved, so that others need not be."""
        uses = {name: max(positions) for name, positions in draft.uses.items()}
        needed = [name for name in uses if self._in_loop(name)]
        dear: list[str] = []
        inputs: dict[str, list[str]] = {}
        pending = list(needed)
        while pending:
            name = max(pending, key=lambda n: self.order[n])
            pending = [n for n in pending if n != name]
            definition = self.regions.definitions[name]
            if self._free(name, definition):
                continue
            if name not in barred and self.standing.place(name, definition) is not None:
                continue
            if not self._cheap(name, definition, uses[name]):
                dear.append(name)
                continue
            assert isinstance(definition.node, Assign)
            inputs[name] = []
            for n in names(definition.node.value):
                where = self._position(n, definition.region, uses[name])
                if where is not None:
                    uses[n] = max(where, uses.get(n, where))
                    if self._in_loop(n):
                        inputs[name].append(n)
                        pending.append(n)
        weight = {name: self._weight(name) for name in {*needed, *dear, *inputs, *chain(*inputs.values())}}
        return cheapest([n for n in needed if n in inputs or n in dear], dear, inputs, weight)

    def _free(self, name: str, definition: Definition) -> bool:
        """Whether the reversed loops have the value anyway."""
        if isinstance(definition.node, For) or _is_count(definition, name):
            return True
        return any(name in c.counter.until for c in self.counted.values())

    def _in_loop(self, name: str) -> bool:
        return bool(self.regions.loops(self.regions.definitions[name].region))

    def _weight(self, name: str) -> int:
        """Of saving a value: its bytes; a loop counts as ten turns, an axis of unknown length as 10 elements."""
        t = self.builder.types[name]
        size = 1000
        if isinstance(t, Scalar | Array):
            size = np.dtype(t.dtype).itemsize
            for d in t.dims if isinstance(t, Array) else ():
                size *= 10 if d.terms else d.const
        turns: int = 10 ** len(self.regions.loops(self.regions.definitions[name].region))
        return size * turns

    def _cheap(self, name: str, definition: Definition, position: int) -> bool:
        """Whether the value may be computed again at the reversal of `position`."""
        if not self._can_again(name, definition, position):
            return False
        t = self.builder.types[name]
        # a branch must be taken back as it was taken
        exact = not (isinstance(t, Scalar) and t.dtype == "bool") or self._exact(name)
        if self.regions.loops(definition.region):
            return exact
        return name.startswith("%") and exact and self._at_hand(name, definition.region, position)

    def _can_again(self, name: str, definition: Definition, position: int) -> bool:
        node = definition.node
        if not isinstance(node, Assign):
            return False
        match node.value:
            case Const():
                return True
            case Var():
                return isinstance(self.builder.types[name], Scalar)
            case Op(prim, (base, *_)) if prim in VIEWS_AGAIN:
                if isinstance(self.builder.types[name], Array):
                    return prim in ("index", "np.transpose") or name not in self.aliases.stored
                if prim != "index":
                    return True
                return not self._disturbed(name, base, definition, position)
            case Op(prim, args) as op:
                primitive = PRIMITIVES[prim]
                if not (primitive.cheap or _small_power(op) or (prim in ONE_INSTRUCTION and self._in_loop(name))):
                    return False
                arrays = [n for a in (Var(name), *args) for n in names(a) if isinstance(self.builder.types[n], Array)]
                if not arrays:
                    return primitive.kind in ("elementwise", "view", "query")
                # where no loop is around it, it is still alive
                if not self._in_loop(name) or not (primitive.kind == "elementwise" or prim == "array"):
                    return False
                fixed = name not in self.aliases.stored
                return fixed and not any(self._disturbed(name, Var(n), definition, position) for n in arrays)
            case _:
                return False

    def _disturbed(self, element: str, base: Expr, definition: Definition, position: int) -> bool:
        """Whether the array `base` is written between the load at `definition` and the statement at `position`."""
        name = root(base)
        if name is None or name not in self.aliases.stored:
            return False
        group = self.aliases.group[name]
        stmts = definition.region.stmts
        for at in range(definition.position + 1, min(position + 1, len(stmts))):
            if at == position and isinstance(stmts[at], Store) and not _counts(self.builder.types[element]):
                continue  # its reversal first restores what it overwrote (but reads its index before)
            for inner in walk((stmts[at],)):
                if isinstance(inner, Store) and self.aliases.group.get(root(inner.base) or "") == group:
                    return True
        return False

    def _at_hand(self, name: str, region: Region, position: int) -> bool:
        """Whether the value can be computed again from what nothing need be saved for."""
        definition = self.regions.definitions[name]
        if self._free(name, definition):
            return True
        where = self._position(name, region, position)
        if where is None:
            return False
        if not self._can_again(name, definition, where):
            return not self.regions.loops(definition.region)
        if not self.regions.loops(definition.region) and not name.startswith("%"):
            return True
        assert isinstance(definition.node, Assign)
        return all(self._at_hand(n, definition.region, where) for n in names(definition.node.value))

    def _exact(self, name: str) -> bool:
        """Whether computing a condition again is sure to give the same answer (no rounding on the way)."""
        node = self.regions.definitions[name].node
        if not isinstance(node, Assign):
            return True
        match node.value:
            case Op(prim, args):
                t = self.builder.types[name]
                rounds = isinstance(t, Scalar) and t.dtype not in ("bool", "int64") and prim != "index"
                return not rounds and all(self._exact(n) for a in args for n in names(a))
            case _:
                return True

    def _read_again(self, name: str, definition: Definition, position: int, draft: _Draft) -> None:
        node = definition.node
        assert isinstance(node, Assign)
        for n in names(node.value):
            self._use(draft, n, definition.region, position)
        array = isinstance(self.builder.types[name], Array)
        if array and isinstance(node.value, Op) and node.value.prim in VIEWS_AGAIN:
            return  # a view reads nothing
        for place in places_read(node.value):
            rooted = root(place)
            if rooted is not None and rooted in self.aliases.stored:
                access = self.overwrites.access(self.aliases.group[rooted], definition.region, position, place)
                draft.accesses.append(access)

    def _undone_store(self, name: str, undone: frozenset[int]) -> bool:
        """Whether a store of the value is undone, for the sake of other reads."""
        return any(id(s) in undone and s.value == Var(name) for s, _ in self.stores)


def _bounds(owner: For | While) -> tuple[Expr, ...]:
    """What the reversed loop reads of the primal for its range."""
    count = count_of(owner)
    if count is not None:
        extra = (owner.start, owner.step) if isinstance(owner, For) else ()
        return (Var(count.result), *extra)
    assert isinstance(owner, For)
    return (owner.start, owner.stop, owner.step)


def _counts(t: Type) -> bool:
    """Whether values of the type may be used as an index."""
    return isinstance(t, Scalar) and t.dtype not in FLOATS


def _is_count(definition: Definition, name: str) -> bool:
    """Whether the name counts the turns inside a loop: the reversed loop counts too."""
    owner = definition.region.owner
    if not isinstance(definition.node, Carry) or not isinstance(owner, For | While) or definition.position != -1:
        return False
    count = count_of(owner)
    return count is not None and count.arg == name


def _small_power(op: Op) -> bool:
    exponent = op.args[1] if op.prim == "**" else None
    return isinstance(exponent, Const) and exponent.value in (2, 3, 2.0, 3.0)
