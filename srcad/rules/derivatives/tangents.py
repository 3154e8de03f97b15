"""Tangents of the operations that are neither elementwise nor linear, and of those that read better so.

A rule takes the result, the arguments, and a tangent for each argument: None where the argument has none. The formulas
of linear algebra are those of M. Giles, "An extended collection of matrix derivative results" (2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.registry import jvp

# ---- elementwise -------------------------------------------------------------------------------


@jvp("/")
def divide(y: Any, a: Any, b: Any, t_a: Any, t_b: Any) -> Any:
    if t_b is None:
        return t_a / b
    if t_a is None:
        return -y * t_b / b
    return (t_a - y * t_b) / b


@jvp("np.log", "math.log")
def log(y: Any, x: Any, t_x: Any) -> Any:
    return t_x / x


@jvp("np.sqrt", "math.sqrt")
def sqrt(y: Any, x: Any, t_x: Any) -> Any:
    # in a direction in which x rests, 0 at 0 too
    return np.where((t_x == 0.0) & (y == 0.0), 0.0, t_x / (2.0 * y))


@jvp("cut_gradient")
def cut_gradient(y: Any, x: Any, where: Any, t_x: Any, t_where: Any) -> Any:
    return np.where(where, 0.0, t_x)


# the tangent of what is not chosen may be infinite: it must not be multiplied by 0


@jvp("np.maximum")
def maximum(y: Any, a: Any, b: Any, t_a: Any, t_b: Any) -> Any:
    t_first = 0.0 if t_a is None else t_a
    t_second = 0.0 if t_b is None else t_b
    return np.where(a > b, t_first, np.where(a < b, t_second, 0.5 * (t_first + t_second)))


@jvp("np.minimum")
def minimum(y: Any, a: Any, b: Any, t_a: Any, t_b: Any) -> Any:
    t_first = 0.0 if t_a is None else t_a
    t_second = 0.0 if t_b is None else t_b
    return np.where(a < b, t_first, np.where(a > b, t_second, 0.5 * (t_first + t_second)))


@jvp("np.fmax", "np.fmin")
def fmax(y: Any, a: Any, b: Any, t_a: Any, t_b: Any) -> Any:
    # told by the result: the other side may be NaN, which compares false both ways
    t_first = 0.0 if t_a is None else t_a
    t_second = 0.0 if t_b is None else t_b
    return np.where(a == b, 0.5 * (t_first + t_second), np.where(y == a, t_first, t_second))


# ---- reductions --------------------------------------------------------------------------------


@jvp("np.max", "np.min")
def extreme(y: Any, x: Any, t_x: Any) -> Any:
    return np.sum(np.where(x == y, t_x, 0.0)) / np.sum(x == y)


@jvp(runtime.max_first, runtime.min_first)
def extreme_first(y: Any, x: Any, t_x: Any) -> Any:
    return np.sum(np.where(x == y, t_x, 0.0), axis=0) / np.sum(x == y, axis=0)


@jvp(runtime.max_last, runtime.min_last)
def extreme_last(y: Any, x: Any, t_x: Any) -> Any:
    ties = x == np.expand_dims(y, -1)
    return np.sum(np.where(ties, t_x, 0.0), axis=-1) / np.sum(ties, axis=-1)


@jvp("np.prod")
def prod(y: Any, x: Any, t_x: Any) -> Any:
    # not y / x: right where entries are zero
    return np.sum(np.reshape(runtime.product_of_others(np.ravel(x)), x.shape) * t_x)


@jvp(runtime.prod_first)
def prod_first(y: Any, x: Any, t_x: Any) -> Any:
    return np.sum(runtime.product_of_others_first(x) * t_x, axis=0)


@jvp(runtime.product_of_others, runtime.product_of_others_first)
def product_of_others(y: Any, x: Any, t_x: Any) -> Any:
    t_y = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            if i != j:
                rest = t_x[j] * 1.0
                for k in range(x.shape[0]):
                    if k != i and k != j:
                        rest = rest * x[k]
                t_y[i] += rest
    return t_y


# ---- creation ----------------------------------------------------------------------------------


@jvp("np.arange")
def arange(y: Any, start: Any, stop: Any, step: Any, t_start: Any, t_stop: Any, t_step: Any) -> Any:
    if t_step is None:
        return np.full_like(y, t_start)
    if t_start is None:
        return t_step * np.arange(len(y))
    return t_start + t_step * np.arange(len(y))


# ---- linear algebra ----------------------------------------------------------------------------


@jvp("np.linalg.solve")
def solve(y: Any, A: Any, b: Any, t_A: Any, t_b: Any) -> Any:
    if t_A is None:
        return np.linalg.solve(A, t_b)
    if t_b is None:
        return -np.linalg.solve(A, t_A @ y)
    return np.linalg.solve(A, t_b - t_A @ y)


@jvp("np.linalg.inv")
def inv(y: Any, A: Any, t_A: Any) -> Any:
    return -y @ t_A @ y


@jvp("np.linalg.det")
def det(y: Any, A: Any, t_A: Any) -> Any:
    # not y * trace(inv(A) @ t_A): right where the matrix is singular
    return np.sum(runtime.cofactors(A) * t_A)


@jvp(runtime.log_abs_det)
def log_abs_det(y: Any, A: Any, t_A: Any) -> Any:
    return np.sum(np.linalg.inv(A).T * t_A)


@jvp("np.linalg.cholesky")
def cholesky(y: Any, A: Any, t_A: Any) -> Any:
    # NumPy reads the lower triangle only: each entry stands for both of its pair
    half = np.tril(t_A, -1)
    middle = np.linalg.solve(y, np.linalg.solve(y, half + half.T + np.diag(np.diag(t_A))).T).T
    return y @ (np.tril(middle, -1) + 0.5 * np.diag(np.diag(middle)))


@jvp(runtime.cholesky_adjoint)
def cholesky_adjoint(z: Any, y: Any, d_y: Any, t_y: Any, t_d_y: Any) -> Any:
    # z is the lower half of inv(y).T @ middle @ inv(y), where middle is the lower triangle of y.T @ d_y, mirrored
    t_product = np.zeros_like(y)
    if t_y is not None:
        t_product = t_product + np.tril(t_y).T @ np.tril(d_y)
    if t_d_y is not None:
        t_product = t_product + y.T @ np.tril(t_d_y)
    t_middle = np.tril(t_product) + np.tril(t_product, -1).T
    t_full = np.linalg.solve(y.T, np.linalg.solve(y.T, t_middle).T).T
    if t_y is not None:
        turned = np.linalg.solve(y.T, np.tril(t_y).T @ (z + z.T))
        t_full = t_full - turned - turned.T
    return np.tril(t_full, -1) + 0.5 * np.diag(np.diag(t_full))


@jvp(runtime.eigenpairs)
def eigenpairs(y: Any, A: Any, t_A: Any) -> Any:
    # the vectors turn into one another in inverse proportion to the gaps
    vectors = y[1:]
    half = np.tril(t_A, -1)
    inner = vectors.T @ (half + half.T + np.diag(np.diag(t_A))) @ vectors
    gaps = y[0] - y[0][:, None]
    turned = np.where((inner == 0.0) & (gaps == 0.0), 0.0, inner / np.where(np.eye(len(gaps)) == 1.0, np.inf, gaps))
    return np.concatenate((np.diag(inner)[None, :], vectors @ turned))


@jvp(runtime.cofactors)
def cofactors(y: Any, A: Any, t_A: Any) -> Any:
    return runtime.cofactors_tangent(A, t_A)


@jvp(runtime.cofactors_tangent)
def cofactors_tangent(y: Any, A: Any, t: Any, t_A: Any, t_t: Any) -> Any:
    if t_A is None:
        return runtime.cofactors_tangent(A, t_t)
    # made of the inverse: not of a singular matrix
    inverse = np.linalg.inv(A).T
    moved = -inverse @ t_A.T @ inverse
    cofactors = runtime.cofactors(A)
    t_cofactors = runtime.cofactors_tangent(A, t_A)
    t_y = np.sum(moved * t) * cofactors - moved @ t.T @ cofactors
    t_y = t_y + np.sum(inverse * t) * t_cofactors - inverse @ t.T @ t_cofactors
    return t_y if t_t is None else t_y + runtime.cofactors_tangent(A, t_t)


@jvp(runtime.lu_packed)
def lu_packed(y: Any, A: Any, t_A: Any) -> Any:
    left = np.tril(y, -1) + np.eye(y.shape[0])
    right = np.triu(y)
    rows = t_A[runtime.order_of_pivots(runtime.lu_pivots(A))]
    inner = np.linalg.solve(right.T, np.linalg.solve(left, rows).T).T
    return np.tril(left @ np.tril(inner, -1), -1) + np.triu(np.triu(inner) @ right)


@jvp(runtime.banded_solution)
def banded_solution(
    y: Any, ab: Any, b: Any, lower: Any, upper: Any, t_ab: Any, t_b: Any, t_lower: Any, t_upper: Any
) -> Any:
    if t_ab is None:
        return runtime.banded_solution(ab, t_b, lower, upper)
    moved = -runtime.banded_product(t_ab, y, lower, upper)
    return runtime.banded_solution(ab, moved if t_b is None else t_b + moved, lower, upper)


@jvp(runtime.conjugate_gradients)
def conjugate_gradients(
    y: Any,
    rows: Any,
    columns: Any,
    data: Any,
    b: Any,
    relative: Any,
    absolute: Any,
    most: Any,
    t_rows: Any,
    t_columns: Any,
    t_data: Any,
    t_b: Any,
    t_relative: Any,
    t_absolute: Any,
    t_most: Any,
) -> Any:
    right = np.zeros_like(b)
    if t_data is not None:
        for k in range(len(rows)):
            right[rows[k]] -= t_data[k] * y[columns[k]]
    if t_b is not None:
        right = right + t_b
    return runtime.conjugate_gradients(rows, columns, data, right, min(relative, 1e-10), absolute * 0.0, most)
