"""Adjoints of the linear algebra, chosen by rank. Formulas: Giles, "Collected matrix derivative results" (2008)."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.registry import vjp


@vjp("@", ranks=(1, 1))
def vector_vector(d_y: Any, y: Any, a: Any, b: Any) -> Any:
    return d_y * b, d_y * a


@vjp("@", ranks=(2, 1))
def matrix_vector(d_y: Any, y: Any, A: Any, x: Any) -> Any:
    return d_y[:, None] * x, A.T @ d_y


@vjp("@", ranks=(1, 2))
def vector_matrix(d_y: Any, y: Any, x: Any, A: Any) -> Any:
    return A @ d_y, x[:, None] * d_y


@vjp("@", ranks=(2, 2))
def matrix_matrix(d_y: Any, y: Any, A: Any, B: Any) -> Any:
    return d_y @ B.T, A.T @ d_y


@vjp("np.outer")
def outer(d_y: Any, y: Any, a: Any, b: Any) -> Any:
    return d_y @ b, a @ d_y


@vjp("np.trace")
def trace(d_y: Any, y: Any, A: Any) -> Any:
    return d_y * np.eye(A.shape[0], A.shape[1])


@vjp("np.linalg.solve", ranks=(2, 1))
def solve_vector(d_y: Any, y: Any, A: Any, b: Any) -> Any:
    d_b = np.linalg.solve(A.T, d_y)
    return -d_b[:, None] * y, d_b


@vjp("np.linalg.solve", ranks=(2, 2))
def solve_matrix(d_y: Any, y: Any, A: Any, B: Any) -> Any:
    d_B = np.linalg.solve(A.T, d_y)
    return -d_B @ y.T, d_B


@vjp("np.linalg.inv")
def inv(d_y: Any, y: Any, A: Any) -> Any:
    return -y.T @ d_y @ y.T


@vjp("np.linalg.det")
def det(d_y: Any, y: Any, A: Any) -> Any:
    return d_y * runtime.cofactors(A)


@vjp(runtime.log_abs_det)
def log_abs_det(d_y: Any, y: Any, A: Any) -> Any:
    return d_y * np.linalg.inv(A).T


@vjp("np.linalg.cholesky")
def cholesky(d_y: Any, y: Any, A: Any) -> Any:
    # NumPy reads the lower triangle only, so only it has a derivative: each entry stands for both of its pair
    return runtime.cholesky_adjoint(y, d_y)


@vjp(runtime.cholesky_adjoint)
def cholesky_adjoint(d_z: Any, z: Any, y: Any, d_y: Any) -> Any:
    # z is the lower half of inv(y).T @ middle @ inv(y), where middle is the lower triangle of y.T @ d_y, mirrored
    half = np.tril(d_z, -1) + 0.5 * np.diag(np.diag(d_z))
    d_middle = np.linalg.solve(y, np.linalg.solve(y, half).T).T
    d_middle = np.tril(d_middle) + np.tril(d_middle.T, -1)
    turned = np.linalg.solve(y, ((z + z.T) @ (half + half.T)).T).T
    return np.tril(d_y @ d_middle.T - turned), y @ d_middle


@vjp(runtime.eigenpairs)
def eigenpairs(d_y: Any, y: Any, A: Any) -> Any:
    # the vectors turn into one another in inverse proportion to the gaps; where nothing reads them there is no
    # turning, also for equal eigenvalues
    vectors = y[1:]
    turned = vectors.T @ d_y[1:]
    gaps = y[0] - y[0][:, None]
    turned = np.where((turned == 0.0) & (gaps == 0.0), 0.0, turned / np.where(np.eye(len(gaps)) == 1.0, np.inf, gaps))
    d_A = vectors @ (turned + np.diag(d_y[0])) @ vectors.T
    # the lower triangle is read, each entry for both of its pair
    return np.tril(d_A) + np.tril(d_A.T, -1)


@vjp(runtime.cofactors)
def cofactors(d_y: Any, y: Any, A: Any) -> Any:
    # the second derivative of the determinant, which is symmetric
    return runtime.cofactors_tangent(A, d_y)


@vjp(runtime.cofactors_tangent)
def cofactors_tangent(d_y: Any, y: Any, A: Any, t: Any) -> Any:
    # the third derivative, by A, t and d_y, in any order. It is made of the inverse: not of a singular matrix
    inverse = np.linalg.inv(A).T
    moved = -inverse @ d_y.T @ inverse
    cofactors = runtime.cofactors(A)
    d_cofactors = runtime.cofactors_tangent(A, d_y)
    d_A = np.sum(moved * t) * cofactors - moved @ t.T @ cofactors
    return d_A + np.sum(inverse * t) * d_cofactors - inverse @ t.T @ d_cofactors, d_cofactors


@vjp(runtime.lu_packed)
def lu_packed(d_y: Any, y: Any, A: Any) -> Any:
    # de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals using triangular factorization" (2011)
    left = np.tril(y, -1) + np.eye(y.shape[0])
    right = np.triu(y)
    inner = np.tril(left.T @ np.tril(d_y, -1), -1) + np.triu(np.triu(d_y) @ right.T)
    d_rows = np.linalg.solve(right, np.linalg.solve(left.T, inner).T).T
    return d_rows[np.argsort(runtime.order_of_pivots(runtime.lu_pivots(A)))]


# ---- bands -------------------------------------------------------------------------------------


@vjp(runtime.banded_solution)
def banded_solution(d_y: Any, y: Any, ab: Any, b: Any, lower: Any, upper: Any) -> Any:
    d_b = runtime.banded_solution(runtime.banded_transposed(ab, lower, upper), d_y, upper, lower)
    return runtime.band_of_product(-d_b, y, lower, upper), d_b, None, None


@vjp(runtime.banded_transposed)
def banded_transposed(d_y: Any, y: Any, ab: Any, lower: Any, upper: Any) -> Any:
    return runtime.banded_transposed(d_y, upper, lower), None, None


@vjp(runtime.banded_product)
def banded_product(d_y: Any, y: Any, ab: Any, x: Any, lower: Any, upper: Any) -> Any:
    d_x = runtime.banded_product(runtime.banded_transposed(ab, lower, upper), d_y, upper, lower)
    return runtime.band_of_product(d_y, x, lower, upper), d_x, None, None


@vjp(runtime.band_of_product)
def band_of_product(d_y: Any, y: Any, a: Any, b: Any, lower: Any, upper: Any) -> Any:
    d_b = runtime.banded_product(runtime.banded_transposed(d_y, lower, upper), a, upper, lower)
    return runtime.banded_product(d_y, b, lower, upper), d_b, None, None


# ---- sparse equations --------------------------------------------------------------------------


@vjp(runtime.conjugate_gradients)
def conjugate_gradients(
    d_y: Any, y: Any, rows: Any, columns: Any, data: Any, b: Any, relative: Any, absolute: Any, most: Any
) -> Any:
    # its matrix is its own transpose; the adjoint is no less exact than the solution
    d_b = runtime.conjugate_gradients(rows, columns, data, d_y, min(relative, 1e-10), absolute * 0.0, most)
    return None, None, -d_b[rows] * y[columns], d_b, None, None, None
