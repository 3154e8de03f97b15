"""Operands that are computed before the statement that has them, so that they become loops of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, Block, Expr, Function, Op, Stmt, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks, rewrite_own
from srcad.ir.types import Array, Type
from srcad.rules.traits import SHAPE_READS, having
from srcad.typing.typeof import typeof

Hoisted = tuple[Block, Expr]
"""What computes an operand, and what it is then."""
_MAYBE = frozenset({"and", "or", "select"})
"""Operations that leave operands unevaluated."""
_ELEMENTWISE = having(lambda p: p.kind == "elementwise")
"""Of them elements, and shapes, are known by those of operands."""


def name_indexed_arrays(f: Function) -> Function:
    """Give names to new arrays of which an expression reads elements, or the shape.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar, dim
    >>> types = {"x": Array("float64", (dim(3), dim(2))), "s": Scalar("float64")}
    >>> print(show(name_indexed_arrays(Function("f", (), parse("s = 2.0 * np.sum(x, axis=0)[1]"), (), types)).body))
    array = np.sum(x, axis=0)
    s = 2.0 * array[1]
    """

    def named(op: Op, types: dict[str, Type]) -> Hoisted | None:
        match op:
            case Op(prim, (Op() as made, *rest)) if prim == "index" or prim in SHAPE_READS:
                kind = typeof(made, types)
                if isinstance(kind, Array) and root(made) is None and made.prim not in _ELEMENTWISE:
                    name = fresh_name("array", kind, types)
                    return (Assign(name, made),), replace(op, args=(Var(name), *rest))
        return None

    return with_hoisted_operands(f, named)


def with_hoisted_operands(f: Function, hoist: Callable[[Op, dict[str, Type]], Hoisted | None]) -> Function:
    """The function in which the operands that `hoist` takes are computed before; it adds new names to the types.

    What is not surely evaluated stays where it is.
    """
    types = dict(f.types)

    def block(b: Block) -> Block:
        return tuple(new for stmt in b for new in statement(stmt))

    def statement(stmt: Stmt) -> Block:
        before: list[Stmt] = []

        def operand(expr: Expr) -> Expr:
            if not isinstance(expr, Op) or expr.prim in _MAYBE:
                return expr
            args = tuple(map(operand, expr.args))
            new = expr if args == expr.args else replace(expr, args=args)
            found = hoist(new, types)
            if found is None:
                return new
            before.extend(found[0])
            return found[1]

        nested = [block(b) for b in blocks(stmt)]
        if isinstance(stmt, While):  # what its condition needs is computed in each turn
            test, body = nested
            cond = operand(stmt.cond)
            return (replace(stmt, test=(*test, *before), cond=cond, body=body),)
        changed = rewrite_own(stmt, operand, nested)
        return (*before, changed)

    return replace(f, body=block(f.body), types=types)
