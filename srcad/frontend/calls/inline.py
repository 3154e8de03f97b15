"""Inlining of derivative rules and library functions into a block, for the types of the arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from srcad.analysis.memory.may_alias import may_alias
from srcad.errors import fail
from srcad.frontend.calls.inlined_frames import inline_source
from srcad.frontend.lowering.lower import PARTS
from srcad.frontend.source.read import read
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Seq
from srcad.frontend.values.constants import to_abstract
from srcad.frontend.values.context import Context, Differentiate, Frame, NotYetBound, RetryUnrolled
from srcad.ir.nodes import Atom, Stmt, Var
from srcad.ir.traversal import block_stores
from srcad.ir.types import Array
from srcad.typing.builder import Builder
from srcad.typing.infer import Operand
from srcad.typing.length_demands import Demand, Fit, axes_of

_nested: list[Differentiate | None] = [None]


def differentiate_by(differentiate: Differentiate) -> None:
    """Say what makes the derivatives that rules call: `compiler/nested_derivative` does, which lies above."""
    _nested.append(differentiate)


def inline_rule(
    builder: Builder,
    function: Any,
    args: Sequence[Atom | None],
    static: Mapping[str, object],
    buffers: Sequence[Atom | None] = (),
) -> tuple[Atom | None, ...]:
    """Emit the body of `function(*args, *buffers, **static)`; the atoms it returns, None for each `None`.

    A function that returns one value gives a tuple of one. Raises S206 where it writes into one of `args`.

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
    ctx = Context(builder, PARTS, differentiate=_nested[-1])
    ctx.is_rule = True
    ctx.checks_indices = False  # the indices of a rule are those of the primal, which have been checked
    source = read(function)
    ctx.frame = Frame(source, source.tree, True, frozenset())
    builder.place = lambda: builder.span
    operands: list[Abstract] = [Constant(None) if arg is None else ctx.leaf(arg) for arg in (*args, *buffers)]
    before = len(builder.statements)
    try:
        result = inline_source(ctx, source, operands, {k: to_abstract(ctx, v) for k, v in static.items()})
    except (RetryUnrolled, NotYetBound) as unresolved:
        raise unresolved.error from None
    _refuse_writes(ctx, function, builder.statements[before:], args)
    parts: Sequence[Abstract] = result.items if isinstance(result, Seq) else (result,)
    return tuple(_atom(ctx, part) for part in parts)


def demand_shape(builder: Builder, rule: Any, value: Atom, like: Atom, what: str) -> None:
    """Emit a check that what a user's rule gives has the shape of what it is for, or is one number for all of it."""
    have, want = builder.typeof(value), builder.typeof(like)
    if not isinstance(have, Array):
        return
    if not isinstance(want, Array) or have.rank != want.rank:
        axes = want.rank if isinstance(want, Array) else 0
        fail("S206", f"the rule {rule.__name__} gives {have.rank} axes, and {what} has {axes}", builder.span)
    own, other = (axes_of(at, Operand(one, t)) for at, (one, t) in enumerate(((value, have), (like, want))))
    fits = tuple(Fit(a, b) for a, b in zip(own, other, strict=True) if a.length != b.length)
    if fits:
        text = (f"the rule {rule.__name__} gives the shape ", f", and {what} has ", "")
        asked, builder.checks = builder.checks, True  # of what the compiler makes itself none is emitted
        builder.demand([Demand(fits, (own, other), text)], (value, like))
        builder.checks = asked


def _refuse_writes(ctx: Context, function: Any, emitted: Sequence[Stmt], args: Sequence[Atom | None]) -> None:
    """What a rule is given is read again, by whoever made it."""
    stored = block_stores(tuple(emitted))
    if not stored:
        return
    shared = may_alias(tuple(emitted), ctx.builder.types)
    given = {a.name for a in args if isinstance(a, Var) and isinstance(ctx.builder.types[a.name], Array)}
    if any(not given.isdisjoint((name, *shared.aliases(name))) for name in stored):
        ctx.fail("S206", f"the rule {function.__name__} writes into an argument", None, "copy it first, with .copy().")


def _atom(ctx: Context, value: Abstract) -> Atom | None:
    value = ctx.check(value)
    if isinstance(value, Leaf):
        return value.atom
    if value == Constant(None):
        return None
    ctx.fail("S206", "a rule returns numbers, arrays, None, or a tuple of them")
