"""Loops whose turns meet only in sums, scratch arrays, counters: what may be taken back at once, and what may not."""

import math

import numpy as np

from tests.programs.registry import case, positive, real


@case(real(0), real(1), zero=True)
@case(real(1), real(1))
@case(real(7), real(1), compiled=True)
def sum_of_sines(x, w):
    total = 0.0
    for i in range(x.shape[0]):
        s = math.sin(x[i] * w[0])
        total += s * math.exp(s)
    return 3.0 * total


@case(real(5), 1.3)
def sum_that_is_squared(x, w):
    total = 0.0
    for i in range(x.shape[0]):
        total += math.sin(x[i] * w)
    return total * total


@case(real(5), 1.3)
def sum_read_in_the_loop(x, w):
    total = 1.0
    for i in range(x.shape[0]):
        total += math.sin(x[i] * w) * total
    return total


@case(real(5), 1.3)
def sum_doubled(x, w):
    total = 1.0
    for i in range(x.shape[0]):
        total = total + math.sin(x[i] * w)
        total = total + total
    return total


@case(real(5), 1.3)
def sum_taken_from_a_number(x, w):
    total = 1.0
    for i in range(x.shape[0]):
        total = math.sin(x[i] * w) - total
    return total


@case(real(6), 1.3, compiled=True)
def sum_in_a_branch(x, w):
    total = 0.0
    for i in range(x.shape[0]):
        e = math.exp(x[i] * w)
        if e > 1.0:
            total += e * e
        elif e > 0.5:
            total -= math.sin(e)
    return total


@case(real(6), 1.3)
def sum_over_inner_loops(x, w):
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(i):
            total += math.exp(x[i] * x[j]) * w
        total -= math.sin(w * x[i])
    return total


@case(real(6), 1.3)
def two_sums_one_read_by_the_other(x, w):
    first = 0.0
    for i in range(x.shape[0]):
        first += math.sin(x[i] * w)
    second = 0.0
    for i in range(x.shape[0]):
        second += math.sin(x[i]) * first
    return second


@case(real(6), 1.3)
def two_sums(x, w):
    first = 0.0
    for i in range(x.shape[0]):
        first += math.sin(x[i] * w)
    second = 0.0
    for i in range(x.shape[0]):
        second += math.exp(x[i]) * math.sin(w)
    return 2.0 * first - second


@case(real(6), 1.3)
def results_read_afterwards(x, w):
    out = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        out[i] = math.sin(x[i] * w)
    loss = 0.0
    for i in range(x.shape[0]):
        loss += out[i] * out[i]
    return loss


@case(real(6), 1.3, compiled=True)
def results_summed_afterwards(x, w):
    out = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        out[i] = math.sin(math.exp(x[i] * w))
    return np.sum(out)


@case(real(6), 1.3)
def input_overwritten_afterwards(x, w):
    y = x * 1.0
    total = 0.0
    for i in range(y.shape[0]):
        total += math.sin(math.exp(y[i] * w))
    y[2] = w
    return total + y[2] + y[3]


@case(real(6), 1.3)
def input_overwritten_in_the_loop(x, w):
    y = x * 1.0
    total = 0.0
    for i in range(1, y.shape[0]):
        total += math.sin(math.exp(y[i] * w) * y[i - 1])
        y[i] = w
    return total


@case(real(6), 1.3)
def own_elements_overwritten(x, w):
    y = x * 1.0
    total = 0.0
    for i in range(y.shape[0]):
        total += math.sin(math.exp(y[i] * w))
        y[i] = y[i] * w
    return total + np.sum(y)


@case(real(4, 3), real(3), compiled=True)
@case(real(1, 3), real(3))
@case(real(0, 3), real(3), zero=True)
def scratch_written_each_turn(x, w):
    n, d = x.shape
    t = np.empty(d)
    u = np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            t[j] = x[i, j] * w[j]
        for j in range(d):
            u[j] = math.exp(t[j])
        for j in range(1, d):
            u[j] += t[j] * u[j - 1]
        for j in range(d):
            total += u[j] * u[j] * t[j]
    return total


