"""`scipy.special`: which functions are primitives, and the expansions of those that are not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from srcad.rules import special as primitives
from srcad.rules.expansions.linalg import floats
from srcad.rules.primitives import PRIMITIVE_OF, PRIMITIVES
from srcad.rules.registry import axes_of, expands, is_constant, unsupported
from srcad.rules.scipy import orthogonal_polynomials, special_by_others

__all__ = ["orthogonal_polynomials", "special_by_others"]

for _name in PRIMITIVES:
    if _name.startswith(primitives.PREFIX):
        PRIMITIVE_OF[getattr(special, _name.removeprefix(primitives.PREFIX))] = _name
for _name in ("exp2", "expm1", "log1p", "cbrt"):
    PRIMITIVE_OF[getattr(special, _name)] = f"np.{_name}"

PRIMITIVE_OF[special.round] = "np.rint"

zeta_of = PRIMITIVES["special.zeta"]
stopped = PRIMITIVES["stop_gradient"]

# ---- zeta, and derivatives of digamma ----------------------------------------------------------


@expands(special.zeta)
def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    if q is None or out is not None:
        unsupported("scipy.special.zeta without q, or with out")
    return zeta_of(x, q)


@expands(special.polygamma)
def polygamma(n: Any, x: Any) -> Any:
    if is_constant(n):
        return special.digamma(floats(x)) if n == 0 else polygamma_of(n, x)
    # only whole numbers have a value
    order = stopped(n)
    return np.where(order == 0, special.digamma(floats(x)), polygamma_of(np.where(order == 0, 1, order), x))


def polygamma_of(n: Any, x: Any) -> Any:
    sign = np.where(n % 2 == 1, 1.0, -1.0)
    return sign * special.gamma(n + 1.0) * zeta_of(n + 1.0, x)


@expands(special.multigammaln)
def multigammaln(a: Any, d: Any) -> Any:
    y = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(d):
        y = y + special.gammaln(a - 0.5 * j)
    return y


# ---- counts, as functions of real numbers -------------------------------------------------------


@expands(special.comb)
def comb(N: Any, k: Any, *, exact: Any = False, repetition: Any = False) -> Any:
    if exact:
        unsupported("scipy.special.comb with exact=True")
    if repetition:
        return comb(N + k - 1, k)
    # outside of 0 <= k <= N it is 0, and so is its derivative
    inside = (k <= N) & (N >= 0) & (k >= 0)
    return np.where(inside, special.binom(np.where(inside, N, 1.0), np.where(inside, k, 1.0)), 0.0)


@expands(special.perm)
def perm(N: Any, k: Any, exact: Any = False) -> Any:
    if exact:
        unsupported("scipy.special.perm with exact=True")
    inside = (k <= N) & (N >= 0) & (k >= 0)
    return np.where(inside, special.poch(np.where(inside, N - k + 1.0, 1.0), np.where(inside, k, 1.0)), 0.0)


@expands(special.factorial)
def factorial(n: Any, exact: Any = False, extend: Any = "zero") -> Any:
    if exact or extend != "zero":
        unsupported("scipy.special.factorial with exact or extend")
    return np.where(n < 0, 0.0, special.gamma(np.where(n < 0, 1.0, n) + 1.0))


# ---- sums of exponentials -----------------------------------------------------------------------


@expands(special.logsumexp)
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: Any = False, return_sign: Any = False) -> Any:
    x = floats(np.asarray(a))
    if b is not None:
        factors = floats(np.asarray(b))
        x, factors = np.broadcast_arrays(x, factors)
    axes = axes_of(axis, np.ndim(x))
    # the same is added as is taken away: a constant. Of infinities nothing can be taken away
    used = x if b is None else np.where(factors == 0.0, -np.inf, x)
    largest = stopped(np.max(used, axis=axes, keepdims=True))
    largest = np.where(np.isfinite(largest), largest, 0.0)
    powers = np.exp(x - largest)
    if b is not None:
        powers = np.where(factors == 0.0, 0.0, factors * powers)
    total = np.sum(powers, axis=axes, keepdims=keepdims)
    size = np.log(total if b is None else np.abs(total))
    shift = largest if keepdims else np.sum(largest, axis=axes)
    value = size + stopped(lost_digits(size, powers, used == largest, axes, keepdims)) + shift
    if return_sign:
        return value, np.sign(total)
    return value if b is None else np.where(total < 0.0, np.nan, value)


def lost_digits(size: Any, powers: Any, leads: Any, axes: Any, keepdims: Any) -> Any:
    """What the logarithm of a sum lacks where the sum is all but the largest of its terms."""
    lead = np.sum(np.where(leads, powers, 0.0), axis=axes, keepdims=keepdims)
    share = np.sum(np.where(leads, 0.0, powers), axis=axes, keepdims=keepdims) / np.where(lead == 0.0, 1.0, lead)
    share = np.where(share < -1.0, -share - 2.0, share)
    exact = np.log1p(share) + np.log(np.abs(np.where(lead == 0.0, 1.0, lead)))
    known = (lead != 0.0) & np.isfinite(size) & np.isfinite(exact)
    return np.where(known, exact - size, 0.0)


@expands(special.softmax)
def softmax(x: Any, axis: Any = None) -> Any:
    y = floats(np.asarray(x))
    axes = axes_of(axis, np.ndim(y))
    powers = np.exp(y - stopped(np.max(y, axis=axes, keepdims=True)))
    return powers / np.sum(powers, axis=axes, keepdims=True)


@expands(special.log_softmax)
def log_softmax(x: Any, axis: Any = None) -> Any:
    y = floats(np.asarray(x))
    axes = axes_of(axis, np.ndim(y))
    largest = stopped(np.max(y, axis=axes, keepdims=True))
    below = y - np.where(np.isfinite(largest), largest, 0.0)
    return below - np.log(np.sum(np.exp(below), axis=axes, keepdims=True))
