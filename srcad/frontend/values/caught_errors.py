"""Control flow to the handlers of a `try`: where a check fails, what follows in the `try` is left out.

A check that a handler catches becomes a branch. Statements behind it are inside of the branch; a loop with such a check
is left early. What is left says whether the block has come to its end, and has the values that its handlers read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.frontend.values.abstract_values import Leaf
from srcad.frontend.values.control_joins import converted, fresh_of
from srcad.ir.nodes import Atom, Carry, Const, Effect, Expr, For, If, Join, Op, Stmt, Undef, Var, While
from srcad.ir.traversal import defined, replace_names, substitute, walk
from srcad.ir.types import Scalar, Type
from srcad.typing.builder import Builder
from srcad.typing.join import forget_iteration_facts


@dataclass(frozen=True)
class Caught:
    """A check: the values that a handler reads, if it fails; None for those that have none here."""

    values: tuple[Leaf | None, ...]


@dataclass(frozen=True)
class Output:
    """A value that a block hands on: at its end, and where an error has been raised inside."""

    value: Expr
    otherwise: Expr


@dataclass(frozen=True)
class Status:
    """Whether a block has come to its end, and the values for the handlers, if it has not."""

    ended: Expr
    values: tuple[Expr, ...]


class ErrorFlow:
    """The rewriting of the statements of one `try`. `kinds` are the bases and types of what handlers read."""

    def __init__(self, builder: Builder, caught: Mapping[int, Caught], kinds: Sequence[tuple[str, Type]]) -> None:
        self._builder, self._caught, self._kinds = builder, caught, kinds

    def emit(self, block: Sequence[Stmt], outputs: Sequence[Output]) -> tuple[Status, list[Expr]]:
        """Emit the statements; how they ended, and what they hand on."""
        builder = self._builder
        for at, stmt in enumerate(block):
            if not any(id(inner) in self._caught for inner in walk((stmt,))):
                builder.emit(stmt)
                continue
            rest = block[at + 1 :]
            if isinstance(stmt, Effect):
                return self._point(stmt, rest, outputs)
            if isinstance(stmt, If):
                status = self._if(stmt)
            elif isinstance(stmt, For):
                status = self._for(stmt)
            else:
                assert isinstance(stmt, While)
                status = self._while(stmt)
            return self._behind(status, rest, outputs)
        return Status(Const(True), (Undef(),) * len(self._kinds)), [one.value for one in outputs]

    def _point(self, stmt: Effect, rest: Sequence[Stmt], outputs: Sequence[Output]) -> tuple[Status, list[Expr]]:
        builder = self._builder
        leaves = self._caught[id(stmt)].values
        holds = stmt.call.args[0]
        if stmt.call.prim == "within":
            index, length = stmt.call.args
            rest = [stmt, *rest]  # `index_checks` proves it
            self._caught = {key: value for key, value in self._caught.items() if key != id(stmt)}
            holds = _is_within(builder, index, length)
        with builder.block() as failing:
            values = tuple(
                Undef() if leaf is None else converted(builder, leaf, kind)
                for leaf, (_, kind) in zip(leaves, self._kinds, strict=True)
            )
        return self._branch(holds, rest, outputs, Status(Const(False), values), failing, stmt)

    def _behind(self, status: Status, rest: Sequence[Stmt], outputs: Sequence[Output]) -> tuple[Status, list[Expr]]:
        """What follows a statement in which an error may have been raised."""
        if not rest and all(one.otherwise in (one.value, Undef()) for one in outputs):
            return status, [one.value for one in outputs]
        return self._branch(status.ended, rest, outputs, replace(status, ended=Const(False)), [], None)

    def _branch(
        self,
        holds: Expr,
        rest: Sequence[Stmt],
        outputs: Sequence[Output],
        failed: Status,
        failing: Sequence[Stmt],
        of: Effect | None,
    ) -> tuple[Status, list[Expr]]:
        builder = self._builder
        if holds == Const(False):
            for stmt in failing:
                builder.emit(stmt)
            return failed, [one.otherwise for one in outputs]
        with builder.block() as then:
            status, values = self.emit(rest, outputs)
        joins = _Joins(builder, holds, tuple(then))
        ended = joins.flag(status.ended, Const(False))
        found = tuple(
            joins.value(a, b, base, kind)
            for a, b, (base, kind) in zip(status.values, failed.values, self._kinds, strict=True)
        )
        out = [joins.of_output(value, one.otherwise) for value, one in zip(values, outputs, strict=True)]
        span = of.span if of is not None else None
        builder.emit(If(holds, tuple(then), tuple(failing), tuple(joins.made), span))
        return Status(joins.after(ended), found), [joins.after(value) for value in out]

    def _if(self, stmt: If) -> Status:
        builder = self._builder
        with builder.block() as then:
            first, lefts = self.emit(stmt.then, [Output(join.then, Undef()) for join in stmt.joins])
        with builder.block() as orelse:
            second, rights = self.emit(stmt.orelse, [Output(join.orelse, Undef()) for join in stmt.joins])
        joins = _Joins(builder, stmt.cond, (*then, *orelse))
        for join, left, right in zip(stmt.joins, lefts, rights, strict=True):
            joins.made.append(replace(join, then=left, orelse=right))
        ended = joins.flag(first.ended, second.ended)
        values = tuple(
            joins.value(a, b, base, kind)
            for a, b, (base, kind) in zip(first.values, second.values, self._kinds, strict=True)
        )
        builder.emit(replace(stmt, then=tuple(then), orelse=tuple(orelse), joins=tuple(joins.made)))
        return Status(joins.after(ended), values)

    def _for(self, stmt: For) -> Status:
        builder = self._builder
        outputs = [Output(one.next, Var(one.arg)) for one in stmt.carried]
        with builder.block() as body:
            leave = [] if stmt.exit is None else [Output(stmt.exit, Const(True))]
            status, values = self.emit(stmt.body, [*outputs, *leave])
            exits = values[-1] if leave else builder.op("not", _atom(status.ended))
        carried, after = self._carried(status, body)
        kept = [replace(one, next=value) for one, value in zip(stmt.carried, values, strict=False)]
        builder.emit(replace(stmt, body=tuple(body), carried=(*kept, *carried), exit=exits))
        return after

    def _while(self, stmt: While) -> Status:
        """The test becomes the beginning of the body: it may raise an error, too, and is made once an iteration."""
        builder = self._builder
        flag = Scalar("bool")
        going, result = builder.fresh("%going", flag), builder.fresh("%going", flag)
        nexts = [builder.fresh(_base(one.arg), builder.types[one.arg]) for one in stmt.carried]
        joins = tuple(Join(to.name, one.next, Var(one.arg)) for to, one in zip(nexts, stmt.carried, strict=True))
        iteration = [*stmt.test, If(stmt.cond, stmt.body, (), joins, stmt.span)]
        outputs = [Output(to, Var(one.arg)) for to, one in zip(nexts, stmt.carried, strict=True)]
        with builder.block() as body:
            status, (*values, again) = self.emit(iteration, [*outputs, Output(stmt.cond, Const(False))])
        carried, after = self._carried(status, body)
        kept = [replace(one, next=value) for one, value in zip(stmt.carried, values, strict=True)]
        goes = Carry(going.name, Const(True), again, result.name)
        builder.emit(While((), going, tuple(body), (*kept, goes, *carried), stmt.span))
        return after

    def _carried(self, status: Status, body: Sequence[Stmt]) -> tuple[list[Carry], Status]:
        """What a loop carries of how its last iteration has ended."""
        builder, inside = self._builder, defined(tuple(body))
        carried: list[Carry] = []

        def carry(base: str, kind: Type, init: Expr, next: Expr) -> Expr:
            if next == init:
                return init
            kind = forget_iteration_facts(kind, inside)
            arg, result = fresh_of(builder, base, kind), fresh_of(builder, base, kind)
            carried.append(Carry(arg.name, init, next, result.name))
            return result

        ended = carry("%ended", Scalar("bool"), Const(True), status.ended)
        values = [
            carry(base, kind, Undef(), value) for value, (base, kind) in zip(status.values, self._kinds, strict=True)
        ]
        return carried, Status(ended, tuple(values))


def joined_branches(first: If, second: If) -> If:
    """Two branches on one condition, one behind the other, as one."""
    lefts = {join.target: join.then for join in first.joins}
    rights = {join.target: join.orelse for join in first.joins}
    joins = [
        replace(one, then=replace_names(one.then, lefts), orelse=replace_names(one.orelse, rights))
        for one in second.joins
    ]
    return replace(
        second,
        then=(*first.then, *substitute(second.then, lefts)),
        orelse=(*first.orelse, *substitute(second.orelse, rights)),
        joins=(*first.joins, *joins),
    )


class _Joins:
    """The joins of one branch."""

    def __init__(self, builder: Builder, holds: Expr, inside: tuple[Stmt, ...]) -> None:
        self._builder, self._holds, self._inside = builder, holds, defined(inside)
        self.made: list[Join] = []

    def value(self, a: Expr, b: Expr, base: str, kind: Type) -> Expr:
        if a == b:
            return a
        target = fresh_of(self._builder, base, forget_iteration_facts(kind, self._inside))
        self.made.append(Join(target.name, a, b))
        return target

    def of_output(self, value: Expr, otherwise: Expr) -> Expr:
        if value == otherwise:
            return value
        if isinstance(value, Const) and isinstance(otherwise, Const) and isinstance(value.value, bool):
            return self.flag(value, otherwise)
        known = next(one for one in (value, otherwise, Const(None)) if isinstance(one, Var | Const))
        base = _base(known.name) if isinstance(known, Var) else "%value"
        return self.value(value, otherwise, base, self._builder.typeof(known))

    def flag(self, a: Expr, b: Expr) -> Expr:
        """A boolean that is `a` where the condition holds, and else `b`."""
        if (a, b) == (Const(True), Const(False)):
            return self._holds
        if (a, b) == (Const(False), Const(True)):
            return Op("not", (self._holds,))
        return self.value(a, b, "%ended", Scalar("bool"))

    def after(self, value: Expr) -> Expr:
        """A value, computed behind the branch where it is not a name."""
        return self._builder.op("not", *value.args) if isinstance(value, Op) else value


def _is_within(builder: Builder, index: Expr, length: Expr) -> Expr:
    """Whether Python finds an item there: negative indices count from the end."""
    kind = builder.typeof(index)
    low: Atom = Const(0)
    if not (isinstance(kind, Scalar) and kind.dim is not None and kind.dim.is_nonnegative):
        low = builder.op("neg", _atom(length))
    return builder.op("and", builder.op("<=", low, _atom(index)), builder.op("<", _atom(index), _atom(length)))


def _atom(expr: Expr) -> Atom:
    assert isinstance(expr, Var | Const)
    return expr


def _base(name: str) -> str:
    return name.rpartition(".")[0] or name
