"""Loops with a limit that nobody reaches: what they keep grows with the turns they make."""

import numpy as np

from tests.programs.registry import case, real

LIMIT = 10**11
"""Room for as many turns is not to be had."""


@case(7.0, 1e-12, LIMIT)
@case(7.0, 1e-12, 3, name="reached")
@case(7.0, 1e-12, 0, name="no turn", zero=True)
@case(7.0, 1e30, LIMIT, name="first turn", zero=True)
def newton_root(a, tol, limit):
    x = 1.0
    for s in range(limit):
        y = x - (x * x - a) / (2 * x)
        if abs(y - x) < tol:
            break
        x = y
    return x


@case(real(4), 1e-14, compiled=True)
def state_of_a_fixed_point(b, tol):
    x = b.copy()
    for s in range(LIMIT):
        y = np.tanh(0.3 * x[::-1]) * x + b
        if np.sum((y - x) ** 2) < tol:
            break
        x = y
    return np.sum(x * x)


@case(np.eye(3) * 3.0 + np.linspace(0.0, 0.5, 9).reshape(3, 3), real(3), 1e-16, compiled=True)
def jacobi(A, b, tol):
    x = np.zeros(len(b))
    for k in range(LIMIT):
        y = np.zeros(len(b))
        for i in range(len(b)):
            t = b[i]
            for j in range(len(b)):
                if j != i:
                    t -= A[i, j] * np.sin(x[j])
            y[i] = t / A[i, i]
        error = 0.0
        for i in range(len(b)):
            error += (y[i] - x[i]) ** 2
        if error < tol:
            return np.sum(y * y)
        x = y
    return np.sum(x)


@case(real(6), 1e-8)
def relaxed_in_place(u, tol):
    v = u.copy()
    for k in range(LIMIT):
        error = 0.0
        for i in range(1, len(v) - 1):
            old = v[i]
            v[i] = 0.4 * (v[i - 1] + np.exp(-v[i + 1]))
            error += (v[i] - old) ** 2
        if error < tol:
            break
    return np.sum(v**2)


@case(real(4, low=0.5), 1e-10, compiled=True)
def a_root_for_each(a, tol):
    total = 0.0
    for i in range(len(a)):
        x = 1.0
        for s in range(LIMIT):
            y = x - (x**3 - a[i]) / (3 * x * x)
            if abs(y - x) < tol:
                break
            x = y
        total += x * np.sin(x)
    return total


@case(3.0, 1e-10)
def both_loops_left(a, tol):
    total = 0.0
    for i in range(LIMIT):
        if total > 5.0:
            return total * a
        x = 1.0
        for s in range(LIMIT):
            y = 0.5 * (x + a / x)
            if abs(y - x) < tol:
                break
            x = y
        total += x
    return total


@case(1.3, 24, compiled=True)
def kept_in_a_branch(a, last):
    """What a branch keeps stands at the number of the turn, for which room is made whether it is taken or not."""
    x = a
    for k in range(LIMIT):
        if k % 7 == 6:
            x = np.sin(x) * a
        for i in range(3):
            if k % 2 == 0:
                x = x * np.cos(0.3 * x) + 0.2
        if k == last:
            break
    return x


@case(1.2, 20)
def limits_that_a_while_counts(a, last):
    x, k = a, 0
    while k < LIMIT:
        k += 1
        if k > last:
            return x * x
        h = np.zeros(3)
        for i in range(3):
            h[i] = np.sin(x + i)
        x = 0.5 * (h[0] * h[1] + np.sum(h))
    return x


@case(0.4, 20, compiled=True)
def downwards(a, last):
    x = a
    for k in range(LIMIT, 0, -3):
        x = np.sin(x) + a
        if k < LIMIT - 3 * last:
            break
    return x


@case(real(3), 5)
def rows_that_a_turn_writes_afresh(a, last):
    out = np.zeros(3)
    for k in range(LIMIT):
        t = np.zeros(3)
        for i in range(3):
            t[i] = np.sin(a[i] * (i + 1)) + 0.5 * out[i]
        for i in range(3):
            out[i] = t[i] * t[2 - i] * 0.5
        if k == last:
            break
    return np.sum(out)
