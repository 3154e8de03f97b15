"""`with srcad.insert_gradient_of(x) as d_x: ...` in a syntax tree: what is one, and what its block may not contain.

>>> node = gast.parse("with srcad.insert_gradient_of(x) as d_x:\\n    d_x *= 0.5").body[0]
>>> print(gast.unparse(as_update(node)).strip())
def update(d_x):
    d_x *= 0.5
    return d_x
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import gast

from srcad.errors import Problem
from srcad.frontend.source.read import Source, span
from srcad.frontend.syntax.control_exits import returns
from srcad.insertion import insert_gradient_of

_HOW = "write `with srcad.insert_gradient_of(x) as d_x:` with two names; name an element or a part first: row = A[0]."

_updates: dict[int, tuple[Any, Any]] = {}


def is_insertion(source: Source, node: gast.With) -> bool:
    """Whether the `with` has a call of `insert_gradient_of`, under whatever name, and nothing else."""
    if len(node.items) != 1 or not isinstance(node.items[0].context_expr, gast.Call):
        return False
    return _outside_value(source, node.items[0].context_expr.func) is insert_gradient_of


def _outside_value(source: Source, node: Any) -> object:
    """What a name from outside of the function, or an attribute of it, stands for."""
    match node:
        case gast.Name(id=name) if name in source.closure:
            with suppress(ValueError):  # not assigned yet
                return source.closure[name].cell_contents
        case gast.Name(id=name):
            return source.globals.get(name)
        case gast.Attribute(value=module, attr=name):
            return getattr(_outside_value(source, module), name, None)
    return None


def names_of(node: gast.With) -> tuple[str, str] | None:
    """The variable, and what its adjoint is called in the block; None where they are no names."""
    match node.items[0]:
        case gast.withitem(
            context_expr=gast.Call(args=[gast.Name(id=name)], keywords=[]), optional_vars=gast.Name(id=adjoint)
        ):
            return name, adjoint
    return None


def refusals(source: Source, node: gast.With) -> Iterator[Problem]:
    """What keeps the block from being inserted, as far as syntax says."""
    if names_of(node) is None:
        what = "insert_gradient_of takes a variable, and names its adjoint"
        yield Problem("S130", what, span(source, node), None, _HOW)
    for leaving in _leaving(node):
        what = type(leaving).__name__.lower()
        why = "The block runs in the reverse sweep: it can leave neither the function nor a loop around it."
        yield Problem("S130", f"{what} in a block of insert_gradient_of", span(source, leaving), why, "use if.")
    for inner in gast.walk(node):
        if isinstance(inner, gast.With) and inner is not node:
            why = "What the block computes is no part of the function that is differentiated."
            yield Problem(
                "S130", "with inside a block of insert_gradient_of", span(source, inner), why, "leave it out."
            )


def _leaving(node: gast.With) -> Iterator[gast.AST]:
    yield from returns(node.body)
    pending: list[Any] = list(node.body)
    while pending:
        one = pending.pop(0)
        if isinstance(one, gast.Break | gast.Continue):
            yield one
        if isinstance(one, gast.If):
            pending += [*one.body, *one.orelse]
        if isinstance(one, gast.For | gast.While):
            pending += one.orelse


def as_update(node: gast.With) -> gast.FunctionDef:
    """The block as a function of the adjoint, which returns the new one."""
    cached = _updates.get(id(node))
    if cached is None or cached[0] is not node:
        names = names_of(node)
        assert names is not None
        parameter = gast.Name(names[1], gast.Param(), None, None)
        args = gast.arguments([parameter], [], None, [], [], None, [])
        result = gast.copy_location(gast.Return(gast.Name(names[1], gast.Load(), None, None)), node.body[-1])
        update = gast.FunctionDef("update", args, [*node.body, result], [], None, None, [])
        cached = _updates[id(node)] = (node, gast.fix_missing_locations(gast.copy_location(update, node)))
    return cached[1]
