"""Views of rows, and names of lengths, replaced by what they are: a thread has elements, and no views."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.loops.concurrent_iterations import is_of_lengths
from srcad.ir.nodes import Assign, Block, Const, Expr, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import (
    blocks,
    defined,
    map_expr,
    names,
    own_writes,
    rewrite,
    walk,
    with_blocks,
    without_definitions,
)
from srcad.ir.types import Array, Scalar, Type


def without_row_views(body: Block, types: Mapping[str, Type]) -> Block:
    """The body without the names of rows `x[i]` and of lengths, where what is in the index does not change in it.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> types = {"x": Array("float64", (dim(3), dim(2))), "row": Array("float64", (dim(2),))}
    >>> print(show(without_row_views(parse("row = x[i]\\nfor k in range(len(row)):\\n    y[k] = row[k]"), types)))
    for k in range(shape(x, axis=1)):
        y[k] = x[i, k]
    """
    while True:
        if view := next(filter(None, (_view(stmt, body, types) for stmt in walk(body))), None):
            body = _replaced(body, *view)
        elif length := next(filter(None, (_length(stmt, body, types) for stmt in walk(body))), None):
            body = without_definitions(body, {length.target: length.value})
        else:
            return body


def _length(stmt: Stmt, body: Block, types: Mapping[str, Type]) -> Assign | None:
    """A name of a length that is the same in all iterations."""
    match stmt:
        case Assign(name, Op() as value) if is_of_lengths(value) and not names(value) & defined(body):
            kind = types.get(name)
            return stmt if isinstance(kind, Scalar) and kind.dtype == "int64" and _once(name, body) else None
    return None


def _once(name: str, body: Block) -> bool:
    return sum(name in own_writes(stmt) for stmt in walk(body)) == 1


def _view(stmt: Stmt, body: Block, types: Mapping[str, Type]) -> tuple[str, str, tuple[Expr, ...]] | None:
    match stmt:
        case Assign(name, Op("index", (Var(of), *items))) if isinstance(types.get(name), Array):
            changed = defined(body)
            fixed = all(not isinstance(e, Slice) and e != Const(None) and not names(e) & changed for e in items)
            if _once(name, body) and fixed and of not in changed:
                return name, of, tuple(items)
    return None


def _replaced(body: Block, name: str, of: str, items: tuple[Expr, ...]) -> Block:
    def expr(e: Expr) -> Expr:
        match e:
            case Op("index", (Op("index", (Var(base), *first)), *more)) if base == of and tuple(first) == items:
                return Op("index", (Var(of), *first, *more))
            case Op("shape", (Op("index", (Var(base), *first)),), static) if base == of and tuple(first) == items:
                axis = dict(static)["axis"]
                assert isinstance(axis, int)
                return Op("shape", (Var(of),), (("axis", axis + len(items)),))
            case Op("len", (Op("index", (Var(base), *first)),)) if base == of and tuple(first) == items:
                return Op("shape", (Var(of),), (("axis", len(items)),))
        return Op("index", (Var(of), *items)) if e == Var(name) else e

    def kept(stmt: Stmt) -> bool:
        return not (isinstance(stmt, Assign) and stmt.target == name)

    def stored(stmt: Stmt) -> Stmt:
        stmt = with_blocks(stmt, [tuple(map(stored, filter(kept, b))) for b in blocks(stmt)])
        if isinstance(stmt, Store) and stmt.base == Op("index", (Var(of), *items)):
            return Store(Var(of), (*items, *stmt.index), stmt.value, stmt.op, stmt.span, stmt.free)
        return stmt

    changed = (rewrite(stmt, lambda e: map_expr(e, expr)) for stmt in filter(kept, body))
    return tuple(map(stored, changed))
