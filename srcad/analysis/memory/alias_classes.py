"""Flow-insensitive alias classes of the arrays of a function in normal form, and the arrays that are stored into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from srcad.ir.nodes import Assign, Carry, Const, Expr, For, Function, If, Op, Store, Var, While
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import walk
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
    """
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


def _ends(loop: For | While, carry: Carry) -> tuple[Expr, ...]:
    """The values that the result of a carry may have."""
    return (carry.next,) if surely_runs(loop) else (carry.init, carry.next)
