"""Interleaving: loops of which each iteration is reversed as soon as it has run, so that nothing is saved for it.

The iterations of such a loop may be reversed in any order (`analysis/loops/reversible_loops`). It moves as a whole into
the reverse sweep, to the position of its reversal; what the primal computes from its results is deferred until after
that. This is legal where the reverse sweep needs none of these results before. (II-loops, in the literature.)

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def energy(x):
...     total = 0.0
...     for i in range(len(x)):
...         y = np.exp(x[i])
...         total += y * y
...     return total
>>> source = srcad.grad(energy, target="python").source_for(np.ones(3))
>>> print(source[source.index("    for i in") : source.index("    return")].rstrip())
    for i in range(len(x)):
        # forward
        y = np.exp(x[i])
        # and back
        # L5: total += y * y
        d_y = 2.0 * y * d_total
        # L4: y = np.exp(x[i])
        d_x[i] += y * d_y
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from srcad.analysis.loops.reversible_loops import ReversibleLoops, is_exchange
from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.privatization import Privatization
from srcad.analysis.memory.to_be_recorded import ToBeRecorded
from srcad.analysis.threads.barriers import has_barrier
from srcad.analysis.values.effects import has_effect
from srcad.ir.nodes import Assign, For, Stmt
from srcad.ir.regions import Region, Regions
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import block_reads, block_stores, defined, walk
from srcad.reverse.adjoint.reverse_sweep import ReverseSweep
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.storage.decide import StoragePlanner
from srcad.reverse.storage.plan import Plan
from srcad.reverse.storage.recomputation import is_sum
from srcad.typing.builder import Builder


@dataclass(frozen=True)
class InterleavePlan:
    """`deferred`: by region, of the function or of an interleaved loop, the statements to run after its reversal."""

    regions: Regions
    plan: Plan
    deferred: Mapping[Region, frozenset[int]]
    reruns: frozenset[Region] = frozenset()
    """Interleaved loops that run in the forward sweep too, since what follows reads their results there."""


def choose_interleaved_loops(
    builder: Builder,
    regions: Regions,
    aliases: AliasClasses,
    sweep: ReverseSweep,
    active: frozenset[str],
    checkpoints: SegmentState,
    *,
    allowed: bool,
    rerun: bool = False,
    rounds_alike: bool = True,
) -> InterleavePlan:
    """The plan for the sweep; interleaved is each loop that would save anything, or add up again, and may be.

    Where `rerun`, a loop whose results are needed before may run twice: that takes less time than saving.
    """

    def planned(among: Regions) -> Plan:
        return StoragePlanner(builder, among, aliases, sweep, checkpoints, rounds_alike).plan()

    chosen = InterleavePlan(regions, planned(regions), {})
    if not allowed:
        return chosen
    overwrites = ToBeRecorded(regions, aliases, builder.types)
    reversible = ReversibleLoops(regions, overwrites, Privatization(builder.types, regions, overwrites), active)
    pending = [regions.top]
    while pending:
        around = pending.pop(0)
        for loop in _loops(around, regions):
            gains = saves_anything(chosen, loop) or _adds_up_again(chosen, loop)
            if loop in checkpoints.segments or not gains or not reversible.is_reversible(loop):
                continue
            trial = replace(regions, interleaved=chosen.regions.interleaved | {loop})
            plan = planned(trial)
            for reruns in [chosen.reruns, chosen.reruns | {loop}][: 1 + rerun]:
                found = _Deferral(around, trial, aliases, overwrites, reversible.scratch, plan, checkpoints, reruns)
                deferred = found.deferred()
                if deferred is not None:
                    chosen = InterleavePlan(trial, plan, {**chosen.deferred, around: deferred}, reruns)
                    pending.append(loop)
                    break
    return chosen


def _loops(region: Region, regions: Regions) -> Iterator[Region]:
    for stmt in region.stmts:
        if isinstance(stmt, For):
            yield regions.body_of(stmt, "loop")


def saves_anything(chosen: InterleavePlan, loop: Region) -> bool:
    """Whether anything defined or overwritten in the loop is saved for its reversal."""
    plan, regions = chosen.plan, chosen.regions
    if any(loop in set(regions.definitions[name].region.enclosing) for name in plan.saved):
        return True
    return any(loop in set(save_point.region.enclosing) for save_point in plan.save_points.values())


def _adds_up_again(chosen: InterleavePlan, loop: Region) -> bool:
    """Whether the reversal of the loop computes a sum over elements again."""
    definitions = (chosen.regions.definitions[name] for name in chosen.plan.recomputed)
    return any(
        isinstance(one.node, Assign) and is_sum(one.node.value) and loop in set(one.region.enclosing)
        for one in definitions
    )


class _Deferral:
    """Which statements of a region depend on its interleaved loops, and whether all others can run before these.

    The region is the function, or the body of a loop that is interleaved itself: then they run after its reversal.
    """

    def __init__(
        self,
        around: Region,
        regions: Regions,
        aliases: AliasClasses,
        overwrites: ToBeRecorded,
        privatization: Privatization,
        plan: Plan,
        checkpoints: SegmentState,
        reruns: frozenset[Region],
    ) -> None:
        self.reruns = reruns
        self.around = around
        self.regions = regions
        self.aliases = aliases
        self.overwrites = overwrites
        self.privatization = privatization
        self.plan = plan
        self.checkpoints = checkpoints

    def deferred(self) -> frozenset[int] | None:
        """The positions of the statements to run after the reversal; None where that would be too late."""
        deferred: set[int] = set()
        names: set[str] = set()
        groups: set[str] = set()
        checked = False
        for position, stmt in enumerate(self.around.stmts):
            loop = self.regions.body_of(stmt, "loop") if isinstance(stmt, For) else None
            if loop in self.regions.interleaved and loop is not None:
                if not self._is_independent(loop, names, groups):
                    return None
                if loop in self.reruns:
                    if self._outliving(loop):  # what is there would be added to, or overwritten, once more
                        return None
                    continue
                assert isinstance(stmt, For)
                names |= {carry.result for carry in stmt.carried}
                groups |= self._outliving(loop)
                checked = checked or any(map(is_check, walk(stmt.body)))
            elif checked and any(map(has_effect, walk((stmt,)))):
                return None  # Python raises an error of the loop before this is observable
            elif names & block_reads((stmt,)) or groups & (self._touched(stmt)):
                if any(not self._may_wait(s) or self._is_segmented(s) for s in walk((stmt,))):
                    return None
                deferred.add(position)
                names |= defined((stmt,))
                groups |= self._groups(block_stores((stmt,)))
        if names & self.plan.reads or self._is_read_elsewhere(groups):
            return None
        return frozenset(deferred) if self._keeps_order(deferred) else None

    def _may_wait(self, stmt: Stmt) -> bool:
        """Whether a statement may run later: it has no effect, or writes where no barrier of a kernel says when."""
        return not has_effect(stmt) or (is_exchange(stmt) and not has_barrier(self.regions.top.stmts))

    def _is_segmented(self, stmt: Stmt) -> bool:
        return isinstance(stmt, For) and self.regions.body_of(stmt, "loop") in self.checkpoints.segments

    def _is_independent(self, loop: Region, names: set[str], groups: set[str]) -> bool:
        """Whether the loop reads nothing deferred, and restores no memory that outlives an iteration."""
        owner = loop.owner
        assert owner is not None
        if names & block_reads((owner,)) or groups & self._touched(owner):
            return False
        for store, access in self.overwrites.stores:
            if id(store) in self.plan.save_points and loop in set(access.region.enclosing):
                inner = loop in set(self.overwrites.lifetime(access.group).enclosing)
                if not inner and not self.privatization.is_private(access.group, loop):
                    return False
        return True

    def _keeps_order(self, deferred: set[int]) -> bool:
        """Whether no statement that is not deferred overwrites or restores what is read later than in the primal."""
        stmts = self.around.stmts
        restored = {
            a.group for s, a in self.overwrites.stores if id(s) in self.plan.save_points
        } | self.checkpoints.clobbered_classes
        for position, stmt in enumerate(stmts):
            is_deferred = position in deferred
            is_interleaved = isinstance(stmt, For) and self.regions.body_of(stmt, "loop") in self.regions.interleaved
            if not is_deferred and not is_interleaved:
                continue
            touched = self._touched(stmt)
            if is_deferred and touched & restored:
                return False
            for other in range(position + 1, len(stmts)):
                if other not in deferred and touched & self._groups(block_stores((stmts[other],))):
                    return False
        return True

    def _outliving(self, loop: Region) -> frozenset[str]:
        """The alias classes that the loop stores into and whose lifetime is not within it."""
        stored = self._groups(block_stores(loop.stmts))
        return frozenset(g for g in stored if loop not in set(self.overwrites.lifetime(g).enclosing))

    def _is_read_elsewhere(self, groups: set[str]) -> bool:
        """Whether the reverse sweep reads memory of the classes other than in the reversal of an interleaved loop."""
        return any(
            access.group in groups
            and not any(
                loop in set(access.region.enclosing) and access.group in self._outliving(loop)
                for loop in self.regions.interleaved
            )
            for access in self.plan.accesses
        )

    def _touched(self, stmt: Stmt) -> frozenset[str]:
        return self._groups(block_reads((stmt,)) | block_stores((stmt,)))

    def _groups(self, found: frozenset[str]) -> frozenset[str]:
        return frozenset(self.aliases.class_of[n] for n in found if n in self.aliases.class_of)
