"""The functions whose first call is measured: the goldens, and some of a dozen lines as people write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def perceptron(x, W1, b1, W2, b2, target):
    hidden = np.tanh(W1 @ x + b1)
    scores = W2 @ hidden + b2
    top = np.max(scores)
    weight = np.exp(scores - top)
    p = weight / np.sum(weight)
    return -np.log(p[target])


def batch_regression(X, y, W, b, penalty):
    n = X.shape[0]
    centred = X - np.mean(X, axis=0)
    scores = centred @ W + b
    error = scores - y
    weighted = error * error
    return np.sum(weighted) / n + penalty * np.sum(W * W)


def heat(u0, kappa, dt, steps):
    u = u0.copy()
    for step in range(steps):
        inside = u[1:-1]
        lap = u[:-2] - 2.0 * inside + u[2:]
        u[1:-1] = inside + dt * kappa * lap
        u[0] = u[1]
        u[-1] = u[-2]
    return np.mean(u * u)


def mixture(x, weights, means, widths):
    total = 0.0
    for i in range(len(x)):
        density = 0.0
        for k in range(len(means)):
            z = (x[i] - means[k]) / widths[k]
            density += weights[k] * np.exp(-0.5 * z * z) / widths[k]
        if density > 1e-12:
            total -= np.log(density)
        else:
            total += 30.0
    return total / len(x)


def pendulum(angle, speed, length, friction, dt, steps):
    energy = 0.0
    for step in range(steps):
        force = -9.81 / length * np.sin(angle) - friction * speed
        speed += dt * force
        angle += dt * speed
        if abs(angle) > np.pi:
            angle -= np.sign(angle) * 2.0 * np.pi
        energy += 0.5 * speed**2 + 9.81 / length * (1.0 - np.cos(angle))
    return energy / steps


def kernel_ridge(x, centres, alpha, scale):
    gap = x[:, np.newaxis] - centres
    kernel = np.exp(-(gap**2) / (2.0 * scale**2))
    fitted = kernel @ alpha
    error = np.where(fitted > 0.0, fitted, 0.1 * fitted) - x
    return np.sqrt(np.mean(error**2)) + 1e-3 * np.dot(alpha, alpha)


def kalman(y, F, H, Q, R, x, P):
    loglik = 0.0
    for t in range(y.shape[0]):
        x = F @ x
        P = F @ P @ F.T + Q
        v = y[t] - H @ x
        S = H @ P @ H.T + R
        Sinv = np.linalg.inv(S)
        K = P @ H.T @ Sinv
        sign, logdet = np.linalg.slogdet(S)
        loglik -= 0.5 * (v @ Sinv @ v + logdet + len(v) * np.log(2.0 * np.pi))
        x = x + K @ v
        P = (np.eye(len(x)) - K @ H) @ P
    return loglik


def regulator(A, B, Q, R, x, steps):
    P = Q
    for _ in range(steps):
        BtP = B.T @ P
        K = np.linalg.solve(R + BtP @ B, BtP @ A)
        P = Q + A.T @ P @ (A - B @ K)
    cost = 0.0
    for _ in range(steps):
        u = -K @ x
        cost += x @ Q @ x + u @ R @ u
        x = A @ x + B @ u
    return cost + x @ P @ x


@dataclass(frozen=True)
class Program:
    function: Callable[..., Any]
    wrt: tuple[str, ...]
    arguments: tuple[Any, ...]


def programs() -> dict[str, Program]:
    """By name, with small arguments: what is measured is compiling."""
    from tests.golden.fisher_kpp import fisher_kpp
    from tests.golden.leaky_integrator import leaky_integrator
    from tests.golden.newton_sqrt import newton_sqrt
    from tests.golden.rnn_loss import rnn_loss

    rng = np.random.default_rng(0)
    draw = rng.normal
    steps, hidden, inputs = 5, 4, 3
    found = [
        Program(leaky_integrator, ("x", "decay", "limit"), (draw(size=12), 0.9, 0.4)),
        Program(newton_sqrt, ("a",), (7.3, 1e-10)),
        Program(
            rnn_loss,
            ("h0", "W_h", "W_x", "b"),
            (
                draw(size=(steps, inputs)),
                draw(size=hidden),
                draw(size=(hidden, hidden)),
                draw(size=(hidden, inputs)),
                draw(size=hidden),
                draw(size=(steps, hidden)),
            ),
        ),
        Program(fisher_kpp, ("u0", "kappa", "rate"), (rng.uniform(0.1, 0.9, (7, 6)), 0.3, 1.2, 0.15, 5)),
        Program(pendulum, ("angle", "speed", "length", "friction"), (0.3, 0.0, 1.2, 0.05, 0.01, 20)),
        Program(
            mixture,
            ("weights", "means", "widths"),
            (draw(size=20), np.array([0.4, 0.6]), np.array([-1.0, 1.0]), np.ones(2)),
        ),
        Program(
            perceptron,
            ("W1", "b1", "W2", "b2"),
            (draw(size=3), draw(size=(4, 3)), draw(size=4), draw(size=(5, 4)), draw(size=5), 2),
        ),
        Program(
            batch_regression, ("W", "b"), (draw(size=(9, 3)), draw(size=(9, 2)), draw(size=(3, 2)), draw(size=2), 0.1)
        ),
        Program(heat, ("u0", "kappa"), (draw(size=12), 0.4, 0.1, 5)),
        Program(
            kalman,
            ("F", "H", "Q", "R"),
            (draw(size=(6, 2)), np.eye(4), draw(size=(2, 4)), np.eye(4), np.eye(2), np.zeros(4), np.eye(4)),
        ),
        Program(regulator, ("A", "B"), (np.eye(4), draw(size=(4, 2)), np.eye(4), np.eye(2), draw(size=4), 6)),
        Program(kernel_ridge, ("centres", "alpha", "scale"), (draw(size=9), draw(size=4), draw(size=4), 0.7)),
    ]
    return {program.function.__name__: program for program in found}
