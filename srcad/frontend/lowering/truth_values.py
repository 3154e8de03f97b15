"""Lowering of truth values: tests of branches and loops, short-circuit `and` and `or`, chains of comparisons.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, i):
...     return i < len(x) and x[i] > 0.0
>>> import numpy as np
>>> print(text(normal_form(f, np.ones(3), 1)))
f(x: float64[x.0], i: int64):
    %n.0 = len(x)
    %test.0 = i < %n.0
    %choice.0 = if %test.0:
        %n.1 = shape(x, axis=0)
        within(i, %n.1, where='L2: x[i]: ')
        %item.0 = x[i]
        %test.1 = %item.0 > 0.0
        yield %test.1
    else:
        yield %test.0
    return %choice.0
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gast

from srcad.frontend.lowering.operators import both_evaluated, compare
from srcad.frontend.lowering.speculation import is_safe_to_speculate
from srcad.frontend.values import run_time_lists
from srcad.frontend.values.abstract_values import (
    Abstract,
    Closure,
    Constant,
    HeapRef,
    Leaf,
    Mapping,
    Maybe,
    Method,
    Partial,
    Record,
    Seq,
    Super,
)
from srcad.frontend.values.context import Context, NotYetBound
from srcad.frontend.values.control_joins import branch, describe_value
from srcad.frontend.values.definitions import rely_on_class
from srcad.frontend.values.iterables import items_of
from srcad.frontend.values.user_classes import special_method
from srcad.ir.nodes import Atom, Const
from srcad.ir.types import Array, Scalar


def truth(ctx: Context, value: Abstract) -> bool | Atom:
    """The truth value: known at compile time, or a run-time boolean."""
    value = ctx.narrowed(value)
    if isinstance(value, Maybe):
        return _truth_where_there_is_one(ctx, value)
    value = ctx.check(value)
    match value:
        case Leaf(atom, type, static):
            if value.known:
                return bool(static)
            if isinstance(type, Array):
                if ctx.frame.library or not all(d.is_one for d in type.dims):
                    ctx.fail(
                        "S127",
                        "the truth of an array is not one value",
                        "It has as many as it has elements.",
                        "use np.any or np.all, or np.where to choose element by element.",
                    )
                atom = ctx.builder.op("index", atom, *[Const(0)] * len(type.dims))
                type = ctx.builder.typeof(atom)
            if isinstance(type, Scalar) and type.dtype == "bool":
                return atom
            return ctx.builder.op("!=", atom, Const(0))
        case Constant(static):
            try:
                return bool(static)
            except (TypeError, ValueError) as error:
                ctx.fail("S127", f"the truth of {describe_value(value)}: {error}")
        case HeapRef(id=ref):
            cells = ctx.heap[ref]
            if cells.cls is not None:
                return _truth_of_object(ctx, value, cells.cls)
            if cells.at_run_time:
                return ctx.builder.op(">", run_time_lists.length(ctx, ref).atom, Const(0))
            if cells.grown:
                return truth(ctx, cells.items[1])
            return bool(cells.items)
        case Seq(items) | Mapping(items):
            return bool(items)
        case Record(cls):
            return _truth_of_object(ctx, value, cls)
        case Closure() | Partial() | Method() | Super():
            return True
    ctx.fail("S127", f"the truth of {describe_value(value)}")


def _truth_of_object(ctx: Context, value: Abstract, cls: type) -> bool | Atom:
    rely_on_class(ctx, cls)
    for name in ("__bool__", "__len__"):
        method = special_method(cls, name)
        if method is not None:
            return truth(ctx, ctx.call(Constant(method), value))
    return bool(items_of(ctx, value)) if issubclass(cls, tuple) else True


def test(ctx: Context, node: Any) -> bool | Atom:
    """The truth value of an expression whose own value is not needed."""
    try:
        return _test(ctx, node)
    except NotYetBound:
        # it reads a name bound later in the iteration: the body is lowered again, so any truth value will do
        ctx.leave_out()
        return ctx.builder.fresh("%test", Scalar("bool"))


def _test(ctx: Context, node: Any) -> bool | Atom:
    match node:
        case gast.UnaryOp(op=gast.Not(), operand=operand):
            inner = _test(ctx, operand)
            return not inner if isinstance(inner, bool) else ctx.builder.op("not", inner)
        case gast.BoolOp(op=op, values=values):
            return _test_all(ctx, isinstance(op, gast.And), values)
        case _:
            value = ctx.expression(node)
            with ctx.at(node):
                return truth(ctx, value)


def _test_all(ctx: Context, conjunction: bool, values: Sequence[Any]) -> bool | Atom:
    left = _test(ctx, values[0])
    if len(values) == 1 or left is (not conjunction):
        return left
    if left is conjunction:
        return _test_all(ctx, conjunction, values[1:])
    assert not isinstance(left, bool)
    rest = values[1:]
    if all(is_safe_to_speculate(ctx, value) for value in rest):
        for value in rest:
            right = _test(ctx, value)
            if right is (not conjunction):
                return right
            if not isinstance(right, bool):
                left = ctx.builder.op("and" if conjunction else "or", left, right)
        return left
    decided = ctx.constant(not conjunction)

    def rest_of_test() -> Leaf:
        right = _test_all(ctx, conjunction, rest)
        return ctx.constant(right) if isinstance(right, bool) else ctx.leaf(right)

    branches = (rest_of_test, lambda: decided) if conjunction else (lambda: decided, rest_of_test)
    return truth(ctx, branch(ctx, left, *branches, base="%test"))


def boolean(ctx: Context, node: Any) -> Abstract:
    """`a and b`, `a or b` as a value: the operand that decides."""
    conjunction = isinstance(node.op, gast.And)
    return _deciding_operand(ctx, conjunction, node.values)


def _deciding_operand(ctx: Context, conjunction: bool, values: Sequence[Any]) -> Abstract:
    left = ctx.expression(values[0])
    if len(values) == 1:
        return left
    cond = truth(ctx, left)
    if isinstance(cond, bool):
        return _deciding_operand(ctx, conjunction, values[1:]) if cond == conjunction else left
    if all(is_safe_to_speculate(ctx, value) for value in values[1:]):
        with ctx.builder.block() as written:
            before = ctx.snapshot()
            right = _deciding_operand(ctx, conjunction, values[1:])
        if _is_bool(left) and _is_bool(right):
            assert isinstance(left, Leaf) and isinstance(right, Leaf)
            for statement in written:
                ctx.builder.emit(statement)
            return both_evaluated(ctx, "and" if conjunction else "or", left, right)
        ctx.restore(before)

    def rest() -> Abstract:
        return _deciding_operand(ctx, conjunction, values[1:])

    return branch(ctx, cond, rest, lambda: left) if conjunction else branch(ctx, cond, lambda: left, rest)


def _is_bool(value: Abstract) -> bool:
    return isinstance(value, Leaf) and isinstance(value.type, Scalar) and value.type.dtype == "bool"


def comparison(ctx: Context, node: Any) -> Abstract:
    """`a < b < c`: each operand once, those after the first failing comparison not at all."""
    return _comparison_chain(ctx, ctx.expression(node.left), node.ops, node.comparators)


def _comparison_chain(ctx: Context, left: Abstract, ops: Sequence[Any], comparators: Sequence[Any]) -> Abstract:
    right = ctx.expression(comparators[0])
    first = compare(ctx, ops[0], left, right)
    if len(ops) == 1:
        return first
    cond = truth(ctx, first)
    if cond is False:
        return first
    if cond is True:
        return _comparison_chain(ctx, right, ops[1:], comparators[1:])
    assert not isinstance(cond, bool)
    if all(is_safe_to_speculate(ctx, value) for value in comparators[1:]):
        rest = truth(ctx, _comparison_chain(ctx, right, ops[1:], comparators[1:]))
        return both_evaluated(ctx, "and", first, ctx.constant(rest) if isinstance(rest, bool) else ctx.leaf(rest))
    decided = ctx.constant(False)
    return branch(
        ctx, cond, lambda: _comparison_chain(ctx, right, ops[1:], comparators[1:]), lambda: decided, base="%test"
    )


def _truth_where_there_is_one(ctx: Context, value: Maybe) -> bool | Atom:
    """The truth of what may be None, which is false."""

    def of_value() -> Abstract:
        found = truth(ctx, value.value)
        return ctx.constant(found) if isinstance(found, bool) else ctx.leaf(found)

    holds = branch(ctx, value.is_none.atom, lambda: ctx.constant(False), of_value)
    return truth(ctx, holds)
