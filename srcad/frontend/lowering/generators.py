"""Loops over generators: the body of the loop stands where the generator function has its `yield`.

The variables that the body binds are in cells meanwhile, since the loops and branches around the `yield` are those of
another function.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's functions
>>> def squares(xs):
...     for x in xs:
...         yield x * x
>>> def f(xs):
...     total = 1.0
...     for square in squares(xs):
...         total = total + square
...     return total
>>> import numpy as np
>>> print(text(normal_form(f, np.ones(3))))
f(xs: float64[xs.0]):
    total.0 = 1.0
    %n.0 = len(xs)
    total.3 = for %i.0 in range(0, %n.0, 1) carrying total.1 = total.0:
        x.0 = xs[%i.0]
        square.0 = x.0 * x.0
        total.2 = total.1 + square.0
        yield total.2
    return total.3
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import gast

from srcad.frontend.lowering.overloading import iterated
from srcad.frontend.source.scopes import assigned, own_nodes, read_outside
from srcad.frontend.syntax.control_exits import NEXT, RETURN, endless, exits
from srcad.frontend.syntax.generator_functions import HasStopped, Yielded, as_generator_function, for_consumer
from srcad.frontend.syntax.iteration_bodies import collected
from srcad.frontend.syntax.prepared_trees import prepared_tree
from srcad.frontend.values.abstract_values import (
    UNBOUND,
    Abstract,
    Closure,
    Constant,
    GeneratorValue,
    HeapRef,
    Leaf,
    TypeConflict,
)
from srcad.frontend.values.cells import bound_flag_of_cell, new_cell, owner_of_nonlocal, set_cell
from srcad.frontend.values.context import Consumer, Context, Frame
from srcad.frontend.values.definedness import set_bound, set_flag
from srcad.frontend.values.iterator_places import has_place, others, refuse_used, use_up
from srcad.frontend.values.name_resolution import lookup


def lower_for_generator(ctx: Context, node: gast.For, over: GeneratorValue, flag: str | None) -> None:
    """`for target in generator: body`."""
    frame = ctx.frame
    names = assigned([node.target, *node.body])
    own = set(assigned([node.target])) - read_outside(frame.tree, node)

    def take(item: Abstract) -> None:
        ctx.bind(node.target, item)
        ctx.statements(node.body)
        for name in own:  # the next item is another one
            cell = frame.names[name]
            assert isinstance(cell, HeapRef)
            set_cell(ctx, cell, UNBOUND)

    def is_left() -> Abstract:
        assert flag is not None
        return lookup(ctx, flag)

    with in_cells(ctx, names):
        run_generator(ctx, over, take, is_left if flag is not None else None)


def generator_expression(ctx: Context, node: Any) -> Abstract:
    """The generator of an expression, of which the first iterable is evaluated where it stands."""
    over = ctx.check(ctx.expression(node.generators[0].iter))
    return ctx.call(Closure(as_generator_function(node), ctx.frame), iterated(ctx, over))


def materialised(ctx: Context, value: Abstract) -> Abstract:
    """The list of the items of a generator; any other value unchanged."""
    return ctx.call(Constant(collected), value) if isinstance(value, GeneratorValue) else value


def is_endless(value: Abstract) -> bool:
    """Whether a generator may never end by itself: in a `while True`, or since one that it is given does not."""
    if not isinstance(value, GeneratorValue):
        return False
    tree = value.frame.origin
    loops = [node for node in own_nodes(tree) if isinstance(node, gast.While) and endless(node)]
    if any(not exits([loop]) & {NEXT, RETURN} for loop in loops):
        return True
    return RETURN not in exits(tree.body) and any(map(is_endless, value.frame.names.values()))


def run_generator(
    ctx: Context,
    generator: GeneratorValue,
    take: Callable[[Abstract], None],
    has_stopped: Callable[[], Abstract] | None = None,
) -> None:
    """Run a generator function, and give each item to `take`, which binds no variable that is not in a cell."""
    if has_stopped is None and is_endless(generator):
        ctx.fail(
            "S129", f"all items of {generator.frame.origin.name}, which never ends", None, "leave the loop: break."
        )
    rest = others(ctx, generator) if has_place(generator) else generator
    _start(ctx, generator)
    generator = rest
    made, consumer, span = generator.frame, ctx.frame, ctx.builder.span
    tree, names = prepared_tree(for_consumer(made.origin, has_stopped is not None))
    ctx.frames += 1
    frame = Frame(made.source, tree, made.library, names, made.parent, consumer, dict(made.names))
    frame.serial, frame.first_ref, frame.origin = ctx.frames, ctx.refs, made.origin
    running = GeneratorValue(frame, generator.state)

    def taken(item: Abstract) -> None:
        with _with_names(ctx, consumer, running):
            take(item)

    def stopped() -> Abstract:
        assert has_stopped is not None
        with ctx.inside(consumer):
            return has_stopped()

    frame.consumer = Consumer(taken, None if has_stopped is None else stopped)
    with ctx.inside(frame):
        ctx.statements(tree.body)
    ctx.builder.span = span


@contextmanager
def _with_names(ctx: Context, consumer: Frame, running: GeneratorValue) -> Iterator[None]:
    """Inside the frame of the consumer, from where the generator can be reached; no name outside of cells is kept."""
    before = consumer.names
    consumer.names = {**before, f"%generator_{running.frame.serial}": running}
    try:
        with ctx.inside(consumer):
            yield
    finally:
        consumer.names = before


@contextmanager
def in_cells(ctx: Context, names: Collection[str]) -> Iterator[None]:
    """The variables of the frame with these names are in cells inside."""
    frame = ctx.frame
    moved = [name for name in names if owner_of_nonlocal(frame, name) is None]
    before = dict(frame.names)
    cells = {name: new_cell(ctx, before.get(name, UNBOUND)) for name in moved}
    frame.names |= cells
    try:
        yield
    except BaseException:
        frame.names = before
        raise
    for name, cell in cells.items():
        frame.names[name] = ctx.heap[cell.id].items[0]
        is_bound = bound_flag_of_cell(ctx, cell)
        if is_bound is not None:
            set_flag(ctx, name, is_bound)
        else:
            set_bound(ctx, name)
        if frame.names[name] is UNBOUND:
            del frame.names[name]


def _start(ctx: Context, generator: GeneratorValue) -> None:
    """S113 where a loop has asked for its items before."""
    (has_run,) = ctx.heap[generator.state.id].items
    if has_run != Constant(False) and not isinstance(has_run, Leaf):
        refuse_used(ctx, generator, isinstance(has_run, TypeConflict))
    use_up(ctx, generator)


def yielded(ctx: Context, node: Yielded) -> None:
    consumer = ctx.frame.consumer
    assert consumer is not None
    consumer.take(ctx.expression(node.value))


def has_stopped(ctx: Context, node: HasStopped) -> Abstract:
    consumer = ctx.frame.consumer
    assert consumer is not None and consumer.has_stopped is not None
    return consumer.has_stopped()
