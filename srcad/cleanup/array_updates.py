"""Updates of arrays as stores: `d += e` on an array writes into its memory, and assigns no name."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.ir.nodes import AugAssign, Block, Stmt, Store, Var
from srcad.ir.traversal import blocks, with_blocks
from srcad.ir.types import Array, Type


def array_updates_as_stores(block: Block, types: Mapping[str, Type]) -> Block:
    """Rewrite `d += e` on an array as a store to all of d: the name is not redefined.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> print(show(array_updates_as_stores(parse("d += e"), {"d": Array("float64", (dim(4),))})))
    d[...] += e
    """

    def one(stmt: Stmt) -> Stmt:
        if isinstance(stmt, AugAssign) and isinstance(types.get(stmt.target), Array):
            return Store(Var(stmt.target), (), stmt.value, stmt.op, stmt.span, stmt.free)
        return with_blocks(stmt, [tuple(map(one, b)) for b in blocks(stmt)])

    return tuple(map(one, block))
