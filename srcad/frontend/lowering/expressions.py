"""Lowering of expressions: one handler for each class of syntax node.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x):
...     return (y := -x) if x < 0.0 else 2.0 * x
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    %test.0 = x < 0.0
    %choice.0 = if %test.0:
        y.0 = -x
        yield y.0
    else:
        %product.0 = 2.0 * x
        yield %product.0
    return %choice.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gast

from srcad.errors import SrcadError
from srcad.frontend.lowering import operators, truth_values
from srcad.frontend.lowering.generators import materialised
from srcad.frontend.lowering.indexing import INDEXED_TO_MAKE
from srcad.frontend.lowering.overloading import iterated
from srcad.frontend.values import run_time_lists
from srcad.frontend.values.abstract_values import (
    Abstract,
    Closure,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    MapValue,
    Seq,
    SliceValue,
)
from srcad.frontend.values.constants import key_of
from srcad.frontend.values.context import Context, NotYetBound, RetryUnrolled, is_integer
from srcad.frontend.values.control_joins import branch, describe_value
from srcad.frontend.values.iterables import items_of, iterable_of, number_of_items
from srcad.frontend.values.name_resolution import lookup
from srcad.ir.nodes import Const
from srcad.ir.types import INEXACT, Array, Scalar


def expression(ctx: Context, node: Any) -> Abstract:
    """The value of an expression."""
    handler = _HANDLERS.get(type(node))
    frame = ctx.frame
    before, frame.node = frame.node, node
    try:
        if handler is None:
            ctx.fail("S199", f"{type(node).__name__} is not in the language")
        return handler(ctx, node)
    except (SrcadError, RetryUnrolled, NotYetBound) as fault:
        ctx.note_node(fault, frame, node)
        raise
    finally:
        frame.node = before


def _constant(ctx: Context, node: Any) -> Abstract:
    match node.value:
        case bool() | float() | complex():
            return ctx.constant(node.value)
        case int():
            if not -(2**63) <= node.value < 2**63:
                ctx.fail("S117", "an integer of more than 64 bits")
            return ctx.constant(node.value)
        case _:
            return Constant(node.value)


def _name(ctx: Context, node: Any) -> Abstract:
    return lookup(ctx, node.id)


def _binary(ctx: Context, node: Any) -> Abstract:
    left = ctx.expression(node.left)
    if isinstance(node.op, gast.Mult) and isinstance(left, HeapRef):
        return _repeated_list(ctx, left, ctx.expression(node.right), node)
    return operators.binary(ctx, operators.BINARY[type(node.op)], left, ctx.expression(node.right))


def _repeated_list(ctx: Context, left: HeapRef, right: Abstract, node: Any) -> Abstract:
    """`[0.0] * n`, where n may be known only at run time."""
    cells, count = ctx.heap[left.id], ctx.check(right)
    if left.kind == "list" and len(cells.items) == 1 and not cells.grown and is_integer(count):
        item = ctx.check(cells.items[0])
        assert isinstance(count, Leaf)
        if isinstance(item, Leaf) and not isinstance(count.static, int):
            found = run_time_lists.repeated(ctx, item, count, node)
            if found is not None:
                return found
    return operators.binary(ctx, "*", left, right)


def _conditional(ctx: Context, node: Any) -> Abstract:
    cond = ctx.test(node.test)
    if isinstance(cond, bool):
        return ctx.expression(node.body if cond else node.orelse)
    entry = ctx.snapshot()
    try:
        return branch(ctx, cond, lambda: ctx.expression(node.body), lambda: ctx.expression(node.orelse))
    except NotYetBound as pending:
        not_bound = pending
    # one operand reads a name that is bound later in the iteration, perhaps to this value: use the type of the other
    for operand in (node.body, node.orelse):
        ctx.restore(entry)
        try:
            value = ctx.expression(operand)
        except NotYetBound:
            continue
        ctx.leave_out()
        return value
    raise not_bound


def _walrus(ctx: Context, node: Any) -> Abstract:
    value = ctx.expression(node.value)
    frame = ctx.frame
    while "%comprehension" in frame.names and frame.parent is not None:
        frame = frame.parent
    with ctx.inside(frame):
        ctx.bind(node.target, value)
        return lookup(ctx, node.target.id)


def _subscript(ctx: Context, node: Any) -> Abstract:
    if isinstance(node.value, gast.Attribute) and node.value.attr == "shape":
        array = ctx.expression(node.value.value)
        if isinstance(array, Leaf) and isinstance(array.type, Array):
            position = ctx.expression(node.slice)
            rank = len(array.type.dims)
            if isinstance(position, Leaf) and type(position.static) is int and -rank <= position.static < rank:
                return length(ctx, array, position.static % rank)
        return ctx.index(ctx.attribute(array, "shape"), ctx.expression(node.slice))
    value = ctx.expression(node.value)
    if isinstance(value, Constant) and isinstance(value.value, INDEXED_TO_MAKE):
        return ctx.index(value, _named_in_brackets(ctx, node.slice))
    return ctx.index(value, ctx.expression(node.slice))


def _named_in_brackets(ctx: Context, node: Any) -> Abstract:
    """What `np.mgrid` and the like make arrays of: the numbers in a slice are of any kind, `0.5:2.0:5j`."""
    if isinstance(node, gast.Tuple):
        return Seq(tuple(_named_in_brackets(ctx, item) for item in node.elts))
    if not isinstance(node, gast.Slice):
        return ctx.expression(node)
    return SliceValue(*(_number(ctx, part) for part in (node.lower, node.upper, node.step)))


def _number(ctx: Context, node: Any) -> Leaf | None:
    value = Constant(None) if node is None else ctx.check(ctx.expression(node))
    if value == Constant(None):
        return None
    if not isinstance(value, Leaf) or not isinstance(value.type, Scalar):
        ctx.fail("S126", f"a bound of a slice must be a number, and this is {describe_value(value)}")
    return value


def length(ctx: Context, array: Leaf, axis: int) -> Leaf:
    """The length of one axis."""
    assert isinstance(array.type, Array)
    known = array.type.dims[axis]
    if not known.terms:
        return ctx.constant(known.const)
    return ctx.leaf(ctx.builder.op("shape", array.atom, axis=axis))


def _slice(ctx: Context, node: Any) -> Abstract:
    return SliceValue(*(_bound(ctx, part) for part in (node.lower, node.upper, node.step)))


def _bound(ctx: Context, node: Any) -> Leaf | None:
    if node is None:
        return None
    value = ctx.check(ctx.expression(node))
    if value == Constant(None):
        return None
    if not isinstance(value, Leaf) or not isinstance(value.type, Scalar) or value.type.dtype in INEXACT:
        ctx.fail("S126", f"a bound of a slice must be an integer, and this is {describe_value(value)}")
    return value


def _attribute(ctx: Context, node: Any) -> Abstract:
    return ctx.attribute(ctx.expression(node.value), node.attr)


def _elements(ctx: Context, nodes: list[Any]) -> tuple[Abstract, ...]:
    out: list[Abstract] = []
    for node in nodes:
        if isinstance(node, gast.Starred):
            out.extend(spread(ctx, ctx.expression(node.value)))
        else:
            out.append(ctx.expression(node))
    return tuple(out)


def spread(ctx: Context, value: Abstract) -> tuple[Abstract, ...]:
    """The items of `*value`."""
    value = materialised(ctx, iterated(ctx, ctx.check(value)))
    items = items_of(ctx, value)
    if items is None and isinstance(value, Leaf) and isinstance(value.type, Array):
        first = value.type.dims[0]
        if not first.terms:
            return tuple(ctx.leaf(ctx.builder.op("index", value.atom, Const(i))) for i in range(first.const))
    if items is None and isinstance(value, MapValue):  # all at once: of scalars, not of an array of them
        columns = [column for inner in value.inners if (column := items_of(ctx, inner)) is not None]
        if len(columns) == len(value.inners):
            return tuple([ctx.call(value.function, *row) for row in zip(*columns, strict=False)])
    if items is None:
        iterable = iterable_of(ctx, value)
        count = number_of_items(ctx, iterable)
        if count is None:
            ctx.fail(
                "S113",
                f"{describe_value(value)} is taken apart into its items",
                "How many there are is not known when compiling.",
                "loop over it; or take the items by index.",
            )
        start, step = iterable.start.static, iterable.step.static
        assert isinstance(start, int) and isinstance(step, int)
        return tuple(iterable.item(ctx.constant(start + k * step)) for k in range(count))
    return items


def _tuple(ctx: Context, node: Any) -> Abstract:
    return Seq(_elements(ctx, node.elts))


def _list(ctx: Context, node: Any) -> Abstract:
    return run_time_lists.made(ctx, ctx.new_ref(HeapObject(_elements(ctx, node.elts))), node)


def _dict(ctx: Context, node: Any) -> Abstract:
    entries: dict[object, Abstract] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            inner = ctx.check(ctx.expression(value))
            if not isinstance(inner, HeapRef) or inner.kind != "dict":
                ctx.fail("S117", f"** on {describe_value(inner)}")
            cells = ctx.heap[inner.id]
            entries.update(zip(cells.keys or (), cells.items, strict=True))
        else:
            name = key_of(ctx, ctx.expression(key))
            entries[name] = ctx.expression(value)
    return ctx.new_ref(HeapObject(tuple(entries.values()), tuple(entries)))


def _lambda(ctx: Context, node: Any) -> Abstract:
    return Closure(node, ctx.frame, defaults_of(ctx, node.args))


def defaults_of(ctx: Context, args: Any) -> tuple[tuple[str, Abstract], ...]:
    """The default values of the parameters of a nested function, evaluated at its definition."""
    positional = [*args.posonlyargs, *args.args]
    named = positional[len(positional) - len(args.defaults) :] if args.defaults else []
    pairs = [*zip(named, args.defaults, strict=True), *zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    return tuple((arg.id, ctx.expression(default)) for arg, default in pairs if default is not None)


_CONVERSIONS: dict[int, Callable[[object], str]] = {115: str, 114: repr, 97: ascii}


def _fstring(ctx: Context, node: Any) -> Abstract:
    parts: list[str] = []
    for part in node.values:
        inserted = isinstance(part, gast.FormattedValue)
        value = ctx.expression(part.value if inserted else part)
        shown = value.static if isinstance(value, Leaf) and value.known else value
        shown = shown.value if isinstance(shown, Constant) else shown
        if isinstance(shown, Leaf | Seq | HeapRef | Closure):
            ctx.retry(
                "S123",
                "an f-string of run-time values",
                "Compiled code has no strings to compute with.",
                "use it inside print or assert only.",
            )
        if inserted:
            spec = "" if part.format_spec is None else ctx.expression(part.format_spec)
            if part.conversion in _CONVERSIONS:
                shown = _CONVERSIONS[part.conversion](shown)
            shown = format(shown, spec.value if isinstance(spec, Constant) else "")
        parts.append(str(shown))
    return Constant("".join(parts))


def _starred(ctx: Context, node: Any) -> Abstract:
    ctx.fail("S113", "* is not possible here")


_HANDLERS: dict[type, Callable[[Context, Any], Abstract]] = {
    gast.Constant: _constant,
    gast.Name: _name,
    gast.BinOp: _binary,
    gast.UnaryOp: operators.unary,
    gast.BoolOp: truth_values.boolean,
    gast.Compare: truth_values.comparison,
    gast.IfExp: _conditional,
    gast.NamedExpr: _walrus,
    gast.Subscript: _subscript,
    gast.Slice: _slice,
    gast.Attribute: _attribute,
    gast.Tuple: _tuple,
    gast.List: _list,
    gast.Dict: _dict,
    gast.Lambda: _lambda,
    gast.JoinedStr: _fstring,
    gast.Starred: _starred,
}


def register(node: type, handler: Callable[[Context, Any], Abstract]) -> None:
    """Register the handler of a class of nodes (of calls and comprehensions, which import this module)."""
    _HANDLERS[node] = handler
