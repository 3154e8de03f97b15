"""`np.pad` in all its modes: one axis after the other, so that corners are made of what the first axes were given."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import at_axis, axis_of, dtype_of, expands, is_float_name, unsupported

cast = PRIMITIVES["astype"]

STATISTICS = ("maximum", "minimum", "mean", "median")
MIRRORS = ("reflect", "symmetric")


@expands(np.pad)
def pad(
    array: Any,
    pad_width: Any,
    mode: Any = "constant",
    *,
    constant_values: Any = 0.0,
    end_values: Any = 0.0,
    stat_length: Any = None,
    reflect_type: Any = "even",
) -> Any:
    x = np.asarray(array)
    rank = np.ndim(x)
    if isinstance(pad_width, dict):
        widths = widths_by_axis(pad_width, rank)
    else:
        widths = pairs(pad_width, rank)
    if not isinstance(mode, str):
        unsupported("np.pad with a function for the mode")
    if (mode == "constant" and not isinstance(constant_values, (tuple, list))) or mode == "empty":
        # what `empty` leaves open is as good as the constant
        shape = tuple([widths[k][0] + x.shape[k] + widths[k][1] for k in range(rank)])
        out = np.full(shape, constant_values, x.dtype)
        out[tuple([slice(widths[k][0], widths[k][0] + x.shape[k]) for k in range(rank)])] = x
        return out
    if mode in ("linear_ramp", "mean", "median") and not is_float_name(dtype_of(x)):
        unsupported("np.pad of integers in this mode, which rounds,")
    given = pairs(constant_values if mode == "constant" else end_values if mode == "linear_ramp" else stat_length, rank)
    for k in range(rank):
        x = padded(x, k, widths[k][0], widths[k][1], mode, given[k], reflect_type)
    return x


def pairs(value: Any, rank: Any) -> Any:
    """A number, a pair or a pair for each axis, as a pair for each axis."""
    if value is None or not isinstance(value, (tuple, list)):
        return ((value, value),) * rank
    if not isinstance(value[0], (tuple, list)):
        return ((value[0], value[-1]),) * rank
    each = [value[k if len(value) > 1 else 0] for k in range(rank)]
    return tuple([(one[0], one[-1]) for one in each])


def widths_by_axis(widths: Any, rank: Any) -> Any:
    found: Any = ((0, 0),) * rank
    for axis, width in widths.items():
        pair = width if isinstance(width, (tuple, list)) else (width, width)
        k = axis_of(axis, rank)
        found = found[:k] + (pair,) + found[k + 1 :]
    return found


def padded(x: Any, k: Any, before: Any, after: Any, mode: Any, given: Any, reflect_type: Any) -> Any:
    """`x` with more entries along one axis."""
    rank = np.ndim(x)
    n = x.shape[k]
    if mode == "constant":
        return np.concatenate((filled(x, k, before, given[0]), x, filled(x, k, after, given[1])), axis=k)
    if n == 0:
        if before > 0 or after > 0:
            raise ValueError(f"can't extend empty axis {k} in this mode")
        return x
    first = x[at_axis(rank, k, slice(0, 1))]
    last = x[at_axis(rank, k, slice(n - 1, n))]
    if mode == "linear_ramp":
        left = ramp(first, k, before, given[0])
        right = np.flip(ramp(last, k, after, given[1]), axis=k)
        return np.concatenate((left, x, right), axis=k)
    if mode in STATISTICS:
        left = statistic(x[at_axis(rank, k, slice(0, stretch(given[0], n)))], k, mode)
        right = statistic(x[at_axis(rank, k, slice(n - stretch(given[1], n), n))], k, mode)
        return np.concatenate((repeated(left, k, before), x, repeated(right, k, after)), axis=k)
    y = np.take(x, places(n, before, after, mode), axis=k)
    if mode not in MIRRORS or reflect_type == "even":
        return y
    if reflect_type != "odd":
        unsupported("this reflect_type of np.pad")
    reach = n - 1 if mode == "reflect" else n
    if before > reach or after > reach:
        raise ValueError("np.pad by more than the array with reflect_type='odd' is not supported")
    # turned over at the edge, in value too
    left = 2 * first - y[at_axis(rank, k, slice(0, before))]
    right = 2 * last - y[at_axis(rank, k, slice(before + n, before + n + after))]
    return np.concatenate((left, x, right), axis=k)


def filled(x: Any, k: Any, width: Any, value: Any) -> Any:
    return np.full(x.shape[:k] + (width,) + x.shape[k + 1 :], cast(value, dtype=dtype_of(x)))


def repeated(x: Any, k: Any, width: Any) -> Any:
    return np.broadcast_to(x, x.shape[:k] + (width,) + x.shape[k + 1 :])


def ramp(edge: Any, k: Any, width: Any, end: Any) -> Any:
    """From the end to the edge, which comes next."""
    steps = np.arange(width) / max(width, 1)
    steps = cast(steps, dtype=dtype_of(edge))[tuple([slice(None) if j == k else None for j in range(np.ndim(edge))])]
    value = cast(end, dtype=dtype_of(edge))
    return value + (edge - value) * steps


def stretch(length: Any, n: Any) -> Any:
    if length is None:
        return n
    if length < 1:
        raise ValueError("stat_length of less than 1")
    return min(length, n)


def statistic(x: Any, k: Any, mode: Any) -> Any:
    if mode == "maximum":
        return np.max(x, axis=k, keepdims=True)
    if mode == "minimum":
        return np.min(x, axis=k, keepdims=True)
    if mode == "mean":
        return np.mean(x, axis=k, keepdims=True)
    return np.median(x, axis=k, keepdims=True)


def places(n: Any, before: Any, after: Any, mode: Any) -> Any:
    """Where the entries of the padded axis come from."""
    at = np.arange(-before, n + after)
    if mode == "edge":
        return np.clip(at, 0, n - 1)
    if mode == "wrap":
        return at % n
    if mode == "symmetric":
        turned = at % (2 * n)
        return np.where(turned < n, turned, 2 * n - 1 - turned)
    if mode == "reflect":
        turned = at % max(2 * n - 2, 1)
        return np.where(turned < n, turned, 2 * n - 2 - turned)
    return unsupported("this mode of np.pad")
