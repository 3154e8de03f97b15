"""Naming of IR values after the user's variables they are assigned to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from srcad.frontend.values.abstract_values import Abstract, GeneratorValue, HeapRef, Leaf, map_structure
from srcad.frontend.values.cells import owner_of_nonlocal, set_cell
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import fresh_of
from srcad.frontend.values.definedness import set_bound
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Stmt, Var
from srcad.ir.traversal import stmt_reads
from srcad.ir.types import Array, Dim, Scalar, Type, dim


def bind_name(ctx: Context, name: str, value: Abstract) -> None:
    """Assign a value to a variable: `x = a * b` is one statement, `x = y` copies a reference.

    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "__main__"  # a user's function
    >>> def f(a, b):
    ...     x = a * b
    ...     y = x
    ...     return y
    >>> print(text(normal_form(f, 1.0, 2.0)))
    f(a: float64, b: float64):
        x.0 = a * b
        return x.0
    """
    if isinstance(value, Leaf):
        value = adopt(ctx, value, name)
        assert isinstance(value, Leaf)
        if isinstance(value.atom, Var) and value.atom.name in ctx.just_named:
            ctx.just_named.discard(value.atom.name)
        elif not ctx.frame.library:
            target = fresh_of(ctx.builder, name, ctx.builder.typeof(value.atom))
            ctx.builder.emit(Assign(target.name, value.atom, ctx.builder.span))
            if ctx.is_undefined(value):
                ctx.undefined.add(target.name)
            value = Leaf(target, ctx.builder.typeof(target), value.static)
    cell = owner_of_nonlocal(ctx.frame, name)
    if cell is not None:
        set_cell(ctx, cell, value)
        return
    ctx.frame.names[name] = value
    set_bound(ctx, name)


def adopt(ctx: Context, value: Abstract, name: str) -> Abstract:
    """Rename a temporary that was just defined, and is not yet read, to the variable it is assigned to."""
    builder = ctx.builder
    if not isinstance(value, Leaf) or not isinstance(value.atom, Var):
        return value
    old = value.atom.name
    if not is_temporary(old) or old in ctx.just_named:
        return value
    at = _definition(builder.statements, old)
    if at is None or _is_referenced(ctx, value.atom):
        return value
    definition = builder.statements[at]
    assert isinstance(definition, Assign)
    new = builder.fresh(ctx.base(name), builder.types[old])
    builder.types[new.name] = _renamed(builder.types.pop(old), old, new.name)
    if value.atom in builder.definitions:
        builder.definitions[new] = builder.definitions.pop(value.atom)
    builder.statements[at] = Assign(new.name, definition.value, definition.span)
    ctx.just_named.add(new.name)
    return Leaf(new, builder.types[new.name], value.static)


def _definition(statements: list[Stmt], name: str) -> int | None:
    """The position among the last few statements of the definition of a name, if none after it reads the name."""
    for at in range(len(statements) - 1, max(-1, len(statements) - _RECENT), -1):
        stmt = statements[at]
        if isinstance(stmt, Assign) and stmt.target == name:
            return at
        if not isinstance(stmt, Assign) or name in stmt_reads(stmt):
            return None
    return None


_RECENT = 6


def _is_referenced(ctx: Context, atom: Var) -> bool:
    """Whether a variable, or a list or dict, refers to the value too, and would have to be renamed there."""
    found = False

    def visit(part: Any) -> Any:
        nonlocal found
        if isinstance(part, Leaf):
            found |= part.atom == atom
        elif isinstance(part, GeneratorValue):
            frames.append(part.frame)
        elif not isinstance(part, HeapRef):
            map_structure(part, visit)
        return part

    frames, seen = [ctx.frame], set()
    while frames:
        frame = frames.pop()
        if id(frame) in seen:
            continue
        seen.add(id(frame))
        frames += [other for other in (frame.parent, frame.caller) if other is not None]
        for value in frame.names.values():
            visit(value)
    for cells in ctx.heap.values():
        for item in cells.items:
            visit(item)
    for items in ctx.pending_items:
        for item in items:
            visit(item)
    return found


def _renamed(type: Type, old: str, new: str) -> Type:
    match type:
        case Scalar(_, Dim() as value):
            return replace(type, dim=_renamed_dim(value, old, new))
        case Array(dims=dims):
            return replace(type, dims=tuple(_renamed_dim(d, old, new) for d in dims))
        case _:
            return type


def _renamed_dim(d: Dim, old: str, new: str) -> Dim:
    if not any(symbol.name == old for symbol, _ in d.terms):
        return d
    return d.replaced(lambda symbol: dim(replace(symbol, name=new) if symbol.name == old else symbol))
