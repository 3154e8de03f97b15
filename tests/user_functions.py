"""Functions with rules of their own, as a user's module has them."""

from __future__ import annotations

import ctypes
import ctypes.util
import warnings
from typing import Any

import numba
import numpy as np

from srcad import opaque
from srcad.rules import external, jvp, linear, partials, vjp, vjp_into


def softer(x: Any) -> Any:
    return np.log(np.exp(x) + 2.0)


@partials(softer)
def softer_partials(y: Any, x: Any) -> Any:
    return 1.0 / (1.0 + 2.0 * np.exp(-x))


@numba.njit
def discounted(x, a):
    y = np.empty_like(x)
    s = 0.0
    for i in range(len(x)):
        s = a * s + x[i]
        y[i] = s
    return y


@vjp(discounted)
def discounted_vjp(d_y: Any, y: Any, x: Any, a: Any) -> Any:
    d_x = np.empty_like(x)
    s = 0.0
    d_a = 0.0
    for i in range(len(x) - 1, -1, -1):
        s = a * s + d_y[i]
        d_x[i] = s
        if i > 0:
            d_a += s * y[i - 1]
    return d_x, d_a


@jvp(discounted)
def discounted_jvp(y: Any, x: Any, a: Any, t_x: Any, t_a: Any) -> Any:
    t = np.zeros_like(x)
    if t_x is not None:
        t = t + discounted(t_x, a)
    if t_a is not None:
        t[1:] = t[1:] + discounted(y, a)[:-1] * t_a
    return t


libm = ctypes.CDLL(ctypes.util.find_library("m"))
bessel = libm.j0
bessel.argtypes, bessel.restype = (ctypes.c_double,), ctypes.c_double
bessel_1 = libm.j1
bessel_1.argtypes, bessel_1.restype = (ctypes.c_double,), ctypes.c_double


@partials(bessel)
def bessel_partials(y: Any, x: Any) -> Any:
    return -bessel_1(x)


@partials(bessel_1)
def bessel_1_partials(y: Any, x: Any) -> Any:
    return bessel(x) - y / x


@external(returns="float64[:]")
def moved_average(x: Any, k: Any) -> Any:
    """No list of operations that srcad knows: it must not be read."""
    return np.convolve(x, np.ones(k) / k)[: len(x)]


linear(moved_average, 0)


@vjp_into(moved_average)
def moved_average_into(d_y: Any, y: Any, x: Any, k: Any, d_x: Any, d_k: Any) -> Any:
    for i in range(len(x)):
        for j in range(max(0, i - k + 1), i + 1):
            d_x[j] += d_y[i] / k


@external
def scaled_by(x: Any, s: Any) -> Any:
    return x * s


@vjp_into(scaled_by)
def scaled_by_into(d_y: Any, y: Any, x: Any, s: Any, d_x: Any, d_s: Any) -> Any:
    if d_x is not None:
        d_x += s * d_y
    return np.sum(d_y * x)


@external
def without_rule(x: Any) -> Any:
    return x * 2.0


@external
def identity(x: Any) -> Any:
    return x


@external
def writes(x: Any) -> Any:
    x[0] = 2.0
    return x + 1.0


def shortened(x: Any) -> Any:
    return x[1:] * 1.0


@partials(shortened)
def shortened_partials(y: Any, x: Any) -> Any:
    return 1.0


@external
def with_bad_rule(x: Any) -> Any:
    return x * 2.0


@vjp(with_bad_rule)
def bad_rule(d_y: Any, y: Any, x: Any) -> Any:
    d = d_y[:]
    d *= 2.0
    return d


@jvp(with_bad_rule)
def bad_tangent(y: Any, x: Any, t_x: Any) -> Any:
    t_x *= 2.0
    return t_x


@external
def doubled(x: Any) -> Any:
    return 2.0 * x


@vjp(doubled)
def doubled_vjp(d_y: Any, y: Any, x: Any) -> Any:
    return 2.0 * d_y


@jvp(doubled)
def wrong_tangent(y: Any, x: Any, t_x: Any) -> Any:
    return 3.0 * t_x


@external
def squared(x: Any) -> Any:
    return x * x


@vjp(squared)
def squared_vjp(d_y: Any, y: Any, x: Any) -> Any:
    return 2.0 * d_y * halted(x)


@external
def halted(x: Any) -> Any:
    return x * 1.0


@partials(halted)
def halted_partials(y: Any, x: Any) -> Any:
    """Wrong: what depends on it has a wrong second derivative, and a right first one."""
    return 3.0


calls: list[float] = []


@external(returns="float64")
def counted(x: Any) -> Any:
    calls.append(x)
    return x + 1e-12 * len(calls)


@partials(counted)
def counted_partials(y: Any, x: Any) -> Any:
    return y / y


# ---- one direction given, the other derived ----------------------------------------------------------


@external
def by_vjp(x: Any, a: Any) -> Any:
    return np.cumsum(x) * a


@vjp(by_vjp)
def by_vjp_rule(d_y: Any, y: Any, x: Any, a: Any) -> Any:
    return np.cumsum((d_y * a)[::-1])[::-1], np.sum(d_y * np.cumsum(x))


@external
def by_jvp(x: Any, a: Any) -> Any:
    return np.cumsum(x) * a * a


@jvp(by_jvp)
def by_jvp_rule(y: Any, x: Any, a: Any, t_x: Any, t_a: Any) -> Any:
    t = np.zeros_like(x)
    if t_x is not None:
        t = t + np.cumsum(t_x) * a * a
    if t_a is not None:
        t = t + np.cumsum(x) * 2.0 * a * t_a
    return t


@numba.njit
def smoothed(x, y, k):
    z = np.zeros_like(x)
    for i in range(k, len(x)):
        z[i] = x[i] - x[i - k] + 2.0 * y[i - k]
    return z


linear(smoothed, 0, 1)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")

    @opaque(differences=True)
    def measured(x: Any, a: Any) -> Any:
        return np.convolve(np.sin(x), np.ones(3), "same") * a

    @opaque(differences=True)
    def measured_once(x: Any) -> Any:
        return x * x * x


@external
def forgetful(a: Any, b: Any) -> Any:
    return a * b


@vjp(forgetful)
def forgetful_vjp(d_y: Any, y: Any, a: Any, b: Any) -> Any:
    return d_y * b


@external
def too_long(x: Any) -> Any:
    return x * 2.0


@vjp(too_long)
def too_long_vjp(d_y: Any, y: Any, x: Any) -> Any:
    return np.ones(7)


@jvp(too_long)
def too_long_jvp(y: Any, x: Any, t_x: Any) -> Any:
    return np.ones(7)


SCALE = 7.0


@external
def scaled(x: Any) -> Any:
    return SCALE * x


@partials(scaled)
def scaled_partials(y: Any, x: Any) -> Any:
    return SCALE
