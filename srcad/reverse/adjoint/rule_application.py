"""Application of derivative rules: the adjoint statements of one operation.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def quotient(x, y):
...     return x / y
>>> source = srcad.grad(quotient, argnums=("x", "y"), target="python").source_for(2.0, 3.0)
>>> print(source[source.index("    d_x =") : source.index("    return")].rstrip())
    d_x = d_result / y
    d_y = -x / y * d_x
>>> def safe(x):
...     return np.where(x > 0.0, np.sqrt(x), 0.0)
>>> source = srcad.grad(safe, target="python").source_for(2.0)
>>> print(source[source.index("    d_sqrt =") : source.index("    return")].rstrip())
    d_sqrt = d_result if x > 0.0 else 0.0
    part = 0.5 / np.sqrt(x) * d_sqrt
    d_x = part if d_sqrt != 0.0 else 0.0

One partial of the quotient is a multiple of the other, so there is one division. The derivative of `sqrt(0)` is
infinite, and its cotangent exactly zero where `np.where` did not select it: the guard keeps `0 * inf` from being NaN.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from srcad.analysis.shapes.implied_equalities import implied_equalities
from srcad.analysis.values.available_expressions import AvailableExpressions
from srcad.errors import fail
from srcad.frontend.calls.derived_rules import (
    contribution_by_differences,
    contribution_by_jvp,
    contribution_by_linearity,
)
from srcad.frontend.calls.inline import demand_shape, inline_rule
from srcad.ir.length_facts import NOTHING
from srcad.ir.nodes import Assign, Atom, Const, Expr, Op, Stmt, Var
from srcad.ir.traversal import stmt_reads, substitute
from srcad.ir.types import Array, Scalar
from srcad.reverse.adjoint.accumulation import AdjointVariables
from srcad.rules.external import called
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import Rule, find_rule, find_tangent_rule, refuse_unknown
from srcad.typing.builder import Builder

_FUNCTIONS_OF_MATH = frozenset({"np.sin", "np.cos", "np.sinh", "np.cosh", "np.exp"})
"""In rules of functions of `math`: there they raise no error that the function itself has not raised."""


class RuleApplier:
    """Applies derivative rules. `masked`: names whose cotangent may be exactly zero because they were not selected."""

    def __init__(
        self, builder: Builder, adjoints: AdjointVariables, masked: Mapping[str, int], computed: AvailableExpressions
    ) -> None:
        self.builder = builder
        self.adjoints = adjoints
        self.masked = masked
        self.computed = computed

    def apply(self, stmt: Assign, op: Op) -> None:
        """Add to the adjoints of the arguments of `stmt`, an assignment of `op`."""
        adjoints, builder = self.adjoints, self.builder
        wanted = [k for k, a in enumerate(op.args) if isinstance(a, Var) and a.name in adjoints.active]
        if not PRIMITIVES[op.prim].differentiable or not wanted:
            return
        types = [builder.typeof(a) for a in op.args]
        rule = find_rule(op.prim, tuple(t.rank if isinstance(t, Array) else 0 for t in types))
        refuse_unknown(op.prim, wanted, stmt.span)
        with builder.block() as emitted:
            parts = self._contributions(stmt, op, rule, wanted)
        if op.prim.startswith("math."):
            emitted = [self._of_math(one) for one in emitted]
        values = {k: part for k in wanted if (part := parts.get(k)) is not None}
        replaced: dict[str, Var] = {}
        # no array that is filled by stores: two names may not share it
        only_assigns = all(isinstance(s, Assign) for s in emitted)
        for needed in _slice(emitted, {v.name for v in values.values() if isinstance(v, Var)}):
            (needed,) = substitute((needed,), replaced)
            available = self.computed.in_primal(needed, adjoints.scopes[-1].sweep.region)
            if available is None and only_assigns:
                available = self.computed.in_reversal(stmt.target, needed)
            if available is None:
                builder.emit(needed)
            else:
                assert isinstance(needed, Assign)
                replaced[needed.target] = available
        values = {k: replaced.get(v.name, v) if isinstance(v, Var) else v for k, v in values.items()}
        if rule is not None and rule.kind == "partials":
            guarded = rule.singular and _needs_zero_guard(op, self.masked.get(stmt.target, 0))
            definitions = {s.target: s.value for s in emitted if isinstance(s, Assign)}
            values = self.scale_partials(stmt, op, values, definitions, guarded)
        facts = NOTHING.with_equal(*implied_equalities(replace(stmt, value=op), builder.typeof))
        for k, value in values.items():
            adjoints.add(op.args[k], value, facts)

    def _contributions(
        self, stmt: Assign, op: Op, rule: Rule | None, wanted: Sequence[int]
    ) -> Mapping[int, Atom | None]:
        """What the rule gives, by argument: contributions, or partial derivatives."""
        builder = self.builder
        args = [a for a in op.args if isinstance(a, Var | Const)]
        assert len(args) == len(op.args), op
        if rule is None:
            return self._derived(stmt, op, args, wanted)
        given = [] if rule.kind == "partials" else [self.adjoints.value(stmt.target)]
        buffers = self._buffers(args, wanted) if rule.kind == "vjp_into" else []
        parts = inline_rule(builder, rule.function, [*given, Var(stmt.target), *args], dict(op.static), buffers)
        if not buffers:
            if PRIMITIVES[op.prim].external:
                self._check_of_user(stmt, op, rule, parts)
            return dict(enumerate(parts))
        numbers = iter(parts)
        arrays = [isinstance(builder.typeof(a), Array) for a in args]
        given_back = zip(buffers, arrays, strict=True)
        return dict(enumerate(buffer if is_array else next(numbers, None) for buffer, is_array in given_back))

    def _check_of_user(self, stmt: Assign, op: Op, rule: Rule, parts: Sequence[Atom | None]) -> None:
        """What is given for each argument has its shape; of `partials`, that of the result or of what is broadcast."""
        name = rule.function.__name__
        if len(parts) != len(op.args):
            taken = f"{len(op.args)} arguments of {called(op.prim).__name__}"
            what = f"the rule {name} gives {len(parts)} {'values' if len(parts) != 1 else 'value'}, for {taken}"
            fail("S206", what, stmt.span, None, "return one for each, None where there is no derivative.")
        if rule.kind == "vjp":
            for at, (part, arg) in enumerate(zip(parts, op.args, strict=True)):
                if part is not None and isinstance(arg, Var):
                    demand_shape(self.builder, rule.function, part, arg, f"argument {at}")

    def _derived(self, stmt: Assign, op: Op, args: Sequence[Atom], wanted: Sequence[int]) -> Mapping[int, Atom | None]:
        """Of a function of the user's that has a rule of forward mode, or is linear: by transposing that."""
        primitive = PRIMITIVES[op.prim]
        types = [self.builder.typeof(a) for a in args]
        rule = find_tangent_rule(op.prim, tuple(t.rank if isinstance(t, Array) else 0 for t in types))
        linear = primitive.linear_arguments(len(args))
        found: dict[int, Atom | None] = {}
        for k in wanted:
            if primitive.external and rule is not None:
                derived = contribution_by_jvp(rule.function, k, len(args))
            elif primitive.external and k in linear:
                derived = contribution_by_linearity(called(op.prim), k, linear)
            elif primitive.differences:
                derived = contribution_by_differences(called(op.prim), k)
            else:
                advice = "write a rule (help(srcad.rules) says how), or wrap the argument in srcad.stop_gradient."
                fail("S203", f"no derivative rule for {op.prim}", stmt.span, advice=advice)
            given = [self.adjoints.value(stmt.target), Var(stmt.target), *args]
            (found[k],) = inline_rule(self.builder, derived, given, {})
        return found

    def _buffers(self, args: Sequence[Atom], wanted: Container[int]) -> list[Atom | None]:
        """For each array whose contribution is wanted, one of zeros."""
        builder = self.builder
        arrays = [k in wanted and isinstance(builder.typeof(a), Array) for k, a in enumerate(args)]
        given = zip(args, arrays, strict=True)
        return [builder.op("np.zeros_like", a, hint="part") if is_array else None for a, is_array in given]

    def _of_math(self, stmt: Stmt) -> Stmt:
        """`math.cos` in the rule of `math.sin`, as the user would write it. The argument has passed `math.sin`."""
        match stmt:
            case Assign(_, Op(prim, args, static)) if prim in _FUNCTIONS_OF_MATH:
                spelled = Op(prim.replace("np.", "math."), args, static)
                self.builder.types[stmt.target] = self.builder.type_of_op(spelled.prim, *args)
                return replace(stmt, value=spelled)
        return stmt

    def scale_partials(
        self, stmt: Assign, op: Op, partials: Mapping[int, Atom], definitions: Mapping[str, Expr], guarded: bool
    ) -> dict[int, Atom]:
        """Each partial times the cotangent. Where one partial is a multiple of another, so are the products.

        Of a quotient y = a / b, d_a is d_y / b, and d_b is -y * d_a: one division, not two. The multiple comes first,
        so that the other product may become the adjoint itself.
        """
        products: dict[Atom, Atom] = {}
        values: dict[int, Atom] = {}
        multiples: dict[int, Atom] = {}
        d: Atom = self.adjoints.broadcast_scalar(stmt.target) or self.adjoints.name(stmt.target)
        for k, partial in partials.items():
            if not self._scalar_suffices(stmt.target, partial, op.args[k]):
                d = self.adjoints.value(stmt.target)
            match definitions.get(partial.name) if isinstance(partial, Var) else None:
                case Op("*", (Var() | Const() as factor, Var() as other)) if other in products:
                    multiples[k] = self.times(factor, products[other], guarded and d)
                case _:
                    values[k] = products[partial] = self.times(partial, d, guarded and d)
        return multiples | values

    def _scalar_suffices(self, name: str, partial: Atom, argument: Expr) -> bool:
        """Whether a scalar in place of the full adjoint of `name` gives the same contribution to the argument.

        It does where nothing has to be summed: the argument, or the partial, has the shape of the result.
        """
        want = self.builder.types[name]
        if not isinstance(want, Array):
            return True
        types = (self.builder.typeof(partial), self.builder.typeof(argument))
        return any(isinstance(t, Array) and t.dims == want.dims for t in types)

    def times(self, partial: Atom, d: Atom, guard: Atom | bool) -> Atom:
        """partial * d; where the guard is zero, zero, even if the partial is not finite."""
        builder = self.builder
        if partial == Const(1.0) or partial == Const(1):
            return d
        if partial == Const(-1.0) or partial == Const(-1):
            return builder.op("neg", d)
        product = builder.op("*", partial, d, hint="part")
        if isinstance(guard, bool) or isinstance(partial, Const):  # which is finite
            return product
        nonzero = builder.op("!=", guard, Const(0.0))
        choose = "select" if isinstance(builder.typeof(product), Scalar) else "np.where"
        guarded = builder.op(choose, nonzero, product, Const(0.0))
        # a factor that is zero here may have a derivative
        return builder.op(choose, builder.op("np.isfinite", partial), product, guarded) if builder.again else guarded


def _needs_zero_guard(op: Op, masked: int) -> bool:
    """Whether a partial that is not finite may be multiplied by a cotangent that is exactly zero."""
    if masked == 2:
        return True
    match op:
        case Op("**" | "math.pow", (_, Const(int() | float() as exponent))) if not 0 < exponent < 1:
            return masked == 1 and exponent < 0
    primitive = PRIMITIVES[op.prim]
    # `0 * sqrt(0)` has the derivative 0
    return primitive.infinite_slopes or (masked == 1 and primitive.poles)


def _slice(stmts: list[Stmt], wanted: set[str]) -> list[Stmt]:
    """The statements that the wanted names depend on: a rule gives all contributions, not all are active."""
    remaining: list[Stmt] = []
    wanted = set(wanted)
    for stmt in reversed(stmts):
        if not isinstance(stmt, Assign) or stmt.target in wanted:
            remaining.append(stmt)
            wanted |= stmt_reads(stmt)
    return remaining[::-1]
