"""Library functions defined by inlining: Python builtins that are loops or conditionals, in Python source.

Python's `max(a, b)` is a branch in which the first wins a tie, unlike NumPy's maximum.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> def clipped(x):
...     return max(x, 0.0)
>>> print(text(normal_form(clipped, 1.0)))
clipped(x: float64):
    %test.0 = 0.0 > x
    %choice.0 = if %test.0:
        yield 0.0
    else:
        yield x
    return %choice.0
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


def largest_or(x: Any, default: Any) -> Any:
    return largest(x) if len(x) > 0 else default


def smallest_or(x: Any, default: Any) -> Any:
    return smallest(x) if len(x) > 0 else default


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
