"""Distributions of `scipy.stats` on the positive numbers, or on the unit interval, in standard form.

Outside of the support of a distribution nothing is computed: there the derivative is that of a constant.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.scipy.distributions import define, no_shape, shape_a, shape_b, shape_c, shape_df, shape_s, shapes_a_b

_LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)

# ---- from zero on ------------------------------------------------------------------------------


def from_zero(z: Any) -> Any:
    """z where it is not negative, else a number inside."""
    return np.where(z < 0.0, 1.0, z)


def expon_logpdf(z: Any) -> Any:
    return np.where(z < 0.0, -np.inf, -z)


def expon_cdf(z: Any) -> Any:
    return np.where(z < 0.0, 0.0, -np.expm1(-from_zero(z)))


def expon_sf(z: Any) -> Any:
    return np.where(z < 0.0, 1.0, np.exp(-from_zero(z)))


def expon_logcdf(z: Any) -> Any:
    return np.where(z <= 0.0, -np.inf, np.log(-np.expm1(-np.where(z <= 0.0, 1.0, z))))


def expon_logsf(z: Any) -> Any:
    return np.where(z < 0.0, 0.0, -z)


def expon_ppf(q: Any) -> Any:
    return -np.log1p(-q)


def expon_isf(q: Any) -> Any:
    return -np.log(q)


def gamma_logpdf(z: Any, a: Any) -> Any:
    inside = from_zero(z)
    return np.where(z < 0.0, -np.inf, special.xlogy(a - 1.0, inside) - inside - special.gammaln(a))


def gamma_cdf(z: Any, a: Any) -> Any:
    return np.where(z < 0.0, 0.0, special.gammainc(a, from_zero(z)))


def gamma_sf(z: Any, a: Any) -> Any:
    return np.where(z < 0.0, 1.0, special.gammaincc(a, from_zero(z)))


def gamma_ppf(q: Any, a: Any) -> Any:
    return special.gammaincinv(a, q)


def gamma_isf(q: Any, a: Any) -> Any:
    return special.gammainccinv(a, q)


def chi2_logpdf(z: Any, df: Any) -> Any:
    inside = from_zero(z)
    half = 0.5 * df
    density = special.xlogy(half - 1.0, inside) - 0.5 * inside - special.gammaln(half) - math.log(2.0) * half
    return np.where(z < 0.0, -np.inf, density)


def chi2_cdf(z: Any, df: Any) -> Any:
    return np.where(z < 0.0, 0.0, special.chdtr(df, from_zero(z)))


def chi2_sf(z: Any, df: Any) -> Any:
    return np.where(z < 0.0, 1.0, special.chdtrc(df, from_zero(z)))


def chi2_ppf(q: Any, df: Any) -> Any:
    return 2.0 * special.gammaincinv(0.5 * df, q)


def chi2_isf(q: Any, df: Any) -> Any:
    return 2.0 * special.gammainccinv(0.5 * df, q)


def lognorm_logpdf(z: Any, s: Any) -> Any:
    outside = z <= 0.0
    log = np.log(np.where(outside, 1.0, z))
    return np.where(outside, -np.inf, -0.5 * (log / s) ** 2 - np.log(s) - log - _LOG_ROOT_2_PI)


def lognorm_cdf(z: Any, s: Any) -> Any:
    outside = z <= 0.0
    return np.where(outside, 0.0, special.ndtr(np.log(np.where(outside, 1.0, z)) / s))


def lognorm_sf(z: Any, s: Any) -> Any:
    outside = z <= 0.0
    return np.where(outside, 1.0, special.ndtr(-np.log(np.where(outside, 1.0, z)) / s))


def lognorm_logcdf(z: Any, s: Any) -> Any:
    outside = z <= 0.0
    return np.where(outside, -np.inf, special.log_ndtr(np.log(np.where(outside, 1.0, z)) / s))


def lognorm_logsf(z: Any, s: Any) -> Any:
    outside = z <= 0.0
    return np.where(outside, 0.0, special.log_ndtr(-np.log(np.where(outside, 1.0, z)) / s))


def lognorm_ppf(q: Any, s: Any) -> Any:
    return np.exp(s * special.ndtri(q))


def lognorm_isf(q: Any, s: Any) -> Any:
    return np.exp(-s * special.ndtri(q))


def halfnorm_logpdf(z: Any) -> Any:
    return np.where(z < 0.0, -np.inf, 0.5 * math.log(2.0 / math.pi) - 0.5 * z * z)


def halfnorm_cdf(z: Any) -> Any:
    return np.where(z < 0.0, 0.0, special.erf(from_zero(z) * math.sqrt(0.5)))


def halfnorm_sf(z: Any) -> Any:
    return np.where(z < 0.0, 1.0, special.erfc(from_zero(z) * math.sqrt(0.5)))


def halfnorm_ppf(q: Any) -> Any:
    return special.ndtri(0.5 * (1.0 + q))


def halfnorm_isf(q: Any) -> Any:
    return -special.ndtri(0.5 * q)


def rayleigh_logpdf(z: Any) -> Any:
    inside = np.where(z <= 0.0, 1.0, z)
    return np.where(z <= 0.0, -np.inf, np.log(inside) - 0.5 * inside * inside)


def rayleigh_cdf(z: Any) -> Any:
    return np.where(z < 0.0, 0.0, -np.expm1(-0.5 * z * z))


def rayleigh_sf(z: Any) -> Any:
    return np.where(z < 0.0, 1.0, np.exp(-0.5 * z * z))


def rayleigh_logsf(z: Any) -> Any:
    return np.where(z < 0.0, 0.0, -0.5 * z * z)


def rayleigh_ppf(q: Any) -> Any:
    return np.sqrt(-2.0 * np.log1p(-q))


def rayleigh_isf(q: Any) -> Any:
    return np.sqrt(-2.0 * np.log(q))


def weibull_min_logpdf(z: Any, c: Any) -> Any:
    inside = from_zero(z)
    return np.where(z < 0.0, -np.inf, np.log(c) + special.xlogy(c - 1.0, inside) - inside**c)


def weibull_min_cdf(z: Any, c: Any) -> Any:
    return np.where(z < 0.0, 0.0, -np.expm1(-(from_zero(z) ** c)))


def weibull_min_sf(z: Any, c: Any) -> Any:
    return np.where(z < 0.0, 1.0, np.exp(-(from_zero(z) ** c)))


def weibull_min_logsf(z: Any, c: Any) -> Any:
    return np.where(z < 0.0, 0.0, -(from_zero(z) ** c))


def weibull_min_ppf(q: Any, c: Any) -> Any:
    return (-np.log1p(-q)) ** (1.0 / c)


def weibull_min_isf(q: Any, c: Any) -> Any:
    return (-np.log(q)) ** (1.0 / c)


def pareto_logpdf(z: Any, b: Any) -> Any:
    return np.where(z < 1.0, -np.inf, np.log(b) - (b + 1.0) * np.log(np.where(z < 1.0, 1.0, z)))


def pareto_cdf(z: Any, b: Any) -> Any:
    return np.where(z < 1.0, 0.0, 1.0 - np.where(z < 1.0, 1.0, z) ** -b)


def pareto_sf(z: Any, b: Any) -> Any:
    return np.where(z < 1.0, 1.0, np.where(z < 1.0, 1.0, z) ** -b)


def pareto_ppf(q: Any, b: Any) -> Any:
    return (1.0 - q) ** (-1.0 / b)


def pareto_isf(q: Any, b: Any) -> Any:
    return q ** (-1.0 / b)


# ---- between zero and one ----------------------------------------------------------------------


def outside_unit(z: Any) -> Any:
    return (z < 0.0) | (z > 1.0)


def beta_logpdf(z: Any, a: Any, b: Any) -> Any:
    outside = outside_unit(z)
    x = np.where(outside, 0.5, z)
    density = special.xlog1py(b - 1.0, -x) + special.xlogy(a - 1.0, x) - special.betaln(a, b)
    return np.where(outside, -np.inf, density)


def beta_cdf(z: Any, a: Any, b: Any) -> Any:
    inside = special.betainc(a, b, np.where(outside_unit(z), 0.5, z))
    return np.where(z < 0.0, 0.0, np.where(z > 1.0, 1.0, inside))


def beta_sf(z: Any, a: Any, b: Any) -> Any:
    inside = special.betaincc(a, b, np.where(outside_unit(z), 0.5, z))
    return np.where(z < 0.0, 1.0, np.where(z > 1.0, 0.0, inside))


def beta_ppf(q: Any, a: Any, b: Any) -> Any:
    return special.betaincinv(a, b, q)


def beta_isf(q: Any, a: Any, b: Any) -> Any:
    return special.betainccinv(a, b, q)


def uniform_logpdf(z: Any) -> Any:
    return np.where(outside_unit(z), -np.inf, 0.0 * z)


def uniform_cdf(z: Any) -> Any:
    return np.where(z < 0.0, 0.0, np.where(z > 1.0, 1.0, z))


def uniform_sf(z: Any) -> Any:
    return np.where(z < 0.0, 1.0, np.where(z > 1.0, 0.0, 1.0 - z))


def uniform_ppf(q: Any) -> Any:
    return q


def uniform_isf(q: Any) -> Any:
    return 1.0 - q


define(
    stats.expon, no_shape, expon_logpdf, expon_cdf, expon_sf, expon_ppf, expon_isf, expon_logcdf, expon_logsf
)  # fmt: skip
define(stats.gamma, shape_a, gamma_logpdf, gamma_cdf, gamma_sf, gamma_ppf, gamma_isf)
define(stats.chi2, shape_df, chi2_logpdf, chi2_cdf, chi2_sf, chi2_ppf, chi2_isf)
define(
    stats.lognorm, shape_s, lognorm_logpdf, lognorm_cdf, lognorm_sf, lognorm_ppf, lognorm_isf,
    lognorm_logcdf, lognorm_logsf,
)  # fmt: skip
define(stats.halfnorm, no_shape, halfnorm_logpdf, halfnorm_cdf, halfnorm_sf, halfnorm_ppf, halfnorm_isf)
define(
    stats.rayleigh, no_shape, rayleigh_logpdf, rayleigh_cdf, rayleigh_sf, rayleigh_ppf, rayleigh_isf,
    logsf=rayleigh_logsf,
)  # fmt: skip
define(
    stats.weibull_min, shape_c, weibull_min_logpdf, weibull_min_cdf, weibull_min_sf, weibull_min_ppf, weibull_min_isf,
    logsf=weibull_min_logsf,
)  # fmt: skip
define(stats.pareto, shape_b, pareto_logpdf, pareto_cdf, pareto_sf, pareto_ppf, pareto_isf)
define(stats.beta, shapes_a_b, beta_logpdf, beta_cdf, beta_sf, beta_ppf, beta_isf)
define(stats.uniform, no_shape, uniform_logpdf, uniform_cdf, uniform_sf, uniform_ppf, uniform_isf)
