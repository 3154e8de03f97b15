"""What may be computed several times, and loops too short to be worth one of their own."""

from __future__ import annotations

from srcad.ir.nodes import Const, Expr, For
from srcad.ir.walk import ops

_COST = {"+": 1, "-": 1, "*": 1, "neg": 1, "index": 1, "/": 4}
_MOST = 10
_SHORT = 8


def cheap(value: Expr) -> bool:
    """Whether a value that goes to several places may be computed once for each of them."""
    return sum(_COST.get(op.prim, _MOST + 1) for op in ops(value)) <= _MOST


def short(loop: For) -> bool:
    """Whether the loop is known to have so few turns that it had better not be split."""
    match loop:
        case For(start=Const(int(start)), stop=Const(int(stop)), step=Const(int(step))):
            return len(range(start, stop, step)) <= _SHORT
    return False
