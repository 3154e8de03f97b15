"""Lowering of statements that bind or unbind names without computing: inner functions, imports, `del`."""

from __future__ import annotations

import importlib
from typing import Any

import gast

from srcad.frontend.calls.objects import delete_attribute
from srcad.frontend.lowering.expressions import defaults_of
from srcad.frontend.lowering.indexing import position_of, static_slice
from srcad.frontend.lowering.overloading import special
from srcad.frontend.values.abstract_values import UNBOUND, Abstract, Closure, Constant, HeapRef, Partial, SliceValue
from srcad.frontend.values.cells import owner_of_nonlocal, set_cell
from srcad.frontend.values.constants import key_of
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.definedness import set_bound, set_unbound
from srcad.frontend.values.growing_lists import refuse_change
from srcad.frontend.values.name_resolution import lookup
from srcad.frontend.values.variable_naming import bind_name


def function_definition(ctx: Context, node: Any) -> None:
    """`def` inside a function: a closure, to which its decorators are applied from the inside out."""
    decorators = [(one, ctx.expression(one)) for one in node.decorator_list]
    ctx.frame.names[node.name] = Closure(node, ctx.frame, defaults_of(ctx, node.args))
    set_bound(ctx, node.name)
    for one, decorator in reversed(decorators):
        if not _is_of_numba(decorator):
            with ctx.at(one):
                bind_name(ctx, node.name, ctx.call(decorator, lookup(ctx, node.name)))


def _is_of_numba(decorator: Abstract) -> bool:
    while isinstance(decorator, Partial):
        decorator = decorator.function
    module = getattr(decorator.value, "__module__", "") if isinstance(decorator, Constant) else ""
    return str(module).startswith("numba")


def import_modules(ctx: Context, node: Any) -> None:
    """`import a.b as c` inside a function. The module is imported while compiling."""
    for alias in node.names:
        module = _module(ctx, alias.name, None)
        if alias.asname is None and "." in alias.name:
            module = _module(ctx, alias.name.partition(".")[0], None)
        bind_name(ctx, alias.asname or alias.name.partition(".")[0], Constant(module))


def import_names(ctx: Context, node: Any) -> None:
    """`from a import b as c` inside a function."""
    package = str(ctx.frame.source.globals.get("__package__") or "")
    module = _module(ctx, "." * (node.level or 0) + (node.module or ""), package)
    for alias in node.names:
        if not hasattr(module, alias.name):
            bind_name(ctx, alias.asname or alias.name, Constant(_module(ctx, f"{module.__name__}.{alias.name}", None)))
        else:
            bind_name(ctx, alias.asname or alias.name, ctx.attribute(Constant(module), alias.name))


def _module(ctx: Context, name: str, package: str | None) -> Any:
    try:
        return importlib.import_module(name, package)
    except Exception as error:
        ctx.fail("S112", f"import of {name}: {type(error).__name__}: {error}")


def nonlocal_names(ctx: Context, node: Any) -> None:
    """`nonlocal x`: the variable of a function around this one that is part of what is compiled."""
    for name in node.names:
        if owner_of_nonlocal(ctx.frame, name) is None:
            ctx.fail(
                "S108",
                f"nonlocal {name}: a variable of a function outside of what is differentiated is assigned to",
                "A gradient that changed it would not be a function of its arguments.",
                "return the new value, and bind it where the function is called.",
            )


def delete(ctx: Context, node: Any) -> None:
    """`del x, xs[0], d["key"], body.v`."""
    for target in node.targets:
        with ctx.at(target):
            match target:
                case gast.Name(id=name):
                    lookup(ctx, name)
                    cell = owner_of_nonlocal(ctx.frame, name)
                    if cell is not None:
                        set_cell(ctx, cell, UNBOUND)
                    else:
                        ctx.frame.names[name] = UNBOUND
                        set_unbound(ctx, name)
                case gast.Attribute(value=holder, attr=attr):
                    delete_attribute(ctx, ctx.check(ctx.expression(holder)), attr)
                case gast.Subscript(value=holder, slice=items):
                    _delete_item(ctx, ctx.check(ctx.expression(holder)), ctx.check(ctx.expression(items)))
                case gast.Tuple(elts=parts) | gast.List(elts=parts):
                    delete(ctx, gast.copy_location(gast.Delete(parts), node))


def _delete_item(ctx: Context, value: Abstract, items: Abstract) -> None:
    if special(ctx, value, "__delitem__", items) is not None:
        return
    if not isinstance(value, HeapRef) or value.kind == "object":
        ctx.fail("S109", f"del of an item of {describe_value(value)}")
    if value.kind == "list" and isinstance(items, SliceValue):
        ctx.changes(value)
        cells = ctx.heap[value.id]
        if cells.grown or cells.shared:
            refuse_change(ctx, value.id)
        left = list(cells.items)
        del left[static_slice(ctx, items)]
        ctx.heap[value.id] = cells.with_items(tuple(left))
        return
    key = ctx.constant(position_of(ctx, items)) if value.kind == "list" else Constant(key_of(ctx, items))
    ctx.call(ctx.attribute(value, "pop"), key)
