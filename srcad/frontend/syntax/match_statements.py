"""`match` as `if` and `elif`: a case is a test of the subject by a pattern, the binding of its names, and its guard.

>>> text = '''
... def f(n, x):
...     match n:
...         case 0 | 1:
...             return x
...         case k if k > 5:
...             return k * x
... '''
>>> print(gast.dump(without_match(gast.parse(text).body[0]).body[1].test, annotate_fields=False)[:40])
PatternTest(Name('%subject_0', Load(), N
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import gast


class PatternTest(gast.expr):  # type: ignore[misc]
    """Whether the subject is as the pattern says."""

    _fields = ("subject", "pattern")


class PatternBinding(gast.expr):  # type: ignore[misc]
    """Binds the names of the pattern to the parts of the subject, which it fits; true."""

    _fields = ("subject", "pattern")


def without_match(tree: Any) -> Any:
    """The function without `match`; where it has none, the same."""
    if not any(isinstance(node, gast.Match) for node in gast.walk(tree)):
        return tree
    return _Rewriter().visit(copy.deepcopy(tree))


def captured_names(pattern: Any) -> Iterator[str]:
    """The names that a pattern binds."""
    for node in gast.walk(pattern):
        match node:
            case gast.MatchAs(name=str() as name) | gast.MatchStar(name=str() as name):
                yield name
            case gast.MatchMapping(rest=str() as name):
                yield name


class _Rewriter(gast.NodeTransformer):  # type: ignore[misc]
    def __init__(self) -> None:
        self.count = 0

    def visit_Match(self, node: Any) -> list[Any]:
        name = f"%subject_{self.count}"
        self.count += 1
        self.generic_visit(node)
        bound = gast.Assign([gast.Name(name, gast.Store(), None, None)], node.subject, None)
        chain: list[Any] = []
        for case in reversed(node.cases):
            tests: list[Any] = [_of(PatternTest, name, case.pattern)]
            if any(True for _ in captured_names(case.pattern)):
                tests.append(_of(PatternBinding, name, case.pattern))
            if case.guard is not None:
                tests.append(case.guard)
            test = tests[0] if len(tests) == 1 else gast.BoolOp(gast.And(), tests)
            chain = [_located(gast.If(test, case.body, chain), case.pattern)]
        return [_located(bound, node), *chain]


def _of(kind: Any, name: str, pattern: Any) -> Any:
    return kind(gast.Name(name, gast.Load(), None, None), pattern)


def _located(node: Any, like: Any) -> Any:
    """The node, and what is new in it, at the place of another."""
    if not hasattr(node, "lineno"):
        gast.copy_location(node, like)
        for child in gast.iter_child_nodes(node):
            if isinstance(child, gast.expr | gast.stmt):
                _located(child, like)
    return node
