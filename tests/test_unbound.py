# ruff: noqa: F821
"""Names that some paths give no value: what Python raises is raised, and what has a value has it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from tests.numeric import numeric_gradient

X = np.array([0.3, -0.7, 0.25, 0.9])


def one_branch_and_the_same_again(x, n):
    if n > 0:
        b = x * 2
    y = x[0]
    if n > 0:
        y = y + np.sum(b * b)
    return y


def one_branch_and_another(x, n):
    if n > 0:
        b = x[0] * 2
    y = x[0]
    if n > -1:
        y = y * b
    return y


def one_branch(x, n):
    if n > 0:
        b = x[0] * 2
    return b * x[1]


def shape_alone(x, n):
    if n > 0:
        b = x * 2
    return np.sum(np.zeros_like(b) + x)


def by_a_loop(x, n):
    for i in range(n):
        t = x[i] * 2
    return t * x[1]


def index_of_a_loop(x, n):
    for i in range(n, 0, -1):
        pass
    return x[i]


def after_the_first_turn(x, n):
    s = 0.0
    for i in range(n):
        if i > 0:
            s += last * x[i]  # noqa: F821
        last = x[i] * x[i]
    return s


def in_some_turns(x, n):
    s = 0.0
    for i in range(3):
        if n > i:
            w = np.sin(x[i])
        s += w * w
    return s


def in_some_turns_and_read_there(x, n):
    s = 0.0
    for i in range(3):
        if n > i:
            w = np.sin(x[i]) * x
        if n > i:
            s += np.sum(w * w)
    return s


def by_while(x, n):
    while n > 0:
        q = x[0] * n
        n -= 1
    return q


def with_break(x, n):
    for i in range(4):
        if i >= n:
            break
        q = x[i] * x[0]
    return q * q


def early_return(x, n):
    if n > 0:
        b = x[0] * x[0]
    elif n < -3:
        return x[1]
    return b


def not_asked(x, n):
    if n > 0:
        b = 2.0
    return x[0] * x[0] if n > 0 and b > 1.0 else x[1]


def asked_first(x, n):
    if n > 0:
        b = x[0] * x[0]
    return x[1] if b > 9.0 or n > 5 else x[2]


def by_a_function(x, n):
    if n > 0:

        def f(v):
            return v * v

    return f(x[0])


def from_a_function(x, n):
    if n > 0:
        b = x * 2

    def inner():
        return b[0]

    return inner() * x[0]


def pair(x, n):
    if n > 0:
        p = (x[0], x * 2)
    a, b = p
    return a * np.sum(b)


def never_read(x, n):
    if n > 0:
        b = x * 1.0
    if n > 0:
        b[0] = 3.0
    return np.sum(x)


def left_where_the_first_turn_is_skipped(x, n):
    for i in range(n):
        if i > 0 and x[i] > last:
            break
        last = x[i]
    return last


def returned_where_the_first_turn_is_skipped(x, n):
    for i in range(n):
        if i > 0 and x[i] > last:
            return last * x[0]
        last = x[i]
    return last


def left_by_what_has_no_value(x, n):
    for i in range(n):
        if x[i] < 0.0 and x[i] > last:
            break
        last = x[i]
    return last


def a_choice_that_binds_its_own_name(x, n):
    for i in range(n):
        acc = x[i] if i == 0 else acc + x[i] * x[0]
    return acc


def a_choice_in_an_inner_loop(x, n):
    total = 0.0
    for i in range(n):
        for j in range(n):
            acc = x[i] if j == 0 else acc * x[j]
        total += acc
    return total


def a_choice_by_what_is_bound_later(x, n):
    for i in range(n):
        y = z * x[i] if i > 0 else 1.0
        z = y + x[i]
    return z


def a_test_of_while_that_reads_the_turn_before(x, n):
    i = 0
    while i == 0 or (i < n and last < 0.5):
        last = x[i]
        i += 1
    return last * last


def a_part_that_one_branch_makes_and_writes_to(x, n):
    u = x * 1.0
    if n > 1:
        part = u[1:]
    total = 0.0
    for i in range(3):
        if n > 1:
            total += part[i % len(part)] * u[i]
            part[0] = total
    return total + np.sum(u)


PROGRAMS = [value for value in list(globals().values()) if getattr(value, "__module__", "") == __name__]


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except Exception as error:
        return error


@pytest.mark.parametrize("n", [4, 1, 0])
@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_as_python(function: Callable[..., Any], n: int) -> None:
    want = outcome(function, X, n)
    have = outcome(srcad.grad(function, target="python"), X, n)
    check(function, n, want, have)


def check(function: Callable[..., Any], n: int, want: Any, have: Any) -> None:
    if isinstance(want, Exception):
        assert type(have) is type(want), have
        # before 3.11 Python says it in other words
        said = str(want) if sys.version_info >= (3, 11) else str(want).split("'")[1]
        assert said in str(have).replace("\n", " ")
        assert str(have).startswith("L")
    else:
        np.testing.assert_allclose(have, numeric_gradient(function, (X, n), 0), atol=1e-8)


@pytest.mark.parametrize("function", [one_branch_and_the_same_again, shape_alone, in_some_turns])
def test_compiled(function: Callable[..., Any]) -> None:
    gradient = srcad.grad(function)
    for n in (4, 1, 0):
        check(function, n, outcome(function, X, n), outcome(gradient, X, n))


@pytest.mark.parametrize(
    "function",
    [one_branch_and_the_same_again, after_the_first_turn, in_some_turns_and_read_there, not_asked, never_read],
)
def test_what_the_conditions_say_is_not_asked(function: Callable[..., Any]) -> None:
    text = srcad.grad(function, target="python", boundscheck=False).source_for(X, 3)
    assert "UnboundLocalError" not in text and "has_" not in text, text


def test_turns_that_are_known_are_not_asked() -> None:
    def last(x):
        for i in range(3):
            t = x[i] * x[i]
        for v in x:
            s = v * t
        return s + t + x[i]

    df = srcad.grad(last, target="python", boundscheck=False)
    assert "raise" not in df.source_for(np.ones(20))
    assert "UnboundLocalError" in df.source_for(np.ones(3))


def kept_before_the_first_turn(x, rows):
    if x[1] >= x[2]:
        row = np.atleast_2d(x)
    for row in rows:
        pass
    return np.sum(row * row)


@pytest.mark.parametrize("x", [X, X[::-1], -X])
def test_what_has_no_value_yet_is_kept_for_the_first_turn(x: Any) -> None:
    rows = np.arange(8.0).reshape(2, 1, 4)
    slopes = srcad.grad(kept_before_the_first_turn, (0, 1), target="python")(x, rows)
    np.testing.assert_array_equal(slopes[0], 0.0 * x)
    np.testing.assert_array_equal(slopes[1], [0.0 * rows[0], 2.0 * rows[1]])
