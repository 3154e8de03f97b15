"""Dtypes of arguments."""

from __future__ import annotations

from typing import Any

from srcad.rules.registry import dtype_of, unsupported


def as_dtype(x: Any, dtype: str) -> Any:
    """`x` in a dtype, itself where it has it.

    >>> import numpy as np
    >>> as_dtype(np.array([1, 2]), "float32")
    array([1., 2.], dtype=float32)
    """
    return x if dtype_of(x) == dtype else x.astype(dtype)


def require_booleans(mask: Any) -> None:
    """Refuse a mask of numbers, which may be meant as weights."""
    if dtype_of(mask) != "bool":
        unsupported("a mask that is not made of booleans; for weights, multiply the single losses by them")
