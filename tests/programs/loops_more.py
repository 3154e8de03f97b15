"""More of `for`: arrays read and written in turns, buffers, histories, inner loops that overwrite what was read."""

import numpy as np

from tests.programs.registry import case, positive, real


@case(real(5))
def neighbours(x):
    y = x * 0
    for i in range(1, len(x) - 1):
        y[i] = x[i - 1] - 2 * x[i] + x[i + 1]
    return np.sum(y * y)


@case(real(5))
def prefix_in_place(x):
    y = x.copy()
    for i in range(1, len(y)):
        y[i] = y[i] + np.sin(y[i - 1])
    return y[-1] * y[2]


@case(real(5), 3, compiled=True)
@case(real(5), 0)
def array_carried_by_rebinding(x, n):
    y = x
    for i in range(n):
        y = np.tanh(y * x + i)
    return np.sum(y * y)


@case(real(5), 3)
def array_carried_in_place(x, n):
    y = x.copy()
    for i in range(n):
        y *= np.cos(y)
        y += x
    return np.sum(y * y)


@case(real(3), 4)
def matrix_power_like(x, n):
    a = np.outer(x, x)
    v = x
    for _ in range(n):
        v = a @ v
        v = v / np.sqrt(np.sum(v * v))
    return v[0] * v[1]


@case(positive(4))
def product_without_prod(x):
    p = 1.0
    for i in range(len(x)):
        p *= x[i]
    return p


@case(real(4), 3)
@case(real(4), 1)
def buffers_swap(x, n):
    a = x.copy()
    b = np.zeros_like(x)
    for _ in range(n):
        for i in range(1, len(a)):
            b[i] = np.sin(a[i - 1] + a[i])
        a, b = b, a
    return np.sum(a * a) + b[1] * 2


@case(0.3, 3)
@case(0.3, 0)
def empty_inner_loop(x, n):
    s = x
    for i in range(n):
        for j in range(0):
            s = s * 100
        s = s * x + i
    return s


@case(real(3, 4))
def row_sums_by_hand(a):
    n, m = a.shape
    s = 0.0
    for i in range(n):
        r = 0.0
        for j in range(m):
            r += a[i, j] * a[i, j - 1]
        s += r * r
    return s


@case(0.5, 6)
def parity_of_the_turn(x, n):
    s = x
    for i in range(n):
        if i % 2 == 0:
            s = s * s + x
        else:
            s = np.sin(s)
    return s


@case(0.5, 6)
def value_of_the_last_turn(x, n):
    prev = x
    for i in range(n):
        cur = np.sin(prev * x)
        change = cur - prev
        prev = cur
    return prev * change + change * change


@case(0.5, 6, compiled=True)
def history_of_three(x, n):
    a = x
    b = x * x
    c = 1.0
    for _ in range(n):
        a, b, c = b, c, np.sin(a * b + c)
    return a + b * c


@case(real(3), 3)
def statements_after_and_before(x, n):
    y = x * x
    for i in range(n):
        y[i] = y[i] * x[0]
    z = np.sum(y)
    for i in range(n):
        z = z + y[i] * z
    return z * y[0]


@case(0.5, 3.5)
def float_of_the_bound(x, n):
    s = 0.0
    for i in range(int(n)):
        s += x**i * n
    return s


@case(0.5, 3, 2)
def bound_from_an_expression(x, n, k):
    s = x
    for i in range(n * k - 1, k - n, -k):
        s = s * x + i
    return s


@case(real(4), real(4, seed=1), real(4, seed=2), compiled=True)
def read_then_overwritten_by_an_inner_loop(x, y, m):
    for i in range(1, 4):
        y[1:3] = np.tanh(x[1:3])
        for j in range(1, 4):
            x[j] = np.sin(x[3 - i] + m[j])
    return np.sum(np.sin(y))


@case(real(4), 3)
def read_then_overwritten_in_a_branch(x, n):
    y = x * 1.0
    s = 0.0
    for i in range(n):
        s += y[i] * y[i + 1]
        if x[i] > -9:
            y[i + 1] = np.sin(y[i] * x[0])
    return s


@case(real(4), 3)
def read_then_overwritten_in_a_while(x, n):
    y = x * 1.0
    s = 0.0
    k = 0
    while k < n:
        s = s * 0.5 + y[0] * y[k]
        for j in range(4):
            y[j] = np.cos(y[j]) * x[j]
        k += 1
    return s


@case(real(3))
def written_by_the_loop_read_by_the_next_turn(x):
    y = np.zeros(3)
    s = 0.0
    for i in range(3):
        s += np.sum(y) * x[i]
        y[i] = x[i] * x[i]
    return s
