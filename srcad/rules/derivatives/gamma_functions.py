"""Partial derivatives of SciPy's gamma and beta functions, complete and incomplete: DLMF chapters 5 and 8."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.rules import special
from srcad.rules.derivatives.shapes_of_integrals import (
    beta_ratio_by_first,
    gamma_ratio_by_shape,
    student_quantile_by_df,
)
from srcad.rules.registry import partials
from srcad.rules.special import functions_of_scipy

_BERNOULLI_BY_FACTORIAL = (
    *(1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160),
    *(-691 / 1307674368000, 1 / 74724249600, -3617 / 10670622842880000),
)
"""The numbers of Bernoulli by factorials, B_2 / 2! to B_16 / 16!."""

# ---- gamma and what is made of it --------------------------------------------------------------


@partials(*functions_of_scipy("gamma", poles=True))
def gamma(y: Any, x: Any) -> Any:
    return y * special.digamma(x)


@partials(*functions_of_scipy("gammaln", "loggamma", poles=True))
def gammaln(y: Any, x: Any) -> Any:
    return special.digamma(x)


functions_of_scipy("gammasgn", differentiable=False)


@partials(*functions_of_scipy("rgamma"))
def rgamma(y: Any, x: Any) -> Any:
    # by reflection where gamma has its poles, and this its zeros
    mirrored = np.where(x < 0.5, 1.0 - x, 1.0)
    slope = np.cos(math.pi * x) - special.digamma(mirrored) * np.sin(math.pi * x) / math.pi
    return np.where(x < 0.5, special.gamma(mirrored) * slope, -y * special.digamma(np.where(x < 0.5, 1.0, x)))


@partials(*functions_of_scipy("digamma", poles=True))
def digamma(y: Any, x: Any) -> Any:
    return special.zeta(2.0, x)


@partials(*functions_of_scipy("zeta", poles=True))
def zeta(y: Any, s: Any, q: Any) -> Any:
    return zeta_by_exponent(s, q), -s * special.zeta(s + 1.0, q)


def zeta_by_exponent(s: Any, q: Any) -> Any:
    """The derivative of the sum of (q + k)**-s by s, for s > 1 and q > 0: by Euler and Maclaurin, DLMF 25.11.5."""
    inside = (s > 1.0) & (q > 0.0)
    exponent = np.where(inside, s, 2.0)
    first = np.where(inside, q, 1.0)
    total = 0.0 * (exponent * first)
    for k in range(12):
        total = total - np.log(first + k) * (first + k) ** -exponent
    a = first + 12.0
    log = np.log(a)
    power = a**-exponent
    total = total - power * a / (exponent - 1.0) * (log + 1.0 / (exponent - 1.0)) - 0.5 * power * log
    factor = exponent * power / a
    sum_of_reciprocals = 1.0 / exponent
    for k in range(8):
        total = total + _BERNOULLI_BY_FACTORIAL[k] * factor * (sum_of_reciprocals - log)
        m = exponent + 2.0 * k + 1.0
        factor = factor * m * (m + 1.0) / (a * a)
        sum_of_reciprocals = sum_of_reciprocals + 1.0 / m + 1.0 / (m + 1.0)
    return np.where(inside, total, np.nan)


@partials(*functions_of_scipy("beta", poles=True))
def beta(y: Any, a: Any, b: Any) -> Any:
    both = special.digamma(a + b)
    return y * (special.digamma(a) - both), y * (special.digamma(b) - both)


@partials(*functions_of_scipy("betaln", poles=True))
def betaln(y: Any, a: Any, b: Any) -> Any:
    both = special.digamma(a + b)
    return special.digamma(a) - both, special.digamma(b) - both


@partials(*functions_of_scipy("binom", poles=True))
def binom(y: Any, n: Any, k: Any) -> Any:
    rest = special.digamma(n - k + 1.0)
    return y * (special.digamma(n + 1.0) - rest), y * (rest - special.digamma(k + 1.0))


@partials(*functions_of_scipy("poch", poles=True))
def poch(y: Any, z: Any, m: Any) -> Any:
    end = special.digamma(z + m)
    return y * (end - special.digamma(z)), y * end


# ---- incomplete gamma functions ----------------------------------------------------------------


@partials(*functions_of_scipy("gammainc"))
def gammainc(y: Any, a: Any, x: Any) -> Any:
    return gamma_by_shape(a, x), gamma_density(a, x)


@partials(*functions_of_scipy("gammaincc"))
def gammaincc(y: Any, a: Any, x: Any) -> Any:
    return -gamma_by_shape(a, x), -gamma_density(a, x)


@partials(*functions_of_scipy("gammaincinv", poles=True))
def gammaincinv(y: Any, a: Any, p: Any) -> Any:
    return gamma_quantile_by_shape(a, y), 1.0 / gamma_density(a, y)


@partials(*functions_of_scipy("gammainccinv", poles=True))
def gammainccinv(y: Any, a: Any, p: Any) -> Any:
    return gamma_quantile_by_shape(a, y), -1.0 / gamma_density(a, y)


def gamma_density(a: Any, x: Any) -> Any:
    return np.exp(special.xlogy(a - 1.0, x) - x - special.gammaln(a))


def gamma_by_shape(a: Any, x: Any) -> Any:
    finite = np.where(x == np.inf, 0.0, x)
    density = np.exp(special.xlogy(a, finite) - finite - special.gammaln(a))
    return from_zero(finite, density * gamma_ratio_by_shape(a, finite))


def gamma_quantile_by_shape(a: Any, x: Any) -> Any:
    # at infinity it stays where it is
    finite = np.where(x == np.inf, 0.0, x)
    return -from_zero(finite, finite * gamma_ratio_by_shape(a, finite))


def from_zero(x: Any, value: Any) -> Any:
    """Zero with an infinite slope at x = 0, which a derivative by a shape has there for some shapes."""
    return np.where(x == 0.0, special.xlogy(x, x), value)


@partials(*functions_of_scipy("chdtr"))
def chdtr(y: Any, v: Any, x: Any) -> Any:
    return 0.5 * gamma_by_shape(0.5 * v, 0.5 * x), 0.5 * gamma_density(0.5 * v, 0.5 * x)


@partials(*functions_of_scipy("chdtrc"))
def chdtrc(y: Any, v: Any, x: Any) -> Any:
    return -0.5 * gamma_by_shape(0.5 * v, 0.5 * x), -0.5 * gamma_density(0.5 * v, 0.5 * x)


@partials(*functions_of_scipy("chdtri", poles=True))
def chdtri(y: Any, v: Any, p: Any) -> Any:
    return gamma_quantile_by_shape(0.5 * v, 0.5 * y), -2.0 / gamma_density(0.5 * v, 0.5 * y)


@partials(*functions_of_scipy("pdtr", steps=(0,)))
def pdtr(y: Any, k: Any, m: Any) -> Any:
    return None, -gamma_density(np.floor(k) + 1.0, m)


@partials(*functions_of_scipy("pdtrc", steps=(0,)))
def pdtrc(y: Any, k: Any, m: Any) -> Any:
    return None, gamma_density(np.floor(k) + 1.0, m)


# ---- incomplete beta functions: I_x(a, b) = 1 - I_(1 - x)(b, a) -----------------------------------


@partials(*functions_of_scipy("betainc", infinite_slopes=True))
def betainc(y: Any, a: Any, b: Any, x: Any) -> Any:
    return beta_by_first(a, b, x), beta_by_second(a, b, x), beta_density(a, b, x)


@partials(*functions_of_scipy("betaincc", infinite_slopes=True))
def betaincc(y: Any, a: Any, b: Any, x: Any) -> Any:
    return -beta_by_first(a, b, x), -beta_by_second(a, b, x), -beta_density(a, b, x)


@partials(*functions_of_scipy("betaincinv", infinite_slopes=True))
def betaincinv(y: Any, a: Any, b: Any, p: Any) -> Any:
    by_a, by_b = beta_quantile_by_shapes(a, b, y)
    return by_a, by_b, 1.0 / beta_density(a, b, y)


@partials(*functions_of_scipy("betainccinv", infinite_slopes=True))
def betainccinv(y: Any, a: Any, b: Any, p: Any) -> Any:
    by_a, by_b = beta_quantile_by_shapes(a, b, y)
    return by_a, by_b, -1.0 / beta_density(a, b, y)


def beta_density(a: Any, b: Any, x: Any) -> Any:
    return np.exp(special.xlogy(a - 1.0, x) + special.xlog1py(b - 1.0, -x) - special.betaln(a, b))


def beta_by_first(a: Any, b: Any, x: Any) -> Any:
    density = np.exp(special.xlogy(a, x) + special.xlog1py(b, -x) - special.betaln(a, b))
    return from_zero(x, density * beta_ratio_by_first(a, b, x, 1.0 - x))


def beta_by_second(a: Any, b: Any, x: Any) -> Any:
    density = np.exp(special.xlogy(a, x) + special.xlog1py(b, -x) - special.betaln(a, b))
    return -from_zero(1.0 - x, density * beta_ratio_by_first(b, a, 1.0 - x, x))


def beta_quantile_by_shapes(a: Any, b: Any, x: Any) -> Any:
    rest = 1.0 - x
    by_a = -from_zero(x, x * rest * beta_ratio_by_first(a, b, x, rest))
    return by_a, from_zero(rest, x * rest * beta_ratio_by_first(b, a, rest, x))


@partials(*functions_of_scipy("stdtr"))
def stdtr(y: Any, df: Any, t: Any) -> Any:
    density = student_density(df, t)
    return -density * student_quantile_by_df(df, t), density


@partials(*functions_of_scipy("stdtrit", poles=True))
def stdtrit(y: Any, df: Any, p: Any) -> Any:
    return student_quantile_by_df(df, y), 1.0 / student_density(df, y)


def student_density(df: Any, t: Any) -> Any:
    tail = 0.5 * (df + 1.0) * np.log1p(t * t / df)
    return np.exp(-tail - special.betaln(0.5, 0.5 * df)) / np.sqrt(df)
