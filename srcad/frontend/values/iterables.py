"""Iterables of `for` loops: the trip count and the access to an item, at compile time or at run time.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> import numpy as np
>>> def f(x, y):
...     for i, (a, b) in enumerate(zip(x, y)):
...         print(i, a, b)
>>> print(text(normal_form(f, np.ones(3), np.ones(4))))
f(x: float64[x.0], y: float64[y.0]):
    %n.0 = len(x)
    %n.1 = len(y)
    %test.0 = %n.1 < %n.0
    %choice.0 = select(%test.0, %n.1, %n.0)
    for i.0 in range(0, %choice.0, 1):
        a.0 = x[i.0]
        b.0 = y[i.0]
        print(i.0, a.0, b.0)
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from srcad.frontend.syntax.generator_functions import gone_through
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    DictView,
    EnumerateValue,
    FlatValue,
    GeneratorValue,
    GridValue,
    HeapRef,
    Leaf,
    Mapping,
    MapValue,
    PartValue,
    ProductValue,
    RangeValue,
    Record,
    ReversedValue,
    Seq,
    Table,
    WatchedItems,
    WindowValue,
    ZipValue,
)
from srcad.frontend.values.context import Context, is_integer
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iteration_order import noted
from srcad.ir.nodes import Const, Slice
from srcad.ir.types import Array, Scalar
from srcad.rules.primitives import PRIMITIVES


@dataclass(frozen=True)
class Iterable:
    """A run-time iteration space: `for index in range(start, stop, step)`, and the item as a function of the index."""

    start: Leaf
    stop: Leaf
    step: Leaf
    item: Callable[[Leaf], Abstract]
    is_index: bool = False
    """The item is the index itself."""
    is_counted: bool = False
    """The item is a pair, whose first element is the index itself."""
    directions: bool = False
    """They are the directions of a Jacobian (`For.directions`)."""
    unordered: bool = False
    """In any order (`For.unordered`)."""
    by_position: bool = False
    """The index of an item must be known when compiling: there are items of several types."""

    @property
    def static_count(self) -> int | None:
        start, stop, step = self.start.static, self.stop.static, self.step.static
        if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int) and step != 0:
            return len(range(start, stop, step))
        return None


def items_of(ctx: Context, value: Abstract) -> tuple[Abstract, ...] | None:
    """The items, where they are known at compile time; None for a range or an array."""
    match value:
        case Seq(items):
            return items
        case Record(cls, fields) if issubclass(cls, tuple):
            return tuple(item for _, item in fields)
        case HeapRef(id=ref):
            cells = ctx.heap[ref]
            if cells.grown or cells.cls is not None:
                return None
            for item in cells.items:
                ctx.optional(item)
            return cells.items if cells.keys is None else tuple(key_value(ctx, key) for key in cells.keys)
        case DictView(HeapRef(id=ref), kind):
            entries = ctx.heap[ref].entries
            keys = tuple(key_value(ctx, key) for key in entries)
            values = tuple(ctx.optional(item) for item in entries.values())
            both = tuple(Seq(pair) for pair in zip(keys, values, strict=True))
            return {"keys": keys, "values": values, "items": both}[kind]
        case Mapping(pairs):
            return tuple(key_value(ctx, key) for key, _ in pairs)
        case Constant(enum.EnumMeta() as members):
            return tuple(key_value(ctx, member) for member in list[object](members))
        case Constant(str() as text):
            return tuple(Constant(c) for c in text)
        case Constant(tuple() | list() as items):
            return tuple(key_value(ctx, item) for item in items)
        case EnumerateValue(inner, start):
            found = items_of(ctx, inner)
            if found is None or type(start.static) is not int:
                return None
            return tuple(Seq((ctx.constant(start.static + i), item)) for i, item in enumerate(found))
        case ZipValue(inners):
            columns = [column for inner in inners if (column := items_of(ctx, inner)) is not None]
            if len(columns) < len(inners):
                return None
            return tuple(Seq(row) for row in zip(*columns, strict=False))
        case ReversedValue(inner):
            found = items_of(ctx, inner)
            return None if found is None else found[::-1]
        case _:
            return None


def key_value(ctx: Context, key: object) -> Abstract:
    """A key of a dict as an abstract value."""
    if isinstance(key, bool | int | float):
        return ctx.constant(key.value if isinstance(key, enum.Enum) else key)
    if isinstance(key, tuple):
        return Seq(tuple(key_value(ctx, part) for part in key))
    return Constant(key)


def in_any_order(*bounds: int) -> range:
    """What `numba.prange` is read as: a range whose iterations may run in any order."""
    return range(*bounds)


def iterable_of(ctx: Context, value: Abstract) -> Iterable:
    """The run-time iteration space of a value; S129 if it is not iterable."""
    zero, one = ctx.constant(0), ctx.constant(1)
    match value:
        case RangeValue(start, stop, step, directions, unordered):
            return Iterable(start, stop, step, lambda index: index, True, directions=directions, unordered=unordered)
        case Leaf(atom, Array()):
            return Iterable(
                zero, _length(ctx, value), one, lambda index: ctx.leaf(ctx.builder.op("index", atom, index.atom))
            )
        case Table(_, (count, *_)):
            return Iterable(zero, ctx.constant(count), one, lambda index: table_item(ctx, value, index))
        case HeapRef(id=ref) if ctx.heap[ref].grown and not ctx.heap[ref].at_run_time:
            return iterable_of(ctx, as_array(ctx, value))
        case HeapRef(id=ref) if ctx.heap[ref].at_run_time:
            ctx.fail(
                "S125",
                "all items at once of a list whose length only a run knows",
                None,
                "write into an array made before the loop: hs = np.empty((n, ...)), then hs[i] = h;\n"
                "or take the items by index: hs[i] for i in range(len(hs)).",
            )
        case GridValue(lengths):
            return Iterable(zero, _number_of(ctx, lengths), one, lambda index: _index_of(ctx, lengths, index))
        case FlatValue():
            return iterable_of(ctx, as_array(ctx, value))
        case PartValue(inner, start, stop):
            return replace(from_zero(ctx, inner), start=start, stop=stop)
        case ReversedValue(inner):
            return _reversed(ctx, inner)
        case MapValue(function, inners):
            arguments = _zipped(ctx, inners)

            def result(index: Leaf) -> Abstract:
                found = arguments.item(index)
                assert isinstance(found, Seq)
                return ctx.call(function, *found.items)

            return replace(arguments, item=result)
        case ProductValue(inners):
            return _product(ctx, inners)
        case WatchedItems(inner, watch):
            items = from_zero(ctx, inner)
            return replace(items, item=noted(ctx, ctx.watches[watch], items.item), is_index=False, is_counted=False)
        case EnumerateValue(inner, start):
            iterable = from_zero(ctx, inner)

            def pair(index: Leaf) -> Abstract:
                counted = index if start.atom == Const(0) else arithmetic(ctx, "+", index, start)
                return Seq((counted, iterable.item(index)))

            return replace(iterable, item=pair, is_index=False, is_counted=start.atom == Const(0))
        case ZipValue(inners):
            return _zipped(ctx, inners)
        case WindowValue():
            ctx.fail(
                "S129",
                "a window that is not what a loop goes over",
                None,
                "write the window around the range, and index: for t in srcad.window(range(len(xs)), ...).",
            )
    ctx.fail(
        "S129",
        f"a loop over {describe_value(value)}",
        None,
        "loop over a range, an array, or a sequence of fixed length.",
    )


def table_item(ctx: Context, table: Table, index: Leaf) -> Abstract:
    """An item of a table: a number, or a row as a tuple."""
    array = table.array.atom
    if len(table.lengths) == 1:
        return ctx.leaf(ctx.builder.op("index", array, index.atom))
    width = table.lengths[1]
    return Seq(tuple(ctx.leaf(ctx.builder.op("index", array, index.atom, Const(at))) for at in range(width)))


def arithmetic(ctx: Context, prim: str, a: Leaf, b: Leaf) -> Leaf:
    """An integer operation, constant-folded where both operands are known."""
    if type(a.static) is int and type(b.static) is int:
        return ctx.constant(PRIMITIVES[prim].evaluate(a.static, b.static))
    if prim in "+-" and b.atom == Const(0):
        return a
    return ctx.leaf(ctx.builder.op(prim, a.atom, b.atom))


def _length(ctx: Context, value: Leaf) -> Leaf:
    assert isinstance(value.type, Array)
    first = value.type.dims[0]
    return ctx.constant(first.const) if not first.terms else ctx.leaf(ctx.builder.op("len", value.atom))


def count_of(ctx: Context, iterable: Iterable) -> Leaf:
    """The trip count."""
    if iterable.static_count is not None:
        return ctx.constant(iterable.static_count)
    zero = ctx.constant(0)
    step = iterable.step.static
    if step == 1 and iterable.start.static == 0:
        count = iterable.stop
    elif step == 1:
        count = arithmetic(ctx, "-", iterable.stop, iterable.start)
    elif step == -1:
        count = arithmetic(ctx, "-", iterable.start, iterable.stop)
    else:
        # ceil((stop - start) / step), by floor division of the negative
        distance = arithmetic(ctx, "-", iterable.start, iterable.stop)
        negative = ctx.builder.op("//", distance.atom, iterable.step.atom)
        count = ctx.leaf(ctx.builder.op("neg", negative))
    if step == 1 and iterable.start.static == 0 and (not iterable.is_index or _is_length(count)):
        return count
    positive = ctx.builder.op(">", count.atom, zero.atom)
    return ctx.leaf(ctx.builder.op("select", positive, count.atom, zero.atom))


_MOST_APART = 256


def number_of_items(ctx: Context, iterable: Iterable) -> int | None:
    """How many items there are, where each is to have a value of its own; None where that is not known.

    An array has as many as in this call, which the text checks.
    """
    if iterable.static_count is not None:
        return iterable.static_count
    count = count_of(ctx, iterable)
    length = count.type.dim if isinstance(count.type, Scalar) else None
    number = None if length is None else ctx.length_in_call(length)
    if number is None or number > _MOST_APART:
        return None
    demand_number(ctx, count, number, number)
    return number


def demand_number(ctx: Context, value: Leaf, wanted: int, items: int) -> None:
    message = (f"this function was made for {items} items, and not ", value.atom)
    ctx.builder.check(ctx.builder.op("==", value.atom, Const(wanted)), "ValueError", *message)


def _is_length(count: Leaf) -> bool:
    """Whether the count is a sum of lengths of axes: never negative."""
    value = count.type.dim if isinstance(count.type, Scalar) else None
    return value is not None and value.const >= 0 and all(s.axis is not None and c > 0 for s, c in value.terms)


def from_zero(ctx: Context, value: Abstract) -> Iterable:
    """The same items, indexed from 0 in steps of 1."""
    known = items_of(ctx, value)
    if known is not None:
        # a list may change in the loop
        numbers = None if isinstance(value, HeapRef) else _as_array_of_numbers(ctx, known)
        if numbers is not None:
            return iterable_of(ctx, numbers)
        return Iterable(
            ctx.constant(0),
            ctx.constant(len(known)),
            ctx.constant(1),
            lambda index: _item_now(ctx, value, len(known), index),
            by_position=True,
        )
    iterable = iterable_of(ctx, value)
    if iterable.start.static == 0 and iterable.step.static == 1:
        return iterable

    def item(index: Leaf) -> Abstract:
        return iterable.item(arithmetic(ctx, "+", iterable.start, arithmetic(ctx, "*", index, iterable.step)))

    count = count_of(ctx, iterable)
    return Iterable(ctx.constant(0), count, ctx.constant(1), item, by_position=iterable.by_position)


def _item_now(ctx: Context, value: Abstract, count: int, index: Leaf) -> Abstract:
    """An item of what is known when compiling: a list may have changed since the loop began."""
    now = items_of(ctx, value)
    if now is None or len(now) != count:
        refuse_change(ctx)
    assert isinstance(index.static, int)
    return now[index.static]


def refuse_change(ctx: Context) -> NoReturn:
    what = "a list changes its length in a loop over it"
    ctx.fail("S125", what, "Python's loop goes on to what was appended.", "loop over a copy; or use while.")


def _as_array_of_numbers(ctx: Context, items: Sequence[Abstract]) -> Abstract | None:
    """Numbers of one dtype as an array, in which Python's are not weaker than others: see `Context.tables`."""
    kinds = {item.type.dtype for item in items if isinstance(item, Leaf) and isinstance(item.type, Scalar)}
    if not ctx.tables or len(kinds) != 1 or not all(isinstance(item, Leaf) for item in items):
        return None
    ctx.has_tables.append(True)
    return ctx.call(Constant(np.array), Seq(tuple(items)))


