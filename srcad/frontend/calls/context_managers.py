"""Calls of functions that make context managers: `contextlib.contextmanager` and what it decorates, `nullcontext`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

from srcad.frontend.calls.builtin_calls import BUILTINS, Args, Keywords
from srcad.frontend.syntax.iterator_bodies import unchanged
from srcad.frontend.values.abstract_values import Abstract, Constant, GeneratorValue, Partial
from srcad.frontend.values.context import Context


def made_by_contextmanager(value: Any) -> Callable[..., Any] | None:
    """The generator function that a function with the decorator `contextlib.contextmanager` calls; None of others."""
    inner = getattr(value, "__wrapped__", None)
    if isinstance(value, FunctionType) and value.__code__ is _CODE and isinstance(inner, FunctionType):
        return inner
    return None


@contextlib.contextmanager
def _nothing() -> Any:
    yield


_CODE = _nothing.__code__


def as_manager(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    """What a generator function returns, as a context manager."""
    made = ctx.call(args[0], *args[1:], **keywords)
    return replace(made, is_manager=True) if isinstance(made, GeneratorValue) else made


def _decorated(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return Partial(Constant(as_manager), tuple(args))


def _nullcontext(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    given = keywords.get("enter_result")
    return as_manager(ctx, [Constant(unchanged), *args, *([] if given is None else [given])], {})


BUILTINS[contextlib.contextmanager] = _decorated
BUILTINS[contextlib.nullcontext] = _nullcontext
BUILTINS[as_manager] = as_manager
