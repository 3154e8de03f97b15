"""Roots: a search for the value, and one step of Newton's from where it ends for the derivative.

At a root x of r(x, p), the step x - r(x, p) / r_x with a constant slope r_x moves x by nothing, and its derivative by p
is -r_p / r_x: what the theorem of the implicit function says the derivative of the root is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, is_float_name, unsupported
from srcad.unread import called

cast = PRIMITIVES["astype"]
constant = PRIMITIVES["stop_gradient"]


def implicit_root(
    residual: Callable[..., Any],
    x0: Any,
    *args: Any,
    bracket: tuple[Any, Any] | None = None,
    tolerance: float | None = None,
    steps: int = 100,
) -> Any:
    """The `x` for which `residual(x, *args)` is zero: a number, or a vector of as many entries as the residual has.

    Newton's method from `x0`, which may be what a search of your own has found. With `bracket=(low, high)`, of a
    number, the residual has unlike signs at the two ends, and the root between them is found whatever its slope is.
    The search ends where a step is not larger than `tolerance * (1 + abs(x))` (1e-10; 1e-4 for float32); where that
    is not so after `steps` steps, a ValueError is raised.

    Inside a function that is differentiated, the derivative of the root is that of the implicit function: by `args`
    and whatever else the residual reads, none by `x0` and `bracket`. The reverse sweep solves one linear system;
    nothing of the search is kept.

    >>> float(implicit_root(lambda x, p: x**3 - p, 1.0, 8.0))
    2.0
    """
    called("implicit_root")
    return found_root(residual, by_differences(residual, args), 0, x0, args, bracket, tolerance, steps)


def by_differences(residual: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    """The slope of a residual, near enough to find its root: for calls that nobody differentiates."""

    def slope(x: Any) -> Any:
        if np.ndim(x) == 0:
            h = 6e-6 * (1.0 + abs(x))
            return (residual(x + h, *args) - residual(x - h, *args)) / (2.0 * h)
        columns = []
        for k in range(len(x)):
            h = np.zeros(len(x))
            h[k] = 6e-6 * (1.0 + abs(x[k]))
            columns.append((np.asarray(residual(x + h, *args)) - np.asarray(residual(x - h, *args))) / (2.0 * h[k]))
        return np.stack(columns, axis=1)

    return slope


def found_root(
    residual: Any, slope: Any, more: Any, x0: Any, args: Any, bracket: Any, tolerance: Any, steps: Any
) -> Any:
    """`implicit_root`, given how the residual depends on `x`.

    A step from a constant root, with a constant slope, has the first derivative of the root. One of `more`, with the
    slope as a function, has the second and the third, the next one those up to the seventh: Newton's method doubles.
    """
    start = np.asarray(x0)
    if not is_float_name(dtype_of(start)):
        start = cast(start, dtype="float64")
    limit = tolerance
    if tolerance is None:
        limit = 1e-4 if dtype_of(start) == "float32" else 1e-10
    if np.ndim(start) > 1:
        unsupported("implicit_root of more than a number or a vector")
    if bracket is not None:
        if np.ndim(start) != 0:
            unsupported("implicit_root of a vector, with a bracket")
        x, slope_there, found = bracketed(residual, slope, start, args, bracket[0], bracket[1], limit, steps)
    elif np.ndim(start) == 0:
        x, slope_there, found = newton(residual, slope, start, args, limit, steps)
    else:
        x, slope_there, found = newton_system(residual, slope, start, args, limit, steps)
    if not found:
        raise ValueError("implicit_root: no root found; start nearer to it, allow more steps, or give a bracket")
    root = constant(x)
    slope_at_root = constant(slope_there)
    if np.ndim(start) == 0:
        root = root - residual(root, *args) / slope_at_root
        for _ in range(more):
            root = root - residual(root, *args) / slope(root)
        return root
    root = root - np.linalg.solve(slope_at_root, np.asarray(residual(root, *args)))
    for _ in range(more):
        root = root - np.linalg.solve(slope(root), np.asarray(residual(root, *args)))
    return root


# ---- searches: the root, the slope there, and whether it was found; the last step is not judged, but taken -------


def newton(residual: Any, slope: Any, start: Any, args: Any, limit: Any, steps: Any) -> Any:
    x = start * 1.0
    slope_there = x * 0.0
    found = False
    for _ in range(steps + 1):
        slope_there = slope(x)
        found = found and slope_there != 0.0
        if found or slope_there == 0.0:
            break
        step = residual(x, *args) / slope_there
        x = x - step
        found = abs(step) <= limit * (1.0 + abs(x))
    return x, slope_there, found


def newton_system(residual: Any, slope: Any, start: Any, args: Any, limit: Any, steps: Any) -> Any:
    x = start * 1.0
    slope_there = np.zeros((len(start), len(start)), dtype=dtype_of(start))
    found = False
    for _ in range(steps + 1):
        slope_there = slope(x)
        if found:
            break
        step = np.linalg.solve(slope_there, np.asarray(residual(x, *args)))
        x = x - step
        found = np.max(np.abs(step)) <= limit * (1.0 + np.max(np.abs(x)))
    return x, slope_there, found


def bracketed(residual: Any, slope: Any, start: Any, args: Any, first: Any, last: Any, limit: Any, steps: Any) -> Any:
    """Newton's steps where they stay inside and get shorter, else halves. Press et al., Numerical Recipes, 9.4."""
    low = first * 1.0
    high = last * 1.0
    at_low = residual(low, *args)
    at_high = residual(high, *args)
    if at_low * at_high > 0.0:
        raise ValueError("implicit_root: the residual has one sign at both ends of the bracket")
    rises = at_high > 0.0 or at_low < 0.0
    x = start * 1.0
    if x < low or x > high:
        x = 0.5 * (low + high)
    before = high - low
    slope_there = x * 0.0
    found = False
    for _ in range(steps + 1):
        slope_there = slope(x)
        if found:
            break
        r = residual(x, *args)
        if (r > 0.0) == rises:
            high = x
        else:
            low = x
        step = r / slope_there if slope_there != 0.0 else 2.0 * before
        if not (low <= x - step and x - step <= high) or abs(step) > 0.5 * abs(before):
            step = x - 0.5 * (low + high)
        x = x - step
        found = abs(step) <= limit * (1.0 + abs(x))
        before = step
    return x, slope_there, found and slope_there != 0.0
