"""Programs in which many constructs meet, written without a look at how the compiler works."""

from __future__ import annotations

import math

import numpy as np

from tests.programs.registry import case, real


@case(real(5), 3)
def array_and_scalar_in_turns(x, n):
    y = x.copy()
    s = 0.0
    for _ in range(n):
        for i in range(len(y)):
            if i % 2 == 0:
                y[i] = y[i] * y[(i + 1) % len(y)]
            else:
                s += y[i] * y[i - 1]
                y[i] += np.sin(s)
    return s + y.sum()


@case(real(4, 3))
def values_of_rows(a):
    s = 0.0
    for row in a:
        for v in row:
            s = s * 0.5 + v * v
            if s > 2:
                s = math.sqrt(s)
    return s


@case(real(6), compiled=True)
def view_of_a_view(x):
    v = x[1:5]
    w = v[::2]
    w *= 3.0
    v[0] = w[1] * x[0]
    return np.dot(x, x) + w[0]


@case(real(3, 3), real(3), compiled=True)
def gaussian_elimination(A, b):
    A = A + 3 * np.eye(3)
    n = 3
    b = b.copy()
    for k in range(n):
        for i in range(k + 1, n):
            m = A[i, k] / A[k, k]
            for j in range(k, n):
                A[i, j] -= m * A[k, j]
            b[i] -= m * b[k]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        s = b[i]
        for j in range(i + 1, n):
            s -= A[i, j] * x[j]
        x[i] = s / A[i, i]
    return np.sum(x * x)


@case(1.2, 7)
@case(1.2, 4)
def while_with_everything(x, n):
    k = 0
    s = x
    while k < n:
        k += 1
        if k == 2:
            continue
        if k == 6:
            break
        s = s * x + k
        j = 0
        while j < k:
            s = math.sin(s) + x
            j += 2
    else:
        s = s * 100
    return s


def _writes(y, a):
    y[0] = y[0] * a
    y[1:] += y[:-1] * a
    return y.sum()


@case(real(4), 1.3)
def callee_writes_into_a_view(x, a):
    y = x * x
    s = _writes(y, a)
    s += _writes(y[1:], a * a)
    return s * np.sum(y)


@case({"W": [real(3, 2), real(2, 3)], "b": (real(3), real(2))}, real(2), compiled=True)
def layers_in_a_dict(p, x):
    for W, b in zip(p["W"], p["b"]):
        x = np.tanh(W @ x + b)
    return np.sum(x**2)


@case(real(5))
def names_bound_in_the_loop(x):
    i = 0
    for i in range(len(x)):
        if x[i] > 10:
            break
        t = x[i] ** 2
    return t * i + x[i]


@case(real(5), real(5, seed=1))
def arrays_rebound_together(x, y):
    u = x.copy()
    v = y.copy()
    for _ in range(3):
        u, v = v * np.sin(u), u + v
    return np.sum(u * v)


@case(real(3, 4))
def statistics(x):
    m = x.mean(axis=0, keepdims=True)
    s = x.std(axis=0)
    z = (x - m) / s
    return np.sum(z**3) + x.max(axis=1).sum() + np.linalg.norm(x[0])


@case(real(6), np.array([0, 2, 2, 5]))
def repeated_indices_and_masks(x, idx):
    y = x.copy()
    y[idx] = x[idx] * x[idx[::-1]]
    y[idx] += 1.0 * x[:4]
    y[x > 0] *= 2
    return np.sum(y[idx] * y[idx[0]]) + y.sum()


@case(real(4), 2)
@case(real(4), 0)
def arrays_made_in_the_loop(x, n):
    out = np.zeros((n, 4))
    prev = x
    for t in range(n):
        cur = np.empty(4)
        for i in range(4):
            cur[i] = np.tanh(prev[i] + prev[i - 1])
        out[t] = cur
        prev = cur
    return np.sum(out * out) + prev[0]


@case(real(3), real(3, seed=4))
def choices_of_elements(x, y):
    a = np.where(x > y, x * y, np.sqrt(np.abs(y)))
    b = np.maximum(x, y) / np.minimum(x - 9, y - 9)
    c = np.clip(x, -0.5, 0.5)
    return np.sum(a * b) + np.sum(c * c * y)


@case(0.7)
def functions_in_a_tuple(x):
    def f(z, k=2):
        return z**k

    g = lambda z: f(z, k=3) + x  # noqa: E731
    total = 0.0
    for h in (f, g):
        total += h(x)
    return total if total > 0 else -total


@case(real(4, 4))
def blocks_and_rows(a):
    a = a.copy()
    a[1:3, 1:3] = a[:2, :2] @ a[2:, 2:]
    a[0] = a[:, 0]
    a[:, 3] += a[3]
    a.T[2] *= a[0, 0]
    d = np.diag(a)
    return np.sum(a * a) + d.sum() * np.trace(a)


@case(real(3))
def in_place_then_rebound(x):
    s = np.zeros(3)
    for i, (a, b) in enumerate(zip(x, x[::-1])):
        s[i] = a * b
        if a < 0:
            s[i] = s[i] * s[i]
        else:
            s = s + a
    return s @ s


@case(1.5, 3)
def triangular_loops(x, n):
    y = x
    for i in range(n):
        for j in range(i):
            y = y * math.cos(x * j) + i
        z = y * y
    return z if n > 0 else x


@case(real(2, 3), real(3, 2))
def linear_algebra(a, b):
    c = a @ b
    d = np.linalg.inv(c + 5 * np.eye(2))
    e = np.linalg.solve(c + 4 * np.eye(2), a)
    return np.linalg.det(d) * np.sum(e) + np.outer(a[0], b[:, 0]).sum()


@case(real(4), 5)
def states_in_a_list(x, n):
    hist = []
    h = x
    for _ in range(n):
        h = np.tanh(h * x)
        hist.append(h)
    return np.sum(hist[-1] * hist[0]) + np.stack(hist).sum()


@case(real(5))
def continue_and_return(x):
    acc = 0.0
    for i in range(1, len(x)):
        d = x[i] - x[i - 1]
        if d < 0:
            continue
        if d > 3:
            return acc * acc
        acc += d**2 if i % 2 else abs(d)
    return acc
