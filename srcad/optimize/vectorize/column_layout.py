"""Columns laid out apart ("structure of arrays"): an array of rows of a few numbers is allocated transposed.

Where a loop over j reads `x[j, 0]`, `x[j, 1]`, `x[j, 2]`, the items of a column are three apart, and vectors of them
have to be put together. The array is the function's own, so it can have any layout: with `x[0, j]` each column is
contiguous. What is copied into it, or returned of it, is transposed then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from srcad.ir.length_exprs import shape_query
from srcad.ir.names import fresh_name
from srcad.ir.nodes import (
    Assign,
    Block,
    Const,
    Expr,
    For,
    Function,
    Op,
    Return,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import root
from srcad.ir.traversal import (
    blocks,
    children,
    map_expr,
    names,
    ops,
    own_exprs,
    own_writes,
    replace_names,
    rewrite_own,
    walk,
)
from srcad.ir.types import Array, Symbol, Type
from srcad.optimize.vectorize.vector_functions import is_vectorizable, local_allocations
from srcad.rules.traits import having

_ALLOCATED = having(lambda p: p.lengths_from == 0 and p.contents in ("zeros", "uninitialised"))
_ALIKE = having(lambda p: p.is_blank and p.contents in ("zeros", "uninitialised") and p.shape_operands == (0,))
FEW = 8
"""Columns that a loop may go through."""
_Item = TypeVar("_Item")
_SWAPPED = (("axes", (1, 0)),)


def lay_out_columns(f: Function) -> Function:
    """Allocate arrays transposed whose last index is always a constant, where a vector loop goes along the one before.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar, dim
    >>> rows = Array("float64", (dim(Symbol("n", None)), dim(2)))
    >>> body = parse('''
    ... y = np.empty(n, 2)
    ... y[...] = x
    ... for i in range(n):
    ...     y[i, 0] += y[i, 1]
    ... result = y
    ... ''')
    >>> types = {"x": rows, "y": rows, "result": rows, **dict.fromkeys("in", Scalar("int64"))}
    >>> print(show(lay_out_columns(Function("f", (), (*body, Return((Var("result"),))), (), types)).body))
    y = np.empty(2, n)
    y[...] = np.transpose(x, axes=(1, 0))
    for i in range(n):
        y[0, i] += y[1, i]
    result = np.empty(shape(y, axis=1), shape(y, axis=0), dtype='float64')
    result[...] = np.transpose(y, axes=(1, 0))
    return result
    """
    uses = _uses(f)
    chosen = {name for name in uses.elements if uses.may_change(name, f.types) and uses.is_worth_it(name)}
    if not chosen:
        return f
    types = dict(f.types)
    for name in chosen:
        t = types[name]
        assert isinstance(t, Array)
        types[name] = replace(t, dims=(*t.dims[:-2], t.dims[-1], t.dims[-2]))
    return replace(f, body=_Rewriting(chosen, f.types, types).block(f.body), types=types)


# ---- how each array is used -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Access:
    column: int | None
    """The last index, where it is a constant; else it is the index of a loop, or nothing simple."""
    over: Literal["few", "row"] | None
    """Where the last index, and no other one, is that of a loop: over a few columns, or along a row of any length."""
    depth: int
    """How many loops are around it, but for those over a few and along the row."""
    is_along: bool
    """Whether the innermost is a vector loop along the axis before the last."""


@dataclass
class _Uses:
    elements: dict[str, list[_Access]] = field(default_factory=dict)
    allocated: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    """Those that are copied as a whole, or returned, or whose shape another one has."""
    refused: set[str] = field(default_factory=set)
    """Those that are used in another way."""

    def may_change(self, name: str, types: Mapping[str, Type]) -> bool:
        t = types.get(name)
        if not isinstance(t, Array) or t.rank < 2 or t.layout != "C" or name not in self.allocated - self.refused:
            return False
        if t.rank > 2 and name in self.whole:
            return False
        return all(one.column is not None or one.over is not None for one in self.elements[name])

    def is_worth_it(self, name: str) -> bool:
        found = self.elements[name]
        most = max(one.depth for one in found)
        columns = {one.column for one in found if one.is_along and one.depth == most}
        # one column of a wide array would not pay for rows that are no longer contiguous
        few = len(columns) > 1 or all(one.over != "row" for one in found)
        return bool(columns) and few and all(one.is_along or one.over == "few" for one in found if one.depth == most)


def _uses(f: Function) -> _Uses:
    uses = _Uses(refused={p.name for p in f.params})
    last = _results(f.body)
    new = local_allocations(f)
    few: set[str] = set()
    around: list[str] = []
    """The indices of the loops around a statement."""

    def block(stmts: Block, depth: int, along: str | None) -> None:
        for stmt in stmts:
            statement(stmt, depth, along)
            if not isinstance(stmt, For | While):
                for inner in blocks(stmt):
                    block(inner, depth, along)
                continue
            if isinstance(stmt, For) and _is_over_few(stmt):
                few.add(stmt.index)
                block(stmt.body, depth, None)
                continue
            few.difference_update(own_writes(stmt))
            around.extend(own_writes(stmt))
            innermost = isinstance(stmt, For) and not any(isinstance(s, For | While) for s in walk(stmt.body))
            is_vector = innermost and isinstance(stmt, For) and is_vectorizable(stmt, f.types, new)
            for inner in blocks(stmt):
                block(inner, depth + 1, stmt.index if is_vector and isinstance(stmt, For) else None)
            del around[len(around) - len(own_writes(stmt)) :]

    def access(name: str, items: tuple[Expr, ...], depth: int, along: str | None) -> None:
        t = f.types.get(name)
        if not isinstance(t, Array) or len(items) != t.rank or not all(map(_is_number, items)):
            uses.refused.add(name)
            return
        by_index = [along is not None and along in names(item) for item in items]
        loads = any(op.prim == "index" for op in ops(items[-2])) if t.rank > 1 else True
        follows = not loads and by_index[-2] and not any(by_index[:-2])
        column: int | None = None
        over: Literal["few", "row"] | None = None
        match items[-1]:
            case Const(int(column)):
                if along is not None and not any(by_index):
                    depth -= 1  # the same in each iteration
            case Var(index) if not any(index in names(item) for item in items[:-1]):
                if index in few:
                    over = "few"
                elif index in around:
                    over, depth = "row", depth - 1
        uses.elements.setdefault(name, []).append(_Access(column, over, depth, follows and column is not None))

    def expression(e: Expr, depth: int, along: str | None) -> None:
        match e:
            case Op("index", (Var(name), *items)):
                access(name, tuple(items), depth, along)
                for item in items:
                    expression(item, depth, along)
            case Op("shape" | "len", (Var(),)):
                pass
            case Var(name):
                uses.refused.add(name)
            case _:
                for child in children(e):
                    expression(child, depth, along)

    def statement(stmt: Stmt, depth: int, along: str | None) -> None:
        match stmt:
            case Assign(target, Op(prim, args)) if prim in _ALLOCATED:
                uses.allocated.add(target)
                for arg in args:
                    expression(arg, depth, along)
            case Assign(target, Op(prim, (Var(like),))) if prim in _ALIKE:
                uses.allocated.add(target)
                uses.whole |= {target, like}
            case Assign(target, Var(name)) if any(stmt is one for one in last):
                uses.whole.add(name)
                uses.refused.add(target)
            case Store(Var(name), index, value, op):
                if all(item == Slice() for item in index):
                    uses.whole.add(name)
                    whole = op is None and (isinstance(value, Const) or _is_matrix(value, f.types))
                    if not whole:
                        uses.refused |= {name, *names(value)}
                    elif isinstance(value, Var):
                        uses.whole.add(value.name)
                else:
                    access(name, index, depth, along)
                    for e in (*index, value):
                        expression(e, depth, along)
            case Return(values):
                for value in values:
                    uses.whole |= names(value)
                    if not isinstance(value, Var):
                        uses.refused |= names(value)
            case _:
                uses.refused |= set(own_writes(stmt))
                if isinstance(stmt, Store):
                    uses.refused.add(root(stmt.base) or "")
                for e in own_exprs(stmt):
                    expression(e, depth, along)

    block(f.body, 0, None)
    return uses


def _results(body: Block) -> Block:
    """The last statements of a function that give names to what it returns: nothing is stored behind them."""
    end = len(body)
    while end and isinstance(body[end - 1], Return | Assign):
        end -= 1
    return tuple(s for s in body[end:] if isinstance(s, Assign) and isinstance(s.value, Var))


def _is_over_few(loop: For) -> bool:
    match loop.start, loop.stop:
        case Const(int(start)), Const(int(stop)):
            return abs(stop - start) <= FEW
    return False


def _is_number(item: Expr) -> bool:
    return not isinstance(item, Slice) and item != Const(None)


def _is_matrix(value: Expr, types: Mapping[str, Type]) -> bool:
    t = types.get(value.name) if isinstance(value, Var) else None
    return isinstance(t, Array) and t.rank == 2


# ---- with the last two axes exchanged -------------------------------------------------------------


class _Rewriting:
    def __init__(self, chosen: Set[str], given: Mapping[str, Type], types: dict[str, Type]) -> None:
        self._chosen = chosen
        self._given = given
        self._types = types

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._stmt(stmt))

    def _stmt(self, stmt: Stmt) -> Iterator[Stmt]:
        match stmt:
            case Assign(target, Op(prim, args, static)) if target in self._chosen and prim in _ALLOCATED:
                lengths = tuple(self._expr(arg) for arg in args)
                yield replace(stmt, value=Op(prim, _swapped(lengths), static))
            case Assign(target, Op(prim, (Var(like),))) if prim in _ALIKE and {target, like} & self._chosen:
                yield stmt if {target, like} <= self._chosen else self._allocation(target, prim, like)
            case Assign(target, Var(name)) if name in self._chosen:
                yield from self._copied(target, name)
            case Store(Var(name), index, Var(other)) if (name in self._chosen) != (other in self._chosen):
                if all(item == Slice() for item in index):
                    yield replace(stmt, value=Op("np.transpose", (Var(other),), _SWAPPED))
                else:
                    yield self._rewritten(stmt)
            case Return(values):
                found = dict.fromkeys(name for value in values for name in names(value) if name in self._chosen)
                copies = {name: fresh_name(name, self._given[name], self._types) for name in found}
                for name, copy in copies.items():
                    yield from self._copied(copy, name)
                yield replace(
                    stmt, values=tuple(replace_names(value, {k: Var(v) for k, v in copies.items()}) for value in values)
                )
            case _:
                yield self._rewritten(stmt)

    def _rewritten(self, stmt: Stmt) -> Stmt:
        inner = [self.block(b) for b in blocks(stmt)]
        stmt = rewrite_own(stmt, lambda e: map_expr(e, self._of_element), inner)
        if isinstance(stmt, Store) and isinstance(stmt.base, Var) and stmt.base.name in self._chosen:
            return replace(stmt, index=_swapped(stmt.index))
        return stmt

    def _expr(self, e: Expr) -> Expr:
        return map_expr(e, self._of_element)

    def _of_element(self, e: Expr) -> Expr:
        match e:
            case Op("index", (Var(name) as base, *items), static) if name in self._chosen:
                return Op("index", (base, *_swapped(tuple(items))), static)
            case Op("shape" | "len", (Var(name),), static) if name in self._chosen:
                axis = dict(static).get("axis", 0)
                t = self._types[name]
                assert isinstance(axis, int) and isinstance(t, Array)
                return shape_query(Symbol(name, _swapped(tuple(range(t.rank)))[axis]))
        return e

    def _allocation(self, target: str, prim: str, like: str) -> Stmt:
        """An array of the shape of one of which one is laid out the other way."""
        t = self._types[target]
        assert isinstance(t, Array)
        shape = tuple(shape_query(Symbol(like, axis)) for axis in (1, 0))
        return Assign(target, Op(prim.removesuffix("_like"), shape, (("dtype", t.dtype),)))

    def _copied(self, target: str, name: str) -> Block:
        """A result in the layout that the caller expects."""
        return (
            self._allocation(target, "np.empty_like", name),
            Store(Var(target), (), Op("np.transpose", (Var(name),), _SWAPPED)),
        )


def _swapped(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """Of the axes, or of what belongs to each."""
    return (*items[:-2], items[-1], items[-2]) if len(items) > 1 else items
