"""Values that still stand, at their reversal, in an array they were stored into."""

from __future__ import annotations

from srcad.analyses.aliases import Aliases
from srcad.analyses.overwrites import Access, Overwrites
from srcad.analyses.regions import Definition, Region, Regions
from srcad.frontend.builder import Builder
from srcad.ir.nodes import Expr, Op, Slice, Store, Var
from srcad.ir.types import Array, Scalar
from srcad.ir.walk import root


class Stored:
    def __init__(self, builder: Builder, regions: Regions, aliases: Aliases, overwrites: Overwrites) -> None:
        self.builder = builder
        self.regions = regions
        self.aliases = aliases
        self.overwrites = overwrites

    def place(self, name: str, definition: Definition, position: int) -> Expr | None:
        """The element or part of an array that holds the value at the reversal of `position`, for good."""
        region = definition.region
        for at in range(definition.position + 1, len(region.stmts)):
            stmt = region.stmts[at]
            if not isinstance(stmt, Store) or stmt.value != Var(name) or stmt.op is not None:
                continue
            place = Op("index", (stmt.base, *(stmt.index or (Slice(),))))
            if self.builder.typeof(place) != self.builder.types[name] and not self._same_shape(place, name):
                continue
            if self._stays(stmt, region, at, place):
                return place
        return None

    def _same_shape(self, place: Expr, name: str) -> bool:
        a, b = self.builder.typeof(place), self.builder.types[name]
        match a, b:
            case Scalar(), Scalar():
                return a.dtype == b.dtype
            case Array(), Array():
                same = all(x == y or (x.many and y.many) for x, y in zip(a.dims, b.dims, strict=False))
                return a.dtype == b.dtype and a.rank == b.rank and same
            case _:
                return False

    def _stays(self, store: Store, region: Region, at: int, place: Expr) -> bool:
        base = root(store.base)
        assert base is not None
        group = self.aliases.group[base]
        mine = self.overwrites.access(group, region, at, place)
        scope = self.overwrites.scope(group)
        for loop in self.regions.loops(region):
            if loop is scope or scope not in set(loop.enclosing):
                continue
            if not any(self.overwrites.affine(i, loop) is not None for i in mine.items or ()):
                return False
        outermost = next((r for r in self.regions.loops(region) if scope in set(r.enclosing) - {r}), None)
        for other, access in self.overwrites.stores:
            if other is store or access.group != group:
                continue
            # any other store must be over before the loops begin
            if outermost is None or outermost in set(access.region.enclosing):
                return False
            before = self.overwrites.meets(Access(group, region, at, None), access)
            if before:
                return False
        return True
