"""The comments of statements, as far as they help who reads the gradient.

>>> lines = '''
... # the hidden layer
... h = np.tanh(W @ x)  # activations
... # print(h.shape)
... h = h / 2  # noqa: E501
... '''.splitlines()
>>> statement_comments(lines, ast.parse("\\n".join(lines)).body[0])
('the hidden layer', 'activations')
>>> statement_comments(lines, ast.parse("\\n".join(lines)).body[1])
()
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from srcad.ir.source_lines import comments

_FOR_TOOLS = re.compile(r"(type|pyright|mypy|pylint|ruff|fmt|yapf|isort|flake8|pragma):|(noqa|nosec)\b|%%|!|-\*-")
_FOR_AUTHORS = re.compile(r"(TODO|FIXME|XXX|HACK)\b")
_GENERATED = re.compile(r"(\w+ )?L\d+: |srcad build: ")
"""What srcad itself writes: the primal may be a gradient."""
_RULER = re.compile(r"^[-=*~#_+.]{2,}\s*|\s*[-=*~#_+]{2,}$")
_NO_FORMULA = (
    ast.Call, ast.Subscript, ast.Import, ast.ImportFrom, ast.Return, ast.Assert, ast.Raise, ast.Delete, ast.Pass,
    ast.Break, ast.Continue,
)  # fmt: skip


def statement_comments(lines: Sequence[str], node: Any) -> tuple[str, ...]:
    """The comments right above a statement, and the one at its end, each a line of printable characters.

    Left out are commented-out code, what is written for tools, and what is left to do. `lines` are those of the file.
    """
    head = getattr(node, "iter", None) or getattr(node, "test", None) or node
    first, last = node.lineno, getattr(head, "end_lineno", None) or node.lineno
    indent = lines[first - 1][: node.col_offset]
    while not indent.strip() and first > 1 and lines[first - 2].startswith(f"{indent}#"):
        first -= 1
    text = "\n".join(lines[first - 1 : last])
    found = _found(text) if "#" in text else {}
    above = [found[row] for row in range(1, node.lineno - first + 1) if row in found]
    at_end = [found[last - first + 1]] if last - first + 1 in found else []
    return tuple(text for text in map(_text, (*above, *at_end)) if _helps(text))


@lru_cache(maxsize=4096)
def _found(text: str) -> Mapping[int, str]:
    """For each line of a text the comment in it."""
    return {row: comment for row, _, comment in comments(text)}


def _text(comment: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in comment)
    return _RULER.sub("", printable.lstrip("#:").strip()).strip()


def _helps(text: str) -> bool:
    says = any(char.isalnum() for char in text)
    return says and not any(kind.match(text) for kind in (_FOR_TOOLS, _FOR_AUTHORS, _GENERATED)) and not _is_code(text)


def _is_code(text: str) -> bool:
    """Whether a comment is a statement of a program; a formula without calls and subscripts may be an explanation."""
    try:
        tree = ast.parse(f"{text} pass" if text.endswith(":") else text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    trivial = any(
        isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant | ast.Name) for part in tree.body
    )
    return trivial or any(isinstance(part, _NO_FORMULA) for part in ast.walk(tree))
