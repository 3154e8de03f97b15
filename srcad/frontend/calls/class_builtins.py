"""Lowering of functions that make classes, or take objects of them apart: `namedtuple`, `asdict`, `astuple`.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's class
>>> @dataclasses.dataclass
... class Point:
...     x: float
...     y: float
>>> def f(v):
...     return dataclasses.asdict(Point(v, 2.0))["x"]
>>> print(text(normal_form(f, 1.0)))
f(v: float64):
    return v
"""

from __future__ import annotations

import collections
import dataclasses
from functools import lru_cache
from typing import Any

import numpy as np

from srcad.frontend.calls.builtin_calls import Args, Keywords, builtin
from srcad.frontend.calls.objects import object_attribute
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    Record,
    Seq,
    map_structure,
)
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.growing_lists import refuse_change
from srcad.ir.types import Array


@lru_cache(maxsize=1024)
def _named_tuple(module: str, args: tuple[Any, ...], keywords: tuple[tuple[str, Any], ...]) -> type:
    """One class for equal arguments: the named tuples of two calls are compared by what they are."""
    return collections.namedtuple(*args, **(dict(keywords) | {"module": module}))


@builtin(collections.namedtuple, least=2, most=2, keywords="rename defaults")
def _namedtuple(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    given = [to_python(ctx, ctx.check(arg)) for arg in args]
    named = {key: to_python(ctx, ctx.check(value)) for key, value in keywords.items()}
    if any(value is UNKNOWN for value in (*given, *named.values())):
        ctx.retry("S123", "the fields of a namedtuple must be known when compiling")
    own = [tuple(value) if isinstance(value, list) else value for value in given]
    module = str(ctx.frame.source.function.__module__)
    try:
        return Constant(_named_tuple(module, tuple(own), tuple(sorted(named.items()))))
    except (TypeError, ValueError) as error:
        ctx.fail("S127", f"{type(error).__name__}: {error}")


def _taken_apart(ctx: Context, value: Abstract, as_dict: bool) -> Abstract:
    """What `asdict` and `astuple` make of a value: dataclasses at any depth, with copies of all else."""
    value = ctx.check(value)

    def inner(part: Abstract) -> Abstract:
        return _taken_apart(ctx, part, as_dict)

    match value:
        case HeapRef(cls=type() as cls) | Record(cls) if dataclasses.is_dataclass(cls):
            fields = [one.name for one in dataclasses.fields(cls)]
            items = tuple(inner(object_attribute(ctx, value, name)) for name in fields)
            return ctx.new_ref(HeapObject(items, tuple(fields))) if as_dict else Seq(items)
        case HeapRef(id=ref, cls=None):
            cells = ctx.heap[ref]
            if cells.grown:
                refuse_change(ctx, ref)
            return ctx.new_ref(HeapObject(tuple(map(inner, cells.items)), cells.keys))
        case HeapRef():
            ctx.fail("S117", f"a copy of {describe_value(value)} in a dataclass", None, "make it a dataclass, too.")
        case Leaf(type=Array()):
            return ctx.call(Constant(np.copy), value)
        case Seq() | Record():
            return map_structure(value, inner)
    return value


def _of_dataclass(function: Any, as_dict: bool) -> None:
    @builtin(function)
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        value = args[0]
        if not isinstance(value, HeapRef | Record) or not dataclasses.is_dataclass(value.cls):
            ctx.fail("S127", f"TypeError: {function.__name__}() should be called on dataclass instances")
        return _taken_apart(ctx, value, as_dict)


_of_dataclass(dataclasses.asdict, True)
_of_dataclass(dataclasses.astuple, False)
