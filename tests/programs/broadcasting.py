"""Shapes that meet: the gradient of a stretched operand is a sum of the right axes."""

import numpy as np

from tests.programs.registry import case, positive, real, single


@case(real(3, 4), real(4), compiled=True)
@case(real(1, 4), real(4))
@case(real(3, 1), real(4))
@case(real(3, 4), real(1))
@case(real(4), real(3, 4, seed=1))
@case(real(2, 3, 4), real(3, 1))
@case(real(0, 4), real(4), zero=True)
def multiply(a, b):
    return np.sum(np.sin(a * b))


@case(real(3, 4), 0.7)
@case(real(3, 4), np.array(0.7))
@case(0.7, real(2))
@case(np.zeros((2, 0)), 0.3, zero=True)
def with_a_scalar(a, b):
    return np.sum(np.cos(a * b + b))


@case(real(3, 1), positive(4), compiled=True)
@case(real(3, 1), positive(1, 4))
@case(real(4), positive(3, 1))
@case(real(1), positive(3))
def divide(a, b):
    return np.sum((a / b) ** 2)


@case(positive(3, 1), real(4))
@case(positive(4), real(3, 1))
@case(positive(4), 1.7)
@case(1.7, real(4))
def power(a, b):
    return np.sum(a**b)


@case(real(3, 1), real(4, seed=1))
@case(real(2, 1, 3), real(4, 1, seed=1))
@case(0.2, real(3))
def maximum_minimum(a, b):
    return np.sum(np.maximum(a, b) ** 2 + np.minimum(a, b) * 3)


@case(real(3, 1), real(4, seed=1))
@case(real(4), real(2, 1, 1, seed=1))
def subtract_and_square(a, b):
    return np.sum((a - b) ** 2 * (b - a))


@case(real(3), real(4, seed=1))
def outer_by_newaxis(x, y):
    return np.sum(np.sin(x[:, None] - y[None, :]))


@case(real(3, 4), real(3, 1, seed=1))
def in_place_add(a, b):
    c = a * 1.0
    c += b
    c *= b
    c /= 2 + b[0, 0] ** 2
    return np.sum(c * c)


@case(real(3, 4), real(4, seed=1), compiled=True)
@case(real(1, 4), real(4, seed=1))
@case(real(3, 1), real(1, seed=1))
def in_place_add_of_a_row(a, b):
    c = a.copy()
    c -= b
    c **= 2
    return np.sum(c * a)


@case(real(3, 1), real(1, 4), 0.3)
def three_shapes(a, b, c):
    d = a + b * c
    e = d * a
    return np.sum(e * b) + np.sum(e * e) * c


@case(real(2, 1), real(1, 3), real(1))
def where_of_three_shapes(a, b, c):
    return np.sum(np.where(a > b, a * c, b) ** 2)


@case(real(3, 1))
@case(real(1, 3))
@case(real(1, 1))
@case(real(2, 2))
def rank_two_with_itself_transposed(a):
    return np.sum(np.sin(a + a.T * 2))


@case(real(3, 1), 4, compiled=True)
@case(real(3, 1), 1)
def size_known_at_run_time(a, n):
    b = np.zeros((3, n))
    b += a
    for j in range(n):
        b[:, j] *= j + 1
    return np.sum(b * b * a)


@case(real(1), 3)
@case(real(3), 3)
@case(real(1), 0)
def grows_by_rebinding(x, n):
    y = x
    for i in range(n):
        y = y * np.ones(3) * x + i
    return np.sum(y * y)


@case(real(3), real(1, seed=2))
@case(real(1), real(3, seed=2))
@case(real(1), real(1, seed=2))
def lengths_decide_at_run_time(x, y):
    z = x * y
    z = z + x
    return np.sum(z * y)


@case(single(3, 1), single(4, seed=1), tolerance=3e-5)
def single_precision(a, b):
    return np.sum(a * b + a)


@case(real(3, 4))
def centre_columns(a):
    m = np.mean(a, axis=0)
    c = a - m
    s = np.sqrt(np.sum(c * c, axis=0, keepdims=True))
    return np.sum((c / s)[0] * a[1])


@case(real(3, 4), real(3))
def broadcast_to(a, x):
    b = np.broadcast_to(x[:, None], (3, 4))
    return np.sum(a * b * b)


@case(real(2, 1, 4), real(3, 1))
def broadcast_arrays(a, b):
    c, d = np.broadcast_arrays(a, b)
    return np.sum(np.sin(c) * d)


@case(real(4), 0.5)
def scalar_accumulates_from_every_entry(x, a):
    y = x * a + a
    y -= a * a
    y[1:] += a
    return np.sum(y * y) * a


@case(np.array([[2.0]]), real(2, 3))
def one_by_one(a, b):
    return np.sum(a * b) + np.sum(a @ b[:1]) + a[0, 0] * np.sum(a + b)


@case(real(12), real(12), wrt=(0, 1), name="long", compiled=True)
@case(real(4), real(4), wrt=(0, 1), name="short", compiled=True)
@case(real(3), real(12), wrt=(0, 1), name="one item left, and ten", compiled=True)
@case(real(12), real(3), wrt=(0, 1), name="ten left, and one", compiled=True)
@case(real(3), real(3), wrt=(0, 1), name="one left of both", compiled=True)
@case(real(2), real(3), wrt=(0, 1), name="nothing left, and one", compiled=True, zero=True)
def inner_parts(u, v):
    """Of an array of three items one is left, and that broadcasts."""
    w = u[1:-1] * v[1:-1] + v[2:]
    return np.sum(w * w) + np.sum(u[:-2] / (2.0 + v[1:-1] ** 2))


@case(real(10, 3), real(9, 12), wrt=(0, 1), compiled=True)
@case(real(12, 12), real(12, 12), wrt=(0, 1), compiled=True)
@case(real(10, 10), real(3, 3), wrt=(0, 1), compiled=True)
def inner_parts_of_matrices(u, v):
    w = u[1:-1, 1:-1] - v[2:, 2:] if u.shape == v.shape or v.shape[0] == 3 else u[1:-2, 1:-1] - v[2:, 2:]
    return np.sum(w * w * w)


@case(real(4, 3), compiled=True)
@case(real(2, 3), name="one pair")
@case(real(4, 1), name="numbers")
def distances_of_pairs(a):
    """Along one axis the adjoint of a sum is repeated, along the other nobody knows whether it is summed."""
    n = a.shape[0]
    out = np.zeros(n * (n - 1) // 2)
    at = 0
    for i in range(n - 1):
        out[at : at + n - 1 - i] = np.sum((a[i + 1 :] - a[i]) ** 3, axis=-1)
        at += n - 1 - i
    return np.sum(np.sin(out))
