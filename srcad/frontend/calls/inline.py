"""Inlining of derivative rules and library functions into a block, for the types of the arguments."""

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
    builder: Builder, function: Any, args: Sequence[Atom | None], static: Mapping[str, object]
) -> tuple[Atom | None, ...]:
    """Emit the body of `function(*args, **static)`; the atoms it returns, None for each `None`.

    A function that returns one value gives a tuple of one.

    >>> from srcad.ir.nodes import Var
    >>> from srcad.ir.notation import show
    >>> from srcad.ir.types import Scalar
    >>> def rule(x, d_y):
    ...     return 2.0 * x * d_y
    >>> builder = Builder()
    >>> builder.types |= dict.fromkeys(("x", "d_y"), Scalar("float64"))
    >>> with builder.block() as body:
    ...     results = inline_rule(builder, rule, (Var("x"), Var("d_y")), {})
    >>> print(show(tuple(body)), results)
    %product.0 = 2.0 * x
    %product.1 = %product.0 * d_y (Var(name='%product.1'),)
    """
    ctx = Context(builder, PARTS)
    ctx.checks_indices = False  # the indices of a rule are those of the primal, which have been checked
    source = read(function)
    ctx.frame = Frame(source, source.tree, True, frozenset())
    builder.place = lambda: builder.span
    operands: list[Abstract] = [Constant(None) if arg is None else ctx.leaf(arg) for arg in args]
    try:
        result = inline_source(ctx, source, operands, {k: to_abstract(ctx, v) for k, v in static.items()})
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
