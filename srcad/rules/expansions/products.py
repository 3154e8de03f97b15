"""Products of any ranks out of those of vectors and matrices. `np.linalg` has a file of its own."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import flat, reshaped, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import (
    axis_of,
    common_dtype,
    dtype_of,
    expands,
    is_complex_name,
    is_float_name,
    known_one,
    unsupported,
)

cast = PRIMITIVES["astype"]
multiply = PRIMITIVES["@"]
outer_of = PRIMITIVES["np.outer"]
trace_of = PRIMITIVES["np.trace"]


# ---- products -----------------------------------------------------------------------------------


def product_2(a: Any, b: Any) -> Any:
    """`a @ b` of vectors and matrices, whatever their dtypes (BLAS wants two floats of one kind)."""
    name = common_dtype(dtype_of(a), dtype_of(b))
    if not is_float_name(name):
        return integer_product(a, b)
    left = a if dtype_of(a) == name else cast(a, dtype=name)
    right = b if dtype_of(b) == name else cast(b, dtype=name)
    return multiply(left, right)


def integer_product(a: Any, b: Any) -> Any:
    if a.shape[-1] != b.shape[0]:
        raise ValueError("matmul: the lengths that are summed over differ")
    y = sum_of_products(a, b)
    name = common_dtype(dtype_of(a), dtype_of(b))
    if name == "bool":
        return cast(y != 0, dtype=name)  # sums of truth values are truth values
    return y if dtype_of(y) == name else cast(y, dtype=name)  # np.sum has 64 bits, a product those of its factors


def sum_of_products(a: Any, b: Any) -> Any:
    if np.ndim(b) == 1:
        return np.sum(a * b, axis=-1)
    if np.ndim(a) == 1:
        return np.sum(a[:, None] * b, axis=0)
    return np.sum(a[:, :, None] * b[None, :, :], axis=1)


def product_3(a: Any, b: Any) -> Any:
    """`product_2`, or a loop of it over a first axis of either or both."""
    if np.ndim(a) <= 2 and np.ndim(b) <= 2:
        return product_2(a, b)
    dtype = common_dtype(dtype_of(a), dtype_of(b))
    if np.ndim(b) <= 2:
        return of_all_rows(a, b)
    if np.ndim(a) <= 2:
        out = np.empty(b.shape[:1] + (() if np.ndim(a) == 1 else a.shape[:1]) + b.shape[2:], dtype)
        for k in range(b.shape[0]):
            out[k] = product_2(a, b[k])
    elif known_one(a, 0):
        out = np.empty((b.shape[0], a.shape[1], b.shape[2]), dtype)
        for k in range(b.shape[0]):
            out[k] = product_2(a[0], b[k])
    elif known_one(b, 0):
        out = np.empty((a.shape[0], a.shape[1], b.shape[2]), dtype)
        for k in range(a.shape[0]):
            out[k] = product_2(a[k], b[0])
    else:
        if a.shape[0] != b.shape[0]:
            raise ValueError(f"stacks of {a.shape[0]} and {b.shape[0]} matrices do not fit")
        out = np.empty((a.shape[0], a.shape[1], b.shape[2]), dtype)
        for k in range(a.shape[0]):
            out[k] = product_2(a[k], b[k])
    return out


def of_all_rows(a: Any, b: Any) -> Any:
    """The product of a stack of matrices with one matrix or vector: of all their rows at once, as one matrix."""
    rows = 1
    for k in range(np.ndim(a) - 1):
        rows = rows * a.shape[k]
    y = product_2(reshaped(a, (rows, a.shape[-1])), b)
    return reshaped(y, a.shape[:-1] + b.shape[1:])


def product_4(a: Any, b: Any) -> Any:
    """`product_3`, or a loop of it over a first axis of either or both."""
    if np.ndim(a) <= 3 and np.ndim(b) <= 3:
        return product_3(a, b)
    if np.ndim(a) > 4 or np.ndim(b) > 4:
        unsupported("a matrix product of arrays with more than four axes")
    dtype = common_dtype(dtype_of(a), dtype_of(b))
    if np.ndim(b) <= 2:
        return of_all_rows(a, b)
    if np.ndim(a) == 1:
        out = np.empty(b.shape[:2] + b.shape[3:], dtype)
        for k in range(b.shape[0]):
            out[k] = product_3(a, b[k])
    else:
        left = a if np.ndim(a) == 4 else a[None] if np.ndim(a) == 3 else a[None, None]
        right = b if np.ndim(b) == 4 else b[None] if np.ndim(b) == 3 else b[None, None]
        if known_one(left, 0):
            out = np.empty((right.shape[0], max(left.shape[1], right.shape[1]), left.shape[2], right.shape[3]), dtype)
            for k in range(right.shape[0]):
                out[k] = product_3(left[0], right[k])
        elif known_one(right, 0):
            out = np.empty((left.shape[0], max(left.shape[1], right.shape[1]), left.shape[2], right.shape[3]), dtype)
            for k in range(left.shape[0]):
                out[k] = product_3(left[k], right[0])
        else:
            if left.shape[0] != right.shape[0]:
                raise ValueError(f"stacks of {left.shape[0]} and {right.shape[0]} do not fit")
            out = np.empty((left.shape[0], max(left.shape[1], right.shape[1]), left.shape[2], right.shape[3]), dtype)
            for k in range(left.shape[0]):
                out[k] = product_3(left[k], right[k])
    return out


def scaled(x: Any, y: Any) -> Any:
    """The product with a number, which counts as an array here: float64 widens."""
    name = common_dtype(dtype_of(x), dtype_of(y))
    left = x if dtype_of(x) == name else cast(x, dtype=name)
    right = y if dtype_of(y) == name else cast(y, dtype=name)
    return left * right


@expands(np.matmul, operator.matmul, np.linalg.matmul)
def matmul(x1: Any, x2: Any, out: Any = None) -> Any:
    a = np.asarray(x1)
    b = np.asarray(x2)
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        unsupported("a matrix product with a number: write *")
    return stored(product_4(a, b), out)


@expands(np.dot, methods=("dot",))
def dot(a: Any, b: Any, out: Any = None) -> Any:
    x = np.asarray(a)
    y = np.asarray(b)
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return stored(scaled(x, y), out)
    if np.ndim(y) > 2 or (np.ndim(x) > 4 and np.ndim(y) == 2):
        return stored(tensordot(x, y, (-1, -2)), out)
    return stored(product_4(x, y), out)


@expands(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    return product_2(np.conj(flat(a)) if is_complex_name(dtype_of(a)) else flat(a), flat(b))


@expands(np.vecdot)
def vecdot(x1: Any, x2: Any, axis: Any = -1) -> Any:
    a = np.moveaxis(np.asarray(x1), axis, -1)
    b = np.moveaxis(np.asarray(x2), axis, -1)
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"vectors of {a.shape[-1]} and {b.shape[-1]} items")
    return np.sum((np.conj(a) if is_complex_name(dtype_of(a)) else a) * b, axis=-1)


@expands(np.linalg.vecdot)
def vecdot_of_arrays(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    return vecdot(x1, x2, axis)


@expands(np.matvec)
def matvec(x1: Any, x2: Any) -> Any:
    return np.matmul(x1, np.asarray(x2)[..., None])[..., 0]


@expands(np.vecmat)
def vecmat(x1: Any, x2: Any) -> Any:
    return np.matmul(np.asarray(x1)[..., None, :], x2)[..., 0, :]


@expands(np.inner)
def inner(a: Any, b: Any) -> Any:
    x = np.asarray(a)
    y = np.asarray(b)
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return scaled(x, y)
    if np.ndim(y) == 1:
        return product_4(x, y)
    if np.ndim(y) > 2:
        return tensordot(x, y, (-1, -1))
    return product_4(x, y.T)


@expands(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    return stored(outer_of(flat(a), flat(b)), out)


@expands(np.linalg.outer)
def outer_of_vectors(x1: Any, x2: Any, /) -> Any:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return outer_of(x1, x2)


@expands(np.multiply.outer)
def multiply_outer(A: Any, B: Any) -> Any:
    x = np.asarray(A)
    y = np.asarray(B)
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return scaled(x, y)
    return reshaped(outer_of(np.ravel(x), np.ravel(y)), x.shape + y.shape)


@expands(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if isinstance(axes, (tuple, list)):
        left = axes_given(axes[0], np.ndim(a))
        right = axes_given(axes[1], np.ndim(b))
    else:
        left = tuple(range(np.ndim(a) - axes, np.ndim(a)))
        right = tuple(range(axes))
    kept_a = tuple([k for k in range(np.ndim(a)) if k not in left])
    kept_b = tuple([k for k in range(np.ndim(b)) if k not in right])
    for j in range(len(right)):
        if a.shape[left[j]] != b.shape[right[j]]:
            raise ValueError(f"axes of lengths {a.shape[left[j]]} and {b.shape[right[j]]} do not fit")
    n = 1
    for k in right:
        n = n * b.shape[k]
    rows = 1
    for k in kept_a:
        rows = rows * a.shape[k]
    columns = 1
    for k in kept_b:
        columns = columns * b.shape[k]
    matrix_a = reshaped(np.transpose(a, kept_a + left), (rows, n))
    matrix_b = reshaped(np.transpose(b, right + kept_b), (n, columns))
    shape = tuple([a.shape[k] for k in kept_a]) + tuple([b.shape[k] for k in kept_b])
    return reshaped(product_2(matrix_a, matrix_b), shape)


@expands(np.linalg.tensordot)
def tensordot_of_arrays(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    return tensordot(x1, x2, axes)


def axes_given(axes: Any, rank: Any) -> Any:
    return tuple([axis_of(k, rank) for k in (axes if isinstance(axes, (tuple, list)) else (axes,))])


@expands(np.kron)
def kron(a: Any, b: Any) -> Any:
    x = np.asarray(a)
    y = np.asarray(b)
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return scaled(x, y)
    if np.ndim(x) == 1 and np.ndim(y) == 1:
        return flat(outer_of(x, y))
    rank = max(np.ndim(x), np.ndim(y))
    x = x[(None,) * (rank - np.ndim(x)) + (...,)]
    y = y[(None,) * (rank - np.ndim(y)) + (...,)]
    blocks = x[(slice(None), None) * rank] * y[(None, slice(None)) * rank]
    return reshaped(blocks, tuple([x.shape[k] * y.shape[k] for k in range(rank)]))


@expands(np.cross)
def cross(a: Any, b: Any, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1, axis: Any = None) -> Any:
    x = np.moveaxis(np.asarray(a), axisa if axis is None else axis, -1)
    y = np.moveaxis(np.asarray(b), axisb if axis is None else axis, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError(f"vectors of {x.shape[-1]} and {y.shape[-1]} items, not of three")
    parts = (
        x[..., 1] * y[..., 2] - x[..., 2] * y[..., 1],
        x[..., 2] * y[..., 0] - x[..., 0] * y[..., 2],
        x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0],
    )
    if np.ndim(x) == 1 and np.ndim(y) == 1:
        return np.array(parts)
    return np.moveaxis(np.stack(parts, axis=-1), -1, axisc if axis is None else axis)


@expands(np.linalg.cross)
def cross_of_arrays(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    return cross(x1, x2, axis=axis)


@expands(np.trace, methods=("trace",))
def trace(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1, dtype: Any = None, out: Any = None) -> Any:
    x = np.asarray(a)
    if np.ndim(x) == 2 and offset == 0 and is_float_name(dtype_of(x)) and dtype is None:
        return stored(trace_of(x), out)
    return np.sum(np.diagonal(x, offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


@expands(np.linalg.trace)
def trace_of_matrices(x: Any, /, *, offset: Any = 0, dtype: Any = None) -> Any:
    return trace(x, offset, -2, -1, dtype)
