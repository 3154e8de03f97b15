"""`numba.prange` in a function: read as `range`, and refused where iterations surely depend on each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from numba import prange

import srcad

# ---- refused -----------------------------------------------------------------------------------


def recurrence(x: Any) -> Any:
    y = x * 1.0
    for i in prange(1, len(x)):
        y[i] = 0.5 * y[i - 1] + x[i]
    return np.sum(y)


def read_ahead(x: Any) -> Any:
    y = x * 1.0
    for i in numba.prange(len(x) - 2):
        y[i] = np.sin(y[i + 2])
    return np.sum(y)


def rows(x: Any) -> Any:
    a = np.outer(x, x)
    for i in prange(1, len(x)):
        for j in range(len(x)):
            a[i, j] = a[i - 1, j] * 0.3
    return np.sum(a)


def one_element(x: Any) -> Any:
    y = x * 1.0
    for i in prange(len(x)):
        y[0] = x[i] * 2.0
    return np.sum(y)


def element_read(x: Any) -> Any:
    y = x * 1.0
    z = x * 1.0
    for i in prange(len(x)):
        y[0] += x[i]
        z[i] = y[0]
    return np.sum(z)


def written_twice(x: Any) -> Any:
    y = np.zeros(len(x) + 1)
    for i in prange(len(x)):
        y[i] = x[i]
        y[i + 1] = 2.0 * x[i]
    return np.sum(y * y)


def carried(x: Any) -> Any:
    s = 0.0
    for i in prange(len(x)):
        s = 0.5 * s + np.sin(s) * x[i]
    return s


def partial_sums(x: Any) -> Any:
    s = 0.0
    y = np.zeros(len(x))
    for i in prange(len(x)):
        s += x[i]
        y[i] = s
    return np.sum(y * y)


REFUSED = {
    recurrence: ("reads y[i - 1]", "writes y[i]"),
    read_ahead: ("reads y[i + 2]", "writes y[i]"),
    rows: ("reads a[i - 1, j]", "writes a[i, j]"),
    one_element: ("writes y[0]", "writes y[0]"),
    element_read: ("reads y[0]", "writes y[0]"),
    written_twice: ("writes y[i", "writes y[i"),
    carried: ("reads s", "another one assigns"),
    partial_sums: ("reads s", "another one assigns"),
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(srcad.errors.UnsupportedError, match="S132") as caught:
        srcad.grad(function, target="python", cache=False)(np.linspace(0.1, 1.0, 9))
    for access in REFUSED[function]:
        assert access in str(caught.value)


# ---- taken -------------------------------------------------------------------------------------


def own_elements(x: Any) -> Any:
    y = x * 1.0
    for i in prange(1, len(x)):
        y[i] = 0.5 * y[i] + x[i - 1]
    return np.sum(y * y)


def sums(x: Any) -> Any:
    s, p = 0.0, 1.0
    for i in prange(len(x)):
        s -= x[i]
        if x[i] > 0.5:
            p *= x[i]
            s = s + 0.5 * x[i]
    return s * p


def largest(x: Any) -> Any:
    m = -1.0
    for i in prange(len(x)):
        m = max(m, x[i])
    return m


def largest_by_hand(x: Any) -> Any:
    best = x[0]
    for i in prange(len(x)):
        if x[i] > best:
            best = x[i]
    return best


def too_far_apart(x: Any) -> Any:
    y = x * 1.0
    for i in prange(3):
        y[i] = y[i + 3] * x[i]
    for i in prange(0, len(x) - 1, 2):
        y[i] = y[i + 1] * x[i]
    return np.sum(y)


def scattered(x: Any) -> Any:
    """Sums: no order of them is another function."""
    y = np.zeros(len(x) + 1)
    for i in prange(len(x)):
        y[i] += x[i]
        y[i + 1] += 0.5 * x[i]
        y[0] += x[i] ** 2
    return np.sum(y * y)


def nested(x: Any) -> Any:
    total = 0.0
    for i in prange(len(x)):
        t = 0.0
        for j in range(i):
            t = t * x[j] + x[i]
        total += t
    return total


def apart(x: Any) -> Any:
    """Even elements are written, odd ones are read."""
    y = x * 1.0
    for i in prange(4):
        y[2 * i] = np.sin(y[2 * i + 1])
    return np.sum(y)


def gathered(x: Any) -> Any:
    order = np.arange(len(x))[::-1]
    y = np.zeros(len(x))
    for i in prange(len(x)):
        y[order[i]] = x[i] * x[order[i]]
    return np.sum(y)


def a_flag(x: Any) -> Any:
    found = np.zeros(1)
    for i in prange(len(x)):
        found[0] = 1.0
        if x[i] > 0.5:
            found[0] = 2.0
    return np.sum(x) * found[0]


@pytest.mark.parametrize(
    "function",
    [own_elements, sums, largest, largest_by_hand, too_far_apart, scattered, nested, apart, gathered, a_flag],
    ids=lambda f: f.__name__,
)
def test_taken(function: Callable[..., Any]) -> None:
    """With the numbers of a loop over range, which Python runs here."""
    x = np.linspace(0.1, 1.0, 9)
    value, gradient = srcad.value_and_grad(function, target="python", cache=False)(x)
    assert value == pytest.approx(function(x))
    step = 1e-6
    for k in range(len(x)):
        moved = [x.copy(), x.copy()]
        moved[0][k] += step
        moved[1][k] -= step
        assert gradient[k] == pytest.approx((function(moved[0]) - function(moved[1])) / (2 * step), abs=1e-6)


def test_in_a_function_that_is_called() -> None:
    def f(x: Any) -> Any:
        return recurrence(x) + recurrence(2.0 * x)

    with pytest.raises(srcad.errors.UnsupportedError, match="S132"):
        srcad.grad(f, target="python", cache=False)(np.linspace(0.1, 1.0, 9))
