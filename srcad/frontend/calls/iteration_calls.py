"""Lowering of calls that loop over what they are given: `map`, `sum`, `sorted`, and those of functools and itertools.

Items that are known while compiling are taken one by one; over others a loop runs (`syntax/iteration_bodies`).

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, y):
...     return sum(map(lambda a, b: a * b, x, y))
>>> print(text(normal_form(f, (1.0, 2.0), (3.0, 4.0))))
f(x_0: float64, x_1: float64, y_0: float64, y_1: float64):
    %product.0 = x_0 * y_0
    %product.1 = x_1 * y_1
    %sum.0 = %product.0 + %product.1
    return %sum.0
"""

from __future__ import annotations

import functools
import itertools
import operator
from typing import Any

import numpy as np

from srcad.frontend.calls.builtin_calls import ANY_NUMBER, BUILTINS, Args, Handler, Keywords, builtin
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.lowering.operators import apply, binary, is_int64
from srcad.frontend.lowering.overloading import iterated
from srcad.frontend.lowering.truth_values import truth
from srcad.frontend.syntax.builtin_bodies import (
    all_of,
    any_of,
    choose_larger,
    choose_smaller,
    largest,
    largest_or,
    smallest,
    smallest_or,
)
from srcad.frontend.syntax.iteration_bodies import (
    accumulated,
    added,
    all_true,
    any_true,
    attribute_taken,
    chosen,
    collected,
    first_with_greatest_key,
    first_with_least_key,
    item_taken,
    method_called,
    reduced,
    same,
    sum_of_two,
)
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    MapValue,
    Partial,
    PartValue,
    ProductValue,
    Seq,
    ZipValue,
)
from srcad.frontend.values.constants import to_abstract, to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.iterables import as_array, first_and_rest, from_zero, items_of
from srcad.ir.types import FLOATS, Array, Scalar
from srcad.rules.registry import METHODS
from srcad.typing.length_demands import Axis, Filled


def _known(ctx: Context, value: Abstract) -> tuple[Abstract, ...] | None:
    """The items, where their number is known while compiling."""
    if isinstance(value, Leaf) and isinstance(value.type, Array) and value.type.dims[0].terms:
        return None
    if isinstance(value, Leaf) or items_of(ctx, value) is not None:
        return spread(ctx, value)
    return None


def _iterator(items: Any) -> Seq:
    return Seq(tuple(items), "iterator")


def _first(ctx: Context, value: Abstract, name: str) -> tuple[Abstract, Abstract]:
    """The first item and the others of a run-time iterable, which must have one."""
    first, rest, count = first_and_rest(ctx, value)
    if not isinstance(count.static, int):
        ctx.builder.check(ctx.builder.op(">", count.atom, ctx.constant(0).atom), "ValueError", f"{name} of nothing")
    return first, rest


