"""Lowering of builtins that look at an object: `super`, `getattr`, `setattr`, `vars`, copies."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np

from srcad.frontend.calls.builtin_calls import BUILTINS, Args, Handler, Keywords, builtin
from srcad.frontend.calls.methods import replaced
from srcad.frontend.calls.objects import (
    delete_attribute,
    has_attribute,
    new_object,
    object_attribute,
    set_attribute,
    set_unchecked,
)
from srcad.frontend.calls.type_queries import class_of
from srcad.frontend.lowering.overloading import special
from srcad.frontend.syntax.iterator_bodies import each
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    GeneratorValue,
    HeapObject,
    HeapRef,
    Leaf,
    Record,
    Super,
    map_structure,
)
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iterables import is_iterator
from srcad.ir.types import Array


@builtin(super, least=0, most=2)
def _super(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    if len(args) == 2:
        after, receiver = to_python(ctx, args[0]), args[1]
    else:
        cell, parameters = ctx.frame.source.closure.get("__class__"), ctx.frame.tree.args
        names = [*parameters.posonlyargs, *parameters.args]
        if cell is None or not names or args:
            ctx.fail("S127", "super() outside of a method")
        after, receiver = cell.cell_contents, ctx.frame.names[names[0].id]
    cls = receiver.value if isinstance(receiver, Constant) else class_of(receiver, ctx)
    if not isinstance(after, type) or not isinstance(cls, type) or not issubclass(cls, after):
        ctx.fail("S127", f"super of {describe_value(receiver)}")
    return Super(receiver, cls, after)


def _name(ctx: Context, value: Abstract) -> str:
    name = to_python(ctx, value)
    if not isinstance(name, str):
        ctx.retry("S123", "the name of an attribute must be known when compiling")
    return name


@builtin(getattr, least=2, most=3)
def _getattr(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    name = _name(ctx, args[1])
    if len(args) == 3 and not _has(ctx, args[0], name):
        return args[2]
    return ctx.attribute(args[0], name)


@builtin(hasattr, least=2, most=2)
def _hasattr(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ctx.constant(_has(ctx, args[0], _name(ctx, args[1])))


def _has(ctx: Context, value: Abstract, name: str) -> bool:
    if isinstance(value, Constant):
        return hasattr(value.value, name)
    if isinstance(value, Record) or (isinstance(value, HeapRef) and value.cls is not None):
        return has_attribute(ctx, value, name)
    return hasattr(class_of(value, ctx), name)


@builtin(setattr, least=3, most=3)
def _setattr(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    set_attribute(ctx, args[0], _name(ctx, args[1]), args[2])
    return Constant(None)


@builtin(delattr, least=2, most=2)
def _delattr(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    delete_attribute(ctx, args[0], _name(ctx, args[1]))
    return Constant(None)


@builtin(object.__setattr__, least=3, most=3)
def _object_setattr(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    set_unchecked(ctx, args[0], _name(ctx, args[1]), args[2])
    return Constant(None)


@builtin(vars)
def _vars(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ctx.attribute(args[0], "__dict__")


# ---- copies --------------------------------------------------------------------------------------------------------


def _copied(ctx: Context, value: Abstract, deep: bool, made: dict[int, HeapRef]) -> Abstract:
    match value:
        case Leaf(type=Array()):
            return ctx.call(Constant(np.copy), value)
        case HeapRef(id=ref) if ref in made:
            return made[ref]
        case HeapRef(id=ref, cls=cls):
            method = "__deepcopy__" if deep else "__copy__"
            own = special(ctx, value, method) if cls is not None and not deep else None
            if own is not None:
                return own
            if cls is not None and hasattr(cls, method):
                ctx.fail("S117", f"a copy of {describe_value(value)}, which has a {method} of its own")
            cells = ctx.heap[ref]
            if cells.grown:
                ctx.fail("S125", "a copy of a list that has grown in a run-time loop", None, "copy an array of it.")
            copied = made[ref] = ctx.new_ref(HeapObject(cells.items, cells.keys, cls=cells.cls))
            if deep:
                items = tuple(_copied(ctx, ctx.check(item), True, made) for item in cells.items)
                ctx.heap[copied.id] = HeapObject(items, cells.keys, cls=cells.cls)
            return copied
    return map_structure(value, lambda part: _copied(ctx, part, True, made)) if deep else value


@builtin(copy.copy)
def _copy(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return _copied(ctx, args[0], False, {})


@builtin(copy.deepcopy)
def _deepcopy(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return _copied(ctx, args[0], True, {})


def _replace(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0] if len(args) == 1 else None
    if isinstance(value, HeapRef) and dataclasses.is_dataclass(value.cls):
        assert isinstance(value.cls, type)
        own = {one.name: object_attribute(ctx, value, one.name) for one in dataclasses.fields(value.cls) if one.init}
        return new_object(ctx, value.cls, [], own | dict(keywords))
    if not isinstance(value, Record) or issubclass(value.cls, tuple):
        ctx.fail("S124", "dataclasses.replace takes a dataclass")
    return replaced(ctx, value, keywords)


BUILTINS[dataclasses.replace] = _replace


def _by_method(name: str, otherwise: Handler | None) -> Handler:
    """A builtin that is a method of users' classes."""

    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        found = special(ctx, args[0], name, *args[1:]) if args else None
        if found is None and otherwise is not None:
            return otherwise(ctx, args, keywords)
        if found is None:
            ctx.fail("S127", f"{describe_value(args[0])} has no {name}")
        return found

    return handler


for _function, _method in ((len, "__len__"), (reversed, "__reversed__"), (round, "__round__")):
    BUILTINS[_function] = _by_method(_method, BUILTINS[_function])


def special_first(ctx: Context, function: Any, args: Args) -> Abstract | None:
    """`abs`, `float`, `int` and `bool` of an object, by the method that its class has for it."""
    method = {abs: "__abs__", float: "__float__", int: "__int__"}.get(function)
    return special(ctx, args[0], method) if method is not None and len(args) == 1 else None


@builtin(iter, takes_generators=True)
def _iter(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    found = special(ctx, args[0], "__iter__")
    if found is not None:
        return found
    is_own = is_iterator(args[0]) or isinstance(args[0], GeneratorValue)
    return args[0] if is_own else ctx.call(Constant(each), args[0])
