"""The checks that are left: nothing is asked twice, and before a loop where that can be.

The front end asks at each operation. Here it is known what was asked before, on every way that leads to a place.
Lengths are asked of the array they come from: `np.exp(x) + y` need not be computed to see that it cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from srcad.analysis.integers.residual_conditions import equalities, residual_condition
from srcad.analysis.values.effects import has_effect
from srcad.ir.length_exprs import linear_expression, shape_query
from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, For, Function, If, Op, Span, Stmt, Var, While
from srcad.ir.runtime_checks import Check, check, check_of, is_check
from srcad.ir.traversal import blocks, map_expr, names, own_writes, walk, with_blocks
from srcad.ir.types import Array, Dim, Scalar, Symbol, Type, dim
from srcad.rules.traits import CONDITIONS, SHAPE_ARITHMETIC
from srcad.typing.builder import Builder
from srcad.typing.typeof import linear_value


def hoist_checks(f: Function) -> Function:
    """The function, in normal form, with each of its own checks where it is needed, and in terms of what is there."""
    work = _Settled(f)
    body = work.block(f.body, _Facts({}, frozenset()), frozenset(p.name for p in f.params))
    return replace(f, body=body, types=work.builder.types)


@dataclass
class _Facts:
    """What holds at a place."""

    equal: dict[Symbol, Dim]
    true: frozenset[Expr]

    def copy(self) -> _Facts:
        return _Facts(dict(self.equal), self.true)

    def same(self, d: Dim) -> Dim:
        """One of the lengths that are equal to this one, the same for all of them."""
        return d.replaced(self._first)

    def _first(self, symbol: Symbol) -> Dim:
        known = dim(symbol)
        while len(known.terms) == 1 and known.const == 0 and known.terms[0][0] in self.equal:
            known = self.equal[known.terms[0][0]]
        return known

    def learn(self, a: Dim, b: Dim) -> None:
        match self.same(a), self.same(b):
            case Dim(((x, 1),), 0), Dim(((y, 1),), 0) if x != y:
                # an axis known not to be 1 says so of the other
                first, second = (x, y) if y.not_one and not x.not_one else (y, x)
                self.equal[first] = dim(second)
            case (Dim(((x, 1),), 0), Dim((), _) as number) | (Dim((), _) as number, Dim(((x, 1),), 0)):
                self.equal[x] = number


class _Settled:
    def __init__(self, f: Function) -> None:
        self.builder = Builder.resume(f)
        self.types: Mapping[str, Type] = self.builder.types
        self.values = {s.target: s.value for s in walk(f.body) if isinstance(s, Assign)}

    # ---- statements ------------------------------------------------------------------------------

    def block(self, block: Block, facts: _Facts, scope: frozenset[str]) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            found = check_of(stmt)
            if found is not None:
                out += self._check(stmt, found, facts, scope)
            elif isinstance(stmt, For | While):
                before, loop = self._loop(stmt, facts, scope)
                for one in before:
                    asked_before = check_of(one)
                    assert asked_before is not None
                    out += self._check(one, asked_before, facts, scope)
                out.append(loop)
            elif isinstance(stmt, If):
                out.append(with_blocks(stmt, [self.block(b, facts.copy(), scope) for b in blocks(stmt)]))
            else:
                out.append(stmt)
            scope = scope | frozenset(own_writes(stmt))
        return tuple(out)

    def _check(self, stmt: Stmt, found: Check, facts: _Facts, scope: frozenset[str]) -> list[Stmt]:
        """The check as statements, or nothing where it is known to hold."""
        condition = self._whole(found.condition)
        left = self._left(condition, facts) if found.derived else condition
        if left == Const(True):
            return []
        self._learn(left, facts)
        if not found.derived:
            return [stmt]
        message = [part if isinstance(part, str) else self._spelled(self._whole(part), scope) for part in found.message]
        return self._written(replace(found, condition=self._spelled(left, scope), message=tuple(message)), stmt)

    def _written(self, found: Check, like: Stmt) -> list[Stmt]:
        span = like.span if isinstance(like, Effect) else None
        self.builder.span = span
        with self.builder.block() as made:
            condition = self._flat(found.condition)
            message = [part if isinstance(part, str) else self._flat(part) for part in found.message]
            self.builder.emit(check(condition, found.error, message, span, derived=True))
        self.values.update({s.target: s.value for s in made if isinstance(s, Assign)})
        return list(made)

    def _flat(self, e: Expr) -> Expr:
        if isinstance(e, Op):
            return self.builder.op(e.prim, *map(self._flat, e.args), hint="", **dict(e.static))
        return e

    # ---- loops -----------------------------------------------------------------------------------

    def _loop(self, stmt: For | While, facts: _Facts, scope: frozenset[str]) -> tuple[list[Stmt], Stmt]:
        """What can be asked before the loop, and the loop without it."""
        inner = scope | frozenset(n for c in stmt.carried for n in (c.arg,))
        if isinstance(stmt, While):
            here = facts.copy()
            test = self.block(stmt.test, here, inner)
            body = self.block(stmt.body, here, inner | {n for s in stmt.test for n in own_writes(s)})
            return [], replace(stmt, test=test, body=body)
        body = self.block(stmt.body, facts.copy(), inner | {stmt.index})
        runs = _runs(stmt, self._dims(stmt))
        if runs is None:
            return [], replace(stmt, body=body)
        before: list[Stmt] = []
        kept: list[Stmt] = []
        first = True
        for one in body:
            found = check_of(one) if first else None
            if found is not None and found.derived:
                condition = self._whole(found.condition)
                message = [part if isinstance(part, str) else self._whole(part) for part in found.message]
                if all(names(e) <= scope for e in (condition, *message) if not isinstance(e, str)):
                    guarded = condition if runs == Const(True) else Op("or", (Op("not", (runs,)), condition))
                    moved = replace(found, condition=guarded, message=tuple(message))
                    before.append(check(moved.condition, moved.error, moved.message, _span(one), derived=True))
                    continue
            first = first and not any(map(_is_seen, walk((one,))))
            kept.append(one)
        return before, replace(stmt, body=tuple(kept))

    def _dims(self, loop: For) -> tuple[Dim | None, Dim | None]:
        return self._dim(loop.start), self._dim(loop.stop)

    # ---- conditions ------------------------------------------------------------------------------

    def _whole(self, e: Expr) -> Expr:
        """A condition, or an integer, with what it is made of; what the user has named keeps its name."""
        match e:
            case Var(name) if name.startswith("%") and isinstance(value := self.values.get(name), Op):
                if not isinstance(self.types.get(name), Scalar):
                    return e
                if value.prim in CONDITIONS or value.prim in SHAPE_ARITHMETIC:
                    return self._whole(value)
            case Op("shape", (Var(name),), static) if name.startswith("%"):
                match self.values.get(name):
                    case Op("index") as view:  # `x[1:].shape[0]`: the part itself has no name that others would read
                        return Op("shape", (view,), static)
            case Op(prim, args, static) if prim in CONDITIONS or prim in SHAPE_ARITHMETIC:
                return Op(prim, tuple(map(self._whole, args)), static)
        return e

    def _dim(self, e: Expr) -> Dim | None:
        """An integer as a linear form."""
        match e:
            case Const() | Var():
                return linear_value(e, self.types)
            case Op("shape" | "len", (inner,)) if isinstance(self.builder.typeof(inner), Array):
                return linear_value(e, self.types)
            case Op("+" | "-" as prim, (a, b)):
                x, y = self._dim(a), self._dim(b)
                return None if x is None or y is None else x + y if prim == "+" else x - y
        return None

    def _left(self, e: Expr, facts: _Facts) -> Expr:
        """What of the condition is not known to hold."""

        def value(part: Expr) -> Dim | None:
            d = self._dim(part)
            return None if d is None else facts.same(d)

        return Const(True) if e in facts.true else residual_condition(e, value)

    def _learn(self, condition: Expr, facts: _Facts) -> None:
        facts.true = facts.true | {condition}
        for a, b in equalities(condition):
            x, y = self._dim(a), self._dim(b)
            if x is not None and y is not None:
                facts.learn(x, y)

    # ---- where a length comes from ---------------------------------------------------------------

    def _spelled(self, e: Expr, scope: frozenset[str]) -> Expr:
        """Lengths in terms of the arrays they come from."""

        def one(part: Expr) -> Expr:
            match part:
                case Op("shape" | "len", (Var() | Op("index"),)):
                    d = self._dim(part)
                    found = None if d is None else self._origin(d, scope)
                    same = found == Op("shape", part.args, (("axis", 0),))
                    return part if found is None or (same and part.prim == "len") else found
            return part

        return map_expr(e, one)

    def _origin(self, d: Dim, scope: frozenset[str]) -> Expr | None:
        if not d.terms:
            return Const(d.const)
        # `x[1:]` of nothing has no items, not -1
        if not all(self._is_there(symbol, scope) for symbol, _ in d.terms) or not self._surely(d):
            return None
        return linear_expression(d, shape_query)

    def _surely(self, d: Dim) -> bool:
        match d:
            case Dim(((_, 1),), 0):
                return True
        return d.is_nonnegative

    def _is_there(self, symbol: Symbol, scope: frozenset[str]) -> bool:
        if symbol.name not in scope:
            return False
        match self.types.get(symbol.name):
            case Array(dims=dims) if symbol.axis is not None:
                return symbol.axis < len(dims) and dims[symbol.axis] == dim(symbol)
            case Scalar(dim=Dim() as value):
                return symbol.axis is None and value == dim(symbol)
        return False


def _runs(loop: For, ends: tuple[Dim | None, Dim | None]) -> Expr | None:
    """Whether the loop has a turn; None where that is not easily said."""
    if not isinstance(loop.step, Const) or not isinstance(loop.step.value, int) or loop.step.value == 0:
        return None
    low, high = (loop.start, loop.stop) if loop.step.value > 0 else (loop.stop, loop.start)
    least, most = ends if loop.step.value > 0 else ends[::-1]
    if least is not None and most is not None:
        span = most - least
        if (not span.terms and span.const > 0) or (span - 1).is_nonnegative:
            return Const(True)
    return Op(">", (high, low))


def _is_seen(stmt: Stmt) -> bool:
    """Whether Python would have shown this before an error that comes later. Of an index, any error will do."""
    if isinstance(stmt, Effect) and stmt.call.prim == "within":
        return False
    return has_effect(stmt) or is_check(stmt)


def _span(stmt: Stmt) -> Span | None:
    return stmt.span if isinstance(stmt, Effect) else None