def _reversed(ctx: Context, inner: Abstract) -> Iterable:
    one, minus = ctx.constant(1), ctx.constant(-1)
    if isinstance(inner, RangeValue) and inner.step.static in (1, -1):
        start = arithmetic(ctx, "-", inner.stop, inner.step)
        stop = arithmetic(ctx, "-", inner.start, inner.step)
        return Iterable(start, stop, minus if inner.step.static == 1 else one, lambda index: index, is_index=True)
    iterable = from_zero(ctx, inner)
    last = arithmetic(ctx, "-", iterable.stop, one)
    return Iterable(last, minus, minus, iterable.item, by_position=iterable.by_position)


def _zipped(ctx: Context, inners: Sequence[Abstract]) -> Iterable:
    columns = [from_zero(ctx, inner) for inner in inners]
    by_position = any(column.by_position for column in columns)
    if by_position:
        columns = [_of_known_length(ctx, column) for column in columns]
    stop = columns[0].stop
    for column in columns[1:]:
        if type(stop.static) is int and type(column.stop.static) is int:
            stop = ctx.constant(min(stop.static, column.stop.static))
        elif column.stop.type != stop.type:
            shorter = ctx.builder.op("<", column.stop.atom, stop.atom)
            stop = ctx.leaf(ctx.builder.op("select", shorter, column.stop.atom, stop.atom))
    return Iterable(
        ctx.constant(0),
        stop,
        ctx.constant(1),
        lambda index: Seq(tuple(column.item(index) for column in columns)),
        by_position=by_position,
    )


