"""Syntax tree nodes that Python's `ast` lacks: comments, blank lines, statements with a fixed layout.

>>> from srcad.backend.python.writer import write
>>> print(write(ast.Module([Remark("a comment"), *ast.parse("x=1").body, Verbatim("y  =  2")], [])))
# a comment
x = 1
y  =  2
"""

from __future__ import annotations

import ast


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
