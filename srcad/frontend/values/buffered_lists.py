"""Lists of a run-time length in reverse mode: an array with room for more items, and how many items it has.

Where a list has a length that only a run knows, and `growing_lists` cannot plan an array for it (it grows under a
condition, in a `while` loop, or is popped from), the function is lowered again. From where it is made the list is then
an array and a count, which loops carry and branches join like any other values. Nothing is ever appended where there
might be no room: before a loop the array is enlarged for as many items as its iterations can append at most.

>>> import numpy as np
>>> import srcad
>>> __name__ = "__main__"  # a user's function
>>> def f(x):
...     positive = []
...     for v in x:
...         if v > 0.0:
...             positive.append(v * v)
...     return sum(positive) * len(positive)
>>> srcad.grad(f, target="python")(np.array([1.0, -2.0, 3.0]))
array([ 4.,  0., 12.])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from srcad.frontend.syntax.iteration_bodies import copied_items, put_in, taken_out
from srcad.frontend.values import zero_dim_arrays
from srcad.frontend.values.abstract_values import Abstract, Constant, HeapObject, HeapRef, Leaf
from srcad.frontend.values.context import Context
from srcad.frontend.values.growing_lists import length_atom
from srcad.frontend.values.iterables import arithmetic, as_array
from srcad.frontend.values.raise_points import python_check
from srcad.frontend.values.variable_naming import adopt
from srcad.ir.names import base
from srcad.ir.nodes import Atom, Const, Store, Var
from srcad.ir.traversal import walk
from srcad.ir.types import Array, Scalar, Symbol, dim
from srcad.typing.join import UNNAMED

MARGIN = 16
"""How many items may be appended outside of loops, in all."""


def make(ctx: Context, ref: HeapRef, kind: Scalar | Array | None, name: str) -> HeapRef:
    """The list with these first items as an array; `kind` is the type of the items."""
    items = ctx.heap[ref.id].items
    dtype = "float64" if kind is None else kind.dtype
    if isinstance(kind, Array) and any(s.name not in ctx.builder.types for d in kind.dims for s, _ in d.terms):
        why = "One line of the source makes lists inside and outside of what is differentiated."
        ctx.fail("S125", "arrays in a list whose lengths are not known where it is made", why)
    lengths = [length_atom(ctx, d) for d in kind.dims] if isinstance(kind, Array) else []
    made = ctx.leaf(ctx.builder.op("np.empty", Const(len(items) + MARGIN), *lengths, dtype=dtype))
    buffer = _named(ctx, made, name)
    ctx.heap[ref.id] = HeapObject((buffer, ctx.constant(0)), grown=True, buffered=True)
    for item in items:
        append_unchecked(ctx, ref.id, item)
    return ref


def of_vector(ctx: Context, ref: HeapRef, vector: Leaf, name: str) -> HeapRef:
    """The list with the elements of a vector."""
    assert isinstance(vector.type, Array)
    made = make(ctx, ref, kind_of_items(vector.type), name)
    count = ctx.leaf(ctx.builder.op("len", vector.atom))
    reserve(ctx, made.id, count)
    cells = ctx.heap[made.id]
    _without_index_checks(ctx, copied_items, cells.items[0], vector, count)
    ctx.heap[made.id] = replace(cells, items=(cells.items[0], count))
    return made


def append_unchecked(ctx: Context, ref: int, item: Abstract) -> None:
    """Append an item that there is room for, of the type of the items."""
    cells = ctx.heap[ref]
    buffer, count = cells.items
    assert isinstance(buffer, Leaf) and isinstance(buffer.atom, Var) and isinstance(count, Leaf)
    assert isinstance(item, Leaf)
    store = Store(buffer.atom, (count.atom,), item.atom, None, ctx.builder.span)
    ctx.builder.emit(store)
    zero_dim_arrays.mark_stored(ctx, item)
    if isinstance(item.type, Array):  # the list refers to the array itself, and has a copy
        ctx.appended.append((store, item))
    ctx.heap[ref] = replace(cells, items=(buffer, _counted(ctx, "+", count)))


def append(ctx: Context, ref: int, item: Leaf) -> None:
    """`hs.append(item)`."""
    _want_room(ctx, ref)
    append_unchecked(ctx, ref, item)


def insert(ctx: Context, ref: int, at: Leaf, item: Leaf) -> None:
    """`hs.insert(at, item)`: those behind it move on."""
    _want_room(ctx, ref)
    cells = ctx.heap[ref]
    buffer, count = _of_numbers(ctx, cells)
    _without_index_checks(ctx, put_in, buffer, count, at, item)
    ctx.heap[ref] = replace(cells, items=(buffer, _counted(ctx, "+", count)))


def clear(ctx: Context, ref: int) -> None:
    """`hs.clear()`."""
    cells = ctx.heap[ref]
    ctx.heap[ref] = replace(cells, items=(cells.items[0], ctx.constant(0)))


def _want_room(ctx: Context, ref: int) -> None:
    """Note that there has to be room for one item more: in a loop that is that loop's business."""
    room = ctx.rooms[-1] if ctx.rooms else None
    if room is not None and ref in room.before:
        room.wanted[ref] = room.wanted.get(ref, 0) + 1
    else:
        ctx.appended_outside[ref] = ctx.appended_outside.get(ref, 0) + 1
        if ctx.appended_outside[ref] > MARGIN:
            ctx.fail("S125", f"more than {MARGIN} items appended outside of loops to a list of run-time length")


