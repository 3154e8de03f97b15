"""Programs people write: integrators, solvers, decompositions, stencils."""

import math

import numpy as np

from tests.programs.registry import case, positive, real, spd


def lotka_volterra(state, rates):
    a, b, c, d = rates
    return np.array([a * state[0] - b * state[0] * state[1], d * state[0] * state[1] - c * state[1]])


@case(np.array([1.0, 0.5]), positive(4), 0.1, 6, compiled=True)
@case(np.array([1.0, 0.5]), positive(4), 0.1, 0)
def runge_kutta(state, rates, dt, steps):
    for _ in range(steps):
        k1 = lotka_volterra(state, rates)
        k2 = lotka_volterra(state + 0.5 * dt * k1, rates)
        k3 = lotka_volterra(state + 0.5 * dt * k2, rates)
        k4 = lotka_volterra(state + dt * k3, rates)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state[0] * state[1]


@case(1.0, 0.3, 0.05, 20, compiled=True)
def leapfrog_pendulum(theta, omega, dt, steps):
    for i in range(steps):
        omega = omega - 0.5 * dt * math.sin(theta)
        theta = theta + dt * omega
        omega = omega - 0.5 * dt * math.sin(theta)
    return 0.5 * omega**2 - math.cos(theta)


@case(1.0, 0.5)
def adaptive_euler(y, rate):
    t = 0.0
    h = 0.5
    while t < 1.0:
        k = -rate * y * y
        new = y + h * k
        if abs(new - y) > 0.1:
            h = h * 0.5
            continue
        y = new
        t = t + h
    return y


@case(np.array([0.7, 1.4]), 1.5, 2)
def newton_system(x, a, turns):
    for _ in range(turns):
        f = np.array([x[0] ** 2 + x[1] - a, x[0] - x[1] ** 2 + 1])
        J = np.array([[2 * x[0], 1.0], [1.0, -2 * x[1]]])
        x = x - np.linalg.solve(J, f)
    return x[0] * x[1]


@case(np.array([0.5, 0.2, 0.1, 0.05]), compiled=True)
def durbin(r):
    n = len(r)
    y = np.zeros(n)
    z = np.zeros(n)
    y[0] = -r[0]
    beta = 1.0
    alpha = -r[0]
    for k in range(1, n):
        beta = (1 - alpha * alpha) * beta
        s = 0.0
        for i in range(k):
            s += r[k - i - 1] * y[i]
        alpha = -(r[k] + s) / beta
        for i in range(k):
            z[i] = y[i] + alpha * y[k - i - 1]
        for i in range(k):
            y[i] = z[i]
        y[k] = alpha
    return np.sum(y * y)


@case(spd(4), compiled=True)
def lu_in_place(a):
    lu = a.copy()
    n = len(lu)
    for i in range(n):
        for j in range(i):
            for k in range(j):
                lu[i, j] -= lu[i, k] * lu[k, j]
            lu[i, j] /= lu[j, j]
        for j in range(i, n):
            for k in range(i):
                lu[i, j] -= lu[i, k] * lu[k, j]
    return np.sum(lu * lu) + lu[3, 2]


@case(spd(4))
def cholesky_in_place(a):
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
        for k in range(i):
            a[i, i] -= a[i, k] * a[i, k]
        a[i, i] = math.sqrt(a[i, i])
    return np.sum(np.diag(a)) + a[3, 1] * a[2, 0]


@case(spd(4), real(4), compiled=True)
def triangular_solve(L, b):
    x = np.zeros(len(b))
    for i in range(len(b)):
        s = b[i]
        for j in range(i):
            s -= L[i, j] * x[j]
        x[i] = s / L[i, i]
    return np.sum(x * x)


@case(spd(4), real(4))
def back_substitution_by_slices(U, b):
    n = len(b)
    x = b.copy()
    for i in range(n - 1, -1, -1):
        x[i] = (x[i] - U[i, i + 1 :] @ x[i + 1 :]) / U[i, i]
    return np.sum(x * b)


@case(real(4, 3), compiled=True)
def gram_schmidt(a):
    q = a.copy()
    m = a.shape[1]
    for k in range(m):
        r = np.sqrt(np.sum(q[:, k] ** 2))
        q[:, k] = q[:, k] / r
        for j in range(k + 1, m):
            p = q[:, k] @ q[:, j]
            q[:, j] -= p * q[:, k]
    return np.sum(q[:, 2] * a[:, 0] ** 2) + np.sum(q[0] * a[1])


@case(spd(3), real(3))
def gauss_elimination(a, b):
    m = a.copy()
    x = b.copy()
    for k in range(3):
        for i in range(k + 1, 3):
            f = m[i, k] / m[k, k]
            m[i] -= f * m[k]
            x[i] -= f * x[k]
    for i in range(2, -1, -1):
        x[i] = (x[i] - m[i, i + 1 :] @ x[i + 1 :]) / m[i, i]
    return x @ x


@case(spd(3), real(3), 3)
def conjugate_gradients(a, b, turns):
    x = np.zeros_like(b)
    r = b - a @ x
    p = r.copy()
    rs = r @ r
    for _ in range(turns - 1):
        ap = a @ p
        alpha = rs / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        new = r @ r
        p = r + new / rs * p
        rs = new
    return x @ x


@case(real(6), 4, compiled=True)
@case(real(6), 0)
def heat_with_buffer_swap(u, steps):
    new = u.copy()
    for t in range(steps):
        for i in range(1, len(u) - 1):
            new[i] = u[i] + 0.2 * (u[i - 1] - 2 * u[i] + u[i + 1]) + 0.1 * u[i] ** 2
        u, new = new, u
    return np.sum(u * u)


@case(real(5, 6), 3, compiled=True)
def jacobi_by_slices(u, steps):
    for t in range(steps):
        v = u.copy()
        v[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]) * np.cos(u[1:-1, 1:-1])
        u = v
    return np.sum(u * u)


@case(real(5, 5), 2)
def seidel_in_place(a, steps):
    n = a.shape[0]
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = np.sin(a[i - 1, j] + a[i, j - 1] + a[i, j] + a[i + 1, j] + a[i, j + 1]) / 2
    return np.sum(a * a)


@case(real(8), 0.3, 4)
def wave_equation(u, c, steps):
    before = u.copy()
    now = u.copy()
    for _ in range(steps):
        after = np.zeros_like(now)
        after[1:-1] = 2 * now[1:-1] - before[1:-1] + c * (now[2:] - 2 * now[1:-1] + now[:-2])
        before, now = now, after
    return np.sum(now**2) + now @ before
