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
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from srcad.frontend.calls.methods import replaced
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.lowering.indexing import array_of
from srcad.frontend.lowering.operators import apply, binary, is_int64
from srcad.frontend.lowering.truth_values import truth
from srcad.frontend.syntax.builtin_bodies import (
    all_of,
    any_of,
    choose_larger,
    choose_smaller,
    largest,
    rounded,
    smallest,
)
from srcad.frontend.values import run_time_lists
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Constant,
    EnumerateValue,
    FlatValue,
    GridValue,
    HeapObject,
    HeapRef,
    Leaf,
    Partial,
    RangeValue,
    Record,
    ReversedValue,
    Seq,
    SliceValue,
    Table,
    ZipValue,
)
from srcad.frontend.values.constants import key_of, to_abstract, to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.growing_lists import length_of_buffer
from srcad.frontend.values.iterables import check_range, count_of, items_of, iterable_of
from srcad.ir.types import FLOATS, Array, Dim, Scalar
from srcad.rules.expansions.jacobians import directions
from srcad.rules.registry import METHODS
from srcad.typing.length_demands import Axis, Filled

Args = Sequence[Abstract]
Keywords = Mapping[str, Abstract]
Handler = Callable[[Context, Args, Keywords], Abstract]
BUILTINS: dict[Any, Handler] = {}


_ANY_NUMBER = 10**6


def builtin(*functions: Any, least: int = 1, most: int = 1, keywords: str = "") -> Callable[[Handler], Handler]:
    """Register the handler of builtins that take `least` to `most` arguments."""
    allowed = set(keywords.split())

    def register(handler: Handler) -> Handler:
        def checked(ctx: Context, args: Args, given: Keywords) -> Abstract:
            name = functions[0].__name__
            if extra := sorted(set(given) - allowed):
                why = f"srcad reads {', '.join(sorted(allowed))}." if allowed else "srcad reads none."
                advice = "write the loop, which keeps what is best so far." if extra == ["key"] else None
                ctx.fail("S124", f"the option {extra[0]} of {name}", why, advice)
            if not least <= len(args) <= most:
                wanted = (
                    str(least) if least == most else f"{least} to {most}" if most < _ANY_NUMBER else f"at least {least}"
                )
                ctx.fail("S124", f"{name} takes {wanted} arguments, and {len(args)} are given")
            return handler(ctx, [ctx.check(arg) for arg in args], given)

        BUILTINS.update(dict.fromkeys(functions, checked))
        return handler

    return register


# ---- iterables ---------------------------------------------------------------------------------


