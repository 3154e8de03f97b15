"""A function in two: what Python runs first, on values that nothing differentiated reaches, and the rest.

An expression that is taken out is computed by the Python part, which hands its values over in the order of their
computation: one, or where it is in a loop, a list. The rest reads them. The Python part has every inactive statement of
the function, also those that the rest has, too. Both have the loops.

>>> from srcad.frontend.syntax.activity import Activity
>>> tree = gast.parse('''def f(x):
...     rng = make(0)
...     t = 0.0
...     for i in range(len(x)):
...         t += x[i] * rng.normal()
...     return t''').body[0]
>>> is_pure = lambda call: isinstance(call.func, gast.Name)
>>> code = InactiveCode(tree, Activity(tree, {"x"}, is_pure), frozenset())
>>> first, _, loop, _ = tree.body
>>> code.leave(first)
>>> one = code.take(loop.body[0].value.right)
>>> print(gast.unparse(python_part(code)).strip())
def f(x):
    if False:
        t = None
    rng = make(0)
    for i in range(len(x)):
        _given('normal', rng.normal())
    return
>>> print(gast.unparse(rest(code, {"normal": "float"})).strip())
def f(x):
    normal_count = 0
    t = 0.0
    for i in range(len(x)):
        normal = float(normal_values[normal_count])
        normal_count += 1
        t += x[i] * normal
    return t
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gast

from srcad.frontend.syntax.activity import bases, bindings, own_expressions
from srcad.frontend.syntax.control_exits import raises_only
from srcad.frontend.syntax.inactive_code import COMPOUND, GIVEN, VALUES, InactiveCode

_COUNTED = frozenset({"range", "len", "enumerate", "zip", "reversed"})


def python_part(code: InactiveCode) -> Any:
    """The function that hands over what is taken: all that is inactive."""
    return _PythonPart(code, {key: one.name for key, one in code.taken.items()}).made()


def whole_python_part(code: InactiveCode) -> tuple[Any, dict[str, Any]]:
    """The Python part that hands over each expression that may be taken; these by their names."""
    named = {
        f"{GIVEN}_{k}": node
        for k, node in enumerate(gast.walk(code.tree))
        if isinstance(node, VALUES) and any(node is other for other in code.candidates(node))
    }
    return _PythonPart(code, {id(node): name for name, node in named.items()}, only_observes=True).made(), named


def rest(code: InactiveCode, conversions: Mapping[str, str]) -> Any:
    """The function without what is taken and left, whose values it reads: those in loops converted, by name."""
    return _Rest(code, conversions).made()


class _PythonPart:
    """The part of a function that hands over the values of the `wrapped` expressions, by their ids."""

    def __init__(self, code: InactiveCode, wrapped: Mapping[int, str], only_observes: bool = False) -> None:
        self._code, self._wrapped, self._only_observes = code, wrapped, only_observes

    def made(self) -> Any:
        """The function, whose variables are its own also where nothing binds them any longer."""
        gone = sorted((self._code.activity.local & self._code.activity.active) - self._code.activity.params)
        unbound = [_parsed(f"if False:\n    {' = '.join(gone)} = None", self._code.tree)] if gone else []
        return _with_body(self._code.tree, [*unbound, *self._block(self._code.tree.body)])

    def _block(self, body: Sequence[Any]) -> list[Any]:
        return [made for stmt in body for made in self._statement(stmt)]

    def _statement(self, stmt: Any) -> list[Any]:
        if self._code.activity.is_under_active(stmt):
            return []
        if isinstance(stmt, gast.Raise) and self._code.activity.is_active(stmt):
            return [_located(gast.Return(None), stmt)]  # the rest raises it
        whole = {key: partial(_handed_over, name, self._wrapped, stmt) for key, name in self._wrapped.items()}
        if isinstance(stmt, COMPOUND):
            return self._compound(stmt, whole)
        if not isinstance(stmt, gast.Return) and self._code.is_inactive(stmt):
            return [_copy(stmt, whole)]
        if (part := self._inactive_bindings(stmt)) is not None:
            return [_copy(part, whole)]
        handed = [_located(gast.Expr(one), stmt) for one in _all_handed_over(stmt, stmt, self._wrapped)]
        return [*handed, _located(gast.Return(None), stmt)] if isinstance(stmt, gast.Return) else handed

    def _compound(self, stmt: Any, whole: Mapping[int, Any]) -> list[Any]:
        if id(stmt) in self._code.left:
            return [_copy(stmt, whole)]
        if isinstance(stmt, gast.Try):
            return [_copy(stmt, whole)] if self._code.is_inactive(stmt) else self._of_try(stmt)
        blocks = {name: self._block(getattr(stmt, name)) for name in ("body", "orelse") if getattr(stmt, name, None)}
        is_empty = not blocks["body"]
        blocks["body"] = blocks["body"] or [gast.copy_location(gast.Pass(), stmt)]
        asked = [stmt.iter] if isinstance(stmt, gast.For) else list(own_expressions(stmt))
        if not any(map(self._code.activity.is_active, asked)):
            is_idle = isinstance(stmt, gast.For) and is_empty and not blocks.get("orelse")
            return [] if is_idle and self._only_counts(stmt) else [_copy(stmt, whole, blocks)]
        if not isinstance(stmt, gast.For):
            handed = [_located(gast.Expr(one), stmt) for one in _all_handed_over(stmt, stmt, self._wrapped)]
            return [*handed, *blocks["body"]] if isinstance(stmt, gast.With) else handed
        if is_empty or (self._only_observes and not self._is_given(stmt.iter)):
            handed = [_located(gast.Expr(one), stmt) for one in _all_handed_over(stmt.iter, stmt, self._wrapped)]
            return [*handed, *blocks.get("orelse", [])]
        parts = _outermost(stmt.iter, self._wrapped)
        before = [_assigned(name, _handed_over(name, self._wrapped, stmt, node), stmt) for name, node in parts]
        return [*before, _copy(stmt, {id(node): partial(_name, name) for name, node in parts}, blocks)]

    def _is_given(self, iterable: Any) -> bool:
        """Whether what is active in an iterable are arguments as they are given."""
        activity = self._code.activity
        names = [node for node in gast.walk(iterable) if isinstance(node, gast.Name) and activity.is_active(node)]
        return all(map(activity.keeps_shape, names))

    def _of_try(self, stmt: gast.Try) -> list[Any]:
        """Of a `try` that only raises other errors; what is under active values in any other."""
        return self._block([*stmt.body, *stmt.orelse, *stmt.finalbody]) if raises_only(stmt) else []

    def _only_counts(self, stmt: gast.For) -> bool:
        """Whether nothing that is outside of the loop is changed by its turns, if its body is empty."""
        inside = {id(node) for node in gast.walk(stmt)}
        read = {n.id for n in gast.walk(self._code.tree) if isinstance(n, gast.Name) and id(n) not in inside}
        calls = [node for node in gast.walk(stmt.iter) if isinstance(node, gast.Call)]
        counted = all(isinstance(call.func, gast.Name) and call.func.id in _COUNTED for call in calls)
        names = self._code.immutable | self._code.activity.params if calls else self._code.activity.params
        known = {n.id for n in gast.walk(stmt.iter) if isinstance(n, gast.Name)} <= names | _COUNTED
        return counted and known and read.isdisjoint(bases(stmt.target)) and not _outermost(stmt.iter, self._wrapped)

    def _inactive_bindings(self, stmt: Any) -> Any:
        """Of `a, b = x, y` what is inactive; of the others what is handed over, in its order."""
        match stmt:
            case gast.Assign(targets=[gast.Tuple() as target], value=gast.Tuple() as value):
                pairs = list(bindings([target], value))
                active = [self._code.activity.is_active(a) or self._code.activity.is_active(b) for a, b in pairs]
                if len(pairs) == 1 or all(active):
                    return None
                targets, values = [], []
                for (to, of), is_active in zip(pairs, active, strict=True):
                    targets.append(gast.Name(f"{GIVEN}_part", gast.Store(), None, None) if is_active else to)
                    handed = _all_handed_over(of, stmt, self._wrapped) if is_active else []
                    values.append(gast.Tuple(handed, gast.Load()) if is_active else of)
                names = gast.Tuple(targets, gast.Store())
                return _located(gast.Assign([names], gast.Tuple(values, gast.Load()), None), stmt)
        return None


class _Rest:
    """The part of a function that reads what the other one hands over."""

    def __init__(self, code: InactiveCode, conversions: Mapping[str, str]) -> None:
        self._code, self._conversions = code, conversions

    def made(self) -> Any:
        """The function without what is taken and left, whose values it reads, those in loops converted."""
        counts = [_parsed(f"{one.count} = 0", self._code.tree) for one in self._code.taken.values() if one.in_loop]
        return _with_body(self._code.tree, [*counts, *self._block(self._code.tree.body)])

    def _block(self, body: Sequence[Any]) -> list[Any]:
        return [made for stmt in body for made in self._statement(stmt)]

    def _statement(self, stmt: Any) -> list[Any]:
        if id(stmt) in self._code.left:
            return []
        if id(stmt) in self._code.unwrapped:
            return self._block(stmt.body)
        if not any(
            id(n) in self._code.taken or id(n) in self._code.left or id(n) in self._code.unwrapped
            for n in gast.walk(stmt)
        ):
            return [stmt]
        names = {id(one.node): partial(_name, one.name) for one in self._code.taken.values()}
        blocks = {
            name: self._block(getattr(stmt, name)) or [gast.copy_location(gast.Pass(), stmt)]
            for name in ("body", "orelse", "finalbody")
            if isinstance(stmt, COMPOUND) and getattr(stmt, name, None)
        }
        reads: list[Any] = []
        for own in own_expressions(stmt):
            for one in (self._code.taken[id(node)] for _, node in _outermost(own, dict.fromkeys(self._code.taken, ""))):
                if one.in_loop:
                    item, convert = f"{one.values}[{one.count}]", self._conversions.get(one.name)
                    reads.append(_parsed(f"{one.name} = " + (f"{convert}({item})" if convert else item), stmt))
                    reads.append(_parsed(f"{one.count} += 1", stmt))
        if isinstance(stmt, gast.For) and id(stmt.iter) in self._code.taken and isinstance(stmt.target, gast.Name):
            convert = self._conversions.get(self._code.taken[id(stmt.iter)].name)
            if convert:
                blocks["body"] = [_parsed(f"{stmt.target.id} = {convert}({stmt.target.id})", stmt), *blocks["body"]]
        match stmt:
            case gast.Assign(targets=[gast.Name(id=name)], value=value) if (
                id(value) in self._code.taken
                and self._code.taken[id(value)].name == name
                and not self._code.taken[id(value)].in_loop
            ):
                return []
        if isinstance(stmt, gast.While) and reads:
            ends = _located(gast.If(gast.UnaryOp(gast.Not(), _copy(stmt.test, names)), [gast.Break()], []), stmt)
            blocks["body"] = [*reads, ends, *blocks["body"]]
            return [
                _copy(stmt, {id(stmt.test): lambda node: gast.copy_location(gast.Constant(True, None), node)}, blocks)
            ]
        return [*reads, _copy(stmt, names, blocks)]


def _copy(node: Any, instead: Mapping[int, Callable[[Any], Any]], fields: Mapping[str, Any] | None = None) -> Any:
    """The tree with other nodes in the place of some, and other fields."""
    if isinstance(node, list):
        return [_copy(item, instead) for item in node]
    if not isinstance(node, gast.AST):
        return node
    if id(node) in instead:
        return instead[id(node)](node)
    made = type(node)(
        *(
            fields[name] if fields and name in fields else _copy(getattr(node, name, None), instead)
            for name in node._fields
        )
    )
    made.origin = getattr(node, "origin", node)
    return gast.copy_location(made, node) if hasattr(node, "lineno") else made


def _handed_over(name: str, wrapped: Mapping[int, str], stmt: Any, node: Any) -> Any:
    inner = {key: partial(_handed_over, other, wrapped, stmt) for key, other in wrapped.items() if key != id(node)}
    view = []
    if isinstance(stmt, gast.For) and node is stmt.iter:
        view = [_name("iter", node)]
    elif isinstance(stmt, gast.If | gast.While) and node is stmt.test:
        view = [_name("bool", node)]
    args = [gast.Constant(name, None), _copy(node, inner), *view]
    return _located(gast.Call(_name(GIVEN, node), args, []), node)


def _outermost(node: Any, wrapped: Mapping[int, str]) -> list[tuple[str, Any]]:
    """The outermost of the wrapped nodes in one, in their order, with their names."""
    if id(node) in wrapped:
        return [(wrapped[id(node)], node)]
    return [found for child in gast.iter_child_nodes(node) for found in _outermost(child, wrapped)]


def _all_handed_over(node: Any, stmt: Any, wrapped: Mapping[int, str]) -> list[Any]:
    owns = own_expressions(node) if isinstance(node, gast.stmt) else [node]
    return [_handed_over(name, wrapped, stmt, one) for own in owns for name, one in _outermost(own, wrapped)]


def _with_body(tree: Any, body: list[Any]) -> Any:
    return _copy(tree, {}, {"body": body or [gast.Pass()]})


def _name(name: str, node: Any) -> Any:
    return gast.copy_location(gast.Name(name, gast.Load(), None, None), node)


def _assigned(name: str, value: Any, stmt: Any) -> Any:
    return _located(gast.Assign([gast.Name(name, gast.Store(), None, None)], value, None), stmt)


def _parsed(text: str, at: Any) -> Any:
    return _located(gast.parse(text).body[0], at)


def _located(made: Any, at: Any) -> Any:
    """The node with the place of another one, and what is in it where it has none."""
    for inner in gast.walk(made):
        if isinstance(inner, gast.expr | gast.stmt) and (
            inner is made or not hasattr(inner, "lineno") or inner.lineno == 1
        ):
            gast.copy_location(inner, at)
    return made
