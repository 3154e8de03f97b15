"""A new array is made of what is assigned: a nest fills it, or it is stored part by part."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Assign, Const, Expr, Op, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import names
from srcad.ir.types import Array, Scalar, dim
from srcad.optimize.array_statements.elementwise_ops import ELEMENTWISE
from srcad.optimize.array_statements.expression_trees import (
    NotLowerable,
    broadcast_space,
    element_value,
    empty,
    loop_order,
    narrow_to_float32,
)
from srcad.optimize.array_statements.operands import Operands
from srcad.optimize.array_statements.small_products import parts_of
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import SHAPE_READS


class ArrayAssignments(Operands):
    """Assignments to names."""

    def stored(self, stmt: Store, place: Expr, before: list[Stmt]) -> list[Stmt]:
        """`x[...] op= tree`; `_Spread` knows how."""
        raise NotImplementedError

    def assign(self, target: str, value: Expr) -> list[Stmt]:
        facts = self.known.snapshot()
        try:
            return self._assigned(target, value)
        except NotLowerable:
            self.known.restore(facts)
            self.known.assign(target, value)
            return [Assign(target, value)]

    def _assigned(self, target: str, value: Expr) -> list[Stmt]:
        """The assignment in other words; what is known of the target afterwards is noted."""
        before: list[Stmt] = []
        declared = self.known.declared(target)
        new = value
        if isinstance(declared, Scalar):
            new = self.scalar(value, before)
        elif isinstance(declared, Array) and isinstance(value, Op):
            if (value.prim in ELEMENTWISE or value.prim == "np.outer") and self.rank(value) == declared.rank:
                return self.filled(target, declared, value)
            if value.prim == "copy" and target not in names(value) and self.rank(value) == declared.rank:
                # alone it becomes a copy again: see `contract`
                return self.filled(target, declared, value)
            if value.prim == "index" and root(value) is None and self.rank(value) == declared.rank:
                # a view of what has no name is an array of its own
                return self.filled(target, declared, value)
            if value.prim in ("np.full", "np.full_like"):
                return self.filled(target, declared, value)
            if value.prim == "@":
                return self._multiplied(target, declared, value)
            if value.prim == "np.concatenate" and parts_of(value, self.known) is not None:
                return self._joined(target, declared, value)
            if value.prim == "array" and declared.rank == 1 and all(self.rank(item) == 0 for item in value.args):
                return self._listed(target, declared, value)
            if value.prim == "np.sum" and isinstance(dict(value.static).get("axis"), int):
                return self._summed(target, declared, value)
            if value.prim in PRIMITIVES and value.prim not in SHAPE_READS and PRIMITIVES[value.prim].kind != "view":
                new = Op(value.prim, tuple(self.value(arg, before) for arg in value.args), value.static)
        self.known.assign(target, value)
        return [*before, Assign(target, new)]

    def filled(self, target: str, declared: Array, value: Expr) -> list[Stmt]:
        """`target = tree` as an array that a nest fills."""
        before: list[Stmt] = []
        tree = self.tree(value, before)
        if declared.dtype == "float32":
            tree = narrow_to_float32(tree, self.known, before)
        if tree.dtype != declared.dtype:
            raise NotLowerable
        where = broadcast_space(tree, self.known, before, None, declared.dims)
        if len(where.lengths) != declared.rank:
            raise NotLowerable
        extents = tuple(self.known.count(d, e, before) for d, e in zip(where.lengths, where.extents, strict=True))
        name = target
        if target in names(value):
            name = self.known.fresh_name(f"{target}_new", Array(declared.dtype, where.lengths, declared.layout))
        before.append(Assign(name, empty(extents, declared.dtype)))
        counters = self.counters(len(extents))
        store = Store(Var(name), tuple(map(Var, counters)), element_value(tree, where, counters))
        axes = loop_order(tree, where, counters, self.known, None)
        made: list[Stmt] = [*before, self.loops(counters, extents, where.lengths, axes, (store,))]
        kept = Array(declared.dtype, where.lengths, declared.layout)
        if name != target:
            made.append(Assign(target, Var(name)))
        self._now(target, kept, extents)
        return made

    def _listed(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = np.array([a, b, c])` item by item: Numba makes a list first, and memory anew each time."""
        if declared.dtype not in ("float64", "int64"):
            raise NotLowerable
        before: list[Stmt] = []
        items = [self.scalar(item, before) for item in value.args]
        kind = replace(declared, dims=(dim(len(items)),))
        name = self.known.fresh_name(f"{target}_new", kind) if target in names(value) else target
        extents: tuple[Expr, ...] = (Const(len(items)),)
        made: list[Stmt] = [*before, Assign(name, empty(extents, declared.dtype))]
        made += [Store(Var(name), (Const(at),), item) for at, item in enumerate(items)]
        if name != target:
            made.append(Assign(target, Var(name)))
        self._now(target, kind, extents)
        return made

    def _multiplied(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = a @ b` written out, or with its operands under names."""
        before: list[Stmt] = []
        facts = self.known.snapshot()
        try:
            return before + self.filled(target, declared, self.product(value, before))
        except NotLowerable:
            self.known.restore(facts)
        before = []
        new = Op(value.prim, tuple(self.value(arg, before) for arg in value.args), value.static)
        self.known.assign(target, value)
        return [*before, Assign(target, new)]

    def _joined(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = np.concatenate((a, b))` part by part."""
        found = parts_of(value, self.known)
        if found is None or declared.dtype not in ("float64", "int64"):
            raise NotLowerable
        lengths, parts = found
        kind = Array(declared.dtype, tuple(map(dim, lengths)))
        name = self.known.fresh_name(f"{target}_new", kind) if target in names(value) else target
        extents: tuple[Expr, ...] = tuple(map(Const, lengths))
        made: list[Stmt] = [Assign(name, empty(extents, declared.dtype))]
        self._now(name, kind, extents)
        for place, part in parts:
            before: list[Stmt] = []
            whole = Store(Var(name), place, part)
            made += self.stored(whole, Op("index", (whole.base, *place)), before)
        if name != target:
            made.append(Assign(target, Var(name)))
            self._now(target, kind, extents)
        return made

    def _now(self, target: str, type: Array, extents: tuple[Expr, ...]) -> None:
        """The array of that name is one that was made here."""
        self.known.forget((target,))
        self.known.types[target] = type
        if not any(target in names(e) for e in extents):
            self.known.extents[target] = extents

    def _summed(self, target: str, declared: Array, value: Op) -> list[Stmt]:
        """`target = np.sum(tree, axis=k)`."""
        before: list[Stmt] = []
        tree = self.tree(value.args[0], before)
        if declared.dtype == "float32":
            tree = narrow_to_float32(tree, self.known, before)
        counted = (tree.dtype, declared.dtype) == ("bool", "int64")
        if not counted and (tree.dtype != declared.dtype or not tree.dtype.startswith("float")):
            raise NotLowerable
        where = broadcast_space(tree, self.known, before)
        axis = dict(value.static)["axis"]
        assert isinstance(axis, int)
        axis %= len(where.lengths)
        kept = [k for k in range(len(where.lengths)) if k != axis]
        bounds = tuple(self.known.count(where.lengths[k], where.extents[k], before) for k in kept)
        made_type = Array(declared.dtype, tuple(where.lengths[k] for k in kept))
        name = self.known.fresh_name(f"{target}_new", made_type) if target in names(value) else target
        before.append(Assign(name, empty(bounds, declared.dtype, "np.zeros")))
        counters = self.counters(len(where.lengths))
        store = Store(
            Var(name), tuple(Var(counters[k]) for k in kept), element_value(tree, where, counters), "+", free=True
        )
        axes = loop_order(tree, where, counters, self.known, None)
        made: list[Stmt] = [*before, self.loops(counters, where.extents, where.lengths, axes, (store,))]
        if name != target:
            made.append(Assign(target, Var(name)))
        self._now(target, made_type, bounds)
        return made
