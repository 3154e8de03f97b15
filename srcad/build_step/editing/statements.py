"""The statements of a text, one after the other, without comments and layout; and what edits changed of them.

>>> base = "def f(x):\\n    y = x * x\\n    return y\\n"
>>> print(*edited_statements(base, base.replace("x * x", "(x + 1)  # more")), sep="\\n")
       - y = x * x
    2  + y = x + 1
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class Statement:
    """A statement without the block in it."""

    node: ast.stmt
    line: int
    depth: int
    text: str
    function: str = ""
    """The function of the module that it is in, or is."""

    @property
    def key(self) -> tuple[int, str]:
        return self.depth, self.text


def statements(tree: ast.AST, depth: int = 0, function: str = "") -> Iterator[Statement]:
    """The statements of a module, without docstrings; an `else` stands for itself, as a statement that passes."""
    for name in ("body", "orelse", "finalbody"):
        block: list[ast.stmt] = getattr(tree, name, [])
        if name != "body" and block:
            opens = block[0].lineno
            yield Statement(ast.Pass(lineno=opens, col_offset=0), opens, depth - 1, "else:", function)
        for at, node in enumerate(block):
            if at == 0 and name == "body" and _is_docstring(node):
                continue
            own = node.name if depth == 0 and isinstance(node, ast.FunctionDef) else function
            yield Statement(node, node.lineno, depth, _head(node), own)
            yield from statements(node, depth + 1, own)


def edited_statements(base: str, text: str) -> Iterator[str]:
    """A line for each statement that edits removed or added, with its line number in the edited text."""
    before, after = (list(statements(ast.parse(one))) for one in (base, text))
    for what, a, b, c, d in changes(before, after):
        if what != "equal":
            yield from (f"       - {one.text}" for one in before[a:b])
            yield from (f"{one.line:5}  + {one.text}" for one in after[c:d])


def changes(before: list[Statement], after: list[Statement]) -> Sequence[tuple[str, int, int, int, int]]:
    """The opcodes of difflib."""
    return SequenceMatcher(None, [s.key for s in before], [s.key for s in after], autojunk=False).get_opcodes()


def _head(node: ast.stmt) -> str:
    if not hasattr(node, "body"):
        return ast.unparse(node)
    head = copy.copy(node)
    for name in ("body", "orelse", "finalbody", "handlers"):
        if hasattr(head, name):
            setattr(head, name, [ast.Pass()] if name == "body" else [])
    return " ".join(ast.unparse(head).splitlines()[:-1])


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
