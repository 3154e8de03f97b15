"""Arrays written in place while values of them are still wanted: what must be saved, restored, zeroed."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import case, real


@case(real(4), 3, compiled=True)
def overwritten_each_turn_and_read_after(x, n):
    buf = np.zeros(4)
    s = 0.0
    for t in range(n):
        for i in range(4):
            buf[i] = np.sin(x[i] * (t + 1)) + buf[i - 1]
        s += np.sum(buf * buf)
    return s + buf[0] * buf[3]


@case(real(4), 3)
def element_read_before_and_after_its_write(x, n):
    y = x.copy()
    s = 0.0
    for t in range(n):
        a = y[t]
        y[t] = a * a + y[t + 1]
        b = y[t]
        s += a * b * y[t + 1]
        y[t + 1] = b * s
    return s + y.sum()


@case(real(5), 2)
def scratch_array_made_in_the_loop_written_in_an_inner_loop(x, n):
    s = 0.0
    for t in range(n):
        z = np.zeros(5)
        for i in range(1, 5):
            z[i] = np.tanh(z[i - 1] + x[i] * (s + t))
            z[i] *= z[i]
        s += np.sum(z * x)
    return s


@case(real(3, 3))
def write_under_a_condition_that_the_array_decides(a):
    a = a.copy()
    for i in range(3):
        for j in range(3):
            if a[i, j] > 0:
                a[i, j] = a[i, j] * a[j, i]
            elif a[j, i] < -0.5:
                a[j, i] += a[i, j] ** 2
    return np.sum(a * a)


@case(real(6))
def index_computed_from_the_array(x):
    y = x.copy()
    k = np.array([3, 1, 0, 2])
    for i in range(4):
        j = k[i]
        k[i] = k[j]
        y[j] = y[j] * y[i + 2]
    return np.sum(y * y * x)


@case(real(4), 2.0)
def saved_value_of_an_array_overwritten_by_its_callee(x, a):
    def scale(v, s):
        for i in range(len(v)):
            v[i] = v[i] * s
        return v[0]

    y = x * a
    first = y[0] * y[1]
    z = scale(y, first)
    w = scale(y, z)
    return first * w + np.sum(y)


@case(real(5), 4)
def while_writes_until_small(x, limit):
    y = x.copy()
    k = 0
    while np.sum(y * y) > 0.1 and k < limit:
        y *= 0.5
        y[k] = y[k - 1] * y[k]
        k += 1
    return np.sum(y**3) + y[0]


@case(real(3, 4), 2)
def rows_swapped_through_a_copy(a, n):
    a = a.copy()
    for t in range(n):
        kept = a[t].copy()
        a[t] = a[t + 1] * 2.0
        a[t + 1] = kept * a[t]
    return np.sum(a * a)


@case(real(4))
def first_contribution_from_a_later_turn(x):
    y = np.zeros(4)
    z = np.zeros(4)
    for t in range(3):
        for i in range(4):
            z[i] = np.sin(y[i]) + x[i]
        for i in range(4):
            y[i] = z[i] * z[i - 1]
    return y[2]


@case(real(4), 5)
def break_after_a_write(x, n):
    y = x.copy()
    for t in range(n):
        y[t % 4] = np.exp(-(y[t % 4] ** 2)) + y[(t + 1) % 4]
        if y[t % 4] > 1.2:
            y[0] *= 3.0
            break
        y[(t + 2) % 4] *= y[t % 4]
    return np.sum(y * y)


@case(real(2, 3), real(3))
def same_row_twice(a, x):
    y = a.copy()
    y[0] = x * y[1]
    y[0] = y[0] * y[0]
    y[1] = y[0] + y[1]
    y[0] += y[1] * x
    return np.sum(y * a)


@case(real(5))
def shifted_onto_itself(x):
    y = x * x
    y[1:] += y[:-1]
    y[:-1] *= y[1:]
    y[::2] = y[1:4]
    y[1:3] -= y[2:4] * y[0]
    return np.sum(y * y)


@case(real(4))
def array_reused_after_being_kept_in_another(x):
    out = np.zeros((3, 4))
    y = x.copy()
    for t in range(3):
        out[t] = y
        y[t] = y[t] * y[t + 1]
        y += out[t]
    return np.sum(out * out) + np.sum(y)


@case(real(4), True)
@case(real(4), False)
def branch_picks_what_to_overwrite(x, flag):
    y = x.copy()
    z = x * 2.0
    if flag:
        y[0] = z[1] * z[1]
        y = y * z
    else:
        z[2:] = y[:2] * y[:2]
        z = z + y
    y[1] = y[1] * z[0]
    return np.sum(y * z)


@case(real(4), 3)
def array_rebound_and_written_in_turns(x, n):
    y = x.copy()
    for t in range(n):
        y = np.sin(y) * x
        y[t] = y[t] * y[3]
        w = y
        y = y + w[0]
    return np.sum(y * y)


@case(real(3), 2)
def nested_scratch(x, n):
    total = 0.0
    for i in range(n):
        outer = x * (i + 1)
        for j in range(2):
            inner = outer.copy()
            inner[j] = inner[j] ** 2 + outer[2]
            outer[0] = outer[0] * inner[j]
        total += np.sum(outer * x)
    return total


@case(real(4))
def element_times_itself_in_place(x):
    x[0] *= x[0]
    x[1] -= x[1] * x[0]
    x[2] /= 2.0 + x[2] ** 2
    x[3] **= 2
    x[1:3] *= x[0]
    return np.sum(x * x)


@case(real(3, 3), 2)
def in_place_matrix_power(a, n):
    a = a * 0.5
    for _ in range(n):
        a[:] = a @ a + a
        a[0, 0] = a[1, 1] * a[0, 1]
    return np.sum(a)


@case(real(6))
def written_once_read_twice(x):
    h = np.empty(7)
    h[0] = x[0]
    for t in range(6):
        h[t + 1] = np.tanh(h[t] * x[t])
    s = 0.0
    for t in range(5, -1, -1):
        s = s * h[t] + h[t + 1] ** 2
    return s


@case(real(6))
def written_downwards(x):
    h = np.zeros(7)
    h[6] = x[5]
    for t in range(5, -1, -1):
        h[t] = np.sin(h[t + 1] * x[t]) * h[t + 1]
    return h[0] + h[3] * h[3]


@case(real(6))
def written_once_but_wrapping_round(x):
    h = np.zeros(6)
    for t in range(6):
        h[t] = np.cos(h[t - 1] + x[t]) + h[-1]
    return np.sum(h * h)


@case(np.array([0.5, 0.0, -2.0]), 3, gradient=np.array([2.0, 0.0, 0.0]))
def choice_poisons_only_round_the_loop(x, n):
    y = x * 1.0
    for _ in range(n):
        z = np.log(y)
        y = np.where(x > 0, y, 1.0)
        y = np.where(x > 0, y + 0.0 * z, y)
    return np.sum(np.where(x > 0, 2.0 * y, 0.0))


@case(real(6), real(6), compiled=True)
def element_written_before_the_array_is_rebound(x, w):
    """The first turn writes into an array that the reverse sweep reads after this loop, by another name."""
    a = x * 1.0
    s = 1.0
    for i in range(1, 5):
        s += np.sin(a[i - 1] + a[i]) * s
    for i in range(2, 6):
        a[i] = np.cos(w[i]) * s
        a = a / (2.0 + w * w)
    return s
