"""Adjoint variables: where each is defined and initialised, how contributions are accumulated, and in which shape.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def spread(x, s):
...     y = x[1:] * s
...     return np.sum(y * y)
>>> source = srcad.grad(spread, argnums=("x", "s"), target="python").source_for(np.ones(4), 2.0)
>>> print(source[source.index("    d_y =") : source.index("    return")].rstrip())
    d_y = 2.0 * y * d_result
    d_x = np.zeros_like(x)
    # L2: y = x[1:] * s
    d_x[1:] += s * d_y
    d_s = np.sum(x[1:] * d_y)

`d_y` gets its first value by assignment. The adjoint of the view `x[1:]` is a view of `d_x`, which begins as zero; `s`
was broadcast, so its contributions are summed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace

from srcad.analysis.memory.alias_classes import is_writable_view
from srcad.analysis.shapes.outer_lengths import length
from srcad.ir.length_facts import NOTHING, LengthFacts
from srcad.ir.names import base, is_temporary, stem
from srcad.ir.nodes import Assign, Atom, AugAssign, Const, Expr, Op, Slice, Store, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Array, Scalar, Type, is_complex
from srcad.reverse.adjoint.reverse_sweep import ReverseGroup, ReverseSweep
from srcad.typing.builder import Builder


@dataclass(eq=False)
class ReversalScope:
    """One region being reversed.

    `initialised`: the primal names whose adjoint got its first value in it. `uniform`: those of them whose adjoint is
    so far one scalar for all elements, not yet broadcast to an array.
    """

    sweep: ReverseSweep
    initialised: set[str] = field(default_factory=set)
    uniform: dict[str, Atom] = field(default_factory=dict)


class AdjointVariables:
    """The adjoint of every active primal name.

    The first contribution to an adjoint defines it by assignment; where that is inside a loop, it is initialised to
    zero before the loop. The adjoint of a view is the view of the adjoint: `y = x[2:5]` has no adjoint of its own, what
    is added to it goes to `d_x[2:5]`. `rows` are expanded arrays, with a row per iteration (by their number of leading
    axes): for their adjoints one row is enough. The adjoints of `copies` are those of what they
    are copied from (`storage/state_copies`). `prefix` is what the names of adjoints begin with.
    """

    def __init__(
        self,
        builder: Builder,
        regions: Regions,
        active: frozenset[str],
        stored: frozenset[str],
        buffers: Mapping[str, Var],
        rows: Mapping[str, int],
        copies: Container[str],
        prefix: str,
    ) -> None:
        self.copies = copies
        self.builder = builder
        self.regions = regions
        self.active = active
        self.stored = stored
        self.rows = rows
        self.prefix = prefix
        self.scopes: list[ReversalScope] = []
        self._names: dict[str, Var] = dict(buffers)
        # a reshape of an adjoint has to be a view, so these adjoints begin as zeros with the layout of their primals
        self.reshaped = {self.base_array(n) for n in stored if (v := self.view(n)) is not None and v.prim == "reshape"}

    # ---- its name and view -------------------------------------------------------------------

    def name(self, primal: str) -> Var:
        """The variable of the adjoint, created at the first request."""
        if primal not in self._names:
            # an expanded array has an adjoint of the name that it would have without
            own = self.builder.variable(primal) if primal in self.rows else base(primal)
            mark = "%" if is_temporary(own) else ""
            t = self.builder.types[primal]
            if isinstance(t, Array):
                t = replace(t, dims=t.dims[self.rows.get(primal, 0) :])
            elif isinstance(t, Scalar):
                t = Scalar(t.dtype)
            self._names[primal] = self.builder.adjoint(f"{mark}{self.prefix}{stem(own)}", t, own)
        return self._names[primal]

    def view(self, primal: str) -> Op | None:
        """The view that `primal` is, where its adjoint is the same view of another adjoint."""
        node = self.regions.definitions[primal].node
        if isinstance(node, Assign) and isinstance(node.value, Op) and isinstance(self.builder.types[primal], Array):
            op = node.value
            if primal in self.copies:
                return op
            if op.prim == "index" and Const(None) not in op.args:
                return op
            if is_writable_view(op, primal, self.builder.types, self.stored):
                return op
        return None

    def base_array(self, primal: str) -> str:
        """The array of which `primal` is a view, directly or through other views; itself if it is none."""
        while (view := self.view(primal)) is not None:
            base = view.args[0]
            assert isinstance(base, Var)
            primal = base.name
        return primal

    def value(self, primal: str) -> Var:
        """The adjoint of a root name, as an array if the name is one."""
        for scope in self.scopes:
            if primal in scope.uniform:
                scalar = scope.uniform.pop(primal)
                full = Op("np.full_like", (Var(primal), scalar))
                self._emit_into(scope, Assign(self.name(primal).name, full, self.builder.span))
        return self.name(primal)

    def broadcast_scalar(self, primal: str) -> Atom | None:
        """The scalar that is every element of the adjoint, where that is known here."""
        return self.scopes[-1].uniform.get(primal)

    def _emit_into(self, scope: ReversalScope, stmt: Assign) -> None:
        """Write a statement in a scope, before the nested region that is being reversed."""
        if scope is self.scopes[-1]:
            self.builder.emit(stmt)
        else:
            position = scope.sweep.region.place_of(self.scopes[-1].sweep.region)
            assert position is not None
            scope.sweep.groups.append(ReverseGroup(position, [stmt], stmt.span))

    def adjoint_view(self, expr: Expr) -> Expr:
        """The adjoint of a view path: the same path on the adjoint of its root."""
        match expr:
            case Var(name):
                view = self.view(name)
                return self.value(name) if view is None else self.adjoint_view(view)
            case Op("copy", (base,)):
                return self.adjoint_view(base)  # of a state that the iteration only reads
            case Op("index", (Var(name), *items)) if name in self.rows:
                row_items = items[self.rows[name] :]
                return Op("index", (self.value(name), *row_items)) if row_items else self.value(name)
            case Op(prim, (base, *rest), static):
                return Op(prim, (self.adjoint_view(base), *rest), static)
            case _:
                raise AssertionError(expr)

    def has(self, primal: str) -> bool:
        """Whether the adjoint has a value yet."""
        name = self.base_array(primal)
        return any(name in scope.initialised for scope in self.scopes)

    def in_inner_loop(self, primal: str) -> bool:
        """Whether a loop within the region that defines the root name is being reversed."""
        defining_region = self.regions.definitions[self.base_array(primal)].region
        return any(r.kind == "loop" for r in self._enclosing_within(defining_region))

    def _enclosing_within(self, defining_region: Region) -> Iterator[Region]:
        for region in self.scopes[-1].sweep.region.enclosing:
            if region is defining_region:
                return
            yield region

    # ---- its first value ---------------------------------------------------------------------

    def _initial_scope(self, primal: str) -> ReversalScope:
        """The innermost scope where the adjoint may be defined: outside every loop that is inside its name's region."""
        defining_region = self.regions.definitions[primal].region
        position = len(self.scopes) - 1
        depth = next((i for i, scope in enumerate(self.scopes) if scope.sweep.region is defining_region), 0)
        for at in range(len(self.scopes) - 1, depth, -1):
            if self.scopes[at].sweep.region.kind == "loop":
                position = at - 1
        return self.scopes[position]

    def zero(self, primal: str) -> Expr:
        """A zero of the name's type; inside a loop, without reading the name if its shape is known otherwise."""
        t = self.builder.types[primal]
        if isinstance(t, Scalar):
            return Const(0.0)
        assert isinstance(t, Array)
        if primal in self.rows:
            first = self.rows[primal]
            axes = range(first, t.rank)
            row_lengths = [length(t.dims[a], self.regions) or Op("shape", (Var(primal),), (("axis", a),)) for a in axes]
            return Op("np.zeros", tuple(row_lengths), () if t.dtype == "float64" else (("dtype", t.dtype),))
        if self.regions.enclosing_loops(self.regions.definitions[primal].region):
            lengths = [length(d, self.regions) for d in t.dims]
            if all(n is not None for n in lengths):
                static = () if t.dtype == "float64" else (("dtype", t.dtype),)
                return Op("np.zeros", tuple(n for n in lengths if n is not None), static)
        return Op("np.zeros_like", (Var(primal),))

    def ensure_zero(self, primal: str) -> None:
        """Initialise the adjoint of a root name to zero, if it has no value yet."""
        if self.has(primal):
            return
        scope = self._initial_scope(primal)
        scope.initialised.add(primal)
        # no span: an initial zero belongs to no source line
        self._emit_into(scope, Assign(self.name(primal).name, self.zero(primal)))

    def zero_missing_branch(self, parent: ReversalScope, branches: tuple[ReversalScope, ReversalScope]) -> None:
        """Adjoints that got their first value in one branch are zero in the other."""
        initialised = sorted(branches[0].initialised | branches[1].initialised)
        outer = [name for name in initialised if self._outlives(name, branches)]
        for scope in branches:
            missing = [name for name in outer if name not in scope.initialised]
            zeros = [Assign(self.name(n).name, self.zero(n)) for n in missing]
            if zeros:
                scope.sweep.groups.append(ReverseGroup(-1, list(zeros)))
        parent.initialised.update(outer)

    def _outlives(self, name: str, branches: tuple[ReversalScope, ReversalScope]) -> bool:
        defining_region = self.regions.definitions[name].region
        return all(defining_region is not scope.sweep.region for scope in branches)

    # ---- adding ------------------------------------------------------------------------------

    def add_from_copy(self, target: Expr, value: Atom) -> None:
        """Add `value`, the adjoint of a copy of the atom `target`, to the adjoint of `target`."""
        if isinstance(target, Var) and target.name in self.active:
            value = self.of_its_field(value, target.name)
        value_type, target_type = self.builder.typeof(value), self.builder.typeof(target)
        exact = (
            value_type.dtype == target_type.dtype
            if isinstance(value_type, Array) and isinstance(target_type, Array)
            else None
        )
        self._add(target, value, exact)

    def add(self, target: Expr, value: Atom, facts: LengthFacts = NOTHING) -> None:
        """Add `value` to the adjoint of the atom `target`, summing over the axes it was broadcast along.

        `facts` are what the statement that is being reversed shows of lengths, having completed.
        """
        self._add(target, value, facts=facts)

    def _add(self, target: Expr, value: Atom, exact: bool | None = None, facts: LengthFacts = NOTHING) -> None:
        """`exact`: whether it has the dtype, where the shape is known to be the same."""
        if not isinstance(target, Var) or target.name not in self.active:
            return
        primal = target.name
        if exact is None:
            value, exact = self.unbroadcast(self.of_its_field(value, primal), primal, facts)
        view = self.view(primal)
        if view is not None:
            self.ensure_zero(self.base_array(primal))
            self._store(view, value)
            return
        if primal in self.reshaped:
            self.ensure_zero(primal)
        scope = self.scopes[-1]
        if self.has(primal):
            self.builder.emit(AugAssign(self.value(primal).name, "+", value, self.builder.span, free=True))
            return
        d = self.name(primal)
        if self._initial_scope(primal) is scope and not exact and isinstance(self.builder.typeof(value), Scalar):
            scope.initialised.add(primal)
            scope.uniform[primal] = value
        elif self._initial_scope(primal) is scope and exact:
            scope.initialised.add(primal)
            fresh = value if isinstance(self.builder.typeof(value), Scalar) else Op("copy", (value,))
            self.builder.emit(Assign(d.name, fresh, self.builder.span))
        else:
            self.ensure_zero(primal)
            self.builder.emit(AugAssign(d.name, "+", value, self.builder.span, free=True))

    def _store(self, view: Op, value: Expr) -> None:
        self.builder.emit(self._stored(view, value))

    def store(self, base: Expr, index: tuple[Expr, ...], value: Expr) -> None:
        """Set the adjoint of elements."""
        self.builder.emit(self._stored(Op("index", (base, *(index or (Slice(),)))), value, None))

    def _stored(self, location: Op, value: Expr, op: str | None = "+") -> Store:
        path = self.adjoint_view(location)
        if isinstance(path, Op) and path.prim == "index":
            return Store(path.args[0], path.args[1:], value, op, self.builder.span, free=op is not None)
        return Store(path, (Slice(),), value, op, self.builder.span, free=op is not None)

    def add_at(self, base: Expr, index: tuple[Expr, ...], value: Atom) -> None:
        """Add `value` to the adjoint of `base[index]`."""
        assert isinstance(base, Var)
        if base.name not in self.active:
            return
        root = self.base_array(base.name)
        self.ensure_zero(root)
        self._store(Op("index", (base, *index)), value)

    def of_its_field(self, value: Atom, primal: str) -> Atom:
        """A contribution to a real value is real: of dL = Re(d_z dz) with a real dz the real part of d_z is left."""
        builder = self.builder
        known, target = builder.typeof(value), builder.types[primal]
        if is_complex(known) and not is_complex(target):
            return builder.real_part(value)
        becomes_complex = isinstance(target, Scalar | Array) and is_complex(target) and not is_complex(known)
        if becomes_complex and isinstance(value, Var) and not self.has(primal):
            return builder.op("astype", value, hint="part", dtype=target.dtype)  # type: ignore[union-attr]
        return value

    # ---- shape -------------------------------------------------------------------------------

    def unbroadcast(self, value: Atom, primal: str, facts: LengthFacts = NOTHING) -> tuple[Atom, bool]:
        """`value` summed to the shape of `primal`, and whether the result surely has that shape."""
        target_type = self.builder.types[primal]
        return unbroadcast_to(self.builder, value, target_type, Var(primal), facts)


