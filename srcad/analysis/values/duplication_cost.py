"""What may be computed several times, and loops too short to be worth one of their own."""

from __future__ import annotations

from srcad.ir.nodes import Const, Expr, For, Op
from srcad.ir.traversal import ops
from srcad.rules.primitives import PRIMITIVES

_MOST = 10
_SHORT = 8
_SMALL = 4
"""Powers up to this are a product or two."""


def is_cheap_to_duplicate(value: Expr) -> bool:
    """Whether a value that goes to several places may be computed once for each of them."""
    return sum(map(_cost, ops(value))) <= _MOST


def _cost(op: Op) -> int:
    match op:
        case Op("**", (_, Const(int(exponent)))) if 0 <= exponent <= _SMALL:
            return 2
    return operation_cost(op.prim) or _MOST + 1


def operation_cost(prim: str) -> int | None:
    """About how many cycles a primitive takes on scalars; None for many."""
    primitive = PRIMITIVES.get(prim)
    return primitive.cost if primitive is not None else None


def is_short_loop(loop: For) -> bool:
    """Whether the loop is known to have so few turns that it had better not be split."""
    match loop:
        case For(start=Const(int(start)), stop=Const(int(stop)), step=Const(int(step))):
            return len(range(start, stop, step)) <= _SHORT
    return False
