"""Classes whose objects a program makes, calls and writes into, with how each is made and used.

In `{}` stand the slots that `tests.fuzz.slots` fills; `{o}` is the object.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Class:
    text: str
    made: tuple[str, ...]
    statements: tuple[str, ...]
    floats: tuple[str, ...]
    arrays: tuple[str, ...] = ()


CLASSES: dict[str, Class] = {
    "Total": Class(
        """
class Total:
    def __init__(self, start=0.0):
        self.value = start
        self.count = 0

    def add(self, x, weight=1.0):
        self.value += weight * np.tanh(x)
        self.count += 1
        return self.value

    @property
    def mean(self):
        return self.value / max(self.count, 1)
""",
        ("Total({f})", "Total()", "Total(start={f})"),
        ("{o}.add({f})", "{o}.value *= 0.5", "{o}.add({f}, weight={f})", "{o}.value = {f}", "{o}.count += 1"),
        ("{o}.mean", "{o}.value", "{o}.add({f})", "{o}.mean * {o}.count"),
    ),
    "Layer": Class(
        """
class Layer:
    gain = 0.7

    def __init__(self, w, b):
        self.w, self.b = w, b
        self.seen = 0

    def __call__(self, x):
        self.seen += 1
        return np.tanh(self.gain * self.w * x + self.b)

    def shrink(self, by):
        self.w *= by
        return self

    def renewed(self, w):
        self.w = w.copy()
        self.b = self.b * 0.5
""",
        ("Layer({v}, {f})", "Layer({v}.copy(), {f})", "Layer({a}, 0.1)"),
        (
            "{o}.shrink({f})",
            "{o}.shrink(0.5).shrink({f})",
            "{o}.renewed({v})",
            "{o}.w[0] = {f}",
            "{o}.b += {f}",
            "{o}.gain = 0.3",
            "{o}.w = {o}(0.3)",
        ),
        ("np.sum({o}({f}))", "{o}.b", "np.mean({o}({f}) * {o}.seen)"),
        ("{o}({f})", "{o}.w", "{o}({o}.w)"),
    ),
    "Point": Class(
        """
@dataclass
class Point:
    x: float
    y: float = 0.5

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return Point(self.x * factor, self.y * factor)

    __rmul__ = __mul__

    def __neg__(self):
        return Point(-self.x, -self.y)

    def norm(self):
        return np.sqrt(self.x * self.x + self.y * self.y + 0.1)

    def turn(self):
        self.x, self.y = -self.y, self.x

    @staticmethod
    def unit(angle):
        return Point(np.cos(angle), np.sin(angle))

    @classmethod
    def of(cls, v):
        return cls(v[0], v[-1])
""",
        ("Point({f}, {f})", "Point({f})", "Point.unit({f})", "Point.of({v})", "Point({f}) + 0.5 * Point.unit({f})"),
        ("{o}.turn()", "{o}.x = {f}", "{o}.y *= {f}", "{o} = {o} * {f}", "{o} += Point({f})", "{o} = -{o}"),
        ("{o}.norm()", "{o}.x", "({o} + Point({f})).norm()", "(2.0 * {o}).y"),
    ),
    "Decay": Class(
        """
class Rate:
    def __init__(self, k):
        self.k = k
        self.past = [k]

    def step(self, y):
        y = self.rate(y)
        self.past.append(y)
        return y

    def rate(self, y):
        return y * 0.5


class Decay(Rate):
    def __init__(self, k, top=0.8):
        super().__init__(k)
        self.top = top

    def rate(self, y):
        slow = super().rate(y)
        return np.tanh(slow * self.k) if self.k > 0.1 else slow * self.top
""",
        ("Decay({f})", "Decay({f}, top={f})", "Rate({f})"),
        ("{o}.step({f})", "{o}.k = {o}.step({f})", "{o}.k *= 0.9", "{o}.past.append({f})"),
        ("{o}.step({f})", "{o}.past[-1]", "sum({o}.past)", "{o}.rate({f}) * {o}.k", "len({o}.past) * {o}.k"),
    ),
    "Table": Class(
        """
class Table:
    def __init__(self, rows):
        self.rows = rows

    def __getitem__(self, i):
        return self.rows[i] * 0.5

    def __setitem__(self, i, value):
        self.rows[i] = np.sin(value)

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    @property
    def total(self):
        s = 0.0
        for i in range(len(self)):
            s += np.sum(self[i])
        return s

    @total.setter
    def total(self, value):
        self.rows *= 0.5
        self.rows += value / self.rows.size
""",
        ("Table({v}.copy())", "Table({v})", "Table({m})"),
        ("{o}[0] = {f}", "{o}[-1] += {f}", "{o}.total = {f}", "{o}.rows[0] *= {f}"),
        ("np.sum({o}[0])", "{o}.total", "len({o}) * np.sum({o}[-1])"),
    ),
}


def classes(random: random.Random) -> dict[str, Class]:
    """Some of them, by name."""
    return {name: CLASSES[name] for name in random.sample(list(CLASSES), random.choice((0, 1, 2)))}
