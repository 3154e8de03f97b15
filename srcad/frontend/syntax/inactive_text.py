"""The Python part of a function as a person would write it: a function that returns the values it hands over.

>>> tree = ast.parse('''def f(n):
...     _given("table", load(n))
...     for i in range(n):
...         if _given("is_late", clock.late(), bool):
...             return
...         _given("draw", draw())
...     return''').body[0]
>>> values = (
...     Returned("table", "table", False, False, "np.zeros(3)"),
...     Returned("is_late", "is_late_values", True, True, "False"),
...     Returned("draw", "draws", True, True, "0.0"),
... )
>>> print(ast.unparse(with_returned_values(tree, values)))
def f(n):
    is_late_values = []
    draws = []
    table = deepcopy(load(n))
    for i in range(n):
        if noted(is_late_values, bool(clock.late())):
            return (table, is_late_values, draws)
        draws.append(draw())
    return (table, is_late_values, draws)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from srcad.frontend.syntax.inactive_code import GIVEN


@dataclass(frozen=True)
class Returned:
    """A value that the Python part returns."""

    name: str
    """What the Python part calls it where it hands it over."""
    variable: str
    in_loop: bool
    """Whether the variable is the list of all values that it has."""
    is_immutable: bool
    zero: str
    """An expression of its type, for calls in which it is not computed."""


def with_returned_values(
    tree: ast.FunctionDef, values: Sequence[Returned], names: Mapping[str, str] = MappingProxyType({})
) -> ast.FunctionDef:
    """The function with assignments in the place of the calls of `_given`, that returns the values in their order.

    `names` are those by which it knows `noted`, `each` and `deepcopy`, where others have these.
    """
    return _Writing(values, names).function(tree)


class _Writing(ast.NodeTransformer):
    def __init__(self, values: Sequence[Returned], names: Mapping[str, str]) -> None:
        self._values, self._names = {one.name: one for one in values}, names
        self._noted: set[str] = set()
        """The values that are not in loops, and are noted in lists all the same: where no variable can have them."""

    def function(self, tree: ast.FunctionDef) -> ast.FunctionDef:
        body = [stmt for stmt in tree.body if not _is_docstring(stmt) and not _is_prelude(stmt)]
        if body and isinstance(body[-1], ast.Return):
            body.pop()
        certain = _certain(body)
        tree.body = body
        self.generic_visit(tree)
        first = []
        for name, one in self._values.items():
            if one.in_loop or name in self._noted:
                first.append(f"{one.variable} = []")
            elif name not in certain:
                first.append(f"{one.variable} = {one.zero}")
        returned = ", ".join(self._result(one, one.name in certain) for one in self._values.values())
        ends = ast.parse(f"return {returned}").body if returned else []
        for node in _in_scope(tree.body):
            if isinstance(node, ast.Return) and returned:
                node.value = ast.parse(returned, mode="eval").body
        tree.body = [*ast.parse("\n".join(first)).body, *tree.body, *ends] or [ast.Pass()]
        return ast.fix_missing_locations(tree)

    def _result(self, one: Returned, is_certain: bool) -> str:
        if one.name not in self._noted:
            return one.variable
        return f"{one.variable}[-1]" if is_certain else f"({one.variable} or [{one.zero}])[-1]"

    def visit_Expr(self, node: ast.Expr) -> Any:
        if (found := self._given(node.value)) is None:
            return self.generic_visit(node)
        one, value, view = found
        if not one.in_loop:
            return self._assigned(one, value, view)
        if not one.is_immutable:
            return self.generic_visit(node)
        appended = ast.Attribute(ast.Name(one.variable, ast.Load()), "append", ast.Load())
        return ast.Expr(ast.Call(appended, [_viewed(self.visit(value), view)], []))

    def visit_Assign(self, node: ast.Assign) -> Any:
        found = self._given(node.value)
        match node.targets:
            case [ast.Name(id=name)] if found is not None and not found[0].in_loop and found[0].variable == name:
                return self._assigned(*found)
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        found = self._given(node.test)
        if found is None or found[0].in_loop:
            return self.generic_visit(node)
        before = self._assigned(*found)
        node.test = ast.Name(found[0].variable, ast.Load())
        self.generic_visit(node)
        return [before, node]

    def visit_Call(self, node: ast.Call) -> Any:
        found = self._given(node)
        if found is None:
            return self.generic_visit(node)
        one, value, view = found
        if not one.in_loop:
            self._noted.add(one.name)
        does = "each" if view == "iter" else "noted"
        values = ast.Name(one.variable, ast.Load())
        return ast.Call(
            ast.Name(self._names.get(does, does), ast.Load()), [values, _viewed(self.visit(value), view)], []
        )

    def _given(self, node: Any) -> tuple[Returned, Any, str] | None:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(of)), value, *view]) if name == GIVEN:
                return self._values[of], value, view[0].id if view and isinstance(view[0], ast.Name) else ""
        return None

    def _assigned(self, one: Returned, value: Any, view: str) -> ast.Assign:
        value = _viewed(self.visit(value), view)
        if not one.is_immutable:
            copies = self._names.get("deepcopy", "deepcopy")
            value = ast.Call(ast.Name(copies, ast.Load()), [value], [])
        return ast.Assign([ast.Name(one.variable, ast.Store())], value)


def _viewed(value: Any, view: str) -> Any:
    return ast.Call(ast.Name("bool", ast.Load()), [value], []) if view == "bool" else value


def _certain(body: Sequence[ast.stmt]) -> set[str]:
    """The values that are computed in every call that does not raise."""
    found: set[str] = set()
    for stmt in body:
        own: list[Any] = [stmt]
        if hasattr(stmt, "body"):
            own = [getattr(stmt, name) for name in ("test", "iter") if hasattr(stmt, name)]
            own += [item.context_expr for item in getattr(stmt, "items", ())]
        for node in (inner for one in own for inner in ast.walk(one)):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(of)), *_]) if name == GIVEN:
                    found.add(of)
        if any(isinstance(node, ast.Return) for node in _in_scope([stmt])):
            break
    return found


def _in_scope(body: Sequence[Any]) -> Iterator[Any]:
    """The nodes of statements without those of functions that are defined in them."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield from _in_scope([*ast.iter_child_nodes(node)])


def _is_docstring(stmt: ast.stmt) -> bool:
    return isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant)


def _is_prelude(stmt: ast.stmt) -> bool:
    """Whether a statement only says which variables are the function's own."""
    return isinstance(stmt, ast.If) and isinstance(stmt.test, ast.Constant) and stmt.test.value is False
