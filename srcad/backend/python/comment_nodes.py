"""Things Python's own syntax tree has no node for: a comment, a blank line, a statement laid out by hand."""

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
    """A statement as it is to be written, several lines of it."""

    _fields = ("text",)
    text: str

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def names_in(tree: ast.AST) -> set[str]:
    """Every plain name a tree reads or writes."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
