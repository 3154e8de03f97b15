"""2D reaction-diffusion, explicit time steps, array updated in place."""

import numpy as np


def fisher_kpp(u0, kappa, rate, dt, steps):
    rows, cols = u0.shape
    u = u0.copy()
    lap = np.zeros_like(u0)
    for step in range(steps):
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                lap[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                u[i, j] += dt * (kappa * lap[i, j] + rate * u[i, j] * (1.0 - u[i, j]))
    return np.sum(u * u)
