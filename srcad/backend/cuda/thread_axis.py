"""Arrays with a last axis for the threads: each thread has a column, so that neighbours access neighbours in memory."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from srcad.ir.nodes import Block, Const, Expr, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import blocks, map_expr, names, own_exprs, rewrite_own

_SMALL = 2048
"""Bytes of an array that is in local memory, where there is no more than a few dozen kilobytes for each thread."""


def is_small(op: Op) -> bool:
    """Whether an array that is allocated so is better in the local memory of each thread.

    >>> is_small(Op("np.empty", (Const(256),))), is_small(Op("np.empty", (Const(16), Const(17)))),
    (True, False)
    """
    lengths = [arg.value for arg in op.args if isinstance(arg, Const) and isinstance(arg.value, int)]
    itemsize = np.dtype(str(dict(op.static).get("dtype", "float64"))).itemsize
    known = op.prim in ("np.empty", "np.zeros") and len(lengths) == len(op.args)
    return known and prod(lengths) * itemsize <= _SMALL


def with_thread_axis(block: Block, renamed: Mapping[str, str], thread: Expr) -> Block:
    """The block with a last index, that of the thread, where these arrays are accessed, and with their new names.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(with_thread_axis(parse("s[i] = s[i - 1] + len(s)"), {"s": "saved"}, Var("thread"))))
    saved[i, thread] = saved[i - 1, thread] + len(saved)
    """

    def one(expr: Expr) -> Expr:
        match expr:
            case Op("index", (Var(name), *items)) if name in renamed:
                return Op("index", (Var(renamed[name]), *items, thread))
            case Op(prim, (Var(name),), static) if name in renamed:
                return Op(prim, (Var(renamed[name]),), static)
        return expr

    def changed(stmt: Stmt) -> Stmt:
        nested = [tuple(map(changed, b)) for b in blocks(stmt)]
        if isinstance(stmt, Store) and isinstance(stmt.base, Var) and stmt.base.name in renamed:
            index = (*(map_expr(item, one) for item in stmt.index), thread)
            value = map_expr(stmt.value, one)
            return Store(Var(renamed[stmt.base.name]), index, value, stmt.op, stmt.span, stmt.free)
        return rewrite_own(stmt, lambda e: map_expr(e, one), nested)

    return tuple(map(changed, block))


def is_used_by_elements(name: str, rank: int, stmt: Stmt) -> bool:
    """Whether the statement itself reads and writes single elements of the array alone, or asks for its lengths.

    >>> from srcad.ir.notation import parse
    >>> [is_used_by_elements("s", 1, stmt) for stmt in parse("s[i] = len(s)\\ny = s\\ny = s[1:]")]
    [True, False, False]
    """

    def visit(expr: Expr) -> bool:
        match expr:
            case Op("index", (Var(array), *items)) if array == name:
                return len(items) == rank and not any(isinstance(i, Slice) for i in items) and all(map(visit, items))
            case Op("shape" | "len", (Var(array),)) if array == name:
                return True
            case Op(_, args):
                return all(map(visit, args))
        return name not in names(expr)

    if isinstance(stmt, Store) and stmt.base == Var(name):
        return (
            len(stmt.index) == rank
            and not any(isinstance(i, Slice) for i in stmt.index)
            and (all(map(visit, (*stmt.index, stmt.value))))
        )
    return all(map(visit, own_exprs(stmt)))
