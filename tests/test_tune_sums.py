"""Elements that innermost loops keep in a number: such that are met by another name, or are not there at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from tests.test_tune_loops import machine_text, same_numbers

pytestmark = pytest.mark.one_in(10, least=3)

r = np.random.default_rng(3)


def triangle(a, x):
    y = np.zeros(x.size)
    for i in range(x.size):
        for j in range(i):
            y[i] += a[i, j] * x[j] ** 2
    return np.sum(y * y)


def reads_what_it_adds_to(x):
    y = x.copy()
    for i in range(1, x.size):
        for j in range(x.size):
            y[i] += 0.1 * y[j] * x[i]
    return np.sum(y * y)


def reads_its_own_sum(x):
    y = x.copy()
    for i in range(x.size):
        for j in range(x.size):
            y[i] += 0.1 * y[i] * x[j]
    return np.sum(y * y)


def second_name(x):
    y = x.copy()
    z = y
    for i in range(x.size - 1):
        for j in range(x.size):
            y[i] += 0.1 * z[j]
    return np.sum(y * z)


def row_of_it(a):
    b = a.copy()
    row = b[0]
    for j in range(a.shape[1]):
        row[0] += 0.5 * b[0, j]
    return np.sum(b * b)


def no_turns_no_element(x, n, k):
    y = x.copy()
    for j in range(n):
        y[k] += x[j] * x[j]
    for j in range(n - 1, -1, -1):
        y[k] -= np.sin(x[j])
    return np.sum(y * x)


def only_where_it_is(x, n):
    y = x.copy()
    for i in range(n):
        for j in range(n):
            if i + 1 < n:
                y[i + 1] += x[j] * x[i]
    return np.sum(y * y)


def index_that_moves(x, n):
    y = x.copy()
    k = 0
    for j in range(n):
        y[k] += x[j] * x[j]
        k = (k + 2) % n
    return np.sum(y * y)


def left_early(x, most):
    y = np.zeros(2)
    for j in range(x.size):
        y[1] += x[j] * x[j]
        if y[1] > most:
            break
    return y[1] * x[0]


def two_sums(a, x):
    s = np.zeros(2)
    t = np.zeros(2)
    for j in range(x.size):
        s[0] += a[0, j] * x[j]
        t[1] -= a[1, j] * s[0]
        s[0] += 1.0
    return s[0] * t[1]


def two_of_one_array(a, x, k):
    s = np.zeros(2)
    for j in range(x.size):
        s[0] += a[0, j] * x[j]
        s[k] += a[1, j] * x[j]
    return s[0] * s[1]


def stores_what_it_reads(x):
    y = x.copy()
    for i in range(x.size):
        for j in range(x.size):
            y[j] = y[j] * 0.5 + y[i] * x[i]
    return np.sum(y * y)


def reads_by_another_name(x):
    y = x.copy()
    z = y
    for i in range(x.size):
        for j in range(x.size):
            y[j] = 0.1 * z[i] * y[j] + z[1]
    return np.sum(y)


def read_only_in_some_turns(x, n, k):
    s = 0.0
    for j in range(n):
        if j < 0:
            s += x[k]
        s += x[j] * (x[k] if k < n else x[0])
    return s * s


def no_turn_reads_it(x, n, k):
    s = 1.0
    for j in range(n):
        s += x[k] * x[j]
    for j in range(n - 1, -1, -1):
        s += x[k] * x[j] * s
    return s * x[0]


def another_element_each_turn(x, n):
    y = x.copy()
    k = 0
    for j in range(n):
        y[j] += x[k] * x[n - 1]
        k = (k + 2) % n
    return np.sum(y * y)


def another_array_each_turn(x, y):
    s = 0.0
    for j in range(x.size):
        s += x[0] * y[0] * j
        x, y = y, x
    return s * x[1]


def of_many_dtypes(x, counts, mask):
    y = x.copy()
    for i in range(x.size):
        for j in range(x.size):
            if mask[i]:
                y[j] = y[j] * x[i] / 2.0 ** counts[i] + counts[0] // 2
    return np.sum(y)


X, A = r.standard_normal(6), r.standard_normal((6, 6))
CASES: list[tuple[Any, ...]] = [
    (triangle, A, X), (triangle, A[:0], X[:0]), (reads_what_it_adds_to, X), (reads_its_own_sum, X), (second_name, X),
    (row_of_it, A), (no_turns_no_element, X, 0, 10**9), (no_turns_no_element, X, -3, -(10**9)),
    (no_turns_no_element, X, 4, 2), (no_turns_no_element, X, 4, -1), (only_where_it_is, X, 6), (index_that_moves, X, 6),
    (left_early, X, 0.5), (left_early, X, 1e9), (two_sums, A, X), (two_of_one_array, A, X, 0),
    (two_of_one_array, A, X, 1),
    (stores_what_it_reads, X), (reads_by_another_name, X), (read_only_in_some_turns, X, 6, 10**9),
    (no_turn_reads_it, X, 0, 10**9), (no_turn_reads_it, X, -1, 10**9), (no_turn_reads_it, X, 6, -2),
    (another_element_each_turn, X, 5), (another_array_each_turn, X, 2.0 * X),
    (of_many_dtypes, X, np.arange(6), np.arange(6) % 2 == 0),
    (of_many_dtypes, X.astype(np.float32), np.arange(6, dtype=np.int32), np.arange(6) % 2 == 0),
    (triangle, A.astype(np.float32), X.astype(np.float32)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].__name__}-{np.shape(case[1])}-{case[-1]}"[:40])
def test_same_numbers(case: tuple[Any, ...]) -> None:
    function, *args = case
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    same_numbers(function, *args, wrt=wrt, compiled=True)


def test_nothing_is_stored_in_the_loop() -> None:
    def sums(y, a, x):
        for i in range(x.size):
            for j in range(i):
                y[i] += a[i, j] * x[j]
        return np.sum(y)

    text = srcad.jit(sums).specialisation(X, A, X).generated.machine_text()
    loop = text.partition("for j in range(i):")[2].partition("\n")[2]
    assert loop.lstrip().startswith("y_total += "), text


@pytest.mark.parametrize("function", [reads_what_it_adds_to, second_name])
def test_an_array_that_the_loop_meets_otherwise_is_left(function: Any) -> None:
    assert "y_total" not in srcad.jit(function).specialisation(X).generated.machine_text()


@pytest.mark.parametrize("function", [stores_what_it_reads, reads_by_another_name])
def test_an_element_that_a_turn_may_change_is_read_again(function: Any) -> None:
    text = srcad.jit(function).specialisation(X).generated.machine_text()
    assert "y_item" not in text and "z_item" not in text


def test_the_sums_of_a_gradient() -> None:
    text = machine_text(triangle, A, X, wrt=1)
    assert "y_total" in text


# ---- the order of additions ----------------------------------------------------------------------


def scaled_rows(a, w):
    """Each row is summed up twice, once more on the way back; what is added to `w` is the adjoint's own sum."""
    total = 0.0
    for i in range(a.shape[0]):
        s = 0.0
        for j in range(a.shape[1]):
            s += a[i, j] * w[i]
        for j in range(a.shape[1]):
            total += s * a[i, j] * w[i]
    return total


