"""Ranks and the most frequent value in `scipy.stats`: steps, whose derivative is zero, and an entry of the sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from srcad.rules.expansions.shapes import flat
from srcad.rules.registry import expands, unsupported

ModeResult = type(stats.mode(np.zeros(1)))


@expands(stats.rankdata)
def rankdata(a: Any, method: Any = "average", *, axis: Any = None, nan_policy: Any = "propagate") -> Any:
    if nan_policy != "propagate":
        unsupported("scipy.stats.rankdata with nan_policy=")
    if axis is not None and np.ndim(a) != 1:
        unsupported("scipy.stats.rankdata along an axis")
    x = flat(np.asarray(a))
    n = len(x)
    has_nan = np.any(np.isnan(x))
    _, group, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    if method == "average":
        return np.full(n, np.nan) if has_nan else (last - 0.5 * (counts - 1))[group]
    if has_nan:
        raise ValueError("numbers among which is a nan have no ranks that are whole numbers")
    if method == "ordinal":
        return np.argsort(np.argsort(x, kind="stable"), kind="stable") + 1
    if method == "min":
        return (last - counts + 1)[group]
    if method == "max":
        return last[group]
    if method == "dense":
        return group + 1
    raise ValueError(f'unknown method "{method}"')


@expands(stats.mode)
def mode(a: Any, axis: Any = 0, nan_policy: Any = "propagate", keepdims: Any = False) -> Any:
    if nan_policy != "propagate" or keepdims:
        unsupported("scipy.stats.mode with nan_policy= or keepdims=")
    if axis is not None and np.ndim(a) != 1:
        unsupported("scipy.stats.mode along an axis")
    values, counts = np.unique(np.asarray(a), return_counts=True)
    if len(values) == 0:
        raise ValueError("scipy.stats.mode of nothing")
    k = np.argmax(counts)
    return ModeResult(values[k], counts[k])
