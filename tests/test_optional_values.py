"""Variables that are None until a number or an array is assigned: loops without iterations, tests, prints, results."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import pytest

import srcad

X = np.array([0.5, 1.2, -0.7, 2.0])
CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []


def at(*args: Any) -> Callable[[Any], Any]:
    return lambda f: CASES.append((f, args)) or f


@at(X)
def best(x):
    b = None
    for v in x:
        if b is None or v > b:
            b = v
    return b * 2.0 if b is not None else 0.0


@at(X, 0, 1, 3)
def best_n(x, n):
    b = None
    for i in range(n):
        if b is None or x[i] > b:
            b = x[i]
    if b is None:
        return x[0] * 0.5
    return b * 2.0


@at(X, 0, 1, 3)
def last_n(x, n):
    prev = None
    t = x[0]
    for i in range(n):
        prev = x[i] * 2.0
        t += prev
    if prev is not None:
        t += prev
    return t


@at(X, 0, 1, 3)
def value_n0(x, n):
    total = None
    for i in range(n):
        if total is None:
            total = x[i]
        else:
            total = total + x[i]
    if total is None:
        return x[1]
    return total * x[0]


@at(X)
def lo_hi(x):
    lo = None
    hi = None
    for v in x:
        if lo is None and hi is None:
            lo = v
            hi = v
        else:
            if v < lo:
                lo = v
            if v > hi:
                hi = v
    return hi - lo


@at(X)
def lo_hi2(x):
    lo, hi = None, None
    for v in x:
        if lo is None or v < lo:
            lo = v
        if hi is None or v > hi:
            hi = v
    return hi - lo


@at(X)
def lo_hi_cond(x):
    lo, hi = None, None
    for v in x:
        if v < 0.0:
            lo = v
        if v > 1.0:
            hi = v
    if lo is None and hi is None:
        return x[0]
    if lo is None:
        return hi * 2.0
    if hi is None:
        return lo * 3.0
    return lo * hi


@at(X)
def lo_hi_or(x):
    lo, hi = None, None
    for v in x:
        if v < 0.0:
            lo = v
        if v > 1.0:
            hi = v
    if lo is None or hi is None:
        return x[0]
    return lo * hi


@at(X)
def lo_hi_notnone(x):
    lo, hi = None, None
    for v in x:
        if v < 0.0:
            lo = v
        if v > 1.0:
            hi = v
    t = x[0]
    if lo is not None and hi is not None:
        t += lo * hi
    return t


@at(X)
def printed(x):
    b = None
    for v in x:
        if v > 1.5:
            b = v
    print("best", b)
    return x[0] * 2.0


@at(X)
def printed_none(x):
    b = None
    for v in x:
        if v > 15.0:
            b = v
    print("best", b)
    return x[0] * 2.0


@at(X)
def appended(x):
    b = None
    out = []
    for v in x:
        if b is None or v > b:
            b = v
        out.append(b)
    return sum(out)


def find(x, limit):
    for v in x:
        if v > limit:
            return v
    return None


@at(X)
def helper(x):
    v = find(x, 1.0)
    if v is None:
        return x[0]
    return v * v


@at(X)
def helper_two(x):
    v = find(x, 1.0)
    w = find(x, 10.0)
    if v is None and w is None:
        return x[0]
    if w is None:
        return v * v
    return v * w


@at(X)
def helper_default(x):
    v = find(x, 10.0)
    v = v if v is not None else x[0]
    return v * v


@at(X)
def truth(x):
    v = find(x, 10.0)
    if not v:
        return x[0]
    return v * v


@at(X)
def or_default(x):
    v = find(x, 10.0) or x[1]
    return v * v


@at(X)
def array_state(x):
    state = None
    for i in range(3):
        if state is None:
            state = x * 2.0
        else:
            state = np.tanh(state) + x
    return np.sum(state)


@at(X, 0, 1, 3)
def array_state0(x, n):
    state = None
    for i in range(n):
        if state is None:
            state = x * 2.0
        else:
            state = np.tanh(state) + x
    if state is None:
        return x[0]
    return np.sum(state)


@at(X, 0, 1, 3)
def prev_while(x, n):
    prev = None
    i = 0
    t = x[0]
    while i < n:
        if prev is not None:
            t += (x[i] - prev) ** 2
        prev = x[i]
        i += 1
    return t


@at(X, 0, 1, 3)
def pairs(x, n):
    previous = None
    t = x[0]
    for i in range(n):
        if previous is not None:
            t += previous * x[i]
        previous = x[i] * 2.0
    return t


@at(X, 0, 1, 3)
def printed_in_pairs(x, n):
    low = high = None
    for i in range(n):
        if x[i] > 0.6:
            high = x[i]
        if x[i] < 0.0:
            low = x[i]
    print("from", low, "to", high)
    return x[0] * 2.0


@at(X, 0, 1, 3)
def left_early(x, n):
    found = None
    for i in range(n):
        found = x[i]
        if found > 1.0:
            break
    if found is None:
        return x[3]
    return found * x[0]


@at(X, 0, 3)
def in_a_loop(x, n):
    total = 0.0
    for k in range(3):
        best = None
        for i in range(n * (k % 2)):
            best = x[i] if best is None else np.maximum(best, x[i] * k)
        if best is not None:
            total += best * (k + 1)
    return total + x[0]


@at(X, 0, 1, 3)
def by_its_truth(x, n):
    last = None
    for i in range(n):
        last = x[i] - 1.2
    if last:
        return last * x[0]
    return x[3]


def called(f: Callable[..., Any], *args: Any) -> tuple[Any, str]:
    out = StringIO()
    with redirect_stdout(out):
        result = f(*args)
    return result, out.getvalue()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_as_python(case: Any) -> None:
    f, (x, *counts) = case
    derivative = srcad.value_and_grad(f, target="python")
    for given in [(n,) for n in counts] or [()]:
        for point in (x, -x[::-1].copy()):
            (value, gradient), printed = called(derivative, point, *given)
            wanted, also_printed = called(f, point, *given)
            assert value == wanted
            assert printed == also_printed
            steps = 1e-6 * np.eye(len(x))
            differences = [(called(f, point + h, *given)[0] - called(f, point - h, *given)[0]) / 2e-6 for h in steps]
            np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-7)


def result(x, limit):
    found = None
    for v in x:
        if v > limit:
            found = v * v
    return found


def test_a_result_that_may_be_none() -> None:
    derivative = srcad.value_and_grad(result, target="python")
    value, gradient = derivative(X, 1.0)
    assert value == result(X, 1.0)
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 0.0, 4.0])
    assert result(X, 9.0) is None
    with pytest.raises(TypeError, match="returns None here"):
        derivative(X, 9.0)


def test_compiled() -> None:
    derivative = srcad.value_and_grad(value_n0)
    for n in (0, 1, 3):
        np.testing.assert_allclose(derivative(X, n)[0], value_n0(X, n))
    np.testing.assert_allclose(derivative(X, 0)[1], [0.0, 1.0, 0.0, 0.0])


def arithmetic_after(x, n):
    total = None
    for i in range(n):
        total = x[i] if total is None else total + x[i]
    return total * x[0]


def test_arithmetic_with_none_is_an_error() -> None:
    derivative = srcad.grad(arithmetic_after, target="python")
    np.testing.assert_allclose(derivative(X, 2), [2.2, 0.5, 0.0, 0.0])
    with pytest.raises((TypeError, ValueError)):
        derivative(X, 0)
