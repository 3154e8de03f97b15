"""The inactive part of a function at run time: before each call Python computes what the compiled part reads of it.

What must be taken out is found by trying: each error of the front end names a node, and the largest inactive expression
around it is taken, or its statement left to Python. Of which types the values are, the first call says: for it all that
is inactive is run once, and every expression observed. Nothing is run a second time for that call.
"""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from random import Random
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import gast
import numpy as np

from srcad.dispatch.pytree import flatten, unflatten
from srcad.errors import SrcadError, fail
from srcad.frontend.source.read import Source
from srcad.frontend.source.scopes import assigned
from srcad.frontend.syntax.activity import Activity
from srcad.frontend.syntax.inactive_code import GIVEN, InactiveCode, Taken

CODES = frozenset({"S103", "S105", "S108", "S114", "S117", "S120", "S122", "S123", "S203"})
"""The errors about what the language does not have, which Python has."""
_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)
_STATELESS = (ModuleType, FunctionType, BuiltinFunctionType, np.ufunc, type)
_PLAIN = {float: "float", int: "int", bool: "bool"}
_PURE_MODULES = frozenset({"numpy", "math", "scipy", "builtins"})
_WRITES = frozenset({"shuffle", "put", "copyto", "place", "putmask", "fill_diagonal", "at", "setattr", "next"})
Observed = dict[str, list[Any]]


class _Cell:
    """The value of a variable of the rest in this thread: like a cell of a closure."""

    def __init__(self, first: Any) -> None:
        self._first, self._local = first, threading.local()

    @property
    def cell_contents(self) -> Any:
        return getattr(self._local, "value", self._first)

    def set(self, value: Any) -> None:
        self._local.value = value


class _Nothing:
    """A cell without a value: the front end's error about it names what is to be taken out next."""

    @property
    def cell_contents(self) -> Any:
        raise ValueError


