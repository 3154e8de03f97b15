"""What may be computed several times, and loops too short to be worth one of their own."""

from __future__ import annotations

from srcad.ir.nodes import Const, Expr, For, Op
from srcad.ir.traversal import ops

_COST = {"+": 1, "-": 1, "*": 1, "neg": 1, "index": 1, "/": 4}
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
    return _COST.get(op.prim, _MOST + 1)


def is_short_loop(loop: For) -> bool:
    """Whether the loop is known to have so few turns that it had better not be split."""
    match loop:
        case For(start=Const(int(start)), stop=Const(int(stop)), step=Const(int(step))):
            return len(range(start, stop, step)) <= _SHORT
    return False