@builtin(range, most=3)
def _range(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    bounds = [check_range(ctx, arg) for arg in args]
    zero, one = ctx.constant(0), ctx.constant(1)
    if len(bounds) == 1:
        return RangeValue(zero, bounds[0], one)
    return RangeValue(bounds[0], bounds[1], bounds[2] if len(bounds) == 3 else one)


@builtin(directions)
def _directions(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return RangeValue(ctx.constant(0), check_range(ctx, args[0]), ctx.constant(1), directions=True)


@builtin(enumerate, most=2, keywords="start")
def _enumerate(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    start = args[1] if len(args) == 2 else keywords.get("start", ctx.constant(0))
    return EnumerateValue(args[0], check_range(ctx, start))


@builtin(np.ndindex, least=0, most=_ANY_NUMBER)
def _ndindex(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    lengths = spread(ctx, args[0]) if len(args) == 1 and not isinstance(args[0], Leaf) else args
    return GridValue(tuple(check_range(ctx, n) for n in lengths))


@builtin(np.ndenumerate)
def _ndenumerate(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    array = array_of(ctx, args[0])
    lengths = spread(ctx, ctx.attribute(array, "shape"))
    return ZipValue((GridValue(tuple(check_range(ctx, n) for n in lengths)), FlatValue(array)))


@builtin(zip, least=0, most=_ANY_NUMBER, keywords="strict")
def _zip(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ZipValue(tuple(args)) if args else Seq(())


@builtin(reversed)
def _reversed(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ReversedValue(args[0])


@builtin(map, least=2, most=_ANY_NUMBER)
def _map(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    columns = [spread(ctx, arg) for arg in args[1:]]
    return Seq(tuple(ctx.call(args[0], *row) for row in zip(*columns, strict=False)))


@builtin(functools.reduce, least=2, most=3)
def _reduce(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    items = [*args[2:], *spread(ctx, args[1])]
    if not items:
        ctx.fail("S127", "reduce of an empty sequence")
    total = items[0]
    for item in items[1:]:
        total = ctx.call(args[0], total, item)
    return total


@builtin(filter, least=2, most=2)
def _filter(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    chosen = []
    for item in spread(ctx, args[1]):
        test = truth(ctx, ctx.call(args[0], item) if args[0] != Constant(None) else item)
        if not isinstance(test, bool):
            ctx.fail("S114", "filter by what is known only at run time", None, "loop, with an if in the loop.")
        chosen += [item] if test else []
    return Seq(tuple(chosen))


def _selections(function: Any) -> Handler:
    """The functions of itertools that rearrange the items of sequences."""

    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        given = [number if isinstance(number := to_python(ctx, arg), int) else spread(ctx, arg) for arg in args]
        named = {key: to_python(ctx, value) for key, value in keywords.items()}
        if UNKNOWN in named.values():
            ctx.retry("S123", f"the options of {function.__name__} must be known when compiling")
        made = function(*given, **named)
        flat = function is itertools.chain
        return Seq(tuple(made) if flat else tuple(Seq(tuple(row)) for row in made))

    return handler


for _function in (itertools.product, itertools.combinations, itertools.permutations, itertools.pairwise):
    builtin(_function, most=_ANY_NUMBER, keywords="repeat r")(_selections(_function))
builtin(itertools.chain, least=0, most=_ANY_NUMBER)(_selections(itertools.chain))

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
    if isinstance(value, RangeValue):
        return count_of(ctx, iterable_of(ctx, value))
    ctx.fail("S127", f"{describe_value(value)} has no length")


@builtin(tuple, least=0)
def _tuple(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return Seq(spread(ctx, args[0]) if args else ())


@builtin(list, least=0)
def _list(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    match args:
        case [Leaf(type=Array(dims=[Dim(terms=[_, *_])])) as vector]:
            # a run-time number of scalars: a copy, since later stores to the vector must not change the list
            items = ctx.leaf(ctx.builder.op("copy", vector.atom, hint="items"))
            return ctx.new_ref(HeapObject((items, length_of_buffer(ctx, items)), grown=True, full=True))
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


@builtin(sorted, keywords="reverse key")
def _sorted(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    items = items_of(ctx, args[0])
    is_first = None if items is None else to_python(ctx, Seq(items))
    if is_first is None or is_first is UNKNOWN or "key" in keywords:
        ctx.retry("S123", "what is sorted must be known when compiling", None, "use np.sort for an array.")
    return ctx.new_ref(
        HeapObject(
            tuple(
                to_abstract(ctx, v)
                for v in sorted(is_first, reverse=bool(to_python(ctx, keywords.get("reverse", ctx.constant(False)))))
            )
        )
    )


@builtin(slice, most=3)
def _slice(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    parts = [None if arg == Constant(None) else check_range(ctx, arg) for arg in args]
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

# ---- scalars -----------------------------------------------------------------------------------


@builtin(sum, most=2, keywords="start")
def _sum(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    start = args[1] if len(args) == 2 else keywords.get("start")
    items = items_of(ctx, args[0])
    if items is None:
        value = args[0]
        if isinstance(value, Leaf) and isinstance(value.type, Array):
            total = ctx.call(Constant(np.sum), value, axis=ctx.constant(0))
            if value.type.dtype not in ("bool", *FLOATS):  # np.sum has 64 bits
                total = ctx.call(Constant(METHODS["astype"]), total, Constant(value.type.dtype))
            return total if start is None else binary(ctx, "+", start, total)
        items = spread(ctx, value)
    total = start if start is not None else ctx.constant(0)
    for item in items:
        # 0 + x is x: the sum starts with the first scalar
        is_first = total == ctx.constant(0) and isinstance(item, Leaf) and item.type != Scalar("bool")
        total = item if is_first else binary(ctx, "+", total, item)
    return total


def _extreme(name: str, choose: Any, over: Any) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        if len(args) == 1:
            items = items_of(ctx, args[0])
            if items is None and isinstance(args[0], Leaf) and isinstance(args[0].type, Array):
                items_there = Filled((Axis(0, 0, args[0].type.dims[0]),), f"{name} of nothing")
                ctx.builder.demand([items_there], (args[0].atom,))
                return ctx.call(Constant(over), args[0])
            if not items and "default" in keywords:
                return keywords["default"]
            args = items if items is not None else spread(ctx, args[0])
        if not args:
            ctx.fail("S127", "max or min of nothing")
        best = ctx.check(args[0])
        for other in map(ctx.check, args[1:]):
            if is_int64(best) and is_int64(other):
                assert isinstance(best, Leaf) and isinstance(other, Leaf)
                best = apply(ctx, name, best, other)
            else:
                best = ctx.call(Constant(choose), best, other)
        return best

    return handler


builtin(max, most=_ANY_NUMBER, keywords="default")(_extreme("max", choose_larger, largest))
builtin(min, most=_ANY_NUMBER, keywords="default")(_extreme("min", choose_smaller, smallest))


def _quantifier(over: Any, deciding: bool) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        items = items_of(ctx, args[0])
        if items is None:
            return ctx.call(Constant(over), args[0])
        run_time_tests = []
        for item in items:
            test = truth(ctx, item)
            if test is deciding:
                return ctx.constant(deciding)
            if not isinstance(test, bool):
                run_time_tests.append(ctx.leaf(test))
        if not run_time_tests:
            return ctx.constant(not deciding)
        total = run_time_tests[0]
        for leaf in run_time_tests[1:]:
            total = apply(ctx, "or" if deciding else "and", total, leaf)
        return total

    return handler


builtin(any)(_quantifier(any_of, True))
builtin(all)(_quantifier(all_of, False))


@builtin(round, most=2, keywords="ndigits")
def _round(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    digits = args[1] if len(args) == 2 else keywords.get("ndigits", Constant(None))
    value = args[0]
    if isinstance(value, Leaf) and isinstance(value.type, Scalar) and digits == Constant(None):
        return value if not value.type.dtype.startswith("float") else ctx.call(Constant(rounded), value)
    return ctx.call(Constant(np.round), value, digits)


@builtin(complex, least=0, most=2)
def _complex(ctx: Context, args: Args, keywords: Keywords) -> NoReturn:
    ctx.fail("S116", "a complex number")
