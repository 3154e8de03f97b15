"""Speculation: the expressions that may be evaluated where Python would not (the right operand of `and`).

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, y):
...     return x > 0.0 and 1.0 < y < 2.0
>>> print(text(normal_form(f, 1.0, 1.5)))
f(x: float64, y: float64):
    %test.0 = x > 0.0
    %test.1 = 1.0 < y
    %test.2 = y < 2.0
    %test.3 = %test.1 and %test.2
    %test.4 = %test.0 and %test.3
    return %test.4
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.frontend.values.context import Context
from srcad.frontend.values.definedness import may_be_unbound

_UNSAFE = (
    gast.Call, gast.NamedExpr, gast.Div, gast.FloorDiv, gast.Mod, gast.Pow, gast.MatMult,
    gast.ListComp, gast.DictComp, gast.SetComp, gast.GeneratorExp,
)  # fmt: skip


def is_safe_to_speculate(ctx: Context, node: Any) -> bool:
    """Whether an expression has no effect and cannot raise: no call, division, or unbound name, and no item by index.

    A length, `x.shape[0]`, is safe: whether there is such an axis is known when compiling. So is a slice, `x[1:]`.
    """
    if any(isinstance(inner, _UNSAFE) or not _is_safe_item(inner) for inner in gast.walk(node)):
        return False
    return not may_be_unbound(ctx, node)


def _is_safe_item(node: Any) -> bool:
    match node:
        case gast.Subscript(value=gast.Attribute(attr="shape"), slice=gast.Constant(value=int())):
            return True
        case gast.Subscript(slice=gast.Tuple(elts=parts)):
            return all(map(_is_part, parts))
        case gast.Subscript(slice=part):
            return _is_part(part)
    return True


def _is_part(node: Any) -> bool:
    return isinstance(node, gast.Slice) and node.step is None
