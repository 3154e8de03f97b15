"""Scalarization: each statement on full arrays becomes a loop nest over their elements."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Const,
    Effect,
    For,
    Function,
    If,
    Op,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.result_memory import root, roots
from srcad.ir.traversal import defined, names
from srcad.ir.types import Array, Scalar
from srcad.optimize.array_statements.assignments import ArrayAssignments
from srcad.optimize.array_statements.expression_trees import NotLowerable, ReadAfterWrite
from srcad.optimize.array_statements.lowering_state import LoweringState
from srcad.optimize.loops.fusion import fuse_into
from srcad.optimize.shapes.guard_hoisting import GuardHoisting
from srcad.typing.typeof import typeof


def lower_array_statements(f: Function) -> Function:
    """Lower array statements to loop nests where the results are provably the same.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0, not_one=True)),))
    >>> f = Function("f", (Param("x", "x"),), parse("y = 2.0 * x + 1.0"), (Var("y"),), {"x": x, "y": x})
    >>> print(show(lower_array_statements(f).body))
    y = np.empty(shape(x, axis=0))
    for i in range(shape(x, axis=0)):
        y[i] = (2.0 * x[i]) + 1.0
    """
    work = _ArrayStatementLowering(f)
    body = work.block(f.body)
    results = f.results
    if results and not (f.body and isinstance(f.body[-1], Return)):
        before: list[Stmt] = []
        results = tuple(work.operands.value(e, before) for e in results)
        body += tuple(before)
    return replace(f, body=body, results=results, types={**f.types, **work.added_types})


class _ArrayStatementLowering:
    def __init__(self, f: Function) -> None:
        self._declared = f.types
        self._state = LoweringState(f)
        self._shapes = self._state.shapes
        self._assignments = ArrayAssignments(self._state)
        self._stores = self._assignments.stores
        self.operands = self._assignments.operands
        self._loops = GuardHoisting(f, self._shapes, self.block, self.operands.scalar)

    @property
    def added_types(self) -> dict[str, Array | Scalar]:
        """The types of the added names."""
        types = self._shapes.types | dict.fromkeys(self._state.indices, Scalar("int64"))
        return {n: t for n, t in types.items() if n not in self._declared and isinstance(t, Array | Scalar)}

    # ---- statements --------------------------------------------------------------------------

    def block(self, block: Block) -> Block:
        facts, guards = self._shapes.snapshot(), self._loops.guards
        found: list[Stmt] = []
        rest = list(block)
        while rest:
            lowered = self._first_contribution(rest[0], rest[1]) if len(rest) > 1 else []
            rest, lowered = (rest[2:], lowered) if lowered else (rest[1:], self._statement(rest[0]))
            for one in lowered:
                fuse_into(found, one, self._state)
                match one:
                    case Assign(target, Var(name)) if name not in self._declared:
                        self._state.bind(target, name)
        self._shapes.restore(facts)
        self._loops.guards = guards
        return tuple(found)

    def _first_contribution(self, one: Stmt, other: Stmt) -> list[Stmt]:
        """`d = zeros` and `d += e` as the nest of `d = zeros + e`; nothing where it cannot be lowered."""
        match one, other:
            case (
                Assign(target, Op("np.zeros" | "np.zeros_like") as zeros),
                AugAssign(name, "+", value) | Store(Var(name), (), value, "+"),
            ) if target == name and name not in names(value) | names(zeros):
                declared, facts = self._shapes.types.get(target), self._shapes.snapshot()
                if isinstance(declared, Array):
                    try:
                        return self._assignments.filled(target, declared, Op("+", (zeros, value)))
                    except NotLowerable:
                        self._shapes.restore(facts)
        return []

    def _statement(self, stmt: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        match stmt:
            case Assign(target, value):
                return self._assignments.assign(target, value)
            case AugAssign(target, op, value):
                if isinstance(self._shapes.types.get(target), Array):
                    return self._store(Store(Var(target), (), value, op, stmt.span, stmt.free), stmt)
                value = self.operands.scalar(value, before)
                self._shapes.forget((target,))
                return [*before, replace(stmt, value=value)]
            case Store():
                return self._store(stmt, stmt)
            case If(cond, then, orelse):
                cond = self.operands.scalar(cond, before)
                new_then, new_orelse = self._shapes.branches(
                    defined(then) | defined(orelse), lambda: self.block(then), lambda: self.block(orelse)
                )
                return [*before, replace(stmt, cond=cond, then=new_then, orelse=new_orelse)]
            case For(_, start, stop, step):
                start, stop, step = (self.operands.scalar(e, before) for e in (start, stop, step))
                return [*before, self._loops.loop(replace(stmt, start=start, stop=stop, step=step))]
            case While(test, cond, body):
                new_test, new_body = self._shapes.iterations(
                    defined(test) | defined(body), lambda: (self.block(test), self.block(body))
                )
                return [replace(stmt, test=new_test, body=new_body)]
            case Effect(Op(prim, args, static)) if prim in ("append", "list.append"):
                args = (args[0], *(self.operands.value(arg, before) for arg in args[1:]))
                return [*before, replace(stmt, call=Op(prim, args, static))]
            case Effect():
                guards = self._loops.guards_of(stmt)
                self._shapes.learn(stmt)
                return [stmt, *guards]
            case Return(values):
                new_values = tuple(self.operands.value(e, before) for e in values)
                return [*before, replace(stmt, values=new_values)]
        return [stmt]

    def _store(self, stmt: Store, original: Stmt) -> list[Stmt]:
        before: list[Stmt] = []
        facts = self._shapes.snapshot()
        try:
            place = Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base
            rank = self.operands.rank(place)
            if rank is None:
                raise NotLowerable
            if rank != 0 and stmt.op is None and stmt.value == Const(0.0):
                return self._stores.filled(stmt, place, before)
            if rank == 0 or (stmt.op is None and self.operands.rank(stmt.value) == 0):
                value = self.operands.scalar(stmt.value, before)
                return [
                    *before,
                    replace(original, value=value) if isinstance(original, Store | AugAssign) else original,
                ]
            return self._stores.lower(stmt, place, before)
        except ReadAfterWrite:
            self._shapes.restore(facts)
            return self._via_temporary(stmt, original)
        except NotLowerable:
            self._shapes.restore(facts)
            return [self._unlowered(original)]

    def _via_temporary(self, stmt: Store, original: Stmt) -> list[Stmt]:
        """`x[...] op= tree`, where the loop would read what it writes: as `new = tree`, then `x[...] op= new`."""
        facts = self._shapes.snapshot()
        try:
            place = Op("index", (stmt.base, *stmt.index)) if stmt.index else stmt.base
            kind, target = typeof(stmt.value, self._shapes.types), typeof(place, self._shapes.types)
            rank = self.operands.rank(stmt.value)
            if not isinstance(target, Array) or not rank:
                raise NotLowerable
            if not isinstance(kind, Array):
                kind = Array(target.dtype, tuple(self._shapes.unknown_length() for _ in range(rank)))
            name = self._state.fresh_name("new", replace(kind, layout="C"))
            lowered = self._assignments.filled(name, replace(kind, layout="C"), stmt.value)
            before: list[Stmt] = []
            return lowered + self._stores.lower(replace(stmt, value=Var(name)), place, before)
        except NotLowerable:
            self._shapes.restore(facts)
            return [self._unlowered(original)]

    def _unlowered(self, stmt: Stmt) -> Stmt:
        """The unlowered statement. Numba's `x[1:] += x[:-1]` would read what it has written, so the value is copied."""
        match stmt:
            case Store(base, _, value, str()) | AugAssign(base, _, value) if self.operands.rank(value):
                to = base if isinstance(base, str) else root(base)
                if to is not None and self._state.alias_class(to) in map(self._state.alias_class, roots(value)):
                    return replace(stmt, value=Op("copy", (value,)))
        return stmt
