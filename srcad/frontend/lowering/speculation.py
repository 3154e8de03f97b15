"""Speculation: the expressions that may be evaluated where Python would not (the right operand of `and`).

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, y):
...     return x > 0.0 and 1.0 < y < 2.0
>>> print(text(normal_form(f, 1.0, 1.5)))
f(x: float64, y: float64):
    %test.0 = x > 0.0
    %test.1 = 1.0 < y
    %test.2 = y < 2.0
    %test.3 = %test.1 and %test.2
    %test.4 = %test.0 and %test.3
    return %test.4
"""

from __future__ import annotations

import functools
from typing import Any

import gast

from srcad.frontend.lowering.overloading import class_with_methods
from srcad.frontend.syntax.match_statements import PatternBinding, PatternTest
from srcad.frontend.values.abstract_values import Abstract, Constant, HeapRef, Maybe, Record
from srcad.frontend.values.context import Context, Frame
from srcad.frontend.values.definedness import may_be_unbound
from srcad.frontend.values.user_classes import class_attribute, special_method

_UNSAFE = (
    gast.Call, gast.NamedExpr, gast.Div, gast.FloorDiv, gast.Mod, gast.Pow, gast.MatMult,
    gast.ListComp, gast.DictComp, gast.SetComp, gast.GeneratorExp, PatternBinding,
)  # fmt: skip


def is_safe_to_speculate(ctx: Context, node: Any) -> bool:
    """Whether an expression has no effect and cannot raise: no call, division, or unbound name, and no item by index.

    A length, `x.shape[0]`, is safe: whether there is such an axis is known when compiling. So is a slice, `x[1:]`.
    """
    if any(isinstance(inner, _UNSAFE) or not _is_safe_item(inner) for inner in gast.walk(node)):
        return False
    return not may_be_unbound(ctx, node) and not _runs_methods(ctx, node) and not _may_be_none(ctx, node)


def _may_be_none(ctx: Context, node: Any) -> bool:
    """Whether a variable or an attribute in the expression may be None."""
    parts = [part for part in gast.walk(node) if isinstance(part, gast.Name | gast.Attribute)]
    return any(isinstance(_found(ctx, part), Maybe) for part in parts)


def _runs_methods(ctx: Context, node: Any) -> bool:
    """Whether evaluating the expression may run a method of a user's class: of an operator, or of a property."""
    if isinstance(node, gast.Name | gast.Attribute):
        value = _found(ctx, node)
        return value is _RUNS_A_METHOD or class_with_methods(value) is not None
    if isinstance(node, PatternTest):
        return False
    return any(_runs_methods(ctx, child) for child in gast.iter_child_nodes(node))


_RUNS_A_METHOD = Constant("a property")


def _found(ctx: Context, node: Any) -> Abstract:
    """The value of a name or attribute, as far as it can be told without evaluating it."""
    if isinstance(node, gast.Name):
        frame: Frame | None = ctx.frame
        while frame is not None and node.id not in frame.names:
            frame = frame.parent
        return Constant(None) if frame is None else frame.names[node.id]
    if not isinstance(node, gast.Attribute):
        return _RUNS_A_METHOD if _runs_methods(ctx, node) else Constant(None)
    owner = _found(ctx, node.value)
    cls = class_with_methods(owner)
    if owner is _RUNS_A_METHOD or cls is None:
        return owner if owner is _RUNS_A_METHOD else Constant(None)
    if isinstance(class_attribute(cls, node.attr), property | functools.cached_property):
        return _RUNS_A_METHOD
    own = owner.get(node.attr) if isinstance(owner, Record) else None
    if isinstance(owner, HeapRef):
        own = ctx.heap[owner.id].entries.get(node.attr)
    return own or (_RUNS_A_METHOD if special_method(cls, "__getattr__") else Constant(None))


def _is_safe_item(node: Any) -> bool:
    match node:
        case gast.Subscript(value=gast.Attribute(attr="shape"), slice=gast.Constant(value=int())):
            return True
        case gast.Subscript(slice=gast.Tuple(elts=parts)):
            return all(map(_is_part, parts))
        case gast.Subscript(slice=part):
            return _is_part(part)
    return True


def _is_part(node: Any) -> bool:
    return isinstance(node, gast.Slice) and node.step is None
