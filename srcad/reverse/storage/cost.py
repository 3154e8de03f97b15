"""Cost model of storage, for the minimum cut: the bytes saved, with ten iterations assumed for each loop.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def iterate(x, s, n):
...     for i in range(n):
...         row = x * s
...         s = np.sum(row * row)
...     return s
>>> source = srcad.grad(iterate, argnums="s", target="python").source_for(np.ones(8), 1.0, 3)
>>> print(*(line for line in source.splitlines() if "_saved" in line), sep="\\n")
keeps   s_saved  n floats   read by line 4
    s_saved = np.empty(max(n, 0))
        s_saved[i] = s
        row = x * s_saved[i]

A scalar `s` is saved per iteration, from which the array `row` is recomputed.
"""

from __future__ import annotations

import numpy as np

from srcad.canonicalize.array_expansion import ArrayExpansion
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import place
from srcad.ir.types import Array, Scalar, Type
from srcad.reverse.loops.expansion_candidates import expansion_of
from srcad.reverse.storage.overwritten_memory import RestorePlanner, SavePoint
from srcad.reverse.storage.tape_layout import TapeLayout
from srcad.typing.builder import Builder

_ITERATIONS = 10
"""Assumed number of iterations of a loop, and of elements along an axis of unknown length."""


class StorageCost:
    """The weights of the minimum cut."""

    def __init__(self, builder: Builder, regions: Regions, restore_planner: RestorePlanner, slots: TapeLayout) -> None:
        self.builder = builder
        self.regions = regions
        self.restore_planner = restore_planner
        self.slots = slots
        self._expansions: dict[str, ArrayExpansion | None] = {}

    def of_name(self, name: str) -> int:
        """The cost of saving the value of a name."""
        return self._of(self.builder.types[name], self.regions.definitions[name].region)

    def of_store(self, store: int, save_point: SavePoint) -> tuple[str, int]:
        """A node and its weight, for saving what a store overwrites; one less, so that on a tie the array is restored.

        A privatizable array is expanded instead, once for all that is stored into it.
        """
        stmt, access = self.restore_planner.stores[store]
        expansion = self._expansion_of(access.group)
        if expansion is None:
            return f"{store} {save_point.depth}", self._of(self.builder.typeof(place(stmt)), save_point.region) - 1
        iterations: int = _ITERATIONS ** len(expansion.loops)
        return access.group, self.of_name(expansion.array) * iterations - 1

    def _expansion_of(self, group: str) -> ArrayExpansion | None:
        if group not in self._expansions:
            self._expansions[group] = expansion_of(
                group, self.builder, self.regions, self.restore_planner.overwrites, self.slots
            )
        return self._expansions[group]

    def _of(self, t: Type, region: Region) -> int:
        size = 1000
        if isinstance(t, Scalar | Array):
            size = np.dtype(t.dtype).itemsize
            for d in t.dims if isinstance(t, Array) else ():
                size *= _ITERATIONS if d.terms else d.const
        iterations: int = _ITERATIONS ** len(self.regions.enclosing_loops(region))
        return size * iterations
