"""The user's line where an operation was recorded."""

from __future__ import annotations

import ast
import linecache
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

from srcad.ir.nodes import Span

_OWN = frozenset(map(str, Path(__file__).parent.glob("*.py")))
"""The files of the tape."""


@dataclass(frozen=True)
class Place:
    """An instruction of the user's code."""

    code: CodeType
    instruction: int

    @property
    def line(self) -> int:
        lines = (line for start, end, line in self.code.co_lines() if start <= self.instruction < end)
        return next(lines, None) or self.code.co_firstlineno

    @property
    def span(self) -> Span:
        """The expression; before Python 3.11, its line."""
        text = linecache.getline(self.code.co_filename, self.line).rstrip("\n")
        line, end_line, column, end = self._position
        first = (
            len(text) - len(text.lstrip()) if column is None else len(text.encode()[:column].decode(errors="ignore"))
        )
        last = len(text) if end is None or end_line != line else len(text.encode()[:end].decode(errors="ignore"))
        return Span(self.code.co_filename, self.code.co_name, self.line, first, self.line, last, text)

    @property
    def assigned_name(self) -> str | None:
        """The name that the value of the expression is assigned to, in a statement on one line."""
        text = linecache.getline(self.code.co_filename, self.line).strip()
        line, end_line, column, end = self._position
        try:
            (statement,) = ast.parse(text).body
        except (SyntaxError, ValueError):
            return None
        if not isinstance(statement, ast.Assign) or line != end_line or column is None:
            return None
        indent = len(linecache.getline(self.code.co_filename, self.line).encode()) - len(
            linecache.getline(self.code.co_filename, self.line).lstrip().encode()
        )
        value, (target, *more) = statement.value, statement.targets
        whole = (value.col_offset + indent, value.end_col_offset is not None and value.end_col_offset + indent)
        return target.id if isinstance(target, ast.Name) and not more and whole == (column, end) else None

    @property
    def _position(self) -> tuple[int | None, int | None, int | None, int | None]:
        if not hasattr(self.code, "co_positions"):
            return self.line, None, None, None
        at = self.instruction // 2
        found = next(islice(self.code.co_positions(), at, at + 1), None)
        return found or (self.line, None, None, None)


def users_place() -> tuple[CodeType, int]:
    """The instruction that called into the tape: the parts of a `Place`, which is made when it is asked for."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename in _OWN:
        frame = frame.f_back
    assert frame is not None
    return frame.f_code, frame.f_lasti


def here() -> Span:
    """The user's expression that called into the tape."""
    return Place(*users_place()).span
