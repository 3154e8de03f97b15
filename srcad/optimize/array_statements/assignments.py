"""Lowering of assignments: an allocation, and a nest or stores that define its elements."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Assign, Const, Expr, Op, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import names
from srcad.ir.types import Array, Scalar, dim
from srcad.optimize.array_statements.elementwise_ops import ELEMENTWISE, SUMMED
from srcad.optimize.array_statements.expression_trees import (
    NotLowerable,
    broadcast_space,
    element_value,
    empty,
    loop_order,
    narrow_to_float32,
)
from srcad.optimize.array_statements.lowering_state import LoweringState
from srcad.optimize.array_statements.nests import nest_indices, ordered_nest
from srcad.optimize.array_statements.operands import Operands
from srcad.optimize.array_statements.small_products import parts_of
from srcad.optimize.array_statements.stores import ArrayStores
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import SHAPE_READS


class ArrayAssignments:
    """Lowering of assignments to names.

    >>> from srcad.ir.nodes import Function
    >>> from srcad.ir.notation import parse, show
    >>> types = {"A": Array("float64", (dim(8), dim(9))), "s": Array("float64", (dim(8),)), "h": Scalar("float64")}
    >>> assignments = ArrayAssignments(LoweringState(Function("f", (), (), (), types)))
    >>> (stmt,) = parse("s = np.sum(h * A, axis=1)")
    >>> print(show(assignments.assign(stmt.target, stmt.value)))
    s = np.zeros(8)
    for i in range(8):
        for j in range(9):
            s[i] += h * A[i, j]
    """

    def __init__(self, state: LoweringState) -> None:
        self._state = state
        self._shapes = state.shapes
        self.operands = Operands(state, self.assign)
        self.stores = ArrayStores(state, self.operands)

    def assign(self, target: str, value: Expr) -> list[Stmt]:
        """Lower `target = value`; where that is impossible, the assignment itself."""
        facts = self._shapes.snapshot()
        try:
            return self._assigned(target, value)
        except NotLowerable:
            self._shapes.restore(facts)
            self._shapes.assign(target, value)
            return [Assign(target, value)]

    def _assigned(self, target: str, value: Expr) -> list[Stmt]:
        """The lowered assignment; the shape environment is updated."""
        before: list[Stmt] = []
        declared = self._shapes.declared(target)
        new = value
        if isinstance(declared, Scalar):
            new = self.operands.scalar(value, before)
        elif isinstance(declared, Array) and isinstance(value, Op):
            if (value.prim in ELEMENTWISE or value.prim == "np.outer") and self.operands.rank(value) == declared.rank:
                return self.filled(target, declared, value)
            if value.prim == "copy" and target not in names(value) and self.operands.rank(value) == declared.rank:
                # a nest that is not fused becomes a copy again: see `array_contraction`
                return self.filled(target, declared, value)
            if (
                value.prim in ("index", "real", "imag")
                and root(value) is None
                and self.operands.rank(value) == declared.rank
            ):
                # a view of a temporary needs no alias: it is a fresh array
                return self.filled(target, declared, value)
            if value.prim in ("np.full", "np.full_like"):
                return self.filled(target, declared, value)
            if value.prim == "@":
                return self._multiplied(target, declared, value)
            if value.prim == "np.concatenate" and parts_of(value, self._shapes) is not None:
                return self._concatenated(target, declared, value)
            if (
                value.prim == "array"
                and declared.rank == 1
                and all(self.operands.rank(item) == 0 for item in value.args)
            ):
                return self._from_items(target, declared, value)
            if value.prim == "np.sum" and isinstance(dict(value.static).get("axis"), int):
                return self._axis_sum(target, declared, value)
            if value.prim in PRIMITIVES and value.prim not in SHAPE_READS and PRIMITIVES[value.prim].kind != "view":
                new = Op(value.prim, tuple(self.operands.value(arg, before) for arg in value.args), value.static)
        self._shapes.assign(target, value)
        return [*before, Assign(target, new)]

    def filled(self, target: str, declared: Array, value: Expr) -> list[Stmt]:
        """`target = tree` as an allocation and a nest."""
        before: list[Stmt] = []
        tree = self.operands.tree(value, before)
        if declared.dtype == "float32":
            tree = narrow_to_float32(tree, self._state, before)
        if tree.dtype != declared.dtype:
            raise NotLowerable
        space = broadcast_space(tree, self._state, before, None, declared.dims)
        if len(space.lengths) != declared.rank:
            raise NotLowerable
        extents = tuple(
            self._state.nonnegative_extent(d, e, before) for d, e in zip(space.lengths, space.extents, strict=True)
        )
        name = target
        if target in names(value):
            name = self._state.fresh_name(f"{target}_new", Array(declared.dtype, space.lengths, declared.layout))
        before.append(Assign(name, empty(extents, declared.dtype)))
        indices = nest_indices(len(extents), self._state)
        store = Store(Var(name), tuple(map(Var, indices)), element_value(tree, space, indices))
        axes = loop_order(tree, space, indices, self._state, None)
        lowered: list[Stmt] = [*before, ordered_nest(indices, extents, space.lengths, axes, (store,), self._state)]
        # the lengths of other names are declared in the same symbols: `y[:len(x)]` is in bounds of `x + y`
        lengths = tuple(
            own if length.terms and self._shapes.representative(own) == length else length
            for own, length in zip(declared.dims, space.lengths, strict=True)
        )
        if name != target:
            lowered.append(Assign(target, Var(name)))
        self._define(target, Array(declared.dtype, lengths, declared.layout), extents)
        return lowered

    def _from_items(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = np.array([a, b, c])` item by item: Numba builds a list first, and allocates every time."""
        if declared.dtype not in ("float64", "int64", "complex128"):
            raise NotLowerable
        before: list[Stmt] = []
        items = [self.operands.scalar(item, before) for item in value.args]
        kind = replace(declared, dims=(dim(len(items)),))
        name = self._state.fresh_name(f"{target}_new", kind) if target in names(value) else target
        extents: tuple[Expr, ...] = (Const(len(items)),)
        lowered: list[Stmt] = [*before, Assign(name, empty(extents, declared.dtype))]
        lowered += [Store(Var(name), (Const(at),), item) for at, item in enumerate(items)]
        if name != target:
            lowered.append(Assign(target, Var(name)))
        self._define(target, kind, extents)
        return lowered

    def _multiplied(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = a @ b` unrolled, or as a call on lowered operands."""
        before: list[Stmt] = []
        facts = self._shapes.snapshot()
        try:
            return before + self.filled(target, declared, self.operands.product(value, before))
        except NotLowerable:
            self._shapes.restore(facts)
        before = []
        new = Op(value.prim, tuple(self.operands.value(arg, before) for arg in value.args), value.static)
        self._shapes.assign(target, value)
        return [*before, Assign(target, new)]

    def _concatenated(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = np.concatenate((a, b))` as a store for each part."""
        found = parts_of(value, self._shapes)
        if found is None or declared.dtype not in ("float64", "int64", "complex128"):
            raise NotLowerable
        lengths, parts = found
        kind = Array(declared.dtype, tuple(map(dim, lengths)))
        name = self._state.fresh_name(f"{target}_new", kind) if target in names(value) else target
        extents: tuple[Expr, ...] = tuple(map(Const, lengths))
        lowered: list[Stmt] = [Assign(name, empty(extents, declared.dtype))]
        self._define(name, kind, extents)
        for place, part in parts:
            before: list[Stmt] = []
            store = Store(Var(name), place, part)
            lowered += self.stores.lower(store, Op("index", (store.base, *place)), before)
        if name != target:
            lowered.append(Assign(target, Var(name)))
            self._define(target, kind, extents)
        return lowered

    def _define(self, target: str, type: Array, extents: tuple[Expr, ...]) -> None:
        """Update the environment: the target is a fresh array."""
        self._shapes.forget((target,))
        self._shapes.types[target] = type
        if not any(target in names(e) for e in extents):
            self._shapes.extents[target] = extents

    def _axis_sum(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = np.sum(tree, axis=k)` as a nest that accumulates."""
        before: list[Stmt] = []
        tree = self.operands.tree(value.args[0], before)
        if declared.dtype == "float32":
            tree = narrow_to_float32(tree, self._state, before)
        counts_true = (tree.dtype, declared.dtype) == ("bool", "int64")
        if not counts_true and (tree.dtype != declared.dtype or tree.dtype not in SUMMED):
            raise NotLowerable
        space = broadcast_space(tree, self._state, before)
        axis = dict(value.static)["axis"]
        assert isinstance(axis, int)
        axis %= len(space.lengths)
        remaining = [k for k in range(len(space.lengths)) if k != axis]
        bounds = tuple(self._state.nonnegative_extent(space.lengths[k], space.extents[k], before) for k in remaining)
        kind = Array(declared.dtype, tuple(space.lengths[k] for k in remaining))
        name = self._state.fresh_name(f"{target}_new", kind) if target in names(value) else target
        before.append(Assign(name, empty(bounds, declared.dtype, "np.zeros")))
        indices = nest_indices(len(space.lengths), self._state)
        store = Store(
            Var(name), tuple(Var(indices[k]) for k in remaining), element_value(tree, space, indices), "+", free=True
        )
        axes = loop_order(tree, space, indices, self._state, None)
        lowered: list[Stmt] = [
            *before,
            ordered_nest(indices, space.extents, space.lengths, axes, (store,), self._state),
        ]
        if name != target:
            lowered.append(Assign(target, Var(name)))
        self._define(target, kind, bounds)
        return lowered
