"""Jacobians in forward mode: a tangent for each entry of an argument."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.registry import dtype_of


def columns(tangent: Any, x: Any, outputs: Any) -> Any:
    """The derivatives of all outputs by a number or by the entries of an array, each of shape `out.shape + x.shape`.

    `tangent(t_x)` gives the tangents of the outputs: one alone, or several as a tuple.

    >>> x = np.array([1.0, 2.0])
    >>> columns(lambda t_x: (2.0 * x * t_x, np.sum(t_x)), x, (x * x, 3.0))
    (array([[2., 0.],
           [0., 4.]]), array([1., 1.]))
    """
    if np.ndim(x) == 0:
        return several(tangent(1.0))
    found = tuple(np.zeros(np.shape(y) + np.shape(x), dtype=dtype_of(y)) for y in outputs)
    direction = np.zeros(np.shape(x), dtype=dtype_of(x))
    if np.ndim(x) == 1:
        for i in directions(direction.shape[0]):
            direction[i] = 1.0
            for one, column in zip(found, several(tangent(direction)), strict=True):
                one[..., i] = column
            direction[i] = 0.0
    elif np.ndim(x) == 2:
        for i in directions(direction.shape[0]):
            for j in directions(direction.shape[1]):
                direction[i, j] = 1.0
                for one, column in zip(found, several(tangent(direction)), strict=True):
                    one[..., i, j] = column
                direction[i, j] = 0.0
    else:
        entries = direction.reshape(-1)
        flat = tuple(one.reshape((*np.shape(y), np.size(x))) for one, y in zip(found, outputs, strict=True))
        for i in directions(np.size(x)):
            entries[i] = 1.0
            for one, column in zip(flat, several(tangent(direction)), strict=True):
                one[..., i] = column
            entries[i] = 0.0
    return found


def directions(count: int) -> range:
    """The inputs, one after the other, in whose directions there is a tangent. What these share is computed once."""
    return range(count)


def several(values: Any) -> Any:
    """A tuple as it is; one value as a tuple of one."""
    return values if isinstance(values, tuple) else (values,)
