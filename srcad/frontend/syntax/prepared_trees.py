"""Trees made ready for lowering, once each: a lambda as a function, a function with a single exit."""

from __future__ import annotations

from typing import Any

import gast

from srcad.frontend.source.scopes import assigned
from srcad.frontend.syntax.structured_exits import structure_exits

_lambdas: dict[int, tuple[Any, Any]] = {}


def as_function(node: Any) -> Any:
    """A lambda as a function of one return."""
    kept = _lambdas.get(id(node))
    if kept is None or kept[0] is not node:
        body = [gast.copy_location(gast.Return(node.body), node.body)]
        made = gast.FunctionDef("lambda_", node.args, body, [], None, None, [])
        kept = _lambdas[id(node)] = (node, gast.copy_location(made, node))
    return kept[1]


_prepared: dict[int, tuple[Any, Any, frozenset[str]]] = {}


def prepared_tree(tree: Any) -> tuple[Any, frozenset[str]]:
    """The function with a single exit, and its local names."""
    kept = _prepared.get(id(tree))
    if kept is None or kept[0] is not tree:
        normal = structure_exits(tree)
        kept = _prepared[id(tree)] = (tree, normal, frozenset(assigned(normal.body)))
    return kept[1], kept[2]
