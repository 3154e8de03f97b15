"""Lowering of a call of one primitive: operands as arrays and scalars, static parameters as constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from srcad.frontend.lowering.indexing import array_of
from srcad.frontend.lowering.operators import apply
from srcad.frontend.values.abstract_values import UNKNOWN, Abstract, Constant, Leaf
from srcad.frontend.values.computed_before import computed_before
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.ir.nodes import Const, Effect, Op
from srcad.ir.types import Array, Scalar
from srcad.rules.primitives import PRIMITIVES


def call_primitive(ctx: Context, prim: str, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    """A call of a primitive with its static parameters by keyword."""
    options = {k: v for k, v in keywords.items() if not (isinstance(v, Constant) and v.value is None)}
    primitive = PRIMITIVES[prim]
    if primitive.kind == "effect":
        ctx.builder.emit(Effect(Op(prim, tuple(_operand(ctx, arg).atom for arg in args)), ctx.builder.span))
        return Constant(None)
    leaves = [_operand(ctx, arg) for arg in args]
    static: dict[str, Any] = {}
    for name, value in options.items():
        static[name] = to_python(ctx, ctx.check(value))
        if static[name] is UNKNOWN:
            ctx.retry("S123", f"{name} must be known when compiling")
    if static and not ctx.frame.library:
        ctx.fail("S128", f"the option {next(iter(static))} of {prim}")
    if "dtype" in static:
        static["dtype"] = _dtype(ctx, static["dtype"])
    if prim in ("float", "int", "bool"):
        leaves = [_as_scalar(ctx, leaf) for leaf in leaves]
        if all(leaf.type == Scalar(prim) for leaf in leaves):
            return leaves[0]
    if static.pop("shared", False):
        before = computed_before(
            ctx.builder, Op(prim, tuple(leaf.atom for leaf in leaves), tuple(sorted(static.items())))
        )
        if before is not None:
            return ctx.leaf(before)
    return apply(ctx, prim, *leaves, **static)


def _dtype(ctx: Context, given: Any) -> str:
    """The name of a dtype that arrays may have."""
    try:
        dtype: np.dtype[Any] | None = np.dtype(given)
    except TypeError:  # the name of one of text or of records, which NumPy does not read
        dtype = None
    if dtype is None or dtype.kind not in "biufc":
        ctx.fail(
            "S127",
            f"an array of dtype {given if dtype is None else dtype} is not in the language",
            "Arrays are of floats, complex numbers, integers and bool.",
            "compute what has it outside, and give the fields and numbers as arrays of their own.",
        )
    return str(dtype.name)


def _operand(ctx: Context, value: Abstract) -> Leaf:
    value = ctx.present(value)
    if isinstance(value, Constant) and (value.value is None or isinstance(value.value, str)):
        return ctx.leaf(Const(value.value))
    return array_of(ctx, value)


def _as_scalar(ctx: Context, leaf: Leaf) -> Leaf:
    """The scalar in an array of one element; other leaves unchanged."""
    if not isinstance(leaf.type, Array):
        return leaf
    if not all(d.is_one for d in leaf.type.dims):
        ctx.fail("S127", f"{describe_value(leaf)} as a number", None, "take an element, or a reduction such as np.sum.")
    return ctx.leaf(ctx.builder.op("index", leaf.atom, *[Const(0)] * len(leaf.type.dims)))
