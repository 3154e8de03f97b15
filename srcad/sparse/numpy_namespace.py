"""What stands for `np`, `float` and the functions of `srcad.runtime` in a text that is run on dependences.

NumPy asks the arguments of most functions what is to be done; here are those that it does not ask.

>>> from srcad.sparse.dependence import Dependence
>>> NAMESPACE.full((2,), Dependence(frozenset([4])))
DependenceArray([Dependence([4]), Dependence([4])], dtype=object)
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from srcad import runtime
from srcad.sparse.dependence import (
    DependenceArray,
    applied,
    as_dependences,
    depends,
    filled,
    joined,
    unwrapped,
)


def replace_names(module: ModuleType) -> None:
    """Let a module that srcad generated compute dependences where it is given them."""
    vars(module)["np"] = NAMESPACE
    vars(module)["float"] = _Number(float)
    names = vars(module)
    for name, value in list(names.items()):
        imported = not name.startswith("__") and getattr(value, "__module__", None) != module.__name__
        if callable(value) and imported and not isinstance(value, _Number):
            names[name] = _helper(value)


def _any(values: Any) -> bool:
    if isinstance(values, tuple | list):
        return any(map(_any, values))
    return depends(values)


class _Number:
    """`float` or one of NumPy's types, which leaves a dependence as it is."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.dtype = np.dtype(kind)
        """NumPy asks for it where the type stands for a dtype."""

    def __call__(self, value: Any = 0.0) -> Any:
        return value if depends(value) else self.kind(value)


def _helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `srcad.runtime`, or of a user who gave rules for it: it mixes all that enters it.

    But for those of the first that add up or move entries.
    """
    name = getattr(function, "__name__", "")
    moves = getattr(runtime, name, None) is function and name.startswith(("unbroadcast", "with_diagonal"))

    def called(*args: Any) -> Any:
        if not _any(args):
            return function(*args)
        # arrays of objects are added up as any others are
        return as_dependences(function(*unwrapped(args))) if moves else applied(function, args, {})

    return called


def _array(items: Any, *rest: Any, **options: Any) -> Any:
    if not _any(items):
        return np.array(items, *rest, **options)
    return np.array(unwrapped(items), object).view(DependenceArray)


def _full(shape: Any, value: Any, *rest: Any, **options: Any) -> Any:
    return joined(value, np.zeros(shape)) if depends(value) else np.full(shape, value, *rest, **options)


def _full_like(like: Any, value: Any, *rest: Any, **options: Any) -> Any:
    return joined(value, np.zeros_like(like)) if depends(value) else np.full_like(like, value, *rest, **options)


def _range(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **options: Any) -> Any:
        return applied(function, args, options) if _any(args) else function(*args, **options)

    return called


def _new(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(shape: Any, dtype: Any = np.float64) -> Any:
        return filled(np.empty(shape, np.bool_).shape) if dtype is np.dtype(object) else function(shape, dtype)

    return called


class _Namespace:
    """NumPy, but for the functions that would make an array of floats of dependences."""

    float64 = _Number(np.float64)
    float32 = _Number(np.float32)
    array = staticmethod(_array)
    full = staticmethod(_full)
    full_like = staticmethod(_full_like)
    linspace = staticmethod(_range(np.linspace))
    zeros = staticmethod(_new(np.zeros))
    empty = staticmethod(_new(np.empty))

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


NAMESPACE = _Namespace()
