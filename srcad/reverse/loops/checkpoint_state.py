"""Checkpoint contents: the state that a segment of a loop needs to run again, and what memory holds meanwhile.

The state of a segment is what the loop carries, and the memory that one iteration reads and another writes; it is
saved for each segment. Any other memory is as it was, since nothing overwrites what was read there before (`hs[t + 1]`
computed from `hs[t]`), or is written anew in each iteration (privatizable). The reverse sweep restores memory within a
segment only: what statements before the loop read of memory that it writes is saved on its own, and restored after the
last segment.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def diffuse(u, h, n):
...     work = np.empty(2)
...     for t in range(n):
...         work[0] = u[0] * h
...         u[0] = u[0] * work[0]
...         h = np.sin(h)
...     return u[0]
>>> gradient = srcad.grad(diffuse, argnums="h", checkpoint="t", target="python")
>>> source = gradient.source_for(np.ones(3), 1.0, 100)
>>> print(*(line for line in source.splitlines() if "checkpoints" in line), sep="\\n")
keeps   h_checkpoints  stretches floats   read by line 3
        u_checkpoints  stretches x u.shape[0] floats   read by line 3
    h_checkpoints = np.empty(stretches)
    u_checkpoints = np.empty((stretches, u.shape[0]))
        h_checkpoints[stretch] = h
        u_checkpoints[stretch] = u_1
        u_1[:] = u_checkpoints[stretch]
        h = h_checkpoints[stretch]
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.privatization import Privatization
from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded
from srcad.canonicalize.checkpoint_segments import Segment, refuse
from srcad.ir.names import stem
from srcad.ir.nodes import Assign, Carry, For, Op, Undef, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import block_reads
from srcad.reverse.adjoint.reverse_sweep import ReverseLoop, ReverseSweep
from srcad.typing.builder import Builder


class SegmentState:
    def __init__(
        self,
        builder: Builder,
        regions: Regions,
        aliases: AliasClasses,
        sweep: ReverseSweep,
        segments: Mapping[str, Segment],
        rows: Collection[str],
    ) -> None:
        """`rows` are expanded arrays, with a row per iteration of the loops they are used in."""
        self.regions = regions
        self.aliases = aliases
        self.overwrites = ToBeRecorded(regions, aliases, builder.types)
        self.privatization = Privatization(builder.types, regions, self.overwrites)
        self.rows = frozenset(aliases.class_of[name] for name in rows)
        reversed_loops = [group.nested for _, group in sweep.walk() if isinstance(group.nested, ReverseLoop)]
        self.segments: dict[Region, Segment] = {
            reversed_loop.body.region: segments[reversed_loop.owner.index]
            for reversed_loop in reversed_loops
            if isinstance(reversed_loop.owner, For)
            and reversed_loop.owner.index in segments
            and any(group.stmts for _, group in reversed_loop.body.walk())
        }
        """By the region of the loop body; a loop whose reversal is empty is not among them."""

    def segmented_loop(self, region: Region) -> Region | None:
        """The checkpointed loop around a region, if there is one."""
        return next((one for one in region.enclosing if one in self.segments), None)

    # ---- the state ---------------------------------------------------------------------------

    def saved_carries(self, loop: Region, reads: frozenset[str]) -> list[Carry]:
        """The carries that iterations read, forward or (`reads`) in their reversal."""
        owner = _owner(loop)
        read = reads | block_reads(owner.body) | {c.next.name for c in owner.carried if isinstance(c.next, Var)}
        found = [carry for carry in owner.carried if carry.arg in read]
        for carry in found:
            if isinstance(carry.init, Undef):
                name = stem(carry.arg)
                why = f"{name} has no value before it, so that none can be kept."
                refuse(owner, why, f"give {name} a value before the loop.")
        return found

    def saved_arrays(self, loop: Region) -> list[str]:
        """The arrays of the state, each by the name that is not a view of another."""
        return self._base_names(loop, block_reads(_owner(loop).body), self._state[loop])

    def clobbered_arrays(self, loop: Region, groups: Iterable[str]) -> list[str]:
        """The arrays from outside of the loop whose memory it may write, of these alias classes."""
        return self._base_names(loop, block_reads((_owner(loop),)), frozenset(groups))

    @cached_property
    def _state(self) -> dict[Region, frozenset[str]]:
        return {
            loop: frozenset(g for g in self._stored(loop) if self._is_live_across_iterations(g, loop))
            for loop in self.segments
        }

    @property
    def clobbered_classes(self) -> set[str]:
        """The alias classes whose memory no longer is what the primal left, once the loops are reversed."""
        return {group for loop in self.segments for group in self._stored(loop)}

    def _stored(self, loop: Region) -> dict[str, None]:
        """The alias classes that an iteration writes and that outlive it."""
        found = dict.fromkeys(at.group for _, at in self.overwrites.stores if loop in set(at.region.enclosing))
        return {g: None for g in found if loop not in set(self.overwrites.lifetime(g).enclosing)}

    def _is_live_across_iterations(self, group: str, loop: Region) -> bool:
        """Whether an iteration may read what the loop overwrites later."""
        if self._is_private(group, loop):
            return False
        reads = [read for read in self.overwrites.reads if loop in set(read.region.enclosing)]
        stores = [at for _, at in self.overwrites.stores if loop in set(at.region.enclosing) and at.group == group]
        return any(self.overwrites.may_overwrite_later(read, at) for read in reads for at in stores)

    def _is_private(self, group: str, loop: Region) -> bool:
        return group in self.rows or self.privatization.is_private(group, loop)

    def _base_names(self, loop: Region, names: Iterable[str], groups: frozenset[str]) -> list[str]:
        """The names from outside of the loop with memory of the classes, without views of others among them."""
        found = {
            n
            for n in names
            if self.aliases.class_of.get(n) in groups
            and n in self.regions.definitions
            and loop not in set(self.regions.definitions[n].region.enclosing)
        }
        ranks = {name: rank for rank, name in enumerate(self.regions.definitions)}
        return sorted((n for n in found if not found & self._views_of(n)), key=lambda n: ranks[n])

    def _views_of(self, name: str) -> set[str]:
        """The arrays that a name is known to be a view of."""
        found: set[str] = set()
        while True:
            match self.regions.definitions[name].node:
                case Assign(_, Op("index" | "np.transpose", (Var(base), *_))) if base in self.regions.definitions:
                    found.add(base)
                    name = base
                case _:
                    return found

    # ---- memory in the reverse sweep ---------------------------------------------------------

    @cached_property
    def reads(self) -> list[MemoryAccess]:
        """The reads of the second run from memory that is not part of the state."""
        found = []
        for read in self.overwrites.reads:
            loop = self.segmented_loop(read.region)
            if loop is None or self._is_restored(loop, read.group) or self._is_private(read.group, loop):
                continue
            found.append(read)
        return found

    def _is_restored(self, loop: Region, group: str) -> bool:
        """Whether all memory of a class that iterations use is restored for each segment, or allocated in them."""
        return group in self._state[loop] or not self._base_names(
            loop, block_reads(_owner(loop).body), frozenset({group})
        )

    def must_restore(self, read: MemoryAccess, store: MemoryAccess, overwrites: ToBeRecorded) -> bool:
        """Whether the store has to be reversed, for the reverse sweep to read there what the primal did."""
        return self._depends_on_reversal(read, store) and self._may_see(read, store, overwrites)

    def restored_after(
        self, accesses: Iterable[MemoryAccess], overwrites: ToBeRecorded
    ) -> Mapping[Region, frozenset[str]]:
        """By loop body: the alias classes that have to be restored after the second runs, for all other reads."""
        read = [*accesses, *self.reads]
        found: dict[Region, set[str]] = {}
        for _, at in overwrites.stores:
            loop = self.segmented_loop(at.region)
            if loop is not None and at.group not in found.get(loop, ()):
                others = (one for one in read if self.segmented_loop(one.region) is not loop)
                if any(self._may_see(one, at, overwrites) for one in others):
                    found.setdefault(loop, set()).add(at.group)
        return {loop: frozenset(groups) for loop, groups in found.items()}

    def _depends_on_reversal(self, read: MemoryAccess, store: MemoryAccess) -> bool:
        """Whether the read depends on the reversal of this store: a loop not around the read is restored as a whole."""
        store_loop = self.segmented_loop(store.region)
        return store_loop is None or store_loop is self.segmented_loop(read.region)

    def _may_see(self, read: MemoryAccess, store: MemoryAccess, overwrites: ToBeRecorded) -> bool:
        """Whether the read would see what the store has written, if nothing restored it."""
        read_loop = self.segmented_loop(read.region)
        independent = (
            read_loop is not None
            and read_loop is not self.segmented_loop(store.region)
            and self._is_restored(read_loop, read.group)
        )
        return not independent and overwrites.may_overwrite_later(read, store)


def _owner(loop: Region) -> For:
    assert isinstance(loop.owner, For)
    return loop.owner
