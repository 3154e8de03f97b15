"""Which flat parameters a function writes into, directly or through views and other names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srcad.ir.nodes import Assign, Expr, For, Function, If, Stmt, While
from srcad.ir.result_memory import roots
from srcad.ir.traversal import block_stores, walk


def written_parameters(function: Function) -> frozenset[str]:
    """Parameters whose memory may be changed: what a store's base may be, followed back through every name.

    Errs on the side of more.
    """
    sources: dict[str, set[str]] = {}

    def comes_from(target: str, values: Sequence[Expr]) -> None:
        for value in values:
            sources.setdefault(target, set()).update(roots(value))

    for stmt in walk(function.body):
        _flows(stmt, comes_from)
    reached = set(block_stores(function.body))
    waiting = list(reached)
    while waiting:
        for base in sources.get(waiting.pop(), ()):
            if base not in reached:
                reached.add(base)
                waiting.append(base)
    return frozenset(param.name for param in function.params if param.name in reached)


def _flows(stmt: Stmt, flow: Callable[[str, Sequence[Expr]], None]) -> None:
    match stmt:
        case Assign(target, value):
            flow(target, [value])
        case If(joins=joins):
            for join in joins:
                flow(join.target, [join.then, join.orelse])
        case For(carried=carried) | While(carried=carried):
            for carry in carried:
                flow(carry.arg, [carry.init, carry.next])
                flow(carry.result, [carry.init, carry.next])
        case _:
            pass
