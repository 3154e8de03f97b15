"""The functions of `math` that are not one primitive."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import compile_time, dtype_of, expands, is_constant, is_float_name, unsupported

log_of = PRIMITIVES["math.log"]
cast = PRIMITIVES["astype"]


@expands(math.log)
def log(x: Any, base: Any = None) -> Any:
    if base is None:
        return log_of(x)
    return log_of(x) / log_of(base)


@expands(math.hypot)
def hypot(*coordinates: Any) -> Any:
    if len(coordinates) == 0:
        return 0.0
    if len(coordinates) == 1:
        return abs(coordinates[0])
    y = np.hypot(coordinates[0], coordinates[1])
    for c in coordinates[2:]:
        y = np.hypot(y, c)
    return y


@expands(math.dist)
def dist(p: Any, q: Any) -> Any:
    x = doubles(p)
    y = doubles(q)
    if len(x) != len(y):
        raise ValueError("both points must have the same number of dimensions")
    # the sum of squares may overflow where the distance does not
    total = 0.0
    for k in range(len(x)):
        total = np.hypot(total, x[k] - y[k])
    return total


@expands(math.fsum)
def fsum(seq: Any) -> Any:
    x = doubles(seq)
    if np.ndim(x) > 1:
        unsupported("math.fsum of more than one axis")
    return runtime.exact_sum(x)


def doubles(values: Any) -> Any:
    """The numbers as float64, which is what `math` computes in."""
    x = np.asarray(values)
    return x if dtype_of(x) == "float64" else cast(x, dtype="float64")


@expands(math.prod)
def prod(iterable: Any, start: Any = 1) -> Any:
    x = np.asarray(iterable)
    if np.ndim(x) > 1:
        unsupported("math.prod of more than one axis")
    return np.prod(x) * start


@expands(math.remainder)
def remainder(x: Any, y: Any) -> Any:
    # exact: fmod is, and so is the one subtraction of numbers that near each other
    r = math.fmod(x, y)
    rest = abs(y) - abs(r)
    odd = math.fmod(abs(x) - abs(r), 2.0 * abs(y)) >= abs(y)
    if abs(r) > rest or (abs(r) == rest and odd):
        r = r - math.copysign(abs(y), r)
    return r


@expands(math.modf, np.modf)
def modf(x: Any) -> Any:
    y = x if is_float_name(dtype_of(x)) else cast(x, dtype="float64")
    # a remainder has the derivative 1, at whole numbers too
    return np.where(np.isinf(y), np.copysign(0.0, y), np.fmod(y, 1.0)), np.trunc(y)


@expands(math.ldexp, np.ldexp)
def ldexp(x: Any, i: Any) -> Any:
    # in two steps: 2.0 ** i alone may overflow where the product does not
    half = i // 2
    y = x * 2.0**half * 2.0 ** (i - half)
    return cast(y, dtype="float32") if dtype_of(x) == "float32" else y


@expands(math.isclose)
def isclose(a: Any, b: Any, *, rel_tol: Any = 1e-09, abs_tol: Any = 0.0) -> Any:
    return a == b or (
        abs(a) != math.inf and abs(b) != math.inf and abs(a - b) <= max(rel_tol * max(abs(a), abs(b)), abs_tol)
    )


# ---- integers -----------------------------------------------------------------------------------


@compile_time
def known_comb(n: int, k: int) -> int:
    return math.comb(n, k)


@compile_time
def known_factorial(n: int) -> int:
    return math.factorial(n)


@expands(math.factorial)
def factorial(n: Any) -> Any:
    if is_constant(n):
        return known_factorial(n)
    assert n >= 0
    y = 1
    for k in range(2, n + 1):
        y = y * k
    return y


@expands(math.comb)
def comb(n: Any, k: Any) -> Any:
    if is_constant(n) and is_constant(k):
        return known_comb(n, k)
    assert n >= 0 and k >= 0
    y = 1
    for i in range(k):
        y = y * (n - i) // (i + 1)
    return y


@expands(math.gcd)
def gcd(*integers: Any) -> Any:
    y = 0
    for n in integers:
        y = gcd_of_two(y, n)
    return y


def gcd_of_two(a: Any, b: Any) -> Any:
    x = abs(a)
    y = abs(b)
    while y != 0:
        rest = x % y
        x = y
        y = rest
    return x


# ---- newer than the oldest Python that srcad runs on --------------------------------------------


def exp2(x: Any) -> Any:
    return np.exp2(x)


def cbrt(x: Any) -> Any:
    return np.cbrt(x)


def sumprod(p: Any, q: Any) -> Any:
    return np.sum(np.asarray(p) * np.asarray(q))


_functions: list[tuple[str, Any]] = [("exp2", exp2), ("cbrt", cbrt), ("sumprod", sumprod)]
for _name, _function in _functions:
    if hasattr(math, _name):
        expands(getattr(math, _name))(_function)
