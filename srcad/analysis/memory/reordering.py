"""Reordering hazards (read after write, write after read, write after write) between a statement and an expression."""

from __future__ import annotations

from collections.abc import Iterable

from srcad.analysis.memory.may_alias import MayAlias
from srcad.ir.nodes import Expr, Stmt, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import names, own_exprs, stmt_stores, stmt_writes, walk


def clobbers_operands(stmt: Stmt, expr: Expr, shared: MayAlias) -> bool:
    """Whether the statement, or one nested in it, may change what the expression reads.

    >>> from srcad.analysis.memory.may_alias import may_alias
    >>> from srcad.ir.notation import parse
    >>> block = parse('''
    ... x[i] = 1.0
    ... a = x[j] + y
    ... b = y * 2.0
    ... ''')
    >>> shared = may_alias(block, {})
    >>> clobbers_operands(block[0], block[1].value, shared), clobbers_operands(block[0], block[2].value, shared)
    (True, False)
    """
    if stmt_writes(stmt) & names(expr):
        return True
    stored = {shared.class_of(n) for n in stmt_stores(stmt) if shared.has_memory(n)}
    return bool(stored and stored & shared.reads(expr))


def clobbers_contents(stmt: Stmt, expr: Expr, shared: MayAlias) -> bool:
    """Whether the statement may change the value of the expression, its elements included.

    Unlike `clobbers_operands`, the elements of an array that the expression only names, or views, count as read.
    """
    if stmt_writes(stmt) & names(expr):
        return True
    stored = {shared.class_of(n) for n in stmt_stores(stmt) if shared.has_memory(n)}
    return bool(stored and stored & shared.reads_contents(expr))


def conflicts_with_target(stmts: Iterable[Stmt], place: Expr, index: tuple[Expr, ...], shared: MayAlias) -> bool:
    """Whether statements may read or write the target `place[index]`, or change which element it is.

    A scalar target is its name; that of an array is all memory that may alias it, and `index` must not change.
    """
    name = root(place)
    assert name is not None
    target = shared.class_of(name) if shared.has_memory(name) else None
    fixed = names(place).union(*map(names, index))
    inside = frozenset().union(*map(shared.reads, index))
    for stmt in walk(tuple(stmts)):
        if stmt_writes(stmt) & fixed:
            return True
        stored = {shared.class_of(n) for n in stmt_stores(stmt) if shared.has_memory(n)}
        if stored & inside or target in stored:
            return True
        read = {n for e in own_exprs(stmt) for n in names(e)}
        if target is None or (place == Var(name) and not index):
            # the name must not be used at all, not even to form a view
            if (target is None and name in read) or (target is not None and read & shared.aliases(name)):
                return True
        elif any(target in shared.reads_contents(e) for e in own_exprs(stmt)):
            return True
    return False