@dataclass(frozen=True, eq=False)
class InactivePart:
    """What is computed before each call, and the source of the rest, whose variables from outside have the values."""

    source: Source
    """The rest."""
    whole: Source
    code: InactiveCode
    cells: dict[str, _Cell]
    conversions: dict[str, str]
    _function: Callable[..., Callable[..., Any]]
    _names: tuple[str, ...]

    def run(self, values: Sequence[Any]) -> None:
        """Compute the values for a call with these arguments. Raises what the Python part raises, and S362."""
        found: Observed = {one.name: [] for one in self.code.taken.values()}
        _called(self._function, self.whole, self._names, self._copies(values), found)
        for one in self.code.taken.values():
            items = found[one.name]
            if one.in_loop:
                if items and _conversion(items) != self.conversions.get(one.name, ""):
                    _changed(self.source, one)
                items = [_together(items, self.cells[one.values].cell_contents)]
            if items:
                self.cells[one.values].set(items[-1])

    def _copies(self, values: Sequence[Any]) -> Sequence[Any]:
        """The arguments, whose arrays the Python part may write into."""
        leaves, spec = flatten(tuple(values))
        copies = [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
        return unflatten(spec, copies)  # type: ignore[no-any-return]


class Search:
    """The search for what must be taken from a function called with these values, of which `wrt` are differentiated."""

    def __init__(self, source: Source, names: tuple[str, ...], values: Sequence[Any], wrt: Sequence[str]) -> None:
        self._source, self._names, self._values = source, names, values
        self._wrt = wrt
        self._code = self._begun(lambda node: False, lambda node: False)
        self._cells: dict[str, _Cell] = {}
        self._seen: dict[int, list[Any]] | None = None

    def _begun(self, is_fresh: Callable[[Any], bool], is_container: Callable[[Any], bool]) -> InactiveCode:
        outside = frozenset(self._source.globals) | frozenset(self._source.closure)
        tree = self._source.tree
        return InactiveCode(
            tree, Activity(tree, self._wrt, self._is_pure, is_fresh, self._has_state, is_container), outside
        )

    @property
    def is_hopeful(self) -> bool:
        return self._code.is_known

    def extended(self, error: SrcadError) -> InactivePart | None:
        """With more taken out, so that this error is not met again; None where it cannot be avoided so."""
        node = self._node(error)
        if node is None or not {problem.code for problem in error.problems} & CODES:
            return None
        try:
            self._observations()
        except NameError:  # a variable that depends on what is active
            return None
        code = self._code
        candidates = [] if isinstance(node, gast.stmt) else code.candidates(node)
        for candidate in candidates:
            if self._is_recordable(candidate):
                code.take(candidate)
                return self._part()
        if self._take_inside(node):
            return self._part()
        stmt = code.statement_of(node)
        if isinstance(stmt, gast.With) and not code.is_inactive(stmt):
            if any(code.activity.is_active(item.context_expr) for item in stmt.items):
                return None
            code.unwrap(stmt)
            return self._part() if code.is_possible else None
        if not candidates and not code.is_inactive(stmt):
            return None
        if id(stmt) in code.left or isinstance(stmt, gast.Return):
            return None
        code.leave(stmt, self._immutable())
        return self._part() if code.is_possible else None

    def _take_inside(self, node: Any) -> bool:
        """Take what an active expression has of variables that only Python has."""
        code, found = self._code, False
        for inner in gast.walk(node) if not isinstance(node, gast.stmt) else ():
            if isinstance(inner, gast.Name) and inner.id in code.of_python:
                one = next(filter(self._is_recordable, code.candidates(inner)), None)
                if one is not None and id(one) not in code.taken:
                    code.take(one)
                    found = True
        return found

    def _immutable(self) -> frozenset[str]:
        """The variables that were only seen with values that nothing can be written into."""
        return frozenset(name for name, items in self._of_variables().items() if all(map(_is_immutable, items)))

    def _is_container(self, node: Any) -> bool:
        """Whether an expression was seen with values that have other objects in them."""
        return not all(isinstance(one, (np.ndarray, *_NUMBERS, str)) for one in self._observations().get(id(node), []))

    def _of_variables(self) -> dict[str, list[Any]]:
        """The values that the inactive variables were seen with."""
        seen = self._observations()
        values: dict[str, list[Any]] = {}
        for node in gast.walk(self._source.tree):
            if isinstance(node, gast.Name) and seen.get(id(node)):
                values.setdefault(node.id, []).extend(seen[id(node)])
        return values

    def _is_aligned(self) -> bool:
        """Whether the rest takes the branches that Python takes: conditions on floats are not computed twice.

        Compiled code may round otherwise.
        """
        while True:
            tests = [test for test in self._code.deciding_tests() if self._is_inexact(test)]
            for test in tests:
                if not self._is_recordable(test):
                    return False
                self._code.take(test)
            if not tests:
                return True

    def _is_inexact(self, test: Any) -> bool:
        seen = self._observations()
        items = [item for node in gast.walk(test) for item in seen.get(id(node), [])]
        return any(np.asarray(item).dtype.kind == "f" for item in items if isinstance(item, (*_NUMBERS, np.ndarray)))

    def _node(self, error: SrcadError) -> Any:
        """The node of the function that an error is at, or that calls what it is in."""
        place = getattr(error, "within", None)
        if place is None:
            span = error.problems[0].span
            if span is None or getattr(span, "file", None) != self._source.file:
                return None
            lines = self._source.lines[span.line - 1][: span.column].encode()
            for node in gast.walk(self._source.tree):
                if getattr(node, "lineno", None) == span.line and node.col_offset == len(lines):
                    return node
            return None
        key = _position(place)
        found = [n for n in gast.walk(self._source.tree) if hasattr(n, "lineno") and _position(n) == key]
        same = [n for n in found if type(n) is type(place)]
        return next(iter(same or found), None)

    def _is_pure(self, callee: Any) -> bool:
        """Whether a call writes into none of its arguments: of functions of NumPy and the like."""
        value, names = callee, []
        while isinstance(value, gast.Attribute):
            names.append(value.attr)
            value = value.value
        if not isinstance(value, gast.Name) or value.id in assigned(self._source.tree.body):
            return False
        found = self._source.globals.get(value.id, getattr(builtins, value.id, None))
        module = found.__name__ if isinstance(found, ModuleType) else str(getattr(found, "__module__", ""))
        return module.partition(".")[0] in _PURE_MODULES and _WRITES.isdisjoint([value.id, *names])

    def _has_state(self, name: str) -> bool:
        """Whether a name from outside stands for an object that calls may change."""
        if name in self._source.closure:
            return True
        value = self._source.globals.get(name)
        return not isinstance(value, _STATELESS) and not _is_immutable(value)

    def _is_recordable(self, node: Any) -> bool:
        items = self._observations().get(id(node), [])
        if not items:
            return False
        if not self._in_loop(node):
            return all(map(_is_plain_data, items))
        return _is_uniform(items)

    def _in_loop(self, node: Any) -> bool:
        stmt = self._code.statement_of(node)
        return isinstance(stmt, gast.While) or any(
            isinstance(o, gast.For | gast.While) for o in self._code.around(stmt)
        )

    def _observations(self) -> dict[int, list[Any]]:
        """The values of all inactive expressions of the call."""
        if self._seen is None:
            tree, named = self._code.whole_python_part()
            found: Observed = {name: [] for name in named}
            function = _compiled(tree, self._source)
            leaves, spec = flatten(tuple(self._values))
            copies = unflatten(spec, [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in leaves])
            _called(function, self._source, self._names, copies, found)
            self._seen = {id(node): found[name] for name, node in named.items()}
            if not self._code.taken and not self._code.left:
                self._code = self._begun(self._is_draw, self._is_container)
        return self._seen

    def _is_draw(self, node: Any) -> bool:
        """Whether an expression calls a method of a generator of random numbers, which returns new numbers."""
        if not (isinstance(node, gast.Call) and isinstance(node.func, gast.Attribute)):
            return False
        made = self._observations().get(id(node.func.value), [])
        return bool(made) and all(isinstance(one, np.random.Generator | np.random.RandomState | Random) for one in made)

    def _part(self) -> InactivePart | None:
        if not self._is_aligned():
            return None
        code, seen = self._code, self._observations()
        conversions: dict[str, str] = {}
        for one in code.taken.values():
            items = seen[id(one.node)]
            if one.in_loop:
                conversions[one.name] = _conversion(items)
                items = [_together(items, None)]
            self._cells.setdefault(one.values, _Cell(None)).set(items[-1])
            self._cells[one.values]._first = items[-1]
        cells = {one.values: self._cells[one.values] for one in code.taken.values()}
        # what only the Python part has is no variable of the module either that has the same name
        closure: dict[str, Any] = {**self._source.closure, **dict.fromkeys(code.of_python, _Nothing()), **cells}
        before = tuple(map(str, code.taken.values()))
        rest = replace(self._source, tree=code.rest(conversions), closure=closure, before=before)
        return InactivePart(
            rest, self._source, code, cells, conversions, _compiled(code.python_part(), self._source), self._names
        )


def _compiled(tree: Any, source: Source) -> Callable[..., Callable[..., Any]]:
    """What makes the function of a tree, from the values of its free variables and the function that values go to."""
    args = tree.args
    names = [
        one.id for one in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg) if one is not None
    ]
    plain = gast.arguments([gast.Name(n, gast.Param(), None, None) for n in names], [], None, [], [], None, [])
    inner = gast.FunctionDef(tree.name, plain, tree.body, [], None, None, [])
    free = gast.arguments(
        [gast.Name(n, gast.Param(), None, None) for n in (*source.closure, GIVEN)], [], None, [], [], None, []
    )
    body = [gast.copy_location(inner, tree), gast.Return(gast.Name(tree.name, gast.Load(), None, None))]
    factory = gast.FunctionDef("factory", free, body, [], None, None, [])
    module = gast.fix_missing_locations(gast.gast_to_ast(gast.Module([factory], [])))
    scratch: dict[str, Any] = {}
    exec(compile(module, source.file, "exec"), scratch)
    return FunctionType(scratch["factory"].__code__, source.globals)  # type: ignore[arg-type]


