"""Lowering of statements: assignments, branches, checks, function definitions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gast

from srcad.analysis.values.effects import has_effect
from srcad.errors import SrcadError
from srcad.frontend.calls.objects import set_attribute
from srcad.frontend.lowering.class_definitions import class_definition
from srcad.frontend.lowering.comprehensions import RowStore, store_row
from srcad.frontend.lowering.definitions import (
    delete,
    function_definition,
    import_modules,
    import_names,
    nonlocal_names,
)
from srcad.frontend.lowering.expressions import length, spread
from srcad.frontend.lowering.generators import materialised, yielded
from srcad.frontend.lowering.indexing import array_of, element, index
from srcad.frontend.lowering.item_assignment import store, store_basic
from srcad.frontend.lowering.loops import lower_for
from srcad.frontend.lowering.message_text import Raised, error_of, message, raised
from srcad.frontend.lowering.operators import BINARY, binary
from srcad.frontend.lowering.overloading import class_with_methods, in_place, iterated
from srcad.frontend.lowering.try_statements import lower_try
from srcad.frontend.lowering.while_loops import MakeRoom, lower_while, make_room
from srcad.frontend.lowering.with_statements import lower_with
from srcad.frontend.source import read
from srcad.frontend.syntax.generator_functions import Yielded
from srcad.frontend.syntax.iteration_bodies import repeat_in_place
from srcad.frontend.values import zero_dim_arrays
from srcad.frontend.values.abstract_values import Abstract, Constant, HeapObject, HeapRef, Leaf, Method
from srcad.frontend.values.context import Context, Frame, NotYetBound, RetryUnrolled
from srcad.frontend.values.control_joins import branch
from srcad.frontend.values.iterables import items_of
from srcad.frontend.values.name_resolution import lookup
from srcad.frontend.values.raise_points import (
    AlwaysRaises,
    catches_any,
    clean_up,
    end_block,
    may_catch,
    note_raise,
    python_check,
)
from srcad.frontend.values.variable_naming import adopt, bind_name
from srcad.ir.nodes import Assign, Atom, Const, Op, Stmt, Store, Var
from srcad.ir.runtime_checks import check, check_of, is_check
from srcad.ir.traversal import block_stores, walk
from srcad.ir.types import Array, Dim, Scalar

RESULT = "%return"
"""The name in a frame that is bound to the value of its `return`."""


def statements(ctx: Context, body: Sequence[Any]) -> None:
    """Lower a block of statements.

    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "__main__"  # a user's function
    >>> def f(x):
    ...     a, b = x, 2.0 * x
    ...     a += b
    ...     if a > 1.0:
    ...         a = b
    ...     return a
    >>> print(text(normal_form(f, 1.0)))
    f(x: float64):
        b.0 = 2.0 * x
        a.1 = x + b.0
        %test.0 = a.1 > 1.0
        a.3 = if %test.0:
            yield b.0
        else:
            yield a.1
        return a.3
    """
    frame, depth = ctx.frame, ctx.builder.depth
    is_outermost = ctx.statement_depth < depth
    ctx.statement_depth, outer_depth = depth, ctx.statement_depth
    try:
        _statements(ctx, body, frame)
    except AlwaysRaises as fault:
        if not is_outermost:
            raise
        end_block(ctx, fault)
    finally:
        ctx.statement_depth = outer_depth


def _statements(ctx: Context, body: Sequence[Any], frame: Frame) -> None:
    for node in body:
        if not frame.library or read.is_model(frame.source):
            ctx.builder.span = read.span(frame.source, node)
        handler = _HANDLERS.get(type(node))
        before, frame.node = frame.node, node
        try:
            if handler is None:
                ctx.fail("S199", f"{type(node).__name__} is not in the language")
            handler(ctx, node)
        except NotYetBound as fault:
            ctx.note_node(fault, frame, node)
            if not frame.pending:
                raise
            ctx.leave_out()
        except (SrcadError, RetryUnrolled) as fault:
            ctx.note_node(fault, frame, node)
            raise
        finally:
            frame.node = before


# ---- assignment --------------------------------------------------------------------------------


def _assign(ctx: Context, node: Any) -> None:
    if len(node.targets) == 1 and isinstance(node.targets[0], gast.Tuple) and _assign_elementwise(ctx, node):
        return
    value = ctx.expression(node.value)
    for target in node.targets:
        ctx.bind(target, value)
        if isinstance(target, gast.Name) and len(node.targets) > 1:
            value = lookup(ctx, target.id)


def _assign_elementwise(ctx: Context, node: Any) -> bool:
    """`a, b = e, f` and `n, m = x.shape`, where each value is named after its target at once."""
    targets, value = node.targets[0].elts, node.value
    if any(isinstance(target, gast.Starred) for target in targets):
        return False
    match value:
        case gast.Tuple(elts=parts) if len(parts) == len(targets):
            if any(isinstance(part, gast.Starred) for part in parts):
                return False
            values = []
            for target, part in zip(targets, parts, strict=True):
                lowered = ctx.expression(part)
                values.append(adopt(ctx, lowered, target.id) if isinstance(target, gast.Name) else lowered)
            for target, lowered in zip(targets, values, strict=True):
                ctx.bind(target, lowered)
            return True
        case gast.Attribute(value=inner, attr="shape"):
            array = ctx.expression(inner)
            if not isinstance(array, Leaf) or not isinstance(array.type, Array):
                return False
            if len(array.type.dims) != len(targets):
                ctx.fail("S127", f"a shape of {len(array.type.dims)} axes unpacked into {len(targets)} names")
            for axis, target in enumerate(targets):
                ctx.bind(target, length(ctx, array, axis))
            return True
    return False


def bind(ctx: Context, target: Any, value: Abstract) -> None:
    """Assign a value to a target."""
    match target:
        case gast.Name(id=name):
            bind_name(ctx, name, value)
        case gast.Tuple(elts=parts) | gast.List(elts=parts):
            _unpack(ctx, parts, value)
        case gast.Subscript():
            container = ctx.expression(target.value)
            items = ctx.expression(target.slice)
            with ctx.at(target):
                store(ctx, container, items, value)
        case gast.Attribute():
            owner = ctx.expression(target.value)
            with ctx.at(target):
                _bind_attribute(ctx, owner, target.attr, value)
        case _:
            ctx.fail("S199", f"assignment to {type(target).__name__}")


def _bind_attribute(ctx: Context, owner: Abstract, name: str, value: Abstract) -> None:
    """`owner.name = value`; the real and the imaginary part of an array are written to."""
    if isinstance(owner, Leaf) and isinstance(owner.type, Array) and name in ("real", "imag"):
        store(ctx, ctx.attribute(owner, name), Constant(...), value)
    else:
        set_attribute(ctx, owner, name, value)


def _unpack(ctx: Context, targets: Sequence[Any], value: Abstract) -> None:
    value = materialised(ctx, iterated(ctx, ctx.present(value)))
    stars = [k for k, target in enumerate(targets) if isinstance(target, gast.Starred)]
    items = items_of(ctx, value)
    if items is None and isinstance(value, Leaf) and isinstance(value.type, Array) and not stars:
        _check_count(ctx, value.type.dims[0], length(ctx, value, 0), len(targets))
        items = tuple(index(ctx, value, ctx.constant(k)) for k in range(len(targets)))
    if items is None:
        items = spread(ctx, value)
    if stars:
        first, after = stars[0], len(targets) - stars[0] - 1
        if len(items) < len(targets) - 1:
            ctx.fail("S127", f"{len(items)} values unpacked into at least {len(targets) - 1} names")
        rest = ctx.new_ref(HeapObject(tuple(items[first : len(items) - after])))
        items = (*items[:first], rest, *items[len(items) - after :])
    if len(items) != len(targets):
        ctx.fail("S127", f"{len(items)} values unpacked into {len(targets)} names")
    for at, (target, item) in enumerate(zip(targets, items, strict=True)):
        with ctx.without_renaming(items[at + 1 :]):
            ctx.bind(target.value if isinstance(target, gast.Starred) else target, item)


def _check_count(ctx: Context, known: Dim, count: Leaf, wanted: int) -> None:
    """Check that there are as many items as names, at run time where it is not known."""
    if isinstance(count.static, int) or (known.is_one and wanted != 1) or (known.is_not_one and wanted == 1):
        if count.static != wanted:
            shown = count.static if isinstance(count.static, int) else "not one"
            ctx.fail("S127", f"{shown} values unpacked into {wanted} names")
        return
    test = ctx.builder.op("==", count.atom, Const(wanted))
    python_check(ctx, test, ValueError, count.atom, f" values unpacked into {wanted} names")


def _annotated(ctx: Context, node: Any) -> None:
    if node.value is not None:
        ctx.bind(node.target, ctx.expression(node.value))


def _augmented(ctx: Context, node: Any) -> None:
    if not ctx.free_sums or ast.unparse(gast.gast_to_ast(node)) not in ctx.free_sums:
        _updated(ctx, node)
        return
    with ctx.builder.block() as written:
        _updated(ctx, node)
    for statement in written[:-1]:
        ctx.builder.emit(statement)
    ctx.builder.emit(_reassociable(ctx, written[-1]))


def _reassociable(ctx: Context, stmt: Stmt) -> Stmt:
    """The statement, where it adds to a sum, as one whose order does not matter."""
    match stmt:
        case Store(op="+" | "-"):
            return replace(stmt, free=True)
        case Assign(target, Op("+" | "-" as prim, (total, term))) if ctx.builder.types[target] == Scalar("float64"):
            term = term if prim == "+" else ctx.builder.op("neg", term)
            return replace(stmt, value=Op("machine.plus", (total, term)))
    return stmt


def _updated(ctx: Context, node: Any) -> None:
    prim = BINARY[type(node.op)]
    match node.target:
        case gast.Name(id=name):
            current = lookup(ctx, name)
            value = ctx.expression(node.value)
            if not _in_place(ctx, prim, current, value):
                ctx.bind(node.target, _rebound(ctx, prim, current, value))
            elif lookup(ctx, name) != current:
                ctx.bind(node.target, current)
        case gast.Subscript(value=container, slice=where):
            base, items = ctx.present(ctx.expression(container)), ctx.check(ctx.expression(where))
            if isinstance(base, HeapRef) or class_with_methods(base) is not None:
                current = index(ctx, base, items)
                value = ctx.expression(node.value)
                new = current
                if not _in_place(ctx, prim, current, value):
                    new = _rebound(ctx, prim, current, value)
                if new is not current or index(ctx, base, items) != current:
                    store(ctx, base, items, new)
                return
            with ctx.builder.block() as written:
                value = ctx.expression(node.value)
            with ctx.at(node):
                old = element(ctx, base, items) if _has_stores(written) else None
                for statement in written:
                    ctx.builder.emit(statement)
                if old is None:
                    store(ctx, base, items, value, prim)
                else:
                    store(ctx, base, items, binary(ctx, prim, old, value))
        case gast.Attribute(value=holder, attr=attr):
            owner = ctx.expression(holder)
            current = ctx.attribute(owner, attr)
            value = ctx.expression(node.value)
            new = current
            if not _in_place(ctx, prim, current, value):
                new = _rebound(ctx, prim, current, value)
            # the value of an array that is updated in place is assigned, too: an attribute may be a property
            with ctx.at(node.target):
                if new is not current or not isinstance(owner, Leaf):
                    _bind_attribute(ctx, owner, attr, new)


def _rebound(ctx: Context, prim: str, current: Abstract, value: Abstract) -> Abstract:
    """What a name is bound to by `current op= value` where nothing is modified in place."""
    new = in_place(ctx, prim, current, value)
    if new is None:
        new = binary(ctx, prim, current, value)
    return zero_dim_arrays.mark_updated(ctx, current, new)


def _has_stores(written: Sequence[Stmt]) -> bool:
    """Whether statements write into memory."""
    return bool(block_stores(tuple(written)))


def _in_place(ctx: Context, prim: str, current: Abstract, value: Abstract) -> bool:
    """Lower `current op= value` where it modifies an array, list or dict in place; False where it rebinds the name."""
    current = ctx.present(current)
    if isinstance(current, Leaf) and isinstance(current.type, Array):
        operand = array_of(ctx, ctx.check(value))
        if prim == "@":
            product = binary(ctx, prim, current, operand)
            assert isinstance(product, Leaf)
            store_basic(ctx, current, (), product, None)
            return True
        store_basic(ctx, current, (), operand, prim)
        return True
    if isinstance(current, HeapRef) and current.kind == "list" and prim == "+":
        cells = ctx.heap[current.id]
        if cells.grown or current.id in ctx.deques:
            ctx.call(Method(current, "extend"), value)
            return True
        ctx.changes(current)
        if cells.shared:
            ctx.fail("S125", "this list comes from two paths, and is changed here")
        ctx.heap[current.id] = HeapObject(cells.items + spread(ctx, value))
        return True
    if isinstance(current, HeapRef) and current.kind == "list" and prim == "*":
        if current.id in ctx.deques:
            ctx.fail("S124", "a deque is repeated in place", None, "extend it by a copy of itself.")
        ctx.call(Constant(repeat_in_place), current, value)
        return True
    if isinstance(current, HeapRef) and current.kind == "dict" and prim == "|":
        ctx.call(Method(current, "update"), value)
        return True
    return False


# ---- the rest ----------------------------------------------------------------------------------


def _expression(ctx: Context, node: Any) -> None:
    if not isinstance(node.value, gast.Constant):
        ctx.expression(node.value)


def _if(ctx: Context, node: Any) -> None:
    cond = ctx.test(node.test)
    if isinstance(cond, bool):
        ctx.statements(node.body if cond else node.orelse)
        return
    if _lower_check(ctx, node, cond):
        return

    def path(body: Sequence[Any]) -> Callable[[], Abstract]:
        def lower() -> Abstract:
            ctx.statements(body)
            return Constant(None)

        return lower

    branch(ctx, cond, path(node.body), path(node.orelse))


def _lower_check(ctx: Context, node: Any, cond: Atom) -> bool:
    """Lower `if ...: raise ...` as a check, and the other branch; False for any other `if`."""
    match node.body, node.orelse:
        case [gast.Raise() as one], rest:
            condition = ctx.builder.op("not", cond)
        case rest, [gast.Raise() as one]:
            condition = cond
        case _:
            return False
    made = raised(ctx, one, condition)
    if made is None:
        return False
    _emit_check(ctx, made)
    ctx.statements(rest)
    return True


def _emit_check(ctx: Context, made: Raised) -> None:
    """Emit a check of the user's unchanged, one of a library function as a demand of the operation."""
    if not _in_library(ctx):
        if ctx.attempts and not may_catch(ctx, made.cls) and _cleans_up(ctx, made):
            return
        ctx.builder.emit(made.check)
        note_raise(ctx, made.check, made.cls, made.error)
        return
    found = check_of(made.check)
    assert found is not None and isinstance(found.condition, Var | Const)
    ctx.builder.check(found.condition, found.error, *found.message)


