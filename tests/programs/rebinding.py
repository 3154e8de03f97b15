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


@case(real(3, 4), real(3, 3), real(3), real(3), real(0, 4))
@case(real(3, 4), real(3, 3), real(3), real(3), real(1, 4))
@case(real(3, 4), real(3, 3), real(3), real(3), real(5, 4), compiled=True)
# one turn may change the length
@case(real(2, 4), real(2, 3), real(2), real(3), real(1, 4))
@case(real(2, 4), real(2, 3), real(2), real(3), real(0, 4))
def state_of_lengths_with_many_names(wx, wh, b, h, xs):
    for x in xs:
        h = np.tanh(wx @ x + wh @ h + b)
    return np.sum(h * h)


@case(real(3, 3), real(3), 0)
@case(real(3, 3), real(3), 1)
@case(real(3, 3), real(3), 4, compiled=True)
def state_written_after_its_loop(w, h, n):
    for _ in range(n):
        h = np.sin(w @ h) * h
    h[0] = h[1] * h[2]
    return np.sum(h * h)


@case(real(3), real(3), 1)
@case(real(3), real(3), 2)
@case(real(3), real(3), 5, compiled=True)
def states_that_change_places(a, b, n):
    for _ in range(n):
        a, b = b, np.sin(a * b)
        b = b * b + a
    return np.sum(a * b)


@case(real(3), real(3), 1)
@case(real(3), real(3), 4)
def states_that_only_change_places(a, b, n):
    total = 0.0
    for i in range(n):
        total += np.sum(np.sin(a) * b) * (i + 1)
        a, b = b, a
        total += np.sum(a * a * b)
    return total


@case(0.7, -1.0)
@case(0.7, 2.0)
@case(0.7, 6.0, compiled=True)
def state_of_a_while(x, most):
    y = x
    t = 0.0
    while t < most and y < 3.0:
        y = y * np.exp(0.1 * y) + 0.01 * np.sin(y)
        t += y
    return y * y + t


@case(real(4), real(4, 4), 0.5)
@case(real(4), real(4, 4), 9.0)
def state_in_a_branch(h, w, most):
    total = 0.0
    for row in w:
        if h[0] < most:
            h = np.tanh(row * h) + h * h
        else:
            h = np.sin(h)
        total += np.sum(h**3)
        if total > 2.0:
            break
    return total * h[1]


@case(real(3), real(2, 4, 3))
def state_of_an_inner_loop(h, xs):
    total = 0.0
    for row in xs:
        for x in row:
            h = np.cos(x * h) + 0.5 * h
            total += 0.1 * np.sum(h * h)
        h = h + np.cos(total)
    return total * np.sum(h)


@case(real(6))
def state_that_gets_shorter(h):
    for _ in range(4):
        h = np.cos(h[1:]) + h[:-1] ** 2
    return np.sum(h * h)


@case(real(3), real(3, 3), 0)
@case(real(3), real(3, 3), 1)
@case(real(3), real(3, 3), 3)
def length_said_again_after_the_loop(a, w, n):
    b = np.zeros(w.shape[0])
    c = a
    for t in range(n):
        for k in range(2):
            c = np.sin(b) + 0.5 * a
            if c[0] > 0.1 * t:
                a = np.cos(b) / (1.5 + k)
            else:
                c = np.where(a > 0.1, a, c * 0.5)
    return np.sum(a * b) + np.sum(np.sin(c) * a * w[0])


@case(real(3), 0)
@case(real(3), 1)
@case(real(3), 4, compiled=True)
def first_bound_by_the_turn_before(x, n):
    total = np.sum(x)
    for t in range(n):
        if t > 0:
            total += np.sum(last * last * x)  # noqa: F821
        last = np.sin(x) * (t + 1)
    return total


@case(real(3), 2)
def list_of_an_array_written_in_a_while_in_a_branch(x, n):
    if x[0] != 0.0:
        a = [x * 2.0, x[1] * x[1] + 1.5]
        k = 0
        while k < n and x[2] < a[1]:
            a[0][0] *= a[1]
            k += 1
    return np.sum(a[0] ** 2)


@case(real(4))
@case(real(3))
def counter_of_a_loop_bound_anew_by_another(x):
    a = []
    for i in range(len(x)):
        a.append(x[i] * x[i])
    s = 0.0
    for p in range(1, len(x) - 1):
        if i % 2 == 0:
            s += x[p] * a[0]
        else:
            s += x[p] * a[1]
            i = int(s * 3.0)
    return s + i * x[0]


@case(real(4), 1, True)
@case(real(4), 1, False)
@case(real(4), 0, False)
@case(real(4), 1, True, name="compiled", compiled=True)
def integer_of_one_path_that_becomes_a_float(x, n, c):
    """Where the name has no value there is none to convert."""
    if c:
        s = 0
        u = n
    for i in range(n):
        if c:
            s += x[i] * x[i]
    if x[0] < 0.0 and c:
        u = x[1] * x[2]
    return np.sum(x * x) + (s * u if c else 0.0)


@case(real(4), True)
@case(real(4), False)
def truth_of_one_path_that_a_loop_makes_a_float(x, c):
    if c:
        d = x[0] > 0.5
    for b in x[:2]:
        d = b * 0.5
    return d * x[1] + x[2]


@case(0.7)
def copies_of_copies(x):
    total = 0.0
    total += x**3 * 1
    total += x
    return total
