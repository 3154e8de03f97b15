"""The tangent of one operation, from the tangents of its arguments.

>>> import numpy as np
>>> from srcad.ir.notation import show
>>> from srcad.ir.types import Array, dim
>>> builder = Builder()
>>> builder.types |= dict.fromkeys(("x", "t_x", "y", "A", "t_A"), Array("float64", (dim(4),)))
>>> sine = Assign("y", Op("np.sin", (Var("x"),)))
>>> with builder.block() as body:
...     t_y = tangent_of(builder, sine, sine.value, [Var("t_x")])
>>> print(show(tuple(body)))
%cos.0 = np.cos(x)
%product.0 = %cos.0 * t_x
>>> total = Assign("y", Op("np.sum", (Var("A"),)))
>>> with builder.block() as body:
...     t_y = tangent_of(builder, total, total.value, [Var("t_A")])
>>> print(show(tuple(body)))
%sum.0 = np.sum(t_A)

Where an operation has no rule for tangents, it is linear in some arguments, linear in each of two, or has partial
derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from srcad.errors import fail
from srcad.frontend.calls.derived_rules import tangent_by_differences, tangent_by_vjp
from srcad.frontend.calls.inline import demand_shape, inline_rule
from srcad.ir.nodes import Assign, Atom, Const, Op, Slice, Undef, Var
from srcad.ir.types import Array, Scalar
from srcad.rules.external import called
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import Rule, find_rule, find_tangent_rule, refuse_unknown
from srcad.typing.builder import Builder


def tangent_of(builder: Builder, stmt: Assign, op: Op, tangents: Sequence[Atom | None]) -> Atom | None:
    """Emit the tangent of `stmt`, an assignment of `op`. None where that is zero: no tangent of an argument passes.

    `tangents` are those of the arguments, None where an argument has none.
    """
    primitive = PRIMITIVES[op.prim]
    if not primitive.differentiable:
        return None
    tangents = [None if at in primitive.steps else t for at, t in enumerate(tangents)]
    if not any(t is not None for t in tangents):
        return None
    refuse_unknown(op.prim, [at for at, t in enumerate(tangents) if t is not None], stmt.span)
    types = [builder.typeof(a) if not isinstance(a, Slice | Undef) else None for a in op.args]
    ranks = tuple(t.rank if isinstance(t, Array) else 0 for t in types)
    rule = find_tangent_rule(op.prim, ranks)
    if rule is not None:
        return _by_rule(builder, stmt, op, rule, tangents)
    linear = primitive.linear_arguments(len(op.args))
    # of a user's function nothing else is known; of ours, the other arguments are read for their shape
    if linear and not (primitive.external and any(t is not None and at not in linear for at, t in enumerate(tangents))):
        return _of_linear(builder, op, tangents)
    if primitive.bilinear:
        return _of_product(builder, op, tangents)
    found = find_rule(op.prim, ranks)
    if found is not None and found.kind == "vjp" and primitive.external:
        return _derived(builder, stmt, op, lambda at: tangent_by_vjp(found.function, at), tangents)
    if primitive.differences and (found is None or found.kind != "partials"):
        return _derived(builder, stmt, op, lambda at: tangent_by_differences(called(op.prim), at), tangents)
    if found is None or found.kind != "partials":
        advice = "write a rule (docs/rules.md), or wrap the argument in srcad.stop_gradient."
        fail("S203", f"no rule for the tangent of {op.prim}", stmt.span, advice=advice)
    return _by_partials(builder, stmt, op, found, tangents)


def _by_rule(builder: Builder, stmt: Assign, op: Op, rule: Rule, tangents: Sequence[Atom | None]) -> Atom | None:
    parts = inline_rule(builder, rule.function, [Var(stmt.target), *_atoms(op), *tangents], dict(op.static))
    if len(parts) != 1:
        fail("S206", f"the rule {rule.function.__name__} gives {len(parts)} tangents, for one result", stmt.span)
    if PRIMITIVES[op.prim].external and parts[0] is not None:
        demand_shape(builder, rule.function, parts[0], Var(stmt.target), "the result")
    return parts[0]


def _derived(
    builder: Builder,
    stmt: Assign,
    op: Op,
    rule: Callable[[int], Callable[..., Any]],
    tangents: Sequence[Atom | None],
) -> Atom:
    """By a rule for each argument that has a tangent."""
    parts = []
    for at, tangent in enumerate(tangents):
        if tangent is not None:
            (part,) = inline_rule(builder, rule(at), [Var(stmt.target), tangent, *_atoms(op)], dict(op.static))
            assert part is not None
            parts.append(part)
    return _sum(builder, parts)


def _of_linear(builder: Builder, op: Op, tangents: Sequence[Atom | None]) -> Atom:
    """The operation itself, on the tangents."""
    linear = PRIMITIVES[op.prim].linear_arguments(len(op.args))
    args = list(op.args)
    for at in linear:
        if at < len(args):
            args[at] = tangents[at] or zero_like(builder, args[at], op.prim)
    if op.prim == "reshape" and isinstance(args[0], Var):
        t = builder.typeof(args[0])
        if isinstance(t, Array) and t.layout != "C":  # compiled code takes no other
            args[0] = builder.op("np.ascontiguousarray", args[0])
    hint = "" if op.prim != "index" else "item"
    return builder.op(op.prim, *args, hint=hint, **dict(op.static))


def zero_like(builder: Builder, value: object, prim: str) -> Atom:
    """A tangent of zero beside others: a number where the operation broadcasts, else of the shape of the value."""
    if isinstance(value, Var) and isinstance(builder.typeof(value), Array) and prim not in ("np.where", "select"):
        return builder.op("np.zeros_like", value)
    return Const(0.0)


def _of_product(builder: Builder, op: Op, tangents: Sequence[Atom | None]) -> Atom:
    parts = []
    for at in PRIMITIVES[op.prim].bilinear:
        tangent = tangents[at]
        if tangent is not None:
            args = [tangent if k == at else arg for k, arg in enumerate(op.args)]
            parts.append(builder.op(op.prim, *args, hint="", **dict(op.static)))
    return _sum(builder, parts)


def _by_partials(builder: Builder, stmt: Assign, op: Op, rule: Rule, tangents: Sequence[Atom | None]) -> Atom | None:
    partials = inline_rule(builder, rule.function, [Var(stmt.target), *_atoms(op)], dict(op.static))
    # the derivative may be infinite where the value is finite: in a direction in which the argument rests, it is zero
    guarded = rule.singular and _has_infinite_slope(op)
    counts: dict[tuple[Atom, Atom], int] = {}
    for tangent, partial in zip(tangents, partials, strict=False):
        if tangent is not None and partial is not None:
            counts[partial, tangent] = counts.get((partial, tangent), 0) + 1
    parts = [_times(builder, partial, tangent, guarded, count) for (partial, tangent), count in counts.items()]
    return _sum(builder, parts) if parts else None


def _has_infinite_slope(op: Op) -> bool:
    match op:
        case Op("**" | "math.pow", (_, Const(int() | float() as exponent))):
            return 0 < exponent < 1
    return PRIMITIVES[op.prim].infinite_slopes


def _times(builder: Builder, partial: Atom, tangent: Atom, guarded: bool, count: int) -> Atom:
    """The tangent as often as it is counted, times the partial derivative."""
    if count > 1:
        partial = builder.op("*", Const(float(count)), partial)
    if isinstance(partial, Const) and partial.value == 1:
        return tangent
    if isinstance(partial, Const) and partial.value == -1:
        return builder.op("neg", tangent)
    product = builder.op("*", partial, tangent)
    if not guarded or isinstance(partial, Const):
        return product
    moves = builder.op("!=", tangent, Const(0.0))
    choose = "select" if isinstance(builder.typeof(product), Scalar) else "np.where"
    value = builder.op(choose, moves, product, Const(0.0))
    # a tangent that is zero here may have a derivative
    return builder.op(choose, builder.op("np.isfinite", partial), product, value) if builder.again else value


def _sum(builder: Builder, parts: Sequence[Atom]) -> Atom:
    """The sum of the parts; `a - b` for `a + -b`."""
    total = parts[0]
    for part in parts[1:]:
        negative = builder.definitions.get(part) if isinstance(part, Var) else None
        last = builder.statements[-1] if builder.statements else None
        if isinstance(last, Assign) and isinstance(part, Var) and last.target == part.name:
            negative = last.value if isinstance(last.value, Op) else None
        if negative is not None and negative.prim == "neg":
            total = builder.op("-", total, negative.args[0])
        else:
            total = builder.op("+", total, part)
    return total


def _atoms(op: Op) -> list[Atom]:
    atoms = [a for a in op.args if isinstance(a, Var | Const)]
    assert len(atoms) == len(op.args), op
    return atoms
