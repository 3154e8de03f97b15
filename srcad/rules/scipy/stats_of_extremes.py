"""Distributions of `scipy.stats` of extremes, lifetimes and heavy tails, in standard form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.scipy.distributions import (
    any_c,
    define,
    no_shape,
    shape_c,
    shapes_a_c,
    shapes_c_d,
)
from srcad.rules.scipy.stats_on_half_line import from_zero

# ---- limits of extremes ------------------------------------------------------------------------


def log1p_ratio(u: Any) -> Any:
    """log(1 + u) / u, with its derivatives near 0, where the quotient loses them."""
    small = np.abs(u) < 0.01
    s = np.where(small, u, 0.0)
    series = 1.0 + s * (
        -1 / 2 + s * (1 / 3 + s * (-1 / 4 + s * (1 / 5 + s * (-1 / 6 + s * (1 / 7 + s * (-1 / 8 + s / 9))))))
    )
    rest = np.where(small, 1.0, u)
    return np.where(small, series, np.log1p(rest) / rest)


def genextreme_outside(z: Any, c: Any) -> Any:
    return c * z >= 1.0


def genextreme_exponent(z: Any, c: Any) -> Any:
    """log(1 - c z) / c, which is -z for c = 0."""
    return -z * log1p_ratio(np.where(genextreme_outside(z, c), 0.0, -c * z))


def genextreme_logpdf(z: Any, c: Any) -> Any:
    exponent = genextreme_exponent(z, c)
    return np.where(genextreme_outside(z, c), -np.inf, exponent * (1.0 - c) - np.exp(exponent))


def genextreme_logcdf(z: Any, c: Any) -> Any:
    power = np.exp(genextreme_exponent(z, c))
    return np.where(genextreme_outside(z, c), np.where(c > 0.0, 0.0, -np.inf), -power)


def genextreme_cdf(z: Any, c: Any) -> Any:
    return np.exp(genextreme_logcdf(z, c))


def genextreme_sf(z: Any, c: Any) -> Any:
    return -np.expm1(genextreme_logcdf(z, c))


def genextreme_ppf(q: Any, c: Any) -> Any:
    x = -np.log(-np.log(q))
    return x * special.exprel(-c * x)


def genextreme_isf(q: Any, c: Any) -> Any:
    x = -np.log(-np.log1p(-q))
    return x * special.exprel(-c * x)


def gumbel_l_logpdf(z: Any) -> Any:
    return z - np.exp(z)


def gumbel_l_cdf(z: Any) -> Any:
    return -np.expm1(-np.exp(z))


def gumbel_l_sf(z: Any) -> Any:
    return np.exp(-np.exp(z))


def gumbel_l_logsf(z: Any) -> Any:
    return -np.exp(z)


def gumbel_l_ppf(q: Any) -> Any:
    return np.log(-np.log1p(-q))


def gumbel_l_isf(q: Any) -> Any:
    return np.log(-np.log(q))


def weibull_max_logpdf(z: Any, c: Any) -> Any:
    below = from_zero(-z)
    return np.where(z > 0.0, -np.inf, np.log(c) + special.xlogy(c - 1.0, below) - below**c)


def weibull_max_logcdf(z: Any, c: Any) -> Any:
    return np.where(z > 0.0, 0.0, -(from_zero(-z) ** c))


def weibull_max_cdf(z: Any, c: Any) -> Any:
    return np.exp(weibull_max_logcdf(z, c))


def weibull_max_sf(z: Any, c: Any) -> Any:
    return -np.expm1(weibull_max_logcdf(z, c))


def weibull_max_ppf(q: Any, c: Any) -> Any:
    return -((-np.log(q)) ** (1.0 / c))


def weibull_max_isf(q: Any, c: Any) -> Any:
    return -((-np.log1p(-q)) ** (1.0 / c))


def invweibull_logpdf(z: Any, c: Any) -> Any:
    outside = z <= 0.0
    inside = np.where(outside, 1.0, z)
    return np.where(outside, -np.inf, np.log(c) - (c + 1.0) * np.log(inside) - inside**-c)


def invweibull_logcdf(z: Any, c: Any) -> Any:
    return np.where(z <= 0.0, -np.inf, -(np.where(z <= 0.0, 1.0, z) ** -c))


def invweibull_cdf(z: Any, c: Any) -> Any:
    return np.exp(invweibull_logcdf(z, c))


def invweibull_sf(z: Any, c: Any) -> Any:
    return -np.expm1(invweibull_logcdf(z, c))


def invweibull_ppf(q: Any, c: Any) -> Any:
    return (-np.log(q)) ** (-1.0 / c)


def invweibull_isf(q: Any, c: Any) -> Any:
    return (-np.log1p(-q)) ** (-1.0 / c)


# ---- lifetimes ---------------------------------------------------------------------------------


def gompertz_logpdf(z: Any, c: Any) -> Any:
    inside = from_zero(z)
    return np.where(z < 0.0, -np.inf, np.log(c) + inside - c * np.expm1(inside))


def gompertz_logsf(z: Any, c: Any) -> Any:
    return np.where(z < 0.0, 0.0, -c * np.expm1(from_zero(z)))


def gompertz_sf(z: Any, c: Any) -> Any:
    return np.exp(gompertz_logsf(z, c))


def gompertz_cdf(z: Any, c: Any) -> Any:
    return -np.expm1(gompertz_logsf(z, c))


def gompertz_ppf(q: Any, c: Any) -> Any:
    return np.log1p(-np.log1p(-q) / c)


def gompertz_isf(q: Any, c: Any) -> Any:
    return np.log1p(-np.log(q) / c)


def exponweib_logpdf(z: Any, a: Any, c: Any) -> Any:
    outside = z <= 0.0
    inside = np.where(outside, 1.0, z)
    power = inside**c
    density = np.log(a) + np.log(c) + (a - 1.0) * np.log(-np.expm1(-power)) - power + (c - 1.0) * np.log(inside)
    return np.where(outside, -np.inf, density)


def exponweib_cdf(z: Any, a: Any, c: Any) -> Any:
    return np.where(z <= 0.0, 0.0, (-np.expm1(-(np.where(z <= 0.0, 1.0, z) ** c))) ** a)


def exponweib_sf(z: Any, a: Any, c: Any) -> Any:
    inside = np.where(z <= 0.0, 1.0, z)
    return np.where(z <= 0.0, 1.0, -np.expm1(a * np.log(-np.expm1(-(inside**c)))))


def exponweib_ppf(q: Any, a: Any, c: Any) -> Any:
    return (-np.log1p(-(q ** (1.0 / a)))) ** (1.0 / c)


# ---- power laws --------------------------------------------------------------------------------


def genpareto_outside(z: Any, c: Any) -> Any:
    return (z < 0.0) | (c * z <= -1.0)


def genpareto_logsf_inside(z: Any, c: Any) -> Any:
    inside = np.where(genpareto_outside(z, c), 0.0, z)
    return -inside * log1p_ratio(c * inside)


def genpareto_logpdf(z: Any, c: Any) -> Any:
    return np.where(genpareto_outside(z, c), -np.inf, (c + 1.0) * genpareto_logsf_inside(z, c))


def genpareto_logsf(z: Any, c: Any) -> Any:
    outside = np.where(z < 0.0, 0.0, -np.inf)
    return np.where(genpareto_outside(z, c), outside, genpareto_logsf_inside(z, c))


def genpareto_sf(z: Any, c: Any) -> Any:
    return np.exp(genpareto_logsf(z, c))


def genpareto_cdf(z: Any, c: Any) -> Any:
    return -np.expm1(genpareto_logsf(z, c))


def genpareto_ppf(q: Any, c: Any) -> Any:
    x = -np.log1p(-q)
    return x * special.exprel(c * x)


def genpareto_isf(q: Any, c: Any) -> Any:
    x = -np.log(q)
    return x * special.exprel(c * x)


def lomax_logpdf(z: Any, c: Any) -> Any:
    return np.where(z < 0.0, -np.inf, np.log(c) - (c + 1.0) * np.log1p(from_zero(z)))


def lomax_logsf(z: Any, c: Any) -> Any:
    return np.where(z < 0.0, 0.0, -c * np.log1p(from_zero(z)))


def lomax_sf(z: Any, c: Any) -> Any:
    return np.exp(lomax_logsf(z, c))


def lomax_cdf(z: Any, c: Any) -> Any:
    return -np.expm1(lomax_logsf(z, c))


def lomax_ppf(q: Any, c: Any) -> Any:
    return np.expm1(-np.log1p(-q) / c)


def lomax_isf(q: Any, c: Any) -> Any:
    return np.expm1(-np.log(q) / c)


def burr12_logpdf(z: Any, c: Any, d: Any) -> Any:
    inside = from_zero(z)
    density = np.log(c) + np.log(d) + special.xlogy(c - 1.0, inside) - (d + 1.0) * np.log1p(inside**c)
    return np.where(z < 0.0, -np.inf, density)


def burr12_logsf(z: Any, c: Any, d: Any) -> Any:
    return np.where(z < 0.0, 0.0, -d * np.log1p(from_zero(z) ** c))


def burr12_sf(z: Any, c: Any, d: Any) -> Any:
    return np.exp(burr12_logsf(z, c, d))


def burr12_cdf(z: Any, c: Any, d: Any) -> Any:
    return -np.expm1(burr12_logsf(z, c, d))


def burr12_ppf(q: Any, c: Any, d: Any) -> Any:
    return np.expm1(-np.log1p(-q) / d) ** (1.0 / c)


def burr12_isf(q: Any, c: Any, d: Any) -> Any:
    return np.expm1(-np.log(q) / d) ** (1.0 / c)


def burr_logpdf(z: Any, c: Any, d: Any) -> Any:
    inside = from_zero(z)
    density = np.log(c) + np.log(d) + special.xlogy(c * d - 1.0, inside) - (d + 1.0) * np.log1p(inside**c)
    return np.where(z < 0.0, -np.inf, density)


def burr_logcdf(z: Any, c: Any, d: Any) -> Any:
    return np.where(z <= 0.0, -np.inf, -d * np.log1p(np.where(z <= 0.0, 1.0, z) ** -c))


def burr_cdf(z: Any, c: Any, d: Any) -> Any:
    return np.exp(burr_logcdf(z, c, d))


def burr_sf(z: Any, c: Any, d: Any) -> Any:
    return -np.expm1(burr_logcdf(z, c, d))


def burr_ppf(q: Any, c: Any, d: Any) -> Any:
    return np.expm1(-np.log(q) / d) ** (-1.0 / c)


def burr_isf(q: Any, c: Any, d: Any) -> Any:
    return np.expm1(-np.log1p(-q) / d) ** (-1.0 / c)


def fisk_logpdf(z: Any, c: Any) -> Any:
    return burr12_logpdf(z, c, 1.0)


def fisk_logcdf(z: Any, c: Any) -> Any:
    return burr_logcdf(z, c, 1.0)


def fisk_logsf(z: Any, c: Any) -> Any:
    return burr12_logsf(z, c, 1.0)


def fisk_cdf(z: Any, c: Any) -> Any:
    return np.exp(burr_logcdf(z, c, 1.0))


def fisk_sf(z: Any, c: Any) -> Any:
    return np.exp(burr12_logsf(z, c, 1.0))


def fisk_ppf(q: Any, c: Any) -> Any:
    return (q / (1.0 - q)) ** (1.0 / c)


def fisk_isf(q: Any, c: Any) -> Any:
    return ((1.0 - q) / q) ** (1.0 / c)


def halfcauchy_logpdf(z: Any) -> Any:
    return np.where(z < 0.0, -np.inf, math.log(2.0 / math.pi) - np.log1p(z * z))


def halfcauchy_cdf(z: Any) -> Any:
    return np.where(z < 0.0, 0.0, 2.0 / math.pi * np.arctan(z))


def halfcauchy_sf(z: Any) -> Any:
    return np.where(z < 0.0, 1.0, 2.0 / math.pi * np.arctan2(1.0, z))


def halfcauchy_ppf(q: Any) -> Any:
    return np.tan(0.5 * math.pi * q)


def halfcauchy_isf(q: Any) -> Any:
    return 1.0 / np.tan(0.5 * math.pi * q)


def levy_logpdf(z: Any) -> Any:
    outside = z <= 0.0
    inside = np.where(outside, 1.0, z)
    return np.where(outside, -np.inf, -0.5 / inside - 0.5 * math.log(2.0 * math.pi) - 1.5 * np.log(inside))


def levy_cdf(z: Any) -> Any:
    return np.where(z <= 0.0, 0.0, special.erfc(np.sqrt(0.5 / np.where(z <= 0.0, 1.0, z))))


def levy_sf(z: Any) -> Any:
    return np.where(z <= 0.0, 1.0, special.erf(np.sqrt(0.5 / np.where(z <= 0.0, 1.0, z))))


def levy_ppf(q: Any) -> Any:
    return 1.0 / special.ndtri(0.5 * q) ** 2


def levy_isf(q: Any) -> Any:
    return 0.5 / special.erfinv(q) ** 2


define(
    stats.genextreme, any_c, genextreme_logpdf, genextreme_cdf, genextreme_sf, genextreme_ppf, genextreme_isf,
    logcdf=genextreme_logcdf,
)  # fmt: skip
define(
    stats.gumbel_l, no_shape, gumbel_l_logpdf, gumbel_l_cdf, gumbel_l_sf, gumbel_l_ppf, gumbel_l_isf,
    logsf=gumbel_l_logsf,
)  # fmt: skip
define(
    stats.weibull_max, shape_c, weibull_max_logpdf, weibull_max_cdf, weibull_max_sf, weibull_max_ppf, weibull_max_isf,
    logcdf=weibull_max_logcdf,
)  # fmt: skip
define(
    stats.invweibull, shape_c, invweibull_logpdf, invweibull_cdf, invweibull_sf, invweibull_ppf, invweibull_isf,
    logcdf=invweibull_logcdf,
)  # fmt: skip
define(
    stats.gompertz, shape_c, gompertz_logpdf, gompertz_cdf, gompertz_sf, gompertz_ppf, gompertz_isf,
    logsf=gompertz_logsf,
)  # fmt: skip
define(stats.exponweib, shapes_a_c, exponweib_logpdf, exponweib_cdf, exponweib_sf, exponweib_ppf)
define(
    stats.genpareto, any_c, genpareto_logpdf, genpareto_cdf, genpareto_sf, genpareto_ppf, genpareto_isf,
    logsf=genpareto_logsf,
)  # fmt: skip
define(stats.lomax, shape_c, lomax_logpdf, lomax_cdf, lomax_sf, lomax_ppf, lomax_isf, logsf=lomax_logsf)
define(stats.burr12, shapes_c_d, burr12_logpdf, burr12_cdf, burr12_sf, burr12_ppf, burr12_isf, logsf=burr12_logsf)
define(stats.burr, shapes_c_d, burr_logpdf, burr_cdf, burr_sf, burr_ppf, burr_isf, logcdf=burr_logcdf)
define(stats.fisk, shape_c, fisk_logpdf, fisk_cdf, fisk_sf, fisk_ppf, fisk_isf, fisk_logcdf, fisk_logsf)
define(stats.halfcauchy, no_shape, halfcauchy_logpdf, halfcauchy_cdf, halfcauchy_sf, halfcauchy_ppf, halfcauchy_isf)
define(stats.levy, no_shape, levy_logpdf, levy_cdf, levy_sf, levy_ppf, levy_isf)
