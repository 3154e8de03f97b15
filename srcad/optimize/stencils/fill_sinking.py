"""Code sinking of constant fills into gathers: the next gather into the same box assigns instead of adding.

The gather may be in the next iteration of a loop around both. Between the two the array must not be accessed. It may
get other names on the way: `d_v = d_u`, where two buffers are swapped in every iteration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.loops.parallel_loops import memory_reads
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, Const, For, If, Op, Stmt, Var
from srcad.ir.traversal import defined, names, stmt_reads, stmt_stores
from srcad.ir.types import Scalar, Type
from srcad.optimize.stencils.gather_nest import ConstantFill, Gather

Item = Stmt | Gather | ConstantFill
"""A statement, or a gather or fill that is not yet lowered to one."""


@dataclass(frozen=True)
class _AliasSet:
    """The aliases of the filled memory: those that must alias it, and those that may.

    `analysis.memory` has no must-alias analysis. And some items are not lowered to statements yet: how the gathers and
    fills between are lowered is decided by this very question.
    """

    must: frozenset[str]
    may: frozenset[str]

    def after(self, item: Item, types: Mapping[str, Type]) -> _AliasSet | None:
        """The aliases after an item; None where the item may access the memory."""
        match item:
            case Gather() | ConstantFill():
                return None if item.names() & self.may else self
            case Assign(target, Var(source)) if not isinstance(types.get(target), Scalar):
                gained = frozenset({target})
                must = self.must | gained if source in self.must else self.must - gained
                return _AliasSet(must, self.may | gained if source in self.may else self.may - gained)
            case Assign(target, value):
                lost = frozenset({target})
                return None if memory_reads(value, types) & self.may else _AliasSet(self.must - lost, self.may - lost)
        accessed = stmt_reads(item) | stmt_stores(item) | defined((item,))
        return None if accessed & self.may else self

    def after_all(self, items: Iterable[Item], types: Mapping[str, Type]) -> _AliasSet | None:
        aliases: _AliasSet | None = self
        for item in items:
            aliases = aliases.after(item, types) if aliases is not None else None
        return aliases

    def may_absorb(self, gather: Gather, fill: ConstantFill) -> bool:
        """Whether the gather adds to the filled elements; a gather reads nothing that it adds to."""
        return gather.array in self.must and gather.fill is None and fill.covers(gather)


def _aliases(fill: ConstantFill) -> _AliasSet:
    return _AliasSet(frozenset({fill.array}), fill.also | {fill.array})


def absorb_fill(gather: Gather, found: list[Item], types: Mapping[str, Type]) -> Gather:
    """The gather with a fill among the items before it absorbed; the fill is removed from `found`.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.optimize.stencils.gather_loops import gather_loops
    >>> from srcad.optimize.stencils.gather_nest import LoopLevel, ShiftedTerm
    >>> i, levels = (Var("i"),), (LoopLevel("i", 0, Var("n")),)
    >>> terms = [ShiftedTerm((by,), "+", Op("index", (Var(name), *i))) for by, name in enumerate("ab")]
    >>> found = [ConstantFill(levels, "d_v", i, Const(0.0)), *parse("s = t")]
    >>> print(show(found[0].block()))
    for i in range(n):
        d_v[i] = 0.0
    >>> print(show(gather_loops([absorb_fill(Gather(levels, "d_v", i, tuple(terms)), found, {})], {})))
    if 1 < n:
        d_v[0] = a[0]
        for i in range(1, n, 1):
            d_v[i] = a[i] + b[i]
        d_v[n] += b[n]
    else:
        for i in range(n):
            d_v[i] = 0.0
        for i in range(n):
            d_v[i] += a[i]
        for i in range(1, n + 1, 1):
            d_v[i] += b[i]
    >>> print(show(found))
    s = t
    """
    for k in range(len(found) - 1, -1, -1):
        fill = found[k]
        if isinstance(fill, ConstantFill):
            aliases = _aliases(fill).after_all(found[k + 1 :], types)
            if aliases is not None and aliases.may_absorb(gather, fill):
                del found[k]
                return replace(gather, fill=fill)
        if not isinstance(fill, Gather | ConstantFill) and defined((fill,)) & gather.invariant_names():
            break
    return gather


def sink_fills_across_iterations(loop: For, items: list[Item], types: Mapping[str, Type]) -> list[Item]:
    """Sink the fills of an iteration into gathers of the next, in `items`; returned is what follows the loop."""
    after: list[Item] = []
    if not _is_counted(loop, types):
        return after
    assert isinstance(loop.step, Const) and isinstance(loop.step.value, int)
    is_first = Op("==", (Var(loop.index), loop.start))
    nonempty = Op("<", (loop.start, loop.stop) if loop.step.value > 0 else (loop.stop, loop.start))
    for k in range(len(items) - 1, -1, -1):
        fill = items[k]
        end = _aliases(fill).after_all(items[k + 1 :], types) if isinstance(fill, ConstantFill) else None
        if not isinstance(fill, ConstantFill) or end is None or not end.must:
            continue
        at = _consuming_gather(fill, end, items[:k], types)
        gather = items[at] if at is not None else None
        if at is None or not isinstance(gather, Gather) or defined((loop,)) & gather.invariant_names():
            continue
        items[at] = replace(gather, fill=replace(fill, unless=is_first))
        del items[k]
        name = fill.array if fill.array in end.must else min(end.must)
        after.append(If(nonempty, replace(fill, array=name).block(), ()))
    return after


def _consuming_gather(
    fill: ConstantFill, aliases: _AliasSet | None, items: Sequence[Item], types: Mapping[str, Type]
) -> int | None:
    """The first of the items that accesses the filled memory, if it is a gather that can absorb the fill."""
    for at, item in enumerate(items):
        assert aliases is not None
        if isinstance(item, Gather) and aliases.may_absorb(item, fill):
            return at
        aliases = aliases.after(item, types)
        if aliases is None:
            break
    return None


def _is_counted(loop: For, types: Mapping[str, Type]) -> bool:
    """Whether the first iteration of the loop can be recognised by its index."""
    bounds = (loop.start, loop.stop)
    invariant = all(is_pure(e) and not memory_reads(e, types) for e in bounds)
    simple = loop.exit is None and not loop.carried and isinstance(loop.step, Const) and bool(loop.step.value)
    return simple and invariant and not defined(loop.body) & {loop.index, *names(loop.start), *names(loop.stop)}