def _cleans_up(ctx: Context, made: Raised) -> bool:
    """Emit a check with what Python does on the way of the error out of the function, where that is in the language."""
    found = check_of(made.check)
    assert found is not None and isinstance(found.condition, Var | Const)

    def fails() -> Abstract:
        clean_up(ctx, made.cls, made.error)
        if not ctx.has_raised:
            ctx.builder.emit(check(Const(False), found.error, found.message, made.check.span))
            ctx.has_raised = True
        return Constant(None)

    state, has_raised = ctx.snapshot(), ctx.has_raised
    with ctx.builder.block() as emitted, ctx.assuming(Op("not", (found.condition,))):
        try:
            fails()
        except SrcadError as error:
            if any(problem.code == "S105" for problem in error.problems):  # it may be caught
                raise
            is_known = False
        except RetryUnrolled:
            is_known = False
        else:
            is_known = any(has_effect(one) and not is_check(one) for one in walk(tuple(emitted)))
    ctx.restore(state)
    ctx.has_raised = has_raised
    if is_known:
        branch(ctx, found.condition, lambda: Constant(None), fails)
    return is_known


def _in_library(ctx: Context) -> bool:
    """Whether the code is a library function of srcad; a generated function counts as the user's."""
    return str(ctx.frame.source.function.__module__).startswith("srcad.rules.")


