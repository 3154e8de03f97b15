"""Roots found inside a function: their values, their derivatives against differences, and errors without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from tests.numeric import numeric_gradient


def cubic(x, p):
    return x**3 - p


def of_a_number(p):
    return srcad.implicit_root(cubic, 1.0, p) ** 2


def of_a_search_of_ones_own(p):
    low, high = 0.0, 4.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        if middle**3 < p:
            low = middle
        else:
            high = middle
    return srcad.implicit_root(cubic, 0.5 * (low + high), p)


def several_arguments(p):
    return srcad.implicit_root(lambda x, a, b, c: a * x + b * np.exp(x) - c[1], 0, p, p + 1.0, np.array([p, p * p]))


def what_it_reads_from_around(p):
    weights = np.array([p, 1.0, 0.5])

    def residual(x):
        return np.sum(weights * x ** np.arange(3)) - 4.0

    return srcad.implicit_root(residual, 1.5) + p


def between(p):
    return srcad.implicit_root(lambda x, p: np.tanh(20.0 * (x - p)) + 1e-3 * x, -9.0, p, bracket=(-10, 10.0))


def flat_somewhere(p):
    # the slope is 0 at the start, and Newton's steps lead far away
    return srcad.implicit_root(lambda x, p: x**3 - 3.0 * x - p, 1.0, p + 5.0, bracket=(1.0, 4.0), steps=60)


def a_root_in_each_turn(p):
    x, total = 1.0, 0.0
    for k in range(4):
        x = srcad.implicit_root(cubic, x, p * x + k)
        total += x * p
    return total


def a_loop_in_the_residual(p):
    def residual(x):
        y = x
        for k in range(3):
            y = y + 0.1 * np.sin(y) * p / (k + 1)
        return y - p

    return srcad.implicit_root(residual, p)


def a_while_in_the_residual(p):
    def residual(x):
        y, n = x, 0
        while n < 3:
            y = y + 0.1 * p * y
            n += 1
        return y - 2.0

    return srcad.implicit_root(residual, 1.0)


def one_root_in_another(p):
    def inner(y):
        return srcad.implicit_root(lambda x: x + 0.2 * np.sin(x) - y, 0.0)

    return inner(p) * p + srcad.implicit_root(lambda z: z**2 - inner(p), 1.0)


def conditional(p):
    if p > 0.5:
        return srcad.implicit_root(cubic, 1.0, p)
    return p


def end_of_a_fall(p):
    # the time at which a body with drag has fallen p
    def fallen(t):
        v, y = 0.0, 0.0
        for _ in range(20):
            v += (9.81 - 0.3 * v) * t / 20
            y += v * t / 20
        return y - 10.0 * p

    return srcad.implicit_root(fallen, 1.0, bracket=(0.0, 10.0))


NUMBERS: list[Callable[..., Any]] = [
    of_a_number, of_a_search_of_ones_own, several_arguments, what_it_reads_from_around, between, flat_somewhere,
    a_root_in_each_turn, a_loop_in_the_residual, a_while_in_the_residual, one_root_in_another, conditional,
    end_of_a_fall,
]  # fmt: skip


@pytest.mark.parametrize("f", NUMBERS, ids=lambda f: f.__name__)
def test_numbers(f: Callable[..., Any]) -> None:
    value, gradient = srcad.value_and_grad(f, target="python")(1.3)
    assert value == pytest.approx(f(1.3), rel=1e-12)
    h = 1e-5
    assert gradient == pytest.approx((f(1.3 + h) - f(1.3 - h)) / (2.0 * h), rel=1e-7)


def pair(u, p):
    return np.array([u[0] ** 2 + u[1] - p[0], np.sin(u[0]) * p[1] + u[1] ** 3 - p[2]])


def of_two(p):
    x = srcad.implicit_root(pair, np.ones(2), p)
    return x[0] * x[1] + p[0]


def as_a_list(p):
    x = srcad.implicit_root(lambda u: [u[0] + 0.1 * u[1] ** 2 - p[0], u[1] - u[0] * p[1]], [1.0, 1.0])
    return np.sum(x * p[:2])


def of_any_length(p):
    # a nonlinear spring between neighbours
    def forces(u):
        r = 3.0 * u + u**3 - p
        r[1:] -= u[:-1]
        r[:-1] -= u[1:]
        return r

    u = srcad.implicit_root(forces, np.zeros(len(p)))
    return np.sum(u * u)


def linear_in_matrices(p):
    a = np.outer(p, p) + 2.0 * np.eye(len(p))
    return np.sum(srcad.implicit_root(lambda x, a, b: a @ x - b, p, a, p * p) ** 2)


def steps_of_an_implicit_method(p):
    u = p * 1.0
    for _ in range(3):
        u = srcad.implicit_root(lambda new, old: new - old - 0.1 * np.sin(new) * p, u, u)
    return np.sum(u * p)


SYSTEMS: list[Callable[..., Any]] = [of_two, as_a_list, of_any_length, linear_in_matrices, steps_of_an_implicit_method]
P = np.array([1.5, 0.5, 1.3])


@pytest.mark.parametrize("f", SYSTEMS, ids=lambda f: f.__name__)
def test_systems(f: Callable[..., Any]) -> None:
    value, gradient = srcad.value_and_grad(f, target="python")(P)
    assert value == pytest.approx(f(P), rel=1e-12)
    np.testing.assert_allclose(gradient, numeric_gradient(f, (P,), 0), rtol=1e-6, atol=1e-8)


def everything(p):
    return of_a_number(p[0]) + flat_somewhere(p[1]) + of_any_length(p)


def test_compiled() -> None:
    value, gradient = srcad.value_and_grad(everything)(P)
    same, other = srcad.value_and_grad(everything, target="python")(P)
    assert value == pytest.approx(same, rel=1e-13)
    np.testing.assert_allclose(gradient, other, rtol=1e-11)


def test_float32() -> None:
    gradient = srcad.grad(of_a_number, target="python")(np.float32(8.0))
    assert gradient.dtype == np.float32 and gradient == pytest.approx(1 / 3, rel=1e-6)


def test_a_jacobian() -> None:
    def both(p):
        x = srcad.implicit_root(pair, np.ones(2), p)
        return x * p[0]

    rows = srcad.jacobian(both, target="python")(P)
    for k in range(2):
        np.testing.assert_allclose(rows[k], numeric_gradient(lambda p: both(p)[k], (P,), 0), rtol=1e-6, atol=1e-8)


def test_nothing_of_the_search_is_kept() -> None:
    assert srcad.grad(of_a_number, target="python").plan(8.0).bytes == 0
    text = srcad.grad(of_two, target="python").source_for(P)
    assert text.count(".T, ") == 1  # one linear system, transposed


# ---- without a root --------------------------------------------------------------------------------


def no_root(p):
    return srcad.implicit_root(lambda x: x * x + p, 1.0, steps=20)


def no_slope(p):
    return srcad.implicit_root(lambda x: (x - 1.0) * 0.0 + p, 1.0)


def wrong_bracket(p):
    return srcad.implicit_root(cubic, 1.0, p, bracket=(3.0, 4.0))


@pytest.mark.parametrize(
    "f, text", [(no_root, "no root found"), (no_slope, "no root found"), (wrong_bracket, "one sign")]
)
def test_no_root(f: Callable[..., Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        f(1.3)
    line = f.__code__.co_firstlineno + 1
    with pytest.raises(ValueError, match=rf"^L{line}: srcad\.implicit_root\(.*: implicit_root: .*{text}"):
        srcad.grad(f, target="python")(1.3)


def of_a_matrix(p):
    return np.sum(srcad.implicit_root(lambda x: x - p, np.ones((2, 2))))


def two_for_one(p):
    return srcad.implicit_root(lambda x: np.array([x, x]) - p, 1.0)


def bracket_of_a_vector(p):
    return np.sum(srcad.implicit_root(lambda x: x - p, np.ones(2), bracket=(0.0, 1.0)))


@pytest.mark.parametrize("f", [of_a_matrix, two_for_one, bracket_of_a_vector], ids=lambda f: f.__name__)
def test_refused(f: Callable[..., Any]) -> None:
    with pytest.raises(srcad.UnsupportedError, match=f"in {f.__name__}"):
        srcad.grad(f, target="python")(1.3)