def unbroadcast_to(
    builder: Builder, value: Atom, target_type: Type, like: Expr, facts: LengthFacts = NOTHING
) -> tuple[Atom, bool]:
    """Sum `value` over the axes along which something of type `target_type` (the value `like`) was broadcast."""
    value_type = builder.typeof(value)
    if isinstance(target_type, Scalar):
        if isinstance(value_type, Array):
            value = builder.op("np.sum", value)
        return value, True
    assert isinstance(target_type, Array)
    if isinstance(value_type, Scalar):
        return value, False
    assert isinstance(value_type, Array)
    while value_type.rank > target_type.rank:
        value = builder.op("np.sum", value, axis=0)
        value_type = builder.typeof(value)
        assert isinstance(value_type, Array)
    exact = value_type.rank == target_type.rank and value_type.dtype == target_type.dtype
    offset = target_type.rank - value_type.rank
    unknown = False
    for axis in range(value_type.rank):
        from_dim, to_dim = value_type.dims[axis], target_type.dims[axis + offset]
        same = facts.are_equal(from_dim, to_dim)
        if same or to_dim.is_not_one:
            # a length that must be that of the target or 1: the target's, if it is surely not 1
            exact = exact and (same or from_dim.is_not_one)
        elif from_dim.is_one:
            exact = False
        elif to_dim.is_one:
            summed = builder.op("np.sum", value, axis=axis)
            if target_type.rank == 1:
                value = builder.op("array", summed)
            else:
                value = builder.op("index", summed, *_new_axis(builder, summed, axis))
        else:
            unknown = True
    if unknown:
        if offset:
            value = builder.op("index", value, *([Const(None)] * offset), *([Slice()] * value_type.rank))
        value = builder.op(f"runtime.unbroadcast_{target_type.rank}d", value, like, hint="part")
    return value, exact or (unknown and value_type.dtype == target_type.dtype)


def _new_axis(builder: Builder, value: Atom, axis: int) -> list[Expr]:
    t = builder.typeof(value)
    rank = t.rank if isinstance(t, Array) else 0
    items: list[Expr] = [Slice()] * rank
    items.insert(axis, Const(None))
    return items
