"""Side effects: whether an expression or a statement does anything beyond computing a value."""

from __future__ import annotations

from functools import cache

from srcad.ir.called import callee_of
from srcad.ir.nodes import Effect, Expr, Op, Stmt, of_node
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import CHANGES_FIRST_ARGUMENT, ops, own_exprs
from srcad.rules.primitives import PRIMITIVES


@of_node
def is_pure(expr: Expr) -> bool:
    """True where the expression may be removed, or evaluated elsewhere if its operands have the same values there.

    >>> from srcad.ir.notation import parse
    >>> [is_pure(stmt.value) for stmt in parse('''
    ... a = np.exp(x) + 1.0
    ... b = list.pop(stack)
    ... ''')]
    [True, False]
    """
    return not any(_has_effect(op.prim) if op.prim != "call" else _may_raise(op) for op in ops(expr))


def _may_raise(call: Op) -> bool:
    called = callee_of(call)
    return not called.pure or bool(called.changes)


def has_effect(stmt: Stmt) -> bool:
    """Whether the statement itself has an observable effect. A check, or a `within`, has none: it can only raise.

    Nor has a call that changes no array.
    """
    if isinstance(stmt, Effect) and stmt.call.prim != "call":
        return not is_check(stmt) and stmt.call.prim != "within"
    return any(_changes(op) if op.prim == "call" else _has_effect(op.prim) for e in own_exprs(stmt) for op in ops(e))


def _changes(call: Op) -> bool:
    return bool(callee_of(call).changes)


@cache
def _has_effect(prim: str) -> bool:
    if prim in CHANGES_FIRST_ARGUMENT or prim.startswith(("np.random.", "random.")):
        return True
    known = PRIMITIVES.get(prim)
    return known is not None and known.kind in ("random", "effect")
