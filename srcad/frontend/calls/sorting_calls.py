"""Lowering of `sorted` and `list.sort`: by values that only a run knows, the order is that of `np.argsort`.

Python's sort keeps the order of equal items, in reverse, too; so does this one.

>>> from srcad.compiler.stages import normal_form
>>> __name__ = "__main__"  # a user's function
>>> def f(x, y):
...     smaller, larger = sorted((x, y))
...     return larger - smaller
>>> import srcad
>>> srcad.grad(f, (0, 1), target="python")(3.0, 2.0)
(1.0, -1.0)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from srcad.frontend.calls.builtin_calls import BUILTINS, Args, Keywords, builtin
from srcad.frontend.lowering.operators import binary
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    LeafSlot,
    MapValue,
    RangeValue,
    Seq,
    SliceValue,
    map_structure,
)
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iterables import as_array, items_of
from srcad.frontend.values.iterations_in_call import items_in_call
from srcad.frontend.values.structures import compose, decompose
from srcad.ir.nodes import Const
from srcad.ir.types import Array, Scalar


@builtin(sorted, keywords="reverse key", iterates=True)
def _sorted(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return sorted_list(ctx, args[0], keywords)


def sorted_list(ctx: Context, value: Abstract, keywords: Keywords) -> HeapRef:
    """A new list of the items in order."""
    key = keywords.get("key", Constant(None))
    backwards = to_python(ctx, keywords.get("reverse", ctx.constant(False)))
    if backwards is UNKNOWN:
        ctx.retry("S123", "whether to sort in reverse must be known when compiling")
    items = items_of(ctx, as_array(ctx, value))
    if items is None:
        items = items_in_call(ctx, value)
    if items is None:
        return _sorted_array(ctx, as_array(ctx, value), key, bool(backwards))
    keys = items if key == Constant(None) else tuple(ctx.check(ctx.call(key, item)) for item in items)
    known = [to_python(ctx, one) for one in keys]
    if not any(one is UNKNOWN for one in known):
        try:
            order = sorted(range(len(items)), key=lambda at: known[at], reverse=bool(backwards))
        except TypeError as error:
            ctx.fail("S127", f"TypeError: {error}")
        return ctx.new_ref(HeapObject(tuple(items[at] for at in order)))
    places = _places(ctx, keys, bool(backwards))
    return ctx.new_ref(HeapObject(_rearranged(ctx, items, places)))


def _places(ctx: Context, keys: Sequence[Abstract], backwards: bool) -> Leaf:
    """The places of the items in the order of their keys; tuples are in the order of the first number that differs."""
    lengths = {len(one.items) if isinstance(one, Seq) else None for one in keys}
    width = lengths.pop()
    if width is None or lengths:
        return _order(ctx, _vector(ctx, keys), backwards)
    rows = [one.items for one in keys if isinstance(one, Seq)]
    columns = [_vector(ctx, _as_numbers([row[at] for row in rows])) for at in range(width)]
    return _by_columns(ctx, columns or [_vector(ctx, [ctx.constant(0)] * len(rows))], backwards)


def _by_columns(ctx: Context, columns: Sequence[Leaf], backwards: bool) -> Leaf:
    """The places in the order of the first column that differs: sorted by the last one first, as sorting is stable."""
    found = _order(ctx, columns[-1], backwards)
    for column in columns[-2::-1]:
        moved = ctx.index(column, found)
        assert isinstance(moved, Leaf)
        places = ctx.index(found, _order(ctx, moved, backwards))
        assert isinstance(places, Leaf)
        found = places
    return found


def _columns(ctx: Context, keys: Leaf) -> list[Leaf]:
    """The numbers of the keys: of keys that are tuples, the first ones, the second ones, and so on."""
    assert isinstance(keys.type, Array)
    if len(keys.type.dims) == 1:
        return [keys]
    width = keys.type.dims[1]
    if len(keys.type.dims) > 2 or width.terms or not width.const:
        ctx.fail("S123", "sorting by arrays", None, "sort by one number, or by a tuple of numbers.")
    every = SliceValue(None, None, None)
    found = [ctx.index(keys, Seq((every, ctx.constant(at)))) for at in range(width.const)]
    return [one for one in found if isinstance(one, Leaf)]


def _as_numbers(keys: Sequence[Abstract]) -> Sequence[Abstract]:
    """Strings by their places among all."""
    texts = [one.value for one in keys if isinstance(one, Constant) and isinstance(one.value, str)]
    if len(texts) < len(keys):
        return keys
    places = {text: at for at, text in enumerate(sorted(set(texts)))}
    return [Leaf(Const(places[text]), Scalar("int64"), places[text]) for text in texts]


def _vector(ctx: Context, keys: Sequence[Abstract]) -> Leaf:
    for one in keys:
        if not isinstance(one, Leaf) or not isinstance(one.type, Scalar):
            ctx.fail("S123", f"sorting by {describe_value(one)}, known only at run time", None, "sort by one number.")
    found = ctx.call(Constant(np.array), Seq(tuple(keys)))
    assert isinstance(found, Leaf)
    return found


def _order(ctx: Context, keys: Leaf, backwards: bool) -> Leaf:
    """The places of the items in order; equal ones stay in the order that they had."""
    if backwards:
        negative = binary(ctx, "*", keys, ctx.constant(-1))
        assert isinstance(negative, Leaf)
        keys = negative
    found = ctx.call(Constant(np.argsort), keys, kind=Constant("stable"))
    assert isinstance(found, Leaf)
    return found


def _rearranged(ctx: Context, items: Sequence[Abstract], places: Leaf) -> tuple[Abstract, ...]:
    """The items at these places: of one structure, each of their leaves is taken from an array of all of them."""
    parts = [decompose(item, ctx.heap, ctx.heap, "%item") for item in items]
    structure = parts[0][0]
    if any(other != structure for other, _, _ in parts) or _has_reference(structure):
        ctx.fail(
            "S123",
            "items of different kinds in an order that only a run knows",
            "Which of them is which must be known when compiling.",
            "sort their numbers, or np.argsort, and index arrays.",
        )
    columns = [
        ctx.call(Constant(np.array), Seq(tuple(leaves))) for leaves in zip(*(part[1] for part in parts), strict=True)
    ]
    found = []
    for at in range(len(items)):
        place = ctx.index(places, ctx.constant(at))
        taken = [ctx.index(column, place) for column in columns]
        found.append(compose(ctx, structure, [leaf for leaf in taken if isinstance(leaf, Leaf)], None))
    return tuple(found)


def _has_reference(structure: Abstract) -> bool:
    found = False

    def visit(part: Abstract) -> Abstract:
        nonlocal found
        found |= isinstance(part, HeapRef)
        return part if isinstance(part, HeapRef | LeafSlot) else map_structure(part, visit)

    visit(structure)
    return found


def _sorted_array(ctx: Context, value: Abstract, key: Abstract, backwards: bool) -> HeapRef:
    if isinstance(value, RangeValue):
        items = ctx.call(Constant(np.arange), value.start, value.stop, value.step)
    else:
        items = value if isinstance(value, Leaf) else as_array(ctx, BUILTINS[list](ctx, [value], {}))
    if not isinstance(items, Leaf) or not isinstance(items.type, Array) or len(items.type.dims) != 1:
        ctx.fail("S123", f"{describe_value(value)}, sorted", None, "sort a list of numbers, or use np.argsort.")
    if key == Constant(None) and not backwards:
        found = ctx.call(Constant(np.sort), items)
    else:
        keys = items
        if key != Constant(None):
            computed = ctx.call(Constant(np.array), BUILTINS[list](ctx, [MapValue(key, (value,))], {}))
            assert isinstance(computed, Leaf)
            keys = computed
        found = ctx.index(items, _by_columns(ctx, _columns(ctx, keys), backwards))
    made = BUILTINS[list](ctx, [found], {})
    assert isinstance(made, HeapRef)
    return made
