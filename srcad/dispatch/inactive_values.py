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
from types import FunctionType, ModuleType
from typing import Any

import gast
import numpy as np

from srcad.dispatch.outside_state import (
    NUMBERS,
    changes_state,
    is_data,
    is_immutable,
    is_of_library,
    prints,
    reads_data,
)
from srcad.dispatch.pytree import flatten, unflatten
from srcad.errors import SrcadError, fail
from srcad.frontend.source.read import Source
from srcad.frontend.source.scopes import assigned
from srcad.frontend.syntax.activity import Activity, bases, own_expressions
from srcad.frontend.syntax.inactive_code import GIVEN, InactiveCode, Taken

CODES = frozenset({"S103", "S105", "S108", "S114", "S117", "S120", "S122", "S123", "S203"})
"""The errors about what the language does not have, which Python has."""
_PLAIN = {float: "float", int: "int", bool: "bool"}
_PURE_MODULES = frozenset({"numpy", "math", "scipy", "builtins"})
_WRITES = frozenset(
    {"shuffle", "put", "put_along_axis", "copyto", "place", "putmask", "fill_diagonal", "at", "nan_to_num", "next"}
    | {"setattr", "delattr", "iter", "map", "filter", "print", "input", "open", "apply_along_axis"}
)
_FRESH = frozenset({"histogram", "bincount", "unique", "searchsorted", "digitize", "argsort", "sum", "dot", "mean"})
"""Functions of NumPy whose values share no memory with their arguments."""
_READS = frozenset({"items", "keys", "values", "get", "copy", "index", "count", "tolist", "split", "join"})
"""Methods that do not change what they are called on, whatever it is."""
_NOT_PURE = frozenset({"out", "key", "copy"})
"""Keywords of what is written into, or called, or decides on whether memory is shared."""
PYTHON = f"{GIVEN}_function"
"""The name of the function of the Python part: the function's own name stays that of the whole."""
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
        self._cells: dict[str, _Cell] = {}
        self._seen: dict[int, list[Any]] | None = None
        args = {one.id for one in gast.walk(source.tree.args) if isinstance(one, gast.Name)}
        self._local = args | set(assigned(source.tree.body))
        self._code = self._begun()

    def _begun(self) -> InactiveCode:
        outside = frozenset(self._source.globals) | frozenset(self._source.closure)
        tree = self._source.tree
        activity = Activity(tree, self._wrt, self._is_pure, self._is_fresh, self._has_state, self._is_container)
        return InactiveCode(tree, activity, outside, immutable=self._immutable(), written_in=self._written_in)

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
        if not code.is_known:
            return None
        candidates = [] if isinstance(node, gast.stmt) else code.candidates(node)
        if self._take_one(candidates) or self._take_inside(node):
            return self._part()
        stmt = code.statement_of(node)
        if isinstance(stmt, gast.With) and not code.is_inactive(stmt):
            if not all(map(self._is_errstate, stmt.items)):
                return None
            code.unwrap(stmt)
            return self._part()
        if (not candidates and not code.is_inactive(stmt)) or not self._leave(stmt):
            return None
        return self._part()

    def _take_one(self, candidates: Sequence[Any]) -> bool:
        """Take the first of these whose values can be handed over, and are the same wherever they are read."""
        for one in candidates:
            if self._is_recordable(one) and not self._is_changed_elsewhere(one):
                self._code.take(one)
                return True
        return False

    def _leave(self, stmt: Any) -> bool:
        if self._code.is_of_python(stmt) or isinstance(stmt, gast.Return):
            return False
        self._code.leave(stmt)
        return True

    def _is_errstate(self, item: Any) -> bool:
        seen = self._observations().get(id(item.context_expr), [])
        return bool(seen) and all(isinstance(one, np.errstate) for one in seen)

    def _is_changed_elsewhere(self, node: Any) -> bool:
        """Whether the value of an expression can be changed, and a statement of the rest may do so."""
        if all(map(is_immutable, self._observations().get(id(node), []))):
            return False
        code = self._code
        stmt = code.statement_of(node)
        if not code.is_inactive(stmt) and not isinstance(stmt, gast.For):
            return False  # what shares memory with a value that is active is active
        kept = stmt.iter if isinstance(stmt, gast.For) else stmt
        own = set(bases(stmt.target)) if isinstance(stmt, gast.For) else set()
        seen = self._observed(node)
        if isinstance(stmt, gast.For) and all(is_immutable(item) for one in seen for item in one):
            return False
        names = {one.id for one in gast.walk(kept) if isinstance(one, gast.Name)} | own
        shared = {other for name in names for other in code.activity.sharing(name)}
        loops = [stmt, *(one for one in code.around(stmt) if isinstance(one, gast.For | gast.While))]
        for other in gast.walk(self._source.tree):
            if isinstance(other, gast.stmt) and not shared.isdisjoint(self._changed_in_place(other)):
                within = any(other is inner for loop in loops for inner in gast.walk(loop))
                if not isinstance(stmt, gast.For) or within or other.lineno >= stmt.lineno:
                    return True
        return False

    def _changed_in_place(self, stmt: Any) -> set[str]:
        """The variables whose values a statement itself changes, by a store or by a call."""
        targets = [stmt.target] if isinstance(stmt, gast.AugAssign | gast.For) else getattr(stmt, "targets", [])
        inner = [one for target in targets for one in gast.walk(target)]
        stored = [one for one in inner if isinstance(one, gast.Subscript | gast.Attribute)]
        stored += targets if isinstance(stmt, gast.AugAssign) else []
        calls = [one for own in own_expressions(stmt) for one in gast.walk(own) if isinstance(one, gast.Call)]
        return {name for one in stored for name in bases(one)}.union(*map(self._written_by, calls))

    def _is_complete(self) -> bool:
        """Let Python alone execute what has an effect; whether it can be, and the rest does not depend on it."""
        code = self._code
        if not (code.taken or code.left):
            return True  # only a `with` is entered
        for node in list(gast.walk(self._source.tree)):
            if not self._has_effect(node) or code.is_of_python(node) or node in self._source.tree.decorator_list:
                continue
            stmt = code.statement_of(node)
            if not code.activity.is_active(node) and not code.activity.is_under_active(stmt):
                call = self._called_by(node)
                if not self._take_one(code.candidates(call)) and not (code.is_inactive(stmt) and self._leave(stmt)):
                    return False
        if not code.is_possible:
            return False
        inside = [*(one.node for one in code.taken.values()), *code.left.values()]
        has_print = any(self._prints(node) for one in inside for node in gast.walk(one))
        rest = [
            node
            for node in gast.walk(self._source.tree)
            if isinstance(node, gast.Name) and isinstance(node.ctx, gast.Load) and not code.is_of_python(node)
        ]
        if has_print and any(map(self._prints, rest)):
            return False
        return not (any(map(self._may_change_outside, inside)) and any(map(self._reads_outside, rest)))

    def _called_by(self, node: Any) -> Any:
        """The call of which this is the function, or else the node."""
        for call in gast.walk(self._source.tree):
            if isinstance(call, gast.Call) and any(node is one for one in gast.walk(call.func)):
                return call
        return node

    def _outside(self, node: Any) -> Any:
        """The value of a name from outside; None where it is not known."""
        if not isinstance(node, gast.Name) or node.id in self._local:
            return None
        if node.id in self._source.closure:
            try:
                return self._source.closure[node.id].cell_contents
            except ValueError:
                return None
        return self._source.globals.get(node.id, getattr(builtins, node.id, None))

    def _prints(self, node: Any) -> bool:
        value = self._outside(node)
        return value is print or (callable(value) and not is_of_library(value) and prints(value))

    def _has_effect(self, node: Any) -> bool:
        """Whether a name is that of a function that may do something besides returning a value."""
        value = self._outside(node)
        return value is print or value is input or (callable(value) and not is_of_library(value))

    def _reads_outside(self, node: Any) -> bool:
        value = self._outside(node)
        if value is None:
            return isinstance(node, gast.Name) and node.id not in self._local
        return reads_data(value) if callable(value) else is_data(value)

    def _may_change_outside(self, node: Any) -> bool:
        """Whether what is Python's alone calls what is not of a library, or a method of an object from outside."""
        outside = self._code.activity.outside
        if not outside.isdisjoint(self._written_in(node)):
            return True
        for one in gast.walk(node):
            value = self._outside(one)
            if callable(value) and not is_of_library(value):
                return True
            if isinstance(one, gast.Call) and isinstance(one.func, gast.Attribute):
                seen = self._observed(one.func.value)
                if not outside.isdisjoint(bases(one.func.value)) or not all(map(is_of_library, seen)):
                    return True
        return False

    def _observed(self, node: Any) -> list[Any]:
        return (self._seen or {}).get(id(node), [])

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
        if self._seen is None:
            return frozenset()
        return frozenset(name for name, items in self._of_variables().items() if all(map(is_immutable, items)))

    def _is_container(self, node: Any) -> bool:
        """Whether an expression was seen with values that have other objects in them."""
        return not all(isinstance(one, (np.ndarray, *NUMBERS, str)) for one in self._observed(node))

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
                if not self._take_one([test]):
                    return False
            if not tests:
                return True

    def _is_inexact(self, test: Any) -> bool:
        seen = self._observations()
        items = [item for node in gast.walk(test) for item in seen.get(id(node), [])]
        return any(np.asarray(item).dtype.kind == "f" for item in items if isinstance(item, (*NUMBERS, np.ndarray)))

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

    def _is_pure(self, call: Any) -> bool:
        """Whether a call writes into none of its arguments: of functions of NumPy and the like."""
        value, names = call.func, []
        while isinstance(value, gast.Attribute):
            names.append(value.attr)
            value = value.value
        found = self._outside(value)
        if found is None or _WRITES.intersection([value.id, *names]) or {k.arg for k in call.keywords} & _NOT_PURE:
            return False
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(isinstance(one, gast.Lambda) or self._may_be_called(one) for one in arguments):
            return False
        if isinstance(found, np.ufunc) and len(call.args) > found.nin:
            return False
        module = found.__name__ if isinstance(found, ModuleType) else str(getattr(found, "__module__", ""))
        return isinstance(found, np.ufunc) or module.partition(".")[0] in _PURE_MODULES

    def _may_be_called(self, node: Any) -> bool:
        """Whether an argument is a function, whose effects a call has, or an iterator, which it consumes."""
        value = self._outside(node)
        if callable(value) and not isinstance(value, type):
            return not (isinstance(node, gast.Name) and is_of_library(value))
        defined = [one.name for one in gast.walk(self._source.tree) if isinstance(one, gast.FunctionDef)]
        if isinstance(node, gast.Name) and node.id in defined:
            return True
        seen = [one for one in self._observed(node) if not isinstance(one, type)]
        return any(callable(one) or isinstance(one, Iterator) for one in seen)

    def _has_state(self, name: str) -> bool:
        """Whether a name from outside stands for an object that calls may change, or a function that may do so."""
        value = self._outside(gast.Name(name, gast.Load(), None, None))
        if isinstance(value, ModuleType) or (value is not None and is_of_library(value) and callable(value)):
            return False
        if callable(value) and isinstance(value, FunctionType | type):
            return changes_state(value)
        return name in self._source.closure or not is_immutable(value)

    def _written_in(self, node: Any) -> set[str]:
        """The variables that calls in a node may write into, with those that share memory with them."""
        found: set[str] = set()
        for one in gast.walk(node):
            if isinstance(one, gast.Call):
                found |= self._written_by(one)
            elif isinstance(one, gast.comprehension | gast.For):
                found |= {n.id for n in gast.walk(one.iter) if isinstance(n, gast.Name) and self._may_be_called(n)}
        return self._code.with_shared(found)

    def _written_by(self, call: Any) -> set[str]:
        """The names in a call of what it may write into: for a method that is known to read, none."""
        if self._is_pure(call):
            return set()
        parts = [call]
        if isinstance(call.func, gast.Attribute):
            seen = self._observed(call.func.value)
            if call.func.attr in _READS and seen and all(map(is_of_library, seen)):
                return set()
            if self._is_draw(call):
                parts = [call.func.value, *(k.value for k in call.keywords if k.arg == "out")]
        return {one.id for part in parts for one in gast.walk(part) if isinstance(one, gast.Name)}

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
            self._code = self._begun()
        return self._seen

    def _is_draw(self, node: Any) -> bool:
        """Whether an expression calls a method of a generator of random numbers that writes into no argument."""
        if not (isinstance(node, gast.Call) and isinstance(node.func, gast.Attribute)) or node.func.attr == "shuffle":
            return False
        made = self._observed(node.func.value)
        return bool(made) and all(isinstance(one, np.random.Generator | np.random.RandomState | Random) for one in made)

    def _is_fresh(self, node: Any) -> bool:
        """Whether the value of an expression shares no memory with that of any variable."""
        if not isinstance(node, gast.Call):
            return False
        items = self._observed(node)
        if self._is_draw(node):
            made = self._observed(node.func.value)
            named = {keyword.arg for keyword in node.keywords} & {"out"}
            return not named and (not any(isinstance(one, Random) for one in made) or all(map(is_immutable, items)))
        if not self._is_pure(node):
            return False
        match node.func:
            case gast.Attribute(value=gast.Name() as module, attr=name):
                made_by = getattr(self._outside(module), name, None)
                return isinstance(made_by, np.ufunc) or (name in _FRESH and self._outside(module) is np)
        return False

    def _part(self) -> InactivePart | None:
        if not (self._is_aligned() and self._is_complete() and self._is_aligned() and self._code.is_possible):
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
    inner = gast.FunctionDef(PYTHON, plain, tree.body, [], None, None, [])
    free = gast.arguments(
        [gast.Name(n, gast.Param(), None, None) for n in (*source.closure, GIVEN)], [], None, [], [], None, []
    )
    body = [gast.copy_location(inner, tree), gast.Return(gast.Name(PYTHON, gast.Load(), None, None))]
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
        items.append(deepcopy(item) if _is_plain_data(item) else item)
        yield item


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
    return isinstance(value, (*NUMBERS, str))


def _is_uniform(items: Sequence[Any]) -> bool:
    """Whether values can be the elements, or the rows, of one array."""
    if all(isinstance(item, np.ndarray) for item in items):
        return len({(item.shape, item.dtype) for item in items}) == 1 and items[0].dtype.kind in "biuf"
    return len({type(item) for item in items}) == 1 and isinstance(items[0], NUMBERS)


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
