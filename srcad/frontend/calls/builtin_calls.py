"""Lowering of calls of Python builtins and of functools and itertools.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, y):
...     return sum(a * b for a, b in zip(x, y))
>>> print(text(normal_form(f, (1.0, 2.0), (3.0, 4.0))))
f(x_0: float64, x_1: float64, y_0: float64, y_1: float64):
    %product.0 = x_0 * y_0
    %product.1 = x_1 * y_1
    %sum.0 = %product.0 + %product.1
    return %sum.0
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from srcad.frontend.lowering.expressions import spread
from srcad.frontend.lowering.generators import is_endless, materialised
from srcad.frontend.lowering.indexing import array_of
from srcad.frontend.lowering.overloading import all_iterated
from srcad.frontend.syntax.builtin_bodies import rounded
from srcad.frontend.syntax.iteration_bodies import collected
from srcad.frontend.syntax.iterator_bodies import beside, numbered
from srcad.frontend.values import run_time_lists
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    EnumerateValue,
    FlatValue,
    GeneratorValue,
    GridValue,
    HeapObject,
    HeapRef,
    Leaf,
    MapValue,
    Partial,
    RangeValue,
    ReversedValue,
    Seq,
    SliceValue,
    Table,
    WatchedItems,
    ZipValue,
)
from srcad.frontend.values.constants import key_of
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.growing_lists import length_of_buffer
from srcad.frontend.values.iterables import check_range, count_of, in_any_order, items_of, iterable_of
from srcad.frontend.values.iteration_order import read_early
from srcad.ir.types import Array, Dim, Scalar
from srcad.rules.expansions.jacobians import directions

Args = Sequence[Abstract]
Keywords = Mapping[str, Abstract]
Handler = Callable[[Context, Args, Keywords], Abstract]
BUILTINS: dict[Any, Handler] = {}
LAZY: set[Any] = set()
"""The builtins that ask a generator for one item after the other."""


ANY_NUMBER = 10**6


def builtin(
    *functions: Any,
    least: int = 1,
    most: int = 1,
    keywords: str = "",
    iterates: bool = False,
    takes_generators: bool = False,
) -> Callable[[Handler], Handler]:
    """Register the handler of builtins that take `least` to `most` arguments, and may iterate over them.

    Those that are not said to take generators are given lists of their items.
    """
    allowed = set(keywords.split())

    def register(handler: Handler) -> Handler:
        def checked(ctx: Context, args: Args, given: Keywords) -> Abstract:
            name = functions[0].__name__
            if extra := sorted(set(given) - allowed):
                why = f"srcad reads {', '.join(sorted(allowed))}." if allowed else "srcad reads none."
                ctx.fail("S124", f"the option {extra[0]} of {name}", why)
            if not least <= len(args) <= most:
                wanted = (
                    str(least) if least == most else f"{least} to {most}" if most < ANY_NUMBER else f"at least {least}"
                )
                ctx.fail("S124", f"{name} takes {wanted} arguments, and {len(args)} are given")
            values = all_iterated(ctx, args) if iterates else [ctx.check(arg) for arg in args]
            return handler(ctx, values if takes_generators else [materialised(ctx, one) for one in values], given)

        BUILTINS.update(dict.fromkeys(functions, checked))
        if takes_generators:
            LAZY.update(functions)
        return handler

    return register


def early(ctx: Context, value: Abstract, name: str) -> Abstract:
    """The list of the items of a generator or a `map`, which Python asks for one by one; any other value unchanged."""
    if not isinstance(value, GeneratorValue | MapValue):
        return value
    return read_early(ctx, value, name, lambda: ctx.call(Constant(collected), value))


# ---- iterables ---------------------------------------------------------------------------------


@builtin(range, most=3)
def _range(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return _range_of(ctx, args)


@builtin(in_any_order, most=3)
def _in_any_order(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return dataclasses.replace(_range_of(ctx, args), unordered=True)


def _range_of(ctx: Context, args: Args) -> RangeValue:
    bounds = [check_range(ctx, arg) for arg in args]
    zero, one = ctx.constant(0), ctx.constant(1)
    if len(bounds) == 1:
        return RangeValue(zero, bounds[0], one)
    return RangeValue(bounds[0], bounds[1], bounds[2] if len(bounds) == 3 else one)


@builtin(directions)
def _directions(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return RangeValue(ctx.constant(0), check_range(ctx, args[0]), ctx.constant(1), directions=True)


@builtin(enumerate, most=2, keywords="start", iterates=True, takes_generators=True)
def _enumerate(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    start = args[1] if len(args) == 2 else keywords.get("start", ctx.constant(0))
    if isinstance(args[0], GeneratorValue):
        return ctx.call(Constant(numbered), args[0], start)
    return EnumerateValue(args[0], check_range(ctx, start))


@builtin(np.ndindex, least=0, most=ANY_NUMBER)
def _ndindex(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    lengths = spread(ctx, args[0]) if len(args) == 1 and not isinstance(args[0], Leaf) else args
    return GridValue(tuple(check_range(ctx, n) for n in lengths))


@builtin(np.ndenumerate)
def _ndenumerate(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    array = array_of(ctx, args[0])
    lengths = spread(ctx, ctx.attribute(array, "shape"))
    return ZipValue((GridValue(tuple(check_range(ctx, n) for n in lengths)), FlatValue(array)))


@builtin(zip, least=0, most=ANY_NUMBER, keywords="strict", iterates=True, takes_generators=True)
def _zip(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    generators = [at for at, one in enumerate(args) if isinstance(one, GeneratorValue)]
    if generators:
        at = next((at for at in generators if is_endless(args[at])), generators[0])
        if keywords.get("strict", ctx.constant(False)).static is not True:  # type: ignore[union-attr]
            before, after = ([early(ctx, one, "zip") for one in part] for part in (args[:at], args[at + 1 :]))
            return ctx.call(Constant(beside), Seq(tuple(before)), args[at], Seq(tuple(after)))
        args = [early(ctx, one, "zip") for one in args]
    return ZipValue(tuple(args)) if args else Seq(())


@builtin(reversed, iterates=True)
def _reversed(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ReversedValue(args[0])


# ---- containers --------------------------------------------------------------------------------


@builtin(len)
def _len(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    value = args[0]
    if isinstance(value, Leaf) and isinstance(value.type, Array):
        first = value.type.dims[0]
        return ctx.constant(first.const) if not first.terms else ctx.leaf(ctx.builder.op("len", value.atom))
    if isinstance(value, Table):
        return ctx.constant(value.lengths[0])
    if isinstance(value, HeapRef) and ctx.heap[value.id].at_run_time:
        return run_time_lists.length(ctx, value.id)
    items = items_of(ctx, value)
    if items is not None:
        return ctx.constant(len(items))
    if isinstance(value, RangeValue) or (isinstance(value, WatchedItems | MapValue) and ctx.frame.library):
        return count_of(ctx, iterable_of(ctx, value))
    ctx.fail("S127", f"{describe_value(value)} has no length")


@builtin(tuple, least=0, iterates=True)
def _tuple(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return Seq(spread(ctx, args[0]) if args else ())


@builtin(list, least=0, iterates=True)
def _list(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    match args:
        case [Leaf(type=Array(dims=[Dim(terms=[_, *_])])) as vector]:
            # a run-time number of scalars: a copy, since later stores to the vector must not change the list
            ref = ctx.new_ref(HeapObject(()))
            changing = run_time_lists.made_of_vector(ctx, ref, vector, ctx.frame.node)
            if changing is None:
                items = ctx.leaf(ctx.builder.op("copy", vector.atom, hint="items"))
                ctx.heap[ref.id] = HeapObject((items, length_of_buffer(ctx, items)), grown=True, full=True)
            return ref
    return ctx.new_ref(HeapObject(spread(ctx, args[0]) if args else ()))


def _make_dict(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    entries: dict[object, Abstract] = {}
    if args:
        given = ctx.check(args[0])
        if isinstance(given, HeapRef) and given.kind == "dict":
            cells = ctx.heap[given.id]
            entries.update(zip(cells.keys or (), cells.items, strict=True))
        else:
            for pair in spread(ctx, given):
                key, value = spread(ctx, pair)
                entries[key_of(ctx, key)] = value
    entries.update(keywords)
    return ctx.new_ref(HeapObject(tuple(entries.values()), tuple(entries)))


BUILTINS[dict] = _make_dict


@builtin(slice, most=3)
def _slice(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    parts = [None if arg == Constant(None) else check_range(ctx, arg) for arg in args]
    if len(parts) == 1:
        return SliceValue(None, parts[0], None)
    return SliceValue(parts[0], parts[1], parts[2] if len(parts) == 3 else None)


def _partial(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return Partial(args[0], tuple(args[1:]), tuple(keywords.items()))


BUILTINS[functools.partial] = _partial

# ---- scalars -----------------------------------------------------------------------------------


@builtin(round, most=2, keywords="ndigits")
def _round(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    digits = args[1] if len(args) == 2 else keywords.get("ndigits", Constant(None))
    value = args[0]
    if isinstance(value, Leaf) and isinstance(value.type, Scalar) and digits == Constant(None):
        return value if not value.type.dtype.startswith("float") else ctx.call(Constant(rounded), value)
    return ctx.call(Constant(np.round), value, digits)
