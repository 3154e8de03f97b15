"""Sequential quadratic programs, as `scipy.optimize.minimize` has them by SLSQP. All of it is constant.

Kraft (1988); Lawson and Hanson (1974), chapter 23, for the quadratic programs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES

stopped = PRIMITIVES["stop_gradient"]


def lowest_on_constraints(
    f: Any,
    gradient: Any,
    constraints: Any,
    normals: Any,
    equalities: Any,
    start: Any,
    low: Any,
    high: Any,
    tol: Any,
    most: Any,
) -> Any:
    """Where the objective is least, the multipliers of the constraints there, and whether that was found.

    `constraints(x)` are values of which the first `equalities` are to be 0, the others not negative.
    """
    x = np.minimum(np.maximum(start, low), high)
    n = len(x)
    value = stopped(f(x))
    g = gradient(x, value)
    c = stopped(constraints(x))
    slopes = normals(x)
    m = len(c)
    weights = np.zeros(m)
    forces = np.zeros(m)
    bend = np.eye(n)
    resets = 1
    found = False
    step = np.zeros(n)
    before = value
    for _ in range(most):
        step, forces = quadratic_step(bend, g, slopes, c, equalities, low - x, high - x)
        slope_of_lagrangian = g - slopes.T @ forces
        before = value
        along = g @ step
        sizes = np.abs(forces)
        weights = np.maximum(sizes, 0.5 * (weights + sizes))
        gaps = violations(c, equalities)
        found = abs(along) + sizes @ np.abs(c) < tol and np.sum(gaps) < tol and value == value
        if found:
            break
        penalty = weights @ gaps
        merit = value + penalty
        fall = along - penalty
        if fall >= 0.0:
            resets = resets + 1
            bend = np.eye(n)
            if resets > 5:
                near = abs(value - before) < 10.0 * tol or np.sqrt(step @ step) < 10.0 * tol
                found = near and np.sum(gaps) < 10.0 * tol and value == value
                break
            continue
        origin = x
        length = 1.0
        for tries in range(11):
            fall = length * fall
            step = length * step
            x = np.minimum(np.maximum(origin + step, low), high)
            value = stopped(f(x))
            c = stopped(constraints(x))
            rise = value + weights @ violations(c, equalities) - merit
            if not (rise > fall / 10.0 and tries < 10):
                break
            length = max(fall / (2.0 * (fall - rise)), 0.1)
        small = abs(value - before) < tol or np.sqrt(step @ step) < tol
        found = small and np.sum(violations(c, equalities)) < tol and value == value
        if found:
            break
        g = gradient(x, value)
        slopes = normals(x)
        change = g - slopes.T @ forces - slope_of_lagrangian
        image = bend @ step
        product = step @ change
        square = step @ image
        if product < 0.2 * square:  # Powell's damping
            part = 0.8 * square / (square - product)
            change = part * change + (1.0 - part) * image
            product = 0.2 * square
        if product == 0.0 or square == 0.0:
            resets = resets + 1
            bend = np.eye(n)
            if resets > 5:
                break
        else:
            bend = bend + change[:, np.newaxis] * change[np.newaxis, :] / product
            bend = bend - image[:, np.newaxis] * image[np.newaxis, :] / square
    return x, forces, found


def violations(c: Any, equalities: Any) -> Any:
    return np.where(np.arange(len(c)) < equalities, np.abs(c), np.maximum(-c, 0.0))


def quadratic_step(bend: Any, g: Any, slopes: Any, c: Any, equalities: Any, low: Any, high: Any) -> Any:
    """The step, and the multipliers of the constraints."""
    rows = np.concatenate((slopes, np.eye(len(g)), -np.eye(len(g))))
    step, multipliers, solved = least_distance(bend, g, rows, np.concatenate((-c, low, -high)), equalities)
    if not solved:  # SciPy goes on with weaker ones, and rounding decides which minimum it finds
        raise ValueError("SLSQP: linearised constraints contradict each other; begin where they do not")
    return np.minimum(np.maximum(step, low), high), multipliers[: len(c)]


def least_distance(bend: Any, g: Any, rows: Any, levels: Any, equalities: Any) -> Any:
    """The minimum of z @ bend @ z / 2 + g @ z with rows @ z >= levels, the first ones equal; multipliers; whether any.

    With the triangular factor of `bend` it is the point that is nearest to 0; its dual has signs alone for constraints.
    """
    triangle = np.linalg.cholesky(bend)
    origin = np.linalg.solve(triangle, g)
    exists = levels > -np.inf
    sides = np.where(exists[:, np.newaxis], np.linalg.solve(triangle, rows.T).T, 0.0)
    heights = np.where(exists, levels, 0.0) + sides @ origin
    columns = np.concatenate((sides, heights[:, np.newaxis]), axis=1).T
    n, m = len(g), len(levels)
    target = np.append(np.zeros(n), 1.0)
    free = np.arange(m) < equalities
    used = free
    u = np.zeros(m)
    if equalities > 0:
        u = np.linalg.lstsq(np.where(used, columns, 0.0), target)[0]
    lengths = np.sqrt(np.sum(columns * columns, axis=0))
    for _ in range(3 * m):
        pull = columns.T @ (target - columns @ u)
        pull = np.where(used, -np.inf, pull - 1e-13 * lengths)
        k = np.argmax(pull)
        if not pull[k] > 0.0:
            break
        used = used | (np.arange(m) == k)
        for _ in range(m):
            trial = np.where(used, np.linalg.lstsq(np.where(used, columns, 0.0), target)[0], 0.0)
            falls = used & ~free & (trial <= 0.0)
            if not np.any(falls):
                u = trial
                break
            portion = np.min(np.where(falls, u / np.where(falls, u - trial, 1.0), np.inf))
            u = u + portion * (trial - u)
            used = free | (used & (u > 1e-15 * np.max(np.abs(u))))
            u = np.where(used, u, 0.0)
    rest = target - columns @ u
    share = 1.0 - heights @ u
    solved = np.sqrt(rest @ rest) > 1e-10 and share > 1e-15
    forces = u / (share if solved else 1.0)
    z = np.linalg.solve(triangle.T, sides.T @ forces - origin)
    return z, forces, solved
