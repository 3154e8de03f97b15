"""Functions of `scipy.special` that are others of it, by DLMF: distributions, and derivatives of Bessel functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from srcad.rules.registry import expands

# ---- distributions: of gamma, F, binomial and negative binomial; NaN where SciPy has it -----------


@expands(special.gdtr)
def gdtr(a: Any, b: Any, x: Any) -> Any:
    return special.gammainc(b, a * np.where(x < 0.0, np.nan, x))


@expands(special.gdtrc)
def gdtrc(a: Any, b: Any, x: Any) -> Any:
    return special.gammaincc(b, a * np.where(x < 0.0, np.nan, x))


@expands(special.fdtr)
def fdtr(dfn: Any, dfd: Any, x: Any) -> Any:
    inside = (dfn > 0.0) & (dfd > 0.0) & (x >= 0.0)
    finite = inside & (dfn < np.inf) & (dfd < np.inf) & (x < np.inf)
    w = dfn * np.where(finite, x, np.nan)
    return np.where(inside & (x == np.inf), 1.0, special.betainc(0.5 * dfn, 0.5 * dfd, w / (dfd + w)))


@expands(special.fdtrc)
def fdtrc(dfn: Any, dfd: Any, x: Any) -> Any:
    inside = (dfn > 0.0) & (dfd > 0.0) & (x >= 0.0)
    finite = inside & (dfn < np.inf) & (dfd < np.inf) & (x < np.inf)
    w = dfn * np.where(finite, x, np.nan)
    return np.where(inside & (x == np.inf), 0.0, special.betainc(0.5 * dfd, 0.5 * dfn, dfd / (dfd + w)))


@expands(special.bdtr)
def bdtr(k: Any, n: Any, p: Any) -> Any:
    whole = np.floor(k)
    inside = (whole >= 0.0) & (whole <= n) & (p >= 0.0) & (p <= 1.0)
    every = inside & (whole == n)
    return np.where(every, 1.0, special.betainc(n - whole, whole + 1.0, 1.0 - np.where(inside, p, np.nan)))


@expands(special.bdtrc)
def bdtrc(k: Any, n: Any, p: Any) -> Any:
    whole = np.floor(k)
    inside = (whole <= n) & (p >= 0.0) & (p <= 1.0)
    tail = special.betainc(np.where(whole < 0.0, 1.0, whole + 1.0), n - whole, np.where(inside, p, np.nan))
    return np.where(inside & (whole < 0.0), 1.0, np.where(inside & (whole == n), 0.0, tail))


# ---- derivatives of Bessel functions: DLMF 10.6.7 and 10.29.5 -------------------------------------


def neighbours(function: Any, v: Any, z: Any, n: Any, sign: Any) -> Any:
    factor = 1.0
    total = function(v - n, z)
    for k in range(1, n + 1):
        factor = sign * factor * (n - k + 1) / k
        total = total + factor * function(v - n + 2 * k, z)
    return total / 2.0**n


@expands(special.jvp)
def jvp(v: Any, z: Any, n: Any = 1) -> Any:
    return neighbours(special.jv, v, z, n, -1.0)


@expands(special.yvp)
def yvp(v: Any, z: Any, n: Any = 1) -> Any:
    return neighbours(special.yv, v, z, n, -1.0)


@expands(special.ivp)
def ivp(v: Any, z: Any, n: Any = 1) -> Any:
    return neighbours(special.iv, v, z, n, 1.0)


@expands(special.kvp)
def kvp(v: Any, z: Any, n: Any = 1) -> Any:
    return (-1.0) ** n * neighbours(special.kv, v, z, n, 1.0)
