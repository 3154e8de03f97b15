"""Distributions of `scipy.stats` that are made of gamma and beta variables, in standard form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.scipy.distributions import (
    define,
    no_shape,
    shape_a,
    shape_beta,
    shape_c,
    shape_df,
    shape_nu,
    shapes_a_b,
    shapes_a_c,
    shapes_dfn_dfd,
)
from srcad.rules.scipy.stats_on_half_line import (
    from_zero,
    gamma_cdf,
    gamma_isf,
    gamma_logpdf,
    gamma_ppf,
    gamma_sf,
)


def invgamma_logpdf(z: Any, a: Any) -> Any:
    outside = z <= 0.0
    inside = np.where(outside, 1.0, z)
    return np.where(outside, -np.inf, -(a + 1.0) * np.log(inside) - special.gammaln(a) - 1.0 / inside)


def invgamma_cdf(z: Any, a: Any) -> Any:
    return np.where(z <= 0.0, 0.0, special.gammaincc(a, 1.0 / np.where(z <= 0.0, 1.0, z)))


def invgamma_sf(z: Any, a: Any) -> Any:
    return np.where(z <= 0.0, 1.0, special.gammainc(a, 1.0 / np.where(z <= 0.0, 1.0, z)))


def invgamma_ppf(q: Any, a: Any) -> Any:
    return 1.0 / special.gammainccinv(a, q)


def invgamma_isf(q: Any, a: Any) -> Any:
    return 1.0 / special.gammaincinv(a, q)


# ---- roots, powers and logarithms of gamma variables --------------------------------------------


def chi_logpdf(z: Any, df: Any) -> Any:
    inside = from_zero(z)
    density = (
        (1.0 - 0.5 * df) * math.log(2.0)
        - special.gammaln(0.5 * df)
        + special.xlogy(df - 1.0, inside)
        - 0.5 * inside * inside
    )
    return np.where(z < 0.0, -np.inf, density)


def chi_cdf(z: Any, df: Any) -> Any:
    return np.where(z < 0.0, 0.0, special.gammainc(0.5 * df, 0.5 * from_zero(z) ** 2))


def chi_sf(z: Any, df: Any) -> Any:
    return np.where(z < 0.0, 1.0, special.gammaincc(0.5 * df, 0.5 * from_zero(z) ** 2))


def chi_ppf(q: Any, df: Any) -> Any:
    return np.sqrt(2.0 * special.gammaincinv(0.5 * df, q))


def chi_isf(q: Any, df: Any) -> Any:
    return np.sqrt(2.0 * special.gammainccinv(0.5 * df, q))


def maxwell_logpdf(z: Any) -> Any:
    outside = z <= 0.0
    inside = np.where(outside, 1.0, z)
    return np.where(outside, -np.inf, 0.5 * math.log(2.0 / math.pi) + 2.0 * np.log(inside) - 0.5 * inside * inside)


def maxwell_cdf(z: Any) -> Any:
    return chi_cdf(z, 3.0)


def maxwell_sf(z: Any) -> Any:
    return chi_sf(z, 3.0)


def maxwell_ppf(q: Any) -> Any:
    return chi_ppf(q, 3.0)


def maxwell_isf(q: Any) -> Any:
    return chi_isf(q, 3.0)


def nakagami_logpdf(z: Any, nu: Any) -> Any:
    inside = from_zero(z)
    density = (
        math.log(2.0)
        + nu * np.log(nu)
        - special.gammaln(nu)
        + special.xlogy(2.0 * nu - 1.0, inside)
        - nu * inside * inside
    )
    return np.where(z < 0.0, -np.inf, density)


def nakagami_cdf(z: Any, nu: Any) -> Any:
    return np.where(z < 0.0, 0.0, special.gammainc(nu, nu * from_zero(z) ** 2))


def nakagami_sf(z: Any, nu: Any) -> Any:
    return np.where(z < 0.0, 1.0, special.gammaincc(nu, nu * from_zero(z) ** 2))


def nakagami_ppf(q: Any, nu: Any) -> Any:
    return np.sqrt(special.gammaincinv(nu, q) / nu)


def nakagami_isf(q: Any, nu: Any) -> Any:
    return np.sqrt(special.gammainccinv(nu, q) / nu)


def gengamma_logpdf(z: Any, a: Any, c: Any) -> Any:
    inside = from_zero(z)
    density = np.log(c) + special.xlogy(a * c - 1.0, inside) - inside**c - special.gammaln(a)
    return np.where(z < 0.0, -np.inf, density)


def gengamma_cdf(z: Any, a: Any, c: Any) -> Any:
    return np.where(z < 0.0, 0.0, special.gammainc(a, from_zero(z) ** c))


def gengamma_sf(z: Any, a: Any, c: Any) -> Any:
    return np.where(z < 0.0, 1.0, special.gammaincc(a, from_zero(z) ** c))


def gengamma_ppf(q: Any, a: Any, c: Any) -> Any:
    return special.gammaincinv(a, q) ** (1.0 / c)


def gengamma_isf(q: Any, a: Any, c: Any) -> Any:
    return special.gammainccinv(a, q) ** (1.0 / c)


def loggamma_logpdf(z: Any, c: Any) -> Any:
    return c * z - np.exp(z) - special.gammaln(c)


def loggamma_cdf(z: Any, c: Any) -> Any:
    return special.gammainc(c, np.exp(z))


def loggamma_sf(z: Any, c: Any) -> Any:
    return special.gammaincc(c, np.exp(z))


def loggamma_ppf(q: Any, c: Any) -> Any:
    return np.log(special.gammaincinv(c, q))


def loggamma_isf(q: Any, c: Any) -> Any:
    return np.log(special.gammainccinv(c, q))


def gennorm_logpdf(z: Any, beta: Any) -> Any:
    return np.log(0.5 * beta) - special.gammaln(1.0 / beta) - np.abs(z) ** beta


def gennorm_cdf(z: Any, beta: Any) -> Any:
    # of the smaller side
    tail = 0.5 * special.gammaincc(1.0 / beta, np.abs(z) ** beta)
    return np.where(z > 0.0, 1.0 - tail, tail)


def gennorm_sf(z: Any, beta: Any) -> Any:
    return gennorm_cdf(-z, beta)


def gennorm_ppf(q: Any, beta: Any) -> Any:
    left = q < 0.5
    distance = special.gammainccinv(1.0 / beta, 2.0 * np.where(left, q, 1.0 - q)) ** (1.0 / beta)
    return np.where(left, -distance, distance)


def gennorm_isf(q: Any, beta: Any) -> Any:
    return -gennorm_ppf(q, beta)


# ---- quotients of gamma variables --------------------------------------------------------------


def f_logpdf(z: Any, dfn: Any, dfd: Any) -> Any:
    inside = from_zero(z)
    m = 0.5 * dfn
    n = 0.5 * dfd
    density = (
        n * np.log(dfd)
        + m * np.log(dfn)
        + special.xlogy(m - 1.0, inside)
        - (m + n) * np.log(dfd + dfn * inside)
        - special.betaln(m, n)
    )
    return np.where(z < 0.0, -np.inf, density)


def f_cdf(z: Any, dfn: Any, dfd: Any) -> Any:
    x = dfn * from_zero(z)
    return np.where(z < 0.0, 0.0, special.betainc(0.5 * dfn, 0.5 * dfd, x / (dfd + x)))


def f_sf(z: Any, dfn: Any, dfd: Any) -> Any:
    return np.where(z < 0.0, 1.0, special.betainc(0.5 * dfd, 0.5 * dfn, dfd / (dfd + dfn * from_zero(z))))


def f_ppf(q: Any, dfn: Any, dfd: Any) -> Any:
    part = special.betaincinv(0.5 * dfn, 0.5 * dfd, q)
    return dfd * part / (dfn * (1.0 - part))


def f_isf(q: Any, dfn: Any, dfd: Any) -> Any:
    part = special.betaincinv(0.5 * dfd, 0.5 * dfn, q)
    return dfd * (1.0 - part) / (dfn * part)


def betaprime_logpdf(z: Any, a: Any, b: Any) -> Any:
    inside = from_zero(z)
    density = special.xlogy(a - 1.0, inside) - (a + b) * np.log1p(inside) - special.betaln(a, b)
    return np.where(z < 0.0, -np.inf, density)


def betaprime_cdf(z: Any, a: Any, b: Any) -> Any:
    x = from_zero(z)
    return np.where(z < 0.0, 0.0, special.betainc(a, b, x / (1.0 + x)))


def betaprime_sf(z: Any, a: Any, b: Any) -> Any:
    return np.where(z < 0.0, 1.0, special.betainc(b, a, 1.0 / (1.0 + from_zero(z))))


def betaprime_ppf(q: Any, a: Any, b: Any) -> Any:
    part = special.betaincinv(a, b, q)
    return part / (1.0 - part)


def betaprime_isf(q: Any, a: Any, b: Any) -> Any:
    part = special.betaincinv(b, a, q)
    return (1.0 - part) / part


define(stats.erlang, shape_a, gamma_logpdf, gamma_cdf, gamma_sf, gamma_ppf, gamma_isf)
define(stats.invgamma, shape_a, invgamma_logpdf, invgamma_cdf, invgamma_sf, invgamma_ppf, invgamma_isf)
define(stats.chi, shape_df, chi_logpdf, chi_cdf, chi_sf, chi_ppf, chi_isf)
define(stats.maxwell, no_shape, maxwell_logpdf, maxwell_cdf, maxwell_sf, maxwell_ppf, maxwell_isf)
define(stats.nakagami, shape_nu, nakagami_logpdf, nakagami_cdf, nakagami_sf, nakagami_ppf, nakagami_isf)
define(stats.gengamma, shapes_a_c, gengamma_logpdf, gengamma_cdf, gengamma_sf, gengamma_ppf, gengamma_isf)
define(stats.loggamma, shape_c, loggamma_logpdf, loggamma_cdf, loggamma_sf, loggamma_ppf, loggamma_isf)
define(stats.gennorm, shape_beta, gennorm_logpdf, gennorm_cdf, gennorm_sf, gennorm_ppf, gennorm_isf)
define(stats.f, shapes_dfn_dfd, f_logpdf, f_cdf, f_sf, f_ppf, f_isf)
define(stats.betaprime, shapes_a_b, betaprime_logpdf, betaprime_cdf, betaprime_sf, betaprime_ppf, betaprime_isf)
