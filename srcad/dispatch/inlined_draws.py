"""Functions of the user's that draw random numbers, in the places of their calls.

What draws must be seen beside the code that it draws for: so the statements of such a function stand before the
statement that calls it, with variables of their own.
"""

from __future__ import annotations

import builtins
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import FunctionType
from typing import Any

import gast
import numpy as np

from srcad.dispatch.inactive_effects import Effects
from srcad.errors import SrcadError
from srcad.frontend.source.read import Source, read
from srcad.frontend.source.scopes import assigned
from srcad.frontend.syntax.activity import Activity
from srcad.frontend.syntax.distributions import DISCRETE, DISTRIBUTIONS, OTHERS, STANDARD
from srcad.frontend.syntax.tree_copies import copied
from srcad.ir.names import unused_name

_SIMPLE = (gast.Assign, gast.AnnAssign, gast.AugAssign, gast.Return, gast.Expr)
_SCOPES = (gast.Lambda, gast.ListComp, gast.SetComp, gast.DictComp, gast.GeneratorExp, gast.FunctionDef)
_CONDITIONAL = (gast.IfExp, gast.BoolOp, gast.Compare)
_SOME: dict[type, Any] = {
    np.random.Generator: np.random.default_rng(0),
    np.random.RandomState: np.random.RandomState(0),
}
"""For each class of generators one of it: nothing is drawn from these."""
_MOST = 50
"""Calls that are replaced."""


class FoundCell:
    """A variable from outside of another function, looked up anew each time."""

    def __init__(self, names: Mapping[str, Any], name: str) -> None:
        self._names, self._name = names, name

    @property
    def cell_contents(self) -> Any:
        return self._names[self._name]


def with_draws_inlined(source: Source, values: Mapping[str, Any], wrt: Sequence[str]) -> Source:
    """The function with the statements of those that draw and are given what is differentiated, in their calls' places.

    `values` are the arguments of the call by name.
    """
    for _ in range(_MOST):
        inlining = _Inlining(source, Effects(source, values), wrt)
        found = next(inlining.calls(), None)
        if found is None:
            return source
        source = inlining.inlined(*found)
    return source


