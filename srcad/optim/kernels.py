"""The updates of one array by each method, in place and in one pass: loops that Numba compiles.

Arrays are one-dimensional and contiguous, of one dtype, and numbers have that dtype too, so that float32 is computed in
float32. They are plain functions: `numba.njit(srcad.optim.kernels.adam)` may be called in a loop of your own.
Formulas and their sources stand at the methods: `srcad.optim.adam` and the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def descent(x: Array, gradient: Array, step: float) -> None:
    """x -= step * gradient."""
    for i in range(len(x)):
        x[i] -= step * gradient[i]


def momentum(x: Array, gradient: Array, velocity: Array, step: float, momentum: float) -> None:
    """Descent along a decaying sum of the gradients."""
    for i in range(len(x)):
        v = momentum * velocity[i] + gradient[i]
        velocity[i] = v
        x[i] -= step * v


def nesterov(x: Array, gradient: Array, velocity: Array, step: float, momentum: float) -> None:
    """Descent along the sum of the gradients as it will be one step ahead."""
    for i in range(len(x)):
        g = gradient[i]
        v = momentum * velocity[i] + g
        velocity[i] = v
        x[i] -= step * (g + momentum * v)


def adagrad(x: Array, gradient: Array, square: Array, step: float, epsilon: float) -> None:
    """`square` is the sum of the squares of all gradients."""
    for i in range(len(x)):
        g = gradient[i]
        s = square[i] + g * g
        square[i] = s
        x[i] -= step * g / (np.sqrt(s) + epsilon)


def rmsprop(x: Array, gradient: Array, square: Array, step: float, decay: float, rest: float, epsilon: float) -> None:
    """`square` is the mean of the squares; `rest` is 1 - decay."""
    for i in range(len(x)):
        g = gradient[i]
        s = decay * square[i] + rest * g * g
        square[i] = s
        x[i] -= step * g / (np.sqrt(s) + epsilon)


def adadelta(
    x: Array, gradient: Array, square: Array, change: Array, step: float, decay: float, rest: float, epsilon: float
) -> None:
    """`change` is the mean of the squares of the changes before `step`; `rest` is 1 - decay."""
    for i in range(len(x)):
        g = gradient[i]
        s = decay * square[i] + rest * g * g
        square[i] = s
        d = np.sqrt(change[i] + epsilon) / np.sqrt(s + epsilon) * g
        change[i] = decay * change[i] + rest * d * d
        x[i] -= step * d


def adam(
    x: Array,
    gradient: Array,
    mean: Array,
    square: Array,
    keep: float,
    step: float,
    beta1: float,
    rest1: float,
    beta2: float,
    rest2: float,
    root: float,
    epsilon: float,
) -> None:
    """`mean` and `square` are the means of the gradients and of their squares; `rest1` is 1 - beta1, `rest2` 1 - beta2.

    `step` is divided by the correction of the mean, `root` is the root of the correction of the squares. `keep` is 1
    without decay of the parameters.
    """
    for i in range(len(x)):
        g = gradient[i]
        m = beta1 * mean[i] + rest1 * g
        s = beta2 * square[i] + rest2 * g * g
        mean[i] = m
        square[i] = s
        x[i] = keep * x[i] - step * m / (np.sqrt(s) / root + epsilon)
