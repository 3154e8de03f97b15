"""Whether evaluating an expression does something beyond giving a value."""

from __future__ import annotations

from functools import cache

from srcad.ir.nodes import Effect, Expr, Op, Stmt
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import CHANGES_FIRST_ARGUMENT, own_exprs
from srcad.rules.primitives import PRIMITIVES


def is_pure(expr: Expr) -> bool:
    """True where the expression may be left out, or evaluated elsewhere, if its operands are the same there."""
    if not isinstance(expr, Op):
        return True
    return not _has_effect(expr.prim) and all(is_pure(arg) for arg in expr.args)


def has_effect(stmt: Stmt) -> bool:
    """Whether the statement itself does what others can see. A check does not, nor a question: it only may end all."""
    if isinstance(stmt, Effect):
        return not is_check(stmt) and stmt.call.prim != "within"
    return not all(is_pure(e) for e in own_exprs(stmt))


@cache
def _has_effect(prim: str) -> bool:
    if prim in CHANGES_FIRST_ARGUMENT or prim.startswith(("np.random.", "random.")):
        return True
    known = PRIMITIVES.get(prim)
    return known is not None and known.kind in ("random", "effect")
