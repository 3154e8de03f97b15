"""Array statements as loops: the same numbers as the readable text, from loops without arrays in between."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from tests.numeric import leaves

r = np.random.default_rng(5)


def machine_text(function: Callable[..., Any], *args: Any, wrt: Any = 0) -> str:
    made = srcad.grad(function, wrt)
    return made.specialisation(*args).generated.machine_text()


def same_numbers(function: Callable[..., Any], *args: Any, wrt: Any = 0, compiled: bool = False) -> str:
    """The machine text gives what the readable text gives, run by Python and, if asked for, by Numba."""
    copies = [np.array(a) if isinstance(a, np.ndarray) else a for a in args]
    readable = srcad.value_and_grad(function, wrt, target="python")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        want = leaves(readable(*args))
        one = readable.specialisation(*args)
        text = one.generated.machine_text()
        one.text, one._ready = text, False
        one._loaded_function.clear()
        have = leaves(readable(*args))
        every = [have] + ([leaves(srcad.value_and_grad(function, wrt)(*args))] if compiled else [])
    for got in every:
        for a, b in zip(got, want, strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            single = np.asarray(b).dtype == np.float32
            scale = np.max(np.abs(b), initial=1e-30)
            assert np.shape(a) == np.shape(b)
            np.testing.assert_allclose(a, b, rtol=0, atol=(3e-6 if single else 1e-13) * scale)
    for a, b in zip(args, copies, strict=True):
        np.testing.assert_array_equal(a, b)
    return text


# ---- what a loop must not get wrong --------------------------------------------------------------


def shifted(x):
    y = x.copy()
    y[1:] = y[:-1] * 2.0
    return np.sum(y * x)


def shifted_in_place(x):
    y = x.copy()
    y[1:] += y[:-1]
    y[:-1] -= 0.5 * y[1:]
    return np.sum(y**2)


def reversed_in_place(x):
    y = x.copy()
    y += y[::-1] * x
    return np.sum(y**3)


def divided_by_own_element(x):
    y = x.copy()
    y /= y[0]
    y *= y[1:2]
    return np.sum(y * x)


def transposed_in_place(a):
    b = a.copy()
    b += b.T * a
    return np.sum(b * b)


def second_name(x):
    y = x.copy()
    z = y
    z[1:] = y[:-1] + y[1:]
    return np.sum(y * z)


def view_is_written(a):
    b = a * 1.0
    row = b[0]
    b[1:] *= row
    row *= 2.0
    return np.sum(b * row)


def rows_from_rows(a):
    b = a.copy()
    for t in range(a.shape[0] - 1):
        b[t + 1] += np.sin(b[t]) * b[t - 1]
    return np.sum(b)


def last_row(a):
    b = a.copy()
    for t in range(a.shape[0]):
        b[t] += b[-1] * 0.5
    return np.sum(b * b)


def column_and_row(a, x):
    return np.sum((a - np.sum(a, axis=1)[:, None] * x) ** 2 / (1.0 + x[None, :] ** 2))


def broadcast_at_run_time(x, y):
    return np.sum(x[1:-1] * y[1:-1] + x[1:-1] / (2.0 + y[1:-1] ** 2))


def broadcast_two_axes(a, b):
    c = a[1:-1, 1:-1] * b[1:-1, 1:-1] + b[1:-1, 1:-1]
    return np.sum(np.tanh(c) * c)


def window(x, w):
    total = 0.0
    for i in range(x.size - w.size + 1):
        total += np.sum(x[i : i + w.size] * w) ** 2
    return total


def strided(x):
    return np.sum(x[::2] ** 2 * 0.5) + np.sum(np.exp(x[::-1]) * x) + np.sum((x[1::2] * x[1::2])[:2])


def negative_bounds(x):
    return np.sum(x[-3:] * 2.0) + np.sum((x[:-2] - x[2:]) ** 2)


def where_and_masks(x):
    m = (x > 0.2) & ~(x > 1.0) | np.isnan(x)
    y = np.where(m, np.log(np.abs(x)) + x, np.where(x > 1.0, x**3, 0.5 * x**2))
    return np.sum(y * np.maximum(x, 0.1)) + np.mean(np.minimum(y, x)) + np.max(x * x) - np.min(y + x)


def powers(x):
    return np.sum(np.abs(x) ** 0.5 + x**2 + x**3 + x**7 + np.abs(x) ** -1.5 + 2.0**x + x**-2)


def integers_too(x, k):
    return np.sum(x * k + x / k - k * 2 * x**2) + np.sum((k > 2) * x) + np.sum(k > 1) * x[0]


def rebound(x):
    for _ in range(3):
        x = np.sin(x) * x + 1.0
        x = x * x
    return np.sum(x)


def empty_ends(x):
    y = x[1:-1] * 2.0
    return np.sum(y) + np.sum(x)


def fused_sums(a, x):
    b = np.exp(a) * x
    s = np.sum(b, axis=0)
    t = np.sum(b * b, axis=1)
    return np.sum(s * x) + np.mean(t) * np.sum(b)


def kept_in_a_list(x):
    hs = []
    for t in range(4):
        x = np.tanh(x) + 0.1 * x
        hs.append(x)
    total = 0.0
    for h in hs:
        total += np.sum(h * h)
    return total


def two_of_one_list(x):
    hs = [x[1:] * 2.0, x[2:] * 3.0]
    a = hs.pop()
    b = hs.pop()
    return np.sum(a * a) + np.sum(b * b)


def scaled(x, s):
    y = s * x + 0.1
    y *= s
    return np.sum(np.exp(-y) * np.float32(2.0))


def alternating(x, n):
    y = x * 1.0
    for i in range(n):
        if i % 2 == 0:
            y = y[1:] * y[:-1]
        else:
            y = np.cos(y) + y
    return np.sum(y)


def whole_and_part(x):
    y = np.zeros_like(x)
    y += x * x
    z = y * 2.0
    y[0] = 3.0 * x[1]
    return np.sum(y * z)


def copied_in_part(x, k):
    y = np.zeros(x.size)
    y[:k] = x[:k]
    y[2 : 2 + k] = x[:k]
    z = x[:3].copy()
    w = x.copy()
    w[:3] = z * 2.0
    return np.sum(y * x * w)


def outer_products(x, y):
    total = np.zeros((x.size, y.size))
    for t in range(3):
        total += np.outer(np.sin(x) * t, y)
    return np.sum(total**2) + np.sum(np.outer(x, x) @ x)


X = r.standard_normal(6)
A = r.standard_normal((4, 5))
SQUARE = r.standard_normal((4, 4))
CASES: list[tuple[Any, ...]] = [
    (shifted, X), (shifted_in_place, X), (reversed_in_place, X), (divided_by_own_element, X),
    (transposed_in_place, SQUARE), (second_name, X), (view_is_written, SQUARE), (rows_from_rows, A),
    (last_row, A), (last_row, A[:1]), (last_row, A[:2]), (column_and_row, A, r.standard_normal(5)),
    (broadcast_at_run_time, X, r.standard_normal(6)), (broadcast_at_run_time, X, r.standard_normal(3)),
    (broadcast_at_run_time, r.standard_normal(3), X), (broadcast_two_axes, A, r.standard_normal((4, 5))),
    (broadcast_two_axes, A, r.standard_normal((3, 5))), (broadcast_two_axes, r.standard_normal((4, 3)), A),
    (window, X, r.standard_normal(3)), (window, X, r.standard_normal(1)), (strided, X), (negative_bounds, X),
    (where_and_masks, r.standard_normal(9)), (powers, X), (integers_too, X, np.arange(1, 7)), (rebound, X),
    (empty_ends, X[:2]), (empty_ends, X[:1]), (empty_ends, X[:0]), (fused_sums, A, r.standard_normal(5)),
    (fused_sums, A.T, r.standard_normal(4)), (fused_sums, A[::-1, ::2], r.standard_normal(3)),
    (kept_in_a_list, X), (two_of_one_list, X), (scaled, X.astype(np.float32), 0.7),
    (scaled, X.astype(np.float32), np.float32(0.7)), (alternating, X, 5), (outer_products, X, A[0]),
    (copied_in_part, X, 3), (whole_and_part, X),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].__name__}-{np.shape(case[1])}")
def test_same_numbers(case: tuple[Any, ...]) -> None:
    function, *args = case
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    same_numbers(function, *args, wrt=wrt)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c[0] in (broadcast_two_axes, where_and_masks, powers, scaled, integers_too)],
    ids=lambda case: f"{case[0].__name__}-{np.shape(case[1])}",
)  # fmt: skip
def test_same_numbers_compiled(case: tuple[Any, ...]) -> None:
    function, *args = case
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    same_numbers(function, *args, wrt=wrt, compiled=True)


def test_one_text_for_lengths_that_broadcast_and_that_do_not() -> None:
    made = srcad.grad(broadcast_at_run_time, (0, 1))
    for n, m in ((6, 6), (6, 3), (3, 6), (3, 3), (2, 2), (0, 2), (0, 3), (3, 0), (2, 3)):
        x, y = r.standard_normal(n), r.standard_normal(m)
        want = srcad.grad(broadcast_at_run_time, (0, 1), target="python")(x, y)
        for a, b in zip(made(x, y), want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)


def product(x, y):
    return np.sum(x * y)


def test_lengths_that_do_not_fit_are_an_error() -> None:
    made = srcad.value_and_grad(product, (0, 1))
    made(X, X)
    with pytest.raises(ValueError, match="lengths 6 and 4 do not fit"):
        made(X, X[:4])
    for x, y in ((X, X[:4]), (X[:4], X)):
        with pytest.raises(ValueError, match=r"x\[1:-1\] \* y\[1:-1\]: lengths \d and \d do not fit"):
            srcad.grad(broadcast_at_run_time, (0, 1))(x, y)


# ---- what the loops look like --------------------------------------------------------------------


def chain(x, y, a):
    z = a * x + y
    t = np.tanh(z)
    return np.sum((t - y) ** 2)


def test_a_chain_is_one_loop_without_an_array_in_between() -> None:
    text = machine_text(chain, X, X, 0.3, wrt=(0, 2))
    assert text.count("for ") == 1
    assert text.count("np.empty") == 1  # the gradient itself


def test_no_array_expression_is_left() -> None:
    text = machine_text(column_and_row, A, r.standard_normal(5), wrt=(0, 1))
    assert not re.search(r"np\.(sum|exp|mean)\(\w+\)|, None\]", re.sub('#.*|"[^"]*"', "", text))


def test_a_function_of_a_function_stays_in_two_loops() -> None:
    """Calls that wait for one another are slower than the array between them."""

    text = machine_text(_log_of_exp, X)
    assert not re.search(r"np\.exp\(.*\n.*np\.log1p", text)


def _log_of_exp(x):
    e = np.exp(-x)
    return np.sum(np.log1p(e))


def steps(x, W, n):
    h = x * 1.0
    for _ in range(n):
        z = W @ h + x
        u = np.exp(-z * z)
        v = u * np.sum(u)
        h = h + 0.1 * v[::-1] * u
    return np.sum(h)


def grown(x):
    hs = [x]
    y = x * 2.0
    for t in range(3):
        y = np.sin(x) * (t + 1.0)
        if t < 2:
            hs.append(y)
        z = hs[t] * y
        x = z + 0.5
    return np.sum(hs[1] * x) + np.sum(y)


def last_turn(x, n):
    y = x + 1.0
    for t in range(n):
        s = np.sum(y * x)
        y = np.cos(x) * s
    return np.sum(y * y)


def sometimes(x, n):
    y = 3.0 * x
    total = 0.0
    for t in range(n):
        if t % 2 == 1:
            y = x * t
        total += np.sum(y * x)
    return total + np.sum(y)


@pytest.mark.parametrize("case", [
    (steps, X, r.standard_normal((6, 6)), 3), (grown, X), (last_turn, X, 0), (last_turn, X, 1), (last_turn, X, 3),
    (sometimes, X, 0), (sometimes, X, 4),
], ids=lambda case: f"{case[0].__name__}-{case[-1] if isinstance(case[-1], int) else ''}")  # fmt: skip
def test_memory_used_again(case: tuple[Any, ...]) -> None:
    function, *args = case
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray))
    same_numbers(function, *args, wrt=wrt)


def test_nothing_is_allocated_in_a_loop_that_keeps_nothing() -> None:
    def relaxed(u, n):
        u = u.copy()
        total = 0.0
        for _ in range(n):
            change = u[2:] - 2.0 * u[1:-1] + u[:-2]
            total += np.sum(change)
            u[1:-1] += 0.1 * change
        return total

    text = srcad.jit(relaxed).specialisation(X, 3).generated.machine_text()
    loop = text.partition("for _ in range(n):")[2]
    assert "np.empty" in text and "np.empty" not in loop, text


def single_beside_double(a, x):
    return np.sum((a * x[:, None]) @ a)


def test_a_sum_in_single_precision_stays_single() -> None:
    """`d = zeros` followed by `d += e` must not become an array of the dtype of `e`."""
    square = SQUARE.astype(np.float32)
    same_numbers(single_beside_double, square, SQUARE[0], wrt=(0, 1), compiled=True)


def rows_of_a_loop_that_asks(u, y):
    step = 0
    while step < 4:
        u *= 0.5 * u[np.array([-1, 1])]
        step += 1
    return y * np.sum(u)


def test_what_a_first_turn_asks_is_known_again() -> None:
    """What the loop over the rows finds asked inside has other symbols in each turn, and is the same."""
    one = srcad.jacobian(rows_of_a_loop_that_asks, (0, 1)).specialisation(np.ones(2), np.ones(3))
    assert "while step < 4:" in one.generated.machine_text()
