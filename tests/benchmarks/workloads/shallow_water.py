"""Shallow water on a staggered grid (Arakawa's C), stepped in place by assignments to slices."""

from __future__ import annotations

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Workload

compiled = numba.njit(error_model="numpy")


def shallow_water(h0, u0, v0, depth, g, dt, dx, steps, target):
    """Half the squared distance of the surface to `target`; u lies on the faces along x, v on those along y."""
    h = h0.copy()
    u = u0.copy()
    v = v0.copy()
    flux_x = np.zeros_like(u)
    flux_y = np.zeros_like(v)
    for step in range(steps):
        u[1:-1, :] -= dt * g / dx * (h[1:, :] - h[:-1, :])
        v[:, 1:-1] -= dt * g / dx * (h[:, 1:] - h[:, :-1])
        flux_x[1:-1, :] = u[1:-1, :] * (depth + 0.5 * (h[1:, :] + h[:-1, :]))
        flux_y[:, 1:-1] = v[:, 1:-1] * (depth + 0.5 * (h[:, 1:] + h[:, :-1]))
        h -= dt / dx * (flux_x[1:, :] - flux_x[:-1, :] + flux_y[:, 1:] - flux_y[:, :-1])
    return 0.5 * np.sum((h - target) ** 2)


@compiled
def shallow_water_gradient(h0, u0, v0, depth, g, dt, dx, steps, target):
    """By h0, u0 and v0. Keeps h before each step and the velocities in it; the walls carry no flux and stay out of it.

    Both sweeps go over the state once a step: the fluxes and their cotangents stay in registers.
    """
    n, m = h0.shape
    a, b = dt * g / dx, dt / dx
    hs = np.empty((steps + 1, n, m))
    us = np.empty((steps + 1, n + 1, m))
    vs = np.empty((steps + 1, n, m + 1))
    hs[0], us[0], vs[0] = h0, u0, v0
    flux_x, flux_y = np.zeros((n + 1, m)), np.zeros((n, m + 1))
    for step in range(steps):
        h, u, v, after = hs[step], us[step], vs[step], hs[step + 1]
        new_u, new_v = us[step + 1], vs[step + 1]
        for j in range(m):
            new_u[0, j], new_u[n, j] = u[0, j], u[n, j]
        for i in range(n - 1):
            for j in range(m):
                new_u[i + 1, j] = u[i + 1, j] - a * (h[i + 1, j] - h[i, j])
                flux_x[i + 1, j] = new_u[i + 1, j] * (depth + 0.5 * (h[i + 1, j] + h[i, j]))
        for i in range(n):
            new_v[i, 0], new_v[i, m] = v[i, 0], v[i, m]
            for j in range(m - 1):
                new_v[i, j + 1] = v[i, j + 1] - a * (h[i, j + 1] - h[i, j])
                flux_y[i, j + 1] = new_v[i, j + 1] * (depth + 0.5 * (h[i, j + 1] + h[i, j]))
        for i in range(n):
            for j in range(m):
                out = flux_x[i + 1, j] - flux_x[i, j] + flux_y[i, j + 1] - flux_y[i, j]
                after[i, j] = h[i, j] - b * out
    d_h = hs[steps] - target
    d_u, d_v = np.zeros((n + 1, m)), np.zeros((n, m + 1))
    to_x, to_y = np.zeros((n + 1, m)), np.zeros((n, m + 1))
    for step in range(steps - 1, -1, -1):
        h, u, v = hs[step], us[step + 1], vs[step + 1]
        # what a face gives to the point before it, and less its twofold share in the slope to the one behind it
        for i in range(n - 1):
            for j in range(m):
                d_flux = b * (d_h[i + 1, j] - d_h[i, j])
                d_u[i + 1, j] += d_flux * (depth + 0.5 * (h[i + 1, j] + h[i, j]))
                to_x[i + 1, j] = 0.5 * d_flux * u[i + 1, j]
        for i in range(n):
            for j in range(m - 1):
                d_flux = b * (d_h[i, j + 1] - d_h[i, j])
                d_v[i, j + 1] += d_flux * (depth + 0.5 * (h[i, j + 1] + h[i, j]))
                to_y[i, j + 1] = 0.5 * d_flux * v[i, j + 1]
        for j in range(m):
            d_h[0, j] += to_x[1, j] + a * d_u[1, j]
            d_h[n - 1, j] += to_x[n - 1, j] - a * d_u[n - 1, j]
        for i in range(n - 2):
            for j in range(m):
                d_h[i + 1, j] += to_x[i + 1, j] + to_x[i + 2, j] + a * (d_u[i + 2, j] - d_u[i + 1, j])
        for i in range(n):
            d_h[i, 0] += to_y[i, 1] + a * d_v[i, 1]
            for j in range(m - 2):
                d_h[i, j + 1] += to_y[i, j + 1] + to_y[i, j + 2] + a * (d_v[i, j + 2] - d_v[i, j + 1])
            d_h[i, m - 1] += to_y[i, m - 1] - a * d_v[i, m - 1]
    return d_h, d_u, d_v


def arguments(quick: bool) -> Arguments:
    n, m, steps = (24, 20, 20) if quick else (72, 64, 80)
    rng = np.random.default_rng(0)
    h, target = rng.uniform(-0.05, 0.05, (2, n, m))
    u, v = rng.uniform(-0.1, 0.1, (n + 1, m)), rng.uniform(-0.1, 0.1, (n, m + 1))
    u[[0, -1]] = 0.0
    v[:, [0, -1]] = 0.0
    return h, u, v, 1.0, 9.81, 0.005, 0.1, steps, target


def saved(arguments: Arguments) -> int:
    h, u, v, *_, steps, _ = arguments
    return (steps + 1) * (h.nbytes + u.nbytes + v.nbytes)


WORKLOADS = (
    Workload(
        name="shallow_water",
        kind="array",
        function=shallow_water,
        wrt=(0, 1, 2),
        arguments=arguments,
        hand=lambda args: lambda: shallow_water_gradient(*args),
        hand_saved=saved,
    ),
)
