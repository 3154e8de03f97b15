"""Variables of the user give their names to the values assigned to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from srcad.frontend.context import Context
from srcad.frontend.joins import fresh_of, kind_of
from srcad.frontend.values import Abstract, Leaf, Ref, map_structure
from srcad.ir.nodes import Assign, Var
from srcad.ir.types import Array, Dim, Scalar, Symbol, Type


def bind_name(ctx: Context, name: str, value: Abstract) -> None:
    """Assign a value to a variable: `x = a * b` is one statement, `x = y` a copy of a reference."""
    if isinstance(value, Leaf):
        value = adopt(ctx, value, name)
        assert isinstance(value, Leaf)
        if isinstance(value.atom, Var) and value.atom.name in ctx.adopted:
            ctx.adopted.discard(value.atom.name)
        elif not ctx.frame.library:
            target = fresh_of(ctx.builder, name, kind_of(ctx.builder, value))
            ctx.builder.emit(Assign(target.name, value.atom, ctx.builder.span))
            if ctx.is_undefined(value):
                ctx.undefined.add(target.name)
            value = Leaf(target, ctx.builder.typeof(target), value.static)
    ctx.frame.names[name] = value


def adopt(ctx: Context, value: Abstract, name: str) -> Abstract:
    """Give the temporary written by the statement before the name of the variable it is for."""
    builder = ctx.builder
    last = builder.statements[-1] if builder.statements else None
    if not isinstance(value, Leaf) or not isinstance(value.atom, Var) or not isinstance(last, Assign):
        return value
    old = value.atom.name
    if last.target != old or not old.startswith("%") or old in ctx.adopted or _is_held(ctx, value.atom):
        return value
    new = builder.fresh(ctx.base(name), builder.types[old])
    builder.types[new.name] = _renamed(builder.types.pop(old), old, new.name)
    if old in builder.strong:
        builder.strong.add(new.name)
    builder.statements[-1] = Assign(new.name, last.value, last.span)
    ctx.adopted.add(new.name)
    return Leaf(new, builder.types[new.name], value.static)


def _is_held(ctx: Context, atom: Var) -> bool:
    """Whether a variable, or a list or dict, holds the value too, which would then have to be renamed there."""
    found = False

    def look(part: Any) -> Any:
        nonlocal found
        if isinstance(part, Leaf):
            found |= part.atom == atom
        elif not isinstance(part, Ref):
            map_structure(part, look)
        return part

    frames, seen = [ctx.frame], set()
    while frames:
        frame = frames.pop()
        if id(frame) in seen:
            continue
        seen.add(id(frame))
        frames += [other for other in (frame.parent, frame.caller) if other is not None]
        for value in frame.names.values():
            look(value)
    for cells in ctx.heap.values():
        for item in cells.items:
            look(item)
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
    total = Dim((), d.const)
    for symbol, coefficient in d.terms:
        name = new if symbol.name == old else symbol.name
        total = total + Dim(((Symbol(name, symbol.axis, symbol.many), coefficient),))
    return total
