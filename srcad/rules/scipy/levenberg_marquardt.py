"""Levenberg's and Marquardt's method for sums of squares, as `curve_fit` and `leastsq` have it. All of it is constant.

Moré (1978); Moré, Garbow and Hillstrom (1980), `lmdif` and `lmder`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.scipy.powell_hybrid import length_of

stopped = PRIMITIVES["stop_gradient"]

_EPS = 2.0**-52


def least_by_marquardt(
    f: Any,
    jacobian: Any,
    start: Any,
    ftol: Any,
    xtol: Any,
    gtol: Any,
    most: Any,
    calls_of_jacobian: Any,
    factor: Any,
) -> Any:
    """Where the sum of squares is least, and whether that was found."""
    x = start * 1.0
    n = len(x)
    r = stopped(f(x))
    size = length_of(r)
    scale = np.ones(n)
    radius = 0.0 * size
    reach = 0.0 * size
    damping = 0.0 * size
    calls = 1
    begins = True
    found = False
    ended = False
    while not ended:
        slopes = jacobian(x)
        calls = calls + calls_of_jacobian
        norms = np.sqrt(np.sum(slopes * slopes, axis=0))
        if begins:
            scale = np.where(norms == 0.0, 1.0, norms)
            reach = length_of(scale * x)
            radius = factor * reach if reach != 0.0 else 1.0 * factor
        q, upper = np.linalg.qr(slopes)
        turned = q.T @ r
        cosines = np.abs(slopes.T @ r) / np.where(norms == 0.0, 1.0, norms)
        steepness = np.max(np.where(norms == 0.0, 0.0, cosines)) / size if size != 0.0 else 0.0
        found = steepness <= gtol
        ended = found
        scale = np.maximum(scale, norms)
        ratio = 0.0
        while ratio < 1e-4 and not ended:
            p, damping = damped_step(upper, scale, turned, radius, damping)
            p = -p
            there = x + p
            length = length_of(scale * p)
            if begins:
                radius = min(radius, length)
            r_there = stopped(f(there))
            calls = calls + 1
            size_there = length_of(r_there)
            actual = 1.0 - (size_there / size) ** 2 if 0.1 * size_there < size else -1.0
            linear = (length_of(upper @ p) / size) ** 2
            damped = (np.sqrt(damping) * length / size) ** 2
            predicted = linear + damped / 0.5
            slope = -(linear + damped)
            ratio = actual / predicted if predicted != 0.0 else 0.0
            if ratio <= 0.25:
                share = 0.5 if actual >= 0.0 else 0.5 * slope / (slope + 0.5 * actual)
                if 0.1 * size_there >= size or share < 0.1:
                    share = 0.1
                radius = share * min(radius, length / 0.1)
                damping = damping / share
            elif damping == 0.0 or ratio >= 0.75:
                radius = length / 0.5
                damping = 0.5 * damping
            if ratio >= 1e-4:
                x = there
                r = r_there
                reach = length_of(scale * x)
                size = size_there
                begins = False
            found = abs(actual) <= ftol and predicted <= ftol and 0.5 * ratio <= 1.0
            found = found or radius <= xtol * reach
            ended = found or calls >= most or radius <= _EPS * reach or steepness <= _EPS
            ended = ended or (abs(actual) <= _EPS and predicted <= _EPS and 0.5 * ratio <= 1.0)
    return x, found


def damped_step(upper: Any, scale: Any, turned: Any, radius: Any, before: Any) -> Any:
    """The negative of the step of about the length `radius`, and its damping: Moré's `lmpar`."""
    n = len(scale)
    regular = np.min(np.abs(np.diag(upper))) > 0.0
    step = np.zeros(n)
    damping = 0.0 * radius
    length = np.inf
    least = 0.0 * radius
    if regular:
        step = np.linalg.solve(upper, turned)
        length = length_of(scale * step)
    if length - radius > 0.1 * radius:
        excess = length - radius
        if regular:
            image = length_of(np.linalg.solve(upper.T, scale * (scale * step / length)))
            least = excess / radius / image / image
        steepness = length_of(upper.T @ turned / scale)
        most = steepness / radius
        if most == 0.0:
            most = 2.2250738585072014e-308 / min(radius, 0.1)
        damping = min(max(before, least), most)
        if damping == 0.0:
            damping = steepness / length
        for k in range(10):
            if damping == 0.0:
                damping = max(2.2250738585072014e-308, 0.001 * most)
            q, triangle = np.linalg.qr(np.concatenate((upper, np.diag(np.sqrt(damping) * scale))))
            step = np.linalg.solve(triangle, q[: len(turned)].T @ turned)
            length = length_of(scale * step)
            excess_before = excess
            excess = length - radius
            near = abs(excess) <= 0.1 * radius
            if near or (least == 0.0 and excess <= excess_before and excess_before < 0.0) or k == 9:
                break
            image = length_of(np.linalg.solve(triangle.T, scale * (scale * step / length)))
            change = excess / radius / image / image
            if excess > 0.0:
                least = max(least, damping)
            else:
                most = min(most, damping)
            damping = max(least, damping + change)
    return step, damping
