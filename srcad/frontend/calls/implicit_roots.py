"""Lowering of `srcad.implicit_root`: Newton's method with the exact derivative of the residual, made by srcad.

>>> import srcad
>>> __name__ = "user_module"
>>> def root(a):
...     def residual(x):
...         return x * x - a
...     return srcad.implicit_root(residual, 1.0)
>>> text = srcad.grad(root, target="python").source_for(2.0)
>>> print(*(line.strip() for line in text.splitlines() if "slope_there = " in line or "d_a = " in line), sep="\\n")
slope_there = 0.0
slope_there = 2.0 * x
d_a = d_result / slope_there
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srcad.frontend.calls.builtin_calls import builtin
from srcad.frontend.calls.closure_conversion import lowered_alone
from srcad.frontend.calls.inlined_frames import inline
from srcad.frontend.lowering.indexing import array_of
from srcad.frontend.values.abstract_values import Abstract, Constant, Partial, Seq
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.ir.types import Array, Scalar, Type
from srcad.options import Options
from srcad.request import Request
from srcad.rules.expansions.roots import found_root, implicit_root

_ANY = 10**6


@builtin(implicit_root, least=2, most=_ANY, keywords="bracket tolerance steps")
def _implicit_root(ctx: Context, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    residual, start, *given = args
    begun = array_of(ctx, start)
    if not isinstance(begun.type, Scalar | Array) or (isinstance(begun.type, Array) and begun.type.rank > 1):
        ctx.fail("S127", f"implicit_root starts from a number or a vector, not from {describe_value(begun)}")
    derivative = _residual_derivative(ctx, residual, begun.type, given)
    options: dict[str, Abstract] = {"bracket": Constant(None), "tolerance": Constant(None), "steps": ctx.constant(100)}
    named = {name: ctx.check(keywords.get(name, value)) for name, value in options.items()}
    more = (ctx.nested + 1).bit_length() - 1  # for as many derivatives as may be taken of the root, and one
    return inline(ctx, found_root, [residual, derivative, ctx.constant(more), begun, Seq(tuple(given))], named)


def _residual_derivative(ctx: Context, residual: Abstract, start: Type, given: Sequence[Abstract]) -> Abstract:
    """The derivative of the residual by its first argument, as a function with source, which is inlined like any other.

    What the residual reads from around it is bound here.
    """
    assert isinstance(start, Scalar | Array)
    dtype = start.dtype if start.dtype.startswith("float") else "float64"
    type = Array(dtype, start.dims) if isinstance(start, Array) else Scalar(dtype)
    x = ctx.leaf(ctx.builder.fresh("x", type))

    def of_unknowns() -> Abstract:
        result = array_of(ctx, ctx.call(residual, x, *given))
        if not isinstance(result.type, Scalar | Array) or _rank(result.type) != _rank(type):
            ctx.fail(
                "S127",
                f"the residual of {describe_value(x)} is {describe_value(result)}",
                "A root needs one for each unknown.",
            )
        return result

    inner = lowered_alone(ctx, "residual", of_unknowns, [x])
    # indices are checked where the residual itself is evaluated, before its derivative
    request = Request("jacobian", inner.chosen, True, False, Options(boundscheck=False))
    return Partial(Constant(ctx.differentiate(inner.function, inner.result, request, inner.functions)), inner.outside)


def _rank(type: Scalar | Array) -> int:
    return type.rank if isinstance(type, Array) else 0
