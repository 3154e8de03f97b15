"""Lowering of functions of itertools that rearrange the items of sequences: `product`, `pairwise`, `chain` and others.

`product` and `combinations` read all items before they give one; the text reads them where they are asked for, from a
copy where something writes into the array.

>>> import itertools
>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, y):
...     return sum(a * b for a, b in itertools.pairwise((x, y, x)))
>>> print(text(normal_form(f, 2.0, 3.0)))
f(x: float64, y: float64):
    %product.0 = x * y
    %product.1 = y * x
    %sum.0 = %product.0 + %product.1
    return %sum.0
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from srcad.frontend.calls.builtin_calls import ANY_NUMBER, BUILTINS, Args, Handler, Keywords, builtin, early
from srcad.frontend.calls.iteration_calls import iterator_of, known_items
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.syntax.iterator_bodies import (
    chained,
    combinations_of,
    combinations_with_repeats,
    permutations_of,
    products_of,
)
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Constant,
    EnumerateValue,
    FlatValue,
    GeneratorValue,
    HeapRef,
    Leaf,
    MapValue,
    PartValue,
    ProductValue,
    ReversedValue,
    Seq,
    ZipValue,
    map_structure,
)
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.iterables import as_array, from_zero, items_of
from srcad.frontend.values.iteration_order import read_early, reread
from srcad.ir.types import Array, Scalar

_MOST_SELECTED = 512


def _selections(function: Any) -> Handler:
    """A function that reads all items before it gives one."""

    def handler(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
        args = [_snapshot(ctx, arg) for arg in args]
        run_time = _run_time_selection(ctx, function, args, keywords)
        if run_time is not None:
            return run_time
        given = [number if isinstance(number := to_python(ctx, arg), int) else spread(ctx, arg) for arg in args]
        named = {key: to_python(ctx, value) for key, value in keywords.items()}
        if UNKNOWN in named.values():
            ctx.retry("S123", f"the options of {function.__name__} must be known when compiling")
        made = list(itertools.islice(function(*given, **named), _MOST_SELECTED + 1))
        if len(made) > _MOST_SELECTED:
            why = "A loop over them is unrolled."
            ctx.fail("S129", f"more than {_MOST_SELECTED} items of {function.__name__}", why, "write nested loops.")
        return iterator_of(Seq(tuple(row)) for row in made)

    return handler


def _run_time_selection(ctx: Context, function: Any, args: Args, keywords: Keywords) -> Abstract | None:
    """Of arrays and ranges whose length only a run knows; None of others."""
    if all(isinstance(to_python(ctx, arg), int) or known_items(ctx, arg) is not None for arg in args):
        return None
    if function is itertools.product:
        repeat = to_python(ctx, keywords.get("repeat", ctx.constant(1)))
        if isinstance(repeat, int):
            if all(items_of(ctx, arg) is None for arg in args):
                return ProductValue(tuple(args) * repeat)
            return ctx.call(Constant(products_of), Seq(tuple(args) * repeat))
    if function in _CHOSEN and len(args) + len(keywords) == 2:
        return ctx.call(Constant(_CHOSEN[function]), args[0], args[1] if len(args) == 2 else keywords["r"])
    return None


def _snapshot(ctx: Context, value: Abstract) -> Abstract:
    """The iterable with its items of now. Rows of an array are views, which show what is written later."""
    match value:
        case Leaf(_, Array(dims=[_])):
            return ctx.call(Constant(np.copy), value)
        case FlatValue():
            return _snapshot(ctx, as_array(ctx, value))
        case HeapRef(id=ref) if ctx.heap[ref].grown and not ctx.heap[ref].at_run_time:
            return _snapshot(ctx, as_array(ctx, value))
        case HeapRef(kind="list"):
            items = items_of(ctx, value)
            return value if items is None else Seq(items)
        case MapValue():
            return BUILTINS[list](ctx, [value], {})
        case ZipValue() | EnumerateValue() | ReversedValue() | ProductValue():
            return map_structure(value, lambda inner: _snapshot(ctx, inner))
        case PartValue(inner):
            return replace(value, inner=_snapshot(ctx, inner))
        case _:
            return value


_CHOSEN = {
    itertools.combinations: combinations_of,
    itertools.permutations: permutations_of,
    itertools.combinations_with_replacement: combinations_with_repeats,
}
for _function in (itertools.product, *_CHOSEN):
    builtin(_function, most=ANY_NUMBER, keywords="repeat r", iterates=True)(_selections(_function))


@builtin(itertools.pairwise, iterates=True, takes_generators=True)
def _pairwise(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    items = args[0]
    if isinstance(items, Seq):
        return iterator_of(Seq(pair) for pair in itertools.pairwise(items.items))
    items = reread(ctx, early(ctx, items, "pairwise"), "pairwise")
    return ZipValue((items, PartValue(items, ctx.constant(1), from_zero(ctx, items).stop)))


@builtin(itertools.chain, least=0, most=ANY_NUMBER, iterates=True, takes_generators=True)
def _chain(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    if all(isinstance(arg, Seq) for arg in args):
        return iterator_of(itertools.chain.from_iterable(arg.items for arg in args if isinstance(arg, Seq)))
    if all(_is_vector(ctx, arg) for arg in args):
        return read_early(ctx, Seq(tuple(args)), "chain", lambda: _joined(ctx, args))
    return ctx.call(Constant(chained), Seq(tuple(args)))


def _joined(ctx: Context, args: Args) -> Abstract:
    parts = [ctx.call(Constant(np.array), arg) for arg in args]
    return ctx.call(Constant(np.concatenate), Seq(tuple(parts)))


def _is_vector(ctx: Context, value: Abstract) -> bool:
    if isinstance(value, GeneratorValue):
        return False
    value = as_array(ctx, value)
    if isinstance(value, Leaf):
        return isinstance(value.type, Array) and len(value.type.dims) == 1
    items = items_of(ctx, value)
    return bool(items) and all(isinstance(item, Leaf) and isinstance(item.type, Scalar) for item in items or ())


@builtin(itertools.chain.from_iterable, iterates=True, takes_generators=True)
def _chained(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    known = known_items(ctx, args[0])
    if known is not None:
        return BUILTINS[itertools.chain](ctx, known, {})
    return ctx.call(Constant(chained), args[0])
