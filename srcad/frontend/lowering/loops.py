"""Lowering of `for`: a run-time loop, or unrolled at compile time.

A loop over tuples, lists and dicts is unrolled; not over numbers from outside the function, which are an array where
that suffices (`abstract_values.Table`). A range with known bounds becomes a loop, unless its body needs the index at
compile time (to take a parameter out of a list).

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(weights, x):
...     for w in weights:
...         x = w * x
...     return x
>>> print(text(normal_form(f, (1.0, 2.0), 3.0)))
f(weights_0: float64, weights_1: float64, x: float64):
    x.0 = weights_0 * x
    x.1 = weights_1 * x.0
    return x.1
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gast

from srcad.frontend.lowering.generators import lower_for_generator
from srcad.frontend.lowering.loop_fixpoint import LoopFixpoint
from srcad.frontend.lowering.overloading import iterated
from srcad.frontend.lowering.peeled_loops import lower_peeled
from srcad.frontend.lowering.windows import check_again, lower_window
from srcad.frontend.source.scopes import assigned, read_outside
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    DictView,
    GeneratorValue,
    HeapRef,
    Leaf,
    WindowValue,
)
from srcad.frontend.values.cells import owner_of_nonlocal
from srcad.frontend.values.context import Context, RetryUnrolled
from srcad.frontend.values.control_joins import branch
from srcad.frontend.values.definedness import set_bound
from srcad.frontend.values.growing_lists import GrowingLists
from srcad.frontend.values.iterables import Iterable, count_of, first_and_rest, items_of, iterable_of, refuse_change
from srcad.frontend.values.iterations_in_call import demand_range, range_in_call
from srcad.frontend.values.name_resolution import lookup
from srcad.frontend.values.structures import visit_parts
from srcad.ir.nodes import Atom, Const, Expr, For
from srcad.ir.types import Dim, Scalar, Symbol, dim

_UNROLLED = 512
_FEW = 8


def lower_for(ctx: Context, node: gast.For) -> None:
    over = iterated(ctx, ctx.check(ctx.expression(node.iter)))
    if isinstance(over, WindowValue):
        if ctx.cuts_windows or ctx.nested:
            lower_window(ctx, node, over)
            return
        over = over.inner
    flag = getattr(node, "exit_flag", None)
    if isinstance(over, GeneratorValue):
        lower_for_generator(ctx, node, over, flag)
        return
    items = items_of(ctx, over)
    if items is not None:
        _unroll(ctx, node, items, flag, over)
        return
    with _of_fixed_length(ctx, over):
        _lower_run_time_for(ctx, node, over, flag)


@contextmanager
def _of_fixed_length(ctx: Context, over: Abstract) -> Iterator[None]:
    """S125 where a list of run-time length has more or fewer items after the loop over it."""
    refs = [part.id for part in _parts(over) if isinstance(part, HeapRef) and ctx.heap[part.id].buffered]
    counts = {ref: ctx.heap[ref].items[1] for ref in refs}
    yield
    if any(ctx.heap[ref].items[1] != count for ref, count in counts.items()):
        refuse_change(ctx)


def _parts(value: Abstract) -> list[Abstract]:
    found: list[Abstract] = []
    visit_parts(value, found.append)
    return found


def _lower_run_time_for(ctx: Context, node: gast.For, over: Abstract, flag: str | None) -> None:
    with ctx.at(node.iter):
        iterable = iterable_of(ctx, over)
        if iterable.step.static == 0:
            ctx.fail("S127", "the step of a range must not be 0")
    count = iterable.static_count
    if count == 0:
        return
    entry = ctx.snapshot()
    in_call = range_in_call(ctx, iterable) if count is None else None
    short = in_call is not None or (count is not None and count <= _UNROLLED)
    if not short and not iterable.by_position and ctx.loop_site(node) in ctx.peeled:
        start, stop = iterable.start, iterable.stop
        if iterable.step.static != 1:
            start, stop = ctx.constant(0), count_of(ctx, iterable)
        exists = ctx.builder.op(">", stop.atom, start.atom)
        lower_peeled(ctx, node, exists, lambda: _first_and_others(ctx, node, over, flag))
        return
    if not iterable.by_position:
        ctx.unrollable_loops += short
        try:
            with ctx.builder.block() as written:
                conflicts = _for(ctx, node, iterable, flag)
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
    if in_call is not None:
        demand_range(ctx, iterable, in_call)
        values = list(in_call)
    else:
        assert isinstance(iterable.start.static, int) and isinstance(iterable.step.static, int) and count is not None
        values = [iterable.start.static + k * iterable.step.static for k in range(count)]
    _unroll(ctx, node, [_LazyItem(iterable, ctx.constant(value)) for value in values], flag)


def _first_and_others(ctx: Context, node: gast.For, over: Abstract, flag: str | None) -> None:
    """The first iteration, then the loop of the others."""
    span = ctx.builder.span
    with ctx.at(node.iter):
        first, rest = first_and_rest(ctx, over, lambda count: None)
    with ctx.at(node):
        ctx.bind(node.target, first)
    ctx.statements(node.body)
    ctx.builder.span = span
    exited = flag is not None and ctx.truth(ctx.check(ctx.frame.names[flag]))
    if isinstance(exited, bool):
        if not exited:
            _for(ctx, node, iterable_of(ctx, rest), flag)
        return

    def others() -> Abstract:
        _for(ctx, node, iterable_of(ctx, rest), flag)
        return Constant(None)

    branch(ctx, exited, lambda: Constant(None), others)


class _LazyItem:
    """An item that is loaded in its iteration of the unrolled loop."""

    def __init__(self, iterable: Iterable, index: Leaf) -> None:
        self.iterable, self.index = iterable, index


def _for(ctx: Context, node: gast.For, iterable: Iterable, flag: str | None) -> bool:
    builder, span = ctx.builder, ctx.builder.span
    growth = GrowingLists(ctx, iterable) if flag is None and not _is_short(iterable) else None
    names, outside = assigned([node.target, *node.body]), read_outside(ctx.frame.tree, node)
    fixpoint = LoopFixpoint(ctx, names, outside, ctx.loop_site(node), growth)
    fixpoint.count = lambda: count_of(ctx, iterable)

    def write() -> tuple[str, Expr | None]:
        index = builder.fresh(_index_base(ctx, node.target, iterable), Scalar("int64"))
        fixpoint.bind_after_first(_is_later(ctx, iterable, index, iterable.start.atom))
        low, high = _index_range(ctx, iterable)
        builder.types[index.name] = Scalar("int64", dim(Symbol(index.name, None, low=low, high=high)), True)
        if _is_nonnegative(iterable):
            ctx.nonnegative_indices.add(index.name)
        if growth is not None:
            growth.begin(ctx.leaf(index))
        item = iterable.item(ctx.leaf(index))
        # a target that is the index itself needs no copy
        ctx.just_named.add(index.name)
        is_name = isinstance(node.target, gast.Name) and owner_of_nonlocal(ctx.frame, node.target.id) is None
        if iterable.is_index and is_name:
            ctx.frame.names[node.target.id] = item
            set_bound(ctx, node.target.id)
        else:
            ctx.bind(node.target, item)
        ctx.just_named.discard(index.name)
        ctx.statements(node.body)
        return index.name, _exit(ctx, flag)

    with ctx.assuming(_is_later(ctx, iterable, iterable.stop.atom, iterable.start.atom) or Const(True)):
        index, leaves = fixpoint.run(write)
    builder.span = span
    start, stop, step = iterable.start.atom, iterable.stop.atom, iterable.step.atom
    ran = _is_later(ctx, iterable, stop, start)
    loop = For(index, start, stop, step, tuple(fixpoint.body), tuple(fixpoint.carried), leaves, span)
    if hasattr(node, "again_of"):
        check_again(ctx, loop, node.again_of)
    builder.emit(replace(loop, directions=iterable.directions, unordered=iterable.unordered))
    fixpoint.bind_after_loop(ran)
    return bool(fixpoint.conflicts)


def _is_later(ctx: Context, iterable: Iterable, later: Atom, earlier: Atom) -> Atom | None:
    """Whether `later` comes after `earlier` in the range; None where the sign of the step is unknown."""
    step = iterable.step.static
    if not isinstance(step, int) or step == 0:
        return None
    ends = [t.dim if isinstance(t, Scalar) else None for t in map(ctx.builder.typeof, (later, earlier))]
    if ends[0] is not None and ends[1] is not None:
        least = (ends[0] - ends[1] if step > 0 else ends[1] - ends[0]).bound(False)
        if least is not None and (least - 1).is_nonnegative:
            return Const(True)
    return ctx.builder.op(">" if step > 0 else "<", later, earlier)


def _index_range(ctx: Context, iterable: Iterable) -> tuple[Dim | None, Dim | None]:
    """The least value of the index, and one more than the greatest, where they are known."""
    ends = [ctx.builder.typeof(leaf.atom) for leaf in (iterable.start, iterable.stop)]
    start, stop = (t.dim if isinstance(t, Scalar) else None for t in ends)
    match iterable.step.static:
        case 1:
            return start, stop
        case -1:
            return None if stop is None else stop + 1, None if start is None else start + 1
        case _:
            return None, None


def _is_nonnegative(iterable: Iterable) -> bool:
    """Whether the index is known never to be negative."""
    start, step = iterable.start.static, iterable.step.static
    return isinstance(start, int) and isinstance(step, int) and start >= 0 and step > 0


def _is_short(iterable: Iterable) -> bool:
    """Whether the loop is short: a list that grows in it stays a compile-time list."""
    return iterable.static_count is not None and iterable.static_count <= _FEW


def _exit(ctx: Context, flag: str | None) -> Expr | None:
    if flag is None:
        return None
    value = ctx.truth(lookup(ctx, flag))
    if isinstance(value, bool):
        return Const(True) if value else None
    return value


def _index_base(ctx: Context, target: Any, iterable: Iterable) -> str:
    if iterable.is_index and isinstance(target, gast.Name):
        return ctx.base(target.id)
    if iterable.is_counted and isinstance(target, gast.Tuple) and isinstance(target.elts[0], gast.Name):
        # `for i, row in enumerate(x)`: the index is i
        first = target.elts[0].id
        return ctx.base(first) if not first.startswith("_") else "%i"
    return "%i"


def _unroll(
    ctx: Context,
    node: gast.For,
    items: Sequence[Abstract | _LazyItem],
    flag: str | None,
    over: Abstract | None = None,
) -> None:
    """The body for each item. Those of a list are what it has when their turn comes."""
    span = ctx.builder.span
    is_list = over is not None and any(isinstance(part, HeapRef | DictView) for part in _parts(over))

    def item_now(at: int) -> Abstract | _LazyItem:
        if over is None or not is_list or at == 0:
            return items[at]
        now = items_of(ctx, over)
        if now is None or len(now) != len(items):
            refuse_change(ctx)
        return now[at]

    def iterations_from(k: int) -> Abstract:
        for at in range(k, len(items)):
            item = item_now(at)
            ctx.builder.span = span
            value = item.iterable.item(item.index) if isinstance(item, _LazyItem) else item
            with ctx.without_renaming([] if isinstance(item, _LazyItem) else items[at + 1 :]):
                with ctx.at(node):
                    ctx.bind(node.target, value)
                ctx.statements(node.body)
            if flag is None or at + 1 == len(items):
                continue
            exited = ctx.truth(lookup(ctx, flag))
            if exited is True:
                break
            if exited is not False:
                branch(ctx, exited, lambda: Constant(None), lambda rest=at + 1: iterations_from(rest))  # type: ignore[misc]
                break
        return Constant(None)

    iterations_from(0)
    if over is not None and is_list and items and len(items_of(ctx, over) or ()) != len(items):
        refuse_change(ctx)
