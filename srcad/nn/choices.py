"""What the constructors of models are given: one choice for all layers, or one for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from srcad.nn.activations import ACTIVATIONS, elu, gelu, leaky_relu, relu, silu

T = TypeVar("T")

Activation = Callable[[Any], Any]
Activations = str | Activation | Sequence[str | Activation]

RECTIFIERS = (elu, gelu, leaky_relu, relu, silu)
"""Activations that let about half of the variance through, so that weights begin larger."""


def for_each(given: T | Sequence[T], layers: int, what: str) -> tuple[T, ...]:
    """One for each layer, of one for all or a sequence; a ValueError if there are too many or too few.

    >>> for_each(3, 2, "kernel sizes"), for_each([3, 5], 2, "kernel sizes")
    ((3, 3), (3, 5))
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        return (given,) * layers
    if len(given) != layers:
        raise ValueError(f"{layers} layers and {len(given)} {what}")
    return tuple(given)


def feature_counts(given: int | Sequence[int]) -> tuple[int, ...]:
    """The features of each layer; a number is that of one layer.

    >>> feature_counts(8), feature_counts([8, 3])
    ((8,), (8, 3))
    """
    return (given,) if isinstance(given, int | np.integer) else tuple(given)


def activation_functions(given: Activations, layers: int) -> tuple[Activation, ...]:
    """The functions by their names, or as they are.

    >>> [function.__name__ for function in activation_functions(["relu", "tanh"], 2)]
    ['relu', 'tanh']
    """
    chosen: tuple[str | Activation, ...] = for_each(given, layers, "activations")
    return tuple(_named(one) if isinstance(one, str) else one for one in chosen)


def _named(name: str) -> Activation:
    if name not in ACTIVATIONS:
        raise ValueError(f"no activation {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def checked_rates(given: float | Sequence[float], layers: int) -> tuple[float, ...]:
    """Numbers of [0, 1), one for each layer."""
    rates = for_each(given, layers, "dropout rates")
    if not all(0.0 <= rate < 1.0 for rate in rates):
        raise ValueError(f"dropout rates are at least 0 and less than 1: {rates}")
    return rates
