"""Programs that a user calls with arrays on a device: statements on arrays, loops, stencils, gathers, views, numbers
between kernels. `refused` says what a program has that the device has not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_rng = np.random.default_rng(7)


def normal(*shape: int) -> Any:
    return _rng.normal(size=shape)


@dataclass(frozen=True)
class UserProgram:
    function: Callable[..., Any]
    wrt: tuple[int, ...]
    args: tuple[Any, ...]
    refused: str = ""

    @property
    def name(self) -> str:
        return self.function.__name__


PROGRAMS: list[UserProgram] = []


def program(wrt: Any, *args: Any, refused: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def listed(function: Callable[..., Any]) -> Callable[..., Any]:
        PROGRAMS.append(UserProgram(function, wrt if isinstance(wrt, tuple) else (wrt,), args, refused))
        return function

    return listed


# ---- statements on arrays ------------------------------------------------------------------------


@program((0, 1, 2), normal(30), normal(30), 0.7)
def chain_of_statements(x: Any, y: Any, a: Any) -> Any:
    z = a * x + y
    z = np.tanh(z) * z
    w = np.exp(-z * z) / (1.0 + np.abs(y))
    return np.sum(w) + np.mean(z)


@program(0, normal(6, 5))
def row_sums_and_maxima(x: Any) -> Any:
    s = np.sum(x, axis=1)
    t = np.sum(x * x, axis=0)
    return np.sum(s * s) + np.sum(np.sqrt(t))


@program((0, 1), normal(6, 5), normal(5))
def broadcast_along_rows(x: Any, b: Any) -> Any:
    h = np.maximum(x + b, 0.1 * (x + b))
    return np.sum(h * h) / h.size


@program(0, normal(7, 4))
def softmax_rows(x: Any) -> Any:
    e = np.exp(x)
    p = e / np.sum(e, axis=1)[:, None]
    return -np.sum(np.log(p[:, 0]))


@program((0, 1), normal(20), normal(20))
def where_and_clip(x: Any, y: Any) -> Any:
    z = np.where(x > y, x * x, y - x)
    return np.sum(np.clip(z, -0.5, 1.5) * x)


@program((0, 1), normal(12), normal(12))
def augmented_statements(x: Any, y: Any) -> Any:
    z = x.copy()
    z += y * 2.0
    z *= x
    z[2:-2] -= y[4:]
    return np.sum(z * z)


@program((0, 1), normal(15).astype(np.float32), np.float32(0.5))
def single_precision_statement(x: Any, a: Any) -> Any:
    y = x * a + x * x
    return np.sum(y * np.sin(x))


@program((0, 1), normal(15).astype(np.float32), normal(15))
def both_precisions(x: Any, y: Any) -> Any:
    return np.sum(x * y + x)


@program(0, normal(9))
def mean_and_variance(x: Any) -> Any:
    m = np.mean(x)
    v = np.mean((x - m) ** 2)
    return np.sum(((x - m) / np.sqrt(v + 1e-3)) ** 3)


@program((0, 1), normal(8), normal(8))
def distance_and_norm(x: Any, y: Any) -> Any:
    d = x - y
    return np.sqrt(np.sum(d * d)) + np.dot(x, y)


# ---- loops with sums -----------------------------------------------------------------------------


@program((0, 1), normal(25), 0.3)
def loop_with_sum(x: Any, a: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        t = math.exp(-a * x[i] * x[i])
        total += t * (1.0 + t)
    return total


@program((0, 1), normal(25), normal(25))
def several_sums_in_a_loop(x: Any, y: Any) -> Any:
    a = 0.0
    b = 0.0
    n = 0
    for i in range(len(x)):
        a += x[i] * y[i]
        if x[i] > 0.0:
            b += x[i] ** 2
            n += 1
    return a / (1.0 + b) + n * b


@program((0, 1), normal(6, 7), normal(7))
def product_by_loops(a: Any, x: Any) -> Any:
    total = 0.0
    for i in range(a.shape[0]):
        s = 0.0
        for j in range(a.shape[1]):
            s += a[i, j] * x[j]
        total += s * s
    return total


@program((0, 1), normal(5, 6), normal(6, 4))
def matrix_product_by_loops(a: Any, b: Any) -> Any:
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                c[i, j] += a[i, k] * b[k, j]
    return np.sum(c * c)


@program(0, normal(12))
def triangle(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            total += np.cos(x[i] - x[j])
    return total


@program(0, normal(10), 4)
def newton_in_each(x: Any, steps: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        y = 1.0
        for _ in range(4):
            y = y - (y**3 - 2.0 - x[i] * y) / (3.0 * y * y + 5.0)
        total += y
    return total * steps


@program((0,), normal(16), 0.01)
def while_in_each(x: Any, tolerance: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        y = x[i]
        while abs(y) > 0.5 + tolerance:
            y = 0.6 * y
        total += y * y
    return total


@program((0,), normal(14))
def descending(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x) - 1, -1, -1):
        y[i] = x[i] * x[len(x) - 1 - i]
    return np.sum(np.sin(y))


@program((0,), normal(15))
def steps_of_two(x: Any) -> Any:
    total = 0.0
    for i in range(0, len(x), 2):
        total += x[i] ** 2 * i
    return total


# ---- stencils ------------------------------------------------------------------------------------


@program((0, 1), normal(20), 0.2, 4)
def heat(u: Any, k: Any, steps: Any) -> Any:
    for _ in range(steps):
        new = u.copy()
        new[1:-1] = u[1:-1] + k * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        u = new
    return np.sum(u**2)


@program((0, 1), normal(7, 8), normal(7, 8), 3)
def heat_in_two_dimensions(u: Any, k: Any, steps: Any) -> Any:
    for _ in range(steps):
        new = u.copy()
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                new[i, j] = u[i, j] + 0.1 * k[i, j] * (
                    u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4 * u[i, j]
                )
        u = new
    return np.sum(u * u)


@program((0,), normal(18))
def periodic(u: Any) -> Any:
    n = len(u)
    v = np.zeros(n)
    for i in range(n):
        v[i] = u[(i + 1) % n] * u[i] - u[(i - 1) % n]
    return np.sum(v * v)


@program((0, 1), normal(20), normal(3))
def convolution(x: Any, w: Any) -> Any:
    y = np.zeros(len(x) - 2)
    for i in range(len(y)):
        for k in range(3):
            y[i] += w[k] * x[i + k]
    return np.sum(np.tanh(y))


@program((0, 1), normal(12), 0.4, 5)
def two_buffers(u: Any, c: Any, steps: Any) -> Any:
    now = u.copy()
    before = u.copy()
    for _ in range(steps):
        after = np.zeros(len(u))
        for i in range(1, len(u) - 1):
            after[i] = 2.0 * now[i] - before[i] + c * (now[i + 1] - 2.0 * now[i] + now[i - 1])
        before = now
        now = after
    return np.sum(now * now) + now[3]


# ---- gathers and scatters --------------------------------------------------------------------------


@program((0,), normal(5), np.array([0, 1, 1, 4, -1, 2, 1, 0, 3]))
def repeated_indices(x: Any, index: Any) -> Any:
    return np.sum(x[index] ** 2 * np.arange(9.0))


@program((0,), normal(9), np.array([0, 1, 1, 3, 0, 2, 1, 0, 3]))
def histogram(x: Any, index: Any) -> Any:
    bins = np.zeros(4)
    for i in range(len(x)):
        bins[index[i]] += x[i] * x[i]
    return np.sum(np.sqrt(bins + 1.0))


@program((0, 1), normal(6, 3), normal(3), np.array([5, 0, 0, 2, 3, 5]))
def rows_by_index(table: Any, w: Any, rows: Any) -> Any:
    total = 0.0
    for k in range(len(rows)):
        total += np.tanh(np.dot(table[rows[k]], w))
    return total


@program((0,), normal(8), np.array([3, 1, 0, 2, 7, 6, 5, 4]))
def permutation(x: Any, order: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[order[i]] = x[i] ** 2
    return np.sum(y * np.arange(8.0))


@program((0, 1), normal(6, 2), normal(7), np.array([[0, 1], [1, 2], [2, 0], [3, 4], [4, 5], [5, 3], [0, 5]]))
def springs(positions: Any, stiffness: Any, edges: Any) -> Any:
    energy = 0.0
    for e in range(edges.shape[0]):
        i = edges[e, 0]
        j = edges[e, 1]
        d = positions[i] - positions[j]
        length = np.sqrt(np.sum(d * d) + 1e-6)
        energy += 0.5 * stiffness[e] * (length - 1.0) ** 2
    return energy


# ---- branches --------------------------------------------------------------------------------------


@program((0, 1), normal(20), 0.2)
def branches_in_a_loop(x: Any, a: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        if x[i] > a:
            y = x[i] * a
        elif x[i] < -a:
            y = x[i] ** 2
        else:
            continue
        total += y * y
    return total


@program((0, 1), normal(10), 0.5, True)
def branch_on_the_host(x: Any, a: Any, squared: Any) -> Any:
    if squared:
        y = x * x
    else:
        y = x
    if np.sum(y) > a:
        return np.sum(y * a)
    return np.sum(y) + a


@program((0,), normal(10))
def first_above(x: Any) -> Any:
    for i in range(len(x)):
        if x[i] > 0.3:
            return x[i] ** 2 + x[0]
    return np.sum(x)


# ---- views, transposes -----------------------------------------------------------------------------


@program((0,), normal(6, 5))
def transposed(x: Any) -> Any:
    y = x.T
    total = 0.0
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            total += np.sin(y[i, j]) * (i + 1.0)
    return total


@program((0, 1), normal(6, 6), normal(6))
def diagonal_and_column(a: Any, x: Any) -> Any:
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i, i] * x[i] + a[i, 2] ** 2
    return total


@program((0,), normal(5, 8))
def slices_of_two_axes(x: Any) -> Any:
    block = x[1:4, 2:7]
    return np.sum(block * block) + np.sum(x[0] * x[1]) + np.sum(x[:, 3])


@program((0,), normal(24))
def reshaped(x: Any) -> Any:
    y = x.reshape(4, 6)
    return np.sum(np.sum(y, axis=0) ** 2)


@program((0,), normal(12)[::-1])
def reversed_view_given(x: Any) -> Any:
    return np.sum(x[1:] * x[:-1])


@program((0,), np.asfortranarray(normal(5, 4)))
def columns_given(x: Any) -> Any:
    return np.sum(x * x * x)


@program((0,), normal(9))
def writes_into_a_row(x: Any) -> Any:
    y = np.zeros((3, 9))
    for r in range(3):
        y[r] = x * (r + 1.0)
        y[r, 0] = 0.0
    return np.sum(y * y)


# ---- matrices --------------------------------------------------------------------------------------


@program((0, 1), normal(6, 4), normal(4, 5))
def product_of_matrices(a: Any, b: Any) -> Any:
    return np.sum(np.tanh(a @ b))


@program((0,), np.eye(9) + 0.1 * normal(9, 9), normal(9), refused="np.linalg.solve")
def solved(a: Any, b: Any) -> Any:
    return np.sum(np.linalg.solve(a, b))


@program((0,), normal(9), refused="np.cumsum")
def cumulative(x: Any) -> Any:
    return np.sum(np.cumsum(x) ** 2)


# ---- numbers between kernels, lengths of zero ------------------------------------------------------


@program((0, 1), normal(15), 0.1, 4)
def step_by_the_norm(x: Any, rate: Any, steps: Any) -> Any:
    for _ in range(steps):
        x = x - rate * x / np.sqrt(np.sum(x * x))
    return np.sum(x**4)


@program((0,), normal(12), 1e-3)
def until_converged(x: Any, tolerance: Any) -> Any:
    s = np.sum(x * x)
    while s > tolerance:
        x = 0.5 * x
        s = np.sum(x * x)
    return np.sum(x) + s


@program((0,), normal(11))
def elements_on_the_host(x: Any) -> Any:
    a = x[0] * x[-1]
    y = x * a
    y[0] = a
    y[3] += 2.0 * y[4]
    return np.sum(y * y) + y[1]


@program((0, 1), np.zeros(0), 0.5)
def nothing_in_it(x: Any, a: Any) -> Any:
    total = a
    for i in range(len(x)):
        total += x[i] * a
    return total + np.sum(x)


@program(0, normal(9), 0)
def no_iterations(x: Any, n: Any) -> Any:
    y = x.copy()
    for i in range(n):
        y[i] = y[i] * 2.0
    return np.sum(y * x)


@program((0, 1), normal(10), normal(10), 3)
def bound_from_a_number(x: Any, y: Any, n: Any) -> Any:
    m = min(n, len(x)) + 1
    total = 0.0
    for i in range(m):
        total += x[i] * y[2 * i]
    return total


@program((0,), normal(30), 6)
def scratch_array_of_each(x: Any, n: Any) -> Any:
    total = 0.0
    scratch = np.zeros(n)
    for i in range(len(x)):
        scratch[0] = x[i]
        for k in range(1, n):
            scratch[k] = 0.5 * scratch[k - 1] * x[i] + k
        total += scratch[n - 1] ** 2
    return total


@program((0,), normal(20, 3))
def array_made_in_each(x: Any) -> Any:
    total = 0.0
    for i in range(x.shape[0]):
        y = np.zeros(3)
        for k in range(3):
            y[k] = x[i, k] ** 2 + y[k - 1]
        total += y[2] * y[0]
    return total


@program((0,), normal(8), normal(8))
def nested(parameters: Any, y: Any) -> Any:
    return np.sum(np.log1p(np.exp(parameters * y))) + 0.5 * np.sum(parameters**2)
