"""Which arrays of a function in normal form may ever share memory, and which names are surely views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from srcad.ir.nodes import Assign, Carry, Const, Expr, For, Function, If, Op, Store, Var, While
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import walk
from srcad.ir.types import Array, Type


@dataclass(frozen=True)
class AliasClasses:
    """`group` gives names that may ever share memory the same representative."""

    class_of: dict[str, str]
    written: frozenset[str]
    """The array names whose memory, or some of it, is written in place somewhere."""


def alias_classes(f: Function) -> AliasClasses:
    """Group the arrays of a function in normal form, without regard to order."""
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        while parent.get(name, name) != name:
            name = parent[name]
        return name

    def same(a: str, e: Expr) -> None:
        for b in sorted(roots(e)):
            if isinstance(f.types.get(a), Array) and isinstance(f.types.get(b), Array):
                parent[find(a)] = find(b)

    stores: list[str] = []
    for stmt in walk(f.body):
        match stmt:
            case Assign(target, value):
                same(target, value)
            case If(joins=joins):
                for j in joins:
                    same(j.target, j.then)
                    same(j.target, j.orelse)
            case For(carried=carried) | While(carried=carried):
                for c in carried:
                    same(c.arg, c.init)
                    same(c.arg, c.next)
                    for e in _ends(stmt, c):
                        same(c.result, e)
            case Store(base):
                name = root(base)
                assert name is not None
                stores.append(name)
            case _:
                pass
    group = {name: find(name) for name, t in f.types.items() if isinstance(t, Array)}
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


def _ends(loop: For | While, carry: Carry) -> tuple[Expr, ...]:
    """What the result of a carry may be."""
    return (carry.next,) if surely_runs(loop) else (carry.init, carry.next)