def _called(
    function: Callable[..., Callable[..., Any]],
    source: Source,
    names: tuple[str, ...],
    values: Sequence[Any],
    found: Mapping[str, list[Any]],
) -> None:
    def given(name: str, value: Any, view: Any = None) -> Any:
        if view is bool:
            value = bool(value)
        elif view is iter and not isinstance(value, list | tuple | np.ndarray | range):
            items: list[Any] = []
            found[name].append(items)
            return _noting(value, items)
        found[name].append(deepcopy(value) if _is_plain_data(value) else value)
        return value

    free = [cell.cell_contents for cell in source.closure.values()]
    function(*free, given)(**dict(zip(names, values, strict=True)))


def _noting(iterable: Any, items: list[Any]) -> Iterator[Any]:
    """What a loop takes one by one, noted."""
    for item in iterable:
        items.append(item)
        yield item


def _is_immutable(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(map(_is_immutable, value))
    return value is None or isinstance(value, (*_NUMBERS, str, bytes, complex, range))


def _is_plain_data(value: Any) -> bool:
    """Whether a value can be a variable from outside of a compiled function."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return bool(value) and all(map(_is_plain_data, value))
    if type(value) is dict:
        return (
            bool(value)
            and all(isinstance(key, str | int) for key in value)
            and all(map(_is_plain_data, value.values()))
        )
    return isinstance(value, (*_NUMBERS, str))


def _is_uniform(items: Sequence[Any]) -> bool:
    """Whether values can be the elements, or the rows, of one array."""
    if all(isinstance(item, np.ndarray) for item in items):
        return len({(item.shape, item.dtype) for item in items}) == 1 and items[0].dtype.kind in "biuf"
    return len({type(item) for item in items}) == 1 and isinstance(items[0], _NUMBERS)


def _conversion(items: Sequence[Any]) -> str:
    """What makes an element of the array a Python number again, whose dtype is weaker than that of an array."""
    kinds = {type(item) for item in items}
    return _PLAIN.get(next(iter(kinds)), "") if len(kinds) == 1 else ""


def _together(items: Sequence[Any], before: Any) -> Any:
    if not items:
        return before[:0]
    return (
        np.array(items) if _is_uniform(items) else fail("S362", "the values of an expression differ in shape or type")
    )


def _changed(source: Source, one: Taken) -> None:
    fail("S362", f"the values of {gast.unparse(one.node).strip()} are of another type than in the first call")


def _position(node: Any) -> tuple[int, ...]:
    return node.lineno, node.col_offset, getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)
