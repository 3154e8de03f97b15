"""Save points: which stores save what they overwrite, and where: at the store, or before loops that accumulate into one
element.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def step(y, A, v):
...     total = 0.0
...     for i in range(len(y)):
...         total = total * y[i] + y[i] ** 2
...         for j in range(len(v)):
...             y[i] += A[i, j] * v[j]
...     return total
>>> source = srcad.grad(step, argnums="y", target="python").source_for(np.ones(3), np.ones((3, 3)), np.ones(3))
>>> print(*(line for line in source.splitlines() if "y_saved" in line), sep="\\n")
        y_saved      n floats   read by line 6
    y_saved = np.empty(n)
        y_saved[i] = y[i]
        y[i] = y_saved[i]

Only the accumulation itself reads the partial sums. So what `y[i]` held before is saved once, before the inner loop,
and restored once, when that loop has been reversed. In the same way a store saves nothing where one before it has saved
the very element, and nothing reads in between: the reversal of that one restores it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded
from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, For, Op, Slice, Stmt, Store, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import names, place
from srcad.ir.types import Array, Type
from srcad.reverse.adjoint.reverse_sweep import ReverseGroup
from srcad.reverse.loops.checkpoint_state import SegmentState


@dataclass(frozen=True)
class SavePoint:
    """Before the statement at `position` of `region`; `depth` counts the blocks around it."""

    region: Region
    position: int

    @property
    def depth(self) -> int:
        return sum(1 for _ in self.region.enclosing)


SavePoints = Mapping[int, SavePoint]
"""By identity of the store."""


class RestorePlanner:
    def __init__(
        self, regions: Regions, overwrites: ToBeRecorded, types: Mapping[str, Type], checkpoints: SegmentState
    ) -> None:
        self.regions = regions
        self.checkpoints = checkpoints
        self.at_once = regions.interleaved | checkpoints.segments.keys()
        """Bodies of loops whose iterations, or segments, are reversed as a whole."""
        self.overwrites = overwrites
        self.types = types
        self.stores = {id(store): (store, access) for store, access in overwrites.stores}
        self._homes: dict[int, list[SavePoint]] = {}
        self._covers: dict[int, list[SavePoint]] = {}

    def at_store(self, store: Store) -> SavePoint:
        access = self.stores[id(store)][1]
        return SavePoint(access.region, access.position)

    def required_for(self, accesses: Iterable[MemoryAccess]) -> SavePoints:
        """The stores that have to be reversed for the accesses to read what the primal did, and where each saves."""
        found: dict[int, SavePoint] = {}
        # a second run reads before anything of its own loop is restored
        others = [s for s, (_, at) in self.stores.items() if self.checkpoints.around(at.region) is None]
        for access, stores in (
            *((access, [*self.stores]) for access in accesses),
            *((access, others) for access in self.checkpoints.reads),
        ):
            for store in stores:
                if store not in found or found[store] != self._homes_of(store)[0]:
                    home = self.save_point_for(access, store)
                    if home is not None:
                        found = dict(reversed_atomically(found, {store: home}))
        return found

    def save_point_for(self, access: MemoryAccess, store: int) -> SavePoint | None:
        """The outermost save point that serves the access; None where the store need not be reversed."""
        at = self.stores[store][1]
        if not self.checkpoints.meets(access, at, self.overwrites):
            return None
        if any(not self._between(access, at, cover) for cover in self._covers_of(store)):
            return None
        homes = self._homes_of(store)
        return next((home for home in reversed(homes[1:]) if not self._between(access, at, home)), homes[0])

    def groups(self, undone: SavePoints, region: Region) -> list[ReverseGroup]:
        """What the reversal of a region restores at the start of its loops."""
        moved: dict[tuple[SavePoint, Expr], Store] = {}
        for store, home in undone.items():
            if home.region is region and home != self._homes_of(store)[0]:
                moved.setdefault((home, place(self.stores[store][0])), self.stores[store][0])
        return [ReverseGroup(home.position, [], store.span, store) for (home, _), store in moved.items()]

    # ---- save points -------------------------------------------------------------------------

    def _between(self, access: MemoryAccess, at: MemoryAccess, start: SavePoint) -> bool:
        """Whether the access may read, in one iteration of all loops around `start`, what the store wrote after it."""
        where = access.position if access.region is start.region else start.region.place_of(access.region)
        end = at.position if at.region is start.region else start.region.place_of(at.region)
        if where is None or end is None or not start.position <= where <= end:
            return False
        return self.overwrites.may_overwrite_later(access, at, within=start.region)

    def _homes_of(self, store: int) -> list[SavePoint]:
        """The store itself, then, outwards, the loops around it in which its target is invariant."""
        if store not in self._homes:
            stmt, access = self.stores[store]
            found = [SavePoint(access.region, access.position)]
            used = {self.regions.definitions[n].region for n in names(place(stmt)) if n in self.regions.definitions}
            region = access.region
            while region.parent is not None and region not in used and region not in self.at_once:
                home = SavePoint(region.parent, region.position)
                if isinstance(region.owner, For | While) and self._exists(stmt, home):
                    found.append(home)
                region = region.parent
            self._homes[store] = found
        return self._homes[store]

    def _covers_of(self, store: int) -> list[SavePoint]:
        """The points after earlier stores to the same target that dominate the store in the same iteration."""
        if store not in self._covers:
            stmt, access = self.stores[store]
            self._covers[store] = [
                SavePoint(other.region, other.position + 1)
                for earlier, other in self.stores.values()
                if earlier.base == stmt.base and isinstance(stmt.base, Var) and _all_of(earlier.index, stmt.index)
                if self._before(other, access)
            ]
        return self._covers[store]

    def _before(self, earlier: MemoryAccess, later: MemoryAccess) -> bool:
        if earlier.region is later.region:
            return earlier.position < later.position
        position = earlier.region.place_of(later.region)
        if position is None or earlier.position >= position:
            return False
        # an iteration that is reversed as a whole leaves nothing for others to restore
        between = [r for r in later.region.enclosing if r not in set(earlier.region.enclosing)]
        return not any(r in self.at_once for r in between)

    def _exists(self, store: Store, home: SavePoint) -> bool:
        """Whether the target is in bounds even where the loop runs no iteration."""
        if any(_mentions(stmt, place(store)) for stmt in self._surely_with(home)):
            return True
        t = self.types.get(store.base.name) if isinstance(store.base, Var) else None
        if not isinstance(t, Array) or len(store.index) > len(t.dims):
            return False
        plain = [(item, d) for item, d in zip(store.index, t.dims, strict=False) if item != Slice()]
        return all(self.overwrites.dependence.inside(item, d, home.region) for item, d in plain)

    def _surely_with(self, home: SavePoint) -> Block:
        """Statements that run whenever control reaches the save point."""
        stmts = home.region.stmts
        if isinstance(home.region.owner, While):
            return stmts[: home.position]  # the test may end the loop
        end = next((at for at in range(home.position, len(stmts)) if isinstance(stmts[at], Effect)), len(stmts))
        return stmts[:end]


def is_restored_at(group: ReverseGroup, region: Region, undone: SavePoints) -> bool:
    """Whether what the group's store overwrote is restored there."""
    return group.restores is not None and undone.get(id(group.restores)) == SavePoint(region, group.position)


def reversed_atomically(a: SavePoints, b: SavePoints) -> SavePoints:
    """The innermost of both save points of each store: it serves all that either serves."""
    found = dict(a)
    for store, home in b.items():
        if store not in found or home.depth > found[store].depth:
            found[store] = home
    return found


def _all_of(index: tuple[Expr, ...], inner: tuple[Expr, ...]) -> bool:
    """Whether the first index covers all elements of the second."""
    if Const(None) in index or Const(None) in inner or len(index) > len(inner):
        return all(item == Slice() for item in index) and Const(None) not in inner
    return all(a in (b, Slice()) for a, b in zip(index, inner, strict=False))


def _mentions(stmt: Stmt, wanted: Op) -> bool:
    match stmt:
        case Store():
            return place(stmt) == wanted
        case Assign(_, value):
            return value == wanted
    return False
