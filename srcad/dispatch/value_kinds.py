"""Of which kind the values of a function's expressions are, by what is known of its arguments, and was observed.

A kind is asked where the memory of values matters: numbers and arrays have no objects of the user's in them, and their
methods change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gast
import numpy as np

from srcad.dispatch.inactive_effects import OF_ARRAYS, Effects
from srcad.dispatch.outside_state import NUMBERS, is_immutable
from srcad.frontend.source.read import Source
from srcad.frontend.syntax.activity import bases, bindings, iterated

COLLECTIONS = (gast.List, gast.Set, gast.Dict, gast.ListComp, gast.SetComp, gast.DictComp)
_CONTAINERS = (*COLLECTIONS, gast.Tuple, gast.GeneratorExp)
_MAKE_CONTAINERS = frozenset(map(id, (list, set, dict, tuple, sorted, zip, enumerate, map, filter, reversed, iter)))
_MAKE_ITERATORS = frozenset(map(id, (zip, enumerate, map, filter, reversed, iter, open)))
_GIVE_NUMBERS = frozenset(map(id, (abs, float, int, bool, len, round)))
_GIVE_ARRAYS = frozenset(
    id(getattr(np, name))
    for name in (
        *("array", "asarray", "zeros", "ones", "full", "eye", "arange", "linspace", "zeros_like", "ones_like", "sum"),
        *("mean", "std", "var", "prod", "max", "min", "dot", "outer", "cumsum", "cumprod", "clip", "diff", "full_like"),
        *("concatenate", "stack", "vstack", "hstack", "reshape", "ravel", "transpose", "sort", "argsort", "interp"),
    )
)
"""Functions of NumPy whose values are numbers or arrays."""


class ValueKinds(Effects):
    """What is known of the values of one function."""

    def __init__(self, source: Source, values: Mapping[str, Any]) -> None:
        super().__init__(source, values)
        self._own = frozenset(self._local)
        self._parameters = frozenset(one.id for one in gast.walk(source.tree.args) if isinstance(one, gast.Name))
        self._bound: dict[str, list[Any]] = {}
        for node in gast.walk(gast.Module(source.tree.body, [])):
            for name, value in _bindings(node):
                self._bound.setdefault(name, []).append(value)

    def is_array(self, node: Any, asked: frozenset[str] = frozenset()) -> bool:
        """Whether the value of an expression is certainly a number or an array: if those of the names `asked` are."""
        if self.observed(node):
            return all(map(_is_number_or_array, self.observed(node)))
        match node:
            case gast.Constant(value=value):
                return isinstance(value, NUMBERS)
            case gast.BinOp(left=left, right=right) | gast.IfExp(body=left, orelse=right):
                return self.is_array(left, asked) and self.is_array(right, asked)
            case gast.UnaryOp(operand=of) | gast.Attribute(value=of, attr="T") | gast.Subscript(value=of):
                return self.is_array(of, asked)
            case gast.Call(func=func, args=args):
                function = self.outside(func)
                if isinstance(function, np.ufunc):
                    return all(self.is_array(one, asked) for one in args)
                if id(function) in _GIVE_NUMBERS | _GIVE_ARRAYS or getattr(function, "__module__", "") == "math":
                    return True
                return self._is_method_of_array(func, asked) and func.attr != "tolist"
            case gast.Name(id=name) if name in asked:
                return True
            case gast.Name(id=name) if name in self._own:
                given, bound = self._given(name), self._bound.get(name, [])
                known = bool(given or bound) and all(map(_is_number_or_array, given))
                return known and all(self.is_array(one, asked | {name}) for one in bound)
        return _is_number_or_array(self.outside(node))

    def _is_method_of_array(self, func: Any, asked: frozenset[str] = frozenset()) -> bool:
        return isinstance(func, gast.Attribute) and func.attr in OF_ARRAYS and self.is_array(func.value, asked)

    def has_others(self, node: Any, asked: frozenset[str] = frozenset()) -> bool:
        """Whether the value of an expression has other objects in it, as far as can be seen."""
        match node:
            case gast.Name(id=name) if name in self._own:
                known = (*self._given(name), *self._seen_of(name))
                if any(isinstance(one, list | tuple | dict | set) for one in known):
                    return True
                return name not in asked and any(
                    self.has_others(one, asked | {name}) for one in self._bound.get(name, [])
                )
            case gast.Name():
                return isinstance(self.outside(node), list | tuple | dict | set)
            case gast.BinOp(left=left, right=right) | gast.IfExp(body=left, orelse=right):
                return self.has_others(left, asked) or self.has_others(right, asked)
            case gast.Subscript(value=of):
                return self.has_others(of, asked)
            case gast.Call():
                return self._gives_others(node)
        return isinstance(node, _CONTAINERS)

    def _gives_others(self, call: Any) -> bool:
        return id(self.outside(call.func)) in _MAKE_CONTAINERS

    def is_iterator(self, node: Any) -> bool:
        """Whether an expression is a variable that may be an iterator, which who goes over it changes."""
        if not isinstance(node, gast.Name):
            return False
        known = (*self._given(node.id), *self._seen_of(node.id), self.outside(node))
        makers = [one for one in self._bound.get(node.id, []) if isinstance(one, gast.Call | gast.GeneratorExp)]
        return any(isinstance(one, Iterator) for one in known) or any(
            isinstance(one, gast.GeneratorExp) or id(self.outside(one.func)) in _MAKE_ITERATORS for one in makers
        )

    def immutable(self) -> frozenset[str]:
        """The variables that were bound only to what nothing can be written into, in a call that was observed."""
        found: dict[str, bool] = {name: is_immutable(self._values.get(name)) for name in self._parameters}
        for node in gast.walk(gast.Module(self._source.tree.body, [])):
            for name, holds in self._binds_immutable(node):
                found[name] = found.get(name, True) and holds
        return frozenset(name for name, holds in found.items() if holds)

    def _binds_immutable(self, node: Any) -> Iterator[tuple[str, bool]]:
        """The variables that a node binds, or stores into, and whether each value was seen to be immutable."""
        match node:
            case gast.Assign(targets=targets, value=value):
                for target, of in bindings(targets, value):
                    is_one = isinstance(target, gast.Name)
                    holds = self._were(is_immutable if is_one else _has_immutable_items, of)
                    yield from ((name, holds) for name in bases(target))
            case gast.AugAssign(target=target, value=value):
                yield from ((name, self._were(is_immutable, value)) for name in bases(target))
            case gast.For(target=target, iter=iterable) | gast.comprehension(target=target, iter=iterable):
                items = {
                    name: self._were(_has_immutable_items, of)
                    for part, of in iterated(target, iterable)
                    for name in bases(part)
                }
                yield from ((name, items.get(name, True)) for name in bases(target))
            case _:
                yield from ((name, False) for name, _ in _bindings(node))

    def _were(self, holds: Callable[[Any], bool], node: Any) -> bool:
        values = [node.value] if isinstance(node, gast.Constant) else self.observed(node)
        return bool(values) and all(map(holds, values))

    def _given(self, name: str) -> list[Any]:
        """What a parameter is given: None where that is not known."""
        return [self._values.get(name)] if name in self._parameters else []

    def _seen_of(self, name: str) -> list[Any]:
        nodes = (one for one in gast.walk(self._source.tree) if isinstance(one, gast.Name) and one.id == name)
        return [value for node in nodes for value in self.observed(node)]


def _is_number_or_array(value: Any) -> bool:
    return isinstance(value, NUMBERS) or (isinstance(value, np.ndarray) and value.dtype != object)


def _has_immutable_items(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype != object
    return is_immutable(value) or (isinstance(value, list | tuple | dict | set) and all(map(is_immutable, value)))


def _bindings(node: Any) -> Iterator[tuple[str, Any]]:
    """The variables that a node binds, with what their values are, or are items of; not the counts of loops."""
    match node:
        case gast.Assign(targets=targets, value=value):
            pairs = list(bindings(targets, value))
        case gast.AugAssign(target=target, value=value) | gast.AnnAssign(target=target, value=value):
            pairs = [(target, value)]
        case gast.For(target=target, iter=iterable) | gast.comprehension(target=target, iter=iterable):
            pairs = list(iterated(target, iterable))
        case gast.withitem(context_expr=value, optional_vars=target) | gast.NamedExpr(target=target, value=value):
            pairs = [(target, value)]
        case gast.ExceptHandler(name=target):
            pairs = [(target, node)]
        case gast.FunctionDef(name=name) | gast.ClassDef(name=name):
            yield name, node
            return
        case gast.alias(name=name, asname=asname):
            yield asname or name.partition(".")[0], node
            return
        case _:
            return
    yield from ((name, value) for target, value in pairs if target is not None for name in bases(target))
