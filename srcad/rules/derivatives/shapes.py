"""Adjoints of the operations that give values another shape, repeat them, or put them together."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import inverse_of, vjp

join = PRIMITIVES["np.concatenate"]


@vjp("reshape")
def reshape(d_y: Any, y: Any, x: Any, *shape: Any) -> Any:
    return np.reshape(d_y, x.shape), *[None for _ in shape]


@vjp("np.transpose")
def transpose(d_y: Any, y: Any, x: Any, axes: Any) -> Any:
    return np.transpose(d_y, inverse_of(axes))


@vjp("np.concatenate")
def concatenate(d_y: Any, y: Any, *parts: Any, axis: Any = 0) -> Any:
    start = 0
    d_parts: Any = ()
    for part in parts:
        stop = start + part.shape[axis]
        d_parts = d_parts + (d_y[(slice(None),) * axis + (slice(start, stop),)],)
        start = stop
    return d_parts


@vjp("array")
def array(d_y: Any, y: Any, *items: Any) -> Any:
    return tuple([d_y[k] for k in range(len(items))])


@vjp("np.full")
def full(d_y: Any, y: Any, value: Any, *shape: Any, dtype: Any = None) -> Any:
    return np.sum(d_y), *[None for _ in shape]


@vjp("np.full_like")
def full_like(d_y: Any, y: Any, x: Any, value: Any) -> Any:
    return None, np.sum(d_y)


@vjp("np.arange")
def arange(d_y: Any, y: Any, start: Any, stop: Any, step: Any) -> Any:
    return np.sum(d_y), None, np.sum(d_y * np.arange(len(d_y)))


@vjp("np.linspace")
def linspace(d_y: Any, y: Any, start: Any, stop: Any, num: Any) -> Any:
    return np.sum(d_y * np.linspace(1.0, 0.0, num)), np.sum(d_y * np.linspace(0.0, 1.0, num)), None


@vjp(*[getattr(runtime, f"unbroadcast_{rank}d") for rank in range(1, 6)])
def unbroadcast(d_y: Any, y: Any, big: Any, like: Any) -> Any:
    return d_y + np.zeros_like(big), None  # `big` may be as long as `like`, or longer, or empty where that has one item


@vjp("np.cumsum")
def cumsum(d_y: Any, y: Any, x: Any) -> Any:
    return np.cumsum(d_y[::-1])[::-1]


@vjp("np.diag")
def diagonal_matrix(d_y: Any, y: Any, x: Any, k: Any) -> Any:
    return np.diag(d_y, k), None


@vjp("diagonal")
def diagonal_of(d_y: Any, y: Any, x: Any, k: Any) -> Any:
    return runtime.with_diagonal(x, d_y, k), None


@vjp(runtime.with_diagonal)
def with_diagonal(d_y: Any, y: Any, like: Any, values: Any, k: Any) -> Any:
    return None, np.diag(d_y, k), None


@vjp("np.tril")
def tril(d_y: Any, y: Any, x: Any, k: Any) -> Any:
    return np.tril(d_y, k), None


@vjp("np.triu")
def triu(d_y: Any, y: Any, x: Any, k: Any) -> Any:
    return np.triu(d_y, k), None


@vjp(runtime.diagonals)
def diagonals(d_y: Any, y: Any, a: Any, offset: Any) -> Any:
    return runtime.diagonals_adjoint(a, d_y, offset), None


@vjp(runtime.diagonals_adjoint)
def diagonals_adjoint(d_z: Any, z: Any, a: Any, d_y: Any, offset: Any) -> Any:
    return None, runtime.diagonals(d_z, offset), None


@vjp(runtime.windows)
def windows(d_y: Any, y: Any, a: Any, width: Any) -> Any:
    return runtime.windows_adjoint(a, d_y, width), None


@vjp(runtime.windows_adjoint)
def windows_adjoint(d_z: Any, z: Any, a: Any, d_y: Any, width: Any) -> Any:
    return None, runtime.windows(d_z, width), None
