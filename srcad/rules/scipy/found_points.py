"""What the searches of `scipy.optimize` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from srcad.options import Options
from srcad.request import Differentiation
from srcad.rules.expansions.math_module import doubles
from srcad.rules.expansions.roots import implicit_root
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import expands

stopped = PRIMITIVES["stop_gradient"]
# `slope_of(f, x)` is the gradient at x, which the compiler makes
slope_of: Any = Differentiation("grad", 0, False, Options())
derivative_of: Any = Differentiation("jacobian", 0, False, Options())


def given_of(args: Any) -> Any:
    return args if isinstance(args, tuple) else (args,)


def with_value(found: Any, exact: Any) -> Any:
    """What a search of SciPy's has found, to the last bit, with the derivative of the root that is there."""
    apart = np.max(np.abs(stopped(exact) - found))
    if not apart <= 1e-2 * (1.0 + np.max(np.abs(found))):
        raise ValueError("scipy.optimize: what is found has no derivative: the function jumps there, or is not zero")
    return found + (exact - stopped(exact))


# ---- points between bounds ------------------------------------------------------------------------


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
        low = doubles(np.asarray(bounds.lb)) + np.zeros(n)
        high = doubles(np.asarray(bounds.ub)) + np.zeros(n)
    else:
        low = np.array([-np.inf if pair[0] is None else 1.0 * pair[0] for pair in bounds])
        high = np.array([np.inf if pair[1] is None else 1.0 * pair[1] for pair in bounds])
        if len(low) != n:
            raise ValueError("length of x0 != length of bounds")
    if np.any(low > high):
        raise ValueError("one of the lower bounds is greater than an upper bound")
    return low, high


def root_between(slope: Any, found: Any, low: Any, high: Any) -> Any:
    """The root of the slope where it is between the bounds, and the bound where it is at one: it moves with it.

    Where a bound only just holds it, or does not quite, the minimum has no derivative: it moves in one direction alone.
    """
    at_low = found <= stopped(low)
    at_high = (found >= stopped(high)) & ~at_low
    at_bound = at_low | at_high
    bound = np.where(at_low, low, high)

    def residual(x: Any) -> Any:
        return np.where(at_bound, x - np.where(at_bound, bound, 0.0), slope(x))

    exact = implicit_root(residual, found)
    pull = stopped(slope(found))
    held = np.where(at_low, pull, np.where(at_high, -pull, np.inf))
    size = 1e-7 * (1.0 + np.max(np.abs(pull)))
    held = np.where(stopped(low) == stopped(high), np.inf, held)
    room = 1e-9 * (1.0 + np.abs(found))
    leaves = ~at_bound & ((stopped(exact) < stopped(low) + room) | (stopped(exact) > stopped(high) - room))
    if np.any(held <= size) or np.any(leaves):
        raise ValueError("scipy.optimize: at a bound that does not hold it, what is found has no derivative")
    return with_value(found, exact)
