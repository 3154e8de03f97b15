"""A line search for the strong Wolfe conditions.

Nocedal and Wright (2006), "Numerical optimization", algorithms 3.5 (`strong_wolfe`) and 3.6 (`_zoom`), with steps from
cubic interpolation, their equation 3.59, kept away from the ends of the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Point:
    """A point of the line: the step to it, the value there, and the derivative of the value by the step."""

    step: float
    value: float
    slope: float
    x: np.ndarray[Any, Any]
    gradient: np.ndarray[Any, Any]


@dataclass(frozen=True)
class Search:
    """A search along the line `at` from `start`, where the slope is negative, with so many evaluations at most.

    The value has to fall by `decrease` of what the slope at the start promises, and the slope to become flatter than
    `curvature` times that.
    """

    at: Callable[[float], Point]
    start: Point
    decrease: float
    curvature: float
    evaluations: int

    def found(self, first: float) -> Point | None:
        """A point that fulfils the conditions, from the step `first` on.

        Where the evaluations do not suffice, the lowest point with a sufficient decrease; None if there is none.
        """
        before, step = self.start, first
        for count in range(1, self.evaluations + 1):
            now = self.at(step)
            if self._is_high(now, before if count > 1 else None):
                return self._zoom(before, now, self.evaluations - count)
            if self._is_flat(now):
                return now
            if now.slope >= 0.0:
                return self._zoom(now, before, self.evaluations - count)
            guess = _cubic_minimum(before, now)
            before, step = now, min(max(guess, 2.0 * step), 10.0 * step) if isfinite(guess) else 2.0 * step
        return self._lower(before)

    def _zoom(self, low: Point, high: Point, evaluations: int) -> Point | None:
        """A point between `low`, the lowest with a sufficient decrease, and `high`, with a minimum between them."""
        for _ in range(evaluations):
            width = high.step - low.step
            share = (_cubic_minimum(low, high) - low.step) / width if width else 0.5
            step = low.step + width * (min(max(share, 0.1), 0.9) if isfinite(share) else 0.5)
            if step in (low.step, high.step):
                break
            now = self.at(step)
            if self._is_high(now, low):
                high = now
                continue
            if self._is_flat(now):
                return now
            if now.slope * width >= 0.0:
                high = low
            low = now
        return self._lower(low)

    def _is_high(self, now: Point, other: Point | None) -> bool:
        """Whether the decrease is not sufficient, the value above that of another point, or not finite.

        Where two values are the same to the last digit, slopes tell more: they are compared then, as of a lower point.
        """
        wanted = self.start.value + self.decrease * now.step * self.start.slope
        return not now.value <= wanted or not isfinite(now.slope) or (other is not None and now.value > other.value)

    def _is_flat(self, now: Point) -> bool:
        return abs(now.slope) <= -self.curvature * self.start.slope

    def _lower(self, point: Point) -> Point | None:
        return point if point.value < self.start.value else None


def _cubic_minimum(a: Point, b: Point) -> float:
    """The step to the minimum of the cubic polynomial with these values and slopes; NaN if there is none.

    >>> parabola = lambda step: Point(step, (step - 3.0) ** 2, 2.0 * (step - 3.0), np.empty(0), np.empty(0))
    >>> _cubic_minimum(parabola(1.0), parabola(2.0))
    3.0
    """
    if a.step == b.step or not (isfinite(b.value) and isfinite(b.slope)):
        return float("nan")
    one = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step)
    square = one * one - a.slope * b.slope
    if not 0.0 <= square < float("inf"):
        return float("nan")
    two = sqrt(square) if b.step > a.step else -sqrt(square)
    below = b.slope - a.slope + 2.0 * two
    return b.step - (b.step - a.step) * (b.slope + two - one) / below if below else float("nan")
