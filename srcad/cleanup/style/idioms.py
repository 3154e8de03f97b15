"""Rewriting of statements into idiomatic Python, the last pass before printing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Op, Slice, Stmt, Store, Var
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import blocks, map_expr, rewrite, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.traits import IN_PLACE
from srcad.typing.kinds import rank_of
from srcad.typing.typeof import typeof


def idiomatic_form(block: Block, types: Mapping[str, Type], reverse: int = 0) -> Block:
    """Write `x += e` for `x = x + e`, `row *= e` for `row[:] = row[:] * e`, `-a * b` for `-(a * b)`.

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
    shared = may_alias(block, types)
    forward = tuple(_statement(s, types, shared, False) for s in block[:reverse])
    return forward + tuple(_statement(s, types, shared, True) for s in block[reverse:])


def _statement(stmt: Stmt, types: Mapping[str, Type], shared: MayAlias, reverse: bool) -> Stmt:
    stmt = with_blocks(stmt, [tuple(_statement(s, types, shared, reverse) for s in b) for b in blocks(stmt)])
    match stmt:
        case Assign(target, Op("+" | "-" | "*" | "/" as prim, (a, b))) if _is_numeric_scalar(types.get(target), prim):
            if _is_augmented(stmt, prim, reverse):
                if a == Var(target):
                    stmt = AugAssign(target, prim, b, stmt.span)
                elif b == Var(target) and prim == "+" and reverse:
                    stmt = AugAssign(target, prim, a, stmt.span)
        case Store(value=Op("copy", (x,))) if stmt.op is not None and not _overlaps(stmt, x, shared):
            stmt = replace(stmt, value=x)
        case Store(value=value) if _is_overwritten_view(stmt, value, shared):
            stmt = replace(stmt, value=Op("copy", (value,)))
        case Store(value=Op(prim, (a, b)), op=None) if prim in IN_PLACE:
            for old, other in ((a, b), (b, a))[: 2 if reverse and prim == "*" else 1]:
                if (
                    _is_content(stmt, old)
                    and _may_update_in_place(stmt, other, types)
                    and not _overlaps(stmt, other, shared)
                ):
                    stmt = replace(stmt, op=prim, value=other)
                    break
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


def _content(stmt: Store) -> Expr:
    """The content of the target before the store."""
    if isinstance(stmt.base, Op) and stmt.base.prim == "index" and not stmt.index:
        return stmt.base
    return Op("index", (stmt.base, *(stmt.index or (Slice(),))))


def _is_content(stmt: Store, value: Expr) -> bool:
    whole = all(item == Slice() for item in stmt.index)
    return value == _content(stmt) or (whole and value == stmt.base)


def _may_update_in_place(stmt: Store, value: Expr, types: Mapping[str, Type]) -> bool:
    """Whether the in-place operation has the dtype of the target and does not broadcast it to a larger shape."""
    place, given = typeof(_content(stmt), types), typeof(value, types)
    if not isinstance(place, Scalar | Array) or not isinstance(given, Scalar | Array):
        return False
    whole = typeof(stmt.value, types)
    same = isinstance(whole, Scalar | Array) and whole.dtype == place.dtype
    rank = place.rank if isinstance(place, Array) else 0
    return same and (given.rank if isinstance(given, Array) else 0) <= rank


def _overlaps(stmt: Store, value: Expr, shared: MayAlias) -> bool:
    """Whether an array operand may overlap the target: Numba would read elements that it has just written."""
    if shared.is_element(_content(stmt)) or _is_content(stmt, value):
        return False
    name = root(stmt.base)
    return name is None or shared.class_of(name) in shared.reads_contents(value)


def _is_overwritten_view(stmt: Store, value: Expr, shared: MayAlias) -> bool:
    """Whether the stored value may be a view that the store itself modifies, so that it must be copied first.

    Numba's in-place updates read what they have just written. For a simple store, Numba always makes the copy, NumPy
    only where the strides of the two agree: not for `x[::2] = x[:3]`.
    """
    if not roots(value) or rank_of(value, shared.types) == 0 or not _overlaps(stmt, value, shared):
        return False
    return (
        stmt.op is not None or _dense_base(_content(stmt)) is None or _dense_base(_content(stmt)) != _dense_base(value)
    )


def _dense_base(view: Expr) -> str | None:
    """The array of a view without gaps along any axis; None where its strides may differ from those of the array."""
    match view:
        case Var(name):
            return name
        case Op("index", (Var(name), *items)):
            dense = all(not isinstance(item, Slice) or item.step in (None, Const(1), Const(-1)) for item in items)
            return name if dense else None
    return None


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
