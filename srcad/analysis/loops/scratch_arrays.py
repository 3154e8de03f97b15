"""Array privatisation: arrays that the iterations of a loop use one after another, and of which each may have its own.

An array may be privatised if no iteration reads what another one has written (Tu and Padua, Automatic array
privatization, 1993): each writes an element before it reads it, or each finds zeros and leaves zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from srcad.ir.nodes import AugAssign, Block, Const, Expr, For, If, Op, Slice, Stmt, Store, Var, While
from srcad.ir.traversal import children, defined, names, own_exprs, stmt_writes, walk
from srcad.ir.types import Array, Type, dim
from srcad.rules.traits import SHAPE_READS
from srcad.typing.typeof import linear_value

Part = tuple[Expr, ...]
"""The first items of an index: all elements whose indices begin with them. They are names and constants."""


def is_written_before_read(array: str, body: Block, types: Mapping[str, Type]) -> bool:
    """Whether each element that the body reads has been written by the body before. The array has no other name.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Array, Scalar
    >>> types = {"q": Array("float64", (dim(9),)), "k": Scalar("int64"), "j": Scalar("int64")}
    >>> def ask(text):
    ...     return is_written_before_read("q", parse(text), types)
    >>> ask('''
    ... for k in range(9):
    ...     q[k] = x[k]
    ...     s += q[k]
    ... s += np.sum(q)
    ... ''')
    True
    >>> ask('''
    ... for k in range(8):
    ...     q[k] = x[k]
    ... s += q[j]
    ... ''')
    False
    """
    return _Written(array, types).block(body, frozenset()) is not None


def is_left_zero(array: str, body: Block, types: Mapping[str, Type]) -> bool:
    """Whether all elements are zero after the body, if they were before it. The array has no other name.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Array, Scalar
    >>> types = {"q": Array("float64", (dim(9),)), "k": Scalar("int64")}
    >>> is_left_zero("q", parse('''
    ... q[j] += s
    ... for k in range(9):
    ...     y[k] += q[k]
    ...     q[k] = 0.0
    ... '''), types)
    True
    >>> is_left_zero("q", parse('''
    ... for k in range(9):
    ...     q[k] = 0.0
    ...     q[j] += s
    ... '''), types)
    False
    """
    return _zero_after(array, body, True, types)


class _Written:
    """Forward analysis: the parts of the array that are surely written."""

    def __init__(self, array: str, types: Mapping[str, Type]) -> None:
        self.array = array
        self.types = types

    def block(self, block: Block, parts: frozenset[Part]) -> frozenset[Part] | None:
        """What is written after the block; None where it reads what may not be."""
        for stmt in block:
            found = self._stmt(stmt, parts)
            if found is None:
                return None
            parts = found
        return parts

    def _stmt(self, stmt: Stmt, parts: frozenset[Part]) -> frozenset[Part] | None:
        if not all(self._is_written(e, parts) for e in _read(self.array, stmt)):
            return None
        match stmt:
            case Store(Var(name), index, _, None) if name == self.array:
                part = _part(index)
                return parts if part is None else self._joined(parts | {part})
            case If(_, then, orelse):
                both = self.block(then, parts), self.block(orelse, parts)
                return None if both[0] is None or both[1] is None else both[0] & both[1]
            case For(index, body=body):
                before = _lasting(parts, stmt_writes(stmt))
                inside = self.block(body, before)
                if inside is None:
                    return None
                filled = {p[:-1] for p in inside if p and p[-1] == Var(index) and self._runs_over(stmt, len(p) - 1)}
                return self._joined(before | _lasting(filled, stmt_writes(stmt)))
            case While(test, _, body):
                tested = self.block(test, _lasting(parts, stmt_writes(stmt)))
                return None if tested is None or self.block(body, tested) is None else tested
        return _lasting(parts, stmt_writes(stmt))

    def _is_written(self, expr: Expr, parts: Set[Part]) -> bool:
        match expr:
            case Op("index", (Var(name), *items)) if name == self.array:
                known = any(tuple(items[: len(part)]) == part for part in parts)
                return known and all(self._is_written(item, parts) for item in items)
            case Op(prim, (Var(name),)) if name == self.array and prim in SHAPE_READS:
                return True
            case Var(name):
                return name != self.array or () in parts
        return all(self._is_written(part, parts) for part in children(expr))

    def _joined(self, parts: frozenset[Part]) -> frozenset[Part]:
        """With the parts of which all elements are written one by one."""
        kind = self.types.get(self.array)
        assert isinstance(kind, Array)
        for part in parts:
            if part and part[-1] == Const(0):
                length = kind.dims[len(part) - 1]
                if not length.terms and all((*part[:-1], Const(at)) in parts for at in range(length.const)):
                    return self._joined(parts - {part} | {part[:-1]})
        return parts

    def _runs_over(self, loop: For, axis: int) -> bool:
        return _runs_over(loop, self.array, axis, self.types)


def _zero_after(array: str, block: Block, zero: bool, types: Mapping[str, Type]) -> bool:
    for stmt in block:
        if not _stores(array, (stmt,)):
            continue
        match stmt:
            case _ if _clears(array, stmt, (), types):
                zero = True
            case If(_, then, orelse):
                zero = _zero_after(array, then, zero, types) and _zero_after(array, orelse, zero, types)
            case For(body=body):
                zero = zero and _zero_after(array, body, True, types)
            case While(test, _, body):
                zero = zero and not _stores(array, test) and _zero_after(array, body, True, types)
            case _:
                zero = False
    return zero


def _clears(array: str, stmt: Stmt, part: Part, types: Mapping[str, Type]) -> bool:
    """Whether the statement leaves zeros in all of the part, and touches no other."""
    match stmt:
        case Store(Var(name), index, Const(value), None):
            return name == array and value == 0 and _part(index) == part
        case For(index, body=body):
            inner = (*part, Var(index))
            storing = [s for s in body if _stores(array, (s,))]
            within = all(_is_within(s, array, inner) for s in _stores(array, body))
            same = frozenset().union(*map(names, inner)).isdisjoint(defined(body))
            full = _runs_over(stmt, array, len(part), types)
            return full and same and within and bool(storing) and _clears(array, storing[-1], inner, types)
    return False


def _is_within(stmt: Stmt, array: str, part: Part) -> bool:
    return isinstance(stmt, Store) and stmt.base == Var(array) and stmt.index[: len(part)] == part


def _stores(array: str, block: Block) -> list[Stmt]:
    """The statements that write to the array."""
    return [
        s
        for s in walk(block)
        if (isinstance(s, Store) and array in names(s.base)) or (isinstance(s, AugAssign) and s.target == array)
    ]


def _read(array: str, stmt: Stmt) -> tuple[Expr, ...]:
    """What the statement itself reads; a store that adds reads what it adds to."""
    match stmt:
        case Store(Var(name), index, value, op) if name == array:
            return (*index, value) if op is None else (Op("index", (Var(name), *index)), value)
    return own_exprs(stmt)


def _part(index: tuple[Expr, ...]) -> Part | None:
    """The part that an index is of; None where it is none, as a slice of an axis."""
    while index and index[-1] == Slice():
        index = index[:-1]
    return index if all(isinstance(item, Var | Const) and item != Const(None) for item in index) else None


def _lasting(parts: Set[Part], changed: frozenset[str]) -> frozenset[Part]:
    """The parts that are the same after these names have changed."""
    return frozenset(part for part in parts if changed.isdisjoint(name for item in part for name in names(item)))


def _runs_over(loop: For, array: str, axis: int, types: Mapping[str, Type]) -> bool:
    """Whether the index takes each value of an axis."""
    kind = types.get(array)
    if not isinstance(kind, Array) or loop.exit is not None or loop.index in defined(loop.body):
        return False
    match loop.step:
        case Const(1):
            return linear_value(loop.start, types) == dim(0) and linear_value(loop.stop, types) == kind.dims[axis]
        case Const(-1):
            last = linear_value(loop.start, types)
            return linear_value(loop.stop, types) == dim(-1) and last is not None and last + 1 == kind.dims[axis]
    return False
