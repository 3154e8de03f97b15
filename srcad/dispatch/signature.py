"""Signature binding: the parameters of a function, and the arguments of a call in their order."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from srcad.dispatch.pytree import flatten
from srcad.errors import fail

Argnums = int | str | tuple[int | str, ...]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Argument:
    """The argument of a call that a name in `argnums` denotes: that of a parameter, or an item of a star-parameter."""

    value: Any
    first: int
    """The position of its first leaf among all leaves of the call."""

    @property
    def positions(self) -> range:
        return range(self.first, self.first + len(flatten(self.value)[0]))


@dataclass(frozen=True, eq=False)
class Parameters:
    """The parameters of `f`. `function` is `f` without `functools.partial` and without its bound `self`.

    >>> found = Parameters.of(functools.partial(lambda a, b, *, scale=1.0: a, 3.0))
    >>> found.names, found.callable_names, found.values((4.0,), {"scale": 2.0}), found.wrt(0)
    (('a', 'b', 'scale'), ('b', 'scale'), (3.0, 4.0, 2.0), ('b',))
    """

    function: Callable[..., Any]
    fixed: tuple[object, ...]
    """Values bound to the first parameters (by `functools.partial`, or `self`)."""
    fixed_keywords: Mapping[str, object]
    signature: inspect.Signature
    names: tuple[str, ...]
    callable_names: tuple[str, ...]
    """The names of the parameters that a caller of `f` supplies."""
    defaults: tuple[object, ...]
    """By position, for the fast path of a call; `Signature.empty` where there is none."""
    simple: bool
    """No bound values, star-parameters or keyword-only parameters: positional arguments are the values."""
    wrapped_names: tuple[str, ...]
    """Of a wrapper (`functools.wraps`): the positional parameters of the wrapped function."""

    @classmethod
    def of(cls, f: Callable[..., Any]) -> Parameters:
        function: Callable[..., Any] = f
        fixed: tuple[object, ...] = ()
        keywords: dict[str, object] = {}
        while True:
            if hasattr(function, "__srcad_primal__"):  # made by srcad.jit
                function = function.__srcad_primal__
            elif isinstance(function, functools._lru_cache_wrapper | staticmethod):
                function = function.__wrapped__
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
            python_function = getattr(function, "py_func", function)
            # a wrapper is read as itself: its own parameters are those of its source
            signature = inspect.signature(python_function, follow_wrapped=False)
            wrapped = (
                inspect.signature(python_function).parameters.values()
                if hasattr(python_function, "__wrapped__")
                else ()
            )
        except (TypeError, ValueError):
            from srcad.frontend.source.read import read

            read(function)  # raises the error that says why
            raise
        if isinstance(function, type):
            from srcad.frontend.source.read import read

            read(function)
        parameters = signature.parameters.values()
        names = tuple(signature.parameters)
        bound_names = [p.name for p in parameters if p.kind in _POSITIONAL][: len(fixed)]
        free = tuple(name for name in names if name not in bound_names and name not in keywords)
        return cls(
            function,
            fixed,
            keywords,
            signature,
            names,
            free,
            tuple(p.default for p in parameters),
            not fixed and not keywords and all(p.kind in _POSITIONAL for p in parameters),
            tuple(p.name for p in wrapped if p.kind in _POSITIONAL)[len(fixed) :],
        )

    def values(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """One value for each parameter of `function`; star-parameters get a tuple or a dict. Raises S306."""
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
        """The names of the arguments that `argnums` denotes.

        Each item of a star-parameter is an argument of its own: `args[1]`, or for a wrapper the name of the parameter
        of the wrapped function. The name of the star-parameter denotes all of them.
        """
        chosen = argnums if isinstance(argnums, tuple) else (argnums,)
        if not chosen:
            fail("S307", "argnums names no parameter")
        found = tuple(self._name_of_argnum(item) for item in chosen)
        inside = [name for name in found if name not in self.names]
        if len(set(found)) < len(found) or (inside and not {self.star, self._keywords_name}.isdisjoint(found)):
            fail("S307", f"argnums {argnums!r} names a parameter twice")
        return found

    def argument(self, name: str, values: Sequence[Any]) -> Argument:
        """What a name that `wrt` gave means where `values` are the values of the parameters."""
        first = 0
        for own, value in zip(self.names, values, strict=True):
            if own == name:
                return Argument(value, first)
            items: Sequence[tuple[str, Any]] = ()
            if own == self.star:
                items = [(self._item_name(at), item) for at, item in enumerate(value)]
            elif own == self._keywords_name:
                items = list(value.items())
            for item_name, item in items:
                if item_name == name:
                    return Argument(item, first)
                first += len(flatten(item)[0])
            if not items:
                first += len(flatten(value)[0])
        fail("S307", f"argnums names {name}, and this call of {self._name} gives no such argument")

    def place(self, name: str, count: int) -> int:
        """The position, of `count`, of the argument that `wrt` calls `name`."""
        if self.star is not None:
            return next((at for at in range(count) if self._name_at(at) == name), count)
        return self.callable_names.index(name)

    @property
    def star(self) -> str | None:
        """The name of `*args`, where there is one."""
        return self._of_kind(inspect.Parameter.VAR_POSITIONAL)

    @property
    def _keywords_name(self) -> str | None:
        return self._of_kind(inspect.Parameter.VAR_KEYWORD)

    def _of_kind(self, kind: object) -> str | None:
        return next((p.name for p in self.signature.parameters.values() if p.kind is kind), None)

    @property
    def positional(self) -> tuple[str, ...]:
        """The named parameters that a caller supplies by position."""
        return tuple(n for n in self.callable_names if self.signature.parameters[n].kind in _POSITIONAL)

    @property
    def _bound_items(self) -> int:
        """How many items of `*args` are bound beforehand."""
        own = sum(p.kind in _POSITIONAL for p in self.signature.parameters.values())
        return max(len(self.fixed) - own, 0)

    def _item_name(self, at: int) -> str:
        """The name of the item `at` of `*args`."""
        place = at - self._bound_items + len(self.positional)
        if 0 <= place < len(self.wrapped_names) and self.wrapped_names[place] not in self.names:
            return self.wrapped_names[place]
        return f"{self.star}[{at}]"

    def _name_at(self, position: int) -> str:
        """The name of the argument at a position, in a call of a function with `*args`."""
        free = self.positional
        return free[position] if position < len(free) else self._item_name(position - len(free) + self._bound_items)

    def _name_of_argnum(self, item: object) -> str:
        names, wrapped = self.callable_names, self.wrapped_names
        if isinstance(item, str):
            if item in names:
                return item
            if item in wrapped and wrapped.index(item) < len(self.positional):
                return self.positional[wrapped.index(item)]
            if (item in wrapped and self.star) or (
                self._keywords_name and item.isidentifier() and item not in self.names
            ):
                return item
        elif isinstance(item, int | np.integer) and not isinstance(item, bool):
            if self.star is not None and item >= 0:
                return self._name_at(int(item))
            if self.star is None and -len(names) <= item < len(names):
                return names[item]
        listed = ", ".join(names) or "none"
        advice = f"give a tuple: argnums={tuple(item)!r}." if isinstance(item, list) else None
        why = f"Its parameters are: {listed}."
        if self.star is not None and isinstance(item, int) and item < 0:
            why = f"How many arguments *{self.star} holds is known at a call only: they are counted from the first."
        fail("S307", f"argnums {item!r} is no parameter of {self._name}", why=why, advice=advice)

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))
