"""Which arrays of a function in normal form may ever share memory, and which names are surely views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from srcad.analysis.memory.may_alias import UnionFind
from srcad.ir.nodes import Const, For, Function, Op, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import bindings, walk
from srcad.ir.types import Array, Type


@dataclass(frozen=True)
class AliasClasses:
    """`class_of` gives names that may ever share memory the same representative."""

    class_of: dict[str, str]
    written: frozenset[str]
    """The array names whose memory, or some of it, is written in place somewhere."""


def alias_classes(f: Function) -> AliasClasses:
    """Group the arrays of a function in normal form, without regard to order.

    These are the classes of `may_alias`, of arrays only: lists and what they hold are left out.
    """
    classes = UnionFind(lambda name: isinstance(f.types.get(name), Array))
    stores: list[str] = []
    for stmt in walk(f.body):
        for target, value in bindings(stmt):
            classes.join(target, value)
        if isinstance(stmt, Store):
            name = root(stmt.base)
            assert name is not None
            stores.append(name)
    group = {name: classes.find(name) for name, t in f.types.items() if isinstance(t, Array)}
    written = {group[name] for name in stores}
    stored = frozenset(name for name, g in group.items() if g in written)
    return AliasClasses(group, stored)


def is_writable_view(op: Op, target: str, types: Mapping[str, Type], stored: frozenset[str]) -> bool:
    """Whether `target = op` is surely a view, so that a write through it is a write to its base."""
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
    """Whether the loop makes a turn, as its range says."""
    match loop:
        case For(start=Const(int(start)), stop=Const(int(stop)), step=Const(int(step))):
            return len(range(start, stop, step)) > 0
        case _:
            return False
