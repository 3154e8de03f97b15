"""How many items there are in the call that a function is lowered for: what cannot stay a loop is unrolled for them.

The text checks what it was made for.
"""

from __future__ import annotations

from srcad.frontend.values.abstract_values import Abstract, Leaf
from srcad.frontend.values.call_values import InCall
from srcad.frontend.values.context import Context
from srcad.frontend.values.iterables import Iterable, demand_number, iterable_of
from srcad.ir.types import Scalar

_MOST_UNROLLED = 64
_MOST_UNROLLED_IN_ALL = 1024


def range_in_call(ctx: Context, iterable: Iterable) -> range | None:
    """The indices in this call, where a loop that cannot stay one is unrolled for them; None where it is not."""
    step = iterable.step.static
    if not ctx.apart or not isinstance(step, int) or not step:
        return None
    start, stop = (_value_in_call(ctx, end, False) for end in (iterable.start, iterable.stop))
    if start is None or stop is None:
        return None
    found = range(start, stop, step)
    return found if len(found) <= min(_MOST_UNROLLED, _MOST_UNROLLED_IN_ALL - ctx.unrolled) else None


def demand_range(ctx: Context, iterable: Iterable, found: range) -> None:
    """The text is for these indices, which it checks."""
    ctx.unrolled += len(found)
    for end in (iterable.start, iterable.stop):
        value = _value_in_call(ctx, end, True)
        if value is not None and not isinstance(end.static, int):
            demand_number(ctx, end, value, len(found))


def items_in_call(ctx: Context, value: Abstract) -> tuple[Abstract, ...] | None:
    """The items of what is no array of numbers, for as many as there are in this call."""
    if not ctx.apart or isinstance(value, Leaf):
        return None
    iterable = iterable_of(ctx, value)
    found = range_in_call(ctx, iterable)
    if found is None:
        return None
    demand_range(ctx, iterable, found)
    return tuple(iterable.item(ctx.constant(index)) for index in found)


def _value_in_call(ctx: Context, end: Leaf, relies: bool) -> int | None:
    if isinstance(end.static, int):
        return end.static
    length = end.type.dim if isinstance(end.type, Scalar) else None
    number = None if length is None else ctx.length_in_call(length, relies)
    if number is None:
        call = InCall(ctx)
        number = call.integer(end.atom)
        if relies:
            call.rely()
    return number
