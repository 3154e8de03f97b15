"""Register promotion: elements that every iteration of a loop accesses live in scalars while it runs.

LLVM has to write every store, and to reload what a store may have changed: it does not know which arrays alias. We do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from srcad.analysis.integers.element_dependence import index_bounds
from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.ir.loop_nest import Element, LoopNest
from srcad.ir.nodes import Block, For, Function, If, Stmt
from srcad.ir.traversal import blocks, with_blocks
from srcad.ir.types import Type
from srcad.optimize.memory.element_promotion import Use, on_scalars, promotions
from srcad.optimize.memory.region_accesses import Facts, RegionAccesses
from srcad.optimize.shapes.shape_guards import nonempty_condition


def promote_accumulators(f: Function) -> Function:
    """`total = r[i]`, a loop with `total += ...`, `r[i] = total` for a loop with `r[i] += ...`.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Scalar, dim
    >>> body = parse('''
    ... for j in range(i, n):
    ...     d[i, 0] += a[j] * w[i]
    ...     d[i, 1] += a[j]
    ... ''')
    >>> types = {"d": Array("float64", (dim(4), dim(2))), **dict.fromkeys("aw", Array("float64", (dim(4),)))}
    >>> types.update(dict.fromkeys("ijn", Scalar("int64")))
    >>> print(show(promote_accumulators(Function("f", (), body, (), types)).body))
    if i < n:
        d_total = d[i, 0]
        w_here = w[i]
        d_total1 = d[i, 1]
        for j in range(i, n, 1):
            d_total += a[j] * w_here
            d_total1 += a[j]
        d[i, 0] = d_total
        d[i, 1] = d_total1

    A loop without iterations must not even read an element, which may not exist; the same holds for accesses that only
    some iterations execute. What the nest of an array statement adds to exists.
    """
    types = dict(f.types)
    body = _Promoting(types, may_alias(f.body, f.types)).block(f.body, ())
    return replace(f, body=body, types=types)


@dataclass(frozen=True)
class _Promoting:
    types: dict[str, Type]
    shared: MayAlias

    def block(self, block: Block, around: Facts) -> Block:
        """A block, under the constraints of the loops around it."""
        return tuple(self._stmt(stmt, around) for stmt in block)

    def _stmt(self, stmt: Stmt, around: Facts) -> Stmt:
        if isinstance(stmt, LoopNest):
            stmt = self._nest(stmt, len(stmt.lengths))
        if isinstance(stmt, For):
            new = self._guarded(stmt, around)
            if isinstance(new, If):
                return replace(new, then=tuple(self._inside(s, around) for s in new.then))
        return self._inside(stmt, around)

    def _inside(self, stmt: Stmt, around: Facts) -> Stmt:
        facts = (*around, *index_bounds(stmt, self.types)) if isinstance(stmt, For) else around
        return with_blocks(stmt, [self.block(b, facts) for b in blocks(stmt)])

    def _guarded(self, loop: For, around: Facts) -> Stmt:
        """The loop on scalars, or unchanged."""
        nonempty = nonempty_condition(loop)
        if nonempty is None or loop.parallel:
            return loop
        uses = RegionAccesses.of_loop(loop, self.types, self.shared, around).uses()
        return If(nonempty, _promoted(loop, uses, self.types), ()) if uses else loop

    def _nest(self, loop: For, depth: int) -> For:
        """A nest of an array statement, so many loops deep. Its innermost loop adds to scalars, not to elements."""
        if depth == 1:
            return loop
        (inner,) = loop.body
        assert isinstance(inner, For)
        body: Block = (self._nest(inner, depth - 1),)
        if depth == 2:
            # no user wrote the order of these additions, or when they are rounded
            uses = RegionAccesses.of_loop(inner, self.types, self.shared).uses(("float64", "float32"))
            body = _promoted(inner, {one: use for one, use in uses.items() if use == "written"}, self.types)
        return loop if body == loop.body else For(loop.index, loop.start, loop.stop, loop.step, body)


def _promoted(loop: For, uses: Mapping[Element, Use], types: dict[str, Type]) -> Block:
    """The loop on scalars, with their loads and stores around it."""
    found = promotions(uses, types)
    before = tuple(stmt for one in found for stmt in one.before())
    return (*before, *on_scalars((loop,), found, types), *(stmt for one in found for stmt in one.after()))
