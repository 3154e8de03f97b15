"""Loop fusion of adjacent elementwise nests over the same iteration space."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.loop_nest import LoopNest, body_of, indices_of, is_injective, read_elements, with_body, written_elements
from srcad.ir.nodes import Assign, AugAssign, Block, Effect, Expr, Op, Stmt, Var
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import names, ops, own_exprs, stmt_reads, stmt_stores, stmt_writes, walk
from srcad.ir.types import Scalar
from srcad.optimize.array_statements.elementwise_ops import SLOW
from srcad.optimize.array_statements.lowering_state import LoweringState
from srcad.optimize.vectorize.vector_functions import vector_form

_MAX_DISTANCE = 40
"""How many statements before a nest are searched."""


def fuse_into(done: list[Stmt], stmt: Stmt, state: LoweringState) -> None:
    """Append a statement; a nest is fused into a nest before it where all dependences stay within an iteration.

    >>> from srcad.ir.loop_nest import loop_nest
    >>> from srcad.ir.nodes import Const, Function
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, dim
    >>> def nest(body):
    ...     return loop_nest(("i",), (Const(9),), (dim(9),), parse(body))
    >>> f = Function("f", (), (), (), dict.fromkeys("xyz", Array("float64", (dim(9),))))
    >>> done = [nest("y[i] = 2.0 * x[i]"), *parse("z = np.empty(9)")]
    >>> fuse_into(done, nest("z[i] = y[i] + 1.0"), LoweringState(f))
    >>> print(show(done))
    z = np.empty(9)
    for i in range(9):
        y[i] = 2.0 * x[i]
        z[i] = y[i] + 1.0

    Statements between the two move before both (allocations, scalars, shape checks) or after them. A nest is moved only
    for one that accesses the same memory.
    """
    if isinstance(stmt, LoopNest):
        for at in range(len(done) - 1, -1, -1):
            before = done[at]
            if isinstance(before, LoopNest) and _same_iteration_space(before, stmt):
                far = any(isinstance(other, LoopNest) for other in done[at + 1 :])
                if far and not _share_memory(before, stmt, state):
                    continue
                split = _split_between(done[at + 1 :], before, stmt, state)
                fused = None if split is None else _fused(before, stmt, state)
                if split is not None and fused is not None:
                    del done[at:]
                    done += split[0]
                    # a check that has moved may have prevented one more fusion
                    fuse_into(done, fused, state)
                    done += split[1]
                    return
            simple = isinstance(before, Assign | AugAssign | LoopNest)
            if not simple and not is_check(before) and not _is_list_operation(before):
                break
            if len(done) - at > _MAX_DISTANCE:
                break
    done.append(stmt)


def _split_between(
    between: list[Stmt], a: LoopNest, b: LoopNest, state: LoweringState
) -> tuple[list[Stmt], list[Stmt]] | None:
    """Which of the statements between two nests move before both, which after; None where one can do neither."""
    first: list[Stmt] = []
    last: list[Stmt] = []
    for stmt in between:
        if not isinstance(stmt, LoopNest) and all(_may_move_before(stmt, other, state) for other in (a, *last)):
            first.append(stmt)
        elif not is_check(stmt) and _may_move_after(stmt, b, state):
            last.append(stmt)
        else:
            return None
    return first, last


def _may_move_after(stmt: Stmt, loops: LoopNest, state: LoweringState) -> bool:
    """Whether a nest may move before the statement."""
    if isinstance(stmt, LoopNest):
        return not _conflict(stmt, loops, state)
    if stmt_writes(stmt) & (stmt_reads(loops) | (stmt_writes(loops) - set(state.indices))):
        return False
    if stmt_reads(stmt) & (stmt_writes(loops) - set(state.indices)):
        return False
    # a list operation moves a reference: the loops must not change what a copy reads
    stored = {state.alias_class(n) for n in stmt_stores(loops)}
    return not any(stored & state.loads(e) for e in own_exprs(stmt))


def _share_memory(a: LoopNest, b: LoopNest, state: LoweringState) -> bool:
    """Whether both access an array, so that one loop reads it once."""
    one, other = (
        {
            state.alias_class(name)
            for stmt in body_of(nest)
            for name, _ in (*read_elements(stmt), *written_elements(stmt))
        }
        for nest in (a, b)
    )
    return bool(one & other)


def _conflict(a: LoopNest, b: LoopNest, state: LoweringState) -> bool:
    """Whether one nest writes what the other reads or writes."""
    indices = set(state.indices)
    for one, other in ((a, b), (b, a)):
        if (stmt_writes(one) - indices) & (stmt_reads(other) | stmt_writes(other)):
            return True
        loads = {name for stmt in walk((other,)) for expr in own_exprs(stmt) for name in state.loads(expr)}
        if {state.alias_class(n) for n in stmt_stores(one)} & (loads | {*map(state.alias_class, stmt_stores(other))}):
            return True
    return False


def _same_iteration_space(a: LoopNest, b: LoopNest) -> bool:
    """Whether both have the same iteration space, by the shape facts at the second."""
    first, second = (
        dict(zip(indices_of(n), (b.facts.representative(d) for d in n.lengths), strict=True)) for n in (a, b)
    )
    return first == second


def _fused(a: LoopNest, b: LoopNest, state: LoweringState) -> LoopNest | None:
    first, second = body_of(a), body_of(b)
    indices = indices_of(a)
    defined = [{n for s in body for n in stmt_writes(s)} for body in (first, second)]
    read = [{n for s in body for n in stmt_reads(s)} for body in (first, second)]
    if defined[0] & (read[1] | defined[1]) or defined[1] & read[0]:
        return None
    if _has_serial_calls(first, second, state):
        return None
    if not _elementwise(first, second, indices, state) or not _elementwise(second, first, indices, state):
        return None
    return replace(with_body(a, first + second), facts=b.facts)


def _has_serial_calls(first: Block, second: Block, state: LoweringState) -> bool:
    """Whether a call such as `exp` in the second block depends on the result of a call in the first.

    Dependent calls within an iteration take up to 1.4 times as long as two loops of independent calls. Functions with
    a vector form (`vector_functions`) are no calls.
    """
    calls = [call for block in (first, second) for stmt in block for expr in own_exprs(stmt) for call in _calls(expr)]
    types = {**state.shapes.types, **dict.fromkeys(state.indices, Scalar("int64"))} if calls else state.shapes.types
    if all(vector_form(call, types) for call in calls):
        return False
    slow: set[str] = set()
    for stmt in first:
        for expr in own_exprs(stmt):
            if _calls(expr) or slow & names(expr):
                slow |= set(_targets(stmt))
    for stmt in second:
        for expr in own_exprs(stmt):
            if any(slow & names(call) for call in _calls(expr)):
                return True
            if slow & names(expr):
                slow |= set(_targets(stmt))
    return False


def _calls(expr: Expr) -> list[Op]:
    return [part for part in ops(expr) if part.prim in SLOW]


def _targets(stmt: Stmt) -> tuple[str, ...]:
    return (*stmt_writes(stmt), *(base for base, _ in written_elements(stmt)))


def _elementwise(writes: Block, other: Block, indices: tuple[str, ...], state: LoweringState) -> bool:
    """Whether the other block accesses what this one writes in the same iteration only."""
    for base, index in (e for s in writes for e in written_elements(s)):
        for stmt in other:
            for name, place in (*read_elements(stmt), *written_elements(stmt)):
                same = place == index and is_injective(index, indices) and state.must_alias(name, base)
                if not same and state.alias_class(name) == state.alias_class(base):
                    return False
    return True


def _may_move_before(stmt: Stmt, loops: Stmt, state: LoweringState) -> bool:
    """Whether the statement may move before the nest."""
    if _is_list_operation(stmt):
        return False
    if stmt_stores(stmt) or stmt_writes(stmt) & (stmt_reads(loops) | stmt_writes(loops)):
        return False
    if stmt_reads(stmt) & stmt_writes(loops):
        return False
    stored = {state.alias_class(n) for n in stmt_stores(loops)}
    return not any(stored & state.loads(e) for s in walk((stmt,)) for e in own_exprs(s))


def _is_list_operation(stmt: Stmt) -> bool:
    """Whether the statement appends to a list, or pops its last item."""
    match stmt:
        case Effect(Op("append" | "list.append")) | Assign(_, Op("list.pop", (Var(),))):
            return True
        case _:
            return False
