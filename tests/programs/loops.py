"""`for`: bounds known at run time only, all steps, values carried, values overwritten, loops in loops."""

import numpy as np

from tests.programs.registry import case, real


@case(0.9, 0)
@case(0.9, 1)
@case(0.9, 2)
@case(0.9, 7, compiled=True)
def carried_scalar(x, n):
    s = x
    for i in range(n):
        s = s * x + np.sin(s)
    return s


@case(0.9, 0)
@case(0.9, 1)
@case(0.9, 4)
def carried_pair_swaps(x, n):
    a, b = x, 1.0
    for _ in range(n):
        a, b = b * x, a + b
    return a * b + a


@case(0.9, 0)
@case(0.9, 5, compiled=True)
def first_bound_in_the_loop(x, n):
    last = x
    for i in range(n):
        t = x * (i + 1)
        last = t * t
    return last * x


@case(0.9, 1)
@case(0.9, 4, compiled=True)
def read_after_the_loop_only(x, n):
    for i in range(n):
        t = np.sin(x * (i + 1))
    return t * i + t * t


@case(0.9, 0)
@case(0.9, 3)
def loop_variable_read_after(x, n):
    i = 10
    for i in range(n):
        pass
    return x * x * i


@case(0.9, 4)
def loop_variable_rebound_inside(x, n):
    s = 0.0
    for i in range(n):
        i = i * 2 + 1
        s += x**i
    return s * i


@case(0.9, 5)
@case(0.9, 0)
def index_used_as_a_value(x, n):
    s = 0.0
    for i in range(n):
        s = s + x * i * i / (i + x)
    return s * s + x


@case(real(7), 0, 7, 1)
@case(real(7), 1, 7, 2)
@case(real(7), 6, -1, -1, compiled=True)
@case(real(7), 6, 0, -3)
@case(real(7), 5, 5, 1)
@case(real(7), 5, 2, 1)
@case(real(7), 2, 5, -1)
def range_with_any_step(x, start, stop, step):
    s = x[0]
    for i in range(start, stop, step):
        s = s * x[i] + np.cos(s)
    return s


@case(0.7, 1)
@case(0.7, 2)
@case(0.7, 5)
def bound_changes_in_the_body(x, n):
    s = x
    m = n
    for i in range(m):
        m = m - 1
        s = s * x + m
    return s * m + s


@case(0.7, 4)
@case(0.7, 0)
def nested(x, n):
    s = x
    for i in range(n):
        for j in range(n):
            s = np.sin(s * x + i - j)
    return s * s


@case(0.7, 4, compiled=True)
@case(0.7, 1)
def triangular(x, n):
    s = x
    for i in range(n):
        for j in range(i):
            s = np.sin(s * x + i - j)
        for j in range(i, n):
            s = s + x * j
    return s


@case(real(4))
def inner_accumulator_restarts(x):
    total = 0.0
    for i in range(len(x)):
        t = 0.0
        for j in range(i + 1):
            t = t * 0.5 + x[j] * x[i]
        total += t * t
    return total


@case(real(4))
def inner_variable_reused_with_a_branch(x):
    y = 0.0
    for i in range(len(x)):
        t = x[i]
        for j in range(i):
            t = t * x[j]
            if t > 0.1:
                t = t - x[j] * x[j]
                y += t
        y = y * t + t
    return y


@case(real(3), 3)
@case(real(3), 0)
def three_deep(x, n):
    s = x[0]
    for i in range(n):
        for j in range(i, n):
            for k in range(j + 1):
                s = np.cos(s + x[i] * x[j] * x[k])
    return s


@case(real(4))
@case(real(1))
@case(np.zeros(0), zero=True)
def over_an_array(x):
    s = 1.0
    for v in x:
        s = s * v + v
    return s


@case(real(3, 2), compiled=True)
@case(real(1, 2))
def over_rows(a):
    s = 0.0
    for row in a:
        s += row[0] * row[1] * s + np.sum(row * row)
    return s


@case(real(3, 2))
def over_rows_writing(a):
    b = a * 2
    for row in b:
        row[0] = row[1] * row[0]
        row *= 3
    return np.sum(b * a)


@case(real(4))
def over_enumerate(x):
    s = 0.0
    for i, v in enumerate(x):
        s = s * 0.5 + v**2 * i
    return s


@case(real(4))
def over_enumerate_from(x):
    s = 0.0
    for i, v in enumerate(x, 1):
        s += v * i * s + v
    return s


@case(real(4), real(4, seed=1))
@case(real(4), real(3, seed=1))
def over_zip(x, y):
    s = 1.0
    for a, b in zip(x, y):
        s = s * a + b * b
    return s


@case(real(4))
def over_reversed(x):
    s = 1.0
    for v in reversed(x):
        s = s * v + 1
    for i in reversed(range(1, len(x))):
        s = s * x[i] - x[i - 1]
    return s


@case(real(4), real(4, seed=1))
def over_enumerate_of_zip(x, y):
    s = 1.0
    for i, (a, b) in enumerate(zip(x, y)):
        s = s * a + b * i
    return s


@case(0.3, 0.5, 0.7)
def over_a_tuple(x, y, z):
    s = 1.0
    for v in (x, y * y, z):
        s = s * v + v
    return s


@case((0.3, 0.5, 0.7))
@case([0.3, 0.5])
@case([0.3])
def over_a_list_of_parameters(ps):
    s = 1.0
    for p in ps:
        s = s * p + p
    return s


@case(0.6)
def over_literal_numbers(x):
    s = x
    for k in [1, 2.5, 4]:
        s = s * x + k
    return s
