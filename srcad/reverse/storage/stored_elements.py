"""Which elements a store overwrites in one iteration of a loop, where that is the same in each: a product of sets."""

from __future__ import annotations

from itertools import chain

from srcad.analysis.memory.to_be_recorded import MemoryAccess
from srcad.ir.nodes import Assign, Const, Expr, For, Op, Store, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import map_expr, names, ops, replace_names
from srcad.rules.traits import RING, SHAPE_QUERIES

_RANGE = "range"
"""Stands in an index for that of a loop: all that the loop counts through."""


def same_elements(
    store: Store, at: MemoryAccess, loop: Region, regions: Regions, always: bool
) -> tuple[Expr, ...] | None:
    """The index items, on what is defined outside of the loop; in the place of an index of a loop inside its range.

    None where they may differ from one iteration of `loop` to another. `always`: also where an iteration may leave
    some of them out; without, the store may overwrite fewer.

    >>> import numpy as np
    >>> from srcad.analysis.memory.alias_classes import alias_classes
    >>> from srcad.analysis.memory.to_be_recorded import ToBeRecorded
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> def steps(x, n):
    ...     for t in range(n):
    ...         for i in range(len(x) - 1):
    ...             x[i + 1] = x[i + 1] * 2.0
    ...             if x[i] > 0.0:
    ...                 x[i] = 0.0
    ...         x[t] = 1.0
    ...     return x
    >>> f = normal_form(steps, np.ones(3), 3)
    >>> tree = regions(f)
    >>> first = min((r for r in tree if r.kind == "loop"), key=lambda r: r.number)
    >>> for store, at in ToBeRecorded(tree, alias_classes(f), f.types).stores:
    ...     print([same_elements(store, at, first, tree, always) is not None for always in (False, True)])
    [False, False]
    [True, True]
    [True, False]
    """
    if not isinstance(store.base, Var) or not _is_outside(store.base, loop, regions) or Const(None) in store.index:
        return None
    owners = []
    for region in at.region.enclosing:
        if region is loop:
            break
        if isinstance(region.owner, For) and (region.owner.exit is None or not always):
            owners.append(region.owner)
        elif always or region.kind == "loop":
            return None
    else:
        return None
    items = [_expanded(item, loop, regions) for item in store.index]
    ranges = {
        owner.index: Op(_RANGE, tuple(_expanded(end, loop, regions) for end in (owner.start, owner.stop, owner.step)))
        for owner in owners
    }
    used = [[index for index in ranges if index in names(item)] for item in items]
    if any(len(indices) > 1 for indices in used) or len({*chain(*used)}) < sum(map(len, used)):
        return None  # not a product of sets
    if always and sum(map(len, used)) < len(owners):
        return None  # without an iteration of the loop that is left, nothing is overwritten
    found = tuple(replace_names(item, ranges) for item in items)
    return found if all(_is_outside(item, loop, regions) for item in found) else None


def _expanded(e: Expr, loop: Region, regions: Regions) -> Expr:
    """With what the loop computes in the place of the names for it."""

    def value(part: Expr) -> Expr:
        if isinstance(part, Var) and loop in set(regions.definitions[part.name].region.enclosing):
            node = regions.definitions[part.name].node
            return _expanded(node.value, loop, regions) if isinstance(node, Assign) else part
        return part

    return map_expr(e, value)


def _is_outside(e: Expr, loop: Region, regions: Regions) -> bool:
    """Whether it has one value, however often the loop runs."""
    fixed = all(op.prim in (*RING, *SHAPE_QUERIES, _RANGE) for op in ops(e))
    return fixed and all(loop not in set(regions.definitions[name].region.enclosing) for name in names(e))
