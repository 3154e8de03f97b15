"""Networks of dense layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from srcad.nn.choices import RECTIFIERS, Activations, activation_functions, checked_rates, feature_counts
from srcad.nn.initialisation import Parameters, Seed, dense_parameters
from srcad.nn.layers import dense, dropout, require_draws


def neural_network(
    input_features: int,
    hidden_features: int | Sequence[int],
    activations: Activations = "relu",
    classifier: bool = False,
    dropout_rates: float | Sequence[float] = 0.0,
    *,
    seed: Seed = 0,
    dtype: DTypeLike = np.float64,
) -> tuple[Callable[..., Any], list[Parameters]]:
    """A network of dense layers: `f, params`; for x of (..., input_features) f gives (..., hidden_features[-1]).

    `activations` is one for all layers, or one for each: a name of `ACTIVATIONS`, or a function of your own. A
    `classifier` has none after the last layer: what it returns are logits. `params` is a list with the "weights" and
    the "bias" of each layer, the weights by He where a rectifier follows and by Glorot elsewhere.

    `f(params, x, draws)` drops inputs of each layer, at its rate of `dropout_rates`; the draws are those of
    `dropout_draws(rng, batch, [input_features, *hidden_features[:-1]])`. Without them nothing is dropped.

    >>> f, params = neural_network(4, [8, 3], "tanh", classifier=True)
    >>> f(params, np.zeros((5, 4))).shape, [layer["weights"].shape for layer in params]
    ((5, 3), [(4, 8), (8, 3)])
    """
    widths = feature_counts(hidden_features)
    layers = len(widths)
    functions = activation_functions(activations, layers)
    rates = checked_rates(dropout_rates, layers)
    rng = np.random.default_rng(seed)
    inputs = [input_features, *widths[:-1]]
    params = [
        dense_parameters(rng, features, outputs, function in RECTIFIERS, dtype)
        for features, outputs, function in zip(inputs, widths, functions, strict=True)
    ]

    def network(params: Any, x: Any, draws: Any = None) -> Any:
        hidden = x
        for i in range(layers):
            if draws is not None and rates[i] > 0.0:
                require_draws(draws[i], hidden.shape)
                hidden = dropout(hidden, draws[i], rates[i])
            hidden = dense(params[i], hidden)
            if i < layers - 1 or not classifier:
                hidden = functions[i](hidden)
        return hidden

    return network, params


def dropout_draws(
    rng: np.random.Generator, batch: int, features: int | Sequence[int], dtype: DTypeLike = np.float64
) -> list[NDArray[Any]]:
    """Uniform numbers in [0, 1) for the inputs of each layer, of shape (batch, features).

    >>> [draws.shape for draws in dropout_draws(np.random.default_rng(0), 5, [4, 8])]
    [(5, 4), (5, 8)]
    """
    return [rng.random((batch, count)).astype(dtype) for count in feature_counts(features)]
