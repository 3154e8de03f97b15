"""Inserted blocks in the primal: where they are, their index checks, and how they vanish from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from srcad.ir.nodes import Assign, Block, Effect, Function, Op, Span, Stmt, Var
from srcad.ir.traversal import blocks, walk, with_blocks
from srcad.ir.types import Scalar


def update_of(stmt: Stmt) -> Function | None:
    """What an inserted block does to the adjoint; None of any other statement."""
    match stmt:
        case Effect(Op("insert_gradient", _, (("update", Function() as update),))):
            return update
    return None


def first_insertion(f: Function) -> Span | None:
    """Where the first block is inserted."""
    return next((s.span for s in walk(f.body) if isinstance(s, Effect) and update_of(s) is not None), None)


def change_updates(f: Function, change: Callable[[Function], Function]) -> Function:
    """The function with each inserted block changed."""

    def one(stmt: Stmt) -> Stmt:
        update = update_of(stmt)
        if update is None or not isinstance(stmt, Effect):
            return with_blocks(stmt, [tuple(map(one, b)) for b in blocks(stmt)])
        return replace(stmt, call=replace(stmt.call, static=(("update", change(update)),)))

    return replace(f, body=tuple(map(one, f.body)))


def remove_insertions(f: Function) -> Function:
    """Remove the inserted blocks from the primal: the reverse sweep has them, where there is one.

    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> import srcad
    >>> __name__ = "user_module"
    >>> def f(x, a):
    ...     y = a * x
    ...     with srcad.insert_gradient_of(y) as d_y:
    ...         d_y = 0.5 * d_y
    ...     return np.sum(y)
    >>> import numpy as np
    >>> before = normal_form(f, np.ones(2), 3.0)
    >>> print(text(before))
    f(x: float64[x.0], a: float64):
        y.0 = a * x
        insert_gradient(y.0):
            update(d_y.0: float64[x.0]):
                %updated.0 = 0.5 * d_y.0
                d_y.0[...] = %updated.0
        %result.2 = np.sum(y.0)
        return %result.2
    >>> print(text(remove_insertions(before)))
    f(x: float64[x.0], a: float64):
        y.0 = a * x
        %result.2 = np.sum(y.0)
        return %result.2
    """

    def one(stmt: Stmt) -> Stmt:
        match stmt:
            case Assign(target, Op("copy", (Var() as number,))) if isinstance(f.types[target], Scalar):
                return replace(stmt, value=number)  # made for a block, to have a name of its own
        return with_blocks(stmt, [block(b) for b in blocks(stmt)])

    def block(stmts: Block) -> Block:
        return tuple(one(s) for s in stmts if update_of(s) is None)

    return replace(f, body=block(f.body)) if first_insertion(f) is not None else f
