"""Alias rules of the primitives: whose memory the result of an operation is. Every alias analysis uses these tables.

The result of an operation that is not named below is a scalar or a newly allocated array. NumPy's behaviour counts:
where compiled code copies and NumPy forms a view, the result may be either.
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
"""The result is one of the arguments at these positions, or an item of it."""

HOLDERS = frozenset({"tuple", "append", "list.append"})
"""The result, or the list that is appended to, aliases each argument."""

READ_ONLY = {"np.broadcast_to": "np.broadcast_to", "diagonal": "np.diagonal"}
"""The result is a read-only array in NumPy; with the name of the function that the user calls."""


ZERO_D_MADE = "zero_d.made"
"""`made(value, *sources)`: the value is that of a 0-d array, which may alias each of the sources. This and the next
three are the identity on `value`; they occur only in the lowering for `analysis/memory/zero_dim_conflicts`."""
ZERO_D_UPDATED = "zero_d.updated"
"""`updated(value, old)`: `old`, if it is a 0-d array, has been updated in place to this value."""
ZERO_D_KEPT = "zero_d.kept"
"""`kept(value)`: a list that grows in a run-time loop aliases the value, if it is a 0-d array."""
ZERO_D_NUMBER = "zero_d.number"
"""`number(value)`: the value as a scalar, which aliases nothing."""


def sources(op: Op) -> tuple[Expr, ...]:
    """The arguments that the result may alias, or contain; none where the result is certainly newly allocated."""
    if op.prim in VIEWS or op.prim in EITHER:
        return op.args[:1]
    if op.prim in HOLDERS:
        return op.args
    return tuple(op.args[at] for at in HANDED_ON.get(op.prim, ()))


def roots(expr: Expr) -> frozenset[str]:
    """The names that the value of an expression may alias; none where it is certainly newly allocated.

    >>> roots(Op("select", (Var("c"), Op("index", (Var("a"), Var("i"))), Op("+", (Var("b"), Var("b"))))))
    frozenset({'a'})
    """
    if isinstance(expr, Var):
        return frozenset({expr.name})
    return frozenset().union(*map(roots, sources(expr))) if isinstance(expr, Op) else frozenset()


def root(expr: Expr) -> str | None:
    """The name at the root of a chain of views; None where the expression is no such chain.

    >>> root(Op("index", (Op("np.transpose", (Var("A"),)), Var("i"))))
    'A'
    """
    while isinstance(expr, Op) and (expr.prim in VIEWS or expr.prim in EITHER):
        expr = expr.args[0]
    return expr.name if isinstance(expr, Var) else None
