"""Lowering of `with srcad.insert_gradient_of(x) as d_x`: the block becomes a function of the adjoint, in normal form.

The IR has `insert_gradient(x, a, b, ..., update=...)`, an effect, where the block stands. `update` is the function. Its
first parameter is the adjoint, which it returns (a scalar) or changes in place (an array); the others are what the
block reads of the primal, in the order of the operands. Passes that rename or replace operands need not know of it.
The reverse sweep writes the function out (`reverse/adjoint/insertions`).

A scalar is copied first, so that the effect is one on the variable, not on others with the same value. An array is its
memory, whatever names it has.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> import srcad
>>> __name__ = "__main__"  # a user's function
>>> def f(x, a):
...     y = x * x
...     with srcad.insert_gradient_of(y) as d_y:
...         d_y = a * d_y
...     return y
>>> print(text(normal_form(f, 1.0, 2.0)))
f(x: float64, a: float64):
    y.0 = x * x
    y.1 = copy(y.0)
    insert_gradient(y.1, a):
        update(d_y.0: float64, a: float64):
            d_y.1 = a * d_y.0
            return d_y.1
    return y.1
"""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import Any

import gast

from srcad.analysis.memory.alias_classes import alias_classes
from srcad.frontend.lowering.item_assignment import store_basic
from srcad.frontend.source import read
from srcad.frontend.source.read import Source
from srcad.frontend.source.scopes import assigned, own_nodes
from srcad.frontend.syntax.inserted_blocks import as_update, is_insertion, names_of
from srcad.frontend.values.abstract_values import Abstract, Closure, Leaf
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import converted, describe_value
from srcad.frontend.values.name_resolution import lookup
from srcad.ir.nodes import Assign, Atom, Block, Comment, Effect, Expr, Function, Op, Param, Stmt, Var
from srcad.ir.traversal import blocks, defined, own_exprs, reads, walk, with_blocks
from srcad.ir.types import Array, Scalar, is_float

_WHY = "The block runs in the reverse sweep, when the function has been run."


def insertion(ctx: Context, node: Any) -> None:
    """Lower the block. Raises S130 where it does more than to read the primal and to change the adjoint."""
    names = names_of(node)
    assert names is not None  # the subset check has refused all else
    name, adjoint = names
    if name not in ctx.frame.names:
        ctx.fail("S130", f"{name} is no variable of this function", None, "give it a name of its own first.")
    value = ctx.check(lookup(ctx, name))
    if not isinstance(value, Leaf) or not isinstance(value.type, Scalar | Array):
        what = f"insert_gradient_of takes a number or an array; {name} is {describe_value(value)}"
        ctx.fail("S130", what, None, "give a part of it a name first: w = params['w'].")
    _refuse_assignments(ctx, node, adjoint)
    if not is_float(value.type) or not isinstance(value.atom, Var):
        return  # it has no gradient, or not yet: a sum that begins as 0
    if isinstance(value.type, Scalar):
        ctx.bind(node.items[0].context_expr.args[0], ctx.leaf(ctx.builder.op("copy", value.atom)))
        bound = lookup(ctx, name)
        assert isinstance(bound, Leaf)
        value = bound
    before, span = ctx.snapshot(), ctx.builder.span
    update, captured = _lowered(ctx, node, value, adjoint)
    for ref, cells in before.heap.items():
        if ctx.heap.get(ref) is not cells:
            ctx.fail("S130", "a list or dict of the function is changed in a block of insert_gradient_of", _WHY)
    ctx.restore(before)
    call = Op("insert_gradient", (value.atom, *captured), (("update", update),))
    ctx.builder.emit(Effect(call, span))


def _refuse_assignments(ctx: Context, node: Any, adjoint: str) -> None:
    own = {adjoint, *assigned(node.body)}
    for name in sorted(own & (_bound_outside(ctx) | ctx.frame.names.keys())):
        ctx.fail(
            "S130",
            f"{name} is a variable of the function, and assigned in a block of insert_gradient_of",
            _WHY,
            "use another name in the block.",
        )


