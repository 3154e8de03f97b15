"""Arrays made inside: constants, and arrays of active scalars."""

import numpy as np

from tests.programs.registry import case, real, single


@case(0.7, 0.3, compiled=True)
def array_of_scalars(x, y):
    v = np.array([x, y * x, 1.0])
    return np.sum(v * v) * v[1]


@case(0.7, 0.3, compiled=True)
def matrix_of_scalars(x, y):
    r = np.array([[np.cos(x), -np.sin(x)], [np.sin(x), y]])
    return np.sum((r @ np.array([y, 2.0])) ** 2)


@case(real(3))
def array_of_rows(x):
    m = np.array([x, x * x])
    return np.sum(m[0] * m[1])


@case(0.7, 3)
@case(0.7, 0, zero=True)
def full(x, n):
    a = np.full(n, x)
    b = np.full((2, n), x * x)
    return np.sum(a * b)


@case(real(3))
def full_like_and_friends(x):
    a = np.full_like(x, x[0])
    b = np.ones_like(x) * x
    c = np.zeros_like(x)
    d = np.empty_like(x)
    d[:] = x[1]
    return np.sum(a * b * d + c)


@case(0.7, 4)
def ones_zeros_empty(x, n):
    a = np.ones(n) * x
    b = np.zeros((n, 2))
    b[:, 0] = a
    c = np.empty((2, n))
    c[:] = b.T
    return np.sum(c * c) + np.sum(np.ones((2, 3))) * x


@case(0.7, 4)
def eye_and_identity(x, n):
    a = np.eye(n) * x + np.eye(n, k=1)
    b = np.identity(n)
    return np.sum((a @ a) * (b + x))


@case(0.7, 5)
def aranges(x, n):
    a = np.arange(n) * x
    b = np.arange(1, n + 1) ** 2 * x
    c = np.arange(0.0, 1.0, 0.25)
    return np.sum(a * b) + np.sum(c) * x


@case(0.7, 5)
def linspace_constant(x, n):
    t = np.linspace(0, 1, n)
    return np.sum(np.sin(t * x)) + np.sum(np.linspace(0.0, 2.0, 4) ** 2) * x


@case(0.3, 1.7, 5, compiled=True)
@case(0.3, 1.7, 1)
def linspace_of_active_ends(a, b, n):
    t = np.linspace(a, b, n)
    return np.sum(np.sin(t) * np.arange(1, n + 1))


@case(real(3))
def array_copies(x):
    y = np.array(x)
    y[0] = x[1] * x[2]
    z = np.asarray(y)
    z[1] = 2.0 * z[0]
    return np.sum(x * y)


@case(real(3), single(3), wrt=(0, 1), tolerance=3e-5, step=0.1)
def dtypes_mixed(x, y):
    a = np.zeros(3, dtype=np.float32)
    a[:] = y
    b = np.zeros_like(y)
    b += a * 2
    return np.sum(b * x)


@case(0.7, 3)
def written_constant_array(x, n):
    a = np.arange(float(n))
    a[1] = x
    a *= x
    return np.sum(a * a)


@case(0.7)
def integer_array_as_factor(x):
    k = np.array([1, 2, 3])
    return np.sum(k * x) + np.sum(np.arange(3) ** 2 * x**2)


@case(0.7, 3)
def array_reused_each_turn(x, n):
    total = 0.0
    for i in range(n):
        a = np.zeros(3)
        a[i % 3] = x * i
        a += x
        total += np.sum(a * a)
    return total


@case(0.7, 3)
def buffer_not_cleared_each_turn(x, n):
    a = np.zeros(3)
    total = 0.0
    for i in range(n):
        a[i % 3] += x * total + x
        total += np.sum(a * a)
    return total


@case(real(3))
def meshgrid(x):
    a, b = np.meshgrid(x, x[:2])
    return np.sum(np.sin(a * b))


@case(real(3), compiled=True)
def array_listed_from_itself(x):
    y = x * 1.0
    for i in range(3):
        y = np.array([y[1] * x[0], np.sin(y[2]), y[0] + i])
    return np.sum(y * y)
