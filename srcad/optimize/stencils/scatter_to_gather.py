"""Scatter-to-gather transformation of stencil adjoints: one loop adds up the terms of all neighbours.

A loop for each shift (`cleanup/adjoint/loop_fission`) writes every element as often as it has neighbours; a gather
writes it once. The additions `d_u[i + c, j + d] += v[i, j]` are distributed out of a nest over a box, reindexed by the
element they go to, and those to one array become one gather (`gather_nest`); the rest of the nest follows them.

The rest is often `d_v[i, j] = 0.0`, as the sweep overwrites `v`. The next gather into the same box then assigns instead
of adding. Where that gather is in the next iteration of a loop around both, the fill is sunk into it: the first
iteration adds, and after the last one the fill is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from srcad.analysis.loops.parallel_loops import MayAlias
from srcad.analysis.memory.flow_sensitive_aliases import CALLER, AliasPairs
from srcad.analysis.memory.liveness import Path
from srcad.analysis.memory.memory_queries import MemoryQueries, may_alias_in
from srcad.cleanup.dead_code import remove_dead_code
from srcad.ir.nodes import Block, For, Function, Stmt
from srcad.ir.traversal import with_blocks
from srcad.ir.types import Type
from srcad.optimize.memory.array_contraction import inner_blocks
from srcad.optimize.stencils.contributions import scattered_arrays, split_contributions
from srcad.optimize.stencils.fill_sinking import Item, absorb_fill, sink_fills_across_iterations
from srcad.optimize.stencils.gather_loops import gather_loops
from srcad.optimize.stencils.gather_nest import ConstantFill, Gather
from srcad.optimize.stencils.iteration_boxes import (
    IterationBox,
    constant_fills,
    extract_gathers,
    fused_nests,
    iteration_box,
)


def scatter_to_gather(f: Function) -> Function:
    """Replace shifted additions by gathers.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Dim, Scalar
    >>> types = dict.fromkeys(("d_u", "d_v"), Array("float64", (Dim((), 99),)))
    >>> types |= dict.fromkeys("nti", Scalar("int64"))
    >>> body = parse('''
    ... for i in range(1, n):
    ...     d_u[i - 1] += d_v[i]
    ... for i in range(1, n):
    ...     d_u[i] += d_v[i]
    ...     d_v[i] = 0.0
    ... ''')
    >>> params = tuple(Param(name, name) for name in ("d_u", "d_v", "n"))
    >>> print(show(scatter_to_gather(Function("f", params, body, (), types)).body))
    if 1 < (n - 1):
        d_u[0] += d_v[1]
        for i in range(1, n - 1, 1):
            d_u[i] += d_v[i + 1] + d_v[i]
        d_u[n - 1] += d_v[n - 1]
    else:
        for i in range(n - 1):
            d_u[i] += d_v[i + 1]
        for i in range(1, n, 1):
            d_u[i] += d_v[i]
    for i in range(1, n, 1):
        d_v[i] = 0.0
    """
    work = _ScatterToGather(f)
    body = work.block(f.body, ())
    return f if body == f.body else replace(f, body=body, types=work.types)


class _ScatterToGather:
    def __init__(self, f: Function) -> None:
        self.types: dict[str, Type] = dict(f.types)
        self.memory = MemoryQueries(f)

    def block(self, block: Block, path: Path) -> Block:
        return self._lowered(self.items(block, path))

    def items(self, block: Block, path: Path) -> list[Item]:
        """The statements of a block, with gathers and fills not yet lowered to loops."""
        found: list[Item] = []
        at = 0
        while at < len(block):
            end, new = self._box(block, path, at)
            for item in new or self._stmt(block[at], (*path, at)):
                found.append(absorb_fill(item, found, self.types) if isinstance(item, Gather) else item)
            at = end
        return found

    def _box(self, block: Block, path: Path, at: int) -> tuple[int, list[Item]]:
        """The end of the box from `at` on, and what becomes of it; no items where there is nothing to gather."""
        if not self._is_worth_asking(block, at):
            return at + 1, []
        found, end, may_alias = self._fused(block, at, lambda k: self.memory.aliases_at((*path, k)))
        later = self.memory.liveness.live_after((*path, end - 1, "head"))
        if found is None or later & {level.index for level in found.levels}:
            return at + 1, []
        split = split_contributions(found, self.types, may_alias, later)
        if split is not None:
            gathers, rest, _ = extract_gathers(split.additions, self.types, may_alias)
            return end, [*split.points, *gathers, *rest, *self._filled(split.fills, path, at, end)]
        first, rest, last = extract_gathers(found, self.types, may_alias)
        if not first and not last:
            return at + 1, []
        rest = remove_dead_code(rest, later.union(*(gather.names() for gather in last)), self.types)
        fills = constant_fills(rest, self.types)
        return end, [*first, *(self._filled(fills, path, at, end) if fills else rest), *last]

    def _is_worth_asking(self, block: Block, at: int) -> bool:
        """Whether there is something to gather if no two names alias."""
        found, _, may_alias = self._fused(block, at, lambda k: frozenset())
        if found is None:
            return False
        first, _, last = extract_gathers(found, self.types, may_alias)
        return bool(first or last or scattered_arrays(found, self.types, may_alias))

    def _fused(
        self, block: Block, at: int, pairs: Callable[[int], AliasPairs]
    ) -> tuple[IterationBox | None, int, MayAlias]:
        """The box of the nests from `at` on, where it ends, and what may alias in it."""
        found, end = iteration_box(block[at], self.types), at + 1
        if found is None:
            return None, end, str.__eq__
        together = pairs(at)
        for k in range(end, len(block)):
            other = iteration_box(block[k], self.types)
            if other is None:
                break
            together |= pairs(k)
            both = fused_nests(found, other, self.types, may_alias_in(together))
            if both is None:
                break
            found, end = both, k + 1
        return found, end, may_alias_in(together)

    def _filled(self, fills: Iterable[ConstantFill], path: Path, at: int, end: int) -> list[ConstantFill]:
        return [replace(fill, also=self._aliases_of(fill.array, path, at, end)) for fill in fills]

    def _aliases_of(self, array: str, path: Path, at: int, end: int) -> frozenset[str]:
        """The names that may alias the array there."""
        pairs = [pair for k in range(at, end) for pair in self.memory.aliases_at((*path, k)) if array in pair]
        return frozenset(n for pair in pairs for n in pair if n != CALLER) - {array}

    def _stmt(self, stmt: Stmt, path: Path) -> list[Item]:
        if isinstance(stmt, For):
            items = self.items(stmt.body, (*path, "body"))
            after = sink_fills_across_iterations(stmt, items, self.types)
            body = self._lowered(items)
            return [stmt if body == stmt.body else replace(stmt, body=body), *after]
        return [with_blocks(stmt, [self.block(b, (*path, name)) for name, b in inner_blocks(stmt)])]

    def _lowered(self, items: list[Item]) -> Block:
        """The statements; gathers that follow each other share their loops where they may."""
        done: list[Stmt] = []
        at = 0
        while at < len(items):
            item, at = items[at], at + 1
            if isinstance(item, Gather):
                joined = [item]
                while at < len(items) and isinstance(other := items[at], Gather) and _may_join(joined, other):
                    joined.append(other)
                    at += 1
                done += gather_loops(joined, self.types)
            else:
                done += item.block() if isinstance(item, ConstantFill) else (item,)
        return tuple(done)


def _may_join(gathers: list[Gather], other: Gather) -> bool:
    return all(gather.may_join(other) for gather in gathers)
