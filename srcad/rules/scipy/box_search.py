"""L-BFGS-B, as `scipy.optimize.minimize` has it with bounds. All of it is constant.

Byrd, Lu, Nocedal and Zhu (1995), with the projection of Morales and Nocedal (2011).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.scipy.line_search import wolfe_step
from srcad.rules.scipy.quasi_newton import EPS

stopped = PRIMITIVES["stop_gradient"]


def inward_gradient(f: Any, width: Any, low: Any, high: Any) -> Any:
    """The gradient, as SciPy approximates it where none is given, by points between the bounds."""

    def gradient(x: Any, value: Any) -> Any:
        g = np.zeros(len(x))
        for k in range(len(x)):
            there = moved_inward(x, k, width, low, high)
            # between bounds that are equal there is no other point, and no step is made
            g[k] = (stopped(f(there)) - value) / (there[k] - x[k]) if there[k] != x[k] else 0.0
        return g

    return gradient


def inward_jacobian(f: Any, width: Any, low: Any, high: Any) -> Any:
    """As `inward_gradient`, of a vector."""

    def jacobian(x: Any, values: Any) -> Any:
        slopes = np.zeros((len(values), len(x)))
        for k in range(len(x)):
            there = moved_inward(x, k, width, low, high)
            if there[k] != x[k]:
                slopes[:, k] = (stopped(f(there)) - values) / (there[k] - x[k])
        return slopes

    return jacobian


def moved_inward(x: Any, k: Any, width: Any, low: Any, high: Any) -> Any:
    """The point that is moved by `width` along an axis, or less, or the other way, to be between the bounds."""
    h = width
    if x[k] + h == x[k]:
        h = (EPS if x[k] >= 0.0 else -EPS) * max(1.0, abs(x[k]))
    below = x[k] - low[k]
    above = high[k] - x[k]
    if x[k] + h < low[k] or x[k] + h > high[k]:
        h = -h if abs(h) <= max(below, above) else (above if above >= below else -below)
    there = x.copy()
    there[k] = x[k] + h
    return there


def inward(x: Any, g: Any, low: Any, high: Any) -> Any:
    """How far a step against the gradient leads, between the bounds."""
    return np.where(g < 0.0, np.maximum(x - high, g), np.minimum(x - low, g))


def lowest_in_box(
    f: Any, gradient: Any, start: Any, low: Any, high: Any, ftol: Any, gtol: Any, most: Any, memory: Any
) -> Any:
    """Where no step between the bounds leads further down, and whether it is so."""
    x = np.minimum(np.maximum(start, low), high)
    n = len(x)
    value = stopped(f(x))
    g = gradient(x, value)
    moves = np.zeros((memory, n))
    changes = np.zeros((memory, n))
    count = 0
    scale = 1.0
    begins = True
    # with two bounds for each the first step is a whole one; without any, none is a limit
    boxed = np.min(low) > -np.inf and np.max(high) < np.inf
    confined = np.max(low) > -np.inf or np.min(high) < np.inf
    found = np.max(np.abs(inward(x, g, low, high))) <= gtol
    for _ in range(most):
        if found:
            break
        bend = curvature(moves, changes, count, scale)
        target, moving = cauchy_point(x, g, bend, low, high)
        if count > 0:
            target = subspace_minimum(x, g, bend, target, moving, low, high)
        p = target - x
        ended = 0
        step = 1.0
        at_step = value
        g_there = g
        if g @ p < 0.0:
            reach = np.where(p < 0.0, low - x, np.where(p > 0.0, high - x, np.inf))
            nearest = np.min(reach / np.where(p == 0.0, 1.0, p))
            longest = 1.0 if begins and confined else min(1e10, nearest)
            first = 1.0
            if begins and not boxed:
                first = min(1.0 / np.sqrt(p @ p), longest)
            step, ended, at_step, g_there = wolfe_step(
                f, gradient, x, p, value, g, first, 1e-3, 0.9, 0.1, 0.0, longest, 20
            )
        if ended == 0:
            if count == 0:
                break
            # it begins anew, downhill
            count = 0
            scale = 1.0
        else:
            begins = False
            change = g_there - g
            product = (change @ p) * step
            if product > EPS * EPS * -(g @ p) * step:
                k = count % memory
                moves[k] = step * p
                changes[k] = change
                count = count + 1
                scale = (change @ change) / product
            x = target if step == 1.0 else x + step * p
            g = g_there
            fall = value - at_step
            size = max(max(abs(value), abs(at_step)), 1.0)
            value = at_step
            found = np.max(np.abs(inward(x, g, low, high))) <= gtol or fall <= ftol * size
    return x, found


def curvature(moves: Any, changes: Any, count: Any, scale: Any) -> Any:
    """The approximate Hessian: a multiple of 1, updated by the last steps."""
    memory = len(moves)
    bend = scale * np.eye(moves.shape[1])
    for back in range(min(count, memory)):
        k = (count - min(count, memory) + back) % memory
        image = bend @ moves[k]
        bend = bend - image[:, np.newaxis] * image[np.newaxis, :] / (moves[k] @ image)
        bend = bend + changes[k][:, np.newaxis] * changes[k][np.newaxis, :] / (changes[k] @ moves[k])
    return bend


def cauchy_point(x: Any, g: Any, bend: Any, low: Any, high: Any) -> Any:
    """The first minimum of the parabola downhill along the bounds, and what has met no bound on the way."""
    n = len(x)
    room = np.where(g < 0.0, x - high, x - low)
    times = np.where(g == 0.0, np.inf, room / np.where(g == 0.0, 1.0, g))
    moving = times > 0.0
    point = x * 1.0
    now = 0.0
    for _ in range(n + 1):
        p = np.where(moving, -g, 0.0)
        slope = (g + bend @ (point - x)) @ p
        second = p @ (bend @ p)
        if not second > 0.0:
            break
        best = max(0.0, -slope / second)
        k = np.argmin(np.where(moving, times, np.inf))
        if not (moving[k] and now + best >= times[k]):
            point = point + best * p
            break
        point = point + (times[k] - now) * p
        point[k] = high[k] if p[k] > 0.0 else low[k]
        now = times[k]
        moving[k] = False
    return point, moving | ((g == 0.0) & (x > low) & (x < high))


def subspace_minimum(x: Any, g: Any, bend: Any, point: Any, free: Any, low: Any, high: Any) -> Any:
    """The minimum of the parabola in what is free, between the bounds."""
    apart = np.where(free, 1.0, 0.0)
    residual = apart * -(g + bend @ (point - x))
    both = apart[:, np.newaxis] * apart[np.newaxis, :]
    p = np.linalg.solve(bend * both + np.diag(1.0 - apart), residual)
    projected = np.minimum(np.maximum(point + p, low), high)
    if g @ (projected - x) <= 0.0:
        return projected
    room = np.where(p < 0.0, low - point, np.where(p > 0.0, high - point, np.inf))
    return point + min(1.0, np.min(room / np.where(p == 0.0, 1.0, p))) * p
