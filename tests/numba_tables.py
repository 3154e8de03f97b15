"""What of Numba could be changed by who compiles with it: the attributes of its modules and classes, and its tables."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from numba.core import imputils
from numba.core.registry import cpu_target
from numba.core.typing import templates

_COUNTERS = ("__warningregistry__", "_unique_var_count")


def settled() -> None:
    """Have Numba import and read all that it does on its own account."""
    for context in (cpu_target.target_context, cpu_target.typing_context):
        context.refresh()


def tables(contexts: bool = True) -> dict[str, Any]:
    """Names of attributes and entries, and what they are. Objects are kept, so that equal means the same object.

    `contexts`: also what is known to the contexts of `njit`, which grow when a user compiles.
    """
    found: dict[str, Any] = {}
    for name, module in sorted(sys.modules.items()):
        if isinstance(module, ModuleType) and (name == "numba" or name.startswith("numba.")):
            for attribute, value in vars(module).items():
                if attribute not in _COUNTERS:
                    _enter(found, f"{name}.{attribute}", value)
    if contexts:
        for context in (cpu_target.target_context, cpu_target.typing_context):
            for attribute, value in vars(context).items():
                found[f"{type(context).__name__}.{attribute}"] = _content(value)
        for kind in cpu_target.typing_context._globals.values():
            for template in getattr(kind, "templates", ()):
                for attribute, value in vars(template).items():
                    found[f"{kind}: {template}.{attribute}"] = _content(value)
    return found


def _enter(found: dict[str, Any], path: str, value: Any) -> None:
    if isinstance(value, type) and value.__module__.startswith("numba"):
        for attribute, one in vars(value).items():
            if attribute not in ("_abc_impl", "__abstractmethods__"):
                found[f"{path}.{attribute}"] = one
    elif isinstance(value, templates.Registry | imputils.Registry):
        for attribute, one in vars(value).items():
            found[f"{path}.{attribute}"] = _content(one)
    found[path] = value


def _content(value: Any) -> Any:
    """A copy of a table."""
    if isinstance(value, dict):
        return {key: _content(one) for key, one in value.items()}
    if isinstance(value, list):
        return list(value)
    if hasattr(value, "versions"):  # what a context knows of one function
        return list(value.versions)
    return value


def changed(before: dict[str, Any], after: dict[str, Any], grown: bool = False) -> list[str]:
    """What is not as it was. A new module or class is none of it, and where `grown` no new entry of a table: what a
    user compiles adds to them."""
    return [path for path, value in before.items() if path not in after or not _same(value, after[path], grown)]


def _same(one: Any, other: Any, grown: bool) -> bool:
    if one is other:
        return True
    if type(one) is not type(other) or not isinstance(one, dict | list | tuple):
        return False
    if len(one) != len(other) and not (grown and isinstance(one, list) and len(one) < len(other)):
        return False
    if isinstance(one, dict):
        return all(key in other and _same(value, other[key], grown) for key, value in one.items())
    return all(_same(a, b, grown) for a, b in zip(one, other, strict=False))
