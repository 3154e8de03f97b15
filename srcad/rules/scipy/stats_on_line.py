"""Distributions of `scipy.stats` on all numbers, in standard form: of z = (x - loc) / scale."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.scipy.distributions import define, no_shape, shape_df

_LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)


def norm_logpdf(z: Any) -> Any:
    return -0.5 * z * z - _LOG_ROOT_2_PI


def norm_cdf(z: Any) -> Any:
    return special.ndtr(z)


def norm_sf(z: Any) -> Any:
    return special.ndtr(-z)


def norm_logcdf(z: Any) -> Any:
    return special.log_ndtr(z)


def norm_logsf(z: Any) -> Any:
    return special.log_ndtr(-z)


def norm_ppf(q: Any) -> Any:
    return special.ndtri(q)


def norm_isf(q: Any) -> Any:
    return -special.ndtri(q)


def t_logpdf(z: Any, df: Any) -> Any:
    return -special.betaln(0.5, 0.5 * df) - 0.5 * np.log(df) - 0.5 * (df + 1.0) * np.log1p(z * z / df)


def t_cdf(z: Any, df: Any) -> Any:
    return special.stdtr(df, z)


def t_sf(z: Any, df: Any) -> Any:
    return special.stdtr(df, -z)


def t_ppf(q: Any, df: Any) -> Any:
    return special.stdtrit(df, q)


def t_isf(q: Any, df: Any) -> Any:
    return -special.stdtrit(df, q)


def laplace_logpdf(z: Any) -> Any:
    return -math.log(2.0) - np.abs(z)


def laplace_cdf(z: Any) -> Any:
    # of the smaller side: the exponential of the other may overflow
    tail = 0.5 * np.exp(-np.abs(z))
    return np.where(z > 0.0, 1.0 - tail, tail)


def laplace_sf(z: Any) -> Any:
    return laplace_cdf(-z)


def laplace_logcdf(z: Any) -> Any:
    distance = np.abs(z)
    return np.where(z > 0.0, np.log1p(-0.5 * np.exp(-distance)), -distance - math.log(2.0))


def laplace_logsf(z: Any) -> Any:
    return laplace_logcdf(-z)


def laplace_ppf(q: Any) -> Any:
    return np.where(q > 0.5, -np.log(2.0 * (1.0 - q)), np.log(2.0 * q))


def laplace_isf(q: Any) -> Any:
    return -laplace_ppf(q)


def cauchy_logpdf(z: Any) -> Any:
    return -math.log(math.pi) - np.log1p(z * z)


def cauchy_cdf(z: Any) -> Any:
    return np.arctan2(1.0, -z) / math.pi


def cauchy_sf(z: Any) -> Any:
    return np.arctan2(1.0, z) / math.pi


def cauchy_ppf(q: Any) -> Any:
    return np.tan(math.pi * (q - 0.5))


def cauchy_isf(q: Any) -> Any:
    return np.tan(math.pi * (0.5 - q))


def logistic_logpdf(z: Any) -> Any:
    return special.log_expit(z) + special.log_expit(-z)


def logistic_cdf(z: Any) -> Any:
    return special.expit(z)


def logistic_sf(z: Any) -> Any:
    return special.expit(-z)


def logistic_logcdf(z: Any) -> Any:
    return special.log_expit(z)


def logistic_logsf(z: Any) -> Any:
    return special.log_expit(-z)


def logistic_ppf(q: Any) -> Any:
    return special.logit(q)


def logistic_isf(q: Any) -> Any:
    return -special.logit(q)


def gumbel_r_logpdf(z: Any) -> Any:
    return -z - np.exp(-z)


def gumbel_r_cdf(z: Any) -> Any:
    return np.exp(-np.exp(-z))


def gumbel_r_sf(z: Any) -> Any:
    return -np.expm1(-np.exp(-z))


def gumbel_r_logcdf(z: Any) -> Any:
    return -np.exp(-z)


def gumbel_r_ppf(q: Any) -> Any:
    return -np.log(-np.log(q))


def gumbel_r_isf(q: Any) -> Any:
    return -np.log(-np.log1p(-q))


define(stats.norm, no_shape, norm_logpdf, norm_cdf, norm_sf, norm_ppf, norm_isf, norm_logcdf, norm_logsf)
define(stats.t, shape_df, t_logpdf, t_cdf, t_sf, t_ppf, t_isf)
define(
    stats.laplace, no_shape, laplace_logpdf, laplace_cdf, laplace_sf, laplace_ppf, laplace_isf,
    laplace_logcdf, laplace_logsf,
)  # fmt: skip
define(stats.cauchy, no_shape, cauchy_logpdf, cauchy_cdf, cauchy_sf, cauchy_ppf, cauchy_isf)
define(
    stats.logistic, no_shape, logistic_logpdf, logistic_cdf, logistic_sf, logistic_ppf, logistic_isf,
    logistic_logcdf, logistic_logsf,
)  # fmt: skip
define(
    stats.gumbel_r, no_shape, gumbel_r_logpdf, gumbel_r_cdf, gumbel_r_sf, gumbel_r_ppf, gumbel_r_isf, gumbel_r_logcdf
)
