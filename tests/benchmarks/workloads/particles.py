"""Particles: gravity between all pairs of bodies, and a fluid of smoothed particles within a radius."""

from __future__ import annotations

import math

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Workload

compiled = numba.njit(error_model="numpy")


# ---- gravity -----------------------------------------------------------------------------------


def n_body(position, velocity, mass, softening, dt, steps, target):
    """Half the squared distance of the bodies to `target` after `steps` steps of the leapfrog."""
    n = len(mass)
    x = position.copy()
    v = velocity.copy()
    a = np.zeros((n, 3))
    for step in range(steps):
        for i in range(n):
            for c in range(3):
                x[i, c] += 0.5 * dt * v[i, c]
        a[:, :] = 0.0
        for i in range(n):
            for j in range(i + 1, n):
                d0 = x[j, 0] - x[i, 0]
                d1 = x[j, 1] - x[i, 1]
                d2 = x[j, 2] - x[i, 2]
                r2 = d0 * d0 + d1 * d1 + d2 * d2 + softening * softening
                pull = 1.0 / (r2 * math.sqrt(r2))
                a[i, 0] += mass[j] * pull * d0
                a[i, 1] += mass[j] * pull * d1
                a[i, 2] += mass[j] * pull * d2
                a[j, 0] -= mass[i] * pull * d0
                a[j, 1] -= mass[i] * pull * d1
                a[j, 2] -= mass[i] * pull * d2
        for i in range(n):
            for c in range(3):
                v[i, c] += dt * a[i, c]
                x[i, c] += 0.5 * dt * v[i, c]
    loss = 0.0
    for i in range(n):
        for c in range(3):
            loss += (x[i, c] - target[i, c]) ** 2
    return 0.5 * loss


@compiled
def n_body_gradient(position, velocity, mass, softening, dt, steps, target):
    """By position, velocity and mass. Keeps the positions in the middle of each step, which forces are made of.

    Coordinates lie apart, so that the loop over the second body has one stride.
    """
    n = len(mass)
    soft = softening * softening
    xs = np.empty((steps, 3, n))
    x, v = position.T.copy(), velocity.T.copy()
    for step in range(steps):
        middle = xs[step]
        for c in range(3):
            for i in range(n):
                x[c, i] += 0.5 * dt * v[c, i]
                middle[c, i] = x[c, i]
        for i in range(n):
            x0, x1, x2 = x[0, i], x[1, i], x[2, i]
            a0, a1, a2 = 0.0, 0.0, 0.0
            for j in range(i + 1, n):
                d0, d1, d2 = x[0, j] - x0, x[1, j] - x1, x[2, j] - x2
                r2 = d0 * d0 + d1 * d1 + d2 * d2 + soft
                inverse = dt / (r2 * math.sqrt(r2))
                pull, back = mass[j] * inverse, mass[i] * inverse
                a0 += pull * d0
                a1 += pull * d1
                a2 += pull * d2
                v[0, j] -= back * d0
                v[1, j] -= back * d1
                v[2, j] -= back * d2
            v[0, i] += a0
            v[1, i] += a1
            v[2, i] += a2
        for c in range(3):
            for i in range(n):
                x[c, i] += 0.5 * dt * v[c, i]
    d_x, d_v, d_mass = x - target.T, np.zeros((3, n)), np.zeros(n)
    for step in range(steps - 1, -1, -1):
        x = xs[step]
        for c in range(3):
            for i in range(n):
                d_v[c, i] += 0.5 * dt * d_x[c, i]
        for i in range(n):
            x0, x1, x2 = x[0, i], x[1, i], x[2, i]
            p0, p1, p2 = dt * d_v[0, i], dt * d_v[1, i], dt * d_v[2, i]
            s0, s1, s2, s = 0.0, 0.0, 0.0, 0.0
            m = mass[i]
            for j in range(i + 1, n):
                d0, d1, d2 = x[0, j] - x0, x[1, j] - x1, x[2, j] - x2
                inverse2 = 1.0 / (d0 * d0 + d1 * d1 + d2 * d2 + soft)
                inverse3 = inverse2 * math.sqrt(inverse2)
                q0, q1, q2 = dt * d_v[0, j], dt * d_v[1, j], dt * d_v[2, j]
                w0, w1, w2 = mass[j] * p0 - m * q0, mass[j] * p1 - m * q1, mass[j] * p2 - m * q2
                along = 3.0 * inverse2 * (w0 * d0 + w1 * d1 + w2 * d2)
                g0 = inverse3 * (w0 - along * d0)
                g1 = inverse3 * (w1 - along * d1)
                g2 = inverse3 * (w2 - along * d2)
                s0 += g0
                s1 += g1
                s2 += g2
                d_x[0, j] += g0
                d_x[1, j] += g1
                d_x[2, j] += g2
                d_mass[j] += inverse3 * (p0 * d0 + p1 * d1 + p2 * d2)
                s += inverse3 * (q0 * d0 + q1 * d1 + q2 * d2)
            d_x[0, i] -= s0
            d_x[1, i] -= s1
            d_x[2, i] -= s2
            d_mass[i] -= s
        for c in range(3):
            for i in range(n):
                d_v[c, i] += 0.5 * dt * d_x[c, i]
    return d_x.T.copy(), d_v.T.copy(), d_mass


