"""Layers that every kind of model is made of: `y = layer(params, x)`, with `params` a dict of arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.nn.activations import softmax
from srcad.nn.dtypes import as_floats, require_booleans


def dense(params: Any, x: Any) -> Any:
    """`x @ weights + bias`: x of shape (..., inputs), weights of (inputs, outputs), bias of (outputs,).

    >>> dense({"weights": np.ones((2, 3)), "bias": np.zeros(3)}, np.array([[1.0, 2.0]]))
    array([[3., 3., 3.]])
    """
    return x @ params["weights"] + params["bias"]


def embedding(params: Any, tokens: Any) -> Any:
    """The rows of `vectors` for whole numbers of any shape: vectors of (tokens, features), the result (..., features).

    >>> embedding({"vectors": np.array([[1.0, 2.0], [3.0, 4.0]])}, np.array([1, 0, 1]))
    array([[3., 4.],
           [1., 2.],
           [3., 4.]])
    """
    if np.any(tokens < 0):
        raise IndexError("tokens are counted from 0")
    return params["vectors"][tokens]


def dropout(x: Any, draws: Any, rate: float) -> Any:
    """Zeros where `draws < rate`, and `x / (1 - rate)` elsewhere, so that the mean stays (Srivastava et al., 2014).

    `draws` are uniform numbers in [0, 1) of the shape of `x`, drawn outside of what is differentiated:
    `rng.random(x.shape)`, or `dropout_draws` for a model. An axis of length 1 drops all along it.

    >>> dropout(np.array([1.0, 2.0]), np.array([0.3, 0.7]), 0.5)
    array([0., 4.])
    """
    return np.where(draws < rate, 0.0, x / (1.0 - rate))


def require_draws(draws: Any, shape: Any) -> None:
    """Raise a ValueError where the draws for a layer of a model are not those of its inputs."""
    if draws.shape != shape:
        raise ValueError("the draws of a layer have another shape than its inputs: see dropout_draws")


def soft_attention(query: Any, keys: Any, values: Any, mask: Any = None) -> Any:
    """The mean of `values`, weighted by the softmax of `query @ keys.T / sqrt(features)` (Vaswani et al., 2017).

    query of shape (..., queries, features), keys of (..., items, features), values of (..., items, outputs); the result
    is (..., queries, outputs). What stands before these axes, such as batch and head, is broadcast, and there are two
    at most. `mask`, booleans that broadcast to (..., queries, items), says which items count: each query needs one that
    does.

    >>> soft_attention(np.zeros((1, 2)), np.ones((2, 2)), np.array([[1.0], [3.0]]))
    array([[2.]])
    """
    query, keys, values = as_floats(query), as_floats(keys), as_floats(values)
    scores = query @ np.swapaxes(keys, -1, -2) / math.sqrt(keys.shape[-1])
    if mask is not None:
        require_booleans(mask)
        scores = np.where(mask, scores, -np.inf)
    return softmax(scores) @ values
