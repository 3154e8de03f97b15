"""Loops on threads that share an array of before the loop: each block has its own, where no iteration sees another's.

In Python all memory that is not set is NaN, and blocks run in a random order: what is shared wrongly shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from tests.benchmarks.workloads import bundle_adjustment, gmm
from tests.numeric import copied, worst_error
from tests.on_threads import forced, on_threads

# ---- iterations that may have their own ------------------------------------------------------------------


def filled(x: Any, w: Any) -> Any:
    q = np.empty(20)
    total = 0.0
    for i in range(len(x)):
        for k in range(20):
            q[k] = np.sin(x[i] * w[k])
        for k in range(1, 20):
            q[k] += q[k - 1] * x[i]
        total += q[19] * q[i % 20]
    return total


def filled_by_one(x: Any, w: Any) -> Any:
    q = np.empty(3)
    total = 0.0
    for i in range(len(x)):
        q[0] = x[i] * w[0]
        q[1] = np.exp(q[0])
        q[2] = q[0] * q[1]
        total += np.sum(q * q) * q[i % 3]
    return total


def filled_rows(x: Any, w: Any) -> Any:
    """An array of two axes, one after the other; the whole of it is read."""
    table = np.empty((len(w), 3))
    total = 0.0
    for i in range(len(x)):
        for a in range(len(w)):
            table[a, 0] = w[a] * x[i]
            for b in range(1, 3):
                table[a, b] = table[a, b - 1] * x[i] + b
        total += np.sum(np.tanh(table)) + table[1, 1] * table[0, 2]
    return total


def filled_again(x: Any, w: Any) -> Any:
    """Filled by a statement on the whole array, of an outer loop that stays on one thread."""
    q = np.zeros(len(w))
    s = 0.1
    for _ in range(3):
        part = 0.0
        for i in range(len(x)):
            q[:] = w * x[i] * s
            q[0] += 1.0
            part += np.sum(q * q)
        s = 0.1 * part / len(x)
    return s


def cleared(x: Any, w: Any) -> Any:
    """Found zero, and left zero."""
    q = np.zeros(len(w))
    total = 0.0
    for i in range(len(x)):
        q[i % len(w)] += x[i] * w[0]
        q[0] += x[i] ** 2
        for k in range(len(w)):
            total += q[k] * q[k] * w[k]
            q[k] = 0.0
    return total


# ---- and some that may not -------------------------------------------------------------------------------


def half_filled(x: Any, w: Any) -> Any:
    q = np.ones(20)
    total = 0.0
    for i in range(len(x)):
        for k in range(19):
            q[k] = x[i] * w[k]
        total += np.sum(q * q)
        q[19] = x[i]
    return total


def filled_at_times(x: Any, w: Any) -> Any:
    q = np.ones(20)
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            for k in range(20):
                q[k] = x[i] * w[k]
        total += np.sum(q * q)
    return total


def read_first(x: Any, w: Any) -> Any:
    q = np.ones(20)
    total = 0.0
    for i in range(len(x)):
        for k in range(20):
            total += q[19 - k] * w[k]
            q[k] = x[i] * w[k]
    return total


def read_after(x: Any, w: Any) -> Any:
    """What the last iteration leaves is read."""
    q = np.ones(20)
    total = 0.0
    for i in range(len(x)):
        for k in range(20):
            q[k] = x[i] * w[k]
        total += q[0] * q[1]
    return total + np.sum(q)


def another_name(x: Any, w: Any) -> Any:
    p = np.ones(20)
    q = p[:]
    total = 0.0
    for i in range(len(x)):
        total += p[0]
        for k in range(20):
            q[k] = x[i] * w[k]
        total += q[0] * q[1]
    return total


def almost_cleared(x: Any, w: Any) -> Any:
    q = np.zeros(len(w))
    total = 0.0
    for i in range(len(x)):
        q[i % len(w)] += x[i]
        for k in range(len(w)):
            total += q[k] * q[k] * w[k]
            q[k] = 0.0
        q[0] += 0.1 * x[i]
    return total


def cleared_beside(x: Any, w: Any) -> Any:
    """An element that has been cleared is written to again."""
    q = np.zeros(len(w))
    total = 0.0
    for i in range(len(x)):
        for k in range(len(w)):
            total += q[k] * w[k]
            q[0] += x[i]
            q[k] = 0.0
    return total


def other_index(x: Any, w: Any) -> Any:
    """The name of an index has another value where the element is read."""
    q = np.ones(20)
    total = 0.0
    for i in range(len(x)):
        at = i % 20
        q[at] = x[i] * w[at]
        at = (at + 1) % 20
        total += q[at] ** 2
    return total


rng = np.random.default_rng(3)
ARGS = (rng.normal(size=23), rng.normal(size=20))
OWN = (filled, filled_by_one, filled_rows, filled_again, cleared)
SHARED = (
    half_filled,
    filled_at_times,
    read_first,
    read_after,
    another_name,
    almost_cleared,
    cleared_beside,
    other_index,
)


@pytest.mark.parametrize("function", [*OWN, *SHARED], ids=lambda f: f.__name__)
def test_scratch_arrays(function: Callable[..., Any]) -> None:
    """The primal alone, and the gradient."""
    for derivative in (srcad.jit, srcad.value_and_grad):
        with forced(5):
            one = derivative(function, target="python", parallel=True, cache=False).specialisation(*ARGS)
            text = one.generated.machine_text()
        if derivative is srcad.jit:
            assert ("an array for each block" in text) == (function in OWN), text
    (value, gradient), text = _on_five_blocks(function, (0, 1), ARGS)
    want, wanted = srcad.value_and_grad(function, (0, 1), target="python", cache=False)(*ARGS)
    np.testing.assert_allclose(value, want, rtol=1e-12)
    assert worst_error(gradient, wanted) < 1e-10, text


def squared_errors(cameras: Any, points: Any, weights: Any, observations: Any, features: Any) -> Any:
    errors, rest = bundle_adjustment.residuals(cameras, points, weights, observations, features)
    return np.sum(errors * errors) + np.sum(rest * rest)


@pytest.mark.parametrize(
    "function, args",
    [(gmm.gmm, gmm.arguments(20, 3, 4)), (squared_errors, bundle_adjustment.arguments(True))],
    ids=["mixture of Gaussians", "bundle adjustment"],
)
def test_workloads(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """No loop with much work stays on one thread."""
    (value, gradient), text = _on_five_blocks(function, (0, 1, 2), args)
    assert "may raise" not in text and "that others write" not in text
    want, wanted = srcad.value_and_grad(function, (0, 1, 2), target="python", cache=False)(*args)
    np.testing.assert_allclose(value, want, rtol=1e-12)
    assert worst_error(gradient, wanted) < 1e-10, text


def _on_five_blocks(function: Callable[..., Any], wrt: tuple[int, ...], args: tuple[Any, ...]) -> Any:
    with forced(5):
        return on_threads(function, wrt, copied(args))
