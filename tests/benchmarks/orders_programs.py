"""Ten programs as users of each tool write them, for `orders_against_jax`: with NumPy, then with JAX.

Where JAX's users would write one in several ways, each is given; the fastest counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Program:
    """`f(x, *rest)` is differentiated by `x`, an array or a dict of arrays."""

    name: str
    kind: str
    ours: Callable[..., Any]
    theirs: tuple[Callable[..., Any], ...]
    """Functions of x and those of the rest that are arrays, given the others (`static`) first."""
    arguments: Callable[[bool], tuple[Any, ...]]
    """Of the full size, or with True of a small one, whose Hessian is taken."""
    size: str


def seeded() -> np.random.Generator:
    return np.random.default_rng(7)


# ---- loops ---------------------------------------------------------------------------------------------------------


def rates(x, y, z, s, r, b):
    return s * (y - x), x * (r - z) - y, x * y - b * z


def lorenz(q, h, steps):
    x, y, z, s, r, b = q[0], q[1], q[2], q[3], q[4], q[5]
    for _ in range(steps):
        kx1, ky1, kz1 = rates(x, y, z, s, r, b)
        kx2, ky2, kz2 = rates(x + 0.5 * h * kx1, y + 0.5 * h * ky1, z + 0.5 * h * kz1, s, r, b)
        kx3, ky3, kz3 = rates(x + 0.5 * h * kx2, y + 0.5 * h * ky2, z + 0.5 * h * kz2, s, r, b)
        kx4, ky4, kz4 = rates(x + h * kx3, y + h * ky3, z + h * kz3, s, r, b)
        x = x + h / 6.0 * (kx1 + 2.0 * kx2 + 2.0 * kx3 + kx4)
        y = y + h / 6.0 * (ky1 + 2.0 * ky2 + 2.0 * ky3 + ky4)
        z = z + h / 6.0 * (kz1 + 2.0 * kz2 + 2.0 * kz3 + kz4)
    return x * x + y * y + z * z


def lorenz_jax(h, steps, q, remat):
    import jax

    s, r, b = q[3], q[4], q[5]

    def moved(at, by, k):
        return tuple(a + by * c for a, c in zip(at, k, strict=True))

    def step(at, _):
        k1 = rates(*at, s, r, b)
        k2 = rates(*moved(at, 0.5 * h, k1), s, r, b)
        k3 = rates(*moved(at, 0.5 * h, k2), s, r, b)
        k4 = rates(*moved(at, h, k3), s, r, b)
        slope = [a + 2.0 * b + 2.0 * c + d for a, b, c, d in zip(k1, k2, k3, k4, strict=True)]
        return moved(at, h / 6.0, slope), None

    body = jax.checkpoint(step, prevent_cse=False) if remat else step
    (x, y, z), _ = jax.lax.scan(body, (q[0], q[1], q[2]), None, length=steps)
    return x * x + y * y + z * z


def lorenz_arguments(small):
    return np.array([1.0, 1.2, 20.0, 10.0, 28.0, 8.0 / 3.0]), 1e-3, 2000


def tridiagonal(diagonal, lower, upper, right):
    n = len(diagonal)
    c = np.zeros(n)
    d = np.zeros(n)
    c[0] = upper[0] / diagonal[0]
    d[0] = right[0] / diagonal[0]
    for i in range(1, n):
        pivot = diagonal[i] - lower[i] * c[i - 1]
        c[i] = upper[i] / pivot
        d[i] = (right[i] - lower[i] * d[i - 1]) / pivot
    x = np.zeros(n)
    x[n - 1] = d[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = d[i] - c[i] * x[i + 1]
    return np.sum(x * x)


def tridiagonal_jax(diagonal, lower, upper, right):
    import jax
    import jax.numpy as jnp

    def down(before, row):
        c, d = before
        a, b, u, r = row
        pivot = b - a * c
        now = u / pivot, (r - a * d) / pivot
        return now, now

    def up(after, row):
        c, d = row
        x = d - c * after
        return x, x

    zero = jnp.zeros(())
    _, rows = jax.lax.scan(down, (zero, zero), (lower, diagonal, upper, right))
    _, x = jax.lax.scan(up, zero, rows, reverse=True)
    return jnp.sum(x * x)


def tridiagonal_lapack(diagonal, lower, upper, right):
    import jax
    import jax.numpy as jnp

    x = jax.lax.linalg.tridiagonal_solve(lower, diagonal, upper, right[:, None])
    return jnp.sum(x * x)


def tridiagonal_arguments(small):
    n, rng = 40 if small else 10_000, seeded()
    lower, upper, right = rng.uniform(-1.0, 1.0, (3, n))
    lower[0] = upper[-1] = 0.0
    return 3.0 + rng.random(n), lower, upper, right


def filtered(k, signal, target):
    n = len(signal)
    y = np.zeros(n)
    for t in range(2, n):
        forced = k[0] * signal[t] + k[1] * signal[t - 1] + k[2] * signal[t - 2]
        y[t] = forced - k[3] * y[t - 1] - k[4] * y[t - 2]
    return np.sum((y - target) ** 2) / n


def filtered_jax(k, signal, target):
    import jax
    import jax.numpy as jnp

    forced = k[0] * signal[2:] + k[1] * signal[1:-1] + k[2] * signal[:-2]

    def step(before, f):
        one, two = before
        y = f - k[3] * one - k[4] * two
        return (y, one), y

    zero = jnp.zeros(())
    _, y = jax.lax.scan(step, (zero, zero), forced)
    return (jnp.sum((y - target[2:]) ** 2) + jnp.sum(target[:2] ** 2)) / signal.size


def filtered_arguments(small):
    signal, target = seeded().standard_normal((2, 10_000))
    return np.array([0.3, 0.2, 0.1, -0.5, 0.25]), signal, target


def kalman(q, seen):
    """Position and velocity, of which the position is measured; the likelihood by the logarithms of the two noises."""
    dt = 0.1
    F = np.array([[1.0, dt], [0.0, 1.0]])
    H = np.array([1.0, 0.0])
    Q = np.exp(q[0]) * np.array([[dt**3 / 3.0, dt**2 / 2.0], [dt**2 / 2.0, dt]])
    R = np.exp(q[1])
    x = np.zeros(2)
    P = np.eye(2)
    total = 0.0
    for z in seen:
        x = F @ x
        P = F @ P @ F.T + Q
        s = H @ P @ H + R
        gain = P @ H / s
        e = z - H @ x
        total += 0.5 * (np.log(s) + e * e / s)
        x = x + gain * e
        P = P - np.outer(gain, H @ P)
    return total


def kalman_jax(q, seen):
    import jax
    import jax.numpy as jnp

    dt = 0.1
    F = jnp.array([[1.0, dt], [0.0, 1.0]])
    H = jnp.array([1.0, 0.0])
    Q = jnp.exp(q[0]) * jnp.array([[dt**3 / 3.0, dt**2 / 2.0], [dt**2 / 2.0, dt]])
    R = jnp.exp(q[1])

    def step(state, z):
        x, P = state
        x = F @ x
        P = F @ P @ F.T + Q
        s = H @ P @ H + R
        gain = P @ H / s
        e = z - H @ x
        return (x + gain * e, P - jnp.outer(gain, H @ P)), 0.5 * (jnp.log(s) + e * e / s)

    _, terms = jax.lax.scan(step, (jnp.zeros(2), jnp.eye(2)), seen)
    return jnp.sum(terms)


def kalman_arguments(small):
    return np.array([-1.0, -2.0]), np.cumsum(0.1 * seeded().standard_normal(1000))


def stencil(u, k, steps):
    """A front that moves: u' = k u'' + u - u³, the ends held."""
    n = len(u)
    for _ in range(steps):
        new = u.copy()
        for i in range(1, n - 1):
            new[i] = u[i] + k * (u[i - 1] - 2.0 * u[i] + u[i + 1]) + 0.01 * (u[i] - u[i] ** 3)
        u = new
    return np.sum(u * u)


