"""Minima between bounds and on constraints, whose derivatives are those of the bounds and constraints that hold them.

Nocedal and Wright, 12.3: the conditions of Karush, Kuhn and Tucker, with strict complementarity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from srcad.rules.expansions.math_module import doubles
from srcad.rules.expansions.roots import implicit_root
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import expands
from srcad.rules.scipy.found_points import slope_of, with_value

stopped = PRIMITIVES["stop_gradient"]

ROUNDING = 1e-12
"""How near to a bound a search is that ends at it."""


@dataclass
class Limits:
    """What `optimize.Bounds` gives."""

    lb: Any
    ub: Any


@expands(optimize.Bounds)
def bounds_of(lb: Any = -np.inf, ub: Any = np.inf, keep_feasible: Any = False) -> Any:
    return Limits(lb, ub)


def limits_of(bounds: Any, n: Any) -> Any:
    """The lower and the upper bounds of n unknowns, from pairs of which an end may be None, or from `Bounds`."""
    if hasattr(bounds, "lb"):
        return ends_of((bounds.lb, bounds.ub), n)
    low = np.array([-np.inf if pair[0] is None else 1.0 * pair[0] for pair in bounds])
    high = np.array([np.inf if pair[1] is None else 1.0 * pair[1] for pair in bounds])
    if len(low) != n:
        raise ValueError("length of x0 != length of bounds")
    return ends_of((low, high), n)


def ends_of(bounds: Any, n: Any) -> Any:
    """The same from all lower bounds and all upper ones, each a number or one for each unknown; or from `Bounds`."""
    if hasattr(bounds, "lb"):
        return ends_of((bounds.lb, bounds.ub), n)
    low = doubles(np.asarray(bounds[0])) + np.zeros(n)
    high = doubles(np.asarray(bounds[1])) + np.zeros(n)
    if len(low) != n or len(high) != n:
        raise ValueError("length of x0 != length of bounds")
    if np.any(low > high):
        raise ValueError("one of the lower bounds is greater than an upper bound")
    return low, high


def root_between(slope: Any, found: Any, low: Any, high: Any, near: Any) -> Any:
    """The root of the slope where it is between the bounds, and the bound where it is at one: it moves with it.

    It is at a bound where it is as near as `near`. Where one only just holds it, or does not quite, the minimum has no
    derivative: it moves in one direction alone.
    """
    at_low, at_high = at_bounds(found, low, high, near)

    def residual(x: Any) -> Any:
        return at_bounds_or(at_low, at_high, low, high, x, slope(x))

    exact = implicit_root(residual, found)
    check_bounds(stopped(slope(found)), stopped(exact), at_low, at_high, stopped(low), stopped(high))
    return with_value(found, exact)


def root_on_constraints(lagrangian: Any, equal: Any, least: Any, found: Any, forces: Any, low: Any, high: Any) -> Any:
    """The minimum where `equal` is zero and `least` is not negative: with the multipliers a root of their equations.

    `lagrangian(x, forces)` is the objective less the constraints, the equalities first, times `forces`. Of an
    inequality either it is zero or its multiplier; where both are, the minimum has no derivative.
    """
    n, m = len(found), len(equal(found))
    at_low, at_high = at_bounds(found, low, high, ROUNDING)
    active = forces[m:] > 0.0

    def residual(z: Any) -> Any:
        slope = slope_of(lambda x: lagrangian(x, z[n:]), z[:n])
        along = at_bounds_or(at_low, at_high, low, high, z[:n], slope)
        return np.concatenate((along, equal(z[:n]), np.where(active, least(z[:n]), z[n + m :])))

    exact = implicit_root(residual, np.concatenate((found, forces)))
    x = stopped(exact[:n])
    held = stopped(exact[n + m :])
    slope = stopped(slope_of(lambda x: lagrangian(x, stopped(exact[n:])), x))
    check_bounds(slope, x, at_low, at_high, stopped(low), stopped(high))
    distance = np.where(active, np.inf, stopped(least(x)))
    size = 1.0 + np.max(np.abs(forces)) if len(forces) > 0 else 1.0
    if np.any(active & (held <= 1e-7 * size)) or np.any(distance <= 1e-9 * (1.0 + np.max(np.abs(x)))):
        raise ValueError("scipy.optimize: at a constraint that does not hold it, what is found has no derivative")
    return with_value(found, exact[:n])


def at_bounds(found: Any, low: Any, high: Any, near: Any) -> Any:
    room = near * (1.0 + np.abs(found))
    at_low = found <= stopped(low) + room
    return at_low, (found >= stopped(high) - room) & ~at_low


def at_bounds_or(at_low: Any, at_high: Any, low: Any, high: Any, x: Any, slope: Any) -> Any:
    at_bound = at_low | at_high
    return np.where(at_bound, x - np.where(at_bound, np.where(at_low, low, high), 0.0), slope)


def check_bounds(slope: Any, x: Any, at_low: Any, at_high: Any, low: Any, high: Any) -> Any:
    held = np.where(low == high, np.inf, np.where(at_low, slope, np.where(at_high, -slope, np.inf)))
    room = 1e-9 * (1.0 + np.abs(x))
    leaves = ~(at_low | at_high) & ((x < low + room) | (x > high - room))
    if np.any(held <= 1e-7 * (1.0 + np.max(np.abs(slope)))) or np.any(leaves):
        raise ValueError("scipy.optimize: at a bound that does not hold it, what is found has no derivative")
