"""Writes by one name to what another may hold: followed where that is sure, else refused with names and lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import AliasError
from tests.programs.registry import real


def double_buffered(x, y, n):
    for _ in range(n):
        y[1:] = 2 * x[:-1]
        x, y = y, x


def double_buffered_while(x, y, n):
    turn = 0
    while turn < n:
        y[1:] = x[:-1] ** 2
        x, y = y, x
        turn += 1


def rebound_in_a_branch(x, y, n):
    if n > 2:
        x = y
    x[0] = x[1] * x[2]


def rebound_in_a_loop(x, y, n):
    for _ in range(n):
        x = x * 2.0
    x[0] = 3.0 * x[1]


def exchanged_with_an_array_of_its_own(x, y, n):
    a, b = x, np.zeros(len(x))
    for _ in range(n):
        b[1:] = 2 * a[:-1]
        a, b = b, a
    y[:] = a * a


@pytest.mark.parametrize("wrt", [(0, 1), (0,)])
@pytest.mark.parametrize(
    "f",
    [
        double_buffered,
        double_buffered_while,
        rebound_in_a_branch,
        rebound_in_a_loop,
        exchanged_with_an_array_of_its_own,
    ],
)
def test_a_procedure_whose_arguments_change_names(f: Callable[..., Any], wrt: tuple[int, ...]) -> None:
    x, y = real(5), real(5, seed=1)
    with pytest.raises(AliasError, match="S401"):
        srcad.adjoint(f, wrt, target="python")(x, y, 3, *(np.ones(5) for _ in wrt))


def exchanged_in_a_row(x, y, n):
    y[1:] = 2 * x[:-1]
    x, y = y, x
    y[1:] = 3 * x[:-1] * x[1:]


def content_moved(x, y, n):
    for _ in range(n):
        y[1:] = 2 * x[:-1] * x[1:]
        x[:] = y


def state_of_its_own(x, y, n):
    a, b = x.copy(), np.zeros(len(x))
    for _ in range(n):
        b[1:] = 2 * a[:-1]
        a, b = b, a
    y[:] = a * a * x


@pytest.mark.parametrize("f", [exchanged_in_a_row, content_moved, state_of_its_own])
def test_a_procedure_that_keeps_its_arrays(f: Callable[..., Any]) -> None:
    arrays, seeds = [real(5), real(5, seed=1)], [real(5, seed=2), real(5, seed=3)]
    ways = [real(5, seed=4), real(5, seed=5)]

    def at(step: float) -> float:
        moved = [a + step * way for a, way in zip(arrays, ways, strict=True)]
        f(*moved, 3)
        return float(sum(np.sum(a * seed) for a, seed in zip(moved, seeds, strict=True)))

    buffers, given = [s.copy() for s in seeds], [a.copy() for a in arrays]
    srcad.adjoint(f, (0, 1), target="python")(*given, 3, *buffers)
    left = [a.copy() for a in arrays]
    f(*left, 3)
    np.testing.assert_array_equal(given, left)
    slope = sum(np.sum(d * way) for d, way in zip(buffers, ways, strict=True))
    np.testing.assert_allclose(slope, (at(1e-6) - at(-1e-6)) / 2e-6, rtol=1e-6)


def test_the_message_names_both_and_where_they_met() -> None:
    with pytest.raises(AliasError) as caught:
        srcad.adjoint(double_buffered, (0, 1), target="python")(real(5), real(5), 3, np.ones(5), np.ones(5))
    first = double_buffered.__code__.co_firstlineno
    assert str(caught.value) == (
        f"srcad error S401: writes into the y of line {first + 1}, which may or may not be the argument y\n\n"
        f"  tests/test_clashes.py:{first + 2}, in double_buffered\n"
        f"    {first + 2} |         y[1:] = 2 * x[:-1]\n"
        "       |         ^^^^^^^^^^^^^^^^^^\n"
        f"  Only a run tells, by what happens in line {first + 1}. "
        "If it is the argument y, the caller sees it afterwards.\n\n"
        f"  You can: copy in line {first + 1}, with .copy(); or move the content, not the names: a[...] = b."
    )


def asked_for_its_length(x, pick):
    y = x * 2.0
    z = y if pick else x * 3.0
    z[0] = x[1]
    return np.sum(z * z) * len(y)


def overwritten_before_it_is_read(x, pick):
    y = x * 2.0
    z = y if pick else x * 3.0
    z[0] = x[1]
    y[:] = x * z[0]
    return np.sum(y * y) + x[0]


def rebound_by_a_loop_that_runs(x, pick):
    y = x
    for _ in range(3):
        y = y * x
    y[0] = x[0] ** 2
    return np.sum(y * x)


@pytest.mark.parametrize("pick", [True, False])
@pytest.mark.parametrize("f", [asked_for_its_length, overwritten_before_it_is_read, rebound_by_a_loop_that_runs])
def test_what_nobody_reads_afterwards_may_share(f: Callable[..., Any], pick: bool) -> None:
    x, way = real(4), real(4, seed=1)
    gradient = srcad.grad(f, target="python")(x, pick)
    slope = (f(x + 1e-6 * way, pick) - f(x - 1e-6 * way, pick)) / 2e-6
    np.testing.assert_allclose(np.sum(gradient * way), slope, rtol=1e-6)


def branch_reads_what_was_cleared(x, y0, n):
    s = x[0]
    for i in range(n):
        y = y0 * (1.0 + i)
        t = y[i]
        y[i] = 0.0
        if y[i] + y[i + 1] > 0.0:
            y[i] += t
        else:
            y[i + 1] += t * 2.0
        c = np.exp(y[i] + y[i + 1])
        s = np.sin(s * x[i] * c)
    return s


def test_what_runs_again_clears_before_it_asks() -> None:
    """An adjoint that one branch gives back is taken in the other; the same lines of a program are not."""
    x, y0, way = np.array([0.3, -0.7, 0.25, 0.9]), np.array([0.4, -0.3, 0.2, 0.1, 0.5]), real(4)
    gradient = srcad.grad(branch_reads_what_was_cleared, checkpoint="i", target="python")(x, y0, 4)
    plain = srcad.grad(branch_reads_what_was_cleared, target="python")(x, y0, 4)
    np.testing.assert_allclose(gradient, plain, rtol=1e-12)
    f = branch_reads_what_was_cleared
    slope = (f(x + 1e-6 * way, y0, 4) - f(x - 1e-6 * way, y0, 4)) / 2e-6
    np.testing.assert_allclose(np.sum(gradient * way), slope, rtol=1e-6)


def last_row_always(A):
    B = A * 1.0
    for row in B:
        row[0] *= 2.0
    row[1] = 3.0
    return np.sum(B)


def test_a_loop_without_a_turn_leaves_no_view() -> None:
    with pytest.raises(UnboundLocalError, match="row"):
        srcad.grad(last_row_always, target="python")(np.ones((0, 3)))


def views_of_one_array_from_each_branch(x, y, c):
    if c > 0:
        a, v = x[:1], x[:1]
    else:
        a, v = y[1:], y[1:]
    v[0] = v[0] * v[0]
    return np.sum(a)


def one_array_of_two_names_but_for_no_turn(x, y, n):
    a, v = x * 1.0, x * 1.0
    for _ in range(n):
        a = v = y * x
    v[0] = v[0] * v[0]
    return np.sum(a)


@pytest.mark.parametrize("f", [views_of_one_array_from_each_branch, one_array_of_two_names_but_for_no_turn])
def test_names_that_leave_a_branch_or_a_loop_together(f: Callable[..., Any]) -> None:
    """They may share memory there, though neither is the other."""
    with pytest.raises(AliasError, match="S401: writes into v, which may or may not be a"):
        srcad.grad(f, target="python")(real(3), real(3, seed=1), 2)


def read_in_the_next_iteration(x, y, n):
    a = x * 1.0
    b = a if n > 2 else y * 1.0
    total = 0.0
    for _ in range(n):
        total += b[0] ** 2
        a[0] = total * x[1]
    return total


def carried_to_the_next_iteration(x, y, n):
    a, b = x * 1.0, y * 1.0
    total = 0.0
    for i in range(n):
        total += b[0] ** 2
        b = a if i > 1 else b
        a[0] = total * x[1]
    return total


def met_through_a_third_name(x, y, n):
    a = x * 1.0
    b = a if n > 2 else y * 1.0
    c = b if n > 3 else y * 2.0
    c[0] = x[1] * y[1]
    return a[0] ** 2 + a[1]


@pytest.mark.parametrize("f", [read_in_the_next_iteration, carried_to_the_next_iteration, met_through_a_third_name])
def test_a_write_that_a_later_read_may_see(f: Callable[..., Any]) -> None:
    """Each would be differentiated, and wrong, were it asked only what the same iteration reads, or which names met."""
    with pytest.raises(AliasError, match="S401"):
        srcad.grad(f, (0, 1), target="python")(real(3), real(3, seed=1), 4)
