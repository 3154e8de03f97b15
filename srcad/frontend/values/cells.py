"""Variables that inner functions assign (`nonlocal`): cells on the heap, which every path and loop knows.

A frame's own names are joined and carried where the frame runs. What another function assigns to is not among them, so
such a name refers to a cell, a container of one item, as Python has it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gast

from srcad.frontend.source.scopes import own_nodes
from srcad.frontend.values.abstract_values import UNBOUND, Abstract, HeapObject, HeapRef, Leaf, map_structure
from srcad.frontend.values.context import Context, Frame


class Cell:
    """The class of cells, which no value of a user has."""


def is_cell(value: Abstract | None) -> bool:
    return isinstance(value, HeapRef) and value.cls is Cell


def make_cells(ctx: Context, frame: Frame) -> None:
    """Move the variables of a new frame that functions inside it assign to into cells."""
    for name in sorted(assigned_inside(frame.origin) & (frame.locals | frame.names.keys())):
        value = frame.names.get(name, UNBOUND)
        frame.names[name] = ctx.new_ref(HeapObject((value,), ("value",), cls=Cell))


def cell_value(ctx: Context, frame: Frame, cell: HeapRef, name: str) -> Abstract:
    """What is in a cell; S120 where nothing is, or only on some paths."""
    (value,) = ctx.heap[cell.id].items
    ctx.check(value)
    if is_undefined(ctx, value):
        ctx.fail("S120", f"{name} has no value on some of the paths that lead here", None, "give it one at the start.")
    return value


def set_cell(ctx: Context, cell: HeapRef, value: Abstract) -> None:
    ctx.heap[cell.id] = ctx.heap[cell.id].with_items((value,))


def owner_of_nonlocal(frame: Frame, name: str) -> HeapRef | None:
    """The cell that an assignment to the name in this frame sets; None where it sets a name of the frame."""
    own = frame.names.get(name)
    if isinstance(own, HeapRef) and own.cls is Cell:
        return own
    if name not in declared_nonlocal(frame.origin):
        return None
    outer = frame.parent
    while outer is not None:
        found = outer.names.get(name)
        if isinstance(found, HeapRef) and found.cls is Cell:
            return found
        outer = outer.parent
    return None


def is_undefined(ctx: Context, value: Abstract) -> bool:
    """Whether a value, or a part of it, has none on some path that leads here."""
    found = False

    def visit(part: Abstract) -> Abstract:
        nonlocal found
        if isinstance(part, Leaf):
            found |= ctx.is_undefined(part)
            return part
        return part if isinstance(part, HeapRef) else map_structure(part, visit)

    visit(value)
    return found


@lru_cache(maxsize=1024)
def declared_nonlocal(tree: Any) -> frozenset[str]:
    """The names that a function declares nonlocal.

    >>> tree = gast.parse("def f():\\n    nonlocal a\\n    def g():\\n        nonlocal b").body[0]
    >>> sorted(declared_nonlocal(tree))
    ['a']
    """
    return frozenset(name for node in own_nodes(tree) if isinstance(node, gast.Nonlocal) for name in node.names)


@lru_cache(maxsize=1024)
def assigned_inside(tree: Any) -> frozenset[str]:
    """The variables of a function that functions defined in it assign to.

    >>> tree = gast.parse("def f():\\n    a = 1\\n    def g():\\n        nonlocal a\\n        a += 1").body[0]
    >>> sorted(assigned_inside(tree))
    ['a']
    """
    if not isinstance(tree, gast.FunctionDef):
        return frozenset()
    inner = [node for node in gast.walk(tree) if isinstance(node, gast.FunctionDef) and node is not tree]
    return frozenset(name for node in inner for name in declared_nonlocal(node)) - declared_nonlocal(tree)
