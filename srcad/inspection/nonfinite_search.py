"""The search for the first NaN or infinity that a result is made of: a run of the readable text that follows them.

Each element that is not finite carries the number of the place where it came up, from operand to result. So what is
masked by `np.where`, or is a start value as in `best = np.inf`, is not taken for the reason.
"""

from __future__ import annotations

import ast
import math
import traceback
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from srcad.inspection.element_marks import ElementMarks
from srcad.inspection.nonfinite import Index, NonFinite, Operand
from srcad.inspection.observed_text import observed
from srcad.inspection.turns import TurnCounter
from srcad.ir.nodes import Span

_CONSTANTS = 2**40
"""Places from this number on are infinities that are written in the program: another place is named before them."""


@dataclass(frozen=True)
class ReadableText:
    """The text that people read, and what is known of its lines."""

    function: str
    text: str
    file: str
    parameters: tuple[str, ...]
    sources: Mapping[int, Span]


def is_finite(value: Any) -> bool:
    """Whether there is neither NaN nor an infinity in it; what is no float is finite.

    >>> is_finite(np.array([1.0, np.inf])), is_finite(3), is_finite([])
    (False, True, True)
    """
    if isinstance(value, float):  # np.float64 is one
        return math.isfinite(value)
    if isinstance(value, np.ndarray | np.floating):
        return value.dtype.kind != "f" or bool(np.isfinite(value).all())
    return True


def search(
    given: ReadableText, arguments: Sequence[Any], results: Container[int], also: Container[str] = ()
) -> NonFinite | None:
    """The first place of what is not finite among the results with these numbers, and these parameters.

    `arguments` are written to. None where all of that is finite in Python.
    """
    found = _Search(given)
    arguments = [np.float64(one) if type(one) is float else one for one in arguments]
    for name, value in zip(given.parameters, arguments, strict=False):
        found.argument(name, value)
    try:
        observed(given.text, given.function, given.file)(found, arguments)
    except (ArithmeticError, ValueError) as error:  # compiled code goes on with NaN
        at = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == given.file]
        return found.raised(at[-1] or 1, f"{type(error).__name__}: {error}")
    changed = [(name, value) for name, value in zip(given.parameters, arguments, strict=False) if name in also]
    return found.first(results, changed)


def _constants(given: ReadableText) -> frozenset[int]:
    """The lines with an infinity or NaN that is written there."""
    written = [n for n in ast.walk(ast.parse(given.text)) if isinstance(n, ast.Attribute) and n.attr in ("inf", "nan")]
    return frozenset(node.lineno for node in written)


