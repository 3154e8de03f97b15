"""Raise points: the checks inside a `try` whose errors one of its handlers catches, with the state that it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from srcad.errors import SrcadError
from srcad.frontend.values.abstract_values import Abstract, HeapRef, TypeConflict
from srcad.frontend.values.cells import bound_flag_of_cell, is_cell
from srcad.frontend.values.context import Context, Frame, State
from srcad.frontend.values.definedness import as_flag
from srcad.ir.nodes import Atom, Const, Effect, Expr
from srcad.ir.runtime_checks import check

NO_TEXT = TypeConflict(
    "S103",
    "a caught error is read",
    "What it says is not known in compiled code.",
    "do without it, or raise an error with a message of your own.",
)
Errors = tuple[type[BaseException], ...]


@dataclass(frozen=True)
class RaisePoint:
    """A check (or a `within`) that a handler catches the error of."""

    statement: Effect
    handler: int
    error: type[BaseException]
    raised: BaseException | None
    """What is raised, where its arguments are known while compiling."""
    state: State
    """The names of the function with the `try`, and the heap, where the error is raised."""


@dataclass(frozen=True)
class Attempt:
    """A `try` whose body is being lowered."""

    frame: Frame
    handlers: tuple[Errors, ...]
    """What each of its handlers catches."""
    before: Mapping[str, Abstract]
    """The names before it."""
    points: list[RaisePoint] = field(default_factory=list)


@dataclass(frozen=True)
class Handled:
    """The errors that a handler may be there for, and the one that it is there for, if its arguments are known."""

    errors: frozenset[type[BaseException]]
    error: BaseException | None


@dataclass(frozen=True)
class Cleanup:
    """Code around the current point that Python runs where an error passes: by `run`, in the frame that it is in.

    `run` is given the class of the error, and the error itself where it is known. It may raise another error.
    """

    what: str
    frame: Frame
    run: Callable[[type[BaseException], BaseException | None], None]


def handler_of(handlers: tuple[Errors, ...], error: type[BaseException]) -> int | None:
    """The first handler that catches the error.

    >>> handler_of(((KeyError,), (ZeroDivisionError, LookupError)), IndexError)
    1
    """
    return next((at for at, errors in enumerate(handlers) if issubclass(error, errors)), None)


def catches_any(ctx: Context) -> bool:
    """Whether a `try` around the current point goes on after some error."""
    return any(isinstance(one, Attempt) for one in ctx.attempts)


def may_catch(ctx: Context, error: type[BaseException]) -> bool:
    """Whether a `try` around the current point catches such an error."""
    return any(isinstance(one, Attempt) and handler_of(one.handlers, error) is not None for one in ctx.attempts)


def note_raise(
    ctx: Context, statement: Effect, error: type[BaseException], raised: BaseException | None = None
) -> None:
    """Note that Python raises such an error where the check that has just been emitted fails: this one, if known."""
    if not may_catch(ctx, error):
        return
    for one in reversed(ctx.attempts):
        match one:
            case Cleanup(what):
                why = f"A handler goes on after an error that passes {what}."
                ctx.fail("S103", f"{what} on the way of an error to its handler", why, "catch the error inside of it.")
            case Attempt(handlers=handlers):
                handler = handler_of(handlers, error)
                if handler is not None:
                    one.points.append(RaisePoint(statement, handler, error, raised, _state(ctx, one)))
                    return


def clean_up(ctx: Context, error: type[BaseException], raised: BaseException | None) -> None:
    """What Python does on the way of an error out of the function, the innermost first, until another one is raised."""
    around = list(ctx.attempts)
    names = [(one.frame, dict(one.frame.names)) for one in around]
    try:
        while ctx.attempts and not ctx.has_raised:
            match ctx.attempts.pop():
                case Cleanup(frame=frame, run=run):
                    with ctx.inside(frame):
                        run(error, raised)
    finally:
        ctx.attempts[:] = around
        for frame, before in names:
            frame.names = before


def _state(ctx: Context, attempt: Attempt) -> State:
    """The state of the function with the `try`, whose variables a generator may have moved into cells."""
    names = dict(attempt.frame.names)
    for name, value in attempt.frame.names.items():
        if is_cell(value) and attempt.before.get(name) != value:
            assert isinstance(value, HeapRef)
            flag = bound_flag_of_cell(ctx, value)
            names[name] = ctx.heap[value.id].items[0]
            if flag is not None:
                names |= as_flag(name, flag)
    return State(names, dict(ctx.heap))


def python_check(
    ctx: Context,
    condition: Atom,
    error: type[Exception],
    *message: str | Expr,
    raised: BaseException | None = None,
) -> None:
    """Emit the check of an error that Python raises in an operation: this one, if its text is known."""
    builder = ctx.builder
    emitted = len(builder.statements)
    builder.check(condition, error.__name__, *message)
    for statement in builder.statements[emitted:]:
        assert isinstance(statement, Effect)
        note_raise(ctx, statement, error, raised)


class AlwaysRaises(Exception):
    """What is lowered raises an error whenever it is reached, in a `try` that catches it.

    `depth` blocks are open there. It leads to the end of the block: what stands behind it is never reached.
    """

    def __init__(self, raised: type[Exception], depth: int, otherwise: SrcadError) -> None:
        super().__init__(raised)
        self.raised, self.depth, self.otherwise = raised, depth, otherwise


def python_fails(
    ctx: Context, error: type[Exception], code: str, message: str, why: str | None = None, advice: str | None = None
) -> NoReturn:
    """Fail, unless a handler catches the error that Python raises here."""
    try:
        ctx.fail(code, message, why, advice)
    except SrcadError as otherwise:
        if may_catch(ctx, error):
            raise AlwaysRaises(error, ctx.builder.depth, otherwise) from None
        raise


def end_block(ctx: Context, fault: AlwaysRaises) -> None:
    """Raise the error at the end of the block that is open."""
    if fault.depth != ctx.builder.depth:
        raise fault.otherwise from None
    statement = check(Const(False), fault.raised.__name__, (), ctx.builder.span, derived=True)
    ctx.builder.emit(statement)
    note_raise(ctx, statement, fault.raised)
    ctx.has_raised = True


@contextmanager
def inside_attempt(ctx: Context, one: Attempt | Cleanup) -> Iterator[None]:
    """Lower what stands in a `try`, or before code that runs where an error passes."""
    depth = len(ctx.attempts)
    ctx.attempts.append(one)
    try:
        yield
    finally:
        del ctx.attempts[depth:]
