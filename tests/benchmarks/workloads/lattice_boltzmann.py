"""Lattice Boltzmann on a periodic plane: nine populations a cell (D2Q9), relaxed to equilibrium and then moved on."""

from __future__ import annotations

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Workload

compiled = numba.njit(error_model="numpy")

X = np.array([0, 1, 0, -1, 0, 1, -1, -1, 1])
Y = np.array([0, 0, 1, 0, -1, 1, 1, -1, -1])
WEIGHT = np.array([4 / 9] + [1 / 9] * 4 + [1 / 36] * 4)


def lattice_boltzmann(f0, omega, steps, target):
    """Half the squared distance of the density to `target`; `f0[k, i, j]` moves in the direction k."""
    rows, cols = f0.shape[1], f0.shape[2]
    f = f0.copy()
    new = np.zeros_like(f)
    for step in range(steps):
        for i in range(rows):
            for j in range(cols):
                density = 0.0
                x = 0.0
                y = 0.0
                for k in range(9):
                    density += f[k, i, j]
                    x += X[k] * f[k, i, j]
                    y += Y[k] * f[k, i, j]
                x /= density
                y /= density
                for k in range(9):
                    along = X[k] * x + Y[k] * y
                    share = 1.0 + 3.0 * along + 4.5 * along * along - 1.5 * (x * x + y * y)
                    equilibrium = WEIGHT[k] * density * share
                    new[k, (i + X[k]) % rows, (j + Y[k]) % cols] = f[k, i, j] + omega * (equilibrium - f[k, i, j])
        f, new = new, f
    loss = 0.0
    for i in range(rows):
        for j in range(cols):
            density = 0.0
            for k in range(9):
                density += f[k, i, j]
            loss += (density - target[i, j]) ** 2
    return 0.5 * loss


@compiled
def wrapped(i, n):
    """For indices at most one beyond the border."""
    return n - 1 if i < 0 else 0 if i == n else i


@compiled
def lattice_boltzmann_gradient(f0, omega, steps, target):
    """By f0 and omega. Keeps the populations before each step, each step written straight into its place.

    Every population of a cell goes to one place, so the reverse of a step is a gather, and assigns.
    """
    rows, cols = f0.shape[1], f0.shape[2]
    fs = np.empty((steps + 1, 9, rows, cols))
    fs[0] = f0
    for step in range(steps):
        f, new = fs[step], fs[step + 1]
        for i in range(rows):
            for j in range(cols):
                density, x, y = moments(f, i, j)
                base = 1.0 - 1.5 * (x * x + y * y)
                for k in range(9):
                    along = X[k] * x + Y[k] * y
                    equilibrium = WEIGHT[k] * density * (base + along * (3.0 + 4.5 * along))
                    to = wrapped(i + X[k], rows), wrapped(j + Y[k], cols)
                    new[k, to[0], to[1]] = f[k, i, j] + omega * (equilibrium - f[k, i, j])
    d_f, before = np.empty((9, rows, cols)), np.empty((9, rows, cols))
    for i in range(rows):
        for j in range(cols):
            apart = -target[i, j]
            for k in range(9):
                apart += fs[steps, k, i, j]
            for k in range(9):
                d_f[k, i, j] = apart
    d_omega = 0.0
    for step in range(steps - 1, -1, -1):
        f = fs[step]
        for i in range(rows):
            for j in range(cols):
                density, x, y = moments(f, i, j)
                base = 1.0 - 1.5 * (x * x + y * y)
                d_density = 0.0
                d_base = 0.0
                d_x = 0.0
                d_y = 0.0
                for k in range(9):
                    g = d_f[k, wrapped(i + X[k], rows), wrapped(j + Y[k], cols)]
                    before[k, i, j] = (1.0 - omega) * g
                    along = X[k] * x + Y[k] * y
                    share = WEIGHT[k] * (base + along * (3.0 + 4.5 * along))
                    d_omega += g * (density * share - f[k, i, j])
                    d_density += g * share
                    d_base += g * WEIGHT[k]
                    d_along = g * WEIGHT[k] * (3.0 + 9.0 * along)
                    d_x += X[k] * d_along
                    d_y += Y[k] * d_along
                # the velocities are momenta over the density
                d_x = omega * (d_x - 3.0 * d_base * x)
                d_y = omega * (d_y - 3.0 * d_base * y)
                d_density = omega * d_density - d_x * x - d_y * y
                for k in range(9):
                    before[k, i, j] += d_density + X[k] * d_x + Y[k] * d_y
        d_f, before = before, d_f
    return d_f, d_omega


@compiled
def moments(f, i, j):
    """The density and the velocity of a cell."""
    density = 0.0
    x = 0.0
    y = 0.0
    for k in range(9):
        density += f[k, i, j]
        x += X[k] * f[k, i, j]
        y += Y[k] * f[k, i, j]
    return density, x / density, y / density


def arguments(quick: bool) -> Arguments:
    n, steps = (12, 10) if quick else (40, 40)
    rng = np.random.default_rng(0)
    f0 = WEIGHT[:, None, None] * rng.uniform(0.9, 1.1, (9, n, n + 2))
    return f0, 1.2, steps, rng.uniform(0.9, 1.1, (n, n + 2))


WORKLOADS = (
    Workload(
        name="lattice_boltzmann",
        kind="loop",
        function=lattice_boltzmann,
        wrt=(0, 1),
        arguments=arguments,
        hand=lambda args: lambda: lattice_boltzmann_gradient(*args),
        hand_saved=lambda args: (args[2] + 1) * args[0].nbytes,
    ),
)
