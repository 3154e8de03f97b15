"""More programs in which many constructs meet, written without a look at how the compiler works."""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass
from functools import partial
from typing import Any

import numba
import numpy as np

from tests.programs.registry import case, real


@dataclass
class Layer:
    W: Any
    b: Any


Scale = namedtuple("Scale", "a b")
OUTER = np.array([1.0, 2.0, 3.0])
FACTOR = 2.5


@numba.njit
def _compiled_already(x, y=2.0):
    return x * y + np.sin(x)


@case(Layer(real(2, 2), real(2)), Scale(real(2), 0.5))
def dataclass_closure_and_globals(p, scale):
    def layer(x, *, act=np.tanh):
        return act(p.W @ x + p.b) * scale.b

    h = layer(scale.a)
    return layer(h, act=np.sin).sum() + _compiled_already(scale.b) + FACTOR * np.dot(OUTER[:2], h)


@case(np.asfortranarray(real(3, 4)))
def fortran_order(x):
    y = x * 2.0
    z = y.T.reshape(2, 6)
    w = y.flatten()
    w[0] = w[1] * w[2]
    return np.sum(z**2 * 0.5) + w.sum()


@case(real(8)[::2])
def strided_argument(x):
    x[0] = x[1] * x[2]
    x[1:] *= x[0]
    return x @ x


@case(real(0), 2.0, wrt=1)
def empty_argument(x, a):
    return np.sum(x * a) + a * a + x.size


@case(np.array(1.7), np.array([2.0]))
def zero_dimensional_argument(x, y):
    return x * x * y[0] + np.sum(x * y) + x.sum()


@case(real(3), 0)
@case(real(3), 2)
def no_turns(x, n):
    s = 1.0
    while s < n:
        s += x[0] * x[0]
    for i in range(n - 1, -1, -1):
        s *= x[i]
    return s + x.sum()


@case(3, wrt=0)
def python_int(k):
    return k * k / 2


@case(real(4), real(4, seed=1))
def unpacking_walrus_and_chains(x, y):
    assert x.shape == y.shape, f"bad {x.shape}"
    m = np.zeros((2, 2))
    (a, b), *rest = [(x[0], y[0]), x[1], y[1]]
    if (n := len(rest)) > 1 and a < 10 or b > 20:
        m[0, 0] = a * b * n
    m[-1, -1] = rest[0] * rest[1]
    return m.sum() * np.max([a, b]) if not a == b != 3 else 0.0 * a


@case(real(4))
def comprehension_and_dict(x):
    z = [v * v for v in x[:3]]
    d = {"a": x[0], "b": x[1]}
    t = 0.0
    for k, v in d.items():
        t += v * len(k)
    d["c"] = t
    return sum(z) + d["c"] * d["a"]


@case(real(3), real(3, 3))
def loops_backwards(v, M):
    s = 0.0
    for i in reversed(range(3)):
        for j in range(i, -1, -2):
            s += M[i, j] * v[j] ** i
    for a in reversed(v):
        s = s * 0.3 + a
    return s**2


@case(1.3, 0.4)
def builtins_of_scalars(x, y):
    f = partial(pow, x)
    r = max(x, y) * min(x, 2.0) + abs(y - x) + math.hypot(x, y) + math.atan2(y, x)
    r += f(y) + x // y + x % y
    r = +r
    r -= -x
    r /= y
    r **= 2
    return float(r) + int(x) * x + bool(x) * y + round(x) * y


@case(real(5, 4))
def writes_into_rows(a):
    a = a.copy()
    for row in a:
        row *= 2.0
        row[1] = row[0] * row[2]
    for i, row in enumerate(a[1:]):
        row[:] = row + a[i]
    b = a[::-1, 1:]
    b[..., 0] += b[..., 1] ** 2
    a[np.newaxis, 0, :] *= 1.5
    return (a * a).sum()


@case(real(2, 3, 4))
def shapes_of_three_axes(x):
    y = x.transpose(2, 0, 1).reshape(4, -1)
    z = np.swapaxes(x, 0, 2)[..., None].squeeze(axis=-1)
    w = np.expand_dims(y, 0) @ np.ones((1, 6, 2))
    c = np.concatenate([x, x[:, :1] * 2], axis=1)
    top = np.stack([x[0], x[1]], axis=-1).max(axis=(0, 2)).sum()
    return (y**2).sum() + z.prod(axis=-1).sum() + w.mean() + c.var() + top


@case(real(6), np.array([True, False, True, True, False, False]))
def masks(x, m):
    y = x[m]
    z = x.copy()
    z[~m] = y[0]
    z[m] += y**2
    return z @ z + np.where(m, x, 2 * x).sum() * y.size


@case(real(4), 3)
def callee_returns_its_argument(x, n):
    def rec(y, a):
        y[1] = y[0] * a
        return y

    for k in range(n):
        x = rec(x, x[k])
        if k == 1:
            x = x * 1.5
    return x.sum()


@case(2.0)
def break_and_else_nested(x):
    s = 0.0
    i = 0
    while True:
        i += 1
        if i > 5:
            break
        for j in range(10):
            if j > i:
                break
            if j % 2:
                continue
            s += x**j / (i + 1)
        else:
            s += 100 * x
    return s


@case(real(3))
def rotation(x):
    u = x
    for _ in range(4):
        u = u + 0.1 * np.array([u[1] * u[2], -u[0] * u[2], u[0] * u[1]])
        if np.linalg.norm(u) > 1.5:
            u = u / np.linalg.norm(u)
    return u[0] * u[1]


@case(real(4), real(4, seed=1))
def slices_exchanged(x, y):
    a, b = x.copy(), y.copy()
    a[:2], b[:2] = b[:2] * 2, a[:2] * 3
    a[1:] = a[:-1]
    b += b[::-1]
    return a @ b


@case(0.3, real(3))
def sorting_and_searching(s, x):
    x = np.sort(x * s)
    c = np.cumsum(x)
    i = np.argmax(x)
    return np.interp(0.1 * s, x, c) + c[i] + np.dot(x[::-1], c) + np.vdot(x, x) * np.inner(x, c)