def stencil_jax(k, steps, u, remat):
    import jax
    import jax.numpy as jnp

    def step(u, _):
        inner = u[1:-1]
        inner = inner + k * (u[:-2] - 2.0 * inner + u[2:]) + 0.01 * (inner - inner**3)
        return jnp.concatenate((u[:1], inner, u[-1:])), None

    body = jax.checkpoint(step, prevent_cse=False) if remat else step
    u, _ = jax.lax.scan(body, u, None, length=steps)
    return jnp.sum(u * u)


def stencil_arguments(small):
    n, steps = (40, 50) if small else (1000, 500)
    return np.tanh(np.linspace(-3.0, 3.0, n)), 0.2, steps


# ---- arrays --------------------------------------------------------------------------------------------------------


def logistic(w, X, y):
    score = X @ w
    return np.mean(np.logaddexp(0.0, score) - y * score) + 0.01 * np.sum(w * w)


def logistic_jax(w, X, y):
    import jax.numpy as jnp

    score = X @ w
    return jnp.mean(jnp.logaddexp(0.0, score) - y * score) + 0.01 * jnp.sum(w * w)


def logistic_arguments(small):
    n, d = (500, 20) if small else (5000, 100)
    rng = seeded()
    return 0.1 * rng.standard_normal(d), rng.standard_normal((n, d)), np.round(rng.random(n))


def network(p, X, y):
    h = np.tanh(X @ p["W1"] + p["b1"])
    h = np.tanh(h @ p["W2"] + p["b2"])
    return np.mean((h @ p["w3"] - y) ** 2)


def network_jax(p, X, y):
    import jax.numpy as jnp

    h = jnp.tanh(X @ p["W1"] + p["b1"])
    h = jnp.tanh(h @ p["W2"] + p["b2"])
    return jnp.mean((h @ p["w3"] - y) ** 2)


def network_arguments(small):
    n, d, k = (64, 3, 4) if small else (256, 32, 64)
    rng = seeded()
    p = {
        "W1": rng.standard_normal((d, k)) / d**0.5,
        "b1": 0.1 * rng.standard_normal(k),
        "W2": rng.standard_normal((k, k)) / k**0.5,
        "b2": 0.1 * rng.standard_normal(k),
        "w3": rng.standard_normal(k),
    }
    return p, rng.standard_normal((n, d)), rng.standard_normal(n)


