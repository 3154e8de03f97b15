"""Inactive code in functions that are called: their statements take the place of the call, where it is active.

Before anything is run: what is left to Python is found as if the function had been written so.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from types import CellType, FunctionType
from typing import Any

import gast

from srcad.dispatch.function_effects import FunctionEffects
from srcad.dispatch.inactive_effects import Effects
from srcad.dispatch.outside_state import is_of_library
from srcad.errors import SrcadError
from srcad.frontend.source.read import Source, read
from srcad.frontend.source.scopes import assigned, loads, own_nodes
from srcad.frontend.syntax import separable_form
from srcad.frontend.syntax.activity import Activity
from srcad.frontend.syntax.call_inlining import Called, inlined

_MOST = 30
"""Calls that are written out."""


class OutsideVariable:
    """A variable from outside of the function that was called: like a cell of a closure."""

    def __init__(self, name: str, names: Mapping[str, Any]) -> None:
        self.name, self.names = name, names

    @property
    def cell_contents(self) -> Any:
        return self.names[self.name]


def with_calls_inlined(source: Source, values: Mapping[str, Any], wrt: Sequence[str]) -> Source:
    """The function with the active calls of functions that may do more than compute written out.

    `values` are the arguments of the call by name.
    """
    given = source
    for _ in range(_MOST):
        effects = FunctionEffects(source, values)
        activity = _activity(source, effects, wrt)
        found = (_written_out(source, effects, activity, node) for node in gast.walk(source.tree))
        new = next((one for one in found if one is not None), None)
        if new is None:
            break
        source = new
    return source if source is given else _without_unused(source)


def separable(source: Source, values: Mapping[str, Any], wrt: Sequence[str]) -> Source:
    """The function in the form in which inactive code can be parted from the rest."""
    tree = separable_form.separable(source.tree, _activity(source, FunctionEffects(source, values), wrt))
    return source if tree is source.tree else replace(source, tree=tree)


def _activity(source: Source, effects: Effects, wrt: Sequence[str]) -> Activity:
    return Activity(source.tree, wrt, effects.is_pure, effects.is_fresh, effects.has_state, effects.is_container)


def _without_unused(source: Source) -> Source:
    """The function without those defined in it that nothing refers to any longer."""
    read_names = {n.id for n in gast.walk(source.tree) if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Load)}
    tree = copy(source.tree)
    tree.body = [
        stmt
        for stmt in source.tree.body
        if not isinstance(stmt, gast.FunctionDef) or stmt.name in read_names or stmt.decorator_list
    ]
    return replace(source, tree=tree)


def _written_out(source: Source, effects: Effects, activity: Activity, node: Any) -> Source | None:
    if not isinstance(node, gast.Call) or not isinstance(node.func, gast.Name):
        return None
    local = [one for one in source.tree.body if isinstance(one, gast.FunctionDef) and one.name == node.func.id]
    if len(local) == 1 and not local[0].decorator_list and assigned(source.tree.body).count(node.func.id) == 1:
        (tree,) = local
        if not activity.is_active(node) or _calls_itself(source.tree, tree):
            return None
        if not any(_is_foreign_call(effects, one) for one in gast.walk(tree)):
            return None
        constants = _constant_defaults(tree)
        return None if constants is None else _inlined(source, node, Called(tree, constants, {}), source)
    if not any(map(activity.is_active, [*node.args, *(keyword.value for keyword in node.keywords)])):
        return None  # it is left to Python as a whole
    function = effects.outside(node.func)
    if not isinstance(function, FunctionType) or is_of_library(function):
        return None
    try:
        own = read(function)
    except SrcadError:
        return None
    inside = Effects(own, {})
    return _of_outside(source, node, own) if any(_is_foreign_call(inside, n) for n in gast.walk(own.tree)) else None


def _calls_itself(around: Any, tree: Any) -> bool:
    """Whether a function in another one calls itself, perhaps by others there, as far as names say."""
    local = {one.name: one for one in around.body if isinstance(one, gast.FunctionDef)}
    reached: set[str] = set()
    pending = [tree]
    while pending:
        new = loads(pending.pop()).keys() & local.keys() - reached
        reached |= new
        pending += [local[name] for name in new]
    return tree.name in reached


def _is_foreign_call(effects: Effects, node: Any) -> bool:
    """Whether a node is a call of what may do more than compute, as far as names say."""
    if not isinstance(node, gast.Call):
        return False
    return not effects.is_pure(node) or effects.has_effect(node.func)


def _constant_defaults(tree: Any) -> dict[str, Any] | None:
    spec = tree.args
    positional = [*spec.posonlyargs, *spec.args]
    pairs = [*zip(positional[len(positional) - len(spec.defaults) :], spec.defaults, strict=True)]
    pairs += [(p, d) for p, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None]
    if not all(isinstance(default, gast.Constant) for _, default in pairs):
        return None
    return {parameter.id: default for parameter, default in pairs}


def _of_outside(source: Source, call: Any, own: Source) -> Source | None:
    """The caller with a function of a module, or of a closure, written out."""
    taken = {n.id for n in gast.walk(source.tree) if isinstance(n, gast.Name)} | source.closure.keys()
    taken |= {n.name for n in gast.walk(source.tree) if isinstance(n, gast.FunctionDef)}
    closure: dict[str, Any] = dict(source.closure)
    outside: dict[str, str] = {}

    def variable(name: str, cell: Any) -> str:
        found = next(n for n in _names(name) if n not in taken)
        taken.add(found)
        closure[found] = cell
        return found

    for name in sorted(_free_names(own.tree)):
        if name in own.closure:
            outside[name] = variable(name, own.closure[name])
        elif name in own.globals:
            if own.globals is source.globals and name not in _bound_in(source):
                continue
            outside[name] = variable(name, OutsideVariable(name, own.globals))
        elif hasattr(builtins, name) and name in _bound_in(source) | source.globals.keys():
            outside[name] = variable(name, OutsideVariable(name, vars(builtins)))
    defaults: dict[str, Any] = {}
    for name, value in own.defaults.items():
        if value is None or type(value) in (bool, int, float, str):
            defaults[name] = gast.copy_location(gast.Constant(value, None), call)
        else:
            alias = variable(name, CellType(value))
            defaults[name] = gast.copy_location(gast.Name(alias, gast.Load(), None, None), call)
    called = Called(own.tree, defaults, outside, own.name)
    return _inlined(replace(source, closure=closure), call, called, own)


def _inlined(source: Source, call: Any, called: Called, own: Source) -> Source | None:
    made = inlined(source.tree, call, called, at_call=own.file != source.file)
    return None if made is None else replace(source, tree=made)


def _names(name: str) -> Iterator[str]:
    yield name
    count = 0
    while True:
        count += 1
        yield f"{name}_{count}"


def _free_names(tree: Any) -> set[str]:
    nodes = [node for node in gast.walk(tree) if isinstance(node, gast.Name)]
    stored = {node.id for node in nodes if not isinstance(node.ctx, gast.Load)}
    stored |= {node.name for node in gast.walk(tree) if isinstance(node, gast.FunctionDef)}
    return {node.id for node in nodes} - stored


def _bound_in(source: Source) -> set[str]:
    nodes = list(own_nodes(source.tree))
    bound = {node.id for node in nodes if isinstance(node, gast.Name) and not isinstance(node.ctx, gast.Load)}
    return bound | {node.name for node in nodes if isinstance(node, gast.FunctionDef)} | source.closure.keys()
