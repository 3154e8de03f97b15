"""The factors of a matrix, or of a stack of them: Cholesky, eigenvectors, singular vectors, QR; least squares.

A factorisation that gives several arrays is one primitive, which gives them in one array, one below the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.linalg import floats, matrices, of_each
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import common_dtype, compile_time, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]
factor = PRIMITIVES["np.linalg.cholesky"]
EigResult = type(np.linalg.eig(np.eye(1)))
EighResult = type(np.linalg.eigh(np.eye(1)))
SVDResult = type(np.linalg.svd(np.eye(1)))
QRResult = type(np.linalg.qr(np.eye(1)))


@compile_time
def epsilon(name: str) -> float:
    """The distance from 1 to the next number of a dtype."""
    return float(np.finfo(name).eps)


def transposed(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


# ---- of square matrices -------------------------------------------------------------------------


@expands(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: Any = False) -> Any:
    x = matrices(a)
    if upper:
        return transposed(of_each(factor, transposed(x), x.shape[-2:]))
    return of_each(factor, x, x.shape[-2:])


@expands(np.linalg.eigh)
def eigh(a: Any, UPLO: Any = "L") -> Any:
    if UPLO != "L" and UPLO != "l":
        # LAPACK gives other signs for the upper triangle than for the lower one of the transpose
        unsupported("np.linalg.eigh of the upper triangle (eigh(A.T) has vectors of other signs)")
    pairs = pairs_of(a, "L")
    return EighResult(pairs[..., 0, :], pairs[..., 1:, :])


@expands(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: Any = "L") -> Any:
    return pairs_of(a, UPLO)[..., 0, :]


def pairs_of(a: Any, uplo: Any) -> Any:
    x = matrices(a)
    x = transposed(x) if uplo == "U" or uplo == "u" else x
    return of_each(runtime.eigenpairs, x, (x.shape[-1] + 1, x.shape[-1]))


@expands(np.linalg.eig)
def eig(a: Any) -> Any:
    x = matrices(a)
    pairs = of_each(runtime.real_eigenpairs, x, (x.shape[-1] + 1, x.shape[-1]))
    return EigResult(pairs[..., 0, :], pairs[..., 1:, :])


@expands(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    return eig(a)[0]


# ---- of any matrix ------------------------------------------------------------------------------


@expands(np.linalg.svd)
def svd(a: Any, full_matrices: Any = True, compute_uv: Any = True, hermitian: Any = False) -> Any:
    if hermitian:
        if compute_uv:
            return singular_vectors_of_symmetric(a)
        return np.sort(np.abs(np.linalg.eigvalsh(a)), axis=-1)[..., ::-1]
    if not compute_uv:
        return np.linalg.svdvals(a)
    x = matrices(a)
    m = x.shape[-2]
    n = x.shape[-1]
    if full_matrices and m != n:
        # the vectors that are added span what the others leave, in no way that has a derivative
        raise ValueError("np.linalg.svd of a matrix that is not square is not supported: give full_matrices=False")
    triplets = of_each(runtime.singular_triplets, x, (m + n + 1, min(m, n)))
    return SVDResult(triplets[..., :m, :], triplets[..., m, :], transposed(triplets[..., m + 1 :, :]))


def singular_vectors_of_symmetric(a: Any) -> Any:
    """From the eigenvectors: the singular values are the absolute eigenvalues, the greatest first."""
    values, vectors = np.linalg.eigh(a)
    order = np.argsort(np.abs(values))[..., ::-1]
    values = np.take_along_axis(values, order, -1)
    vectors = np.take_along_axis(vectors, order[..., None, :], -1)
    return SVDResult(vectors, np.abs(values), transposed(vectors * np.sign(values)[..., None, :]))


@expands(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    y = matrices(x)
    return of_each(runtime.singular_values, y, (min(y.shape[-2], y.shape[-1]),))


@expands(np.linalg.qr)
def qr(a: Any, mode: Any = "reduced") -> Any:
    if mode not in ("reduced", "r", "complete"):
        unsupported("this mode of np.linalg.qr")
    x = matrices(a)
    n = min(x.shape[-2], x.shape[-1])
    if mode == "complete" and x.shape[-2] > n:
        raise ValueError("np.linalg.qr with mode='complete' of a matrix with more rows than columns is not supported")
    # the columns after the first n are products with what is orthonormal already
    q = of_each(runtime.orthonormal_columns, x[..., :n], (x.shape[-2], n))
    r = np.triu(transposed(q) @ x)
    if mode == "r":
        return r
    return QRResult(q, r)


@expands(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: Any = False, *, rtol: Any = None) -> Any:
    x = matrices(a)
    cut = 1e-15 if rcond is None else rcond
    if rtol is not None:
        cut = rtol
    if hermitian:
        x = np.tril(x) + transposed(np.tril(x, -1))
    return of_each(lambda one: runtime.pseudoinverse(one, cut), x, (x.shape[-1], x.shape[-2]))


@expands(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    x = floats(np.asarray(a))
    y = floats(np.asarray(b))
    if np.ndim(x) != 2 or np.ndim(y) < 1 or np.ndim(y) > 2:
        raise np.linalg.LinAlgError("np.linalg.lstsq of other than a matrix with a vector or a matrix")
    name = common_dtype(dtype_of(x), dtype_of(y))
    x = cast(x, dtype=name)
    y = cast(y, dtype=name)
    m = x.shape[0]
    n = x.shape[1]
    if m != y.shape[0]:
        raise np.linalg.LinAlgError("Incompatible dimensions")
    cut = epsilon(name) * max(m, n) if rcond is None else rcond
    z = runtime.pseudoinverse(x, cut) @ y
    s = np.linalg.svdvals(x)
    rank = cast(np.sum(s > cut * np.max(s)), dtype="int32")
    distance = y - x @ z
    squares = np.atleast_1d(np.sum(distance * distance, axis=0))
    return z, squares[: len(squares) if rank == n and m > n else 0], rank, s


@expands(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: Any = False, *, rtol: Any = None) -> Any:
    if np.ndim(A) < 2:
        return 1 if np.any(A != 0) else 0
    x = matrices(A)
    s = np.linalg.svdvals(np.tril(x) + transposed(np.tril(x, -1)) if hermitian else x)
    if tol is None:
        relative = max(x.shape[-2], x.shape[-1]) * epsilon(dtype_of(x)) if rtol is None else rtol
        return np.sum(s > np.max(s, axis=-1, keepdims=True) * relative, axis=-1)
    return np.sum(s > (tol if np.ndim(tol) == 0 else np.asarray(tol)[..., None]), axis=-1)
