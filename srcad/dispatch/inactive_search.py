"""The search for what a function must leave to Python, to be compiled at all.

It is found by trying: each error of the front end names a node, and the largest inactive expression around it is taken,
or its statement left to Python. Of which types the values are, the first call says: for it all that is inactive is run
once, and every expression observed. Nothing is run a second time for that call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import FunctionType
from typing import Any

import gast
import numpy as np

from srcad.dispatch.function_effects import FunctionEffects
from srcad.dispatch.inactive_effects import is_foreign
from srcad.dispatch.inactive_values import (
    Cell,
    InactivePart,
    Nothing,
    Observed,
    called,
    compiled,
    conversion,
    is_plain_data,
    is_uniform,
    together,
)
from srcad.dispatch.outside_state import GENERATORS, NUMBERS, catches_nothing, is_immutable, is_of_library
from srcad.dispatch.random_draws import reparametrised
from srcad.errors import SrcadError
from srcad.frontend.source.read import HandedOver, PythonPart, Source
from srcad.frontend.syntax.activity import Activity, bases, own_expressions
from srcad.frontend.syntax.inactive_code import COMPOUND, InactiveCode
from srcad.frontend.syntax.inactive_parts import python_part, rest, whole_python_part

CODES = frozenset({"S103", "S105", "S108", "S114", "S117", "S120", "S122", "S123", "S127", "S203"})
"""The errors about what the language does not have, which Python has."""


class Search:
    """The search for what must be taken from a function called with these values, of which `wrt` are differentiated."""

    def __init__(
        self,
        source: Source,
        names: tuple[str, ...],
        values: Sequence[Any],
        wrt: Sequence[str],
        is_inner: bool = False,
    ) -> None:
        """`is_inner`: what is generated calls a derivative of the function."""
        by_name = dict(zip(names, values, strict=True))
        self._source = reparametrised(source, by_name, wrt)
        self._is_new = self._source is not source
        """Whether the error that begins the search is about other nodes."""
        self._is_inner = is_inner
        self._names, self._values = names, values
        self._wrt = wrt
        self._generators = frozenset(name for name, value in by_name.items() if isinstance(value, GENERATORS))
        self._cells: dict[str, Cell] = {}
        self._seen: dict[int, list[Any]] | None = None
        self._effects = FunctionEffects(self._source, by_name)
        self._code = self._begun()
        self.fault = "it is not certain that Python and the rest would see the same"
        """Why the newest part that was tried is none."""

    def _begun(self) -> InactiveCode:
        outside = frozenset(self._source.globals) | frozenset(self._source.closure)
        tree = self._source.tree
        effects = self._effects
        known = effects.is_pure, effects.is_fresh, effects.has_state, effects.is_container
        immutable = frozenset() if self._seen is None else effects.immutable()
        activity = Activity(tree, self._wrt, *known, immutable)
        return InactiveCode(tree, activity, outside, self._generators, immutable=immutable, written_in=self._written_in)

    @property
    def is_hopeful(self) -> bool:
        return self._code.is_known

    def why_not(self, error: SrcadError) -> str | None:
        """Why the code that an error is at is not left to Python, although it is inactive; None where it is not."""
        node = self._node(error)
        if node is None or not {problem.code for problem in error.problems} & CODES:
            return None
        stmt = self._code.statement_of(node)
        if self._code.activity.is_active(node):
            return None
        if self._code.activity.is_under_active(stmt):
            return "whether it is run depends on what is differentiated"
        return self.fault if self._code.is_known else "there is code beside it of which variables are not followed"

    def extended(self, error: SrcadError) -> InactivePart | None:
        """With more taken out, so that this error is not met again; None where it cannot be avoided so."""
        node = self._node(error)
        is_new, self._is_new = self._is_new, False
        if node is None and is_new:
            return self._part()
        if node is None or not {problem.code for problem in error.problems} & CODES:
            return None
        try:
            self._observations()
        except NameError:  # a variable that depends on what is active
            return None
        code = self._code
        if not code.is_known:
            return None
        node = code.whole_of(node)
        candidates = [] if isinstance(node, gast.stmt) else code.candidates(node)
        if self._take_one(candidates) or self._take_inside(node):
            return self._part()
        stmt = code.statement_of(node)
        if isinstance(stmt, gast.With) and not code.is_inactive(stmt):
            if not all(map(self._catches_nothing, stmt.items)):
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

    def _catches_nothing(self, item: Any) -> bool:
        """Whether a context manager certainly lets the errors of its block pass."""
        seen = self._observations().get(id(item.context_expr), [])
        return bool(seen) and all(map(catches_nothing, seen))

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
        seen = self._effects.observed(node)
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
        return {name for one in stored for name in bases(one)}.union(*map(self._effects.written_by, calls))

    def _is_complete(self) -> bool:
        """Let Python alone execute what has an effect; whether it can be, and the rest does not depend on it."""
        code = self._code
        for node in list(gast.walk(self._source.tree)):
            if (
                not self._effects.has_effect(node)
                or code.is_of_python(node)
                or node in self._source.tree.decorator_list
            ):
                continue
            stmt = code.statement_of(node)
            if not code.activity.is_active(node) and not code.activity.is_under_active(stmt):
                call = self._called_by(node)
                if not self._take_one(code.candidates(call)) and not (code.is_inactive(stmt) and self._leave(stmt)):
                    return False
        if not self._takes_what_is_changed() or not code.is_possible:
            return False
        inside = [*(one.node for one in code.taken.values()), *code.left.values()]
        has_print = any(self._effects.prints(node) for one in inside for node in gast.walk(one))
        read = [
            node
            for node in gast.walk(self._source.tree)
            if isinstance(node, gast.Name | gast.Attribute)
            if isinstance(node.ctx, gast.Load) and not code.is_of_python(node)
        ]
        if has_print and any(map(self._effects.prints, read)):
            self.fault = "the rest prints, too: the order would be another"
            return False
        outside = next(filter(self._effects.reads_outside, read), None)
        if outside is None or not any(map(self._may_change_outside, inside)):
            return True
        self.fault = f"it may change {gast.unparse(outside).strip()}, which the rest reads from outside"
        return False

    def _takes_what_is_changed(self) -> bool:
        """Let Python execute the calls that change what it reads, and that are in statements it does not execute."""
        code, done = self._code, False
        while not done:
            read = {
                n.id for n in gast.walk(python_part(code)) if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Load)
            }
            done = True
            for call in gast.walk(self._source.tree):
                if not isinstance(call, gast.Call) or code.is_of_python(call) or not self._is_left_out(call):
                    continue
                if not read.isdisjoint(self._effects.written_by(call) & code.activity.local):
                    if not self._take_one(code.candidates(call)):
                        return False
                    done = False
        return True

    def _is_left_out(self, call: Any) -> bool:
        """Whether an inactive call is in an active statement, of which the Python part has nothing."""
        stmt, activity = self._code.statement_of(call), self._code.activity
        if activity.is_active(call) or activity.is_under_active(stmt) or self._code.is_inactive(stmt):
            return False
        return not isinstance(stmt, COMPOUND) or any(map(activity.is_active, own_expressions(stmt)))

    def _called_by(self, node: Any) -> Any:
        """The call of which this is the function, or else the node."""
        for call in gast.walk(self._source.tree):
            if isinstance(call, gast.Call) and any(node is one for one in gast.walk(call.func)):
                return call
        return node

    def _may_change_outside(self, node: Any) -> bool:
        """Whether what is Python's alone calls what is not of a library, or a method of an object from outside."""
        outside = self._code.activity.outside
        if not outside.isdisjoint(self._written_in(node)):
            return True
        for one in gast.walk(node):
            value = self._effects.outside(one)
            if is_foreign(value):
                return True
            if isinstance(one, gast.Call) and isinstance(one.func, gast.Attribute):
                seen = self._effects.observed(one.func.value)
                if not outside.isdisjoint(bases(one.func.value)) or not all(map(is_of_library, seen)):
                    return True
        return False

    def _take_inside(self, node: Any) -> bool:
        """Take what an active expression has of variables that only Python has."""
        code, found = self._code, False
        for inner in gast.walk(node) if not isinstance(node, gast.stmt) else ():
            if isinstance(inner, gast.Name) and inner.id in code.of_python:
                one = next(filter(self._is_recordable, code.candidates(inner)), None)
                if one is None or id(one) in code.taken:
                    continue
                # the rest has the items of a loop as they were before it
                if not (isinstance(code.statement_of(one), gast.For) and self._is_changed_elsewhere(one)):
                    code.take(one)
                    found = True
        return found

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
        place, there = getattr(error, "within", None), self._node_at(error)
        if self._is_inner:
            return there or self._call_leading_to(error)
        if place is None or (there is not None and self._code.is_in_generator(there)):
            return there
        origin = getattr(place, "origin", place)
        if any(node is origin for node in gast.walk(self._source.tree)):
            return origin
        key = _position(place)
        found = [n for n in gast.walk(self._source.tree) if hasattr(n, "lineno") and _position(n) == key]
        same = [n for n in found if n is place] or [n for n in found if type(n) is type(place)]
        return next(iter(same or found), None)

    def _call_leading_to(self, error: SrcadError) -> Any:
        """The first call, that is not Python's yet, of the function that an error is in."""
        span = error.problems[0].span
        if span is None:
            return None
        for node in gast.walk(self._source.tree):
            function = self._effects.outside(node.func) if isinstance(node, gast.Call) else None
            if isinstance(function, FunctionType) and not self._code.is_of_python(node):
                code = function.__code__
                lines = [line for _, _, line in code.co_lines() if line is not None]
                if code.co_filename == span.file and code.co_firstlineno <= span.line <= max(lines):
                    return node
        return None

    def _node_at(self, error: SrcadError) -> Any:
        """The node that is written where an error is; of several copies the first that is not Python's yet."""
        span = error.problems[0].span
        if span is None or getattr(span, "file", None) != self._source.file:
            return None
        line, end_line = self._source.lines[span.line - 1], self._source.lines[span.end_line - 1]
        start = span.line, len(line[: span.column].encode())
        whole = *start, span.end_line, len(end_line[: span.end_column].encode())
        nodes = [node for node in gast.walk(self._source.tree) if hasattr(node, "lineno")]
        found = [node for node in nodes if _position(node)[:2] == start and not self._code.is_of_python(node)]
        return next((node for node in found if _position(node) == whole), next(iter(found), None))

    def _written_in(self, node: Any) -> set[str]:
        """The variables that calls in a node may write into, with those that share memory with them."""
        found: set[str] = set()
        for one in gast.walk(node):
            if isinstance(one, gast.Call):
                found |= self._effects.written_by(one)
            elif isinstance(one, gast.comprehension | gast.For):
                found |= {
                    n.id for n in gast.walk(one.iter) if isinstance(n, gast.Name) and self._effects.may_be_called(n)
                }
        return self._code.with_shared(found)

    def _is_recordable(self, node: Any) -> bool:
        items = self._observations().get(id(node), [])
        if not items:
            return False
        if not self._in_loop(node):
            return all(map(is_plain_data, items))
        return is_uniform(items)

    def _in_loop(self, node: Any) -> bool:
        stmt = self._code.statement_of(node)
        return isinstance(stmt, gast.While) or any(
            isinstance(o, gast.For | gast.While) for o in self._code.around(stmt)
        )

    def _observations(self) -> dict[int, list[Any]]:
        """The values of all inactive expressions of the call."""
        if self._seen is None:
            tree, named = whole_python_part(self._code)
            found: Observed = {name: [] for name in named}
            function = compiled(tree, self._source)
            called(function, self._source, self._names, self._values, found)
            self._seen = {id(node): found[name] for name, node in named.items()}
            self._effects.seen = self._seen
            self._code = self._begun()
        return self._seen

    def _part(self) -> InactivePart | None:
        if not (self._is_aligned() and self._is_complete() and self._is_aligned() and self._code.is_possible):
            written = self._code.of_python & self._code.activity.params - self._code.only_python_reads
            if written:
                self.fault = f"it may write into the argument {', '.join(sorted(written))}, which the rest reads"
            return None
        code, seen = self._code, self._observations()
        conversions: dict[str, str] = {}
        for one in code.taken.values():
            items = seen[id(one.node)]
            if one.in_loop:
                conversions[one.name] = conversion(items)
                items = [together(items, None)]
            self._cells.setdefault(one.values, Cell(None)).set(items[-1])
            self._cells[one.values]._first = items[-1]
        cells = {one.values: self._cells[one.values] for one in code.taken.values()}
        # what only the Python part has is no variable of the module either that has the same name
        closure: dict[str, Any] = {**self._source.closure, **dict.fromkeys(code.of_python, Nothing()), **cells}
        tree, compiled_tree = python_part(code), rest(code, conversions)
        values = tuple(
            HandedOver(one.name, one.values, one.in_loop, cells[one.values], seen[id(one.node)][-1], str(one))
            for one in code.taken.values()
        )
        python = PythonPart(tree, compiled_tree, self._source, values)
        source = replace(self._source, tree=compiled_tree, closure=closure, python=python)
        return InactivePart(source, self._source, code, cells, conversions, compiled(tree, self._source), self._names)


def _position(node: Any) -> tuple[int, ...]:
    return node.lineno, node.col_offset, getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)
