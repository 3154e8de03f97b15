"""Whether evaluating an expression does something beyond giving a value."""

from __future__ import annotations

from srcad.ir.nodes import Expr
from srcad.ir.walk import CHANGES_FIRST_ARGUMENT, ops
from srcad.rules.primitives import PRIMITIVES


def pure(expr: Expr) -> bool:
    """True where the expression may be left out, or evaluated elsewhere, if its operands are the same there."""
    return not any(_has_effect(op.prim) for op in ops(expr))


def _has_effect(prim: str) -> bool:
    if prim in CHANGES_FIRST_ARGUMENT or prim.startswith(("np.random.", "random.")):
        return True
    known = PRIMITIVES.get(prim)
    return known is not None and known.kind in ("random", "effect")
