"""Deferred accumulation of products: a sum over iterations of `A[t].T @ B_t` becomes one product after the loop.

The adjoint of `h @ W` in a loop adds `h_saved[t].T @ d_y` to `d_W` in each iteration. All iterations together add the
product of two larger matrices, whose rows are those of all `h_saved[t]` and of all `d_y`:

    sum over t of A[t].T @ B_t  =  reshape(A, (T * n, k)).T @ reshape(B, (T * n, m)).

It costs as many multiplications, but no temporary of the shape of W and no pass over W in each iteration, and BLAS is
faster on larger matrices. It needs the memory of all `d_y`, so the other operand must be an array of the tape, which
has as many rows; or an array that no iteration changes, where the tape has such an array anyway.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.values.effects import is_pure
from srcad.ir.length_exprs import minus, plus, shape_query
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, Function, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import (
    block_stores,
    blocks,
    defined,
    names,
    ops,
    own_exprs,
    own_writes,
    stmt_reads,
    stmt_stores,
    walk,
    with_blocks,
)
from srcad.ir.types import FLOATS, LONG, Array, Scalar, Symbol, Type, dim
from srcad.rules.traits import having
from srcad.typing.typeof import typeof

_TRANSPOSED = (("axes", (1, 0)),)
_ZEROS = having(lambda p: p.contents == "zeros")


def defer_products(f: Function) -> Function:
    """Sum products with arrays of the tape after the loop that has accumulated them.

    >>> from srcad.ir.nodes import Saved
    >>> from srcad.ir.notation import parse, show
    >>> rows, inner, columns = (dim(Symbol("x", axis, True, at_least_nine=True)) for axis in range(3))
    >>> types = {"d_W": Array("float64", (inner, columns)), "d_y": Array("float64", (columns,))}
    >>> types |= {"h_saved": Array("float64", (rows, inner)), "t": Scalar("int64"), "n": Scalar("int64")}
    >>> (loop,) = parse('''
    ... for t in range(n - 1, -1, -1):
    ...     d_y = d_y * 0.5
    ...     d_W[...] += np.outer(h_saved[t], d_y)
    ... ''')
    >>> loop = replace(loop, body=(loop.body[0], replace(loop.body[1], free=True)))
    >>> f = Function("f", (), (loop,), (), types, tape={"h_saved": Saved("h")})
    >>> print(show(defer_products(f).body))
    turns = max(n, 0)
    factors = np.empty(turns, shape(d_W, axis=1), dtype='float64')
    for t in range(n - 1, -1, -1):
        d_y = d_y * 0.5
        factors[t] = d_y
    d_W[...] += np.transpose(h_saved[:turns], axes=(1, 0)) @ factors[:turns]

    Only a sum whose order no user wrote is deferred. The result may differ in the last bits.
    """
    types = dict(f.types)
    deferral = _Deferral(f, types, may_alias(f.body, types))
    body = deferral.block(f.body)
    return f if body == f.body else replace(f, body=body, types=types)


@dataclass(frozen=True)
class _Accumulation:
    """`target += A[t].T @ factor`, or of vectors `target += np.outer(A[t], factor)`, with A an array of many rows.

    Or `factor.T @ A[t]`, and `np.outer(factor, A[t])`.
    """

    at: int
    target: str
    saved: str
    factor: Expr
    is_left: bool
    """Whether the item of A is the left operand."""


class _Deferral:
    def __init__(self, f: Function, types: dict[str, Type], shared: MayAlias) -> None:
        self._tape = f.tape
        self._types = types
        self._shared = shared

    def block(self, block: Block) -> Block:
        return tuple(s for k, stmt in enumerate(block) for s in self._stmt(stmt, block[:k]))

    def _stmt(self, stmt: Stmt, before: Block) -> Block:
        stmt = with_blocks(stmt, [self.block(b) for b in blocks(stmt)])
        if isinstance(stmt, For):
            counted = _counted(stmt)
            found = self._accumulations(stmt, counted.row) if counted is not None else []
            if counted is not None and found:
                return self._deferred(stmt, counted, found, before)
        return (stmt,)

    # ---- which may be deferred --------------------------------------------------------------------------------

    def _accumulations(self, loop: For, row: Expr) -> list[_Accumulation]:
        found = []
        for at, stmt in enumerate(loop.body):
            match stmt:
                case Store(Var(target), (), value, "+", free=True) | AugAssign(target, "+", value, free=True):
                    one = self._accumulation(loop, row, at, target, value)
                    found += [one] if one is not None else []
        while True:
            left = [one for one in found if self._is_deferrable(loop, one, {other.at for other in found})]
            if len(left) == len(found):
                return found
            found = left

    def _accumulation(self, loop: For, row: Expr, at: int, target: str, value: Expr) -> _Accumulation | None:
        match value:
            case Op("@", (Op("np.transpose", (left,), static), right)) if static == _TRANSPOSED:
                rank = 2
            case Op("*", (Op("index", (left, Slice(None, None, None), Const(None))), right)) | Op(
                "np.outer", (left, right)
            ):
                rank = 1
            case _:
                return None
        for item, factor, is_left in ((left, right, True), (right, left, False)):
            saved = _item_of(item, loop, row, at)
            if saved is not None and self._fits(loop, row, target, saved, factor, rank):
                return _Accumulation(at, target, saved, factor, is_left)
        return None

    def _fits(self, loop: For, row: Expr, target: str, saved: str, factor: Expr, rank: int) -> bool:
        kinds = self._types.get(target), self._types.get(saved), typeof(factor, self._types)
        if not all(isinstance(kind, Array) for kind in kinds):
            return False
        total, rows, other = kinds
        assert isinstance(total, Array) and isinstance(rows, Array) and isinstance(other, Array)
        same = total.dtype == rows.dtype == other.dtype and total.dtype in FLOATS and rows.layout == "C"
        fits = total.rank == 2 and rows.rank == rank + 1 and other.rank == rank
        is_large = all((length - LONG).is_nonnegative for length in total.dims)
        return same and fits and is_large and (saved in self._tape or self._saves_rows(loop, row, other))

    def _saves_rows(self, loop: For, row: Expr, kind: Array) -> bool:
        """Whether the tape has an array with an item of that rank for each iteration."""
        for stmt in walk(loop.body):
            for op in (op for e in own_exprs(stmt) for op in ops(e)):
                match op:
                    case Op("index", (Var(array), item, *_)) if array in self._tape and item == row:
                        rows = self._types.get(array)
                        if isinstance(rows, Array) and rows.rank == kind.rank + 1:
                            return True
        return False

    def _is_deferrable(self, loop: For, one: _Accumulation, deferred: Set[int]) -> bool:
        """Whether the statements that stay do nothing with the sum, and leave the array of the tape as it is."""
        total, saved = self._shared.class_of(one.target), self._shared.class_of(one.saved)
        if total == saved or {one.target, one.saved} & defined(loop.body):
            return False
        if saved in map(self._shared.class_of, block_stores(loop.body)):
            return False
        for at, stmt in enumerate(loop.body):
            if at in deferred or _is_added_to(stmt, one.target):
                assert isinstance(stmt, Store | AugAssign)
                named = names(stmt.value)
            else:
                named = stmt_reads(stmt) | stmt_stores(stmt)
            if total in map(self._shared.class_of, named):
                return False
        return True

    # ---- the loop without them --------------------------------------------------------------------------------

    def _deferred(self, loop: For, counted: _Counted, found: list[_Accumulation], before: Block) -> Block:
        turns = fresh_name("turns", Scalar("int64"), self._types)
        made: list[Stmt] = [Assign(turns, counted.trips)]
        after: list[Stmt] = []
        body: list[Block] = [(stmt,) for stmt in loop.body]
        for one in found:
            factors = self._stored_anyway(loop, counted.row, one, before)
            if factors is None:
                factors, allocation = self._stack(turns, one)
                made.append(allocation)
                body[one.at] = (Store(Var(factors), (counted.row,), one.factor),)
            else:
                body[one.at] = ()
            after.append(self._product(turns, factors, one))
        return (*made, replace(loop, body=tuple(s for part in body for s in part)), *after)

    def _stored_anyway(self, loop: For, row: Expr, one: _Accumulation, before: Block) -> str | None:
        """An array that holds the factors of all iterations after the loop, as `d_x` does after `d_x[t] += factor`."""
        kind = typeof(one.factor, self._types)
        if not isinstance(one.factor, Var) or not isinstance(kind, Array):
            return None
        for at, stmt in enumerate(loop.body):
            match stmt:
                case Store(Var(array), (item,), value, op) if item == row and value == one.factor:
                    known = self._types.get(array)
                    alike = isinstance(known, Array) and known.layout == "C" and known.dtype == kind.dtype
                    if not alike or not isinstance(known, Array) or known.dims[1:] != kind.dims:
                        continue
                    first, last = sorted((at, one.at))
                    between = loop.body[first + 1 : last]
                    is_it = op is None or (op == "+" and self._is_zero(array, before))
                    if is_it and self._is_only_store(loop, stmt) and not self._changes(between, one.factor.name):
                        return array
        return None

    def _is_only_store(self, loop: For, store: Store) -> bool:
        """Whether nothing else in the loop changes the array."""
        assert isinstance(store.base, Var)
        others = tuple(stmt for stmt in loop.body if stmt is not store)
        return not self._changes(others, store.base.name)

    def _changes(self, block: Block, name: str) -> bool:
        changed = map(self._shared.class_of, block_stores(block))
        return name in defined(block) or self._shared.class_of(name) in changed

    def _is_zero(self, array: str, before: Block) -> bool:
        """Whether the array has just been filled with zeros."""
        for k in range(len(before) - 1, -1, -1):
            match before[k]:
                case Assign(target, Op(prim)) if target == array:
                    return prim in _ZEROS and not self._changes(before[k + 1 :], array)
        return False

    def _stack(self, turns: str, one: _Accumulation) -> tuple[str, Stmt]:
        """The array of the factors of all iterations, and its allocation."""
        total, saved = self._types[one.target], self._types[one.saved]
        assert isinstance(total, Array) and isinstance(saved, Array)
        axis = 1 if one.is_left else 0
        lengths = (*saved.dims[1:-1], total.dims[axis])
        count = dim(Symbol(turns, None, low=dim(0)))
        factors = fresh_name("factors", Array(total.dtype, (count, *lengths)), self._types)
        inner = [_length(one.saved, other) for other in range(1, saved.rank - 1)]
        shape = (Var(turns), *inner, _length(one.target, axis))
        return factors, Assign(factors, Op("np.empty", shape, (("dtype", total.dtype),)))

    def _product(self, turns: str, factors: str, one: _Accumulation) -> Stmt:
        left, right = (self._rows(name, turns) for name in (one.saved, factors)[:: 1 if one.is_left else -1])
        product = Op("@", (Op("np.transpose", (left,), _TRANSPOSED), right))
        return Store(Var(one.target), (), product, "+", free=True)

    def _rows(self, name: str, turns: str) -> Expr:
        """The rows that belong to the first iterations, as one matrix."""
        kind = self._types[name]
        assert isinstance(kind, Array)
        if kind.rank == 2:
            return Op("index", (Var(name), Slice(None, Var(turns))))
        each = _length(name, 1)
        matrix = Op("reshape", (Var(name), Op("*", (_length(name, 0), each)), _length(name, 2)))
        return Op("index", (matrix, Slice(None, Op("*", (Var(turns), each)))))


def _is_added_to(stmt: Stmt, total: str) -> bool:
    """Whether it adds to the sum: in any order, as no user wrote it."""
    match stmt:
        case Store(Var(target), (), _, "+" | "-", free=True) | AugAssign(target, "+" | "-", _, free=True):
            return target == total
    return False


@dataclass(frozen=True)
class _Counted:
    """How often a loop runs, and the number of an iteration in the order of the forward sweep."""

    trips: Expr
    row: Expr


def _counted(loop: For) -> _Counted | None:
    """Of a loop whose index goes up or down by one, and which runs to its end."""
    if loop.exit is not None or loop.carried:
        return None
    match loop.step:
        case Const(1):
            first, trips = loop.start, minus(loop.stop, loop.start)
        case Const(-1):
            first = plus(loop.stop, 1)
            trips = minus(plus(loop.start, 1), first)
        case _:
            return None
    if not is_pure(trips) or {loop.index, *names(first)} & defined(loop.body):
        return None
    return _Counted(Op("max", (trips, Const(0))), minus(Var(loop.index), first))


def _item_of(value: Expr, loop: For, row: Expr, at: int) -> str | None:
    """The array whose item at the number of the iteration the value is, in the statement at a position of the body."""
    if isinstance(value, Var):
        definitions = [s for s in walk(loop.body) if value.name in own_writes(s)]
        earlier = [s for s in loop.body[:at] if isinstance(s, Assign) and s.target == value.name]
        if len(definitions) != 1 or definitions != earlier:
            return None
        value = earlier[0].value
    match value:
        case Op("index", (Var(array), item)) if item == row:
            return array
    return None


def _length(name: str, axis: int) -> Expr:
    return shape_query(Symbol(name, axis))
