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
the very element, and nothing reads in between: the reversal of that one restores it. The store before it may be of the
iteration before: of a state that is changed twice in each step, only what one of the two stores overwrites is saved,
where only that is read.
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
from srcad.reverse.storage.stored_elements import same_elements


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
    """Finds the stores that have to be reversed, and their save points."""

    def __init__(
        self, regions: Regions, overwrites: ToBeRecorded, types: Mapping[str, Type], checkpoints: SegmentState
    ) -> None:
        self.regions = regions
        self.checkpoints = checkpoints
        self.atomic_loops = regions.interleaved | checkpoints.segments.keys()
        """Bodies of loops whose iterations, or segments, are reversed as a whole."""
        self.overwrites = overwrites
        self.types = types
        self.stores = {id(store): (store, access) for store, access in overwrites.stores}
        self._save_points: dict[int, list[SavePoint]] = {}
        self._dominating_points: dict[int, list[SavePoint]] = {}
        self._covering_stores: dict[int, list[tuple[MemoryAccess, Region]]] = {}

    def at_store(self, store: Store) -> SavePoint:
        """The save point at the store itself."""
        access = self.stores[id(store)][1]
        return SavePoint(access.region, access.position)

    def required_for(self, accesses: Iterable[MemoryAccess]) -> SavePoints:
        """The stores that have to be reversed for the accesses to read what the primal did, and where each saves."""
        found: dict[int, SavePoint] = {}
        # a second run reads before anything of its own loop is restored
        others = [s for s, (_, at) in self.stores.items() if self.checkpoints.segmented_loop(at.region) is None]
        for access, stores in (
            *((access, [*self.stores]) for access in accesses),
            *((access, others) for access in self.checkpoints.reads),
        ):
            for store in stores:
                if store not in found or found[store] != self._save_points_of(store)[0]:
                    point = self.save_point_for(access, store)
                    if point is not None:
                        found = dict(innermost(found, {store: point}))
        return found

    def save_point_for(self, access: MemoryAccess, store: int) -> SavePoint | None:
        """The outermost save point that serves the access; None where the store need not be reversed."""
        at = self.stores[store][1]
        if not self.checkpoints.must_restore(access, at, self.overwrites):
            return None
        if any(not self._between(access, at, dominating) for dominating in self._dominating_points_of(store)):
            return None
        if any(self._is_between(access, other, at, loop) for other, loop in self._covering_stores_of(store)):
            return None
        points = self._save_points_of(store)
        return next((point for point in reversed(points[1:]) if not self._between(access, at, point)), points[0])

    def groups(self, save_points: SavePoints, region: Region) -> list[ReverseGroup]:
        """What the reversal of a region restores at the start of its loops."""
        restores: dict[tuple[SavePoint, Expr], Store] = {}
        for store, point in save_points.items():
            if point.region is region and point != self._save_points_of(store)[0]:
                restores.setdefault((point, place(self.stores[store][0])), self.stores[store][0])
        return [ReverseGroup(point.position, [], store.span, store) for (point, _), store in restores.items()]

    # ---- save points -------------------------------------------------------------------------

    def _between(self, access: MemoryAccess, at: MemoryAccess, start: SavePoint) -> bool:
        """Whether the access may read, in one iteration of all loops around `start`, what the store wrote after it."""
        where = access.position if access.region is start.region else start.region.place_of(access.region)
        end = at.position if at.region is start.region else start.region.place_of(at.region)
        if where is None or end is None or not start.position <= where <= end:
            return False
        return self.overwrites.may_overwrite_later(access, at, within=start.region)

    def _save_points_of(self, store: int) -> list[SavePoint]:
        """The store itself, then, outwards, the loops around it in which its target is invariant."""
        if store not in self._save_points:
            stmt, access = self.stores[store]
            found = [SavePoint(access.region, access.position)]
            used = {self.regions.definitions[n].region for n in names(place(stmt)) if n in self.regions.definitions}
            region = access.region
            while region.parent is not None and region not in used and region not in self.atomic_loops:
                point = SavePoint(region.parent, region.position)
                if isinstance(region.owner, For | While) and self._is_in_bounds(stmt, point):
                    found.append(point)
                region = region.parent
            self._save_points[store] = found
        return self._save_points[store]

    def _dominating_points_of(self, store: int) -> list[SavePoint]:
        """The points after earlier stores to the same target that dominate the store in the same iteration."""
        if store not in self._dominating_points:
            stmt, access = self.stores[store]
            self._dominating_points[store] = [
                SavePoint(other.region, other.position + 1)
                for earlier, other in self.stores.values()
                if earlier.base == stmt.base and isinstance(stmt.base, Var) and _index_covers(earlier.index, stmt.index)
                if self._before(other, access)
            ]
        return self._dominating_points[store]

    def _covering_stores_of(self, store: int) -> list[tuple[MemoryAccess, Region]]:
        """Stores that overwrite in each iteration of a loop all that this one does in any, with the loop."""
        if store not in self._covering_stores:
            stmt, access = self.stores[store]
            found = []
            for loop in self._whole_iterations(access.region):
                elements = same_elements(stmt, access, loop, self.regions, always=False)
                if elements is None:
                    continue
                for other, at in self.stores.values():
                    if other is stmt or other.base != stmt.base or loop not in self._whole_iterations(at.region):
                        continue
                    whole = same_elements(other, at, loop, self.regions, always=True)
                    if whole is not None and _index_covers(whole, elements):
                        found.append((at, loop))
            self._covering_stores[store] = found
        return self._covering_stores[store]

    def _whole_iterations(self, region: Region) -> list[Region]:
        """The bodies of loops around a region, outwards, up to one whose iterations are reversed as a whole."""
        loops = [r for r in region.enclosing if r.kind == "loop"]
        end = next((at for at, loop in enumerate(loops) if loop in self.atomic_loops), len(loops))
        return loops[: end + 1]

    def _is_between(self, access: MemoryAccess, other: MemoryAccess, at: MemoryAccess, loop: Region) -> bool:
        """Whether the other store overwrites all that the access reads, after it, before the store at `at` does.

        That is so where the other does in the iteration of the access, and the store only in later iterations.
        """
        if loop not in self._whole_iterations(access.region):
            return False
        if self.overwrites.may_overwrite_later(access, at, within=loop):
            return False
        where = access.position if access.region is loop else loop.place_of(access.region)
        end = other.position if other.region is loop else loop.place_of(other.region)
        if where is None or end is None or where != end:
            return where is not None and end is not None and where < end
        if access.region is not other.region or access.position > other.position:
            return False
        return access.region is loop or _is_one_element(access, other)

    def _before(self, earlier: MemoryAccess, later: MemoryAccess) -> bool:
        if earlier.region is later.region:
            return earlier.position < later.position
        position = earlier.region.place_of(later.region)
        if position is None or earlier.position >= position:
            return False
        # an iteration that is reversed as a whole leaves nothing for others to restore
        between = [r for r in later.region.enclosing if r not in set(earlier.region.enclosing)]
        return not any(r in self.atomic_loops for r in between)

    def _is_in_bounds(self, store: Store, point: SavePoint) -> bool:
        """Whether the target is in bounds even where the loop runs no iteration."""
        if any(_mentions(stmt, place(store)) for stmt in self._certain_statements(point)):
            return True
        t = self.types.get(store.base.name) if isinstance(store.base, Var) else None
        if not isinstance(t, Array) or len(store.index) > len(t.dims):
            return False
        indexed_axes = [(item, d) for item, d in zip(store.index, t.dims, strict=False) if item != Slice()]
        return all(self.overwrites.dependence.inside(item, d, point.region) for item, d in indexed_axes)

    def _certain_statements(self, point: SavePoint) -> Block:
        """Statements that run whenever control reaches the save point."""
        stmts = point.region.stmts
        if isinstance(point.region.owner, While):
            return stmts[: point.position]  # the test may end the loop
        end = next((at for at in range(point.position, len(stmts)) if isinstance(stmts[at], Effect)), len(stmts))
        return stmts[:end]


