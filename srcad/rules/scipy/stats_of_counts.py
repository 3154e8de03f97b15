"""Distributions of `scipy.stats` on whole numbers: `pmf`, `logpmf`, and of some `cdf` and `sf`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import expands, is_constant
from srcad.rules.scipy.frozen import Frozen, enter

Formula = Callable[..., Any]


def shape_mu(k: Any, mu: Any, loc: Any = 0) -> Any:
    return k, (nonnegative(mu),), loc


def shape_p(k: Any, p: Any, loc: Any = 0) -> Any:
    return k, (proportion(p),), loc


def shapes_n_p(k: Any, n: Any, p: Any, loc: Any = 0) -> Any:
    return k, (nonnegative(n), proportion(p)), loc


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


def up_to_n(k: Any, n: Any, p: Any) -> Any:
    return (k >= 0.0) & (k <= n)


def geom_logpmf(k: Any, p: Any) -> Any:
    return special.xlog1py(k - 1.0, -p) + np.log(p)


def from_one(k: Any, p: Any) -> Any:
    return k >= 1.0


def nbinom_logpmf(k: Any, n: Any, p: Any) -> Any:
    ways = special.gammaln(n + k) - special.gammaln(k + 1.0) - special.gammaln(n)
    return ways + n * np.log(p) + special.xlog1py(k, -p)


define(stats.poisson, shape_mu, poisson_logpmf, from_zero)
define(stats.bernoulli, shape_p, bernoulli_logpmf, is_truth_value)
define(stats.binom, shapes_n_p, binom_logpmf, up_to_n)
define(stats.geom, shape_p, geom_logpmf, from_one)
define(stats.nbinom, shapes_n_p, nbinom_logpmf, from_zero)


@expands(stats.poisson.cdf)
def poisson_cdf(k: Any, mu: Any, loc: Any = 0) -> Any:
    count = np.floor(doubles(k) - loc)
    return np.where(count < 0.0, 0.0, special.pdtr(np.where(count < 0.0, 0.0, count), nonnegative(mu)))


@expands(stats.poisson.sf)
def poisson_sf(k: Any, mu: Any, loc: Any = 0) -> Any:
    count = np.floor(doubles(k) - loc)
    return np.where(count < 0.0, 1.0, special.pdtrc(np.where(count < 0.0, 0.0, count), nonnegative(mu)))
