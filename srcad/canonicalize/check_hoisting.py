"""Check elimination and hoisting: redundant run-time checks are removed, loop-invariant ones move before the loop.

The front end emits a check at each operation. Here it is known which conditions were checked before, on every path to
it. Lengths are queried of the array they derive from: `np.exp(x) + y` need not be computed to see that it cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from srcad.analysis.integers.residual_conditions import equalities, residual_condition
from srcad.analysis.values.effects import has_effect
from srcad.ir.length_exprs import linear_expression, shape_query
from srcad.ir.length_facts import NOTHING, LengthFacts
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, For, Function, If, Op, Span, Stmt, Var, While
from srcad.ir.runtime_checks import Check, check, check_of, is_check
from srcad.ir.traversal import blocks, map_expr, names, own_writes, walk, with_blocks
from srcad.ir.types import Array, Dim, Scalar, Symbol, Type, dim
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import COMPARISONS, CONDITIONS, SHAPE_ARITHMETIC
from srcad.typing.builder import Builder
from srcad.typing.typeof import linear_value


def hoist_checks(f: Function) -> Function:
    """Remove the checks that are known to hold, and move checks in front of loops; of a function in normal form.

    >>> import numpy as np
    >>> from srcad.canonicalize.prune import prune
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def products(x, y):
    ...     s = 0.0
    ...     for i in range(3):
    ...         s = s * np.dot(x, y) + np.dot(y, x)
    ...     return s
    >>> for line in text(prune(hoist_checks(normal_form(products, np.ones(3), np.ones(3))))).splitlines():
    ...     print(line.partition(", derived")[0])
    products(x: float64[x.0], y: float64[y.0]):
        s.0 = 0.0
        %n.12 = shape(x, axis=0)
        %n.13 = shape(y, axis=0)
        %test.4 = %n.12 == %n.13
        %n.14 = shape(x, axis=0)
        %n.15 = shape(y, axis=0)
        check(%test.4, %n.14, %n.15
        s.3 = for i.0 in range(0, 3, 1) carrying s.1 = s.0:
            %result.3 = x @ y
            %product.1 = s.1 * %result.3
            %result.7 = y @ x
            s.2 = %product.1 + %result.7
            yield s.2
        return s.3
    """
    work = _CheckHoisting(f)
    body = work.block(f.body, _Facts(NOTHING, frozenset()), frozenset(p.name for p in f.params))
    return replace(f, body=body, types=work.builder.types)


@dataclass
class _Facts:
    """What holds at a point of the program: equal lengths, and conditions that were checked."""

    lengths: LengthFacts
    checked: frozenset[Expr]
    """By `_CheckHoisting._key`."""

    def copy(self) -> _Facts:
        return _Facts(self.lengths, self.checked)


class _CheckHoisting:
    """A forward walk with the facts that hold at each statement."""

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
                    hoisted = check_of(one)
                    assert hoisted is not None
                    out += self._check(one, hoisted, facts, scope)
                out.append(loop)
            elif isinstance(stmt, If):
                out.append(with_blocks(stmt, [self.block(b, facts.copy(), scope) for b in blocks(stmt)]))
            else:
                out.append(stmt)
            scope = scope | frozenset(own_writes(stmt))
        return tuple(out)

    def _check(self, stmt: Stmt, found: Check, facts: _Facts, scope: frozenset[str]) -> list[Stmt]:
        """The check as statements, or nothing where it is known to hold."""
        condition = self._expanded(found.condition)
        if found.derived:
            residual = self._residual(condition, facts)
        else:  # the user's, which stays where it can fail
            residual = Const(True) if self._key(condition) in facts.checked else condition
        if residual == Const(True):
            return []
        self._assume(residual, facts)
        if not found.derived:
            return [stmt]
        message = [
            part if isinstance(part, str) else self._in_array_lengths(self._expanded(part), scope)
            for part in found.message
        ]
        return self._emit_check(
            replace(found, condition=self._in_array_lengths(residual, scope), message=tuple(message)), stmt
        )

    def _emit_check(self, found: Check, like: Stmt) -> list[Stmt]:
        span = like.span if isinstance(like, Effect) else None
        self.builder.span = span
        with self.builder.block() as emitted:
            condition = self.builder.flat(found.condition)
            message = [part if isinstance(part, str) else self.builder.flat(part) for part in found.message]
            self.builder.emit(check(condition, found.error, message, span, derived=True))
        self.values.update({s.target: s.value for s in emitted if isinstance(s, Assign)})
        return list(emitted)

    # ---- loops -----------------------------------------------------------------------------------

    def _loop(self, stmt: For | While, facts: _Facts, scope: frozenset[str]) -> tuple[list[Stmt], Stmt]:
        """The checks that can be hoisted before the loop, and the loop without them."""
        inner = scope | frozenset(n for c in stmt.carried for n in (c.arg,))
        if isinstance(stmt, While):
            here = facts.copy()
            test = self.block(stmt.test, here, inner)
            body = self.block(stmt.body, here, inner | {n for s in stmt.test for n in own_writes(s)})
            return [], replace(stmt, test=test, body=body)
        body = self.block(stmt.body, facts.copy(), inner | {stmt.index})
        runs = self._runs_at_least_once(stmt, facts)
        if runs is None:
            return [], replace(stmt, body=body)
        before: list[Stmt] = []
        remaining: list[Stmt] = []
        first = True
        for one in body:
            found = check_of(one) if first else None
            if found is not None and found.derived:
                condition = self._expanded(found.condition)
                message = [part if isinstance(part, str) else self._expanded(part) for part in found.message]
                if all(names(e) <= scope for e in (condition, *message) if not isinstance(e, str)):
                    guarded = condition if runs == Const(True) else Op("or", (Op("not", (runs,)), condition))
                    hoisted_check = replace(found, condition=guarded, message=tuple(message))
                    before.append(
                        check(
                            hoisted_check.condition,
                            hoisted_check.error,
                            hoisted_check.message,
                            _span(one),
                            derived=True,
                        )
                    )
                    continue
            first = first and not any(map(_is_observable, walk((one,))))
            remaining.append(one)
        return before, replace(stmt, body=tuple(remaining))

    def _runs_at_least_once(self, loop: For, facts: _Facts) -> Expr | None:
        """The condition under which the loop runs at least once; None where it has no simple form."""
        if not isinstance(loop.step, Const) or not isinstance(loop.step.value, int) or loop.step.value == 0:
            return None
        low, high = (loop.start, loop.stop) if loop.step.value > 0 else (loop.stop, loop.start)
        least, most = self._dim(low), self._dim(high)
        if least is None or most is None or self._may_exceed_form(low):
            return Op(">", (high, low))
        return Const(True) if facts.lengths.is_at_least(most, least + 1) else Op(">", (high, low))

    def _may_exceed_form(self, e: Expr) -> bool:
        """Whether the integer may be greater than its form, as `x[2:].shape[0]` is where x is empty."""
        match e:
            case Var(name) if name in self.values:
                return self._may_exceed_form(self.values[name])
            case Op("shape" | "len"):
                d = self._dim(e)
                return d is None or not self._is_nonnegative(d)
            case Op(_, args):
                return any(map(self._may_exceed_form, args))
        return False

    # ---- conditions ------------------------------------------------------------------------------

    def _expanded(self, e: Expr) -> Expr:
        """A condition, or an integer, with its temporaries expanded; names of the user stay."""
        match e:
            case Var(name) if is_temporary(name) and isinstance(value := self.values.get(name), Op):
                if not isinstance(self.types.get(name), Scalar):
                    return e
                if value.prim in CONDITIONS or value.prim in SHAPE_ARITHMETIC:
                    return self._expanded(value)
            case Op("shape", (Var(name),), static) if is_temporary(name):
                match self.values.get(name):
                    case Op("index") as view:  # `x[1:].shape[0]`: no other check reads the temporary of the view
                        return Op("shape", (view,), static)
            case Op(prim, args, static) if prim in CONDITIONS or prim in SHAPE_ARITHMETIC:
                return Op(prim, tuple(map(self._expanded, args)), static)
        return e

    def _key(self, e: Expr, negated: bool = False) -> Expr:
        """Equal for conditions that say the same in other words: of a view or of its name, negated here or there."""
        match e:
            case Op("not", (inner,)):
                return self._key(inner, not negated)
            case Op("shape" | "len", (Var(name),), static) if isinstance(view := self.values.get(name), Op):
                if view.prim == "index" and isinstance(self.types.get(name), Array):
                    return Op("shape", (view,), static or (("axis", 0),))
            case Op("and" | "or" as prim, args, static):
                prim = {"and": "or", "or": "and"}[prim] if negated else prim
                parts: list[Expr] = []
                for part in args:
                    key = self._key(part, negated)
                    parts += key.args if isinstance(key, Op) and key.prim == prim else (key,)
                return Op(prim, tuple(parts), static)
            case Op(prim, args, static) if prim in COMPARISONS:
                opposite = PRIMITIVES[prim].negation if negated and all(map(self._is_integer, args)) else None
                key = Op(opposite or prim, tuple(map(self._key, args)), static)
                return Op("not", (key,)) if negated and opposite is None else key
        return Op("not", (e,)) if negated else e

    def _is_integer(self, e: Expr) -> bool:
        """NaN is neither less than a number nor not."""
        t = self.builder.typeof(e)
        return isinstance(t, Scalar) and t.dtype == "int64"

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

    def _residual(self, e: Expr, facts: _Facts) -> Expr:
        """The part of the condition that is not known to hold."""

        def value(part: Expr) -> Dim | None:
            d = self._dim(part)
            return None if d is None else facts.lengths.representative(d)

        return Const(True) if self._key(e) in facts.checked else residual_condition(e, value)

    def _assume(self, condition: Expr, facts: _Facts) -> None:
        facts.checked = facts.checked | {self._key(condition)}
        for a, b in equalities(condition):
            x, y = self._dim(a), self._dim(b)
            if x is not None and y is not None:
                facts.lengths = facts.lengths.with_equal_integers(x, y)

    # ---- lengths in terms of arrays ---------------------------------------------------------------

    def _in_array_lengths(self, e: Expr, scope: frozenset[str]) -> Expr:
        """Lengths in terms of the arrays they derive from."""

        def one(part: Expr) -> Expr:
            match part:
                case Op("shape" | "len", (Var() | Op("index"),)):
                    d = self._dim(part)
                    found = None if d is None else self._origin(d, scope)
                    unchanged = found == Op("shape", part.args, (("axis", 0),))
                    return part if found is None or (unchanged and part.prim == "len") else found
            return part

        return map_expr(e, one)

    def _origin(self, d: Dim, scope: frozenset[str]) -> Expr | None:
        if not d.terms:
            return Const(d.const)
        # `x[1:]` of an empty array has length 0, not -1
        if not all(self._is_available(symbol, scope) for symbol, _ in d.terms) or not self._is_nonnegative(d):
            return None
        return linear_expression(d, shape_query)

    def _is_nonnegative(self, d: Dim) -> bool:
        match d:
            case Dim(((_, 1),), 0):
                return True
        return d.is_nonnegative

    def _is_available(self, symbol: Symbol, scope: frozenset[str]) -> bool:
        if symbol.name not in scope:
            return False
        match self.types.get(symbol.name):
            case Array(dims=dims) if symbol.axis is not None:
                return symbol.axis < len(dims) and dims[symbol.axis] == dim(symbol)
            case Scalar(dim=Dim() as value):
                return symbol.axis is None and value == dim(symbol)
        return False


def _is_observable(stmt: Stmt) -> bool:
    """Whether the statement is observable before a later error in Python. For an index, any error is as good."""
    if isinstance(stmt, Effect) and stmt.call.prim == "within":
        return False
    return has_effect(stmt) or is_check(stmt)


def _span(stmt: Stmt) -> Span | None:
    return stmt.span if isinstance(stmt, Effect) else None
