"""`np.linalg` on one matrix or a stack of them, in float32 or float64: equations, inverses, determinants, powers."""

# ruff: noqa: RUF005  (tuples are joined with +, which the compiler follows)

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.products import product_2
from srcad.rules.expansions.shapes import reshaped, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axis_of, common_dtype, dtype_of, expands, is_constant, is_float_name

cast = PRIMITIVES["astype"]
solved = PRIMITIVES["np.linalg.solve"]
inverse = PRIMITIVES["np.linalg.inv"]
determinant = PRIMITIVES["np.linalg.det"]
SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


# ---- what LAPACK takes --------------------------------------------------------------------------


def floats(x: Any) -> Any:
    """Integers and truth values as float64, which is what `np.linalg` computes them in."""
    return x if is_float_name(dtype_of(x)) else cast(x, dtype="float64")


def matrices(a: Any) -> Any:
    """The array as one matrix, or a stack of them."""
    x = floats(np.asarray(a))
    if np.ndim(x) < 2:
        raise np.linalg.LinAlgError(f"{np.ndim(x)}-dimensional array given. Array must be at least two-dimensional")
    return x


def of_each(function: Any, x: Any, shape: Any) -> Any:
    """The function of each matrix of a stack; `shape` is that of one result."""
    if np.ndim(x) == 2:
        return function(x)
    stack = as_stack(x, 2)
    out = np.empty((stack.shape[0],) + shape, dtype=dtype_of(x))
    for k in range(stack.shape[0]):
        out[k] = function(stack[k])
    return out if np.ndim(x) == 3 else reshaped(out, x.shape[:-2] + shape)


def as_stack(x: Any, rank: Any) -> Any:
    """`x` with one axis in place of all before its last `rank` ones."""
    if np.ndim(x) == rank + 1:
        return x
    n = 1
    for d in x.shape[: np.ndim(x) - rank]:
        n = n * d
    return reshaped(x, (n,) + x.shape[np.ndim(x) - rank :])


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
    if np.ndim(y) == 0:
        raise ValueError("np.linalg.solve with a number for the right side")
    if np.ndim(x) == 2 and np.ndim(y) < 3:
        return solved(x, y)
    if np.ndim(y) < 3:
        stack = as_stack(x, 2)
        out = np.empty(stack.shape[:1] + np.shape(y), dtype=name)
        for k in range(stack.shape[0]):
            out[k] = solved(stack[k], y)
        return reshaped(out, x.shape[:-2] + y.shape)
    if np.ndim(x) == 2:
        sides = as_stack(y, 2)
        out = np.empty(sides.shape, dtype=name)
        for k in range(sides.shape[0]):
            out[k] = solved(x, sides[k])
        return reshaped(out, y.shape)
    return solve_stacks(x, y)


def solve_stacks(x: Any, y: Any) -> Any:
    if np.ndim(x) > 3 or np.ndim(y) > 3:
        batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        stack = as_stack(np.broadcast_to(x, batch + x.shape[-2:]), 2)
        sides = as_stack(np.broadcast_to(y, batch + y.shape[-2:]), 2)
        return reshaped(solve_stacks(stack, sides), batch + y.shape[-2:])
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"stacks of {x.shape[0]} and {y.shape[0]} do not fit")
    out = np.empty(np.shape(y), dtype=dtype_of(y))
    for k in range(y.shape[0]):
        out[k] = solved(x[k], y[k])
    return out


@expands(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    x = np.asarray(a)
    y = np.asarray(b)
    if axes is not None:
        moved = tuple([axis_of(k, np.ndim(x)) for k in axes])
        x = np.transpose(x, tuple([k for k in range(np.ndim(x)) if k not in moved]) + moved)
    shape = x.shape[np.ndim(y) :]
    n = 1
    for d in shape:
        n = n * d
    if n != y.size or x.size != n * n:
        raise np.linalg.LinAlgError("the axes of a do not make a square matrix that fits b")
    return reshaped(solve(reshaped(x, (n, n)), np.ravel(y)), shape)


@expands(np.linalg.inv)
def inv(a: Any) -> Any:
    x = matrices(a)
    return of_each(inverse, x, x.shape[-2:])


@expands(np.linalg.tensorinv)
def tensorinv(a: Any, ind: Any = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    x = np.asarray(a)
    rows = x.shape[:ind]
    columns = x.shape[ind:]
    n = 1
    for d in rows:
        n = n * d
    if x.size != n * n:
        raise np.linalg.LinAlgError("the axes do not make a square matrix")
    return reshaped(np.linalg.inv(reshaped(x, (n, n))), columns + rows)


# ---- products -----------------------------------------------------------------------------------


@expands(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    if np.ndim(a) < 2:
        raise np.linalg.LinAlgError("np.linalg.matrix_power of an array that is not a matrix")
    if a.shape[-2] != a.shape[-1]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if is_constant(n) and n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if is_constant(n) and n > 0:
        y = a
        for _ in range(n - 1):
            y = y @ a
        return y
    assert n >= 0
    y = np.eye(a.shape[-1], dtype=dtype_of(a))
    if np.ndim(a) > 2:
        y = np.copy(np.broadcast_to(y, a.shape))
    for _ in range(n):
        y = y @ a
    return y


@expands(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    if np.ndim(arrays[0]) > 2 or np.ndim(arrays[len(arrays) - 1]) > 2:
        raise np.linalg.LinAlgError("np.linalg.multi_dot of other than matrices, and vectors at the ends")
    if len(arrays) == 3:
        return stored(product_of_three(arrays[0], arrays[1], arrays[2]), out)
    y = arrays[0]
    if np.ndim(y) == 2 and np.ndim(arrays[len(arrays) - 1]) == 1:
        # from the vector on, it is one of vectors
        y = arrays[len(arrays) - 1]
        for a in arrays[:-1][::-1]:
            y = product_2(a, y)
        return stored(y, out)
    for a in arrays[1:]:
        y = product_2(y, a)
    return stored(y, out)


def product_of_three(a: Any, b: Any, c: Any) -> Any:
    """From the side on which there is less to do."""
    if np.ndim(a) == 1 or np.ndim(c) == 1:
        return product_2(a, product_2(b, c)) if np.ndim(a) == 2 else product_2(product_2(a, b), c)
    left = a.shape[0] * a.shape[1] * b.shape[1] + a.shape[0] * b.shape[1] * c.shape[1]
    right = b.shape[0] * b.shape[1] * c.shape[1] + a.shape[0] * a.shape[1] * c.shape[1]
    return product_2(product_2(a, b), c) if left <= right else product_2(a, product_2(b, c))


# ---- determinants -------------------------------------------------------------------------------


@expands(np.linalg.det)
def det(a: Any) -> Any:
    return of_each(determinant, matrices(a), ())


@expands(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    x = matrices(a)
    return SlogdetResult(of_each(runtime.sign_of_det, x, ()), of_each(runtime.log_abs_det, x, ()))
