"""Rematerialisation legality: which values the reverse sweep can recompute, and at the reversal of which statements.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def iterate(x, s):
...     for i in range(len(x)):
...         a = x[i] * x[i]
...         s = np.sin(s * a)
...     return s
>>> source = srcad.grad(iterate, argnums="s", target="python").source_for(np.ones(3), 1.0)
>>> print(source[source.index("    for i in range(len(x) - 1") : source.index("    return")].rstrip())
    for i in range(len(x) - 1, -1, -1):
        # L4: s = np.sin(s * a)
        a = x[i] * x[i]
        d_s = a * np.cos(product_saved[i]) * d_s

`a` is recomputed from an element of `x`, which nothing overwrites.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.to_be_recorded import MemoryAccess, ToBeRecorded
from srcad.ir.nodes import Assign, Const, Expr, Op, Slice, Stmt, Store, Var
from srcad.ir.regions import Definition, Region, Regions
from srcad.ir.result_memory import root
from srcad.ir.traversal import names, walk
from srcad.ir.types import Array, Scalar
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import RING, SHAPE_QUERIES, WRITABLE_VIEWS
from srcad.typing.builder import Builder

FREE_TO_RECOMPUTE = WRITABLE_VIEWS | SHAPE_QUERIES | {"reshape"}
"""Primitives that compute no elements, so that recomputing the result is free."""


@dataclass(frozen=True)
class SavedElement:
    """A load of an element, as a part of what a store overwrites; `items` index it there."""

    store: Store
    items: tuple[Expr, ...]


class Recomputation:
    """Queries about the definitions of one function.

    `read` are the names that the adjoint statements read: what they need anyway. `rounds_alike`: both sweeps round an
    operation alike. They do not where the machine may join a product and a sum, or add up in another order.
    """

    def __init__(
        self,
        builder: Builder,
        regions: Regions,
        aliases: AliasClasses,
        overwrites: ToBeRecorded,
        read: Container[str] = (),
        rounds_alike: bool = True,
    ) -> None:
        self.builder = builder
        self.regions = regions
        self.aliases = aliases
        self.overwrites = overwrites
        self.read = read
        self.rounds_alike = rounds_alike
        self._store_at = {id(store): at for store, at in overwrites.stores}

    def is_recomputable(self, name: str, definition: Definition, position: float) -> bool:
        """Whether the value may be recomputed at the reversal of `position`, from the operands of its definition.

        A half more (see `before_restoring`) is before the store at the position is restored.
        """
        node = definition.node
        if not isinstance(node, Assign):
            return False
        match node.value:
            case Const():
                return True
            case Var():
                return isinstance(self.builder.types[name], Scalar)
            case Op(prim) if prim in FREE_TO_RECOMPUTE:
                if isinstance(self.builder.types[name], Array):
                    return prim in ("index", "np.transpose") or name not in self.aliases.written
                if prim != "index":
                    return True
                return not self.is_clobbered(node.value, definition, position)
            case Op(prim, args) as op:
                primitive = PRIMITIVES[prim]
                in_loop = bool(self.regions.enclosing_loops(definition.region))
                # a root takes a machine no longer than a division: to save it in a loop costs more
                one_instruction = primitive.vector == "instructions"
                sums = in_loop and self._sums_recomputed(op, definition, position)
                if not (primitive.cheap or _small_power(op) or (one_instruction and in_loop) or sums):
                    return False
                arrays = [n for a in (Var(name), *args) for n in names(a) if isinstance(self.builder.types[n], Array)]
                if not arrays:
                    return primitive.kind in ("elementwise", "view", "query")
                # outside of loops it is still live
                if not in_loop or not (primitive.kind == "elementwise" or prim == "array" or sums):
                    return False
                fixed = name not in self.aliases.written
                return fixed and not any(self.is_clobbered(Var(n), definition, position) for n in arrays)
            case _:
                return False

    def _sums_recomputed(self, op: Op, definition: Definition, position: float) -> bool:
        """Whether it adds up the elements of an array that the reverse sweep computes again anyway, element by element.

        That costs no more than computing the array does, however long it is.
        """
        if not is_sum(op) or not isinstance(self.builder.typeof(op), Scalar):
            return False
        return any(self._is_computed_again(name, definition.region, position) for name in names(op))

    def _is_computed_again(self, name: str, region: Region, position: float) -> bool:
        definition = self.regions.definitions[name]
        match definition.node:
            case Assign(_, Op(prim, args)) if definition.region is region and PRIMITIVES[prim].kind == "elementwise":
                if not isinstance(self.builder.types[name], Array):
                    return False
                again = name in self.read or any(
                    self._is_computed_again(n, region, position) for a in args for n in names(a)
                )
                return again and self.is_recomputable(name, definition, position)
        return False

    def is_clobbered(self, location: Expr, definition: Definition, position: float) -> bool:
        """Whether the location is overwritten between the load at `definition` and the statement at `position`."""
        name = root(location)
        if name is None or name not in self.aliases.written:
            return False
        read = self.overwrites.access(self.aliases.class_of[name], definition.region, definition.position, location)
        stmts = definition.region.stmts
        for at in range(definition.position + 1, min(int(position) + 1, len(stmts))):
            if at == position and isinstance(stmts[at], Store):
                continue  # its reversal first restores what it overwrote
            if self._stores_to(stmts[at], read):
                return True
        return False

    def _stores_to(self, stmt: Stmt, read: MemoryAccess) -> list[Store]:
        """The stores in a later statement of the region to what was read, in the same iteration."""
        stores = (s for s in walk((stmt,)) if isinstance(s, Store))
        return [
            s for s in stores if self.overwrites.may_overwrite_later(read, self._store_at[id(s)], within=read.region)
        ]

    def saved_element(self, name: str, definition: Definition, position: float) -> SavedElement | None:
        """The store up to `position` that overwrites the loaded element, if what it saves includes that element."""
        node = definition.node
        if not isinstance(node, Assign) or not isinstance(self.builder.types[name], Scalar):
            return None
        match node.value:
            case Op("index", (Var(array) as base, *items)) if (
                array in self.aliases.written and Const(None) not in items
            ):
                region, at = definition.region, definition.position
                read = self.overwrites.access(self.aliases.class_of[array], region, at, node.value)
                for stmt in region.stmts[at + 1 : int(position) + 1]:
                    touched = self._stores_to(stmt, read)
                    if not touched:
                        continue
                    if touched != [stmt] or touched[0].base != base:
                        return None
                    inner_items = _within(tuple(items), touched[0].index)
                    return None if inner_items is None else SavedElement(touched[0], inner_items)
        return None

    def is_bit_exact(self, name: str) -> bool:
        """Whether recomputing a condition gives the same result for certain.

        Its operands are not rounded, or are sums and products of what the reverse sweep reads anyway: IEEE 754 rounds
        those in one way, and no memory is read for them.
        """
        node = self.regions.definitions[name].node
        if not isinstance(node, Assign):
            return True
        match node.value:
            case Op(prim, args):
                t = self.builder.types[name]
                rounds = isinstance(t, Scalar) and t.dtype not in ("bool", "int64") and prim != "index"
                if rounds:
                    return self.rounds_alike and prim in RING and self._is_at_hand(name)
                return all(self.is_bit_exact(n) for a in args for n in names(a))
            case _:
                return True

    def _is_at_hand(self, name: str) -> bool:
        """Whether the reverse sweep has the value anyway, or it is a sum or product of such."""
        definition = self.regions.definitions[name]
        if not self.regions.enclosing_loops(definition.region):
            return True
        match definition.node:
            case Assign(_, value) if is_sum(value):
                return False  # the order of its additions is not certain
            case Assign(_, Op(prim, args)) if name not in self.read and prim in RING:
                same_dtype = self.builder.types[name] == Scalar("float64")
                return same_dtype and all(self._is_at_hand(n) for a in args for n in names(a))
        return name in self.read


def is_sum(e: Expr) -> bool:
    """Whether it adds up elements: the one dear operation that is recomputed (`Recomputation.is_recomputable`)."""
    return isinstance(e, Op) and e.prim in ("@", "np.sum")


def before_restoring(position: int) -> float:
    """The point of the sweep where the store at a position is about to be restored: memory is as it was after it."""
    return position + 0.5


def _small_power(op: Op) -> bool:
    exponent = op.args[1] if op.prim == "**" else None
    return isinstance(exponent, Const) and exponent.value in (2, 3, 2.0, 3.0)


def _within(items: tuple[Expr, ...], index: tuple[Expr, ...]) -> tuple[Expr, ...] | None:
    """The index, within the view at `index`, of the element at `items`; None where it may lie outside."""
    if len(index) > len(items) or Const(None) in index:
        return None
    inner_items: list[Expr] = []
    for item, of_store in zip(items, index, strict=False):
        if of_store == Slice():
            inner_items.append(item)
        elif of_store != item:
            return None
    return (*inner_items, *items[len(index) :])
