"""Losses against formulas written out here, at ordinary points and extremes; their gradients against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import nn

rng = np.random.default_rng(5)
LOGITS = rng.normal(size=(4, 3))
SHARES = np.array([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
LABELS = np.array([2, 0, 1, 1])
MASK = np.array([True, False, True, True])
BITS = np.array([[0, 1, 1], [1, 0, 1], [0, 0, 0], [1, 1, 0]])
REDUCTIONS = ("mean", "sum", "none")


def probabilities(logits: Any) -> Any:
    return np.exp(logits) / np.sum(np.exp(logits), axis=-1, keepdims=True)


P = probabilities(LOGITS)
Q = 1.0 / (1.0 + np.exp(-LOGITS))
PICKED = np.take_along_axis(LOGITS, LABELS[:, None], axis=1)

# loss, predictions, targets, the single losses
CASES: dict[str, tuple[Callable[..., Any], Any, Any, Any]] = {
    "labels": (nn.multinomial_logistic, LOGITS, LABELS, [-np.log(P[i, k]) for i, k in enumerate(LABELS)]),
    "shares": (nn.multinomial_logistic, LOGITS, SHARES, -np.sum(SHARES * np.log(P), axis=1)),
    "probabilities": (nn.cross_entropy, P, LABELS, [-np.log(P[i, k]) for i, k in enumerate(LABELS)]),
    "probabilities, shares": (nn.cross_entropy, P, SHARES, -np.sum(SHARES * np.log(P), axis=1)),
    "binary": (nn.binary_cross_entropy, Q, BITS, -np.where(BITS == 1, np.log(Q), np.log(1.0 - Q))),
    "binary shares": (nn.binary_cross_entropy, Q, SHARES, -SHARES * np.log(Q) - (1.0 - SHARES) * np.log(1.0 - Q)),
    "binary logits": (
        nn.binary_cross_entropy_with_logits,
        LOGITS,
        BITS,
        -np.where(BITS == 1, np.log(Q), np.log(1.0 - Q)),
    ),
    "squares": (nn.least_squares, LOGITS, SHARES, (LOGITS - SHARES) ** 2),
    "margin": (nn.margin, LOGITS, LABELS, np.sum(np.maximum(0.0, 1.0 + LOGITS - PICKED), axis=1) - 1.0),
}
named = pytest.mark.parametrize("name", list(CASES))


@named
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("masked", [False, True])
def test_values(name: str, reduction: str, masked: bool) -> None:
    loss, predictions, targets, single = CASES[name]
    single = np.asarray(single)
    mask = np.broadcast_to(MASK.reshape((-1,) + (1,) * (single.ndim - 1)), single.shape) if masked else None
    found = loss(predictions, targets, mask=mask, reduction=reduction)
    counted = single if mask is None else single[mask]
    want = {"mean": np.mean(counted), "sum": np.sum(counted), "none": single if mask is None else single * mask}
    np.testing.assert_allclose(found, want[reduction], rtol=1e-12, atol=1e-15)


@named
def test_gradients(name: str) -> None:
    loss, predictions, targets, single = CASES[name]
    mask = np.broadcast_to(MASK.reshape((-1,) + (1,) * (np.ndim(single) - 1)), np.shape(single)).copy()
    weights = np.cos(np.arange(np.size(single))).reshape(np.shape(single))

    def weighted(predictions: Any, mask: Any) -> Any:
        return loss(predictions, targets, mask=mask) + np.sum(weights * loss(predictions, targets, reduction="none"))

    srcad.check_grad(weighted, predictions, mask, target="python")


@pytest.mark.parametrize("name", ["shares", "probabilities, shares", "binary shares", "squares"])
def test_gradients_by_the_targets(name: str) -> None:
    # at a target of 0 too, where the prediction is none
    loss, predictions, targets, _ = CASES[name]
    if name == "binary shares":
        targets = np.clip(targets, 0.0, 0.9)
    srcad.check_grad(lambda targets: loss(predictions, targets), targets, target="python")


@named
def test_float32(name: str) -> None:
    loss, predictions, targets, single = CASES[name]

    def total(predictions: Any) -> Any:
        return loss(predictions, targets)

    value, gradient = srcad.value_and_grad(total, target="python")(predictions.astype(np.float32))
    assert total(predictions.astype(np.float32)).dtype == np.float32
    assert value.dtype == gradient.dtype == np.float32
    np.testing.assert_allclose(value, np.mean(single), rtol=1e-5)
    np.testing.assert_allclose(gradient, srcad.grad(total, target="python")(predictions), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("compiled", [False, True])
def test_extreme_logits(dtype: Any, compiled: bool) -> None:
    target = "cpu" if compiled else "python"
    logits = np.array([[1000.0, 0.0, -1000.0], [-1000.0, 1000.0, 1000.0]], dtype)
    labels = np.array([2, 1])

    def several(logits: Any) -> Any:
        return nn.multinomial_logistic(logits, labels, reduction="sum")

    value, gradient = srcad.value_and_grad(several, target=target)(logits)
    np.testing.assert_allclose(value, 2000.0 + np.log(2.0), rtol=1e-6)
    np.testing.assert_array_equal(gradient, [[1.0, 0.0, -1.0], [0.0, -0.5, 0.5]])

    x = np.array([1000.0, -1000.0, 1000.0, -1000.0, 0.0], dtype)
    bits = np.array([1, 1, 0, 0, 1])

    def binary(x: Any) -> Any:
        return nn.binary_cross_entropy_with_logits(x, bits, reduction="sum")

    value, gradient = srcad.value_and_grad(binary, target=target)(x)
    np.testing.assert_allclose(value, 2000.0 + np.log(2.0), rtol=1e-6)
    np.testing.assert_array_equal(gradient, [0.0, -1.0, 1.0, 0.0, -0.5])


def test_a_small_loss_keeps_its_digits() -> None:
    x = np.array([30.0, -30.0])
    found = nn.binary_cross_entropy_with_logits(x, np.array([1, 0]), reduction="none")
    np.testing.assert_allclose(found, np.log1p(np.exp(-30.0)), rtol=1e-14)
    gradient = srcad.grad(lambda x: nn.binary_cross_entropy_with_logits(x, np.array([1, 0]), None, "sum"))(x)
    np.testing.assert_allclose(gradient, np.array([-1.0, 1.0]) / (1.0 + np.exp(30.0)), rtol=1e-14)


def test_curvature_of_the_binary_loss_where_the_formula_changes() -> None:
    hessian = srcad.hessian(lambda x: nn.binary_cross_entropy_with_logits(x, np.array([1, 0]), None, "sum"))
    np.testing.assert_allclose(hessian(np.array([0.0, -0.0])), 0.25 * np.eye(2), rtol=1e-14)


def test_impossible_classes_that_nobody_wants_cost_nothing() -> None:
    logits = np.array([[0.5, -np.inf, 0.2]])
    for targets in (np.array([0]), np.array([[0.25, 0.0, 0.75]])):
        value, gradient = srcad.value_and_grad(nn.multinomial_logistic, target="python")(logits, targets)
        p = probabilities(logits)
        want = p - (np.eye(3)[targets] if targets.ndim == 1 else targets)
        assert np.isfinite(value)
        np.testing.assert_allclose(gradient, want, rtol=1e-14)
    p = np.array([[1.0, 0.0]])
    value, gradient = srcad.value_and_grad(nn.cross_entropy, target="python")(p, np.array([[1.0, 0.0]]))
    assert value == 0.0
    np.testing.assert_array_equal(gradient, [[-1.0, 0.0]])
    value, gradient = srcad.value_and_grad(nn.binary_cross_entropy, target="python")(p, np.array([[1, 0]]))
    assert value == 0.0
    np.testing.assert_array_equal(gradient, [[-0.5, 0.5]])


def test_a_certain_mistake_is_infinite_where_probabilities_are_given() -> None:
    with np.errstate(divide="ignore"):
        assert nn.cross_entropy(np.array([[0.0, 1.0]]), np.array([0])) == np.inf
        assert nn.binary_cross_entropy(np.array([1.0]), np.array([0])) == np.inf


def test_what_is_masked_takes_part_in_nothing() -> None:
    logits = np.array([[0.5, 1.0], [np.nan, np.inf]])
    mask = np.array([True, False])

    def loss(logits: Any) -> Any:
        return nn.multinomial_logistic(logits, np.array([0, 1]), mask)

    with np.errstate(invalid="ignore"):
        value, gradient = srcad.value_and_grad(loss, target="python")(logits)
    np.testing.assert_allclose(value, np.log1p(np.exp(0.5)))
    np.testing.assert_array_equal(gradient[1], [0.0, 0.0])


def test_margins_of_large_scores() -> None:
    scores = np.array([[1e17, 0.0], [0.0, 1e17]])
    value, gradient = srcad.value_and_grad(nn.margin, target="python")(scores, np.array([0, 0]))
    assert value == 0.5 * 1e17
    np.testing.assert_array_equal(gradient, [[0.0, 0.0], [-0.5, 0.5]])


def test_one_vector_and_its_label() -> None:
    gradient = srcad.grad(nn.multinomial_logistic, target="python")
    np.testing.assert_allclose(nn.multinomial_logistic(LOGITS[0], 2), -np.log(P[0, 2]), rtol=1e-12)
    np.testing.assert_allclose(gradient(LOGITS[0], 2), P[0] - np.eye(3)[2], rtol=1e-12)
    np.testing.assert_allclose(gradient(LOGITS[0], SHARES[1]), P[0] - SHARES[1], rtol=1e-12)
    np.testing.assert_allclose(nn.margin(LOGITS[0], 2), CASES["margin"][3][0], rtol=1e-12)
    srcad.check_grad(lambda scores: nn.margin(scores, 2), LOGITS[0], target="python")
    for loss in (nn.multinomial_logistic, gradient):
        with pytest.raises(IndexError):
            loss(LOGITS[0], -1)


def test_labels_of_sequences() -> None:
    logits = rng.normal(size=(2, 4, 3))
    labels = rng.integers(0, 3, (2, 4))
    mask = np.array([[True, True, False, True], [True, False, False, False]])
    want = -np.log(np.take_along_axis(probabilities(logits), labels[..., None], axis=-1)[..., 0])
    np.testing.assert_allclose(nn.multinomial_logistic(logits, labels, reduction="none"), want, rtol=1e-12)
    np.testing.assert_allclose(nn.multinomial_logistic(logits, labels, mask), np.mean(want[mask]), rtol=1e-12)
    srcad.check_grad(lambda logits: nn.multinomial_logistic(logits, labels, mask), logits, target="python")


@pytest.mark.parametrize(
    "loss, args, error",
    [
        (nn.multinomial_logistic, (LOGITS, LABELS[:3]), ValueError),
        (nn.multinomial_logistic, (LOGITS, SHARES[:1]), ValueError),
        (nn.multinomial_logistic, (LOGITS, np.array([0, 1, -1, 2])), IndexError),
        (nn.multinomial_logistic, (LOGITS, np.array([0, 1, 3, 2])), IndexError),
        (nn.multinomial_logistic, (LOGITS, LABELS, MASK[:1]), ValueError),
        (nn.multinomial_logistic, (LOGITS, LABELS, ~MASK & MASK), ValueError),
        (nn.least_squares, (LOGITS, LOGITS[:1]), ValueError),
        (nn.least_squares, (LOGITS[:, 0], LOGITS[:, :1]), ValueError),
        (nn.least_squares, (LOGITS, SHARES, np.ones((4, 1), np.bool_)), ValueError),
        (nn.binary_cross_entropy_with_logits, (LOGITS, BITS[:, :1]), ValueError),
        (nn.margin, (LOGITS, LABELS[:, None]), ValueError),
    ],
)
def test_nothing_is_broadcast(loss: Callable[..., Any], args: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        loss(*args)
    with pytest.raises((error, srcad.SrcadError)):
        srcad.grad(loss, target="python")(*args)


def test_masks_are_booleans_and_reductions_known() -> None:
    with pytest.raises(Exception, match="a mask that is not made of booleans"):
        nn.multinomial_logistic(LOGITS, LABELS, MASK.astype(np.float64))
    with pytest.raises(srcad.UnsupportedError, match="a mask that is not made of booleans"):
        srcad.grad(nn.multinomial_logistic)(LOGITS, LABELS, MASK.astype(np.float64))
    with pytest.raises(srcad.UnsupportedError, match="a reduction that is not"):
        srcad.grad(lambda x: nn.multinomial_logistic(x, LABELS, reduction="average"))(LOGITS)


def test_the_gradient_of_a_mean_over_labels_is_that_of_the_textbook() -> None:
    gradient = srcad.grad(nn.multinomial_logistic)(LOGITS, LABELS)
    np.testing.assert_allclose(gradient, (P - np.eye(3)[LABELS]) / 4.0, rtol=1e-12, atol=1e-15)
