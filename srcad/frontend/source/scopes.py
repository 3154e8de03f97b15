"""Scope analysis: the names that a syntax tree binds and reads, by Python's scoping rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import gast

_assigned: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()
_loads: WeakKeyDictionary[Any, Counter[str]] = WeakKeyDictionary()


def assigned(nodes: Sequence[Any]) -> tuple[str, ...]:
    """The names that statements bind in their own scope, each once, in order.

    >>> assigned(gast.parse("a = [i for i in x]\\nfor k, v in y: b = k").body)
    ('a', 'k', 'v', 'b')
    """
    found: dict[str, None] = {}
    for node in nodes:
        cached = _assigned.get(node)
        if cached is None:
            cached = _assigned[node] = tuple(dict.fromkeys(_bound(node)))
        found.update(dict.fromkeys(cached))
    return tuple(found)


def _bound(node: Any) -> Iterator[str]:
    match node:
        case gast.Name(id=name, ctx=gast.Store() | gast.Del()):
            yield name
        case gast.alias(name=name, asname=asname):
            yield asname or name.partition(".")[0]
        case gast.FunctionDef(name=name):
            yield name
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                if default is not None:
                    yield from _bound(default)
        case gast.ClassDef(name=name):
            yield name  # what its body binds are attributes
        case gast.Lambda():
            return
        case gast.MatchAs(name=str() as name) | gast.MatchStar(name=str() as name):
            yield name
            for child in gast.iter_child_nodes(node):
                yield from _bound(child)
        case gast.MatchMapping(rest=str() as name, patterns=patterns):
            yield name
            for child in patterns:
                yield from _bound(child)
        case gast.With(items=[gast.withitem(context_expr=gast.Call(args=[gast.Name(id=name)]) as call)]) if (
            is_named_insertion(call)
        ):
            yield name  # what the block binds is its own
        case gast.ListComp() | gast.SetComp() | gast.DictComp() | gast.GeneratorExp():
            # the targets of a comprehension are local to it; a walrus in it binds in the enclosing scope
            for inner in gast.walk(node):
                if isinstance(inner, gast.NamedExpr):
                    yield inner.target.id
        case _:
            for child in gast.iter_child_nodes(node):
                yield from _bound(child)


def is_named_insertion(node: Any) -> bool:
    """Whether a node is a call of `insert_gradient_of`, as far as names say."""
    match node:
        case gast.Call(func=gast.Name(id="insert_gradient_of") | gast.Attribute(attr="insert_gradient_of")):
            return True
    return False


def loads(node: Any) -> Counter[str]:
    """How often each name is read in a node, nested functions included.

    >>> dict(loads(gast.parse("x += x * y")))
    {'x': 2, 'y': 1}
    """
    cached = _loads.get(node)
    if cached is None:
        cached = Counter(
            inner.id for inner in gast.walk(node) if isinstance(inner, gast.Name) and isinstance(inner.ctx, gast.Load)
        )
        # `x += 1` reads x, which its target does not say
        cached.update(
            inner.target.id
            for inner in gast.walk(node)
            if isinstance(inner, gast.AugAssign) and isinstance(inner.target, gast.Name)
        )
        cached.update(inner.exit_flag for inner in gast.walk(node) if getattr(inner, "exit_flag", None))
        _loads[node] = cached
    return cached


def read_outside(tree: Any, node: Any) -> frozenset[str]:
    """The names read in a function outside of one of its statements.

    >>> tree = gast.parse("def f(x, y):\\n    while x: x -= y\\n    return x").body[0]
    >>> sorted(read_outside(tree, tree.body[0]))
    ['x']
    """
    inside = loads(node)
    return frozenset(name for name, count in loads(tree).items() if count > inside[name])


def own_nodes(tree: Any) -> Iterator[Any]:
    """The nodes of a function without those of functions and classes defined inside it."""
    pending = [] if tree is None else list(gast.iter_child_nodes(tree))
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, gast.FunctionDef | gast.Lambda | gast.ClassDef):
            pending += gast.iter_child_nodes(node)
