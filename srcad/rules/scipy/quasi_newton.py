"""Quasi-Newton methods, as `scipy.optimize.minimize` has them. All of it is constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.scipy.line_search import DECREASE, LEAST, MOST, first_length, plain_wolfe_step, wolfe_step

stopped = PRIMITIVES["stop_gradient"]

EPS = 2.0**-26
"""The square root of the distance from 1 to the next number: the width of a difference."""


def forward_gradient(f: Any, width: Any) -> Any:
    """The gradient, as SciPy approximates it where none is given."""

    def gradient(x: Any, value: Any) -> Any:
        g = np.zeros(len(x))
        for k in range(len(x)):
            there = x.copy()
            there[k] = x[k] + width
            if there[k] == x[k]:
                there[k] = x[k] + (EPS if x[k] >= 0.0 else -EPS) * max(1.0, abs(x[k]))
            g[k] = (stopped(f(there)) - value) / (there[k] - x[k])
        return g

    return gradient


def lowest_by_bfgs(f: Any, gradient: Any, start: Any, tol: Any, most: Any) -> Any:
    """Where the gradient is small, and whether it is. Nocedal and Wright, algorithm 6.1."""
    x = start * 1.0
    n = len(x)
    identity = np.eye(n)
    inverse = identity
    value = stopped(f(x))
    g = gradient(x, value)
    value_before = value + np.sqrt(g @ g) / 2.0
    found = np.max(np.abs(g)) <= tol
    for _ in range(n * 200 if most is None else most):
        if found:
            break
        p = -(inverse @ g)
        first = first_length(value, value_before, g @ p)
        step, ended, at_step, g_there = wolfe_step(
            f, gradient, x, p, value, g, first, DECREASE, 0.9, 1e-14, LEAST, MOST, 99
        )
        lower = ended == 2
        if not lower:
            step, lower, at_step, g_there = plain_wolfe_step(
                f, gradient, x, p, value, value_before, g, 0.9, lambda g: True
            )
        if not lower:
            break
        move = step * p
        x = x + move
        change = g_there - g
        g = g_there
        value_before = value
        value = at_step
        found = np.max(np.abs(g)) <= tol
        if found or not abs(value) < np.inf or step * np.sqrt(p @ p) <= 0.0:
            break
        product = change @ move
        rho = 1000.0 if product == 0.0 else 1.0 / product
        left = identity - move[:, np.newaxis] * change[np.newaxis, :] * rho
        right = identity - change[:, np.newaxis] * move[np.newaxis, :] * rho
        inverse = left @ (inverse @ right) + rho * move[:, np.newaxis] * move[np.newaxis, :]
    return x, found


def lowest_by_cg(f: Any, gradient: Any, start: Any, tol: Any, most: Any) -> Any:
    """As `lowest_by_bfgs`, by conjugate gradients: Polak and Ribière; Nocedal and Wright, 5.2."""
    x = start * 1.0
    value = stopped(f(x))
    g = gradient(x, value)
    value_before = value + np.sqrt(g @ g) / 2.0
    p = -g
    found = np.max(np.abs(g)) <= tol
    for _ in range(len(x) * 200 if most is None else most):
        if found:
            break
        before = g
        along = p

        def turned(g: Any, before: Any = before, along: Any = along) -> Any:
            return max(0.0, (g - before) @ g / (before @ before)) * along - g

        def descends(g: Any, turned: Any = turned) -> Any:
            return np.max(np.abs(g)) <= tol or turned(g) @ g <= -0.01 * (g @ g)

        first = first_length(value, value_before, g @ p)
        step, ended, at_step, g_there = wolfe_step(
            f, gradient, x, p, value, g, first, DECREASE, 0.4, 1e-14, LEAST, MOST, 99
        )
        lower = ended == 2 and descends(g_there)
        if not lower:
            step, lower, at_step, g_there = plain_wolfe_step(f, gradient, x, p, value, value_before, g, 0.4, descends)
        if not lower:
            break
        x = x + step * p
        p = turned(g_there)
        g = g_there
        value_before = value
        value = at_step
        found = np.max(np.abs(g)) <= tol
    return x, found


def lowest_by_lbfgs(f: Any, gradient: Any, start: Any, ftol: Any, gtol: Any, most: Any, memory: Any) -> Any:
    """The same with the last `memory` steps alone: Byrd, Lu, Nocedal and Zhu (1995), L-BFGS-B without bounds."""
    x = start * 1.0
    n = len(x)
    value = stopped(f(x))
    g = gradient(x, value)
    moves = np.zeros((memory, n))
    changes = np.zeros((memory, n))
    products = np.ones(memory)
    shares = np.zeros(memory)
    count = 0
    scale = 1.0
    begins = True
    found = np.max(np.abs(g)) <= gtol
    for _ in range(most):
        if found:
            break
        p = -g
        for back in range(min(count, memory)):
            k = (count - 1 - back) % memory
            shares[k] = moves[k] @ p / products[k]
            p = p - shares[k] * changes[k]
        p = p * scale
        for back in range(min(count, memory)):
            k = (count - min(count, memory) + back) % memory
            p = p + moves[k] * (shares[k] - changes[k] @ p / products[k])
        first = min(1.0 / np.sqrt(p @ p), 1e10) if begins else 1.0
        step, ended, at_step, g_there = wolfe_step(f, gradient, x, p, value, g, first, 1e-3, 0.9, 0.1, 0.0, 1e10, 20)
        if ended == 0:
            if count == 0:
                break
            # it begins anew, downhill
            count = 0
            scale = 1.0
        else:
            begins = False
            move = step * p
            change = g_there - g
            product = (change @ p) * step
            if product > EPS * EPS * -(g @ p) * step:
                k = count % memory
                moves[k] = move
                changes[k] = change
                products[k] = product
                count = count + 1
                scale = product / (change @ change)
            x = x + move
            g = g_there
            fall = value - at_step
            size = max(max(abs(value), abs(at_step)), 1.0)
            value = at_step
            found = np.max(np.abs(g)) <= gtol or fall <= ftol * size
    return x, found
