"""Reduction reassociation: sums of adjoints may be accumulated in any order, several terms at a time.

LLVM preserves the order of a floating-point sum, so each addition depends on the one before. Sums that the user's
loops spell out keep their order: the value that a gradient returns is that of the function. Sums of adjoints (`free`)
were written by no user, and `np.sum` has no order that a user could rely on; `machine.plus` tells LLVM that it may
split them. No other fastmath flag is set: NaN and infinities are respected, and equal calls give equal bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.ir.nodes import Assign, AugAssign, Block, Expr, For, Function, Op, Stmt, Var, While
from srcad.ir.traversal import blocks, walk, with_blocks
from srcad.ir.types import Scalar, Type
from srcad.typing.typeof import typeof

_FLOATS = Scalar("float64"), Scalar("float32")


def allow_reassociation(f: Function) -> Function:
    """Make the scalar sums of adjoints in innermost loops reassociable.

    >>> from srcad.ir.nodes import Const
    >>> from srcad.ir.notation import show
    >>> from srcad.ir.types import Array, dim
    >>> term = Op("*", (Var("w"), Op("index", (Var("x"), Var("i")))))
    >>> body = AugAssign("total", "+", term), AugAssign("d_w", "-", term, free=True)
    >>> types = {"x": Array("float64", (dim(4),)), "i": Scalar("int64")}
    >>> types |= dict.fromkeys(("total", "d_w", "w"), Scalar("float64"))
    >>> loop = For("i", Const(0), Var("n"), Const(1), body)
    >>> print(show(allow_reassociation(Function("f", (), (loop,), (), types)).body))
    for i in range(n):
        total += w * x[i]
        d_w = machine.plus(d_w, -(w * x[i]))
    """
    return replace(f, body=_block(f.body, f.types))


def _block(block: Block, types: Mapping[str, Type]) -> Block:
    return tuple(_stmt(stmt, types) for stmt in block)


def _stmt(stmt: Stmt, types: Mapping[str, Type]) -> Stmt:
    if isinstance(stmt, For) and not any(isinstance(s, For | While) for s in walk(stmt.body)):
        return replace(stmt, body=tuple(_reassociable(s, types) for s in stmt.body))
    return with_blocks(stmt, [_block(b, types) for b in blocks(stmt)])


def _reassociable(stmt: Stmt, types: Mapping[str, Type]) -> Stmt:
    match stmt:
        case AugAssign(target, "+" | "-" as op, value, span, True) if (
            types.get(target) in _FLOATS and typeof(value, types) == types[target]
        ):
            term: Expr = value if op == "+" else Op("neg", (value,))
            return Assign(target, Op("machine.plus", (Var(target), term)), span)
    return stmt
