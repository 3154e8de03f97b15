"""One name, many values: of other shapes, types and lives."""

import numpy as np

from tests.programs.registry import case, real


@case(0.7, compiled=True)
def many_times(x):
    x = x * x
    x = np.sin(x)
    x = x + x
    x = x * np.cos(x)
    return x


@case(real(3))
def array_becomes_scalar(x):
    x = np.sum(x * x)
    x = x * x
    return x


@case(0.7)
def scalar_becomes_array(x):
    x = x * np.ones(3)
    x[1] = x[0] * x[2]
    return np.sum(x * x)


@case(0.7)
def swap(x):
    a, b = x, x * x
    a, b = b, a
    return a * a + 3 * b


@case(0.7, 1.2, 0.4)
def rotation(x, y, z):
    x, y, z = y, z, x * y
    x, y, z = z * x, x, y
    return x * y + z * z


@case(0.7)
def chained_assignment(x):
    a = b = x * x
    a = a + 1
    return a * b


@case(real(3))
def chained_assignment_of_an_array(x):
    a = b = x * 2
    a[0] = x[1]
    return np.sum(b * x)


@case(0.7)
def used_before_and_after(x):
    y = x * x
    z = y * 3
    y = np.sin(z)
    w = y * z
    y = x
    return w * y


@case(0.7)
def dead_assignments(x):
    y = np.exp(x)
    y = x * 2
    z = y
    z = 3.0
    return y * y * z


@case(real(2, 3))
def other_rank_each_time(a):
    a = a * a
    a = np.sum(a, axis=0)
    a = a[1:] * a[0]
    a = a[0] + a[1]
    return a * a


@case(0.7, 3)
@case(0.7, 0)
def int_becomes_float_in_a_loop(x, n):
    s = 0
    for i in range(n):
        s = s * x + i
    return s * x + x


@case(0.7, 3)
def parameter_rebound_in_a_loop(x, n):
    for i in range(n):
        x = x * x + 0.1
        n = n + 1
    return x * n


@case(real(3), 0.7)
def argument_overwritten_by_the_other(x, a):
    x, a = x * a, x[0]
    return np.sum(x) * a


@case(real(3))
def unpacking_an_array(v):
    x, y, z = v
    return x * y + z * z


@case(real(2, 2))
def unpacking_rows(m):
    p, q = m
    (a, b), c = m[0], m[1, 1]
    return np.sum(p * q) + a * b * c


@case(real(4), compiled=True)
def partial_sums_into_the_same_name(x):
    s = 0.0
    for v in x:
        s = s + v * s + v
    t = s
    s = 0.0
    for v in x:
        s = s + v * t
    return s * t


@case(0.7)
def name_reused_for_another_kind(x):
    i = x * x
    s = 0.0
    for i in range(3):
        s += x * i
    i = s * s
    return i
