"""The share of each line of the generated text in the time of a call that Python runs."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from srcad.backend.modules.import_module import load
from srcad.inspection.nonfinite_search import ReadableText
from srcad.inspection.tables import table
from srcad.ir.nodes import Span

_SHOWN = 15


@dataclass(frozen=True)
class LineTime:
    """One line of the generated text."""

    line: int
    text: str
    primal: Span | None
    """The place in the source that it computes or reverses."""
    runs: int
    """How often it ran."""
    seconds: float


@dataclass(frozen=True)
class Profile:
    """The lines of the generated text that ran, in the order of the text. Printed, it is a table, the slowest first.

    The times are those of the text under Python. Compiled, a line in a loop over elements costs a hundred times less,
    a product of matrices or an expression of large arrays about the same: so this compares lines of one kind.
    """

    function: str
    lines: tuple[LineTime, ...]

    @property
    def seconds(self) -> float:
        """The time of all lines, without that of the measurement."""
        return sum(one.seconds for one in self.lines)

    def share(self, one: LineTime) -> float:
        """The part of the whole time that a line took, from 0 to 1."""
        return one.seconds / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        slowest = sorted(self.lines, key=lambda one: -one.seconds)[:_SHOWN]
        rows = [
            [
                f"{100 * self.share(one):.1f} %",
                str(one.runs),
                str(one.line),
                one.text.strip(),
                "" if one.primal is None else f"L{one.primal.line}: {one.primal.text.strip()}",
            ]
            for one in slowest
        ]
        more = len(self.lines) - len(slowest)
        title = f"{self.function} took {self.seconds:.3g} s in Python, uncompiled"
        title += f"; {more} more lines are not shown" if more else ""
        return table(title, ["share", "runs", "line", "text", "source"], rows, right=["share", "runs", "line"])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def profile(given: ReadableText, arguments: Sequence[Any]) -> Profile:
    """Run the readable text once under Python's tracing of lines; `arguments` are written to."""
    function = getattr(load(Path(given.file)), given.function)
    arguments = [np.float64(one) if type(one) is float else one for one in arguments]
    seconds, runs = _line_times(function, arguments)
    texts = given.text.splitlines()
    lines = [LineTime(at, texts[at - 1], given.sources.get(at), runs[at], seconds[at]) for at in sorted(runs)]
    return Profile(given.function, tuple(lines))


def _line_times(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[dict[int, float], dict[int, int]]:
    """The time of each line of a text, and how often it ran.

    That of the functions that a line calls is included, but for those of the text: their lines have times of their own.
    """
    seconds: dict[int, float] = {}
    runs: dict[int, int] = {}
    lines, since, clock = [0], 0.0, time.perf_counter
    """The line that runs, in each function of the text that has not ended."""

    def passed() -> None:
        now = clock()
        if lines[-1]:
            seconds[lines[-1]] = seconds.get(lines[-1], 0.0) + now - since

    def at_line(frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        nonlocal since
        passed()
        if event == "line":
            lines[-1] = frame.f_lineno
            runs[lines[-1]] = runs.get(lines[-1], 0) + 1
        elif event == "return":
            lines.pop()
        since = clock()  # the time of this function is not counted
        return at_line

    def at_call(frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        nonlocal since
        if frame.f_code.co_filename != function.__code__.co_filename:
            return None
        passed()
        lines.append(0)
        since = clock()
        return at_line

    before = sys.gettrace()
    sys.settrace(at_call)
    try:
        with np.errstate(all="ignore"):
            function(*arguments)
    finally:
        sys.settrace(before)
    return seconds, runs
