"""The functions of `scipy.special` in compiled code: calls of the C functions that SciPy has for Cython.

Machine code names such a function by a symbol, which each process enters for the address that it has. So code from a
cache runs in every process that has imported this module; compiled texts do.

Importing this imports Numba and SciPy's special functions.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numpy as np
import scipy.special as special
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing import templates
from numba.np import npyimpl
from numba.np.numpy_support import as_dtype, from_dtype
from scipy.special import cython_special

_SYMBOL = "srcad_special_"
OTHER_NAMES = {"digamma": "psi", "jn": "jv"}
_SIGNATURE = re.compile(r"double \(((?:double, )*)int __pyx_skip_dispatch\)")


def _enter_symbols() -> dict[str, int]:
    """Enter the functions of doubles into LLVM's table; the number of arguments of each."""
    name_of: Any = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of: Any = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    found = {}
    for mangled, capsule in cython_special.__pyx_capi__.items():
        said = name_of(capsule)
        if match := _SIGNATURE.fullmatch(said.decode()):
            name = re.sub(r"^__pyx_fuse_[\d_]*", "", mangled)
            llvm.add_symbol(f"{_SYMBOL}{name}", pointer_of(capsule, said))
            found[name] = match[1].count("double")
    return found


_ARGUMENTS = _enter_symbols()


def hurwitz_zeta(s: Any, q: Any) -> Any:
    """The sum of (k + q)**-s over k >= 0, for s > 1: terms up to 9, and the rest by Euler and Maclaurin (DLMF 25.11.5).

    >>> bool(abs(hurwitz_zeta(2.0, 1.0) - np.pi**2 / 6.0) < 1e-15)
    True
    """
    if not s > 1.0 or (q <= 0.0 and (q == np.floor(q) or s != np.floor(s))):
        at_pole = s == 1.0 or (s > 1.0 and q <= 0.0 and q == np.floor(q))
        return np.inf if at_pole else np.nan
    a, total = q, 0.0
    while a < 12.0:
        total += a**-s
        a += 1.0
    power = a**-s
    total += power * a / (s - 1.0) + 0.5 * power
    # factor runs through s (s + 1) .. (s + 2k) a**(-s - 2k - 1) / (2k + 2)!, times the numbers of Bernoulli
    factor = 0.5 * s * power / a
    for k in range(10):
        total += factor * BERNOULLI[k]
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (a * a * (2 * k + 3.0) * (2 * k + 4.0))
    return total


BERNOULLI = (
    *(1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730),
    *(7 / 6, -3617 / 510, 43867 / 798, -174611 / 330),
)
WRITTEN: dict[str, Callable[..., Any]] = {"zeta": hurwitz_zeta}
"""What SciPy has no C function of doubles for."""


def name_of(function: Any) -> str | None:
    """The name of a function of `scipy.special` that compiled code can call; None of anything else."""
    try:
        name = str(getattr(function, "__name__", ""))
        known = OTHER_NAMES.get(name, name) in _ARGUMENTS or name in WRITTEN
        return name if known and getattr(special, name, None) is function else None
    except TypeError:
        return None


@cache
def dtype_of(name: str, *dtypes: str) -> str:
    """The dtype of the result by those of the arguments: SciPy is asked."""
    with np.errstate(all="ignore"):
        return str(getattr(special, name)(*(np.ones(1, dtype) for dtype in dtypes)).dtype.name)


def type_of_call(name: str, args: Any, kws: Any) -> Any:
    """Numba's signature of a call: of numbers a number, of arrays the array that they broadcast to."""
    inner = [kind.dtype if isinstance(kind, types.Array) else kind for kind in args]
    if kws or not all(isinstance(kind, types.Number | types.Boolean) for kind in inner):
        return None
    dtype = from_dtype(np.dtype(dtype_of(name, *(as_dtype(kind).name for kind in inner))))
    arrays = [kind for kind in args if isinstance(kind, types.Array)]
    result: Any = dtype
    if arrays:
        layout = "F" if all(kind.layout == "F" for kind in arrays) else "C"
        array: Any = types.Array
        result = array(dtype, max(kind.ndim for kind in arrays), layout)
    signature: Any = templates.signature
    return signature(result, *args)


def lower_call(name: str, loops: Any, context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The loop over elements, of one for numbers. What is computed is float64, whatever is given."""

    class Call(npyimpl._Kernel):  # type: ignore[misc]
        def generate(self, *given: Any) -> Any:
            values = [self.cast(v, kind, types.float64) for v, kind in zip(given, self.outer_sig.args, strict=True)]
            return self.cast(_of_doubles(name, context, builder, values), types.float64, self.outer_sig.return_type)

    shape = SimpleNamespace(nin=len(args), nout=1, __name__=name)
    return loops["numpy_ufunc_kernel"](context, builder, signature, args, shape, Call)


def _of_doubles(name: str, context: Any, builder: Any, values: Any) -> Any:
    if name in WRITTEN:
        made: Any = templates.signature
        form = made(types.float64, *[types.float64] * len(values))
        return context.compile_internal(builder, WRITTEN[name], form, values)
    double, integer = ir.DoubleType(), ir.IntType(32)
    form = ir.FunctionType(double, [*[double] * len(values), integer])
    symbol = f"{_SYMBOL}{OTHER_NAMES.get(name, name)}"
    function = cgutils.get_or_insert_function(builder.module, form, symbol)
    return builder.call(function, [*values, integer(0)])
