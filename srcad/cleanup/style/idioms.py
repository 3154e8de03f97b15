"""Statements in the form that a person would type them: the last touch, once all names are final."""

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
from srcad.typing.typeof import typeof


def idiomatic_form(block: Block, types: Mapping[str, Type], reverse: int = 0) -> Block:
    """`x += e` for `x = x + e`, `row *= e` for `row[:] = row[:] * e`, `-a * b` for `-(a * b)`.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(idiomatic_form(parse('''
    ... turns = turns + 1
    ... d_x = -(a * b)
    ... '''), {"turns": Scalar("int64"), "a": Scalar("float64"), "b": Scalar("float64")})))
    turns += 1
    d_x = (-a) * b

    A number is a value: `x += e` gives its name a new one, as `x = x + e` does. Before the position `reverse`,
    the forms are those that the user chose.
    """
    shared = may_alias(block, types)
    forward = tuple(_statement(s, types, shared, False) for s in block[:reverse])
    return forward + tuple(_statement(s, types, shared, True) for s in block[reverse:])


def _statement(stmt: Stmt, types: Mapping[str, Type], shared: MayAlias, reverse: bool) -> Stmt:
    stmt = with_blocks(stmt, [tuple(_statement(s, types, shared, reverse) for s in b) for b in blocks(stmt)])
    match stmt:
        case Assign(target, Op("+" | "-" | "*" | "/" as prim, (a, b))) if _is_number(types.get(target), prim):
            if _is_augmented(stmt, prim, reverse):
                if a == Var(target):
                    stmt = AugAssign(target, prim, b, stmt.span)
                elif b == Var(target) and prim == "+" and reverse:
                    stmt = AugAssign(target, prim, a, stmt.span)
        case Store(value=Op("copy", (x,))) if stmt.op is not None and not _overlaps(stmt, x, shared):
            stmt = replace(stmt, value=x)
        case Store(value=value) if _is_read_too_late(stmt, value, shared):
            stmt = replace(stmt, value=Op("copy", (value,)))
        case Store(value=Op(prim, (a, b)), op=None) if prim in IN_PLACE:
            for old, other in ((a, b), (b, a))[: 2 if reverse and prim == "*" else 1]:
                if _is_content(stmt, old) and _fits(stmt, other, types) and not _overlaps(stmt, other, shared):
                    stmt = replace(stmt, op=prim, value=other)
                    break
        case For("_", Op("-", (turns, Const(1))), Const(-1), Const(-1)):
            stmt = replace(stmt, start=Const(0), stop=turns, step=Const(1))
    if isinstance(stmt, Store) and stmt.op is not None and stmt.index and isinstance(stmt.base, Var):
        stmt = replace(stmt, index=()) if all(item == Slice() for item in stmt.index) else stmt
    if not blocks(stmt):
        stmt = rewrite(stmt, lambda e: map_expr(e, _short_copy))
        stmt = rewrite(stmt, lambda e: map_expr(e, lambda part: _signed(part, types))) if reverse else stmt
    return stmt


def _is_number(known: Type | None, prim: str) -> bool:
    return isinstance(known, Scalar) and (known.dtype != "int64" or prim != "/") and known.dtype != "bool"


def _is_augmented(stmt: Assign, prim: str, reverse: bool) -> bool:
    """Whether one would write `x += e`: the user did, or the line has nothing to do with the user's."""
    text = "" if stmt.span is None else stmt.span.text
    if reverse or not re.search(rf"\b{re.escape(stmt.target)}\b.*=", text):
        return prim in ("+", "-")
    return re.search(rf"[\w\])]\s*{re.escape(prim)}=", text) is not None


def _content(stmt: Store) -> Expr:
    """What is at the place before the store."""
    if isinstance(stmt.base, Op) and stmt.base.prim == "index" and not stmt.index:
        return stmt.base
    return Op("index", (stmt.base, *(stmt.index or (Slice(),))))


def _is_content(stmt: Store, value: Expr) -> bool:
    whole = all(item == Slice() for item in stmt.index)
    return value == _content(stmt) or (whole and value == stmt.base)


def _fits(stmt: Store, value: Expr, types: Mapping[str, Type]) -> bool:
    """Whether the operation in place gives the same dtype and does not spread the place over a greater shape."""
    place, given = typeof(_content(stmt), types), typeof(value, types)
    if not isinstance(place, Scalar | Array) or not isinstance(given, Scalar | Array):
        return False
    whole = typeof(stmt.value, types)
    same = isinstance(whole, Scalar | Array) and whole.dtype == place.dtype
    rank = place.rank if isinstance(place, Array) else 0
    return same and (given.rank if isinstance(given, Array) else 0) <= rank


def _overlaps(stmt: Store, value: Expr, shared: MayAlias) -> bool:
    """Whether an array operand may lie across the place: Numba would read what it has just written."""
    if shared.is_element(_content(stmt)) or _is_content(stmt, value):
        return False
    name = root(stmt.base)
    return name is None or shared.class_of(name) in shared.reads_contents(value)


def _is_read_too_late(stmt: Store, value: Expr, shared: MayAlias) -> bool:
    """Whether what is stored may be a view that changes on the way, so that a copy has to be made of it first.

    Numba's updates in place read what they have just written. Both NumPy and Numba make the copy for a plain store,
    but for NumPy where the two have different distances between their elements: `x[::2] = x[:3]`.
    """
    if not roots(value) or shared.rank(value) == 0 or not _overlaps(stmt, value, shared):
        return False
    return stmt.op is not None or _spaced(_content(stmt)) is None or _spaced(_content(stmt)) != _spaced(value)


def _spaced(view: Expr) -> str | None:
    """The array that a view takes all elements of between its ends along each axis; None where there may be gaps."""
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
    """`-(a * b)` with the sign at `a`, which changes no bit."""
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
