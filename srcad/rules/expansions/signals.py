"""Functions of sampled signals: interpolation and convolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.math_module import doubles
from srcad.rules.expansions.shapes import flat, reshaped
from srcad.rules.registry import axis_of, common_dtype, dtype_of, expands, is_complex_name, unsupported


@expands(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    # float64, whatever is given
    knots = doubles(xp)
    heights = doubles(fp)
    if len(knots) != len(heights):
        raise ValueError(f"{len(knots)} places and {len(heights)} values")
    if len(knots) == 0:
        raise ValueError("no places to interpolate between")
    at = doubles(x)
    if period is not None:
        if period == 0.0:
            raise ValueError("period must be a non-zero value")
        length = abs(period) * 1.0
        at = at % length
        knots = knots % length
        order = np.argsort(knots)
        knots = knots[order]
        heights = heights[order]
        n = len(knots)
        knots = np.concatenate((knots[n - 1 :] - length, knots, knots[:1] + length))
        heights = np.concatenate((heights[n - 1 :], heights, heights[:1]))
    low = left if period is None else None
    high = right if period is None else None
    if np.ndim(x) == 0:
        return interp_at(at, knots, heights, low, high)
    points = flat(at)
    out = np.empty(points.size)
    for k in range(points.size):
        out[k] = interp_at(points[k], knots, heights, low, high)
    return reshaped(out, np.shape(x))


def interp_at(x: Any, xp: Any, fp: Any, left: Any, right: Any) -> Any:
    n = len(xp)
    if x != x:
        y = x * 1.0
    elif x < xp[0]:
        y = fp[0] * 1.0 if left is None else left
    elif x > xp[n - 1]:
        y = fp[n - 1] * 1.0 if right is None else right
    elif x == xp[n - 1]:
        y = fp[n - 1] * 1.0
    else:
        j = np.searchsorted(xp, x, side="right") - 1
        y = fp[j] + (fp[j + 1] - fp[j]) / (xp[j + 1] - xp[j]) * (x - xp[j])
    return y


@expands(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    n = len(a)
    m = len(v)
    if n == 0 or m == 0:
        raise ValueError("one of the two is empty")
    out = np.zeros(n + m - 1, dtype=common_dtype(dtype_of(a), dtype_of(v)))
    for i in range(n):
        for j in range(m):
            out[i + j] += a[i] * v[j]
    if mode == "full":
        return out
    if mode == "same":
        start = (min(n, m) - 1) // 2
        return out[start : start + max(n, m)]
    return out[min(n, m) - 1 : max(n, m)]


@expands(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    if is_complex_name(dtype_of(v)):
        v = np.conj(v)
    if mode == "same" and len(a) < len(v):
        # of the longer one, as it lies when the two have changed places
        start = len(a) // 2
        return np.convolve(a, v[::-1])[start : start + len(v)]
    return np.convolve(a, v[::-1], mode)


@expands(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: Any = False, writeable: Any = False
) -> Any:
    if writeable:
        unsupported("sliding_window_view with writeable=True")
    lengths = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    rank = np.ndim(x)
    if axis is None:
        axes = tuple(range(rank))
    else:
        axes = tuple([axis_of(k, rank) for k in (axis if isinstance(axis, (tuple, list)) else (axis,))])
    if len(axes) != len(lengths):
        raise ValueError("as many lengths as axes are expected")
    if rank + len(axes) > 5:
        unsupported("sliding_window_view with more than five axes")
    y = np.asarray(x)
    for k, width in zip(axes, lengths, strict=True):
        if width < 0 or width > y.shape[k]:
            raise ValueError(f"a window of {width} for an axis of {y.shape[k]}")
        y = np.moveaxis(runtime.windows(np.moveaxis(y, k, 0), width), 0, k)
    return y
