"""Statements of one iteration, run beside their reversal, whose order shows: zeros, sums and conditions between them.

A loop whose iterations are reversed one by one stands in the reverse sweep as a whole. What is done there to adjoints
(a zero is sunk, contributions become one, a branch takes what only it needs) is done to these lines too.
"""

import numpy as np

from tests.programs.registry import case, real

weights = np.array([0.5, -2.0, 1.0, -1.0, 3.0, 0.2])
places = np.array([0, 1, 0, 1, 1, 1])


@case(real(6), weights, wrt=0)
def branch_looks_at_what_was_cleared(x, weights):
    total = 0.0
    w = np.ones(2)
    for i in range(len(x)):
        w[0] = weights[i]
        w[1] = 0.5
        t = w[0]
        w[0] = 0.0
        if w[0] > -1.0:
            w[1] += t
        else:
            w[0] += t
        total += np.exp(x[i] * w[1]) * x[i]
    return total


@case(real(6), weights, wrt=0)
def branch_looks_at_what_was_taken(x, weights):
    total = 0.0
    w = np.ones(2)
    for i in range(len(x)):
        w[0] = weights[i]
        w[1] = 0.5
        t = w[0]
        w[0] = 0.0
        if t > -0.9:
            w[1] += t
        else:
            w[0] += t
        total += np.exp(x[i] * w[1]) * x[i]
    return total


@case(real(6), weights, places, wrt=0)
def read_between_the_zero_and_the_sum(x, weights, places):
    total = 0.0
    w = np.ones(2)
    for i in range(len(x)):
        w[1] = 0.5
        w[0] = 0.0
        t = w[places[i]] + weights[i]
        w[0] += 0.25
        total += np.exp(x[i] * w[0]) * x[i] * w[1] * t
    return total


@case(real(6), weights, wrt=0)
def added_twice_with_a_store_in_between(x, weights):
    total = 0.0
    w = np.ones(2)
    v = np.ones(2)
    for i in range(len(x)):
        v[0] = weights[i]
        v[1] = 0.1
        w += v; v[0] = 3.0; w += v  # fmt: skip # noqa: E702
        total += np.exp(x[i] * w[0]) * x[i] * w[1]
    return total
