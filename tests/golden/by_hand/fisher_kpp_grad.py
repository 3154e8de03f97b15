"""Gradient of fisher_kpp, as a careful person would have written it.

source  fisher_kpp.py:6
wrt     u0, kappa, rate
keeps   u_saved     steps x u0.size floats   read by line 16
redoes  lap         once per reverse step, from u_saved (lines 11-13)
"""

import numpy as np


def fisher_kpp_grad(u0, kappa, rate, dt, steps, d_result=1.0):
    # ---- forward sweep -----------------------------------------------------
    rows, cols = u0.shape
    u_saved = np.empty((steps, rows, cols))

    u = u0.copy()
    lap = np.zeros_like(u0)
    for step in range(steps):
        u_saved[step] = u
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                lap[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                u[i, j] += dt * (kappa * lap[i, j] + rate * u[i, j] * (1.0 - u[i, j]))

    # ---- reverse sweep -----------------------------------------------------
    d_u0 = np.zeros_like(u0)
    d_kappa = 0.0
    d_rate = 0.0
    d_lap = np.zeros_like(u0)

    # L17: return np.sum(u * u)
    d_u = 2.0 * d_result * u
    for step in range(steps - 1, -1, -1):
        # back to the state this step started from
        u[:] = u_saved[step]
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                lap[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]

        for i in range(rows - 2, 0, -1):
            for j in range(cols - 2, 0, -1):
                # L16: u[i, j] += dt * (kappa * lap[i, j] + rate * u[i, j] * (1.0 - u[i, j]))
                d_step = dt * d_u[i, j]
                d_kappa += lap[i, j] * d_step
                d_lap[i, j] += kappa * d_step
                d_rate += u[i, j] * (1.0 - u[i, j]) * d_step
                d_u[i, j] += rate * (1.0 - 2.0 * u[i, j]) * d_step
        for i in range(rows - 2, 0, -1):
            for j in range(cols - 2, 0, -1):
                # L13: lap[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] ...
                d_lap_ij = d_lap[i, j]
                d_lap[i, j] = 0.0
                d_u[i - 1, j] += d_lap_ij
                d_u[i + 1, j] += d_lap_ij
                d_u[i, j - 1] += d_lap_ij
                d_u[i, j + 1] += d_lap_ij
                d_u[i, j] -= 4.0 * d_lap_ij
    # L8: u = u0.copy()
    d_u0 += d_u

    return d_u0, d_kappa, d_rate
