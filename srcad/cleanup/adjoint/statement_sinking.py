"""Code sinking: definitions of adjoints move below the last reads of the values they replace (shorter live ranges)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.memory.reordering import clobbers_operands, conflicts_with_target
from srcad.analysis.values.effects import is_pure
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import blocks, own_exprs, reads, walk, with_blocks
from srcad.ir.types import Type


def sink_definitions(
    block: Block, types: Mapping[str, Type], shared: MayAlias | None = None, adjoints: Container[str] = ()
) -> Block:
    """Move the clearing or the new value of an adjoint below the last read of its old value.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(sink_definitions(parse('''
    ... %t.0 = copy(d_h[i])
    ... d_h[i] = 0.0
    ... d_b[...] += 2.0 * %t.0
    ... '''), {})))
    %t.0 = copy(d_h[i])
    d_b[...] += 2.0 * %t.0
    d_h[i] = 0.0

    The temporary, and the copy, can then be substituted.
    """
    shared = shared or may_alias(block, types)
    uses = Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))

    def go(b: Block) -> Block:
        stmts = [with_blocks(s, [go(inner) for inner in blocks(s)]) for s in b]
        for i in range(len(stmts) - 1, -1, -1):
            j = _above_copy(stmts, i, shared, adjoints) or _below_old_reads(stmts, i, shared, adjoints)
            if j is not None:
                stmts.insert(j - 1, stmts.pop(i))
        for i in range(len(stmts) - 1):
            saved, zero = stmts[i], stmts[i + 1]
            if _is_saved_and_cleared(saved, zero) and isinstance(saved, Assign) and uses[saved.target] == 1:
                reader = _reader(stmts, i + 2, saved.target)
                if reader is not None and _is_independent(stmts[i + 2 : reader + 1], zero, shared):
                    stmts.insert(reader, stmts.pop(i + 1))
        return tuple(stmts)

    return go(block)


def _above_copy(stmts: list[Stmt], i: int, shared: MayAlias, adjoints: Container[str]) -> int | None:
    """The position of `b = a`, if the definition of `a` at `i` may be sunk to just above it.

    `a` can then be coalesced with `b`, whose last read lies before.
    """
    assign = stmts[i]
    if not isinstance(assign, Assign) or assign.target not in adjoints or not is_pure(assign.value):
        return None
    for j in range(i + 1, len(stmts)):
        stmt = stmts[j]
        match stmt:
            case Assign(target, Var(source)) if source == assign.target and target != source:
                return j if j > i + 1 else None
            case Assign() | AugAssign() | Store():
                pass
            case _:
                return None
        # the comments that name the source lines would be separated from their statements
        if stmt.span is not None and assign.span is not None and stmt.span.line != assign.span.line:
            return None
        if conflicts_with_target((stmt,), Var(assign.target), (), shared) or clobbers_operands(
            stmt, assign.value, shared
        ):
            return None
    return None


def _below_old_reads(stmts: list[Stmt], i: int, shared: MayAlias, adjoints: Container[str]) -> int | None:
    """The position that the definition of an adjoint at `i` may be sunk to, past reads of older versions of it.

    A copy is sunk below all reads of those versions, a value below accumulations only.
    """
    assign = stmts[i]
    if not isinstance(assign, Assign) or assign.target not in adjoints or not is_pure(assign.value):
        return None
    if isinstance(assign.value, Var) and assign.value.name not in adjoints:
        return None
    variable = base(assign.target)
    target_position = None
    for j in range(i + 1, len(stmts)):
        stmt = stmts[j]
        if not isinstance(stmt, Assign | AugAssign | Store):
            break
        if stmt.span is not None and assign.span is not None and stmt.span.line != assign.span.line:
            break
        if conflicts_with_target((stmt,), Var(assign.target), (), shared) or clobbers_operands(
            stmt, assign.value, shared
        ):
            break
        old_versions = {n for e in own_exprs(stmt) for n in reads(e) if base(n) == variable}
        sinks = not isinstance(stmt, Assign) or (_is_copied(assign.value) and not _is_copied(stmt.value))
        if old_versions and sinks:
            target_position = j + 1
    return target_position


def _is_copied(value: Expr) -> bool:
    return isinstance(value, Var) or (isinstance(value, Op) and value.prim == "copy")


def _is_saved_and_cleared(saved: Stmt, zero: Stmt) -> bool:
    """Whether one statement saves the element that the next one overwrites with zero."""
    match saved, zero:
        case Assign(name, value), Store(array, index, Const(float()), None) if is_temporary(name):
            place = Op("index", (array, *(index or (Slice(),))))
            return value in (place, Op("copy", (place,)))
    return False


def _reader(stmts: list[Stmt], start: int, name: str) -> int | None:
    for j in range(start, len(stmts)):
        if any(name in reads(e) for s in walk((stmts[j],)) for e in own_exprs(s)):
            return j if isinstance(stmts[j], Assign | AugAssign | Store) else None
    return None


def _is_independent(between: list[Stmt], zero: Stmt, shared: MayAlias) -> bool:
    assert isinstance(zero, Store)
    index: tuple[Expr, ...] = zero.index or (Slice(),)
    return not conflicts_with_target(between, zero.base, index, shared)
