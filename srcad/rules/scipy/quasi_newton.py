"""The method of Broyden, Fletcher, Goldfarb and Shanno, as `scipy.optimize.minimize` has it. All of it is constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.scipy.line_search import plain_wolfe_step, wolfe_step

stopped = PRIMITIVES["stop_gradient"]

EPS = 2.0**-26
"""The square root of the distance from 1 to the next number: the width of a difference."""


def forward_gradient(f: Any) -> Any:
    """The gradient, as SciPy approximates it where none is given."""

    def gradient(x: Any, value: Any) -> Any:
        g = np.zeros(len(x))
        for k in range(len(x)):
            there = x.copy()
            there[k] = x[k] + EPS
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
        step, lower, at_step, g_there = wolfe_step(f, gradient, x, p, value, value_before, g, 0.9)
        if not lower:
            step, lower, at_step, g_there = plain_wolfe_step(f, gradient, x, p, value, value_before, g, 0.9)
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