class _Inlining:
    def __init__(self, source: Source, effects: Effects, wrt: Sequence[str]) -> None:
        self._source, self._effects = source, effects
        known = effects.is_pure, effects.is_fresh, effects.has_state, effects.is_container
        self._activity = Activity(source.tree, wrt, *known)
        self._taken = {n.id for n in gast.walk(source.tree) if isinstance(n, gast.Name)} | set(source.closure)

    def calls(self) -> Iterator[tuple[Any, Any, Source]]:
        """The statement, the call and the function of what can be inlined: what is evaluated first in a statement."""
        for stmt in gast.walk(self._source.tree):
            if not isinstance(stmt, _SIMPLE):
                continue
            for call, is_certain in _evaluated(stmt, True):
                called = self._function(call) if isinstance(call, gast.Call) else None
                is_whole = getattr(stmt, "value", None) is call and not isinstance(stmt, gast.AugAssign)
                is_clear = called is not None and is_certain and _is_inlinable(called, call)
                if called is not None and is_clear and (is_whole or not self._writes(called, 4)):
                    yield stmt, call, called
                if not self._effects.is_pure(call) or self._effects.is_named_draw(call):
                    break  # in its order

    def _function(self, call: Any) -> Source | None:
        if not any(map(self._activity.is_active, [*call.args, *(k.value for k in call.keywords)])):
            return None
        source = _read(self._effects.outside(call.func))
        return source if source is not None and self._draws(source, call, self._effects, 4) else None

    def _draws(self, source: Source, call: Any, effects: Effects, depth: int) -> bool:
        """Whether a function draws, as far as it is known what it is called with."""
        names = [one.id for one in (*source.tree.args.posonlyargs, *source.tree.args.args)]
        given = dict(zip(names, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
        classes = {name: effects.generator_class(node) for name, node in given.items()}
        made = {name: _SOME[cls] for name, cls in classes.items() if cls is not None}
        inner = Effects(source, made)
        for node in gast.walk(source.tree):
            if isinstance(node, gast.Call):
                if inner.is_named_draw(node):
                    return True
                called = _read(inner.outside(node.func)) if depth else None
                if called is not None and self._draws(called, node, inner, depth - 1):
                    return True
        return False

    def _writes(self, source: Source, depth: int) -> bool:
        """Whether a function may change anything else than its variables and generators of random numbers."""
        effects = Effects(source, {})
        parameters = {one.id for one in gast.walk(source.tree.args) if isinstance(one, gast.Name)}
        for node in gast.walk(source.tree):
            match node:
                case gast.Subscript(ctx=gast.Store()) | gast.Attribute(ctx=gast.Store()):
                    return True
                case gast.AugAssign(target=gast.Name(id=name)) if name in parameters:
                    return True
                case gast.Call(func=gast.Attribute(value=gast.Name(id=name), attr=method)) if name in parameters:
                    if method not in DISTRIBUTIONS.keys() | DISCRETE | OTHERS | STANDARD:
                        return True
                case gast.Call() if not (effects.is_pure(node) or effects.is_named_draw(node)):
                    called = _read(effects.outside(node.func)) if depth else None
                    if called is None or self._writes(called, depth - 1):
                        return True
        return False

    def inlined(self, stmt: Any, call: Any, called: Source) -> Source:
        same_file = called.file == self._source.file
        tree = copy.deepcopy(called.tree)
        if not same_file:
            for node in gast.walk(tree):
                if hasattr(node, "lineno"):
                    gast.copy_location(node, call)
        closure: dict[str, Any] = dict(self._source.closure)
        names, before = self._parameters(tree, call, called)
        for name in dict.fromkeys(n.id for n in gast.walk(tree) if isinstance(n, gast.Name)):
            if name not in names:
                names[name] = self._outside(name, called, closure)
        body = [_Renamed(names).visit(one) for one in tree.body]
        result: Any = gast.copy_location(gast.Constant(None, None), call)
        if isinstance(body[-1], gast.Return):
            result = body.pop().value or result
        whole, origins = copied(self._source.tree)
        made = _Inserted(origins, stmt, call, [*before, *body], result).visit(whole)
        return replace(self._source, tree=made, closure=closure)

    def _parameters(self, tree: Any, call: Any, called: Source) -> tuple[dict[str, Any], list[Any]]:
        """What stands for each variable of the function, and the statements that bind its parameters."""
        parameters = [one.id for one in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs)]
        given = dict(zip(parameters, call.args, strict=False)) | {k.arg: k.value for k in call.keywords}
        local = assigned(tree.body)
        names: dict[str, Any] = {name: self._fresh(name) for name in local}
        before = []
        for name in parameters:
            value = given.get(name)
            if value is None:
                value = gast.copy_location(gast.Constant(called.defaults[name], None), call)
            if name not in local and isinstance(value, gast.Name | gast.Constant):
                names[name] = value
                continue
            names[name] = names.get(name) or self._fresh(name)
            target = gast.copy_location(gast.Name(names[name], gast.Store(), None, None), call)
            before.append(gast.copy_location(gast.Assign([target], value, None), call))
        return names, before

    def _outside(self, name: str, called: Source, closure: dict[str, Any]) -> str:
        """What a variable from outside of the function is called in this one."""
        if name in called.closure:
            cell: Any = called.closure[name]
        elif name in called.globals:
            cell = FoundCell(called.globals, name)
        else:
            cell = FoundCell(vars(builtins), name)
        here = self._effects.outside(gast.Name(name, gast.Load(), None, None))
        if (
            here is not None
            and here is cell.cell_contents
            and (name in self._source.closure or self._source.globals is called.globals or hasattr(builtins, name))
        ):
            return name
        other = self._fresh(name)
        closure[other] = cell
        return other

    def _fresh(self, name: str) -> str:
        made = unused_name(name, self._taken)
        self._taken = self._taken | {made}
        return made


def _read(function: Any) -> Source | None:
    """The source of a function of the user's."""
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        return None
    if str(function.__module__).partition(".")[0] in ("srcad", "numpy", "scipy"):
        return None
    try:
        return read(function)
    except SrcadError:
        return None


def _is_inlinable(called: Source, call: Any) -> bool:
    """Whether the function is statements one after another with one `return`, the last, called argument by argument."""
    tree = called.tree
    args = tree.args
    parameters = [one.id for one in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    given = {*parameters[: len(call.args)], *(keyword.arg for keyword in call.keywords)}
    constants = all(isinstance(one, int | float | str | bool | None) for one in called.defaults.values())
    nodes = [node for stmt in tree.body for node in gast.walk(stmt)]
    returns = [node for node in nodes if isinstance(node, gast.Return)]
    return (
        args.vararg is None
        and args.kwarg is None
        and not any(isinstance(one, gast.Starred) for one in call.args)
        and len(call.args) <= len(args.posonlyargs) + len(args.args)
        and given <= set(parameters)
        and set(parameters) <= given | called.defaults.keys()
        and constants
        and not any(
            isinstance(node, (*_SCOPES, gast.Global, gast.Nonlocal, gast.Yield, gast.ClassDef)) for node in nodes
        )
        and returns in ([], [tree.body[-1]])
    )


def _evaluated(node: Any, is_certain: bool) -> Iterator[tuple[Any, bool]]:
    """The calls in a statement, in the order of their evaluation, and whether they are always evaluated, once.

    Of what is evaluated item by item, the whole.
    """
    if isinstance(node, _SCOPES):
        yield node, False
        return
    if isinstance(node, gast.Assign) and any(isinstance(n, gast.Call) for t in node.targets for n in gast.walk(t)):
        return
    for child in gast.iter_child_nodes(node):
        yield from _evaluated(child, is_certain and not isinstance(node, _CONDITIONAL))
    if isinstance(node, gast.Call):
        yield node, is_certain


class _Renamed(gast.NodeTransformer):  # type: ignore[misc]
    """Other names, or expressions, in the places of variables."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def visit_Name(self, node: Any) -> Any:
        new = self._names[node.id]
        if isinstance(new, str):
            return gast.copy_location(gast.Name(new, node.ctx, None, None), node)
        return copy.deepcopy(new)


class _Inserted(gast.NodeTransformer):  # type: ignore[misc]
    """Statements before one, and an expression in the place of a call in it."""

    def __init__(self, origins: Mapping[int, Any], stmt: Any, call: Any, before: list[Any], result: Any) -> None:
        self._origins = origins
        self._stmt, self._call, self._before, self._result = stmt, call, before, result

    def visit(self, node: Any) -> Any:
        origin = self._origins.get(id(node), node)
        if origin is self._stmt:
            if isinstance(origin, gast.Expr) and origin.value is self._call:
                return self._before or node
            made = super().visit(node)
            return [*self._before, made]
        if origin is self._call:
            return self._result
        return super().visit(node)
