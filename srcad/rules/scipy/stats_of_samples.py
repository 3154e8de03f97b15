"""Statistics of samples in `scipy.stats`: means, moments, scores, correlations and straight lines."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import expands, unsupported


def only_defaults(name: Any, nan_policy: Any, *others: Any) -> Any:
    if nan_policy != "propagate" or any(others):
        unsupported(f"scipy.stats.{name} with these options")


# ---- means and moments -------------------------------------------------------------------------


def weighted_mean(x: Any, axis: Any, weights: Any) -> Any:
    return np.mean(x, axis=axis) if weights is None else np.average(x, axis, weights)


@expands(stats.gmean)
def gmean(
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    weights: Any = None,
    *,
    nan_policy: Any = "propagate",
    keepdims: Any = False,
) -> Any:
    only_defaults("gmean", nan_policy, dtype is not None, keepdims)
    return np.exp(weighted_mean(np.log(doubles(np.asarray(a))), axis, weights))


@expands(stats.hmean)
def hmean(
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    *,
    weights: Any = None,
    nan_policy: Any = "propagate",
    keepdims: Any = False,
) -> Any:
    only_defaults("hmean", nan_policy, dtype is not None, keepdims)
    return 1.0 / weighted_mean(1.0 / doubles(np.asarray(a)), axis, weights)


@expands(stats.sem)
def sem(a: Any, axis: Any = 0, ddof: Any = 1, nan_policy: Any = "propagate", *, keepdims: Any = False) -> Any:
    only_defaults("sem", nan_policy, keepdims)
    x = doubles(np.asarray(a))
    return np.std(x, axis=axis, ddof=ddof) / np.sqrt(count(x, axis))


@expands(stats.variation)
def variation(a: Any, axis: Any = 0, nan_policy: Any = "propagate", ddof: Any = 0, *, keepdims: Any = False) -> Any:
    only_defaults("variation", nan_policy, keepdims)
    x = doubles(np.asarray(a))
    return np.std(x, axis=axis, ddof=ddof) / np.mean(x, axis=axis)


def count(x: Any, axis: Any) -> Any:
    return x.size if axis is None else x.shape[axis]


def central(a: Any, axis: Any, order: Any) -> Any:
    x = doubles(np.asarray(a))
    return np.mean((x - np.mean(x, axis=axis, keepdims=True)) ** order, axis=axis)


@expands(stats.moment)
def moment(
    a: Any, order: Any = 1, axis: Any = 0, nan_policy: Any = "propagate", *, center: Any = None, keepdims: Any = False
) -> Any:
    only_defaults("moment", nan_policy, keepdims)
    if center is None:
        return central(a, axis, order)
    return np.mean((doubles(np.asarray(a)) - center) ** order, axis=axis)


@expands(stats.skew)
def skew(a: Any, axis: Any = 0, bias: Any = True, nan_policy: Any = "propagate", *, keepdims: Any = False) -> Any:
    only_defaults("skew", nan_policy, keepdims)
    y = central(a, axis, 3) / central(a, axis, 2) ** 1.5
    n = count(np.asarray(a), axis)
    return y if bias or n <= 2 else np.sqrt((n - 1.0) * n) / (n - 2.0) * y


@expands(stats.kurtosis)
def kurtosis(
    a: Any,
    axis: Any = 0,
    fisher: Any = True,
    bias: Any = True,
    nan_policy: Any = "propagate",
    *,
    keepdims: Any = False,
) -> Any:
    only_defaults("kurtosis", nan_policy, keepdims)
    y = central(a, axis, 4) / central(a, axis, 2) ** 2
    n = count(np.asarray(a), axis)
    if not bias and n > 3:
        y = ((n * n - 1.0) * y - 3.0 * (n - 1.0) ** 2) / ((n - 2.0) * (n - 3.0)) + 3.0
    return y - 3.0 if fisher else y


@expands(stats.zscore)
def zscore(a: Any, axis: Any = 0, ddof: Any = 0, nan_policy: Any = "propagate") -> Any:
    only_defaults("zscore", nan_policy)
    x = doubles(np.asarray(a))
    return (x - np.mean(x, axis=axis, keepdims=True)) / np.std(x, axis=axis, ddof=ddof, keepdims=True)


# ---- two samples -------------------------------------------------------------------------------


class Correlation(NamedTuple):
    """What `pearsonr` gives."""

    statistic: Any
    pvalue: Any


@expands(stats.pearsonr)
def pearsonr(x: Any, y: Any, *, alternative: Any = "two-sided", method: Any = None, axis: Any = 0) -> Any:
    a = doubles(np.asarray(x))
    b = doubles(np.asarray(y))
    if alternative != "two-sided" or method is not None or np.ndim(a) != 1 or np.ndim(b) != 1:
        unsupported("scipy.stats.pearsonr with these options")
    a = a - np.mean(a)
    b = b - np.mean(b)
    r = np.clip(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)), -1.0, 1.0)
    half = 0.5 * len(a) - 1.0
    return Correlation(r, 2.0 * special.betainc(half, half, 0.5 * (1.0 - np.abs(r))))


class Line(NamedTuple):
    """What `linregress` gives."""

    slope: Any
    intercept: Any
    rvalue: Any
    pvalue: Any
    stderr: Any
    intercept_stderr: Any


@expands(stats.linregress)
def linregress(x: Any, y: Any, alternative: Any = "two-sided") -> Any:
    a = doubles(np.asarray(x))
    b = doubles(np.asarray(y))
    if alternative != "two-sided" or np.ndim(a) != 1 or np.ndim(b) != 1:
        unsupported("scipy.stats.linregress with these options")
    n = len(a)
    middle = np.mean(a)
    a = a - middle
    height = np.mean(b)
    b = b - height
    squares = np.sum(a * a)
    slope = np.sum(a * b) / squares
    r = np.clip(np.sum(a * b) / np.sqrt(squares * np.sum(b * b)), -1.0, 1.0)
    df = n - 2.0
    t = r * np.sqrt(df / ((1.0 - r + 1e-20) * (1.0 + r + 1e-20)))
    error = np.sqrt((1.0 - r * r) * np.sum(b * b) / squares / df)
    return Line(
        slope,
        height - slope * middle,
        r,
        2.0 * special.stdtr(df, -np.abs(t)),
        error,
        error * np.sqrt(squares / n + middle * middle),
    )
