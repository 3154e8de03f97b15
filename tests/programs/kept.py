"""What is kept where elements are read, overwritten and used: loads of places that a store saves, sums in one place."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import case, real


@case(real(2), real(2), 0.1, 5, compiled=True)
def positions_read_before_their_step(p, v, dt, n):
    p = p.copy()
    v = v.copy()
    loss = 0.0
    for _ in range(n):
        r2 = p[0] * p[0] + p[1] * p[1] + 0.5
        v -= dt * p / (r2 * np.sqrt(r2))
        p += dt * v
        loss += np.log(r2) * p[0]
    return loss


@case(real(3, 2), real(3, 2), 0.1, 3, compiled=True)
def pulls_added_to_one_velocity(p, v, dt, n):
    p = p.copy()
    v = v.copy()
    for _ in range(n):
        for i in range(3):
            for j in range(3):
                if i != j:
                    dx = p[j, 0] - p[i, 0]
                    w = 1.0 / (dx * dx + v[j, 1] * v[j, 1] + 1.0)
                    v[i, 0] += dt * w * dx
        for i in range(3):
            p[i, 0] += dt * v[i, 0]
            p[i, 1] -= dt * v[i, 1] * v[i, 0]
    return np.sum(p * p) + np.sum(v * v)


@case(real(5), real(8), 8, compiled=True)
def one_element_of_a_linear_state_is_looked_at(u, seen, n):
    u = u.copy()
    loss = 0.0
    for t in range(n):
        for i in range(1, 4):
            u[i] += 0.25 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        loss += np.sin(u[2] - seen[t])
    return loss


@case(real(4, 4), real(4, 3), 1.3, compiled=True)
def sums_in_place_that_later_turns_read(a, b, alpha):
    b = b.copy()
    for i in range(4):
        for j in range(3):
            for k in range(i + 1, 4):
                b[i, j] += a[k, i] * b[k, j]
            b[i, j] = alpha * b[i, j]
    return np.sum(b * b)


@case(real(4, 4), real(4), compiled=True)
def partial_sums_are_read(a, x):
    y = x.copy()
    s = 0.0
    for i in range(4):
        for j in range(4):
            y[i] += a[i, j] * x[j]
            s += np.sin(y[i])
        y[i] *= y[i]
    return s + np.sum(y * y)


@case(real(4, 4), real(4), compiled=True)
def partial_sums_are_read_through_another_index(a, x):
    y = x.copy()
    for i in range(4):
        for j in range(4):
            y[i] += a[i, j] * y[j]
        y[i] = np.sin(y[i])
    return np.sum(y * y)


@case(real(4), compiled=True)
def no_turn_and_no_such_place(x):
    """In the last turn the inner loop makes no turn, and there is no `y[j]` that could be saved before it."""
    y = x.copy()
    s = 0.0
    for i in range(4):
        s += y[(i * i + 1) % 4] ** 2
        j = i + 1
        for k in range(j, 4):
            y[j] += x[k] * x[i]
    return s


@case(real(4), 2, compiled=True)
def no_place_counted_from_the_end(x, n):
    """Where nothing is added, the place may be beyond either end."""
    y = x.copy()
    s = 0.0
    for i in range(8):
        s += 0.3 * y[i * i % 4] ** 2
        j = 2 * n - 3 * i - 4
        for k in range(n - i):
            y[j] += 0.3 * x[k] * s
    return s + y[0] * y[1]


@case(real(4), 3, compiled=True)
def set_then_added_to(x, n):
    y = x.copy()
    s = 0.0
    for t in range(n):
        for i in range(4):
            s += y[i] * y[i]
            y[i] = 0.1
            for k in range(4):
                y[i] += x[k] * x[i] * 0.3
    return s


@case(real(4), 3, compiled=True)
def set_read_and_added_to(x, n):
    y = x.copy()
    s = 0.0
    for t in range(n):
        for i in range(4):
            s += 0.1 * y[i] * y[i]
            y[i] = np.sin(s)
            s += 0.1 * y[i] * y[i]
            y[i] += x[i]
            for k in range(2):
                y[i] += x[k] * y[i - 1]
    return s


@case(real(4), 3, compiled=True)
def set_in_one_branch_and_added_to(x, n):
    y = x.copy()
    s = 0.0
    for t in range(n):
        for i in range(4):
            s += y[i] * y[i]
            if i % 2 == 0:
                y[i] = 0.5
            for k in range(4):
                if k != t:
                    y[i] += x[k] * x[i]
    return s


@case(real(4), 3, compiled=True)
def all_set_then_some_added_to(x, n):
    y = x.copy()
    s = 0.0
    for t in range(n):
        s += np.sum(y * y)
        y[:] = 0.3 * x
        for k in range(4):
            y[(k * k + t) % 4] += x[k] * s
    return s


@case(real(3), 4, compiled=True)
def row_read_element_by_element_before_it_is_replaced(x, n):
    a = np.zeros((2, 3))
    a[0] = x
    a[1] = x * x
    s = 0.0
    for t in range(n):
        i = t % 2
        d = a[i, 0] - a[i, 1]
        a[i] = np.sin(a[i])
        s += d * d * a[i, 0] * a[1 - i, 2]
    return s


@case(real(3), compiled=True)
def elements_read_in_a_while_loop(x):
    y = x.copy()
    s = 0.0
    n = 0
    while n < 4:
        r = y[0] * y[0] + y[1] * y[n % 3]
        y[0] = np.sin(y[0])
        y += 0.1 * x
        s += np.cos(r) * y[1]
        n += 1
    return s


@case(real(3), compiled=True)
def elements_read_in_nested_while_loops(x):
    y = x.copy()
    s = 0.0
    n = 0
    while n < 3:
        k = 0
        while k <= n:
            r = y[0] * y[0] + y[1] * y[k]
            y[0] = np.sin(y[0])
            y += 0.1 * x
            s += np.cos(r) * y[1]
            k += 1
        n += 1
    return s


@case(real(4), 3, compiled=True)
def alike_but_for_a_store_in_between(x, n):
    y = x.copy()
    s = 0.0
    for t in range(n):
        a = np.exp(y[t] * 0.3)
        y[t] += 0.5
        b = np.exp(y[t] * 0.3)
        y[t] *= y[t + 1]
        if a > 0.0:
            c = np.exp(y[t] * 0.3)
            y[t + 1] += a * b * c
        s += a * b + np.exp(y[t] * 0.3)
    return s


@case(real(4), 3, compiled=True)
def alike_in_a_branch_and_round_a_loop(x, n):
    y = x.copy()
    s = 0.3
    for t in range(n):
        a = np.sin(y[0] * s)
        if t % 2 == 0:
            b = np.sin(y[0] * s)
            y[0] = b * a
        else:
            b = np.cos(y[0] * s)
            y[1] = y[0] * b
        for _ in range(2):
            s += 0.3 * np.sin(y[0] * s) * b
        s += 0.3 * np.sin(y[0] * s) * a
    return s + y[0] * y[1]


@case(real(4), compiled=True)
def alike_by_a_whole_and_a_true_number(x):
    s = 1.0
    for i in range(4):
        a = np.exp(x[i] * s / 2)
        b = np.exp(x[i] * s / 2.0)
        s = a * b * (s if i * True > 1 else 0.5)
    return s


@case(real(3), 3, compiled=True)
def one_place_by_two_names_in_a_loop(x, n):
    y = x.copy()
    row = y[:2]
    s = 0.0
    for t in range(n):
        d = y[1] * y[1]
        for k in range(3):
            y[1] += x[k] * d
        for k in range(2):
            row[1] -= 0.5 * x[k] * y[0]
        s += d * d * y[1]
    return s


@case(real(5), 2, compiled=True)
def neighbour_read_before_another_is_replaced(x, n):
    y = x.copy()
    s = 0.0
    for _ in range(n):
        for i in range(1, 5):
            d = 2.0 + np.sin(y[i - 1] * y[i])
            y[i] = y[i] / d
            s += y[i - 1] / d
        for i in range(3, -1, -1):
            d = y[i] * y[i + 1]
            y[i] -= 0.1 * y[i + 1]
            s += d * d
    return s + np.sum(y * y)


@case(real(5), 2, compiled=True)
def neighbour_that_may_be_the_one_replaced(x, n):
    y = x.copy()
    s = 0.0
    for t in range(n):
        for i in range(5):
            j = (i * i + t) % 5
            d = y[j] * y[i]
            y[i] = np.sin(y[i]) + 0.3
            y[-i] += 0.2 * d
            s += d * d * y[j]
    return s


@case(real(4), 3, compiled=True)
def number_made_before_loops_that_only_add(x, n):
    y = x.copy()
    a = np.sin(y[1]) * y[2]
    for _ in range(n):
        for i in range(1, 3):
            y[i] += 0.25 * (y[i - 1] + y[i + 1])
    return a * np.sum(y) + y[1]


@case(real(4, 4), compiled=True)
def least_way_from_each_to_each(a):
    d = a * a
    for k in range(4):
        for i in range(4):
            for j in range(4):
                d[i, j] = min(d[i, j], d[i, k] + d[k, j])
    return np.sum(d * a)


@case(np.array([0.11, -0.44, 0.3, 0.8, -0.2]), np.array([0.5, -0.3, 0.1, 0.9, -0.6]), compiled=True)
def cotangents_of_choices_go_one_way(x, y):
    top = x[0]
    s = 0.0
    z = np.zeros(5)
    for i in range(5):
        top = max(top, x[i], y[i])
        z[i] = min(x[i], y[i]) - max(z[i - 1], x[i - 1])
        s += top * z[i]
        z[i - 1] = top if y[i] > x[i] else z[i - 1]
    return s + np.sum(z * z)
