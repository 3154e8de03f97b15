"""Lowering of comprehensions: unrolled over items known at compile time, a loop over a run-time range or array.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(xs):
...     return sum(2.0 * x for x in xs)
>>> import numpy as np
>>> print(text(normal_form(f, np.ones(3))))
f(xs: float64[xs.0]):
    %n.2 = len(xs)
    %total.2 = for %i.1 in range(0, %n.2, 1) carrying %total.0 = 0.0:
        x.1 = xs[%i.1]
        %product.1 = 2.0 * x.1
        %total.1 = %total.0 + %product.1
        yield %total.1
    return %total.2
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gast

from srcad.frontend.lowering.generators import materialised, run_generator
from srcad.frontend.lowering.overloading import iterated
from srcad.frontend.lowering.speculation import is_safe_to_speculate
from srcad.frontend.values import run_time_lists
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    EnumerateValue,
    GeneratorValue,
    HeapObject,
    Leaf,
    Seq,
)
from srcad.frontend.values.constants import key_of
from srcad.frontend.values.context import Context, Frame
from srcad.frontend.values.control_joins import branch
from srcad.frontend.values.growing_lists import length_of_buffer, store_in_list
from srcad.frontend.values.iterables import count_of, from_zero, items_of, iterable_of
from srcad.frontend.values.iterations_in_call import demand_range, range_in_call
from srcad.frontend.values.name_resolution import lookup
from srcad.ir.nodes import Const
from srcad.ir.types import Array, Scalar, Symbol, dim

_LIST = "%list"
_TOTAL = "%total"
_ROWS = "%rows"
_PLACE = "%place"
_FOUND = "%found"
_LONGEST_UNROLLED = 64
"""The longest range that is unrolled."""


def comprehension(ctx: Context, node: Any) -> Abstract:
    """The list, tuple (of a generator) or dict of a comprehension, evaluated in a scope of its own."""
    entry, written = ctx.snapshot(), len(ctx.builder.statements)
    try:
        return _of_known_items(ctx, node)
    except _NeedsLoop as needs:
        ctx.restore(entry)
        del ctx.builder.statements[written:]
        if isinstance(node, gast.DictComp):
            with ctx.at(needs.node):
                _refuse(ctx)
        return _as_loops(ctx, node)


class _NeedsLoop(Exception):
    """How many items a comprehension has is known only at run time, as this part of it says."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self.node = node


def _of_known_items(ctx: Context, node: Any) -> Abstract:
    frame = _scope(ctx, node)
    keys: list[object] = []
    values: list[Abstract] = []

    def level(k: int) -> None:
        if k == len(node.generators):
            if isinstance(node, gast.DictComp):
                keys.append(key_of(ctx, ctx.expression(node.key)))
                values.append(ctx.expression(node.value))
            else:
                values.append(ctx.expression(node.elt))
            return
        generator = node.generators[k]
        iterable = iterated(ctx, ctx.check(ctx.expression(generator.iter)))
        if isinstance(node, gast.DictComp):
            iterable = materialised(ctx, iterable)
        items = _compile_time_items(ctx, node, generator.iter, iterable)
        if items is None:
            raise _NeedsLoop(generator.iter)
        for at, item in enumerate(items):
            with ctx.without_renaming(items[at + 1 :]):
                ctx.bind(generator.target, item)
                if all(_is_true(ctx, condition) for condition in generator.ifs):
                    level(k + 1)

    with ctx.inside(frame):
        level(0)
    if isinstance(node, gast.DictComp):
        entries = dict(zip(keys, values, strict=True))
        return ctx.new_ref(HeapObject(tuple(entries.values()), tuple(entries)))
    return Seq(tuple(values)) if isinstance(node, gast.GeneratorExp) else ctx.new_ref(HeapObject(tuple(values)))


def _as_loops(ctx: Context, node: Any) -> Abstract:
    """The list that loops append to: of a run-time number of items, or under run-time conditions."""
    frame = _scope(ctx, node)
    with ctx.inside(frame):
        over = iterated(ctx, ctx.check(ctx.expression(node.generators[0].iter)))
        is_run_time = items_of(ctx, over) is None and not isinstance(over, GeneratorValue)
        if len(node.generators) == 1 and not node.generators[0].ifs and is_run_time:
            rows = _rows(ctx, node, over)
            if rows is not None:
                return rows
        made = run_time_lists.made(ctx, ctx.new_ref(HeapObject(())), node)
        frame.names |= {_LIST: made, "%over": over}
        append = gast.copy_location(gast.Attribute(_name(node, _LIST, gast.Load()), "append", gast.Load()), node.elt)
        call = gast.copy_location(gast.Call(append, [node.elt], []), node.elt)
        ctx.statements([_nest(node, [gast.copy_location(gast.Expr(call), node.elt)])])
        return lookup(ctx, _LIST)


class RowStore(gast.stmt):  # type: ignore[misc]
    """Stores a row of a list of arrays, `elt`, at its place."""

    _fields = ("elt",)


