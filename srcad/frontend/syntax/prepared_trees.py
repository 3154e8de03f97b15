"""Memoised normalisation of syntax trees for lowering: lambdas as functions, functions with a single exit.

The caches hold the trees, so that no other tree can get the same id.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.frontend.source.scopes import assigned
from srcad.frontend.syntax.match_statements import without_match
from srcad.frontend.syntax.structured_exits import structure_exits

_lambdas: dict[int, tuple[Any, Any]] = {}


def as_function(node: Any) -> Any:
    """A lambda as a function definition with one `return`.

    >>> print(gast.unparse(as_function(gast.parse("lambda x: 2.0 * x", mode="eval").body)).strip())
    def lambda_(x):
        return 2.0 * x
    """
    cached = _lambdas.get(id(node))
    if cached is None or cached[0] is not node:
        body = [gast.copy_location(gast.Return(node.body), node.body)]
        function = gast.FunctionDef("lambda_", node.args, body, [], None, None, [])
        cached = _lambdas[id(node)] = (node, gast.copy_location(function, node))
    return cached[1]


_prepared: dict[int, tuple[Any, Any, frozenset[str]]] = {}


def prepared_tree(tree: Any) -> tuple[Any, frozenset[str]]:
    """The function with a single exit, and its local names.

    >>> tree, names = prepared_tree(gast.parse("def f(x):\\n    y = x\\n    return y").body[0])
    >>> sorted(names)
    ['y']
    """
    cached = _prepared.get(id(tree))
    if cached is None or cached[0] is not tree:
        normal = structure_exits(without_match(tree))
        cached = _prepared[id(tree)] = (tree, normal, frozenset(assigned(normal.body)))
    return cached[1], cached[2]
