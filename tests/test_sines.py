"""Sines of vector loops: for angles of all sizes, and where these are known before the loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.ir.nodes import Function, Param
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Type, dim
from srcad.optimize.vectorize.sine_versioning import version_on_argument_range
from tests.test_tune_loops import same_numbers

X, Y = np.random.default_rng(4).uniform(-9.0, 9.0, (2, 41))


def waves(x, y):
    return np.sum(np.sin(x) * np.cos(y) * np.sin(2.0 * x + y) + np.cos(x) ** 2)


def loop(x, y):
    total = 0.0
    for i in range(len(x)):
        angle = x[i] - 3.0 * y[i]
        total += math.sin(angle) * y[i] + math.cos(angle) * math.exp(-(x[i] ** 2))
    return total


def nested(x, y):
    total = 0.0
    for i in range(len(x)):
        for j in range(len(y)):
            total += math.cos(x[i] * y[j]) * y[j]
    return total


FUNCTIONS = [waves, loop, nested]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_same_numbers(function: Any) -> None:
    text = same_numbers(function, X, Y, wrt=(0, 1), compiled=True)
    assert "inline_sin" in text and "inline_cos" in text
    assert srcad.jit(function)(X, Y) == pytest.approx(function(X, Y), rel=1e-13)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("angle", [5e5, 6e5, -1e9, 1e22, 1e150])
def test_large_angles(function: Any, angle: float) -> None:
    x = X.copy()
    x[17] = angle
    want = srcad.value_and_grad(function, (0, 1), target="python")(x, Y)
    have = srcad.value_and_grad(function, (0, 1))(x, Y)
    for a, b in zip((have[0], *have[1]), (want[0], *want[1]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.max(np.abs(b)))


@pytest.mark.parametrize("angle", [math.inf, -math.inf, math.nan])
def test_no_angles(angle: float) -> None:
    x = X.copy()
    x[3] = angle
    with np.errstate(all="ignore"):
        want = srcad.grad(waves, (0, 1), target="python")(x, Y)
        have = srcad.grad(waves, (0, 1))(x, Y)
    np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-13)


def running(x, y, out):
    """`out` may be the rest of `x`: then each turn makes the angle of the next."""
    for i in range(len(out)):
        out[i] = 1e3 * math.sin(x[i]) + 1e6


def test_angles_that_the_loop_makes() -> None:
    """Two arguments that share memory: what is asked before the loop would not be what the loop meets."""
    text = srcad.jit(running).specialisation(X, Y, X.copy()).generated.machine_text()
    assert "inline_sin" not in text


VECTOR = Array("float64", (dim(9),))
NAMES: dict[str, Type] = {
    **dict.fromkeys(("x", "z", "y", "new"), VECTOR),
    "idx": Array("int64", (dim(9),)),
    **dict.fromkeys("abs", Scalar("float64")),
    **dict.fromkeys("ijn", Scalar("int64")),
}


def sized(turn: str) -> bool:
    """Whether a loop is given two forms."""
    body = parse("new = np.empty(n)\nfor i in range(n):\n" + "\n".join(f"    {line}" for line in turn.splitlines()))
    text = show(
        version_on_argument_range(
            Function("f", (Param("x", "x"), Param("y", "y"), Param("z", "z")), body, (), NAMES)
        ).body
    )
    assert ("far" in text) == ("inline_" in text)
    return "far" in text


@pytest.mark.parametrize(
    "turn",
    [
        "new[i] = np.sin(x[i])",
        "s += math.cos(x[idx[i]] * b)",
        "a = x[i] * 2.0\ns += math.cos(a)",
        "a = x[i] * 2.0\na = a + 1.0\nnew[i] = math.cos(a) * np.exp(a)",
        "new[i] = np.sin(x[i] if x[i] > 0.0 else 0.0)",
        "new[i] = np.sin(x[i]) + math.log(y[i])",
    ],
)
def test_asked_before(turn: str) -> None:
    assert sized(turn)


@pytest.mark.parametrize(
    "turn",
    [
        "x[i] = np.sin(x[i])",
        "new[i] = 2.0\ns += np.sin(new[i])",
        "y[i] = np.sin(x[i])",
        "new[i] = np.sin(np.exp(x[i]))",
        "new[i] = np.sin(np.sin(x[i]))",
        "a = np.exp(x[i])\nnew[i] = np.sin(a)",
        "a = x[i]\na += np.exp(x[i])\nnew[i] = np.sin(a)",
        "if x[i] > 0.0:\n    new[i] = np.sin(x[i])",
        "new[i] = np.sin(x[i - 1]) if i > 0 else 0.0",
        "a = np.sin(a)\nnew[i] = a",
        "new[i] = new[i - 1] * np.sin(x[i])",
        "new[i] = np.sin(x[i]) * math.gamma(x[i])",
        "new[i] = np.sin(i)",
    ],
)
def test_left_alone(turn: str) -> None:
    assert not sized(turn)
