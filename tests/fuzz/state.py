"""What the writer of a program knows while it writes: the lines so far, and what every name holds at this point.

Nothing is tracked by hand. The unfinished program runs up to the place where the next statement will stand, and the
names it has there, with their values, shapes and aliases, are what that statement is made of.
"""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
INDENT = "    "
MODULE = "fuzz_written"
"""What the classes of an unfinished program say that they are of."""
LARGEST = 300.0
"""No value of a program is larger, so that differences keep their digits."""


class Here(Exception):
    """Raised by the unfinished program where its next statement will stand."""


class Refused(Exception):
    """What was written does not run, or gives numbers too large: it is taken back."""


class State:
    """Lines, names and chance. `preamble` is the text before the function, run once and again when it changes."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.preamble: list[str] = []
        self.header = ""
        self.arguments = ""
        self.lines: list[str] = []
        self.probed: list[str] = []
        """The same lines, with the conditions of open blocks replaced so that this point is reached."""
        self.depth = 1
        self.env: dict[str, Any] = {}
        self.counters: dict[str, range] = {}
        """What the counters of the loops around take on."""
        self.kept: set[str] = set()
        """Names that may not be bound anew: what keeps a `while` from running for ever."""
        self.globals: dict[str, Any] = {}

    # ---- chance -----------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, options: Sequence[T]) -> T:
        return options[self.random.randrange(len(options))]

    def first_that_works(self, options: Sequence[tuple[float, Callable[[], str | None]]]) -> str | None:
        """One of the ways to write something, by weight; another where that one has nothing to offer."""
        left = list(options)
        while left:
            total = self.random.random() * sum(weight for weight, _ in left)
            for at, (weight, _) in enumerate(left):
                total -= weight
                if total <= 0:
                    break
            made = left.pop(at)[1]()
            if made is not None:
                return made
        return None

    # ---- lines ------------------------------------------------------------------------------------

    def emit(self, line: str, probed: str | None = None) -> None:
        self.lines.append(INDENT * self.depth + line)
        self.probed.append(INDENT * self.depth + (line if probed is None else probed))

    def text(self, lines: Sequence[str]) -> str:
        return "\n".join((self.header, *lines)) + "\n"

    def begin(self) -> None:
        """Run what stands before the function, and the function as far as it goes."""
        self.globals = {"__name__": MODULE}
        exec(
            compile("\n".join(self.preamble) + "\n\n" + self.arguments, "<fuzz>", "exec", dont_inherit=True),
            self.globals,
        )
        self.globals["_here"] = _here
        self.look()

    def look(self, real: bool = False) -> None:
        """Learn what the names hold here. `Refused` where the program does not get here, or not with usable numbers."""
        lines = self.lines if real else self.probed
        at = INDENT * self.depth + "_here(locals())"
        try:
            with np.errstate(all="ignore"):
                exec(compile(self.text((*lines, at)), "<fuzz>", "exec", dont_inherit=True), self.globals)
                self.globals["program"](*self.globals["arguments"]())
        except Here as here:
            env = here.args[0]
        except Exception as fault:
            raise Refused(str(fault)) from None
        else:
            if real or self.depth == 1:
                raise Refused("returned before")
            raise Refused("not reached")
        for name, value in env.items():
            if any(not usable(leaf) for _, leaf in named_leaves(name, value)):
                raise Refused("too large")
        self.env = env

    def attempt(self, write: Callable[[], Any]) -> bool:
        """Write something and look; where that fails, all is as before. Says whether it worked."""
        before = len(self.lines), self.depth, dict(self.counters), set(self.kept), self.env
        try:
            write()
            self.look()
        except Refused:
            count, self.depth, self.counters, self.kept, self.env = before
            del self.lines[count:], self.probed[count:]
            return False
        return True

    # ---- names ------------------------------------------------------------------------------------

    def leaves(self) -> Iterator[tuple[str, Any]]:
        for name, value in self.env.items():
            if not name.startswith("_"):
                yield from named_leaves(name, value)

    def floats(self) -> list[str]:
        return [at for at, v in self.leaves() if isinstance(v, float | np.floating)]

    def ints(self) -> list[tuple[str, int]]:
        return [(at, int(v)) for at, v in self.leaves() if isinstance(v, int | np.integer) and not isinstance(v, bool)]

    def bools(self) -> list[str]:
        return [at for at, v in self.leaves() if isinstance(v, bool | np.bool_)]

    def arrays(self, kind: str = "f") -> list[tuple[str, Any]]:
        return [(at, v) for at, v in self.leaves() if isinstance(v, np.ndarray) and v.dtype.kind in kind]

    def bindable(self, fits: Callable[[Any], bool]) -> list[str]:
        """Local names whose value is of a kind, and that may be bound anew."""
        taken = self.kept | set(self.counters)
        return [name for name, value in self.env.items() if name not in taken and fits(value)]


def _here(env: dict[str, Any]) -> None:
    raise Here(dict(env))


def usable(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind not in "fi" or not leaf.size or bool(np.max(np.abs(leaf)) < LARGEST)
    return not isinstance(leaf, int | float | np.number) or bool(abs(leaf) < LARGEST)


def named_leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The numbers and arrays in a value, each as one would write it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from named_leaves(f"{name}[{key!r}]", item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from named_leaves(f"{name}.{field.name}", getattr(value, field.name))
    elif type(value).__module__ == MODULE:
        for key, item in vars(value).items():
            yield from named_leaves(f"{name}.{key}", item)
    elif isinstance(value, tuple | list):
        for at, item in enumerate(value):
            yield from named_leaves(f"{name}[{at}]", item)
    elif isinstance(value, int | float | np.ndarray | np.generic):
        yield name, value


__all__ = ["INDENT", "Here", "Refused", "State", "copy", "named_leaves", "usable"]
