"""Unreachable code elimination: what follows a check that always fails is removed.

It never runs. Numba leaves it out itself, and then misses the names that are defined in it.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Block, Carry, Const, For, Function, If, Join, Stmt, Undef, While
from srcad.ir.runtime_checks import check_of
from srcad.ir.traversal import blocks, with_blocks


def remove_unreachable_code(f: Function) -> Function:
    """The function, in normal form, without what stands after a check that never holds.

    >>> from srcad.ir.runtime_checks import check
    >>> from srcad.ir.nodes import Assign, Op, Var
    >>> from srcad.ir.printer import text
    >>> never = check(Const(False), "IndexError", ("no",))
    >>> then = (never, Assign("a", Op("exp", (Var("x"),))))
    >>> body = (If(Var("c"), then, (), (Join("y", Var("a"), Var("x")),)),)
    >>> print(text(remove_unreachable_code(Function("f", (), body, (Var("y"),), {}))))
    f():
        y = if c:
            check(False, derived=False, error='IndexError', texts=('no',))
            yield undefined
        else:
            yield x
        return y

    Such a path yields nothing at its join, and a loop with such a body has no second iteration. The top level of the
    function is not cut: it has results.
    """
    return replace(f, body=tuple(map(_stmt, f.body)))


def _cut(block: Block) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        out.append(_stmt(stmt))
        if _always_fails(stmt):
            break
    return tuple(out)


def _stmt(stmt: Stmt) -> Stmt:
    match stmt:
        case If(cond, then, orelse, joins, span):
            failing = _block_fails(then), _block_fails(orelse)
            if all(failing):  # nothing after it is reachable: the enclosing block is cut there
                return stmt
            joined = tuple(
                Join(
                    j.target,
                    *(Undef() if none else value for none, value in zip(failing, (j.then, j.orelse), strict=True)),
                )
                for j in joins
            )
            return If(cond, _cut(then), _cut(orelse), joined, span)
        case For(body=body, carried=carried) if _block_fails(body) and _all_initialised(carried):
            return replace(stmt, body=_cut(body), carried=_first_iteration_only(carried), exit=None)
        case While(test=test, body=body, carried=carried) if _block_fails(body) and _all_initialised(carried):
            return replace(stmt, test=tuple(map(_stmt, test)), body=_cut(body), carried=_first_iteration_only(carried))
    return with_blocks(stmt, [tuple(map(_stmt, b)) for b in blocks(stmt)])


def _block_fails(block: Block) -> bool:
    return any(map(_always_fails, block))


def _always_fails(stmt: Stmt) -> bool:
    found = check_of(stmt)
    if found is not None:
        return found.condition == Const(False)
    return isinstance(stmt, If) and _block_fails(stmt.then) and _block_fails(stmt.orelse)


def _all_initialised(carried: tuple[Carry, ...]) -> bool:
    return all(c.init != Undef() for c in carried)


def _first_iteration_only(carried: tuple[Carry, ...]) -> tuple[Carry, ...]:
    """The carries with their initial values: there is no second iteration."""
    return tuple(replace(c, next=c.init) for c in carried)
