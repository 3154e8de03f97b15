"""The function that a text defines: a generated one, as it was written or edited.

>>> function_of('''
... def _scaled(x, k):
...     return k * x
...
... def double(x):
...     return _scaled(x, 2.0)
... ''')(3.0)
6.0
"""

from __future__ import annotations

import ast
import sys
from inspect import isfunction
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import imported, raised_at
from srcad.errors import fail
from srcad.rules.copied_helpers import helper_like

_NUMBERS = count(1)


def function_of(text: str, name: str | None = None) -> Any:
    """The function in the text of a module, imported from a temporary file, where errors show its lines.

    Without a name it is the one that `__all__` lists, or the only public one beside copies of srcad's
    helpers that no other calls.
    Raises S318 where that is none or several, or where the text is no module that can be imported.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as fault:
        _fail(f"the text is no Python: {fault.args[0]}", "pass the text of a module that defines a function.")
    stem = next((node.name for node in tree.body if isinstance(node, ast.FunctionDef)), "text")
    return function_at(cache_files.store(stem, text, keep=False), name)


def function_at(path: Path, name: str | None = None) -> Any:
    """The function in a file, as `function_of` finds it. The file is read anew at each call."""
    module = _module(path)
    if name is not None:
        if not callable(found := getattr(module, name, None)):
            _fail(f"{path.name} defines no function {name}", f"it has {_listed(_public(module)) or 'none'}.")
        return found
    listed = getattr(module, "__all__", None)
    names = list(listed) if isinstance(listed, list | tuple) else _public(module)
    if len(names) != 1 or not callable(getattr(module, names[0], None)):
        what = f"defines {_listed(names)}" if names else "defines no function"
        _fail(f"{path.name} {what}", "say which: srcad.load(path, name=...), or list it alone in __all__.")
    return getattr(module, names[0])


def _public(module: ModuleType) -> list[str]:
    """Functions that the module defines for others, in their order; copies of helpers are not."""
    found = []
    called: set[str] = set()
    for name, value in vars(module).items():
        inner = getattr(value, "__srcad_primal__", getattr(value, "py_func", value))
        if isfunction(inner) and inner.__module__ == module.__name__ and helper_like(inner) is None:
            called |= set(inner.__code__.co_names) - {name}
            if not name.startswith("_"):
                found.append(name)
    return [name for name in found if name not in called] or found


def _module(path: Path) -> ModuleType:
    """A new module made of the file. Its name is no other's, so that no other is replaced."""
    if not path.is_file() or path.suffix != ".py":
        _fail(f"there is no Python file {path}", "give the path of a module that srcad wrote.")
    try:
        module = imported(path, f"made_by_srcad.{path.stem}_{next(_NUMBERS)}")  # a module of srcad would be a library
        _leave_files_alone(module)
        return module
    except Exception as fault:  # a module may raise anything at import
        _fail(
            f"{path.name} cannot be imported: {type(fault).__name__}: {fault}",
            why=f"It was raised at {raised_at(fault)}.",
        )


def _leave_files_alone(module: ModuleType) -> None:
    """Let Numba keep nothing of the module on disk: what it keeps names the module, which no other process finds."""
    if "numba" not in sys.modules:
        return
    from numba.core.caching import FunctionCache, NullCache

    for value in vars(module).values():
        if type(getattr(value, "_cache", None)) is FunctionCache:
            value._cache = NullCache()


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


def _fail(message: str, advice: str | None = None, why: str | None = None) -> NoReturn:
    fail("S318", message, why=why, advice=advice)
