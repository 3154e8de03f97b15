"""The numbers that a method is given: checked when it is made."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from srcad.errors import fail


def check_number(name: str, value: Any, low: float, high: float) -> None:
    """S310 for what is not a number with low <= value < high.

    >>> check_number("beta1", 1.0, 0.0, 1.0)
    Traceback (most recent call last):
    srcad.errors.ArgumentError: srcad error S310: beta1 is a number from 0 to below 1, not 1.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not low <= value < high:
        words = f" from {low:g} on" if high == inf else f" from {low:g} to below {high:g}"
        fail("S310", f"{name} is a number{words}, not {value!r}")


def check_count(name: str, value: Any, low: int) -> None:
    """S310 for what is not a whole number from `low` on."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        fail("S310", f"{name} is a whole number from {low} on, not {value!r}")
