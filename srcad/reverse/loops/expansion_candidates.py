"""Which scratch arrays get a row for each turn, so that what the reverse sweep reads is still there."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.memory.privatization import Privatization
from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded
from srcad.canonicalize.array_expansion import ArrayExpansion
from srcad.canonicalize.checkpoint_segments import Segment
from srcad.ir.nodes import Assign, Const, Expr, For, Op
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import names, stmt_reads
from srcad.reverse.storage.plan import Plan
from srcad.reverse.storage.tape_layout import TapeLayout
from srcad.rules.traits import ALLOCATIONS
from srcad.typing.builder import Builder


def arrays_to_expand(
    builder: Builder, regions: Regions, overwrites: ToBeRecorded, plan: Plan, stretches: Mapping[Region, Segment]
) -> tuple[ArrayExpansion, ...]:
    """The arrays with stores that would have to save what they overwrite, where rows of their own save that."""
    groups = {access.group: None for store, access in overwrites.stores if id(store) in plan.save_points}
    slots = TapeLayout(builder, regions, stretches)
    found = (expansion_of(group, builder, regions, overwrites, slots) for group in groups)
    return tuple(rows for rows in found if rows is not None)


def expansion_of(
    group: str, builder: Builder, regions: Regions, overwrites: ToBeRecorded, slots: TapeLayout
) -> ArrayExpansion | None:
    """The rows that a scratch array may have, so that none of its stores saves anything."""
    array = overwrites.allocation(group)
    definition = regions.definitions.get(array or "")
    if array is None or definition is None or not isinstance(definition.node, Assign):
        return None
    if not isinstance(definition.node.value, Op) or definition.node.value.prim not in ALLOCATIONS:
        return None
    uses = [a for a in (*overwrites.reads, *(a for _, a in overwrites.stores)) if a.group == group]
    scratch = Privatization(builder.types, regions, overwrites)
    around = [set(a.region.enclosing) for a in uses]
    loops = [r for r in regions.enclosing_loops(uses[0].region) if all(r in one for one in around)]
    loops = [r for r in loops if r not in set(definition.region.enclosing)]
    while loops and not scratch.is_private(group, loops[-1]):
        loops.pop()
    if not loops or any(_has_part(uses, turn, overwrites) for turn in loops):
        return None
    home, holder = definition.region, definition.region.place_of(loops[0])
    if any(array in stmt_reads(s) for at, s in enumerate(home.stmts) if at != holder):
        return None
    turns = [slots.trip_count(turn) for turn in loops]
    if any(n is None or not _known(n, definition.region, regions) for n in turns):
        return None
    owners = [turn.owner for turn in loops]
    if not all(isinstance(owner, For) and owner.step in (Const(1), Const(-1)) for owner in owners):
        return None  # the number of a turn is then no linear form, by which rows are known to differ
    return ArrayExpansion(
        array,
        tuple(owner.index for owner in owners if isinstance(owner, For)),
        tuple(n for n in turns if n is not None),
        tuple(slots.iteration_number(turn) for turn in loops),
    )


def _has_part(uses: list[MemoryAccess], turn: Region, overwrites: ToBeRecorded) -> bool:
    """Whether the turns use parts of the array that differ already."""
    shifts = [
        {axis: by for axis, item in enumerate(use.items or ()) if (by := overwrites.affine(item, turn)) is not None}
        for use in uses
    ]
    return any(all(other.get(axis) == by for other in shifts) for axis, by in shifts[0].items())


def _known(e: Expr, home: Region, regions: Regions) -> bool:
    """Whether the names of an expression are defined where the allocation is, or further out."""
    around = set(home.enclosing)
    return all(regions.definitions[n].region in around for n in names(e))
