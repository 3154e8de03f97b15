"""`for` and `while`: a loop at run time, or turn after turn while compiling.

A loop over tuples, lists and dicts is always unrolled. A range with known bounds becomes a loop, unless its body
turns out to need the index while compiling (to take a parameter out of a list).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import gast

from srcad.frontend.lowering.loop_fixpoint import LoopFixpoint
from srcad.frontend.source.scopes import assigned, loads
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf
from srcad.frontend.values.context import Context, RetryUnrolled
from srcad.frontend.values.control_joins import branch
from srcad.frontend.values.definedness import set_bound
from srcad.frontend.values.growing_lists import GrowingLists
from srcad.frontend.values.iterables import Iterable, items_of, iterable_of
from srcad.ir.nodes import Atom, Const, Expr, For, Store, While
from srcad.ir.traversal import walk
from srcad.ir.types import Dim, Scalar, Symbol, dim

_UNROLLED = 512
_FEW = 8


def lower_for(ctx: Context, node: gast.For) -> None:
    iterable = ctx.check(ctx.expression(node.iter))
    flag = getattr(node, "exit_flag", None)
    items = items_of(ctx, iterable)
    if items is not None:
        _unroll(ctx, node, items, flag)
        return
    with ctx.at(node.iter):
        turns = iterable_of(ctx, iterable)
        if turns.step.static == 0:
            ctx.fail("S127", "the step of a range must not be 0")
    count = turns.static_count
    if count == 0:
        return
    entry = ctx.snapshot()
    short = count is not None and count <= _UNROLLED
    ctx.unrollable_loops += short
    try:
        with ctx.builder.block() as written:
            conflicts = _for(ctx, node, turns, flag)
        if not conflicts or not short:
            for statement in written:
                ctx.builder.emit(statement)
            return
    except RetryUnrolled as retry:
        if not short:
            raise retry
    finally:
        ctx.unrollable_loops -= short
    ctx.restore(entry)
    assert isinstance(turns.start.static, int) and isinstance(turns.step.static, int) and count is not None
    values = [turns.start.static + k * turns.step.static for k in range(count)]
    _unroll(ctx, node, [_Lazy(turns, ctx.constant(value)) for value in values], flag)


class _Lazy:
    """An item that is fetched when its turn comes."""

    def __init__(self, turns: Iterable, index: Leaf) -> None:
        self.turns, self.index = turns, index


def _for(ctx: Context, node: gast.For, turns: Iterable, flag: str | None) -> bool:
    builder, span = ctx.builder, ctx.builder.span
    growth = GrowingLists(ctx, turns) if flag is None and not _better_unrolled(turns) else None
    rounds = LoopFixpoint(ctx, assigned([node.target, *node.body]), _read_outside(ctx, node), growth)

    def write() -> tuple[str, Expr | None]:
        index = builder.fresh(_index_base(ctx, node.target, turns), Scalar("int64"))
        rounds.after_first(_compared(ctx, turns, index, turns.start.atom))
        low, high = _range(ctx, turns)
        builder.types[index.name] = Scalar("int64", dim(Symbol(index.name, None, low=low, high=high)))
        if _counts_up(turns):
            ctx.nonnegative_indices.add(index.name)
        if growth is not None:
            growth.begin(ctx.leaf(index))
        item = turns.item(ctx.leaf(index))
        # a variable that is the index itself needs no copy
        ctx.just_named.add(index.name)
        if turns.is_index and isinstance(node.target, gast.Name):
            ctx.frame.names[node.target.id] = item
            set_bound(ctx, node.target.id)
        else:
            ctx.bind(node.target, item)
        ctx.just_named.discard(index.name)
        ctx.statements(node.body)
        return index.name, _exit(ctx, flag)

    with ctx.assuming(_compared(ctx, turns, turns.stop.atom, turns.start.atom) or Const(True)):
        index, leaves = rounds.run(write)
    builder.span = span
    start, stop, step = turns.start.atom, turns.stop.atom, turns.step.atom
    ran = _compared(ctx, turns, stop, start)
    builder.emit(For(index, start, stop, step, tuple(rounds.body), tuple(rounds.carried), leaves, span))
    rounds.bound_by_turns(ran)
    return bool(rounds.conflicts)


def _compared(ctx: Context, turns: Iterable, later: Atom, earlier: Atom) -> Atom | None:
    """Whether the one comes later in the range than the other; None where the range may go either way."""
    step = turns.step.static
    if not isinstance(step, int) or step == 0:
        return None
    ends = [t.dim if isinstance(t, Scalar) else None for t in map(ctx.builder.typeof, (later, earlier))]
    if ends[0] is not None and ends[1] is not None:
        least = (ends[0] - ends[1] if step > 0 else ends[1] - ends[0]).bound(False)
        if least is not None and (least - 1).is_nonnegative:
            return Const(True)
    return ctx.builder.op(">" if step > 0 else "<", later, earlier)


def _range(ctx: Context, turns: Iterable) -> tuple[Dim | None, Dim | None]:
    """The least value of the index, and one more than the greatest, where they are known."""
    ends = [ctx.builder.typeof(leaf.atom) for leaf in (turns.start, turns.stop)]
    start, stop = (t.dim if isinstance(t, Scalar) else None for t in ends)
    match turns.step.static:
        case 1:
            return start, stop
        case -1:
            return None if stop is None else stop + 1, None if start is None else start + 1
        case _:
            return None, None


def _counts_up(turns: Iterable) -> bool:
    """Whether the index is known never to be negative."""
    start, step = turns.start.static, turns.step.static
    return isinstance(start, int) and isinstance(step, int) and start >= 0 and step > 0


def _better_unrolled(turns: Iterable) -> bool:
    """A list that grows in a few turns stays a list."""
    return turns.static_count is not None and turns.static_count <= _FEW


def _exit(ctx: Context, flag: str | None) -> Expr | None:
    if flag is None:
        return None
    value = ctx.truth(ctx.check(ctx.frame.names[flag]))
    if isinstance(value, bool):
        return Const(True) if value else None
    return value


def _index_base(ctx: Context, target: Any, turns: Iterable) -> str:
    if turns.is_index and isinstance(target, gast.Name):
        return ctx.base(target.id)
    if turns.is_counted and isinstance(target, gast.Tuple) and isinstance(target.elts[0], gast.Name):
        # `for i, row in enumerate(x)`: the index is i
        first = target.elts[0].id
        return ctx.base(first) if not first.startswith("_") else "%i"
    return "%i"


def _read_outside(ctx: Context, node: Any) -> frozenset[str]:
    """The names read in the function outside of this loop."""
    inside = loads(node)
    return frozenset(name for name, count in loads(ctx.frame.tree).items() if count > inside[name])


def _unroll(ctx: Context, node: gast.For, items: Sequence[Abstract | _Lazy], flag: str | None) -> None:
    span = ctx.builder.span

    def turn(k: int) -> Abstract:
        for at in range(k, len(items)):
            item = items[at]
            ctx.builder.span = span
            value = item.turns.item(item.index) if isinstance(item, _Lazy) else item
            with ctx.without_renaming([] if isinstance(item, _Lazy) else items[at + 1 :]):
                with ctx.at(node):
                    ctx.bind(node.target, value)
                ctx.statements(node.body)
            if flag is None or at + 1 == len(items):
                continue
            left = ctx.truth(ctx.check(ctx.frame.names[flag]))
            if left is True:
                break
            if left is not False:
                branch(ctx, left, lambda: Constant(None), lambda rest=at + 1: turn(rest))  # type: ignore[misc]
                break
        return Constant(None)

    turn(0)


def lower_while(ctx: Context, node: gast.While) -> None:
    if any(isinstance(inner, gast.NamedExpr) for inner in gast.walk(node.test)):
        lower_while(ctx, _with_plain_test(ctx, node))
        return
    entry = ctx.snapshot()
    with ctx.builder.block() as tested:
        first = ctx.test(node.test)
    ctx.restore(entry)
    if any(isinstance(stmt, Store) for stmt in walk(tuple(tested))):
        lower_while(ctx, _with_plain_test(ctx, node))
        return
    if first is False:
        return
    try:
        with ctx.builder.block() as written:
            conflicts = _while(ctx, node)
        if not conflicts or first is not True:
            for statement in written:
                ctx.builder.emit(statement)
            return
        error: RetryUnrolled | None = None
    except RetryUnrolled as retry:
        if first is not True:
            raise
        error = retry
    ctx.restore(entry)
    if not _unroll_while(ctx, node):
        if error is not None:
            raise error
        ctx.restore(entry)
        _while(ctx, node)


def _while(ctx: Context, node: gast.While) -> bool:
    builder, span = ctx.builder, ctx.builder.span
    rounds = LoopFixpoint(ctx, assigned([node.test, *node.body]), _read_outside(ctx, node))

    def write() -> tuple[list[Any], Atom]:
        with builder.block() as test:
            cond = ctx.test(node.test)
        ctx.statements(node.body)
        return test, Const(cond) if isinstance(cond, bool) else cond

    test, cond = rounds.run(write)
    builder.span = span
    builder.emit(While(tuple(test), cond, tuple(rounds.body), tuple(rounds.carried), span))
    return bool(rounds.conflicts)


def _unroll_while(ctx: Context, node: gast.While) -> bool:
    """Turn after turn, as long as the test is known while compiling."""
    with ctx.builder.block() as written:
        for _ in range(_UNROLLED):
            cond = ctx.test(node.test)
            if cond is False:
                break
            if cond is not True:
                return False
            ctx.statements(node.body)
        else:
            return False
    for statement in written:
        ctx.builder.emit(statement)
    return True


_plain_tests: dict[int, tuple[Any, Any]] = {}


def _with_plain_test(ctx: Context, node: gast.While) -> gast.While:
    """`while test: body` as a loop whose body begins with the test.

    Where the test binds names or writes into memory, what it does when it fails is part of the last turn.
    """
    known = _plain_tests.get(id(node))
    if known is not None and known[0] is node:
        rewritten = known[1]
    else:
        flag = f"going_{node.lineno}"

        def name(ctx: Any) -> Any:
            return gast.copy_location(gast.Name(flag, ctx, None, None), node.test)

        test = gast.copy_location(gast.Assign([name(gast.Store())], node.test, None), node.test)
        inner = gast.copy_location(gast.If(name(gast.Load()), node.body, []), node)
        rewritten = copy.copy(node)
        rewritten.test = name(gast.Load())
        rewritten.body = [test, inner]
        _plain_tests[id(node)] = (node, rewritten)
    flag = rewritten.test.id
    ctx.frame.names[flag] = ctx.constant(True)
    ctx.frame.locals |= {flag}
    return rewritten
