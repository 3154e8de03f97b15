"""Layers and activations against formulas written out here, and their gradients against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import nn
from srcad.nn.activations import ACTIVATIONS

rng = np.random.default_rng(7)
X = np.array([[0.3, -1.2, 2.0], [-0.1, 0.7, -3.0]])


def softmax(x: Any) -> Any:
    return np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)


FORMULAS: dict[str, Callable[[Any], Any]] = {
    "elu": lambda x: np.where(x > 0.0, x, np.exp(x) - 1.0),
    "gelu": lambda x: 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))),
    "identity": lambda x: x,
    "leaky_relu": lambda x: np.maximum(x, 0.01 * x),
    "log_softmax": lambda x: np.log(softmax(x)),
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "silu": lambda x: x / (1.0 + np.exp(-x)),
    "softmax": softmax,
    "softplus": lambda x: np.log(1.0 + np.exp(x)),
    "tanh": np.tanh,
}
DERIVATIVES_AT_0 = {"gelu": 0.5, "identity": 1.0, "sigmoid": 0.25, "silu": 0.5, "softplus": 0.5, "tanh": 1.0}
# at -1000 and 1000: values and derivatives; of a vector for those along an axis
FAR: dict[str, tuple[Any, Any]] = {
    "elu": ([-1.0, 1000.0], [0.0, 1.0]),
    "gelu": ([0.0, 1000.0], [0.0, 1.0]),
    "identity": ([-1000.0, 1000.0], [1.0, 1.0]),
    "leaky_relu": ([-10.0, 1000.0], [0.01, 1.0]),
    "log_softmax": ([-2000.0, 0.0], [1.0, -1.0]),
    "relu": ([0.0, 1000.0], [0.0, 1.0]),
    "sigmoid": ([0.0, 1.0], [0.0, 0.0]),
    "silu": ([0.0, 1000.0], [0.0, 1.0]),
    "softmax": ([0.0, 1.0], [0.0, 0.0]),
    "softplus": ([0.0, 1000.0], [0.0, 1.0]),
    "tanh": ([-1.0, 1.0], [0.0, 0.0]),
}
activation = pytest.mark.parametrize("name", list(ACTIVATIONS))


@activation
def test_activations(name: str) -> None:
    function = ACTIVATIONS[name]
    weights = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(function(X), FORMULAS[name](X), rtol=1e-12, atol=1e-15)
    srcad.check_grad(lambda x: np.sum(weights * function(x)), X, target="python")


@activation
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_activations_far_out(name: str, dtype: Any) -> None:
    function = ACTIVATIONS[name]
    x = np.array([-1000.0, 1000.0], dtype)
    value, gradient = srcad.value_and_grad(lambda x: np.sum(function(x)), target="python")(x)
    assert np.asarray(value).dtype == gradient.dtype == function(x).dtype == dtype
    np.testing.assert_allclose(function(x), FAR[name][0], rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(gradient, FAR[name][1], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("name", list(DERIVATIVES_AT_0))
def test_slopes_at_0(name: str) -> None:
    function = ACTIVATIONS[name]
    assert srcad.grad(lambda x: function(x), target="python")(0.0) == DERIVATIVES_AT_0[name]


def test_kinks() -> None:
    for function, slope in [(nn.relu, 0.0), (nn.leaky_relu, 0.01), (nn.elu, 1.0)]:
        assert srcad.grad(lambda x: function(x), target="python")(0.0) == slope
    gradient = srcad.grad(nn.margin, target="python")(np.array([[1.0, 0.0]]), np.array([0]))
    np.testing.assert_array_equal(gradient, [[0.0, 0.0]])


def test_sigmoid_keeps_its_digits() -> None:
    x = np.array([-700.0, -50.0, -1.0, 0.0, 39.9, 40.1])
    np.testing.assert_allclose(nn.sigmoid(x), 1.0 / (1.0 + np.exp(-x)), rtol=1e-15)
    np.testing.assert_allclose(nn.log_sigmoid(x), np.where(x < -600.0, x, -np.log1p(np.exp(-x))), rtol=1e-15)
    gradient = srcad.grad(lambda x: np.sum(nn.sigmoid(x)), target="python")(x)
    np.testing.assert_allclose(gradient[:4], (np.exp(x) / (1.0 + np.exp(x)) ** 2)[:4], rtol=1e-14)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 5, 4)])
def test_dense_of_any_rank(shape: tuple[int, ...]) -> None:
    params = {"weights": rng.normal(size=(4, 3)), "bias": rng.normal(size=3)}
    x = rng.normal(size=shape)
    want = np.einsum("...i,io->...o", x, params["weights"]) + params["bias"]
    np.testing.assert_allclose(nn.dense(params, x), want, rtol=1e-12)
    srcad.check_grad(lambda p, x: np.sum(np.sin(nn.dense(p, x))), params, x, argnums=(0, 1), target="python")


def test_embedding_adds_up_what_occurs_twice() -> None:
    params = {"vectors": rng.normal(size=(4, 2))}
    tokens = np.array([[1, 3, 1], [0, 1, 3]])
    np.testing.assert_array_equal(nn.embedding(params, tokens), params["vectors"][tokens])
    gradient = srcad.grad(lambda p: np.sum(nn.embedding(p, tokens)), target="python")(params)
    np.testing.assert_array_equal(gradient["vectors"], np.array([1.0, 3.0, 0.0, 2.0])[:, None] * np.ones(2))
    for wrong in (np.array([-1]), np.array([4])):
        with pytest.raises(IndexError):
            nn.embedding(params, wrong)
        with pytest.raises(IndexError):
            srcad.grad(lambda p: np.sum(nn.embedding(p, wrong)), target="python")(params)


def test_dropout() -> None:
    x, draws = rng.normal(size=(50, 40)), rng.random((50, 40))
    kept = draws >= 0.3
    np.testing.assert_allclose(nn.dropout(x, draws, 0.3), x * kept / 0.7, rtol=1e-15)
    np.testing.assert_allclose(
        srcad.grad(lambda x: np.sum(nn.dropout(x, draws, 0.3)), target="python")(x), kept / 0.7, rtol=1e-15
    )
    assert abs(np.mean(nn.dropout(np.ones((50, 40)), draws, 0.3)) - 1.0) < 0.05
    assert nn.dropout(x.astype(np.float32), draws, 0.3).dtype == np.float32


@pytest.mark.parametrize("masked", [None, "each", "items"])
def test_soft_attention(masked: str | None) -> None:
    query, keys, values = rng.normal(size=(3, 2)), rng.normal(size=(4, 2)), rng.normal(size=(4, 5))
    mask = {None: None, "each": rng.random((3, 4)) < 0.6, "items": np.array([True, False, True, True])}[masked]
    if masked == "each":
        mask[:, 2] = True
    weights = np.exp(query @ keys.T / np.sqrt(2.0)) * (1.0 if mask is None else mask)
    want = weights / np.sum(weights, axis=1, keepdims=True) @ values
    np.testing.assert_allclose(nn.soft_attention(query, keys, values, mask), want, rtol=1e-12)

    def total(query: Any, keys: Any, values: Any) -> Any:
        return np.sum(np.sin(nn.soft_attention(query, keys, values, mask)))

    srcad.check_grad(total, query, keys, values, argnums=(0, 1, 2), target="python")
    narrow = [a.astype(np.float32) for a in (query, keys, values)]
    assert nn.soft_attention(*narrow, mask).dtype == np.float32


def test_layer_norm() -> None:
    params = {"scale": rng.normal(size=4), "shift": rng.normal(size=4)}
    for shape in ((3, 4), (2, 3, 4)):
        x = rng.normal(size=shape)
        std = np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-5)
        want = (x - np.mean(x, axis=-1, keepdims=True)) / std * params["scale"] + params["shift"]
        np.testing.assert_allclose(nn.layer_norm(params, x), want, rtol=1e-12)
        srcad.check_grad(lambda p, x: np.sum(np.sin(nn.layer_norm(p, x))), params, x, argnums=(0, 1), target="python")


BATCHES = {
    "rows": rng.normal(size=(6, 3)),
    "steps": rng.normal(size=(2, 5, 3)),
    "images": rng.normal(size=(2, 3, 2, 4)),
}


@pytest.mark.parametrize("kind", list(BATCHES))
@pytest.mark.parametrize("masked", [False, True])
def test_batch_norm(kind: str, masked: bool) -> None:
    x = BATCHES[kind]
    params = {"scale": rng.normal(size=3), "shift": rng.normal(size=3)}
    items = np.moveaxis(x, 1, -1) if kind == "images" else x
    mask = rng.random(items.shape[:-1]) < 0.7 if masked else None
    rows = items.reshape(-1, 3) if mask is None else items[mask]
    mean, variance = np.mean(rows, axis=0), np.var(rows, axis=0)
    want = (items - mean) / np.sqrt(variance + 1e-5) * params["scale"] + params["shift"]
    want = np.moveaxis(want, -1, 1) if kind == "images" else want
    np.testing.assert_allclose(nn.batch_norm(params, x, mask=mask), want, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(nn.batch_norm(params, x, (mean, variance)), want, rtol=1e-12, atol=1e-14)
    for found, expected in zip(nn.batch_statistics(x, mask), (mean, variance)):
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def total(params: Any, x: Any) -> Any:
        return np.sum(np.sin(nn.batch_norm(params, x, mask=mask)))

    def with_statistics(params: Any, x: Any, statistics: Any) -> Any:
        return np.sum(np.sin(nn.batch_norm(params, x, statistics)))

    srcad.check_grad(total, params, x, argnums=(0, 1), target="python")
    srcad.check_grad(with_statistics, params, x, (mean, variance), argnums=(0, 1, 2), target="python")


def test_what_a_mask_leaves_out_of_a_batch_takes_part_in_nothing() -> None:
    x = np.array([[1.0], [3.0], [np.nan]])
    mask = np.array([True, True, False])
    mean, variance = nn.batch_statistics(x, mask)
    assert (mean[0], variance[0]) == (2.0, 1.0)
    gradient = srcad.grad(lambda x: np.sum(nn.batch_statistics(x, mask)[1]), target="python")(x)
    np.testing.assert_array_equal(gradient, [[-1.0], [1.0], [0.0]])
    with pytest.raises(ValueError):
        nn.batch_statistics(x, np.zeros(3, np.bool_))
    with pytest.raises(ValueError):
        nn.batch_statistics(x, mask[:1])


def test_compiled() -> None:
    params = {"scale": rng.normal(size=4), "shift": rng.normal(size=4)}
    x = rng.normal(size=(5, 4))
    tokens = np.array([0, 2, 2])

    def total(params: Any, x: Any, tokens: Any) -> Any:
        h = nn.layer_norm(params, nn.batch_norm(params, x))
        picked = nn.embedding({"vectors": nn.gelu(h)}, tokens)
        return np.sum(nn.softmax(nn.soft_attention(picked, h, nn.sigmoid(h)))[:, 1])

    srcad.check_grad(total, params, x, tokens, argnums=(0, 1))