def _of_known_length(ctx: Context, iterable: Iterable) -> Iterable:
    """The iterable, side by side with what has items of several types."""
    number = number_of_items(ctx, iterable)
    if number is None:
        ctx.retry(
            "S129",
            "arrays and sequences of parameters side by side in one loop",
            "How long the arrays are is not known when compiling.",
            "loop over range(len(...)) and index both.",
        )
    return replace(iterable, stop=ctx.constant(number))


def _product(ctx: Context, inners: Sequence[Abstract]) -> Iterable:
    factors = [from_zero(ctx, inner) for inner in inners]
    by_position = any(factor.by_position for factor in factors)
    if by_position:
        factors = [_of_known_length(ctx, factor) for factor in factors]
    total = ctx.constant(1)
    for factor in factors:
        total = arithmetic(ctx, "*", total, factor.stop)

    def item(index: Leaf) -> Abstract:
        parts: list[Abstract] = []
        rest = index
        for factor in reversed(factors[1:]):
            parts.append(factor.item(arithmetic(ctx, "%", rest, factor.stop)))
            rest = arithmetic(ctx, "//", rest, factor.stop)
        return Seq((factors[0].item(rest), *reversed(parts)))

    return Iterable(ctx.constant(0), total, ctx.constant(1), item, by_position=by_position)