@case(real(4, 3), real(3))
def scratch_not_wholly_written(x, w):
    n, d = x.shape
    t = np.zeros(d)
    total = 0.0
    for i in range(n):
        for j in range(1, d):
            t[j] = math.sin(x[i, j] * w[j])
        t[0] += t[1] * t[2]
        total += math.exp(t[0])
    return total


@case(real(4, 3), real(3))
def scratch_written_under_a_condition(x, w):
    n, d = x.shape
    t = np.zeros(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            if x[i, j] > 0.0:
                t[j] = x[i, j] * w[j]
        for j in range(d):
            total += math.sin(t[j])
            t[j] *= 0.5
    return total


@case(real(4, 3), real(3))
def scratch_read_before_it_is_written(x, w):
    n, d = x.shape
    t = np.zeros(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            total += math.sin(t[j]) * w[j]
        for j in range(d):
            t[j] = math.exp(x[i, j] * w[j])
    return total


@case(real(4, 3), real(3))
def scratch_read_after_the_loop(x, w):
    n, d = x.shape
    t = np.zeros(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            t[j] = math.exp(x[i, j] * w[j])
        for j in range(d):
            total += t[j] * t[j]
    return total + t[1] * t[2]


@case(real(4, 3), real(3))
def scratch_shifted_by_one(x, w):
    n, d = x.shape
    t = np.zeros(d + 1)
    total = 0.0
    for i in range(n):
        for j in range(d):
            t[j + 1] = math.exp(x[i, j] * w[j])
        for j in range(d):
            total += t[j] * t[j + 1]
    return total


@case(real(4, 3), real(3))
def scratch_written_backwards(x, w):
    n, d = x.shape
    t = np.zeros(d)
    total = 0.0
    for i in range(n):
        for j in range(d - 1, -1, -1):
            t[j] = math.exp(x[i, j] * w[j])
        for j in range(d):
            total += t[j] * t[j] * w[j]
    return total


@case(real(4, 4), real(4))
def scratch_every_other_place(x, w):
    n, d = x.shape
    t = np.zeros(d)
    total = 0.0
    for i in range(n):
        for j in range(0, d, 2):
            t[j] = math.exp(x[i, j] * w[j])
        for j in range(d):
            total += t[j] * w[j]
            t[j] = total
    return total


@case(real(4, 3), real(3))
def scratch_as_a_whole(x, w):
    n, d = x.shape
    t = np.zeros(d)
    total = 0.0
    for i in range(n):
        t[:] = np.exp(x[i] * w)
        total += np.sum(t * t)
        t += w
        total += np.sum(t * t * t)
    return total


@case(real(3, 2, 3), real(3), compiled=True)
def scratch_of_inner_loops(x, w):
    a, b, d = x.shape
    t = np.empty(d)
    state = np.ones(b)
    for i in range(a):
        for k in range(b):
            for j in range(d):
                t[j] = math.tanh(x[i, k, j] * w[j] + state[k])
            s = 0.0
            for j in range(d):
                s += t[j] * t[j]
            state[k] = state[k] * s
    return np.sum(state)


@case(real(4, 3), real(3))
def scratch_row_view(x, w):
    n, d = x.shape
    t = np.empty((2, d))
    total = 0.0
    for i in range(n):
        row = t[1]
        for j in range(d):
            row[j] = math.exp(x[i, j] * w[j])
            t[0, j] = row[j] * w[j]
        for j in range(d):
            total += t[0, j] * row[j]
    return total


@case(real(10), real(4), compiled=True)
def packed_triangle(packed, x):
    n = x.shape[0]
    total = 0.0
    p = 0
    for i in range(n):
        for j in range(i + 1):
            total += math.sin(packed[p]) * x[i] * x[j]
            p += 1
    return total * total


@case(real(10), real(4), compiled=True)
def packed_triangle_each_turn(packed, x):
    n = x.shape[0]
    y = np.zeros(n)
    s = 1.0
    for k in range(3):
        p = 2
        for i in range(n):
            for j in range(i):
                s = s * math.cos(packed[p] * x[j])
                p += 1
            y[i] += s
    return np.sum(y * y)


@case(real(12), np.array([1, 0, 1, 0, 0]), compiled=True)
def counter_moved_in_a_branch(x, flags):
    s = 1.0
    p = 0
    for i in range(5):
        s = s * math.sin(x[p] + 2.0)
        if flags[i] == 1:
            p += 2
            s = s + x[p]
        else:
            p = p + 1
        s = s * math.cos(x[p])
    return s


@case(real(12))
def counter_read_before_and_after(x):
    s = 1.0
    p = 0
    for i in range(4):
        old = p
        p += 2
        s = s * math.sin(x[p]) + x[old] * x[old + 1] * s
        p -= 1
        s = s * math.cos(x[p])
    return s * x[p]


@case(real(12))
def counter_old_value_used_later(x):
    s = 1.0
    p = 0
    q = 0
    for i in range(4):
        s = s * math.sin(x[p]) * x[q]
        q = p
        p += 3
        s = s * x[q]
    return s


@case(real(12))
def counter_set_again(x):
    s = 1.0
    p = 0
    for i in range(5):
        s = s * math.sin(x[p])
        p += 1
        if p == 3:
            p = 0
    return s


@case(real(12))
def counter_multiplied(x):
    s = 1.0
    p = 1
    for i in range(4):
        s = s * math.sin(x[p])
        p = 2 * p - 1 + 1
    return s


@case(positive(12), compiled=True)
def counter_of_a_while(x):
    s = 1.0
    p = 0
    while s < 6.0:
        s = s * (1.0 + x[p])
        p += 1
    return s * x[p]


@case(real(12))
def counter_going_down(x):
    s = 1.0
    p = 11
    for i in range(3):
        for j in range(2):
            s = s * math.sin(x[p] + s)
            p -= 1
        p -= 1
        s += x[p]
    return s


@case(real(5), real(5), real(5))
def same_inputs_three_values(a, b, c):
    x = 1.0
    y = 0.5
    for i in range(3):
        u = x * y
        v = x + 2.0 * y
        w = x - y * y
        t = u * v * w
        x = math.sin(0.3 * a[i] * t + u)
        y = math.cos(0.3 * b[i] * t + 0.5 * v) + 0.1 * c[i] * w
    return x * y


@case(real(5), 0.7)
def branch_on_a_moving_maximum(x, w):
    top = x[0] * w
    s = 0.0
    for i in range(1, x.shape[0]):
        if top < x[i] * w:
            top = x[i] * w
        s += top * top
    return s + top


@case(real(6), 0.8, compiled=True)
def sine_and_cosine(x, w):
    s = 0.0
    for i in range(x.shape[0]):
        angle = x[i] * w
        c = math.cos(angle)
        d = math.sin(angle)
        w = w + 0.1 * c * d
        s += c * s + d
    return s


@case(positive(6), 0.8)
def quotients(x, w):
    s = 1.0
    for i in range(x.shape[0]):
        q = s / (x[i] + w)
        r = 1.0 / (1.0 + q)
        s = 1.0 + 0.3 * q * r - w / (q + 3.0)
    return s


@case(real(4, 3), real(3), compiled=True)
def handed_on_once(x, w):
    n, d = x.shape
    t = np.zeros((n, d))
    u = x * 0.5
    for step in range(3):
        for i in range(n):
            for j in range(d):
                t[i, j] = u[i, j] * w[j] + u[i, 0]
        for i in range(n):
            for j in range(d):
                u[i, j] += math.sin(t[i, j])
    return np.sum(u * u)


@case(real(4, 3), real(3))
def handed_on_under_a_condition(x, w):
    n, d = x.shape
    t = np.zeros((n, d))
    u = x * 0.5
    for step in range(3):
        for i in range(n):
            for j in range(d):
                t[i, j] = u[i, j] * w[j] + u[i, 0]
        for i in range(n):
            for j in range(d):
                if u[i, j] > 0.1:
                    u[i, j] += math.sin(t[i, j])
    return np.sum(u * u)


@case(real(4, 3), real(3))
def handed_on_in_part(x, w):
    n, d = x.shape
    t = np.zeros((n, d))
    u = x * 0.5
    for step in range(3):
        for i in range(n):
            for j in range(d):
                t[i, j] = u[i, j] * w[j] + u[i, 0]
        for i in range(1, n):
            for j in range(d):
                u[i, j] += math.sin(t[i, j])
    return np.sum(u * u)


@case(real(4, 3), real(3))
def handed_on_to_every_turn(x, w):
    n, d = x.shape
    t = np.zeros(d)
    u = x * 0.5
    for step in range(3):
        for j in range(d):
            t[j] = u[step, j] * w[j] + u[0, j]
        for i in range(n):
            for j in range(d):
                u[i, j] += math.sin(t[j])
    return np.sum(u * u)


@case(real(5), real(5), 0.8)
def stored_after_another_store(x, a0, w):
    a = a0 * 1.0
    s = 0.0
    for i in range(5):
        v = math.tanh(x[i] * w + s)
        s += math.sin(a[i])
        a[i] = 0.0
        a[i] = v
    return s + np.sum(a * a)


@case(real(5), real(5, 2), 0.8)
def row_stored_after_another_store(x, a0, w):
    a = a0 * 1.0
    s = 0.0
    for i in range(5):
        v = np.tanh(x[:2] * w + s)
        s += np.sum(np.sin(a[i]))
        a[i] = w
        a[i] = v
    return s + np.sum(a * a)


@case(real(4), real(4, 2), 0.8)
def part_stored_after_the_whole(x, a0, w):
    a = a0 * 1.0
    s = 0.0
    for i in range(4):
        v = math.tanh(x[i] * w + s)
        s += np.sum(np.sin(a[i, 0:1]))
        a[i] = w
        a[i, 1] = v
    return s + np.sum(a * a)


@case(real(0), 0.7)
@case(real(1), 0.7)
@case(real(2), 0.7)
@case(real(4), 0.7, compiled=True)
def triangles_of_many_kinds(x, w):
    n = len(x)
    s = w
    for t in range(2):
        for i in range(n):
            for j in range(i + 1, n):
                s = math.sin(s * x[i] + w * x[j])
        for i in range(2, n):
            for j in range(n - 1, i, -1):
                s = math.sin(s * x[i] - w * x[j])
        for i in range(n - 1, -1, -1):
            for j in range(i + 1):
                s = math.cos(s * x[i] + w * x[j])
        for i in range(1, n):
            for j in range(i - 1, n):
                for k in range(j + 1):
                    s = math.sin(s * x[i] + w * x[j] * x[k])
        for i in range(n):
            for j in range(2 * i, n):
                s = math.sin(s + w * x[j] * x[i])
    return s


@case(real(4), 0.7)
def rows_of_less_than_nothing(x, w):
    s = w
    for i in range(4):
        for j in range(i - 2):
            s = math.sin(s * x[i] + w * x[j])
        for j in range(3 + i, 5):
            s = math.sin(s * x[i] + w * x[j - 3])
    return s


@case(real(4), real(4), 0.7, compiled=True)
def own_array_beside_a_lasting_one(x, a0, w):
    a = a0 * 1.0
    s = 0.0
    for t in range(3):
        z = np.ones(4)
        for i in range(4):
            s += np.sum(np.sin(z[i : i + 1])) + np.sum(np.sin(a[i : i + 1]) * w)
            z[i] = math.exp(0.1 * x[i] * s)
            a[i] = math.sin(a[i] + 0.1 * z[i])
    return s + np.sum(a * a)


@case(real(4, 2), real(4, 2), 0.7)
def own_rows_beside_lasting_ones(x, a0, w):
    a = a0 * 1.0
    s = 0.0
    for t in range(3):
        z = np.ones((4, 2))
        for i in range(4):
            s += np.sum(np.sin(z[i]) * w)
            z[i] = x[i] * s
            s += np.sum(np.sin(a[i]) * np.cos(z[i]))
            a[i] = w * s
    return s + np.sum(a * a)


@case(real(4), real(4), 0.7, compiled=True)
def read_after_the_store_in_own_and_lasting_arrays(x, a0, w):
    a = a0 * 1.0
    s = w
    for t in range(3):
        z = np.ones(4)
        for i in range(4):
            z[i] = z[i] * x[i] * s
            s += math.sin(z[i])
            a[i] = a[i] * 0.5 + x[i] * s
            s += 0.1 * math.sin(a[i])
    return s


@case(real(4), real(4), 0.7)
def read_after_the_store_in_lasting_and_own_arrays(x, a0, w):
    a = a0 * 1.0
    s = w
    for t in range(3):
        z = np.ones(4)
        for i in range(4):
            a[i] = a[i] * 0.5 + x[i] * s
            s += 0.1 * math.sin(a[i])
            z[i] = z[i] * x[i] * s
            s += math.sin(z[i])
    return s


@case(real(9), 1.3)
def scratch_array_of_every_other_turn(x, w):
    """(i - 2) // 2 is the number of the turn, and no linear form of i."""
    t = np.zeros(4)
    total = 0.0
    for i in range(2, 8, 2):
        for k in range(4):
            t[k] = np.sin(x[i] * w + k)
        for k in range(4):
            total += t[k] * t[3 - k] * total + x[i + 1]
    return total


@case(real(9), 1.3)
def scratch_array_of_every_third_turn_down(x, w):
    t = np.zeros(4)
    total = 0.0
    for i in range(8, 0, -3):
        t[:] = np.sin(x[i] * w + x[:4])
        total += t[1] * total + t[2] * t[1]
    return total


@case(real(4), 0.7, 0, wrt=(0, 1))
@case(real(4), 0.7, 1, wrt=(0, 1))
@case(real(4), 0.7, 5, wrt=(0, 1), compiled=True)
def state_before_and_after_each_turn(x, w, n):
    h = x * w
    g = w
    for t in range(2, 2 + n):
        g = math.tanh(g * w + t)
        h = np.tanh(h * w + g)
    for t in range(n - 1, -2, -1):
        h = np.tanh(h * w + x)
    for t in range(n, 3 * n + 2, 2):
        h = np.exp(-h * w)
    return np.sum(h) * g


@case(real(4), 0.7, 6, wrt=(0, 1), compiled=True)
def state_where_a_loop_is_left(x, w, n):
    h = x * w
    for t in range(n):
        if t == 4:
            break
        if t == 1:
            continue
        h = np.tanh(h * w)
    return np.sum(h)


@case(real(4), 0.7, 3, wrt=(0, 1), compiled=True)
def state_of_an_inner_loop(x, w, n):
    total = 0.0
    for i in range(n):
        h = x * i
        for t in range(n + i):
            h = np.tanh(h * w + total)
        total = total + np.sum(h)
    return total


@case(real(4), real(4), 5, compiled=True)
def states_that_change_places(x, y, n):
    a = x
    b = y
    for t in range(n):
        c = np.tanh(a * b)
        a = b
        b = c
    return np.sum(a * b)


@case(real(4), 0.7, 5, wrt=(0, 1), compiled=True)
def state_written_to(x, w, n):
    h = x * w
    for t in range(n):
        h = np.tanh(h * w)
        h[1] += w * h[2]
    return np.sum(h)


@case(real(4, 4), real(4, 3), compiled=True)
def products_of_rows(c, a):
    """Two rows of the adjoint of `a` are added to at once, and once they are one row."""
    s = 0.0
    for i in range(c.shape[0]):
        for k in range(a.shape[1]):
            for j in range(i + 1):
                c[i, j] += a[i, k] * a[j, k]
        for j in range(i + 1):
            s += c[i, j] ** 2
    return s


@case(real(5), real(5), compiled=True)
def sum_into_an_element_that_is_read(x, y):
    """`x[2]` is read in the very turn in which another index is the same."""
    total = 0.0
    for i in range(5):
        for j in range(5):
            x[2] += y[j] * x[j] * 0.1
        total += x[i] * x[2]
    return total


@case(real(3), 4, compiled=True)
def scratch_of_a_loop_without_turns(x, n):
    """Where `k` has no turn, `t` is read as it was."""
    t = np.ones(3)
    s = 0.5
    for i in range(2, n):
        for j in range(2):
            for k in range(2, i):
                t[:] = s * x
            s += t[1] * x[2]
            t[1] = s
            s += t[1] * t[1]
    return s