def _return(ctx: Context, node: Any) -> None:
    ctx.frame.names[RESULT] = Constant(None) if node.value is None else ctx.expression(node.value)


def _assert(ctx: Context, node: Any) -> None:
    cond = ctx.test(node.test)
    if cond is True:
        return
    text = () if node.msg is None else message(ctx, node.msg)
    stmt = check(Const(False) if cond is False else cond, "AssertionError", text, ctx.builder.span)
    _emit_check(ctx, Raised(stmt, AssertionError, error_of(ctx, AssertionError, [node.msg] if node.msg else [])))


def _raise(ctx: Context, node: Any) -> None:
    # a raise that is unreachable with these types is never lowered
    may_be_avoided = bool(_in_library(ctx) or ctx.path_conditions or ctx.rooms or catches_any(ctx))
    always = raised(ctx, node, Const(False)) if may_be_avoided else None
    if always is not None:
        _emit_check(ctx, always)
        ctx.has_raised = not _in_library(ctx)
        return
    text = "" if node.exc is None else f": {gast.unparse(node.exc).strip()}"
    ctx.fail(
        "S104",
        "a raise that may be reached",
        f"It stands on a path that run-time values can take, or that these types always take{text}.",
        'ask first, and by itself: if x < 0.0: raise ValueError("negative").',
    )


def _pass(ctx: Context, node: Any) -> None:
    return


_HANDLERS: dict[type, Callable[[Context, Any], None]] = {
    gast.Assign: _assign,
    gast.AnnAssign: _annotated,
    gast.AugAssign: _augmented,
    gast.Expr: _expression,
    gast.If: _if,
    gast.For: lower_for,
    gast.While: lower_while,
    gast.Return: _return,
    gast.FunctionDef: function_definition,
    gast.ClassDef: class_definition,
    gast.Import: import_modules,
    gast.ImportFrom: import_names,
    gast.Delete: delete,
    MakeRoom: make_room,
    RowStore: store_row,
    gast.Nonlocal: nonlocal_names,
    gast.Assert: _assert,
    gast.Raise: _raise,
    gast.Try: lower_try,
    gast.Pass: _pass,
    gast.With: lower_with,
    Yielded: yielded,
}
