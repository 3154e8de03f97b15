"""Ranges and slices that are numbers in the text: one turn, none, downwards, nothing left."""

import numpy as np

from tests.programs.registry import case

POINT = np.array([0.3, -0.7, 0.25, 0.9])


@case(POINT)
def one_turn_down(x):
    M = np.outer(x, x)
    e = x * 1.0
    for k in range(2, 1, -1):
        M[0, 1] -= M[k, 0]
        e[0] = M[0][1]
    return np.sum(M * M) + np.sum(e)


@case(POINT)
def empty_box_scaled(x):
    Q = np.outer(x, x)
    Q[0:0, 4:6] *= np.full(0, Q[0, 0])
    return np.sum(Q)


@case(POINT)
def empty_boxes_moved(x):
    Q = np.outer(x, x)
    Q[0:0, 1:3] += Q[0:0, 0:2]
    Q[2:2] = Q[1:1] * 2
    return np.sum(Q)


@case(POINT)
def ranges_of_numbers(x):
    y = x * 1.0
    for k in range(3, 3):
        y[k] *= 2
    for k in range(3, 0):
        y[k] *= 2
    for k in range(0, 3, -1):
        y[k] *= 2
    for k in range(3, -1, -2):
        y[k] *= y[0]
    for k in range(0, 4, 3):
        y[k] += y[k - 1]
    return np.sum(y * y)


@case(POINT)
def arrays_of_no_items(x):
    z = np.zeros(0)
    y = np.concatenate((z, x * x))
    w = np.zeros((0, 3))
    return np.sum(y) + np.sum(w * 2) + np.sum(z * z)


@case(POINT)
def empty_slices(x):
    y = x * 1.0
    y[4:] = 0.0
    y[2:1] *= y[3:2]
    y[:0] -= x[:0]
    y[0:0] = np.empty(0)
    return np.sum(y * y)


@case(POINT)
def loops_without_turns(x):
    s = 0.0
    M = np.outer(x, x)
    for i in range(1):
        for j in range(i, i):
            s += M[i, j]
        for j in range(3, 2, -1):
            M[j, i] = s + M[i, j]
            s = s * M[j, i] + x[j]
    return s + np.sum(M * M)


@case(POINT)
def triangles_down(x):
    M = np.outer(x, x)
    for k in range(3, 0, -1):
        for j in range(k, 0, -1):
            M[k, j] -= M[k - 1, j] * M[k, j - 1]
    for k in range(2, 1, -1):
        M[k] *= M[k - 1, k]
    for k in range(1, 2):
        M[:, k] += M[k]
    return np.sum(M * M)


@case(POINT)
def full_of_nothing(x):
    y = np.full(0, x[0])
    z = np.full((2, 0), x[1])
    w = np.ones((0, 0)) * x[0]
    return np.sum(y) + np.sum(z * y) + np.sum(w) + np.prod(y) + x[0]


@case(POINT)
def products_of_nothing(x):
    y = x[4:] * 2
    z = x[:0][::-1]
    y = y * z
    return np.sum(y) + np.dot(z, z) + x[0]


@case(POINT)
def matrices_of_no_rows(x):
    M = np.outer(x, x)
    A = M[:, 0:0] @ M[0:0]
    B = M[0:0] @ M
    return np.sum(A) + np.sum(B) + np.sum(M[1:1].T @ M[1:1]) + x[0] * x[0]


@case(POINT)
def one_turn_from_below_zero(x):
    e = x * 1.0
    for k in range(2, 1, -1):
        e[0] -= e[k]
        e[k] = e[0] * e[1]
    for k in range(5, 4, -1):
        e[k - 2] *= e[k - 3]
    for k in range(-1, -2, -1):
        e[k] *= e[k - 1]
    for k in range(-3, 0, 2):
        e[k] *= e[k + 1]
    return np.sum(e * e)


@case(POINT)
def length_known_to_be_zero(x):
    n = 0
    y = np.zeros(n)
    for i in range(n):
        y[i] = x[i]
    z = np.zeros((n, 4))
    for i in range(n):
        z[i] = x * i
    return np.sum(y) + np.sum(z) + x[0]
