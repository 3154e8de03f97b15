"""Lowering of message texts (`print`, `assert`, `raise`): the only strings at run time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import gast
import numpy as np

from srcad.analysis.values.effects import has_effect
from srcad.errors import SrcadError
from srcad.frontend.source.read import is_generated
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Maybe
from srcad.frontend.values.context import Context, RetryUnrolled
from srcad.frontend.values.control_joins import branch, describe_value
from srcad.frontend.values.iterables import items_of
from srcad.frontend.values.raise_points import Handled
from srcad.ir.nodes import Assign, Atom, Const, Effect, Expr, For, Op, Stmt, Store, Var, While
from srcad.ir.runtime_checks import check
from srcad.ir.traversal import walk
from srcad.ir.types import Scalar
from srcad.rules.traits import SHAPE_ARITHMETIC

Message = tuple[str | Expr, ...]


def message(ctx: Context, *nodes: Any) -> Message:
    """The message of an error: strings and integer expressions. Other values are shown as what they are in the text.

    Of such a message, a call of the derivative finds out what it is (`Context.rewords`).
    """
    parts: list[str | Expr] = []
    for node in nodes:
        for part in node.values if isinstance(node, gast.JoinedStr) else [node]:
            parts.append(_message_part(ctx, part))
    return tuple(parts)


def _message_part(ctx: Context, part: Any) -> str | Expr:
    shown: str | Expr | None = None
    match part:
        case gast.Constant(value=value):
            return str(value)
        case gast.FormattedValue(value=node, conversion=-1, format_spec=None):
            shown = _integer(ctx, node)
        case gast.FormattedValue(value=node):
            pass
        case node:
            shown = _integer(ctx, node)
    if shown is None:
        ctx.rewords.append(True)
        return f"{{{gast.unparse(node).strip()}}}"
    return shown


def _integer(ctx: Context, node: Any) -> str | Expr | None:
    """A constant, or an integer that may be evaluated unconditionally; None for other values."""
    with ctx.builder.block() as emitted:
        try:
            value = ctx.expression(node)
        except (SrcadError, RetryUnrolled):  # a string made of run-time values
            return None
    match value:
        case Constant(text):
            return str(text)
        case Leaf(type=Scalar()) if value.known:
            return str(value.static)
        case Leaf(atom, Scalar("int64")):
            return _speculated(ctx, emitted, atom)
    return None


def _speculated(ctx: Context, written: Sequence[Stmt], result: Atom) -> Atom | None:
    """The result of these statements, emitted here as far as it has not just been computed; None where they may raise.

    An element of an array has been, with its bounds check, where the condition before the message has read it.
    """
    numbers = _ValueNumbers()
    for stmt in _since_last_effect(ctx.builder.statements):
        numbers.add(stmt)
    loaded: dict[Expr, Atom] = {}
    needed: list[Stmt] = []
    for stmt in written:
        value = numbers.renamed(stmt)
        match stmt:
            case Assign(_, Op(prim, args, static)) if prim in SHAPE_ARITHMETIC:
                needed.append(replace(stmt, value=Op(prim, tuple(loaded.get(arg, arg) for arg in args), static)))
            case Assign(target) if value in numbers.computed:
                loaded[Var(target)] = numbers.computed[value]
            case Effect() if value in numbers.computed:
                pass
            case _:
                return None
        numbers.add(stmt)
    for stmt in needed:
        ctx.builder.emit(stmt)
    return loaded.get(result, result)


class _ValueNumbers:
    """What a run of statements without effects computes and checks: equal operations have one name."""

    def __init__(self) -> None:
        self.computed: dict[Expr, Atom] = {}
        self.same: dict[Expr, Atom] = {}

    def renamed(self, stmt: Stmt) -> Op | None:
        match stmt:
            case Assign(_, Op(prim, args, static)):
                return Op(prim, tuple(self.same.get(arg, arg) for arg in args), static)
            case Effect(Op("within", args)):  # wherever it stands
                return Op("within", tuple(self.same.get(arg, arg) for arg in args))
        return None

    def add(self, stmt: Stmt) -> None:
        value = self.renamed(stmt)
        if value is not None:
            name = Var(stmt.target) if isinstance(stmt, Assign) else Const(None)
            self.same[name] = self.computed.setdefault(value, name)


def _since_last_effect(statements: Sequence[Stmt]) -> Sequence[Stmt]:
    for at in range(len(statements), 0, -1):
        if any(isinstance(inner, Store | For | While) or has_effect(inner) for inner in walk((statements[at - 1],))):
            return statements[at:]
    return statements


@dataclass(frozen=True)
class Raised:
    """A `raise` as a check, the class of the error, and the error itself where its arguments are known."""

    check: Effect
    cls: type[Exception]
    error: Exception | None


def raised(ctx: Context, node: Any, condition: Atom) -> Raised | None:
    """`if not condition: raise ...` as a check; None where the class of the error is not known.

    Of a class of the user's, compiled code raises the class of Python's that it is derived from. A call of the
    derivative finds out what the function itself raises (`Context.rewords`).
    """
    if node.exc is None:
        return _raised_again(ctx, condition, ctx.handled[-1] if ctx.handled else None)
    made, args = (node.exc.func, node.exc.args) if isinstance(node.exc, gast.Call) else (node.exc, [])
    cls = _class_of(ctx, made)
    if cls is None:
        return _raised_again(ctx, condition, _caught(ctx, node.exc))
    base = _in_compiled_code(cls)
    between = [] if is_generated(ctx.frame.source) else [gast.Constant(", ", None)]
    parts = message(ctx, *[part for arg in args for part in (*between, arg)][len(between) :])
    named = isinstance(node.exc, gast.Call) and node.exc.keywords
    if base is not cls or len(args) > 1 or named or not _is_none(node.cause):
        ctx.rewords.append(True)
    if base is not cls:
        parts = (f"{cls.__name__}: ", *parts) if parts else (cls.__name__,)
    name = "np.linalg.LinAlgError" if base is np.linalg.LinAlgError else base.__name__
    return Raised(check(condition, name, parts, ctx.builder.span), cls, None if named else error_of(ctx, cls, args))


def error_of(ctx: Context, cls: type[Exception], args: Sequence[Any]) -> Exception | None:
    """The error that is raised, if its arguments are known, and no code of the user's makes it, or its text."""
    if any(isinstance(getattr(cls, name), FunctionType) for name in ("__new__", "__init__", "__str__", "__repr__")):
        return None
    values = []
    for arg in args:
        known = _constant(ctx, arg)
        if known is None:
            return None
        values.append(known.value)
    return cls(*values)


