"""Networks of convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from srcad.nn.choices import RECTIFIERS, Activations, activation_functions, checked_rates, feature_counts, for_each
from srcad.nn.convolution import conv2d, max_pool2d
from srcad.nn.initialisation import Parameters, Seed, glorot_uniform, he_normal
from srcad.nn.layers import dropout, require_draws


def spatial_network(
    input_features: int,
    hidden_features: int | Sequence[int],
    kernel_sizes: int | Sequence[int] = 3,
    poolings: int | Sequence[int] = 1,
    activations: Activations = "relu",
    dropout_rates: float | Sequence[float] = 0.0,
    paddings: int | Sequence[int] = 0,
    strides: int | Sequence[int] = 1,
    *,
    seed: Seed = 0,
    dtype: DTypeLike = np.float64,
) -> tuple[Callable[..., Any], list[Parameters]]:
    """A network of convolutions: `f, params`; f takes images of (batch, input_features, height, width), and gives such.

    Each layer is a `conv2d`, an activation and a `max_pool2d` (of size 1: none). What each layer has is given as one
    for all, or as a sequence. `params` is a list with the "kernel" and the "bias" of each layer, kernels by He where a
    rectifier follows and by Glorot elsewhere.

    `f(params, x, draws)` drops channels of the inputs of each layer, whole ones (Tompson et al., 2015), at its rate of
    `dropout_rates`; the draws are those of `dropout_draws(rng, batch, [input_features, *hidden_features[:-1]])`.

    >>> f, params = spatial_network(1, [4, 8], kernel_sizes=3, poolings=[2, 1], paddings=1)
    >>> f(params, np.zeros((5, 1, 8, 8))).shape, params[1]["kernel"].shape
    ((5, 8, 4, 4), (8, 4, 3, 3))
    """
    widths = feature_counts(hidden_features)
    layers = len(widths)
    functions = activation_functions(activations, layers)
    sizes = for_each(kernel_sizes, layers, "kernel sizes")
    pools = for_each(poolings, layers, "poolings")
    rims = for_each(paddings, layers, "paddings")
    steps = for_each(strides, layers, "strides")
    rates = checked_rates(dropout_rates, layers)
    rng = np.random.default_rng(seed)
    inputs = [input_features, *widths[:-1]]
    params = [
        convolution_parameters(rng, features, outputs, size, function in RECTIFIERS, dtype)
        for features, outputs, size, function in zip(inputs, widths, sizes, functions, strict=True)
    ]

    def network(params: Any, x: Any, draws: Any = None) -> Any:
        hidden = x
        for i in range(layers):
            if draws is not None and rates[i] > 0.0:
                require_draws(draws[i], hidden.shape[:2])
                hidden = dropout(hidden, draws[i][:, :, None, None], rates[i])
            hidden = functions[i](conv2d(params[i], hidden, rims[i], steps[i]))
            if pools[i] > 1:
                hidden = max_pool2d(hidden, pools[i])
        return hidden

    return network, params


def convolution_parameters(
    rng: np.random.Generator,
    inputs: int,
    outputs: int,
    size: int,
    rectified: bool = False,
    dtype: DTypeLike = np.float64,
) -> Parameters:
    """Those of `conv2d`, with a square kernel: by He where a rectifier follows, else by Glorot; the bias is 0."""
    shape = (outputs, inputs, size, size)
    fan_in, fan_out = math.prod(shape[1:]), outputs * size * size
    kernel = he_normal(rng, shape, fan_in) if rectified else glorot_uniform(rng, shape, fan_in, fan_out)
    return {"kernel": kernel.astype(dtype), "bias": np.zeros(outputs, dtype)}
