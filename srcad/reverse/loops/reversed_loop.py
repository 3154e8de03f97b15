"""Loop reversal: the same iterations in reverse order, with the index values of the primal."""

from __future__ import annotations

from collections.abc import Callable

from srcad.canonicalize.trip_counts import trip_count_of
from srcad.ir.length_exprs import minus, plus
from srcad.ir.nodes import Assign, Block, Const, Expr, For, Op, Stmt, Var, While
from srcad.ir.types import Scalar
from srcad.typing.builder import Builder


def reversed_loop(builder: Builder, owner: For | While, body: Block, renamed: Callable[[Expr], Expr]) -> Stmt:
    """The loop over the same iterations in reverse order, with a new body.

    `renamed` gives an expression of the primal in terms of the names of the reverse sweep.

    >>> from srcad.ir.notation import parse, show
    >>> (loop,) = parse("for i in range(1, n, 2): y = x[i]")
    >>> print(show((reversed_loop(Builder(), loop, loop.body, lambda e: e),)))
    for i in range(1 + (((n - 2) // 2) * 2), 0, -2):
        y = x[i]
    """
    count = trip_count_of(owner)
    if count is not None:
        trip_count = renamed(Var(count.result))
        if isinstance(owner, For):
            start, step = renamed(owner.start), renamed(owner.step)
            at = Var(count.arg) if step == Const(1) else Op("*", (Var(count.arg), step))
            body = (Assign(owner.index, plus(start, at)), *body)
        return For(count.arg, plus(trip_count, -1), Const(-1), Const(-1), body, counts=True)
    assert isinstance(owner, For)
    start, stop, step = (renamed(e) for e in (owner.start, owner.stop, owner.step))
    if isinstance(step, Const) and isinstance(step.value, int):
        by = step.value
        toward = 1 if by > 0 else -1
        if by == toward:
            last = plus(stop, -toward)
        else:
            span = plus(minus(stop, start), -toward)
            last = plus(start, Op("*", (Op("//", (span, Const(by))), Const(by))))
        return For(owner.index, last, plus(start, -toward), Const(-by), body)
    trip_count = Op("len", (Op("range", (start, stop, step)),))
    number = builder.fresh("turn", Scalar("int64"))
    body = (Assign(owner.index, plus(start, Op("*", (number, step)))), *body)
    return For(number.name, plus(trip_count, -1), Const(-1), Const(-1), body, counts=True)
