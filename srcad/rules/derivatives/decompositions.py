"""Adjoints and tangents of the factors of a matrix: Giles (2008); Townsend, "Differentiating the singular value
decomposition" (2016); Golub and Pereyra (1973) for the pseudoinverse; Walter and Lehmann (2010) for QR.

Vectors turn into one another in inverse proportion to the gaps between their values. Where nothing reads the vectors
there is no turning, also for equal values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.registry import jvp, vjp

# ---- eigenvectors ------------------------------------------------------------------------------


@vjp(runtime.real_eigenpairs)
def real_eigenpairs(d_y: Any, y: Any, A: Any) -> Any:
    vectors = y[1:]
    turned = vectors.T @ d_y[1:]
    turned = turned - (vectors.T @ vectors) * np.diag(turned)
    gaps = y[0] - y[0][:, None]
    turned = np.where((turned == 0.0) & (gaps == 0.0), 0.0, turned / np.where(np.eye(len(gaps)) == 1.0, np.inf, gaps))
    return np.linalg.solve(vectors.T, (turned + np.diag(d_y[0])) @ vectors.T)


@jvp(runtime.real_eigenpairs)
def real_eigenpairs_tangent(y: Any, A: Any, t_A: Any) -> Any:
    vectors = y[1:]
    inner = np.linalg.solve(vectors, t_A @ vectors)
    gaps = y[0] - y[0][:, None]
    turned = np.where((inner == 0.0) & (gaps == 0.0), 0.0, inner / np.where(np.eye(len(gaps)) == 1.0, np.inf, gaps))
    t_vectors = vectors @ turned
    t_vectors = t_vectors - vectors * np.sum(vectors * t_vectors, axis=0)
    return np.concatenate((np.diag(inner)[None, :], t_vectors))


# ---- singular values ---------------------------------------------------------------------------


@vjp(runtime.singular_values)
def singular_values(d_y: Any, y: Any, A: Any) -> Any:
    u, _, vt = np.linalg.svd(A, full_matrices=False)
    return (u * d_y) @ vt


@jvp(runtime.singular_values)
def singular_values_tangent(y: Any, A: Any, t_A: Any) -> Any:
    u, _, vt = np.linalg.svd(A, full_matrices=False)
    return np.sum(u * (t_A @ vt.T), axis=0)


@vjp(runtime.singular_triplets)
def singular_triplets(d_y: Any, y: Any, A: Any) -> Any:
    m = A.shape[0]
    u, s, v = y[:m], y[m], y[m + 1 :]
    d_u, d_s, d_v = d_y[:m], d_y[m], d_y[m + 1 :]
    gaps = (s - s[:, None]) * (s + s[:, None])
    divisors = np.where(np.eye(len(s)) == 1.0, np.inf, gaps)
    turned_u = u.T @ d_u - d_u.T @ u
    turned_v = v.T @ d_v - d_v.T @ v
    turned_u = np.where((turned_u == 0.0) & (gaps == 0.0), 0.0, turned_u / divisors) * s
    turned_v = np.where((turned_v == 0.0) & (gaps == 0.0), 0.0, turned_v / divisors) * s[:, None]
    # out of the spaces that the vectors span
    out_u = d_u - u @ (u.T @ d_u)
    out_v = d_v - v @ (v.T @ d_v)
    out_u = np.where(out_u == 0.0, 0.0, out_u / s)
    out_v = np.where(out_v == 0.0, 0.0, out_v / s)
    return (u @ (turned_u + turned_v + np.diag(d_s)) + out_u) @ v.T + u @ out_v.T


@jvp(runtime.singular_triplets)
def singular_triplets_tangent(y: Any, A: Any, t_A: Any) -> Any:
    m = A.shape[0]
    u, s, v = y[:m], y[m], y[m + 1 :]
    inner = u.T @ t_A @ v
    gaps = (s - s[:, None]) * (s + s[:, None])
    divisors = np.where(np.eye(len(s)) == 1.0, np.inf, gaps)
    turned_u = inner * s + s[:, None] * inner.T
    turned_v = s[:, None] * inner + inner.T * s
    turned_u = np.where((turned_u == 0.0) & (gaps == 0.0), 0.0, turned_u / divisors)
    turned_v = np.where((turned_v == 0.0) & (gaps == 0.0), 0.0, turned_v / divisors)
    out_u = t_A @ v - u @ inner
    out_v = t_A.T @ u - v @ inner.T
    t_u = u @ turned_u + np.where(out_u == 0.0, 0.0, out_u / s)
    t_v = v @ turned_v + np.where(out_v == 0.0, 0.0, out_v / s)
    return np.concatenate((t_u, np.diag(inner)[None, :], t_v))


# ---- QR ----------------------------------------------------------------------------------------


@vjp(runtime.orthonormal_columns)
def orthonormal_columns(d_y: Any, y: Any, A: Any) -> Any:
    r = y.T @ A
    inner = -d_y.T @ y
    mirrored = np.tril(inner, -1) + np.tril(inner).T
    return np.linalg.solve(r, (d_y + y @ mirrored).T).T


@jvp(runtime.orthonormal_columns)
def orthonormal_columns_tangent(y: Any, A: Any, t_A: Any) -> Any:
    r = y.T @ A
    moved = np.linalg.solve(r.T, t_A.T).T
    inner = np.tril(y.T @ moved, -1)
    return moved - y @ (y.T @ moved) + y @ (inner - inner.T)


# ---- the pseudoinverse -------------------------------------------------------------------------


@vjp(runtime.pseudoinverse)
def pseudoinverse(d_y: Any, y: Any, A: Any, rcond: Any) -> Any:
    # as long as the rank stays what it is
    left = d_y.T - A @ (y @ d_y.T)
    right = d_y.T - (d_y.T @ y) @ A
    return left @ (y @ y.T) + (y.T @ y) @ right - y.T @ d_y @ y.T, None


@jvp(runtime.pseudoinverse)
def pseudoinverse_tangent(y: Any, A: Any, rcond: Any, t_A: Any, t_rcond: Any) -> Any:
    left = t_A.T - (t_A.T @ A) @ y
    right = t_A.T - y @ (A @ t_A.T)
    return (y @ y.T) @ left + right @ (y.T @ y) - y @ t_A @ y
