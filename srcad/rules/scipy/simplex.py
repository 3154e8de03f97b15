"""Nelder's and Mead's simplex, as `scipy.optimize.minimize` has it. All of it is constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES

stopped = PRIMITIVES["stop_gradient"]


def lowest_by_simplex(f: Any, start: Any, xatol: Any, fatol: Any, most: Any, most_calls: Any) -> Any:
    """The lowest corner of a simplex that has become small, and whether it has. Nelder and Mead (1965)."""
    n = len(start)
    corners = np.zeros((n + 1, n))
    values = np.zeros(n + 1)
    for k in range(n + 1):
        corner = start.copy()
        if k > 0:
            corner[k - 1] = 1.05 * corner[k - 1] if corner[k - 1] != 0.0 else 0.00025
        corners[k] = corner
        values[k] = stopped(f(corner))
    order = np.argsort(values)
    corners = corners[order]
    values = values[order]
    calls = n + 1
    found = False
    for _ in range(most - 1):
        small = np.max(np.abs(corners[1:] - corners[0])) <= xatol
        found = small and np.max(np.abs(values[0] - values[1:])) <= fatol
        if found or calls >= most_calls:
            break
        centre = np.sum(corners[:-1], axis=0) / n
        worst = corners[n].copy()
        point = 2.0 * centre - worst
        at_point = stopped(f(point))
        calls = calls + 1
        shrinks = False
        if at_point < values[0] or at_point >= values[n - 1]:
            # further out, or nearer by a half, on one side or the other
            outside = at_point < values[n]
            if at_point < values[0]:
                other = 3.0 * centre - 2.0 * worst
            elif outside:
                other = 1.5 * centre - 0.5 * worst
            else:
                other = 0.5 * centre + 0.5 * worst
            at_other = stopped(f(other))
            calls = calls + 1
            if at_point < values[0]:
                better = at_other < at_point
            else:
                better = at_other <= at_point if outside else at_other < values[n]
                shrinks = not better
            if better:
                point = other
                at_point = at_other
        if shrinks:
            for k in range(1, n + 1):
                corners[k] = corners[0] + 0.5 * (corners[k] - corners[0])
                values[k] = stopped(f(corners[k]))
            calls = calls + n
        else:
            corners[n] = point
            values[n] = at_point
        order = np.argsort(values)
        corners = corners[order]
        values = values[order]
    return corners[0], found
