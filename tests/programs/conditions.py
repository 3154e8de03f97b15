"""Programs that go wrong without one of the conditions that the compiler asks for (`python -m tests.safety`)."""

import numpy as np

from tests.programs.registry import case, real


@case(real(5))
def element_met_through_another_shape(x):
    m = np.zeros((2, 3))
    v = m.reshape(6)
    s = 0.0
    for i in range(len(x)):
        m[1, 1] = x[i] * s + x[i]
        s += np.sin(v[4]) * x[i]
    return s


@case(real(5))
def element_met_through_a_part(x):
    m = np.zeros((5, 3))
    v = m[1:]
    s = 0.0
    for i in range(len(x)):
        m[3, 1] = x[i] * s + x[i]
        s += np.sin(v[2, 1]) * x[i]
    return s


@case(real(5), 7, wrt=0)
def element_that_only_a_condition_lets_be(x, k):
    y = np.ones(3)
    s = 0.0
    for t in range(2):
        for i in range(len(x)):
            if k < 3:
                y[k] += x[i] ** 2
        s += y[0] * x[t]
    return s


@case(real(5))
def alike_in_both_branches(x):
    s = 1.0
    for i in range(len(x)):
        if x[i] > 0.0:
            s = s * np.exp(x[i] * 0.3)
        else:
            s = s * np.exp(x[i] * 0.3) + s * s
    return s


@case(real(5))
def cosine_of_what_was_there_before(x):
    y = x.copy()
    c = np.cos(y)
    y[0] = x[1] * 2.0
    t = np.sin(y)
    return np.sum(c * t * x)


@case(real(5), real(3))
def state_that_an_inner_loop_begins_anew(x, y):
    s = 0.5
    for i in range(len(x)):
        h = x[i] * s
        for j in range(len(y)):
            h = np.tanh(h * y[j] + x[i])
        s = np.sin(s) + 0.5 * h
    return s


@case(real(5))
def part_overwritten_in_full(x):
    y = np.zeros(4)
    v = y[1:3]
    y[0] = x[0] ** 2
    v[:] = x[1:3] * 2.0
    return np.sum(y * y)


@case(real(5), 9, wrt=0)
def element_of_one_choice(x, k):
    s = 0.0
    y = x.copy()
    for i in range(len(x)):
        y[i] += x[0]
        s += y[i] * (x[k] if k < 5 else 2.0)
    return s


@case(real(6))
def counter_of_a_loop_downwards(x):
    y = np.empty(len(x))
    k = 0
    for k in range(len(x) - 1, -1, -1):
        y[k] = x[k] * x[k]
    return np.sum(y * y) + y[k] * 3.0
