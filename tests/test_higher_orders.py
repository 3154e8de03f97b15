"""Derivatives of orders 3 and 4 of programs, in forward and reverse mode and both in turn, against closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad

pytestmark = pytest.mark.one_in(10, least=3)

PLAIN: dict[str, Any] = {"target": "python"}


def power_by_a_loop(x: Any) -> Any:
    y = 1.0
    for _ in range(6):
        y *= x
    return y


def horner(x: Any) -> Any:
    total, k = 0.0, 0
    while k < 5:
        total = total * x + (k + 1.0)
        k += 1
    return total


def powers_in_place(x: Any) -> Any:
    y = np.ones(6)
    for i in range(1, 6):
        y[i] = y[i - 1] * x
    y[2:] *= 2.0
    return np.sum(y)


def waves(x: Any) -> Any:
    return np.sum(np.exp(-np.arange(1.0, 4.0) * x) * np.sin(x))


def branches(x: Any) -> Any:
    if x > 1.0:
        y = x**5
    else:
        y = np.exp(2.0 * x)
    return y if x < 3.0 else 0.0


def chosen(x: Any) -> Any:
    v = np.array([x, 2.0 * x, -x])
    return np.sum(np.where(v > 0.0, v**4, v**3))


def solved(x: Any) -> Any:
    return np.linalg.solve(np.array([[3.0 - x, 0.0], [1.0, 2.0]]), np.array([1.0, 0.0]))[0]


def log_det(x: Any) -> Any:
    return np.linalg.slogdet(np.array([[2.0 + x, 1.0], [1.0, 2.0 + x]]))[1]


def newtons_root(x: Any) -> Any:
    y = x
    for _ in range(8):
        y = 0.5 * (y + x / y)
    return y


def products(x: Any) -> Any:
    return np.prod(np.array([x, x + 1.0, x - 2.0, 2.0 * x]))


def softplus(x: Any) -> Any:
    return np.logaddexp(x, 0.0)


def special(x: Any) -> Any:
    def inner(y: Any) -> Any:
        return np.sqrt(y) * y

    return inner(x) + math.erf(x)


def polynomial(*coefficients: float) -> Callable[[float, int], float]:
    return lambda x, order: float(np.polynomial.Polynomial(coefficients).deriv(order)(x))


def sine_times_decay(x: float, order: int) -> float:
    return float(sum(((1j - k) ** order * np.exp((1j - k) * x)).imag for k in (1, 2, 3)))


def of_root(x: float, order: int, of: float = 0.5) -> float:
    return math.prod(of - k for k in range(order)) * x ** (of - order)


def of_logarithm(x: float, order: int) -> float:
    return (-1) ** (order - 1) * math.factorial(order - 1) * ((x + 1.0) ** -order + (x + 3.0) ** -order)


def of_softplus(x: float, order: int) -> float:
    s = 1.0 / (1.0 + math.exp(-x))
    return s * (1 - s) * {3: 1 - 2 * s, 4: 1 - 6 * s + 6 * s * s}[order]


def of_special(x: float, order: int) -> float:
    gauss = 2.0 / math.sqrt(math.pi) * math.exp(-x * x)
    return of_root(x, order, 1.5) + gauss * {3: 4 * x * x - 2, 4: 12 * x - 8 * x**3}[order]


PROGRAMS: list[tuple[Any, float, Callable[[float, int], float]]] = [
    (power_by_a_loop, 1.3, polynomial(0, 0, 0, 0, 0, 0, 1)),
    (power_by_a_loop, 0.0, polynomial(0, 0, 0, 0, 0, 0, 1)),
    (horner, 0.7, polynomial(5, 4, 3, 2, 1)),
    (powers_in_place, 0.8, polynomial(1, 1, 2, 2, 2, 2)),
    (waves, 0.4, sine_times_decay),
    (branches, 1.4, polynomial(0, 0, 0, 0, 0, 1)),
    (branches, 0.4, lambda x, order: 2.0**order * math.exp(2 * x)),
    (chosen, 0.6, polynomial(0, 0, 0, -1, 17)),
    (solved, 0.5, lambda x, order: math.factorial(order) * (3.0 - x) ** -(order + 1)),
    (log_det, 0.2, of_logarithm),
    (newtons_root, 1.9, of_root),
    (products, 0.9, polynomial(0, 0, -4, -2, 2)),
    (products, 0.0, polynomial(0, 0, -4, -2, 2)),
    (softplus, 0.6, of_softplus),
    (softplus, 0.0, of_softplus),
    (special, 0.8, of_special),
]


# two texts: a function that calls one of its own text, for another f, counts as one that calls itself
TANGENTS: list[Callable[[Any], Any]] = [
    lambda f: lambda x: srcad.jvp(f, (x,), (1.0,))[1],
    lambda f: lambda x: srcad.jvp(f, (x,), (1.0,))[1],
]


@pytest.mark.parametrize(
    ("f", "x", "want", "modes"),
    [(*program, modes) for program in PROGRAMS for modes in ("rff", "ffrr")]
    + [(*program, modes) for program in PROGRAMS[:6] for modes in ("rrr", "rrrr")],
    ids=lambda v: getattr(v, "__name__", None) or str(v),
)
def test_orders(f: Any, x: float, want: Callable[[float, int], float], modes: str) -> None:
    """`modes` from the innermost to the outermost, which is called."""
    made = f
    for at, mode in enumerate(modes[:-1]):
        made = srcad.grad(made, **PLAIN) if mode == "r" else TANGENTS[at % 2](made)
    have = srcad.grad(made, **PLAIN)(x) if modes[-1] == "r" else srcad.jvp(made, (x,), (1.0,), **PLAIN)[1]
    assert have == pytest.approx(want(x, len(modes)), rel=1e-10, abs=1e-11)


def test_mixed_derivatives_of_order_four() -> None:
    """(sum x)^4 sum(x^2) in three variables, contracted with a direction for each order."""
    rng = np.random.default_rng(5)
    x, *ways = rng.normal(size=(5, 3))

    def f(x: Any) -> Any:
        return np.sum(x) ** 4 * np.sum(x * x)

    once = lambda x: np.sum(srcad.grad(f)(x) * ways[0])  # noqa: E731
    twice = lambda x: np.sum(srcad.grad(once)(x) * ways[1])  # noqa: E731
    made = lambda x: np.sum(srcad.grad(twice)(x) * ways[2])  # noqa: E731
    _, have = srcad.jvp(made, (x,), (ways[-1],), **PLAIN)
    # each pair of directions falls on the square, or none or one does: s^4 has 24 s^(4-n) / (4-n)! at order n
    s, sums = np.sum(x), [np.sum(v) for v in ways]
    want = 24.0 * math.prod(sums) * np.sum(x * x)
    for i in range(4):
        others = math.prod(sums[:i] + sums[i + 1 :])
        want += 24.0 * s * others * 2.0 * np.sum(x * ways[i])
        for j in range(i):
            rest = math.prod(sums[k] for k in range(4) if k not in (i, j))
            want += 12.0 * s**2 * rest * 2.0 * np.sum(ways[i] * ways[j])
    assert have == pytest.approx(want, rel=1e-11)
