"""Powell's hybrid method for systems of equations, as `scipy.optimize.root` has it. All of it is constant.

Powell (1970); Moré, Garbow and Hillstrom (1980), `hybrd` and `hybrj`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES

stopped = PRIMITIVES["stop_gradient"]

_EPS = 2.0**-52


def length_of(x: Any) -> Any:
    return np.sqrt(x @ x)


def forward_jacobian(f: Any, width: Any) -> Any:
    """The derivative, as MINPACK approximates it where none is given."""

    def jacobian(x: Any) -> Any:
        r = stopped(f(x))
        slopes = np.zeros((len(r), len(x)))
        for k in range(len(x)):
            h = width * abs(x[k])
            if h == 0.0:
                h = width
            there = x.copy()
            there[k] = x[k] + h
            slopes[:, k] = (stopped(f(there)) - r) / h
        return slopes

    return jacobian


def root_by_hybrid(f: Any, jacobian: Any, start: Any, xtol: Any, most: Any, calls_of_jacobian: Any, factor: Any) -> Any:
    """Where the residual is zero, and whether that was found.

    Steps inside of an ellipsoid of the size `radius`. The derivative is computed anew where two steps fail, else
    it is corrected by a matrix of rank one (Broyden).
    """
    x = start * 1.0
    n = len(x)
    r = stopped(f(x))
    size = length_of(r)
    scale = np.ones(n)
    radius = 0.0 * size
    reach = 0.0 * size
    calls = 1
    successes = 0
    failures = 0
    slow = 0
    slow_anew = 0
    begins = True
    found = size == 0.0
    ended = found
    stale = True
    matrix = np.zeros((n, n))
    q = np.zeros((n, n))
    turned = r
    norms = scale
    while not ended:
        anew = stale
        if anew:
            matrix = jacobian(x)
            calls = calls + calls_of_jacobian
            norms = np.sqrt(np.sum(matrix * matrix, axis=0))
            if begins:
                scale = np.where(norms == 0.0, 1.0, norms)
                reach = length_of(scale * x)
                radius = factor * reach if reach != 0.0 else 1.0 * factor
            scale = np.maximum(scale, norms)
            q = np.eye(n)
            turned = r
        turn, upper = np.linalg.qr(matrix)
        q = q @ turn
        turned = turn.T @ turned
        p = -dogleg(upper, scale, turned, radius)
        there = x + p
        scaled = scale * p
        length = length_of(scaled)
        if begins:
            radius = min(radius, length)
        r_there = stopped(f(there))
        calls = calls + 1
        size_there = length_of(r_there)
        actual = 1.0 - (size_there / size) ** 2 if size_there < size else -1.0
        rest = turned + upper @ p
        predicted_size = length_of(rest)
        predicted = 1.0 - (predicted_size / size) ** 2 if predicted_size < size else 0.0
        ratio = actual / predicted if predicted > 0.0 else 0.0
        if ratio < 0.1:
            successes = 0
            failures = failures + 1
            radius = 0.5 * radius
        else:
            failures = 0
            successes = successes + 1
            if ratio >= 0.5 or successes > 1:
                radius = max(radius, length / 0.5)
            if abs(ratio - 1.0) <= 0.1:
                radius = length / 0.5
        # so that the matrix maps the step to what was found there
        turned_there = q.T @ r_there
        matrix = upper + np.outer((turned_there - rest) / length, scale * scaled / length)
        if ratio >= 1e-4:
            x = there
            r = r_there
            turned = turned_there
            reach = length_of(scale * x)
            size = size_there
            begins = False
        slow = 0 if actual >= 0.001 else slow + 1
        slow_anew = slow_anew + 1 if anew else slow_anew
        slow_anew = 0 if actual >= 0.1 else slow_anew
        found = radius <= xtol * reach or size == 0.0
        ended = found or calls >= most or 0.1 * max(0.1 * radius, length) <= _EPS * reach
        ended = ended or slow_anew == 5 or slow == 10
        stale = failures == 2
    return x, found


def dogleg(upper: Any, scale: Any, turned: Any, radius: Any) -> Any:
    """The negative of a step: that of Newton, or where it is too long a combination of it with the steepest descent."""
    n = len(turned)
    newton = np.zeros(n)
    for back in range(n):
        k = n - 1 - back
        pivot = upper[k, k]
        if pivot == 0.0:
            pivot = _EPS * np.max(np.abs(upper[: k + 1, k]))
            pivot = _EPS if pivot == 0.0 else pivot
        newton[k] = (turned[k] - upper[k, k + 1 :] @ newton[k + 1 :]) / pivot
    length = length_of(scale * newton)
    descent = upper.T @ turned / scale
    steepness = length_of(descent)
    share = 1.0
    reached = 0.0 * length
    if length > radius:
        share = radius / length
        if steepness != 0.0:
            descent = descent / steepness / scale
            curved = length_of(upper @ descent)
            reached = steepness / curved / curved
            share = 0.0
            if reached < radius:
                size = length_of(turned)
                t = size / steepness * (size / length) * (reached / radius)
                part = radius / length
                rest = 1.0 - (reached / radius) ** 2
                t = t - part * (reached / radius) ** 2 + np.sqrt((t - part) ** 2 + (1.0 - part * part) * rest)
                share = part * rest / t
    return share * newton + (1.0 - share) * min(reached, radius) * descent
