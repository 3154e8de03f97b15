"""Scalars that are elements of arrays: unlike Python's numbers they promote the other operand of an operation."""

from __future__ import annotations

from srcad.ir.nodes import Assign, Function, Op
from srcad.ir.traversal import own_writes, walk
from srcad.ir.types import Scalar


def element_scalars(f: Function) -> frozenset[str]:
    """The scalars of which every assignment is an element of an array.

    >>> from srcad.ir.notation import parse
    >>> types = dict.fromkeys("abn", Scalar("int64"))
    >>> sorted(element_scalars(Function("f", (), parse("a = k[0]; b = k[1]; b = 3; n = 4"), (), types)))
    ['a']
    """
    found: set[str] = set()
    others = {p.name for p in f.params}
    for stmt in walk(f.body):
        match stmt:
            case Assign(target, Op("index")) if isinstance(f.types.get(target), Scalar):
                found.add(target)
            case _:
                others.update(own_writes(stmt))
    return frozenset(found - others)
