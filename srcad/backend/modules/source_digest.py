"""Has a generated file been edited, and does it say what would be written now? Layout is no part of that.

A file is compared by its code, as a syntax tree; by its comments, in their order; and by its docstring. How lines are
broken and quoted, what a formatter decides, does not count. It may say the lines of the primal as they were.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import re
import tokenize
from collections.abc import Iterator

_RECORD = re.compile(r"^# srcad build: text (\w+)$", re.MULTILINE)
_LINES = (re.compile(r"(?<=\.py:)\d+"), re.compile(r"(?<=read by line )\d+|(?<=read by lines )[\d, ]+"))
_QUOTED = re.compile(r"\bL\d+: ")


def recorded(text: str) -> str:
    """The text with a last line that tells whether it is as it was made."""
    return f"{text}\n\n# srcad build: text {_digest(text)}\n"


def edited(text: str) -> bool:
    """Whether the text says something else than the one that was written."""
    record = _RECORD.search(text)
    if record is None:
        return True
    return record[1] != _digest(text)


def alike(one: str, other: str) -> bool:
    """Whether two texts say the same, but for the lines of the primal that they name."""
    return _normal(one, lines=False) == _normal(other, lines=False)


def same(one: str, other: str) -> bool:
    """Whether two texts say the same."""
    return _normal(one) == _normal(other)


def _digest(text: str) -> str:
    return hashlib.sha256(_normal(text).encode()).hexdigest()[:12]


def _normal(text: str, lines: bool = True) -> str:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text  # no Python any more
    docstring = inspect.cleandoc(ast.get_docstring(tree, clean=False) or "")
    words = "\n".join(line.rstrip() for line in docstring.splitlines())
    comments = "\n".join(_comments(text))
    code = _written(tree)
    if not lines:
        for numbers in _LINES:
            words = numbers.sub("", words)
        comments, code = _QUOTED.sub("L: ", comments), _QUOTED.sub("L: ", code)
    return "\0".join((words, comments, code))


def _comments(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not _RECORD.match(token.string):
            yield token.string.lstrip("#").strip()


def _written(node: object) -> str:
    """A tree as text that is the same in every version of Python: what is empty is left out, and so are docstrings."""
    if isinstance(node, list):
        return f"[{' '.join(map(_written, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, ast.Module) and ast.get_docstring(node) is not None:
            value = value[1:]
        if name not in ("ctx", "kind", "type_comment") and value is not None and value != []:
            parts.append(f"{name}={_written(value)}")
    return f"({' '.join(parts)})"
