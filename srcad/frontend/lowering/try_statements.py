"""Lowering of `try`: which handler runs is known in the forward sweep, where a check of an error fails.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's functions
>>> def root(x):
...     if x < 0.0:
...         raise ValueError("negative")
...     return x**0.5
>>> def f(x):
...     try:
...         y = root(x)
...     except ValueError:
...         y = -x
...     return y
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    %test.0 = x < 0.0
    %test.1 = not %test.0
    y.3 = if %test.1:
        y.0 = x ** 0.5
        yield y.0
    else:
        y.2 = -x
        yield y.2
    return y.3
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import gast

from srcad.frontend.syntax.generator_functions import Yielded
from srcad.frontend.values.abstract_values import (
    UNBOUND,
    Abstract,
    Constant,
    Leaf,
    Seq,
    TypeConflict,
    map_structure,
)
from srcad.frontend.values.caught_errors import Caught, ErrorFlow, Output, joined_branches
from srcad.frontend.values.context import Context, State
from srcad.frontend.values.control_joins import branch
from srcad.frontend.values.handler_states import handler_state, renamed
from srcad.frontend.values.raise_points import Attempt, Cleanup, Errors, RaisePoint, inside_attempt
from srcad.ir.nodes import Const, Expr, If, Stmt, Undef, Var
from srcad.ir.traversal import defined, walk

_WHICH = "%handler"
_NO_TEXT = TypeConflict(
    "S103",
    "a caught error is read",
    "What it says is not known in compiled code.",
    "do without it, or raise an error with a message of your own.",
)


def lower_try(ctx: Context, node: gast.Try) -> None:
    if hasattr(node, "suppresses") and ctx.expression(node.suppresses) != Constant(contextlib.suppress):
        ctx.fail("S105", "with suppress that is not that of contextlib")
    if node.raises_only and not ctx.attempts:
        if node.handlers:
            ctx.rewords.append(True)
        ctx.statements([*node.body, *node.orelse])
        return
    if node.cleans_up and ctx.attempts:
        with inside_attempt(ctx, Cleanup("finally")):
            _attempt(ctx, node)
    else:
        _attempt(ctx, node)


def _attempt(ctx: Context, node: gast.Try) -> None:
    if any(isinstance(one, Yielded) for stmt in node.body for one in gast.walk(stmt)):
        ctx.fail("S103", "yield in a try that goes on after an error", None, "catch it outside of the generator.")
    handlers = tuple(_errors(ctx, handler) for handler in node.handlers)
    attempt = Attempt(ctx.frame, handlers, dict(ctx.frame.names))
    has_raised, ctx.has_raised = ctx.has_raised, False
    with ctx.builder.block() as body, inside_attempt(ctx, attempt):
        ctx.statements(node.body)
    ends, after = not ctx.has_raised, ctx.snapshot()
    ctx.has_raised = has_raised
    written = {id(stmt) for stmt in walk(tuple(body))}
    points = [point for point in attempt.points if id(point.statement) in written]
    if not points:
        for stmt in body:
            ctx.builder.emit(stmt)
        if ends:
            ctx.statements(node.orelse)
        else:
            ctx.has_raised = True
        return
    _with_handlers(ctx, node, attempt, body, points, after if ends else None)


def _with_handlers(
    ctx: Context,
    node: gast.Try,
    attempt: Attempt,
    body: Sequence[Stmt],
    points: Sequence[RaisePoint],
    after: State | None,
) -> None:
    reached = sorted({point.handler for point in points})
    if len(reached) > 1:
        for point in points:
            point.state.names[_WHICH] = ctx.constant(point.handler)
    inside = defined(tuple(body))
    found = handler_state(ctx, [point.state for point in points], inside)
    columns = list(found.columns.values())
    caught = {
        id(point.statement): Caught(tuple(column.values[at] for column in columns)) for at, point in enumerate(points)
    }
    flow = ErrorFlow(ctx.builder, caught, [(column.base, column.kind) for column in columns])
    names = [] if after is None else [name for name in _names(after) if name in inside]
    status, values = flow.emit(body, [Output(Var(name), Undef()) for name in names])
    for name, value in zip(names, values, strict=True):
        _note_undefined(ctx, value, name in ctx.undefined)
    for column, value in zip(columns, status.values, strict=True):
        _note_undefined(ctx, value, any(leaf is None or ctx.is_undefined(leaf) for leaf in column.values))
    in_handler = found.filled(ctx, status.values)
    which = in_handler.names.pop(_WHICH, None)

    def handle(handlers: Sequence[int]) -> Abstract:
        first, *others = handlers
        if others:
            assert isinstance(which, Leaf)
            is_first = ctx.builder.op("==", which.atom, Const(first))
            if not isinstance(is_first, Const):
                return branch(ctx, is_first, lambda: handle([first]), lambda: handle(others))
        ctx.restore(in_handler)
        _handler(ctx, node.handlers[first], {point.error for point in points if point.handler == first})
        return Constant(None)

    def go_on() -> Abstract:
        assert after is not None
        ctx.restore(renamed(ctx, after, dict(zip(names, values, strict=True))))
        ctx.statements(node.orelse)
        return Constant(None)

    ended = status.ended
    assert isinstance(ended, Var | Const)
    if after is None or ended == Const(False):
        handle(reached)
        return
    branch(ctx, ended, go_on, lambda: handle(reached))
    if ctx.attempts:  # the points of another `try` stay as they are
        return
    statements = ctx.builder.statements
    first, second = statements[-2:] if len(statements) > 1 else (None, None)
    if isinstance(first, If) and isinstance(second, If) and first.cond == second.cond:
        statements[-2:] = [joined_branches(first, second)]


def _note_undefined(ctx: Context, value: Expr, is_undefined: bool) -> None:
    """Note whether a value has none on some path that leads to where it is read."""
    if is_undefined and isinstance(value, Var):
        ctx.undefined.add(value.name)


def _handler(ctx: Context, handler: gast.ExceptHandler, errors: set[type[BaseException]]) -> None:
    name = None if handler.name is None else handler.name if isinstance(handler.name, str) else handler.name.id
    if name is not None:
        ctx.frame.names[name] = _NO_TEXT
    depth = len(ctx.handled)
    ctx.handled.append(errors)
    try:
        ctx.statements(handler.body)
    finally:
        del ctx.handled[depth:]
    if name is not None:
        ctx.frame.names[name] = UNBOUND


def _errors(ctx: Context, handler: gast.ExceptHandler) -> Errors:
    """What a handler catches."""
    if handler.type is None:
        return (BaseException,)
    with ctx.builder.block(), ctx.at(handler.type):
        value = ctx.check(ctx.expression(handler.type))
        parts = value.items if isinstance(value, Seq) else (value,)
        errors = tuple(part.value for part in parts if isinstance(part, Constant))
        are_errors = all(isinstance(one, type) and issubclass(one, BaseException) for one in errors)
        if len(errors) < len(parts) or not are_errors:
            ctx.fail("S103", "except of what is no class of errors that is known")
        if any(issubclass(one, FloatingPointError) for one in errors):
            why = "What NumPy does about floating-point errors is a setting, which compiled code has not."
            ctx.fail("S103", "except FloatingPointError", why, "ask with np.isfinite.")
    return errors


def _names(state: State) -> list[str]:
    """The names of the IR in a state."""
    found: dict[str, None] = {}

    def visit(value: Abstract) -> Abstract:
        if isinstance(value, Leaf) and isinstance(value.atom, Var):
            found[value.atom.name] = None
        return map_structure(value, visit)

    for value in (*state.names.values(), *(item for cells in state.heap.values() for item in cells.items)):
        visit(value)
    return list(found)
