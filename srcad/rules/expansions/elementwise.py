"""NumPy's elementwise functions that are not one primitive, written with those that are."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import flat, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import (
    common_dtype,
    compile_time,
    dtype_name,
    dtype_of,
    expands,
    is_complex_name,
    is_float_name,
    unsupported,
)

select = PRIMITIVES["select"]
choose = PRIMITIVES["np.where"]
cast = PRIMITIVES["astype"]
copy_of = PRIMITIVES["copy"]
number = PRIMITIVES["float"]
magnitude = PRIMITIVES["abs"]
magnitudes = PRIMITIVES["np.abs"]
nonzero_of = PRIMITIVES["nonzero"]
complex_of = PRIMITIVES["complex"]
real_part_of, imaginary_part_of = PRIMITIVES["np.real"], PRIMITIVES["np.imag"]
real_parts_of, imaginary_parts_of = PRIMITIVES["real"], PRIMITIVES["imag"]
conjugate_of = PRIMITIVES["np.conj"]
angle_of = PRIMITIVES["np.angle"]
fmod_of = PRIMITIVES["np.fmod"]


@expands(np.where)
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return np.nonzero(condition)
    if np.ndim(condition) == 0 and np.ndim(x) == 0 and np.ndim(y) == 0:
        return select(condition, x, y)
    return choose(condition, x, y)


@expands(np.nonzero, methods=("nonzero",))
def nonzero(a: Any) -> Any:
    if np.ndim(a) == 0:
        unsupported("np.nonzero of a number")
    return tuple([nonzero_of(a, axis=k) for k in range(np.ndim(a))])


@expands(np.flatnonzero)
def flatnonzero(a: Any) -> Any:
    return nonzero_of(flat(a), axis=0)


@expands(np.clip, methods=("clip",))
def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low = a_min if min is None else min
    high = a_max if max is None else max
    x = np.asarray(a)
    if low is not None:
        x = np.maximum(x, low)
    if high is not None:
        x = np.minimum(x, high)
    return stored(x, out)


@expands(np.fmod)
def fmod(a: Any, b: Any) -> Any:
    return fmod_of(a, b) if is_float_name(common_dtype(dtype_of(a), dtype_of(b))) else fmod_of_integers(a, b)


def fmod_of_integers(a: Any, b: Any) -> Any:
    # Numba takes negative integers for large ones
    if np.ndim(a) == 0 and np.ndim(b) == 0:
        # Python's % of two integers raises where the divisor is 0; NumPy gives 0, which is also the remainder by 1
        r = np.mod(a, select(b == 0, 1, b))
    else:
        r = np.mod(a, b)
    return np.where((r != 0) & ((r < 0) != (a < 0)), r - b, r)


@expands(math.fmod)
def fmod_of_floats(x: Any, y: Any) -> Any:
    # Numba has no math.fmod
    return fmod_of(as_float(x), as_float(y))


def as_float(x: Any) -> Any:
    return x if is_float_name(dtype_of(x)) else number(x)


@expands(abs, operator.abs)
def absolute(x: Any) -> Any:
    return magnitude(x) if np.ndim(x) == 0 else magnitudes(x)


@expands(float)
def to_float(x: Any = 0.0) -> Any:
    # Numba has no float() of a bool
    return cast(x, dtype="float64") if dtype_of(x) == "bool" else number(x)


@expands(np.square)
def square(x: Any) -> Any:
    return x * x


@expands(np.reciprocal)
def reciprocal(x: Any) -> Any:
    if not is_float_name(dtype_of(x)):
        unsupported("np.reciprocal of integers")
    return 1.0 / x


@expands(np.float_power)
def float_power(x1: Any, x2: Any) -> Any:
    return astype(x1, np.float64) ** astype(x2, np.float64)


@expands(np.heaviside)
def heaviside(x1: Any, x2: Any) -> Any:
    return np.where(x1 == 0, x2, 0.5 * (np.sign(x1) + 1.0))


@expands(np.round, np.around, methods=("round",))
def round_to(a: Any, decimals: Any = 0, out: Any = None) -> Any:
    if not is_float_name(dtype_of(a)):
        if dtype_of(a) == "bool":
            unsupported("np.round of truth values")
        return stored(a if decimals >= 0 else cast(rounded(a, decimals), dtype=dtype_of(a)), out)
    return stored(rounded(a, decimals), out)


def rounded(a: Any, decimals: Any) -> Any:
    # a power of ten is exact where it is not a fraction
    if decimals == 0:
        return np.rint(a)
    if decimals > 0:
        return np.rint(a * 10.0**decimals) / 10.0**decimals
    return np.rint(a / 10.0**-decimals) * 10.0**-decimals


@expands(np.fix)
def fix(x: Any) -> Any:
    return np.trunc(x)


@expands(np.divmod, divmod)
def divmod_of(x: Any, y: Any) -> Any:
    return x // y, x % y


@expands(np.nan_to_num)
def nan_to_num(x: Any, copy: Any = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    if not copy:
        unsupported("np.nan_to_num with copy=False")
    if not is_float_name(dtype_of(x)):
        return x if np.ndim(x) == 0 else copy_of(x)
    high = largest(dtype_of(x)) if posinf is None else posinf
    low = -largest(dtype_of(x)) if neginf is None else neginf
    return np.where(np.isnan(x), nan, np.where(x == np.inf, high, np.where(x == -np.inf, low, x)))


@compile_time
def largest(name: str) -> float:
    """The largest finite number of a dtype."""
    return float(np.finfo(name).max)


@expands(np.select)
def select_of(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    y = default
    for k in range(len(condlist) - 1, -1, -1):
        y = np.where(condlist[k], choicelist[k], y)
    return y


@expands(np.real_if_close)
def real_if_close(a: Any, tol: Any = 100) -> Any:
    return np.asarray(a)


@expands(np.imag)
def imag(val: Any) -> Any:
    x = np.asarray(val)
    if is_complex_name(dtype_of(x)):
        return imaginary_part_of(x) if np.ndim(x) == 0 else imaginary_parts_of(x)
    return np.zeros_like(x)


@expands(np.angle)
def angle(z: Any, deg: Any = False) -> Any:
    x = np.asarray(z)
    if is_complex_name(dtype_of(x)):
        return np.degrees(angle_of(x)) if deg else angle_of(x)
    y = np.where(x < 0, np.pi, np.where(x != x, x, 0.0))
    y = y if dtype_of(x) != "float32" else cast(y, dtype="float32")
    return np.degrees(y) if deg else y


@expands(np.isreal)
def isreal(x: Any) -> Any:
    if is_complex_name(dtype_of(x)):
        return np.imag(np.asarray(x)) == 0.0
    return np.asarray(x) == np.asarray(x) if not is_float_name(dtype_of(x)) else np.isnan(x) | (x == x)


@expands(np.iscomplex)
def iscomplex(x: Any) -> Any:
    return np.logical_not(isreal(x))


@expands(np.iscomplexobj)
def iscomplexobj(x: Any) -> Any:
    return is_complex_name(dtype_of(x))


@expands(np.isrealobj)
def isrealobj(x: Any) -> Any:
    return not is_complex_name(dtype_of(x))


@expands(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    return stored(np.asarray(x) == np.inf, out)


@expands(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    return stored(np.asarray(x) == -np.inf, out)


@expands(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: Any = False) -> Any:
    x = np.asarray(a1)
    y = np.asarray(a2)
    if np.ndim(x) != np.ndim(y):
        return False
    same = True
    for k in range(np.ndim(x)):
        same = same and x.shape[k] == y.shape[k]
    if not same:
        return False
    return bool(np.all((x == y) | (np.isnan(x) & np.isnan(y)) if equal_nan else x == y))


@expands(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> Any:
    x = np.asarray(a1)
    y = np.asarray(a2)
    for k in range(1, min(np.ndim(x), np.ndim(y)) + 1):
        if x.shape[-k] != y.shape[-k] and x.shape[-k] != 1 and y.shape[-k] != 1:
            return False
    return bool(np.all(x == y))


@expands(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2.0 * np.pi) -> Any:
    x = np.asarray(p)
    if not is_float_name(dtype_of(x)):
        unsupported("np.unwrap of integers")
    y = np.moveaxis(x, axis, -1)
    steps = y[..., 1:] - y[..., :-1]
    half = period / 2.0
    wrapped = np.mod(steps + half, period) - half
    wrapped = np.where((wrapped == -half) & (steps > 0.0), half, wrapped)
    jump = half if discont is None else discont
    turns = np.where(np.abs(steps) < jump, 0.0, wrapped - steps)
    y = np.concatenate((y[..., :1], y[..., 1:] + np.cumsum(turns, axis=-1)), axis=-1)
    return np.moveaxis(y, -1, axis)


@expands(np.real)
def real(val: Any) -> Any:
    x = np.asarray(val)
    if is_complex_name(dtype_of(x)):
        return real_part_of(x) if np.ndim(x) == 0 else real_parts_of(x)
    return val


@expands(methods=("conj", "conjugate"))
def conj_method(x: Any) -> Any:
    return np.conj(x) if is_complex_name(dtype_of(x)) else x


@expands(np.conj)
def conj(x: Any) -> Any:
    y = np.asarray(x)
    if is_complex_name(dtype_of(y)):
        return conjugate_of(y)
    return x if np.ndim(x) == 0 else copy_of(y)


@expands(complex)
def to_complex(real: Any = 0.0, imag: Any = 0.0) -> Any:
    if is_complex_name(dtype_of(real)) or is_complex_name(dtype_of(imag)):
        return cast(real, dtype="complex128") + 1j * imag
    return complex_of(real, imag)


@expands(np.astype, methods=("astype",))
def astype(x: Any, dtype: Any, copy: Any = True) -> Any:
    if not copy and dtype_of(x) == dtype_name(dtype):
        return x
    return cast(x, dtype=dtype_name(dtype))


@expands(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08) -> Any:
    a, b = np.asarray(a), np.asarray(b)
    return (a == b) | (np.isfinite(b) & (np.abs(a - b) <= atol + rtol * np.abs(b)))


@expands(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08) -> Any:
    return np.all(isclose(a, b, rtol, atol))


# ---- types, one for each scalar type that NumPy calls by name -----------------------------------


def converted(x: Any, name: Any) -> Any:
    """NumPy gives back an array that has the dtype already."""
    return x if np.ndim(x) > 0 and dtype_of(x) == name else cast(x, dtype=name)


@expands(np.float64)
def to_float64(x: Any = 0.0) -> Any:
    return converted(x, "float64")


@expands(np.float32)
def to_float32(x: Any = 0.0) -> Any:
    return converted(x, "float32")


@expands(np.complex128)
def to_complex128(x: Any = 0.0) -> Any:
    return converted(x, "complex128")


@expands(np.complex64)
def to_complex64(x: Any = 0.0) -> Any:
    return converted(x, "complex64")


@expands(np.int64)
def to_int64(x: Any = 0) -> Any:
    return converted(x, "int64")


@expands(np.int32)
def to_int32(x: Any = 0) -> Any:
    return converted(x, "int32")


@expands(np.bool_)
def to_bool(x: Any = False) -> Any:
    return converted(x, "bool")
