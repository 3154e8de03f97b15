"""Calls of derivatives: `srcad.grad(g)(x)` inside a function, where `g` may read what stands around it.

The function is lowered separately, for these arguments, to a function in normal form. What it reads from around it
becomes parameters of that (closure conversion), through which outer derivatives pass. The passes make its derivative,
a Python function with a source, and a call of that is inlined. So a derivative of a derivative is one of a program.

>>> import srcad
>>> __name__ = "user_module"
>>> def slope_of_tilted_cube(x, tilt):
...     return srcad.grad(lambda y: y**3 + tilt * y**2)(x)
>>> srcad.jit(slope_of_tilted_cube, target="python")(2.0, 1.0)
16.0
>>> srcad.grad(slope_of_tilted_cube, (0, 1), target="python")(2.0, 1.0)
(14.0, 4.0)
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from srcad.frontend.calls.closure_conversion import LoweredAlone, lowered_alone, refuse_shared_memory
from srcad.frontend.calls.differentiated_arguments import Arguments, filled, value_of_pair
from srcad.frontend.calls.generated_calls import called, name_of
from srcad.frontend.calls.nested_tangents import call_columns, call_tangent
from srcad.frontend.values.abstract_values import UNKNOWN, Abstract, Constant, Leaf, Partial, Seq, leaves
from srcad.frontend.values.constants import to_callee, to_python
from srcad.frontend.values.context import Context
from srcad.ir.types import Array, Scalar, Type, is_complex
from srcad.options import Options
from srcad.request import Differentiation, Request, jacobian_mode, prefers_forward
from srcad.rules.expansions.pullbacks import pullback, pullback_beside


def make_derivative(
    ctx: Context, maker: Any, mode: str, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    """The value of `srcad.grad(g, argnums)`: a function, whose derivative is made where it is called."""
    try:
        given = inspect.signature(maker).bind(*args, **keywords).arguments
    except TypeError as error:
        ctx.fail("S124", f"srcad.{maker.__name__}: {error}")
    function = ctx.check(given.pop("f"))
    if mode == "primal":
        return function
    if mode == "vjp":
        return _value_and_pullback(ctx, maker, function, given)
    directions = [given.pop(name) for name in ("primals", "tangents") if name in given]
    known = {name: to_python(ctx, ctx.check(value)) for name, value in given.items()}
    for name, value in known.items():
        if value is UNKNOWN:
            ctx.retry("S123", f"{name} of srcad.{maker.__name__} must be known when compiling", None, _LITERALLY)
    argnums, has_aux = known.pop("argnums", 0), known.pop("has_aux", False)
    mode, either = jacobian_mode(known.pop("mode", None), has_aux) if mode == "jacobian" else (mode, False)
    asked = Differentiation(mode, argnums, has_aux, Options.of(known), either)
    if mode == "hvp":
        slope = Partial(Constant(replace(asked, mode="grad")), (function,))
        asked, function = replace(asked, mode="tangent"), slope
    derivative = Partial(Constant(asked), (function,))
    return ctx.call(derivative, *directions) if directions else derivative


def _value_and_pullback(ctx: Context, maker: Any, f: Abstract, given: dict[str, Any]) -> Abstract:
    """`srcad.vjp(f, *primals)`: what `f` returns, and a function that computes it again, with its gradient."""
    primals: Sequence[Abstract] = given.pop("primals", ())
    known = {name: to_python(ctx, ctx.check(value)) for name, value in given.items()}
    if UNKNOWN in known.values() or not primals:
        ctx.fail("S121", f"srcad.{maker.__name__} without primals inside a function", None, "call it with its primals.")
    has_aux, argnums = bool(known.pop("has_aux", False)), known.pop("argnums", None)
    wrt = tuple(range(len(primals))) if argnums is None else argnums if isinstance(argnums, tuple) else (argnums,)
    gradient = Constant(Differentiation("grad", wrt, False, Options.of(known)))
    out = ctx.check(ctx.call(f, *primals))
    back = Partial(Constant(pullback_beside if has_aux else pullback), (gradient, f, Seq(tuple(primals))))
    if not has_aux:
        return Seq((out, back))
    value = value_of_pair(ctx, out)
    assert isinstance(out, Seq)
    return Seq((value, back, out.items[1]))


_LITERALLY = "write it as a literal, or as a value that follows from shapes and types."


def call_derivative(
    ctx: Context, asked: Differentiation, g: Abstract, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> Abstract:
    """The derivative of `g` at these arguments."""
    if asked.mode == "adjoint":
        ctx.fail("S121", "srcad.adjoint inside a function", "It has buffers that it writes to.", "use srcad.grad.")
    if asked.mode in ("jvp", "tangent"):
        return call_tangent(ctx, asked, g, args, keywords)
    if asked.mode == "columns":
        return call_columns(ctx, asked, g, args, keywords)
    if asked.mode == "hessian":
        slope = Partial(Constant(replace(asked, mode="grad")), (g,))
        return call_columns(ctx, asked, slope, args, keywords)
    arguments = Arguments(ctx, asked.argnums)
    given, named = arguments.with_variables(g, args, keywords)
    variables = arguments.variables
    inner = lowered_alone(ctx, name_of(g), lambda: ctx.call(g, *given, **named), [one.inside for one in variables])
    refuse_shared_memory(ctx, inner, [one.given for one in variables])
    if asked.either and _prefers_forward(inner, [one.like for one in variables]):
        return call_columns(ctx, asked, g, args, keywords)
    request = Request(asked.mode, inner.chosen, not isinstance(asked.argnums, tuple), asked.has_aux, asked.options)
    function = ctx.differentiate(inner.function, inner.result, request, inner.functions)
    values = [*inner.outside, *(one.given for one in variables)]
    return _rebuilt(asked, arguments, called(ctx, function, values, name_of(g)), inner.result)


def _prefers_forward(inner: LoweredAlone, inputs: Sequence[Scalar | Array]) -> bool:
    if any(map(is_complex, inputs)):  # each is two real numbers
        return False
    outputs = [leaf.type for leaf in leaves(inner.result)]
    mixed = len(outputs) > 1 and any(isinstance(one, Array) for one in outputs)
    return prefers_forward(_count(inputs), _count(outputs), mixed)


def _count(types: Sequence[Type]) -> int | None:
    """The numbers in values of these types, where they say so."""
    sizes = [math.prod(d.const for d in t.dims) if isinstance(t, Array) else 1 for t in types]
    known = all(not d.terms for t in types if isinstance(t, Array) for d in t.dims)
    return sum(sizes) if known else None


def _rebuilt(asked: Differentiation, arguments: Arguments, found: Sequence[Leaf], result: Abstract) -> Abstract:
    """What the derivative returns, from the flat results of the generated function."""
    ctx, count = arguments.ctx, len(arguments.variables)
    if asked.mode == "jacobian":
        rows = [arguments.gradient(found[at : at + count]) for at in range(0, len(found), count)]
        return to_callee(ctx, filled(result, iter(rows)))
    gradient = to_callee(ctx, arguments.gradient(found[len(found) - count :]))
    kept = len(found) - count
    if not kept:
        return gradient
    value = to_callee(ctx, filled(result, iter(found[:kept])))
    if asked.mode == "value_and_grad":
        return Seq((value, gradient))
    assert isinstance(value, Seq)
    return Seq((gradient, value.items[1]))
