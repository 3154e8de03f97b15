"""Models and losses of machine learning, as plain NumPy functions that srcad differentiates.

A constructor returns `(f, params)`: `f(params, x)` is a function that one can call, differentiate and print, `params`
nested dicts and lists of arrays. Layers, activations and losses are functions for models of one's own.

>>> import srcad
>>> from srcad import nn
>>> f, params = nn.neural_network(4, [8, 3], classifier=True)
>>> def loss(params, x, labels):
...     return nn.multinomial_logistic(f(params, x), labels)
>>> gradient = srcad.grad(loss, target="python")(params, np.ones((5, 4)), np.array([0, 1, 2, 0, 1]))
>>> gradient[1]["weights"].shape
(8, 3)
"""

import numpy as np  # noqa: F401  (of the example)

from srcad.nn.activations import (
    elu,
    gelu,
    identity,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from srcad.nn.feed_forward import dropout_draws, neural_network
from srcad.nn.initialisation import dense_parameters, glorot_uniform, he_normal
from srcad.nn.layers import dense, dropout, embedding, soft_attention
from srcad.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    least_squares,
    margin,
    multinomial_logistic,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dense",
    "dense_parameters",
    "dropout",
    "dropout_draws",
    "elu",
    "embedding",
    "gelu",
    "glorot_uniform",
    "he_normal",
    "identity",
    "leaky_relu",
    "least_squares",
    "log_sigmoid",
    "log_softmax",
    "margin",
    "multinomial_logistic",
    "neural_network",
    "relu",
    "sigmoid",
    "silu",
    "soft_attention",
    "softmax",
    "softplus",
    "tanh",
]
