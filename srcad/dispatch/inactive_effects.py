"""What the calls of a function may do besides returning a value, by what is known of its names and was observed.

`seen` are the values of expressions, by the ids of their nodes, in a call of the function. Before it there are none.
"""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from random import Random
from types import FunctionType, ModuleType
from typing import Any

import gast
import numpy as np

from srcad.dispatch.outside_state import (
    GENERATORS,
    NUMBERS,
    changes_state,
    is_data,
    is_immutable,
    is_of_library,
    is_self_contained,
    is_simple,
    prints,
    reads_data,
)
from srcad.frontend.source.read import Source
from srcad.frontend.source.scopes import assigned
from srcad.frontend.syntax.activity import bindings
from srcad.frontend.syntax.distributions import DISCRETE, DISTRIBUTIONS, OTHERS

_PURE_MODULES = frozenset({"numpy", "math", "scipy", "builtins"})
_WRITES = frozenset(
    {"shuffle", "put", "put_along_axis", "copyto", "place", "putmask", "fill_diagonal", "at", "nan_to_num", "next"}
    | {"setattr", "delattr", "iter", "map", "filter", "print", "input", "open", "apply_along_axis"}
)
_FRESH = frozenset(
    {"histogram", "bincount", "unique", "searchsorted", "digitize", "argsort", "cumsum", "cumprod"}
    | {"sum", "dot", "mean", "prod", "std", "var", "outer", "concatenate", "stack"}
    | {"zeros", "ones", "full", "arange", "linspace", "eye"}
)
"""Functions of NumPy whose values share no memory with their arguments."""
_READS = frozenset({"items", "keys", "values", "get", "copy", "index", "count", "tolist", "split", "join"})
"""Methods that do not change what they are called on, whatever it is."""
OF_ARRAYS = frozenset(
    {"copy", "sum", "mean", "max", "min", "prod", "std", "var", "dot", "argmax", "argmin", "argsort", "any", "all"}
    | {"astype", "cumsum", "cumprod", "ravel", "reshape", "flatten", "transpose", "trace", "tolist", "item", "round"}
)
"""Methods of arrays that write into nothing, but for an `out`."""
NOT_PURE = frozenset({"out", "key", "copy"})
"""Keywords of what is written into, or called, or decides on whether memory is shared."""

_MAKERS: dict[int, type] = {
    id(np.random.default_rng): np.random.Generator,
    id(np.random.Generator): np.random.Generator,
    id(np.random.RandomState): np.random.RandomState,
}