def mixture(means, points, log_weights):
    away = points[:, None, :] - means[None, :, :]
    scores = log_weights - 0.5 * np.sum(away**2, axis=2)
    largest = np.max(scores, axis=1)
    return np.sum(largest + np.log(np.sum(np.exp(scores - largest[:, None]), axis=1)))


def mixture_jax(means, points, log_weights):
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp

    away = points[:, None, :] - means[None, :, :]
    return jnp.sum(logsumexp(log_weights - 0.5 * jnp.sum(away**2, axis=2), axis=1))


def mixture_arguments(small):
    n, k, d = (200, 4, 5) if small else (2000, 10, 8)
    rng = seeded()
    return rng.standard_normal((k, d)), rng.standard_normal((n, d)), np.log(np.full(k, 1.0 / k))


def attention(q, k, v):
    scores = q @ k.T / np.sqrt(q.shape[1])
    weights = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    out = weights @ v / np.sum(weights, axis=1, keepdims=True)
    return np.mean(out**2)


def attention_jax(q, k, v):
    import jax
    import jax.numpy as jnp

    return jnp.mean((jax.nn.softmax(q @ k.T / jnp.sqrt(q.shape[1]), axis=1) @ v) ** 2)


def attention_arguments(small):
    n, d = (12, 4) if small else (128, 64)
    return tuple(seeded().standard_normal((3, n, d)))


def gray_scott(u, v, steps):
    """Two substances that react and diffuse, in slices; the rim is held."""
    for _ in range(steps):
        lu = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * u[1:-1, 1:-1]
        lv = v[:-2, 1:-1] + v[2:, 1:-1] + v[1:-1, :-2] + v[1:-1, 2:] - 4.0 * v[1:-1, 1:-1]
        a, b = u[1:-1, 1:-1], v[1:-1, 1:-1]
        reaction = a * b * b
        new_u, new_v = u.copy(), v.copy()
        new_u[1:-1, 1:-1] = a + 0.16 * lu - reaction + 0.06 * (1.0 - a)
        new_v[1:-1, 1:-1] = b + 0.08 * lv + reaction - 0.122 * b
        u, v = new_u, new_v
    return np.sum(u * v)


def gray_scott_jax(steps, u, v, remat):
    import jax
    import jax.numpy as jnp

    def step(state, _):
        u, v = state
        lu = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * u[1:-1, 1:-1]
        lv = v[:-2, 1:-1] + v[2:, 1:-1] + v[1:-1, :-2] + v[1:-1, 2:] - 4.0 * v[1:-1, 1:-1]
        a, b = u[1:-1, 1:-1], v[1:-1, 1:-1]
        reaction = a * b * b
        u = u.at[1:-1, 1:-1].set(a + 0.16 * lu - reaction + 0.06 * (1.0 - a))
        v = v.at[1:-1, 1:-1].set(b + 0.08 * lv + reaction - 0.122 * b)
        return (u, v), None

    body = jax.checkpoint(step, prevent_cse=False) if remat else step
    (u, v), _ = jax.lax.scan(body, (u, v), None, length=steps)
    return jnp.sum(u * v)


def gray_scott_arguments(small):
    n, steps = (6, 20) if small else (66, 100)
    u, v = seeded().random((2, n, n))
    return u, 0.3 * v, steps


def both(theirs: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """Its loop with what the body computes saved, and computed again."""
    return partial(theirs, remat=False), partial(theirs, remat=True)


PROGRAMS = (
    Program("lorenz_rk4", "loop", lorenz, both(lorenz_jax), lorenz_arguments, "2000 steps; by 6"),
    Program(
        "tridiagonal",
        "loop",
        tridiagonal,
        (tridiagonal_jax, tridiagonal_lapack),
        tridiagonal_arguments,
        "10000; Hessian 40",
    ),
    Program("iir_filter", "loop", filtered, (filtered_jax,), filtered_arguments, "10000 samples; by 5"),
    Program("kalman", "loop", kalman, (kalman_jax,), kalman_arguments, "1000 observations; by 2"),
    Program("stencil", "loop", stencil, both(stencil_jax), stencil_arguments, "1000, 500 steps; Hessian 40, 50 steps"),
    Program("logistic", "array", logistic, (logistic_jax,), logistic_arguments, "5000 x 100; Hessian 500 x 20"),
    Program("network", "array", network, (network_jax,), network_arguments, "256 x 32-64-64-1; Hessian 64 x 3-4-4-1"),
    Program("mixture", "array", mixture, (mixture_jax,), mixture_arguments, "2000, 10 of 8; Hessian 200, 4 of 5"),
    Program("attention", "array", attention, (attention_jax,), attention_arguments, "128 x 64; Hessian 12 x 4"),
    Program(
        "gray_scott",
        "array",
        gray_scott,
        both(gray_scott_jax),
        gray_scott_arguments,
        "66 x 66, 100 steps; Hessian 6 x 6, 20 steps",
    ),
)
