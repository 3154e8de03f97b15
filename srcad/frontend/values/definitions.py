"""What may be defined anew between calls: the functions that a function calls, and the classes of its objects.

The text is for their definitions as they were read. A guard notices a function whose code or defaults are others, and
a class with another method, or with an attribute that it did not have.
"""

from __future__ import annotations

from types import FunctionType

from srcad.frontend.values.context import Context
from srcad.frontend.values.libraries import of_library


def rely_on_function(ctx: Context, function: FunctionType) -> None:
    code, defaults, named = function.__code__, function.__defaults__, dict(function.__kwdefaults__ or {})

    def now() -> object:
        others = function.__kwdefaults__ or {}
        same = others.keys() == named.keys() and all(others[name] is value for name, value in named.items())
        return function.__code__ if same and function.__defaults__ is defaults else None

    ctx.guards[id(function), "its definition"] = (code, now)


def rely_on_class(ctx: Context, cls: type) -> None:
    if not of_library(cls.__module__):
        ctx.guards[id(cls), "its methods"] = (_methods(cls), lambda: _methods(cls))


def _methods(cls: type) -> tuple[object, ...]:
    """The names in a class and its bases, with the methods and descriptors under them, not with other values."""
    found: list[object] = []
    for base in cls.__mro__:
        if base is not object:
            for name, raw in base.__dict__.items():
                found += (name, raw if hasattr(type(raw), "__get__") else None)
    return tuple(found)
