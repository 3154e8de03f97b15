"""Conjugate gradients on a sparse matrix by rows (CSR), a fixed number of iterations, as NAS's kernel has."""

from __future__ import annotations

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Workload

compiled = numba.njit(error_model="numpy")


def conjugate_gradient(data, indices, indptr, b, iterations, target):
    """Half the squared distance to `target` of what the iterations make of the solution of A x = b."""
    n = len(b)
    x = np.zeros(n)
    r = b.copy()
    p = r.copy()
    q = np.zeros(n)
    rr = 0.0
    for i in range(n):
        rr += r[i] * r[i]
    for iteration in range(iterations):
        pq = 0.0
        for i in range(n):
            total = 0.0
            for k in range(indptr[i], indptr[i + 1]):
                total += data[k] * p[indices[k]]
            q[i] = total
            pq += p[i] * total
        alpha = rr / pq
        new = 0.0
        for i in range(n):
            x[i] += alpha * p[i]
            r[i] -= alpha * q[i]
            new += r[i] * r[i]
        beta = new / rr
        rr = new
        for i in range(n):
            p[i] = r[i] + beta * p[i]
    loss = 0.0
    for i in range(n):
        loss += (x[i] - target[i]) ** 2
    return 0.5 * loss


@compiled
def conjugate_gradient_gradient(data, indices, indptr, b, iterations, target):
    """By data and b, of the iterations as they are. Keeps p, q and r of each, the numbers, and nothing of x."""
    n = len(b)
    x = np.zeros(n)
    ps, rs, qs = np.empty((iterations + 1, n)), np.empty((iterations + 1, n)), np.empty((iterations, n))
    rrs, pqs = np.empty(iterations + 1), np.empty(iterations)
    rr = 0.0
    for i in range(n):
        ps[0, i], rs[0, i] = b[i], b[i]
        rr += b[i] * b[i]
    rrs[0] = rr
    for t in range(iterations):
        p, q, r, after, new_p = ps[t], qs[t], rs[t], rs[t + 1], ps[t + 1]
        pq = 0.0
        for i in range(n):
            total = 0.0
            for k in range(indptr[i], indptr[i + 1]):
                total += data[k] * p[indices[k]]
            q[i] = total
            pq += p[i] * total
        alpha = rrs[t] / pq
        rr = 0.0
        for i in range(n):
            x[i] += alpha * p[i]
            after[i] = r[i] - alpha * q[i]
            rr += after[i] * after[i]
        beta = rr / rrs[t]
        for i in range(n):
            new_p[i] = after[i] + beta * p[i]
        pqs[t], rrs[t + 1] = pq, rr
    d_x, d_data = x - target, np.zeros_like(data)
    d_p, d_r, d_q = np.zeros(n), np.zeros(n), np.empty(n)
    d_rr = 0.0
    for t in range(iterations - 1, -1, -1):
        p, q, r = ps[t], qs[t], rs[t + 1]
        alpha, beta = rrs[t] / pqs[t], rrs[t + 1] / rrs[t]
        d_beta = 0.0
        for i in range(n):
            d_beta += d_p[i] * p[i]
        d_rr += d_beta / rrs[t]
        d_alpha = 0.0
        for i in range(n):
            d_r[i] += d_p[i] + 2.0 * d_rr * r[i]
            d_alpha += d_x[i] * p[i] - d_r[i] * q[i]
        d_rr = d_alpha / pqs[t] - d_beta * beta / rrs[t]
        d_pq = -d_alpha * alpha / pqs[t]
        for i in range(n):
            d_q[i] = d_pq * p[i] - alpha * d_r[i]
            d_p[i] = beta * d_p[i] + alpha * d_x[i] + d_pq * q[i]
        for i in range(n):
            for k in range(indptr[i], indptr[i + 1]):
                j = indices[k]
                d_data[k] += d_q[i] * p[j]
                d_p[j] += data[k] * d_q[i]
    d_b = np.empty(n)
    for i in range(n):
        d_b[i] = d_p[i] + d_r[i] + 2.0 * d_rr * b[i]
    return d_data, d_b


def arguments(quick: bool) -> Arguments:
    """The Laplacian of a square grid, with varying coefficients, as a matrix by rows."""
    side, iterations = (10, 6) if quick else (40, 30)
    rng = np.random.default_rng(0)
    n = side * side
    data, indices, indptr = [], [], [0]
    for i in range(n):
        row, column = divmod(i, side)
        for j, inside in (
            (i - side, row > 0),
            (i - 1, column > 0),
            (i, True),
            (i + 1, column < side - 1),
            (i + side, row < side - 1),
        ):
            if inside:
                data.append(4.5 if j == i else -1.0 + 0.1 * np.cos(i + j))
                indices.append(j)
        indptr.append(len(data))
    return np.array(data), np.array(indices), np.array(indptr), rng.normal(size=n), iterations, rng.normal(size=n)


def saved(arguments: Arguments) -> int:
    iterations, n = arguments[4], len(arguments[3])
    return 8 * ((3 * iterations + 2) * n + 2 * iterations + 1)


WORKLOADS = (
    Workload(
        name="conjugate_gradient",
        kind="loop",
        function=conjugate_gradient,
        wrt=(0, 3),
        arguments=arguments,
        hand=lambda args: lambda: conjugate_gradient_gradient(*args),
        hand_saved=saved,
    ),
)
