"""Lowering of calls of functions of itertools that give one item after the other, as generator functions.

>>> from itertools import takewhile
>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x):
...     for v in takewhile(lambda v: v < 1.0, x):
...         print(v)
>>> import numpy as np
>>> print(text(normal_form(f, np.ones(3))))
f(x: float64[x.0]):
    %n.0 = len(x)
    %returned.2 = for %i.0 in range(0, %n.0, 1) carrying %returned.0 = False:
        v.0 = x[%i.0]
        %test.2 = v.0 < 1.0
        %test.3 = not %test.2
        %returned.1 = if %test.3:
            yield True
        else:
            print(v.0)
            yield %returned.0
        yield %returned.1; leave if %returned.1
"""

from __future__ import annotations

import itertools
from typing import Any

from srcad.frontend.calls.builtin_calls import ANY_NUMBER, Args, Keywords, builtin, early
from srcad.frontend.calls.iteration_calls import iterator_of
from srcad.frontend.syntax.iterator_bodies import (
    beside_longest,
    compressed,
    counted,
    dropped_while,
    first_item,
    first_item_or,
    first_items,
    in_a_cycle,
    not_selected,
    part,
    part_from,
    repeated,
    repeated_forever,
    taken_while,
)
from srcad.frontend.values.abstract_values import UNKNOWN, Abstract, Constant, GeneratorValue, Seq
from srcad.frontend.values.cells import set_cell
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iterables import arithmetic
from srcad.frontend.values.iteration_order import reread
from srcad.frontend.values.iterator_places import has_place, others, taken


def _generator(function: Any, body: Any, least: int, most: int, keywords: str = "") -> None:
    """A function of itertools that is a generator function (`iterator_bodies`)."""

    def handler(ctx: Context, args: Args, given: Keywords) -> Abstract:
        return ctx.call(Constant(body), *args, **given)

    builtin(function, least=least, most=most, keywords=keywords, iterates=True, takes_generators=True)(handler)


_generator(itertools.count, counted, 0, 2, "start step")
_generator(itertools.takewhile, taken_while, 2, 2)
_generator(itertools.dropwhile, dropped_while, 2, 2)
_generator(itertools.filterfalse, not_selected, 2, 2)
_generator(itertools.compress, compressed, 2, 2)


@builtin(itertools.cycle, iterates=True, takes_generators=True)
def _cycle(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    items = args[0] if isinstance(args[0], Seq) else reread(ctx, early(ctx, args[0], "cycle"), "cycle")
    return ctx.call(Constant(in_a_cycle), items)


@builtin(itertools.repeat, most=2, keywords="times")
def _repeat(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    times = args[1] if len(args) == 2 else keywords.get("times")
    if times is None:
        return ctx.call(Constant(repeated_forever), args[0])
    return ctx.call(Constant(repeated), args[0], times)


@builtin(itertools.islice, least=2, most=4, iterates=True, takes_generators=True)
def _islice(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    numbers = [to_python(ctx, arg) for arg in args[1:]]
    if isinstance(args[0], Seq) and UNKNOWN not in numbers:
        return iterator_of(itertools.islice(args[0].items, *numbers))
    if len(args) == 2:
        return ctx.call(Constant(first_items), *args)
    start = ctx.constant(0) if args[1] == Constant(None) else args[1]
    step = args[3] if len(args) == 4 and args[3] != Constant(None) else ctx.constant(1)
    if args[2] == Constant(None):
        return ctx.call(Constant(part_from), args[0], start, step)
    return ctx.call(Constant(part), args[0], start, args[2], step)


@builtin(itertools.zip_longest, least=1, most=ANY_NUMBER, keywords="fillvalue", iterates=True, takes_generators=True)
def _zip_longest(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    fill = keywords.get("fillvalue", Constant(None))
    args = [early(ctx, arg, "zip_longest") for arg in args]
    known = [arg.items for arg in args if isinstance(arg, Seq)]
    if len(known) == len(args):
        return iterator_of(Seq(tuple(row)) for row in itertools.zip_longest(*known, fillvalue=fill))
    return ctx.call(Constant(beside_longest), Seq(tuple(args)), fill)


@builtin(next, most=2, takes_generators=True)
def _next(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    if not isinstance(args[0], GeneratorValue):
        what = f"next of {describe_value(args[0])}"
        ctx.fail("S121", what, "Where it goes on is not followed.", "loop over it; or take its items by index.")
    body = Constant(first_item if len(args) == 1 else first_item_or)
    if not has_place(args[0]):
        return ctx.call(body, *args)
    place = taken(ctx, args[0])
    item = ctx.call(body, others(ctx, args[0]), *args[1:])
    set_cell(ctx, args[0].state, arithmetic(ctx, "+", place, ctx.constant(1)))
    return item
