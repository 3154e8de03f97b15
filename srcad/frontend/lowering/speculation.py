"""Speculation: the expressions that may be evaluated where Python would not (the right operand of `and`)."""

from __future__ import annotations

from typing import Any

import gast

from srcad.frontend.values.context import Context
from srcad.frontend.values.definedness import may_be_unbound

_UNSAFE = (
    gast.Call, gast.Subscript, gast.NamedExpr, gast.Div, gast.FloorDiv, gast.Mod, gast.Pow, gast.MatMult,
    gast.ListComp, gast.DictComp, gast.SetComp, gast.GeneratorExp,
)  # fmt: skip


def is_safe_to_speculate(ctx: Context, node: Any) -> bool:
    """Whether an expression has no effect and cannot raise: no call, subscript, division, or unbound name."""
    return not any(isinstance(inner, _UNSAFE) for inner in gast.walk(node)) and not may_be_unbound(ctx, node)
