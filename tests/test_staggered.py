"""Fields of unlike lengths in one loop over time: what checks in the loop ask is known of the calls of a text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from tests.numeric import numeric_gradient


def waves(h0: Any, u0: Any, v0: Any, steps: Any) -> Any:
    """Surface and velocities on a staggered grid; the fluxes through the walls stay what they are."""
    h, u, v = h0.copy(), u0.copy(), v0.copy()
    flux = np.zeros_like(u)
    across = np.ones_like(v)
    for _ in range(steps):
        u[1:-1, :] -= 0.1 * (h[1:, :] - h[:-1, :])
        v[:, 1:-1] -= 0.1 * (h[:, 1:] - h[:, :-1])
        flux[1:-1, :] = u[1:-1, :] * (1.0 + h[1:, :] * h[:-1, :])
        across[:, 1:-1] = v[:, 1:-1] * (1.0 + h[:, 1:] * h[:, :-1])
        h -= 0.1 * (flux[1:, :] - flux[:-1, :] + across[:, 1:] - across[:, :-1])
    return np.sum(h * h * h) + np.sum(flux)


def rod(h0: Any, u0: Any, steps: Any) -> Any:
    """Each third step is made of every second point."""
    h, u = h0.copy(), u0.copy()
    for t in range(steps):
        u[1:-1] -= 0.2 * h[1:] * h[:-1]
        if t % 3 == 2:
            h[::2] += u[:-1:2] * u[1::2]
        h += 0.1 * (u[1:] - u[:-1])
        if h[0] > 9.0:
            break
    return np.sum(h * h) + u[0] * u[-1]


def shared(h0: Any, u0: Any, steps: Any) -> Any:
    """Two views of one array, and what is added overlaps what is read."""
    u = u0.copy()
    left, right = u[:-1], u[1:]
    for _ in range(steps):
        d = 0.1 * h0 * (right - left)
        left += d
        right -= d * h0
    return np.sum(u * u)


def fields(n: int, m: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(rng.uniform(-0.5, 0.5, shape) for shape in ((n, m), (n + 1, m), (n, m + 1)))  # type: ignore[return-value]


def compared(f: Any, args: tuple[Any, ...], wrt: tuple[int, ...], df: Any) -> None:
    for at, have in zip(wrt, df(*args), strict=True):
        np.testing.assert_allclose(have, numeric_gradient(f, args, at), rtol=2e-6, atol=2e-7)


SIZES = [(10, 11), (9, 9), (1, 1), (2, 1), (1, 2), (2, 2), (3, 10), (0, 3)]


@pytest.mark.parametrize("target", ["python", pytest.param("cpu", id="compiled")])
def test_waves(target: Any) -> None:
    df = srcad.grad(waves, (0, 1, 2), target=target)
    for n, m in SIZES[: 1 if target == "cpu" else None]:
        for steps in (3, 1, 0):
            compared(waves, (*fields(n, m), steps), (0, 1, 2), df)


def test_the_text_asks_nothing_in_the_loop() -> None:
    text = srcad.grad(waves, (0, 1, 2), target="python").source_for(*fields(10, 11), 3)
    assert text.count("this is for calls in which") == 4
    assert "do not fit" not in text and "does not fit" not in text


def test_other_lengths_raise_what_the_function_raises() -> None:
    """The general text says what is wrong; where no iteration asks, nothing is."""
    df = srcad.grad(waves, (0, 1, 2), target="python")
    h, u, v = fields(10, 11)
    df(h, u, v, 2)
    with pytest.raises(ValueError, match="could not|fit"):
        waves(h, u[1:], v, 2)
    with pytest.raises(ValueError, match=r"does not fit into \(8, 11\)"):
        df(h, u[1:], v, 2)
    compared(waves, (h, u[1:], v, 0), (0, 1, 2), df)
    compared(waves, (h, u, v, 2), (0, 1, 2), df)


@pytest.mark.parametrize("f", [rod, shared])
def test_on_a_line(f: Any) -> None:
    df = srcad.grad(f, (0, 1), target="python")
    for n in (12, 9, 10, 1, 2, 3):
        h, u, _ = fields(n, 1, n)
        for steps in (4, 0):
            compared(f, (h[:, 0].copy(), u[:, 0].copy(), steps), (0, 1), df)


@pytest.mark.parametrize("f", [rod, shared])
def test_on_a_line_compiled(f: Any) -> None:
    df = srcad.grad(f, (0, 1))
    for n in (12, 9):
        h, u, _ = fields(n, 1, n)
        compared(f, (h[:, 0].copy(), u[:, 0].copy(), 4), (0, 1), df)


def test_a_type_alone_says_nothing() -> None:
    def step(h: float64[::1], u: float64[::1], n: int) -> float:  # type: ignore[name-defined] # noqa: F821
        for _ in range(n):
            u[1:-1] -= h[1:]
        return np.sum(u)

    assert "this is for" not in srcad.grad(step, 0, target="python").source


def between(a: Any, b: Any, n: Any) -> Any:
    """A loop over other lengths stands between two that could be one, and reads or writes what they do."""
    x, y = a.copy(), b.copy()
    for _ in range(n):
        x[1:-1] = x[1:-1] * 1.1
        y[:] = y * x[:-1]
        x[1:-1] += x[1:-1] * x[1:-1]
        y[1:] += y[1:] * x[1:-1]
        x[1:-1] -= 0.3 * y[1:]
    return np.sum(x * x) + np.sum(y)


def test_nests_between() -> None:
    rng = np.random.default_rng(4)
    args = (rng.uniform(0.1, 0.5, 12), rng.uniform(0.1, 0.5, 11), 3)
    compared(between, args, (0, 1), srcad.grad(between, (0, 1)))
