"""Nests over the same elements, one after the other, become one nest."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.loop_nest import LoopNest, body_of, indices_of, is_injective, read_elements, with_body, written_elements
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Effect, Expr, Op, Stmt, Var
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import names, ops, own_exprs, stmt_reads, stmt_stores, stmt_writes, walk
from srcad.ir.types import Scalar
from srcad.optimize.array_statements.elementwise_ops import SLOW
from srcad.optimize.shapes.shape_environment import ShapeEnvironment, representative
from srcad.optimize.vectorize.vector_functions import has_vector_form

_REACH = 40
"""So many statements before a nest are looked at."""


def fuse_into(done: list[Stmt], stmt: Stmt, known: ShapeEnvironment) -> None:
    """Put a statement after others; a nest goes into a nest before it where no element meets another.

    What stands between the two moves before both (arrays that are made, numbers, checks of lengths) or stays behind.
    """
    if isinstance(stmt, LoopNest):
        for at in range(len(done) - 1, -1, -1):
            before = done[at]
            if isinstance(before, LoopNest) and _alike(before, stmt):
                parted = _parted(done[at + 1 :], before, stmt, known)
                joined = None if parted is None else _joined(before, stmt, known)
                if parted is not None and joined is not None:
                    del done[at:]
                    done += parted[0]
                    # a check that has moved may be what one more nest has waited for
                    fuse_into(done, joined, known)
                    done += parted[1]
                    return
            plain = isinstance(before, Comment | Assign | AugAssign | LoopNest)
            if not plain and not is_check(before) and not _is_of_list(before):
                break
            if len(done) - at > _REACH:
                break
    done.append(stmt)


def _parted(
    between: list[Stmt], a: LoopNest, b: LoopNest, known: ShapeEnvironment
) -> tuple[list[Stmt], list[Stmt]] | None:
    """What of the statements between two nests goes before both, and what after; None where one can do neither."""
    first: list[Stmt] = []
    last: list[Stmt] = []
    for stmt in between:
        if not isinstance(stmt, LoopNest) and all(_may_pass(stmt, other, known) for other in (a, *last)):
            first.append(stmt)
        elif not isinstance(stmt, LoopNest) and not is_check(stmt) and _independent(stmt, b, known):
            last.append(stmt)
        else:
            return None
    return first, last


def _independent(stmt: Stmt, loops: LoopNest, known: ShapeEnvironment) -> bool:
    """Whether a nest may as well stand before the statement."""
    if isinstance(stmt, Comment):
        return True
    if stmt_writes(stmt) & (stmt_reads(loops) | (stmt_writes(loops) - set(known.counters))):
        return False
    if stmt_reads(stmt) & (stmt_writes(loops) - set(known.counters)):
        return False
    # a list takes or gives a reference: the loops must not change what a copy is made of
    stored = {known.memory(n) for n in stmt_stores(loops)}
    return not any(stored & known.loads(e) for e in own_exprs(stmt))


def _alike(a: LoopNest, b: LoopNest) -> bool:
    """Whether both go over the same elements, by what is known where the second stands."""
    first, second = (
        dict(zip(indices_of(n), (representative(d, b.equal) for d in n.lengths), strict=True)) for n in (a, b)
    )
    return first == second


def _joined(a: LoopNest, b: LoopNest, known: ShapeEnvironment) -> LoopNest | None:
    first, second = body_of(a), body_of(b)
    counters = indices_of(a)
    made = [{n for s in body for n in stmt_writes(s)} for body in (first, second)]
    read = [{n for s in body for n in stmt_reads(s)} for body in (first, second)]
    if made[0] & (read[1] | made[1]) or made[1] & read[0]:
        return None
    if _waits(first, second, known):
        return None
    if not _elementwise(first, second, counters, known) or not _elementwise(second, first, counters, known):
        return None
    return replace(with_body(a, first + second), equal=b.equal)


def _waits(first: Block, second: Block, known: ShapeEnvironment) -> bool:
    """Whether a function such as `exp` in the second block takes a value that one in the first gives.

    Calls that wait for one another within a turn take up to 1.4 times as long as two loops of calls that do not.
    What LLVM vectorises has no calls (`functions`), and waits for nothing but memory between two loops.
    """
    calls = [call for block in (first, second) for stmt in block for expr in own_exprs(stmt) for call in _calls(expr)]
    types = {**known.types, **dict.fromkeys(known.counters, Scalar("int64"))} if calls else known.types
    if all(has_vector_form(call, types) for call in calls):
        return False
    slow: set[str] = set()
    for stmt in first:
        for expr in own_exprs(stmt):
            if _calls(expr) or slow & names(expr):
                slow |= set(_given(stmt))
    for stmt in second:
        for expr in own_exprs(stmt):
            if any(slow & names(call) for call in _calls(expr)):
                return True
            if slow & names(expr):
                slow |= set(_given(stmt))
    return False


def _calls(expr: Expr) -> list[Op]:
    return [part for part in ops(expr) if part.prim in SLOW]


def _given(stmt: Stmt) -> tuple[str, ...]:
    return (*stmt_writes(stmt), *(base for base, _ in written_elements(stmt)))


def _elementwise(writes: Block, other: Block, counters: tuple[str, ...], known: ShapeEnvironment) -> bool:
    """Whether what the one block writes is met by the other only in the same turn."""
    for base, index in (e for s in writes for e in written_elements(s)):
        for stmt in other:
            for name, place in (*read_elements(stmt), *written_elements(stmt)):
                same = place == index and is_injective(index, counters) and known.same(name, base)
                if not same and known.memory(name) == known.memory(base):
                    return False
    return True


def _may_pass(stmt: Stmt, loops: Stmt, known: ShapeEnvironment) -> bool:
    """Whether the statement may as well stand before the nest."""
    if isinstance(stmt, Comment) or isinstance(loops, Comment):
        return True
    if _is_of_list(stmt):
        return False
    if stmt_stores(stmt) or stmt_writes(stmt) & (stmt_reads(loops) | stmt_writes(loops)):
        return False
    if stmt_reads(stmt) & stmt_writes(loops):
        return False
    stored = {known.memory(n) for n in stmt_stores(loops)}
    return not any(stored & known.loads(e) for s in walk((stmt,)) for e in own_exprs(s))


def _is_of_list(stmt: Stmt) -> bool:
    """Whether the statement appends to a list, or takes the last item."""
    match stmt:
        case Effect(Op("append" | "list.append")) | Assign(_, Op("list.pop", (Var(),))):
            return True
        case _:
            return False
