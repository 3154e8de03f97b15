"""Medians and quantiles, by each of NumPy's methods.

Hyndman and Fan, "Sample quantiles in statistical packages" (1996).
"""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.reductions import restored
from srcad.rules.expansions.shapes import flat, reshaped, stored
from srcad.rules.expansions.sorting import product_of, sorted_first
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import (
    axes_of,
    common_dtype,
    dtype_of,
    expands,
    is_float_name,
    unsupported,
    with_new_axes,
)

cast = PRIMITIVES["astype"]

STEPS = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")
"""The methods that give one of the entries."""
PLACES = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""The methods that interpolate, with their plotting positions."""


# ---- medians ------------------------------------------------------------------------------------


@expands(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, keepdims: Any = False) -> Any:
    check_kept(overwrite_input)
    x = sorted_first(a, axis)
    n = x.shape[0]
    if n == 0:
        raise ValueError("the median of nothing")
    # the middle, or the mean of the two
    y = 0.5 * x[or_nan(x, (n - 1) // 2)] + 0.5 * x[or_nan(x, n // 2)]
    return stored(restored(nan_where(x[n - 1], y), np.ndim(a), axes_of(axis, np.ndim(a)), keepdims), out)


@expands(np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, keepdims: Any = False) -> Any:
    check_kept(overwrite_input)
    if not is_float_name(dtype_of(a)):
        return np.median(a, axis, out, keepdims=keepdims)
    x = sorted_first(a, axis)
    if np.ndim(x) == 1:
        y = median_of_numbers(x)
    else:
        columns = reshaped(x, (x.shape[0], product_of(x.shape[1:])))
        medians = np.empty(columns.shape[1], dtype=dtype_of(x))
        for k in range(columns.shape[1]):
            medians[k] = median_of_numbers(columns[:, k])
        y = reshaped(medians, x.shape[1:])
    return stored(restored(y, np.ndim(a), axes_of(axis, np.ndim(a)), keepdims), out)


def median_of_numbers(x: Any) -> Any:
    """Of a sorted vector, with NaN at its end; NaN if that is all."""
    if len(x) == 0:
        raise ValueError("the median of nothing")
    n = np.sum(x == x)
    return 0.5 * x[max(n - 1, 0) // 2] + 0.5 * x[n // 2]


def check_kept(overwrite_input: Any) -> None:
    if overwrite_input:
        unsupported("overwrite_input=True, which leaves the array in an order that NumPy does not say,")


def or_nan(x: Any, k: Any) -> Any:
    """The position, or that of a NaN in a sorted vector: it comes last, and is the result."""
    if np.ndim(x) != 1 or not is_float_name(dtype_of(x)):
        return k
    last = len(x) - 1
    return last if np.isnan(x[last]) else k


def nan_where(last: Any, y: Any) -> Any:
    """The same in each column of a sorted array."""
    return np.where(np.isnan(last), last, y) if np.ndim(last) > 0 and is_float_name(dtype_of(last)) else y


# ---- quantiles ----------------------------------------------------------------------------------


@expands(np.percentile)
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: Any = False,
    method: Any = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    return np.quantile(a, np.asarray(q) / 100.0, axis, out, overwrite_input, method, keepdims, weights=weights)


@expands(np.nanpercentile)
def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: Any = False,
    method: Any = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    return np.nanquantile(a, np.asarray(q) / 100.0, axis, out, overwrite_input, method, keepdims, weights=weights)


@expands(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: Any = False,
    method: Any = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    check_options(overwrite_input, weights)
    x = sorted_first(a, axis)
    n = x.shape[0]
    if n == 0:
        raise ValueError("a quantile of nothing")
    asked = np.asarray(q)
    if np.ndim(asked) == 0:
        y = nan_where(x[n - 1], between(x, n, asked, method, True))
    else:
        each = flat(asked)
        y = np.empty((len(each),) + x.shape[1:], dtype=dtype_of_several(x, method))
        for k in range(len(each)):
            y[k] = nan_where(x[n - 1], between(x, n, each[k], method, True))
    return stored(shaped(y, asked, a, axis, keepdims), out)


@expands(np.nanquantile)
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: Any = False,
    method: Any = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    check_options(overwrite_input, weights)
    if not is_float_name(dtype_of(a)):
        return np.quantile(a, q, axis, out, method=method, keepdims=keepdims)
    x = sorted_first(a, axis)
    if x.size == 0:
        raise ValueError("a quantile of nothing")
    asked = np.asarray(q)
    columns = reshaped(x, (x.shape[0], product_of(x.shape[1:])))
    each = flat(np.atleast_1d(asked))
    name = dtype_of(x) if np.ndim(asked) == 0 else dtype_of_several(x, method)
    y = np.empty((len(each), columns.shape[1]), dtype=name)
    for j in range(columns.shape[1]):
        column = columns[:, j]
        n = np.sum(column == column)
        for k in range(len(each)):
            y[k, j] = between(column, n, each[k], method, False)
    shape = x.shape[1:] if np.ndim(asked) == 0 else (len(each),) + x.shape[1:]
    return stored(shaped(reshaped(y, shape), asked, a, axis, keepdims), out)


def check_options(overwrite_input: Any, weights: Any) -> None:
    check_kept(overwrite_input)
    if weights is not None:
        unsupported("a quantile with weights=")


def dtype_of_several(x: Any, method: Any) -> Any:
    """Of quantiles at an array of places: NumPy interpolates with the dtype of the places."""
    return dtype_of(x) if method in STEPS else common_dtype(dtype_of(x), "float64")


def shaped(y: Any, asked: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    """The quantiles with the axes of `q` first, and then those of the array that are left."""
    rank = np.ndim(a)
    axes = axes_of(axis, rank)
    if np.ndim(asked) == 0:
        return restored(y, rank, axes, keepdims)
    z = reshaped(y, asked.shape + y.shape[1:]) if np.ndim(asked) > 1 else y
    return z[(slice(None),) * np.ndim(asked) + with_new_axes(rank, axes)] if keepdims and rank > 0 else z


def between(x: Any, n: Any, q: Any, method: Any, nan_wins: Any) -> Any:
    """The quantile of the first `n` entries along the first axis, which is sorted."""
    if q < 0.0 or q > 1.0:
        raise ValueError("Quantiles must be in the range [0, 1]")
    if method in STEPS:
        k = min(max(step_place(n, q, method), 0), max(n - 1, 0))
        return x[or_nan(x, k) if nan_wins else k]
    place = virtual_place(n, q, method)
    below = 0
    above = 0
    part = place - place
    if place >= n - 1:
        below = max(n - 1, 0)
        above = max(n - 1, 0)
    elif place >= 0:
        below = int(place)
        above = below + 1
        part = share(place - below, method)
    # from the nearer neighbour, as NumPy does: it matters where the other one is infinite
    first = below if part < 0.5 else above
    other = above if part < 0.5 else below
    if nan_wins:
        first = or_nan(x, first)
        other = or_nan(x, other)
    return x[first] + (x[other] - x[first]) * (part if part < 0.5 else 1.0 - part)


def step_place(n: Any, q: Any, method: Any) -> Any:
    if method == "lower":
        return int(np.floor((n - 1) * q))
    if method == "higher":
        return int(np.ceil((n - 1) * q))
    if method == "nearest":
        return int(np.rint((n - 1) * q))
    place = n * q - 1.0 if method == "inverted_cdf" else n * q - 1.5
    floor = np.floor(place)
    down = place == floor if method == "inverted_cdf" else (place == floor) & (floor % 2 == 1)
    return int(floor) if down else int(floor) + 1


def virtual_place(n: Any, q: Any, method: Any) -> Any:
    if method == "linear":
        return q * (n - 1)
    if method == "midpoint":
        return 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q))
    if method == "averaged_inverted_cdf":
        return n * q - 1.0
    if method not in PLACES:
        raise ValueError("not a method of np.quantile")
    alpha, beta = PLACES[method]
    return n * q + (alpha + q * (1.0 - alpha - beta)) - 1.0


def share(part: Any, method: Any) -> Any:
    """How far between its neighbours the quantile is."""
    if method == "midpoint":
        return 0.0 * part if part == 0.0 else 0.0 * part + 0.5
    if method == "averaged_inverted_cdf":
        return 0.0 * part + 0.5 if part == 0.0 else 0.0 * part + 1.0
    return part
