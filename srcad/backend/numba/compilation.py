"""The interface to Numba for the rest of srcad: compilation, eager specialisation, translation of its errors.

Numba is imported when the first function is compiled, not before.
"""

from __future__ import annotations

import hashlib
import linecache
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import PACKAGE
from srcad.errors import CompileError, Problem, SrcadError, fail
from srcad.ir.nodes import Span
from srcad.options import Options


def disabled() -> bool:
    """Whether the user has disabled compilation, by `NUMBA_DISABLE_JIT=1` or in Numba's configuration."""
    config: Any = sys.modules.get("numba.core.config")
    known = getattr(config, "DISABLE_JIT", None)  # another thread may be importing Numba
    return bool(known) if known is not None else os.environ.get("NUMBA_DISABLE_JIT", "0").strip() not in ("", "0")


def compiled(function: Callable[..., Any], options: Options, layouts: tuple[str, ...] = ()) -> Callable[..., Any]:
    """The Numba dispatcher of a generated function; `layouts` are those of the arguments of one that calls itself."""
    from srcad.backend.numba import target

    target.compile_callers_of_gone(PACKAGE)
    linked = _linked() if options.cache else None
    return target.compiled(
        function, options.cache, options.fastmath, options.debug or None, layouts=layouts, linked=linked
    )


def _linked() -> Path | None:
    """The folder of the functions that are linked into generated code: one for a version of srcad, NumPy and Numba.

    None where nothing can be kept.
    """
    from srcad.backend.numba.cache_key import versions

    with suppress(SrcadError):
        return cache_files.folder(keep=True) / "linked" / hashlib.sha256(repr(versions()).encode()).hexdigest()[:16]
    return None


def callable_at_once(dispatcher: Any) -> Callable[..., Any]:
    """What several Python threads may call at once. Numba ends the process where two of them run loops on threads, if
    its threading layer is `workqueue`: so those calls wait for each other."""
    if not dispatcher.targetoptions.get("parallel"):
        return dispatcher  # type: ignore[no-any-return]

    def call(*args: Any) -> Any:
        if _without_threads:
            fail("S502", *_without_threads)
        with _on_threads:
            return dispatcher(*args)

    return call


_on_threads = threading.RLock()
_without_threads: list[Any] = []
"""In a process that cannot start threads, why, as for `fail`."""


def _forked() -> None:
    _on_threads.release()
    numba: Any = sys.modules.get("numba")
    try:
        layer = "" if numba is None else numba.threading_layer()
    except ValueError:  # no threads yet
        return
    pool: Any = sys.modules.get("numba.np.ufunc.omppool")
    if layer == "omp" and pool is not None and pool.openmp_vendor == "GNU":
        _without_threads[:] = (
            "no loops on threads in a process that was forked",
            None,
            "GNU OpenMP, with which Numba runs them, ends a process that was forked after it had started threads.",
            'start processes with "spawn" or "forkserver", or set NUMBA_THREADING_LAYER=workqueue in the environment.',
        )


# a process that is forked while another thread runs a loop would have a locked lock: fork waits for the end of the call
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_on_threads.acquire, after_in_parent=_on_threads.release, after_in_child=_forked)


def number_of_threads() -> int:
    """On how many threads compiled code is to run: that of Numba, which `numba.set_num_threads` changes."""
    import numba

    return int(numba.get_num_threads())


def prepare(dispatcher: Any, args: Sequence[Any]) -> None:
    """Compile for the types of these arguments (the others by default). An error of Numba becomes S501."""
    from numba import typeof, types

    defaults = dispatcher.py_func.__defaults__ or ()
    missing = dispatcher.py_func.__code__.co_argcount - len(args)
    omitted: Any = types.Omitted
    left_out = [omitted(value) for value in defaults[len(defaults) - missing :]] if missing else []
    try:
        dispatcher.compile((*map(typeof, args), *left_out))
    except Exception as error:
        raise translated(error, dispatcher.py_func) from error


def decorator(options: Options, cache: bool = True) -> str:
    """The decorator of a function in a file that is shipped."""
    extra = (", cache=True" if cache else "") + (", fastmath=True" if options.fastmath else "")
    return f'njit(error_model="numpy"{extra})'


def numba_version() -> str:
    import numba

    return str(numba.__version__)


def example_arguments(signature: str) -> tuple[Any, ...]:
    """Values of the types of a Numba signature string: `"float64(float64[:, ::1], int64)"`, or its arguments only.

    >>> example_arguments("(float64[:, ::1], int64)")
    (array([[0., 0.],
           [0., 0.]]), 2)
    """
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
            return tuple(_example(item) for item in kind.types)
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


def translated(error: Exception, function: Any) -> CompileError:
    file = function.__code__.co_filename
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    line = _line_of(text, file)
    span = None
    if line is not None:
        source = linecache.getline(file, line).rstrip("\n")
        start = len(source) - len(source.lstrip())
        span = Span(file, function.__name__, line, start, line, len(source), source)
    first = next((part.strip() for part in text.splitlines() if _is_informative(part)), type(error).__name__)
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


def _is_informative(line: str) -> bool:
    line = line.strip()
    return bool(line) and not line.startswith(_HEADINGS)
