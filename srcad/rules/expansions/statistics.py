"""Weighted means, covariances and correlations."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.products import product_2
from srcad.rules.expansions.shapes import flat
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import (
    axes_of,
    common_dtype,
    dtype_of,
    expands,
    is_float_name,
    known_one,
    unsupported,
    with_new_axes,
)

cast = PRIMITIVES["astype"]


# ---- means --------------------------------------------------------------------------------------


@expands(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: Any = False, *, keepdims: Any = False) -> Any:
    x = np.asarray(a)
    if weights is None:
        y = np.mean(x, axis=axis, keepdims=keepdims)
        if returned:
            return y, full_like_result(y, x.size / max(np.size(y), 1))
        return y
    if not is_float_name(dtype_of(x)):
        x = cast(x, dtype="float64")
    w = weights_for(x, np.asarray(weights), axis)
    scale = np.sum(w, axis=axis, keepdims=keepdims)
    if np.any(scale == 0.0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    y = np.sum(x * w, axis=axis, keepdims=keepdims) / scale
    if returned:
        return y, full_like_result(y, scale)
    return y


def full_like_result(y: Any, scale: Any) -> Any:
    """The sum of the weights, in the shape and the dtype of the result."""
    value = cast(scale, dtype=dtype_of(y))
    return value if np.ndim(y) == 0 else np.copy(np.broadcast_to(value, y.shape))


def weights_for(x: Any, w: Any, axis: Any) -> Any:
    """The weights with the rank of `x`: they have its shape, or that of the axes which are averaged over."""
    if np.ndim(w) == np.ndim(x):
        for k in range(np.ndim(x)):
            if w.shape[k] != x.shape[k]:
                if axis is not None:
                    raise ValueError(f"axis {k} has {x.shape[k]} items and {w.shape[k]} weights")
                raise TypeError(f"axis {k} has {x.shape[k]} items and {w.shape[k]} weights")
        return w
    axes = axes_of(axis, np.ndim(x))
    if axis is None or len(axes) != np.ndim(w):
        unsupported("np.average whose weights have another rank than the array, and than the axes of axis=")
    if isinstance(axis, (tuple, list)) and tuple([k % np.ndim(x) for k in axis]) != axes:
        unsupported("np.average with weights over axes that are not in increasing order")
    for j in range(len(axes)):
        if w.shape[j] != x.shape[axes[j]]:
            raise ValueError(f"axis {axes[j]} has {x.shape[axes[j]]} items and {w.shape[j]} weights")
    spread = w[with_new_axes(np.ndim(x), tuple([k for k in range(np.ndim(x)) if k not in axes]))]
    return np.broadcast_to(spread, x.shape)


# ---- covariances --------------------------------------------------------------------------------


@expands(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: Any = True,
    bias: Any = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    x = observations(m, rowvar)
    if y is not None:
        x = np.concatenate((x, observations(y, rowvar)))
    name = common_dtype(dtype_of(x), "float64") if dtype is None else np.dtype(dtype).name
    x = x if dtype_of(x) == name else cast(x, dtype=name)
    lost = (0 if bias else 1) if ddof is None else ddof
    n = x.shape[1]
    if fweights is None and aweights is None:
        centred = x - np.mean(x, axis=1, keepdims=True)
        c = product_2(centred, centred.T) / max(n - lost, 0)
    else:
        w = of_observations(fweights, n) if aweights is None else of_observations(aweights, n)
        if fweights is not None and aweights is not None:
            w = of_observations(fweights, n) * w
        total = np.sum(w)
        if aweights is None or lost == 0:
            left = total - lost
        else:
            left = total - lost * np.sum(w * of_observations(aweights, n)) / total
        centred = x - np.sum(x * w, axis=1, keepdims=True) / total
        c = product_2(centred, (centred * w).T) / max(left, 0.0)
    return c[0, 0] if known_one(x, 0) else c


def observations(m: Any, rowvar: Any) -> Any:
    """The variables as rows of a matrix."""
    x = np.atleast_2d(m)
    if np.ndim(x) > 2:
        raise ValueError("m has more than 2 dimensions")
    return x if rowvar or np.ndim(m) < 2 else x.T


def of_observations(weights: Any, n: Any) -> Any:
    if np.ndim(weights) != 1:
        raise RuntimeError("cannot handle multidimensional weights")
    if len(weights) != n:
        raise RuntimeError("incompatible numbers of samples and weights")
    if np.any(weights < 0):
        raise ValueError("weights cannot be negative")
    return cast(weights, dtype="float64")


@expands(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: Any = True, *, dtype: Any = None) -> Any:
    c = np.cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    deviations = np.sqrt(np.diag(c))
    return np.clip(c / deviations[:, None] / deviations[None, :], -1.0, 1.0)


# ---- of samples of several sets -----------------------------------------------------------------


@expands(np.trim_zeros)
def trim_zeros(filt: Any, trim: Any = "fb") -> Any:
    x = np.asarray(filt)
    if np.ndim(x) != 1:
        unsupported("np.trim_zeros of other than a vector")
    places = np.flatnonzero(flat(x) != 0)
    start = 0
    stop = len(x)
    if len(places) == 0:
        stop = 0
    else:
        if "f" in trim.lower():
            start = places[0]
        if "b" in trim.lower():
            stop = places[len(places) - 1] + 1
    return x[start:stop]
