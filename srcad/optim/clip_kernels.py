"""Loops over one array of a gradient: bounds, norms and factors. Arrays are one-dimensional and contiguous.

Norms and factors are float64 whatever the dtype of the array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import vector_math

Array = np.ndarray[Any, Any]


def clip(x: Array, low: float, high: float) -> None:
    """Items below `low` become `low`, those above `high` become `high`; NaN stays."""
    for i in range(len(x)):
        if x[i] < low:
            x[i] = low
        elif x[i] > high:
            x[i] = high


def scale(x: Array, factor: float) -> None:
    """x *= factor."""
    for i in range(len(x)):
        x[i] = x[i] * factor


def square_sum(x: Array, unit: float) -> float:
    """The sum of the squares of x / unit."""
    total: float = 0.0
    for i in range(len(x)):
        item = np.float64(x[i]) / unit
        total = vector_math.plus(total, item * item)
    return total


def largest(x: Array) -> float:
    """The largest absolute value, NaN if there is one among the items."""
    found: float = 0.0
    for i in range(len(x)):
        item = abs(np.float64(x[i]))
        if not item <= found:
            found = item
            if np.isnan(item):
                return found
    return found
