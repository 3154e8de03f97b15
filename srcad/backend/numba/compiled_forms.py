"""The compiled forms that lie beside generated files, and `compiled`, which such a file calls at its end.

A form is a module of the same name in the folder `_machine`: the function as srcad compiles it. It records the digest
of the file it was made of, and the version of the modules it needs. Where the file was edited since, or the modules are
of another version, the file runs as it stands, compiled by `njit`, and says so.

The module is copied into that folder, with those it imports, so that nothing there needs srcad.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

import numba
from numba.core import sigutils, types
from numba.np.numpy_support import as_dtype

from srcad.backend.modules.source_digest import code_digest
from srcad.backend.numba import target

target.compile_callers_of_gone(f"{__package__}.")


def compiled(function: Any) -> Any:
    """The compiled form of a function of a generated file; the function itself where there is none that fits."""
    readable = getattr(function, "py_func", function)
    names = readable.__globals__
    folder, file = os.path.split(os.path.abspath(names["__file__"]))
    text = _text(names)
    form = _form(os.path.join(folder, "_machine"), os.path.splitext(file)[0], text)
    if form is None or numba.config.DISABLE_JIT:
        return function
    if unfit := _unfit(form, text):
        warnings.warn(f"{file} {unfit}: it runs slower. `srcad build` makes another.", stacklevel=3)
        return function
    found = _dispatcher(getattr(form, readable.__name__), form)
    found.__doc__, found.__srcad_primal__ = readable.__doc__, readable
    return found


_types: Any = types


class _Form(target.Dispatcher):
    """The dispatcher of a compiled form, which asks for the types that it was made for."""

    form: ModuleType

    def compile(self, sig: Any) -> Any:
        arguments, _ = sigutils.normalize_signature(sig)
        if not all(map(_fits, arguments, self.form.TAKES)):
            raise TypeError(self.form.SAID)
        return super().compile(sig)


def _fits(given: Any, taken: tuple[str, int, str]) -> bool:
    """Whether an argument of a Numba type has this dtype, rank and layout."""
    dtype, rank, layout = taken
    if isinstance(given, _types.Omitted):
        return True
    if isinstance(given, types.Array):
        same = given.ndim == rank > 0 and str(as_dtype(given.dtype)) == dtype
        return same and (layout in ("A", given.layout) or (rank == 1 and given.layout != "A"))
    return rank == 0 and isinstance(given, types.Number | types.Boolean) and str(as_dtype(given)) == dtype


def _dispatcher(function: Callable[..., Any], form: ModuleType) -> Any:
    for name, layouts in form.LAYOUTS.items():  # functions that call themselves
        beside = getattr(form, name)
        if not isinstance(beside, target.Dispatcher):
            setattr(form, name, _cached(beside, form, target.Dispatcher, layouts))
    made = _cached(function, form, _Form)
    made.form = form
    return made


def _cached(function: Any, form: ModuleType, kind: Any, layouts: tuple[str, ...] = ()) -> Any:
    try:
        return target.compiled(function, True, form.FASTMATH, kind=kind, layouts=layouts)
    except RuntimeError:  # no folder that Numba may cache in
        return target.compiled(function, False, form.FASTMATH, kind=kind, layouts=layouts)


def _form(folder: str, stem: str, text: bytes) -> ModuleType | None:
    """The module of a form. Its name is the same wherever the folder is: Numba's cache refers to modules by names."""
    name = f"{__package__}.{hashlib.sha256(text).hexdigest()[:16]}.{stem}"
    if name not in sys.modules:
        spec = PathFinder.find_spec(name, [folder])
        if spec is None or spec.loader is None:
            return None
        module = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except ImportError:  # of modules of another version: it has no facts then
            return module
        sys.modules[name] = module
    return sys.modules[name]


def _unfit(form: ModuleType, text: bytes) -> str | None:
    """Why the form may not run for this text, whose formatting and comments do not count."""
    if getattr(form, "SUPPORT", None) != __package__:
        return "has a compiled form of another version of srcad than the rest of _machine"
    if hashlib.sha256(text).hexdigest() == form.TEXT or code_digest(text.decode("utf-8")) == form.CODE:
        return None
    return "was edited since its compiled form was made"


def _text(names: dict[str, Any]) -> bytes:
    """The text of a module, wherever it was imported from."""
    read: Any = getattr(names.get("__loader__"), "get_data", None)
    path = names["__file__"]
    if read is not None:
        return bytes(read(path))
    with open(path, "rb") as file:
        return file.read()
