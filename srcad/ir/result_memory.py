"""Alias rules of the primitives: whose memory the result of an operation is. Every alias analysis uses this table.

The result of an operation that has no row in `RESULT_MEMORY` is a scalar or a newly allocated array. NumPy's behaviour
counts: where compiled code copies and NumPy forms a view, the result may be either.
"""

from __future__ import annotations

from dataclasses import dataclass

from srcad.ir.nodes import Expr, Op, Var, of_node


@dataclass(frozen=True)
class ResultMemory:
    """The alias rule of a primitive whose result may alias an operand."""

    operands: tuple[int, ...] | None
    """The result is an operand at one of these positions, a view of it, or an item of it. None: the result, or the list
    that is appended to, contains each operand."""
    is_path: bool = False
    """The result, where it is an array, is a view of the first operand."""
    may_copy: bool = False
    """Or it is a copy: that depends on lengths and strides at run time."""
    read_only: str = ""
    """Where the result is a read-only array in NumPy: the name of the function that the user calls."""


VIEW = ResultMemory((0,), is_path=True)
EITHER = ResultMemory((0,), is_path=True, may_copy=True)
HOLDER = ResultMemory(None)

RESULT_MEMORY: dict[str, ResultMemory] = {"append": HOLDER}
"""By primitive. `rules/primitives` adds the rows of its primitives; `append` is not among them."""

SUMMED = frozenset(f"runtime.unbroadcast_{rank}d" for rank in range(1, 6))
"""The result is the first argument, where that has the shape of the second; else a new sum."""


def is_view(prim: str) -> bool:
    """Whether the result, where it is an array, is always a view of the first operand."""
    memory = RESULT_MEMORY.get(prim)
    return memory is not None and memory.is_path and not memory.may_copy


def is_operand(prim: str) -> bool:
    """Whether the result is one of the operands, or an item of it."""
    memory = RESULT_MEMORY.get(prim)
    return memory is not None and memory.operands is not None and not memory.is_path


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
    memory = RESULT_MEMORY.get(op.prim)
    if memory is None:
        return ()
    # a row may name operands that this operation does not have
    return op.args if memory.operands is None else tuple(op.args[at] for at in memory.operands if at < len(op.args))


def roots(expr: Expr) -> frozenset[str]:
    """The names that the value of an expression may alias; none where it is certainly newly allocated.

    >>> roots(Op("select", (Var("c"), Op("index", (Var("a"), Var("i"))), Op("+", (Var("b"), Var("b"))))))
    frozenset({'a'})
    """
    return frozenset((expr.name,)) if isinstance(expr, Var) else _roots_of_operands(expr)


@of_node
def _roots_of_operands(expr: Expr) -> frozenset[str]:
    return frozenset().union(*map(roots, sources(expr))) if isinstance(expr, Op) else frozenset()


def is_read_only(expr: Expr) -> bool:
    """Whether the value may be an array into which NumPy lets nobody write, though it be a view of a new one.

    >>> is_read_only(Op("diagonal", (Op("*", (Var("a"), Var("b"))),))), is_read_only(Op("np.transpose", (Var("a"),)))
    (True, False)
    """
    if not isinstance(expr, Op) or (memory := RESULT_MEMORY.get(expr.prim)) is None:
        return False
    return bool(memory.read_only) or any(map(is_read_only, sources(expr)))


def root(expr: Expr) -> str | None:
    """The name at the root of a chain of views; None where the expression is no such chain.

    >>> root(Op("index", (Op("np.transpose", (Var("A"),)), Var("i"))))
    'A'
    """
    while isinstance(expr, Op) and (memory := RESULT_MEMORY.get(expr.prim)) is not None and memory.is_path:
        expr = expr.args[0]
    return expr.name if isinstance(expr, Var) else None
