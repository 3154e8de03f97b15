"""Distributions of `scipy.stats` on intervals and circles, and two-sided ones, in standard form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.expansions.math_module import doubles
from srcad.rules.scipy.distributions import define, no_shape, shape_a, shape_b, shape_c, shape_kappa
from srcad.rules.scipy.stats_on_half_line import from_zero, outside_unit

# ---- intervals ---------------------------------------------------------------------------------


def outside_of(z: Any, b: Any) -> Any:
    return (z < 0.0) | (z > b)


def truncexpon_logpdf(z: Any, b: Any) -> Any:
    return np.where(outside_of(z, b), -np.inf, -z - np.log(-np.expm1(-b)))


def truncexpon_cdf(z: Any, b: Any) -> Any:
    inside = np.expm1(-np.where(outside_of(z, b), 0.0, z)) / np.expm1(-b)
    return np.where(z < 0.0, 0.0, np.where(z > b, 1.0, inside))


def truncexpon_sf(z: Any, b: Any) -> Any:
    inside = (np.exp(-b) - np.exp(-np.where(outside_of(z, b), 0.0, z))) / np.expm1(-b)
    return np.where(z < 0.0, 1.0, np.where(z > b, 0.0, inside))


def truncexpon_ppf(q: Any, b: Any) -> Any:
    return -np.log1p(q * np.expm1(-b))


def truncexpon_isf(q: Any, b: Any) -> Any:
    return -np.log(np.exp(-b) - q * np.expm1(-b))


def mode_c(x: Any, c: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    mode = doubles(c)
    return x, (np.where((mode >= 0.0) & (mode <= 1.0), mode, np.nan),), loc, scale


def triang_pdf(z: Any, c: Any) -> Any:
    rising = 2.0 * z / np.where(c > 0.0, c, 1.0)
    falling = 2.0 * (1.0 - z) / np.where(c < 1.0, 1.0 - c, 1.0)
    left = ((z < c) | (c == 1.0)) & (c > 0.0)
    return np.where(outside_unit(z), 0.0, np.where(left, rising, np.where(c == c, falling, np.nan)))


def triang_logpdf(z: Any, c: Any) -> Any:
    density = triang_pdf(z, c)
    return np.where(density == 0.0, -np.inf, np.log(np.where(density == 0.0, 1.0, density)))


def triang_cdf(z: Any, c: Any) -> Any:
    x = np.where(outside_unit(z), 0.0, z)
    rising = x * x / np.where(c > 0.0, c, 1.0)
    falling = 1.0 - (1.0 - x) ** 2 / np.where(c < 1.0, 1.0 - c, 1.0)
    left = ((x < c) | (c == 1.0)) & (c > 0.0)
    inside = np.where(left, rising, np.where(c == c, falling, np.nan))
    return np.where(z < 0.0, 0.0, np.where(z > 1.0, 1.0, inside))


def triang_sf(z: Any, c: Any) -> Any:
    return triang_cdf(1.0 - z, 1.0 - c)


def triang_ppf(q: Any, c: Any) -> Any:
    return np.where(q < c, np.sqrt(c * q), 1.0 - np.sqrt((1.0 - c) * (1.0 - q)))


def triang_isf(q: Any, c: Any) -> Any:
    return 1.0 - triang_ppf(q, 1.0 - c)


def powerlaw_logpdf(z: Any, a: Any) -> Any:
    density = np.log(a) + special.xlogy(a - 1.0, np.where(outside_unit(z), 0.5, z))
    return np.where(outside_unit(z), -np.inf, density)


def powerlaw_cdf(z: Any, a: Any) -> Any:
    inside = np.where(outside_unit(z), 0.5, z) ** a
    return np.where(z < 0.0, 0.0, np.where(z > 1.0, 1.0, inside))


def powerlaw_sf(z: Any, a: Any) -> Any:
    inside = -special.powm1(np.where(outside_unit(z), 0.5, z), a)
    return np.where(z < 0.0, 1.0, np.where(z > 1.0, 0.0, inside))


def powerlaw_ppf(q: Any, a: Any) -> Any:
    return q ** (1.0 / a)


def powerlaw_isf(q: Any, a: Any) -> Any:
    return (1.0 - q) ** (1.0 / a)


def arcsine_logpdf(z: Any) -> Any:
    at_end = (z == 0.0) | (z == 1.0)
    x = np.where(outside_unit(z) | at_end, 0.5, z)
    density = -math.log(math.pi) - 0.5 * np.log(x) - 0.5 * np.log1p(-x)
    return np.where(outside_unit(z), -np.inf, np.where(at_end, np.inf, density))


def arcsine_cdf(z: Any) -> Any:
    inside = 2.0 / math.pi * np.arcsin(np.sqrt(np.where(outside_unit(z), 0.5, z)))
    return np.where(z < 0.0, 0.0, np.where(z > 1.0, 1.0, inside))


def arcsine_sf(z: Any) -> Any:
    return arcsine_cdf(1.0 - z)


def arcsine_ppf(q: Any) -> Any:
    return np.sin(0.5 * math.pi * q) ** 2


def arcsine_isf(q: Any) -> Any:
    return np.cos(0.5 * math.pi * q) ** 2


def ends_a_b(x: Any, a: Any, b: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    low = doubles(a)
    return x, (np.where((low > 0.0) & (low < b), low, np.nan), doubles(b)), loc, scale


def loguniform_logpdf(z: Any, a: Any, b: Any) -> Any:
    outside = (z < a) | (z > b)
    return np.where(outside, -np.inf, -np.log(np.where(outside, 1.0, z)) - np.log(np.log(b) - np.log(a)))


def loguniform_cdf(z: Any, a: Any, b: Any) -> Any:
    outside = (z < a) | (z > b)
    inside = (np.log(np.where(outside, 1.0, z)) - np.log(a)) / (np.log(b) - np.log(a))
    return np.where(z < a, 0.0, np.where(z > b, 1.0, inside))


def loguniform_sf(z: Any, a: Any, b: Any) -> Any:
    outside = (z < a) | (z > b)
    inside = (np.log(b) - np.log(np.where(outside, 1.0, z))) / (np.log(b) - np.log(a))
    return np.where(z < a, 1.0, np.where(z > b, 0.0, inside))


def loguniform_ppf(q: Any, a: Any, b: Any) -> Any:
    return np.exp(np.log(a) + q * (np.log(b) - np.log(a)))


def loguniform_isf(q: Any, a: Any, b: Any) -> Any:
    return np.exp(np.log(b) - q * (np.log(b) - np.log(a)))


def semicircular_logpdf(z: Any) -> Any:
    outside = np.abs(z) >= 1.0
    x = np.where(outside, 0.0, z)
    return np.where(outside, -np.inf, math.log(2.0 / math.pi) + 0.5 * np.log1p(-x * x))


def semicircular_cdf(z: Any) -> Any:
    outside = np.abs(z) >= 1.0
    x = np.where(outside, 0.0, z)
    inside = 0.5 + (x * np.sqrt(1.0 - x * x) + np.arcsin(x)) / math.pi
    return np.where(outside, np.where(z < 0.0, 0.0, 1.0), inside)


def semicircular_sf(z: Any) -> Any:
    return semicircular_cdf(-z)


# ---- circles -----------------------------------------------------------------------------------


def vonmises_logpdf(z: Any, kappa: Any) -> Any:
    return kappa * special.cosm1(z) - math.log(2.0 * math.pi) - np.log(special.i0e(kappa))


# ---- two sides ---------------------------------------------------------------------------------


def dweibull_logpdf(z: Any, c: Any) -> Any:
    distance = np.abs(z)
    return np.log(0.5 * c) + special.xlogy(c - 1.0, distance) - distance**c


def dweibull_cdf(z: Any, c: Any) -> Any:
    tail = 0.5 * np.exp(-(np.abs(z) ** c))
    return np.where(z > 0.0, 1.0 - tail, tail)


def dweibull_sf(z: Any, c: Any) -> Any:
    return dweibull_cdf(-z, c)


def dweibull_ppf(q: Any, c: Any) -> Any:
    left = q <= 0.5
    distance = (-np.log(2.0 * np.where(left, q, 1.0 - q))) ** (1.0 / c)
    return np.where(left, -distance, distance)


def dweibull_isf(q: Any, c: Any) -> Any:
    return -dweibull_ppf(q, c)


def laplace_asymmetric_logpdf(z: Any, kappa: Any) -> Any:
    return z * np.where(z >= 0.0, -kappa, 1.0 / kappa) - np.log(kappa + 1.0 / kappa)


def laplace_asymmetric_cdf(z: Any, kappa: Any) -> Any:
    tail = np.exp(z * np.where(z >= 0.0, -kappa, 1.0 / kappa))
    return np.where(z >= 0.0, 1.0 - tail / (1.0 + kappa * kappa), tail * kappa * kappa / (1.0 + kappa * kappa))


def laplace_asymmetric_sf(z: Any, kappa: Any) -> Any:
    tail = np.exp(z * np.where(z >= 0.0, -kappa, 1.0 / kappa))
    return np.where(z >= 0.0, tail / (1.0 + kappa * kappa), 1.0 - tail * kappa * kappa / (1.0 + kappa * kappa))


def laplace_asymmetric_ppf(q: Any, kappa: Any) -> Any:
    square = kappa * kappa
    right = q >= square / (1.0 + square)
    above = -np.log((1.0 - np.where(right, q, 0.0)) * (1.0 + square)) / kappa
    return np.where(right, above, kappa * np.log(np.where(right, 1.0, q) * (1.0 + 1.0 / square)))


def hypsecant_logpdf(z: Any) -> Any:
    distance = np.abs(z)
    return math.log(2.0 / math.pi) - distance - np.log1p(np.exp(-2.0 * distance))


def hypsecant_cdf(z: Any) -> Any:
    return 2.0 / math.pi * np.arctan(np.exp(z))


def hypsecant_sf(z: Any) -> Any:
    return hypsecant_cdf(-z)


def hypsecant_ppf(q: Any) -> Any:
    return np.log(np.tan(0.5 * math.pi * q))


def hypsecant_isf(q: Any) -> Any:
    return -hypsecant_ppf(q)


def halflogistic_logpdf(z: Any) -> Any:
    inside = from_zero(z)
    return np.where(z < 0.0, -np.inf, math.log(2.0) - inside - 2.0 * np.log1p(np.exp(-inside)))


def halflogistic_cdf(z: Any) -> Any:
    return np.where(z < 0.0, 0.0, np.tanh(0.5 * z))


def halflogistic_sf(z: Any) -> Any:
    return np.where(z < 0.0, 1.0, 2.0 * special.expit(-z))


def halflogistic_ppf(q: Any) -> Any:
    return 2.0 * np.arctanh(q)


def halflogistic_isf(q: Any) -> Any:
    return -special.logit(0.5 * q)


define(stats.truncexpon, shape_b, truncexpon_logpdf, truncexpon_cdf, truncexpon_sf, truncexpon_ppf, truncexpon_isf)
define(stats.triang, mode_c, triang_logpdf, triang_cdf, triang_sf, triang_ppf, triang_isf, pdf=triang_pdf)
define(stats.powerlaw, shape_a, powerlaw_logpdf, powerlaw_cdf, powerlaw_sf, powerlaw_ppf, powerlaw_isf)
define(stats.arcsine, no_shape, arcsine_logpdf, arcsine_cdf, arcsine_sf, arcsine_ppf, arcsine_isf)
for _logarithmic in (stats.loguniform, stats.reciprocal):
    define(_logarithmic, ends_a_b, loguniform_logpdf, loguniform_cdf, loguniform_sf, loguniform_ppf, loguniform_isf)
define(stats.semicircular, no_shape, semicircular_logpdf, semicircular_cdf, semicircular_sf)
define(stats.vonmises, shape_kappa, vonmises_logpdf)
define(stats.dweibull, shape_c, dweibull_logpdf, dweibull_cdf, dweibull_sf, dweibull_ppf, dweibull_isf)
define(
    stats.laplace_asymmetric, shape_kappa, laplace_asymmetric_logpdf, laplace_asymmetric_cdf, laplace_asymmetric_sf,
    laplace_asymmetric_ppf,
)  # fmt: skip
define(stats.hypsecant, no_shape, hypsecant_logpdf, hypsecant_cdf, hypsecant_sf, hypsecant_ppf, hypsecant_isf)
define(
    stats.halflogistic, no_shape, halflogistic_logpdf, halflogistic_cdf, halflogistic_sf, halflogistic_ppf,
    halflogistic_isf,
)  # fmt: skip
