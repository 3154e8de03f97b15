"""Partial derivatives of SciPy's error, normal and logistic functions, entropies and losses: DLMF chapter 7.

See `elementwise` for how a rule is written.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.rules import special
from srcad.rules.registry import is_constant, partials
from srcad.rules.special import functions_of_scipy

_TWO_BY_ROOT_PI = 2.0 / math.sqrt(math.pi)
_ROOT_OF_2_PI = math.sqrt(2.0 * math.pi)

# ---- error functions ---------------------------------------------------------------------------


@partials(*functions_of_scipy("erf", vector="machine.inline_erf"))
def erf(y: Any, x: Any) -> Any:
    return _TWO_BY_ROOT_PI * np.exp(-x * x)


@partials(*functions_of_scipy("erfc"))
def erfc(y: Any, x: Any) -> Any:
    return -_TWO_BY_ROOT_PI * np.exp(-x * x)


@partials(*functions_of_scipy("erfcx"))
def erfcx(y: Any, x: Any) -> Any:
    # from 25 on the difference loses digits: the asymptotic series (DLMF 7.12.1), of the derivative
    far = np.where(x > 25.0, x, 25.0)
    return np.where(x > 25.0, -_TWO_BY_ROOT_PI * slope_far_out(far), 2.0 * x * y - _TWO_BY_ROOT_PI)


@partials(*functions_of_scipy("erfi"))
def erfi(y: Any, x: Any) -> Any:
    return _TWO_BY_ROOT_PI * np.exp(x * x)


@partials(*functions_of_scipy("dawsn"))
def dawsn(y: Any, x: Any) -> Any:
    far = np.where(np.abs(x) > 25.0, x, 25.0)
    z = 0.5 / (far * far)
    series = -z * (1.0 + z * (3.0 + z * (15.0 + z * (105.0 + z * (945.0 + z * (10395.0 + z * 135135.0))))))
    return np.where(np.abs(x) > 25.0, series, 1.0 - 2.0 * x * y)


def slope_far_out(x: Any) -> Any:
    """1 - sqrt(pi) x erfcx(x), for x >= 25."""
    z = 0.5 / (x * x)
    return z * (1.0 - z * (3.0 - z * (15.0 - z * (105.0 - z * (945.0 - z * (10395.0 - z * 135135.0))))))


@partials(*functions_of_scipy("erfinv", poles=True))
def erfinv(y: Any, x: Any) -> Any:
    return np.exp(y * y) / _TWO_BY_ROOT_PI


@partials(*functions_of_scipy("erfcinv", poles=True))
def erfcinv(y: Any, x: Any) -> Any:
    return -np.exp(y * y) / _TWO_BY_ROOT_PI


# ---- the normal distribution -------------------------------------------------------------------


@partials(*functions_of_scipy("ndtr"))
def ndtr(y: Any, x: Any) -> Any:
    return np.exp(-0.5 * x * x) / _ROOT_OF_2_PI


@partials(*functions_of_scipy("ndtri", poles=True))
def ndtri(y: Any, p: Any) -> Any:
    return _ROOT_OF_2_PI * np.exp(0.5 * y * y)


@partials(*functions_of_scipy("log_ndtr"))
def log_ndtr(y: Any, x: Any) -> Any:
    return hazard(x)


@partials(*functions_of_scipy("ndtri_exp", poles=True))
def ndtri_exp(y: Any, x: Any) -> Any:
    return 1.0 / hazard(y)


def hazard(x: Any) -> Any:
    """The density of the normal distribution by its distribution function, without a quotient of tiny numbers."""
    left = np.where(x < 0.0, x, 0.0)
    right = np.where(x < 0.0, 0.0, x)
    tail = math.sqrt(2.0 / math.pi) / special.erfcx(-math.sqrt(0.5) * left)
    return np.where(x < 0.0, tail, np.exp(-0.5 * right * right) / (_ROOT_OF_2_PI * special.ndtr(right)))


# ---- the logistic function ---------------------------------------------------------------------


@partials(*functions_of_scipy("expit"), singular=False)
def expit(y: Any, x: Any) -> Any:
    # not y (1 - y), which has no digits left for a large x
    return y * special.expit(-x)


@partials(*functions_of_scipy("logit", poles=True))
def logit(y: Any, p: Any) -> Any:
    return 1.0 / (p * (1.0 - p))


@partials(*functions_of_scipy("log_expit"), singular=False)
def log_expit(y: Any, x: Any) -> Any:
    return special.expit(-x)


# ---- entropies ---------------------------------------------------------------------------------


@partials(*functions_of_scipy("xlogy", poles=True, infinite_slopes=True))
def xlogy(y: Any, a: Any, b: Any) -> Any:
    return np.log(b), a / (b if is_constant(a) and a != 0 else np.where((a == 0.0) & (b == 0.0), 1.0, b))


@partials(*functions_of_scipy("xlog1py", poles=True, infinite_slopes=True))
def xlog1py(y: Any, a: Any, b: Any) -> Any:
    next_b = 1.0 + b
    return np.log1p(b), a / (next_b if is_constant(a) and a != 0 else np.where((a == 0.0) & (b == -1.0), 1.0, next_b))


@partials(*functions_of_scipy("entr", infinite_slopes=True))
def entr(y: Any, x: Any) -> Any:
    return -np.log(x) - 1.0


@partials(*functions_of_scipy("rel_entr", poles=True, infinite_slopes=True))
def rel_entr(y: Any, a: Any, b: Any) -> Any:
    return np.log(a / b) + 1.0, -a / np.where((a == 0.0) & (b == 0.0), 1.0, b)


@partials(*functions_of_scipy("kl_div", poles=True, infinite_slopes=True))
def kl_div(y: Any, a: Any, b: Any) -> Any:
    return np.log(a / b), 1.0 - a / np.where((a == 0.0) & (b == 0.0), 1.0, b)


# ---- losses and transforms ---------------------------------------------------------------------


@partials(*functions_of_scipy("huber"))
def huber(y: Any, delta: Any, r: Any) -> Any:
    inside = np.abs(r) <= delta
    return np.where(inside, 0.0, np.abs(r) - delta), np.where(inside, r, delta * np.sign(r))


@partials(*functions_of_scipy("pseudo_huber"))
def pseudo_huber(y: Any, delta: Any, r: Any) -> Any:
    # delta (hypot(delta, r) - delta)
    length = np.hypot(delta, r)
    by_delta = r * r / (length + delta) - delta * r * r / (length * (length + delta))
    return by_delta, delta * r / length


@partials(*functions_of_scipy("boxcox", poles=True))
def boxcox(y: Any, x: Any, lam: Any) -> Any:
    return x ** (lam - 1.0), power_slope(np.log(x), lam)


@partials(*functions_of_scipy("boxcox1p", poles=True))
def boxcox1p(y: Any, x: Any, lam: Any) -> Any:
    return (1.0 + x) ** (lam - 1.0), power_slope(np.log1p(x), lam)


@partials(*functions_of_scipy("inv_boxcox", poles=True))
def inv_boxcox(y: Any, x: Any, lam: Any) -> Any:
    slope = y ** (1.0 - lam)
    return slope, -slope * power_slope(np.log(y), lam)


@partials(*functions_of_scipy("inv_boxcox1p", poles=True))
def inv_boxcox1p(y: Any, x: Any, lam: Any) -> Any:
    slope = (1.0 + y) ** (1.0 - lam)
    return slope, -slope * power_slope(np.log1p(y), lam)


def power_slope(log: Any, lam: Any) -> Any:
    """The derivative of (exp(lam log) - 1) / lam by lam; where lam is 0, its limit."""
    return 0.5 * log * log * special.hyp1f1(2.0, 3.0, lam * log)


@partials(*functions_of_scipy("powm1", poles=True, infinite_slopes=True))
def powm1(y: Any, x: Any, p: Any) -> Any:
    return p * x ** (p - 1.0), (1.0 + y) * np.log(x)


@partials(*functions_of_scipy("cosm1"), singular=False)
def cosm1(y: Any, x: Any) -> Any:
    return -np.sin(x)


@partials(*functions_of_scipy("exp10"))
def exp10(y: Any, x: Any) -> Any:
    return y * math.log(10.0)


@partials(*functions_of_scipy("exprel"))
def exprel(y: Any, x: Any) -> Any:
    return 0.5 * special.hyp1f1(2.0, 3.0, x)
