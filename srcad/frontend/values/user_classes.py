"""Classes that users write: which are read as objects with attributes, and what a class says of an attribute.

>>> __name__ = "__main__"  # a user's class
>>> class Spring:
...     def __init__(self, k):
...         self.k = k
>>> is_object(Spring(2.0)), is_object(2.0), is_object(Spring)
(True, False, False)
>>> attributes(Spring(2.0))
{'k': 2.0}
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import sys
import typing
from collections.abc import Mapping
from types import FunctionType, MemberDescriptorType
from typing import Any

from srcad.frontend.values.describe import is_namedtuple
from srcad.frontend.values.libraries import of_library

_PLAIN_BASES = frozenset({object, abc.ABC, typing.Generic, typing.Protocol})
_METACLASSES = (type, abc.ABCMeta)


def is_user_class(cls: Any) -> bool:
    """Whether the instances of a class are objects whose attributes alone say what they are.

    Not those of libraries, none that are an exception, a tuple or a list by inheritance, none that are like arrays.

    >>> import decimal, enum
    >>> [is_user_class(cls) for cls in (decimal.Decimal, enum.Enum, type("Rows", (list,), {}))]
    [False, False, False]
    """
    return isinstance(cls, type) and _is_user_class(cls)


@functools.cache
def _is_user_class(cls: type) -> bool:
    if any(hasattr(cls, name) for name in ("to_numpy", "__array__", "__cuda_array_interface__")):
        return False
    if dataclasses.is_dataclass(cls) and not is_namedtuple(cls):
        return not issubclass(cls, tuple | list | dict | BaseException)
    return (
        issubclass(type(cls), _METACLASSES)
        and not (set(cls.__mro__) <= _PLAIN_BASES)
        and all(base in _PLAIN_BASES or _is_written_by_user(base) for base in cls.__mro__)
    )


def _is_written_by_user(cls: type) -> bool:
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None) or ""
    installed = cls.__module__ != "__main__" and ("site-packages" in file or "dist-packages" in file)
    return not of_library(cls.__module__) and not installed


def is_object(value: object) -> bool:
    return is_user_class(type(value))


def is_value_class(cls: type) -> bool:
    """Whether its instances never change, and are compared by what they are: named tuples and frozen dataclasses."""
    if is_namedtuple(cls):
        return True
    params = getattr(cls, "__dataclass_params__", None)
    written = [name for name in ("__init__", "__post_init__") if is_written(class_attribute(cls, name))]
    return params is not None and params.frozen and not written


def attributes(value: object) -> dict[str, Any]:
    """The attributes of an object: fields of a dataclass, slots, and what its `__dict__` has, in this order."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]
    else:
        names = [name for name in slots(type(value)) if hasattr(value, name)]
    return {name: getattr(value, name) for name in names} | {
        name: item for name, item in getattr(value, "__dict__", {}).items() if name not in names
    }


def slots(cls: type) -> list[str]:
    """The names in the `__slots__` of a class and its bases."""
    found = [name for base in reversed(cls.__mro__) for name, raw in vars(base).items() if _is_slot(raw)]
    return list(dict.fromkeys(found))


def _is_slot(raw: object) -> bool:
    return isinstance(raw, MemberDescriptorType)


def has_dict(cls: type) -> bool:
    """Whether instances take attributes of any name."""
    return any("__dict__" in vars(base) for base in cls.__mro__)


def class_attribute(cls: type, name: str, after: type | None = None) -> Any:
    """What a class or its bases (those `after` one of them) have under a name, as it stands there; None: nothing."""
    mro = cls.__mro__ if after is None else cls.__mro__[cls.__mro__.index(after) + 1 :]
    for base in mro:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def owner_of(cls: type, name: str, after: type | None = None) -> type | None:
    """The class among it and its bases that has this attribute."""
    mro = cls.__mro__ if after is None else cls.__mro__[cls.__mro__.index(after) + 1 :]
    return next((base for base in mro if name in base.__dict__), None)


def is_written(raw: object) -> bool:
    """Whether it is a function with a text, not one that `dataclass` has made or that Python has.

    >>> made = dataclasses.make_dataclass("Point", ["x"])
    >>> is_written(class_attribute(made, "__init__")), is_written(class_attribute(made, "__hash__"))
    (False, False)
    """
    if isinstance(raw, staticmethod | classmethod):
        raw = raw.__func__
    return isinstance(raw, FunctionType) and raw.__code__.co_filename != "<string>"


def special_method(cls: type, name: str) -> Any:
    """The method of a user's class for an operator: a function with a text; None for all others."""
    raw = class_attribute(cls, name)
    return raw if is_written(raw) else None


def instance_of(cls: type, values: Mapping[str, Any]) -> Any:
    """An object of a class with these attributes.

    Not through `__init__`: that may convert or check what a gradient need not satisfy.
    """
    instance: Any = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(instance, name, value)
    return instance