@builtin(map, least=2, most=ANY_NUMBER, iterates=True)
def _map(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    columns = [_known(ctx, arg) for arg in args[1:]]
    if any(column is None for column in columns):
        return MapValue(args[0], tuple(args[1:]))
    known = [column for column in columns if column is not None]
    return _iterator(ctx.call(args[0], *row) for row in zip(*known, strict=False))


@builtin(itertools.starmap, least=2, most=2, iterates=True)
def _starmap(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return _iterator(ctx.call(args[0], *spread(ctx, row)) for row in spread(ctx, args[1]))


@builtin(functools.reduce, least=2, most=3, iterates=True)
def _reduce(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    known = _known(ctx, args[1])
    if known is None:
        start, rest = (args[2], args[1]) if len(args) == 3 else _first(ctx, args[1], "reduce")
        return ctx.call(Constant(reduced), args[0], rest, start)
    items = [*args[2:], *known]
    if not items:
        ctx.fail("S127", "reduce of an empty sequence")
    total = items[0]
    for item in items[1:]:
        total = ctx.call(args[0], total, item)
    return total


@builtin(itertools.accumulate, most=2, keywords="func initial", iterates=True)
def _accumulate(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    function = args[1] if len(args) == 2 else keywords.get("func", Constant(None))
    function = Constant(sum_of_two) if function == Constant(None) else function
    start = keywords.get("initial", Constant(None))
    known = _known(ctx, args[0])
    if known is None:
        start, rest = _first(ctx, args[0], "accumulate") if start == Constant(None) else (start, args[0])
        return ctx.call(Constant(accumulated), function, rest, start)
    items = known if start == Constant(None) else (start, *known)
    found = list(items[:1])
    for item in items[1:]:
        found.append(ctx.call(function, found[-1], item))
    return _iterator(found)


@builtin(filter, least=2, most=2, iterates=True)
def _filter(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    function = args[0] if args[0] != Constant(None) else Constant(same)
    known = _known(ctx, args[1])
    tests = None if known is None else [truth(ctx, ctx.call(function, item)) for item in known]
    if known is None or tests is None or not all(isinstance(test, bool) for test in tests):
        return ctx.call(Constant(chosen), function, args[1])
    return _iterator(item for item, test in zip(known, tests, strict=True) if test)


def _selections(function: Any) -> Handler:
    """The functions of itertools that rearrange the items of sequences."""

    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        run_time = _run_time_selection(ctx, function, args, keywords)
        if run_time is not None:
            return run_time
        given = [number if isinstance(number := to_python(ctx, arg), int) else spread(ctx, arg) for arg in args]
        named = {key: to_python(ctx, value) for key, value in keywords.items()}
        if UNKNOWN in named.values():
            ctx.retry("S123", f"the options of {function.__name__} must be known when compiling")
        made = function(*given, **named)
        flat = function is itertools.chain
        return _iterator(made) if flat else _iterator(Seq(tuple(row)) for row in made)

    return handler


def _run_time_selection(ctx: Context, function: Any, args: Args, keywords: Keywords) -> Abstract | None:
    """Of arrays and ranges whose length only a run knows; None of others."""
    if all(isinstance(to_python(ctx, arg), int) or _known(ctx, arg) is not None for arg in args):
        return None
    if function is itertools.product:
        repeat = to_python(ctx, keywords.get("repeat", ctx.constant(1)))
        if isinstance(repeat, int) and all(items_of(ctx, arg) is None for arg in args):
            return ProductValue(tuple(args) * repeat)
    if function is itertools.pairwise:
        return ZipValue((args[0], PartValue(args[0], ctx.constant(1), from_zero(ctx, args[0]).stop)))
    if function is itertools.chain and all(_is_vector(ctx, arg) for arg in args):
        parts = [ctx.call(Constant(np.array), arg) for arg in args]
        return ctx.call(Constant(np.concatenate), Seq(tuple(parts)))
    return None


def _is_vector(ctx: Context, value: Abstract) -> bool:
    value = as_array(ctx, value)
    if isinstance(value, Leaf):
        return isinstance(value.type, Array) and len(value.type.dims) == 1
    items = items_of(ctx, value)
    return bool(items) and all(isinstance(item, Leaf) and isinstance(item.type, Scalar) for item in items or ())


for _function in (itertools.product, itertools.combinations, itertools.permutations, itertools.pairwise):
    builtin(_function, most=ANY_NUMBER, keywords="repeat r", iterates=True)(_selections(_function))
builtin(itertools.chain, least=0, most=ANY_NUMBER, iterates=True)(_selections(itertools.chain))

# ---- sums and extremes ---------------------------------------------------------------------------------------------


@builtin(sum, most=2, keywords="start", iterates=True)
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
        if _has_run_time_length(ctx, value):
            return ctx.call(Constant(added), value, start or ctx.constant(0))
        items = spread(ctx, value)
    total = start if start is not None else ctx.constant(0)
    for item in items:
        # 0 + x is x: the sum starts with the first scalar
        is_first = total == ctx.constant(0) and isinstance(item, Leaf) and item.type != Scalar("bool")
        total = item if is_first else binary(ctx, "+", total, item)
    return total


def _has_run_time_length(ctx: Context, value: Abstract) -> bool:
    """Whether it is a run-time iterable, of a length that is not known, and no list of the IR."""
    if isinstance(value, HeapRef) and ctx.heap[value.id].at_run_time:
        return False
    return items_of(ctx, value) is None and not isinstance(from_zero(ctx, value).stop.static, int)


def _extreme(name: str, choose: Any, over: Any, over_or: Any, by_key: Any) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        key = keywords.get("key", Constant(None))
        if len(args) == 1:
            args = [as_array(ctx, args[0])]
            items = items_of(ctx, args[0])
            if (
                items is None
                and isinstance(args[0], Leaf)
                and isinstance(args[0].type, Array)
                and key == Constant(None)
            ):
                if "default" in keywords:
                    return ctx.call(Constant(over_or), args[0], keywords["default"])
                items_there = Filled((Axis(0, 0, args[0].type.dims[0]),), f"{name} of nothing")
                ctx.builder.demand([items_there], (args[0].atom,))
                return ctx.call(Constant(over), args[0])
            if not items and "default" in keywords and items is not None:
                return keywords["default"]
            if items is None and _known(ctx, args[0]) is None and _has_run_time_length(ctx, args[0]):
                if "default" in keywords:
                    why = "Whether there is an item is known only at run time."
                    ctx.fail("S121", f"{name} of these with a default", why, "ask for the length before.")
                first, rest = _first(ctx, args[0], name)
                return ctx.call(Constant(by_key), rest, first, Constant(same) if key == Constant(None) else key)
            args = items if items is not None else spread(ctx, args[0])
        if not args:
            ctx.fail("S127", "max or min of nothing")
        best = ctx.check(args[0])
        if key != Constant(None):
            return ctx.call(Constant(by_key), Seq(tuple(args[1:])), best, key)
        for other in map(ctx.check, args[1:]):
            if is_int64(best) and is_int64(other):
                assert isinstance(best, Leaf) and isinstance(other, Leaf)
                best = apply(ctx, name, best, other)
            else:
                best = ctx.call(Constant(choose), best, other)
        return best

    return handler


builtin(max, most=ANY_NUMBER, keywords="default key", iterates=True)(
    _extreme("max", choose_larger, largest, largest_or, first_with_greatest_key)
)
builtin(min, most=ANY_NUMBER, keywords="default key", iterates=True)(
    _extreme("min", choose_smaller, smallest, smallest_or, first_with_least_key)
)


def _quantifier(over: Any, over_items: Any, deciding: bool) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        items = items_of(ctx, args[0])
        if items is None:
            is_array = isinstance(as_array(ctx, args[0]), Leaf)
            return ctx.call(Constant(over if is_array else over_items), as_array(ctx, args[0]))
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


builtin(any, iterates=True)(_quantifier(any_of, any_true, True))
builtin(all, iterates=True)(_quantifier(all_of, all_true, False))

# ---- functions that return functions -------------------------------------------------------------------------------


@builtin(operator.itemgetter, most=ANY_NUMBER)
def _itemgetter(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    if len(args) == 1:
        return Partial(Constant(item_taken), (args[0],))
    return Partial(Constant(_items_taken), (Seq(tuple(args)),))


def _items_taken(keys: Any, value: Any) -> Any:
    return tuple([value[key] for key in keys])


@builtin(operator.attrgetter)
def _attrgetter(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    path = to_python(ctx, args[0])
    if not isinstance(path, str):
        ctx.retry("S123", "the name of an attribute must be known when compiling")
    return Partial(Constant(attribute_taken), (to_abstract(ctx, tuple(path.split("."))),))


@builtin(operator.methodcaller, most=ANY_NUMBER)
def _methodcaller(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    named = ctx.new_ref(HeapObject(tuple(keywords.values()), tuple(keywords)))
    return Partial(Constant(method_called), (args[0], Seq(tuple(args[1:])), named))


def _decorator(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    """`functools.wraps(f)`, `lru_cache(maxsize=...)`: what they decorate does the same without them."""
    return Constant(same)


BUILTINS[functools.wraps] = _decorator


def _cache(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    is_function = bool(args) and not isinstance(args[0], Leaf) and args[0] != Constant(None)
    return args[0] if is_function else Constant(same)


BUILTINS[functools.lru_cache] = BUILTINS[functools.cache] = _cache


def listed(ctx: Context, value: Abstract) -> Abstract | None:
    """`list(value)` of a run-time number of items; None where their number is known."""
    if isinstance(value, Leaf) or not _has_run_time_length(ctx, value):
        return None
    return ctx.call(Constant(collected), value)


_known_list = BUILTINS[list]


def _list(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    found = listed(ctx, iterated(ctx, ctx.check(args[0]))) if len(args) == 1 else None
    return _known_list(ctx, args, keywords) if found is None else found


BUILTINS[list] = _list
