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
_WHOLE = (
    "r = np.zeros_like(a0)",
    "r = a * w",
    "r = np.sin(t)",
    "r = b.copy()",
    "r = r * 0.5 + a",
    "t = t * w + r",
    "t = a.copy()",
    "a[2:7] = 0.5 * b[1:6] + r[4:]",
    "b[1:] += 0.2 * t[:-1]",
    "t[:] = r * a",
    "r[::2] *= w",
    "a = b * 1.0",
    "c[2] = r * w",
    "r = c[4] * 1.0",
    "s += np.sum(r * b)",
    "s += 0.1 * (c[m] @ r)",
    "a = a / (2.0 + r * r)",
)
_TESTS = ("{0} % 2 == 0", "{0} > m", "p < 3", "{0} == 4")


class _Writer:
    """Writes one program. A `rich` one also makes arrays within loops, and branches, leaves and skips turns.

    One that `keeps` also reads elements long before what is made of them is used, and adds to elements in loops.
    """

    def __init__(self, seed: int, rich: bool, keeps: bool) -> None:
        self.random = random.Random(seed)
        self.rich = rich
        self.keeps = keeps
        self.arrays = ("a", "b", "t", "r") if rich else ("a", "b", "t")
        self.lines: list[str] = []
        self.counters: list[str] = []
        self.depth = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, options: Any) -> Any:
        return self.random.choice(list(options))

    def emit(self, text: str) -> None:
        self.lines.append("    " * (len(self.counters) + self.depth + 1) + text)

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
        return f"{self.pick(self.arrays)}[{self.index()}]"

    def value(self) -> str:
        x, y = self.element(), self.pick((self.element(), "s", "w"))
        return self.pick(
            (f"np.sin({x} + {y})", f"0.5 * {x} * {y}", f"{x} - 0.3 * {y}", f"np.cos({x}) * {y}", x, f"0.4 * {x} + w")
        )

    def statement(self) -> None:
        if self.rich and self.chance(0.3):
            self.more()
            return
        if self.keeps and self.chance(0.5):
            self.accumulation() if self.chance(0.4) else self.kept()
            return
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

    def more(self) -> None:
        kind = self.random.random()
        if kind < 0.6 or not self.counters:
            self.emit(self.pick(_WHOLE))
        elif kind < 0.8:
            self.emit(f"if {self.pick(_TESTS).format(self.pick(self.counters))}:")
            self.depth += 1
            self.emit("s *= 0.9")
            self.statement()
            if self.chance(0.25):
                self.emit(self.pick(("break", "continue")))
            self.depth -= 1
            if self.chance(0.4):
                self.emit("else:")
                self.depth += 1
                self.emit("s *= 0.8")
                self.statement()
                self.depth -= 1
        elif kind < 0.9:
            self.emit("p += 1")
        elif self.depth < 2:
            self.emit(f"q{self.depth} = {self.pick((0, 1, 'p % 3'))}")
            self.emit(f"while q{self.depth} < {self.pick((2, 'm', 4))}:")
            self.depth += 1
            self.emit(f"q{self.depth - 1} += 1")
            self.statement()
            self.depth -= 1

    def kept(self) -> None:
        """A number made of elements, something stored, then the number used: perhaps with the elements read again."""
        x, y = self.element(), self.element()
        name = f"v{self.random.randint(0, 2)}"
        made = (f"{x} * {x} + {y} * {y}", f"np.sin({x} - {y}) * np.cos({x} - {y})", f"{x} * {y} + np.sin({x})", x)
        self.emit(f"{name} = {self.pick(made)}")
        for _ in range(self.random.randint(1, 2)):
            target = self.pick((x, y, self.element()))
            value = self.pick((self.value(), f"0.3 * {name}", f"np.sin({name})", "0.0"))
            self.emit(f"{target} {self.pick(('=', '+=', '-=', '*='))} {value}")
            if self.chance(0.2):
                array = x.partition("[")[0]
                self.emit(f"{array} {self.pick(('*= 0.7', '+= 0.1 * w', f'-= 0.2 * {array} * w'))}")
        self.emit(f"s += {self.pick((f'np.sin({name})', f'{name} * {name}', f'{name} * {x}', f'{name} * {y} * {x}'))}")

    def accumulation(self) -> None:
        """Terms added to one element, which may or may not meet what the terms are made of."""
        target = self.element()
        first = self.pick((None, f"{target} = 0.0", f"{target} *= w", f"{target} = {self.value()}"))
        if first is not None:
            self.emit(first)
        if self.chance(0.15):
            self.emit(self.statement_of_numbers())
        bounds = self.pick((f"range({SIZE})", "range(m)", "range(2, 7)", "range(m, 2)", f"range({SIZE - 1}, -1, -1)"))
        self.emit(f"for z in {bounds}:")
        self.depth += 1
        terms = ("c[z, 2] * b[z]", "a[z] * b[z]", f"np.sin(t[z]) * {self.element()}", "c[z, z] * w", "b[z] * b[z]")
        if self.chance(0.2):
            self.emit("if z % 2 == 0:")
            self.depth += 1
            self.emit(f"{target} += {self.pick(terms)}")
            self.depth -= 1
        else:
            self.emit(f"{target} {self.pick(('+=', '+=', '-=', '*='))} {self.pick(terms)}")
        if self.chance(0.2):
            self.emit(self.pick((f"s += {target} * w", f"{self.element()} = {target} * a[z]", "s += np.sin(a[z])")))
        self.depth -= 1
        if self.chance(0.6):
            self.emit(self.pick((f"{target} *= w", f"s += {target} * {target}", f"{target} = np.sin({target})")))

    def statement_of_numbers(self) -> str:
        return self.pick(("s *= 0.9", "s = np.sin(s)", f"s += {self.element()}"))

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
        if self.rich:
            self.emit("r = a0 * 0.5")
        self.emit("s = w * 0.5")
        self.emit("p = 0")
        for _ in range(self.random.randint(1, 3)):
            self.loop()
        ends = ("s", "s + np.sum(a)", "s * s + np.sum(a * b)", "s + np.sum(c * c) + t[3]", "2.0 * s + b[4] * a[5]")
        self.emit(f"return {self.pick(ends)}")
        return "import numpy as np\n\n\n" + "\n".join(self.lines) + "\n"


def nest(seed: int, folder: Path) -> tuple[Any, str]:
    """(the function, its text); every other one is rich, and two in four keep."""
    text = _Writer(seed, rich=seed % 2 == 1, keeps=seed % 4 >= 2).program()
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
