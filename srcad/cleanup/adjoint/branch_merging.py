"""Merging of sweeps that stand under the same condition: what one branch computes is used in the same branch below.

The adjoint of a function that is called computes again what it needs of the primal, in branches that its reverse sweep
has too. No loop and nothing else of weight stands between them.
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.values.effects import has_effect
from srcad.ir.nodes import Assign, Block, Comment, Const, If, Op, Stmt, Var
from srcad.ir.traversal import block_stores, blocks, names, stmt_reads, stmt_writes, walk, with_blocks
from srcad.ir.types import Scalar, Type
from srcad.rules.primitives import PRIMITIVES


def merge_branches(block: Block, types: Mapping[str, Type]) -> Block:
    """Merge a branch with a later one of the same condition; the rulers of the sweeps go with it.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(merge_branches(parse('''
    ... if lo < hi:
    ...     mid = lo + hi
    ... d_x = 0.0
    ... if lo < hi:
    ...     d_x = mid * d_y
    ... '''), {"lo": Scalar("int64"), "hi": Scalar("int64")})))
    d_x = 0.0
    if lo < hi:
        mid = lo + hi
        d_x = mid * d_y
    """
    stmts = [with_blocks(s, [merge_branches(b, types) for b in blocks(s)]) for s in block]
    at = 0
    while at < len(stmts):
        below = _partner(stmts, at, types)
        if below is None:
            at += 1
            continue
        first, second = stmts[at], stmts[below]
        assert isinstance(first, If) and isinstance(second, If)
        then = merge_branches((*first.then, *second.then), types)
        orelse = merge_branches((*first.orelse, *second.orelse), types)
        stmts[below] = If(second.cond, then, orelse, (), second.span)
        del stmts[at]
    return tuple(stmts)


def without_rulers(block: Block) -> Block:
    """Short sweeps need no headings: those of a function without loops are left out."""
    forward = [s for s in block if isinstance(s, Comment) and s.section == "forward"]
    if forward and not any(blocks(s) and not isinstance(s, If) for s in walk(block)):
        return tuple(s for s in block if not isinstance(s, Comment) or s.section is None)
    return block


def _partner(stmts: list[Stmt], at: int, types: Mapping[str, Type]) -> int | None:
    """The position of the branch that the one at `at` may be merged with."""
    first = stmts[at]
    if not isinstance(first, If) or any(map(has_effect, walk((first,)))):
        return None
    asked = names(first.cond)
    scalars = all(isinstance(types.get(name), Scalar) for name in asked)
    if not scalars or asked & stmt_writes(first) or block_stores((first,)):
        return None
    for below in range(at + 1, len(stmts)):
        stmt = stmts[below]
        if isinstance(stmt, If) and stmt.cond == first.cond:
            return below
        if isinstance(stmt, Comment):
            continue
        moved = stmt_writes(first) | stmt_reads(first)
        if not _is_plain(stmt) or stmt_writes(stmt) & (moved | asked) or stmt_reads(stmt) & stmt_writes(first):
            return None
    return None


def _is_plain(stmt: Stmt) -> bool:
    """Whether the statement computes with numbers alone, or makes an array of zeros."""
    if not isinstance(stmt, Assign):
        return False
    match stmt.value:
        case Const() | Var():
            return isinstance(stmt.value, Const)
        case Op(prim):
            return PRIMITIVES[prim].is_blank
    return False
