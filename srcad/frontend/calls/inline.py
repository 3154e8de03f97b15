"""A rule, or a function of the prelude, written into a block: its body is lowered with the types of the arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from srcad.frontend.calls.inlined_frames import inline_source
from srcad.frontend.lowering.lower import PARTS
from srcad.frontend.source.read import read
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Seq
from srcad.frontend.values.constants import to_abstract
from srcad.frontend.values.context import Context, Frame, NotYetBound, RetryUnrolled
from srcad.ir.nodes import Atom
from srcad.typing.builder import Builder


def inline_rule(
    builder: Builder, function: Any, args: Sequence[Atom], static: Mapping[str, object]
) -> tuple[Atom | None, ...]:
    """Write what `function(*args, **static)` computes; the atoms it returns, None for each `None`.

    A function that returns one value gives a tuple of one.
    """
    ctx = Context(builder, PARTS)
    ctx.checks_indices = False  # a rule's indices are those that the primal has been asked for
    source = read(function)
    ctx.frame = Frame(source, source.tree, True, frozenset())
    builder.place = lambda: builder.span
    given = [ctx.leaf(arg) for arg in args]
    try:
        result = inline_source(ctx, source, given, {k: to_abstract(ctx, v) for k, v in static.items()})
    except (RetryUnrolled, NotYetBound) as unresolved:
        raise unresolved.error from None
    parts: Sequence[Abstract] = result.items if isinstance(result, Seq) else (result,)
    return tuple(_atom(ctx, part) for part in parts)


def _atom(ctx: Context, value: Abstract) -> Atom | None:
    value = ctx.check(value)
    if isinstance(value, Leaf):
        return value.atom
    if value == Constant(None):
        return None
    ctx.fail("S206", "a rule returns numbers, arrays, None, or a tuple of them")
