"""Lowering of stores through subscripts: an item of a list, a part of an array.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, i):
...     x[i, 1:] = 0.0
>>> import numpy as np
>>> print(text(normal_form(f, np.ones((3, 4)), 1)))
f(x: float64[x.0, x.1], i: int64):
    %n.0 = shape(x, axis=0)
    within(i, %n.0, where='L2: x[i, 1:]: ')
    x[i, 1:] = 0.0
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from srcad.frontend.lowering.expressions import spread
from srcad.frontend.lowering.indexing import (
    advanced_items,
    array_of,
    basic_items,
    check_conflicts,
    check_indices,
    emit_index_check,
    index,
    index_items,
    is_basic,
    position_of,
    static_slice,
)
from srcad.frontend.lowering.operators import binary
from srcad.frontend.lowering.overloading import class_with_methods, special
from srcad.frontend.values import run_time_lists
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    FlatValue,
    HeapObject,
    HeapRef,
    Leaf,
    Seq,
    SliceValue,
)
from srcad.frontend.values.constants import key_of
from srcad.frontend.values.context import Context, is_integer
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.growing_lists import refuse_change
from srcad.frontend.values.iterables import arithmetic
from srcad.frontend.values.overlap_check import MaskedWrite
from srcad.frontend.values.raise_points import python_fails
from srcad.ir.nodes import Const, Expr, Op, Slice, Store, Var
from srcad.ir.types import Array, Dim, Scalar, is_complex
from srcad.rules.expansions.advanced_indexing import put, take
from srcad.rules.expansions.index_tricks import put_flat
from srcad.typing.length_demands import Axis
from srcad.typing.length_demands import stored as stored_in


def store(ctx: Context, value: Abstract, items: Abstract, stored: Abstract, op: str | None = None) -> None:
    """`value[items] = stored`, or `op=` in place."""
    value, items, stored = ctx.check(value), ctx.check(items), ctx.check(stored)
    if class_with_methods(value) is not None:  # only then: to read the item leaves a trace in the text
        new = stored if op is None else binary(ctx, op, index(ctx, value, items), stored)
        if special(ctx, value, "__setitem__", items, new) is not None:
            return
    if isinstance(value, HeapRef) and value.kind != "object":
        _store_item(ctx, value, items, stored if op is None else binary(ctx, op, index(ctx, value, items), stored))
        return
    if isinstance(value, FlatValue):
        new = stored if op is None else binary(ctx, op, index(ctx, value, items), stored)
        ctx.call(Constant(put_flat), value.array, items, new)
        return
    if not isinstance(value, Leaf) or not isinstance(value.type, Array):
        ctx.fail("S126", f"{describe_value(value)} cannot be written to by index")
    listed = index_items(items)
    stored_leaf = stored if isinstance(stored, Leaf) else array_of(ctx, stored)
    if not all(is_basic(item) for item in listed):
        listed = advanced_items(ctx, listed)
        if op is not None:
            _check_kind(ctx, value, stored_leaf, op)
        if op is None and isinstance(stored_leaf.type, Array) and any(map(_is_mask, listed)):
            ctx.masked_writes.append(MaskedWrite(value.atom, stored_leaf.atom, ctx.place()))
        new = stored_leaf if op is None else binary(ctx, op, ctx.call(Constant(take), value, Seq(listed)), stored_leaf)
        ctx.call(Constant(put), value, Seq(listed), new)
        return
    store_basic(ctx, value, basic_items(ctx, value, listed), stored_leaf, op)


def _is_mask(item: Abstract) -> bool:
    return isinstance(item, Leaf) and isinstance(item.type, Array) and item.type.dtype == "bool"


def store_basic(ctx: Context, array: Leaf, items: tuple[Expr, ...], stored: Leaf, op: str | None) -> None:
    """Emit the `Store`, after checks that the value can be broadcast to the target."""
    builder = ctx.builder
    assert isinstance(array.type, Array)
    if is_complex(stored.type) and not is_complex(array.type) and op is None:
        advice = "take its real part, z.real; or make an array of complex numbers: np.zeros(n, dtype=complex)."
        ctx.fail("S116", f"{describe_value(stored)} written into {describe_value(array)}", None, advice)
    made_by = builder.definitions.get(array.atom)
    if made_by is not None and made_by.prim in ("real", "imag"):
        _store_part(ctx, made_by, items, stored, op)
        return
    where: tuple[Expr, ...] = () if all(item == Slice() for item in items) else items
    assert isinstance(array.atom, Var)
    part = array.type if not items else builder.type_of_op("index", array.atom, *items)
    check_indices(ctx, array, where)
    if isinstance(stored.type, Array):
        _check_fit(ctx, part.dims if isinstance(part, Array) else (), stored.type.dims)
        if isinstance(part, Array):
            _demand_fit(ctx, array, items, part, stored)
    elif not isinstance(stored.type, Scalar):
        ctx.fail("S127", f"{describe_value(stored)} cannot be written into an array")
    assert isinstance(stored.type, Array | Scalar)
    if op is not None:
        _check_kind(ctx, array, stored, op)
    builder.emit(Store(array.atom, where, stored.atom, op, builder.span))


def _store_part(ctx: Context, part: Op, items: tuple[Expr, ...], stored: Leaf, op: str | None) -> None:
    """`z.real[items] = stored`, or of the imaginary part: the whole is stored to, with the other part as it was."""
    (whole,) = part.args
    assert isinstance(whole, Var)
    numbers = ctx.leaf(ctx.builder.op("index", whole, *items) if items else whole)
    real, imaginary = ctx.attribute(numbers, "real"), ctx.attribute(numbers, "imag")
    new = stored if op is None else binary(ctx, op, real if part.prim == "real" else imaginary, stored)
    if not isinstance(new, Leaf) or is_complex(new.type):
        ctx.fail("S116", f"{describe_value(new)} written into a real or imaginary part")
    parts = (new, imaginary) if part.prim == "real" else (real, new)
    both = binary(ctx, "+", parts[0], binary(ctx, "*", ctx.constant(1j), parts[1]))
    assert isinstance(both, Leaf)
    store_basic(ctx, ctx.leaf(whole), items, both, None)


def _check_kind(ctx: Context, array: Leaf, stored: Leaf, op: str) -> None:
    """S127 where an in-place update would cast floats to integers."""
    assert isinstance(array.type, Array)
    dtype = ctx.builder.dtype_of_op(op, array.atom, stored.atom)
    if not np.can_cast(dtype, array.type.dtype, "same_kind"):
        reason = f"NumPy does not cast {dtype} to {array.type.dtype} in place."
        ctx.fail("S127", f"{op}= of {describe_value(stored)} into {describe_value(array)}", reason)


def _demand_fit(ctx: Context, array: Leaf, items: tuple[Expr, ...], part: Array, value: Leaf) -> None:
    """Demand at run time that the stored value has the shape of the target, or is broadcast to it."""
    builder = ctx.builder
    assert isinstance(value.type, Array)
    target = [Axis(0, axis, d) for axis, d in enumerate(part.dims)]
    given = [Axis(1, axis, d) for axis, d in enumerate(value.type.dims)]
    wanted = stored_in(given, target, "does not fit into ")
    if builder.checks and wanted:
        view = builder.op("index", array.atom, *items) if items else array.atom
        builder.demand(wanted, (view, value.atom), builder.span)


def _check_fit(ctx: Context, target: Sequence[Dim], stored: Sequence[Dim]) -> None:
    extra = len(stored) - len(target)
    dims = list(stored)
    if extra > 0:
        if not all(d.is_one for d in dims[:extra]):
            ctx.fail("S127", f"an array of {len(stored)} axes written into {len(target)} axes")
        dims = dims[extra:]
    for have, want in zip(reversed(dims), reversed(target), strict=False):
        if not have.terms and not want.terms and have != want and not have.is_one:
            ctx.fail("S127", f"a length of {have.const} written into a length of {want.const}")


def _store_into_buffer(ctx: Context, ref: int, place: Abstract, item: Abstract) -> None:
    """`hs[place] = item` of a list of run-time length."""
    count = ctx.heap[ref].items[1]
    assert isinstance(place, Leaf) and isinstance(count, Leaf)
    emit_index_check(ctx, place.atom, count.atom)
    at = place
    if isinstance(place.static, int):
        at = place if place.static >= 0 else arithmetic(ctx, "+", count, place)
    elif not isinstance(place.atom, Var) or place.atom.name not in ctx.nonnegative_indices:
        from_end = ctx.builder.op("+", place.atom, count.atom)
        is_negative = ctx.builder.op("<", place.atom, Const(0))
        at = ctx.leaf(ctx.builder.op("select", is_negative, from_end, place.atom))
    run_time_lists.store_item(ctx, ref, at.atom, item)


def _store_item(ctx: Context, value: HeapRef, items: Abstract, stored: Abstract) -> None:
    cells = ctx.heap[value.id]
    ctx.changes(value)
    check_conflicts(ctx, cells)
    if cells.buffered and not cells.shared and is_integer(items):
        _store_into_buffer(ctx, value.id, items, stored)
        return
    if cells.grown:
        refuse_change(ctx, value.id)
    if cells.shared:
        ctx.fail(
            "S125",
            f"this {value.kind} comes from two paths, and is changed here",
            "Which of the two is meant is known only at run time.",
            f"make a new {value.kind} instead of changing this one.",
        )
    if cells.keys is not None:
        key = key_of(ctx, items)
        ctx.heap[value.id] = cells.with_entries(cells.entries | {key: stored})
        return
    listed = list(cells.items)
    if isinstance(items, SliceValue):
        listed[static_slice(ctx, items)] = list(spread(ctx, stored))
    else:
        position = position_of(ctx, items)
        if not -len(listed) <= position < len(listed):
            python_fails(ctx, IndexError, "S126", f"index {position} of a list of {len(listed)}")
        listed[position] = stored
    ctx.heap[value.id] = HeapObject(tuple(listed))
