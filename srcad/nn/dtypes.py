"""Dtypes of arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.registry import compile_time, dtype_of, is_float_name, unsupported


def as_floats(x: Any) -> Any:
    """`x` as an array of floats: integers and bools become float64, and what is nested in lists an array.

    NumPy's differences of small integers wrap, and its functions of them have as few digits as they do.

    >>> as_floats(np.array([1, 2], np.uint8)), as_floats([np.float32(1.0), np.float32(2.0)]).dtype
    (array([1., 2.]), dtype('float32'))
    """
    array = as_array(x)
    return array if is_float_name(dtype_of(array)) else np.asarray(array).astype("float64")


def as_array(x: Any) -> Any:
    """Lists as an array; a tensor stays what it is, so that a tape sees what is computed with it.

    >>> as_array([1.0, 2.0])
    array([1., 2.])
    """
    return np.asarray(x) if isinstance(x, (list, tuple)) else x


@compile_time
def float_dtype(dtype: str) -> str:
    """The dtype itself, where it is one of floats; else float64.

    >>> float_dtype("float32"), float_dtype("uint8")
    ('float32', 'float64')
    """
    return dtype if is_float_name(dtype) else "float64"


def as_dtype(x: Any, dtype: str) -> Any:
    """`x` in a dtype, itself where it has it.

    >>> as_dtype(np.array([1, 2]), "float32")
    array([1., 2.], dtype=float32)
    """
    return x if dtype_of(x) == dtype else np.asarray(x).astype(dtype)


def require_booleans(mask: Any) -> None:
    """Refuse a mask of numbers, which may be meant as weights."""
    if dtype_of(mask) != "bool":
        unsupported("a mask that is not made of booleans; for weights, multiply the single losses by them")
