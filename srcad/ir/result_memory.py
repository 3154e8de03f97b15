"""Whose memory the result of an operation is. It is said here once, and every pass asks here.

Of an operation without a row, the result is a number or an array of its own. What NumPy does is what counts:
compiled code copies in some places where NumPy gives a view, and then an operation gives either.
"""

from __future__ import annotations

from dataclasses import dataclass

from srcad.ir.nodes import Expr, Op, Var


@dataclass(frozen=True)
class ResultMemory:
    """Of a primitive: whose memory the result is, where it may be another's."""

    operands: tuple[int, ...] | None
    """The result is one of these operands, a view of it or an item of it. None: all of them, which the result holds, or
    the list that they are added to."""
    is_path: bool = False
    """The result, where it is an array, is a view of the first operand."""
    may_copy: bool = False
    """Or is a copy: lengths and strides decide, when the program runs."""
    read_only: str = ""
    """NumPy gives an array that refuses stores; by what the user calls it."""


VIEW = ResultMemory((0,), is_path=True)
EITHER = ResultMemory((0,), is_path=True, may_copy=True)
HOLDER = ResultMemory(None)

RESULT_MEMORY: dict[str, ResultMemory] = {"append": HOLDER}
"""By primitive. `rules/primitives` enters its rows; `append` is what `notation` reads."""

SUMMED = frozenset(f"runtime.unbroadcast_{rank}d" for rank in range(1, 6))
"""The result is the first argument, where that has the shape of the second; else a new sum."""


def is_view(prim: str) -> bool:
    """Whether the result, where it is an array, always is a view of the first operand."""
    memory = RESULT_MEMORY.get(prim)
    return memory is not None and memory.is_path and not memory.may_copy


def is_operand(prim: str) -> bool:
    """Whether the result is one of the operands, or an item of it."""
    memory = RESULT_MEMORY.get(prim)
    return memory is not None and memory.operands is not None and not memory.is_path


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
    memory = RESULT_MEMORY.get(op.prim)
    if memory is None:
        return ()
    # a row may name operands that this operation does not have
    return op.args if memory.operands is None else tuple(op.args[at] for at in memory.operands if at < len(op.args))


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
    while isinstance(expr, Op) and (memory := RESULT_MEMORY.get(expr.prim)) is not None and memory.is_path:
        expr = expr.args[0]
    return expr.name if isinstance(expr, Var) else None
