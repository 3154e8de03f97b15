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
from srcad.frontend.calls.inlined_frames import inline
from srcad.frontend.lowering.indexing import array_of
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Partial, Seq
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.ir.nodes import Function, Param, Stmt, Var
from srcad.ir.traversal import block_reads, defined, reads
from srcad.ir.types import Array, Scalar, Type
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
    return inline(ctx, found_root, [residual, derivative, begun, Seq(tuple(given))], named)


def _residual_derivative(ctx: Context, residual: Abstract, start: Type, given: Sequence[Abstract]) -> Abstract:
    """The derivative of the residual by its first argument, as a function with source, which is inlined like any other.

    The residual is lowered separately. Its free variables, and the symbols of its lengths, are the first parameters of
    the derivative, and are bound here (closure conversion).
    """
    builder = ctx.builder
    assert isinstance(start, Scalar | Array)
    dtype = start.dtype if start.dtype.startswith("float") else "float64"
    type = Array(dtype, start.dims) if isinstance(start, Array) else Scalar(dtype)
    x = builder.fresh("x", type)
    state = ctx.snapshot()
    with builder.block() as body:
        result = array_of(ctx, ctx.call(residual, ctx.leaf(x), *given))
    ctx.restore(state)
    if not isinstance(result.type, Scalar | Array) or _rank(result.type) != _rank(type):
        ctx.fail(
            "S127",
            f"the residual of {describe_value(ctx.leaf(x))} is {describe_value(result)}",
            "A root needs one for each unknown.",
        )
    own = tuple(body)
    outside = [name for name in _free_variables(builder.types, own, result) if name != x.name]
    params = [Param(name, name) for name in (*outside, x.name)]
    f = Function("residual", tuple(params), own, (result.atom,), dict(builder.types), builder.span)
    derivative = ctx.differentiate(f, x.name)
    return Partial(Constant(derivative), tuple(ctx.leaf(Var(name)) for name in outside), ())


def _rank(type: Scalar | Array) -> int:
    return type.rank if isinstance(type, Array) else 0


def _free_variables(types: Mapping[str, Type], body: tuple[Stmt, ...], result: Leaf) -> list[str]:
    """The free variables of a block, and the symbols in the lengths of its arrays."""
    read = block_reads(body) | set(reads(result.atom))
    defined_names = defined(body)
    lengths = {
        symbol.name
        for name in read | defined_names
        if isinstance(t := types.get(name), Array)
        for dim in t.dims
        for symbol, _ in dim.terms
    }
    known = {name for name in lengths if isinstance(types.get(name), Scalar | Array)}
    return [name for name in types if name in (read | known) and name not in defined_names]
