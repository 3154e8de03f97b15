"""Stacks grow outside the loop that fills them: Numba keeps nothing of an array in registers that a loop may rebind."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from srcad.analyses.purity import pure
from srcad.ir.nodes import Assign, Block, Expr, Function, If, Op, Stmt, Var, While
from srcad.ir.walk import blocks, names, own_exprs, own_writes, walk, with_blocks


def room(f: Function) -> Function:
    """Of a `while` that tests in each turn whether its stacks are full, an inner one that stops when they are.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(room(Function("f", (), parse('''
    ... while abs(step) > tol:
    ...     if turns == size(s):
    ...         s = np.concatenate(s, np.empty_like(s), axis=0)
    ...     s[turns] = x
    ...     step = 0.5 * x
    ...     turns = turns + 1
    ... '''), (), {})).body))
    while:
        if not (abs(step) > tol): leave
        if turns == size(s):
            s = np.concatenate(s, np.empty_like(s), axis=0)
        while:
            if not ((turns < size(s)) and (abs(step) > tol)): leave
            s[turns] = x
            step = 0.5 * x
            turns = turns + 1
    """
    return replace(f, body=_block(f.body))


def _block(block: Block) -> Block:
    return tuple(_nested(with_blocks(s, [_block(b) for b in blocks(s)])) for s in block)


def _nested(stmt: Stmt) -> Stmt:
    if not isinstance(stmt, While) or stmt.test or not pure(stmt.cond):
        return stmt
    growing = [(at, found) for at, s in enumerate(stmt.body) if (found := _growth(s)) is not None]
    tests = tuple(stmt.body[at] for at, _ in growing)
    rest = tuple(s for s in stmt.body if _growth(s) is None)
    stacks = {stack.name for _, (_, stack) in growing}
    rebound = {n for s in walk(rest) for n in own_writes(s)} & stacks
    # a turn that asks for room twice needs room for two
    if not growing or len(stacks) < len(growing) or rebound or stacks & names(stmt.cond):
        return stmt
    for place, (top, stack) in growing:
        before = [s for s in stmt.body[:place] if _growth(s) is None]
        met = {n for s in walk(tuple(before)) for n in own_writes(s)}
        read = {n for s in walk(tuple(before)) for e in own_exprs(s) for n in names(e)}
        if top.name in met or stack.name in read:
            return stmt
    fits: list[Expr] = [Op("<", (top, Op("size", (stack,)))) for _, (top, stack) in growing]
    cond = reduce(lambda a, b: Op("and", (a, b)), dict.fromkeys((*fits, stmt.cond)))
    return replace(stmt, body=(*tests, replace(stmt, cond=cond, body=rest)))


def _growth(stmt: Stmt) -> tuple[Var, Var] | None:
    """(top, stack) of a test whether a stack is full, which makes it longer."""
    match stmt:
        case If(
            Op("==", (Var() as top, Op("size", (Var() as stack,)))), (Assign(target, Op("np.concatenate", parts)),), ()
        ) if target == stack.name and parts[:1] == (stack,):
            return top, stack
    return None
