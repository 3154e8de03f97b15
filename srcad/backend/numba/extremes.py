"""Largest and smallest floats by an instruction of LLVM, which vectorises loops that keep the largest so far.

Importing this imports Numba.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.typing import templates

FLOATS: Any = (types.float32, types.float64)


def forms() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Functions of NumPy, each with a function of argument types that returns what is compiled, or None."""
    yield np.maximum, lambda x1, x2: _of_two(x1, x2, larger)
    yield np.minimum, lambda x1, x2: _of_two(x1, x2, smaller)
    yield np.max, lambda a: _extreme(a, larger)
    yield np.min, lambda a: _extreme(a, smaller)


def larger(x1: Any, x2: Any) -> Any:
    """`np.maximum` of two floats of one type, as one instruction: LLVM vectorises a loop that keeps the largest."""
    return np.maximum(x1, x2)


def smaller(x1: Any, x2: Any) -> Any:
    """`np.minimum` of two floats of one type."""
    return np.minimum(x1, x2)


def _of_two(x1: Any, x2: Any, further: Any) -> Any:
    """For `np.maximum(x1, x2)` and `np.minimum(x1, x2)` of scalars."""
    return (lambda x1, x2: further(x1, x2)) if x1 == x2 and x1 in FLOATS else None


def lower_extreme(name: str) -> Callable[..., Any]:
    """The lowering as an intrinsic of LLVM, of which a NaN is the result where there is one."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        form = args[0].type
        intrinsic = builder.module.declare_intrinsic(name, [form], ir.FunctionType(form, [form, form]))
        return builder.call(intrinsic, args)

    return lower


def type_of_two_floats(self: Any, args: Any, kws: Any) -> Any:
    """The signature of a function of two floats, in the type of the first (a method of Numba's templates).

    Numba has products of a float32 and a literal float in float64.
    """
    signature: Any = templates.signature
    return signature(args[0], args[0], args[0]) if len(args) == 2 and {*args} <= {*FLOATS} else None


def _extreme(a: Any, further: Any) -> Any:
    """For `np.max(a)` and `np.min(a)` of floats: Numba leaves its loop at the first NaN, so it stays scalar."""
    if not isinstance(a, types.Array) or a.dtype not in FLOATS or not (a.ndim == 1 or a.layout == "C"):
        return None

    def extreme(a):  # type: ignore[no-untyped-def]
        if a.size == 0:
            raise ValueError("zero-size array to reduction operation which has no identity")
        items = a.reshape(a.size) if flat else a
        found = items[0]
        for k in range(1, items.shape[0]):
            found = further(found, items[k])
        return found

    flat = a.ndim > 1
    return extreme
