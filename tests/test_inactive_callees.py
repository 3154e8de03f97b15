"""Inactive code in functions that are called, and under second derivatives: as in the function itself."""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad

X = np.array([0.5, 1.2, -0.7, 2.0])
SCALE = 2.0
result, part, returned = 91.0, 92.0, 93.0
LOG = logging.getLogger("srcad.test.callees")
EVENTS: list[str] = []
RIGHT: list[Callable[..., Any]] = []
REFUSED: list[Callable[..., Any]] = []


def right(f: Any) -> Any:
    RIGHT.append(f)
    return f


def refused(f: Any) -> Any:
    REFUSED.append(f)
    return f


def note(what):
    EVENTS.append(what)
    return float(len(EVENTS))


def noisy(z, rng):
    return np.sum(z * rng.normal(size=z.shape))


def walk(z, n, scale=SCALE, *, seed=3):
    rng = np.random.default_rng(seed)
    for k in range(n):
        w = rng.normal()
        if w > 1.5:
            return z[0] * w * k
        z = z * (1 + 0.1 * w)
    return np.sum(z) * scale


def changes(z, seed):
    rng = np.random.default_rng(seed)
    z[0] = z[0] * rng.normal()
    return z[1]


def pair(z):
    rng = np.random.default_rng(1)
    return z[0] * rng.normal(), z[1]


def outer(z):
    note("outer")
    LOG.info("outer")
    return inner(z, k=2) + 1


def inner(z, k=3, *, m=1.5):
    note("inner")
    rng = np.random.default_rng(k)
    return np.sum(z**k) * rng.normal() * m


def logged(f):
    @functools.wraps(f)
    def called(*args, **kwargs):
        note(f.__name__)
        return f(*args, **kwargs)

    return called


@logged
def energy(z, k=2):
    return np.sum(z**k)


@right
def called_twice(x):
    rng = np.random.default_rng(0)
    return noisy(x, rng) ** 2 + 3.0 * noisy(x, rng)


@right
def returns_early(x):
    result = 3.0
    returned = walk(x, 3)
    part = walk(x * 2, 40, 1.5, seed=7)
    return returned * part * result


@right
def order_of_evaluation(x):
    y = x.copy()
    return y[0] * 1.0 + changes(y, 1) * y[0] + np.sum(y) * changes(y, 2) + y[0]


@right
def outside_names(x):
    note = 3.0
    k = 7.0
    z = 2.0
    return outer(x) * note * k * z * inner(x, m=2.0)


@right
def several_results(x):
    a, b = pair(x)
    c, _ = pair(x * b)
    return a * b * c


@right
def local_function(x):
    rng = np.random.default_rng(5)
    c = 1.5

    def step(s, k):
        c2 = c * rng.normal()
        return s * c2 + k

    s = x[0]
    for i in range(3):
        s = step(s, i)
    return step(s, 1) * step(x[1], 2)


@right
def decorated(x):
    return energy(x) * energy(2.0 * x, k=3)


@right
def in_a_loop(x):
    total = 0.0
    for i in range(3):
        a = note("turn")
        total += inner(x, 2) * i * a
    return total


@right
def global_stream(x):
    random.seed(1)
    return drawn(x) * drawn(x) + x[0]


def drawn(z):
    return np.sum(z) * random.random()


@right
def no_result(x):
    nothing(x)
    return np.sum(x**2)


def nothing(z):
    note("nothing")


@refused
def decided_by_what_is_differentiated(x):
    if inner(x) > 0.0:
        return np.sum(x)
    return inner(x)


@refused
def in_a_comprehension(x):
    return sum([inner(x * k) for k in range(3)])


@refused
def calls_itself(x):
    return down(x, 3)


def down(z, k):
    note("down")
    return np.sum(z) if k == 0 else down(z, k - 1) * 2.0


def differences(f: Any, x: Any, step: float = 1e-5) -> Any:
    found = np.zeros_like(x)
    for i in range(len(x)):
        direction = np.zeros_like(x)
        direction[i] = step
        found[i] = (f(x + direction) - f(x - direction)) / (2 * step)
    return found


def run(f: Any, x: Any) -> Any:
    EVENTS.clear()
    return f(x.copy())


@pytest.mark.parametrize("f", RIGHT, ids=lambda f: f.__name__)
def test_values_and_effects(f: Any) -> None:
    derivative = srcad.value_and_grad(f, target="python")
    for x in (X, 0.9 * X[::-1].copy(), X + 0.05):
        want = run(f, x)
        effects = list(EVENTS)
        value, gradient = run(derivative, x)
        assert effects == EVENTS
        np.testing.assert_allclose(value, want, rtol=1e-12)
        np.testing.assert_allclose(gradient, differences(lambda v: run(f, v), x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_refused(f: Any) -> None:
    with pytest.raises(srcad.SrcadError):
        srcad.grad(f, target="python")(X)


SECOND = [called_twice, local_function, decorated, several_results, in_a_loop]


@pytest.mark.parametrize("f", SECOND, ids=lambda f: f.__name__)
def test_second_derivatives(f: Any) -> None:
    slope = srcad.grad(f, target="python")
    direction = np.array([0.3, -0.2, 0.5, 1.0])
    hessian, product = srcad.hessian(f, target="python"), srcad.hvp(f, target="python")
    for x in (X, X + 0.05):
        run(f, x)
        effects = list(EVENTS)
        matrix = run(hessian, x)
        assert effects == EVENTS
        want = np.array([differences(lambda v, i=i: run(slope, v)[i], x) for i in range(len(x))])
        np.testing.assert_allclose(matrix, want, rtol=1e-4, atol=1e-5)
        along = run(lambda v: product((v,), (direction,)), x)
        np.testing.assert_allclose(along, want @ direction, rtol=1e-4, atol=1e-5)


def test_compiled() -> None:
    for f in (called_twice, returns_early):
        derivative = srcad.grad(f)
        for x in (X, X + 0.05):
            np.testing.assert_allclose(derivative(x), differences(f, x), rtol=1e-5, atol=1e-6)


def test_the_text_says_what_python_computes() -> None:
    text = srcad.grad(called_twice, target="python").source_for(X)
    assert "python  normal = rng.normal(size=x.shape)" in text
