"""The parameters of a function, and how the arguments of a call are laid out along them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from srcad.errors import fail

Argnums = int | str | tuple[int | str, ...]


@dataclass(frozen=True, eq=False)
class Parameters:
    """What `f` takes. `function` is `f` without `functools.partial` and without its bound `self`."""

    function: Callable[..., Any]
    fixed: tuple[object, ...]
    """Values of the first parameters, given beforehand."""
    fixed_keywords: Mapping[str, object]
    signature: inspect.Signature
    names: tuple[str, ...]
    callable_names: tuple[str, ...]
    """The names a caller of `f` still gives: `argnums` counts these."""
    defaults: tuple[object, ...]
    """By position, for the short way through a call; `Signature.empty` where there is none."""
    simple: bool
    """Nothing fixed, no star-parameters, nothing keyword-only: positional arguments are the values."""

    @classmethod
    def of(cls, f: Callable[..., Any]) -> Parameters:
        function: Callable[..., Any] = f
        fixed: tuple[object, ...] = ()
        keywords: dict[str, object] = {}
        while True:
            if hasattr(function, "__srcad_primal__"):  # made by srcad.jit
                function = function.__srcad_primal__
            elif isinstance(call := inspect.getattr_static(type(function), "__call__", None), FunctionType):
                if type(function).__module__.partition(".")[0] in ("srcad", "numba", "numpy"):
                    break
                function = MethodType(call, function)
            elif not isinstance(function, functools.partial | MethodType):
                break
            elif isinstance(function, functools.partial):
                fixed = (*function.args, *fixed)
                keywords = {**function.keywords, **keywords}
                function = function.func
            else:
                method: Any = function
                fixed = (method.__self__, *fixed)
                function = method.__func__
        try:
            signature = inspect.signature(getattr(function, "py_func", function))
        except (TypeError, ValueError):
            from srcad.frontend.read import read

            read(function)  # raises the error that says why
            raise
        if isinstance(function, type):
            from srcad.frontend.read import read

            read(function)
        parameters = signature.parameters.values()
        names = tuple(signature.parameters)
        free = tuple(name for name in names[len(fixed) :] if name not in keywords)
        plain = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
        return cls(
            function,
            fixed,
            keywords,
            signature,
            names,
            free,
            tuple(p.default for p in parameters),
            not fixed and not keywords and all(p.kind in plain for p in parameters),
        )

    def values(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """One value for each parameter of `function`; star-parameters get a tuple or a dict."""
        if self.simple and not kwargs:
            missing = len(self.names) - len(args)
            if missing == 0:
                return args
            rest = self.defaults[len(args) :]
            if missing > 0 and not any(value is inspect.Signature.empty for value in rest):
                return args + rest
        try:
            bound = self.signature.bind(*self.fixed, *args, **{**self.fixed_keywords, **kwargs})
        except TypeError as fault:
            fail("S306", f"{self._name}{self.signature}: {fault}")
        bound.apply_defaults()
        return tuple(bound.arguments.values())

    def wrt(self, argnums: Argnums) -> tuple[str, ...]:
        """The names of the parameters that `argnums` means."""
        chosen = argnums if isinstance(argnums, tuple) else (argnums,)
        if not chosen:
            fail("S307", "argnums names no parameter")
        found = tuple(self._named(item) for item in chosen)
        if len(set(found)) < len(found):
            fail("S307", f"argnums {argnums!r} names a parameter twice")
        return found

    def _named(self, item: object) -> str:
        names = self.callable_names
        if isinstance(item, str) and item in names:
            return item
        if isinstance(item, int | np.integer) and not isinstance(item, bool) and -len(names) <= item < len(names):
            return names[item]
        listed = ", ".join(names) or "none"
        advice = f"give a tuple: argnums={tuple(item)!r}." if isinstance(item, list) else None
        why = f"Its parameters are: {listed}."
        fail("S307", f"argnums {item!r} is no parameter of {self._name}", why=why, advice=advice)

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))
