"""Orthogonal polynomials of `scipy.special`, of whole degrees, by their recurrences of three terms: DLMF 18.9(i).

So they have derivatives by the point and by the parameters alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from srcad.rules.expansions.linalg import floats
from srcad.rules.registry import expands, is_constant, unsupported

_DEGREES = "scipy.special: a polynomial whose degree is an array, or not a whole number"


def degree_of(n: Any) -> Any:
    """The degree, where it is one number, and whole."""
    if np.ndim(n) > 0:
        unsupported(_DEGREES)
    if is_constant(n) and n != int(n):
        unsupported(_DEGREES)
    degree = int(n)
    if degree != n or degree < 0:
        raise ValueError("scipy.special: a polynomial whose degree is negative, or not a whole number")
    return degree


# ---- Legendre, Laguerre, Hermite ---------------------------------------------------------------


@expands(special.eval_legendre)
def eval_legendre(n: Any, x: Any) -> Any:
    t = floats(np.asarray(x))
    before, value = 0.0 * t, np.ones_like(t)
    for k in range(degree_of(n)):
        before, value = value, ((2 * k + 1) * t * value - k * before) / (k + 1)
    return value


@expands(special.eval_sh_legendre)
def eval_sh_legendre(n: Any, x: Any) -> Any:
    return eval_legendre(n, 2.0 * floats(np.asarray(x)) - 1.0)


@expands(special.eval_genlaguerre)
def eval_genlaguerre(n: Any, alpha: Any, x: Any) -> Any:
    t = floats(np.asarray(x))
    shift = floats(np.asarray(alpha))
    value = np.ones_like(t + shift)
    before = 0.0 * value
    for k in range(degree_of(n)):
        before, value = value, ((2 * k + 1 + shift - t) * value - (k + shift) * before) / (k + 1)
    return value


@expands(special.eval_laguerre)
def eval_laguerre(n: Any, x: Any) -> Any:
    return eval_genlaguerre(n, 0.0, x)


@expands(special.eval_hermitenorm)
def eval_hermitenorm(n: Any, x: Any) -> Any:
    t = floats(np.asarray(x))
    before, value = 0.0 * t, np.ones_like(t)
    for k in range(degree_of(n)):
        before, value = value, t * value - k * before
    return value


@expands(special.eval_hermite)
def eval_hermite(n: Any, x: Any) -> Any:
    t = floats(np.asarray(x))
    before, value = 0.0 * t, np.ones_like(t)
    for k in range(degree_of(n)):
        before, value = value, 2.0 * (t * value - k * before)
    return value


# ---- Chebyshev ---------------------------------------------------------------------------------


def chebyshev(n: Any, x: Any, before: Any) -> Any:
    """The polynomials of one recurrence, which begins with `before` and 1."""
    value = np.ones_like(x)
    for _ in range(degree_of(n)):
        before, value = value, 2.0 * x * value - before
    return value


@expands(special.eval_chebyu)
def eval_chebyu(n: Any, x: Any) -> Any:
    t = floats(np.asarray(x))
    return chebyshev(n, t, 0.0 * t)


@expands(special.eval_chebyt)
def eval_chebyt(n: Any, x: Any) -> Any:
    t = floats(np.asarray(x))
    return chebyshev(n, t, t)


@expands(special.eval_chebyc)
def eval_chebyc(n: Any, x: Any) -> Any:
    return 2.0 * eval_chebyt(n, 0.5 * floats(np.asarray(x)))


@expands(special.eval_chebys)
def eval_chebys(n: Any, x: Any) -> Any:
    return eval_chebyu(n, 0.5 * floats(np.asarray(x)))


@expands(special.eval_sh_chebyt)
def eval_sh_chebyt(n: Any, x: Any) -> Any:
    return eval_chebyt(n, 2.0 * floats(np.asarray(x)) - 1.0)


@expands(special.eval_sh_chebyu)
def eval_sh_chebyu(n: Any, x: Any) -> Any:
    return eval_chebyu(n, 2.0 * floats(np.asarray(x)) - 1.0)


# ---- Gegenbauer and Jacobi -----------------------------------------------------------------------


@expands(special.eval_gegenbauer)
def eval_gegenbauer(n: Any, alpha: Any, x: Any) -> Any:
    t = floats(np.asarray(x))
    shape = floats(np.asarray(alpha))
    value = np.ones_like(t + shape)
    before = 0.0 * value
    for k in range(degree_of(n)):
        before, value = value, (2.0 * (k + shape) * t * value - (k - 1 + 2.0 * shape) * before) / (k + 1)
    return value


@expands(special.eval_jacobi)
def eval_jacobi(n: Any, alpha: Any, beta: Any, x: Any) -> Any:
    t = floats(np.asarray(x))
    a = floats(np.asarray(alpha))
    b = floats(np.asarray(beta))
    before = np.ones_like(t + a + b)
    degree = degree_of(n)
    if degree == 0:
        return before
    value = a + 1.0 + 0.5 * (a + b + 2.0) * (t - 1.0)
    for k in range(2, degree + 1):
        m = 2 * k + a + b
        by_value = (m - 1.0) * (m * (m - 2.0) * t + a * a - b * b) * value
        by_before = 2.0 * (k + a - 1.0) * (k + b - 1.0) * m * before
        before, value = value, (by_value - by_before) / (2.0 * k * (k + a + b) * (m - 2.0))
    return value


@expands(special.eval_sh_jacobi)
def eval_sh_jacobi(n: Any, p: Any, q: Any, x: Any) -> Any:
    degree = degree_of(n)
    second = floats(np.asarray(q))
    value = eval_jacobi(degree, p - second, second - 1.0, 2.0 * floats(np.asarray(x)) - 1.0)
    return value / special.binom(2 * degree + p - 1.0, 1.0 * degree)
