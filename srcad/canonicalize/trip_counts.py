"""Trip counts: loops whose number of iterations is known only afterwards carry a counter.

A `while`, and a `for` with an early exit, carry `turns`; the reversed loop runs that many iterations.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Assign, Block, Carry, Const, For, Function, Op, Stmt, While
from srcad.ir.regions import Definition
from srcad.ir.traversal import blocks, with_blocks
from srcad.ir.types import Scalar
from srcad.typing.builder import Builder


def count_trips(f: Function, builder: Builder) -> Function:
    """Give every such loop its trip count as the first of its carries.

    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def halve(x):
    ...     while x > 1.0:
    ...         x = 0.5 * x
    ...     return x
    >>> f = normal_form(halve, 3.0)
    >>> print(text(count_trips(f, Builder.resume(f))))
    halve(x: float64):
        turns.2, x.2 = while carrying turns.0 = 0, x.0 = x:
            %test.1 = x.0 > 1.0
            if not %test.1: leave
            x.1 = 0.5 * x.0
            turns.1 = turns.0 + 1
            yield turns.1, x.1
        return x.2
    """
    integer = Scalar("int64")

    def one(stmt: Stmt) -> Stmt:
        stmt = with_blocks(stmt, [tuple(map(one, b)) for b in blocks(stmt)])
        if not (isinstance(stmt, While) or (isinstance(stmt, For) and stmt.exit is not None)):
            return stmt
        arg, after, result = (builder.fresh("turns", integer) for _ in range(3))
        count = Assign(after.name, Op("+", (arg, Const(1))), stmt.span)
        body: Block = (*stmt.body, count)
        carry = Carry(arg.name, Const(0), after, result.name)
        return replace(stmt, body=body, carried=(carry, *stmt.carried))

    return replace(f, body=tuple(map(one, f.body)))


def trip_count_of(stmt: For | While) -> Carry | None:
    """The counter that `count_trips` gave the loop; None where its range determines the trip count."""
    if isinstance(stmt, While) or stmt.exit is not None:
        return stmt.carried[0]
    return None


def is_trip_count(definition: Definition, name: str) -> bool:
    """Whether the name is the counter of iterations inside a loop: the reversed loop has one too."""
    owner = definition.region.owner
    if not isinstance(definition.node, Carry) or not isinstance(owner, For | While) or definition.position != -1:
        return False
    count = trip_count_of(owner)
    return count is not None and count.arg == name
