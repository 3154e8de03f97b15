"""Steps inside a ball for sums of squares, as `scipy.optimize.least_squares` makes them. All of it is constant.

Branch, Coleman and Li (1999), without bounds; Moré (1978).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.scipy.powell_hybrid import length_of

stopped = PRIMITIVES["stop_gradient"]

_EPS = 2.0**-52


def relative_jacobian(f: Any) -> Any:
    """The derivative, as SciPy approximates it where none is given."""

    def jacobian(x: Any) -> Any:
        r = stopped(f(x))
        slopes = np.zeros((len(r), len(x)))
        for k in range(len(x)):
            h = max(1.0, abs(x[k])) * 2.0**-26
            there = x.copy()
            there[k] = x[k] + (h if x[k] >= 0.0 else -h)
            slopes[:, k] = (stopped(f(there)) - r) / (there[k] - x[k])
        return slopes

    return jacobian


def least_by_trust_region(f: Any, jacobian: Any, start: Any, ftol: Any, xtol: Any, gtol: Any, most: Any) -> Any:
    """Where the sum of squares is least, and whether that was found."""
    x = start * 1.0
    r = stopped(f(x))
    cost = 0.5 * (r @ r)
    slopes = jacobian(x)
    radius = length_of(x)
    if radius == 0.0:
        radius = 1.0
    damping = 0.0 * radius
    calls = 1
    found = False
    limit = 100 * len(x) if most is None else most
    while not found and calls < limit:
        g = slopes.T @ r
        found = np.max(np.abs(g)) < gtol
        if found:
            break
        left, values, right = np.linalg.svd(slopes, full_matrices=False)
        turned = left.T @ r
        actual = -1.0
        r_there = r
        there = x
        cost_there = cost
        while actual <= 0.0 and calls < limit and not found:
            step, damping = step_in_ball(turned, values, right, radius, damping, len(r))
            change = slopes @ step
            predicted = -(0.5 * (change @ change) + step @ g)
            there = x + step
            r_there = stopped(f(there))
            calls = calls + 1
            length = length_of(step)
            if np.all(np.isfinite(r_there)):
                cost_there = 0.5 * (r_there @ r_there)
                actual = cost - cost_there
                ratio, radius_new = rated(actual, predicted, length, radius)
                found = (actual < ftol * cost and ratio > 0.25) or length < xtol * (xtol + length_of(x))
                if not found:
                    damping = damping * (radius / radius_new)
                    radius = radius_new
            else:
                radius = 0.25 * length
        if actual > 0.0:
            x = there
            r = r_there
            cost = cost_there
            slopes = jacobian(x)
    return x, found


def rated(actual: Any, predicted: Any, length: Any, radius: Any) -> Any:
    """How much of what a step was to gain it has gained, and the radius of the next one."""
    ratio = 0.0
    if predicted > 0.0:
        ratio = actual / predicted
    elif predicted == 0.0 and actual == 0.0:
        ratio = 1.0
    if ratio < 0.25:
        return ratio, 0.25 * length
    return ratio, 2.0 * radius if ratio > 0.75 and length > 0.95 * radius else radius


def step_in_ball(turned: Any, values: Any, right: Any, radius: Any, before: Any, count: Any) -> Any:
    """The best step that is not longer than `radius`, and its damping, of a matrix by its singular values."""
    scaled = values * turned
    regular = count >= right.shape[1] and values[-1] > _EPS * count * values[0]
    step = 0.0 * right[0]
    damping = 0.0 * radius
    inside = False
    if regular:
        step = -(right.T @ (turned / values))
        inside = length_of(step) <= radius
    if not inside:
        most = length_of(scaled) / radius
        least = 0.0 * radius
        if regular:
            excess, slope = excess_of(0.0, scaled, values, radius)
            least = -excess / slope
        damping = before
        if not regular and before == 0.0:
            damping = max(0.001 * most, (least * most) ** 0.5)
        for _ in range(10):
            if damping < least or damping > most:
                damping = max(0.001 * most, (least * most) ** 0.5)
            excess, slope = excess_of(damping, scaled, values, radius)
            if excess < 0.0:
                most = damping
            ratio = excess / slope
            least = max(least, damping - ratio)
            damping = damping - (excess + radius) * ratio / radius
            if abs(excess) < 0.01 * radius:
                break
        step = -(right.T @ (scaled / (values**2 + damping)))
        step = step * (radius / length_of(step))
    return step, damping


def excess_of(damping: Any, scaled: Any, values: Any, radius: Any) -> Any:
    """By how much the step with a damping is longer than the radius, and the derivative of that."""
    below = values**2 + damping
    length = length_of(scaled / below)
    return length - radius, -np.sum(scaled**2 / below**3) / length
