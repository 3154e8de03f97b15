"""Backpropagation through time for `char_rnn.loss`, written by hand in NumPy: the deltas of every weight, step by step.

What one writes without a tool. `char_rnn.py` compares its generated gradient with this one, in value and in time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def loss_and_gradient(
    W_in: Floats,
    W_h: Floats,
    b_h: Floats,
    W_out: Floats,
    b_out: Floats,
    h_start: Floats,
    inputs: Integers,
    targets: Integers,
) -> tuple[tuple[float, Floats], tuple[Floats, ...]]:
    """`((loss, last hidden state), (dW_in, dW_h, db_h, dW_out, db_out))`, as `srcad.value_and_grad` gives them."""
    steps = len(inputs)
    hs = np.empty((steps + 1, b_h.size))
    probabilities = np.empty((steps, b_out.size))
    hs[0] = h_start
    loss = 0.0
    for t in range(steps):
        hs[t + 1] = np.tanh(W_in[inputs[t]] + W_h @ hs[t] + b_h)
        scores = W_out @ hs[t + 1] + b_out
        scores -= np.max(scores)
        weights = np.exp(scores)
        total = np.sum(weights)
        probabilities[t] = weights / total
        loss += np.log(total) - scores[targets[t]]

    dW_in = np.zeros_like(W_in)
    dW_h = np.zeros_like(W_h)
    db_h = np.zeros_like(b_h)
    dW_out = np.zeros_like(W_out)
    db_out = np.zeros_like(b_out)
    dh_next = np.zeros_like(b_h)
    for t in range(steps - 1, -1, -1):
        # softmax and cross-entropy together: probabilities minus one-hot
        dscores = probabilities[t]
        dscores[targets[t]] -= 1.0
        dscores /= steps
        dW_out += np.outer(dscores, hs[t + 1])
        db_out += dscores
        # the state feeds this step's scores and the next step
        dh = W_out.T @ dscores + dh_next
        dz = (1.0 - hs[t + 1] * hs[t + 1]) * dh
        dW_in[inputs[t]] += dz
        dW_h += np.outer(dz, hs[t])
        db_h += dz
        dh_next = W_h.T @ dz
    return (loss / steps, hs[steps]), (dW_in, dW_h, db_h, dW_out, db_out)
