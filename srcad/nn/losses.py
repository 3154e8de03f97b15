"""Losses of predictions, given targets.

All take `mask`, booleans of the shape of the single losses that say which count, and `reduction`: "mean" (of those
that count), "sum", or "none" for the single losses. Values and gradients are finite for all finite logits and scores.
Shapes that do not fit exactly raise a ValueError: nothing is broadcast. Predictions of integers are taken for float64.

Targets of classes are whole numbers (labels, from 0) of shape (...), or probabilities of shape (..., classes), such as
one-hot vectors. Those of the binary losses and of `least_squares` have the shape of the predictions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.nn.activations import below_maximum, log_softmax
from srcad.nn.dtypes import as_array, as_dtype, require_booleans
from srcad.nn.reductions import predicted, reduced
from srcad.rules.registry import dtype_of, is_float_name, unsupported


def multinomial_logistic(logits: Any, targets: Any, mask: Any = None, reduction: str = "mean") -> Any:
    """The cross entropy of `softmax(logits)`: logits of shape (..., classes), of any size and sign.

    >>> float(multinomial_logistic(np.array([[1000.0, 0.0], [0.0, 0.0]]), np.array([1, 0]), reduction="sum"))
    1000.6931471805599
    """
    logits = predicted(logits, reduction)
    if is_float_name(dtype_of(targets)):
        logs = log_softmax(logits)
        t = probabilities_like(targets, logits)
        # a class that is impossible and not wanted costs nothing
        losses = -np.sum(t * np.where((t == 0.0) & (logs == -np.inf), 0.0, logs), axis=-1)
    else:
        shifted = below_maximum(logits)
        losses = np.log(np.sum(np.exp(shifted), axis=-1)) - entries_of(shifted, counted_labels(targets, mask))
    return reduced(losses, mask, reduction)


def cross_entropy(probabilities: Any, targets: Any, mask: Any = None, reduction: str = "mean") -> Any:
    """The cross entropy of probabilities of shape (..., classes): infinite where one is 0 that the target wants.

    Of logits that `softmax` makes into probabilities, `multinomial_logistic` gives the same, and is never infinite.

    >>> float(cross_entropy(np.array([[0.25, 0.75], [1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]]), reduction="sum"))
    0.2876820724517809
    """
    probabilities = predicted(probabilities, reduction)
    if is_float_name(dtype_of(targets)):
        losses = -np.sum(times_log(probabilities_like(targets, probabilities), probabilities), axis=-1)
    else:
        losses = -np.log(entries_of(probabilities, counted_labels(targets, mask)))
    return reduced(losses, mask, reduction)


def binary_cross_entropy(probabilities: Any, targets: Any, mask: Any = None, reduction: str = "mean") -> Any:
    """`-t log(p) - (1 - t) log(1 - p)` for each entry: infinite where `p` is 0 or 1 and `t` wants some of the other.

    >>> binary_cross_entropy(np.array([0.5, 0.5]), np.array([0, 1]), reduction="none")
    array([0.69314718, 0.69314718])
    """
    probabilities = predicted(probabilities, reduction)
    t = like(targets, probabilities)
    losses = -(times_log(t, probabilities) + times_log(1.0 - t, 1.0 - probabilities))
    return reduced(losses, mask, reduction)


def binary_cross_entropy_with_logits(logits: Any, targets: Any, mask: Any = None, reduction: str = "mean") -> Any:
    """The binary cross entropy of `sigmoid(logits)`, for logits of any size and sign.

    >>> binary_cross_entropy_with_logits(np.array([-1000.0, 0.0]), np.array([1, 0]), reduction="none")
    array([1.00000000e+03, 6.93147181e-01])
    """
    logits = predicted(logits, reduction)
    t = like(targets, logits)
    positive = logits > 0.0
    # log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), with slopes that agree where the sign changes
    rest = np.log1p(np.exp(np.where(positive, -logits, logits)))
    return reduced(np.where(positive, 1.0 - t, -t) * logits + rest, mask, reduction)


def least_squares(predictions: Any, targets: Any, mask: Any = None, reduction: str = "mean") -> Any:
    """The square of the difference, for each entry.

    >>> float(least_squares(np.array([1.0, 4.0]), np.array([0.0, 1.0])))
    5.0
    """
    predictions = predicted(predictions, reduction)
    return reduced((predictions - like(targets, predictions)) ** 2, mask, reduction)


def margin(scores: Any, labels: Any, width: float = 1.0, mask: Any = None, reduction: str = "mean") -> Any:
    """The multi-class hinge: `sum(max(0, width - score[label] + score[c]))` over all classes `c` but the label.

    scores of shape (..., classes), labels of (...) (Weston and Watkins, 1999; not divided by the number of classes).
    At the kink the derivative is 0.

    >>> float(margin(np.array([[2.0, 1.5, 0.0]]), np.array([0])))
    0.5
    """
    scores, labels = predicted(scores, reduction), counted_labels(labels, mask)
    if is_float_name(dtype_of(labels)):
        unsupported("a label that is a float; labels are whole numbers, such as labels.astype(int),")
    own = entries_of(scores, labels)
    excess = scores - (own if np.ndim(labels) == 0 else own[..., None]) + width
    # the class of the label itself adds the width, whatever its score
    return reduced(np.sum(np.where(excess > 0.0, excess, 0.0), axis=-1) - width, mask, reduction)


def times_log(a: Any, p: Any) -> Any:
    """`a log(p)`, and 0 where both are 0.

    >>> times_log(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    array([0., 0.])
    """
    return a * np.log(np.where((a == 0.0) & (p == 0.0), 1.0, p))


def counted_labels(labels: Any, mask: Any) -> Any:
    """The labels, with 0 in the place of those that the mask leaves out, which may be anything.

    >>> counted_labels([1, -1], np.array([True, False]))
    array([1, 0])
    """
    labels = np.asarray(labels)
    if mask is None:
        return labels
    mask = np.asarray(mask)
    require_booleans(mask)
    if mask.shape != labels.shape:
        raise ValueError("the mask has another shape than the labels")
    labels = np.where(mask, labels, 0)
    return labels


def entries_of(values: Any, labels: Any) -> Any:
    """For each label the entry of the last axis of `values` that it counts: values (..., classes), labels (...).

    >>> entries_of(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 0]))
    array([2., 3.])
    """
    values = np.asarray(values)
    if np.shape(labels) != values.shape[:-1]:
        raise ValueError("the labels have another shape than the predictions without their last axis")
    if np.ndim(labels) == 0:
        if labels < 0:
            raise IndexError(f"labels are counted from 0: {labels}")
        return values[labels]
    if np.ndim(labels) != 1:
        return entries_of(np.reshape(values, (-1, values.shape[-1])), labels.ravel()).reshape(labels.shape)
    entries = np.empty(len(labels), values.dtype)
    for i in range(len(labels)):
        if labels[i] < 0:
            raise IndexError(f"labels are counted from 0: {labels[i]}")
        entries[i] = values[i, labels[i]]
    return entries


def like(targets: Any, predictions: Any) -> Any:
    """`targets` in the dtype of the predictions, whose shape they must have."""
    targets = as_array(targets)
    if targets.shape != predictions.shape:
        raise ValueError("the targets have another shape than the predictions")
    return as_dtype(targets, dtype_of(predictions))


def probabilities_like(targets: Any, predictions: Any) -> Any:
    """`targets` of floats in the dtype of the predictions, whose shape they must have."""
    targets = as_array(targets)
    if targets.shape != predictions.shape:
        raise ValueError("targets of floats are probabilities, in the shape of the predictions; labels are integers")
    return as_dtype(targets, dtype_of(predictions))
