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

_TURNS = 10
"""Assumed number of iterations of a loop, and of elements along an axis of unknown length."""


class StorageCost:
    def __init__(self, builder: Builder, regions: Regions, undoing: RestorePlanner, slots: TapeLayout) -> None:
        self.builder = builder
        self.regions = regions
        self.undoing = undoing
        self.slots = slots
        self._widened: dict[str, ArrayExpansion | None] = {}

    def of_name(self, name: str) -> int:
        return self._of(self.builder.types[name], self.regions.definitions[name].region)

    def of_store(self, store: int, home: SavePoint) -> tuple[str, int]:
        """A node and its weight, for saving what a store overwrites; one less, so that on a tie the array is restored.

        A privatizable array is expanded instead, once for all that is stored into it.
        """
        stmt, access = self.undoing.stores[store]
        rows = self._rows(access.group)
        if rows is None:
            return f"{store} {home.depth}", self._of(self.builder.typeof(place(stmt)), home.region) - 1
        turns: int = _TURNS ** len(rows.loops)
        return access.group, self.of_name(rows.array) * turns - 1

    def _rows(self, group: str) -> ArrayExpansion | None:
        if group not in self._widened:
            self._widened[group] = expansion_of(group, self.builder, self.regions, self.undoing.overwrites, self.slots)
        return self._widened[group]

    def _of(self, t: Type, region: Region) -> int:
        size = 1000
        if isinstance(t, Scalar | Array):
            size = np.dtype(t.dtype).itemsize
            for d in t.dims if isinstance(t, Array) else ():
                size *= _TURNS if d.terms else d.const
        turns: int = _TURNS ** len(self.regions.enclosing_loops(region))
        return size * turns
