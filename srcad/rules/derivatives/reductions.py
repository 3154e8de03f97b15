"""Adjoints of the reductions. The entries that tie for an extreme share its adjoint equally."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.registry import vjp


@vjp(runtime.exact_sum)
def exact_sum(d_y: Any, y: Any, x: Any) -> Any:
    return d_y


@vjp("np.sum")
def sum(d_y: Any, y: Any, x: Any, axis: Any = None) -> Any:
    if axis is None or x.ndim == 1:
        return d_y
    return np.expand_dims(d_y, axis)


@vjp("np.mean")
def mean(d_y: Any, y: Any, x: Any) -> Any:
    return d_y / x.size


@vjp("np.max", "np.min")
def extreme(d_y: Any, y: Any, x: Any) -> Any:
    return np.where(x == y, d_y / np.sum(x == y), 0.0)


@vjp(runtime.max_first, runtime.min_first)
def extreme_first(d_y: Any, y: Any, x: Any) -> Any:
    return np.where(x == y, d_y / np.sum(x == y, axis=0), 0.0)


@vjp(runtime.max_last, runtime.min_last)
def extreme_last(d_y: Any, y: Any, x: Any) -> Any:
    ties = x == np.expand_dims(y, -1)
    return np.where(ties, np.expand_dims(d_y / np.sum(ties, axis=-1), -1), 0.0)


@vjp("np.prod")
def prod(d_y: Any, y: Any, x: Any) -> Any:
    # not y / x: right where entries are zero
    return d_y * np.reshape(runtime.product_of_others(np.ravel(x)), x.shape)


@vjp(runtime.prod_first)
def prod_first(d_y: Any, y: Any, x: Any) -> Any:
    return d_y * runtime.product_of_others_first(x)


@vjp(runtime.product_of_others, runtime.product_of_others_first)
def product_of_others(d_y: Any, y: Any, x: Any) -> Any:
    d_x = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            if i != j:
                rest = d_y[i] * 1.0
                for k in range(x.shape[0]):
                    if k != i and k != j:
                        rest = rest * x[k]
                d_x[j] += rest
    return d_x
