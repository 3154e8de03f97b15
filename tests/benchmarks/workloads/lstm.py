"""A character model of stacked LSTM layers, as Microsoft's ADBench defines it: every gate is elementwise.

Row 2k of `main` holds the weights of layer k for its forget, input, output and change gates, row 2k + 1 their biases;
`extra` the weights of the input, then weights and biases of the output. Rows 2k and 2k + 1 of `state` are the hidden
and the cell state. Each row of `sequence` is a character, predicted from those before; the loss is per bit.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tests.benchmarks.workload import Arguments, Thunk, Workload

fast = njit(error_model="numpy")


@fast
def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def lstm(main, extra, state, sequence):
    layers = len(state) // 2
    steps, bits = len(sequence) - 1, sequence.shape[1]
    s = state.copy()
    x = np.empty(bits)
    total = 0.0
    for t in range(steps):
        for i in range(bits):
            x[i] = sequence[t, i] * extra[0, i]
        for k in range(layers):
            for i in range(bits):
                forget = sigmoid(x[i] * main[2 * k, i] + main[2 * k + 1, i])
                ingate = sigmoid(s[2 * k, i] * main[2 * k, bits + i] + main[2 * k + 1, bits + i])
                outgate = sigmoid(x[i] * main[2 * k, 2 * bits + i] + main[2 * k + 1, 2 * bits + i])
                change = math.tanh(s[2 * k, i] * main[2 * k, 3 * bits + i] + main[2 * k + 1, 3 * bits + i])
                s[2 * k + 1, i] = s[2 * k + 1, i] * forget + ingate * change
                s[2 * k, i] = outgate * math.tanh(s[2 * k + 1, i])
                x[i] = s[2 * k, i]
        exponentials = 2.0
        score = 0.0
        letters = 0.0
        for i in range(bits):
            y = x[i] * extra[1, i] + extra[2, i]
            exponentials += math.exp(y)
            score += sequence[t + 1, i] * y
            letters += sequence[t + 1, i]
        total += score - letters * math.log(exponentials)
    return -total / (steps * bits)


def arguments(layers: int, length: int, bits: int) -> Arguments:
    rng = np.random.default_rng(21)
    main = 0.5 * rng.standard_normal((2 * layers, 4 * bits))
    extra = 0.5 * rng.standard_normal((3, bits))
    state = 0.5 * rng.standard_normal((2 * layers, bits))
    return main, extra, state, np.eye(bits)[rng.integers(0, bits, length)]


@fast
def lstm_by_hand(main, extra, state, sequence):
    """A recurrence, so every step is stored: the states, the gates and the exponentials, which are dear to compute."""
    layers = len(state) // 2
    steps, bits = len(sequence) - 1, sequence.shape[1]
    hidden, cell = np.empty((steps + 1, layers, bits)), np.empty((steps + 1, layers, bits))
    forget, ingate = np.empty((steps, layers, bits)), np.empty((steps, layers, bits))
    outgate, change = np.empty((steps, layers, bits)), np.empty((steps, layers, bits))
    squashed = np.empty((steps, layers, bits))
    exponential, sums = np.empty((steps, bits)), np.empty(steps)
    x = np.empty(bits)
    for k in range(layers):
        for i in range(bits):
            hidden[0, k, i] = state[2 * k, i]
            cell[0, k, i] = state[2 * k + 1, i]
    for t in range(steps):
        for i in range(bits):
            x[i] = sequence[t, i] * extra[0, i]
        for k in range(layers):
            for i in range(bits):
                h = hidden[t, k, i]
                f = sigmoid(x[i] * main[2 * k, i] + main[2 * k + 1, i])
                g = sigmoid(h * main[2 * k, bits + i] + main[2 * k + 1, bits + i])
                o = sigmoid(x[i] * main[2 * k, 2 * bits + i] + main[2 * k + 1, 2 * bits + i])
                c = math.tanh(h * main[2 * k, 3 * bits + i] + main[2 * k + 1, 3 * bits + i])
                now = cell[t, k, i] * f + g * c
                q = math.tanh(now)
                cell[t + 1, k, i] = now
                x[i] = o * q
                hidden[t + 1, k, i] = x[i]
                forget[t, k, i], ingate[t, k, i], outgate[t, k, i], change[t, k, i] = f, g, o, c
                squashed[t, k, i] = q
        total = 2.0
        for i in range(bits):
            exponential[t, i] = math.exp(x[i] * extra[1, i] + extra[2, i])
            total += exponential[t, i]
        sums[t] = total

    d_main, d_extra = np.zeros_like(main), np.zeros_like(extra)
    d_hidden, d_cell = np.zeros((layers, bits)), np.zeros((layers, bits))
    d_x = np.empty(bits)
    scale = -1.0 / (steps * bits)
    for t in range(steps - 1, -1, -1):
        letters = 0.0
        for i in range(bits):
            letters += sequence[t + 1, i]
        for i in range(bits):
            d_y = scale * (sequence[t + 1, i] - letters * exponential[t, i] / sums[t])
            d_extra[1, i] += d_y * hidden[t + 1, layers - 1, i]
            d_extra[2, i] += d_y
            d_x[i] = d_y * extra[1, i]
        for k in range(layers - 1, -1, -1):
            for i in range(bits):
                f, g, o, c = forget[t, k, i], ingate[t, k, i], outgate[t, k, i], change[t, k, i]
                q, h = squashed[t, k, i], hidden[t, k, i]
                below = hidden[t + 1, k - 1, i] if k > 0 else sequence[t, i] * extra[0, i]
                d_h = d_hidden[k, i] + d_x[i]
                d_c = d_cell[k, i] + d_h * o * (1.0 - q * q)
                by_f = d_c * cell[t, k, i] * f * (1.0 - f)
                by_g = d_c * c * g * (1.0 - g)
                by_o = d_h * q * o * (1.0 - o)
                by_c = d_c * g * (1.0 - c * c)
                d_main[2 * k, i] += by_f * below
                d_main[2 * k + 1, i] += by_f
                d_main[2 * k, bits + i] += by_g * h
                d_main[2 * k + 1, bits + i] += by_g
                d_main[2 * k, 2 * bits + i] += by_o * below
                d_main[2 * k + 1, 2 * bits + i] += by_o
                d_main[2 * k, 3 * bits + i] += by_c * h
                d_main[2 * k + 1, 3 * bits + i] += by_c
                d_cell[k, i] = d_c * f
                d_hidden[k, i] = by_g * main[2 * k, bits + i] + by_c * main[2 * k, 3 * bits + i]
                d_x[i] = by_f * main[2 * k, i] + by_o * main[2 * k, 2 * bits + i]
        for i in range(bits):
            d_extra[0, i] += d_x[i] * sequence[t, i]
    return d_main, d_extra


def hand(args: Arguments) -> Thunk:
    return lambda: lstm_by_hand(*args)


def hand_saved(args: Arguments) -> int:
    _, _, state, sequence = args
    steps, bits = len(sequence) - 1, sequence.shape[1]
    layer = len(state) // 2 * bits
    # five gates and squashed cells; hidden and cell, with those of the start; exponentials and their sums
    return 8 * (5 * steps * layer + 2 * (steps + 1) * layer + steps * (bits + 1))


# ---- peers: rows at once --------------------------------------------------------------------------------------------


def by_jax(args: Arguments) -> Thunk:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    main, extra, state, sequence = map(jnp.asarray, args)

    def objective(main, extra):
        gates = main.reshape(-1, 2, 4, main.shape[1] // 4)

        def step(carried, characters):
            now, following = characters
            x = now * extra[0]
            states = []
            for (weight, bias), (h, c) in zip(gates, carried, strict=True):
                forget = jax.nn.sigmoid(x * weight[0] + bias[0])
                ingate = jax.nn.sigmoid(h * weight[1] + bias[1])
                outgate = jax.nn.sigmoid(x * weight[2] + bias[2])
                change = jnp.tanh(h * weight[3] + bias[3])
                c = c * forget + ingate * change
                x = outgate * jnp.tanh(c)
                states.append(jnp.stack((x, c)))
            y = x * extra[1] + extra[2]
            return jnp.stack(states), jnp.sum(following * (y - jnp.log(jnp.sum(jnp.exp(y)) + 2.0)))

        start = state.reshape(-1, 2, state.shape[1])
        _, terms = jax.lax.scan(step, start, (sequence[:-1], sequence[1:]))
        return -jnp.sum(terms) / (len(terms) * sequence.shape[1])

    gradient = jax.jit(jax.grad(objective, argnums=(0, 1)))
    return lambda: jax.block_until_ready(gradient(main, extra))


def by_rows(np, sigmoid, main, extra, state, sequence):
    """In any library with NumPy's names, the loop over time in Python."""
    layers, bits = len(state) // 2, sequence.shape[1]
    gates = [(np.reshape(main[2 * k], (4, bits)), np.reshape(main[2 * k + 1], (4, bits))) for k in range(layers)]
    hidden, cell = [state[2 * k] for k in range(layers)], [state[2 * k + 1] for k in range(layers)]
    total = 0.0
    for t in range(len(sequence) - 1):
        x = sequence[t] * extra[0]
        for k, (weight, bias) in enumerate(gates):
            forget = sigmoid(x * weight[0] + bias[0])
            ingate = sigmoid(hidden[k] * weight[1] + bias[1])
            outgate = sigmoid(x * weight[2] + bias[2])
            change = np.tanh(hidden[k] * weight[3] + bias[3])
            cell[k] = cell[k] * forget + ingate * change
            hidden[k] = x = outgate * np.tanh(cell[k])
        y = x * extra[1] + extra[2]
        total = total + np.sum(sequence[t + 1] * (y - np.log(np.sum(np.exp(y)) + 2.0)))
    return -total / ((len(sequence) - 1) * bits)


def by_torch(args: Arguments) -> Thunk:
    import torch

    main, extra, state, sequence = map(torch.from_numpy, args)
    parameters = main.requires_grad_(), extra.requires_grad_()
    return lambda: torch.autograd.grad(by_rows(torch, torch.sigmoid, main, extra, state, sequence), parameters)


def by_autograd(args: Arguments) -> Thunk:
    import autograd.numpy as anp
    from autograd import grad

    def sigmoid(x):
        return 1.0 / (1.0 + anp.exp(-x))

    gradient = grad(lambda parameters: by_rows(anp, sigmoid, *parameters, *args[2:]))
    return lambda: tuple(gradient(args[:2]))


# Tangent is left out: with the states in one array that each step writes, its gradient is wrong in the third digit.


def workload(name: str, layers: int) -> Workload:
    return Workload(
        name=name,
        kind="loop",
        function=lstm,
        wrt=(0, 1),
        arguments=lambda quick: arguments(layers, 80 if quick else 1024, 14),
        hand=hand,
        hand_saved=hand_saved,
        peers={"jax": by_jax, "torch": by_torch, "autograd": by_autograd},
    )


WORKLOADS = (workload("lstm", 2), workload("lstm_l4", 4))
