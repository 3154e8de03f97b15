"""Lowering of attributes, and of methods of arrays, lists, dicts and records.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> import numpy as np
>>> def f(x):
...     return x.T.shape[0] * x.sum()
>>> print(text(normal_form(f, np.ones((2, 3)))))
f(x: float64[x.0, x.1]):
    %result.0 = np.transpose(x, axes=(1, 0))
    %n.0 = shape(%result.0, axis=0)
    %result.3 = np.sum(x)
    %product.0 = %n.0 * %result.3
    return %product.0
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from srcad.frontend.calls.complex_operands import refuse_complex
from srcad.frontend.calls.deques import DEQUE_METHODS, deque_method
from srcad.frontend.calls.kernel_calls import KernelName, is_cuda, member
from srcad.frontend.calls.objects import initialise, object_attribute, super_attribute
from srcad.frontend.lowering.expressions import length, spread
from srcad.frontend.lowering.indexing import check_conflicts, position_of
from srcad.frontend.values import run_time_lists
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    DictView,
    FlatValue,
    HeapObject,
    HeapRef,
    Leaf,
    Method,
    RangeValue,
    Record,
    Seq,
    SliceValue,
    Super,
)
from srcad.frontend.values.constants import key_of, to_abstract
from srcad.frontend.values.context import Context, is_integer
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.definitions import rely_on_class
from srcad.frontend.values.growing_lists import append, refuse_change
from srcad.frontend.values.inner_classes import is_inner_class
from srcad.frontend.values.iterables import items_of
from srcad.frontend.values.libraries import of_library
from srcad.frontend.values.name_resolution import module_value, outside_value
from srcad.frontend.values.raise_points import python_fails
from srcad.frontend.values.user_classes import class_attribute
from srcad.ir.types import Array, Scalar
from srcad.rules.complex_numbers import METHODS_OF_COMPLEX
from srcad.rules.registry import METHODS

_LIST = frozenset({"sort", "append", "extend", "insert", "pop", "reverse", "copy", "index", "count", "clear"})
_DICT = frozenset({"items", "keys", "values", "get", "pop", "update", "setdefault", "copy", "clear"})


NO_KEYWORDS: Mapping[str, Abstract] = {}


def attribute(ctx: Context, value: Abstract, name: str) -> Abstract:
    """`value.name`."""
    value = ctx.check(value)
    match value:
        case Leaf():
            return _array_attribute(ctx, value, name)
        case HeapRef(cls=type()) | Record():
            return object_attribute(ctx, value, name)
        case Super():
            return super_attribute(ctx, value, name)
        case HeapRef(kind=kind):
            if value.id in ctx.deques and name == "maxlen":
                return ctx.deques[value.id] or Constant(None)
            if name in (_LIST if kind == "list" else _DICT) or (value.id in ctx.deques and name in DEQUE_METHODS):
                return Method(value, name)
        case Seq() if name in ("index", "count"):
            return Method(value, name)
        case Constant(ModuleType() as module) if is_cuda(module):
            return member(ctx, "cuda", name)
        case Constant(KernelName(of)):
            return member(ctx, of, name)
        case Constant(ModuleType() as module):
            return module_value(ctx, module, name)
        case Constant(thing):
            return _object_attribute(ctx, thing, name)
        case SliceValue(lower, upper, step) if name in ("start", "stop", "step"):
            part = {"start": lower, "stop": upper, "step": step}[name]
            return Constant(None) if part is None else part
        case RangeValue(start, stop, step) if name in ("start", "stop", "step"):
            return {"start": start, "stop": stop, "step": step}[name]
    advice = None
    if isinstance(value, Seq | HeapRef) and (name in METHODS or name in ("shape", "ndim", "T", "size", "dtype")):
        advice = f"pass an array; or make one of it here: np.array(it).{name}."
    python_fails(ctx, AttributeError, "S122", f"{describe_value(value)} has no attribute {name}", None, advice)


def _array_attribute(ctx: Context, value: Leaf, name: str) -> Abstract:
    type = value.type
    assert isinstance(type, Array | Scalar), type
    rank = len(type.dims) if isinstance(type, Array) else 0
    match name:
        case "shape":
            return Seq(tuple(length(ctx, value, axis) for axis in range(rank)))
        case "ndim":
            return ctx.constant(rank)
        case "dtype":
            return Constant(np.dtype(type.dtype))
        case "size":
            return size(ctx, value)
        case "T":
            return ctx.call(Constant(np.transpose), value) if rank > 1 else value
        case "flat":
            return FlatValue(value) if rank else ctx.call(Constant(np.ravel), value)
        case "mT":
            return ctx.call(Constant(np.matrix_transpose), value)
        case "real" | "imag":
            return ctx.call(Constant(getattr(np, name)), value)
        case "flags":
            # a layout of "A" is not known to be contiguous: False is the safe answer
            layout, vector = (type.layout if isinstance(type, Array) else "C"), rank < 2
            both = layout != "A" and vector
            return Constant(_Flags(layout == "C" or both, layout == "F" or both))
        case "itemsize":
            return ctx.constant(np.dtype(type.dtype).itemsize)
    if name in METHODS:
        return Method(value, name)
    ctx.fail(
        "S122",
        f"{describe_value(value)} has no attribute {name} that srcad knows",
        None,
        "use the function of NumPy instead.",
    )


class _Flags(NamedTuple):
    """The flags of an array that are known at compile time."""

    c_contiguous: bool
    f_contiguous: bool


def size(ctx: Context, value: Leaf) -> Leaf:
    """The number of elements."""
    if not isinstance(value.type, Array):
        return ctx.constant(1)
    total = 1
    for d in value.type.dims:
        if d.terms:
            return ctx.leaf(ctx.builder.op("size", value.atom))
        total *= d.const
    return ctx.constant(total)


def _object_attribute(ctx: Context, thing: Any, name: str) -> Abstract:
    if thing is None or not hasattr(thing, name):
        ctx.fail("S122", f"{'None' if thing is None else describe_value(Constant(thing))} has no attribute {name}")
    rely_on_class(ctx, thing if isinstance(thing, type) else type(thing))
    if isinstance(class_attribute(type(thing), name), property) and not isinstance(thing, type | np.dtype | str):
        return ctx.call(Constant(class_attribute(type(thing), name).fget), Constant(thing))
    value = getattr(thing, name)
    owner = thing if isinstance(thing, type | FunctionType) else type(thing)
    constant = (of_library(owner.__module__) and owner is not SimpleNamespace) or isinstance(thing, enum.EnumMeta)
    constant = constant or is_inner_class(thing)
    if constant or ctx.frame.library or isinstance(thing, _Flags):
        return to_abstract(ctx, value)
    shown = f"{getattr(thing, '__name__', type(thing).__name__)}.{name}"
    return outside_value(ctx, ctx.frame, shown, lambda: getattr(thing, name), id(thing))


# ---- calls -------------------------------------------------------------------------------------


def call_method(
    ctx: Context, receiver: Abstract, name: str, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    """`receiver.name(*args, **keywords)`."""
    if isinstance(receiver, Leaf):
        if name not in METHODS_OF_COMPLEX:
            refuse_complex(ctx, f".{name}", [receiver, *args, *keywords.values()])
        return ctx.call(Constant(METHODS[name]), receiver, *args, **keywords)
    if isinstance(receiver, Record):
        return _record_method(ctx, receiver, name, keywords)
    if isinstance(receiver, Super):
        assert isinstance(receiver.receiver, HeapRef)
        initialise(ctx, receiver.receiver, receiver.cls, receiver.after, args, keywords)
        return Constant(None)
    if keywords and name not in ("update", "sort"):
        ctx.fail("S124", f"{name} takes no keywords")
    if isinstance(receiver, Seq):
        return _index_or_count(ctx, receiver, name, args)
    assert isinstance(receiver, HeapRef)
    if receiver.id in ctx.deques and not ctx.frame.library:
        return deque_method(ctx, receiver, name, args, container_method)
    return container_method(ctx, receiver, name, args, keywords)


def container_method(
    ctx: Context, receiver: HeapRef, name: str, args: Sequence[Abstract], keywords: Mapping[str, Abstract] = NO_KEYWORDS
) -> Abstract:
    """A method of a list or dict."""
    if name in _MUTATING:
        ctx.changes(receiver)
    check_conflicts(ctx, ctx.heap[receiver.id])
    cells = ctx.heap[receiver.id]
    if (cells.at_run_time or cells.buffered) and not cells.shared:
        match name, [ctx.check(arg) for arg in args]:
            case "pop", [Leaf() as at] if is_integer(at):
                return run_time_lists.pop_at(ctx, receiver.id, at)
            case "insert", [Leaf() as at, item] if is_integer(at):
                run_time_lists.insert(ctx, receiver.id, at, item)
                return Constant(None)
            case "clear", []:
                run_time_lists.clear(ctx, receiver.id)
                return Constant(None)
        if name == "append":
            run_time_lists.append(ctx, receiver.id, _only_argument(ctx, name, args))
            return Constant(None)
        if name == "pop" and not args:
            return run_time_lists.pop(ctx, receiver.id)
        if name == "extend" and _only_argument(ctx, name, args) != receiver:
            for item in spread(ctx, _only_argument(ctx, name, args)):
                run_time_lists.append(ctx, receiver.id, item)
            return Constant(None)
    if ctx.heap[receiver.id].grown:
        if name not in ("append", "extend") or cells.at_run_time or cells.buffered:
            refuse_change(ctx, receiver.id)
        given = ctx.check(_only_argument(ctx, name, args))
        if name == "extend" and given == receiver:
            refuse_change(ctx, receiver.id)
        for item in spread(ctx, given) if name == "extend" else (given,):
            append(ctx, receiver.id, item)
        return Constant(None)
    if name in _MUTATING and ctx.heap[receiver.id].shared:
        ctx.fail(
            "S125",
            f"this {receiver.kind} comes from two paths, and is changed here",
            "Which of the two is meant is known only at run time.",
            f"make a new {receiver.kind} instead of changing this one.",
        )
    if name == "sort":
        ordered = ctx.call(Constant(sorted), receiver, **keywords)
        assert isinstance(ordered, HeapRef)
        ctx.heap[receiver.id] = ctx.heap[ordered.id]
        return Constant(None)
    if receiver.kind == "dict":
        return _dict_method(ctx, receiver, name, args, keywords)
    return _list_method(ctx, receiver, name, args)


_MUTATING = frozenset({"sort", "append", "extend", "insert", "pop", "reverse", "clear", "update", "setdefault"})


def _record_method(ctx: Context, record: Record, name: str, keywords: Mapping[str, Abstract]) -> Abstract:
    if name == "_asdict":
        return ctx.new_ref(HeapObject(tuple(v for _, v in record.fields), tuple(k for k, _ in record.fields)))
    return replaced(ctx, record, keywords)


def replaced(ctx: Context, record: Record, changes: Mapping[str, Abstract]) -> Record:
    """The record with new values for some fields."""
    for name in changes:
        if record.get(name) is None:
            ctx.fail("S124", f"{record.cls.__name__} has no field {name}")
    return Record(record.cls, tuple((name, changes.get(name, value)) for name, value in record.fields))


def _only_argument(ctx: Context, name: str, args: Sequence[Abstract]) -> Abstract:
    if len(args) != 1:
        ctx.fail("S124", f"{name} takes one argument")
    return args[0]


def _index_or_count(ctx: Context, value: Abstract, name: str, args: Sequence[Abstract]) -> Abstract:
    wanted = key_of(ctx, _only_argument(ctx, name, args))
    items = items_of(ctx, value)
    if items is None:
        ctx.fail("S125", f"{name} of a list whose length only a run knows", None, "write a loop.")
    present = [key_of(ctx, item) for item in items]
    if name == "count":
        return ctx.constant(present.count(wanted))
    if wanted not in present:
        python_fails(ctx, ValueError, "S126", f"{wanted!r} is not in the sequence")
    return ctx.constant(present.index(wanted))


def _list_method(ctx: Context, ref: HeapRef, name: str, args: Sequence[Abstract]) -> Abstract:
    items = ctx.heap[ref.id].items
    result: Abstract = Constant(None)
    match name:
        case "append":
            items = (*items, _only_argument(ctx, name, args))
        case "extend":
            items = items + spread(ctx, _only_argument(ctx, name, args))
        case "insert" if len(args) == 2:
            at = position_of(ctx, ctx.check(args[0]))
            listed = list(items)
            listed.insert(at, args[1])
            items = tuple(listed)
        case "pop":
            at = position_of(ctx, ctx.check(args[0])) if args else -1
            if not args and not items:
                run_time_lists.retry_empty(ctx, ref.id)
            if not -len(items) <= at < len(items):
                python_fails(ctx, IndexError, "S126", f"pop from a list of {len(items)}")
            result = items[at]
            at %= len(items)
            items = items[:at] + items[at + 1 :]
        case "reverse":
            items = items[::-1]
        case "clear":
            items = ()
        case "copy":
            return ctx.new_ref(HeapObject(items))
        case "index" | "count":
            return _index_or_count(ctx, ref, name, args)
        case _:
            ctx.fail("S124", f"list.{name} with these arguments")
    ctx.heap[ref.id] = HeapObject(items)
    return result


def _dict_method(
    ctx: Context, ref: HeapRef, name: str, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    cells = ctx.heap[ref.id]
    for item in cells.items:
        ctx.optional(item)
    keys = cells.keys or ()
    entries = dict(zip(keys, cells.items, strict=True))
    match name:
        case "items" | "keys" | "values":
            return DictView(ref, name)
        case "copy":
            copied = ctx.new_ref(HeapObject(cells.items, cells.keys))
            if ref.id in ctx.factories:
                ctx.factories[copied.id] = ctx.factories[ref.id]
            return copied
    result: Abstract = Constant(None)
    if name == "update":
        for arg in args:
            if not isinstance(arg, HeapRef) or arg.kind != "dict":
                ctx.fail("S117", f"dict.update with {describe_value(arg)}")
            other = ctx.heap[arg.id]
            entries.update(zip(other.keys or (), other.items, strict=True))
        entries.update(keywords)
    elif name == "clear":
        entries = {}
    else:
        if not 1 <= len(args) <= 2:
            ctx.fail("S124", f"dict.{name} with {len(args)} arguments")
        key = key_of(ctx, args[0])
        default = args[1] if len(args) == 2 else Constant(None)
        result = entries.get(key, default)
        if name == "get":
            return result
        if name == "pop":
            if key not in entries and len(args) == 1:
                python_fails(ctx, KeyError, "S126", f"the dict has no key {key!r}")
            entries.pop(key, None)
        else:
            entries.setdefault(key, default)
    ctx.heap[ref.id] = cells.with_entries(entries)
    return result
