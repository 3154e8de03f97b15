"""Reads of the reverse sweep: which primal values and which elements of written arrays it reads, and where.

A read is recorded by its position in the region that defines the name: there the value has to be recovered.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.regions import regions
>>> __name__ = "user_module"
>>> def power(x, n):
...     a = x * x
...     for i in range(n):
...         x = x * a
...     return x
>>> f = normal_form(power, 2.0, 3)
>>> found = regions(f)
>>> read_position(found, "a.0", found.body_of(f.body[1], "loop"), 0)
1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded, elements_read
from srcad.ir.nodes import Expr
from srcad.ir.regions import Region, Regions
from srcad.ir.result_memory import root
from srcad.ir.traversal import block_reads, names, own_exprs, walk
from srcad.reverse.adjoint.reverse_sweep import ReverseBranches, ReverseGroup, ReverseLoop, ReverseSweep, bounds
from srcad.reverse.storage.overwritten_memory import RestorePlanner, SavePoints, is_restored_at
from srcad.reverse.storage.plan import Counted
from srcad.reverse.storage.recomputation import before_restoring


class RecordedReads:
    """The reads of a sweep, as they are found.

    `value_number`: for names whose value another name has too, the name that is read instead.
    """

    def __init__(
        self, regions: Regions, aliases: AliasClasses, overwrites: ToBeRecorded, value_number: Mapping[str, str]
    ) -> None:
        self.regions = regions
        self.aliases = aliases
        self.overwrites = overwrites
        self.value_number = value_number
        self.uses: dict[str, list[float]] = {}
        """For each name that is read, the positions of the reads in the region which defines it: of the index of a
        restored store, before the restore (`before_restoring`)."""
        self.accesses: list[MemoryAccess] = []

    def sweep(
        self, sweep: ReverseSweep, save_points: SavePoints, restore_planner: RestorePlanner, counted: Sequence[Counted]
    ) -> bool:
        """Record what the sweep reads, and what restoring at the save points does; whether it does anything at all."""
        anything = False
        extra = restore_planner.groups(save_points, sweep.region)
        for group in sweep.with_others(counted, extra):
            restores = is_restored_at(group, sweep.region, save_points)
            if group.restores is not None and restores:
                for e in (group.restores.base, *group.restores.index):
                    self.expression(e, sweep.region, before_restoring(group.position))
            if group.stmts:
                for n in block_reads(tuple(group.stmts)):
                    self.name(n, sweep.region, group.position)
                self._elements(group, sweep.region)
            match group.nested:
                case ReverseBranches(owner, then, orelse):
                    both = [self.sweep(inner, save_points, restore_planner, counted) for inner in (then, orelse)]
                    if any(both):
                        anything = True
                        self.expression(owner.cond, sweep.region, group.position)
                case ReverseLoop(owner, inner):
                    if self.sweep(inner, save_points, restore_planner, counted):
                        anything = True
                        for e in bounds(owner):
                            self.expression(e, sweep.region, group.position)
                case None:
                    anything = anything or restores or bool(group.stmts)
        return anything

    def expression(self, e: Expr, region: Region, position: float) -> None:
        """Record that an expression is read at a position of a region."""
        for n in names(e):
            self.name(n, region, position)

    def name(self, name: str, region: Region, position: float) -> None:
        """Record that a name is read at a position of a region."""
        if name not in self.regions.definitions:
            return  # a name that the sweep itself defines
        name = self.value_number.get(name, name)
        where = read_position(self.regions, name, region, position)
        assert where is not None, f"{name} is read outside of the region that defines it"
        self.uses.setdefault(name, []).append(where)

    def _elements(self, group: ReverseGroup, region: Region) -> None:
        """Record the elements of written arrays that a group reads."""
        for stmt in walk(tuple(group.stmts)):
            for e in own_exprs(stmt):
                for read in elements_read(e):
                    n = root(read)
                    if n in self.aliases.written and n in self.regions.definitions:
                        at = self.overwrites.access(self.aliases.class_of[n], region, group.position, read)
                        self.accesses.append(at)


def read_position(regions: Regions, name: str, region: Region, position: float) -> float | None:
    """A read in a region as a position in the region that defines the name; None where it is outside of that."""
    defining_region = regions.definitions[name].region
    return position if region is defining_region else defining_region.place_of(region)
