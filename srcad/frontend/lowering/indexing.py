"""Lowering of subscripts that are read: basic indexing is a primitive; index arrays and masks call library loops.

Bounds checks are emitted where the index is not known to be within bounds.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, i):
...     return x[i, 1:]
>>> import numpy as np
>>> print(text(normal_form(f, np.ones((3, 4)), 1)))
f(x: float64[x.0, x.1], i: int64):
    %n.0 = shape(x, axis=0)
    within(i, %n.0, where='L2: x[i, 1:]: ')
    %item.0 = x[i, 1:]
    return %item.0
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from srcad.frontend.lowering.operators import binary
from srcad.frontend.lowering.overloading import special
from srcad.frontend.values import run_time_lists, zero_dim_arrays
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    FlatValue,
    HeapObject,
    HeapRef,
    Leaf,
    Mapping,
    MapValue,
    RangeValue,
    Record,
    Seq,
    SliceValue,
    Table,
    TypeConflict,
    WatchedItems,
)
from srcad.frontend.values.call_values import known_in_call
from srcad.frontend.values.constants import key_of
from srcad.frontend.values.context import Context, is_integer
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iterables import arithmetic, as_array, from_zero, items_of, table_item
from srcad.frontend.values.raise_points import note_raise, python_fails
from srcad.ir.nodes import Atom, Const, Expr, Slice, Var
from srcad.ir.runtime_checks import within
from srcad.ir.types import INEXACT, Array, Dim, ListOf, Scalar, Symbol
from srcad.rules.expansions.advanced_indexing import take
from srcad.rules.registry import EXPANSIONS


def index(ctx: Context, value: Abstract, items: Abstract) -> Abstract:
    """`value[items]`."""
    value, items = ctx.present(value), ctx.check(items)
    found = special(ctx, value, "__getitem__", items)
    if found is not None:
        return found
    match value:
        case Leaf(type=Array()):
            return _read(ctx, value, index_items(items))
        case Table(_, (count, *_)) if is_integer(items):
            assert isinstance(items, Leaf)
            if isinstance(items.static, int):
                return table_item(ctx, value, ctx.constant(_position(ctx, items.static, count)))
            emit_index_check(ctx, items.atom, Const(count))
            return table_item(ctx, value, items)
        case Leaf(atom, ListOf()):
            if isinstance(items, Leaf):
                emit_index_check(ctx, items.atom, ctx.builder.op("len", atom))
                return ctx.leaf(ctx.builder.op("index", atom, items.atom))
        case Leaf():
            if items in (Seq(()), Constant(...)):
                return (
                    zero_dim_arrays.mark_scalar(ctx, value)
                    if items == Seq(())
                    else zero_dim_arrays.mark_created(ctx, value, value)
                )
            ctx.fail("S126", "a number cannot be indexed")
        case WatchedItems() | MapValue() if ctx.frame.library:
            assert isinstance(items, Leaf)
            iterable = from_zero(ctx, value)
            if iterable.by_position and not isinstance(items.static, int):
                ctx.retry("S123", "which of several items is taken is known only at run time")
            return iterable.item(items)
        case HeapRef(id=ref) if ctx.heap[ref].at_run_time:
            if is_integer(items):
                assert isinstance(items, Leaf)
                emit_index_check(ctx, items.atom, run_time_lists.length(ctx, ref).atom)
                return run_time_lists.item(ctx, ref, items)
        case HeapRef(id=ref) if ctx.heap[ref].grown:
            return _grown_item(ctx, value, items)
        case HeapRef(id=ref, kind="dict"):
            cells = ctx.heap[ref]
            check_conflicts(ctx, cells)
            if ref in ctx.factories and key_of(ctx, items) not in (cells.keys or ()):
                return _made_entry(ctx, value, key_of(ctx, items))
            return _entry(ctx, cells.keys or (), cells.items, items)
        case Mapping(pairs):
            return _entry(ctx, tuple(k for k, _ in pairs), tuple(v for _, v in pairs), items)
        case Seq() | HeapRef(kind="list") | Constant(str()):
            return _item(ctx, value, items_of(ctx, value) or (), items)
        case Record(cls) if issubclass(cls, tuple):
            return _item(ctx, value, items_of(ctx, value) or (), items)
        case RangeValue(start, stop, step) if isinstance(items, SliceValue):
            ends = [leaf.static for leaf in (start, stop, step) if isinstance(leaf.static, int)]
            if len(ends) < 3:
                ctx.retry("S123", "the bounds of a range that is sliced must be known when compiling")
            part = range(*ends)[static_slice(ctx, items)]
            return RangeValue(ctx.constant(part.start), ctx.constant(part.stop), ctx.constant(part.step))
        case FlatValue():  # what it gives is no view
            return ctx.call(Constant(np.copy), index(ctx, as_array(ctx, value), items))
        case Constant(thing) if isinstance(thing, INDEXED_TO_MAKE):
            return ctx.call(Constant(EXPANSIONS[thing]), items)
        case RangeValue(start, _, step) if isinstance(items, Leaf):
            return binary(ctx, "+", start, binary(ctx, "*", items, step))
    ctx.fail("S126", f"{describe_value(value)} cannot be indexed so")


INDEXED_TO_MAKE = type(np.r_), type(np.c_), type(np.mgrid), type(np.ogrid)
"""Types of what is indexed to make arrays."""


def element(ctx: Context, value: Abstract, items: Abstract) -> Abstract | None:
    """The current value of `value[items]`; None where that is a view, which changes with the array."""
    current = index(ctx, value, items)
    view = isinstance(current, Leaf) and isinstance(current.type, Array) and all(map(is_basic, index_items(items)))
    return None if view else current


def check_conflicts(ctx: Context, cells: HeapObject) -> None:
    """An error where the contents of a list or dict have conflicting types on the paths that lead here."""
    for item in cells.items:
        if isinstance(item, TypeConflict):
            ctx.check(item)


def _grown_item(ctx: Context, value: HeapRef, item: Abstract) -> Abstract:
    """An item of a list that has grown in a run-time loop; a slice of it is again such a list."""
    cells = ctx.heap[value.id]
    buffer, length = cells.items
    assert isinstance(buffer, Leaf) and isinstance(length, Leaf)
    if isinstance(item, SliceValue):
        array_of_items = as_array(ctx, value)
        assert isinstance(array_of_items, Leaf)
        part = _read(ctx, array_of_items, (item,))
        assert isinstance(part, Leaf)
        if cells.buffered:  # the list that it is a part of may be changed
            part = ctx.leaf(ctx.builder.op("copy", part.atom, hint="items"))
        return ctx.new_ref(HeapObject((part, ctx.leaf(ctx.builder.op("len", part.atom))), grown=True, full=True))
    if not isinstance(item, Leaf) or not isinstance(item.type, Scalar) or item.type.dtype in INEXACT:
        ctx.fail("S126", f"{describe_value(item)} as the index of a list")
    counted = isinstance(item.atom, Var) and item.atom.name in ctx.nonnegative_indices
    if cells.full:
        return _read(ctx, buffer, (item,))
    if counted or (isinstance(item.static, int) and item.static >= 0):
        # only the rows that have been appended belong to the list
        emit_index_check(ctx, item.atom, length.atom)
        return ctx.leaf(ctx.builder.op("index", buffer.atom, item.atom))
    if not isinstance(item.static, int):
        array_of_items = as_array(ctx, value)
        assert isinstance(array_of_items, Leaf)
        return _read(ctx, array_of_items, (item,))
    emit_index_check(ctx, Const(item.static), length.atom)
    place = arithmetic(ctx, "-", length, ctx.constant(-item.static))
    return ctx.leaf(ctx.builder.op("index", buffer.atom, place.atom))


def _made_entry(ctx: Context, ref: HeapRef, key: object) -> Abstract:
    """The item of a dict that makes those that it does not have (`collections.defaultdict`)."""
    factory = ctx.factories[ref.id]
    if factory == Constant(None):
        return ctx.constant(0)
    ctx.changes(ref)
    if ctx.heap[ref.id].shared:
        ctx.fail("S125", "this dict comes from two paths, and is changed here")
    made = ctx.constant(factory.value()) if factory in _NUMBERS else ctx.call(factory)
    cells = ctx.heap[ref.id]
    ctx.heap[ref.id] = cells.with_entries({**cells.entries, key: made})
    return made


_NUMBERS = (Constant(float), Constant(int), Constant(bool))


def _entry(ctx: Context, keys: Sequence[object], values: Sequence[Abstract], item: Abstract) -> Abstract:
    key = key_of(ctx, item)
    for have, value in zip(keys, values, strict=True):
        if have == key:
            return value
    python_fails(ctx, KeyError, "S126", f"the dict has no key {key!r}", f"Its keys are {', '.join(map(repr, keys))}.")


def _item(ctx: Context, value: Abstract, items: Sequence[Abstract], item: Abstract) -> Abstract:
    if isinstance(item, SliceValue):
        part = items[static_slice(ctx, item)]
        return ctx.new_ref(HeapObject(tuple(part))) if isinstance(value, HeapRef) else Seq(tuple(part))
    for cell in items:
        ctx.optional(cell)
    if isinstance(item, Leaf) and not item.known and not ctx.unrollable_loops and _are_scalars_of_one_dtype(items):
        # a shape, or a table of numbers, indexed at run time
        return _read(ctx, array_of(ctx, Seq(tuple(items))), (item,))
    return items[_position(ctx, position_of(ctx, item), len(items))]


def _position(ctx: Context, position: int, count: int) -> int:
    if not -count <= position < count:
        python_fails(ctx, IndexError, "S126", f"index {position} of a sequence of {count}")
    return position % count


def _are_scalars_of_one_dtype(items: Sequence[Abstract]) -> bool:
    kinds = {item.type.dtype if isinstance(item, Leaf) and isinstance(item.type, Scalar) else None for item in items}
    return len(kinds) == 1 and None not in kinds


def position_of(ctx: Context, item: Abstract) -> int:
    """The position in a sequence, which must be known at compile time."""
    if not isinstance(item, Leaf) or not isinstance(item.type, Scalar) or item.type.dtype in INEXACT:
        ctx.fail("S126", f"{describe_value(item)} as the index of a sequence")
    item = known_in_call(ctx, item)
    assert isinstance(item, Leaf)
    if not isinstance(item.static, int):
        ctx.retry(
            "S123",
            "the index of a list or tuple must be known when compiling",
            "The items of a Python list may differ in shape and type, so the compiler must know which one is meant.",
            "loop over the list itself, or over range(len(it)); or stack equal items into one array.",
        )
    return int(item.static)


def static_slice(ctx: Context, item: SliceValue) -> slice:
    parts = []
    for part in (item.lower, item.upper, item.step):
        if part is not None and not isinstance(part.static, int):
            ctx.retry("S123", "the bounds of a slice of a list or tuple must be known when compiling")
        parts.append(None if part is None else part.static)
    return slice(*parts)


# ---- arrays ------------------------------------------------------------------------------------


def index_items(items: Abstract) -> tuple[Abstract, ...]:
    return items.items if isinstance(items, Seq) and items.kind == "tuple" else (items,)


def _read(ctx: Context, array: Leaf, items: tuple[Abstract, ...]) -> Abstract:
    if not all(is_basic(item) for item in items):
        return ctx.call(Constant(take), array, Seq(advanced_items(ctx, items)))
    basic = basic_items(ctx, array, items)
    if not basic and not items:
        return array
    check_indices(ctx, array, basic)
    found = ctx.leaf(ctx.builder.op("index", array.atom, *(basic or (Slice(),))))
    dots = any(isinstance(item, Constant) and item.value is ... for item in items)
    return zero_dim_arrays.mark_created(ctx, found, array) if dots and isinstance(found.type, Scalar) else found


def is_basic(item: Abstract) -> bool:
    match item:
        case SliceValue() | Constant(None) | Constant(value=type()):
            return True
        case Constant(value):
            return value is ...
        case Leaf(type=Scalar(dtype)):
            return dtype != "bool" and dtype not in INEXACT
        case _:
            return False


def advanced_items(ctx: Context, items: tuple[Abstract, ...]) -> tuple[Abstract, ...]:
    """The parts of an index, of which one is an array or a list; a list that has grown as an array."""
    _check_advanced(ctx, items)
    return tuple(array_of(ctx, one) if isinstance(one, HeapRef) and ctx.heap[one.id].grown else one for one in items)


def _check_advanced(ctx: Context, items: tuple[Abstract, ...]) -> None:
    for item in items:
        ctx.check(item)
        if is_basic(item) or isinstance(item, Seq | HeapRef):
            continue
        if isinstance(item, Leaf) and isinstance(item.type, Array) and item.type.dtype not in INEXACT:
            continue
        ctx.fail(
            "S126",
            f"{describe_value(item)} as an index",
            None,
            "use integers, slices, integer arrays or boolean masks.",
        )


def basic_items(ctx: Context, array: Leaf, items: Sequence[Abstract]) -> tuple[Expr, ...]:
    """The items in the IR: an Ellipsis becomes full slices of the axes that are left."""
    assert isinstance(array.type, Array)
    rank = len(array.type.dims)
    used = sum(1 for item in items if isinstance(item, Leaf | SliceValue))
    dots = [k for k, item in enumerate(items) if isinstance(item, Constant) and item.value is ...]
    if used > rank:
        ctx.fail("S126", f"{used} indices for an array of {rank} {'axis' if rank == 1 else 'axes'}")
    if len(dots) > 1:
        ctx.fail("S126", "two Ellipses in one index")
    out: list[Expr] = []
    for item in items:
        match item:
            case SliceValue(lower, upper, step):
                if step is not None and step.static == 0:
                    ctx.fail("S126", "the step of a slice must not be 0")
                out.append(Slice(*(None if p is None else _index_atom(ctx, p) for p in (lower, upper, step))))
            case Leaf():
                out.append(_index_atom(ctx, item))
            case Constant(None):
                out.append(Const(None))
            case _:
                out.extend([Slice()] * (rank - used))
    return tuple(out)


def check_indices(ctx: Context, array: Leaf, items: Sequence[Expr]) -> None:
    """Emit the bounds checks of integer indices; slices are never out of bounds."""
    assert isinstance(array.type, Array)
    axis = 0
    for item in items:
        if isinstance(item, Var | Const) and item != Const(None):
            length = array.type.dims[axis]
            if not _is_trivially_within(ctx, item, length):
                known = Const(length.const) if not length.terms else None
                emit_index_check(ctx, item, known or ctx.builder.op("shape", array.atom, axis=axis))
        axis += item != Const(None)


def emit_index_check(ctx: Context, item: Atom, length: Atom) -> None:
    """Emit the bounds check of an index for an axis of that length."""
    if ctx.checks_indices:
        stmt = within(item, length, ctx.builder.where(), ctx.place())
        ctx.builder.emit(stmt)
        note_raise(ctx, stmt, IndexError)


def _is_trivially_within(ctx: Context, item: Var | Const, length: Dim) -> bool:
    """Whether the index is trivially within bounds; `analysis/integers/index_bounds` proves more."""
    if isinstance(item, Const):
        return not length.terms and isinstance(item.value, int) and -length.const <= item.value < length.const
    known = ctx.builder.types[item.name]
    match known:
        case Scalar(dim=Dim(((Symbol(axis=None, low=Dim() as low, high=high), 1),), 0)):
            return low.is_nonnegative and high == length
    return False


def _index_atom(ctx: Context, item: Leaf) -> Expr:
    # the sign of a negative constant index must be visible: it counts from the end
    if isinstance(item.static, int) and item.static < 0 and not isinstance(item.atom, Const):
        return Const(int(item.static))
    return item.atom


def array_of(ctx: Context, value: Abstract) -> Leaf:
    """A sequence of scalars as an array."""
    value = as_array(ctx, value)
    if isinstance(value, Leaf):
        return value
    # np.array of a dict or a dataclass is an array of one object
    is_list = isinstance(value, HeapRef) and value.kind == "list"
    if is_list or isinstance(value, Seq) or (isinstance(value, Record) and issubclass(value.cls, tuple)):
        array_leaf = ctx.call(Constant(np.array), value)
        if isinstance(array_leaf, Leaf):
            return array_leaf
    ctx.fail("S117", f"{describe_value(value)} where a number or an array is needed")
