"""Flow-insensitive alias classes of the arrays of a function in normal form, and the arrays that are stored into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from srcad.analysis.cache import remembered
from srcad.analysis.memory.may_alias import UnionFind
from srcad.ir.nodes import Block, Const, For, Function, Op, Var, While
from srcad.ir.traversal import bindings, own_stores, walk
from srcad.ir.types import Array, Type


@dataclass(frozen=True)
class AliasClasses:
    """`class_of` maps every array to the representative of its class: names that may ever share memory have one."""

    class_of: dict[str, str]
    written: frozenset[str]
    """The names of the arrays whose memory may be stored into somewhere in the function."""


def alias_classes(f: Function) -> AliasClasses:
    """Partition the arrays of a function in normal form, without regard to the order of statements.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def update(x, y):
    ...     tail = x[1:]
    ...     total = x + y
    ...     tail[0] = 2.0
    ...     return total
    >>> classes = alias_classes(normal_form(update, np.ones(3), np.ones(3)))
    >>> classes.class_of, sorted(classes.written)
    ({'x': 'x', 'y': 'y', '%tail.0': 'x', '%total.0': '%total.0'}, ['%tail.0', 'x'])

    These are the classes of `may_alias`, of arrays only: lists and what they hold are left out.
    """
    heads, stores = remembered("alias_classes", f.body, f.types, None, lambda: _classes(f.body, f.types))
    group = {name: heads.get(name, name) for name, t in f.types.items() if isinstance(t, Array)}
    written = {group[name] for name in stores}
    stored = frozenset(name for name, g in group.items() if g in written)
    return AliasClasses(group, stored)


def _classes(body: Block, types: Mapping[str, Type]) -> tuple[tuple[Mapping[str, str], list[str]], set[str]]:
    """For the arrays that others are joined with, their representatives; what is stored into; the names asked for."""
    asked: set[str] = set()

    def is_array(name: str) -> bool:
        asked.add(name)
        return isinstance(types.get(name), Array)

    classes = UnionFind(is_array)
    stores: list[str] = []
    for stmt in walk(body):
        for target, value in bindings(stmt):
            classes.join(target, value)
        stores += filter(is_array, own_stores(stmt))
    return ({name: classes.find(name) for name in list(classes.parent)}, stores), asked


def is_writable_view(op: Op, target: str, types: Mapping[str, Type], stored: frozenset[str]) -> bool:
    """Whether `target = op` is certainly a view, so that a store through it is a store to its base."""
    if target not in stored:
        return False
    base = op.args[0] if op.args else None
    match op.prim:
        case "index" | "np.transpose":
            return True
        case "reshape":
            t = types.get(base.name) if isinstance(base, Var) else None
            return isinstance(t, Array) and t.layout == "C"
        case _:
            return False


def surely_runs(loop: For | While) -> bool:
    """Whether the trip count is certainly positive: the range is constant and not empty."""
    match loop:
        case For(start=Const(int(start)), stop=Const(int(stop)), step=Const(int(step))):
            return len(range(start, stop, step)) > 0
        case _:
            return False
