"""Python's builtins, and the questions about shape and type that are answered while compiling."""

from __future__ import annotations

import builtins
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, NoReturn

import numpy as np

from srcad.frontend.context import Context
from srcad.frontend.expressions import length, spread
from srcad.frontend.indexing import array_of
from srcad.frontend.iteration import check_range, count_of, items_of, turns_of
from srcad.frontend.joins import words
from srcad.frontend.methods import replaced, size
from srcad.frontend.operators import apply, binary, truth
from srcad.frontend.pythonic import all_of, any_of, choose_larger, choose_smaller, largest, rounded, smallest
from srcad.frontend.statics import key_of, known, wrapped
from srcad.frontend.values import (
    UNKNOWN,
    Abstract,
    Cells,
    Closure,
    EnumerateValue,
    Leaf,
    Method,
    Partial,
    RangeValue,
    Record,
    Ref,
    ReversedValue,
    Seq,
    SliceValue,
    Static,
    ZipValue,
)
from srcad.ir.nodes import Const
from srcad.ir.types import Array, Scalar
from srcad.rules import table

Args = Sequence[Abstract]
Keywords = Mapping[str, Abstract]
Handler = Callable[[Context, Args, Keywords], Abstract]
BUILTINS: dict[Any, Handler] = {}


def _builtin(*functions: Any, least: int = 1, most: int = 1, keywords: str = "") -> Callable[[Handler], Handler]:
    """Register what a builtin does, called with that many arguments."""
    allowed = set(keywords.split())

    def register(handler: Handler) -> Handler:
        def checked(ctx: Context, args: Args, given: Keywords) -> Abstract:
            if not least <= len(args) <= most or set(given) - allowed:
                ctx.fail("S124", f"{functions[0].__name__} is called with arguments that do not fit")
            return handler(ctx, [ctx.check(arg) for arg in args], given)

        BUILTINS.update(dict.fromkeys(functions, checked))
        return handler

    return register


_MANY = 10**6

# ---- loops over --------------------------------------------------------------------------------


