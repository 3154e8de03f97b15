"""`scipy.linalg`: equations, factors and special matrices, in terms of `np.linalg` and of helpers.

A triangle that SciPy does not read has no derivative. Where a factor of SciPy has arbitrary numbers in the other
triangle (`cho_factor`), here are zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from srcad import runtime
from srcad.rules.expansions.linalg import floats
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import common_dtype, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]
stopped = PRIMITIVES["stop_gradient"]

# ---- arguments ---------------------------------------------------------------------------------


def matrix(a: Any, name: Any) -> Any:
    x = floats(np.asarray(a))
    if np.ndim(x) != 2:
        unsupported(f"scipy.linalg.{name} of other than a matrix")
    return x


def right_side(b: Any, name: Any) -> Any:
    y = floats(np.asarray(b))
    if np.ndim(y) != 1 and np.ndim(y) != 2:
        unsupported(f"scipy.linalg.{name} with a right side of other than one or two axes")
    return y


def refuse_overwriting(*asked: Any) -> Any:
    if any(asked):
        unsupported("overwriting an argument in scipy.linalg")


def symmetric(a: Any, lower: Any) -> Any:
    """The symmetric matrix of which one triangle is read."""
    return np.tril(a) + np.tril(a, -1).T if lower else np.triu(a) + np.triu(a, 1).T


# ---- equations ---------------------------------------------------------------------------------


@expands(linalg.solve)
def solve(
    a: Any,
    b: Any,
    lower: Any = False,
    overwrite_a: Any = False,
    overwrite_b: Any = False,
    check_finite: Any = True,
    assume_a: Any = None,
    transposed: Any = False,
) -> Any:
    refuse_overwriting(overwrite_a, overwrite_b)
    x = matrix(a, "solve")
    if assume_a in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        x = symmetric(x, lower)
    elif assume_a == "upper triangular":
        x = np.triu(x)
    elif assume_a == "lower triangular":
        x = np.tril(x)
    elif assume_a is not None and assume_a not in ("gen", "general"):
        unsupported(f"scipy.linalg.solve with assume_a={assume_a}")
    return np.linalg.solve(x.T if transposed else x, right_side(b, "solve"))


@expands(linalg.solve_triangular)
def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: Any = False,
    unit_diagonal: Any = False,
    overwrite_b: Any = False,
    check_finite: Any = True,
) -> Any:
    refuse_overwriting(overwrite_b)
    x = matrix(a, "solve_triangular")
    if unit_diagonal:
        ones = np.eye(x.shape[0], dtype=dtype_of(x))
        x = (np.tril(x, -1) if lower else np.triu(x, 1)) + ones
    else:
        x = np.tril(x) if lower else np.triu(x)
    return np.linalg.solve(x if is_plain(trans) else x.T, right_side(b, "solve_triangular"))


def is_plain(trans: Any) -> Any:
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError("trans is one of 0, 1, 2, 'N', 'T' and 'C'")
    return trans in (0, "N")


@expands(linalg.inv)
def inv(a: Any, overwrite_a: Any = False, check_finite: Any = True, *, assume_a: Any = None, lower: Any = False) -> Any:
    refuse_overwriting(overwrite_a)
    if assume_a is not None and assume_a not in ("gen", "general"):
        unsupported(f"scipy.linalg.inv with assume_a={assume_a}")
    return np.linalg.inv(matrix(a, "inv"))


@expands(linalg.det)
def det(a: Any, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    refuse_overwriting(overwrite_a)
    return np.linalg.det(matrix(a, "det"))


@expands(linalg.norm)
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: Any = False, check_finite: Any = True) -> Any:
    return np.linalg.norm(a, ord, axis, keepdims)


# ---- Cholesky ----------------------------------------------------------------------------------


@expands(linalg.cholesky)
def cholesky(a: Any, lower: Any = False, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    refuse_overwriting(overwrite_a)
    x = matrix(a, "cholesky")
    # NumPy reads the lower triangle
    return np.linalg.cholesky(x) if lower else np.linalg.cholesky(x.T).T


@expands(linalg.cho_factor)
def cho_factor(a: Any, lower: Any = False, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    return cholesky(a, lower, overwrite_a, check_finite), lower


@expands(linalg.cho_solve)
def cho_solve(c_and_lower: Any, b: Any, overwrite_b: Any = False, check_finite: Any = True) -> Any:
    refuse_overwriting(overwrite_b)
    c, lower = c_and_lower
    x = matrix(c, "cho_solve")
    left = np.tril(x) if lower else np.triu(x).T
    return np.linalg.solve(left.T, np.linalg.solve(left, right_side(b, "cho_solve")))


# ---- LU ----------------------------------------------------------------------------------------


@expands(linalg.lu_factor)
def lu_factor(a: Any, overwrite_a: Any = False, check_finite: Any = True) -> Any:
    refuse_overwriting(overwrite_a)
    x = matrix(a, "lu_factor")
    return runtime.lu_packed(x), runtime.lu_pivots(x)


@expands(linalg.lu_solve)
def lu_solve(lu_and_piv: Any, b: Any, trans: Any = 0, overwrite_b: Any = False, check_finite: Any = True) -> Any:
    refuse_overwriting(overwrite_b)
    lu, pivots = lu_and_piv
    packed = matrix(lu, "lu_solve")
    y = right_side(b, "lu_solve")
    left = np.tril(packed, -1) + np.eye(packed.shape[0], dtype=dtype_of(packed))
    right = np.triu(packed)
    order = runtime.order_of_pivots(pivots)
    if is_plain(trans):
        return np.linalg.solve(right, np.linalg.solve(left, y[order]))
    return np.linalg.solve(left.T, np.linalg.solve(right.T, y))[np.argsort(order)]


# ---- bands -------------------------------------------------------------------------------------


@expands(linalg.solve_banded)
def solve_banded(
    l_and_u: Any, ab: Any, b: Any, overwrite_ab: Any = False, overwrite_b: Any = False, check_finite: Any = True
) -> Any:
    refuse_overwriting(overwrite_ab, overwrite_b)
    lower, upper = l_and_u
    band = matrix(ab, "solve_banded")
    y = right_side(b, "solve_banded")
    name = common_dtype(dtype_of(band), dtype_of(y))
    band = band if dtype_of(band) == name else cast(band, dtype=name)
    y = y if dtype_of(y) == name else cast(y, dtype=name)
    if band.shape[0] != lower + upper + 1 or band.shape[1] != y.shape[0]:
        raise ValueError(f"a band of {lower} + {upper} + 1 diagonals and a right side do not fit")
    if np.ndim(y) == 1:
        return runtime.banded_solution(band, y[:, None], lower, upper)[:, 0]
    return runtime.banded_solution(band, y, lower, upper)


# ---- the exponential ---------------------------------------------------------------------------

_PADE = (
    *(64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0),
    *(10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0),
)


@expands(linalg.expm)
def expm(A: Any) -> Any:
    """Padé's approximant of order 13 of A / 2**k, squared k times: Higham (2005), algorithm 2.3."""
    x = matrix(A, "expm")
    norm = stopped(np.max(np.sum(np.abs(x), axis=0))) if x.shape[0] > 0 else 0.0
    squarings = 0
    if np.isfinite(norm):
        while norm > 5.371920351148152:
            norm = 0.5 * norm
            squarings += 1
    x = x * 0.5**squarings
    b = _PADE
    one = np.eye(x.shape[0], dtype=dtype_of(x))
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    odd = x @ (x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one)
    even = x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    y = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        y = y @ y
    return y


