"""Functions named by module or file, and imports of a project's own modules."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from srcad.backend.modules.import_module import imported, raised_at
from srcad.derivative import Derivative
from srcad.errors import fail


def find(place: str) -> Callable[..., Any]:
    """The object at `module:function` (`module:Class.method`), or `path/to/file.py:function`."""
    module, _, name = place.partition(":")
    try:
        found: Any = _module_in_file(module) if module.endswith(".py") else importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as fault:
        fail("S313", f"there is no {place!r} ({fault})", advice="write it as module:function.")
    except Exception as fault:  # a user's module may raise anything at import
        fail(
            "S313",
            f"{module} cannot be imported: {type(fault).__name__}: {fault}",
            why=f"It was raised at {raised_at(fault)}.",
        )
    return found.__wrapped__ if isinstance(found, Derivative) else found


def _module_in_file(place: str) -> ModuleType:
    """The module in a file, given by a path relative to the current folder or to a folder of `sys.path`."""
    paths = [Path(folder, place).resolve() for folder in (".", *sys.path)]
    path = next((path for path in paths if path.is_file()), paths[0])
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # for its imports of modules in the same folder
    return imported(path, path.stem, registered=True)


class importable:
    """A context in which the project's own modules can be imported, in any current folder."""

    def __init__(self, root: Path) -> None:
        self._path = str(root.resolve())

    def __enter__(self) -> None:
        sys.path.insert(0, self._path)

    def __exit__(self, *_: object) -> None:
        sys.path.remove(self._path)
