"""Tuples and lists of numbers from outside: a loop over them stays one, over an array; other uses unroll it."""

import numpy as np

from tests.programs.registry import case, positive, real

WEIGHTS = (0.5, -0.3, 0.8, 0.1, 1.2, 0.7)
RULE = [(0.1, 0.2), (0.3, 0.4), (0.5, 0.6)]


@case(real(3), compiled=True)
def polynomial(x):
    y = 0 * x
    for c in reversed(WEIGHTS):
        y = y * x + c
    return np.sum(y)


@case(positive(3), compiled=True)
def quadrature(x):
    total = 0.0
    for weight, node in RULE:
        total += weight * np.exp(-node * x[0]) * x[1] ** node
    return total * x[2]


@case(real(6))
def counted_with_an_array(x):
    total = 0.0
    for i, (w, v) in enumerate(zip(WEIGHTS, x)):  # noqa: B905
        total += w * v * x[i - 1]
    return total


@case(real(6))
def in_place_by_index(x):
    y = x.copy()
    for i in range(1, len(WEIGHTS)):
        y[i] += WEIGHTS[i] * y[i - 1] * y[i]
    return np.sum(y)


@case(real(4))
def a_list_of_arrays(x):
    parts = [w * x for w in WEIGHTS]
    return np.sum(parts[0] * parts[-1])


@case(real(4))
def two_buffers(x):
    a, b = x * 1.0, x * 2.0
    for w in WEIGHTS:
        a, b = b, a
        b[:] = w * a + x
    return np.sum(a * b)