def n_body_arguments(quick: bool) -> Arguments:
    n, steps = (20, 10) if quick else (80, 40)
    rng = np.random.default_rng(0)
    position, velocity, target = rng.normal(size=(3, n, 3))
    return position, 0.1 * velocity, rng.uniform(0.5, 1.5, n) / n, 0.1, 0.01, steps, target


# ---- smoothed particles ------------------------------------------------------------------------


def smoothed_particles(position, velocity, radius, stiffness, rest, dt, steps, target):
    """Half the squared distance to `target`: densities from neighbours, pressures from densities, then the forces."""
    n = len(position)
    x = position.copy()
    v = velocity.copy()
    density = np.zeros(n)
    force = np.zeros((n, 2))
    scale = 4.0 / (math.pi * radius**8)
    for step in range(steps):
        for i in range(n):
            density[i] = scale * radius**6
            force[i, 0] = 0.0
            force[i, 1] = 0.0
        for i in range(n):
            for j in range(i):
                dx = x[i, 0] - x[j, 0]
                dy = x[i, 1] - x[j, 1]
                r2 = dx * dx + dy * dy
                if r2 < radius * radius:
                    share = scale * (radius * radius - r2) ** 3
                    density[i] += share
                    density[j] += share
        for i in range(n):
            for j in range(i):
                dx = x[i, 0] - x[j, 0]
                dy = x[i, 1] - x[j, 1]
                r2 = dx * dx + dy * dy
                if r2 < radius * radius:
                    r = math.sqrt(r2)
                    push = stiffness * (density[i] + density[j] - 2.0 * rest) * (radius - r) ** 2 / r
                    force[i, 0] += push * dx / density[j]
                    force[i, 1] += push * dy / density[j]
                    force[j, 0] -= push * dx / density[i]
                    force[j, 1] -= push * dy / density[i]
        for i in range(n):
            v[i, 0] += dt * force[i, 0] / density[i]
            v[i, 1] += dt * force[i, 1] / density[i]
        for i in range(n):
            x[i, 0] += dt * v[i, 0]
            x[i, 1] += dt * v[i, 1]
    loss = 0.0
    for i in range(n):
        loss += (x[i, 0] - target[i, 0]) ** 2 + (x[i, 1] - target[i, 1]) ** 2
    return 0.5 * loss


