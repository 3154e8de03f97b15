"""`srcad.interop.jax`: functions of ours as functions of JAX."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad

jax = pytest.importorskip("jax")

from srcad.interop.jax import as_jax  # noqa: E402


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    jax.config.update("jax_enable_x64", True)  # for the threads too in which JAX calls back
    yield
    jax.config.update("jax_enable_x64", False)


def layered(x: Any, p: Any, n: Any, labels: Any, note: Any = "note") -> Any:
    y = np.tanh(x @ p["w"]) * p["s"]
    for _ in range(n):
        y = y * y + p["w"][0]
    return {"y": y, "loss": np.sum(y), "count": n + 1, "labels": labels, "note": note}


RANDOM = np.random.default_rng(0)
X, P = RANDOM.standard_normal((4, 3)), {"w": RANDOM.standard_normal((3, 2)), "s": 1.5}
LABELS = np.arange(3)


def by_jax(x: Any, p: Any) -> Any:
    y = jax.numpy.tanh(x @ p["w"]) * p["s"]
    for _ in range(2):
        y = y * y + p["w"][0]
    return jax.numpy.sum(jax.numpy.sin(y)) + 2.0 * jax.numpy.sum(y)


def through(f: Callable[..., Any]) -> Callable[..., Any]:
    def by_srcad(x: Any, p: Any) -> Any:
        out = f(x, p, 2, labels=LABELS)
        return jax.numpy.sum(jax.numpy.sin(out["y"])) + 2.0 * out["loss"]

    return by_srcad


def close(a: Any, b: Any) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_value_and_gradient(target: str) -> None:
    """Any nesting, numbers, integers; as it is, compiled by JAX, and mapped over an axis."""
    f = as_jax(layered, target=target)
    ours = through(f)
    want = jax.value_and_grad(by_jax, (0, 1))(X, P)
    close(jax.value_and_grad(ours, (0, 1))(X, P), want)
    close(jax.jit(jax.value_and_grad(ours, (0, 1)))(X, P), want)
    many = np.stack([X, 2.0 * X, X - 1.0])
    mapped = [jax.jit(jax.vmap(jax.grad(one, (0, 1)), (0, None))) for one in (ours, by_jax)]
    close(mapped[0](many, P), mapped[1](many, P))
    out = f(X, P, 2, LABELS)
    assert out["note"] == "note" and out["count"] == 3 and out["labels"].tolist() == [0, 1, 2]


def test_second_and_third_derivative() -> None:
    ours = through(as_jax(layered, target="python"))
    close(jax.jit(jax.jacrev(jax.grad(ours)))(X[:2], P), jax.jacrev(jax.grad(by_jax))(X[:2], P))
    quartic = as_jax(lambda x: x**4, target="python")
    assert abs(jax.grad(jax.grad(jax.grad(quartic)))(0.7) - 24 * 0.7) < 1e-12


def test_single_precision() -> None:
    jax.config.update("jax_enable_x64", False)
    f = as_jax(lambda x, s: np.sum(np.sin(x) * s) + np.mean(np.ones(2)), target="python")
    value, (d_x, d_s) = jax.value_and_grad(f, (0, 1))(np.ones(3), 2.0)
    assert value.dtype == d_x.dtype == d_s.dtype == np.float32
    np.testing.assert_allclose(d_x, 2.0 * np.cos(np.ones(3)), rtol=1e-6)
    np.testing.assert_allclose(d_s, 3.0 * np.sin(1.0), rtol=1e-6)


def test_what_is_not_traced() -> None:
    """Ints and flags decide shapes and branches."""
    f = as_jax(lambda x, axis, k: np.sum(x, axis=axis) * (k + k if k else 3.0), target="python")
    assert jax.jit(lambda x: f(x, 1, False))(np.ones((2, 3))).tolist() == [9.0, 9.0]
    assert f(np.ones((2, 3)), axis=0, k=1).tolist() == [4.0] * 3


def test_integers_have_no_gradient() -> None:
    picked = as_jax(lambda x, at: np.sum(x[at] ** 2), target="python")
    at = np.array([0, 2, 0])
    assert jax.jit(jax.grad(picked))(np.array([1.0, 2.0, 3.0]), at).tolist() == [4.0, 0.0, 6.0]


def test_arguments_are_not_changed() -> None:
    def writes(x: Any) -> Any:
        x[0] = 2.0 * x[1]
        return np.sum(x * x)

    x = jax.numpy.ones(3)
    assert jax.grad(as_jax(writes, target="python"))(x).tolist() == [0.0, 10.0, 2.0]
    assert x.tolist() == [1.0] * 3


def test_large_arrays() -> None:
    """JAX runs what is called back in a thread of its own, of which there are few."""
    x = np.ones((1500, 1500))
    gradient = jax.jit(jax.grad(lambda x: as_jax(lambda x: np.sum(x * x), target="python")(2.0 * x)))
    assert np.all(gradient(x) == 8.0)


def test_refused() -> None:
    with pytest.raises(jax.errors.JaxRuntimeError, match="S123: the shapes of what .* depend on values"):
        as_jax(lambda x: x[x > 0.0], target="python")(np.array([1.0, -1.0]))
    with pytest.raises(srcad.ArgumentError, match="S305"):
        as_jax(lambda x: 2.0 * x, target="python")(jax.numpy.ones(3, jax.numpy.bfloat16))
    with pytest.raises(srcad.DerivativeError, match="S207"):
        as_jax(lambda x: 2 * x, target="python")(jax.numpy.arange(3))
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(as_jax(lambda x: 2.0 * x, target="python"), (1.0,), (1.0,))


def test_examples_of_the_page() -> None:
    switched_off = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-m", "tests.interop_page", "jax"], env=switched_off, cwd=root, check=True)
