"""Functions that stay Python's as text: what they read from outside, and copies of those that they call.

>>> tree = ast.parse("def f(n):\\n    k = 1\\n    return g(n) + np.pi").body[0]
>>> list(global_names(tree)), function_text(renamed(without_unread(tree), {"g": "model.g"}))
(['g', 'np'], 'def f(n):\\n    return model.g(n) + np.pi')
"""

from __future__ import annotations

import ast
import dis
import inspect
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from types import CodeType
from typing import Any

import gast

from srcad.backend.python.writer import write


def global_names(tree: ast.FunctionDef) -> Iterator[str]:
    """The names from outside that a function reads, each once."""
    yield from dict.fromkeys(_globals(compile(ast.Module([tree], []), "<inactive>", "exec")))


def _globals(code: CodeType) -> Iterator[str]:
    """The global names that code reads."""
    for one in dis.get_instructions(code):
        if one.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield one.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals(inner)


def renamed(tree: ast.FunctionDef, instead: Mapping[str, str]) -> ast.FunctionDef:
    """The function with other expressions in the place of some names."""
    found: ast.FunctionDef = _Renamed(instead).visit(tree)
    return ast.fix_missing_locations(found)


class _Renamed(ast.NodeTransformer):
    def __init__(self, instead: Mapping[str, str]) -> None:
        self._instead = instead

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._instead:
            return node
        return ast.parse(self._instead[node.id], mode="eval").body


def without_unread(tree: ast.FunctionDef) -> ast.FunctionDef:
    """The function without assignments of constants to variables that nothing else has to do with."""
    names = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    tree.body = [stmt for stmt in tree.body if not _is_idle(stmt, names)] or [ast.Pass()]
    return tree


def _is_idle(stmt: ast.stmt, names: Mapping[str, int]) -> bool:
    match stmt:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant()):
            return names[name] == 1
    return False


def function_text(tree: ast.FunctionDef) -> str:
    """The text of a function of the user's: where the writer does not know all of it, as Python writes it."""
    plain = ast.unparse(tree)
    try:
        text = write(deepcopy(tree))
        return text if ast.dump(ast.parse(text)) == ast.dump(ast.parse(plain)) else plain
    except (SyntaxError, AttributeError):
        return plain


def called_names(text: str) -> Iterator[str]:
    """The names of the functions that a text calls."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def copied_tree(tree: Any) -> Any:
    """The tree without what the compiler notes at its nodes, which is shared."""
    if isinstance(tree, list):
        return [copied_tree(item) for item in tree]
    if not isinstance(tree, gast.AST):
        return tree
    return gast.copy_location(type(tree)(*(copied_tree(getattr(tree, name, None)) for name in tree._fields)), tree)


def copy_of(helper: Any) -> str:
    """The text of a helper, without types and examples."""
    text = re.sub(r": Any = ", "=", inspect.getsource(helper)).rstrip("\n")
    text = re.sub(r": Any(?=[ ,)])", "", text).replace(" -> Any:", ":", 1)
    return re.sub(r'\n\n    >>> .*?"""\n', '"""\n', text, count=1, flags=re.DOTALL)
