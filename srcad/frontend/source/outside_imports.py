"""How a file has what a function reads from outside: by the import of its module, or as a variable of that.

>>> import sys
>>> found = outside_name("partial", {"partial": __import__("functools").partial, "__name__": "nowhere"})
>>> found.line, found.variable
('from functools import partial', None)
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import resolve_name
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class OutsideName:
    """A name from outside in a file."""

    line: str
    """The import."""
    bound: str
    """What that binds."""
    variable: str | None = None
    """The variable of that module, where the name itself is not imported."""


def outside_name(name: str, names: Mapping[str, Any]) -> OutsideName | None:
    """The import for a name of the module that has these names; None where no other process can import it.

    Modules, functions and classes that the module imports are imported so. Its own variables are read as those of the
    module, at each call: their values may change.
    """
    value = names[name]
    if isinstance(value, ModuleType) or callable(value):
        for line, found in _imports(str(names.get("__file__")), str(names.get("__package__") or "")):
            if line.bound == name and found() is value:
                return line
        if isinstance(value, ModuleType) and sys.modules.get(value.__name__) is value:
            return OutsideName(f"import {value.__name__} as {name}", name)
        home, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if home != names.get("__name__") and _is_importable(home, qualname, value):
            return OutsideName(f"from {home} import {qualname}" + (f" as {name}" if qualname != name else ""), name)
    home = names.get("__name__")
    if not _is_importable(home, name, value):
        return None
    package, _, bound = str(home).rpartition(".")
    return OutsideName(f"from {package} import {bound}" if package else f"import {bound}", bound, name)


def _is_importable(home: Any, name: str, value: Any) -> bool:
    """Whether a module of this name, which has a file, has the value."""
    if home == "__main__" or not name.isidentifier():
        return False
    module = sys.modules.get(str(home))
    return getattr(module, "__spec__", None) is not None and getattr(module, name, module) is value


@lru_cache(maxsize=64)
def _imports(file: str, package: str) -> tuple[tuple[OutsideName, Any], ...]:
    """What the import statements of a module bind, each with a function that finds the value."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ()
    return tuple(found for stmt in tree.body for found in _imported(stmt, package))


def _imported(stmt: ast.stmt, package: str) -> Iterator[tuple[OutsideName, Any]]:
    match stmt:
        case ast.Import(names=aliases):
            for one in aliases:
                line, bound = f"import {one.name}", one.asname or one.name.partition(".")[0]
                home = one.name if one.asname else bound
                as_name = f" as {one.asname}" if one.asname else ""
                yield OutsideName(line + as_name, bound), lambda home=home: sys.modules.get(home)
        case ast.ImportFrom(module=module, names=aliases, level=level):
            try:
                home = resolve_name("." * level + (module or ""), package)
            except ImportError:
                return
            for one in aliases:
                as_name = f" as {one.asname}" if one.asname else ""
                yield (
                    OutsideName(f"from {home} import {one.name}{as_name}", one.asname or one.name),
                    lambda home=home, name=one.name: getattr(sys.modules.get(home), name, None),
                )
