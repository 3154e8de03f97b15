"""Compile-time queries of shape, type and class: `isinstance`, `np.ndim`, `np.shape`, `hasattr`.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> import numpy as np
>>> def f(x):
...     if np.ndim(x) == 0 or isinstance(x, float):
...         return x
...     return np.sum(x)
>>> print(text(normal_form(f, np.ones(3))))
f(x: float64[x.0]):
    result.0 = np.sum(x)
    return result.0
"""

from __future__ import annotations

import builtins
from types import FunctionType
from typing import NoReturn

import numpy as np

from srcad.frontend.calls.builtin_calls import Args, Handler, Keywords, builtin
from srcad.frontend.calls.methods import size
from srcad.frontend.lowering.expressions import length
from srcad.frontend.lowering.indexing import array_of
from srcad.frontend.values.abstract_values import (
    Abstract,
    Closure,
    Constant,
    HeapRef,
    Leaf,
    Method,
    Partial,
    RangeValue,
    Record,
    Seq,
    SliceValue,
    Table,
)
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iterables import items_of
from srcad.ir.nodes import Const
from srcad.ir.types import Array, Scalar
from srcad.rules import registry


def class_of(value: Abstract, ctx: Context) -> type:
    """The Python class of the value that an abstract value stands for."""
    match value:
        case Leaf(atom, Scalar(dtype)):
            if ctx.builder.is_weak(atom):
                return {"bool": bool, "int64": int, "float64": float, "complex128": complex}[dtype]
            return np.dtype(dtype).type
        case Leaf():
            return np.ndarray
        case Table(cls=cls):
            return cls
        case Seq():
            return tuple
        case HeapRef(cls=type() as cls):
            return cls
        case HeapRef(kind=kind):
            return list if kind == "list" else dict
        case Record(cls):
            return cls
        case RangeValue():
            return range
        case SliceValue():
            return slice
        case Constant(thing):
            return type(thing)
        case Closure() | Partial() | Method():
            return FunctionType
        case _:
            return object


@builtin(isinstance, least=2, most=2)
def _isinstance(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    wanted = to_python(ctx, args[1])
    cls = class_of(args[0], ctx)
    try:
        return ctx.constant(issubclass(cls, wanted))
    except TypeError as error:
        ctx.fail("S123", f"isinstance: {error}")


@builtin(callable)
def _callable(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    return ctx.constant(
        isinstance(value, Closure | Partial | Method) or (isinstance(value, Constant) and callable(value.value))
    )


@builtin(builtins.type)
def _type(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return Constant(class_of(args[0], ctx))


@builtin(np.ndim)
def _ndim(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    if isinstance(value, Leaf):
        return ctx.constant(len(value.type.dims) if isinstance(value.type, Array) else 0)
    if isinstance(value, Constant):
        return ctx.constant(0)
    items = items_of(ctx, value)
    if items is None:
        ctx.fail("S127", f"the rank of {describe_value(value)}")
    inner = _ndim(ctx, [items[0]], {}) if items else ctx.constant(0)
    assert isinstance(inner, Leaf) and isinstance(inner.static, int)
    return ctx.constant(1 + inner.static)


@builtin(np.shape)
def _shape(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    if isinstance(value, Leaf):
        rank = len(value.type.dims) if isinstance(value.type, Array) else 0
        return Seq(tuple(length(ctx, value, axis) for axis in range(rank)))
    items = items_of(ctx, value)
    if items is None:
        return Seq(())
    inner = _shape(ctx, [items[0]], {}) if items else Seq(())
    assert isinstance(inner, Seq)
    return Seq((ctx.constant(len(items)), *inner.items))


@builtin(np.size, most=2)
def _size(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = array_of(ctx, args[0])
    if len(args) == 2:
        axis = to_python(ctx, args[1])
        if not isinstance(axis, int) or not isinstance(value.type, Array):
            ctx.retry("S123", "the axis must be known when compiling")
        return length(ctx, value, axis % len(value.type.dims))
    return size(ctx, value)


@builtin(np.isscalar)
def _isscalar(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    return ctx.constant(isinstance(value, Leaf) and isinstance(value.type, Scalar))


@builtin(registry.known_size, least=2, most=2)
def _known_size(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    array, given = args[0], items_of(ctx, args[1])
    assert isinstance(array, Leaf) and isinstance(array.type, Array) and given is not None
    constant_size, remaining = 1, [d for d in array.type.dims if d.terms]
    for d in array.type.dims:
        constant_size *= 1 if d.terms else d.const
    given_size, has_unknown = 1, False
    for given_length in given:
        assert isinstance(given_length, Leaf) and isinstance(given_length.type, Scalar)
        if given_length.static == -1:
            has_unknown = True
        elif given_length.type.dim is not None and given_length.type.dim.terms:
            if given_length.type.dim not in remaining:
                return ctx.constant(False)
            remaining.remove(given_length.type.dim)
        elif isinstance(given_length.static, int):
            given_size *= given_length.static
        else:
            return ctx.constant(False)
    fits = constant_size % max(given_size, 1) == 0 if has_unknown else constant_size == given_size and not remaining
    return ctx.constant(fits)


@builtin(registry.is_constant)
def _is_constant(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    return ctx.constant(isinstance(value, Leaf) and (isinstance(value.atom, Const) or value.known))


def _length_query(is_not_one: bool) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        value, axis = array_of(ctx, args[0]), to_python(ctx, args[1])
        if not isinstance(axis, int):
            ctx.retry("S123", "an axis must be known when compiling")
        if not isinstance(value.type, Array) or not -len(value.type.dims) <= axis < len(value.type.dims):
            ctx.fail("S127", f"axis {axis} of {describe_value(value)}")
        known_length = value.type.dims[axis]
        return ctx.constant(known_length.is_not_one if is_not_one else known_length.is_one)

    return handler


builtin(registry.known_one, least=2, most=2)(_length_query(False))
builtin(registry.known_many, least=2, most=2)(_length_query(True))


@builtin(registry.dtype_of)
def _dtype_of(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    if isinstance(value, Constant) and isinstance(value.value, str):  # its items are strings, and so on for ever
        value = array_of(ctx, value)
    if not isinstance(value, Leaf):
        parts = [part for item in items_of(ctx, value) or () if (part := to_python(ctx, _dtype_of(ctx, [item], {})))]
        return Constant(np.result_type(*parts).name if parts else "float64")
    assert isinstance(value.type, Array | Scalar)
    return Constant(value.type.dtype)


@builtin(registry.unsupported)
def _refuse(ctx: Context, args: Args, keywords: Keywords) -> NoReturn:
    ctx.fail("S128", f"{to_python(ctx, args[0])} is not supported")