def _lowered(ctx: Context, node: Any, value: Leaf, adjoint: str) -> tuple[Function, list[Atom]]:
    """The block as a function of the adjoint and of what it reads of the primal, which comes beside it."""
    builder = ctx.builder
    own = Scalar(value.type.dtype) if isinstance(value.type, Scalar) else value.type
    d = ctx.leaf(builder.fresh(adjoint, own))
    with builder.block() as emitted:
        result = ctx.check(ctx.call(Closure(as_update(node), ctx.frame), d))
        builder.span = read.span(ctx.frame.source, node.body[-1])
        results = _results(ctx, d, result, adjoint)
    body = _commented(tuple(emitted), ctx.frame.source)
    assert isinstance(d.atom, Var)
    inside = defined(body) | {d.atom.name}
    captured = list(dict.fromkeys(n for e in (*_read(emitted), *results) for n in reads(e) if n not in inside))
    params = tuple(Param(n, n) for n in (d.atom.name, *captured))
    types = {n: builder.types[n] for n in (*inside, *captured)}
    update = Function("update", params, body, results, types, builder.span)
    written = alias_classes(update).written
    for n in captured:
        if n in written:
            shown = n.rpartition(".")[0] or n
            ctx.fail("S130", f"writes into {shown} in a block of insert_gradient_of", _WHY, "write into a copy.")
    return update, [Var(n) for n in captured]


def _commented(block: Block, source: Source) -> Block:
    """The statements with the comments that stand above their lines."""

    def one(stmt: Stmt) -> Stmt:
        stmt = with_blocks(stmt, [tuple(map(one, b)) for b in blocks(stmt)])
        if isinstance(stmt, Comment) or stmt.span is None or stmt.span.file != source.file:
            return stmt
        before = source.lines[: stmt.span.line - 1]
        above = takewhile(lambda line: line.startswith("#"), map(str.strip, reversed(before)))
        shown = tuple(line.lstrip("# ").rstrip() for line in above)[::-1]
        return replace(stmt, span=replace(stmt.span, above=shown, comments=()))

    return tuple(map(one, block))


def _read(block: list[Stmt]) -> list[Expr]:
    return [e for s in walk(tuple(block)) for e in own_exprs(s)]


def _results(ctx: Context, d: Leaf, result: Abstract, adjoint: str) -> tuple[Expr, ...]:
    """What the block leaves in the name of the adjoint: of an array stored in place, of a scalar returned."""
    ends = "at the end of its block"
    if not isinstance(result, Leaf):
        advice = "leave a number or an array in it."
        ctx.fail("S130", f"{adjoint} is {describe_value(result)} {ends}", None, advice)
    if isinstance(d.type, Array):
        if result.atom != d.atom:
            store_basic(ctx, d, (), _unnamed(ctx, result), None)
        return ()
    if not isinstance(result.type, Scalar):
        ctx.fail("S130", f"{adjoint} is an array {ends}, and the adjoint of a number", None, "sum it up: np.sum.")
    return (converted(ctx.builder, result, d.type),)


def _unnamed(ctx: Context, value: Leaf) -> Leaf:
    """The value, if the last statement of the block binds it, as a temporary: it is stored into the adjoint at once."""
    last = ctx.builder.statements[-1] if ctx.builder.statements else None
    if not isinstance(last, Assign) or value.atom != Var(last.target):
        return value
    temporary = ctx.builder.fresh("%updated", value.type)
    ctx.builder.statements[-1] = replace(last, target=temporary.name)
    return replace(value, atom=temporary)


def _bound_outside(ctx: Context) -> set[str]:
    """The names that the function binds outside of all such blocks, whatever `insert_gradient_of` is called in it."""
    nodes = list(own_nodes(ctx.frame.origin))
    blocks = [one for one in nodes if isinstance(one, gast.With) and is_insertion(ctx.frame.source, one)]
    inside = {id(inner) for one in blocks for inner in gast.walk(one)}
    names = [one for one in nodes if isinstance(one, gast.Name) and id(one) not in inside]
    return {one.id for one in names if not isinstance(one.ctx, gast.Load)}
