"""Models and losses of machine learning, as plain NumPy functions that srcad differentiates.

A constructor returns `(f, params)`: `f(params, x)` is a function that one can call, differentiate and print, `params`
nested dicts and lists of arrays. Layers, activations and losses are functions for models of one's own.

>>> import numpy as np
>>> import srcad
>>> from srcad import nn
>>> f, params = nn.neural_network(4, [8, 3], classifier=True)
>>> def loss(params, x, labels):
...     return nn.multinomial_logistic(f(params, x), labels)
>>> gradient = srcad.grad(loss, target="python")(params, np.ones((5, 4)), np.array([0, 1, 2, 0, 1]))
>>> gradient[1]["weights"].shape
(8, 3)
"""

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
from srcad.nn.cells import (
    gru_cell,
    input_gates,
    lstm_cell,
)
from srcad.nn.convolution import (
    average_pool2d,
    conv2d,
    max_pool2d,
)
from srcad.nn.feed_forward import (
    dropout_draws,
    neural_network,
)
from srcad.nn.initialisation import (
    dense_parameters,
    glorot_uniform,
    he_normal,
)
from srcad.nn.layers import (
    dense,
    dropout,
    embedding,
    soft_attention,
)
from srcad.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    least_squares,
    margin,
    multinomial_logistic,
)
from srcad.nn.normalisation import (
    batch_norm,
    batch_statistics,
    layer_norm,
)
from srcad.nn.recurrent import (
    gru_network,
    lstm_network,
    recurrent_network,
)
from srcad.nn.spatial import (
    convolution_parameters,
    spatial_network,
)

__all__ = [
    "average_pool2d",
    "batch_norm",
    "batch_statistics",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "convolution_parameters",
    "cross_entropy",
    "dense",
    "dense_parameters",
    "dropout",
    "dropout_draws",
    "elu",
    "embedding",
    "gelu",
    "glorot_uniform",
    "gru_cell",
    "gru_network",
    "he_normal",
    "identity",
    "input_gates",
    "layer_norm",
    "leaky_relu",
    "least_squares",
    "log_sigmoid",
    "log_softmax",
    "lstm_cell",
    "lstm_network",
    "margin",
    "max_pool2d",
    "multinomial_logistic",
    "neural_network",
    "recurrent_network",
    "relu",
    "sigmoid",
    "silu",
    "soft_attention",
    "softmax",
    "softplus",
    "spatial_network",
    "tanh",
]
