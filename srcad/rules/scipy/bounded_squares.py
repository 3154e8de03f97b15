"""Least squares between bounds, as `scipy.optimize.least_squares` has them by `trf`. All of it is constant.

Branch, Coleman and Li (1999): steps inside a ball, in unknowns that are scaled by their distances from the bounds; a
step that would cross one is reflected.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.scipy.box_search import moved_inward
from srcad.rules.scipy.powell_hybrid import length_of
from srcad.rules.scipy.quasi_newton import EPS
from srcad.rules.scipy.trust_region import rated, step_in_ball

stopped = PRIMITIVES["stop_gradient"]


def relative_inward_jacobian(f: Any, low: Any, high: Any) -> Any:
    """The derivative, as SciPy approximates it where none is given, by points between the bounds."""

    def jacobian(x: Any) -> Any:
        r = stopped(f(x))
        slopes = np.zeros((len(r), len(x)))
        for k in range(len(x)):
            there = moved_inward(x, k, max(1.0, abs(x[k])) * (EPS if x[k] >= 0.0 else -EPS), low, high)
            slopes[:, k] = (stopped(f(there)) - r) / (there[k] - x[k])
        return slopes

    return jacobian


def inside_of(x: Any, low: Any, high: Any) -> Any:
    """The nearest point that is at no bound."""
    if np.any(x < low) or np.any(x > high):
        raise ValueError("`x0` is infeasible.")
    near_low = 1e-10 * np.maximum(1.0, np.abs(low))
    near_high = 1e-10 * np.maximum(1.0, np.abs(high))
    at_low = (low > -np.inf) & (x - low <= np.minimum(high - x, near_low))
    at_high = (high < np.inf) & (high - x <= np.minimum(x - low, near_high))
    there = np.where(at_high, high - near_high, np.where(at_low, low + near_low, x))
    outside = (there < low) | (there > high)
    return np.where(outside, 0.5 * (np.where(outside, low, 0.0) + np.where(outside, high, 0.0)), there)


def least_between(
    f: Any, jacobian: Any, start: Any, low: Any, high: Any, ftol: Any, xtol: Any, gtol: Any, most: Any
) -> Any:
    """Where the sum of squares is least, and whether that was found."""
    if np.any(low >= high):
        raise ValueError("Each lower bound must be strictly less than each upper bound.")
    x = inside_of(start, low, high)
    n = len(x)
    r = stopped(f(x))
    cost = 0.5 * (r @ r)
    slopes = jacobian(x)
    distance, _ = scaling(x, slopes.T @ r, low, high)
    radius = length_of(x / np.sqrt(distance))
    if radius == 0.0:
        radius = 1.0
    damping = 0.0 * radius
    calls = 1
    found = False
    limit = 100 * n if most is None else most
    while not found and calls < limit:
        g = slopes.T @ r
        distance, towards = scaling(x, g, low, high)
        steepness = np.max(np.abs(g * distance))
        found = steepness < gtol
        if found:
            break
        scale = np.sqrt(distance)
        bend = g * towards
        scaled = slopes * scale
        left, values, right = np.linalg.svd(np.concatenate((scaled, np.diag(np.sqrt(bend)))), full_matrices=False)
        turned = left.T @ np.append(r, np.zeros(n))
        back = max(0.995, 1.0 - steepness)
        actual = -1.0
        r_there = r
        there = x
        cost_there = cost
        while actual <= 0.0 and calls < limit and not found:
            step, damping = step_in_ball(turned, values, right, radius, damping, len(r))
            step, predicted = reflected(x, scaled, bend, scale * g, step, scale, radius, low, high, back)
            there = x + scale * step
            # next to a bound, where rounding has led to it
            there = np.where(
                there <= low, np.nextafter(low, high), np.where(there >= high, np.nextafter(high, low), there)
            )
            r_there = stopped(f(there))
            calls = calls + 1
            length = length_of(step)
            if np.all(np.isfinite(r_there)):
                cost_there = 0.5 * (r_there @ r_there)
                actual = cost - cost_there
                ratio, radius_new = rated(actual, predicted, length, radius)
                way = length_of(scale * step)
                found = (actual < ftol * cost and ratio > 0.25) or way < xtol * (xtol + length_of(x))
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


def scaling(x: Any, g: Any, low: Any, high: Any) -> Any:
    """The distances from the bounds that a step downhill leads to, 1 where there is none, and their derivatives."""
    to_high = (g < 0.0) & (high < np.inf)
    to_low = (g > 0.0) & (low > -np.inf)
    distance = np.where(to_high, high - x, np.where(to_low, x - low, 1.0))
    return distance, np.where(to_high, -1.0, np.where(to_low, 1.0, 0.0))


def reach(x: Any, step: Any, low: Any, high: Any) -> Any:
    """How often the step fits in before a bound is met, for each unknown."""
    moves = np.where(step == 0.0, 1.0, step)
    return np.where(step == 0.0, np.inf, np.maximum((low - x) / moves, (high - x) / moves))


def reflected(
    x: Any, slopes: Any, bend: Any, g: Any, step: Any, scale: Any, radius: Any, low: Any, high: Any, back: Any
) -> Any:
    """The best of the step up to a bound, of that with its reflection, and of the gradient; how far the cost falls."""

    def model(s: Any) -> Any:
        image = slopes @ s
        return 0.5 * (image @ image + s @ (bend * s)) + g @ s

    there = x + scale * step
    if np.all((there >= low) & (there <= high)):
        return step, -model(step)
    reaches = reach(x, scale * step, low, high)
    share = np.min(reaches)
    turned = np.where(reaches == share, -step, step)
    at_bound = share * step
    # along the reflection, up to the ball or another bound
    square = turned @ turned
    along = at_bound @ turned
    outside = at_bound @ at_bound - radius * radius
    root = np.sqrt(max(0.0, along * along - square * outside))
    q = -(along + (root if along >= 0.0 else -root))
    to_ball = max(q / square, outside / q) if q != 0.0 else 0.0
    to_bound = np.min(reach(x + scale * at_bound, scale * turned, low, high))
    most = min(to_bound, to_ball)
    value_turned = np.inf
    if most > 0.0:
        least = (1.0 - back) * share / most
        most = back * to_bound if most == to_bound else to_ball
        if least <= most:
            image = slopes @ turned
            second = 0.5 * (image @ image + turned @ (bend * turned))
            first = g @ turned + (slopes @ at_bound) @ image + at_bound @ (bend * turned)
            turned = at_bound + lowest_of_parabola(second, first, least, most) * turned
            value_turned = model(turned)
    step = back * at_bound
    value = model(step)
    # against the gradient
    downhill = -g
    to_ball = radius / length_of(g)
    to_bound = np.min(reach(x, scale * downhill, low, high))
    image = slopes @ downhill
    second = 0.5 * (image @ image + downhill @ (bend * downhill))
    downhill = downhill * lowest_of_parabola(
        second, g @ downhill, 0.0, back * to_bound if to_bound < to_ball else to_ball
    )
    value_downhill = model(downhill)
    if value < value_turned and value < value_downhill:
        return step, -value
    if value_turned < value and value_turned < value_downhill:
        return turned, -value_turned
    return downhill, -value_downhill


def lowest_of_parabola(second: Any, first: Any, least: Any, most: Any) -> Any:
    """Where second * t**2 + first * t is least, between two ends."""
    at_least = least * (second * least + first)
    at_most = most * (second * most + first)
    best = least if at_least <= at_most else most
    lowest = -0.5 * first / second if second != 0.0 else least
    inside = least < lowest and lowest < most
    return lowest if inside and lowest * (second * lowest + first) < min(at_least, at_most) else best
