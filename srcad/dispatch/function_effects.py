"""What a call of a function that the user has written does to what it is given, as far as the function's text says.

A function is pure here if it stores nothing into what was there before the call, and keeps nothing there. Its value is
fresh if it shares no memory with any of that. Which names may share memory is found as it is for the caller
(`activity`). What is not understood is not pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import gast
import numpy as np

from srcad.dispatch.outside_state import is_of_library
from srcad.dispatch.value_kinds import COLLECTIONS, ValueKinds
from srcad.errors import SrcadError
from srcad.frontend.source.read import Source, read
from srcad.frontend.syntax.activity import Activity, bases

_STATEMENTS = (
    *(gast.Assign, gast.AugAssign, gast.AnnAssign, gast.Expr, gast.Return, gast.Pass, gast.Break, gast.Continue),
    *(gast.If, gast.For, gast.While, gast.With, gast.Try, gast.Raise, gast.Assert),
)
_CALLED_LATER = (gast.Lambda, gast.NamedExpr, gast.Yield, gast.YieldFrom, gast.Await)
_MAKE_COLLECTIONS = frozenset(map(id, (list, set, dict)))
_OF_COLLECTIONS = frozenset({"append", "extend", "insert", "pop", "add", "discard", "update", "get"})
"""Methods of lists, sets and dicts that change nothing else."""
_SOME_ARRAY = np.empty(0)


@dataclass(frozen=True)
class Summary:
    """What is certain of the calls of a function."""

    is_pure: bool = False
    is_fresh: bool = False


class FunctionEffects(ValueKinds):
    """What is known of the names and calls of one function, and of the functions of the user that it calls.

    `known` are the summaries so far. Of a function that is defined inside of others, `around` are their names.
    """

    def __init__(
        self,
        source: Source,
        values: Mapping[str, Any],
        known: dict[Any, Summary] | None = None,
        around: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(source, values)
        self._known: dict[Any, Summary] = {} if known is None else known
        self._assumed: dict[int, bool] = {}
        """The calls whose arguments are looked at, by their ids: whether one was assumed to be fresh meanwhile."""
        self._around = around - self._own
        self._local |= around

    def is_pure(self, call: Any) -> bool:
        """Whether a call writes into nothing that was there before."""
        if not isinstance(call, gast.Call):
            return False
        if self._is_method_of_array(call.func):
            return self.only_reads(call)
        return super().is_pure(call) or self._summary(call).is_pure

    def is_fresh(self, node: Any) -> bool:
        """Whether the value of an expression shares no memory with that of any variable."""
        return super().is_fresh(node) or self._summary(node).is_fresh

    def has_state(self, name: str) -> bool:
        return name in self._around or super().has_state(name)

    def _summary(self, call: Any) -> Summary:
        """What is certain of a call of a function of the user's; nothing of any other call."""
        if not isinstance(call, gast.Call) or not isinstance(call.func, gast.Name):
            return Summary()
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(isinstance(one, gast.Lambda) or self.may_be_called(one) or self.is_iterator(one) for one in arguments):
            return Summary()
        own, around = self._called(call.func.id)
        if own is None:
            return Summary()
        if id(call) in self._assumed:  # `x = f(x)` in a loop: what it is the first time, it stays
            self._assumed[id(call)] = True
            return Summary(True, True)
        self._assumed[id(call)] = False
        given = dict(_given(own.tree, call))
        values: dict[str, Any] = {name: [] for name, value in given.items() if self.has_others(value)}
        values |= {name: _SOME_ARRAY for name, value in given.items() if self.is_array(value)}
        is_assumed = self._assumed.pop(id(call))
        found = self._summary_of(own, values, around)
        is_again = is_assumed and not found.is_fresh
        return self._summary_of(own, {name: [] for name in given}, around) if is_again else found

    def _summary_of(self, own: Source, values: Mapping[str, Any], around: frozenset[str]) -> Summary:
        key = id(own.function), id(own.tree), frozenset((name, type(value)) for name, value in values.items())
        if key not in self._known:
            self._known[key] = Summary()  # where the function calls itself, nothing is certain
            self._known[key] = _Called(own, values, self._known, around).summary()
        return self._known[key]

    def _called(self, name: str) -> tuple[Source | None, frozenset[str]]:
        """The function that a name certainly stands for, and the names of the functions around it."""
        match self._bound.get(name):
            case [gast.FunctionDef(decorator_list=[]) as tree]:
                return replace(self._source, tree=tree, defaults={}), frozenset(self._local)
        function = self.outside(gast.Name(name, gast.Load(), None, None))
        if type(function) is not FunctionType or is_of_library(function):
            return None, frozenset()
        try:
            return read(function), frozenset()
        except SrcadError:
            return None, frozenset()


class _Called(FunctionEffects):
    """What is known in a function that is called: `values` stand for arguments that are arrays, or have objects."""

    def is_container(self, node: Any) -> bool:
        return self.has_others(node)

    def _gives_others(self, call: Any) -> bool:
        return not (self.is_array(call) or self.is_fresh(call))

    def summary(self) -> Summary:
        tree = self._source.tree
        nodes = [node for stmt in tree.body for node in gast.walk(stmt)]
        statements = [one for one in nodes if isinstance(one, gast.stmt)]
        if not all(isinstance(one, _STATEMENTS) for one in statements):
            return Summary()
        if any(isinstance(one, _CALLED_LATER) for one in nodes):
            return Summary()
        activity = Activity(tree, (), self.is_pure, self.is_fresh, self.has_state, self.is_container)
        before = activity.params | activity.outside

        def is_new(names: Iterable[str]) -> bool:
            return all(activity.sharing(name).isdisjoint(before) for name in names)

        if not all(is_new(self._changed_by(node)) for node in nodes):
            return Summary()
        returned = [one.value for one in statements if isinstance(one, gast.Return) and one.value is not None]
        return Summary(True, all(is_new(activity.shared_with(one)) for one in returned))

    def _changed_by(self, node: Any) -> Iterator[str]:
        """The names of what a node may write into: of a call that is not understood, all."""
        match node:
            case gast.AugAssign(target=target):
                yield from bases(target)
            case gast.Subscript(ctx=gast.Store()) | gast.Attribute(ctx=gast.Store()):
                yield from bases(node)
            case gast.Call(func=gast.Attribute(value=gast.Name(id=name), attr=method)) if (
                method in _OF_COLLECTIONS and self._is_collection(name)
            ):
                yield name
            case gast.Call() if not self.is_pure(node):
                yield from self._parameters
                yield from (one.id for one in gast.walk(node) if isinstance(one, gast.Name))

    def _is_collection(self, name: str) -> bool:
        """Whether a variable is certainly a list, a set or a dict that the function has made."""
        made = self._bound.get(name, [])
        return name in self._own - self._parameters and all(
            isinstance(one, COLLECTIONS)
            or (isinstance(one, gast.Call) and id(self.outside(one.func)) in _MAKE_COLLECTIONS)
            for one in made
        )


def _given(tree: Any, call: Any) -> Iterator[tuple[str, Any]]:
    """The parameters of a function with what a call gives to them, as far as its text says."""
    positional = [one.id for one in (*tree.args.posonlyargs, *tree.args.args)]
    for name, value in zip(positional, call.args, strict=False):
        if isinstance(value, gast.Starred):
            return
        yield name, value
    yield from ((one.arg, one.value) for one in call.keywords if one.arg is not None)
