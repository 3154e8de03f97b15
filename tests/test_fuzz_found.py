"""Faults that random programs of the whole language have shown, each as the smallest program that has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError
from tests.fuzz.judge import by_python


def test_an_adjoint_that_does_nothing() -> None:
    def nothing(x, n):
        for k in range(n):
            np.all(x > k)

    derivative = srcad.adjoint(nothing, 0, target="python")
    x, d_x = np.array([0.5, 0.2]), np.array([1.0, 2.0])
    by_python(derivative.specialisation(x, 3))
    derivative(x, 3, d_x)
    np.testing.assert_array_equal(d_x, [1.0, 2.0])


@pytest.mark.parametrize("choose", [max, min])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_default_for_what_only_a_run_counts(choose: Callable[..., Any], dtype: Any) -> None:
    def best(x):
        return choose([e * e for e in x if e > 0.0], default=0.3 * x[1]) * x[0]

    derivative = srcad.value_and_grad(best, target="python")
    for x, slope in (([-0.5, -0.2], [-0.06, -0.15]), ([0.5, -0.2], [0.75, 0.0])):
        value, gradient = derivative(np.array(x, dtype))
        np.testing.assert_allclose(value, best(np.array(x, dtype)), rtol=1e-6)
        np.testing.assert_allclose(gradient, slope, rtol=1e-6)


class Gained:
    gain = 0.7

    def __init__(self, w):
        self.w = w


def test_an_attribute_that_a_loop_adds_is_refused() -> None:
    def f(x):
        p = Gained(x[0])
        k = 0
        while k < 2 and p.w < 5.0:
            p.gain = 0.3
            k += 1
        return p.gain * p.w

    with pytest.raises(SrcadError, match="S125"):
        srcad.grad(f, target="python")(np.array([0.5, 0.2]))
