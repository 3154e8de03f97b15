"""Compiling with Numba: the only file that knows it.

Numba is imported when the first function is compiled, not before.
"""

from __future__ import annotations

import inspect
import linecache
import re
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from srcad import machine, runtime
from srcad.backend.lighter import blas_alone, lighter
from srcad.errors import CompileError, Problem
from srcad.ir.nodes import Span
from srcad.options import Options


def compiled(function: Callable[..., Any], options: Options) -> Callable[..., Any]:
    """The Numba dispatcher of a generated function. Division by zero follows NumPy: 1/0 is inf."""
    from numba import njit

    blas_alone()
    _know_helpers()
    _keep_freed_memory()
    # what reorders sums is wanted, what assumes that NaN and inf do not occur is not
    fast: Any = {"reassoc", "contract", "nsz", "arcp", "afn"} if options.fastmath else False
    decorated: Callable[..., Any] = njit(
        error_model="numpy",
        cache=options.cache,
        fastmath=fast,
        boundscheck=options.debug or None,
    )(function)
    return decorated


def prepare(dispatcher: Any, args: Sequence[Any]) -> None:
    """Compile for these arguments now (the rest by default). What Numba says becomes an error with our line."""
    from numba import typeof, types

    defaults = dispatcher.py_func.__defaults__ or ()
    missing = dispatcher.py_func.__code__.co_argcount - len(args)
    omitted: Any = types.Omitted
    left_out = [omitted(value) for value in defaults[len(defaults) - missing :]] if missing else []
    try:
        with warnings.catch_warnings():
            # a product of arrays that are not contiguous: the user can do nothing about it
            warnings.filterwarnings("ignore", message=".*faster on contiguous arrays")
            with lighter(ordered_sums=not set(machine.ORDERED).isdisjoint(dispatcher.py_func.__code__.co_names)):
                dispatcher.compile((*map(typeof, args), *left_out))
    except Exception as fault:
        raise _translated(fault, dispatcher.py_func) from fault


def decorator(options: Options) -> str:
    """What stands above a function in a file that is shipped."""
    extra = ", fastmath=True" if options.fastmath else ""
    return f'njit(error_model="numpy", cache=True{extra})'


def numba_version() -> str:
    import numba

    return str(numba.__version__)


def example_arguments(signature: str) -> tuple[Any, ...]:
    """Values of the types of a Numba signature string: `"float64(float64[:, ::1], int64)"`, or its arguments only."""
    from numba.core import sigutils

    normalize: Any = sigutils.normalize_signature
    args, _ = normalize(signature)
    return tuple(_example(arg) for arg in args)


def _example(kind: Any) -> Any:
    import numpy as np
    from numba import types
    from numba.np.numpy_support import as_dtype

    match kind:
        case types.Array():
            # length 2: not 1, which would mean an axis that broadcasts
            if kind.layout == "A":
                return np.zeros((*(2,) * (kind.ndim - 1), 4), as_dtype(kind.dtype))[..., ::2]
            return np.zeros((2,) * kind.ndim, as_dtype(kind.dtype), order="F" if kind.layout == "F" else "C")
        case types.BaseTuple():
            return tuple(_example(item) for item in kind.types)  # type: ignore[attr-defined]
        case types.Boolean():
            return True
        case types.Integer():
            return 2
        case types.Float():
            return np.float32(1.0) if kind.bitwidth == 32 else 1.0
        case types.UnicodeType():
            return ""
        case _:
            raise TypeError(f"{kind} is no array, number or tuple of them")


@cache
def _keep_freed_memory() -> None:
    """Let the C library use freed arrays of up to 32 MB again, instead of asking the system for fresh pages.

    A gradient that saves 25 MB spends half its time on page faults otherwise. The GNU allocator adapts: what is no
    larger than the largest array freed so far, up to 32 MB, it hands out from its heap, and it keeps twice as much
    (mallopt(3), M_MMAP_THRESHOLD). One array, never touched, made and freed, says at once what calls would say.
    """
    import numpy as np

    np.empty(2**25 - 2**16, np.uint8)


@cache
def _know_helpers() -> None:
    from numba.extending import register_jitable

    instructions = _know_instructions()
    for module in (runtime, machine):
        for name, helper in inspect.getmembers(module, inspect.isfunction):
            if helper.__module__ == module.__name__ and helper not in instructions:
                known: Any = register_jitable
                # a loop is vectorised only where there is no call left in it, however long the function
                vector: Any = register_jitable(fastmath=False, forceinline=True)
                (vector if name in machine.ORDERED else known)(helper)


def _know_instructions() -> tuple[Callable[..., Any], ...]:
    """What is one instruction of LLVM: casts, whose `view` of a number Numba would compile anew in every function, and
    a sum with a flag that Numba gives to whole functions only."""
    from llvmlite import ir  # type: ignore[import-untyped]
    from numba import extending, types

    type_callable: Any = extending.type_callable
    lower_builtin: Any = extending.lower_builtin

    def know(helper: Callable[..., Any], take: Any, give: Any, form: Any) -> None:
        type_callable(helper)(lambda context: lambda bits: give if bits == take else None)
        lower_builtin(helper, take)(lambda context, builder, signature, args: builder.bitcast(args[0], form))

    know(machine.bits_of, types.float64, types.int64, ir.IntType(64))
    know(machine.with_bits, types.int64, types.float64, ir.DoubleType())
    type_callable(machine.plus)(lambda context: lambda a, b: types.float64 if a == b == types.float64 else None)
    lower_builtin(machine.plus, types.float64, types.float64)(
        lambda context, builder, signature, args: builder.fadd(*args, flags=("reassoc",))
    )
    return machine.bits_of, machine.with_bits, machine.plus


def _translated(fault: Exception, function: Any) -> CompileError:
    file = function.__code__.co_filename
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(fault))
    line = _line_of(text, file)
    span = None
    if line is not None:
        source = linecache.getline(file, line).rstrip("\n")
        start = len(source) - len(source.lstrip())
        span = Span(file, function.__name__, line, start, line, len(source), source)
    first = next((part.strip() for part in text.splitlines() if _says_something(part)), type(fault).__name__)
    return CompileError(
        Problem(
            "S501",
            f"Numba refused the generated code: {first}",
            span,
            "The line is one that srcad wrote: this is a fault of srcad, not of your function.",
            'use target="python", which runs the same text uncompiled; and report it.',
        )
    )


def _line_of(text: str, file: str) -> int | None:
    found = re.findall(r'File "([^"]+)", line (\d+)', text) + re.findall(r"(\S+\.py) \((\d+)\)", text)
    name = re.split(r"[/\\]", file)[-1]
    lines = [int(number) for where, number in found if where.endswith(name)]
    return lines[-1] if lines else None


_HEADINGS = ("Failed in", "During:", "File ", "- Resolution", "Overload", "There are")


def _says_something(line: str) -> bool:
    line = line.strip()
    return bool(line) and not line.startswith(_HEADINGS)