@_builtin(range, most=3)
def _range(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    bounds = [check_range(ctx, arg) for arg in args]
    zero, one = ctx.constant(0), ctx.constant(1)
    if len(bounds) == 1:
        return RangeValue(zero, bounds[0], one)
    return RangeValue(bounds[0], bounds[1], bounds[2] if len(bounds) == 3 else one)


@_builtin(enumerate, most=2, keywords="start")
def _enumerate(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    start = args[1] if len(args) == 2 else keywords.get("start", ctx.constant(0))
    return EnumerateValue(args[0], check_range(ctx, start))


@_builtin(zip, least=0, most=_MANY, keywords="strict")
def _zip(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ZipValue(tuple(args)) if args else Seq(())


@_builtin(reversed)
def _reversed(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ReversedValue(args[0])


@_builtin(map, least=2, most=_MANY)
def _map(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    columns = [spread(ctx, arg) for arg in args[1:]]
    return Seq(tuple(ctx.call(args[0], *row) for row in zip(*columns, strict=False)))


@_builtin(functools.reduce, least=2, most=3)
def _reduce(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    items = [*args[2:], *spread(ctx, args[1])]
    if not items:
        ctx.fail("S127", "reduce of an empty sequence")
    total = items[0]
    for item in items[1:]:
        total = ctx.call(args[0], total, item)
    return total


# ---- containers --------------------------------------------------------------------------------


@_builtin(len)
def _len(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    if isinstance(value, Leaf) and isinstance(value.type, Array):
        first = value.type.dims[0]
        return ctx.constant(first.const) if not first.terms else ctx.leaf(ctx.builder.op("len", value.atom))
    items = items_of(ctx, value)
    if items is not None:
        return ctx.constant(len(items))
    if isinstance(value, RangeValue):
        return count_of(ctx, turns_of(ctx, value))
    ctx.fail("S127", f"{words(value)} has no length")


@_builtin(tuple, least=0)
def _tuple(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return Seq(spread(ctx, args[0]) if args else ())


@_builtin(list, least=0)
def _list(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ctx.new_ref(Cells(spread(ctx, args[0]) if args else ()))


def _make_dict(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    entries: dict[object, Abstract] = {}
    if args:
        given = ctx.check(args[0])
        if isinstance(given, Ref) and given.kind == "dict":
            cells = ctx.heap[given.id]
            entries.update(zip(cells.keys or (), cells.items, strict=True))
        else:
            for pair in spread(ctx, given):
                key, value = spread(ctx, pair)
                entries[key_of(ctx, key)] = value
    entries.update(keywords)
    return ctx.new_ref(Cells(tuple(entries.values()), tuple(entries)))


BUILTINS[dict] = _make_dict


@_builtin(sorted, keywords="reverse key")
def _sorted(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    items = items_of(ctx, args[0])
    plain = None if items is None else known(ctx, Seq(items))
    if plain is None or plain is UNKNOWN or "key" in keywords:
        ctx.retry("S123", "what is sorted must be known when compiling", None, "use np.sort for an array.")
    return ctx.new_ref(Cells(tuple(wrapped(ctx, v) for v in sorted(plain, reverse=bool(known(ctx, keywords.get("reverse", ctx.constant(False))))))))


@_builtin(slice, most=3)
def _slice(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    parts = [None if arg == Static(None) else check_range(ctx, arg) for arg in args]
    if len(parts) == 1:
        return SliceValue(None, parts[0], None)
    return SliceValue(parts[0], parts[1], parts[2] if len(parts) == 3 else None)


def _replace(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    if len(args) != 1 or not isinstance(args[0], Record):
        ctx.fail("S124", "dataclasses.replace takes a dataclass")
    return replaced(ctx, args[0], keywords)


BUILTINS[dataclasses.replace] = _replace


def _partial(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return Partial(args[0], tuple(args[1:]), tuple(keywords.items()))


BUILTINS[functools.partial] = _partial

# ---- numbers -----------------------------------------------------------------------------------


@_builtin(sum, most=2, keywords="start")
def _sum(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    start = args[1] if len(args) == 2 else keywords.get("start")
    items = items_of(ctx, args[0])
    if items is None:
        value = args[0]
        if isinstance(value, Leaf) and isinstance(value.type, Array):
            total = ctx.call(Static(np.sum), value, axis=ctx.constant(0))
            return total if start is None else binary(ctx, "+", start, total)
        items = spread(ctx, value)
    total = start if start is not None else ctx.constant(0)
    for item in items:
        # 0 + x is x: the sum starts with the first number
        plain = total == ctx.constant(0) and isinstance(item, Leaf) and item.type != Scalar("bool")
        total = item if plain else binary(ctx, "+", total, item)
    return total


def _extreme(choose: Any, over: Any) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        if len(args) == 1:
            items = items_of(ctx, args[0])
            if items is None and isinstance(args[0], Leaf) and isinstance(args[0].type, Array):
                return ctx.call(Static(over), args[0])
            if not items and "default" in keywords:
                return keywords["default"]
            args = items if items is not None else spread(ctx, args[0])
        if not args:
            ctx.fail("S127", "max or min of nothing")
        best = ctx.check(args[0])
        for other in args[1:]:
            best = ctx.call(Static(choose), best, ctx.check(other))
        return best

    return handler


_builtin(max, most=_MANY, keywords="default")(_extreme(choose_larger, largest))
_builtin(min, most=_MANY, keywords="default")(_extreme(choose_smaller, smallest))


def _quantifier(over: Any, decided: bool) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        items = items_of(ctx, args[0])
        if items is None:
            return ctx.call(Static(over), args[0])
        open_tests = []
        for item in items:
            test = truth(ctx, item)
            if test is decided:
                return ctx.constant(decided)
            if not isinstance(test, bool):
                open_tests.append(ctx.leaf(test))
        if not open_tests:
            return ctx.constant(not decided)
        total = open_tests[0]
        for leaf in open_tests[1:]:
            total = apply(ctx, "or" if decided else "and", total, leaf)
        return total

    return handler


_builtin(any)(_quantifier(any_of, True))
_builtin(all)(_quantifier(all_of, False))


@_builtin(round, most=2, keywords="ndigits")
def _round(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    digits = args[1] if len(args) == 2 else keywords.get("ndigits", Static(None))
    value = args[0]
    if isinstance(value, Leaf) and isinstance(value.type, Scalar) and digits == Static(None):
        return value if not value.type.dtype.startswith("float") else ctx.call(Static(rounded), value)
    return ctx.call(Static(np.round), value, digits)


@_builtin(complex, least=0, most=2)
def _complex(ctx: Context, args: Args, keywords: Keywords) -> NoReturn:
    ctx.fail("S116", "a complex number")


# ---- questions ---------------------------------------------------------------------------------


def class_of(value: Abstract, ctx: Context) -> type:
    """The Python class a value would have."""
    match value:
        case Leaf(atom, Scalar(dtype)):
            if ctx.builder.is_weak(atom):
                return {"bool": bool, "int64": int, "float64": float}[dtype]
            return np.dtype(dtype).type
        case Leaf():
            return np.ndarray
        case Seq():
            return tuple
        case Ref(kind=kind):
            return list if kind == "list" else dict
        case Record(cls):
            return cls
        case RangeValue():
            return range
        case SliceValue():
            return slice
        case Static(thing):
            return type(thing)
        case Closure() | Partial() | Method():
            return FunctionType
        case _:
            return object


@_builtin(isinstance, least=2, most=2)
def _isinstance(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    wanted = known(ctx, args[1])
    cls = class_of(args[0], ctx)
    try:
        return ctx.constant(issubclass(cls, wanted))
    except TypeError as error:
        ctx.fail("S123", f"isinstance: {error}")


@_builtin(callable)
def _callable(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    return ctx.constant(isinstance(value, Closure | Partial | Method) or (isinstance(value, Static) and callable(value.value)))


@_builtin(builtins.type)
def _type(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return Static(class_of(args[0], ctx))


@_builtin(getattr, least=2, most=3)
def _getattr(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    name = known(ctx, args[1])
    if not isinstance(name, str):
        ctx.retry("S123", "the name of an attribute must be known when compiling")
    return ctx.attribute(args[0], name)


@_builtin(np.ndim)
def _ndim(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    if isinstance(value, Leaf):
        return ctx.constant(len(value.type.dims) if isinstance(value.type, Array) else 0)
    if isinstance(value, Static):
        return ctx.constant(0)
    items = items_of(ctx, value)
    if items is None:
        ctx.fail("S127", f"the rank of {words(value)}")
    inner = _ndim(ctx, [items[0]], {}) if items else ctx.constant(0)
    assert isinstance(inner, Leaf) and isinstance(inner.static, int)
    return ctx.constant(1 + inner.static)


@_builtin(np.shape)
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


@_builtin(np.size, most=2)
def _size(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = array_of(ctx, args[0])
    if len(args) == 2:
        axis = known(ctx, args[1])
        if not isinstance(axis, int) or not isinstance(value.type, Array):
            ctx.retry("S123", "the axis must be known when compiling")
        return length(ctx, value, axis % len(value.type.dims))
    return size(ctx, value)


@_builtin(np.isscalar)
def _isscalar(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    return ctx.constant(isinstance(value, Leaf) and isinstance(value.type, Scalar))


@_builtin(table.is_constant)
def _is_constant(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    return ctx.constant(isinstance(value, Leaf) and (isinstance(value.atom, Const) or value.known))


def _about_length(many: bool) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        value, axis = array_of(ctx, args[0]), known(ctx, args[1])
        if not isinstance(axis, int):
            ctx.retry("S123", "an axis must be known when compiling")
        if not isinstance(value.type, Array) or not -len(value.type.dims) <= axis < len(value.type.dims):
            ctx.fail("S127", f"axis {axis} of {words(value)}")
        known_length = value.type.dims[axis]
        return ctx.constant(known_length.many if many else known_length.is_one)

    return handler


_builtin(table.known_one, least=2, most=2)(_about_length(False))
_builtin(table.known_many, least=2, most=2)(_about_length(True))


@_builtin(table.dtype_of)
def _dtype_of(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    if not isinstance(value, Leaf):
        parts = [part for item in items_of(ctx, value) or () if (part := known(ctx, _dtype_of(ctx, [item], {})))]
        return Static(np.result_type(*parts).name if parts else "float64")
    assert isinstance(value.type, Array | Scalar)
    return Static(value.type.dtype)


@_builtin(table.refuse)
def _refuse(ctx: Context, args: Args, keywords: Keywords) -> NoReturn:
    ctx.fail("S128", f"{known(ctx, args[0])} is not supported")

