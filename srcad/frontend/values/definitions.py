"""What may be defined anew between calls: the functions that a function calls, and the classes of its objects.

The text is for their definitions as they were read. A guard notices a function whose code or defaults are others, and
a class with another method, or with an attribute that it did not have.
"""

from __future__ import annotations

from types import FunctionType, GetSetDescriptorType, MemberDescriptorType

from srcad.frontend.values.context import Context
from srcad.frontend.values.libraries import of_library


def rely_on_function(ctx: Context, function: FunctionType) -> None:
    code, defaults, named = function.__code__, function.__defaults__, dict(function.__kwdefaults__ or {})

    def now() -> object:
        if function.__defaults__ is not defaults:
            return None
        others = function.__kwdefaults__
        if others or named:
            others = others or {}
            if others.keys() != named.keys() or any(others[name] is not value for name, value in named.items()):
                return None
        return function.__code__

    ctx.guards[id(function), "its definition"] = (code, now)


def rely_on_class(ctx: Context, cls: type) -> None:
    if of_library(cls.__module__) or (id(cls), "its methods") in ctx.guards:
        return
    known = [(vars(base), len(vars(base)), _methods(base)) for base in cls.__mro__ if base is not object]

    def now() -> object:
        return all(len(own) == n and all(own.get(k) is raw for k, raw in methods) for own, n, methods in known)

    ctx.guards[id(cls), "its methods"] = (True, now)


def _methods(cls: type) -> list[tuple[str, object]]:
    """The methods, properties and other descriptors of a class."""
    made_by_python = GetSetDescriptorType | MemberDescriptorType
    return [
        (name, raw)
        for name, raw in vars(cls).items()
        if hasattr(type(raw), "__get__") and not isinstance(raw, made_by_python)
    ]
