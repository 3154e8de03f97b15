"""Compile-time constants: conversion of Python objects to abstract values and back.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x):
...     scales = {"a": 2.0, "b": (3.0, "text")}
...     return x * scales["b"][0] if "%d" % len(scales) == "2" else x
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    %product.0 = x * 3.0
    return %product.0
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Constant,
    CopiedContainer,
    HeapObject,
    HeapRef,
    Leaf,
    Mapping,
    RangeValue,
    Record,
    Seq,
    SliceValue,
)
from srcad.frontend.values.call_values import known_in_call
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.describe import is_namedtuple
from srcad.frontend.values.user_classes import is_value_class
from srcad.ir.nodes import Const


def to_abstract(ctx: Context, value: Any) -> Abstract:
    """A Python object as an abstract value known at compile time."""
    if isinstance(value, enum.Enum) and isinstance(value, int | float):
        return ctx.constant(value.value)
    if isinstance(value, bool | int | float | complex) and not isinstance(value, np.generic):
        return ctx.constant(value)
    if isinstance(value, np.bool_ | np.integer | np.inexact):
        return ctx.constant(value.item())
    if is_namedtuple(value) and not isinstance(value, type):
        return Record(type(value), tuple((f, to_abstract(ctx, getattr(value, f))) for f in value._fields))
    if isinstance(value, tuple):
        return Seq(tuple(to_abstract(ctx, item) for item in value))
    if isinstance(value, list):
        return ctx.new_ref(HeapObject(tuple(to_abstract(ctx, item) for item in value)))
    if isinstance(value, dict):
        return ctx.new_ref(HeapObject(tuple(to_abstract(ctx, item) for item in value.values()), tuple(value)))
    if isinstance(value, slice):
        bounds = (value.start, value.stop, value.step)
        if all(bound is None or isinstance(bound, int | np.integer) for bound in bounds):
            return SliceValue(*(None if bound is None else ctx.constant(int(bound)) for bound in bounds))
    if isinstance(value, range):
        return RangeValue(ctx.constant(value.start), ctx.constant(value.stop), ctx.constant(value.step))
    return Constant(value)


def to_python(ctx: Context, value: Abstract) -> Any:
    """The Python object of an abstract value; `UNKNOWN` where it is not known at compile time."""
    match value:
        case Leaf(static=static):
            return static
        case Constant(static):
            return static
        case Seq(items, kind):
            parts = [to_python(ctx, item) for item in items]
            return UNKNOWN if UNKNOWN in _ids(parts) else tuple(parts) if kind == "tuple" else parts
        case HeapRef(id=ref):
            cells = ctx.heap[ref]
            if cells.grown or cells.cls is not None:
                return UNKNOWN
            parts = [to_python(ctx, item) for item in cells.items]
            if UNKNOWN in _ids(parts):
                return UNKNOWN
            return parts if cells.keys is None else dict(zip(cells.keys, parts, strict=True))
        case SliceValue(lower, upper, step):
            parts = [None if p is None else to_python(ctx, p) for p in (lower, upper, step)]
            return UNKNOWN if UNKNOWN in _ids(parts) else slice(*parts)
        case Record(cls, fields) if issubclass(cls, tuple):
            parts = [to_python(ctx, item) for _, item in fields]
            return UNKNOWN if UNKNOWN in _ids(parts) else cls(*parts)
        case _:
            return UNKNOWN


class _ids(list[Any]):
    """A list with `in` by identity: `==` of arrays has no truth value."""

    def __contains__(self, item: object) -> bool:
        return any(part is item for part in self)


def key_of(ctx: Context, value: Abstract) -> object:
    """The key of a dict that an abstract value stands for."""
    key = to_python(ctx, known_in_call(ctx, ctx.check(value)))
    if key is UNKNOWN:
        ctx.retry(
            "S123",
            "a key of a dict must be known when compiling",
            f"This one is {describe_value(value)} known at run time.",
        )
    try:
        hash(key)
    except TypeError:
        ctx.fail("S117", f"{describe_value(value)} as the key of a dict")
    return key


def to_callee(ctx: Context, value: Abstract) -> Abstract:
    """An argument in the callee: its lists and dicts are on the heap, and may be modified."""
    match value:
        case Seq(items, "list"):
            return ctx.new_ref(HeapObject(tuple(to_callee(ctx, item) for item in items)))
        case Seq(items, _):
            return Seq(tuple(to_callee(ctx, item) for item in items))
        case Mapping(pairs):
            return ctx.new_ref(HeapObject(tuple(to_callee(ctx, v) for _, v in pairs), tuple(k for k, _ in pairs)))
        case Record(cls, fields):
            inner = tuple((name, to_callee(ctx, v)) for name, v in fields)
            if is_value_class(cls):
                return Record(cls, inner)
            return ctx.new_ref(HeapObject(tuple(v for _, v in inner), tuple(name for name, _ in inner), cls=cls))
        case CopiedContainer(items, keys, grown, full):
            return ctx.new_ref(HeapObject(items, keys, False, grown, full))
        case Constant(bool() | int() as number):
            return ctx.constant(number)
        case Constant(slice() | range() as bounds):
            return to_abstract(ctx, bounds)
        case _:
            return value


def to_caller(ctx: Context, value: Abstract, leaf: Callable[[Leaf], Leaf] = lambda leaf: leaf) -> Abstract:
    """A result in the caller: lists and dicts as values, `leaf` applied to each leaf."""
    value = ctx.check(value)
    match value:
        case Leaf():
            return leaf(value)
        case HeapRef(id=ref):
            cells = ctx.heap[ref]
            if cells.grown:
                ctx.fail("S117", "a list that grew in a run-time loop, as a result", None, "return np.stack of it.")
            items = tuple(to_caller(ctx, item, leaf) for item in cells.items)
            if cells.cls is not None:
                return Record(cells.cls, tuple((str(k), v) for k, v in zip(cells.keys or (), items, strict=True)))
            return Seq(items, "list") if cells.keys is None else Mapping(tuple(zip(cells.keys, items, strict=True)))
        case Seq(items, kind):
            return Seq(tuple(to_caller(ctx, item, leaf) for item in items), kind)
        case Record(cls, fields):
            return Record(cls, tuple((name, to_caller(ctx, v, leaf)) for name, v in fields))
        case Constant():
            return value
    ctx.fail(
        "S117",
        f"{describe_value(value)} as the result of the function",
        None,
        "return numbers, arrays, and structures of them.",
    )


def is_constant(value: Abstract) -> bool:
    return isinstance(value, Leaf) and isinstance(value.atom, Const)


def is_dataclass(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def formatted(ctx: Context, text: str, value: Abstract) -> Constant:
    """`text % value`, constant-folded."""
    parts = value.items if isinstance(value, Seq) else (value,)
    shown = [
        part.static if isinstance(part, Leaf) else part.value if isinstance(part, Constant) else UNKNOWN
        for part in parts
    ]
    if any(part is UNKNOWN for part in shown):
        ctx.retry("S123", "text made of run-time values", "Compiled code has no strings to compute with.")
    try:
        return Constant(text % tuple(shown))
    except (TypeError, ValueError) as error:
        ctx.fail("S127", f"{type(error).__name__}: {error}")
