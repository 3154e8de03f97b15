"""Iterators under a name: a loop uses them up, so a second one would find nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError


def zip_twice(x):
    pairs = zip(x, x)
    s = 0.0
    for a, b in pairs:
        s += a * b
    for a, b in pairs:
        s += a * b
    return s


def map_twice(x):
    squares = map(lambda v: v * v, x)
    return sum(squares) + sum(squares)


def enumerate_in_a_loop(x):
    numbered = enumerate(x)
    s = 0.0
    for _ in range(3):
        for _, v in numbered:
            s += v * v
    return s


def given_to_a_function_that_loops_twice(x):
    def both(items):
        return sum(v for v in items) + sum(v * v for v in items)

    return both(reversed(x))


def zip_once(x):
    pairs = zip(x, x)
    s = 0.0
    for a, b in pairs:
        s += a * b
    return s


def map_once(x):
    squares = map(lambda v: v * v, x)
    return sum(squares)


def made_in_each_iteration(x):
    s = 0.0
    for k in range(3):
        pairs = zip(x, x)
        for a, b in pairs:
            s += a * b * k
    return s


@pytest.mark.parametrize("x", [(0.5, 0.6), np.array([0.5, 0.6])], ids=["tuple", "array"])
@pytest.mark.parametrize("f", [zip_once, map_once, made_in_each_iteration], ids=lambda f: f.__name__)
def test_once(f: Any, x: Any) -> None:
    value, gradient = srcad.value_and_grad(f, target="python")(x)
    assert value == pytest.approx(f(x), rel=1e-12)
    factor = 6.0 if f is made_in_each_iteration else 2.0
    np.testing.assert_allclose(gradient, [factor * 0.5, factor * 0.6])


@pytest.mark.parametrize("x", [(0.5, 0.6), np.array([0.5, 0.6])], ids=["tuple", "array"])
@pytest.mark.parametrize(
    "f",
    [zip_twice, map_twice, enumerate_in_a_loop, given_to_a_function_that_loops_twice],
    ids=lambda f: f.__name__,
)
def test_twice_is_refused(f: Any, x: Any) -> None:
    with pytest.raises(SrcadError) as caught:
        srcad.grad(f, target="python")(x)
    assert caught.value.problems[0].code == "S113"


def iter_twice(x):
    it = iter(x)
    s = sum(v * v for v in it)
    return s + sum(it)  # Python finds nothing in it


def iter_left_early(x):
    it = iter(x)
    s = 0.0
    for v in it:
        s += v
        if s > 0.0:
            break
    return s + 2.0 * sum(it)


def iter_beside_itself(x):
    it = iter(x)
    return sum(a * b for a, b in zip(it, it))


def iter_in_each_iteration(x):
    it = iter(x)
    s = 0.0
    for _ in range(2):
        for v in it:
            s += v
    return s


@pytest.mark.parametrize("x", [(0.5, 0.6), np.array([0.5, 0.6])], ids=["tuple", "array"])
@pytest.mark.parametrize(
    "f", [iter_twice, iter_left_early, iter_beside_itself, iter_in_each_iteration], ids=lambda f: f.__name__
)
def test_iter_is_used_up(f: Any, x: Any) -> None:
    with pytest.raises(SrcadError, match="S113"):
        srcad.grad(f, target="python")(x)
