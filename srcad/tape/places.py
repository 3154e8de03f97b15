"""The user's line where an operation was recorded."""

from __future__ import annotations

import ast
import linecache
import os
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

from srcad.ir.nodes import Span

_TAPE = str(Path(__file__).parent) + os.sep
_SRCAD = str(Path(__file__).parents[1]) + os.sep


class _Own(dict[str, bool]):
    """Whether a file is one of srcad; asked for each frame of each operation."""

    def __missing__(self, file: str) -> bool:
        self[file] = file.startswith(_SRCAD)
        return self[file]


OWN = _Own()


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


def users_frame(frame: FrameType) -> FrameType:
    """The frame that called into srcad, from one on the way there."""
    while OWN[frame.f_code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
    return frame


def entered() -> str | None:
    """The name of the function of srcad that the user has called and that runs, unless it is one of the tape."""
    frame, found = sys._getframe(1), None
    users = users_frame(frame)
    while frame is not users and frame.f_back is not None:
        if not frame.f_code.co_filename.startswith(_TAPE):
            found = frame.f_code.co_name
        frame = frame.f_back
    return found


def here() -> Span:
    """The user's expression that called into the tape."""
    frame = users_frame(sys._getframe(1))
    return Place(frame.f_code, frame.f_lasti).span
