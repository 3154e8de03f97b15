"""Loops with their first iteration before them, since it changes the types of what they carry.

Where a run has no iteration, what is None before the loop stays None, if the rest of the function asks for that, or
does not read it. Elsewhere the values after the loop would have types that they have in no other run: an error says so.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, n):
...     total = None
...     for i in range(n):
...         total = x if total is None else total * x
...     return 0.0 if total is None else total
>>> [line.strip() for line in text(normal_form(f, 2.0, 3)).splitlines() if "total.4" in line]
['total.4 = if %test.0:', 'yield total.4']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gast

from srcad.frontend.lowering.loop_fixpoint import check_first_iteration
from srcad.frontend.source.scopes import assigned, read_outside
from srcad.frontend.values.abstract_values import Abstract, Constant, TypeConflict
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import branch
from srcad.ir.nodes import Atom, Const


def lower_peeled(ctx: Context, node: Any, exists: Atom, run: Callable[[], None]) -> None:
    """Lower by `run` a loop and its first iteration, which there is where `exists` is true."""
    names = assigned([node])
    of_none = [name for name in names if ctx.frame.names.get(name) == Constant(None)]
    if exists != Const(True) and of_none and all(_may_stay_none(ctx, node, name) for name in of_none):
        entry, written = ctx.snapshot(), _where_it_exists(ctx, exists, run)
        before = {name for name in names if isinstance(entry.names.get(name), TypeConflict)}
        if not any(isinstance(ctx.frame.names.get(name), TypeConflict) for name in set(names) - before):
            for statement in written:
                ctx.builder.emit(statement)
            return
        ctx.restore(entry)
    check_first_iteration(ctx, getattr(node, "iter", node), exists)
    run()


def _where_it_exists(ctx: Context, exists: Atom, run: Callable[[], None]) -> list[Any]:
    def nothing() -> Abstract:
        return Constant(None)

    def some() -> Abstract:
        run()
        return Constant(None)

    with ctx.builder.block() as written:
        branch(ctx, exists, some, nothing)
    return written


def _may_stay_none(ctx: Context, node: Any, name: str) -> bool:
    """Whether the function asks outside of the loop if a variable is None, or does not read it there."""
    tree, inside = ctx.frame.tree, {id(one) for one in gast.walk(node)}
    outside = (one for one in gast.walk(tree) if id(one) not in inside)
    return name not in read_outside(tree, node) or any(_asks_for(one, name) for one in outside)


def _asks_for(node: Any, name: str) -> bool:
    """Whether a node asks if a variable is None, or for its truth."""
    match node:
        case gast.If(test=gast.Name(id=found)) | gast.IfExp(test=gast.Name(id=found)):
            return bool(found == name)
        case gast.UnaryOp(op=gast.Not(), operand=gast.Name(id=found)):
            return bool(found == name)
        case gast.BoolOp(values=values):
            return any(isinstance(one, gast.Name) and one.id == name for one in values)
        case gast.Compare(
            left=gast.Name(id=found), ops=[gast.Is() | gast.IsNot()], comparators=[gast.Constant(value=None)]
        ):
            return bool(found == name)
    return False