class Effects:
    """What is known of the names and calls of one function, called with `values` by name."""

    def __init__(self, source: Source, values: Mapping[str, Any]) -> None:
        self._source, self._values = source, values
        self.seen: dict[int, list[Any]] = {}
        args = {one.id for one in gast.walk(source.tree.args) if isinstance(one, gast.Name)}
        self._rebound = frozenset(assigned(source.tree.body))
        self._local = args | set(assigned(source.tree.body))

    def outside(self, node: Any) -> Any:
        """The value of a name from outside, or of a variable of a module; None where it is not known."""
        if isinstance(node, gast.Attribute):
            module = self.outside(node.value)
            return getattr(module, node.attr, None) if isinstance(module, ModuleType) else None
        if not isinstance(node, gast.Name) or node.id in self._local:
            return None
        if node.id in self._source.closure:
            try:
                return self._source.closure[node.id].cell_contents
            except ValueError:
                return None
        return self._source.globals.get(node.id, getattr(builtins, node.id, None))

    def prints(self, node: Any) -> bool:
        value = self.outside(node)
        return value is print or (callable(value) and not is_of_library(value) and prints(value))

    def has_effect(self, node: Any) -> bool:
        """Whether a name is that of a function that may do something besides returning a value."""
        value = self.outside(node)
        return value is print or value is input or is_foreign(value)

    def reads_outside(self, node: Any) -> bool:
        """Whether a name or an attribute is of what calls may change: nobody changes `np.pi`."""
        value = self.outside(node)
        if is_self_contained(value):  # what is done with it is Python's
            return False
        if isinstance(node, gast.Attribute) and isinstance(value, NUMBERS):
            return not is_of_library(self.outside(node.value))
        if value is None:
            outside = self._source.globals.keys() | self._source.closure.keys()
            return isinstance(node, gast.Name) and node.id in outside - self._local
        return reads_data(value) if callable(value) else is_data(value)

    def observed(self, node: Any) -> list[Any]:
        return self.seen.get(id(node), [])

    def is_container(self, node: Any) -> bool:
        """Whether an expression was seen with values that have other objects in them."""
        return not all(isinstance(one, (np.ndarray, *NUMBERS, str)) for one in self.observed(node))

    def is_pure(self, call: Any) -> bool:
        """Whether a call writes into none of its arguments: of functions of NumPy and the like."""
        if not isinstance(call, gast.Call):
            return False
        if self._is_of_array(call):
            return self.only_reads(call)
        value, names = call.func, []
        while isinstance(value, gast.Attribute):
            names.append(value.attr)
            value = value.value
        found = self.outside(value)
        if (
            not isinstance(value, gast.Name)
            or found is None
            or _WRITES.intersection([value.id, *names])
            or {k.arg for k in call.keywords} & NOT_PURE
        ):
            return False
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(isinstance(one, gast.Lambda) or self.may_be_called(one) for one in arguments):
            return False
        if writes_by_position(self.outside(call.func), len(call.args)):
            return False
        module = found.__name__ if isinstance(found, ModuleType) else str(getattr(found, "__module__", ""))
        return isinstance(found, np.ufunc) or module.partition(".")[0] in _PURE_MODULES

    def _is_of_array(self, call: Any) -> bool:
        """Whether a call is of a method that only reads, of an argument that is an array."""
        match call.func:
            case gast.Attribute(value=gast.Name(id=name), attr=method) if method in OF_ARRAYS:
                return name not in self._rebound and isinstance(self._values.get(name), np.ndarray)
        return False

    def only_reads(self, call: Any) -> bool:
        """Whether a call of a method of an array, of those that may be given an `out`, is given none."""
        named = getattr(np, call.func.attr, None)  # whose first argument is the array
        return NOT_PURE.isdisjoint(k.arg for k in call.keywords) and not writes_by_position(named, len(call.args) + 1)

    def may_be_called(self, node: Any) -> bool:
        """Whether an argument is a function, whose effects a call has, or an iterator, which it consumes."""
        value = self.outside(node)
        if callable(value) and not isinstance(value, type):
            return not (isinstance(node, gast.Name) and is_of_library(value))
        defined = [one.name for one in gast.walk(self._source.tree) if isinstance(one, gast.FunctionDef)]
        if isinstance(node, gast.Name) and node.id in defined:
            return True
        seen = [one for one in self.observed(node) if not isinstance(one, type)]
        return any(callable(one) or isinstance(one, Iterator) for one in seen)

    def has_state(self, name: str) -> bool:
        """Whether a name from outside stands for an object that calls may change, or a function that may do so."""
        value = self.outside(gast.Name(name, gast.Load(), None, None))
        if is_self_contained(value) or (value is not None and not is_data(value) and is_of_library(value)):
            return False
        if isinstance(value, ModuleType):
            return True
        if callable(value) and isinstance(value, FunctionType | type):
            return changes_state(value)
        return name in self._source.closure or not is_immutable(value)

    def written_by(self, call: Any) -> set[str]:
        """The names in a call of what it may write into: for a method that is known to read, none."""
        if self.is_pure(call):
            return set()
        parts = [call]
        if isinstance(call.func, gast.Attribute):
            seen = self.observed(call.func.value)
            if call.func.attr in _READS and seen and all(map(is_of_library, seen)):
                return set()
            of_arrays = bool(seen) and all(isinstance(one, np.ndarray) for one in seen)
            if of_arrays and call.func.attr in OF_ARRAYS and self.only_reads(call):
                return set()
            if self.is_draw(call):
                parts = [call.func.value, *(k.value for k in call.keywords if k.arg == "out")]
        return {one.id for part in parts for one in gast.walk(part) if isinstance(one, gast.Name)}

    def generator_class(self, node: Any) -> type | None:
        """The class of a generator of NumPy, if an expression is one, as far as the names that it is made of say."""
        match node:
            case gast.Call(func=func):
                return _MAKERS.get(id(self.outside(func)))
            case gast.Name(id=name) if name in self._local:
                return self._class_of_variable(name)
        value = self.outside(node)
        return np.random.RandomState if value is np.random else _class_of(value)

    def _class_of_variable(self, name: str) -> type | None:
        stores, classes = 0, []
        for node in gast.walk(self._source.tree):
            stores += isinstance(node, gast.Name) and node.id == name and isinstance(node.ctx, gast.Store)
            if isinstance(node, gast.Assign):
                for target, value in bindings(node.targets, node.value):
                    if isinstance(target, gast.Name) and target.id == name:
                        classes.append(self.generator_class(value))
        if not stores:
            return _class_of(self._values.get(name))
        return classes[0] if len(classes) == stores and len(set(classes)) == 1 else None

    def is_named_draw(self, node: Any) -> bool:
        """Whether an expression is a call of a method of such a generator that draws from a distribution."""
        match node:
            case gast.Call(func=gast.Attribute(value=value, attr=name)):
                return name in DISTRIBUTIONS.keys() | DISCRETE | OTHERS and self.generator_class(value) is not None
        return False

    def is_draw(self, node: Any) -> bool:
        """Whether an expression calls a method of a generator of random numbers that writes into no argument."""
        if not (isinstance(node, gast.Call) and isinstance(node.func, gast.Attribute)) or node.func.attr == "shuffle":
            return False
        made = self.observed(node.func.value)
        return bool(made) and all(isinstance(one, (*GENERATORS, Random)) for one in made)

    def is_fresh(self, node: Any) -> bool:
        """Whether the value of an expression shares no memory with that of any variable."""
        if not isinstance(node, gast.Call):
            return False
        items = self.observed(node)
        if self.is_draw(node):
            made = self.observed(node.func.value)
            named = {keyword.arg for keyword in node.keywords} & {"out"}
            return not named and (not any(isinstance(one, Random) for one in made) or all(map(is_immutable, items)))
        if not self.is_pure(node):
            return False
        match node.func:
            case gast.Attribute(value=gast.Name() as module, attr=name):
                made_by = getattr(self.outside(module), name, None)
                return isinstance(made_by, np.ufunc) or (name in _FRESH and self.outside(module) is np)
        return False


def _class_of(value: Any) -> type | None:
    return next((one for one in GENERATORS if isinstance(value, one)), None)


@cache
def _position_of_out(function: Any) -> int | None:
    """How many arguments stand before `out`, in a function of NumPy that may be given it by position."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # one in C: of those that are known here `out` is the third, as in `np.dot`
        return 2
    positional = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return positional.index("out") if "out" in positional else None


def writes_by_position(function: Any, count: int) -> bool:
    """Whether a call of a function of NumPy with so many positional arguments writes into one of them.

    >>> writes_by_position(np.add, 2), writes_by_position(np.add, 3), writes_by_position(np.sum, 4)
    (False, True, True)
    """
    if isinstance(function, np.ufunc):
        return count > function.nin
    if not callable(function) or str(getattr(function, "__module__", "")).partition(".")[0] != "numpy":
        return False
    before = _position_of_out(function)
    return before is not None and count > before


def is_foreign(value: Any) -> bool:
    """Whether a value is a function that is not of a library, and may do more than compute."""
    return callable(value) and not is_of_library(value) and not is_simple(value)
