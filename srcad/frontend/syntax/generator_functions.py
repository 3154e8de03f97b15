"""Generator functions: what is one, and its body for a loop that asks for its items.

>>> tree = gast.parse('''def rows(xs):
...     for x in xs:
...         yield from x
...         if x:
...             return''').body[0]
>>> is_generator(tree), [type(node).__name__ for node in for_consumer(tree, True).body[0].body]
(True, ['For', 'If'])
>>> for_consumer(tree, True).body[0].body[0].body[0].value.id
'item'
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import gast

from srcad.frontend.source.scopes import own_nodes


class Yielded(gast.stmt):  # type: ignore[misc]
    """Gives a value to the loop that asks for it: a `yield`."""

    _fields = ("value",)


class HasStopped(gast.expr):  # type: ignore[misc]
    """Whether that loop asks for no more."""

    _fields = ()


@lru_cache(maxsize=1024)
def is_generator(tree: Any) -> bool:
    """Whether a function has a `yield` of its own.

    >>> [is_generator(gast.parse(f"def f():\\n    {text}").body[0]) for text in ("yield 1", "return lambda: (yield)")]
    [True, False]
    """
    return isinstance(tree, gast.FunctionDef) and any(
        isinstance(node, gast.Yield | gast.YieldFrom) for node in own_nodes(tree)
    )


def yields_of(tree: Any) -> set[int]:
    """The ids of the expressions that are a `yield`, and nothing else, as a statement."""
    return {
        id(node.value)
        for node in gast.walk(tree)
        if isinstance(node, gast.Expr) and isinstance(node.value, gast.Yield | gast.YieldFrom)
    }


_bodies: dict[tuple[int, bool], tuple[Any, Any]] = {}


def for_consumer(tree: Any, stops: bool) -> Any:
    """The generator function as one that gives its items to a loop, which may ask for no more if it `stops`."""
    cached = _bodies.get((id(tree), stops))
    if cached is None or cached[0] is not tree:
        taken = {node.id for node in gast.walk(tree) if isinstance(node, gast.Name)}
        item = next(name for k in range(len(taken) + 1) if (name := f"item_{k}" if k else "item") not in taken)
        cached = _bodies[id(tree), stops] = (tree, _Consumer(item, stops).visit(tree))
    return cached[1]


class _Consumer:
    def __init__(self, item: str, stops: bool) -> None:
        self._item, self._stops = item, stops

    def visit(self, node: Any) -> Any:
        """A copy of a statement, with what stands for each `yield` in it."""
        made = copy.copy(node)
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(node, name, None), list):
                setattr(made, name, [new for stmt in block for new in self._statement(stmt)])
        if isinstance(node, gast.Try):
            made.handlers = [self.visit(handler) for handler in node.handlers]
        return made

    def _statement(self, stmt: Any) -> list[Any]:
        match stmt:
            case gast.Expr(value=gast.Yield(value=value)):
                given = gast.copy_location(Yielded(value or gast.Constant(None, None)), stmt)
                return [given, *self._stop(stmt)]
            case gast.Expr(value=gast.YieldFrom(value=value)):
                item = gast.copy_location(gast.Name(self._item, gast.Store(), None, None), stmt)
                read = gast.copy_location(gast.Name(self._item, gast.Load(), None, None), stmt)
                body = [gast.copy_location(Yielded(read), stmt), *self._stop(stmt)]
                return [gast.copy_location(gast.For(item, value, body, [], None), stmt)]
            case gast.Return(value=value) if value is not None:
                return [gast.copy_location(gast.Expr(value), stmt), gast.copy_location(gast.Return(None), stmt)]
            case gast.FunctionDef():
                return [stmt]
        return [self.visit(stmt)]

    def _stop(self, stmt: Any) -> list[Any]:
        if not self._stops:
            return []
        test = gast.copy_location(HasStopped(), stmt)
        return [gast.copy_location(gast.If(test, [gast.copy_location(gast.Return(None), stmt)], []), stmt)]


def gone_through(tree: Any) -> str | None:
    """The parameter whose items a generator function goes through, one `yield` for each; None of any other.

    What `next` leaves of such a generator are the other items.

    >>> gone_through(gast.parse("def f(items, k):\\n    for v in items: yield k * v").body[0])
    'items'
    >>> gone_through(gast.parse("def f(items):\\n    for v in items:\\n        if v: yield v").body[0])
    """
    if not isinstance(tree, gast.FunctionDef) or not tree.args.args:
        return None
    parameter = str(tree.args.args[0].id)
    match tree.body[gast.get_docstring(tree) is not None :]:
        case [gast.For(iter=gast.Name(id=name), body=[gast.Expr(value=gast.Yield())], orelse=[])]:
            return parameter if name == parameter else None
        case [gast.Expr(value=gast.YieldFrom(value=gast.Name(id=name)))]:
            return parameter if name == parameter else None
    return None


_expressions: dict[int, tuple[Any, Any]] = {}
ITEMS = "%over"
"""The parameter of the function of a generator expression: what its first loop goes over."""


def as_generator_function(node: Any) -> Any:
    """A generator expression as a generator function of what its first loop goes over.

    >>> tree = as_generator_function(gast.parse("(a * b for a in x if a > 0 for b in y)", mode="eval").body)
    >>> is_generator(tree), tree.args.args[0].id, tree.body[0].body[0].body[0].iter.id
    (True, '%over', 'y')
    """
    cached = _expressions.get(id(node))
    if cached is None or cached[0] is not node:
        body: list[Any] = [gast.Expr(gast.Yield(node.elt))]
        for k in reversed(range(len(node.generators))):
            generator = node.generators[k]
            for condition in reversed(generator.ifs):
                body = [gast.copy_location(gast.If(condition, body, []), condition)]
            over = generator.iter if k else gast.copy_location(gast.Name(ITEMS, gast.Load(), None, None), node)
            body = [gast.For(generator.target, over, body, [], None)]
        parameter = gast.Name(ITEMS, gast.Param(), None, None)
        args = gast.arguments([parameter], [], None, [], [], None, [])
        made = gast.FunctionDef("generator", args, body, [], None, None, [])
        for inner in gast.walk(made):
            if isinstance(inner, gast.expr | gast.stmt) and not hasattr(inner, "lineno"):
                gast.copy_location(inner, node)
        cached = _expressions[id(node)] = (node, made)
    return cached[1]