def pop_at(ctx: Context, ref: int, at: Leaf) -> Leaf:
    """`hs.pop(at)`: those behind it move up."""
    cells = ctx.heap[ref]
    buffer, count = _of_numbers(ctx, cells)
    item = _without_index_checks(ctx, taken_out, buffer, count, at)
    assert isinstance(item, Leaf)
    ctx.heap[ref] = replace(cells, items=(buffer, _counted(ctx, "-", count)))
    return item


def _of_numbers(ctx: Context, cells: HeapObject) -> tuple[Leaf, Leaf]:
    """The array and the number of items of a list of numbers."""
    buffer, count = cells.items
    assert isinstance(buffer, Leaf) and isinstance(count, Leaf)
    if isinstance(buffer.type, Array) and len(buffer.type.dims) > 1:
        ctx.fail("S125", "arrays moved in a list of run-time length", "The list holds copies.", "use an index.")
    return buffer, count


def _without_index_checks(ctx: Context, function: Callable[..., Any], *args: Abstract) -> Abstract:
    """Call a function whose indices are within bounds."""
    checks, ctx.checks_indices = ctx.checks_indices, False
    try:
        return ctx.call(Constant(function), *args)
    finally:
        ctx.checks_indices = checks


def pop(ctx: Context, ref: int) -> Leaf:
    """`hs.pop()`."""
    cells = ctx.heap[ref]
    buffer, count = cells.items
    assert isinstance(buffer, Leaf) and isinstance(count, Leaf)
    if isinstance(buffer.type, Array) and len(buffer.type.dims) > 1:
        ctx.fail("S125", "an array popped from a list of run-time length", "The list holds copies.", "use its index.")
    python_check(ctx, ctx.builder.op(">", count.atom, Const(0)), IndexError, "pop from empty list")
    left = _counted(ctx, "-", count)
    item = ctx.leaf(ctx.builder.op("index", buffer.atom, left.atom))
    ctx.heap[ref] = replace(cells, items=(buffer, left))
    return item


def filled(ctx: Context, ref: HeapRef, item: Leaf, count: Leaf, dtype: str) -> HeapRef:
    """The list as one number, over and over."""
    zero_dim_arrays.mark_stored(ctx, item)
    positive = ctx.builder.op("select", ctx.builder.op(">", count.atom, Const(0)), count.atom, Const(0))
    number = ctx.leaf(positive) if not isinstance(count.static, int) else ctx.constant(max(count.static, 0))
    length = arithmetic(ctx, "+", number, ctx.constant(MARGIN))
    buffer = ctx.call(Constant(np.full), length, item, dtype=Constant(np.dtype(dtype)))
    ctx.heap[ref.id] = HeapObject((buffer, number), grown=True, buffered=True)
    return ref


def kind_of_items(buffer: Array) -> Scalar | Array:
    """The type of the items of the list that is this array."""
    if len(buffer.dims) > 1:
        return Array(buffer.dtype, buffer.dims[1:], "C")
    return Scalar(buffer.dtype, dim(Symbol(UNNAMED, None)) if buffer.dtype == "int64" else None, True)


def reserve(ctx: Context, ref: int, items: Leaf) -> None:
    """Enlarge the array for that many items more."""
    cells = ctx.heap[ref]
    buffer, count = cells.items
    assert isinstance(buffer, Leaf) and isinstance(buffer.type, Array) and isinstance(count, Leaf)
    assert isinstance(buffer.atom, Var)
    total = items if count.static == 0 else arithmetic(ctx, "+", count, items)
    length = arithmetic(ctx, "+", total, ctx.constant(MARGIN))
    row = [ctx.builder.op("shape", buffer.atom, axis=axis) for axis in range(1, len(buffer.type.dims))]
    larger = ctx.leaf(ctx.builder.op("np.empty", length.atom, *row, dtype=buffer.type.dtype))
    larger = _named(ctx, larger, base(buffer.atom.name).lstrip("%"))
    with ctx.builder.block() as copying:
        _without_index_checks(ctx, copied_items, larger, buffer, count)
    for stmt in copying:
        ctx.builder.emit(stmt)
    if row:
        ctx.appended += [(stmt, buffer) for stmt in walk(tuple(copying)) if isinstance(stmt, Store)]
    ctx.heap[ref] = replace(cells, items=(larger, count))


def _named(ctx: Context, buffer: Leaf, name: str) -> Leaf:
    named = adopt(ctx, buffer, name)
    assert isinstance(named, Leaf) and isinstance(named.atom, Var)
    ctx.just_named.discard(named.atom.name)
    return named


def has_room(ctx: Context, wanted: dict[int, int]) -> Leaf:
    """Whether there is room for one more iteration of a loop that appends this many items."""
    total: Atom | None = None
    for ref, items in wanted.items():
        buffer, count = ctx.heap[ref].items
        assert isinstance(buffer, Leaf) and isinstance(count, Leaf)
        needed = arithmetic(ctx, "+", count, ctx.constant(items + MARGIN))
        fits = ctx.builder.op("<=", needed.atom, ctx.builder.op("len", buffer.atom))
        total = fits if total is None else ctx.builder.op("and", total, fits)
    assert total is not None
    return ctx.leaf(total)


def array_copy(ctx: Context, value: Abstract) -> Abstract:
    """A list of a run-time length as an array of its own; any other value unchanged."""
    if not isinstance(value, HeapRef) or not ctx.heap[value.id].buffered:
        return value
    return ctx.call(Constant(np.copy), as_array(ctx, value))


def _counted(ctx: Context, prim: str, count: Leaf) -> Leaf:
    if isinstance(count.static, int):
        return ctx.constant(count.static + (1 if prim == "+" else -1))
    return ctx.leaf(ctx.builder.op(prim, count.atom, Const(1), hint="count"))
