"""Builtins that are loops or choices, as Python defines them; the compiler inlines these texts.

Python's `max(a, b)` is a branch in which the first wins a tie, unlike NumPy's maximum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import unsupported

to_integer = PRIMITIVES["int"]


def choose_larger(a: Any, b: Any) -> Any:
    return b if b > a else a


def choose_smaller(a: Any, b: Any) -> Any:
    return b if b < a else a


def largest(x: Any) -> Any:
    best = x[0]
    for k in range(1, len(x)):
        if x[k] > best:
            best = x[k]
    return best


def smallest(x: Any) -> Any:
    best = x[0]
    for k in range(1, len(x)):
        if x[k] < best:
            best = x[k]
    return best


def any_of(x: Any) -> Any:
    if np.ndim(x) != 1:
        unsupported("any() of other than a vector: np.any")
    return np.any(x)


def all_of(x: Any) -> Any:
    if np.ndim(x) != 1:
        unsupported("all() of other than a vector: np.all")
    return np.all(x)


def rounded(x: Any) -> Any:
    return to_integer(np.rint(x))
