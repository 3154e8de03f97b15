"""An array of an iteration of which the reverse sweep reads lengths alone is not saved, where they are known before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad


def same_lengths(W: Any, h: Any, n: int) -> Any:
    for _ in range(n):
        s = h @ W
        k = s.reshape(h.shape[0], 4, h.shape[1])
        h = np.tanh(k[:, 1, :])
    return np.sum(h)


def other_lengths(W: Any, h: Any, n: int) -> Any:
    """Each iteration has products of other lengths than the one before."""
    for t in range(1, n):
        s = h[:, : t + 1] @ W[: t + 1, : 4 * t]
        k = s.reshape(h.shape[0] * 4, t)
        h = np.sin(h) * np.sum(k * k)
    return np.sum(h)


def elements_too(W: Any, h: Any, n: int) -> Any:
    """The elements of the product are read as well."""
    for _ in range(n):
        s = h @ W
        k = s.reshape(h.shape[0], 4, h.shape[1])
        h = np.tanh(k[:, 1, :]) + np.sum(s * s)
    return np.sum(h)


def rebound(W: Any, h: Any, n: int) -> Any:
    """The array whose length it is gets other lengths after the loop."""
    for _ in range(n):
        s = h @ W
        k = s.reshape(h.shape[0], 4, h.shape[1])
        h = np.tanh(k[:, 1, :])
    W = W[:, :2]
    return np.sum(h) * np.sum(W)


@pytest.mark.parametrize("n", [3, 0])
@pytest.mark.parametrize("f", [same_lengths, other_lengths, elements_too, rebound])
def test_gradient(f: Any, n: int) -> None:
    rng = np.random.default_rng(0)
    W, h = rng.normal(size=(3, 12)) / 3, rng.normal(size=(2, 3))
    direction = rng.normal(size=W.shape)
    up, down = (f(W + step * direction, h, n) for step in (1e-6, -1e-6))
    found = srcad.grad(f, target="python")(W, h, n)
    assert np.sum(found * direction) == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-8)


def test_what_is_saved() -> None:
    arguments = np.ones((3, 12)), np.ones((2, 3)), 3
    assert "s_saved" not in srcad.grad(same_lengths, target="python").source_for(*arguments)
    assert "s_saved" in srcad.grad(elements_too, target="python").source_for(*arguments)
