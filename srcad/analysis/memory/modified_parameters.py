"""Mod analysis: the flat parameters whose memory a function may store into, directly or through aliases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srcad.ir.nodes import Assign, Expr, For, Function, If, Stmt, While
from srcad.ir.result_memory import roots
from srcad.ir.traversal import block_stores, walk


def written_parameters(function: Function) -> frozenset[str]:
    """The parameters that a store may modify: its base, traced back through every assignment. Conservative.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def update(x, y):
    ...     tail = x[1:]
    ...     tail[0] = y[0]
    ...     return np.sum(x)
    >>> written_parameters(normal_form(update, np.ones(3), np.ones(3)))
    frozenset({'x'})
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