def store_row(ctx: Context, node: Any) -> None:
    row = ctx.check(ctx.expression(node.elt))
    place, rows = ctx.frame.names[_PLACE], ctx.frame.names[_ROWS]
    assert isinstance(row, Leaf) and isinstance(place, Leaf) and isinstance(rows, Leaf)
    store_in_list(ctx, rows, place.atom, row)


def _rows(ctx: Context, node: Any, over: Abstract) -> Abstract | None:
    """The list of arrays whose lengths are computed in each iteration: those of the first one are those of all.

    None where the elements are no arrays, or their lengths are known before the loop.
    """
    generator, frame, before = node.generators[0], ctx.frame, ctx.snapshot()
    created = len(ctx.builder.created)
    with ctx.builder.block():
        iterable = from_zero(ctx, over)
        index = ctx.builder.fresh("%i", Scalar("int64"))
        ctx.builder.types[index.name] = Scalar("int64", dim(Symbol(index.name, None)), True)
        ctx.bind(generator.target, iterable.item(ctx.leaf(index)))
        element = ctx.expression(node.elt)
    inner = frozenset(ctx.builder.created[created:])
    ctx.restore(before)
    known = element.type if isinstance(element, Leaf) else None
    if not isinstance(known, Array) or not any(symbol.name in inner for d in known.dims for symbol, _ in d.terms):
        return None
    iterable = from_zero(ctx, over)
    count = count_of(ctx, iterable)

    def lengths() -> Abstract:
        ctx.bind(generator.target, iterable.item(ctx.constant(0)))
        return ctx.attribute(ctx.check(ctx.expression(node.elt)), "shape")

    def none() -> Abstract:
        return Seq((ctx.constant(0),) * len(known.dims))

    some = ctx.leaf(ctx.builder.op(">", count.atom, Const(0)))
    shape = lengths() if some.static is True else branch(ctx, some.atom, lengths, none)
    assert isinstance(shape, Seq)
    atoms = [length.atom for length in shape.items if isinstance(length, Leaf)]
    rows = ctx.leaf(ctx.builder.op("np.empty", count.atom, *atoms, hint="items", dtype=known.dtype))
    frame.names |= {_ROWS: rows, "%over": EnumerateValue(over, ctx.constant(0))}
    target = gast.Tuple([_name(node, _PLACE, gast.Store()), generator.target], gast.Store())
    body = [gast.copy_location(RowStore(node.elt), node.elt)]
    loop = gast.For(gast.copy_location(target, node), _name(node, "%over", gast.Load()), body, [], None)
    ctx.statements([gast.copy_location(loop, node)])
    return ctx.new_ref(HeapObject((rows, length_of_buffer(ctx, rows)), grown=True, full=True))


def accumulated(ctx: Context, node: Any) -> Abstract | None:
    """`sum(element for ...)` over a run-time range or array as an accumulation loop; None where it is not one."""
    generator = node.generators[0]
    frame = _scope(ctx, node)
    before = ctx.snapshot()
    with ctx.inside(frame), ctx.builder.block() as trial:
        iterable = iterated(ctx, ctx.check(ctx.expression(generator.iter)))
        if _compile_time_items(ctx, node, generator.iter, iterable) is not None or not _has_scalar_elements(
            ctx, node, iterable
        ):
            iterable = Constant(None)
    if iterable == Constant(None):
        ctx.restore(before)
        return None
    for statement in trial:
        ctx.builder.emit(statement)
    with ctx.inside(frame):
        frame.names |= {_TOTAL: ctx.constant(0), "%over": iterable}
        total = _name(node, _TOTAL, gast.Load())
        added = gast.copy_location(gast.BinOp(total, gast.Add(), node.elt), node.elt)
        assign = gast.copy_location(gast.Assign([_name(node, _TOTAL, gast.Store())], added, None), node.elt)
        ctx.statements([_nest(node, [assign])])
        return lookup(ctx, _TOTAL)


def lazy_quantifier(ctx: Context, node: Any, decided: bool) -> Abstract | None:
    """`any(element for ...)`, `all(...)` as a loop that evaluates no element after the one that decides.

    None where all elements may be evaluated speculatively. `decided` is the truth value that decides the result.
    """
    frame = _scope(ctx, node)
    entry = ctx.snapshot()
    with ctx.builder.block() as written, ctx.inside(frame):
        over = iterated(ctx, ctx.check(ctx.expression(node.generators[0].iter)))
    tests = (node.elt, *(condition for generator in node.generators for condition in generator.ifs))
    if not isinstance(over, GeneratorValue) and all(is_safe_to_speculate(ctx, test) for test in tests):
        ctx.restore(entry)
        return None
    for statement in written:
        ctx.builder.emit(statement)
    with ctx.inside(frame):
        frame.names |= {_FOUND: ctx.constant(not decided), "%over": over}

        def located(new: Any) -> Any:
            return gast.copy_location(new, node.elt)

        hit = located(gast.Assign([_name(node, _FOUND, gast.Store())], located(gast.Constant(decided, None)), None))
        test = located(gast.If(node.elt if decided else located(gast.UnaryOp(gast.Not(), node.elt)), [hit], []))
        found = _name(node, _FOUND, gast.Load())
        left = located(gast.UnaryOp(gast.Not(), found)) if decided else found
        body = [test]
        for k in reversed(range(len(node.generators))):
            for condition in reversed(node.generators[k].ifs):
                body = [located(gast.If(condition, body, []))]
            iterable = _name(node, "%over", gast.Load()) if k == 0 else node.generators[k].iter
            bound = located(gast.For(node.generators[k].target, iterable, [located(gast.If(left, body, []))], [], None))
            body = [bound]
        ctx.statements(body)
        return lookup(ctx, _FOUND)


