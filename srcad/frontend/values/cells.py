"""Variables that inner scopes assign (`nonlocal`, `:=` in comprehensions): cells on the heap, which every path and
loop knows.

A frame's own names are joined and carried where the frame runs. What another scope assigns to is not among them, so
such a name refers to a cell, a container of one item, as Python has it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gast

from srcad.frontend.source.scopes import assigned, own_nodes
from srcad.frontend.values.abstract_values import UNBOUND, Abstract, HeapObject, HeapRef, Leaf, Maybe, map_structure
from srcad.frontend.values.context import Context, Frame
from srcad.frontend.values.definedness import check_flag


class Cell:
    """The class of cells, which no value of a user has."""


def is_cell(value: Abstract | None) -> bool:
    return isinstance(value, HeapRef) and value.cls is Cell


def make_cells(ctx: Context, frame: Frame) -> None:
    """Move the variables of a new frame that scopes inside it assign to into cells."""
    for name in sorted(assigned_inside(frame.origin) & (frame.locals | frame.names.keys())):
        frame.names[name] = new_cell(ctx, frame.names.get(name, UNBOUND))


def new_cell(ctx: Context, value: Abstract) -> HeapRef:
    """A cell with a value; where it has none yet, beside a cell that says whether it has one."""
    if value is not UNBOUND:
        return ctx.new_ref(HeapObject((value,), ("value",), cls=Cell))
    is_bound = ctx.new_ref(HeapObject((ctx.constant(False),), ("value",), cls=Cell))
    return ctx.new_ref(HeapObject((value, is_bound), ("value", "is_bound"), cls=Cell))


def cell_value(ctx: Context, frame: Frame, cell: HeapRef, name: str) -> Abstract:
    """What is in a cell, with a check that something is; S120 where nothing is."""
    value = ctx.heap[cell.id].items[0]
    is_bound = bound_flag_of_cell(ctx, cell)
    if is_bound is not None and is_bound.static is not True and value is not UNBOUND:
        check_flag(ctx, frame, name, is_bound)
        return value
    ctx.check(value)
    if is_bound is None and is_undefined(ctx, value):
        ctx.fail("S120", f"{name} has no value on some of the paths that lead here", None, "give it one at the start.")
    return value


def bound_flag_of_cell(ctx: Context, cell: HeapRef) -> Leaf | None:
    """Whether a value is in a cell; None where there always was one."""
    for flag in ctx.heap[cell.id].items[1:]:
        assert isinstance(flag, HeapRef)
        (is_bound,) = ctx.heap[flag.id].items
        return is_bound if isinstance(is_bound, Leaf) else ctx.constant(False)
    return None


def set_cell(ctx: Context, cell: HeapRef, value: Abstract) -> None:
    _, *flags = ctx.heap[cell.id].items
    ctx.heap[cell.id] = ctx.heap[cell.id].with_items((value, *flags))
    for flag in flags:
        assert isinstance(flag, HeapRef)
        set_cell(ctx, flag, ctx.constant(value is not UNBOUND))


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
        if isinstance(part, Maybe):
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
    """The variables of a function that functions and comprehensions in it assign to.

    >>> tree = gast.parse("def f(x):\\n    a = 1\\n    def g():\\n        nonlocal a\\n        a += 1").body[0]
    >>> sorted(assigned_inside(tree))
    ['a']
    >>> sorted(assigned_inside(gast.parse("def f(x):\\n    return [y for v in x if (y := v) > 0]").body[0]))
    ['y']
    """
    if not isinstance(tree, gast.FunctionDef):
        return frozenset()
    inner = [node for node in gast.walk(tree) if isinstance(node, gast.FunctionDef) and node is not tree]
    by_functions = {name for node in inner for name in declared_nonlocal(node)} - declared_nonlocal(tree)
    own = [node for node in own_nodes(tree) if isinstance(node, _COMPREHENSIONS)]
    return frozenset(by_functions.union(*(set(assigned([node])) for node in own)))


_COMPREHENSIONS = gast.ListComp | gast.SetComp | gast.DictComp | gast.GeneratorExp
