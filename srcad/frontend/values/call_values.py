"""Integers that are elements of arrays of the call, where one must be known while compiling: as the key of a dict.

The text is then for these elements: it checks each of them, and another call has a text of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from srcad.frontend.values.abstract_values import Abstract, Leaf, Record, Seq, map_structure
from srcad.frontend.values.context import Context
from srcad.ir.nodes import Assign, Const, Expr, Op, Var
from srcad.ir.types import Scalar
from srcad.rules.primitives import PRIMITIVES

_FOLLOWED = frozenset(
    {"index", "len", "shape", "select", "+", "-", "*", "//", "%", "int", "neg", "<", "<=", ">", ">=", "==", "!="}
)


@dataclass
class InCall:
    """What integers are in the call that the function is lowered for, and what of the call that relies on."""

    ctx: Context
    elements: set[str] = field(default_factory=set)
    lengths: dict[tuple[str, int], int] = field(default_factory=dict)

    def rely(self) -> None:
        """Note that the text is for these elements and lengths."""
        self.ctx.elements_used |= self.elements
        self.ctx.lengths |= self.lengths

    def integer(self, expr: Expr) -> int | None:
        """The value of an expression; None where it is not known."""
        found = self._value(expr)
        return int(found) if isinstance(found, int | np.integer) else None

    def _value(self, expr: Expr) -> Any:
        match expr:
            case Const(value):
                return value
            case Var(name) if name in self.ctx.elements:
                self.elements.add(name)
                return self.ctx.elements[name]
            case Var():
                made_by = _definition(self.ctx, expr)
                return None if made_by is None else self._value(made_by)
            case Op("len" | "shape" as prim, (Var(name),)) if name in self.ctx.shapes:
                axis = 0 if prim == "len" else dict(expr.static)["axis"]
                assert isinstance(axis, int)
                return self.lengths.setdefault((name, axis), self.ctx.shapes[name][axis])
            case Op(prim, args) if prim in _FOLLOWED and not expr.static:
                values = [self._value(arg) for arg in args]
                if any(value is None for value in values):
                    return None
                try:
                    return PRIMITIVES[prim].evaluate(*values)
                except (IndexError, ZeroDivisionError, TypeError):
                    return None
        return None


def known_in_call(ctx: Context, value: Abstract) -> Abstract:
    """The value with its integers as they are in this call, as far as they follow from elements of its arrays."""
    if not ctx.apart:
        return value
    if isinstance(value, Seq | Record):
        return map_structure(value, lambda part: known_in_call(ctx, part))
    if not isinstance(value, Leaf) or value.known or not isinstance(value.type, Scalar):
        return value
    call = InCall(ctx)
    number = call.integer(value.atom)
    if number is None:
        return value
    call.rely()
    message = (f"this function was made for the integer {number}, and not ", value.atom)
    ctx.builder.check(ctx.builder.op("==", value.atom, Const(number)), "ValueError", *message)
    return ctx.constant(number)


def _definition(ctx: Context, name: Var) -> Expr | None:
    for stmt in reversed((*ctx.builder.before, *ctx.builder.statements)):
        if isinstance(stmt, Assign) and stmt.target == name.name:
            return stmt.value
    return None
