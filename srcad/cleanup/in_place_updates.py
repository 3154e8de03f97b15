"""Decide which array updates happen in place, and copy what such an update would read too late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.memory.flow_sensitive_aliases import aliases_at_stores
from srcad.analysis.memory.liveness import Path
from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.ir.nodes import Block, Const, Expr, For, If, Op, Slice, Stmt, Store, Var, While
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import blocks, names, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.traits import IN_PLACE
from srcad.typing.kinds import rank_of
from srcad.typing.typeof import typeof

_PARTS = {If: ("then", "orelse"), For: ("body",), While: ("test", "body")}
"""The names of the blocks nested in a statement, in a `Path`."""


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
    overlap = _Overlap(may_alias(block, types), aliases_at_stores(block, types))

    def updated(stmt: Stmt, path: Path, reverse: bool) -> Stmt:
        inner = (
            tuple(updated(s, (*path, part, i), reverse) for i, s in enumerate(b))
            for part, b in zip(_PARTS.get(type(stmt), ()), blocks(stmt), strict=True)
        )
        return _update(with_blocks(stmt, inner), path, types, overlap, reverse)

    return tuple(updated(s, (i,), i >= reverse) for i, s in enumerate(block))


def _update(stmt: Stmt, path: Path, types: Mapping[str, Type], overlap: _Overlap, reverse: bool) -> Stmt:
    match stmt:
        case Store(value=Op("copy", (x,))) if stmt.op is not None and not overlap.at(stmt, x, path):
            return replace(stmt, value=x)
        case Store(value=value) if overlap.of_view(stmt, value, path):
            return replace(stmt, value=Op("copy", (value,)))
        case Store(value=Op(prim, (a, b)), op=None) if prim in IN_PLACE:
            for old, other in ((a, b), (b, a))[: 2 if reverse and prim == "*" else 1]:
                if (
                    _is_content(stmt, old)
                    and _may_update_in_place(stmt, other, types)
                    and not overlap.at(stmt, other, path)
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


class _Overlap:
    """Whether what a store reads may be what it writes: Numba would read elements that it has just written."""

    def __init__(self, shared: MayAlias, aliases: Mapping[Path, frozenset[str]]) -> None:
        self.shared = shared
        self.aliases = aliases

    def at(self, stmt: Store, value: Expr, path: Path) -> bool:
        """Whether an array operand may overlap the target."""
        if self.shared.is_element(_content(stmt)) or _is_content(stmt, value):
            return False
        name = root(stmt.base)
        if name is None:
            return True
        # one class may be of one array at one point, and of another at the next
        return self.shared.class_of(name) in self.shared.reads_contents(value) and not self.aliases[path].isdisjoint(
            names(value)
        )

    def of_view(self, stmt: Store, value: Expr, path: Path) -> bool:
        """Whether the stored value may be a view that the store itself modifies, so that it must be copied first.

        Numba's in-place updates read what they have just written. For a simple store, Numba always makes the copy,
        NumPy only where the strides of the two agree: not for `x[::2] = x[:3]`.
        """
        if not roots(value) or rank_of(value, self.shared.types) == 0 or not self.at(stmt, value, path):
            return False
        return (
            stmt.op is not None
            or _dense_base(_content(stmt)) is None
            or _dense_base(_content(stmt)) != _dense_base(value)
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
