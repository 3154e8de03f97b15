"""Inlining: the frame of each call of a Python function, in which its body is lowered in place of the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import FunctionType
from typing import Any, NoReturn

import gast

from srcad.errors import Problem, SrcadError
from srcad.frontend.calls.argument_binding import bound_arguments, default_value
from srcad.frontend.calls.kept_calls import kept_call
from srcad.frontend.lowering.statements import RESULT
from srcad.frontend.source import read
from srcad.frontend.source.read import Source, is_derivative
from srcad.frontend.syntax.generator_functions import gone_through, is_generator
from srcad.frontend.syntax.language_subset import check_subset
from srcad.frontend.syntax.prepared_trees import as_function, prepared_tree
from srcad.frontend.values.abstract_values import Abstract, Closure, Constant, GeneratorValue
from srcad.frontend.values.cells import make_cells, new_cell
from srcad.frontend.values.context import Context, Frame, RetryWithCalls
from srcad.frontend.values.definitions import rely_on_function
from srcad.frontend.values.inner_classes import defining_frame
from srcad.rules.registry import METHODS

_MAX_NESTED = 6
_MOST_GENERATORS = 32


def inline(
    ctx: Context,
    function: Any,
    args: Sequence[Abstract],
    keywords: Mapping[str, Abstract],
    stands_for: str | None = None,
) -> Abstract:
    """Inline a call of a Python function with source: its body is lowered here, with the types of these arguments.

    `stands_for` is the name of the library function that it implements.
    """
    return inline_source(ctx, _source(ctx, function), args, keywords, stands_for)


def inline_source(
    ctx: Context,
    source: Source,
    args: Sequence[Abstract],
    keywords: Mapping[str, Abstract],
    stands_for: str | None = None,
) -> Abstract:
    """`inline` of a function whose source has been read."""
    library = str(source.function.__module__).startswith("srcad.")
    defaults = {name: default_value(ctx, source, name, value, library) for name, value in source.defaults.items()}
    if not library:
        rely_on_function(ctx, source.function)
    if not library and id(source.tree) not in _checked:
        check_subset(source)
        _checked[id(source.tree)] = source.tree
    parent = defining_frame(source)
    own = (not library or is_derivative(source)) and not is_generator(source.tree) and parent is None
    if own and stands_for is None and ctx.functions is not None and id(source.tree) in ctx.functions.trees:
        kept = kept_call(ctx, source, bound_arguments(ctx, source.tree, args, keywords, defaults))
        if kept is not None:
            return kept
    if own and not library and stands_for is None and ctx.functions is not None:
        ctx.functions.note(source.tree, ctx.place())
    frame = new_frame(ctx, source, source.tree, library, parent)
    if stands_for is None and library:
        stands_for = _METHOD_OF.get(source.function)
    return run_frame(ctx, frame, args, keywords, defaults, stands_for)


_METHOD_OF = {function: name for name, function in METHODS.items() if isinstance(function, FunctionType)}


_checked: dict[int, Any] = {}
"""Trees that have passed the subset check (held, so that no other tree can have the same id)."""


def _source(ctx: Context, function: Any) -> Source:
    try:
        return read.read(function)
    except SrcadError as error:
        first = error.problems[0]
        raise type(error)(Problem(first.code, first.message, ctx.place(), first.why, first.advice)) from None


def call_closure(
    ctx: Context, closure: Closure, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    tree = closure.tree if isinstance(closure.tree, gast.FunctionDef) else as_function(closure.tree)
    if ctx.functions is not None and id(tree) in ctx.functions.recursive:
        own = replace(closure.frame.source, tree=tree, name=tree.name)
        bound = bound_arguments(ctx, tree, args, keywords, dict(closure.defaults))
        kept = kept_call(ctx, own, bound, replace(closure, tree=tree))
        if kept is not None:
            return kept
    frame = new_frame(ctx, closure.frame.source, tree, closure.frame.library, closure.frame)
    return run_frame(ctx, frame, args, keywords, dict(closure.defaults))


def new_frame(ctx: Context, source: Source, tree: Any, library: bool, parent: Frame | None) -> Frame:
    caller = ctx.frame
    if (not library or is_derivative(source)) and _recurs(caller, tree, parent, source):
        if not is_generator(tree):
            _keep(ctx, tree)
        if _depth(caller, tree) > _MOST_GENERATORS:
            why = f"It is a generator function, more than {_MOST_GENERATORS} calls deep."
            ctx.fail("S115", f"{tree.name} calls itself", why, "write it as a loop.")
    prepared, names = prepared_tree(tree)
    ctx.frames += 1
    return Frame(source, prepared, library, names, parent, caller, serial=ctx.frames, first_ref=ctx.refs, origin=tree)


def _depth(caller: Frame, tree: Any) -> int:
    """How many calls of a function the caller is in."""
    count, frame = 0, caller
    while True:
        count += frame.origin is tree
        if frame.caller is None:
            return count
        frame = frame.caller


def _cells(source: Source) -> list[int]:
    return [id(cell) for cell in source.closure.values()]


def _keep(ctx: Context, tree: Any) -> NoReturn:
    """Lower again, with the function that calls itself as one of its own; S115 where it cannot be."""
    functions = ctx.functions
    try:
        ctx.fail("S115", f"{tree.name} calls itself", _NOT_ALONE, "define it outside, or write it as a loop.")
    except SrcadError as error:
        if functions is None or id(tree) in functions.trees:
            raise
        functions.trees[id(tree)] = tree
        functions.recursive.add(id(tree))
        raise RetryWithCalls(error) from None


_NOT_ALONE = "It is defined inside another function, or is given one that is."


def _recurs(caller: Frame, tree: Any, parent: Frame | None, source: Source) -> bool:
    """Whether a function is called again before it has returned, other than by a function passed to it.

    `apply(lambda x: apply(f, x), y)` is no recursion: the lambda was defined outside of apply. Nor is a call of another
    function that the same `def` has made: `twice(twice(f))`.
    """
    frame: Frame | None = caller
    is_passed_in, nested_calls = False, 0
    while frame is not None:
        if frame.origin is tree:
            nested_calls += 1
            is_another = frame.parent is not parent or _cells(frame.source) != _cells(source)
            if not (is_passed_in or is_another) or nested_calls > _MAX_NESTED:
                return True
        is_passed_in |= frame.parent is not None and frame.parent.origin is not tree
        frame = frame.caller
    return False


def run_frame(
    ctx: Context,
    frame: Frame,
    args: Sequence[Abstract],
    keywords: Mapping[str, Abstract],
    defaults: Mapping[str, Abstract],
    stands_for: str | None = None,
) -> Abstract:
    """Lower the body of an inlined call; the value it returns.

    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "__main__"  # a user's functions
    >>> def inner(a, b=2.0):
    ...     c = a * b
    ...     return c + 1.0
    >>> print(text(normal_form(lambda x: inner(x) * inner(b=x, a=x), 1.0)))
    lambda_(x: float64):
        c.0 = x * 2.0
        %sum.0 = c.0 + 1.0
        c.1 = x * x
        %sum.1 = c.1 + 1.0
        %product.2 = %sum.0 * %sum.1
        return %product.2
    """
    frame.names.update(bound_arguments(ctx, frame.tree, args, keywords, defaults, stands_for))
    make_cells(ctx, frame)
    if is_generator(frame.origin):
        has_place = gone_through(frame.origin) is not None
        return GeneratorValue(frame, new_cell(ctx, ctx.constant(0) if has_place else Constant(False)))
    span = ctx.builder.span
    with ctx.inside(frame):
        ctx.statements(frame.tree.body)
        result = frame.names.get(RESULT, Constant(None))
    ctx.builder.span = span
    return result
