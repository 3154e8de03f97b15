"""Functions of matrices in `scipy.linalg`, and equations of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg, special

from srcad.rules.expansions.linalg import floats
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import compile_time, dtype_of, expands, unsupported
from srcad.rules.scipy.linalg import expm, matrix

stopped = PRIMITIVES["stop_gradient"]

# ---- roots and logarithms ----------------------------------------------------------------------


@expands(linalg.sqrtm)
def sqrtm(A: Any) -> Any:
    """Newton's method for a root and its inverse: Denman and Beavers (1976)."""
    return root_of(matrix(A, "sqrtm"))


def root_of(a: Any) -> Any:
    x = a
    y = np.eye(a.shape[0], dtype=dtype_of(a))
    more = 2
    for _ in range(60):
        before = x
        x = 0.5 * (before + np.linalg.inv(y))
        y = 0.5 * (y + np.linalg.inv(before))
        moved = stopped(np.max(np.abs(x - before)))
        if not moved > 1e-9 * stopped(np.max(np.abs(x))):
            # the derivative is a step behind the value
            more -= 1
        if more == 0:
            break
    residual = stopped(np.max(np.abs(x @ x - a)))
    if not residual <= 1e-8 * stopped(np.max(np.abs(a))):
        raise ValueError("the matrix has no real square root that is found: an eigenvalue is negative, or nearly zero")
    return x


@compile_time
def legendre_on_unit_interval(n: int) -> Any:
    nodes, weights = special.roots_legendre(n)
    return tuple((0.5 * (nodes + 1.0)).tolist()), tuple((0.5 * weights).tolist())


@expands(linalg.logm)
def logm(A: Any) -> Any:
    """Of a root that is near to one, by Padé's approximant as a sum of fractions: Higham (2008), 11.5."""
    x = matrix(A, "logm")
    one = np.eye(x.shape[0], dtype=dtype_of(x))
    factor = 1.0
    while stopped(np.max(np.sum(np.abs(x - one), axis=0))) > 0.25:
        x = root_of(x)
        factor = 2.0 * factor
    nodes, weights = legendre_on_unit_interval(8)
    e = x - one
    total = np.zeros_like(e)
    for k in range(8):
        total = total + weights[k] * np.linalg.solve(one + nodes[k] * e, e)
    return factor * total


@expands(linalg.fractional_matrix_power)
def fractional_matrix_power(A: Any, t: Any) -> Any:
    return expm(t * logm(A))


# ---- sines and cosines: of the exponential of A [[0, -1], [1, 0]] --------------------------------


def turning(a: Any) -> Any:
    zero = np.zeros_like(a)
    return expm(np.concatenate((np.concatenate((zero, -a), axis=1), np.concatenate((a, zero), axis=1))))


@expands(linalg.cosm)
def cosm(A: Any) -> Any:
    x = matrix(A, "cosm")
    return turning(x)[: x.shape[0], : x.shape[0]]


@expands(linalg.sinm)
def sinm(A: Any) -> Any:
    x = matrix(A, "sinm")
    return turning(x)[x.shape[0] :, : x.shape[0]]


# ---- equations ---------------------------------------------------------------------------------


@expands(linalg.solve_sylvester)
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """A X + X B = Q, as one system for the entries of X."""
    left = matrix(a, "solve_sylvester")
    right = matrix(b, "solve_sylvester")
    n = left.shape[0]
    m = right.shape[0]
    system = np.kron(left, np.eye(m)) + np.kron(np.eye(n), right.T)
    return np.linalg.solve(system, floats(np.asarray(q)).reshape(-1)).reshape((n, m))


@expands(linalg.solve_continuous_lyapunov)
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    x = matrix(a, "solve_continuous_lyapunov")
    return solve_sylvester(x, x.T, q)


@expands(linalg.solve_discrete_lyapunov)
def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """A X A.T - X + Q = 0."""
    x = matrix(a, "solve_discrete_lyapunov")
    n = x.shape[0]
    system = np.eye(n * n) - np.kron(x, x)
    return np.linalg.solve(system, floats(np.asarray(q)).reshape(-1)).reshape((n, n))


@expands(linalg.solve_toeplitz)
def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: Any = True) -> Any:
    if isinstance(c_or_cr, tuple):
        return np.linalg.solve(linalg.toeplitz(c_or_cr[0], c_or_cr[1]), floats(np.asarray(b)))
    return np.linalg.solve(linalg.toeplitz(c_or_cr), floats(np.asarray(b)))


@expands(linalg.solveh_banded)
def solveh_banded(
    ab: Any, b: Any, overwrite_ab: Any = False, overwrite_b: Any = False, lower: Any = False, check_finite: Any = True
) -> Any:
    half = matrix(ab, "solveh_banded")
    u = half.shape[0] - 1
    n = half.shape[1]
    band = np.zeros((2 * u + 1, n))
    for d in range(u + 1):
        line = half[d, : n - d] if lower else half[u - d, d:]
        band[u - d, d:] = line
        band[u + d, : n - d] = line
    return linalg.solve_banded((u, u), band, b, overwrite_ab, overwrite_b)


# ---- special matrices --------------------------------------------------------------------------


@expands(linalg.hankel)
def hankel(c: Any, r: Any = None) -> Any:
    first = np.asarray(c)
    if np.ndim(first) != 1 or (r is not None and np.ndim(r) != 1):
        unsupported("scipy.linalg.hankel of other than vectors")
    last = np.zeros_like(first) if r is None else np.asarray(r)
    values = np.concatenate((first, last[1:]))
    return values[np.arange(len(first))[:, None] + np.arange(len(last))]


@expands(linalg.khatri_rao)
def khatri_rao(a: Any, b: Any) -> Any:
    x = np.asarray(a)
    y = np.asarray(b)
    return (x[:, None, :] * y[None, :, :]).reshape((x.shape[0] * y.shape[0], x.shape[1]))
