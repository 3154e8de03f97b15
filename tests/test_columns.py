"""Jacobians column by column: the function is evaluated once, and the text says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad

pytestmark = pytest.mark.one_in(10, least=3)

X = np.array([0.3, -0.7, 1.1])


def elementwise(x: Any) -> Any:
    return np.tanh(x) * np.sum(np.exp(x))


def read_between_two_stores(x: Any) -> Any:
    a = np.array([1.0, 2.0, 3.0])
    y = a * x
    a[0] = 5.0
    return y * a + a[0] * x[1]


def stores_into_a_view(x: Any) -> Any:
    a = np.array([1.0, 2.0, 3.0, 4.0])
    tail = a[1:]
    y = tail * x
    tail[1] = 10.0
    return y + a[2] * x


def sums_in_place(x: Any) -> Any:
    weights = np.zeros(3)
    weights += np.array([1.0, 2.0, 3.0])
    total = weights * x
    total += x * x
    weights *= 2.0
    return total * weights


def in_a_loop(x: Any) -> Any:
    table = np.zeros(4)
    y = x
    for k in range(4):
        table[k] = np.sin(float(k))
        y = y + table[k] * np.sin(y)
    return y * np.sum(table)


def on_a_branch(x: Any) -> Any:
    scale = np.ones(3)
    if x[0] > 0.0:
        scale[1] = 4.0
        y = scale * x * x
    else:
        y = scale * x
    scale[2] = 7.0
    return y * scale


def with_lists(x: Any) -> Any:
    rows = []
    for k in range(3):
        rows.append(np.cos(float(k)) * x)
    return rows[0] * rows[1] + rows[2]


def rows(x: Any) -> Any:
    matrix = np.outer(x, np.array([1.0, 2.0]))
    matrix[0] = matrix[1] * matrix[2]
    return matrix


ALL = (
    elementwise,
    read_between_two_stores,
    stores_into_a_view,
    sums_in_place,
    in_a_loop,
    on_a_branch,
    with_lists,
    rows,
)


@pytest.mark.parametrize("f", ALL, ids=lambda f: f.__name__)
def test_both_modes(f: Callable[..., Any]) -> None:
    forward, reverse = (srcad.jacobian(f, mode=mode, target="python")(X) for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward, reverse, rtol=1e-13)


@pytest.mark.parametrize("f", ALL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 2, 2)], ids=str)
def test_hessians_of_any_rank(f: Callable[..., Any], shape: tuple[int, ...]) -> None:
    def of_all(x: Any) -> Any:
        return np.sum(np.sin(f(weights @ np.ravel(x))))

    x = 0.1 + np.arange(float(np.prod(shape))).reshape(shape) / 7.0
    weights = np.cos(np.arange(3.0 * x.size)).reshape(3, x.size)
    if shape == ():

        def of_all(x: Any) -> Any:
            return np.sum(np.sin(f(weights[:, 0] * x)))

        x = 0.4
    found = srcad.hessian(of_all, target="python")(x)
    slope = srcad.grad(of_all, target="python")
    assert np.shape(found) == shape + shape
    step, columns = 1e-6, []
    for at in np.ndindex(shape):
        direction = np.zeros(shape)
        direction[at] = step
        columns.append((slope(x + direction) - slope(x - direction)) / (2.0 * step))
    np.testing.assert_allclose(found, np.stack(columns, axis=-1).reshape(shape + shape), rtol=1e-6, atol=1e-8)


def test_the_function_is_evaluated_once() -> None:
    def f(w: Any, x: Any) -> Any:
        h = np.tanh(x @ w)
        return np.sum(np.exp(h) * h)

    source = srcad.hessian(f, target="python").source_for(np.ones(3), np.ones((5, 3)))
    before, loop = source.split("for i in range")
    assert source.count("np.tanh(") == source.count("np.exp(") == 1
    assert "np.tanh(" in before and "np.exp(" in before and "raise" not in loop
    of_two = srcad.hessian(lambda w, b: f(w, w + b), (0, 1), target="python").source_for(np.ones((2, 2)), np.ones(2))
    assert of_two.count("np.tanh(") == of_two.count("np.exp(") == 1


def test_what_the_function_raises_it_raises_for_no_input_as_well() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sum(x * x) * np.max(y)

    df = srcad.hessian(f, target="python")
    assert df(np.ones(0), np.ones(2)).shape == (0, 0)
    with pytest.raises(ValueError, match="maximum"):
        df(np.ones(0), np.ones(0))


def test_two_results_are_not_one_array() -> None:
    def f(x: Any) -> Any:
        return np.sin(x), np.sin(x), np.cos(x)

    values, tangents = srcad.jvp(f, (X,), (np.ones(3),), target="python")
    for found in (values, tangents):
        assert not np.shares_memory(found[0], found[1])
    assert not np.shares_memory(values[2], tangents[0])
    found = srcad.jacobian(f, mode="forward", target="python")(X)
    assert not np.shares_memory(found[0], found[1])


@pytest.mark.parametrize("mode", ["forward", "reverse", None])
def test_arguments_that_are_written_to_stay_as_they_were(mode: Any) -> None:
    def f(a: Any, b: Any, y: Any) -> Any:
        y[0] = a * y[1]
        y[1] = y[0] * b
        return y * 1.0

    def inside(a: Any, b: Any, y: Any) -> Any:
        return srcad.jacobian(f, (0, 1), mode=mode)(a, b, y)

    for made in (srcad.jacobian(f, (0, 1), mode=mode, target="python"), srcad.jit(inside, target="python")):
        y = np.full(3, 2.0)
        by_a, by_b = made(3.0, 4.0, y)
        np.testing.assert_array_equal(by_a, [2.0, 8.0, 0.0])
        np.testing.assert_array_equal(by_b, [0.0, 6.0, 0.0])
        np.testing.assert_array_equal(y, 2.0)
