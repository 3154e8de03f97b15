"""Texts of `print`, `assert` and `raise`: the only places where strings reach run time."""

from __future__ import annotations

from typing import Any

import gast

from srcad.errors import SrcadError
from srcad.frontend.context import Context, Retry
from srcad.frontend.iteration import items_of
from srcad.frontend.joins import words
from srcad.frontend.values import Abstract, Leaf, Static
from srcad.ir.nodes import Atom, Const, Effect, Op


def message(ctx: Context, node: Any) -> str:
    """The text of an error, fixed while compiling: what an f-string would insert is shown as it is written."""
    match node:
        case gast.Constant(value=value):
            return str(value)
        case gast.JoinedStr(values=parts):
            return "".join(_shown(part) for part in parts)
        case _:
            with ctx.builder.block():
                try:
                    value = ctx.expression(node)
                except (SrcadError, Retry):  # text made of run-time values
                    value = Static(gast.unparse(node).strip())
            return str(value.value if isinstance(value, Static) else gast.unparse(node).strip())


def _shown(part: Any) -> str:
    if isinstance(part, gast.Constant):
        return str(part.value)
    text: str = gast.unparse(part.value).strip()
    return "{" + text + "}"


def print_call(ctx: Context, node: Any) -> None:
    """`print(...)`: f-strings become several arguments; sep, end and file are left to Python's own."""
    args: list[Atom] = []
    for arg in node.args:
        parts = arg.values if isinstance(arg, gast.JoinedStr) else [arg]
        for part in parts:
            value = ctx.expression(part.value if isinstance(part, gast.FormattedValue) else part)
            args.extend(_printed(ctx, ctx.check(value)))
    ctx.builder.emit(Effect(Op("print", tuple(args)), ctx.builder.span))


def _printed(ctx: Context, value: Abstract) -> list[Atom]:
    if isinstance(value, Leaf):
        return [value.atom]
    if isinstance(value, Static):
        return [Const(str(value.value))]
    items = items_of(ctx, value)
    if items is None:
        ctx.fail("S117", f"print of {words(value)}")
    return [atom for item in items for atom in _printed(ctx, ctx.check(item))]
