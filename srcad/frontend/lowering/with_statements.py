"""Lowering of `with`: what a context manager does before the block, the block, and what it does after it.

A manager is an object of a user's class, or made by a generator function (`contextlib.contextmanager`), whose `yield`
the block takes the place of. Where the block raises an error, nothing is caught, and what would come after is not done.

>>> from contextlib import contextmanager
>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's functions
>>> @contextmanager
... def scaled(x):
...     yield 2.0 * x
>>> def f(x):
...     with scaled(x) as y:
...         z = y * y
...     return z
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    y.0 = 2.0 * x
    z.0 = y.0 * y.0
    return z.0
"""

from __future__ import annotations

from typing import Any, NoReturn

import gast

from srcad.errors import SrcadError
from srcad.frontend.lowering.generators import in_cells, run_generator
from srcad.frontend.lowering.insertion import insertion
from srcad.frontend.lowering.overloading import class_with_methods, special
from srcad.frontend.source.scopes import assigned, own_nodes
from srcad.frontend.syntax.inserted_blocks import is_insertion
from srcad.frontend.values.abstract_values import Abstract, Constant, GeneratorValue
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.raise_points import NO_TEXT, Cleanup, inside_attempt
from srcad.frontend.values.user_classes import special_method


def lower_with(ctx: Context, node: gast.With) -> None:
    if is_insertion(ctx.frame.source, node):
        insertion(ctx, node)
        return
    item, *others = node.items
    body = [gast.copy_location(gast.With(others, node.body, None), node)] if others else node.body
    manager = _manager(ctx, item)

    def enter(value: Abstract) -> None:
        if item.optional_vars is not None:
            ctx.bind(item.optional_vars, value)
        ctx.statements(body)

    if isinstance(manager, GeneratorValue):
        targets = [] if item.optional_vars is None else [item.optional_vars]
        with in_cells(ctx, assigned([*targets, *body])):
            run_generator(ctx, manager, enter)
        return
    entered = _method(ctx, manager, "__enter__")

    def leave(error: type[BaseException], raised: BaseException | None) -> None:
        known = NO_TEXT if raised is None else Constant(raised)
        _leave(ctx, manager, Constant(error), known, NO_TEXT)

    with inside_attempt(ctx, Cleanup("with", ctx.frame, leave)):
        enter(entered)
    _leave(ctx, manager, *[Constant(None)] * 3)


def _leave(ctx: Context, manager: Abstract, *error: Abstract) -> None:
    if ctx.truth(_method(ctx, manager, "__exit__", *error)) is not False:
        _refuse(ctx, "Its __exit__ may catch the errors of the block.")


def _manager(ctx: Context, item: Any) -> Abstract:
    """The context manager; S105 where it is none that is understood."""
    try:
        manager = ctx.check(ctx.expression(item.context_expr))
    except SrcadError as error:
        _refuse(ctx, f"Of it: {error.problems[0].message}.")
    cls = class_with_methods(manager)
    has_methods = cls is not None and all(special_method(cls, name) for name in ("__enter__", "__exit__"))
    if isinstance(manager, GeneratorValue) and manager.is_manager:
        if not _yields_once(manager.frame.origin):
            _refuse(ctx, f"Whether {manager.frame.origin.name} gets to its yield, and once, is known when it runs.")
    elif not has_methods:
        _refuse(ctx, f"It is {describe_value(manager)}.")
    return manager


def _yields_once(tree: Any) -> bool:
    """Whether a generator function has one `yield`, which every call gets to."""
    pending, found = list(tree.body), 0
    while pending:
        stmt = pending.pop()
        found += isinstance(stmt, gast.Expr) and isinstance(stmt.value, gast.Yield)
        if isinstance(stmt, gast.With) or (isinstance(stmt, gast.Try) and not stmt.handlers):
            pending += stmt.body
    nodes = list(own_nodes(tree))
    leaves = any(isinstance(node, gast.Return) for node in nodes)
    return found == sum(isinstance(node, gast.Yield | gast.YieldFrom) for node in nodes) == 1 and not leaves


def _method(ctx: Context, manager: Abstract, name: str, *args: Abstract) -> Abstract:
    try:
        found = special(ctx, manager, name, *args)
    except SrcadError as error:
        _refuse(ctx, f"Of it: {error.problems[0].message}.")
    assert found is not None
    return found


def _refuse(ctx: Context, why: str) -> NoReturn:
    what = "with a context manager that is not in the language"
    ctx.fail("S105", what, why, "enter the context in the caller; or write out what it does.")
