"""Stacks grow outside the loop that fills them: Numba keeps nothing of an array in registers that a loop may rebind."""

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
    """Of a loop that tests in each turn whether its stacks are full, an inner one that stops when they are.

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

    So is a `for` that can be left early.
    """
    types = dict(f.types)
    return replace(f, body=_all_copied(_block(f.body, types), types), types=types)


def _block(block: Block, types: dict[str, Type]) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        inner = with_blocks(stmt, [_block(b, types) for b in blocks(stmt)])
        out += _left_early(inner, types) if isinstance(inner, For) else (_nested(inner),)
    return tuple(out)


def _all_copied(block: Block, types: dict[str, Type]) -> Block:
    return tuple(_copied(with_blocks(s, [_all_copied(b, types) for b in blocks(s)]), types) for s in block)


def _left_early(stmt: For, types: dict[str, Type]) -> Block:
    """A `for` that may be left early, in parts for which there is room."""
    growing = list(takewhile(lambda found: found is not None, map(_growth, stmt.body)))
    tests, body = stmt.body[: len(growing)], stmt.body[len(growing) :]
    tops = {found[0] for found in growing if found is not None}
    if stmt.exit is None or len(tops) != 1 or any(map(_growth, body)):
        return (stmt,)
    step, integer = stmt.step, Scalar("int64")
    by = step.value if isinstance(step, Const) else None
    if not isinstance(by, int):
        return (stmt,)
    (top,) = tops
    stacks = {stack.name for found in growing if found is not None for stack in found[1]}
    written = Counter(n for s in walk(body) for n in own_writes(s))
    if written[top.name] != 1 or not any(_counts(s, top) for s in body) or stacks & set(written):
        return (stmt,)
    first, stop, last = (Var(fresh_name(f"{stmt.index}_{what}", integer, types)) for what in ("first", "stop", "last"))
    left = reduce(lambda a, b: Op("min", (a, b)), [Op("-", (_size(test), top)) for test in tests])
    reached = Op("+", (first, left if by == 1 else Op("*", (left, step))))
    down = by < 0
    part = (
        *tests,
        Assign(last.name, Op("max" if down else "min", (stop, reached))),
        replace(stmt, start=first, stop=last, body=body),
        Assign(first.name, last),
        If(stmt.exit, (Assign(first.name, stop),), ()),
    )
    begin = Assign(first.name, stmt.start), Assign(stop.name, stmt.stop)
    return (*begin, While((), Op(">" if down else "<", (first, stop)), part, (), stmt.span))


def _counts(stmt: Stmt, top: Var) -> bool:
    match stmt:
        case Assign(target, Op("+", (Var(name), Const(1)))):
            return target == name == top.name
        case AugAssign(target, "+", Const(1)):
            return target == top.name
    return False


def _nested(stmt: Stmt) -> Stmt:
    if not isinstance(stmt, While) or stmt.test or not is_pure(stmt.cond):
        return stmt
    growing = [(at, found) for at, s in enumerate(stmt.body) if (found := _growth(s)) is not None]
    tests = tuple(stmt.body[at] for at, _ in growing)
    rest = tuple(s for s in stmt.body if _growth(s) is None)
    several = [stack.name for _, (_, stacks) in growing for stack in stacks]
    stacks = set(several)
    rebound = {n for s in walk(rest) for n in own_writes(s)} & stacks
    # a turn that asks for room twice needs room for two
    if not growing or len(stacks) < len(several) or rebound or stacks & names(stmt.cond):
        return stmt
    for place, (top, grown) in growing:
        before = [s for s in stmt.body[:place] if _growth(s) is None]
        met = {n for s in walk(tuple(before)) for n in own_writes(s)}
        read = {n for s in walk(tuple(before)) for e in own_exprs(s) for n in names(e)}
        if top.name in met or {stack.name for stack in grown} & read:
            return stmt
    fits: list[Expr] = [Op("<", (top, _size(stmt.body[at]))) for at, (top, _) in growing]
    cond = reduce(lambda a, b: Op("and", (a, b)), dict.fromkeys((*fits, stmt.cond)))
    return replace(stmt, body=(*tests, replace(stmt, cond=cond, body=rest)))


def _growth(stmt: Stmt) -> tuple[Var, list[Var]] | None:
    """(top, stacks) of a test whether stacks are full, which makes them longer."""
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


def _size(growth: Stmt) -> Expr:
    assert isinstance(growth, If) and isinstance(growth.cond, Op)
    return growth.cond.args[1]


def _copied(stmt: Stmt, types: dict[str, Type]) -> Stmt:
    """The growth with an array that is made here: of the result of a call LLVM does not know that it is new memory."""
    found = _growth(stmt)
    if found is None or not isinstance(stmt, If):
        return stmt
    grow: list[Stmt] = []
    for stack in found[1]:
        known = types[stack.name]
        assert isinstance(known, Array)
        larger = Var(fresh_name(stack.name, known, types))
        lengths: list[Expr] = [Op("shape", (stack,), (("axis", axis),)) for axis in range(known.rank)]
        counters = [
            Var(fresh_name("row" if axis == 0 else "item", Scalar("int64"), types)) for axis in range(known.rank)
        ]
        static = () if known.dtype == "float64" else (("dtype", known.dtype),)
        copy: Stmt = Store(larger, tuple(counters), Op("index", (stack, *counters)))
        for counter, length in zip(reversed(counters), reversed(lengths), strict=True):
            copy = For(counter.name, Const(0), length, Const(1), (copy,))
        made = Op("np.empty", (Op("*", (Const(2), lengths[0])), *lengths[1:]), static)
        grow += [Assign(larger.name, made), copy, Assign(stack.name, larger)]
    return replace(stmt, then=tuple(grow))
