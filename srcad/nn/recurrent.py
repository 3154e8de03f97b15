"""Recurrent networks: `f(params, x, state)` of a sequence gives what it makes of it, and the state to go on from.

x is of shape (steps, batch, input features), or (steps, input features) of one sequence; a state is of (batch, hidden
features), or (hidden features,). A sequence in two parts, the second with the state that the first ended in, gives what
the whole gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from srcad.nn.cells import gru_cell, input_gates, lstm_cell
from srcad.nn.choices import Activation, activation_functions
from srcad.nn.initialisation import Parameters, Seed, glorot_uniform

Model = tuple[Callable[..., Any], Parameters]


def recurrent_network(
    input_features: int,
    hidden_features: int,
    activation: str | Activation = "tanh",
    output: str = "last",
    *,
    seed: Seed = 0,
    dtype: DTypeLike = np.float64,
) -> Model:
    """`h = activation(x[t] @ inputs + bias + h @ hidden)` (Elman, 1990): `f(params, x, state)` gives `(output, h)`.

    The output is the last `h`, or those of all steps. Without a state it begins with zeros. Weights are by Glorot.

    >>> f, params = recurrent_network(3, 4, output="all")
    >>> [a.shape for a in f(params, np.zeros((5, 2, 3)))]
    [(5, 2, 4), (2, 4)]
    """
    (function,) = activation_functions(activation, 1)
    every = checked_output(output)

    def network(params: Any, x: Any, state: Any = None) -> Any:
        gates = input_gates(params, x)
        h = zero_state(gates, hidden_features) if state is None else state
        outputs = outputs_of(gates, hidden_features)
        for t in range(len(x)):
            h = function(gates[t] + h @ params["hidden"])
            if every:
                outputs[t] = h
        return (outputs if every else h), h

    return network, recurrent_parameters(input_features, hidden_features, 1, seed, dtype)


def lstm_network(
    input_features: int, hidden_features: int, output: str = "last", *, seed: Seed = 0, dtype: DTypeLike = np.float64
) -> Model:
    """Long short-term memory, steps of `lstm_cell`: `f(params, x, state)` gives `(output, (h, c))`.

    The output is the last `h`, or those of all steps. Without a state it begins with zeros. Weights are by Glorot; the
    biases of the forget gates are 1 (Jozefowicz, Zaremba and Sutskever, 2015), the others 0.

    >>> f, params = lstm_network(3, 4)
    >>> output, (h, c) = f(params, np.zeros((5, 2, 3)))
    >>> output.shape, params["inputs"].shape
    ((2, 4), (3, 16))
    """
    every = checked_output(output)
    params = recurrent_parameters(input_features, hidden_features, 4, seed, dtype)
    params["bias"][hidden_features : 2 * hidden_features] = 1.0

    def network(params: Any, x: Any, state: Any = None) -> Any:
        gates = input_gates(params, x)
        if state is None:
            h, c = zero_state(gates, hidden_features), zero_state(gates, hidden_features)
        else:
            h, c = state
        outputs = outputs_of(gates, hidden_features)
        for t in range(len(x)):
            h, c = lstm_cell(params, gates[t], (h, c))
            if every:
                outputs[t] = h
        return (outputs if every else h), (h, c)

    return network, params


def gru_network(
    input_features: int, hidden_features: int, output: str = "last", *, seed: Seed = 0, dtype: DTypeLike = np.float64
) -> Model:
    """Gated recurrent units, steps of `gru_cell`: `f(params, x, state)` gives `(output, h)`.

    The output is the last `h`, or those of all steps. Without a state it begins with zeros. Weights are by Glorot.

    >>> f, params = gru_network(3, 4, output="all")
    >>> [a.shape for a in f(params, np.zeros((5, 3)))]
    [(5, 4), (4,)]
    """
    every = checked_output(output)

    def network(params: Any, x: Any, state: Any = None) -> Any:
        gates = input_gates(params, x)
        h = zero_state(gates, hidden_features) if state is None else state
        outputs = outputs_of(gates, hidden_features)
        for t in range(len(x)):
            h = gru_cell(params, gates[t], h)
            if every:
                outputs[t] = h
        return (outputs if every else h), h

    return network, recurrent_parameters(input_features, hidden_features, 3, seed, dtype)


def checked_output(output: str) -> bool:
    """Whether the output of every step is wanted."""
    if output not in ("last", "all"):
        raise ValueError(f"the output is 'last' or 'all', not {output!r}")
    return output == "all"


def zero_state(gates: Any, hidden_features: int) -> Any:
    """The state to begin with."""
    return np.zeros(gates.shape[1:-1] + (hidden_features,), gates.dtype)  # noqa: RUF005 (which srcad reads)


def outputs_of(gates: Any, hidden_features: int) -> Any:
    """Room for the outputs of all steps."""
    return np.zeros(gates.shape[:-1] + (hidden_features,), gates.dtype)  # noqa: RUF005


def recurrent_parameters(
    input_features: int, hidden_features: int, kinds: int, seed: Seed, dtype: DTypeLike
) -> Parameters:
    """Those of a cell with some kinds of gates: weights by Glorot, for each kind; the bias is 0."""
    rng = np.random.default_rng(seed)
    gates = kinds * hidden_features
    return {
        "inputs": glorot_uniform(rng, (input_features, gates), input_features, hidden_features).astype(dtype),
        "hidden": glorot_uniform(rng, (hidden_features, gates), hidden_features, hidden_features).astype(dtype),
        "bias": np.zeros(gates, dtype),
    }
