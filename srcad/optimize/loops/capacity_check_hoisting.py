"""Loop splitting that hoists the capacity check of the tape out of the loop that pushes.

Numba keeps no field of an array (its data pointer, its lengths) in registers while a loop may rebind the array.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import reduce
from itertools import takewhile

from srcad.analysis.values.effects import is_pure
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.traversal import blocks, names, own_exprs, own_writes, walk, with_blocks
from srcad.ir.types import Array, Scalar, Type


def hoist_capacity_checks(f: Function) -> Function:
    """Split a loop that checks in each iteration whether its stacks are full: an inner loop runs until they are.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> print(show(hoist_capacity_checks(Function("f", (), parse('''
    ... while abs(step) > tol:
    ...     if turns == size(s):
    ...         s = np.concatenate(s, np.empty_like(s), axis=0)
    ...     s[turns] = x
    ...     step = 0.5 * x
    ...     turns = turns + 1
    ... '''), (), {"s": Array("float64", (dim(16),))})).body))
    while:
        if not (abs(step) > tol): leave
        if turns == size(s):
            s1 = np.empty(2 * shape(s, axis=0))
            for row in range(shape(s, axis=0)):
                s1[row] = s[row]
            s = s1
        while:
            if not ((turns < size(s)) and (abs(step) > tol)): leave
            s[turns] = x
            step = 0.5 * x
            turns = turns + 1

    A `for` with an early exit is split likewise.
    """
    types = dict(f.types)
    return replace(f, body=_with_inline_growth(_block(f.body, types), types), types=types)


def _block(block: Block, types: dict[str, Type]) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        inner = with_blocks(stmt, [_block(b, types) for b in blocks(stmt)])
        out += _split_for(inner, types) if isinstance(inner, For) else (_split_while(inner),)
    return tuple(out)


def _with_inline_growth(block: Block, types: dict[str, Type]) -> Block:
    return tuple(
        _inline_growth(with_blocks(s, [_with_inline_growth(b, types) for b in blocks(s)]), types) for s in block
    )


def _split_for(stmt: For, types: dict[str, Type]) -> Block:
    """A `for` with an early exit, in segments that fit the capacity."""
    growths = list(takewhile(lambda found: found is not None, map(_stack_growth, stmt.body)))
    checks, body = stmt.body[: len(growths)], stmt.body[len(growths) :]
    tops = {found[0] for found in growths if found is not None}
    if stmt.exit is None or len(tops) != 1 or any(map(_stack_growth, body)):
        return (stmt,)
    step, integer = stmt.step, Scalar("int64")
    step_size = step.value if isinstance(step, Const) else None
    if not isinstance(step_size, int):
        return (stmt,)
    (top,) = tops
    stacks = {stack.name for found in growths if found is not None for stack in found[1]}
    written = Counter(n for s in walk(body) for n in own_writes(s))
    if written[top.name] != 1 or not any(_is_increment(s, top) for s in body) or stacks & set(written):
        return (stmt,)
    first, stop, last = (Var(fresh_name(f"{stmt.index}_{what}", integer, types)) for what in ("first", "stop", "last"))
    capacity_left = reduce(lambda a, b: Op("min", (a, b)), [Op("-", (_capacity(check), top)) for check in checks])
    reached = Op("+", (first, capacity_left if step_size == 1 else Op("*", (capacity_left, step))))
    down = step_size < 0
    segment = (
        *checks,
        Assign(last.name, Op("max" if down else "min", (stop, reached))),
        replace(stmt, start=first, stop=last, body=body),
        Assign(first.name, last),
        If(stmt.exit, (Assign(first.name, stop),), ()),
    )
    entry = Assign(first.name, stmt.start), Assign(stop.name, stmt.stop)
    return (*entry, While((), Op(">" if down else "<", (first, stop)), segment, (), stmt.span))


def _is_increment(stmt: Stmt, top: Var) -> bool:
    match stmt:
        case Assign(target, Op("+", (Var(name), Const(1)))):
            return target == name == top.name
        case AugAssign(target, "+", Const(1)):
            return target == top.name
    return False


def _split_while(stmt: Stmt) -> Stmt:
    if not isinstance(stmt, While) or stmt.test or not is_pure(stmt.cond):
        return stmt
    growths = [(at, found) for at, s in enumerate(stmt.body) if (found := _stack_growth(s)) is not None]
    checks = tuple(stmt.body[at] for at, _ in growths)
    rest = tuple(s for s in stmt.body if _stack_growth(s) is None)
    several = [stack.name for _, (_, stacks) in growths for stack in stacks]
    stacks = set(several)
    rebound = {n for s in walk(rest) for n in own_writes(s)} & stacks
    # an iteration that checks a stack twice pushes two elements
    if not growths or len(stacks) < len(several) or rebound or stacks & names(stmt.cond):
        return stmt
    for place, (top, grown) in growths:
        before = [s for s in stmt.body[:place] if _stack_growth(s) is None]
        written_before = {n for s in walk(tuple(before)) for n in own_writes(s)}
        read = {n for s in walk(tuple(before)) for e in own_exprs(s) for n in names(e)}
        if top.name in written_before or {stack.name for stack in grown} & read:
            return stmt
    has_capacity: list[Expr] = [Op("<", (top, _capacity(stmt.body[at]))) for at, (top, _) in growths]
    cond = reduce(lambda a, b: Op("and", (a, b)), dict.fromkeys((*has_capacity, stmt.cond)))
    return replace(stmt, body=(*checks, replace(stmt, cond=cond, body=rest)))


def _stack_growth(stmt: Stmt) -> tuple[Var, list[Var]] | None:
    """(top, stacks) of a capacity check, which grows stacks that are full."""
    match stmt:
        case If(Op("==", (Var() as top, Op("size" | "shape", (Var(),)))), grow, ()) if grow:
            stacks = [Var(s.target) for s in grow if isinstance(s, Assign) and _is_longer(s)]
            return (top, stacks) if len(stacks) == len(grow) else None
    return None


def _is_longer(stmt: Assign) -> bool:
    match stmt.value:
        case Op("np.concatenate", (Var(stack), Op("np.empty_like", (Var(like),)))):
            return stack == like == stmt.target
    return False


def _capacity(growth: Stmt) -> Expr:
    assert isinstance(growth, If) and isinstance(growth.cond, Op)
    return growth.cond.args[1]


def _inline_growth(stmt: Stmt, types: dict[str, Type]) -> Stmt:
    """The growth with an inline allocation and copy: LLVM does not know that the result of a call is fresh memory."""
    found = _stack_growth(stmt)
    if found is None or not isinstance(stmt, If):
        return stmt
    grow: list[Stmt] = []
    for stack in found[1]:
        kind = types[stack.name]
        assert isinstance(kind, Array)
        larger = Var(fresh_name(stack.name, kind, types))
        lengths: list[Expr] = [Op("shape", (stack,), (("axis", axis),)) for axis in range(kind.rank)]
        indices = [Var(fresh_name("row" if axis == 0 else "item", Scalar("int64"), types)) for axis in range(kind.rank)]
        static = () if kind.dtype == "float64" else (("dtype", kind.dtype),)
        copy: Stmt = Store(larger, tuple(indices), Op("index", (stack, *indices)))
        for index, length in zip(reversed(indices), reversed(lengths), strict=True):
            copy = For(index.name, Const(0), length, Const(1), (copy,))
        allocation = Op("np.empty", (Op("*", (Const(2), lengths[0])), *lengths[1:]), static)
        grow += [Assign(larger.name, allocation), copy, Assign(stack.name, larger)]
    return replace(stmt, then=tuple(grow))
