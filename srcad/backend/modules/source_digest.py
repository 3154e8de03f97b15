"""Digest of a generated file, to detect edits by hand and stale files; independent of formatting.

A file is compared by its syntax tree, its comments in their order, and its docstring. Line breaks and quotes, which a
formatter decides, do not count. Line numbers of the primal in it do not count either, but for `same`; for `alike`,
nor does what comes from its comments and its docstring: a primal that was only described anew has the same gradient.
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
_QUOTE = re.compile(r"(\w+ )?L\d+: ")
_DESCRIPTION = re.compile(r"(?<=^source  )(.*)(\n +.*)*", re.MULTILINE)


def recorded(text: str) -> str:
    """The text with a last line that records its digest. Line numbers of the primal do not count.

    >>> text = recorded("x = 1")
    >>> edited(text), edited(text.replace("x = 1", "x  =  1")), edited(text.replace("1", "2", 1))
    (False, False, True)
    """
    return f"{text}\n\n# srcad build: text {digest(text)}\n"


def record_of(text: str) -> str | None:
    """The digest that is recorded in a text: of the generated text that it is, or that edits in it are relative to."""
    record = _RECORD.search(text)
    return None if record is None else record[1]


def with_record(text: str, record: str | None) -> str:
    r"""The text with another recorded digest, or with none.

    >>> text = recorded("x = 1\n")
    >>> with_record(text, None), with_record(with_record(text, None), record_of(text)) == text
    ('x = 1\n', True)
    """
    bare = _RECORD.sub("", text).rstrip("\n") + "\n"
    return bare if record is None else f"{bare}\n\n# srcad build: text {record}\n"


def is_recorded(text: str) -> bool:
    """Whether srcad wrote the text, edited since or not."""
    return _RECORD.search(text) is not None


def edited(text: str) -> bool:
    """Whether the text differs from the one that its digest was recorded for."""
    return record_of(text) not in (digest(text), digest(text, lines=True))  # with lines: by earlier versions


def alike(one: str, other: str) -> bool:
    """Whether two texts are the same up to formatting, and line numbers, comments and docstring of the primal.

    >>> alike("x = (1)  # one", "x = 1"), alike("# L1: x = y\\nx = 1", "x = 1")
    (True, False)
    """
    return _normalised(one, lines=False, described=False) == _normalised(other, lines=False, described=False)


def same(one: str, other: str) -> bool:
    """Whether two texts are the same up to formatting.

    >>> same("x = (1)  # one", "x = 1\\n# one"), same("x = 1", "x = 1  # one")
    (True, False)
    """
    return _normalised(one) == _normalised(other)


def code_digest(text: str) -> str:
    """Digest of what a module does: its syntax tree without docstrings, comments and formatting.

    >>> code_digest("x = (1)  # one") == code_digest("x = 1"), code_digest("x = 2") == code_digest("x = 1")
    (True, False)
    """
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(_tree_text(tree).encode()).hexdigest()[:16]


def digest(text: str, lines: bool = False) -> str:
    """Digest of a text without its formatting, the line numbers of the primal, and the recorded digest."""
    return hashlib.sha256(_normalised(text, lines).encode()).hexdigest()[:12]


def _normalised(text: str, lines: bool = True, described: bool = True) -> str:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text  # not Python
    docstring = inspect.cleandoc(ast.get_docstring(tree, clean=False) or "")
    doc_lines = "\n".join(line.rstrip() for line in docstring.splitlines())
    comments = "\n".join(one for one in _comments(text) if described or _QUOTE.match(one))
    code = _tree_text(tree)
    if not described:
        doc_lines = _DESCRIPTION.sub(r"\1", doc_lines)
    if not lines:
        for numbers in _LINES:
            doc_lines = numbers.sub("", doc_lines)
        comments, code = _QUOTED.sub("L: ", comments), _QUOTED.sub("L: ", code)
    return "\0".join((doc_lines, comments, code))


def _comments(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not _RECORD.match(token.string):
            yield token.string.lstrip("#").strip()


def _tree_text(node: object) -> str:
    """A tree as text that is the same in every version of Python: without empty fields and the module docstring."""
    if isinstance(node, list):
        return f"[{' '.join(map(_tree_text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, ast.Module) and ast.get_docstring(node) is not None:
            value = value[1:]
        if name not in ("ctx", "kind", "type_comment") and value is not None and value != []:
            parts.append(f"{name}={_tree_text(value)}")
    return f"({' '.join(parts)})"
