"""First values of parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Parameters = dict[str, NDArray[Any]]
Seed = int | np.random.Generator | None


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], inputs: int, outputs: int) -> NDArray[np.float64]:
    """Uniform in ±sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010): for tanh and sigmoid.

    >>> glorot_uniform(np.random.default_rng(0), (2, 4), 2, 4).shape
    (2, 4)
    """
    limit = math.sqrt(6.0 / (inputs + outputs))
    return rng.uniform(-limit, limit, shape)


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> NDArray[np.float64]:
    """Normal with variance 2 / inputs (He, Zhang, Ren and Sun, 2015): for relu and its relatives.

    >>> he_normal(np.random.default_rng(0), (2, 4), 2).shape
    (2, 4)
    """
    return rng.normal(0.0, math.sqrt(2.0 / inputs), shape)


def dense_parameters(
    rng: np.random.Generator, inputs: int, outputs: int, rectified: bool = False, dtype: DTypeLike = np.float64
) -> Parameters:
    """Those of `dense`: weights by He where a rectifier follows, else by Glorot; the bias is 0."""
    shape = (inputs, outputs)
    weights = he_normal(rng, shape, inputs) if rectified else glorot_uniform(rng, shape, inputs, outputs)
    return {"weights": weights.astype(dtype), "bias": np.zeros(outputs, dtype)}
