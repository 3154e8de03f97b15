"""Cost model: values that are cheaper to recompute at each use than to store, and loops that are too short to split."""

from __future__ import annotations

from srcad.ir.nodes import Const, Expr, For, Op
from srcad.ir.traversal import ops
from srcad.rules.primitives import PRIMITIVES

_MAX_COST = 10
_MAX_SHORT_TRIP_COUNT = 8
_MAX_CHEAP_POWER = 4
"""Integer powers up to this are a product or two."""


def is_cheap_to_duplicate(value: Expr) -> bool:
    """Whether a value with several uses may be computed once for each of them.

    >>> from srcad.ir.notation import parse
    >>> scaled, exponential = parse('''
    ... a = 2.0 * x[i] + 1.0
    ... b = np.exp(x[i])
    ... ''')
    >>> is_cheap_to_duplicate(scaled.value), is_cheap_to_duplicate(exponential.value)
    (True, False)
    """
    return sum(map(_cost, ops(value))) <= _MAX_COST


def _cost(op: Op) -> int:
    match op:
        case Op("**", (_, Const(int(exponent)))) if 0 <= exponent <= _MAX_CHEAP_POWER:
            return 2
    return operation_cost(op.prim) or _MAX_COST + 1


def operation_cost(prim: str) -> int | None:
    """About how many cycles a primitive takes on scalars; None for many.

    >>> [operation_cost(prim) for prim in ("+", "/", "np.exp")]
    [1, 4, None]
    """
    primitive = PRIMITIVES.get(prim)
    return primitive.cost if primitive is not None else None


def is_short_loop(loop: For) -> bool:
    """Whether the trip count is a small constant, so that splitting the loop does not pay.

    >>> from srcad.ir.notation import parse
    >>> [is_short_loop(loop) for loop in parse('''
    ... for i in range(3):
    ...     pass
    ... for i in range(n):
    ...     pass
    ... ''')]
    [True, False]
    """
    match loop:
        case For(start=Const(int(start)), stop=Const(int(stop)), step=Const(int(step))):
            return len(range(start, stop, step)) <= _MAX_SHORT_TRIP_COUNT
    return False
