"""Searches for minima, of which `scipy.optimize`'s functions are made. All that is computed here is constant."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.options import Options
from srcad.request import Differentiation
from srcad.rules.primitives import PRIMITIVES

stopped = PRIMITIVES["stop_gradient"]
# `slope_of(f, x)` is the gradient at x, which the compiler makes
slope_of: Any = Differentiation("grad", 0, False, Options())
derivative_of: Any = Differentiation("jacobian", 0, False, Options())


def lowest_point(objective: Any, start: Any) -> Any:
    """Where the slope is small: quasi-Newton steps, each shortened until it leads down. Nocedal and Wright, 6.1."""
    x = start * 1.0
    n = len(x)
    inverse = np.eye(n)
    value = stopped(objective(x))
    slope = stopped(slope_of(objective, x))
    fresh = True
    found = False
    for _ in range(200 * (n + 1)):
        found = np.max(np.abs(slope)) <= 1e-7 * (1.0 + abs(value))
        if found:
            break
        step = -(inverse @ slope)
        if not step @ slope < 0.0:
            inverse = np.eye(n)
            step = -slope
            fresh = True
        length = min(1.0, 1.0 / np.sqrt(slope @ slope)) if fresh else 1.0
        new = value
        accepted = False
        for _ in range(60):
            new = stopped(objective(x + length * step))
            accepted = new <= value + 1e-4 * length * (slope @ step)
            if accepted:
                break
            length = 0.5 * length
        if not accepted:
            # nothing lower is near: rounding is all that is left, or the slope is not that of the values
            found = np.max(np.abs(slope)) <= 1e-4 * (1.0 + abs(value))
            break
        move = length * step
        x = x + move
        slope_there = stopped(slope_of(objective, x))
        change = slope_there - slope
        along = move @ change
        if along > 1e-14 * np.sqrt((move @ move) * (change @ change)):
            if fresh:
                inverse = inverse * (along / (change @ change))
            image = inverse @ change
            inverse = (
                inverse
                + (
                    (1.0 + change @ image / along) * np.outer(move, move)
                    - np.outer(image, move)
                    - np.outer(move, image)
                )
                / along
            )
            fresh = False
        value = new
        slope = slope_there
    if not found:
        raise ValueError("minimize: no minimum found; start nearer to it")
    return x


def least_residuals(residual: Any, start: Any) -> Any:
    """Levenberg's and Marquardt's steps, until they are short. Moré (1978)."""
    x = start * 1.0
    r = stopped(residual(x))
    cost = r @ r
    slopes = stopped(derivative_of(residual, x))
    damping = 1e-3
    found = False
    for _ in range(1000):
        curvature = slopes.T @ slopes
        scale = np.diag(curvature)
        scale = np.where(scale > 0.0, scale, 1.0)
        step = -np.linalg.solve(curvature + damping * np.diag(scale), slopes.T @ r)
        there = stopped(residual(x + step))
        cost_there = there @ there
        short = np.max(np.abs(step) / (np.abs(x) + 1e-3)) <= 1e-9
        if cost_there <= cost:
            x = x + step
            r = there
            cost = cost_there
            slopes = stopped(derivative_of(residual, x))
            damping = max(0.2 * damping, 1e-15)
        else:
            damping = 4.0 * damping
        found = short and damping < 1e6
        if short:
            break
    if not found:
        raise ValueError("least_squares: no minimum found; start nearer to it")
    return x


def lowest_between(objective: Any, low: Any, high: Any, widens: Any) -> Any:
    """By golden sections. Where the interval `widens`, it is moved downhill until there is a minimum in it."""
    ratio = 0.5 * (math.sqrt(5.0) - 1.0)
    a = low
    d = high
    if widens:
        at_a = stopped(objective(a))
        at_d = stopped(objective(d))
        if at_d > at_a:
            a, d = d, a
            at_a, at_d = at_d, at_a
        # a, then d, which is not higher, then a point beyond that is higher
        beyond = d + (d - a) / ratio
        at_beyond = stopped(objective(beyond))
        for _ in range(100):
            if at_beyond > at_d:
                break
            a = d
            d = beyond
            at_d = at_beyond
            beyond = d + (d - a) / ratio
            at_beyond = stopped(objective(beyond))
        d = beyond
    first = a
    last = d
    b = d - ratio * (d - a)
    c = a + ratio * (d - a)
    at_b = stopped(objective(b))
    at_c = stopped(objective(c))
    for _ in range(60):
        if at_b < at_c:
            d = c
            c = b
            at_c = at_b
            b = d - ratio * (d - a)
            at_b = stopped(objective(b))
        else:
            a = b
            b = c
            at_b = at_c
            c = a + ratio * (d - a)
            at_c = stopped(objective(c))
    x = 0.5 * (a + d)
    if min(abs(x - first), abs(x - last)) <= 1e-7 * abs(last - first):
        raise ValueError("minimize_scalar: the minimum is at an end of the interval, where it has no derivative")
    return x
