"""Iterators that `next` takes items from before a loop goes over the others: how many it has taken is in a cell.

These are `iter(xs)`, and generators that give an item for each of an iterable. Once a loop has gone over one, nothing
is left in it; where it has left the loop early, what is left is not followed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from srcad.frontend.syntax.generator_functions import gone_through
from srcad.frontend.syntax.iterator_bodies import each
from srcad.frontend.values.abstract_values import Abstract, Constant, GeneratorValue, Leaf, PartValue, TypeConflict
from srcad.frontend.values.cells import new_cell, set_cell
from srcad.frontend.values.context import Context
from srcad.frontend.values.iterables import from_zero


def has_place(value: Abstract) -> bool:
    """Whether items may be taken from the value one by one."""
    if not isinstance(value, GeneratorValue):
        return False
    parameter = gone_through(value.frame.origin)
    return parameter is not None and not isinstance(value.frame.names.get(parameter), GeneratorValue)


def is_plain(value: Abstract) -> bool:
    """Whether the value is what `iter` gives."""
    return isinstance(value, GeneratorValue) and value.frame.source.function is each and has_place(value)


def taken(ctx: Context, generator: GeneratorValue) -> Leaf:
    """How many items have been taken; S113 where a loop has gone over it."""
    (place,) = ctx.heap[generator.state.id].items
    if not isinstance(place, Leaf):
        refuse_used(ctx, generator, isinstance(place, TypeConflict))
    return place


def refuse_used(ctx: Context, generator: GeneratorValue, perhaps: bool = False) -> NoReturn:
    is_own = generator.frame.source.function is each
    name = "this iterator" if is_own else f"{generator.frame.origin.name} is an iterator that"
    ctx.fail(
        "S113",
        f"{name} {'may have been' if perhaps else 'was'} looped over before",
        "Nothing, or what that loop has left, is in it.",
        "make a list of its items: items = list(...).",
    )


def remaining(ctx: Context, generator: GeneratorValue) -> Abstract:
    """The iterable of a generator, from the first item on that is not taken."""
    parameter = gone_through(generator.frame.origin)
    assert parameter is not None
    over, place = generator.frame.names[parameter], taken(ctx, generator)
    if place.static == 0:
        return over
    whole = from_zero(ctx, over)
    if whole.by_position and not isinstance(place.static, int):
        what = "how many items are taken from this iterator is known only at run time"
        ctx.retry("S123", what, "Its items are of different kinds.", "loop over range(len(...)), and index.")
    return PartValue(over, place, whole.stop)


def others(ctx: Context, generator: GeneratorValue) -> GeneratorValue:
    """The generator of the items that are not taken."""
    parameter = gone_through(generator.frame.origin)
    assert parameter is not None
    frame = generator.frame
    rest = replace(frame, names={**frame.names, parameter: remaining(ctx, generator)}, pending=set())
    return GeneratorValue(rest, new_cell(ctx, ctx.constant(0)), generator.is_manager)


def use_up(ctx: Context, generator: GeneratorValue) -> None:
    set_cell(ctx, generator.state, Constant(True))
