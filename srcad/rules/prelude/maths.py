"""The functions of `math` that are not one primitive."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES
from srcad.rules.table import expands

log_of = PRIMITIVES["math.log"]


@expands(math.log)
def log(x: Any, base: Any = None) -> Any:
    if base is None:
        return log_of(x)
    return log_of(x) / log_of(base)


@expands(math.hypot)
def hypot(*coordinates: Any) -> Any:
    if len(coordinates) == 0:
        return 0.0
    if len(coordinates) == 1:
        return abs(coordinates[0])
    y = np.hypot(coordinates[0], coordinates[1])
    for c in coordinates[2:]:
        y = np.hypot(y, c)
    return y


@expands(math.dist)
def dist(p: Any, q: Any) -> Any:
    return np.linalg.norm(np.asarray(p) - np.asarray(q))


@expands(math.fsum)
def fsum(seq: Any) -> Any:
    return np.sum(np.asarray(seq))


@expands(math.prod)
def prod(iterable: Any, start: Any = 1) -> Any:
    return np.prod(np.asarray(iterable)) * start


@expands(math.remainder)
def remainder(x: Any, y: Any) -> Any:
    # exact: fmod is, and so is the one subtraction of numbers that near each other
    r = math.fmod(x, y)
    rest = abs(y) - abs(r)
    odd = math.fmod(abs(x) - abs(r), 2.0 * abs(y)) >= abs(y)
    if abs(r) > rest or (abs(r) == rest and odd):
        r = r - math.copysign(abs(y), r)
    return r


def exp2(x: Any) -> Any:
    return np.exp2(x)


def cbrt(x: Any) -> Any:
    return np.cbrt(x)


def sumprod(p: Any, q: Any) -> Any:
    return np.sum(np.asarray(p) * np.asarray(q))


# newer than the oldest Python that srcad runs on
_functions: list[tuple[str, Any]] = [("exp2", exp2), ("cbrt", cbrt), ("sumprod", sumprod)]
for _name, _function in _functions:
    if hasattr(math, _name):
        expands(getattr(math, _name))(_function)
