"""Time steps on a line: upwind advection by a velocity that varies, and Burgers' equation in two buffers."""

from __future__ import annotations

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Workload

compiled = numba.njit(error_model="numpy")


def advection(u0, velocity, dt, dx, steps, target):
    """Half the squared distance to `target` after `steps` steps; the side a point reads depends on the velocity."""
    n = len(u0)
    u = u0.copy()
    new = np.zeros(n)
    for step in range(steps):
        for i in range(1, n - 1):
            if velocity[i] > 0.0:
                slope = (u[i] - u[i - 1]) / dx
            else:
                slope = (u[i + 1] - u[i]) / dx
            new[i] = u[i] - dt * velocity[i] * slope
        new[0] = u[0]
        new[n - 1] = u[n - 1]
        u, new = new, u
    loss = 0.0
    for i in range(n):
        loss += (u[i] - target[i]) ** 2
    return 0.5 * loss


@compiled
def advection_gradient(u0, velocity, dt, dx, steps, target):
    """By u0 and velocity. Keeps the states; the coefficients of the two sides are arrays, so that no loop branches."""
    n = len(u0)
    us = np.empty((steps + 1, n))
    us[0] = u0
    right_going, left_going = np.empty(n), np.empty(n)
    for i in range(n):
        w = dt / dx * velocity[i]
        right_going[i] = w if w > 0.0 else 0.0
        left_going[i] = 0.0 if w > 0.0 else w
    for step in range(steps):
        u, after = us[step], us[step + 1]
        after[0] = u[0]
        after[n - 1] = u[n - 1]
        for i in range(n - 2):
            from_left = right_going[i + 1] * (u[i + 1] - u[i])
            after[i + 1] = u[i + 1] - from_left - left_going[i + 1] * (u[i + 2] - u[i + 1])
    d_u = us[steps] - target
    d_right, d_left = np.zeros(n), np.zeros(n)
    left, right = d_u[0], d_u[n - 1]
    d_u[0] = 0.0
    d_u[n - 1] = 0.0
    before = np.zeros(n)
    for step in range(steps - 1, -1, -1):
        u = us[step]
        left += d_u[1] * right_going[1]
        right -= d_u[n - 2] * left_going[n - 2]
        for i in range(n - 2):
            d_right[i + 1] -= d_u[i + 1] * (u[i + 1] - u[i])
        for i in range(n - 2):
            d_left[i + 1] -= d_u[i + 1] * (u[i + 2] - u[i + 1])
        for i in range(n - 2):
            before[i + 1] = (
                d_u[i + 1] * (1.0 - right_going[i + 1] + left_going[i + 1])
                + right_going[i + 2] * d_u[i + 2]
                - left_going[i] * d_u[i]
            )
        d_u, before = before, d_u
    d_u[0] = left
    d_u[n - 1] = right
    d_velocity = np.empty(n)
    for i in range(n):
        d_velocity[i] = dt / dx * (d_right[i] if velocity[i] > 0.0 else d_left[i])
    return d_u, d_velocity


def burgers(u0, nu, dt, dx, steps, target):
    """Half the squared distance to `target` after `steps` steps of the viscous equation."""
    n = len(u0)
    u = u0.copy()
    new = u0.copy()
    for step in range(steps):
        for i in range(1, n - 1):
            flux = u[i] * (u[i + 1] - u[i - 1]) / (2.0 * dx)
            new[i] = u[i] + dt * (nu * (u[i - 1] - 2.0 * u[i] + u[i + 1]) / dx**2 - flux)
        u, new = new, u
    loss = 0.0
    for i in range(n):
        loss += (u[i] - target[i]) ** 2
    return 0.5 * loss


@compiled
def burgers_gradient(u0, nu, dt, dx, steps, target):
    """Keeps the states, each written straight into its place; the border, which stays, apart."""
    n = len(u0)
    us = np.empty((steps + 1, n))
    us[0] = u0
    a, b = dt * nu / dx**2, dt / (2.0 * dx)
    for step in range(steps):
        u, after = us[step], us[step + 1]
        after[0] = u0[0]
        after[n - 1] = u0[n - 1]
        for i in range(n - 2):
            after[i + 1] = u[i + 1] + a * (u[i] - 2.0 * u[i + 1] + u[i + 2]) - b * u[i + 1] * (u[i + 2] - u[i])
    d_u = us[steps] - target
    left, right = d_u[0], d_u[n - 1]
    d_u[0] = 0.0
    d_u[n - 1] = 0.0
    before = np.zeros(n)
    for step in range(steps - 1, -1, -1):
        u = us[step]
        left += d_u[1] * (a + b * u[1])
        right += d_u[n - 2] * (a - b * u[n - 2])
        for i in range(n - 2):
            g = d_u[i + 1]
            own = g * (1.0 - 2.0 * a - b * (u[i + 2] - u[i]))
            before[i + 1] = own + d_u[i + 2] * (a + b * u[i + 2]) + d_u[i] * (a - b * u[i])
        d_u, before = before, d_u
    d_u[0] = left
    d_u[n - 1] = right
    return d_u


def advection_arguments(quick: bool) -> Arguments:
    n, steps = (300, 100) if quick else (2000, 500)
    rng = np.random.default_rng(0)
    velocity = np.cos(np.linspace(0.0, 9.0, n)) + rng.uniform(-0.5, 0.5, n)
    return state(rng, n), velocity, 0.4 / n, 1.0 / n, steps, rng.uniform(0.0, 1.0, n)


def burgers_arguments(quick: bool) -> Arguments:
    n, steps = (300, 100) if quick else (2000, 500)
    rng = np.random.default_rng(0)
    return state(rng, n), 1e-3, 0.1 / n, 1.0 / n, steps, rng.uniform(0.0, 1.0, n)


def state(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.sin(np.linspace(0.0, 6.0, n)) + rng.uniform(0.0, 0.1, n)


WORKLOADS = (
    Workload(
        name="advection",
        kind="loop",
        function=advection,
        wrt=(0, 1),
        arguments=advection_arguments,
        hand=lambda args: lambda: advection_gradient(*args),
        hand_saved=lambda args: (args[4] + 1) * args[0].nbytes,
    ),
    Workload(
        name="burgers",
        kind="loop",
        function=burgers,
        wrt=0,
        arguments=burgers_arguments,
        hand=lambda args: lambda: burgers_gradient(*args),
        hand_saved=lambda args: (args[4] + 1) * args[0].nbytes,
    ),
)
