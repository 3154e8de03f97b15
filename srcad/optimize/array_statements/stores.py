"""Lowering of stores: `x[...] op= tree` becomes a nest over the elements of the target."""

from __future__ import annotations

from srcad.analysis.integers.element_dependence import surely_apart
from srcad.ir.loop_nest import is_injective
from srcad.ir.nodes import Expr, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import names
from srcad.ir.types import Array, Dim
from srcad.optimize.array_statements.elementwise_ops import SUMMED
from srcad.optimize.array_statements.expression_trees import (
    NotLowerable,
    ReadAfterWrite,
    broadcast_space,
    element_value,
    loop_order,
    narrow_to_float32,
    operand_index,
)
from srcad.optimize.array_statements.lowering_state import LoweringState
from srcad.optimize.array_statements.nests import nest_indices, ordered_nest
from srcad.optimize.array_statements.operands import Operands
from srcad.rules.traits import IN_PLACE
from srcad.typing.typeof import typeof


class ArrayStores:
    """Lowering of stores into arrays.

    >>> from srcad.ir.nodes import Assign, Function
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> state = LoweringState(Function("f", (), (), (), dict.fromkeys("xy", Array("float64", (dim(9),)))))
    >>> stores = ArrayStores(state, Operands(state, lambda target, value: [Assign(target, value)]))
    >>> (store,), (read,) = parse("y[1:] += 2.0 * x[:-1]"), parse("place = y[1:]")
    >>> print(show(stores.lower(store, read.value, [])))
    for i in range(8):
        y[1 + i] += 2.0 * x[i]
    """

    def __init__(self, state: LoweringState, operands: Operands) -> None:
        self._state = state
        self._shapes = state.shapes
        self._operands = operands

    def lower(self, stmt: Store, place: Expr, before: list[Stmt]) -> list[Stmt]:
        """`x[...] op= tree` as a nest, `place` being the target as an expression.

        Raises `ReadAfterWrite` where the loop would read an element of the target that another iteration writes.
        """
        if stmt.op is not None and stmt.op not in IN_PLACE:
            raise NotLowerable
        name = root(stmt.base)
        kind = typeof(place, self._shapes.types)
        if name is None or not isinstance(kind, Array):
            raise NotLowerable
        tree = self._operands.tree(stmt.value, before)
        target = self._operands.view(place, before, reading=False)
        if kind.dtype == "float32":
            tree = narrow_to_float32(tree, self._state, before)
        if kind.dtype not in SUMMED and (stmt.op is not None or tree.dtype != kind.dtype):
            raise NotLowerable
        indices = nest_indices(len(target.lengths), self._state)
        index = target.index(tuple(map(Var, indices)))
        space = broadcast_space(tree, self._state, before, target)
        for leaf, factors in zip(tree.leaves, space.factors, strict=True):
            if leaf.view is not None and self._state.alias_class(leaf.view.base) == self._state.alias_class(
                target.base
            ):
                read = leaf.view.index(operand_index(factors, indices))
                if leaf.view.base != target.base or not (
                    (read == index and is_injective(index, indices)) or self._are_distinct(read, index)
                ):
                    raise ReadAfterWrite
        store = Store(Var(target.base), index, element_value(tree, space, indices), stmt.op, stmt.span, stmt.free)
        axes = loop_order(tree, space, indices, self._state, target)
        return [*before, ordered_nest(indices, space.extents, space.lengths, axes, (store,), self._state)]

    def filled(self, stmt: Store, place: Expr, before: list[Stmt]) -> list[Stmt]:
        """`x[...] = 0.0` as a nest, which may join others over these elements."""
        target = self._operands.view(place, before, reading=False)
        kind = self._shapes.types.get(target.base)
        if not isinstance(kind, Array) or kind.dtype != "float64" or kind.layout == "F":
            raise NotLowerable
        indices = nest_indices(len(target.lengths), self._state)
        lengths = tuple(map(self._shapes.representative, target.lengths))
        store = Store(Var(target.base), target.index(tuple(map(Var, indices))), stmt.value, None, stmt.span)
        axes = tuple(range(len(indices)))
        return [*before, ordered_nest(indices, target.extents, lengths, axes, (store,), self._state)]

    def _are_distinct(self, one: tuple[Expr, ...], other: tuple[Expr, ...]) -> bool:
        """Whether two elements are surely distinct, in whichever iterations of the nest they are accessed."""

        def invariant(item: Expr) -> Dim | None:
            return None if names(item) & set(self._state.indices) else self._shapes.linear_form(item)

        return surely_apart(one, other, invariant)