def _has_scalar_elements(ctx: Context, node: Any, iterable: Abstract) -> bool:
    """Whether the elements are scalars, by lowering one of them on trial."""
    before, found = ctx.snapshot(), list[Abstract]()

    def first(k: int, over: Abstract | None) -> None:
        """The element of the first items from a level on."""
        if k == len(node.generators):
            found.append(ctx.expression(node.elt))
            return
        generator = node.generators[k]
        over = over or iterated(ctx, ctx.check(ctx.expression(generator.iter)))

        def take(item: Abstract) -> None:
            ctx.bind(generator.target, item)
            for condition in generator.ifs:
                ctx.test(condition)  # it may bind names
            first(k + 1, None)

        known = items_of(ctx, over)
        if isinstance(over, GeneratorValue):
            run_generator(ctx, over, take)
        elif known is None:
            iterator = iterable_of(ctx, over)
            if not iterator.by_position:
                index = ctx.builder.fresh("%i", Scalar("int64"))
                ctx.builder.types[index.name] = Scalar("int64", dim(Symbol(index.name, None)), True)
                take(iterator.item(ctx.leaf(index)))
            elif iterator.static_count:
                take(iterator.item(ctx.constant(0)))
        elif known:
            take(known[0])

    with ctx.builder.block():
        first(0, iterable)
    ctx.restore(before)
    return bool(found) and all(isinstance(one, Leaf) and isinstance(one.type, Scalar) for one in found)


def _scope(ctx: Context, node: Any) -> Frame:
    outer = ctx.frame
    targets = {
        inner.id
        for generator in node.generators
        for inner in gast.walk(generator.target)
        if isinstance(inner, gast.Name)
    }
    frame = Frame(outer.source, outer.tree, outer.library, frozenset(targets), outer, outer.caller, node=node)
    frame.serial, frame.first_ref = outer.serial, ctx.refs
    frame.names["%comprehension"] = Constant(None)
    return frame


def _compile_time_items(ctx: Context, comprehension: Any, node: Any, value: Abstract) -> Sequence[Abstract] | None:
    if isinstance(value, GeneratorValue):
        return None
    items = items_of(ctx, value)
    if items is not None:
        return items
    with ctx.at(node):
        run_time_iterable = iterable_of(ctx, value)
    if isinstance(comprehension, gast.DictComp):
        with ctx.at(node):
            in_call = range_in_call(ctx, run_time_iterable)
        if in_call is not None:
            demand_range(ctx, run_time_iterable, in_call)
            return tuple(run_time_iterable.item(ctx.constant(index)) for index in in_call)
    count, start, step = run_time_iterable.static_count, run_time_iterable.start.static, run_time_iterable.step.static
    if count is None or not isinstance(start, int) or not isinstance(step, int):
        return None
    if count > _LONGEST_UNROLLED and not run_time_iterable.by_position:
        return None
    return tuple(run_time_iterable.item(ctx.constant(start + k * step)) for k in range(count))


def _is_true(ctx: Context, condition: Any) -> bool:
    value = ctx.test(condition)
    if not isinstance(value, bool):
        raise _NeedsLoop(condition)
    return value


def _refuse(ctx: Context) -> None:
    ctx.fail(
        "S114",
        "a dict whose keys are known only at run time",
        None,
        "write a loop that fills an array made before: out = np.empty(n), then out[i] = ...",
    )


def _nest(node: Any, body: list[Any]) -> Any:
    """The loops and conditions of a comprehension around a body; the first loop goes over what `%over` stands for."""
    for k in reversed(range(len(node.generators))):
        generator = node.generators[k]
        for condition in reversed(generator.ifs):
            body = [gast.copy_location(gast.If(condition, body, []), condition)]
        over = _name(node, "%over", gast.Load()) if k == 0 else generator.iter
        body = [gast.copy_location(gast.For(generator.target, over, body, [], None), node)]
    return body[0]


def _name(node: Any, name: str, context: Any) -> Any:
    return gast.copy_location(gast.Name(name, context, None, None), node)
