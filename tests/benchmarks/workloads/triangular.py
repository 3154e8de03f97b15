"""Recursions over a triangle: LU in place (PolyBench), forward substitution, Durbin's recursion (PolyBench).

The inner bounds depend on the outer index, and every entry on those before it: what array languages do badly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import srcad
from tests.benchmarks.workload import Arguments, Thunk, Workload

compiled = numba.njit(error_model="numpy")


# ---- lu ----------------------------------------------------------------------------------------


def lu(A):
    """A becomes its factors, U with the diagonal and L below it, whose own diagonal is of ones."""
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                A[i, j] -= A[i, k] * A[k, j]
            A[i, j] /= A[j, j]
        for j in range(i, n):
            for k in range(i):
                A[i, j] -= A[i, k] * A[k, j]


lu_forward = compiled(lu)


@compiled
def lu_adjoint(A, d_A):
    """Nothing is kept: every factor that an update multiplied by is one of the final factors.

    Row i's cotangents end as those of the given A, once the rows above have taken their share. Sums run along rows
    of the transposed U, which makes all of it vectorise without another order of additions.
    """
    lu_forward(A)
    n = A.shape[0]
    columns = A.T.copy()
    for i in range(n - 1, -1, -1):
        for j in range(n - 1, i - 1, -1):
            g = d_A[i, j]
            for k in range(i):
                d_A[i, k] -= g * columns[j, k]
        for j in range(i - 1, -1, -1):
            g = d_A[i, j] / columns[j, j]
            d_A[i, j] = g
            for k in range(j):
                d_A[i, k] -= g * columns[j, k]
        for k in range(i):
            factor = A[i, k]
            for j in range(n - k):
                d_A[k, k + j] -= factor * d_A[i, k + j]


def lu_arguments(quick: bool) -> Arguments:
    n = 60 if quick else 200
    return (np.random.default_rng(0).normal(size=(n, n)) / np.sqrt(n) + 3.0 * np.eye(n),)


def lu_in_buffer(adjoint: Callable[..., Any], arguments: Arguments) -> Thunk:
    """The call of an adjoint in procedure style, which gives the buffer."""
    (A,) = arguments
    seed = lu_seed(A)

    def run():
        d_A = seed.copy()
        adjoint(A.copy(), d_A)
        return d_A

    return run


def lu_seed(A: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).normal(size=A.shape)


# ---- triangular_solve --------------------------------------------------------------------------


def triangular_solve(L, b):
    """Half the squared norm of the solution of L x = b."""
    n = len(b)
    x = np.empty(n)
    for i in range(n):
        rest = b[i]
        for j in range(i):
            rest -= L[i, j] * x[j]
        x[i] = rest / L[i, i]
    return 0.5 * np.sum(x * x)


@compiled
def triangular_solve_gradient(L, b):
    """Keeps the solution only. A turn of the reverse sweep takes a row's part from the rest and writes its gradient."""
    n = len(b)
    x = np.empty(n)
    for i in range(n):
        rest = b[i]
        for j in range(i):
            rest -= L[i, j] * x[j]
        x[i] = rest / L[i, i]
    d_L = np.zeros_like(L)
    d_b = x.copy()
    for i in range(n - 1, -1, -1):
        g = d_b[i] / L[i, i]
        d_b[i] = g
        d_L[i, i] = -g * x[i]
        for j in range(i):
            d_b[j] -= g * L[i, j]
            d_L[i, j] = -g * x[j]
    return d_L, d_b


def triangular_solve_arguments(quick: bool) -> Arguments:
    n = 150 if quick else 1000
    rng = np.random.default_rng(0)
    return np.tril(rng.normal(size=(n, n))) / np.sqrt(n) + 2.0 * np.eye(n), rng.normal(size=n)


# ---- durbin ------------------------------------------------------------------------------------


def durbin(r):
    """Half the squared norm of the solution of the Yule-Walker equations, by Durbin's recursion."""
    n = len(r)
    y = np.zeros(n)
    z = np.zeros(n)
    y[0] = -r[0]
    beta = 1.0
    alpha = -r[0]
    for k in range(1, n):
        beta = (1.0 - alpha * alpha) * beta
        total = 0.0
        for i in range(k):
            total += r[k - i - 1] * y[i]
        alpha = -(r[k] + total) / beta
        for i in range(k):
            z[i] = y[i] + alpha * y[k - i - 1]
        for i in range(k):
            y[i] = z[i]
        y[k] = alpha
    return 0.5 * np.sum(y * y)


