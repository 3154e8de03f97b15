"""Products of vectors for L-BFGS, as loops: their results do not depend on where arrays lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import vector_math

Array = np.ndarray[Any, Any]


def dot(x: Array, y: Array) -> float:
    """The scalar product."""
    total: float = 0.0
    for i in range(len(x)):
        total = vector_math.plus(total, x[i] * y[i])
    return total


def direction(gradient: Array, steps: Array, changes: Array, pairs: int) -> Array:
    """-H g for the inverse Hessian H of the last pairs of step and change of the gradient: one in each row.

    Nocedal and Wright (2006), "Numerical optimization", algorithm 7.4, with the first H of their equation 7.20. `pairs`
    is the number of all pairs so far: the newest one is in row (pairs - 1) % memory.
    """
    memory, length = steps.shape
    used = min(pairs, memory)
    found = -gradient
    weights = np.empty(used)
    curvatures = np.empty(used)
    for k in range(used):
        row = (pairs - 1 - k) % memory
        curvature = 0.0
        weight = 0.0
        for i in range(length):
            curvature = vector_math.plus(curvature, steps[row, i] * changes[row, i])
            weight = vector_math.plus(weight, steps[row, i] * found[i])
        curvatures[k] = curvature
        weights[k] = weight / curvature
        for i in range(length):
            found[i] -= weights[k] * changes[row, i]
    if used > 0:
        row = (pairs - 1) % memory
        square = 0.0
        for i in range(length):
            square = vector_math.plus(square, changes[row, i] * changes[row, i])
        for i in range(length):
            found[i] *= curvatures[0] / square
    for k in range(used - 1, -1, -1):
        row = (pairs - 1 - k) % memory
        weight = 0.0
        for i in range(length):
            weight = vector_math.plus(weight, changes[row, i] * found[i])
        for i in range(length):
            found[i] += (weights[k] - weight / curvatures[k]) * steps[row, i]
    return found
