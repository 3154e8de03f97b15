"""The memory accesses of a loop in sequential form, and whether two of its iterations conflict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from srcad.analysis.integers.element_dependence import ElementAccess, element_access, index_bounds, may_be_same_element
from srcad.analysis.memory.may_alias import MayAlias
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Expr, For, If, Op, Slice, Store, Var
from srcad.ir.traversal import changed_by, children, defined, names, own_exprs
from srcad.ir.types import Array, Opaque, Scalar, Tuple, Type
from srcad.rules.traits import SHAPE_READS


@dataclass(frozen=True)
class Access:
    """An element that is read or stored to; without a `place`, any element of the array."""

    array: str
    place: ElementAccess | None
    stores: bool


class LoopAccesses:
    """The accesses of one loop; `assigned` are the names that it changes.

    >>> from srcad.analysis.integers.element_dependence import iteration_before, same_iteration
    >>> from srcad.analysis.memory.may_alias import may_alias
    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import dim
    >>> types = {"x": Array("float64", (dim(9),)), "i": Scalar("int64")}
    >>> (loop,) = parse('''
    ... for i in range(8):
    ...     x[i] = 2.0 * x[i + 1]
    ... ''')
    >>> accesses = LoopAccesses(types, may_alias((loop,), types), frozenset({"i"}))
    >>> store, read = accesses.of(loop.body, tuple(index_bounds(loop, types)), frozenset({"i"}))
    >>> accesses.conflict([read], [store], [same_iteration("i")])
    False
    >>> accesses.conflict([read], [store], [[iteration_before("i", loop.step)]])  # a later iteration overwrites it
    True
    """

    def __init__(self, types: Mapping[str, Type], shared: MayAlias, assigned: frozenset[str]) -> None:
        self._types = types
        self._shared = shared
        self._assigned = assigned

    def element(
        self, array: str, items: Sequence[Expr], facts: Iterable[LinearForm[str]], counters: frozenset[str]
    ) -> ElementAccess:
        """The element at indices over these counters and names that the loop does not change."""
        fixed = {n for e in items for n in names(e)} - self._assigned
        return element_access(items, facts, self._types, counters | fixed)

    def read(self, expr: Expr, facts: Sequence[LinearForm[str]], counters: frozenset[str]) -> Iterator[Access]:
        """The reads of an expression, under these constraints on counters."""
        match expr:
            case Op("index", (Var(base), *items)) if self.is_element(base, items):
                yield Access(base, self.element(base, items, facts, counters), False)
                for item in items:
                    yield from self.read(item, facts, counters)
            case Op(prim, args) if prim in SHAPE_READS and all(isinstance(a, Var) for a in args):
                pass
            case Var(name) if not isinstance(self._types.get(name), Scalar | Opaque | Tuple):
                yield Access(name, None, False)
            case _:
                for part in children(expr):
                    yield from self.read(part, facts, counters)

    def is_element(self, base: str, items: Sequence[Expr]) -> bool:
        known = self._types.get(base)
        whole = isinstance(known, Array) and known.rank == len(items)
        return whole and not any(isinstance(i, Slice) or i == Const(None) for i in items)

    def of(self, block: Block, facts: tuple[LinearForm[str], ...], counters: frozenset[str]) -> Iterator[Access]:
        """The reads and stores of a block of assignments, stores, loops and branches."""
        for stmt in block:
            read = own_exprs(stmt)
            match stmt:
                case Store(Var(base), index, value) if self.is_element(base, index):
                    yield Access(base, self.element(base, index, facts, counters), True)
                    read = (*index, value)
                case Store(base, _, _):
                    yield from (Access(n, None, True) for n in names(base))
                case Assign(target) | AugAssign(target) if not isinstance(self._types.get(target), Scalar):
                    yield Access(target, None, True)
            for expr in read:
                yield from (Access(n, None, True) for n in changed_by(expr))
                yield from self.read(expr, facts, counters)
            match stmt:
                case For():
                    inner = counters | ({stmt.index} if stmt.index not in defined(stmt.body) else frozenset())
                    yield from self.of(stmt.body, (*facts, *index_bounds(stmt, self._types)), inner)
                case If(_, then, orelse):
                    yield from self.of((*then, *orelse), facts, counters)

    def conflict(
        self, first: Iterable[Access], second: Sequence[Access], orders: Iterable[Sequence[LinearForm[str]]]
    ) -> bool:
        """Whether two accesses, one of them a store, may be of one element in iterations in one of these orders."""
        orders = tuple(orders)
        for a in first:
            for b in second:
                if not (a.stores or b.stores) or self._shared.class_of(a.array) != self._shared.class_of(b.array):
                    continue
                if a.array != b.array or a.place is None or b.place is None:
                    return True
                if any(may_be_same_element(a.place, b.place, self._assigned, order) for order in orders):
                    return True
        return False