@compiled
def durbin_gradient(r):
    """Keeps the solution of every order, as a packed triangle, and writes each straight into its row.

    r is read backwards, from a reversed copy, so that the sums run forwards.
    """
    n = len(r)
    backward = r[::-1].copy()
    rows = np.empty(n * (n + 1) // 2)
    betas = np.empty(n)
    rows[0] = -r[0]
    betas[0] = 1.0
    alpha = -r[0]
    start = 0
    for k in range(1, n):
        betas[k] = (1.0 - alpha * alpha) * betas[k - 1]
        y = rows[start : start + k]
        after = rows[start + k : start + 2 * k + 1]
        total = 0.0
        for i in range(k):
            total += backward[n - k + i] * y[i]
        alpha = -(r[k] + total) / betas[k]
        for i in range(k):
            after[i] = y[i] + alpha * y[k - 1 - i]
        after[k] = alpha
        start += k

    d_backward = np.zeros(n)
    d_y = rows[start : start + n].copy()
    d_before = np.empty(n)
    d_alpha = 0.0
    d_beta = 0.0
    for k in range(n - 1, 0, -1):
        alpha = rows[start + k]
        start -= k
        y = rows[start : start + k]
        d_alpha += d_y[k]
        for i in range(k):
            d_alpha += d_y[k - 1 - i] * y[i]
        d_total = -d_alpha / betas[k]
        d_beta += d_total * alpha
        d_backward[n - 1 - k] += d_total
        for i in range(k):
            d_before[i] = d_y[i] + alpha * d_y[k - 1 - i] + d_total * backward[n - k + i]
            d_backward[n - k + i] += d_total * y[i]
        d_y, d_before = d_before, d_y
        before = y[k - 1]
        d_alpha = -2.0 * before * betas[k - 1] * d_beta
        d_beta = (1.0 - before * before) * d_beta
    d_backward[n - 1] -= d_y[0] + d_alpha
    return d_backward[::-1].copy()


def durbin_arguments(quick: bool) -> Arguments:
    """The autocorrelation of a coloured series: positive definite, as the recursion needs."""
    n = 200 if quick else 1000
    series = np.random.default_rng(0).normal(size=8 * n)
    for lag in (1, 2, 5):
        series[lag:] += 0.5 * series[:-lag]
    spectrum = np.abs(np.fft.rfft(series, 2 * len(series))) ** 2
    covariance = np.fft.irfft(spectrum)[: n + 1]
    return (covariance[1:] / covariance[0],)


# ---- the contestants ---------------------------------------------------------------------------


def jax_gradient(loss: Callable[..., Any], wrt: int | tuple[int, ...], arguments: Arguments) -> Thunk:
    import jax

    arrays = tuple(jax.numpy.asarray(a) for a in arguments)
    gradient = jax.jit(jax.grad(loss, wrt))
    return lambda: jax.tree.map(np.asarray, gradient(*arrays))


def jax_lu(arguments: Arguments) -> Thunk:
    """The elimination of one column after the other, masked, for a shape may not depend on a counter."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    n = len(arguments[0])
    seed, places = lu_seed(arguments[0]), np.arange(n)

    def loss(A):
        def eliminate(k, A):
            below = places > k
            column = jnp.where(below, A[:, k] / A[k, k], 0.0)
            A = A - jnp.outer(column, jnp.where(below, A[k], 0.0))
            return A.at[:, k].set(jnp.where(below, column, A[:, k]))

        return jnp.sum(seed * jax.lax.fori_loop(0, n, eliminate, A))

    return jax_gradient(loss, 0, arguments)


def jax_triangular_solve(arguments: Arguments) -> Thunk:
    """The library's routine is what its users call."""
    import jax

    jax.config.update("jax_enable_x64", True)

    def loss(L, b):
        x = jax.scipy.linalg.solve_triangular(L, b, lower=True)
        return 0.5 * jax.numpy.sum(x * x)

    return jax_gradient(loss, (0, 1), arguments)


def jax_durbin(arguments: Arguments) -> Thunk:
    """On arrays of full length: y is zero from the k-th entry on, and stays so when reversed and rolled by k."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(r):
        def longer(k, state):
            y, alpha, beta = state
            beta = (1.0 - alpha * alpha) * beta
            alpha = -(r[k] + jnp.roll(r[::-1], k) @ y) / beta
            y = (y + alpha * jnp.roll(y[::-1], k)).at[k].set(alpha)
            return y, alpha, beta

        y = jnp.zeros_like(r).at[0].set(-r[0])
        y, _, _ = jax.lax.fori_loop(1, len(r), longer, (y, -r[0], jnp.ones(())))
        return 0.5 * jnp.sum(y * y)

    return jax_gradient(loss, 0, arguments)


def lu_loss(A, seed, dot, outer):
    """The factors, column by column and row by row, times their cotangents, for libraries that run eagerly."""
    loss = 0.0
    for k in range(len(seed)):
        row, column = A[0], A[1:, 0] / A[0, 0]
        loss = loss + dot(row, seed[k, k:]) + dot(column, seed[k + 1 :, k])
        A = A[1:, 1:] - outer(column, row[1:])
    return loss


def durbin_loss(r, flip, append, total):
    """The recursion on slices that grow, for libraries that run eagerly."""
    y, alpha, beta = -r[:1], -r[:1], 1.0
    for k in range(1, len(r)):
        beta = (1.0 - alpha * alpha) * beta
        alpha = -(r[k : k + 1] + total(flip(r[:k]) * y)) / beta
        y = append(y + alpha * flip(y), alpha)
    return 0.5 * total(y * y)


def torch_gradient(name: str, arguments: Arguments) -> Thunk:
    import torch

    leaves = tuple(torch.tensor(a, requires_grad=True) for a in arguments)

    def lu(A):
        return lu_loss(A, seed, torch.dot, torch.outer)

    def triangular_solve(L, b):
        x = torch.linalg.solve_triangular(L, b[:, None], upper=False)
        return 0.5 * torch.sum(x * x)

    def durbin(r):
        return durbin_loss(r, lambda v: torch.flip(v, (0,)), lambda v, w: torch.cat((v, w)), torch.sum)

    seed = torch.tensor(lu_seed(arguments[0]))
    loss = {"lu": lu, "triangular_solve": triangular_solve, "durbin": durbin}[name]

    def run():
        found = tuple(g.numpy() for g in torch.autograd.grad(loss(*leaves), leaves))
        return found if len(found) > 1 else found[0]

    return run


def autograd_gradient(name: str, arguments: Arguments) -> Thunk:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.linalg import solve_triangular

    def lu(A):
        return lu_loss(A, seed, anp.dot, anp.outer)

    def triangular(L, b):
        x = solve_triangular(L, b, lower=True)
        return 0.5 * anp.sum(x * x)

    def durbin(r):
        return durbin_loss(r, lambda v: v[::-1], lambda v, w: anp.concatenate((v, w)), anp.sum)

    seed = lu_seed(arguments[0])
    loss = {"lu": lu, "triangular_solve": triangular, "durbin": durbin}[name]
    gradient = autograd.grad(loss, (0, 1) if len(arguments) > 1 else 0)
    return lambda: gradient(*arguments)


def eager(name: str) -> dict[str, Callable[[Arguments], Thunk]]:
    """tangent is left out: it refuses A.shape, has no adjoint of np.empty, and takes half a minute for durbin."""
    return {
        "torch": lambda args: torch_gradient(name, args),
        "autograd": lambda args: autograd_gradient(name, args),
    }


WORKLOADS = (
    Workload(
        name="lu",
        kind="loop",
        function=lu,
        wrt=0,
        arguments=lu_arguments,
        hand=lambda args: lu_in_buffer(lu_adjoint, args),
        hand_saved=lambda args: 0,
        ours=lambda args: lu_in_buffer(srcad.adjoint(lu, "A"), args),
        plan=lambda args: srcad.adjoint(lu, "A").plan(*args),
        primal=lambda args: lambda: lu_forward(args[0].copy()),
        peers={"jax": jax_lu, **eager("lu")},
    ),
    Workload(
        name="triangular_solve",
        kind="loop",
        function=triangular_solve,
        wrt=(0, 1),
        arguments=triangular_solve_arguments,
        hand=lambda args: lambda: triangular_solve_gradient(*args),
        hand_saved=lambda args: args[1].nbytes,
        peers={"jax": jax_triangular_solve, **eager("triangular_solve")},
    ),
    Workload(
        name="durbin",
        kind="loop",
        function=durbin,
        wrt=0,
        arguments=durbin_arguments,
        hand=lambda args: lambda: durbin_gradient(*args),
        hand_saved=lambda args: 8 * (len(args[0]) * (len(args[0]) + 1) // 2 + len(args[0])),
        peers={"jax": jax_durbin, **eager("durbin")},
    ),
)
