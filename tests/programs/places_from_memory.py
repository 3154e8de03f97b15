"""Where a statement goes is read from memory that statements write to, itself among them."""

import numpy as np

from tests.programs.registry import case

POINT = np.array([0.317, -0.713, 0.254, 0.937])


@case(POINT)
def after_a_store_through_a_slice(x):
    x = x * 1.0
    x[:1] = x[:1] * x[:1]
    x[int(x[1] * 2) % 2] *= 3.0
    return np.sum(x * x)


@case(POINT, 3, compiled=True)
def end_of_a_slice(x, n):
    x = x * 1.0
    for _ in range(n):
        x[: int(x[0] * 5)] *= 0.9 * x[3]
    return np.sum(x * x)


@case(POINT, 2)
def start_of_a_slice_added_to(x, n):
    x = x * 1.0
    for _ in range(n):
        x[int(abs(x[1]) * 3) :] *= x[2] + x[0]
        x[int(abs(x[1]) * 3) :] += x[2] * x[0]
    return np.sum(x * x * x)


@case(np.array([0.3, 0.7, 0.25, 0.9]))
def two_targets(x):
    x = x * 1.0
    for _ in range(3):
        x[int(x[1] * 8) % 4], x[int(x[0] * 7) % 4] = x[0] * x[1], x[2] * x[3]
    return np.sum(x * x)


@case(POINT)
def row_and_column(x):
    m = np.outer(x, x + 1)
    for i in range(3):
        m[int(m[i, 0] * 8) % 4] *= m[:, int(m[0, i] * 7) % 4]
    return np.sum(m * m)


@case(POINT)
def table_that_points_into_itself(x):
    x = x * 1.0
    k = np.array([1, 2, 3, 0])
    for i in range(3):
        k[k[k[i]]] = 3 - i
        x[k[k[i]]] *= x[i] * x[k[0]]
    return np.sum(x * x)


@case(POINT)
def condition_and_number_of_turns(x):
    x = x * 1.0
    for i in range(3):
        if x[i] > 0.5:
            x[i] = x[i] * x[i] * 0.1
        for _ in range(int(abs(x[i]) * 5)):
            x[i] *= x[i + 1]
        x[i + 1] *= x[i]
    return np.sum(x * x)


@case(POINT)
def while_that_looks_where_it_writes(x):
    x = x * 1.0
    while x[int(abs(x[1]) * 3) % 4] > 0.1:
        x[int(abs(x[1]) * 3) % 4] *= 0.7 * x[2] + 0.1
        x[1] *= x[0]
    return np.sum(x * x)
