"""Which names a piece of syntax binds and reads, by Python's own scoping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import gast

_assigned: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()
_loads: WeakKeyDictionary[Any, Counter[str]] = WeakKeyDictionary()


def assigned(nodes: Sequence[Any]) -> tuple[str, ...]:
    """The names that statements bind in their own scope, each once, in order."""
    found: dict[str, None] = {}
    for node in nodes:
        known = _assigned.get(node)
        if known is None:
            known = _assigned[node] = tuple(dict.fromkeys(_bound(node)))
        found.update(dict.fromkeys(known))
    return tuple(found)


def _bound(node: Any) -> Iterator[str]:
    match node:
        case gast.Name(id=name, ctx=gast.Store()):
            yield name
        case gast.FunctionDef(name=name):
            yield name
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                if default is not None:
                    yield from _bound(default)
        case gast.Lambda():
            return
        case gast.ListComp() | gast.SetComp() | gast.DictComp() | gast.GeneratorExp():
            # targets of a comprehension are its own; a walrus inside binds outside
            for inner in gast.walk(node):
                if isinstance(inner, gast.NamedExpr):
                    yield inner.target.id
        case _:
            for child in gast.iter_child_nodes(node):
                yield from _bound(child)


def loads(node: Any) -> Counter[str]:
    """How often each name is read in a node, functions inside included."""
    known = _loads.get(node)
    if known is None:
        known = Counter(
            inner.id for inner in gast.walk(node) if isinstance(inner, gast.Name) and isinstance(inner.ctx, gast.Load)
        )
        # `x += 1` reads x, which its target does not say
        known.update(
            inner.target.id
            for inner in gast.walk(node)
            if isinstance(inner, gast.AugAssign) and isinstance(inner.target, gast.Name)
        )
        known.update(inner.exit_flag for inner in gast.walk(node) if getattr(inner, "exit_flag", None))
        _loads[node] = known
    return known
