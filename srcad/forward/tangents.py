"""Forward mode: each statement of a function in normal form, and then its tangent.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "user_module"
>>> def growth(x, k):
...     y = x
...     for _ in range(3):
...         y = y + k * y * y
...     return y
>>> print(text(with_tangents(normal_form(growth, 2.0, 0.1), ("x",))))
growth_jvp(x: float64, k: float64, t_x.0: float64):
    y.3, t_y.2 = for _.0 in range(0, 3, 1) carrying y.1 = x, t_y.0 = t_x.0:
        %product.0 = k * y.1
        %t_product.0 = k * t_y.0
        %product.1 = %product.0 * y.1
        %product.3 = y.1 * %t_product.0
        %product.4 = %product.0 * t_y.0
        %t_product.1 = %product.3 + %product.4
        y.2 = y.1 + %product.1
        t_y.1 = t_y.0 + %t_product.1
        yield y.2, t_y.1
    return y.3, t_y.2

A value that may share its memory with an active one has a tangent as well, and the tangent of a view is the view of the
tangent. So tangents share memory exactly as their primals do, and no store has to be refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.memory.modified_parameters import written_parameters
from srcad.errors import fail
from srcad.forward.activity import moving_names
from srcad.forward.call_tangents import CallTangents, TangentOf, tangent_type
from srcad.forward.tangent_rules import tangent_of
from srcad.ir.names import base, is_temporary, stem
from srcad.ir.nodes import (
    Assign,
    Atom,
    Block,
    Carry,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Join,
    Op,
    Param,
    Stmt,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.result_memory import root
from srcad.ir.traversal import block_stores, replace_names
from srcad.ir.types import Array, ListOf, Scalar, is_complex, is_float
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.builder import Builder


def with_tangents(
    f: Function,
    wrt: Sequence[str],
    outputs: Sequence[int] | None = None,
    written: Collection[str] = (),
    keep_value: bool = True,
    of_called: TangentOf | None = None,
) -> Function:
    """The function that takes a tangent for each parameter of `wrt` too, and returns the results and their tangents.

    Only the results `outputs` have tangents, where these are given; results that are no floats have none. What it
    leaves in the parameters `written` is a result too, whose tangent is left in that of the parameter. Raises S325
    for one that has none. Without `keep_value` it returns the tangents alone. `of_called` says how functions
    that it calls are called.
    """
    builder = Builder.resume(f)
    own = f.results if outputs is None else [f.results[at] for at in outputs]
    outs = [e for e in own if is_float(builder.typeof(e))]
    moving = moving_names(f, wrt, [*outs, *map(Var, written)])
    for name in sorted(written_parameters(f).union(written)):
        if name in moving and name not in wrt:
            why = "What is written into it depends on what is differentiated."
            fail("S325", f"{base(name)} is written to, and has no tangent", None, why, "give it one, of zeros.")
    made = _Tangents(f, builder, moving, of_called)
    params = []
    for name in wrt:
        seed = builder.adjoint(f"t_{stem(name)}", tangent_type(f.types[name]), base(name))
        made.tangents[name] = made.seeds[name] = seed
        params.append(Param(seed.name, base(seed.name)))
    body = made.block(f.body)
    builder.span = None
    given = may_alias(body, builder.types)
    with builder.block() as last:
        results = made.results(outs, given)
    name = f"{f.name}_jvp" if keep_value else _name_of_tangent(f.name)
    new = replace(f, name=name, params=(*f.params, *params), body=(*body, *last))
    return builder.built(replace(new, results=(*(f.results if keep_value else ()), *results)))


def _name_of_tangent(name: str) -> str:
    """The tangent of a gradient is the Hessian times a vector."""
    return f"{name.removesuffix('_grad')}_hvp" if name.endswith("_grad") else f"{name}_tangent"


class _Tangents:
    """The walk over the primal, statements in their order."""

    def __init__(self, f: Function, builder: Builder, moving: frozenset[str], of_called: TangentOf | None) -> None:
        self.builder = builder
        self.moving = moving
        self.calls = CallTangents(f, builder, moving, self, of_called)
        self.tangents: dict[str, Atom] = {}
        """Of the values that have one where the walk is."""
        self.seeds: dict[str, Var] = {}
        """Of the parameters."""
        self.shared: MayAlias = may_alias(f.body, f.types)
        self.stored = {self.shared.class_of(name) for name in block_stores(f.body)}

    def of(self, expr: Expr) -> Atom | None:
        """The tangent of an atom, None where it is zero."""
        return self.tangents.get(expr.name) if isinstance(expr, Var) else None

    def block(self, block: Block) -> Block:
        with self.builder.block() as made:
            for stmt in block:
                self.builder.span = getattr(stmt, "span", None)
                self.statement(stmt)
        return tuple(made)

    def statement(self, stmt: Stmt) -> None:
        builder = self.builder
        match stmt:
            case Assign(target, Op("call") as call):
                self.calls.call(target, call)
            case Assign(target, Op("result", (Var(results),), ((_, int(at)),))):
                builder.emit(stmt)
                self.calls.result(target, results, at)
            case Effect(Op("call") as call):
                self.calls.call(None, call)
            case Assign(target, value):
                builder.emit(stmt)
                if target in self.moving or self.pops(value):
                    broadcast = isinstance(value, Op) and PRIMITIVES[value.prim].kind == "elementwise"
                    self.define(target, self.value(stmt, value), broadcast)
            case Store(path, index, value, op):
                builder.emit(stmt)
                self.store(stmt, path, index, value, op)
            case If():
                self.branches(stmt)
            case For():
                body, carried = self.loop(stmt.carried, stmt.body)
                builder.emit(replace(stmt, body=body, carried=carried))
            case While():
                # the tangents of what the test computes are read in the body
                body, carried = self.loop(stmt.carried, (*stmt.test, _BODY, *stmt.body))
                at = next(at for at, one in enumerate(body) if one is _BODY)
                builder.emit(replace(stmt, test=body[:at], body=body[at + 1 :], carried=carried))
            case Effect(Op("append" | "list.append" as prim, (items, item)) as call):
                builder.emit(stmt)
                rows = self.of(items)
                if rows is not None:
                    own = self.tangent_or_zero(item)
                    builder.emit(replace(stmt, call=replace(call, prim=prim, args=(rows, own))))
            case _:
                builder.emit(stmt)

    # ---- one statement -----------------------------------------------------------------------

    def value(self, stmt: Assign, value: Expr) -> Atom | None:
        """The tangent of an assigned value."""
        match value:
            case Var():
                return self.of(value)
            case Op("list.new"):
                return self.same(stmt, value)
            case Op("list.item" | "list.pop", (items, *rest)):
                rows = self.of(items)
                return None if rows is None else self.same(stmt, replace(value, args=(rows, *rest)))
            case Op() as op:
                return tangent_of(self.builder, stmt, op, [self.of(a) for a in op.args])
            case _:
                return None

    def pops(self, value: Expr) -> bool:
        """Whether it takes an item from a list that has tangents: then one is taken from these, read or not."""
        return isinstance(value, Op) and value.prim == "list.pop" and self.of(value.args[0]) is not None

    def same(self, stmt: Assign, value: Expr) -> Var:
        """What the tangent of a list is, or an item of it: a value of the same type."""
        made = self.builder.fresh(f"%{stem(stmt.target)}", self.builder.types[stmt.target])
        self.builder.emit(Assign(made.name, value, stmt.span))
        return made

    def define(self, target: str, tangent: Atom | None, broadcast: bool) -> None:
        """Name the tangent of `target`, in the shape of that, and with memory of its own where it needs it."""
        builder = self.builder
        t = builder.types[target]
        if isinstance(t, ListOf):
            assert tangent is not None
            self.name(target, tangent)
            return
        if tangent is None:
            # a scalar whose tangent is zero needs none; an array may be stored into
            if isinstance(t, Array) and (self.shared.class_of(target) in self.stored):
                self.name(target, Op("np.zeros_like", (Var(target),)))
            return
        value: Expr = self.fitted(target, tangent, broadcast)
        if isinstance(t, Array) and self.is_borrowed(target, value):
            value = Op("copy", (value,))
        self.name(target, value)

    def is_borrowed(self, target: str, tangent: Expr) -> bool:
        """Whether the tangent is that of another array, while the values have memory of their own, to which one of
        them is written."""
        own = self.shared.class_of(target)
        others = {self.shared.class_of(name) for name, other in self.tangents.items() if other == tangent}
        return any(other != own and not self.stored.isdisjoint((own, other)) for other in others)

    def fitted(self, target: str, tangent: Atom, broadcast: bool) -> Atom:
        """The tangent in the dtype of the value and, where operands may have been broadcast, in its shape."""
        builder = self.builder
        want, have = builder.types[target], builder.typeof(tangent)
        if is_complex(have) and not is_complex(want):  # the partial derivative of a real function of a complex value
            tangent = builder.real_part(tangent)
            have = builder.typeof(tangent)
        if isinstance(want, Scalar):
            if isinstance(have, Scalar) and have.dtype != want.dtype and isinstance(tangent, Var):
                return builder.op("astype", tangent, dtype=want.dtype)
            return tangent
        assert isinstance(want, Array)
        if isinstance(have, Scalar):
            return builder.op("np.full_like", Var(target), tangent)
        assert isinstance(have, Array)
        if broadcast and not _has_shape(have, want):
            tangent = builder.op("+", tangent, builder.op("np.zeros_like", Var(target)))
        if have.dtype != want.dtype:
            tangent = builder.op("astype", tangent, dtype=want.dtype)
        return tangent

    def name(self, target: str, value: Expr) -> Var:
        """Give the tangent of `target` its name."""
        builder = self.builder
        t = tangent_type(builder.types[target])
        found = builder.typeof(value)
        if isinstance(t, Array) and isinstance(found, Array) and found.layout != t.layout:
            t = replace(t, layout=found.layout)
        own = builder.adjoint(self.named(target), t, base(target))
        last = builder.statements[-1] if builder.statements else None
        if isinstance(last, Assign) and value == Var(last.target) and value not in self.tangents.values():
            value = last.value  # what was just computed is called by its name
            builder.statements.pop()
        builder.emit(Assign(own.name, value, builder.span))
        self.tangents[target] = own
        return own

    def named(self, target: str) -> str:
        return ("%" if is_temporary(target) else "") + f"t_{stem(target)}"

    def tangent_or_zero(self, expr: Expr) -> Atom:
        """The tangent of an atom, as an array if that is one."""
        found = self.of(expr)
        if found is None:
            t = self.builder.typeof(expr)
            found = self.builder.op("np.zeros_like", expr) if isinstance(t, Array) else Const(0.0)
        return found

    def results(self, outs: Sequence[Expr], given: MayAlias) -> list[Atom]:
        """The tangents of results: not memory of the caller or of each other, where the results are not."""
        found: list[tuple[Expr, Atom]] = []
        for expr in outs:
            tangent = self.result(expr)
            others = [*((Var(name), seed) for name, seed in self.seeds.items()), *found]
            if any(_share(given, other, tangent) and not _share(given, of, expr) for of, other in others):
                tangent = self.builder.op("copy", tangent, hint="t_result")
            found.append((expr, tangent))
        return [tangent for _, tangent in found]

    def result(self, expr: Expr) -> Atom:
        found = self.of(expr)
        if found is None and isinstance(self.builder.typeof(expr), Scalar):
            t = self.builder.typeof(expr)
            assert isinstance(t, Scalar)
            zero = self.builder.fresh("%t_result", tangent_type(t))
            value: Expr = Const(0.0) if t.dtype == "float64" else Op("astype", (Const(0.0),), (("dtype", t.dtype),))
            self.builder.emit(Assign(zero.name, value))
            return zero
        return self.tangent_or_zero(expr)

    def store(self, stmt: Store, path: Expr, index: tuple[Expr, ...], value: Expr, op: str | None) -> None:
        array = root(path)
        assert array is not None
        own = self.tangents.get(array)
        if own is None:
            return
        moved = replace_names(path, {array: own})
        tangent = self.of(value)
        if op in ("+", "-"):
            if tangent is not None:
                self.builder.emit(replace(stmt, base=moved, value=tangent))
            return
        assert op is None, "other updates are expanded before"
        self.builder.emit(replace(stmt, base=moved, value=Const(0.0) if tangent is None else tangent))

    # ---- control flow ------------------------------------------------------------------------

    def branches(self, stmt: If) -> None:
        builder = self.builder
        known = dict(self.tangents)
        then = list(self.block(stmt.then))
        of_then, self.tangents = self.tangents, dict(known)
        orelse = list(self.block(stmt.orelse))
        of_else, self.tangents = self.tangents, known
        joins: list[Join] = []
        for join in stmt.joins:
            joins.append(join)
            if join.target not in self.moving:
                continue
            sides = []
            for value, found, block in ((join.then, of_then, then), (join.orelse, of_else, orelse)):
                self.tangents = found
                with builder.block() as more:
                    sides.append(self.incoming(value))
                block += more
            self.tangents = known
            own = self.own(join.target, sides)
            joins.append(Join(own.name, *sides))
        builder.emit(replace(stmt, then=tuple(then), orelse=tuple(orelse), joins=tuple(joins)))

    def incoming(self, value: Expr) -> Expr:
        """The tangent that comes in at a join: zero where the value has none."""
        return value if isinstance(value, Undef) else self.tangent_or_zero(value)

    def own(self, target: str, incoming: Iterable[Expr]) -> Var:
        """The tangent of a join or a carry."""
        builder = self.builder
        t = tangent_type(builder.types[target])
        layouts = {found.layout for e in incoming if isinstance(found := builder.typeof(e), Array)}
        if isinstance(t, Array) and not layouts <= {t.layout}:
            t = replace(t, layout="A")
        own = builder.adjoint(self.named(target), t, base(target))
        self.tangents[target] = own
        return own

    def loop(self, carries: tuple[Carry, ...], body: Block) -> tuple[Block, tuple[Carry, ...]]:
        builder = self.builder
        builder.span = None
        moving = [c for c in carries if c.arg in self.moving or c.result in self.moving]
        starts = {c.arg: self.incoming(c.init) for c in moving}
        outside = dict(self.tangents)
        args = {c.arg: self.own(c.arg, [starts[c.arg]]) for c in moving}
        inner = list(self.block(body))
        builder.span = None
        with builder.block() as more:
            ends = {c.arg: self.incoming(c.next) for c in moving}
        inner += more
        self.tangents = outside
        carried: list[Carry] = []
        for carry in carries:
            carried.append(carry)
            if carry.arg in args:
                start, arg, end = starts[carry.arg], args[carry.arg], ends[carry.arg]
                result = self.own(carry.result, [start, end])
                t, ended = builder.types[arg.name], builder.typeof(end)
                if isinstance(t, Array) and isinstance(ended, Array) and ended.layout != t.layout:
                    builder.types[arg.name] = replace(t, layout="A")
                carried.append(Carry(arg.name, start, end, result.name))
        return tuple(inner), tuple(carried)


def _share(shared: MayAlias, one: Expr, other: Expr) -> bool:
    """Whether two values may have memory in common."""
    if not isinstance(one, Var) or not isinstance(other, Var):
        return False
    return shared.has_memory(one.name) and other.name in shared.aliases(one.name)


def _has_shape(have: Array, want: Array) -> bool:
    """Whether an array that broadcasts to a shape surely has it."""
    pairs = zip(have.dims, want.dims, strict=False)
    return have.rank == want.rank and all(own == other or own.is_not_one for own, other in pairs)


_BODY = Effect(Op("print"))
"""Between the test of a `while` and its body, which are one region."""
