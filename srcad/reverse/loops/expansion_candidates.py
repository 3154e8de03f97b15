"""Candidates of array expansion: the privatizable arrays that get a row per iteration instead of being restored.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def iterate(s, n):
...     u = np.empty(2)
...     for i in range(n):
...         u[0] = np.sin(s)
...         s = s + u[0] * u[0]
...     return s
>>> source = srcad.grad(iterate, argnums="s", target="python").source_for(1.0, 3)
>>> print(*(line for line in source.splitlines() if "u_saved" in line), sep="\\n")
keeps   u_saved  n x 2 floats   read by line 5
    u_saved = np.empty((max(n, 0), 2))
        u_saved[i, 0] = np.sin(s)
        s = s + u_saved[i, 0] * u_saved[i, 0]
        d_u[0] += 2.0 * u_saved[i, 0] * d_s
"""

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
    builder: Builder, regions: Regions, overwrites: ToBeRecorded, plan: Plan, segments: Mapping[Region, Segment]
) -> tuple[ArrayExpansion, ...]:
    """The arrays whose stores would have to save what they overwrite, where expansion avoids that."""
    groups = {access.group: None for store, access in overwrites.stores if id(store) in plan.save_points}
    slots = TapeLayout(builder, regions, segments)
    found = (expansion_of(group, builder, regions, overwrites, slots) for group in groups)
    return tuple(rows for rows in found if rows is not None)


def expansion_of(
    group: str, builder: Builder, regions: Regions, overwrites: ToBeRecorded, slots: TapeLayout
) -> ArrayExpansion | None:
    """The expansion of a privatizable array after which none of its stores saves anything; None if there is none."""
    array = overwrites.allocation(group)
    definition = regions.definitions.get(array or "")
    if array is None or definition is None or not isinstance(definition.node, Assign):
        return None
    if not isinstance(definition.node.value, Op) or definition.node.value.prim not in ALLOCATIONS:
        return None
    uses = [a for a in (*overwrites.reads, *(a for _, a in overwrites.stores)) if a.group == group]
    privatization = Privatization(builder.types, regions, overwrites)
    enclosing = [set(a.region.enclosing) for a in uses]
    loops = [r for r in regions.enclosing_loops(uses[0].region) if all(r in one for one in enclosing)]
    loops = [r for r in loops if r not in set(definition.region.enclosing)]
    while loops and not privatization.is_private(group, loops[-1]):
        loops.pop()
    if not loops or any(_has_disjoint_parts(uses, loop, overwrites) for loop in loops):
        return None
    defining_region, loop_position = definition.region, definition.region.place_of(loops[0])
    if any(array in stmt_reads(s) for at, s in enumerate(defining_region.stmts) if at != loop_position):
        return None
    trip_counts = [slots.trip_count(loop) for loop in loops]
    if any(n is None or not _is_defined_outside(n, definition.region, regions) for n in trip_counts):
        return None
    owners = [loop.owner for loop in loops]
    if not all(isinstance(owner, For) and owner.step in (Const(1), Const(-1)) for owner in owners):
        return None  # the iteration number is then no linear form, by which rows are known to be disjoint
    return ArrayExpansion(
        array,
        tuple(owner.index for owner in owners if isinstance(owner, For)),
        tuple(n for n in trip_counts if n is not None),
        tuple(slots.iteration_number(loop) for loop in loops),
    )


def _has_disjoint_parts(uses: list[MemoryAccess], loop: Region, overwrites: ToBeRecorded) -> bool:
    """Whether iterations use disjoint parts of the array already."""
    shifts = [
        {axis: by for axis, item in enumerate(use.items or ()) if (by := overwrites.affine(item, loop)) is not None}
        for use in uses
    ]
    return any(all(other.get(axis) == by for other in shifts) for axis, by in shifts[0].items())


def _is_defined_outside(e: Expr, defining_region: Region, regions: Regions) -> bool:
    """Whether the names of an expression are defined in the region of the allocation, or an enclosing one."""
    enclosing_regions = set(defining_region.enclosing)
    return all(regions.definitions[n].region in enclosing_regions for n in names(e))
