"""Loops on threads: what raises in Python raises, though Numba loses an error that is raised in a thread."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import srcad
from tests.on_threads import forced, is_on_threads


def parts(x: Any, k: Any) -> Any:
    """Arrays whose lengths vary: a negative one is an error."""
    total = 0.0
    for i in range(len(x)):
        q = np.zeros(k[i])
        for j in range(k[i]):
            q[j] = x[i] * j
        total += np.sum(q * q)
    return total


def scratch(x: Any, k: Any) -> Any:
    """Arrays of a length that stays: whether it is negative is asked before the loop."""
    n = k[0] - 1
    total = 0.0
    for i in range(len(x)):
        q = np.zeros(n)
        for j in range(n):
            q[j] = x[i] * j
        total += np.sum(q * q)
    return total


def strides(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        for j in range(0, 4, k[i]):
            total += x[i] * j
    return total


def joined(x: Any, k: Any) -> Any:
    """What Numba makes of two array operations in a row is not for threads; and lengths that do not fit."""
    total = 0.0
    for i in range(len(x)):
        both = np.concatenate((np.ones((2, 3)), np.ones((k[i], 3)) * x[i]), axis=1)
        total += np.sum(both[:, 2:4] * x[i])
    return total


def gathered(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += x[k[i]] * x[i]
    return total


def refused(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        if k[i] < 0:
            raise ValueError("negative")
        total += x[i] ** 2
    return total


x = np.linspace(0.5, 1.0, 10)
CASES: dict[str, tuple[Callable[..., Any], int, int, type[Exception]]] = {
    "a length that varies": (parts, 2, -1, ValueError),
    "a length that stays": (scratch, 3, -1, ValueError),
    "a step of zero": (strides, 1, 0, ValueError),
    "lengths that do not fit": (joined, 2, 3, ValueError),
    "an index": (gathered, 1, 10, IndexError),
    "a raise": (refused, 1, -1, ValueError),
}


@pytest.mark.parametrize("name", CASES)
def test_errors(name: str) -> None:
    function, good, bad, error = CASES[name]
    k = np.full(10, good)
    with forced():
        derivative = srcad.value_and_grad(function, parallel=True, cache=False)
        value, gradient = derivative(x, k)
    want, wanted = srcad.value_and_grad(function, target="python", cache=False)(x, k)
    np.testing.assert_allclose(value, want, rtol=1e-12)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12)
    for place in (0, 9):  # in the first thread, and in another one
        wrong = k.copy()
        wrong[place if name != "a length that stays" else 0] = bad
        with pytest.raises(error):
            function(x, wrong)
        with pytest.raises(error):
            derivative(x, wrong)


def test_a_scratch_array_stays_on_threads() -> None:
    with forced():
        one = srcad.grad(scratch, target="python", parallel=True, cache=False).specialisation(x, np.full(10, 3))
        text = one.generated.machine_text()
    assert is_on_threads(text)
    assert "n >= 0" in text


def weighted(x: Any, w: Any) -> Any:
    total = 0.0
    for i in range(len(w)):
        total += np.sin(x[i % 7] * w[i])
    return total


def called_from_several_threads() -> list[bool]:
    """Whether each call gives the bits of the first."""
    numba.config.THREADING_LAYER = "workqueue"
    rng = np.random.default_rng(0)
    args = (rng.normal(size=7), rng.normal(size=20_000))
    derivative = srcad.value_and_grad(weighted, (0, 1), parallel=True)
    value, gradient = derivative(*args)

    def same(_: int) -> bool:
        again, other = derivative(*args)
        return bool(again == value) and all(map(np.array_equal, gradient, other))

    with ThreadPoolExecutor(4) as pool:
        return [*pool.map(same, range(200)), numba.threading_layer() == "workqueue"]


def test_calls_from_several_threads_wait_for_each_other() -> None:
    """Numba ends the process where they do not, with the threading layer that it has everywhere."""
    script = "from tests.test_parallel_errors import called_from_several_threads as run; assert all(run())"
    env = {**os.environ, "NUMBA_NUM_THREADS": "4"}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[1], env=env, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