@compiled
def smoothed_particles_gradient(position, velocity, radius, stiffness, rest, dt, steps, target):
    """By position and velocity. Keeps positions, densities and forces of each step."""
    n = len(position)
    square = radius * radius
    scale = 4.0 / (math.pi * radius**8)
    own = scale * square**3
    xs, densities, forces = np.empty((steps, n, 2)), np.empty((steps, n)), np.empty((steps, n, 2))
    x, v = position.copy(), velocity.copy()
    for step in range(steps):
        density, force = densities[step], forces[step]
        for i in range(n):
            xs[step, i, 0], xs[step, i, 1] = x[i, 0], x[i, 1]
            density[i] = own
            force[i, 0], force[i, 1] = 0.0, 0.0
        for i in range(n):
            for j in range(i):
                dx, dy = x[i, 0] - x[j, 0], x[i, 1] - x[j, 1]
                r2 = dx * dx + dy * dy
                if r2 < square:
                    share = scale * (square - r2) ** 3
                    density[i] += share
                    density[j] += share
        for i in range(n):
            for j in range(i):
                dx, dy = x[i, 0] - x[j, 0], x[i, 1] - x[j, 1]
                r2 = dx * dx + dy * dy
                if r2 < square:
                    r = math.sqrt(r2)
                    push = stiffness * (density[i] + density[j] - 2.0 * rest) * (radius - r) ** 2 / r
                    force[i, 0] += push * dx / density[j]
                    force[i, 1] += push * dy / density[j]
                    force[j, 0] -= push * dx / density[i]
                    force[j, 1] -= push * dy / density[i]
        for i in range(n):
            v[i, 0] += dt * force[i, 0] / density[i]
            v[i, 1] += dt * force[i, 1] / density[i]
            x[i, 0] += dt * v[i, 0]
            x[i, 1] += dt * v[i, 1]
    d_x, d_v, d_density, d_force = x - target, np.zeros((n, 2)), np.empty(n), np.empty((n, 2))
    for step in range(steps - 1, -1, -1):
        x, density, force = xs[step], densities[step], forces[step]
        for i in range(n):
            d_v[i, 0] += dt * d_x[i, 0]
            d_v[i, 1] += dt * d_x[i, 1]
            d_force[i, 0] = dt * d_v[i, 0] / density[i]
            d_force[i, 1] = dt * d_v[i, 1] / density[i]
            d_density[i] = -(d_force[i, 0] * force[i, 0] + d_force[i, 1] * force[i, 1]) / density[i]
        for i in range(n):
            for j in range(i):
                dx, dy = x[i, 0] - x[j, 0], x[i, 1] - x[j, 1]
                r2 = dx * dx + dy * dy
                if r2 < square:
                    r = math.sqrt(r2)
                    pressure = stiffness * (density[i] + density[j] - 2.0 * rest)
                    shape = (radius - r) ** 2 / r
                    wx = d_force[i, 0] / density[j] - d_force[j, 0] / density[i]
                    wy = d_force[i, 1] / density[j] - d_force[j, 1] / density[i]
                    along = wx * dx + wy * dy
                    push = pressure * shape
                    d_density[i] += stiffness * shape * along
                    d_density[j] += stiffness * shape * along
                    d_density[j] -= push * (d_force[i, 0] * dx + d_force[i, 1] * dy) / density[j] ** 2
                    d_density[i] += push * (d_force[j, 0] * dx + d_force[j, 1] * dy) / density[i] ** 2
                    slope = -pressure * along * (2.0 * (radius - r) + shape) / r2
                    gx, gy = push * wx + slope * dx, push * wy + slope * dy
                    d_x[i, 0] += gx
                    d_x[i, 1] += gy
                    d_x[j, 0] -= gx
                    d_x[j, 1] -= gy
        for i in range(n):
            for j in range(i):
                dx, dy = x[i, 0] - x[j, 0], x[i, 1] - x[j, 1]
                r2 = dx * dx + dy * dy
                if r2 < square:
                    slope = -6.0 * scale * (d_density[i] + d_density[j]) * (square - r2) ** 2
                    d_x[i, 0] += slope * dx
                    d_x[i, 1] += slope * dy
                    d_x[j, 0] -= slope * dx
                    d_x[j, 1] -= slope * dy
    return d_x, d_v


def smoothed_arguments(quick: bool) -> Arguments:
    side, steps = (6, 8) if quick else (14, 20)
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    position = 0.1 * (grid + rng.uniform(-0.2, 0.2, grid.shape))
    return position, rng.normal(size=grid.shape), 0.25, 1.0, 90.0, 0.001, steps, position + 0.05


WORKLOADS = (
    Workload(
        name="n_body",
        kind="loop",
        function=n_body,
        wrt=(0, 1, 2),
        arguments=n_body_arguments,
        hand=lambda args: lambda: n_body_gradient(*args),
        hand_saved=lambda args: args[5] * args[0].nbytes,
    ),
    Workload(
        name="smoothed_particles",
        kind="loop",
        function=smoothed_particles,
        wrt=(0, 1),
        arguments=smoothed_arguments,
        hand=lambda args: lambda: smoothed_particles_gradient(*args),
        hand_saved=lambda args: args[6] * (2 * args[0].nbytes + 8 * len(args[0])),
    ),
)
