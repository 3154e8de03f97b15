"""The functions of a primal as they stand in their files, with the statement that each line belongs to."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from srcad.frontend.source.read import Source
from srcad.ir.nodes import Span

Place = tuple[str, int]
"""A file, and the first line of a statement in it."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """One function: that which is differentiated, or one that it calls."""

    file: str
    function: str
    first: int
    """The number of its first line."""
    lines: tuple[str, ...]
    definition: ast.FunctionDef | ast.Lambda | None
    """None where the text of its file is not there any more, or is not Python: a cell with a magic in it."""
    statements: Mapping[int, int]
    """For each line of a statement the first one; of a loop or a branch, these are the lines of its head."""

    def has(self, span: Span) -> bool:
        return span.file == self.file and self.first <= span.line < self.first + len(self.lines)

    def place(self, line: int) -> Place | None:
        """Of the statement on a line; None where there is none."""
        return (self.file, self.statements[line]) if line in self.statements else None


def excerpts(main: Source, spans: Iterable[Span]) -> tuple[Excerpt, ...]:
    """The function that was read, then the others that have a span, in the order of their first one.

    >>> from srcad.frontend.source.read import read
    >>> __name__ = "user_module"
    >>> def double(x):
    ...     if x > 0.0:
    ...         return (x
    ...             + x)
    ...     return 2.0 * x
    >>> (one,) = excerpts(read(double), [])
    >>> one.function, one.first, dict(one.statements)
    ('double', 1, {1: 1, 2: 2, 3: 3, 4: 3, 5: 5})
    """
    files: dict[str, _Text] = {main.file: _Text(main.lines)}
    found = [_excerpt(main.file, main.name, main.tree.lineno, files[main.file])]
    for span in spans:
        if any(one.has(span) for one in found):
            continue
        if span.file not in files:
            files[span.file] = _Text([line.rstrip("\n") for line in linecache.getlines(span.file)])
        text = files[span.file]
        if span.line <= len(text.lines):
            found.append(_excerpt(span.file, span.function, span.line, text))
        else:
            found.append(_alone(span.file, span.function, span.line, span.text))
    return tuple(found)


class _Text:
    """The lines of a file, and its syntax tree where it is Python."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.definitions: list[ast.FunctionDef | ast.Lambda] = []
        with suppress(SyntaxError, ValueError):
            tree = ast.parse("\n".join(lines))
            self.definitions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)]


def _alone(file: str, name: str, line: int, text: str) -> Excerpt:
    return Excerpt(file, name, line, (text,), None, {line: line})


def _excerpt(file: str, name: str, line: int, text: _Text) -> Excerpt:
    around = [one for one in text.definitions if one.lineno <= line <= _end(one)]
    if not around:
        return _alone(file, name, line, text.lines[line - 1])
    named = [one for one in around if isinstance(one, ast.FunctionDef) and one.name == name]
    found = max(named or around, key=lambda one: (one.lineno, _end(one)))
    lines = tuple(text.lines[found.lineno - 1 : _end(found)])
    return Excerpt(file, name, found.lineno, lines, found, dict(sorted(_statements(found))))


def _statements(definition: ast.FunctionDef | ast.Lambda) -> Iterator[tuple[int, int]]:
    if isinstance(definition, ast.Lambda):
        yield from ((line, definition.lineno) for line in range(definition.lineno, _end(definition) + 1))
    for node in ast.walk(definition):
        if isinstance(node, ast.stmt):
            body: list[ast.stmt] = getattr(node, "body", [])
            last = max(body[0].lineno - 1, node.lineno) if body else _end(node)
            yield from ((line, node.lineno) for line in range(node.lineno, last + 1))


def _end(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno
