"""`df.batched`: each sample's result is that of the function itself, whatever the axes, on any number of threads."""

from __future__ import annotations

import threading
from typing import Any

import numba
import numpy as np
import pytest

import srcad
from srcad.dispatch.specialisation import Specialisation

rng = np.random.default_rng(0)
PARAMS = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=4)}
X, Y = rng.normal(size=(6, 3)), rng.normal(size=6)


def loss(params: Any, x: Any, y: Any) -> Any:
    return (np.sum(np.tanh(params["W"] @ x + params["b"])) - y) ** 2


def path(s: Any, k: Any) -> Any:
    """A loop whose states are saved."""
    out = 0.0
    for _ in range(5):
        s = s * np.exp(0.1 * k) + 0.01 * s * s
        out += s
    return out


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_values_and_gradients(target: str) -> None:
    derivative = srcad.value_and_grad(loss, target=target)
    values, gradients = derivative.batched(in_axes=(None, 0, 0))(PARAMS, X, Y)
    for k in range(len(X)):
        value, gradient = derivative(PARAMS, X[k], Y[k])
        np.testing.assert_allclose(values[k], value, rtol=1e-14)
        for name in PARAMS:
            np.testing.assert_allclose(gradients[name][k], gradient[name], rtol=1e-13)


def test_axes_of_parts_and_from_the_end() -> None:
    derivative = srcad.grad(loss, argnums=(0, 1), target="python")
    stacked = {"W": np.stack([PARAMS["W"] * k for k in range(6)], axis=2), "b": PARAMS["b"]}
    of_params, of_x = derivative.batched(in_axes=({"W": -1, "b": None}, 1, 0))(stacked, X.T.copy(), Y)
    for k in range(6):
        want, wanted = derivative({"W": PARAMS["W"] * k, "b": PARAMS["b"]}, X[k], Y[k])
        np.testing.assert_allclose(of_params["W"][k], want["W"], rtol=1e-13)
        np.testing.assert_allclose(of_params["b"][k], want["b"], rtol=1e-13)
        np.testing.assert_allclose(of_x[k], wanted, rtol=1e-13)


def test_other_derivatives() -> None:
    cube = srcad.hessian(lambda x: np.sum(x**3) * x[0], target="python")
    np.testing.assert_allclose(cube.batched()(X), [cube(x) for x in X])
    plain = srcad.jit(path, target="python")
    np.testing.assert_allclose(plain.batched(in_axes=(0, None))(Y, 0.5), [path(y, 0.5) for y in Y], rtol=1e-14)


def test_one_sample_and_none() -> None:
    derivative = srcad.value_and_grad(loss, target="python").batched(in_axes=(None, 0, 0))
    values, gradients = derivative(PARAMS, X[:1], Y[:1])
    assert values.shape == (1,) and gradients["W"].shape == (1, 4, 3)
    values, gradients = derivative(PARAMS, X[:0], Y[:0])
    assert values.shape == (0,) and gradients["W"].shape == (0, 4, 3)


def test_single_precision() -> None:
    derivative = srcad.value_and_grad(path, target="python")
    values, gradients = derivative.batched(in_axes=(0, None))(Y.astype(np.float32), np.float32(0.5))
    assert values.dtype == gradients.dtype == np.float32


def test_samples_run_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()

    def run(self: Specialisation, leaves: list[Any], more: Any = ()) -> Any:
        seen.add(threading.current_thread().name.rpartition("_")[0])
        return own(self, leaves, more)

    own = Specialisation.run
    monkeypatch.setattr(Specialisation, "run", run)
    derivative = srcad.grad(path)
    samples = np.linspace(0.1, 1.0, 3000)
    want = [derivative(s, 0.3) for s in samples]
    most = numba.get_num_threads()
    for threads in sorted({1, most}):
        numba.set_num_threads(threads)
        seen.clear()
        got = derivative.batched(in_axes=(0, None))(samples, 0.3)
        assert ("srcad_samples" in seen) == (threads > 1)
        np.testing.assert_array_equal(got, want)
    numba.set_num_threads(most)


def head(x: Any, n: Any) -> Any:
    return x[:n] * 2.0


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_results_of_different_shapes_are_refused(target: str) -> None:
    """One element would be written to all of a row."""
    batched = srcad.jit(head, target=target).batched(in_axes=(None, 0))
    x = np.arange(3.0)
    with pytest.raises(srcad.SrcadError, match="S360") as caught:
        batched(x, np.array([3, 3, 1, 2]))
    assert "that of number 2 is not" in str(caught.value)
    np.testing.assert_array_equal(batched(x, np.array([3, 3])), [[0.0, 2.0, 4.0]] * 2)
    np.testing.assert_array_equal(batched(x, np.array([2, 2])), [[0.0, 2.0]] * 2)
    np.testing.assert_array_equal(batched(x, np.array([3, 3])), [[0.0, 2.0, 4.0]] * 2)


def counted(x: Any, total: Any) -> Any:
    total[0] += x
    x *= 1.0
    return total[0] * 2.0


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_samples_that_write_into_what_all_share_run_once_and_in_order(target: str) -> None:
    total = np.array([1.0])
    batched = srcad.jit(counted, target=target).batched(in_axes=(0, None))
    np.testing.assert_array_equal(batched(np.arange(50.0), total), 2.0 * (1.0 + np.cumsum(np.arange(50.0))))
    np.testing.assert_array_equal(total, [1.0 + 49 * 25])
    batched(np.ones(3), total)
    np.testing.assert_array_equal(total, [4.0 + 49 * 25])


def doubled(row: Any) -> Any:
    row *= 2.0
    return np.sum(row)


def test_samples_write_into_their_own_rows() -> None:
    x = np.arange(12.0).reshape(4, 3).copy()
    got = srcad.jit(doubled, target="python").batched(in_axes=1)(x)
    np.testing.assert_array_equal(x, 2.0 * np.arange(12.0).reshape(4, 3))
    np.testing.assert_array_equal(got, x.sum(axis=0))


def chosen(x: Any, k: Any) -> Any:
    return x[k] * x[k]


def test_the_error_is_that_of_the_first_sample_with_one() -> None:
    numbers = np.zeros(1000, np.int64)
    numbers[[300, 301, 900]] = 7, 8, 9
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        srcad.grad(chosen).batched(in_axes=(None, 0))(np.ones(3), numbers)


@pytest.mark.parametrize(
    ("in_axes", "args", "words"),
    [
        (None, (PARAMS, X, Y), "no argument has samples"),
        ((None, 0), (PARAMS, X, Y), "in_axes is for 2 arguments, and 3 are given"),
        ((None, 0, 0), (PARAMS, X, Y[:3]), "x.shape[0] is 6, y.shape[0] is 3"),
        ((None, 2, 0), (PARAMS, X, Y), "the axis 2 of samples, where an argument has 2 axes"),
        (({"W": 0}, 0, 0), (PARAMS, X, Y), "in_axes has the parts ['W'], the argument ['W', 'b']"),
        ((None, True, 0), (PARAMS, X, Y), "the axis True of samples"),
    ],
)
def test_refused(in_axes: Any, args: tuple[Any, ...], words: str) -> None:
    with pytest.raises(srcad.SrcadError, match="S360") as caught:
        srcad.grad(loss, target="python").batched(in_axes=in_axes)(*args)
    assert words in str(caught.value)
