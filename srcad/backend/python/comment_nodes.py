"""Syntax tree nodes that Python's `ast` lacks: comments, blank lines, statements with a fixed layout.

>>> from srcad.backend.python.writer import write
>>> print(write(ast.Module([Remark("a comment"), *ast.parse("x=1").body, Verbatim("y  =  2")], [])))
# a comment
x = 1
y  =  2
"""

from __future__ import annotations

import ast
from typing import TypeVar

from srcad.ir.nodes import Span

Statement = TypeVar("Statement", bound=ast.stmt)


def mark(node: Statement, span: Span | None) -> Statement:
    """The statement with the place in the primal that it computes or reverses, as Python's own have a line number."""
    node.srcad_source = span  # type: ignore[attr-defined]
    return node


def source(node: ast.stmt) -> Span | None:
    """The place in the primal that `mark` has given a statement."""
    return getattr(node, "srcad_source", None)


class Remark(ast.stmt):
    """Comment lines above the next statement; an empty text is a blank line."""

    _fields = ("text",)
    text: str

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Verbatim(ast.stmt):
    """A statement as text, printed unchanged; it may have several lines."""

    _fields = ("text",)
    text: str

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
