"""The reversal of what the threads of a kernel exchange: accesses of elements that others access, and barriers.

Between two barriers, an element is accessed by one thread alone, or read by many, or added to by many. So in the
reversal an element of the adjoint is accessed by one thread alone, or added to by many, or read by many: where the
primal is free of races, so is the adjoint, if it adds atomically.
"""

from __future__ import annotations

from srcad.ir.nodes import Assign, Const, Effect, Expr, Op, Var
from srcad.ir.regions import Regions
from srcad.ir.traversal import CHANGES_ARRAY, own_exprs, walk
from srcad.ir.types import Scalar
from srcad.reverse.adjoint.accumulation import AdjointVariables
from srcad.rules.kernels import ADD, ATOMIC_ADD, BARRIER, LOAD, STORE
from srcad.typing.builder import Builder


class ExchangeReversal:
    """`own_elements` are arrays of which no element is accessed by two threads."""

    def __init__(
        self, builder: Builder, regions: Regions, adjoints: AdjointVariables, own_elements: frozenset[str]
    ) -> None:
        self.builder = builder
        self.adjoints = adjoints
        self.own = own_elements
        used = {array for s in walk(regions.top.stmts) for e in own_exprs(s) if (array := _exchanged(e)) is not None}
        self._is_needed = not used.isdisjoint(adjoints.active)

    def load(self, op: Op, d: Var) -> None:
        """Add to the adjoint of the element that was loaded."""
        array, *items = op.args
        assert isinstance(array, Var)
        if array.name in self.adjoints.active:
            prim = ADD if array.name in self.own else ATOMIC_ADD
            self.builder.emit(Effect(Op(prim, (self._adjoint(array), d, *items)), self.builder.span))

    def effect(self, op: Op) -> None:
        """Reverse a store, a sum, or a barrier."""
        builder = self.builder
        if op.prim == BARRIER:
            if self._is_needed:
                builder.emit(Effect(op, builder.span))
            return
        array, value, *items = op.args
        assert isinstance(array, Var)
        if array.name not in self.adjoints.active:
            return
        d_array = self._adjoint(array)
        is_active = isinstance(value, Var) and value.name in self.adjoints.active
        if isinstance(value, Var) and is_active:
            known = builder.typeof(Op("index", (d_array, *items)))
            assert isinstance(known, Scalar)
            d_new = builder.adjoint("%d_new", known, builder.variable(value.name))
            builder.emit(Assign(d_new.name, Op(LOAD, (d_array, *items)), builder.span))
        if op.prim == STORE:
            builder.emit(Effect(Op(STORE, (d_array, Const(0.0), *items)), builder.span))
        if is_active:
            self.adjoints.add(value, d_new)

    def _adjoint(self, array: Var) -> Var:
        self.adjoints.ensure_zero(array.name)
        return self.adjoints.value(array.name)


def _exchanged(expr: Expr) -> str | None:
    """The array that an expression loads from, stores into or adds to."""
    match expr:
        case Op(prim, (Var(array), *_)) if prim == LOAD or prim in CHANGES_ARRAY:
            return array
    return None
