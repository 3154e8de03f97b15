"""`scipy.integrate`: integrals of samples here; of functions and of differential equations in modules beside this."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate

from srcad.rules.expansions.linalg import floats
from srcad.rules.registry import axis_of, expands, unsupported
from srcad.rules.scipy import quadrature, steppers

__all__ = ["quadrature", "steppers"]


@expands(integrate.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    return np.trapezoid(np.asarray(y), x if x is None else np.asarray(x), dx, axis)


@expands(integrate.cumulative_trapezoid)
def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1, initial: Any = None) -> Any:
    heights = floats(np.asarray(y))
    if np.ndim(heights) != 1:
        unsupported("scipy.integrate.cumulative_trapezoid of more than one axis")
    widths = dx if x is None else np.diff(np.asarray(x))
    sums = np.cumsum(widths * (heights[1:] + heights[:-1]) / 2.0)
    if initial is None:
        return sums
    if initial != 0:
        raise ValueError("`initial` must be 0 or None.")
    return np.concatenate((np.zeros(1), sums))


@expands(integrate.simpson)
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: Any = -1) -> Any:
    """Parabolas through three samples each; over a last interval Cartwright's correction (2017), equation 8."""
    samples = floats(np.asarray(y))
    heights = np.moveaxis(samples, axis_of(axis, np.ndim(samples)), -1)
    n = heights.shape[-1]
    if x is None:
        widths = np.full(n - 1, 1.0 * dx)
    elif np.ndim(x) == 1:
        widths = np.diff(floats(np.asarray(x)))
    else:
        places = floats(np.asarray(x))
        widths = np.diff(np.moveaxis(places, axis_of(axis, np.ndim(places)), -1), axis=-1)
    if widths.shape[-1] != n - 1:
        raise ValueError("If given, length of x along axis must be the same as y.")
    if n == 1:
        return 0.0 * heights[..., 0]
    if n == 2:
        return 0.5 * widths[..., 0] * (heights[..., 0] + heights[..., 1])
    # an odd number of samples
    m = n - 1 + n % 2
    first = widths[..., 0 : m - 1 : 2]
    second = widths[..., 1 : m - 1 : 2]
    both = first + second
    areas = (both / 6.0) * (
        heights[..., 0 : m - 2 : 2] * (2.0 - quotient(second, first))
        + heights[..., 1 : m - 1 : 2] * (both * quotient(both, first * second))
        + heights[..., 2:m:2] * (2.0 - quotient(first, second))
    )
    total = np.sum(areas, axis=-1)
    if n % 2 == 0:
        before = widths[..., -2]
        last = widths[..., -1]
        by_last = quotient(2.0 * last * last + 3.0 * before * last, 6.0 * (last + before))
        by_middle = quotient(last * last + 3.0 * last * before, 6.0 * before)
        by_first = quotient(last * last * last, 6.0 * before * (before + last))
        total = total + (by_last * heights[..., -1] + by_middle * heights[..., -2] - by_first * heights[..., -3])
    return total


def quotient(a: Any, b: Any) -> Any:
    """a / b; 0 where samples coincide."""
    return np.where(b == 0.0, 0.0, a / np.where(b == 0.0, 1.0, b))
