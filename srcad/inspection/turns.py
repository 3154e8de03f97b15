"""Which turns of which loops an observed run is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Turns = tuple[tuple[str, int], ...]
"""The index of each loop with its value, the outermost first; a `while` has the name "" and counts from 0.

In a function that is called, those of the loops around the call come first.
"""


class TurnCounter:
    """
    >>> turns = TurnCounter()
    >>> turns.turn(0, "t", 3), turns.turn(1, "", None), turns.turn(1, "", None), turns.now
    (None, None, None, (('t', 3), ('', 1)))
    >>> turns.left(1), turns.now
    (None, (('t', 3),))
    """

    def __init__(self) -> None:
        self._turns: list[tuple[str, int]] = []
        self._around: Turns = ()

    @property
    def now(self) -> Turns:
        return (*self._around, *self._turns)

    def called(self, line: int, noted: bool, function: Callable[..., Any], *given: Any) -> Any:
        """A function that is called has loops of its own."""
        outer = self._turns, self._around
        self._turns, self._around = [], self.now
        returned = function(*given)
        self._turns, self._around = outer  # not where it raises: then this is where
        return returned

    def turn(self, depth: int, index: str, value: int | None) -> None:
        """A turn of a loop inside of `depth` others begins. Turns of loops inside of it that have ended are dropped."""
        before = self._turns[depth][1] if depth < len(self._turns) else -1
        del self._turns[depth:]
        self._turns.append((index, before + 1 if value is None else int(value)))

    def left(self, depth: int) -> None:
        """The loop has ended."""
        del self._turns[depth:]


def in_words(turns: Turns) -> str:
    """
    >>> in_words((("t", 3), ("", 0)))
    't = 3, turn 0 of a while'
    """
    return ", ".join(f"{index} = {value}" if index else f"turn {value} of a while" for index, value in turns)
