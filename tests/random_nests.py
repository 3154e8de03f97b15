"""Random loop nests in place: what has to be saved there hangs on which index meets which, and when.

The programs are analytic, so that the derivative by a complex step is exact to the last digits (Squire and Trapp,
"Using complex variables to estimate derivatives of real functions", 1998): `f` runs on complex arrays as it stands.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from tests.random_programs import load

SIZE = 9
"""Of the arrays; counters run from 2 to 6, so that shifts by up to 2 stay inside."""

_RANGES = (
    "range(2, 7)",
    "range(2, 6)",
    "range(6, 1, -1)",
    "range(3, 7, 2)",
    "range(m, 7)",
    "range(2, n - 2)",
    "range(n - 3, 1, -1)",
)
_INNER = ("range(2, {0})", "range({0}, 7)", "range({0} + 1, 7)", "range({0} - 1, 1, -1)", "range({0}, 1, -1)")
_ARRAYS = ("a", "b", "t")


class _Writer:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.counters: list[str] = []

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, options: Any) -> Any:
        return self.random.choice(list(options))

    def emit(self, text: str) -> None:
        self.lines.append("    " * (len(self.counters) + 1) + text)

    def index(self) -> str:
        if not self.counters or self.chance(0.1):
            return self.pick(("0", "2", "4", "n - 1", "-1", "m"))
        one = self.pick(self.counters)
        if self.chance(0.12):
            return f"n - 1 - {one}"
        if self.chance(0.1):
            return f"{one} - 4"  # may count from the end
        shift = self.pick((0, 0, 0, 0, -1, 1, -2, 2))
        return one if not shift else f"{one} {'+' if shift > 0 else '-'} {abs(shift)}"

    def element(self) -> str:
        if self.chance(0.2):
            return f"c[{self.index()}, {self.index()}]"
        return f"{self.pick(_ARRAYS)}[{self.index()}]"

    def value(self) -> str:
        x, y = self.element(), self.pick((self.element(), "s", "w"))
        return self.pick(
            (f"np.sin({x} + {y})", f"0.5 * {x} * {y}", f"{x} - 0.3 * {y}", f"np.cos({x}) * {y}", x, f"0.4 * {x} + w")
        )

    def statement(self) -> None:
        kind = self.random.random()
        if kind < 0.45:
            target = self.element()
            self.emit(f"{target} {self.pick(('=', '=', '+=', '-=', '*='))} {self.value()}")
        elif kind < 0.6:
            self.emit(f"s {self.pick(('+=', '+=', '-='))} {self.value()}")
        elif kind < 0.68:
            self.emit(f"v = {self.value()}")
            self.emit(f"{self.element()} = v")
            self.emit(f"s += v * {self.element()}")
        elif kind < 0.74:
            self.emit("p += 1")
            self.emit(f"s += np.sin(a[p % {SIZE}]) * {self.element()}")
        elif kind < 0.82:
            self.emit(f"for z in range({self.pick(('n', 'n', '7', 'm'))}):")
            self.emit(f"    t[z] = {self.pick(('a[z] * w', 'np.sin(b[z])', 'a[z] * a[z] + s', '0.3 * t[z] + b[z]'))}")
        elif len(self.counters) < 3:
            self.loop()
        else:
            self.emit(f"{self.element()} = {self.value()}")

    def loop(self) -> None:
        counter = "ijk"[len(self.counters)]
        bounds = self.pick(_RANGES)
        if self.counters and self.chance(0.6):
            bounds = self.pick(_INNER).format(self.pick(self.counters))
        self.emit(f"for {counter} in {bounds}:")
        self.counters.append(counter)
        for _ in range(self.random.randint(1, 3)):
            self.statement()
        self.counters.pop()

    def program(self) -> str:
        self.lines = ["def program(a0, b0, c0, w, n, m):"]
        for name in "abc":
            self.emit(f"{name} = {name}0 * 1.0")
        self.emit(f"t = np.{self.pick(('zeros_like(a0)', 'ones_like(a0)'))}")
        self.emit("s = w * 0.5")
        self.emit("p = 0")
        for _ in range(self.random.randint(1, 3)):
            self.loop()
        ends = ("s", "s + np.sum(a)", "s * s + np.sum(a * b)", "s + np.sum(c * c) + t[3]", "2.0 * s + b[4] * a[5]")
        self.emit(f"return {self.pick(ends)}")
        return "import numpy as np\n\n\n" + "\n".join(self.lines) + "\n"


def nest(seed: int, folder: Path) -> tuple[Any, str]:
    """(the function, its text)"""
    text = _Writer(seed).program()
    return load(text, folder).program, text


def arguments() -> tuple[Any, ...]:
    rng = np.random.default_rng(7)
    return (*(rng.uniform(0.2, 0.9, size) for size in (SIZE, SIZE, (SIZE, SIZE))), 0.7, SIZE, 3)


def by_complex_step(f: Any, args: tuple[Any, ...], count: int, step: float = 1e-30) -> list[Any]:
    """The gradient by the first `count` arguments, exact to rounding."""
    found = []
    args = (*(np.asarray(a, dtype=complex) for a in args[:count]), *args[count:])
    for k in range(count):
        one = args[k]
        gradient = np.zeros(one.shape)
        for place in np.ndindex(one.shape):
            moved = one.copy()
            moved[place] += step * 1j
            changed: Any = moved if one.shape else moved[()]
            gradient[place] = np.imag(f(*args[:k], changed, *args[k + 1 :])) / step
        found.append(gradient)
    return found
