"""What an inner function reads from the functions around it, as parameters: it may then stand beside its callers.

Variables become parameters, and inner functions that it calls are defined anew around it (lambda lifting). What it
assigns outside of itself has no place in that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gast

from srcad.frontend.calls.parameters import NotKept
from srcad.frontend.source.scopes import assigned, loads
from srcad.frontend.syntax.prepared_trees import as_function
from srcad.frontend.values.abstract_values import UNBOUND, Abstract, Closure, Constant, Leaf, TypeConflict
from srcad.frontend.values.cells import cell_value, declared_nonlocal, is_cell
from srcad.frontend.values.context import Context, Frame


@dataclass(frozen=True)
class Surroundings:
    """What is around an inner function, where it is lowered on its own."""

    variables: tuple[tuple[str, str], ...] = ()
    """The parameters that stand for variables, and the names of these."""
    functions: tuple[tuple[str, Any, tuple[tuple[str, Abstract], ...]], ...] = ()
    """Inner functions: name, tree and default values, which are known while compiling."""

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal where the same functions are around it."""
        return self.variables, tuple((name, id(tree)) for name, tree, _ in self.functions)

    def frame(self, like: Frame, values: dict[str, Abstract]) -> Frame:
        """A frame with these names, of which the parameters are taken out of `values`."""
        own = Frame(like.source, like.source.tree, like.library, frozenset(), node=like.node)
        own.names |= {name: values.pop(parameter) for parameter, name in self.variables}
        own.names |= {name: Closure(tree, own, defaults) for name, tree, defaults in self.functions}
        return own


def surroundings(
    ctx: Context, closure: Closure, parameters: Mapping[str, Abstract]
) -> tuple[Surroundings, dict[str, Abstract]]:
    """What is around an inner function, and the values of the variables; `NotKept` where it cannot be parameters."""
    found: dict[str, tuple[Frame, Abstract]] = {}
    pending = [closure]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if id(one.tree) in seen:
            continue
        seen.add(id(one.tree))
        for name in _read_around(one.tree):
            owner = _owner(one.frame, name)
            if owner is None:
                continue
            value = owner.names.get(name, UNBOUND)
            value = cell_value(ctx, owner, value, name) if is_cell(value) else value  # type: ignore[arg-type]
            if value is UNBOUND or isinstance(value, TypeConflict):
                continue
            if name in found and found[name][0] is not owner:
                raise NotKept(f"{name} is the name of two variables around it")
            found[name] = owner, value
            if isinstance(value, Closure):
                pending.append(value)
    taken, variables, functions = set(parameters), {}, []
    for name, (_, value) in sorted(found.items()):
        if isinstance(value, Closure):
            functions.append((name, value.tree, _known(name, value.defaults)))
            continue
        parameter = name
        while parameter in taken:
            parameter += "_outer"
        taken.add(parameter)
        variables[parameter] = name
    values = {parameter: found[name][1] for parameter, name in variables.items()}
    return Surroundings(tuple(variables.items()), tuple(functions)), values


def _read_around(tree: Any) -> list[str]:
    """The names that an inner function may read from around it."""
    function = as_function(tree) if isinstance(tree, gast.Lambda) else tree
    inner = [node for node in gast.walk(function) if isinstance(node, gast.FunctionDef)]
    stored = declared_nonlocal(function).union(*(declared_nonlocal(one) for one in inner if one is not function))
    own = {node.id for node in gast.walk(function.args) if isinstance(node, gast.Name)} | set(assigned(function.body))
    outside = stored - own | declared_nonlocal(function)
    if outside:
        raise NotKept(f"it assigns {sorted(outside)[0]}, a variable around it")
    return sorted(name for name in loads(function) if name not in own)


def _owner(frame: Frame | None, name: str) -> Frame | None:
    """The frame around that has the variable; None for one from outside."""
    while frame is not None:
        if name in frame.names or name in frame.locals:
            return frame
        frame = frame.parent
    return None


def _known(name: str, defaults: tuple[tuple[str, Abstract], ...]) -> tuple[tuple[str, Abstract], ...]:
    for _, value in defaults:
        if not isinstance(value, Constant) and not (isinstance(value, Leaf) and value.known):
            raise NotKept(f"{name} has a default value that is known only at run time")
    return defaults
