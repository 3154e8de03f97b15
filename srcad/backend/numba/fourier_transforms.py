"""`np.fft` in compiled code, which Numba has not: calls of NumPy's functions through the interpreter.

Machine code calls one function along one axis, by a symbol, which each process enters for the address that it has: so
code from a cache runs in every process that has imported this module. A call takes the interpreter's lock, and some
microseconds: loops with transforms do not run on threads.

Importing this imports Numba.

>>> from numba import types
>>> along = overload_of("rfft")(types.Array(types.float64, 1, "C"))
>>> along.__name__, length_of("rfft", 6), length_of("irfft", 4)
('along_axis', 4, 6)
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numpy as np
from numba.core import types as numba_types
from numba.cpython.unsafe.tuple import tuple_setitem
from numba.np.numpy_support import as_dtype, from_dtype

ALONG_ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
ALONG_SEVERAL = {"fftn": "fft", "ifftn": "ifft"}

_DTYPES = tuple(np.dtype(name) for name in ("bool", "int64", "float32", "float64", "complex64", "complex128"))
_NORMS = (None, "ortho", "forward")
_SYMBOL = "srcad_fourier_transform"


# ---- the call ----------------------------------------------------------------------------------


def _view(address: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    size = dtype.itemsize * shape[0] * shape[1] * shape[2]
    memory: Any = (ctypes.c_char * size).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)


def _transform(
    code: int, given: int, made: int, source: int, result: int, outer: int, m: int, inner: int, n: int, length: int
) -> int:
    """The transform of an array of shape (outer, m, inner) along the middle axis, cut or filled with zeros to `n`.

    `code` is that of the function and the scaling, `given` and `made` those of dtypes; `length` is that of the result.
    Returns whether it failed, as an integer.
    """
    try:
        function = getattr(np.fft, ALONG_ONE[code // len(_NORMS)])
        values = _view(source, _DTYPES[given], (outer, m, inner))
        target = _view(result, _DTYPES[made], (outer, length, inner))
        target[...] = function(values, n, 1, _NORMS[code % len(_NORMS)])
    except Exception:  # no exception passes compiled code
        return 1
    return 0


_callback = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 10)(_transform)
llvm.add_symbol(_SYMBOL, ctypes.cast(_callback, ctypes.c_void_p).value)
types: Any = numba_types
_call: Any = types.ExternalFunction(_SYMBOL, types.int64(*[types.int64] * 10))


# ---- what is compiled --------------------------------------------------------------------------


def length_of(name: str, n: int) -> int:
    """The length of the result, of an axis of n items where the length of the transform is not given."""
    return n // 2 + 1 if name in ("rfft", "ihfft") else 2 * (n - 1) if name in ("irfft", "hfft") else n


def overload_of(name: str) -> Callable[..., Any]:
    """A function of the types of the arguments that gives the function which is compiled, None where there is none."""
    return _along_one(name) if name in ALONG_ONE else _along_several(ALONG_SEVERAL[name])


def _along_one(name: str) -> Callable[..., Any]:
    halves, doubles = name in ("rfft", "ihfft"), name in ("irfft", "hfft")
    first = len(_NORMS) * ALONG_ONE.index(name)

    def overload(a: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
        if not isinstance(a, types.Array) or as_dtype(a.dtype) not in _DTYPES:
            return None
        dtype = as_dtype(a.dtype)
        to = getattr(np.fft, name)(np.ones(2, dtype)).dtype
        given, made, element = _DTYPES.index(dtype), _DTYPES.index(to), from_dtype(to)
        has_length = not isinstance(n, types.NoneType | types.Omitted) and n is not None

        def along_axis(a, n=None, axis=-1, norm=None):  # type: ignore[no-untyped-def]
            values = np.ascontiguousarray(a)
            k = axis % a.ndim
            m = a.shape[k]
            if has_length:
                count = n
            else:
                count = 2 * (m - 1) if doubles else m
            if count < 1:
                raise ValueError("Invalid number of FFT data points specified.")
            length = count // 2 + 1 if halves else count
            out = np.empty(tuple_setitem(a.shape, k, length), element)
            outer, inner = 1, 1
            for j in range(a.ndim):
                if j < k:
                    outer *= a.shape[j]
                elif j > k:
                    inner *= a.shape[j]
            code = first + (0 if norm is None else 1 if norm == "ortho" else 2)
            source, result = values.ctypes.data, out.ctypes.data
            if out.size and _call(code, given, made, source, result, outer, m, inner, count, length):
                raise RuntimeError("a Fourier transform failed")
            return out

        return along_axis

    return overload


def _along_several(name: str) -> Callable[..., Any]:
    function = getattr(np.fft, name)

    def overload(a: Any, axes: Any = None, norm: Any = None) -> Any:
        if not isinstance(a, types.Array):
            return None
        if isinstance(axes, types.NoneType | types.Omitted) or axes is None:

            def along_all(a, axes=None, norm=None):  # type: ignore[no-untyped-def]
                y = function(a, None, a.ndim - 1, norm)
                for k in range(a.ndim - 2, -1, -1):
                    y = function(y, None, k, norm)
                return y

            return along_all

        def along_axes(a, axes=None, norm=None):  # type: ignore[no-untyped-def]
            y = function(a, None, axes[len(axes) - 1], norm)
            for j in range(len(axes) - 2, -1, -1):
                y = function(y, None, axes[j], norm)
            return y

        return along_axes

    return overload
