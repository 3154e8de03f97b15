"""Lowering of `while`: a run-time loop, or unrolled as long as its test is known at compile time.

A loop whose iterations append to lists of run-time length runs in parts, while there is room (`values/buffered_lists`).

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x):
...     while x < 10.0:
...         x = 2.0 * x
...     return x
>>> print(text(normal_form(f, 3.0)))
f(x: float64):
    x.2 = while carrying x.0 = x:
        %test.1 = x.0 < 10.0
        if not %test.1: leave
        x.1 = 2.0 * x.0
        yield x.1
    return x.2
"""

from __future__ import annotations

import copy
from typing import Any

import gast

from srcad.frontend.lowering.loop_fixpoint import LoopFixpoint, NeedsRoom
from srcad.frontend.lowering.peeled_loops import lower_peeled
from srcad.frontend.source.scopes import assigned, read_outside
from srcad.frontend.values.abstract_values import Leaf
from srcad.frontend.values.buffered_lists import has_room, reserve
from srcad.frontend.values.context import Context, RetryUnrolled
from srcad.frontend.values.iterables import arithmetic
from srcad.ir.nodes import Atom, Const, While
from srcad.ir.traversal import block_stores

_UNROLLED = 512


def lower_while(ctx: Context, node: gast.While) -> None:
    if any(isinstance(inner, gast.NamedExpr) for inner in gast.walk(node.test)):
        lower_while(ctx, _with_test_in_body(ctx, node))
        return
    entry = ctx.snapshot()
    with ctx.builder.block() as tested:
        first = ctx.test(node.test)
    ctx.restore(entry)
    if block_stores(tuple(tested)):
        lower_while(ctx, _with_test_in_body(ctx, node))
        return
    if first is False:
        return
    if ctx.loop_site(node) in ctx.peeled:
        holds = ctx.test(node.test)

        def run() -> None:
            ctx.statements(node.body)
            _while(ctx, node)

        lower_peeled(ctx, node, Const(holds) if isinstance(holds, bool) else holds, run)
        return
    may_unroll = first is True
    ctx.unrollable_loops += may_unroll
    try:
        with ctx.builder.block() as written:
            conflicts = _while(ctx, node)
        if not conflicts or not may_unroll:
            for statement in written:
                ctx.builder.emit(statement)
            return
    except RetryUnrolled:
        if not may_unroll:
            raise
    finally:
        ctx.unrollable_loops -= may_unroll
    ctx.restore(entry)
    if not _unroll_while(ctx, node):
        ctx.restore(entry)
        _while(ctx, node)


def _while(ctx: Context, node: gast.While) -> bool:
    entry = ctx.snapshot()
    try:
        with ctx.builder.block() as written:
            conflicts = _while_with_room(ctx, node)
    except NeedsRoom as needs:
        ctx.restore(entry)
        return _while(ctx, _in_parts(node, needs.wanted))
    for statement in written:
        ctx.builder.emit(statement)
    return conflicts


def _in_parts(node: gast.While, wanted: dict[int, int]) -> gast.While:
    """The loop as one of loops that run while there is room in the lists they append to, which grow in between."""
    inner, outer = copy.copy(node), copy.copy(node)
    has_room = gast.copy_location(HasRoom(), node.test)
    has_room.wanted = wanted
    inner.test = gast.copy_location(gast.BoolOp(gast.And(), [node.test, has_room]), node.test)
    inner.room_for = frozenset(wanted)
    making_room = gast.copy_location(MakeRoom(), node)
    making_room.wanted = wanted
    outer.body = [making_room, inner]
    return outer


class HasRoom(gast.expr):  # type: ignore[misc]
    """Whether there is room in lists for one more iteration."""

    _fields = ()
    wanted: dict[int, int]


class MakeRoom(gast.stmt):  # type: ignore[misc]
    """Enlarges lists that the iterations of a loop append to: for as many items as there are, at least."""

    _fields = ()
    wanted: dict[int, int]


def has_room_for(ctx: Context, node: HasRoom) -> Leaf:
    return has_room(ctx, node.wanted)


def make_room(ctx: Context, node: MakeRoom) -> None:
    for ref, items in node.wanted.items():
        count = ctx.heap[ref].items[1]
        assert isinstance(count, Leaf)
        reserve(ctx, ref, arithmetic(ctx, "+", count, ctx.constant(_FIRST_ROOM * items)))


_FIRST_ROOM = 16


def _while_with_room(ctx: Context, node: gast.While) -> bool:
    builder, span = ctx.builder, ctx.builder.span
    names, outside = assigned([node.test, *node.body]), read_outside(ctx.frame.tree, node)
    fixpoint = LoopFixpoint(ctx, names, outside, ctx.loop_site(node))
    fixpoint.roomy = getattr(node, "room_for", ())

    def write() -> tuple[list[Any], Atom]:
        with builder.block() as test:
            cond = ctx.test(node.test)
        ctx.statements(node.body)
        return test, Const(cond) if isinstance(cond, bool) else cond

    test, cond = fixpoint.run(write)
    builder.span = span
    builder.emit(While(tuple(test), cond, tuple(fixpoint.body), tuple(fixpoint.carried), span))
    return bool(fixpoint.conflicts)


def _unroll_while(ctx: Context, node: gast.While) -> bool:
    """Unroll, as long as the test is known at compile time; False where it is not."""
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


_rewritten_tests: dict[int, tuple[Any, Any]] = {}


def _with_test_in_body(ctx: Context, node: gast.While) -> gast.While:
    """`while test: body` as a loop whose body begins with the test.

    Where the test binds names or writes into memory, the side effects of its last, failing evaluation must be kept.
    """
    cached = _rewritten_tests.get(id(node))
    if cached is not None and cached[0] is node:
        rewritten = cached[1]
    else:
        flag = f"going_{node.lineno}"

        def name(ctx: Any) -> Any:
            return gast.copy_location(gast.Name(flag, ctx, None, None), node.test)

        test = gast.copy_location(gast.Assign([name(gast.Store())], node.test, None), node.test)
        inner = gast.copy_location(gast.If(name(gast.Load()), node.body, []), node)
        rewritten = copy.copy(node)
        rewritten.test = name(gast.Load())
        rewritten.body = [test, inner]
        _rewritten_tests[id(node)] = (node, rewritten)
    flag = rewritten.test.id
    ctx.frame.names[flag] = ctx.constant(True)
    ctx.frame.locals |= {flag}
    return rewritten
