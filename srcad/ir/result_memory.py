"""Whose memory the result of an operation is. It is said here once, and every pass asks here.

Of an operation that is not named below, the result is a number or an array of its own. What NumPy does is what counts:
compiled code copies in some places where NumPy gives a view, and then an operation gives either.
"""

from __future__ import annotations

from srcad.ir.nodes import Expr, Op, Var

VIEWS = frozenset({"index", "np.transpose", "np.broadcast_to"})
"""The result, where it is an array, is a view of the first argument."""

SUMMED = frozenset(f"runtime.unbroadcast_{rank}d" for rank in range(1, 6))
"""The result is the first argument, where that has the shape of the second; else a new sum."""

EITHER = SUMMED | {"reshape", "np.ascontiguousarray", "diagonal"}
"""The result is the first argument, a view of it, or a copy: lengths and strides decide, when the program runs."""

HANDED_ON = {
    "select": (1, 2),
    "stop_gradient": (0,),
    "list.pop": (0,),
    "list.item": (0,),
}
"""The result is one of these arguments, or an item of it."""

HOLDERS = frozenset({"tuple", "append", "list.append"})
"""Each argument is held by the result, or by the list it is added to."""

READ_ONLY = {"np.broadcast_to": "np.broadcast_to", "diagonal": "np.diagonal"}
"""NumPy gives an array that refuses stores; by what the user calls it."""


ZERO_D_MADE = "zero_d.made"
"""`made(value, *sources)`: the value is held by a 0-d array, which may share memory with each of the sources. This and
the next three give their value; only the lowering that `analysis/memory/zero_dim_conflicts` asks about has them."""
ZERO_D_UPDATED = "zero_d.updated"
"""`updated(value, old)`: what held the old value now holds this, if it is a 0-d array."""
ZERO_D_KEPT = "zero_d.kept"
"""`kept(value)`: a list that grows in a run-time loop holds what holds the value."""
ZERO_D_NUMBER = "zero_d.number"
"""`number(value)`: the value by itself, which nothing shares."""


def sources(op: Op) -> tuple[Expr, ...]:
    """The arguments whose memory the result may be, or hold; none where the result is surely new."""
    if op.prim in VIEWS or op.prim in EITHER:
        return op.args[:1]
    if op.prim in HOLDERS:
        return op.args
    return tuple(op.args[at] for at in HANDED_ON.get(op.prim, ()))


def roots(expr: Expr) -> frozenset[str]:
    """The names whose memory the value of an expression may share; none where it is surely new.

    >>> roots(Op("select", (Var("c"), Op("index", (Var("a"), Var("i"))), Op("+", (Var("b"), Var("b"))))))
    frozenset({'a'})
    """
    if isinstance(expr, Var):
        return frozenset({expr.name})
    return frozenset().union(*map(roots, sources(expr))) if isinstance(expr, Op) else frozenset()


def root(expr: Expr) -> str | None:
    """The name whose memory a path of views leads to; None where the expression is no such path.

    >>> root(Op("index", (Op("np.transpose", (Var("A"),)), Var("i"))))
    'A'
    """
    while isinstance(expr, Op) and (expr.prim in VIEWS or expr.prim in EITHER):
        expr = expr.args[0]
    return expr.name if isinstance(expr, Var) else None