class _Search(TurnCounter):
    """The observer of the run."""

    def __init__(self, given: ReadableText) -> None:
        super().__init__()
        self._given = given
        self._lines = given.text.splitlines()
        self._constants = _constants(given)
        self._marks = ElementMarks()
        self._places: dict[int, NonFinite] = {}
        """By number; the numbers of arguments have one from the first statement on that passes them on."""
        self._arguments: set[int] = set()
        self._count = 0
        self._reads: list[tuple[Operand, Any]] = []
        self._passing: list[int] = []
        """Of the calls whose arguments are evaluated, how many values were read before."""
        self._results: list[Any] = []

    def argument(self, name: str, value: Any) -> None:
        if not is_finite(value):
            number = self._number()
            self._arguments.add(number)
            self._marks.put(name, value, np.where(np.isfinite(value), 0, number))

    def read(self, name: str, value: Any, index: Any = None) -> Any:
        part = value if index is None else value[index]
        if not is_finite(part):
            marks = self._marks.of(name, value, index)
            where = _first_bad(value, index)
            self._reads.append((Operand(name, _at(value, where), where, self._is_argument(marks)), marks))
        return np.float64(part) if type(part) is float else part

    def written(self, line: int, name: str, value: Any, index: Any = None) -> None:
        if isinstance(value, list):
            value = value[-1] if value else 0
        part = value if index is None else value[index]
        reads, self._reads = self._reads, []
        marks = 0 if is_finite(part) else self._marked(line, name, value, index, reads)
        self._marks.put(name, value, marks, index)

    def result(self, line: int, value: Any) -> Any:
        reads, self._reads = self._reads, []
        self._results.append(0 if is_finite(value) else self._marked(line, "result", value, None, reads))
        return value

    def passes(self) -> None:
        self._passing.append(len(self._reads))

    def passed(self, value: Any) -> tuple[Any, list[tuple[Operand, Any]]]:
        start = self._passing[-1]
        reads = self._reads[start:]
        del self._reads[start:]
        return value, reads

    def called(self, line: int, noted: bool, function: Callable[..., Any], *given: Any) -> Any:
        """The function has names of its own. What it passes on has come up in it, or in what it was given."""
        self._passing.pop()
        names = function.__code__.co_varnames
        marks = [
            0 if is_finite(value) else self._marked(line, name, value, None, reads)
            for name, (value, reads) in zip(names, given, strict=False)
        ]
        outer = self._reads, self._results, self._marks.entered()
        self._reads, self._results = [], []
        for name, (value, _), mark in zip(names, given, marks, strict=False):
            self._marks.put(name, value, mark)
        returned = super().called(line, noted, function, *(value for value, _ in given))
        results = self._results
        self._reads, self._results = outer[:2]
        self._marks.left(outer[2])
        parts = returned if isinstance(returned, tuple) else (returned,)
        for value, mark in zip(parts, results, strict=False):
            if not is_finite(value):
                if isinstance(value, np.ndarray):
                    self._marks.put("", value, mark)
                where = _first_bad(value, None)
                operand = Operand(f"{function.__name__}(...)", _at(value, where), where, self._is_argument(mark))
                self._reads += [(operand, mark)] if noted else []
        return returned

    def raised(self, line: int, message: str) -> NonFinite:
        """The place of a statement that raised."""
        operands = tuple(operand for operand, _ in self._reads)
        return replace(self._place(line, "the value", math.nan, (), operands), raised=message)

    def first(self, results: Container[int], also: Sequence[tuple[str, Any]]) -> NonFinite | None:
        marks = [one for at, one in enumerate(self._results) if at in results]
        marks += [self._marks.of(name, value) for name, value in also]
        numbers = {int(number) for one in marks for number in np.unique(one)} & set(self._places)
        return self._places[min(numbers)] if numbers else None

    def _marked(self, line: int, name: str, value: Any, index: Any, reads: list[tuple[Operand, Any]]) -> Any:
        """The numbers of the elements of what was written: those of operands, or a new one."""
        part = np.asarray(value if index is None else value[index])
        bad = ~np.isfinite(part)
        least = np.zeros(part.shape, np.int64)
        for _, marks in reads:
            # element by element where the shapes allow it: else each element may be made of all of the operand
            alike = np.shape(marks) == part.shape
            own = marks if alike else min(np.unique(marks[marks > 0]), default=0) if np.ndim(marks) else marks
            least = np.where((own > 0) & ((least == 0) | (own < least)), own, least)
        # NaN out of an infinity that the program has written down came up here
        new = bad & ((least == 0) | ((least >= _CONSTANTS) & np.isnan(part)))
        where = _first_bad(value, index)
        place = self._place(line, name, _at(value, where), where, tuple(operand for operand, _ in reads))
        if new.any():
            constant = line in self._constants and not reads
            number = self._number() + (_CONSTANTS if constant else 0)
            self._places[number] = place
            least = np.where(new, number, least)
        marks = np.where(bad, least, 0)
        for number in self._arguments.intersection(map(int, np.unique(marks))):
            self._places.setdefault(number, place)
        return marks

    def _place(self, line: int, name: str, value: float, index: Index, operands: tuple[Operand, ...]) -> NonFinite:
        given, source = self._given, self._given.sources.get(line)
        text = self._lines[line - 1]
        return NonFinite(given.function, source, given.file, line, text, name, value, index, self.now, operands)

    def _is_argument(self, marks: Any) -> bool:
        return bool(np.isin(marks, list(self._arguments)).any())

    def _number(self) -> int:
        self._count += 1
        return self._count


def _first_bad(value: Any, index: Any) -> Index:
    """Where the first element that is not finite is, in the whole variable."""
    if not isinstance(value, np.ndarray):
        return ()
    chosen = np.zeros(value.shape, bool)
    chosen[... if index is None else index] = True
    return tuple(map(int, np.argwhere(chosen & ~np.isfinite(value))[0]))


def _at(value: Any, where: Index) -> float:
    return float(value[where] if where else value)
