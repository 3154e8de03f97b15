"""The choices of `docs/conventions.md` where a function has no single derivative, through the whole compiler."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad


def python_max(a, b):
    return max(a, b) * 3.0


def clip_at_bound(x, low):
    return np.sum(np.clip(x, low, 2.0))


def norm(x):
    return np.linalg.norm(x)


def spread(x):
    return np.std(x)


def sorted_ties(x):
    return np.sum(np.sort(x) * np.array([1.0, 10.0, 100.0]))


def shared_maximum(x):
    return np.max(x)


def shared_maxima(x):
    return np.sum(np.max(x, axis=(0, 1)))


def at_knot(x):
    return np.interp(x, np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 5.0]))


def at_last_knot(x, height):
    return np.interp(x, np.array([0.0, 1.0]), np.array([0.0, height]))


def step(x, h):
    return np.heaviside(x, h)


def power_at_zero(x):
    return np.sum(x**2) + np.sum(x**0) + np.sum((x - 1.0) ** 3)


def power_by_exponent(x, y):
    return x**y


def product_with_zeros(x):
    return np.prod(x)


def singular_determinant(a):
    return np.linalg.det(a)


def where_log(x):
    return np.sum(np.where(x > 0.0, np.log(x), 0.0))


def where_entropy(x):
    return np.sum(np.where(x > 0.0, x * np.log(x), 0.0))


def where_missing(x):
    return np.sum(np.where(np.isnan(x), 0.0, x * x + np.sin(x)))


def where_overflow(x):
    return np.sum(np.where(x < 100.0, np.exp(x), 0.0))


def where_sqrt_twice(x):
    return np.sum(np.where(x > 0.0, np.sqrt(np.sqrt(x) + x * x), 1.0))


def where_division(x):
    return np.sum(np.where(x != 0.0, 1.0 / x, 0.0))


def root_at_zero(x):
    return np.sqrt(x)


def fractions(x):
    return np.sum(np.modf(x)[0])


def last_write_wins(x, v):
    y = x * 1.0
    y[np.array([0, 0, 1])] = v
    return y[0] + 10.0 * y[1]


inf, nan = math.inf, math.nan
ROWS: list[tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]]] = [
    (python_max, (1.0, 1.0), (3.0, 0.0)),
    (clip_at_bound, (np.array([0.0, 1.0, 2.0, 3.0]), 0.0), ([0.5, 1.0, 0.5, 0.0], 0.5)),
    (norm, (np.zeros(3),), ([0.0, 0.0, 0.0],)),
    (spread, (np.ones(3),), ([0.0, 0.0, 0.0],)),
    (sorted_ties, (np.array([2.0, 1.0, 2.0]),), ([10.0, 1.0, 100.0],)),
    (shared_maximum, (np.array([3.0, 1.0, 3.0]),), ([0.5, 0.0, 0.5],)),
    (shared_maxima, (np.array([[[1.0], [1.0]], [[1.0], [0.0]]]),), ([[[1 / 3], [1 / 3]], [[1 / 3], [0.0]]],)),
    (at_knot, (1.0,), (4.0,)),
    (at_last_knot, (1.0, 3.0), (0.0, 1.0)),
    (step, (0.0, 0.5), (0.0, 1.0)),
    (step, (2.0, 0.5), (0.0, 0.0)),
    (power_at_zero, (np.array([0.0, -2.0]),), ([3.0, 23.0],)),
    (power_by_exponent, (0.0, 2.0), (0.0, 0.0)),
    (product_with_zeros, (np.array([2.0, 0.0, 3.0]),), ([0.0, 6.0, 0.0],)),
    (singular_determinant, (np.array([[1.0, 2.0], [2.0, 4.0]]),), ([[4.0, -2.0], [-2.0, 1.0]],)),
    (where_log, (np.array([-1.0, 0.0, 2.0]),), ([0.0, 0.0, 0.5],)),
    (where_entropy, (np.array([0.0, 1.0]),), ([0.0, 1.0],)),
    (where_missing, (np.array([nan, 0.0]),), ([0.0, 1.0],)),
    (where_overflow, (np.array([1000.0, 0.0]),), ([0.0, 1.0],)),
    (where_sqrt_twice, (np.array([0.0, -1.0, 1.0]),), ([0.0, 0.0, 2.5 / (2.0 * math.sqrt(2.0))],)),
    (where_division, (np.array([0.0, 2.0]),), ([0.0, -0.25],)),
    (root_at_zero, (0.0,), (inf,)),
    (fractions, (np.array([2.0, -1.0, 0.0, 0.5]),), ([1.0, 1.0, 1.0, 1.0],)),
    (last_write_wins, (np.zeros(2), np.array([1.0, 2.0, 3.0])), ([0.0, 0.0], [0.0, 1.0, 10.0])),
]


@pytest.mark.parametrize("f, args, want", ROWS, ids=lambda v: getattr(v, "__name__", ""))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_convention(f: Callable[..., Any], args: tuple[Any, ...], want: tuple[Any, ...]) -> None:
    gradient = srcad.grad(f, argnums=tuple(range(len(args))), target="python", cache=False)
    with np.errstate(all="ignore"):
        found = gradient(*[np.float64(a) if isinstance(a, float) else a for a in args])
    for have, right in zip(found, want, strict=True):
        np.testing.assert_allclose(have, right, rtol=1e-12, atol=1e-15)
