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
    map_structure,
)
from srcad.frontend.values.caught_errors import Caught, ErrorFlow, Output, joined_branches
from srcad.frontend.values.context import Context, State
from srcad.frontend.values.control_joins import branch
from srcad.frontend.values.definedness import set_bound, set_unbound
from srcad.frontend.values.handler_states import handler_state, renamed
from srcad.frontend.values.raise_points import (
    NO_TEXT,
    Attempt,
    Cleanup,
    Errors,
    Handled,
    RaisePoint,
    catches_any,
    handler_of,
    inside_attempt,
)
from srcad.ir.nodes import Const, Expr, If, Stmt, Undef, Var
from srcad.ir.traversal import defined, walk

_WHICH = "%handler"


def lower_try(ctx: Context, node: gast.Try) -> None:
    if hasattr(node, "suppresses") and ctx.expression(node.suppresses) != Constant(contextlib.suppress):
        ctx.fail("S105", "with suppress that is not that of contextlib")
    if not node.cleans_up:
        _try(ctx, node)
        return

    def clean_up(error: type[BaseException], raised: BaseException | None) -> None:
        ctx.statements(node.finalbody)

    with inside_attempt(ctx, Cleanup("finally", ctx.frame, clean_up)):
        _try(ctx, node)


def _try(ctx: Context, node: gast.Try) -> None:
    """A `try` without what comes at last."""
    if not node.raises_only or catches_any(ctx):
        _attempt(ctx, node)
        return
    if node.handlers:
        ctx.rewords.append(True)

    def raise_another(error: type[BaseException], raised: BaseException | None) -> None:
        at = handler_of(tuple(_errors(ctx, handler) for handler in node.handlers), error)
        if at is not None:
            _handler(ctx, node.handlers[at], [error], raised)

    with inside_attempt(ctx, Cleanup("except", ctx.frame, raise_another)):
        ctx.statements(node.body)
    ctx.statements(node.orelse)


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
    cases = _cases(node, points)
    if len(cases) > 1:
        for number, case in enumerate(cases):
            for point in case:
                point.state.names[_WHICH] = ctx.constant(number)
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

    def handle(numbers: Sequence[int]) -> Abstract:
        first, *others = numbers
        if others:
            assert isinstance(which, Leaf)
            is_first = ctx.builder.op("==", which.atom, Const(first))
            if not isinstance(is_first, Const):
                return branch(ctx, is_first, lambda: handle([first]), lambda: handle(others))
        ctx.restore(in_handler)
        case = cases[first]
        _handler(ctx, node.handlers[case[0].handler], [point.error for point in case], case[0].raised)
        return Constant(None)

    def go_on() -> Abstract:
        assert after is not None
        ctx.restore(renamed(ctx, after, dict(zip(names, values, strict=True))))
        ctx.statements(node.orelse)
        return Constant(None)

    ended = status.ended
    assert isinstance(ended, Var | Const)
    if after is None or ended == Const(False):
        handle(range(len(cases)))
        return
    branch(ctx, ended, go_on, lambda: handle(range(len(cases))))
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


def _cases(node: gast.Try, points: Sequence[RaisePoint]) -> list[list[RaisePoint]]:
    """The points by the handlers that they lead to, and by what is raised, where the handler reads that."""
    found: dict[tuple[int, str], list[RaisePoint]] = {}
    for point in sorted(points, key=lambda one: one.handler):
        raised = repr((type(point.raised), point.raised)) if _reads_error(node.handlers[point.handler]) else ""
        found.setdefault((point.handler, raised), []).append(point)
    return list(found.values())


def _reads_error(handler: gast.ExceptHandler) -> bool:
    nodes = [node for stmt in handler.body for node in gast.walk(stmt)]
    return any(isinstance(node, gast.Name) and node.id == _name(handler) for node in nodes)


def _name(handler: gast.ExceptHandler) -> str | None:
    """What a handler calls the error."""
    name: str | None = getattr(handler.name, "id", handler.name)
    return name


def _handler(
    ctx: Context, handler: gast.ExceptHandler, errors: Sequence[type[BaseException]], raised: BaseException | None
) -> None:
    name = _name(handler)
    if name is not None:
        ctx.frame.names[name] = NO_TEXT if raised is None else Constant(raised)
        set_bound(ctx, name)
    depth = len(ctx.handled)
    ctx.handled.append(Handled(frozenset(errors), raised if _reads_error(handler) else None))
    try:
        ctx.statements(handler.body)
    finally:
        del ctx.handled[depth:]
    if name is not None:
        ctx.frame.names[name] = UNBOUND
        set_unbound(ctx, name)


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