# ---- special matrices --------------------------------------------------------------------------


@expands(linalg.block_diag)
def block_diag(*arrs: Any) -> Any:
    parts = [np.atleast_2d(floats(np.asarray(a))) for a in arrs]
    rows = 0
    columns = 0
    for part in parts:
        if np.ndim(part) != 2:
            unsupported("scipy.linalg.block_diag of stacks of matrices")
        rows += part.shape[0]
        columns += part.shape[1]
    out = np.zeros((rows, columns), dtype=common_dtype(*[dtype_of(part) for part in parts]))
    row = 0
    column = 0
    for part in parts:
        out[row : row + part.shape[0], column : column + part.shape[1]] = part
        row += part.shape[0]
        column += part.shape[1]
    return out


@expands(linalg.toeplitz)
def toeplitz(c: Any, r: Any = None) -> Any:
    first = np.asarray(c)
    if np.ndim(first) != 1 or (r is not None and np.ndim(r) != 1):
        unsupported("scipy.linalg.toeplitz of other than vectors")
    across = first if r is None else np.asarray(r)
    values = np.concatenate((first[::-1], across[1:]))
    n = first.shape[0]
    m = across.shape[0]
    return values[np.arange(n)[::-1][:, None] + np.arange(m)]


@expands(linalg.circulant)
def circulant(c: Any) -> Any:
    first = np.asarray(c)
    if np.ndim(first) != 1:
        unsupported("scipy.linalg.circulant of other than a vector")
    n = first.shape[0]
    return first[(np.arange(n)[:, None] - np.arange(n)) % n]
