"""Leaves of arguments: cache keys, IR types, and conversions of arguments, gradients and results."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.dispatch.outside_state import GENERATORS
from srcad.errors import fail
from srcad.ir.types import INEXACT, LONG, ONE, Array, Dim, Scalar, Symbol, Type, dim

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_PYTHON_SCALARS: dict[type, str] = {float: "float64", int: "int64", bool: "bool", complex: "complex128"}


def leaf_type_key(leaf: Any) -> object:
    """The part of the specialisation key for a leaf. Called for each leaf of each call.

    >>> leaf_type_key(1.0) == leaf_type_key(2.0), leaf_type_key(np.ones(1)) == leaf_type_key(np.ones(2))
    (True, False)
    """
    kind = type(leaf)
    if kind is np.ndarray:
        shape, flags = leaf.shape, leaf.flags
        layout = 0 if flags.c_contiguous else 1 if flags.f_contiguous else 2
        # an axis of length 1 broadcasts; so may a slice of a short one
        if shape and min(shape) >= LONG:
            return leaf.dtype, len(shape), layout
        lengths = tuple([LONG if length >= LONG else length == 1 for length in shape])
        return leaf.dtype, lengths, layout
    if kind in _PYTHON_SCALARS or isinstance(leaf, (np.generic, *GENERATORS)):
        return kind
    if isinstance(leaf, np.ndarray):
        return kind, leaf.dtype, leaf.shape
    if kind is slice:  # cannot be hashed
        return kind, leaf.start, leaf.stop, leaf.step
    try:
        hash(leaf)
    except TypeError:
        return kind, id(leaf)
    return kind, leaf


def is_static(leaf: object) -> bool:
    """Whether a leaf is a compile-time constant and part of the key: strings, None, functions, classes, slices, ranges.

    Or a generator of random numbers, which only Python reads, before the call: of it the class is part of the key.
    """
    if isinstance(leaf, GENERATORS) or leaf is None or leaf is Ellipsis or callable(leaf):
        return True
    if isinstance(leaf, enum.Enum):
        return not isinstance(leaf, int | float)
    return isinstance(leaf, str | bytes | slice | range | np.dtype | types.ModuleType)


def is_float(leaf: object) -> bool:
    """Whether a leaf is a float or an array of floats, real or complex.

    >>> is_float(1.0), is_float(np.ones(2)), is_float(1), is_float(np.arange(2))
    (True, True, False, False)
    """
    return isinstance(leaf, float | complex) or (isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in "fc")


def leaf_type(leaf: Any, name: str, place: str, differentiated: bool) -> Type:
    """The IR type of a leaf, for its flat parameter `name`. Error messages name it `place`.

    Raises S301 to S305 for leaves that are not supported.
    """
    if isinstance(leaf, int) and not -(2**63) <= leaf < 2**63:
        fail("S305", f"{place} is an integer of more than 64 bits", advice=f"pass float({place}).")
    if type(leaf) in _PYTHON_SCALARS:
        return _scalar(_PYTHON_SCALARS[type(leaf)], name, place, differentiated, weak=True)
    if isinstance(leaf, np.generic):
        return _scalar(_dtype_name(leaf.dtype, place), name, place, differentiated, weak=False)
    if type(leaf) is np.ndarray or (isinstance(leaf, np.ndarray) and not _refused(leaf)):
        dtype = _dtype_name(leaf.dtype, place)
        if differentiated and dtype not in INEXACT:
            fail(
                "S301",
                f"{place} is an array of {dtype}, and you differentiate with respect to it",
                advice=f"pass {place}.astype(float), or name other arguments in argnums.",
            )
        if leaf.ndim == 0:
            return Scalar(dtype, _symbolic_value(dtype, name), weak=False)
        dims = tuple(_dim(name, axis, length) for axis, length in enumerate(leaf.shape))
        return Array(dtype, dims, layout(leaf))
    if isinstance(leaf, int | float):  # a subclass, as an enumeration's member
        return _scalar("int64" if isinstance(leaf, int) else "float64", name, place, differentiated, weak=True)
    fail(
        "S302",
        f"{place} is of type {type(leaf).__qualname__}, which srcad cannot take apart",
        advice=(
            f"pass {place}.to_numpy()."
            if hasattr(leaf, "to_numpy")
            else "pass arrays and numbers, nested in dict, list, tuple, namedtuple or dataclass."
        ),
    )


def _dim(name: str, axis: int, length: int) -> Dim:
    return ONE if length == 1 else dim(Symbol(name, axis, not_one=True, at_least_nine=length >= LONG))


def _refused(array: np.ndarray[Any, Any]) -> bool:
    """Whether the array is a matrix or masked; accessing `np.ma` imports it, which takes longer than a gradient."""
    return isinstance(array, np.matrix | np.ma.MaskedArray)


def layout(array: np.ndarray[Any, Any]) -> str:
    flags = array.flags
    return "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"


def overlaps_itself(array: np.ndarray[Any, Any]) -> bool:
    """Whether two elements may share memory, by strides: exact where no axis interleaves with another.

    >>> x = np.arange(4.0)
    >>> overlaps_itself(x[::2]), overlaps_itself(np.lib.stride_tricks.as_strided(x, (3, 2), (8, 8)))
    (False, True)
    """
    reach = array.itemsize
    for stride, length in sorted((abs(s), n) for s, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if stride < reach:
            return bool(array.size)
        reach += stride * (length - 1)
    return False


def argument_conversion(leaf: Any, differentiated: bool, compiled: bool = True) -> Callable[[Any], Any] | None:
    """The conversion of a leaf to an argument of the generated function; None if it is passed unchanged.

    Uncompiled, a Python float is passed as np.float64, so that 1/0 is inf as in compiled code.
    """
    if isinstance(leaf, np.ndarray):
        if leaf.ndim == 0:
            return lambda x: x[()]
        return None if type(leaf) is np.ndarray else np.asarray
    if differentiated and not isinstance(leaf, float | complex | np.inexact):
        return float if compiled else np.float64
    if not compiled and type(leaf) in (float, complex):
        return np.float64 if type(leaf) is float else np.complex128
    return int if isinstance(leaf, int) and type(leaf) not in _PYTHON_SCALARS else None


def gradient_conversion(leaf: Any) -> Callable[[Any], Any]:
    """The conversion of the gradient of a leaf to the type of the leaf: dtype, 0-d or not, Python or NumPy scalar."""
    if isinstance(leaf, np.ndarray):
        dtype = leaf.dtype
        if leaf.ndim == 0:
            return lambda g: np.array(g, dtype)
        if dtype == np.float64:
            return lambda g: g
        return lambda g: g if g.dtype == dtype else g.astype(dtype)
    if isinstance(leaf, np.inexact):
        return type(leaf)
    return complex if isinstance(leaf, complex) else float


def jacobian_conversion(leaf: Any) -> Callable[[Any], Any]:
    """The conversion of the derivatives of many outputs by a leaf, an array of the dtype of the leaf."""
    plain = np.complex128 if isinstance(leaf, complex) else np.float64
    dtype = leaf.dtype if isinstance(leaf, np.ndarray | np.inexact) else np.dtype(plain)
    return gradient_conversion(np.empty(1, dtype))


def result_conversion(result: Type) -> Callable[[Any], Any] | None:
    """The conversion of a scalar result to a Python scalar, or to NumPy's; Numba returns float32 as a Python float."""
    if not isinstance(result, Scalar):
        return None
    python_types = {"float64": float, "int64": int, "bool": bool, "complex128": complex}
    return python_types.get(result.dtype) or np.dtype(result.dtype).type


def _scalar(dtype: str, name: str, place: str, differentiated: bool, weak: bool) -> Scalar:
    if differentiated and dtype == "bool":
        fail("S302", f"{place} is a bool, and you differentiate with respect to it")
    if differentiated and dtype in _INTEGERS:
        return Scalar("float64", weak=weak)
    return Scalar(dtype, _symbolic_value(dtype, name), weak)


def _symbolic_value(dtype: str, name: str) -> Dim | None:
    return dim(Symbol(name, None)) if dtype in _INTEGERS else None


def _dtype_name(dtype: np.dtype[Any], place: str) -> str:
    if dtype.kind == "O":
        fail(
            "S303",
            f"{place} is an array of objects",
            why="Its rows may have different lengths (it is ragged), or it holds things that are not numbers.",
            advice="pass a list of arrays.",
        )
    if dtype.name not in (*_INTEGERS, *INEXACT, "bool") or not dtype.isnative:
        advice = f"convert it: {place}.astype(np.float64)." if dtype.kind in "fiu" else None
        why = "srcad takes float64, float32, complex128, complex64, integers and bool."
        fail("S305", f"{place} has dtype {dtype}", None, why, advice)
    return str(dtype.name)
