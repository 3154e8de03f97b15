"""Distributions of `scipy.stats` that are made of normal variables, in standard form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.expansions.math_module import doubles
from srcad.rules.scipy.distributions import (
    any_a,
    any_a_and_b,
    define,
    no_shape,
    shape_b,
    shape_c,
    shape_K,
    shape_mu,
)
from srcad.rules.scipy.stats_on_half_line import from_zero, outside_unit
from srcad.rules.scipy.stats_on_line import norm_logpdf

_LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)

# ---- truncated ---------------------------------------------------------------------------------


def bounds_a_b(x: Any, a: Any, b: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    low = doubles(a)
    return x, (np.where(low < b, low, np.nan), doubles(b)), loc, scale


def log_mass(a: Any, b: Any) -> Any:
    """The logarithm of what a normal variable has between a and b: of the tail that is the smaller."""
    right = a > 0.0
    high = special.log_ndtr(np.where(right, -a, b))
    low = special.log_ndtr(np.where(right, -b, a))
    return high + np.log(-np.expm1(low - high))


def truncnorm_logpdf(z: Any, a: Any, b: Any) -> Any:
    return np.where((z < a) | (z > b), -np.inf, norm_logpdf(z) - log_mass(a, b))


def truncnorm_logcdf(z: Any, a: Any, b: Any) -> Any:
    inside = (z > a) & (z < b)
    share = log_mass(np.where(inside, a, -1.0), np.where(inside, z, 1.0)) - log_mass(a, b)
    return np.where(inside, share, np.where(z <= a, -np.inf, 0.0))


def truncnorm_logsf(z: Any, a: Any, b: Any) -> Any:
    inside = (z > a) & (z < b)
    share = log_mass(np.where(inside, z, -1.0), np.where(inside, b, 1.0)) - log_mass(a, b)
    return np.where(inside, share, np.where(z <= a, 0.0, -np.inf))


def truncnorm_cdf(z: Any, a: Any, b: Any) -> Any:
    return np.exp(truncnorm_logcdf(z, a, b))


def truncnorm_sf(z: Any, a: Any, b: Any) -> Any:
    return np.exp(truncnorm_logsf(z, a, b))


def truncnorm_ppf(q: Any, a: Any, b: Any) -> Any:
    right = a > 0.0
    low = special.ndtr(np.where(right, -b, a))
    high = special.ndtr(np.where(right, -a, b))
    x = special.ndtri(low + np.where(right, 1.0 - q, q) * (high - low))
    return np.where(right, -x, x)


def truncnorm_isf(q: Any, a: Any, b: Any) -> Any:
    right = a > 0.0
    low = special.ndtr(np.where(right, -b, a))
    high = special.ndtr(np.where(right, -a, b))
    x = special.ndtri(low + np.where(right, q, 1.0 - q) * (high - low))
    return np.where(right, -x, x)


# ---- skewed ------------------------------------------------------------------------------------


def skewnorm_logpdf(z: Any, a: Any) -> Any:
    return math.log(2.0) + norm_logpdf(z) + special.log_ndtr(a * z)


def exponnorm_tail(z: Any, K: Any) -> Any:
    return (0.5 / K - z) / K + special.log_ndtr(z - 1.0 / K)


def exponnorm_logpdf(z: Any, K: Any) -> Any:
    return exponnorm_tail(z, K) - np.log(K)


def exponnorm_cdf(z: Any, K: Any) -> Any:
    return special.ndtr(z) - np.exp(exponnorm_tail(z, K))


def exponnorm_sf(z: Any, K: Any) -> Any:
    return special.ndtr(-z) + np.exp(exponnorm_tail(z, K))


def moyal_logpdf(z: Any) -> Any:
    return -0.5 * (z + np.exp(-z)) - _LOG_ROOT_2_PI


def moyal_cdf(z: Any) -> Any:
    return special.erfc(np.exp(-0.5 * z) * math.sqrt(0.5))


def moyal_sf(z: Any) -> Any:
    return special.erf(np.exp(-0.5 * z) * math.sqrt(0.5))


def moyal_ppf(q: Any) -> Any:
    return -np.log(2.0 * special.erfcinv(q) ** 2)


def moyal_isf(q: Any) -> Any:
    return -np.log(2.0 * special.erfinv(q) ** 2)


# ---- transformed -------------------------------------------------------------------------------


def johnsonsu_logpdf(z: Any, a: Any, b: Any) -> Any:
    return np.log(b) - 0.5 * np.log1p(z * z) + norm_logpdf(a + b * np.arcsinh(z))


def johnsonsu_cdf(z: Any, a: Any, b: Any) -> Any:
    return special.ndtr(a + b * np.arcsinh(z))


def johnsonsu_sf(z: Any, a: Any, b: Any) -> Any:
    return special.ndtr(-a - b * np.arcsinh(z))


def johnsonsu_ppf(q: Any, a: Any, b: Any) -> Any:
    return np.sinh((special.ndtri(q) - a) / b)


def johnsonsu_isf(q: Any, a: Any, b: Any) -> Any:
    return np.sinh((-special.ndtri(q) - a) / b)


def johnsonsb_logpdf(z: Any, a: Any, b: Any) -> Any:
    outside = (z <= 0.0) | (z >= 1.0)
    x = np.where(outside, 0.5, z)
    density = np.log(b) - np.log(x) - np.log1p(-x) + norm_logpdf(a + b * special.logit(x))
    return np.where(outside, -np.inf, density)


def johnsonsb_cdf(z: Any, a: Any, b: Any) -> Any:
    inside = special.ndtr(a + b * special.logit(np.where(outside_unit(z), 0.5, z)))
    return np.where(z <= 0.0, 0.0, np.where(z >= 1.0, 1.0, inside))


def johnsonsb_sf(z: Any, a: Any, b: Any) -> Any:
    inside = special.ndtr(-a - b * special.logit(np.where(outside_unit(z), 0.5, z)))
    return np.where(z <= 0.0, 1.0, np.where(z >= 1.0, 0.0, inside))


def johnsonsb_ppf(q: Any, a: Any, b: Any) -> Any:
    return special.expit((special.ndtri(q) - a) / b)


def johnsonsb_isf(q: Any, a: Any, b: Any) -> Any:
    return special.expit((-special.ndtri(q) - a) / b)


def foldnorm_logpdf(z: Any, c: Any) -> Any:
    inside = from_zero(z)
    both = norm_logpdf(inside - c) + np.log1p(np.exp(-2.0 * c * inside))
    return np.where(z < 0.0, -np.inf, both)


def foldnorm_cdf(z: Any, c: Any) -> Any:
    x = from_zero(z)
    half = math.sqrt(0.5)
    return np.where(z < 0.0, 0.0, 0.5 * (special.erf((x - c) * half) + special.erf((x + c) * half)))


def foldnorm_sf(z: Any, c: Any) -> Any:
    x = from_zero(z)
    return np.where(z < 0.0, 1.0, special.ndtr(c - x) + special.ndtr(-x - c))


def rice_logpdf(z: Any, b: Any) -> Any:
    outside = z <= 0.0
    x = np.where(outside, 1.0, z)
    return np.where(outside, -np.inf, np.log(x) - 0.5 * (x - b) ** 2 + np.log(special.i0e(x * b)))


# ---- first passage -----------------------------------------------------------------------------


def invgauss_logpdf(z: Any, mu: Any) -> Any:
    outside = z <= 0.0
    x = np.where(outside, 1.0, z)
    return np.where(outside, -np.inf, -_LOG_ROOT_2_PI - 1.5 * np.log(x) - 0.5 * ((x - mu) / mu) ** 2 / x)


def invgauss_logcdf(z: Any, mu: Any) -> Any:
    outside = z <= 0.0
    x = np.where(outside, 1.0, z)
    first = special.log_ndtr((x / mu - 1.0) / np.sqrt(x))
    second = 2.0 / mu + special.log_ndtr(-(x / mu + 1.0) / np.sqrt(x))
    return np.where(outside, -np.inf, first + np.log1p(np.exp(second - first)))


def invgauss_logsf(z: Any, mu: Any) -> Any:
    outside = z <= 0.0
    x = np.where(outside, 1.0, z)
    first = special.log_ndtr(-(x / mu - 1.0) / np.sqrt(x))
    second = 2.0 / mu + special.log_ndtr(-(x / mu + 1.0) / np.sqrt(x))
    return np.where(outside, 0.0, first + np.log1p(-np.exp(second - first)))


def invgauss_cdf(z: Any, mu: Any) -> Any:
    return np.exp(invgauss_logcdf(z, mu))


def invgauss_sf(z: Any, mu: Any) -> Any:
    return np.exp(invgauss_logsf(z, mu))


def wald_logpdf(z: Any) -> Any:
    return invgauss_logpdf(z, 1.0)


def wald_logcdf(z: Any) -> Any:
    return invgauss_logcdf(z, 1.0)


def wald_logsf(z: Any) -> Any:
    return invgauss_logsf(z, 1.0)


def wald_cdf(z: Any) -> Any:
    return np.exp(invgauss_logcdf(z, 1.0))


def wald_sf(z: Any) -> Any:
    return np.exp(invgauss_logsf(z, 1.0))


define(
    stats.truncnorm, bounds_a_b, truncnorm_logpdf, truncnorm_cdf, truncnorm_sf, truncnorm_ppf, truncnorm_isf,
    truncnorm_logcdf, truncnorm_logsf,
)  # fmt: skip
define(stats.skewnorm, any_a, skewnorm_logpdf)
define(stats.exponnorm, shape_K, exponnorm_logpdf, exponnorm_cdf, exponnorm_sf)
define(stats.moyal, no_shape, moyal_logpdf, moyal_cdf, moyal_sf, moyal_ppf, moyal_isf)
define(stats.johnsonsu, any_a_and_b, johnsonsu_logpdf, johnsonsu_cdf, johnsonsu_sf, johnsonsu_ppf, johnsonsu_isf)
define(stats.johnsonsb, any_a_and_b, johnsonsb_logpdf, johnsonsb_cdf, johnsonsb_sf, johnsonsb_ppf, johnsonsb_isf)
define(stats.foldnorm, shape_c, foldnorm_logpdf, foldnorm_cdf, foldnorm_sf)
define(stats.rice, shape_b, rice_logpdf)
define(
    stats.invgauss, shape_mu, invgauss_logpdf, invgauss_cdf, invgauss_sf, logcdf=invgauss_logcdf, logsf=invgauss_logsf
)
define(stats.wald, no_shape, wald_logpdf, wald_cdf, wald_sf, logcdf=wald_logcdf, logsf=wald_logsf)
