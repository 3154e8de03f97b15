"""Availability in memory: values that, at their reversal, can be reloaded from an array they were stored into.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def recurrence(x):
...     y = np.zeros(len(x) + 1)
...     for t in range(len(x)):
...         y[t + 1] = np.tanh(y[t] + x[t])
...     return y[-1]
>>> source = srcad.grad(recurrence, target="python").source_for(np.ones(3))
>>> print(source[source.index("    for t in range(len(x) - 1") : source.index("    return")].rstrip())
    for t in range(len(x) - 1, -1, -1):
        # L4: y[t + 1] = np.tanh(y[t] + x[t])
        tanh = y[t + 1]
        d_sum = (1.0 - tanh * tanh) * d_y[t + 1]
        d_x[t] += d_sum
        d_y[t] += d_sum
"""

from __future__ import annotations

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.to_be_recorded import ToBeRecorded
from srcad.ir.nodes import Expr, Op, Slice, Store, Var
from srcad.ir.regions import Definition, Region, Regions
from srcad.ir.result_memory import root
from srcad.ir.traversal import walk
from srcad.ir.types import Array, Scalar
from srcad.typing.builder import Builder


class StoredCopies:
    """Queries about the stores of one function."""

    def __init__(self, builder: Builder, regions: Regions, aliases: AliasClasses, overwrites: ToBeRecorded) -> None:
        self.builder = builder
        self.regions = regions
        self.aliases = aliases
        self.overwrites = overwrites

    def location(self, name: str, definition: Definition) -> Expr | None:
        """The element or slice of an array that the value is stored into, if it is never overwritten."""
        region = definition.region
        for at in range(definition.position + 1, len(region.stmts)):
            stmt = region.stmts[at]
            if not isinstance(stmt, Store) or stmt.value != Var(name) or stmt.op is not None:
                continue
            if self._writes_between(region, definition.position + 1, at, stmt):
                continue  # the reverse sweep restores that before the last read of the value
            target = Op("index", (stmt.base, *(stmt.index or (Slice(),))))
            if self.builder.typeof(target) != self.builder.types[name] and not self._same_shape(target, name):
                continue
            if self._is_never_overwritten(stmt):
                return target
        return None

    def _writes_between(self, region: Region, first: int, last: int, store: Store) -> bool:
        """Whether a statement in between writes to the array of the store."""
        group = self.aliases.class_of[root(store.base) or ""]
        between = walk(region.stmts[first:last])
        return any(isinstance(s, Store) and self.aliases.class_of.get(root(s.base) or "") == group for s in between)

    def _same_shape(self, target: Expr, name: str) -> bool:
        a, b = self.builder.typeof(target), self.builder.types[name]
        match a, b:
            case Scalar(), Scalar():
                return a.dtype == b.dtype
            case Array(), Array():
                same = all(x == y or (x.is_not_one and y.is_not_one) for x, y in zip(a.dims, b.dims, strict=False))
                return a.dtype == b.dtype and a.rank == b.rank and same
            case _:
                return False

    def _is_never_overwritten(self, store: Store) -> bool:
        """Whether no later store, of any iteration, writes to the same elements."""
        own_access = next(access for other, access in self.overwrites.stores if other is store)
        return not any(self.overwrites.may_overwrite_later(own_access, access) for _, access in self.overwrites.stores)
