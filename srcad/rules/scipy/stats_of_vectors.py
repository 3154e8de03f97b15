"""Distributions of `scipy.stats` of vectors: `multivariate_normal` and `dirichlet`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import expands, unsupported
from srcad.rules.scipy.frozen import Frozen


@expands(stats.multivariate_normal.logpdf)
def normal_logpdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: Any = False) -> Any:
    """Of the vectors along the last axis of x. The covariance is a number, a diagonal, or a positive matrix."""
    if allow_singular:
        unsupported("multivariate_normal with allow_singular=True")
    place = doubles(x)
    middle = 0.0 if mean is None else doubles(mean)
    spread = doubles(cov)
    if np.ndim(place) == 0 or (np.ndim(middle) == 0 and np.ndim(spread) < 1):
        return scalar_logpdf(place, middle, spread)
    if np.ndim(place) > 2:
        unsupported("multivariate_normal of points in more than two axes")
    if np.ndim(middle) > 1:
        unsupported("multivariate_normal with a mean of several axes")
    n = place.shape[-1]
    deviations = place - middle
    if np.ndim(spread) < 2:
        variances = spread + np.zeros(n)
        scaled = deviations / np.sqrt(variances)
        log_det = np.sum(np.log(variances))
        squares = np.sum(scaled * scaled, axis=-1)
    else:
        if np.ndim(spread) > 2:
            unsupported("multivariate_normal with a covariance of several matrices")
        # SciPy reads the lower triangle too
        L = np.linalg.cholesky(spread)
        log_det = 2.0 * np.sum(np.log(np.diag(L)))
        scaled = np.linalg.solve(L, deviations.T)
        squares = np.sum(scaled * scaled, axis=0)
    return -0.5 * (squares + log_det + n * math.log(2.0 * math.pi))


def scalar_logpdf(x: Any, mean: Any, cov: Any) -> Any:
    if np.ndim(x) > 1 or np.ndim(mean) > 0 or np.ndim(cov) > 0:
        unsupported("multivariate_normal of one dimension with arrays for parameters")
    return -0.5 * ((x - mean) ** 2 / cov + np.log(cov) + math.log(2.0 * math.pi))


@expands(stats.multivariate_normal.pdf)
def normal_pdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: Any = False) -> Any:
    return np.exp(normal_logpdf(x, mean, cov, allow_singular))


@expands(stats.multivariate_normal)
def frozen_normal(mean: Any = None, cov: Any = 1, allow_singular: Any = False, seed: Any = None) -> Any:
    return Frozen(stats.multivariate_normal, (mean, cov, allow_singular), {})


@expands(stats.dirichlet.logpdf)
def dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    parts = doubles(x)
    weights = doubles(alpha)
    if np.ndim(parts) != 1 or np.ndim(weights) != 1:
        unsupported("dirichlet of other than one vector")
    if len(parts) == len(weights) - 1:
        parts = np.concatenate((parts, np.array([1.0 - np.sum(parts)])))
    norm = special.gammaln(np.sum(weights)) - np.sum(special.gammaln(weights))
    return norm + np.sum(special.xlogy(weights - 1.0, parts))


@expands(stats.dirichlet.pdf)
def dirichlet_pdf(x: Any, alpha: Any) -> Any:
    return np.exp(dirichlet_logpdf(x, alpha))
