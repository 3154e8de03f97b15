"""Normalisation: of the features of each item, or of each feature over a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.nn.dtypes import require_booleans


def layer_norm(params: Any, x: Any, epsilon: float = 1e-5) -> Any:
    """Each item with mean 0 and variance 1 over its features, the last axis (Ba, Kiros and Hinton, 2016).

    Then times "scale", plus "shift", both of shape (features,). `epsilon` is added to the variance.

    >>> params = {"scale": np.ones(2), "shift": np.zeros(2)}
    >>> np.round(layer_norm(params, np.array([[1.0, 3.0], [10.0, 30.0]])), 3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + epsilon) * params["scale"] + params["shift"]


def batch_norm(params: Any, x: Any, statistics: Any = None, mask: Any = None, epsilon: float = 1e-5) -> Any:
    """Each feature with mean 0 and variance 1 over the batch (Ioffe and Szegedy, 2015).

    Then times "scale", plus "shift", both of shape (features,). x is of (..., features), or images of (batch, features,
    height, width). `statistics` are the means and variances to use, such as those of `batch_statistics` averaged over a
    training; without them they are those of `x`, of what `mask` lets count.

    >>> params = {"scale": np.ones(1), "shift": np.zeros(1)}
    >>> np.round(batch_norm(params, np.array([[1.0], [3.0], [99.0]]), mask=np.array([True, True, False])), 2)
    array([[-1.],
           [ 1.],
           [97.]])
    """
    mean, variance = batch_statistics(x, mask) if statistics is None else statistics
    scale = params["scale"] / np.sqrt(variance + epsilon)
    if np.ndim(x) == 4:
        return (x - mean[:, None, None]) * scale[:, None, None] + params["shift"][:, None, None]
    return (x - mean) * scale + params["shift"]


def batch_statistics(x: Any, mask: Any = None) -> Any:
    """The mean and the variance (with divisor n) of each feature of a batch, both of shape (features,).

    x of shape (..., features), or images of (batch, features, height, width). `mask`, booleans of the shape of `x`
    without the features, says which items count; what does not takes part in nothing. A ValueError is raised where none
    does.

    >>> batch_statistics(np.array([[1.0], [3.0], [np.inf]]), np.array([True, True, False]))
    (array([2.]), array([1.]))
    """
    items = x.transpose(0, 2, 3, 1) if np.ndim(x) == 4 else x
    rows = np.reshape(items, (-1, items.shape[-1]))
    if mask is None:
        centred = rows - np.mean(rows, axis=0)
        return np.mean(rows, axis=0), np.mean(centred * centred, axis=0)
    require_booleans(mask)
    if mask.shape != items.shape[:-1]:
        raise ValueError("the mask has another shape than the batch without its features")
    counts = np.reshape(mask, (-1, 1))
    count = np.count_nonzero(mask)
    if count == 0:
        raise ValueError("the mask leaves nothing to take the mean of")
    mean = np.sum(np.where(counts, rows, 0.0), axis=0) / count
    centred = np.where(counts, rows - mean, 0.0)
    return mean, np.sum(centred * centred, axis=0) / count
