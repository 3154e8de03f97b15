"""Whether an expression would still give the same value on the other side of a statement."""

from __future__ import annotations

from collections.abc import Iterable

from srcad.analysis.memory.may_alias import MayAlias
from srcad.ir.nodes import Expr, Stmt, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import names, own_exprs, stmt_stores, stmt_writes, walk


def clobbers_operands(stmt: Stmt, expr: Expr, shared: MayAlias) -> bool:
    """Whether the statement, or one nested in it, may change what the expression reads."""
    if stmt_writes(stmt) & names(expr):
        return True
    stored = {shared.class_of(n) for n in stmt_stores(stmt) if shared.has_memory(n)}
    return bool(stored and stored & shared.reads(expr))


def clobbers_contents(stmt: Stmt, expr: Expr, shared: MayAlias) -> bool:
    """Whether the statement may change what is read when the expression's value is used up on the spot.

    Unlike `clobbers_operands`, the elements of an array that is only named, or viewed, count as read.
    """
    if stmt_writes(stmt) & names(expr):
        return True
    stored = {shared.class_of(n) for n in stmt_stores(stmt) if shared.has_memory(n)}
    return bool(stored and stored & shared.reads_contents(expr))


def conflicts_with_target(stmts: Iterable[Stmt], place: Expr, index: tuple[Expr, ...], shared: MayAlias) -> bool:
    """Whether statements may read or write the memory, or the name, that a target refers to, or move the target.

    A scalar target is its name; an array's is all memory it may share, and `index` must stay what it is.
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
            # nobody may see the name at all, not even to make a view of it
            if (target is None and name in read) or (target is not None and read & shared.aliases(name)):
                return True
        elif any(target in shared.reads_contents(e) for e in own_exprs(stmt)):
            return True
    return False
