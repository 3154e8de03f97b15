"""The first place where NaN or an infinity came up that a result is made of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from srcad.errors import NonFiniteError, Problem
from srcad.inspection.turns import Turns, in_words
from srcad.ir.nodes import Span

Index = tuple[int, ...]


@dataclass(frozen=True)
class Operand:
    """A value with NaN or infinities that a statement has read."""

    name: str
    value: float
    """The first of them."""
    index: Index
    """Where it is in the variable; () in a scalar."""
    argument: bool
    """It is from an argument of the call."""

    def __str__(self) -> str:
        return f"{element(self.name, self.index)} = {self.value}"


@dataclass(frozen=True)
class NonFinite:
    """Where the first NaN or infinity of a result came up: in the primal, in the generated text, in which turn."""

    function: str
    primal: Span | None
    """The place in the source; None for what has none, such as the start of an adjoint."""
    file: str
    """The generated file."""
    line: int
    """The line in it."""
    text: str
    """That line."""
    name: str
    """The variable that was assigned; of a value that is returned, `result`."""
    value: float
    """The first NaN or infinity in it."""
    index: Index
    """Where in it; () for a scalar."""
    iterations: Turns
    """The turns of the loops around the line, the outermost first."""
    operands: tuple[Operand, ...]
    """What the line has read that was not finite."""
    raised: str = ""
    """What Python raised on that line, where compiled code goes on with NaN or an infinity."""

    @property
    def born(self) -> bool:
        """Whether it came up here: no operand had any."""
        return not self.operands

    def __str__(self) -> str:
        if self.primal is None:
            return self._explained()
        return (
            f"{os.path.basename(self.primal.file)}:{self.primal.line}: {self.primal.text.strip()}\n{self._explained()}"
        )

    def _explained(self) -> str:
        at = f" in the turn {in_words(self.iterations)}" if self.iterations else ""
        lines = [f"{os.path.basename(self.file)}:{self.line}: {self.text.strip()}"]
        lines.append(f"{element(self.name, self.index)} is {self.value}{at}.")
        if self.raised:
            lines.append(f"Python raised {self.raised} there.")
        if self.born:
            lines.append("All that the line reads is finite: it came up here.")
        for one in self.operands:
            whose = "an argument of the call that is" if one.argument else "which is"
            lines.append(f"The line reads {one}, {whose} not finite.")
        return "\n".join(lines)

    def error(self) -> NonFiniteError:
        """The error of a call with `debug=True`."""
        given = [one for one in self.operands if one.argument]
        advice = f"look at the argument {given[0].name}." if given else "keep what this line reads within its domain."
        message = f"a result of {self.function} is not finite: {element(self.name, self.index)} became {self.value}"
        error = NonFiniteError(Problem("S601", message, self.primal, self._explained(), advice))
        error.found = self
        return error


def element(name: str, index: Sequence[int]) -> str:
    """
    >>> element("u", (3, 0)), element("total", ())
    ('u[3, 0]', 'total')
    """
    return f"{name}[{', '.join(map(str, index))}]" if index else name
