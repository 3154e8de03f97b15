"""What functions of srcad.nn are given beside floats of the right shape: integers, lists, padding, empty batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from srcad import nn

RNG = np.random.default_rng(0)
LABELS = np.array([1, 0, 2, 2])
BITS = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 1]])
ACTIVATIONS = "elu gelu leaky_relu log_sigmoid log_softmax relu sigmoid silu softmax softplus tanh".split()
LOSSES = {
    "multinomial_logistic": LABELS,
    "cross_entropy": LABELS,
    "margin": LABELS,
    "binary_cross_entropy": BITS,
    "binary_cross_entropy_with_logits": BITS,
    "least_squares": BITS,
}


def integers(dtype: str) -> Any:
    return np.array([[3, 250, 7], [0, 1, 100], [200, 2, 90], [1, 1, 0]]).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "bool"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_integers(name: str, dtype: str) -> None:
    f, x = getattr(nn, name), integers(dtype)
    for have in (f(x), srcad.jit(f, target="python")(x)):
        assert have.dtype == np.float64
        np.testing.assert_array_equal(have, f(x.astype(float)))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "bool"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_integers(name: str, dtype: str) -> None:
    f, x, targets = getattr(nn, name), integers(dtype), LOSSES[name]
    with np.errstate(all="ignore"):
        want = f(x.astype(float), targets)
        np.testing.assert_array_equal(f(x, targets), want)
        np.testing.assert_array_equal(srcad.jit(f, target="python")(x, targets), want)


def sums(w, a, b):
    return w * (nn.least_squares(a, b) + nn.margin(a, np.argmax(b, axis=1)) + np.sum(nn.softmax(a - b) * a))


def test_compiled_losses_of_small_integers() -> None:
    a, b = integers("uint8"), integers("uint8")[::-1].copy()
    np.testing.assert_allclose(srcad.grad(sums)(1.0, a, b), sums(1.0, a, b), rtol=1e-13)
    assert nn.least_squares(a, b) == np.mean((a.astype(float) - b) ** 2)


def test_images_of_integers() -> None:
    images = RNG.integers(0, 255, (2, 1, 4, 4)).astype(np.uint8)
    floats = images.astype(float)
    for target in ("python", "cpu"):
        have = srcad.jit(lambda x: nn.average_pool2d(x, 2), target=target)(images)
        np.testing.assert_array_equal(have, nn.average_pool2d(floats, 2))
    np.testing.assert_array_equal(nn.average_pool2d(images, 2), nn.average_pool2d(floats, 2))
    kernel = {"kernel": np.full((1, 1, 2, 2), 200, np.uint8), "bias": np.zeros(1)}
    np.testing.assert_array_equal(
        nn.conv2d(kernel, images), nn.conv2d({**kernel, "kernel": np.full((1, 1, 2, 2), 200.0)}, floats)
    )


def test_attention_of_integers() -> None:
    q, k, v = (RNG.integers(0, 9, (3, 2)).astype(np.uint8) for _ in "qkv")
    np.testing.assert_array_equal(nn.soft_attention(q, k, v), nn.soft_attention(*(x.astype(float) for x in (q, k, v))))


@pytest.mark.parametrize("name", [*ACTIVATIONS, "identity"])
def test_float32_stays(name: str) -> None:
    x = integers("float32")
    assert getattr(nn, name)(x).dtype == np.float32


# ---- lists ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_lists(name: str) -> None:
    f, x, targets = getattr(nn, name), RNG.uniform(0.1, 0.9, (4, 3)), LOSSES[name]
    mask = np.ones(len(LABELS), bool) if targets is LABELS else np.ones((4, 3), bool)
    assert f(x.tolist(), targets.tolist(), mask=mask.tolist()) == f(x, targets)


# ---- masks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("padding", [-1, 99])
@pytest.mark.parametrize("name", ["multinomial_logistic", "cross_entropy", "margin"])
def test_a_masked_label_may_be_anything(name: str, padding: int, target: Any) -> None:
    f, x = getattr(nn, name), RNG.uniform(0.1, 0.9, (4, 3))
    labels, mask = np.array([1, padding, 2, 0]), np.array([True, False, True, True])

    def loss(x, labels, mask):
        return f(x, labels, mask=mask)

    want = np.zeros_like(x)
    want[mask] = srcad.grad(f, target="python")(x[mask], labels[mask])
    np.testing.assert_allclose(srcad.grad(loss, target=target)(x, labels, mask), want, rtol=1e-13)
    np.testing.assert_allclose(loss(x, labels, mask), f(x[mask], labels[mask]), rtol=1e-13)
    with pytest.raises(IndexError):
        f(x, labels)
    with pytest.raises(IndexError):
        srcad.grad(f, target=target)(x, labels)
    with pytest.raises(IndexError):
        f(x, labels, mask=np.array([True, True, True, True]))


def test_masked_labels_of_sequences() -> None:
    x, labels = RNG.normal(size=(2, 3, 4)), np.array([[1, 2, -1], [3, -1, -1]])
    mask = labels >= 0
    want = nn.multinomial_logistic(x[mask], labels[mask])
    np.testing.assert_allclose(nn.multinomial_logistic(x, labels, mask), want, rtol=1e-13)
    with pytest.raises(ValueError, match="the mask has another shape than the labels"):
        nn.multinomial_logistic(x, labels, mask[0])


def test_a_mask_of_integers_has_a_code() -> None:
    for f in (nn.least_squares, srcad.jit(nn.least_squares, target="python")):
        with pytest.raises(srcad.SrcadError, match="S128.*booleans"):
            f(np.ones(2), np.ones(2), np.array([1, 0]))
    with pytest.raises(srcad.SrcadError, match="S128.*booleans"):
        nn.multinomial_logistic(np.ones((2, 2)), np.array([1, 0]), np.array([1, 0]))


# ---- what does not fit -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_of_no_losses(name: str) -> None:
    f, targets = getattr(nn, name), LOSSES[name][:0]
    for run in (f, srcad.value_and_grad(f, target="python")):
        with pytest.raises(ValueError, match="no losses to take the mean of"):
            run(np.empty((0, 3)), targets)
    if targets.ndim == 2:
        assert f(np.empty((0, 3)), targets, reduction="sum") == 0.0


def test_labels_that_are_floats() -> None:
    for f in (nn.multinomial_logistic, nn.cross_entropy):
        with pytest.raises(ValueError, match="labels are integers"):
            f(np.ones((2, 3)), np.array([0.0, 1.0]))
    with pytest.raises(srcad.SrcadError, match="labels are whole numbers"):
        nn.margin(np.ones((2, 3)), np.array([0.0, 1.0]))


@pytest.mark.parametrize("draws", [(1, 4), (3, 4), (5, 3)])
def test_draws_that_do_not_fit(draws: tuple[int, ...]) -> None:
    f, params = nn.neural_network(4, [8, 3], dropout_rates=0.5)
    fitting = nn.dropout_draws(np.random.default_rng(0), 5, [4, 8])
    assert f(params, np.ones((5, 4)), fitting).shape == (5, 3)
    with pytest.raises(ValueError, match="draws"):
        f(params, np.ones((5, 4)), [np.ones(draws), fitting[1]])
    g, kernels = nn.spatial_network(4, [2], dropout_rates=0.5)
    assert g(kernels, np.ones((5, 4, 3, 3)), fitting[:1]).shape == (5, 2, 1, 1)
    with pytest.raises(ValueError, match="draws"):
        g(kernels, np.ones((5, 4, 3, 3)), [np.ones(draws)])


def test_one_layer_is_a_number() -> None:
    f, params = nn.neural_network(4, 8)
    assert f(params, np.ones((5, 4))).shape == (5, 8)
    g, kernels = nn.spatial_network(1, 2)
    assert g(kernels, np.ones((5, 1, 3, 3))).shape == (5, 2, 1, 1)
    assert [draws.shape for draws in nn.dropout_draws(np.random.default_rng(0), 5, 4)] == [(5, 4)]


# ---- attention over batches ----------------------------------------------------------------------------


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
def test_attention_over_leading_axes(leading: tuple[int, ...]) -> None:
    q, k, v = RNG.normal(size=(*leading, 4, 2)), RNG.normal(size=(*leading, 5, 2)), RNG.normal(size=(*leading, 5, 3))
    mask = RNG.random((*leading, 1, 5)) < 0.7
    mask[..., 0] = True
    have = nn.soft_attention(q, k, v, mask)
    for at in np.ndindex(leading):
        np.testing.assert_allclose(have[at], nn.soft_attention(q[at], k[at], v[at], mask[at]), rtol=1e-13)

    def loss(q, k, v, mask):
        return np.sum(nn.soft_attention(q, k, v, mask) ** 2)

    for at, x in enumerate((q, k, v)):
        d = RNG.normal(size=x.shape)
        ends = [[y + s * d if n == at else y for n, y in enumerate((q, k, v))] for s in (1e-6, -1e-6)]
        slope = (loss(*ends[0], mask) - loss(*ends[1], mask)) / 2e-6
        gradient = srcad.grad(loss, argnums=at, target="python")(q, k, v, mask)
        np.testing.assert_allclose(np.sum(gradient * d), slope, rtol=1e-6)


def test_attention_broadcasts() -> None:
    q, k, v = RNG.normal(size=(2, 3, 4, 2)), RNG.normal(size=(5, 2)), RNG.normal(size=(5, 3))
    mask = np.array([True, True, False, True, True])
    np.testing.assert_allclose(nn.soft_attention(q, k, v, mask)[1, 2], nn.soft_attention(q[1, 2], k, v, mask))

    def loss(q, k, v):
        return np.sum(nn.soft_attention(q, k, v) ** 2)

    many = [np.broadcast_to(x, (2, 3, *x.shape)).copy() for x in (k, v)]
    _, d_k, d_v = srcad.grad(loss, argnums=(0, 1, 2), target="python")(q, *many)
    _, d_one_k, d_one_v = srcad.grad(loss, argnums=(0, 1, 2), target="python")(q, k, v)
    np.testing.assert_allclose(d_one_k, d_k.sum(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(d_one_v, d_v.sum(axis=(0, 1)), rtol=1e-12)


def test_compiled_attention_over_batches() -> None:
    def loss(q, k, v):
        return np.sum(nn.soft_attention(q, k, v) ** 2)

    args = [RNG.normal(size=(2, 4, 3)) for _ in "qkv"]
    want = srcad.grad(loss, argnums=(0, 1, 2), target="python")(*args)
    for have, wanted in zip(srcad.grad(loss, argnums=(0, 1, 2))(*args), want, strict=True):
        np.testing.assert_allclose(have, wanted, rtol=1e-12)
