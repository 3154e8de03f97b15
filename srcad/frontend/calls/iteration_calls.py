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

from srcad.errors import SrcadError
from srcad.frontend.calls.builtin_calls import ANY_NUMBER, BUILTINS, Args, Handler, Keywords, builtin
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.lowering.generators import materialised
from srcad.frontend.lowering.operators import apply, binary, is_int64
from srcad.frontend.lowering.overloading import iterated
from srcad.frontend.lowering.truth_values import truth
from srcad.frontend.syntax.builtin_bodies import (
    all_of,
    any_of,
    choose_larger,
    choose_smaller,
    largest,
    smallest,
)
from srcad.frontend.syntax.iteration_bodies import (
    accumulated,
    added,
    all_true,
    any_true,
    attribute_taken,
    collected,
    first_false,
    first_true,
    first_with_greatest_key,
    first_with_least_key,
    item_taken,
    method_called,
    reduced,
    same,
    sum_of_two,
)
from srcad.frontend.syntax.iterator_bodies import (
    results,
    results_of_rows,
    running,
    selected,
)
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    GeneratorValue,
    HeapObject,
    HeapRef,
    Leaf,
    MapValue,
    Partial,
    Seq,
)
from srcad.frontend.values.constants import to_abstract, to_python
from srcad.frontend.values.context import Context, RetryUnrolled
from srcad.frontend.values.control_joins import branch
from srcad.frontend.values.iterables import as_array, first_and_rest, from_zero, items_of
from srcad.frontend.values.iteration_order import read_early
from srcad.frontend.values.raise_points import python_check
from srcad.ir.types import FLOATS, Array, Scalar
from srcad.rules.registry import METHODS
from srcad.typing.length_demands import Axis, Filled


def known_items(ctx: Context, value: Abstract) -> tuple[Abstract, ...] | None:
    """The items, where their number is known while compiling."""
    if isinstance(value, Leaf) and isinstance(value.type, Array) and value.type.dims[0].terms:
        return None
    if isinstance(value, Leaf) or items_of(ctx, value) is not None:
        return spread(ctx, value)
    return None


def iterator_of(items: Any) -> Seq:
    return Seq(tuple(items), "iterator")


def _first(ctx: Context, value: Abstract, name: str) -> tuple[Abstract, Abstract]:
    """The first item and the others of a run-time iterable, which must have one."""

    def demand(count: Leaf) -> None:
        if not isinstance(count.static, int):
            python_check(ctx, ctx.builder.op(">", count.atom, ctx.constant(0).atom), ValueError, f"{name} of nothing")

    return first_and_rest(ctx, value, demand)