def _constant(ctx: Context, node: Any) -> Constant | None:
    """The value of an expression that is text, or a number, and known while compiling."""
    value = _value(ctx, node)
    if isinstance(value, Leaf) and value.known and isinstance(value.static, int | float):
        return Constant(value.static)
    return value if isinstance(value, Constant) and isinstance(value.value, str) else None


def _in_compiled_code(cls: type[Exception]) -> type[Exception]:
    """The class of the error that compiled code raises."""
    return cls if cls is np.linalg.LinAlgError else next(one for one in cls.__mro__ if one.__module__ == "builtins")


def _raised_again(ctx: Context, condition: Atom, handled: Handled | None) -> Raised | None:
    """`raise` in a handler, of the one class of errors that it is there for."""
    if handled is None or len(handled.errors) != 1:
        return None
    (cls,) = handled.errors
    if not issubclass(cls, Exception):
        return None
    ctx.rewords.append(True)
    base = _in_compiled_code(cls)
    name = "np.linalg.LinAlgError" if base is np.linalg.LinAlgError else base.__name__
    text = cls.__name__ if handled.error is None else str(handled.error)
    known = handled.error if isinstance(handled.error, Exception) else None
    return Raised(check(condition, name, (text,), ctx.builder.span), cls, known)


def _caught(ctx: Context, node: Any) -> Handled | None:
    """A caught error that an expression stands for."""
    value = _value(ctx, node)
    error = value.value if isinstance(value, Constant) else None
    return Handled(frozenset({type(error)}), error) if isinstance(error, BaseException) else None


def _class_of(ctx: Context, node: Any) -> type[Exception] | None:
    """The class of exceptions that an expression stands for."""
    value = _value(ctx, node)
    cls = value.value if isinstance(value, Constant) else None
    return cls if isinstance(cls, type) and issubclass(cls, Exception) else None


def _value(ctx: Context, node: Any) -> Abstract | None:
    """The value of an expression, which is not executed here; None where it is not in the language."""
    with ctx.builder.block():
        try:
            return ctx.expression(node)
        except (SrcadError, RetryUnrolled):
            return None


def _is_none(node: Any) -> bool:
    return node is None or (isinstance(node, gast.Constant) and node.value is None)


def print_call(ctx: Context, node: Any) -> None:
    """Lower `print(...)`: f-strings become several arguments."""
    values: list[Abstract] = []
    for arg in node.args:
        for part in _fstring_parts(arg):
            value = ctx.optional(ctx.expression(part.value if isinstance(part, gast.FormattedValue) else part))
            if isinstance(value, Constant) and getattr(part, "conversion", -1) == ord("r"):
                value = Constant(repr(value.value))
            values.append(value)
    _print(ctx, values)


def _print(ctx: Context, values: Sequence[Abstract]) -> Abstract:
    """Emit the print of these values: one for each case, where some may be None."""
    at, value = next(((k, one) for k, one in enumerate(values) if isinstance(one, Maybe)), (0, None))
    if value is None:
        args = tuple(atom for one in values for atom in _printed(ctx, one))
        ctx.builder.emit(Effect(Op("print", args), ctx.builder.span))
        return Constant(None)

    def with_value(known: Abstract) -> Abstract:
        return _print(ctx, [*values[:at], known, *values[at + 1 :]])

    return branch(
        ctx, value.is_none.atom, lambda: with_value(Constant(None)), lambda: with_value(ctx.check(value.value))
    )


def _fstring_parts(arg: Any) -> list[Any]:
    """The parts of an f-string, without the spaces that `print` writes between its arguments."""
    if not isinstance(arg, gast.JoinedStr):
        return [arg]
    parts = []
    for at, part in enumerate(arg.values):
        if isinstance(part, gast.Constant) and isinstance(part.value, str):
            text = part.value[1:] if at > 0 and part.value.startswith(" ") else part.value
            text = text[:-1] if at < len(arg.values) - 1 and text.endswith(" ") else text
            part = gast.copy_location(gast.Constant(text, None), part)
        parts.append(part)
    return parts


def _printed(ctx: Context, value: Abstract) -> list[Atom]:
    if isinstance(value, Leaf):
        return [value.atom]
    if isinstance(value, Constant):
        return [Const(str(value.value))]
    items = items_of(ctx, value)
    if items is None:
        ctx.fail("S117", f"print of {describe_value(value)}")
    return [atom for item in items for atom in _printed(ctx, ctx.check(item))]
