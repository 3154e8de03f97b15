"""Adjoint statements: the reversal of every primal statement, in the order of the reverse sweep.

Each primal statement is reversed on its own, after those that follow it; what its rule reads of the primal is
written as if every value were available. How those values are recovered is decided afterwards, in `storage`.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def pick(x, a):
...     x[0] = a * a
...     if a > 0.0:
...         b = np.sin(a)
...     else:
...         b = x[1]
...     return b * x[0]
>>> source = srcad.grad(pick, argnums=("x", "a"), target="python").source_for(np.ones(3), 1.0)
>>> print(source[source.index("    if a > 0.0:", source.index("reverse sweep")) : source.index("    return")].rstrip())
    if a > 0.0:
        # L4: b = np.sin(a)
        d_a = np.cos(a) * d_b
    else:
        # L6: b = x[1]
        d_x[1] += d_b
        d_a = 0.0
    # L2: x[0] = a * a
    d_a += 2.0 * a * d_x[0]
    d_x[0] = 0.0
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.privatization import Privatization
from srcad.analysis.memory.to_be_recorded import ToBeRecorded
from srcad.analysis.shapes.implied_equalities import implied_equalities
from srcad.analysis.values.available_expressions import AvailableExpressions
from srcad.canonicalize.insertions import update_of
from srcad.ir.length_facts import NOTHING
from srcad.ir.names import base
from srcad.ir.nodes import (
    Assign,
    Atom,
    Carry,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Return,
    Slice,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.regions import Region, Regions
from srcad.ir.result_memory import root
from srcad.ir.traversal import CHANGES_ARRAY
from srcad.ir.types import Array
from srcad.reverse.adjoint.accumulation import AdjointVariables, ReversalScope, unbroadcast_to
from srcad.reverse.adjoint.call_adjoints import AdjointOf, CallReversal
from srcad.reverse.adjoint.exchanges import ExchangeReversal
from srcad.reverse.adjoint.insertions import write_out
from srcad.reverse.adjoint.reverse_sweep import ReverseBranches, ReverseGroup, ReverseLoop, ReverseSweep
from srcad.reverse.adjoint.rule_application import RuleApplier
from srcad.rules.kernels import BARRIER
from srcad.typing.builder import Builder


def reverse_sweep(
    f: Function,
    builder: Builder,
    regions: Regions,
    active: frozenset[str],
    aliases: AliasClasses,
    seeds: Iterable[tuple[Expr, Atom]],
    wrt: Iterable[str],
    buffers: Mapping[str, Var],
    rows: Mapping[str, int],
    copies: Container[str],
    computed: AvailableExpressions,
    prefix: str,
    masked: Mapping[str, int],
    adjoint_of: AdjointOf | None,
) -> tuple[ReverseSweep, Mapping[str, Var]]:
    """The sweep, and the adjoint name of each input in `wrt`. `seeds` are (result, its cotangent).

    `buffers` are adjoints allocated by the caller: they have a value from the start. `rows` are expanded arrays, with
    a row per iteration, and their number of leading axes. `copies` are those of states that loops carry. `prefix` is
    what the names of adjoints begin with. `masked` are names whose cotangents may be those of values that were not
    used. `adjoint_of` gives the adjoints of the functions that are called.
    """
    adjoints = AdjointVariables(builder, regions, active, aliases.written, buffers, rows, copies, prefix)
    sweep = ReverseSweep(regions.top)
    adjoints.scopes.append(ReversalScope(sweep, set(buffers)))
    overwrites = ToBeRecorded(regions, aliases, builder.types)
    transform = _Transform(
        builder,
        regions,
        adjoints,
        overwrites,
        RuleApplier(builder, adjoints, masked, computed),
        adjoint_of,
        f.own_elements,
    )
    builder.span = None
    with transform.group(len(regions.top.stmts)):
        for result, seed in seeds:
            adjoints.add(result, seed)
    transform.region(regions.top)
    with transform.group(-1):
        for name in wrt:
            if not adjoints.has(name):
                adjoints.scopes[-1].initialised.add(name)
                builder.emit(Assign(adjoints.name(name).name, adjoints.zero(name)))
            finals = {name: adjoints.value(name) for name in wrt}
    return sweep, finals


class _Transform:
    """The walk over the primal, statements in reverse order."""

    def __init__(
        self,
        builder: Builder,
        regions: Regions,
        adjoints: AdjointVariables,
        overwrites: ToBeRecorded,
        rules: RuleApplier,
        adjoint_of: AdjointOf | None,
        own_elements: frozenset[str],
    ) -> None:
        self.builder = builder
        self.regions = regions
        self.adjoints = adjoints
        self.overwrites = overwrites
        self.privatization = Privatization(builder.types, regions, overwrites)
        self._forwarded: dict[str, bool] = {}
        self.rules = rules
        self.exchanges = ExchangeReversal(builder, regions, adjoints, own_elements)
        self.calls = CallReversal(builder, regions, adjoints, rules.masked, adjoint_of)

    # ---- structure ---------------------------------------------------------------------------

    def group(self, position: int, restores: Store | None = None) -> _Group:
        return _Group(self, position, restores)

    def region(self, region: Region) -> None:
        for position in range(len(region.stmts) - 1, -1, -1):
            stmt = region.stmts[position]
            self.builder.span = getattr(stmt, "span", None)
            match stmt:
                case Assign():
                    with self.group(position):
                        self.assign(stmt)
                case Store():
                    with self.group(position, restores=stmt):
                        self.store(stmt)
                case If():
                    self.branches(stmt, position)
                case For() | While():
                    self.loop(stmt, position)
                case Effect(Op(prim)) if prim in CHANGES_ARRAY or prim == BARRIER:
                    with self.group(position):
                        self.exchanges.effect(stmt.call)
                case Effect():
                    update = update_of(stmt)
                    if update is not None:
                        with self.group(position):
                            self.insertion(stmt.call.args, update)
                case Comment() | Return():
                    pass
                case _:
                    raise AssertionError(stmt)

    def branches(self, stmt: If, position: int) -> None:
        parent = self.adjoints.scopes[-1]
        scopes = []
        for kind in ("then", "else"):
            inner = self.regions.body_of(stmt, kind)
            scope = ReversalScope(ReverseSweep(inner))
            self.adjoints.scopes.append(scope)
            self.builder.span = None
            with self.group(len(inner.stmts)):
                for join in stmt.joins:
                    if join.target in self.adjoints.active and self.adjoints.has(join.target):
                        source = join.then if kind == "then" else join.orelse
                        self.adjoints.add_from_copy(source, self.adjoints.value(join.target))
            self.region(inner)
            with self.group(-1):
                # what is a single scalar here leaves the branch as an array
                for name in [n for n in scope.uniform if self.regions.definitions[n].region is not inner]:
                    self.adjoints.value(name)
            self.adjoints.scopes.pop()
            scopes.append(scope)
        then, orelse = scopes
        self.adjoints.zero_missing_branch(parent, (then, orelse))
        parent.sweep.groups.append(
            ReverseGroup(position, [], stmt.span, nested=ReverseBranches(stmt, then.sweep, orelse.sweep))
        )

    def loop(self, stmt: For | While, position: int) -> None:
        adjoints, builder = self.adjoints, self.builder
        carried = [c for c in stmt.carried if c.arg in adjoints.active or c.result in adjoints.active]
        outs: list[tuple[Carry, Var]] = []
        with self.group(position):
            for carry in carried:
                own = adjoints.name(carry.arg).name
                out = builder.adjoint(base(own), builder.types[carry.arg], builder.adjoints[own])
                start = adjoints.value(carry.result) if adjoints.has(carry.result) else adjoints.zero(carry.result)
                builder.emit(Assign(out.name, start))
                outs.append((carry, out))
        inner = self.regions.body_of(stmt, "loop")
        scope = ReversalScope(ReverseSweep(inner))
        parent = adjoints.scopes[-1]
        adjoints.scopes.append(scope)
        builder.span = None
        with self.group(len(inner.stmts)):
            for carry, out in outs:
                adjoints.add_from_copy(carry.next, out)
        self.region(inner)
        with self.group(-1):
            for carry, out in outs:
                end = adjoints.value(carry.arg) if adjoints.has(carry.arg) else adjoints.zero(carry.arg)
                builder.emit(Assign(out.name, end))
        adjoints.scopes.pop()
        parent.sweep.groups.append(ReverseGroup(position, [], stmt.span, nested=ReverseLoop(stmt, scope.sweep)))
        builder.span = None
        with self.group(position):
            for carry, out in outs:
                adjoints.add_from_copy(carry.init, out)

    # ---- one statement -----------------------------------------------------------------------

    def assign(self, stmt: Assign) -> None:
        adjoints = self.adjoints
        name = stmt.target
        match stmt.value:
            case Op("call") as op:
                self.calls.reverse(name, op)
                return
            case Op("result"):
                return  # with the others, at the call
        if name not in adjoints.active or adjoints.view(name) is not None or not adjoints.has(name):
            return
        match stmt.value:
            case Op("cuda.load") as op:
                self.exchanges.load(op, adjoints.value(name))
            case Var() | Const() | Undef():
                adjoints.add_from_copy(stmt.value, adjoints.value(name))
            case Op("index", (base, *items)):
                self.load(base, tuple(items), adjoints.value(name))
            case Op() as op:
                self.rules.apply(stmt, op)
            case _:
                raise AssertionError(stmt)

    def load(self, base: Expr, items: tuple[Expr, ...], d: Var) -> None:
        """Reverse a load: of an element, or of a view with new axes, which the adjoint of the base does not have."""
        value: Atom = d
        if Const(None) in items:
            axes = [item for item in items if isinstance(item, Slice) or item == Const(None)]
            axis_items: list[Expr] = [Const(0) if item == Const(None) else Slice() for item in axes]
            t = self.builder.typeof(d)
            assert isinstance(t, Array)
            axis_items += [Slice()] * (t.rank - len(axis_items))
            value = self.builder.op("index", d, *axis_items)
            items = tuple(item for item in items if item != Const(None))
            if all(item == Slice() for item in items):
                self.adjoints.add(base, value)
                return
        assert isinstance(base, Var)
        if base.name in self.adjoints.active and self.is_forwarded(base.name):
            self.adjoints.ensure_zero(self.adjoints.base_array(base.name))
            self.adjoints.store(base, items, value)
            return
        self.adjoints.add_at(base, items, value)

    def is_forwarded(self, name: str) -> bool:
        """Whether each element of the array is only forwarded from one store to one read of the same iteration."""
        group = self.overwrites.group.get(name)
        if group is None or name not in self.adjoints.stored:
            return False
        if group not in self._forwarded:
            # the initial content of a copy has an adjoint too: zero, once all is overwritten
            has_initial_content = any(n in self.adjoints.active for n in self.overwrites.sources(group))
            self._forwarded[group] = not has_initial_content and self.privatization.is_forwarded_once(group)
        return self._forwarded[group]

    def store(self, stmt: Store) -> None:
        adjoints, builder = self.adjoints, self.builder
        base = root(stmt.base)
        assert base is not None
        if base not in adjoints.active:
            return
        if not adjoints.has(base):
            if not adjoints.in_inner_loop(base):
                return
            # contributions of later statements are read in the next iteration of the reversed loop
            adjoints.ensure_zero(adjoints.base_array(base))
        location = adjoints.adjoint_view(Op("index", (stmt.base, *(stmt.index or (Slice(),)))))
        is_active_value = isinstance(stmt.value, Var) and stmt.value.name in adjoints.active
        if isinstance(stmt.value, Var) and is_active_value:
            location_type = builder.typeof(location)
            loaded = builder.adjoint("%d_new", location_type, builder.variable(stmt.value.name))
            array = isinstance(location_type, Array)
            builder.emit(Assign(loaded.name, Op("copy", (location,)) if array else location, stmt.span))
        if stmt.op is None and self.is_read_before(stmt):
            adjoints.store(stmt.base, stmt.index, Const(0.0))
        if is_active_value:
            value: Atom = loaded
            if stmt.op == "-":
                value = builder.op("neg", value)
            assert isinstance(stmt.value, Var)
            # the stored value was broadcast to the target
            facts = NOTHING.with_equal(*implied_equalities(stmt, builder.typeof))
            value, _ = unbroadcast_to(builder, value, builder.types[stmt.value.name], stmt.value, facts)
            adjoints.add(stmt.value, value)

    def is_read_before(self, stmt: Store) -> bool:
        """Whether anything may read, before the store, what it overwrites: then that has an adjoint, from zero."""
        base = root(stmt.base)
        assert base is not None
        if self.is_forwarded(base):
            return False
        if self.adjoints.base_array(base) in self.adjoints.rows:
            return True  # the adjoints of all iterations share one row
        group = self.overwrites.group[base]
        if any(n in self.adjoints.active for n in self.overwrites.sources(group)):
            return True
        written = next(access for store, access in self.overwrites.stores if store is stmt)
        # an earlier store to the same elements has an adjoint too, though what it stored is dead
        earlier = [*self.overwrites.reads, *(access for _, access in self.overwrites.stores)]
        return any(self.overwrites.may_overwrite_later(read, written) for read in earlier)

    def insertion(self, operands: tuple[Expr, ...], update: Function) -> None:
        """Run a block of the user's on the adjoint of the first operand, if that has one."""
        adjoints, builder = self.adjoints, self.builder
        x, *captured = operands
        if not isinstance(x, Var) or x.name not in adjoints.active:
            return
        if not adjoints.has(x.name):
            if not adjoints.in_inner_loop(x.name):
                return
            # contributions of later statements are read in the next iteration of the reversed loop
            adjoints.ensure_zero(adjoints.base_array(x.name))
        d = adjoints.adjoint_view(x)
        if not isinstance(d, Var):
            view = builder.fresh("%view", builder.types[x.name])
            builder.emit(Assign(view.name, d, builder.span))
            d = view
        write_out(builder, update, d, captured)


class _Group:
    """Collects what is emitted into a group of the innermost sweep."""

    def __init__(self, transform: _Transform, position: int, restores: Store | None) -> None:
        self.transform = transform
        self.position = position
        self.restores = restores

    def __enter__(self) -> None:
        self.scope = self.transform.adjoints.scopes[-1]
        self.context = self.transform.builder.block()
        self.stmts = self.context.__enter__()

    def __exit__(self, *failure: object) -> None:
        self.context.__exit__(*failure)  # type: ignore[arg-type]
        if self.stmts or self.restores is not None:
            span = self.transform.builder.span
            self.scope.sweep.groups.append(ReverseGroup(self.position, list(self.stmts), span, self.restores))
