"""An adjoint that is taken out of its place is used there, and zeroed afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from srcad.analyses.hazards import touches
from srcad.analyses.sharing import Sharing, sharing
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, Op, Slice, Stmt, Store
from srcad.ir.types import Type
from srcad.ir.walk import blocks, own_exprs, reads, walk, with_blocks
from srcad.simplify.untemp import is_temporary


def late(block: Block, types: Mapping[str, Type], shared: Sharing | None = None) -> Block:
    """Let a zero wait until the one statement that reads what was there before is done.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(late(parse('''
    ... %t.0 = copy(d_h[i])
    ... d_h[i] = 0.0
    ... d_b[...] += 2.0 * %t.0
    ... '''), {})))
    %t.0 = copy(d_h[i])
    d_b[...] += 2.0 * %t.0
    d_h[i] = 0.0

    The temporary, and the copy, can then go.
    """
    shared = shared or sharing(block, types)
    uses = Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))

    def go(b: Block) -> Block:
        stmts = [with_blocks(s, [go(inner) for inner in blocks(s)]) for s in b]
        for i in range(len(stmts) - 1):
            taken, zero = stmts[i], stmts[i + 1]
            if _is_taken(taken, zero) and isinstance(taken, Assign) and uses[taken.target] == 1:
                reader = _reader(stmts, i + 2, taken.target)
                if reader is not None and _free(stmts[i + 2 : reader + 1], zero, shared):
                    stmts.insert(reader, stmts.pop(i + 1))
        return tuple(stmts)

    return go(block)


def _is_taken(taken: Stmt, zero: Stmt) -> bool:
    """Whether one statement keeps what the next one overwrites with zero."""
    match taken, zero:
        case Assign(name, value), Store(base, index, Const(float()), None) if is_temporary(name):
            place = Op("index", (base, *(index or (Slice(),))))
            return value in (place, Op("copy", (place,)))
    return False


def _reader(stmts: list[Stmt], start: int, name: str) -> int | None:
    for j in range(start, len(stmts)):
        if any(name in reads(e) for s in walk((stmts[j],)) for e in own_exprs(s)):
            return j if isinstance(stmts[j], Assign | AugAssign | Store) else None
    return None


def _free(between: list[Stmt], zero: Stmt, shared: Sharing) -> bool:
    assert isinstance(zero, Store)
    index: tuple[Expr, ...] = zero.index or (Slice(),)
    return not touches(between, zero.base, index, shared)
