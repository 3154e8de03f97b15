"""Decompositions of `scipy.linalg`: eigenvalues, singular values, QR, LU, polar; what is solved by them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from srcad.rules.registry import expands, unsupported
from srcad.rules.scipy.linalg import lu_factor, matrix, refuse_overwriting


@expands(linalg.eigh)
def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: Any = True,
    eigvals_only: Any = False,
    overwrite_a: Any = False,
    overwrite_b: Any = False,
    type: Any = 1,
    check_finite: Any = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    refuse_overwriting(overwrite_a, overwrite_b)
    if b is not None or not lower or subset_by_index is not None or subset_by_value is not None:
        unsupported("scipy.linalg.eigh with b, of the upper triangle, or of some eigenvalues")
    x = matrix(a, "eigh")
    if eigvals_only:
        return np.linalg.eigvalsh(x)
    values, vectors = np.linalg.eigh(x)
    return values, vectors


@expands(linalg.eigvalsh)
def eigvalsh(
    a: Any,
    b: Any = None,
    *,
    lower: Any = True,
    overwrite_a: Any = False,
    overwrite_b: Any = False,
    type: Any = 1,
    check_finite: Any = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    refuse_overwriting(overwrite_a, overwrite_b)
    if b is not None or subset_by_index is not None or subset_by_value is not None:
        unsupported("scipy.linalg.eigvalsh with b, or of some eigenvalues")
    return np.linalg.eigvalsh(matrix(a, "eigvalsh"), "L" if lower else "U")


@expands(linalg.svd)
def svd(
    a: Any,
    full_matrices: Any = True,
    compute_uv: Any = True,
    overwrite_a: Any = False,
    check_finite: Any = True,
    lapack_driver: Any = "gesdd",
) -> Any:
    refuse_overwriting(overwrite_a)
    return np.linalg.svd(matrix(a, "svd"), full_matrices, compute_uv)


@expands(linalg.svdvals)
def svdvals(a: Any, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    refuse_overwriting(overwrite_a)
    return np.linalg.svd(matrix(a, "svdvals"), False, False)


@expands(linalg.qr)
def qr(
    a: Any,
    overwrite_a: Any = False,
    lwork: Any = None,
    mode: Any = "full",
    pivoting: Any = False,
    check_finite: Any = True,
) -> Any:
    refuse_overwriting(overwrite_a)
    x = matrix(a, "qr")
    if pivoting or mode not in ("full", "economic", "r"):
        unsupported(f"scipy.linalg.qr with pivoting, or mode={mode}")
    if mode != "economic" and x.shape[0] > x.shape[1]:
        raise ValueError(
            "scipy.linalg.qr of a matrix with more rows than columns is not supported but for mode='economic'"
        )
    q, r = np.linalg.qr(x)
    return (r,) if mode == "r" else (q, r)


@expands(linalg.lu)
def lu(
    a: Any, permute_l: Any = False, overwrite_a: Any = False, check_finite: Any = True, p_indices: Any = False
) -> Any:
    x = matrix(a, "lu")
    if permute_l or p_indices:
        unsupported("scipy.linalg.lu with permute_l or p_indices")
    packed, pivots = lu_factor(x, overwrite_a)
    order = np.arange(len(pivots))
    for k in range(len(pivots)):
        other = order[pivots[k]]
        order[pivots[k]] = order[k]
        order[k] = other
    one = np.eye(len(pivots))
    return one[np.argsort(order)], np.tril(packed, -1) + one, np.triu(packed)


@expands(linalg.polar)
def polar(a: Any, side: Any = "right") -> Any:
    x = matrix(a, "polar")
    u, s, vt = np.linalg.svd(x, False)
    return u @ vt, vt.T @ (s[:, None] * vt) if side == "right" else (u * s) @ u.T


@expands(linalg.pinv)
def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: Any = False, check_finite: Any = True) -> Any:
    if atol is not None or rtol is not None or return_rank:
        unsupported("scipy.linalg.pinv with atol, rtol or return_rank")
    return np.linalg.pinv(matrix(a, "pinv"))


@expands(linalg.lstsq)
def lstsq(
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: Any = False,
    overwrite_b: Any = False,
    check_finite: Any = True,
    lapack_driver: Any = None,
) -> Any:
    refuse_overwriting(overwrite_a, overwrite_b)
    if cond is not None:
        unsupported("scipy.linalg.lstsq with cond")
    return np.linalg.lstsq(matrix(a, "lstsq"), b)