@builtin(map, least=2, most=ANY_NUMBER, iterates=True, takes_generators=True)
def _map(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    if any(isinstance(arg, GeneratorValue) for arg in args[1:]):
        if len(args) == 2:
            return ctx.call(Constant(results), *args)
        return ctx.call(Constant(results_of_rows), args[0], BUILTINS[zip](ctx, args[1:], {}))
    return MapValue(args[0], tuple(args[1:]))


@builtin(itertools.starmap, least=2, most=2, iterates=True, takes_generators=True)
def _starmap(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return ctx.call(Constant(results_of_rows), *args)


@builtin(functools.reduce, least=2, most=3, iterates=True)
def _reduce(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    known = known_items(ctx, args[1])
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


@builtin(itertools.accumulate, most=2, keywords="func initial", iterates=True, takes_generators=True)
def _accumulate(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    function = args[1] if len(args) == 2 else keywords.get("func", Constant(None))
    function = Constant(sum_of_two) if function == Constant(None) else function
    start = keywords.get("initial", Constant(None))
    known = items_of(ctx, args[0])
    if known is None:
        given = Seq((function, args[0]))
        return read_early(ctx, given, "accumulate", lambda: _totals(ctx, function, args[0], start))
    if start != Constant(None):
        return ctx.call(Constant(running), function, args[0], start)
    if not known:
        return iterator_of(())
    first, rest = first_and_rest(ctx, args[0], lambda count: None)
    return ctx.call(Constant(running), function, rest, first)


def _totals(ctx: Context, function: Abstract, items: Abstract, start: Abstract) -> Abstract:
    items = materialised(ctx, items)
    start, rest = _first(ctx, items, "accumulate") if start == Constant(None) else (start, items)
    return ctx.call(Constant(accumulated), function, rest, start)


@builtin(filter, least=2, most=2, iterates=True, takes_generators=True)
def _filter(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    function = args[0] if args[0] != Constant(None) else Constant(same)
    return ctx.call(Constant(selected), function, args[1])


# ---- sums and extremes ---------------------------------------------------------------------------------------------


@builtin(sum, most=2, keywords="start", takes_generators=True)
def _sum(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    args = [iterated(ctx, args[0]), *args[1:]]  # the sum may start with an object that has items
    start = args[1] if len(args) == 2 else keywords.get("start")
    if isinstance(args[0], GeneratorValue):
        return _sum_of_generator(ctx, args[0], start)
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


def _sum_of_generator(ctx: Context, items: GeneratorValue, start: Abstract | None) -> Abstract:
    """The loop that adds the items up; where they are arrays, the sum of a list of them."""
    entry, written = ctx.snapshot(), len(ctx.builder.statements)
    try:
        return ctx.call(Constant(added), items, start or ctx.constant(0))
    except (SrcadError, RetryUnrolled):
        ctx.restore(entry)
        del ctx.builder.statements[written:]
    return _sum(ctx, [as_array(ctx, materialised(ctx, items)), *([] if start is None else [start])], {})


def _has_run_time_length(ctx: Context, value: Abstract) -> bool:
    """Whether it is a run-time iterable, of a length that is not known, and no list of the IR."""
    if isinstance(value, HeapRef) and ctx.heap[value.id].at_run_time:
        return False
    return items_of(ctx, value) is None and not isinstance(from_zero(ctx, value).stop.static, int)


def _extreme_or_default(ctx: Context, extreme: Handler, values: Abstract, keywords: Keywords) -> Abstract:
    """The extreme of a run-time number of items; where there are none, the default."""
    others = {key: value for key, value in keywords.items() if key != "default"}
    count = from_zero(ctx, values).stop
    if isinstance(count.static, int):
        return extreme(ctx, [values], others) if count.static else keywords["default"]
    is_some = ctx.builder.op(">", count.atom, ctx.constant(0).atom)
    return branch(ctx, is_some, lambda: extreme(ctx, [values], others), lambda: keywords["default"])


def _extreme(name: str, choose: Any, over: Any, by_key: Any) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        key = keywords.get("key", Constant(None))
        if len(args) == 1:
            args = [as_array(ctx, args[0])]
            items = items_of(ctx, args[0])
            if items is None and "default" in keywords:
                return _extreme_or_default(ctx, handler, args[0], keywords)
            if (
                items is None
                and isinstance(args[0], Leaf)
                and isinstance(args[0].type, Array)
                and key == Constant(None)
            ):
                items_there = Filled((Axis(0, 0, args[0].type.dims[0]),), f"{name} of nothing")
                ctx.builder.demand([items_there], (args[0].atom,))
                return ctx.call(Constant(over), args[0])
            if not items and "default" in keywords and items is not None:
                return keywords["default"]
            if items is None and known_items(ctx, args[0]) is None and _has_run_time_length(ctx, args[0]):
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
    _extreme("max", choose_larger, largest, first_with_greatest_key)
)
builtin(min, most=ANY_NUMBER, keywords="default key", iterates=True)(
    _extreme("min", choose_smaller, smallest, first_with_least_key)
)


def _quantifier(over: Any, over_items: Any, deciding: bool) -> Handler:
    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        if isinstance(args[0], GeneratorValue):
            return ctx.call(Constant(first_true if deciding else first_false), args[0])
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


builtin(any, iterates=True, takes_generators=True)(_quantifier(any_of, any_true, True))
builtin(all, iterates=True, takes_generators=True)(_quantifier(all_of, all_true, False))

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
    if isinstance(value, GeneratorValue):
        return materialised(ctx, value)
    if isinstance(value, Leaf) or not _has_run_time_length(ctx, value):
        return None
    return ctx.call(Constant(collected), value)


_known_list = BUILTINS[list]


def _list(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    args = [iterated(ctx, ctx.check(arg)) for arg in args]
    found = listed(ctx, args[0]) if len(args) == 1 else None
    return _known_list(ctx, args, keywords) if found is None else found


BUILTINS[list] = _list
