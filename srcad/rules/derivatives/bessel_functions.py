"""Partial derivatives of SciPy's Bessel, hypergeometric, elliptic functions and integrals, by DLMF.

Bessel functions have no derivative by their order here: DLMF 10.15 and 10.38 give it as series only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.rules import special
from srcad.rules.registry import partials
from srcad.rules.special import functions_of_scipy

# ---- Bessel functions: DLMF 10.6 and 10.29 -----------------------------------------------------


@partials(*functions_of_scipy("j0"), singular=False)
def j0(y: Any, x: Any) -> Any:
    return -special.j1(x)


@partials(*functions_of_scipy("j1"), singular=False)
def j1(y: Any, x: Any) -> Any:
    return 0.5 * (special.j0(x) - special.jv(2.0, x))


@partials(*functions_of_scipy("jv", "jve", unknown=(0,)))
def jv(y: Any, v: Any, x: Any) -> Any:
    return None, 0.5 * (special.jv(v - 1.0, x) - special.jv(v + 1.0, x))


@partials(*functions_of_scipy("y0", poles=True))
def y0(y: Any, x: Any) -> Any:
    return -special.y1(x)


@partials(*functions_of_scipy("y1", poles=True))
def y1(y: Any, x: Any) -> Any:
    return special.y0(x) - y / x


@partials(*functions_of_scipy("yv", "yn", "yve", poles=True, unknown=(0,)))
def yv(y: Any, v: Any, x: Any) -> Any:
    return None, 0.5 * (special.yv(v - 1.0, x) - special.yv(v + 1.0, x))


@partials(*functions_of_scipy("i0"))
def i0(y: Any, x: Any) -> Any:
    return special.i1(x)


@partials(*functions_of_scipy("i1"))
def i1(y: Any, x: Any) -> Any:
    return 0.5 * (special.i0(x) + special.iv(2.0, x))


@partials(*functions_of_scipy("iv", unknown=(0,)))
def iv(y: Any, v: Any, x: Any) -> Any:
    return None, 0.5 * (special.iv(v - 1.0, x) + special.iv(v + 1.0, x))


@partials(*functions_of_scipy("i0e"))
def i0e(y: Any, x: Any) -> Any:
    return special.i1e(x) - np.sign(x) * y


@partials(*functions_of_scipy("i1e"))
def i1e(y: Any, x: Any) -> Any:
    return 0.5 * (special.i0e(x) + special.ive(2.0, x)) - np.sign(x) * y


@partials(*functions_of_scipy("ive", unknown=(0,)))
def ive(y: Any, v: Any, x: Any) -> Any:
    return None, 0.5 * (special.ive(v - 1.0, x) + special.ive(v + 1.0, x)) - np.sign(x) * y


@partials(*functions_of_scipy("k0", poles=True))
def k0(y: Any, x: Any) -> Any:
    return -special.k1(x)


@partials(*functions_of_scipy("k1", poles=True))
def k1(y: Any, x: Any) -> Any:
    return -special.k0(x) - y / x


@partials(*functions_of_scipy("kv", "kn", poles=True, unknown=(0,)))
def kv(y: Any, v: Any, x: Any) -> Any:
    return None, -0.5 * (special.kv(v - 1.0, x) + special.kv(v + 1.0, x))


@partials(*functions_of_scipy("k0e", poles=True))
def k0e(y: Any, x: Any) -> Any:
    return y - special.k1e(x)


@partials(*functions_of_scipy("k1e", poles=True))
def k1e(y: Any, x: Any) -> Any:
    return y - special.k0e(x) - y / x


@partials(*functions_of_scipy("kve", poles=True, unknown=(0,)))
def kve(y: Any, v: Any, x: Any) -> Any:
    return None, y - 0.5 * (special.kve(v - 1.0, x) + special.kve(v + 1.0, x))


# ---- hypergeometric functions: DLMF 13.3.15, 13.3.22, 15.5.1, 16.3.1 ----------------------------


@partials(*functions_of_scipy("hyp0f1", unknown=(0,)))
def hyp0f1(y: Any, v: Any, x: Any) -> Any:
    return None, special.hyp0f1(v + 1.0, x) / v


@partials(*functions_of_scipy("hyp1f1", unknown=(0, 1)))
def hyp1f1(y: Any, a: Any, b: Any, x: Any) -> Any:
    return None, None, a / b * special.hyp1f1(a + 1.0, b + 1.0, x)


@partials(*functions_of_scipy("hyperu", poles=True, unknown=(0, 1)))
def hyperu(y: Any, a: Any, b: Any, x: Any) -> Any:
    return None, None, -a * special.hyperu(a + 1.0, b + 1.0, x)


@partials(*functions_of_scipy("hyp2f1", poles=True, unknown=(0, 1, 2)))
def hyp2f1(y: Any, a: Any, b: Any, c: Any, x: Any) -> Any:
    return None, None, None, a * b / c * special.hyp2f1(a + 1.0, b + 1.0, c + 1.0, x)


# ---- elliptic integrals: DLMF 19.4.1, 19.4.2, 19.4.4 ---------------------------------------------


@partials(*functions_of_scipy("ellipk", poles=True))
def ellipk(y: Any, m: Any) -> Any:
    return first_slope(y, special.ellipe(m), m)


@partials(*functions_of_scipy("ellipkm1", poles=True))
def ellipkm1(y: Any, p: Any) -> Any:
    near = np.abs(1.0 - p) < 0.25
    apart = np.where(near, 0.5, p)
    series = -math.pi / 8.0 * special.hyp2f1(1.5, 1.5, 2.0, np.where(near, 1.0 - p, 0.0))
    return np.where(near, series, (y - special.ellipe(1.0 - p) / apart) / (2.0 * (1.0 - apart)))


def first_slope(first: Any, second: Any, m: Any) -> Any:
    # near 0 the difference has no digits left
    near = np.abs(m) < 0.25
    apart = np.where(near, 0.5, m)
    series = math.pi / 8.0 * special.hyp2f1(1.5, 1.5, 2.0, np.where(near, m, 0.0))
    return np.where(near, series, (second / (1.0 - apart) - first) / (2.0 * apart))


@partials(*functions_of_scipy("ellipe", infinite_slopes=True))
def ellipe(y: Any, m: Any) -> Any:
    return second_slope(special.ellipk(m), y, m)


def second_slope(first: Any, second: Any, m: Any) -> Any:
    near = np.abs(m) < 0.25
    apart = np.where(near, 0.5, m)
    series = -math.pi / 8.0 * special.hyp2f1(0.5, 1.5, 2.0, np.where(near, m, 0.0))
    return np.where(near, series, (second - first) / (2.0 * apart))


# by m of a quarter of a turn, and twice the complete one for each half turn: DLMF 19.2.10, 19.25.9 and 19.25.10


@partials(*functions_of_scipy("ellipkinc", infinite_slopes=True))
def ellipkinc(y: Any, phi: Any, m: Any) -> Any:
    turns = np.rint(phi / math.pi)
    sine = np.sin(phi - math.pi * turns)
    part = sine**3 * special.elliprd(1.0 - sine * sine, 1.0, 1.0 - m * sine * sine) / 6.0
    whole = 2.0 * turns * first_slope(special.ellipk(m), special.ellipe(m), m)
    return 1.0 / np.sqrt(1.0 - m * np.sin(phi) ** 2), part + np.where(turns == 0.0, 0.0, whole)


@partials(*functions_of_scipy("ellipeinc", infinite_slopes=True))
def ellipeinc(y: Any, phi: Any, m: Any) -> Any:
    turns = np.rint(phi / math.pi)
    sine = np.sin(phi - math.pi * turns)
    part = -(sine**3) * special.elliprd(1.0 - sine * sine, 1.0 - m * sine * sine, 1.0) / 6.0
    whole = 2.0 * turns * second_slope(special.ellipk(m), special.ellipe(m), m)
    return np.sqrt(1.0 - m * np.sin(phi) ** 2), part + np.where(turns == 0.0, 0.0, whole)


# ---- exponential integrals: DLMF 6.2, 8.19.13, 25.12.1 -------------------------------------------


@partials(*functions_of_scipy("expi", poles=True))
def expi(y: Any, x: Any) -> Any:
    return np.exp(x) / x


@partials(*functions_of_scipy("exp1", poles=True))
def exp1(y: Any, x: Any) -> Any:
    return -np.exp(-x) / x


@partials(*functions_of_scipy("expn", poles=True, unknown=(0,)))
def expn(y: Any, n: Any, x: Any) -> Any:
    # of order 0 it is exp(-x) / x
    return None, np.where(n == 0, -(1.0 + 1.0 / x) * y, -special.expn(np.where(n == 0, 0.0, n - 1.0), x))


@partials(*functions_of_scipy("spence", infinite_slopes=True))
def spence(y: Any, z: Any) -> Any:
    near = np.abs(z - 1.0) < 0.25
    series = -special.hyp2f1(1.0, 1.0, 2.0, np.where(near, 1.0 - z, 0.0))
    return np.where(near, series, np.log(z) / (1.0 - np.where(near, 0.5, z)))


@partials(*functions_of_scipy("wrightomega"))
def wrightomega(y: Any, z: Any) -> Any:
    return y / (1.0 + y)


@partials(*functions_of_scipy("owens_t"))
def owens_t(y: Any, h: Any, a: Any) -> Any:
    by_h = -np.exp(-0.5 * h * h) * special.erf(math.sqrt(0.5) * a * h) / math.sqrt(8.0 * math.pi)
    return by_h, np.exp(-0.5 * h * h * (1.0 + a * a)) / (2.0 * math.pi * (1.0 + a * a))
