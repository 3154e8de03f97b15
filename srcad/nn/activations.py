"""Activation functions, elementwise or along the last axis: values and derivatives are finite for finite arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.api import stop_gradient
from srcad.nn.dtypes import as_floats


def relu(x: Any) -> Any:
    """The positive part of `x`; its derivative at 0 is 0.

    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    x = as_floats(x)
    return np.where(x > 0.0, x, 0.0)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """`x` where it is positive, `slope * x` elsewhere, at 0 too.

    >>> leaky_relu(np.array([-2.0, 3.0]))
    array([-0.02,  3.  ])
    """
    x = as_floats(x)
    return np.where(x > 0.0, x, slope * x)


def elu(x: Any) -> Any:
    """`x` where it is positive, `exp(x) - 1` elsewhere (Clevert, Unterthiner and Hochreiter, 2016).

    >>> elu(np.array([-1000.0, 3.0]))
    array([-1.,  3.])
    """
    x = as_floats(x)
    return np.where(x > 0.0, x, np.expm1(np.where(x > 0.0, 0.0, x)))


def gelu(x: Any) -> Any:
    """`x` times the normal distribution function of `x`, by tanh (Hendrycks and Gimpel, 2016; to 5e-4).

    >>> np.round(gelu(np.array([-1.0, 0.0, 1.0])), 4)
    array([-0.1588,  0.    ,  0.8412])
    """
    x = as_floats(x)
    # beyond 10, of either sign, the tanh is 1 to rounding, and a cube might overflow
    z = np.minimum(np.maximum(x, -10.0), 10.0)
    return x * (0.5 + 0.5 * np.tanh(math.sqrt(2.0 / math.pi) * (z + 0.044715 * z * z * z)))


def sigmoid(x: Any) -> Any:
    """The logistic function `1 / (1 + exp(-x))`, to rounding for negative `x` too, where it is next to 0.

    Write the logarithm of it as `log_sigmoid(x)`, and `1 - sigmoid(x)` as `sigmoid(-x)`: they keep their digits.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    x = as_floats(x)
    e = np.exp(np.where(x < 40.0, x, 40.0))  # from 40 on it is 1 to rounding
    return e / (1.0 + e)


def log_sigmoid(x: Any) -> Any:
    """The logarithm of the logistic function.

    >>> np.round(log_sigmoid(np.array([-1000.0, 0.0])), 3)
    array([-1.00e+03, -6.93e-01])
    """
    return -np.logaddexp(0.0, -as_floats(x))


def softplus(x: Any) -> Any:
    """`log(1 + exp(x))`, whose derivative is `sigmoid(x)`.

    >>> softplus(np.array([-1000.0, 0.0, 1000.0]))
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    return np.logaddexp(0.0, as_floats(x))


def silu(x: Any) -> Any:
    """`x * sigmoid(x)`, also called swish.

    >>> silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    x = as_floats(x)
    return x * sigmoid(x)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, `np.tanh`."""
    return np.tanh(as_floats(x))


def identity(x: Any) -> Any:
    """`x` itself."""
    return x


def log_softmax(scores: Any) -> Any:
    """The logarithms of `softmax(scores)`, along the last axis.

    >>> log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    shifted = below_maximum(as_floats(scores))
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def softmax(scores: Any) -> Any:
    """The exponentials of `scores` divided by their sum, along the last axis.

    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    exponentials = np.exp(below_maximum(as_floats(scores)))
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def below_maximum(scores: Any) -> Any:
    """`scores` less the largest of the last axis, for what is the same whatever number is subtracted.

    So the maximum is a constant for the derivative, at any order.
    """
    return scores - stop_gradient(np.max(scores, axis=-1, keepdims=True))


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    function.__name__: function
    for function in (elu, gelu, identity, leaky_relu, log_softmax, relu, sigmoid, silu, softmax, softplus, tanh)
}
"""By the names that the constructors of models take."""
