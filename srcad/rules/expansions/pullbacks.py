"""The pullback of `srcad.vjp` inside a function: a gradient of the product with a cotangent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def inner_product(out: Any, w: Any) -> Any:
    """The sum of the products of all numbers in two structures that are alike; None has none.

    >>> float(inner_product({"a": (2.0, 3.0), "n": 4}, {"a": (1.0, 10.0), "n": None}))
    32.0
    """
    total = 0.0
    if isinstance(out, dict):
        for key in out:
            total = total + inner_product(out[key], w[key])
        return total
    if isinstance(out, (tuple, list)):
        for one, other in zip(out, w):  # noqa: B905  # the front end knows both lengths
            total = total + inner_product(one, other)
        return total
    if w is None:
        return total
    return np.sum(out * w)


def pullback(gradient: Any, f: Callable[..., Any], primals: Any, w: Any) -> Any:
    """The cotangents of the primals for the cotangent `w` of what `f` returns; `gradient(g, *x)` is that of g."""

    def along(*xs: Any) -> Any:
        return inner_product(f(*xs), w)

    return gradient(along, *primals)


def pullback_beside(gradient: Any, f: Callable[..., Any], primals: Any, w: Any) -> Any:
    """The same, where `f` returns something else beside."""

    def along(*xs: Any) -> Any:
        return inner_product(f(*xs)[0], w)

    return gradient(along, *primals)
