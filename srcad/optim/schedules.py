"""Schedules: the step as a function of the number of updates before, from 0 on. Any such function is one.

Those here are frozen dataclasses, so that they can be compared, printed and pickled with the optimiser.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, isfinite, nan, pi

from srcad.errors import fail
from srcad.optim.numbers import check_count, check_number

Step = float | Callable[[int], float]


def step_at(step: Step, count: int) -> float:
    """The step after `count` updates. Raises S310 where a schedule gives no finite number.

    >>> step_at(0.1, 3), step_at(lambda count: 1.0 / (1 + count), 3)
    (0.1, 0.25)
    """
    if not callable(step):
        return step
    found = step(count)
    try:
        number = float(found)
    except (TypeError, ValueError):
        number = nan
    if not isfinite(number):
        fail("S310", f"the schedule gives the step {found!r} after {count} updates", None, "A step is a finite number.")
    return number


def check_step(name: str, step: Step) -> None:
    """S310 for a step that is neither a schedule nor a number from 0 on."""
    if not callable(step):
        check_number(name, step, 0.0, inf)


@dataclass(frozen=True)
class constant:
    """The same step at all times.

    >>> constant(0.1)(1000)
    0.1
    """

    step: float

    def __post_init__(self) -> None:
        check_number("step", self.step, 0.0, inf)

    def __call__(self, count: int) -> float:
        return self.step


@dataclass(frozen=True)
class exponential_decay:
    """`first * factor ** (count / every)`: multiplied by `factor` in each `every` updates, a little in each.

    >>> decay = exponential_decay(0.1, factor=0.5, every=100)
    >>> decay(0), decay(100), decay(200)
    (0.1, 0.05, 0.025)
    """

    first: float
    factor: float
    every: int = 1

    def __post_init__(self) -> None:
        check_number("first", self.first, 0.0, inf)
        check_number("factor", self.factor, 0.0, inf)
        check_count("every", self.every, 1)

    def __call__(self, count: int) -> float:
        return float(self.first * self.factor ** (count / self.every))


@dataclass(frozen=True)
class cosine:
    """From `first` to `last` in `updates` updates along half a period of the cosine; then `last`.

    Loshchilov and Hutter (2017), "SGDR: stochastic gradient descent with warm restarts", equation 5, for one period.

    >>> decay = cosine(0.1, updates=100)
    >>> decay(0), round(decay(50), 12), decay(100), decay(200)
    (0.1, 0.05, 0.0, 0.0)
    """

    first: float
    updates: int
    last: float = 0.0

    def __post_init__(self) -> None:
        check_number("first", self.first, 0.0, inf)
        check_count("updates", self.updates, 1)
        check_number("last", self.last, 0.0, inf)

    def __call__(self, count: int) -> float:
        done = min(count / self.updates, 1.0)
        return self.last + 0.5 * (self.first - self.last) * (1.0 + cos(pi * done))


@dataclass(frozen=True)
class warm_up:
    """In the first `updates` updates, evenly growing to the first step of `then`, which follows: a step or a schedule.

    >>> steps = warm_up(4, then=exponential_decay(0.8, 0.5))
    >>> [round(steps(count), 12) for count in range(6)]
    [0.2, 0.4, 0.6, 0.8, 0.8, 0.4]
    """

    updates: int
    then: Step

    def __post_init__(self) -> None:
        check_count("updates", self.updates, 0)
        check_step("then", self.then)

    def __call__(self, count: int) -> float:
        if count < self.updates:
            return step_at(self.then, 0) * ((count + 1) / self.updates)
        return step_at(self.then, count - self.updates)


@dataclass(frozen=True)
class piecewise:
    """`steps[k]` from update `starts[k - 1]` on, `steps[0]` before: one step more than there are starts.

    >>> steps = piecewise((0.1, 0.01, 0.001), starts=(1000, 2000))
    >>> steps(999), steps(1000), steps(5000)
    (0.1, 0.01, 0.001)
    """

    steps: tuple[float, ...]
    starts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.starts) + 1:
            fail("S310", f"{len(self.steps)} steps and {len(self.starts)} starts", advice="give one step more.")
        for step in self.steps:
            check_number("a step", step, 0.0, inf)
        for start, before in zip(self.starts, (0, *self.starts), strict=False):
            check_count("a start", start, before)

    def __call__(self, count: int) -> float:
        return self.steps[bisect_right(self.starts, count)]
