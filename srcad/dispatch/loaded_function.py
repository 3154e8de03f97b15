"""A generated text, loaded as a module; compiled where that is asked for, and called as a user calls it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.compiler.generate import Generated
from srcad.errors import fail
from srcad.options import Options

_compiling = Lock()


@dataclass(frozen=True)
class LoadedFunction:
    module: ModuleType
    function: Callable[..., Any]
    call: Callable[..., Any]
    """The function as srcad calls it: uncompiled, without floating-point warnings."""


def load_function(generated: Generated, text: str, options: Options) -> tuple[ModuleType, Callable[..., Any]]:
    """The module of a text, and the function in it: a Numba dispatcher where it is compiled. S523 for a device."""
    is_compiled = compiles(options)
    if options.target == "cuda":
        why = 'With target="cuda" it takes arrays that are on the device, or it is called in kernels of your own.'
        advice = (
            "pass arrays of CuPy, PyTorch or numba.cuda; call what .device(*args) gives, in a kernel;\n"
            "or leave target out."
        )
        fail("S523", f"{generated.name} is called on the host", None, why, advice)
    versions = _versions() if is_compiled else ()
    path = cache_files.store(generated.name, text, repr(options), *versions, keep=is_compiled and options.cache)
    module = load(path)
    name = generated.function.name
    function: Callable[..., Any] = getattr(module, name)
    if is_compiled:
        from srcad.backend.numba import compilation

        layouts = generated.layouts
        with _compiling:  # a function that calls itself is one object
            for own, one in list(vars(module).items()):
                if inspect.isfunction(one) and one.__module__ == module.__name__:
                    setattr(module, own, compilation.compiled(one, options, layouts.get(own, ())))
        function = getattr(module, name)
    return module, function


def joined(error: Exception) -> Exception:
    """The error with one message: compiled code raises it with the parts.

    >>> joined(IndexError("index ", 3, " of an axis of length ", 2))
    IndexError('index 3 of an axis of length 2')
    """
    if len(error.args) > 1 and all(type(part) in (str, int) for part in error.args):
        return type(error)("".join(map(str, error.args)))
    return error


def compiles(options: Options) -> bool:
    """Whether Numba compiles the text: not with NUMBA_DISABLE_JIT."""
    from srcad.backend.numba import compilation

    return options.target == "cpu" and not compilation.disabled()


def called_from_python(function: Callable[..., Any], compiles: bool) -> Callable[..., Any]:
    """The loaded function as a call of the user's runs it."""
    if not compiles:
        return as_compiled(function)
    from srcad.backend.numba import compilation

    return compilation.callable_at_once(function)


def as_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without warnings for 1/0, which is inf as in compiled code: float defaults become np.float64."""
    given = function.__defaults__ or ()
    function.__defaults__ = tuple(np.float64(value) if type(value) is float else value for value in given)

    def called(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return called


def _versions() -> tuple[str, ...]:
    from srcad.backend.numba.cache_key import versions

    return versions()
