"""Assignments to slices that overlap what they read: the right side is there in full before anything is written."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import srcad
from tests.test_tune_loops import machine_text, same_numbers

r = np.random.default_rng(11)


def diffuse(u, kappa, steps):
    u = u.copy()
    for _ in range(steps):
        u[1:-1] += kappa * (u[:-2] - 2.0 * u[1:-1] + u[2:]) + u[1:-1] * (1.0 - u[1:-1])
    return u


def diffused(u, kappa, steps):
    return np.sum(diffuse(u, kappa, steps) ** 2)


def relax(u, steps):
    u = u.copy()
    for _ in range(steps):
        u[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
    return u


def relaxed(u, steps):
    return np.sum(relax(u, steps) ** 2)


def shift(x):
    y = x.copy()
    y[1:] = y[:-1]
    y[:-1] -= y[1:] * x[:-1]
    y[2:] *= y[:-2]
    y[1:] += y[:-1]
    return y


def shifted(x):
    y = shift(x)
    return np.sum(y * y * x)


def divided(x):
    y = x.copy()
    y[1:] /= 2.0 + y[:-1] ** 2
    y /= y[0]
    return np.sum(y * x)


def row_into_rows(a):
    b = a * 1.0
    b[1:] += b[0] * 0.5
    b[:, 1:] *= b[:, :1] + 1.0
    b[:-1] -= b[-1]
    return np.sum(b**2)


def two_names(x):
    y = x.copy()
    z = y[1:]
    z += y[:-1] * 2.0
    w = y
    w[:-1] *= 1.0 + z
    return np.sum(y * y)


def mirror(a):
    b = a.copy()
    b += b.T * a
    b[::2] += b[::-1][::2]
    return b


def mirrored(a):
    b = mirror(a)
    return np.sum(b * b)


def narrow_from_wide(x, w):
    y = x.copy()
    y[1:] += y[:-1] * w[1:]
    y[:-1] = y[1:] * w[:-1] + 0.1
    return np.sum(y * y)


def in_turns_of_other_lengths(x, steps):
    y = x.copy()
    for t in range(steps):
        y[t + 1 :] += 0.5 * y[t:-1]
        y[: t + 1] *= 1.0 + y[: t + 1] * y[0]
    return np.sum(y * y)


def two_saved(a, steps):
    a = a.copy()
    b = 0.5 * a
    for _ in range(steps):
        b[1:-1] = a[1:-1] * (a[2:] + a[:-2])
        a[1:-1] = b[1:-1] * (b[2:] - b[:-2]) + np.sin(a[1:-1])
    return np.sum(a * a)


X, A = r.standard_normal(7), r.standard_normal((5, 5))
CASES: list[tuple[Any, ...]] = [
    *((diffused, X[:n], 0.1, steps) for n, steps in ((7, 3), (7, 0), (3, 2), (2, 2), (1, 2), (0, 2))),
    *((relaxed, A[:n], 3) for n in (5, 3, 2, 1, 0)), (relaxed, A[:, :2], 2),
    *((shifted, X[:n]) for n in (7, 3, 2, 1, 0)), (divided, X), (divided, X[:1]),
    (row_into_rows, A), (row_into_rows, A[:2, :1]), (row_into_rows, A[:1]), (row_into_rows, A.T),
    (two_names, X), (mirrored, A), (mirrored, A[:1, :1]), (narrow_from_wide, X.astype(np.float32), X),
    (narrow_from_wide, X.astype(np.float32), X.astype(np.float32)), (in_turns_of_other_lengths, X, 4),
    (two_saved, X, 3), (two_saved, X[:2], 3), (two_saved, X[:1], 2),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].__name__}-{np.shape(case[1])}")
def test_same_numbers(case: tuple[Any, ...]) -> None:
    function, *args = case
    same_numbers(function, *args, wrt=tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray)))


def counted(k):
    n = k.copy()
    n[1:] += n[:-1]
    n[:-1] -= n[1:]
    return n


@pytest.mark.parametrize(
    "case",
    [
        (counted, np.arange(1, 7)),
        (counted, np.arange(6, dtype=np.int32)),
        (diffuse, X, 0.1, 4),
        (relax, A, 4),
        (shift, X),
        (mirror, A),
    ],
)
def test_same_bits_compiled(case: tuple[Any, ...]) -> None:
    """Fused multiplication and addition, or another order, would show in the last bit."""
    function, *args = case
    np.testing.assert_array_equal(srcad.jit(function)(*args), function(*args), strict=True)


def test_the_value_is_kept_in_one_array_for_all_turns() -> None:
    text = srcad.jit(diffused).specialisation(X, 0.1, 3).generated.machine_text()
    assert "u[1:-1]" not in text, text
    assert "np.empty" not in text.partition("range(steps):")[2], text


@pytest.mark.parametrize("case", [(diffused, X, 0.1, 3), (two_saved, X, 3)])
def test_a_saved_row_is_as_long_as_the_slice(case: tuple[Any, ...]) -> None:
    function, *args = case
    text = machine_text(function, *args)
    assert "_saved" in text and "along" not in text and "raise" not in text, text
    code = re.sub("#.*", "", text.partition("forward sweep")[2])
    assert not re.search(r"\w\[[^]\n]*:[^]\n]*\] [-+]?= .*\[", code), text
