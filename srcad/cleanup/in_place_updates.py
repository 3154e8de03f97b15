"""Decide which array updates happen in place, and copy what such an update would read too late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.ir.nodes import Block, Const, Expr, Op, Slice, Stmt, Store, Var
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import blocks, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.traits import IN_PLACE
from srcad.typing.kinds import rank_of
from srcad.typing.typeof import typeof


def update_in_place(block: Block, types: Mapping[str, Type], reverse: int = 0) -> Block:
    """Write `x[i] *= e` for `x[i] = x[i] * e` where no operand may overlap `x[i]`; copy views that may.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Dim
    >>> types = {"x": Array("float64", (Dim((), 9),)), "e": Scalar("float64")}
    >>> print(show(update_in_place(parse('''
    ... x[1:] = x[1:] * e
    ... x[1:] = x[1:] * x[:-1]
    ... x[1:] += x[:-1]
    ... '''), types)))
    x[1:] *= e
    x[1:] = x[1:] * x[:-1]
    x[1:] += copy(x[:-1])

    Numba's updates in place read elements that they have just written, where an operand overlaps the target. Before
    the position `reverse` (the forward sweep), the factors of a product stay in the user's order.
    """
    shared = may_alias(block, types)
    forward = tuple(_statement(s, types, shared, False) for s in block[:reverse])
    return forward + tuple(_statement(s, types, shared, True) for s in block[reverse:])


def _statement(stmt: Stmt, types: Mapping[str, Type], shared: MayAlias, reverse: bool) -> Stmt:
    stmt = with_blocks(stmt, [tuple(_statement(s, types, shared, reverse) for s in b) for b in blocks(stmt)])
    match stmt:
        case Store(value=Op("copy", (x,))) if stmt.op is not None and not _overlaps(stmt, x, shared):
            return replace(stmt, value=x)
        case Store(value=value) if _is_overwritten_view(stmt, value, shared):
            return replace(stmt, value=Op("copy", (value,)))
        case Store(value=Op(prim, (a, b)), op=None) if prim in IN_PLACE:
            for old, other in ((a, b), (b, a))[: 2 if reverse and prim == "*" else 1]:
                if (
                    _is_content(stmt, old)
                    and _may_update_in_place(stmt, other, types)
                    and not _overlaps(stmt, other, shared)
                ):
                    return replace(stmt, op=prim, value=other)
    return stmt


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
