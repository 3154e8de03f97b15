"""Adjoint statements in the order in which the fewest names are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.memory.reordering import clobbers_operands, conflicts_with_target
from srcad.analysis.values.effects import is_pure
from srcad.cleanup.expressions.forward_substitution import is_adjoint, is_temporary
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import blocks, own_exprs, reads, walk, with_blocks
from srcad.ir.types import Type


def sink_definitions(block: Block, types: Mapping[str, Type], shared: MayAlias | None = None) -> Block:
    """Let a zero, or a new value, wait until what was there before has been used.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(sink_definitions(parse('''
    ... %t.0 = copy(d_h[i])
    ... d_h[i] = 0.0
    ... d_b[...] += 2.0 * %t.0
    ... '''), {})))
    %t.0 = copy(d_h[i])
    d_b[...] += 2.0 * %t.0
    d_h[i] = 0.0

    The temporary, and the copy, can then go.
    """
    shared = shared or may_alias(block, types)
    uses = Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))

    def go(b: Block) -> Block:
        stmts = [with_blocks(s, [go(inner) for inner in blocks(s)]) for s in b]
        for i in range(len(stmts) - 1, -1, -1):
            j = _passed_on(stmts, i, shared) or _read_before(stmts, i, shared)
            if j is not None:
                stmts.insert(j - 1, stmts.pop(i))
        for i in range(len(stmts) - 1):
            taken, zero = stmts[i], stmts[i + 1]
            if _is_taken(taken, zero) and isinstance(taken, Assign) and uses[taken.target] == 1:
                reader = _reader(stmts, i + 2, taken.target)
                if reader is not None and _free(stmts[i + 2 : reader + 1], zero, shared):
                    stmts.insert(reader, stmts.pop(i + 1))
        return tuple(stmts)

    return go(block)


def _passed_on(stmts: list[Stmt], i: int, shared: MayAlias) -> int | None:
    """Where `b = a` stands, if the assignment of `a` at `i` may wait until then.

    `a` can then take the place of what `b` held, for its last reader has gone by.
    """
    made = stmts[i]
    if not isinstance(made, Assign) or not is_adjoint(made.target) or not is_pure(made.value):
        return None
    for j in range(i + 1, len(stmts)):
        stmt = stmts[j]
        match stmt:
            case Assign(target, Var(source)) if source == made.target and target != source:
                return j if j > i + 1 else None
            case Assign() | AugAssign() | Store():
                pass
            case _:
                return None
        # the comments that name the lines would be torn apart
        if stmt.span is not None and made.span is not None and stmt.span.line != made.span.line:
            return None
        if conflicts_with_target((stmt,), Var(made.target), (), shared) or clobbers_operands(stmt, made.value, shared):
            return None
    return None


def _read_before(stmts: list[Stmt], i: int, shared: MayAlias) -> int | None:
    """Where the new value of an adjoint made at `i` may wait, if older values of it are read before.

    A copy waits for all who read what it copies, a value for those who add to others.
    """
    made = stmts[i]
    if not isinstance(made, Assign) or not is_adjoint(made.target) or not is_pure(made.value):
        return None
    if isinstance(made.value, Var) and not is_adjoint(made.value.name):
        return None
    base = made.target.rpartition(".")[0]
    last = None
    for j in range(i + 1, len(stmts)):
        stmt = stmts[j]
        if not isinstance(stmt, Assign | AugAssign | Store):
            break
        if stmt.span is not None and made.span is not None and stmt.span.line != made.span.line:
            break
        if conflicts_with_target((stmt,), Var(made.target), (), shared) or clobbers_operands(stmt, made.value, shared):
            break
        old = {n for e in own_exprs(stmt) for n in reads(e) if n.rpartition(".")[0] == base}
        waits = not isinstance(stmt, Assign) or (_is_copied(made.value) and not _is_copied(stmt.value))
        if old and waits:
            last = j + 1
    return last


def _is_copied(value: Expr) -> bool:
    return isinstance(value, Var) or (isinstance(value, Op) and value.prim == "copy")


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


def _free(between: list[Stmt], zero: Stmt, shared: MayAlias) -> bool:
    assert isinstance(zero, Store)
    index: tuple[Expr, ...] = zero.index or (Slice(),)
    return not conflicts_with_target(between, zero.base, index, shared)
