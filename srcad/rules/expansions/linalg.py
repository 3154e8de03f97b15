"""`np.linalg`: each function of one matrix, or of a stack of them along a first axis, in float32 or float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.products import product_2
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axes_of, common_dtype, dtype_of, expands, is_constant, is_float_name, unsupported

cast = PRIMITIVES["astype"]
root = PRIMITIVES["root"]
solved = PRIMITIVES["np.linalg.solve"]
inverse = PRIMITIVES["np.linalg.inv"]
determinant = PRIMITIVES["np.linalg.det"]
factor = PRIMITIVES["np.linalg.cholesky"]


# ---- what LAPACK takes --------------------------------------------------------------------------


def floats(x: Any) -> Any:
    """Integers and truth values as float64, which is what `np.linalg` computes them in."""
    return x if is_float_name(dtype_of(x)) else cast(x, dtype="float64")


def matrices(a: Any) -> Any:
    """The array as one matrix, or a stack of them."""
    x = floats(np.asarray(a))
    if np.ndim(x) != 2 and np.ndim(x) != 3:
        unsupported("np.linalg of other than a matrix, or a stack of matrices along one axis")
    return x


# ---- equations ----------------------------------------------------------------------------------


@expands(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    x = matrices(a)
    y = floats(np.asarray(b))
    name = common_dtype(dtype_of(x), dtype_of(y))
    if dtype_of(x) != name:
        x = cast(x, dtype=name)
    if dtype_of(y) != name:
        y = cast(y, dtype=name)
    if np.ndim(y) == 0 or np.ndim(y) > 3:
        unsupported("np.linalg.solve with a right side of this number of axes")
    if np.ndim(x) == 2 and np.ndim(y) < 3:
        return solved(x, y)
    if np.ndim(x) == 3 and np.ndim(y) < 3:
        out = np.empty(x.shape[:1] + np.shape(y), dtype=name)
        for k in range(x.shape[0]):
            out[k] = solved(x[k], y)
    elif np.ndim(x) == 2:
        out = np.empty(np.shape(y), dtype=name)
        for k in range(y.shape[0]):
            out[k] = solved(x, y[k])
    else:
        if x.shape[0] != y.shape[0]:
            raise ValueError(f"stacks of {x.shape[0]} and {y.shape[0]} do not fit")
        out = np.empty(np.shape(y), dtype=name)
        for k in range(y.shape[0]):
            out[k] = solved(x[k], y[k])
    return out


@expands(np.linalg.inv)
def inv(a: Any) -> Any:
    x = matrices(a)
    if np.ndim(x) == 2:
        return inverse(x)
    out = np.empty(x.shape, dtype=dtype_of(x))
    for k in range(x.shape[0]):
        out[k] = inverse(x[k])
    return out


@expands(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    if np.ndim(a) != 2:
        unsupported("np.linalg.matrix_power of an array that is not a matrix")
    if is_constant(n) and n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if is_constant(n) and n > 0:
        y = a
        for _ in range(n - 1):
            y = y @ a
        return y
    assert n >= 0
    y = np.eye(a.shape[0], dtype=dtype_of(a))
    for _ in range(n):
        y = y @ a
    return y


@expands(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Any:
    y = arrays[0]
    for a in arrays[1:]:
        y = product_2(y, a)
    return y


# ---- determinants and factors -------------------------------------------------------------------


@expands(np.linalg.det)
def det(a: Any) -> Any:
    x = matrices(a)
    if np.ndim(x) == 2:
        return determinant(x)
    out = np.empty(x.shape[0], dtype=dtype_of(x))
    for k in range(x.shape[0]):
        out[k] = determinant(x[k])
    return out


@expands(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    x = matrices(a)
    if np.ndim(x) == 2:
        return runtime.sign_of_det(x), runtime.log_abs_det(x)
    signs = np.empty(x.shape[0], dtype=dtype_of(x))
    logarithms = np.empty(x.shape[0], dtype=dtype_of(x))
    for k in range(x.shape[0]):
        signs[k] = runtime.sign_of_det(x[k])
        logarithms[k] = runtime.log_abs_det(x[k])
    return signs, logarithms


@expands(np.linalg.cholesky)
def cholesky(a: Any) -> Any:
    x = matrices(a)
    if np.ndim(x) == 2:
        return factor(x)
    out = np.empty(x.shape, dtype=dtype_of(x))
    for k in range(x.shape[0]):
        out[k] = factor(x[k])
    return out


@expands(np.linalg.eigh)
def eigh(a: Any, UPLO: Any = "L") -> Any:
    if UPLO != "L" and UPLO != "l":
        # LAPACK gives other signs for the upper triangle than for the lower one of the transpose
        unsupported("np.linalg.eigh of the upper triangle (eigh(A.T) has vectors of other signs)")
    pairs = pairs_of(a, "L")
    return pairs[0], pairs[1:]


@expands(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: Any = "L") -> Any:
    return pairs_of(a, UPLO)[0]


def pairs_of(a: Any, uplo: Any) -> Any:
    x = floats(np.asarray(a))
    if np.ndim(x) != 2:
        unsupported("the eigenvalues of an array that is not a matrix")
    return runtime.eigenpairs(x.T if uplo == "U" or uplo == "u" else x)


# ---- norms --------------------------------------------------------------------------------------


@expands(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    a = floats(np.asarray(x))
    if np.ndim(a) == 0:
        return abs(a)
    axes = axes_of(axis, np.ndim(a))
    if ord is None or (ord == 2 and len(axes) == 1) or (ord == "fro" and len(axes) == 2):
        return root(np.sum(a * a, axis=axes, keepdims=keepdims))
    if ord == "fro" or (len(axes) != 1 and len(axes) != 2):
        unsupported("this order of np.linalg.norm for this number of axes")
    if len(axes) == 2:
        return matrix_norm(a, ord, axes, keepdims)
    if ord == 1:
        return np.sum(np.abs(a), axis=axes, keepdims=keepdims)
    if ord == np.inf:
        return np.max(np.abs(a), axis=axes, keepdims=keepdims)
    if ord == -np.inf:
        return np.min(np.abs(a), axis=axes, keepdims=keepdims)
    if ord == 0:
        return cast(np.sum(a != 0, axis=axes, keepdims=keepdims), dtype=dtype_of(a))
    return np.sum(np.abs(a) ** ord, axis=axes, keepdims=keepdims) ** (1.0 / ord)


def matrix_norm(a: Any, ord: Any, axes: Any, keepdims: Any) -> Any:
    if axes != tuple(range(np.ndim(a))):
        unsupported("a matrix norm over two of several axes")
    if ord == 1:
        y = np.max(np.sum(np.abs(a), axis=0))
    elif ord == -1:
        y = np.min(np.sum(np.abs(a), axis=0))
    elif ord == np.inf:
        y = np.max(np.sum(np.abs(a), axis=1))
    elif ord == -np.inf:
        y = np.min(np.sum(np.abs(a), axis=1))
    else:
        unsupported("this order of np.linalg.norm for a matrix")
    return np.full((1, 1), y) if keepdims else y
