"""What gradients keep from their forward for their reverse sweep, counted in bytes: never more than by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import srcad

pytestmark = pytest.mark.one_in(10, least=3)

R = np.random.default_rng(0)


def lu(A0):
    A = A0.copy()
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                A[i, j] -= A[i, k] * A[k, j]
            A[i, j] /= A[j, j]
        for j in range(i, n):
            for k in range(i):
                A[i, j] -= A[i, k] * A[k, j]
    return np.sum(A * A)


def cholesky(A0):
    A = A0.copy()
    n = A.shape[0]
    total = 0.0
    for j in range(n):
        for k in range(j):
            A[j, j] -= A[j, k] * A[j, k]
        A[j, j] = math.sqrt(A[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                A[i, j] -= A[i, k] * A[j, k]
            A[i, j] /= A[j, j]
    for j in range(n):
        total += math.log(A[j, j])
    return total


def forward_substitution(L, b):
    n = len(b)
    x = np.empty(n)
    for i in range(n):
        rest = b[i]
        for j in range(i):
            rest -= L[i, j] * x[j]
        x[i] = rest / L[i, i]
    return np.sum(x * x)


def lorenz(x, y, z, r, steps):
    for _ in range(steps):
        u = x + 0.005 * (10.0 * (y - x))
        v = y + 0.005 * (x * (r - z) - y)
        w = z + 0.005 * (x * y - 2.5 * z)
        x, y, z = x + 0.01 * (10.0 * (v - u)), y + 0.01 * (u * (r - w) - v), z + 0.01 * (u * v - 2.5 * w)
    return x * x + y + z


def pairs(positions, steps):
    p = positions.copy()
    n = len(p)
    force = np.empty(n)
    for _ in range(steps):
        for i in range(n):
            force[i] = 0.0
        for i in range(n):
            for j in range(i + 1, n):
                d = p[j] - p[i]
                f = d / (math.sqrt(d * d + 0.1) * (d * d + 0.1))
                force[i] += f
                force[j] -= f
        for i in range(n):
            p[i] += 0.01 * force[i]
    return np.sum(p * p)


def likelihood(x, w):
    total = 0.0
    for i in range(x.shape[0]):
        margin = 0.0
        for j in range(x.shape[1]):
            margin += x[i, j] * w[j]
        total += math.log1p(math.exp(-margin))
    return total / x.shape[0]


def clipped(x, w):
    s = 1.0
    for i in range(len(x)):
        if math.sin(s * w) > 0.3:
            s = s + x[i]
        else:
            s = 0.5 * s
    return s


def packed(values, x):
    n = len(x)
    p = 0
    s = 1.0
    for i in range(n):
        for j in range(i + 1):
            s = s + values[p] * x[j] * 0.01
            p += 1
    return s * s


def triangles(x, w):
    n = len(x)
    s = 1.0
    for i in range(n):
        for j in range(i):
            s = math.sin(s * x[i] + w * x[j])
    for i in range(n):
        for j in range(n - 1, i, -1):
            s = math.sin(s * x[i] - w * x[j])
    return s


def recurrent(w, xs):
    h = np.zeros_like(w)
    for t in range(len(xs)):
        h = np.tanh(w * h + xs[t])
    return np.sum(h)


def recurrent_number(w, xs):
    h = 0.0
    for t in range(len(xs) - 1, -1, -1):
        h = math.tanh(w * h + xs[t])
    return h


def orbit(p, v, dt, steps):
    p = p.copy()
    v = v.copy()
    loss = 0.0
    for _ in range(steps):
        r2 = p[0] * p[0] + p[1] * p[1]
        v -= dt * p / (r2 * np.sqrt(r2))
        p += dt * v
        loss += np.log(r2)
    return loss


def watched(u, seen):
    u = u.copy()
    loss = 0.0
    for t in range(len(seen)):
        for i in range(1, len(u) - 1):
            u[i] += 0.25 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        loss += (u[2] - seen[t]) ** 2
    return loss


def trmm(A, B, alpha):
    B = B.copy()
    for i in range(B.shape[0]):
        for j in range(B.shape[1]):
            for k in range(i + 1, A.shape[0]):
                B[i, j] += A[k, i] * B[k, j]
            B[i, j] *= alpha
    return np.sum(B * B)


def syrk(C, A, alpha, beta):
    C = C.copy()
    for i in range(C.shape[0]):
        for j in range(i + 1):
            C[i, j] *= beta
        for k in range(A.shape[1]):
            for j in range(i + 1):
                C[i, j] += alpha * A[i, k] * A[j, k]
    return np.sum(C * C)


def angles(q, w, steps):
    q = q.copy()
    for _ in range(steps):
        s = np.sin(q[0] - q[1])
        c = np.cos(q[0] - q[1])
        q[0] += w * s
        q[1] += w * s * c
    return q[0] * q[1]


def thomas(a, b):
    c = np.zeros(len(a))
    d = np.zeros(len(a))
    for i in range(1, len(a)):
        m = 3.0 - a[i] * c[i - 1]
        c[i] = a[i] / m
        d[i] = (b[i] - a[i] * d[i - 1]) / m
    for i in range(len(a) - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return np.sum(d)


def begun(u, steps):
    u = u.copy()
    a = np.sin(u[2]) * u[1]
    for _ in range(steps):
        for i in range(1, len(u) - 1):
            u[i] += 0.25 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
    return a * np.sum(u)


def own_array_each_turn(u, n):
    for _ in range(n):
        w = np.zeros(len(u))
        for i in range(1, len(u) - 1):
            w[i] = u[i - 1] * u[i + 1] + u[i] ** 2
        u = w
    return np.sum(u**2)


def forces(x, v, n, dt):
    for _ in range(n):
        f = np.zeros_like(x)
        for i in range(len(x)):
            for j in range(len(x)):
                if i != j:
                    d = x[i] - x[j]
                    r2 = d @ d
                    f[i] += d / (r2 * np.sqrt(r2))
        v = v + dt * f
        x = x + dt * v
    return np.sum(x**2)


def leapfrog(x0, v0, steps, dt):
    x, v = x0.copy(), v0.copy()
    n = x.shape[0]
    for _ in range(steps):
        x += 0.5 * dt * v
        for i in range(n):
            for j in range(n):
                d = x[j] - x[i]
                v[i] += dt * d / (0.1 + d @ d)
        x += 0.5 * dt * v
    return np.sum(x * x)


def transitions(s, table, n):
    for _ in range(n):
        for a in range(3):
            for b in range(3):
                s = math.sin(s * np.exp(table[a, b]))
    return s


def weighted(s, k, n):
    for _ in range(n):
        s = math.sin(s * np.exp(k))
    return s


def logistic(x, n):
    for _ in range(n):
        x = 1 / (1 + np.exp(-x))
    return np.sum(x)


@pytest.mark.parametrize(
    ("function", "argnums", "arguments", "most"),
    [
        (lu, 0, (np.eye(6) + 0.1,), 0),
        (cholesky, 0, (np.eye(6) + 0.1,), 0),
        (forward_substitution, (0, 1), (np.eye(6) + 0.1, np.ones(6)), 0),
        # three floats a step, not those of its first half
        (lorenz, (0, 1, 2, 3), (1.0, 1.1, 1.2, 28.0, 50), 3 * 8 * 50),
        # the positions before each step: neither roots nor forces
        (pairs, 0, (R.normal(size=5), 20), 8 * 5 * 20),
        # each term goes forward and back at once
        (likelihood, 1, (R.normal(size=(7, 3)), R.normal(size=3)), 0),
        # which way each turn went: a byte; the sine's argument: a float
        (clipped, (0, 1), (R.normal(size=9), 0.7), 9),
        # a float for each pair, twice
        (triangles, (0, 1), (R.normal(size=6), 0.7), 2 * 8 * 15),
        (packed, (0, 1), (R.normal(size=21), R.normal(size=6)), 0),
        # the state each turn begins with; what the last one ends with is at hand
        (recurrent, (0, 1), (R.normal(size=4), R.normal(size=7)), 8 * 4 * 7),
        (recurrent_number, (0, 1), (0.7, R.normal(size=7)), 8 * 7),
        # positions and velocities before each step
        (orbit, (0, 1, 2), (R.normal(size=2) + 2.0, R.normal(size=2), 0.1, 20), 8 * 4 * 20),
        # the element that is looked at, not what each step overwrites
        (watched, 0, (R.normal(size=6), R.normal(size=9)), 8 * 9),
        # each element before the sum is added to it, and after
        (trmm, (0, 1, 2), (R.normal(size=(4, 4)), R.normal(size=(4, 3)), 1.1), 8 * 2 * 12),
        # half of what beta scales
        (syrk, (0, 1, 2, 3), (R.normal(size=(4, 4)), R.normal(size=(4, 3)), 1.1, 0.9), 8 * 10),
        # one neighbour is read after the other was replaced; the second loop overwrites what the first made
        (thomas, (0, 1), (R.normal(size=9), R.normal(size=9)), 8 * 8),
        # two numbers that are there still
        (begun, 0, (R.normal(size=6), 9), 0),
        # a sine and a cosine, once each
        (angles, (0, 1), (R.normal(size=2), 0.3, 7), 8 * 2 * 7),
        # the positions before each step; no distance of a pair
        (forces, (0, 1), (R.normal(size=(4, 3)), R.normal(size=(4, 3)), 5, 0.1), 8 * 12 * 5),
        # the positions in the middle of each step
        (leapfrog, (0, 1), (R.normal(size=(4, 3)), R.normal(size=(4, 3)), 5, 0.1), 8 * 12 * 5),
        # a weight for each pair, not for each pair and step; a state before each of them
        (transitions, (0, 1), (0.3, R.normal(size=(3, 3)), 5), 8 * (9 + 9 * 5)),
        # one weight
        (weighted, (0, 1), (0.3, 0.7, 5), 8 * 5),
        # the exponential of each step, from which the quotient is had
        (logistic, 0, (R.normal(size=4), 5), 8 * 4 * 5),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_kept_bytes(function: Any, argnums: Any, arguments: tuple[Any, ...], most: int) -> None:
    derivative = srcad.grad(function, argnums, target="python")
    plan = derivative.plan(*arguments)
    assert plan.bytes == most, plan
    srcad.check_grad(function, *arguments, argnums=argnums)


def test_an_array_that_each_iteration_makes() -> None:
    """Kept is the state before each step, as the array that the step before has made: nothing of what it overwrote."""
    derivative = srcad.grad(own_array_each_turn, target="python")
    plan = derivative.plan(R.normal(size=6), 5)
    assert [(one.name, one.size) for one in plan.saved] == [("u_saved", "list of arrays, one per turn")]
    srcad.check_grad(own_array_each_turn, R.normal(size=6), 5)


def reached(s, order, table):
    for i in range(len(order)):
        s = s * np.exp(table[order[0]]) + s * i
    return s


def test_nothing_moves_past_a_check() -> None:
    """What a check in the loop keeps from being read is not read before the loop."""
    derivative = srcad.grad(reached, (0, 2), target="python")
    with pytest.raises(IndexError, match=r"table\[order\[0\]\]: index 7 is out of bounds for length 3"):
        derivative(1.0, np.array([7, 1]), np.ones(3))


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_logistic_function_far_out(target: Any) -> None:
    """Right to rounding where the function is all but 1: of s * (1 - s), from it alone, nothing is left there."""
    derivative = srcad.grad(lambda x: 1 / (1 + np.exp(-x)), target=target)
    for x in (-300.0, -30.0, -1.0, 0.0, 1.0, 20.0, 35.0, 40.0, 300.0):
        e = np.exp(-np.longdouble(abs(x)))
        exact = e / (1 + e) ** 2
        assert abs(derivative(x) - exact) <= 1e-15 * exact


def twice_a_step(x0, v, rounds):
    x, s = x0.copy(), 0.0
    for r in range(rounds):
        for i in range(5):
            x[i] += 0.1 * v[i] + 0.1
        for t in range(5):
            s = np.sin(s + x[t] * x[t])
            x[t] += 0.1 * v[t]
    return s


def test_checkpoints_of_a_state_that_changes_twice() -> None:
    arguments = (R.normal(size=5), R.normal(size=5), 9)
    srcad.check_grad(twice_a_step, *arguments, argnums=(0, 1))
    whole = srcad.grad(twice_a_step, (0, 1), target="python")(*arguments)
    parts = srcad.grad(twice_a_step, (0, 1), target="python", checkpoint="r")
    for have, want in zip(parts(*arguments), whole, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-12)
    assert [one.name for one in parts.plan(*arguments).saved].count("x_saved") == 1
    assert "x_saved_1" not in parts.source_for(*arguments)
