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
    entries, places = direction, found
    if np.ndim(x) > 1:
        entries = direction.reshape(-1)
        places = tuple(one.reshape((*np.shape(y), np.size(x))) for one, y in zip(found, outputs, strict=True))
    for at in range(np.size(x)):
        entries[at] = 1.0
        for place, column in zip(places, several(tangent(direction)), strict=True):
            place[..., at] = column
        entries[at] = 0.0
    return found


def several(values: Any) -> Any:
    """A tuple as it is; one value as a tuple of one."""
    return values if isinstance(values, tuple) else (values,)