def is_restored_at(group: ReverseGroup, region: Region, save_points: SavePoints) -> bool:
    """Whether what the group's store overwrote is restored there."""
    return group.restores is not None and save_points.get(id(group.restores)) == SavePoint(region, group.position)


def innermost(a: SavePoints, b: SavePoints) -> SavePoints:
    """The innermost of both save points of each store: it serves all that either serves."""
    found = dict(a)
    for store, point in b.items():
        if store not in found or point.depth > found[store].depth:
            found[store] = point
    return found


def _index_covers(index: tuple[Expr, ...], inner: tuple[Expr, ...]) -> bool:
    """Whether the first index covers all elements of the second."""
    if Const(None) in index or Const(None) in inner or len(index) > len(inner):
        return all(item == Slice() for item in index) and Const(None) not in inner
    return all(a in (b, Slice()) for a, b in zip(index, inner, strict=False))


def _is_one_element(a: MemoryAccess, b: MemoryAccess) -> bool:
    """Whether two accesses are certainly of the same element in each iteration of the loops around both."""
    if a.name != b.name or a.items is None or a.items != b.items:
        return False
    return not any(isinstance(item, Slice) for item in a.items)


def _mentions(stmt: Stmt, wanted: Op) -> bool:
    match stmt:
        case Store():
            return place(stmt) == wanted
        case Assign(_, value):
            return value == wanted
    return False
