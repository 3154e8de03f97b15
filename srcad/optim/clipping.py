"""Clipping of nested gradients, in place: each number between bounds, or the norm of all of them."""

from __future__ import annotations

from math import inf, isfinite, sqrt
from typing import Any

import numpy as np

from srcad.dispatch.float_leaves import FloatLeaves, described, has_gradient, is_number
from srcad.errors import fail
from srcad.optim.compiled_kernels import kernel
from srcad.optim.numbers import check_number
from srcad.optim.parameters import Array, Flat, refuse_unsuited

_KERNELS = "clip_kernels"
_NORMAL = 1e-280
"""From here on, the squares of numbers that matter in a sum of squares are not rounded to zero."""


def clip_by_value(gradient: Any, low: float, high: float) -> Any:
    """The gradient with each number between `low` and `high`: smaller ones become `low`, larger ones `high`.

    Arrays are changed in place; for numbers, a structure like `gradient` with the same arrays is returned. Infinities
    become bounds, NaN stays NaN; a bound may be infinite. None, for what is no float, stays.

    >>> clip_by_value({"w": np.array([-3.0, 0.5]), "b": 2.0}, -1.0, 1.0)
    {'w': array([-1. ,  0.5]), 'b': 1.0}

    Raises S310 for bounds that are no numbers or not in this order, S340 for what is no gradient of floats.
    """
    if not (is_number(low) and is_number(high) and low <= high):
        fail("S310", f"the bounds are two numbers, the lower one first, not {low!r} and {high!r}")
    leaves = _leaves(gradient)
    flats = [Flat(leaf) for leaf in leaves.floats]
    clip = kernel("clip", _KERNELS)
    for flat in flats:
        clip(flat.array, float(low), float(high))
    return leaves.with_floats([flat.value() for flat in flats])


def clip_by_norm(gradient: Any, most: float) -> tuple[Any, float]:
    """The gradient, scaled down where its norm is above `most`, and the norm that it had.

    The norm is the root of the sum of the squares of all numbers in the structure, computed in float64 without
    overflow. Arrays are changed in place; for numbers, a structure like `gradient` with the same arrays is returned.

    Where the norm is not finite, since there are NaN or infinities, the gradient stays as it is: ask
    `numpy.isfinite(norm)`, and leave the update out.

    >>> clip_by_norm({"w": np.array([3.0, 0.0]), "b": 4.0}, 1.0)
    ({'w': array([0.6, 0. ]), 'b': 0.8}, 5.0)

    Raises S310 for a negative `most`, S340 for what is no gradient of floats.
    """
    check_number("most", most, 0.0, inf)
    leaves = _leaves(gradient)
    flats = [Flat(leaf) for leaf in leaves.floats]
    norm = _norm([flat.array for flat in flats])
    if not isfinite(norm) or norm <= most:
        return gradient, norm
    scale = kernel("scale", _KERNELS)
    for flat in flats:
        scale(flat.array, np.float64(most / norm))
    return leaves.with_floats([flat.value() for flat in flats]), norm


def _norm(arrays: list[Array]) -> float:
    square_sum = kernel("square_sum", _KERNELS)
    total = float(sum(square_sum(array, 1.0) for array in arrays))
    if _NORMAL < total < inf:
        return sqrt(total)
    largest = kernel("largest", _KERNELS)
    unit = float(np.max([0.0, *(largest(array) for array in arrays)]))  # NaN is the largest
    if unit == 0.0 or not isfinite(unit):
        return unit
    return unit * sqrt(sum(square_sum(array, unit) for array in arrays))


def _leaves(gradient: Any) -> FloatLeaves:
    """The leaves of a gradient, which are floats or None."""
    leaves = FloatLeaves.of(gradient, "gradient")
    refuse_unsuited(leaves)
    for at, leaf in enumerate(leaves.leaves):
        if leaf is not None and not has_gradient(leaf):
            fail("S340", f"{leaves.place(at)} is {described(leaf)}, not a float or an array of floats")
    return leaves
