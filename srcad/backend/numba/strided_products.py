"""Products of slices of matrices: BLAS is told the distance of their rows, where Numba copies them.

`A[:, i:] @ x` and `A[:n, :n] @ B` have an operand whose rows, or columns, are contiguous, at a distance that is greater
than their length: the leading dimension of BLAS. Only an operand with gaps in both directions is copied.

Importing this imports Numba.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.np import linalg
from numba.np.arrayobj import make_array


def forms() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Functions, each with a function of argument types that returns what is compiled, or None."""
    yield operator.matmul, _product
    for helper in (has_rows, distance, times_vector):
        yield helper, lambda *args, _same=helper: _same


def intrinsics() -> Iterator[tuple[Any, int, Callable[..., Any]]]:
    """Functions without a result, the number of their arguments, and their lowering."""
    yield multiply_vector, 5, _lower_vector
    yield multiply_matrix, 7, _lower_matrix


# ---- what is compiled ----------------------------------------------------------------------------------


def _product(a: Any, b: Any) -> Callable[..., Any] | None:
    """For `a @ b` of floats with a matrix that need not be contiguous."""
    if not (isinstance(a, types.Array) and isinstance(b, types.Array)) or not {a.ndim, b.ndim} <= {1, 2}:
        return None
    if a.dtype != b.dtype or a.dtype not in (types.float32, types.float64):
        return None
    if not any(one.ndim == 2 and one.layout == "A" for one in (a, b)):
        return None
    if a.ndim == 1:
        return lambda a, b: times_vector(b.T, np.ascontiguousarray(a))
    return times_matrix if b.ndim == 2 else lambda a, b: times_vector(a, np.ascontiguousarray(b))


def has_rows(x: Any) -> Any:
    """Whether the rows of a matrix are contiguous, and each lies behind the one before."""
    item, rows, columns, between = x.itemsize, x.shape[0], x.shape[1], x.strides[0]
    apart = rows == 1 or (between >= columns * item and between % item == 0)
    return apart and (columns == 1 or x.strides[1] == item)


def distance(x: Any, by_rows: Any) -> Any:
    """From a row to the next one, or from a column to the next one, in items."""
    if by_rows:
        return x.shape[1] if x.shape[0] == 1 else x.strides[0] // x.itemsize
    return x.shape[0] if x.shape[1] == 1 else x.strides[1] // x.itemsize


def times_vector(a: Any, x: Any) -> Any:
    """The product of a matrix and a contiguous vector."""
    if a.shape[1] != x.shape[0]:
        raise ValueError("incompatible array sizes for a product")
    if a.size == 0:
        return np.zeros(a.shape[0], a.dtype)
    out = np.empty(a.shape[0], a.dtype)
    left = a if has_rows(a) or has_rows(a.T) else a.copy()
    by_rows = has_rows(left)
    multiply_vector(left, by_rows, distance(left, by_rows), x, out)
    return out


def times_matrix(a: Any, b: Any) -> Any:
    """The product of two matrices."""
    if a.shape[1] != b.shape[0]:
        raise ValueError("incompatible array sizes for a product")
    if a.size == 0 or b.size == 0:
        return np.zeros((a.shape[0], b.shape[1]), a.dtype)
    out = np.empty((a.shape[0], b.shape[1]), a.dtype)
    left = a if has_rows(a) or has_rows(a.T) else a.copy()
    right = b if has_rows(b) or has_rows(b.T) else b.copy()
    left_by_rows, right_by_rows = has_rows(left), has_rows(right)
    multiply_matrix(
        left, left_by_rows, distance(left, left_by_rows), right, right_by_rows, distance(right, right_by_rows), out
    )
    return out


# ---- calls of BLAS -------------------------------------------------------------------------------------

_CHAR, _POINTER = ir.IntType(8), cgutils.voidptr_t


def multiply_vector(a: Any, by_rows: Any, distance: Any, x: Any, out: Any) -> None:
    """`out[:] = a @ x`, where the rows of `a`, or else its columns, are contiguous and have a distance."""
    out[:] = a @ x


def multiply_matrix(a: Any, a_by_rows: Any, a_distance: Any, b: Any, b_by_rows: Any, b_distance: Any, out: Any) -> None:
    """`out[...] = a @ b`, likewise."""
    out[...] = a @ b


def type_of_call(self: Any, args: Any, kws: Any) -> Any:
    """The signature of these two (a method of Numba's templates)."""
    return signature(types.none, *args)


def _lower_vector(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    a, x, out = (make_array(sig.args[k])(context, builder, args[k]) for k in (0, 3, 4))
    by_rows, distance = args[1:3]
    rows, columns = cgutils.unpack_tuple(builder, a.shape, 2)
    one, zero = _constants(context, builder, sig.args[0].dtype)
    # BLAS has columns: the rows of `a` are columns of its transpose
    lengths = builder.select(by_rows, columns, rows), builder.select(by_rows, rows, columns)
    parts = [_letter(builder, by_rows), *lengths, one, _data(builder, a), distance, _data(builder, x), zero]
    return _call(context, builder, "numba_xxgemv", sig.args[0].dtype, [*parts, _data(builder, out)])


def _lower_matrix(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    a, b, out = (make_array(sig.args[k])(context, builder, args[k]) for k in (0, 3, 6))
    rows, terms = cgutils.unpack_tuple(builder, a.shape, 2)
    _, columns = cgutils.unpack_tuple(builder, b.shape, 2)
    one, zero = _constants(context, builder, sig.args[0].dtype)
    # BLAS has columns: it makes the transpose of the product, of those of `b` and `a`
    letters = (_letter(builder, builder.not_(by_rows)) for by_rows in (args[4], args[1]))
    left, right = (_data(builder, b), args[5]), (_data(builder, a), args[2])
    parts = [*letters, columns, rows, terms, one, *left, *right, zero, _data(builder, out), columns]
    return _call(context, builder, "numba_xxgemm", sig.args[0].dtype, parts)


def _call(context: Any, builder: Any, name: str, dtype: Any, parts: list[Any]) -> Any:
    parts = [_CHAR(ord(linalg.get_blas_kind(dtype))), *parts]
    form = ir.FunctionType(ir.IntType(32), [part.type for part in parts])
    function = cgutils.get_or_insert_function(builder.module, form, name)
    linalg.check_blas_return(context, builder, builder.call(function, parts))
    return context.get_dummy_value()


def _letter(builder: Any, transposed: Any) -> Any:
    return builder.select(transposed, _CHAR(ord("t")), _CHAR(ord("n")))


def _data(builder: Any, array: Any) -> Any:
    return builder.bitcast(array.data, _POINTER)


def _constants(context: Any, builder: Any, dtype: Any) -> list[Any]:
    """The addresses of a 1 and a 0."""
    places = (linalg.make_constant_slot(context, builder, dtype, value) for value in (1.0, 0.0))
    return [builder.bitcast(place, _POINTER) for place in places]