def first_and_rest(ctx: Context, value: Abstract, demand: Callable[[Leaf], None]) -> tuple[Abstract, Abstract]:
    """The first item of a run-time iterable, and the others. `demand` is given their number before any is read."""
    whole = from_zero(ctx, value)
    demand(whole.stop)
    return whole.item(ctx.constant(0)), PartValue(value, ctx.constant(1), whole.stop)


def is_iterator(value: Abstract) -> bool:
    """Whether a loop over it uses up its items, and nothing says how many there are left."""
    if isinstance(value, GeneratorValue) and gone_through(value.frame.origin) is not None:
        return False  # see `iterator_places`
    lazy = ZipValue | EnumerateValue | ReversedValue | MapValue | ProductValue | WatchedItems | GeneratorValue
    return isinstance(value, lazy) or (isinstance(value, Seq) and value.kind == "iterator")


def _number_of(ctx: Context, lengths: Sequence[Leaf]) -> Leaf:
    total = ctx.constant(1)
    for n in lengths:
        total = n if total.static == 1 else arithmetic(ctx, "*", total, n)
    return total


def _index_of(ctx: Context, lengths: Sequence[Leaf], at: Leaf) -> Seq:
    """The index of the element at a place, by rows."""
    found: list[Leaf] = []
    for n in reversed(lengths[1:]):
        found.append(arithmetic(ctx, "%", at, n))
        at = arithmetic(ctx, "//", at, n)
    return Seq((*([at] if lengths else []), *reversed(found)))


def as_array(ctx: Context, value: Abstract) -> Abstract:
    """A list that has grown in a run-time loop, or `x.flat`, as an array; any other value unchanged."""
    if isinstance(value, FlatValue):
        return ctx.call(Constant(np.ravel), value.array)
    if not isinstance(value, HeapRef) or not ctx.heap[value.id].grown:
        return value
    cells = ctx.heap[value.id]
    if cells.at_run_time:
        return value
    buffer, length = cells.items
    assert isinstance(buffer, Leaf) and isinstance(length, Leaf)
    if cells.full:
        return buffer
    return ctx.leaf(ctx.builder.op("index", buffer.atom, Slice(None, length.atom, None)))


def check_range(ctx: Context, value: Abstract) -> Leaf:
    """A bound of a range: an integer scalar."""
    value = ctx.check(value)
    if not is_integer(value):
        ctx.fail("S127", f"a range needs integers, and this is {describe_value(value)}")
    assert isinstance(value, Leaf)
    return value
