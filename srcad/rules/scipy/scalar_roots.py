"""Searches of `scipy.optimize` for the root of a function of a number, step by step as SciPy makes them.

What they find is a constant. Where there are several roots, it is the one that SciPy finds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES

stopped = PRIMITIVES["stop_gradient"]


def unlike(a: Any, b: Any) -> Any:
    """Whether one of two numbers is negative, and the other is not."""
    return (a < 0.0) != (b < 0.0)


# ---- between two ends --------------------------------------------------------------------------


def halved(f: Any, first: Any, last: Any, xtol: Any, rtol: Any, most: Any) -> Any:
    """By halves."""
    a = first
    at_a = stopped(f(a))
    at_last = stopped(f(last))
    x = last
    found = at_last == 0.0
    if at_a == 0.0:
        x = a
        found = True
    if not found and not unlike(at_a, at_last):
        raise ValueError("f(a) and f(b) must have different signs")
    width = last - a
    if not found:
        for _ in range(most):
            width = 0.5 * width
            x = a + width
            at_x = stopped(f(x))
            if not unlike(at_x, at_a):
                a = x
            found = at_x == 0.0 or abs(width) < xtol + rtol * abs(x)
            if found:
                break
    if not found:
        raise RuntimeError("Failed to converge: allow more iterations")
    return x


def by_ridder(f: Any, first: Any, last: Any, xtol: Any, rtol: Any, most: Any) -> Any:
    """Regula falsi on the function times an exponential: Ridders (1979)."""
    a = first
    b = last
    at_a = stopped(f(a))
    at_b = stopped(f(b))
    x = b
    found = at_b == 0.0
    if at_a == 0.0:
        x = a
        found = True
    if not found and not unlike(at_a, at_b):
        raise ValueError("f(a) and f(b) must have different signs")
    limit = xtol + rtol * min(abs(a), abs(b))
    if not found:
        for _ in range(most):
            half = 0.5 * (b - a)
            middle = a + half
            at_middle = stopped(f(middle))
            move = (half if at_b - at_a > 0.0 else -half) * at_middle / math.sqrt(at_middle * at_middle - at_a * at_b)
            length = min(abs(move), abs(half) - 0.5 * limit)
            x = middle - (length if move > 0.0 else -length)
            at_x = stopped(f(x))
            if unlike(at_x, at_middle):
                a = x
                at_a = at_x
                b = middle
                at_b = at_middle
            elif unlike(at_x, at_a):
                b = x
                at_b = at_x
            else:
                a = x
                at_a = at_x
            limit = xtol + rtol * x
            found = at_x == 0.0 or abs(b - a) < limit
            if found:
                break
    if not found:
        raise RuntimeError("Failed to converge: allow more iterations")
    return x


def by_brent(f: Any, first: Any, last: Any, xtol: Any, rtol: Any, most: Any, hyperbolic: Any) -> Any:
    """Steps by interpolation, or halves where those do not shrink: Brent (1973), and Bus and Dekker (1975).

    The newest point is `x`; `old` is the one before, and `other` is where the function has the other sign.
    """
    old = first
    x = last
    at_old = stopped(f(old))
    at_x = stopped(f(x))
    other = 0.0 * x
    at_other = 0.0 * at_x
    step = 0.0 * x
    step_before = step
    found = at_x == 0.0
    if at_old == 0.0:
        x = old
        found = True
    if not found and not unlike(at_old, at_x):
        raise ValueError("f(a) and f(b) must have different signs")
    if not found:
        for _ in range(most):
            if at_old != 0.0 and at_x != 0.0 and unlike(at_old, at_x):
                other = old
                at_other = at_old
                step = x - old
                step_before = step
            if abs(at_other) < abs(at_x):
                old = x
                x = other
                other = old
                at_old = at_x
                at_x = at_other
                at_other = at_old
            limit = (xtol + rtol * abs(x)) / 2.0
            half = (other - x) / 2.0
            found = at_x == 0.0 or abs(half) < limit
            if found:
                break
            bold = half
            accepted = False
            if abs(step_before) > limit and abs(at_x) < abs(at_old):
                if old == other:
                    bold = -at_x * (x - old) / (at_x - at_old)
                else:
                    slope = (at_old - at_x) / (old - x)
                    slope_other = (at_other - at_x) / (other - x)
                    if hyperbolic:
                        bold = -at_x * (at_other - at_old) / (at_other * slope - at_old * slope_other)
                    else:
                        rise = at_other * slope_other - at_old * slope
                        bold = -at_x * rise / (slope_other * slope * (at_other - at_old))
                accepted = 2.0 * abs(bold) < min(abs(step_before), 3.0 * abs(half) - limit)
            step_before = step if accepted else half
            step = bold if accepted else half
            old = x
            at_old = at_x
            if abs(step) > limit:
                x = x + step
            else:
                x = x + (limit if half > 0.0 else -limit)
            at_x = stopped(f(x))
    if not found:
        raise RuntimeError("Failed to converge: allow more iterations")
    return x


# ---- from a point ------------------------------------------------------------------------------


def is_near(x: Any, before: Any, tol: Any, rtol: Any) -> Any:
    return abs(x - before) <= tol + rtol * abs(before)


def by_secants(f: Any, first: Any, second: Any, tol: Any, rtol: Any, most: Any) -> Any:
    """Where the line through the last two points is zero."""
    before = first
    x = second
    at_before = stopped(f(before))
    at_x = stopped(f(x))
    if abs(at_x) < abs(at_before):
        before, x = x, before
        at_before, at_x = at_x, at_before
    found = False
    for _ in range(most):
        if at_x == at_before:
            if x != before:
                raise RuntimeError("Failed to converge: two points have the same value")
            found = True
            break
        if abs(at_x) > abs(at_before):
            ratio = at_before / at_x
            new = (-ratio * x + before) / (1.0 - ratio)
        else:
            ratio = at_x / at_before
            new = (-ratio * before + x) / (1.0 - ratio)
        found = is_near(new, x, tol, rtol)
        before = x
        at_before = at_x
        x = new
        if found:
            break
        at_x = stopped(f(x))
    if not found:
        raise RuntimeError("Failed to converge: allow more iterations")
    return x


def by_slopes(f: Any, slope: Any, curvature: Any, start: Any, tol: Any, rtol: Any, most: Any) -> Any:
    """Newton's steps; with a curvature, Halley's."""
    x = start
    found = False
    for _ in range(most):
        at_x = stopped(f(x))
        found = at_x == 0.0
        if found:
            break
        slope_there = stopped(slope(x))
        if slope_there == 0.0:
            raise RuntimeError("Derivative was zero")
        step = at_x / slope_there
        if curvature is not None:
            bend = step * stopped(curvature(x)) / slope_there / 2.0
            if abs(bend) < 1.0:
                step = step / (1.0 - bend)
        new = x - step
        found = is_near(new, x, tol, rtol)
        x = new
        if found:
            break
    if not found:
        raise RuntimeError("Failed to converge: allow more iterations")
    return x


def forward_difference(f: Any) -> Any:
    """The slope of a function of a number, as SciPy approximates it."""

    def slope(x: Any) -> Any:
        width = max(1.0, abs(x)) * 2.0**-26
        there = x + (width if x >= 0.0 else -width)
        return (stopped(f(there)) - stopped(f(x))) / (there - x)

    return slope


def by_repetition(f: Any, start: Any, xtol: Any, most: Any, accelerates: Any) -> Any:
    """Where a function gives what it is given, by numbers or vectors. Aitken's extrapolation of three points."""
    x = start
    found = False
    for _ in range(most):
        new = stopped(f(x))
        if accelerates:
            after = stopped(f(new))
            bend = after - 2.0 * new + x
            new = np.where(bend != 0.0, x - (new - x) ** 2 / np.where(bend != 0.0, bend, 1.0), after)
        change = np.where(x != 0.0, (new - x) / np.where(x != 0.0, x, 1.0), new)
        found = np.max(np.abs(change)) < xtol
        x = new
        if found:
            break
    if not found:
        raise RuntimeError("Failed to converge: allow more iterations")
    return x
