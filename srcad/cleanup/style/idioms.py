"""Rewriting of statements into idiomatic Python, the last pass before printing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import blocks, map_expr, rewrite, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.typing.typeof import typeof


def idiomatic_form(block: Block, types: Mapping[str, Type], reverse: int = 0) -> Block:
    """Write `x += e` for `x = x + e`, `row *= e` for `row[:] *= e`, `-a * b` for `-(a * b)`.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(idiomatic_form(parse('''
    ... turns = turns + 1
    ... d_x = -(a * b)
    ... '''), {"turns": Scalar("int64"), "a": Scalar("float64"), "b": Scalar("float64")})))
    turns += 1
    d_x = (-a) * b

    Scalars are immutable: `x += e` rebinds the name, as `x = x + e` does. Before the position `reverse` (the forward
    sweep), the user's own choice is kept.
    """
    forward = tuple(_statement(s, types, False) for s in block[:reverse])
    return forward + tuple(_statement(s, types, True) for s in block[reverse:])


def _statement(stmt: Stmt, types: Mapping[str, Type], reverse: bool) -> Stmt:
    stmt = with_blocks(stmt, [tuple(_statement(s, types, reverse) for s in b) for b in blocks(stmt)])
    match stmt:
        case Assign(target, Op("+" | "-" | "*" | "/" as prim, (a, b))) if _is_numeric_scalar(types.get(target), prim):
            if _is_augmented(stmt, prim, reverse):
                if a == Var(target):
                    stmt = AugAssign(target, prim, b, stmt.span)
                elif b == Var(target) and prim == "+" and reverse:
                    stmt = AugAssign(target, prim, a, stmt.span)
        case Assign(target, Op("machine.plus", (Var(same), Op("neg", (term,))))) if same == target:
            stmt = AugAssign(target, "-", term, stmt.span, free=True)
        case Assign(target, Op("machine.plus", (Var(same), term))) if same == target:
            stmt = AugAssign(target, "+", term, stmt.span, free=True)
        case For("_", Op("-", (trip_count, Const(1))), Const(-1), Const(-1)):
            stmt = replace(stmt, start=Const(0), stop=trip_count, step=Const(1))
    if isinstance(stmt, Store) and stmt.op is not None and stmt.index and isinstance(stmt.base, Var):
        stmt = replace(stmt, index=()) if all(item == Slice() for item in stmt.index) else stmt
    if not blocks(stmt):
        stmt = rewrite(stmt, lambda e: map_expr(e, _short_copy))
        stmt = rewrite(stmt, lambda e: map_expr(e, lambda part: _signed(part, types))) if reverse else stmt
    return stmt


def _is_numeric_scalar(known: Type | None, prim: str) -> bool:
    return isinstance(known, Scalar) and (known.dtype != "int64" or prim != "/") and known.dtype != "bool"


def _is_augmented(stmt: Assign, prim: str, reverse: bool) -> bool:
    """Whether to write `x += e`: the user did, or no line of the user's assigns the name."""
    text = "" if stmt.span is None else stmt.span.text
    if reverse or not re.search(rf"\b{re.escape(stmt.target)}\b.*=", text):
        return prim in ("+", "-")
    return re.search(rf"[\w\])]\s*{re.escape(prim)}=", text) is not None


def _short_copy(expr: Expr) -> Expr:
    match expr:
        case Op("copy", (Op("index", (x, *items)),), static) if all(item == Slice() for item in items):
            return Op("copy", (x,), static)
    return expr


def _signed(expr: Expr, types: Mapping[str, Type]) -> Expr:
    """`-(a * b)` with the sign at `a`, which changes no bit of the result."""
    match expr:
        case Op("neg", (Op("*" | "/", (first, _)) as product,)) if not isinstance(first, Op) or first.prim != "neg":
            while isinstance(first, Op) and first.prim in ("*", "/"):
                first = first.args[0]
            known = typeof(first, types)
            if isinstance(known, Scalar | Array) and known.dtype.startswith("float"):
                return _with_sign(product)
    return expr


def _with_sign(product: Expr) -> Expr:
    if isinstance(product, Op) and product.prim in ("*", "/"):
        return Op(product.prim, (_with_sign(product.args[0]), *product.args[1:]))
    return Op("neg", (product,))
