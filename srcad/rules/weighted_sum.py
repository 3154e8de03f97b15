"""A number of whatever a function returns, to differentiate.

>>> float(weighted_sum_of(np.sin)(np.ones(2), np.array([0.0, 0.5 * np.pi])))
1.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def weighted_sum_of(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function of weights, and of the arguments of `f`, whose gradient is the pullback of `f`."""

    def weighted_sum(weights: Any, *given: Any) -> Any:
        return np.sum(weights * f(*given))

    return weighted_sum
