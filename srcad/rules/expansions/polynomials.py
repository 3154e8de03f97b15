"""Polynomials by their coefficients, highest power first, as NumPy's functions of the name `poly...` have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.decompositions import epsilon
from srcad.rules.expansions.shapes import flat
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import common_dtype, dtype_of, expands, is_float_name, unsupported

cast = PRIMITIVES["astype"]


def coefficients(p: Any) -> Any:
    x = np.atleast_1d(np.asarray(p))
    if np.ndim(x) != 1:
        unsupported("a polynomial whose coefficients are no vector")
    return x


# ---- values -------------------------------------------------------------------------------------


@expands(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    c = np.asarray(p)
    at = np.asarray(x)
    y = np.zeros(np.shape(at), dtype=common_dtype(dtype_of(c), dtype_of(at)))
    for k in range(len(c)):
        y = y * at + c[k]
    return y


@expands(np.polynomial.polynomial.polyval)
def polyval_of_series(x: Any, c: Any, tensor: Any = True) -> Any:
    if np.ndim(c) != 1:
        unsupported("a polynomial whose coefficients are no vector")
    if len(c) == 0:
        raise IndexError("a polynomial without coefficients")
    return polyval(c[::-1], x) * 1.0


@expands(np.vander)
def vander(x: Any, N: Any = None, increasing: Any = False) -> Any:
    if np.ndim(x) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    v = np.asarray(x)
    n = len(v) if N is None else N
    y = np.ones((len(v), n), dtype=common_dtype(dtype_of(v), "int64"))
    powers = y if increasing else y[:, ::-1]
    for k in range(1, n):
        powers[:, k] = powers[:, k - 1] * v
    return y


# ---- coefficients -------------------------------------------------------------------------------


@expands(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    a = coefficients(a1)
    b = coefficients(a2)
    n = max(len(a), len(b))
    name = common_dtype(dtype_of(a), dtype_of(b))
    y = np.zeros(n, dtype=name)
    y[n - len(a) :] += a
    y[n - len(b) :] += b
    return y


@expands(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    return polyadd(a1, -coefficients(a2))


@expands(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    return np.convolve(coefficients(a1), coefficients(a2))


@expands(np.polydiv)
def polydiv(u: Any, v: Any) -> Any:
    a = coefficients(u) * 1.0
    b = coefficients(v) * 1.0
    n = max(len(a) - len(b) + 1, 1)
    quotient = np.zeros(n, dtype=common_dtype(dtype_of(a), dtype_of(b)))
    left = cast(a, dtype=dtype_of(quotient)).copy()
    for k in range(len(a) - len(b) + 1):
        quotient[k] = left[k] / b[0]
        for j in range(len(b)):
            left[k + j] -= quotient[k] * b[j]
    start = 0
    # leading zeros of the remainder are left out
    while start < len(left) - 1 and abs(left[start]) <= 1e-8:
        start += 1
    return quotient, left[start:]


@expands(np.polyder)
def polyder(p: Any, m: Any = 1) -> Any:
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    y = coefficients(p)
    for _ in range(m):
        y = y[:-1] * np.arange(len(y) - 1, 0, -1)
    return y


@expands(np.polyint)
def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    y = coefficients(p)
    y = y if is_float_name(dtype_of(y)) else cast(y, dtype="float64")
    for j in range(m):
        last = 0.0 if k is None else k if np.ndim(k) == 0 else k[0] if len(k) == 1 else k[j]
        y = np.append(y / np.arange(len(y), 0, -1), last)
    return y


@expands(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    roots = np.asarray(seq_of_zeros)
    if np.ndim(roots) != 1:
        unsupported("np.poly of a matrix")
    if len(roots) == 0:
        raise ValueError("np.poly of no roots is not supported")
    nothing = np.zeros(1, dtype=dtype_of(roots))
    y = np.ones(1, dtype=dtype_of(roots))
    for k in range(len(roots)):
        y = np.concatenate((y, nothing)) - roots[k] * np.concatenate((nothing, y))
    return y


@expands(np.roots)
def roots(p: Any) -> Any:
    if np.ndim(p) != 1:
        raise ValueError("Input must be a rank-1 array.")
    p = np.asarray(p)
    places = np.flatnonzero(p)
    if len(places) == 0:
        return np.zeros(0)
    first = places[0]
    last = places[len(places) - 1]
    c = p[first : last + 1]
    n = len(c) - 1
    companion = np.zeros((n, n))
    for k in range(n):
        companion[0, k] = -c[k + 1] / c[0]
        if k > 0:
            companion[k, k - 1] = 1.0
    return np.concatenate((np.linalg.eigvals(companion), np.zeros(len(p) - 1 - last)))


# ---- fits ---------------------------------------------------------------------------------------


@expands(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: Any = False, w: Any = None, cov: Any = False) -> Any:
    if full or cov:
        unsupported("np.polyfit with full=True or cov=")
    at = cast(flat(x), dtype=common_dtype(dtype_of(x), "float64"))
    heights = np.asarray(y) * 1.0
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if len(at) == 0:
        raise TypeError("expected non-empty vector for x")
    if len(at) != heights.shape[0]:
        raise TypeError("expected x and y to have same length")
    left = np.vander(at, deg + 1)
    if w is not None:
        left = left * np.asarray(w)[:, None]
        heights = heights * (np.asarray(w) if np.ndim(heights) == 1 else np.asarray(w)[:, None])
    scale = np.sqrt(np.sum(left * left, axis=0))
    cut = len(at) * epsilon("float64") if rcond is None else rcond
    c = np.linalg.lstsq(left / scale, heights, cut)[0]
    return c / (scale if np.ndim(c) == 1 else scale[:, None])