def test_only_sums_of_adjoints_are_free() -> None:
    text = machine_text(scaled_rows, A, X, wrt=(0, 1))
    free = {line.strip().partition(" = ")[0] for line in text.splitlines() if "= plus(" in line}
    assert free and all(name.startswith("d_") for name in free), text
    assert " s += " in text, text
    same_numbers(scaled_rows, A, X, wrt=(0, 1), compiled=True)


def test_nothing_but_the_order_is_free() -> None:
    """What is not a number, or infinite, stays so, and zeros keep their signs."""
    gradient, plain = (srcad.grad(scaled_rows, (0, 1), target=t) for t in ("cpu", "python"))
    for bad in (np.nan, np.inf, -np.inf, 1e200):
        a = np.where(np.eye(40, 40) > 0, bad, r.standard_normal((40, 40)))
        with np.errstate(all="ignore"):
            for have, want in zip(gradient(a, np.ones(40)), plain(a, np.ones(40)), strict=True):
                np.testing.assert_array_equal(np.isnan(have), np.isnan(want))
                np.testing.assert_array_equal(np.isposinf(have), np.isposinf(want))
                np.testing.assert_array_equal(np.isneginf(have), np.isneginf(want))
    zeros = gradient(np.zeros((40, 40)), -np.ones(40))
    for have, want in zip(zeros, plain(np.zeros((40, 40)), -np.ones(40)), strict=True):
        np.testing.assert_array_equal(np.signbit(have), np.signbit(want))
