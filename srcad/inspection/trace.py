"""The adjoints of a call: every value that an adjoint takes on in the reverse sweep, by the variable whose it is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.inspection.nonfinite_search import ReadableText
from srcad.inspection.observed_text import observed
from srcad.inspection.tables import table
from srcad.inspection.turns import TurnCounter, Turns, in_words
from srcad.ir.names import is_temporary

_SHOWN = 12


@dataclass(frozen=True)
class AdjointValue:
    """An adjoint after a line of the reverse sweep has assigned it."""

    adjoint: str
    """Its name in the generated text."""
    iterations: Turns
    """The turns of the loops around the line, the outermost first."""
    index: Any
    """The element or the part that was assigned, as an index; None: all of it."""
    value: Any
    """A copy of that."""
    line: int
    """The line of the generated text."""
    primal_line: int | None
    """The line of the source that it reverses."""

    @property
    def place(self) -> str:
        """What was assigned, as text."""
        if self.index is None:
            return self.adjoint
        items = self.index if isinstance(self.index, tuple) else (self.index,)
        return f"{self.adjoint}[{', '.join(map(_item, items))}]"


@dataclass(frozen=True)
class Trace(Mapping[str, "tuple[AdjointValue, ...]"]):
    """For each variable of the source, what its adjoint was, in the order of the reverse sweep.

    `trace["h"]` are the adjoints of h. An intermediate value without a name in the source is found under the name
    of its adjoint in the generated text, `trace["d_sum"]`, as every adjoint is. Printed, it is a table of the last
    values.
    """

    function: str
    values_by_name: Mapping[str, tuple[AdjointValue, ...]]
    names: tuple[str, ...]
    """The variables, and the adjoints of what has no name in the source."""

    def __getitem__(self, name: str) -> tuple[AdjointValue, ...]:
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.values_by_name

    def __str__(self) -> str:
        rows = [
            [name, str(len(self[name])), one.place, in_words(one.iterations), _short(one.value), _line(one)]
            for name in self.names
            for one in self[name][-1:]
        ]
        more = f"; {len(rows) - _SHOWN} more are not shown" if len(rows) > _SHOWN else ""
        columns = ["adjoints of", "values", "the last", "in the turn", "is", "after"]
        return table(f"adjoints in a call of {self.function}{more}", columns, rows[:_SHOWN], right=["values"])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def trace(given: ReadableText, adjoints: Mapping[str, str], arguments: Sequence[Any]) -> Trace:
    """Run the readable text and collect what is assigned to adjoints, names of the text with their variables."""
    found = _Collector(given, adjoints)
    observed(given.text, given.function, given.file)(found, arguments)
    by_name: dict[str, list[AdjointValue]] = {}
    shown: dict[str, None] = {}
    for one in found.values:
        of = adjoints[one.adjoint]
        keys = {one.adjoint} if is_temporary(of) else {one.adjoint, of}
        shown[one.adjoint if is_temporary(of) else of] = None
        for key in keys:
            by_name.setdefault(key, []).append(one)
    return Trace(given.function, {name: tuple(values) for name, values in by_name.items()}, tuple(shown))


class _Collector(TurnCounter):
    """The observer of the run."""

    def __init__(self, given: ReadableText, adjoints: Mapping[str, str]) -> None:
        super().__init__()
        self._given = given
        self._adjoints = adjoints
        self.values: list[AdjointValue] = []

    def read(self, name: str, value: Any, index: Any = None) -> Any:
        part = value if index is None else value[index]
        return np.float64(part) if type(part) is float else part

    def written(self, line: int, name: str, value: Any, index: Any = None) -> None:
        adjoint = re.split(r"\W", name, maxsplit=1)[0]  # `d_x[i]` where `d_x[i][j]` is assigned
        if adjoint in self._adjoints:
            part = value if index is None else value[index]
            copy = part.copy() if isinstance(part, np.ndarray) else part
            source = self._given.sources.get(line)
            primal = None if source is None else source.line
            self.values.append(AdjointValue(adjoint, self.now, index, copy, line, primal))

    def result(self, line: int, value: Any) -> Any:
        return value

    def passes(self) -> None:
        pass

    def passed(self, value: Any) -> Any:
        return value


def _item(item: Any) -> str:
    if isinstance(item, slice):
        start, stop = ("" if part is None else str(part) for part in (item.start, item.stop))
        return f"{start}:{stop}" + (f":{item.step}" if item.step is not None else "")
    return "..." if item is Ellipsis else str(item)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=4, threshold=6, edgeitems=2).split()
        return " ".join(text)
    return f"{float(value):.6g}"


def _line(one: AdjointValue) -> str:
    return f"line {one.line}" if one.primal_line is None else f"line {one.line}, which reverses L{one.primal_line}"
