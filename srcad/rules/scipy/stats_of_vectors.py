"""Distributions of `scipy.stats` of vectors and matrices: normal, t, Dirichlet, multinomial, Wishart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import STAND_INS, expands, unsupported
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


# ---- Student's t of vectors ---------------------------------------------------------------------


@expands(stats.multivariate_t.logpdf)
def t_logpdf(x: Any, loc: Any = None, shape: Any = 1, df: Any = 1) -> Any:
    """Of the vectors along the last axis of x. The shape is a positive matrix, of which the lower triangle is read."""
    place = doubles(x)
    spread = doubles(shape)
    if np.ndim(place) < 1 or np.ndim(place) > 2 or np.ndim(spread) != 2:
        unsupported("multivariate_t of other than vectors and a matrix")
    n = place.shape[-1]
    L = np.linalg.cholesky(spread)
    deviations = place if loc is None else place - doubles(loc)
    scaled = np.linalg.solve(L, deviations.T)
    half = 0.5 * (df + n)
    norm = special.gammaln(half) - special.gammaln(0.5 * df) - 0.5 * n * np.log(df * math.pi)
    return norm - np.sum(np.log(np.diag(L))) - half * np.log1p(np.sum(scaled * scaled, axis=0) / df)


@expands(stats.multivariate_t.pdf)
def t_pdf(x: Any, loc: Any = None, shape: Any = 1, df: Any = 1, allow_singular: Any = False) -> Any:
    if allow_singular:
        unsupported("multivariate_t with allow_singular=True")
    return np.exp(t_logpdf(x, loc, shape, df))


@expands(stats.multivariate_t)
def frozen_t(loc: Any = None, shape: Any = 1, df: Any = 1, allow_singular: Any = False, seed: Any = None) -> Any:
    if allow_singular:
        unsupported("multivariate_t with allow_singular=True")
    return Frozen(stats.multivariate_t, (loc, shape, df), {})


# ---- counts ------------------------------------------------------------------------------------


@expands(stats.multinomial.logpmf)
def multinomial_logpmf(x: Any, n: Any, p: Any) -> Any:
    """Of the counts along the last axis of x. Where the probabilities do not add up to 1, the last one does, as SciPy
    has it."""
    counts = doubles(x)
    chances = doubles(p)
    if np.ndim(chances) != 1 or np.ndim(counts) < 1 or np.ndim(counts) > 2 or np.ndim(n) > 0:
        unsupported("multinomial of other than vectors of counts, a number and one vector of probabilities")
    if abs(1.0 - np.sum(chances)) > _EPSILON:
        chances = np.concatenate((chances[:-1], np.array([1.0 - np.sum(chances[:-1])])))
    known = np.all((chances >= 0.0) & (chances <= 1.0)) & (n >= 0)
    whole = np.all((counts >= 0.0) & (np.floor(counts) == counts), axis=-1) & (np.sum(counts, axis=-1) == n)
    inside = np.where(counts < 0.0, 0.0, counts)
    parts = special.xlogy(inside, chances) - special.gammaln(inside + 1.0)
    y = special.gammaln(n + 1.0) + np.sum(parts, axis=-1)
    return np.where(known, np.where(whole, y, -np.inf), np.nan)


_EPSILON = float(np.finfo(np.float64).eps) * 10.0


@expands(stats.multinomial.pmf)
def multinomial_pmf(x: Any, n: Any, p: Any) -> Any:
    return np.exp(multinomial_logpmf(x, n, p))


@expands(stats.multinomial)
def frozen_multinomial(n: Any, p: Any, seed: Any = None) -> Any:
    return Frozen(stats.multinomial, (n, p), {})


# ---- matrices ----------------------------------------------------------------------------------


@expands(stats.wishart.logpdf)
def wishart_logpdf(x: Any, df: Any, scale: Any) -> Any:
    place = doubles(x)
    spread = doubles(scale)
    if np.ndim(place) != 2 or np.ndim(spread) != 2:
        unsupported("wishart of other than one matrix and a matrix for its scale")
    n = spread.shape[0]
    L = np.linalg.cholesky(spread)
    L_x = np.linalg.cholesky(place)
    scaled = np.linalg.solve(L, L_x)
    norm = 0.5 * df * n * math.log(2.0) + df * np.sum(np.log(np.diag(L))) + special.multigammaln(0.5 * df, n)
    return (df - n - 1.0) * np.sum(np.log(np.diag(L_x))) - 0.5 * np.sum(scaled * scaled) - norm


@expands(stats.wishart.pdf)
def wishart_pdf(x: Any, df: Any, scale: Any) -> Any:
    return np.exp(wishart_logpdf(x, df, scale))


@expands(stats.invwishart.logpdf)
def invwishart_logpdf(x: Any, df: Any, scale: Any) -> Any:
    place = doubles(x)
    spread = doubles(scale)
    if np.ndim(place) != 2 or np.ndim(spread) != 2:
        unsupported("invwishart of other than one matrix and a matrix for its scale")
    n = spread.shape[0]
    L = np.linalg.cholesky(spread)
    L_x = np.linalg.cholesky(place)
    scaled = np.linalg.solve(L_x, L)
    norm = 0.5 * df * n * math.log(2.0) - df * np.sum(np.log(np.diag(L))) + special.multigammaln(0.5 * df, n)
    return -(df + n + 1.0) * np.sum(np.log(np.diag(L_x))) - 0.5 * np.sum(scaled * scaled) - norm


@expands(stats.invwishart.pdf)
def invwishart_pdf(x: Any, df: Any, scale: Any) -> Any:
    return np.exp(invwishart_logpdf(x, df, scale))


@expands(stats.dirichlet)
def frozen_dirichlet(alpha: Any, seed: Any = None) -> Any:
    return Frozen(stats.dirichlet, (alpha,), {})


@expands(stats.wishart)
def frozen_wishart(df: Any = None, scale: Any = None, seed: Any = None) -> Any:
    return Frozen(stats.wishart, (df, scale), {})


# ---- objects with parameters that were made outside ----------------------------------------------


def _as_normal(one: Any) -> Any:
    if one.allow_singular:
        return one
    return Frozen(stats.multivariate_normal, (np.array(one.mean), np.array(one.cov)), {})


STAND_INS[type(stats.multivariate_normal())] = _as_normal
STAND_INS[type(stats.multivariate_t(np.zeros(2)))] = lambda one: Frozen(
    stats.multivariate_t, (np.array(one.loc), np.array(one.shape), float(one.df)), {}
)
STAND_INS[type(stats.dirichlet(np.ones(2)))] = lambda one: Frozen(stats.dirichlet, (np.array(one.alpha),), {})
STAND_INS[type(stats.multinomial(1, np.ones(1)))] = lambda one: Frozen(
    stats.multinomial, (int(one.n), np.array(one.p)), {}
)
STAND_INS[type(stats.wishart(2, 1))] = lambda one: Frozen(stats.wishart, (float(one.df), np.array(one.scale)), {})
