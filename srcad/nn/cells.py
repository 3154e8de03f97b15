"""One step of a recurrent network: for one input, or a batch of them, and a state of the same leading axes.

The parameters are "inputs" of shape (input features, gates), "hidden" of (hidden features, gates) and "bias" of
(gates,), where the gates of one kind stand side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def input_gates(params: Any, x: Any) -> Any:
    """What inputs of shape (..., input features) add to the gates: for all steps at once, one product of matrices.

    >>> input_gates({"inputs": np.ones((2, 3)), "bias": np.zeros(3)}, np.ones((5, 4, 2))).shape
    (5, 4, 3)
    """
    gates = np.reshape(x, (-1, x.shape[-1])) @ params["inputs"] + params["bias"]
    return np.reshape(gates, x.shape[:-1] + (gates.shape[-1],))  # noqa: RUF005 (which srcad reads)


def lstm_cell(params: Any, gates: Any, state: Any) -> Any:
    """The next state `(h, c)` of long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate: Gers, 2000).

    `gates` are the `input_gates` of the input; of the four kinds, i, f, g and o,

        c = sigmoid(f) * c + sigmoid(i) * tanh(g),   h = sigmoid(o) * tanh(c).

    >>> params = {"inputs": np.ones((2, 4)), "hidden": np.ones((1, 4)), "bias": np.zeros(4)}
    >>> h, c = lstm_cell(params, input_gates(params, np.zeros(2)), (np.zeros(1), np.ones(1)))
    >>> c, np.round(h, 4)
    (array([0.5]), array([0.2311]))
    """
    h, c = state
    kinds = of_each_kind(gates + h @ params["hidden"], 4, h)
    cell = gate(kinds[..., 1, :]) * c + gate(kinds[..., 0, :]) * np.tanh(kinds[..., 2, :])
    return gate(kinds[..., 3, :]) * np.tanh(cell), cell


def gru_cell(params: Any, gates: Any, h: Any) -> Any:
    """The next state of a gated recurrent unit (Cho et al., 2014), with the reset gate after the product.

    `gates` are the `input_gates` of the input; of the three kinds, r, z and n, where U is "hidden",

        h = (1 - sigmoid(z)) * tanh(n + sigmoid(r) * (h @ U)_n) + sigmoid(z) * h.

    >>> params = {"inputs": np.ones((2, 3)), "hidden": np.ones((1, 3)), "bias": np.zeros(3)}
    >>> np.round(gru_cell(params, input_gates(params, np.zeros(2)), np.ones(1)), 4)
    array([0.8988])
    """
    of_input = of_each_kind(gates, 3, h)
    of_state = of_each_kind(h @ params["hidden"], 3, h)
    reset = gate(of_input[..., 0, :] + of_state[..., 0, :])
    update = gate(of_input[..., 1, :] + of_state[..., 1, :])
    candidate = np.tanh(of_input[..., 2, :] + reset * of_state[..., 2, :])
    return candidate + update * (h - candidate)


def gate(x: Any) -> Any:
    """The logistic function, to a rounding error of 1: enough for what multiplies a state.

    >>> gate(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def of_each_kind(gates: Any, kinds: int, h: Any) -> Any:
    """Gates of shape (..., kinds * features) as (..., kinds, features), for a state of (..., features).

    >>> of_each_kind(np.arange(6.0), 3, np.zeros(2))
    array([[0., 1.],
           [2., 3.],
           [4., 5.]])
    """
    return np.reshape(gates, h.shape[:-1] + (kinds, h.shape[-1]))  # noqa: RUF005 (which srcad reads)
