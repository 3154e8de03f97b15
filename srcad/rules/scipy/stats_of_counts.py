"""Distributions of `scipy.stats` on whole numbers: `pmf`, `logpmf`, and of some `cdf`, `sf` and their logarithms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import expands, is_constant
from srcad.rules.scipy.distributions import positive
from srcad.rules.scipy.frozen import Frozen, enter

Formula = Callable[..., Any]


def shape_mu(k: Any, mu: Any, loc: Any = 0) -> Any:
    return k, (nonnegative(mu),), loc


def shape_p(k: Any, p: Any, loc: Any = 0) -> Any:
    return k, (proportion(p),), loc


def shapes_n_p(k: Any, n: Any, p: Any, loc: Any = 0) -> Any:
    return k, (nonnegative(n), proportion(p)), loc


def shapes_n_a_b(k: Any, n: Any, a: Any, b: Any, loc: Any = 0) -> Any:
    return k, (nonnegative(n), positive(a), positive(b)), loc


def shapes_mu1_mu2(k: Any, mu1: Any, mu2: Any, loc: Any = 0) -> Any:
    return k, (positive(mu1), positive(mu2)), loc


def nonnegative(value: Any) -> Any:
    if is_constant(value) and value >= 0:
        return value
    number = doubles(value)
    return np.where(number >= 0.0, number, np.nan)


def proportion(value: Any) -> Any:
    if is_constant(value) and 0 <= value <= 1:
        return value
    number = doubles(value)
    return np.where((number >= 0.0) & (number <= 1.0), number, np.nan)


def define(distribution: Any, parameters: Formula, logpmf: Formula, inside: Formula) -> None:
    """Make `pmf` and `logpmf` expansions of the logarithm for a whole number that is inside of the support."""

    def logpmf_of(*args: Any, **keywords: Any) -> Any:
        k, shapes, loc = parameters(*args, **keywords)
        count = doubles(k)
        if not (is_constant(loc) and loc == 0):
            count = count - loc
        valid = (np.floor(count) == count) & inside(count, *shapes)
        return np.where(
            valid, logpmf(np.where(valid, count, 1.0), *shapes), np.where(known(count, *shapes), -np.inf, np.nan)
        )

    def pmf_of(*args: Any, **keywords: Any) -> Any:
        return np.exp(logpmf_of(*args, **keywords))

    def frozen(*args: Any, **keywords: Any) -> Any:
        return Frozen(distribution, args, keywords)

    expands(distribution.logpmf)(logpmf_of)
    expands(distribution.pmf)(pmf_of)
    expands(distribution, distribution.freeze)(frozen)
    enter(distribution)


def known(count: Any, *shapes: Any) -> Any:
    """Whether nothing is NaN."""
    found = count == count
    for shape in shapes:
        found = found & (shape == shape)
    return found


def from_zero(k: Any, *shapes: Any) -> Any:
    return k >= 0.0


def poisson_logpmf(k: Any, mu: Any) -> Any:
    return special.xlogy(k, mu) - special.gammaln(k + 1.0) - mu


def bernoulli_logpmf(k: Any, p: Any) -> Any:
    return special.xlogy(k, p) + special.xlog1py(1.0 - k, -p)


def is_truth_value(k: Any, p: Any) -> Any:
    return (k == 0.0) | (k == 1.0)


def binom_logpmf(k: Any, n: Any, p: Any) -> Any:
    rest = n - k
    ways = special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(rest + 1.0)
    return ways + special.xlogy(k, p) + special.xlog1py(rest, -p)


def up_to_n(k: Any, n: Any, *others: Any) -> Any:
    return (k >= 0.0) & (k <= n)


def geom_logpmf(k: Any, p: Any) -> Any:
    return special.xlog1py(k - 1.0, -p) + np.log(p)


def from_one(k: Any, p: Any) -> Any:
    return k >= 1.0


def nbinom_logpmf(k: Any, n: Any, p: Any) -> Any:
    ways = special.gammaln(n + k) - special.gammaln(k + 1.0) - special.gammaln(n)
    return ways + n * np.log(p) + special.xlog1py(k, -p)


def betabinom_logpmf(k: Any, n: Any, a: Any, b: Any) -> Any:
    rest = n - k
    ways = -np.log(n + 1.0) - special.betaln(rest + 1.0, k + 1.0)
    return ways + special.betaln(k + a, rest + b) - special.betaln(a, b)


def logser_logpmf(k: Any, p: Any) -> Any:
    return k * np.log(p) - np.log(k) - np.log(-np.log1p(-p))


def skellam_logpmf(k: Any, mu1: Any, mu2: Any) -> Any:
    bessel = special.ive(np.abs(k), 2.0 * np.sqrt(mu1 * mu2))
    return 0.5 * k * np.log(mu1 / mu2) - (np.sqrt(mu1) - np.sqrt(mu2)) ** 2 + np.log(bessel)


def everywhere(k: Any, *shapes: Any) -> Any:
    return k == k


define(stats.poisson, shape_mu, poisson_logpmf, from_zero)
define(stats.bernoulli, shape_p, bernoulli_logpmf, is_truth_value)
define(stats.binom, shapes_n_p, binom_logpmf, up_to_n)
define(stats.geom, shape_p, geom_logpmf, from_one)
define(stats.nbinom, shapes_n_p, nbinom_logpmf, from_zero)

define(stats.betabinom, shapes_n_a_b, betabinom_logpmf, up_to_n)
define(stats.logser, shape_p, logser_logpmf, from_one)
define(stats.skellam, shapes_mu1_mu2, skellam_logpmf, everywhere)

# ---- distribution functions ---------------------------------------------------------------------


def define_tails(distribution: Any, parameters: Formula, first: int, cdf: Formula, sf: Formula) -> None:
    """Make `cdf`, `sf` and their logarithms expansions of formulas for whole numbers from `first` on."""

    def tail_of(formula: Formula, below: float, args: Any, keywords: Any) -> Any:
        k, shapes, loc = parameters(*args, **keywords)
        count = np.floor(doubles(k) - loc)
        outside = count < first
        inside = formula(np.where(outside, 1.0 * first, count), *shapes)
        return np.where(outside, np.where(known(count, *shapes), below, np.nan), inside)

    def cdf_of(*args: Any, **keywords: Any) -> Any:
        return tail_of(cdf, 0.0, args, keywords)

    def sf_of(*args: Any, **keywords: Any) -> Any:
        return tail_of(sf, 1.0, args, keywords)

    def logcdf_of(*args: Any, **keywords: Any) -> Any:
        return np.log(cdf_of(*args, **keywords))

    def logsf_of(*args: Any, **keywords: Any) -> Any:
        return np.log(sf_of(*args, **keywords))

    for method in (cdf_of, sf_of, logcdf_of, logsf_of):
        expands(getattr(distribution, method.__name__.removesuffix("_of")))(method)


def binom_cdf(k: Any, n: Any, p: Any) -> Any:
    inside = k < n
    return np.where(inside, special.betaincc(k + 1.0, np.where(inside, n - k, 1.0), p), 1.0)


def binom_sf(k: Any, n: Any, p: Any) -> Any:
    inside = k < n
    return np.where(inside, special.betainc(k + 1.0, np.where(inside, n - k, 1.0), p), 0.0)


def nbinom_cdf(k: Any, n: Any, p: Any) -> Any:
    return special.betainc(n, k + 1.0, p)


def nbinom_sf(k: Any, n: Any, p: Any) -> Any:
    return special.betaincc(n, k + 1.0, p)


def geom_cdf(k: Any, p: Any) -> Any:
    return -np.expm1(k * np.log1p(-p))


def geom_sf(k: Any, p: Any) -> Any:
    return np.exp(k * np.log1p(-p))


def bernoulli_cdf(k: Any, p: Any) -> Any:
    return np.where(k < 1.0, 1.0 - p, 1.0)


def bernoulli_sf(k: Any, p: Any) -> Any:
    return np.where(k < 1.0, p, 0.0)


define_tails(stats.poisson, shape_mu, 0, special.pdtr, special.pdtrc)
define_tails(stats.binom, shapes_n_p, 0, binom_cdf, binom_sf)
define_tails(stats.nbinom, shapes_n_p, 0, nbinom_cdf, nbinom_sf)
define_tails(stats.geom, shape_p, 1, geom_cdf, geom_sf)
define_tails(stats.bernoulli, shape_p, 0, bernoulli_cdf, bernoulli_sf)
