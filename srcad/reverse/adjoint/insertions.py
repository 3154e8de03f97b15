"""Inserted blocks in the reverse sweep: `srcad.insert_gradient_of`, where the adjoint of its variable is complete.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def f(x, limit):
...     y = 2.0 * x
...     with srcad.insert_gradient_of(y) as d_y:
...         d_y = np.clip(d_y, -limit, limit)
...     return np.sum(y * y)
>>> source = srcad.grad(f, target="python").source_for(np.ones(3), 1.0)
>>> print(source[source.index("    # L5") : source.index("    return")].rstrip())
    # L5: return np.sum(y * y)
    d_y = 2.0 * y * d_result
    # L4: d_y = np.clip(d_y, -limit, limit)
    d_y[:] = np.minimum(np.maximum(d_y, -limit), limit)
    # L2: y = 2.0 * x
    d_x = 2.0 * d_y
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from srcad.ir.names import base
from srcad.ir.nodes import Assign, Block, Expr, Function, If, Join, Var
from srcad.ir.traversal import defined, rename, replace_names, substitute
from srcad.ir.types import Array, Dim, Scalar, Type, dim
from srcad.typing.builder import Builder


def write_out(builder: Builder, update: Function, d: Var, captured: Sequence[Expr]) -> None:
    """Emit the block, which leaves the new adjoint in `d`. It reads `captured` of the primal."""
    fresh = {n: builder.fresh(base(n), update.types[n]).name for n in sorted(defined(update.body))}
    for n, new in fresh.items():
        builder.types[new] = _renamed(update.types[n], fresh)
    for result in update.results:
        if isinstance(result, Var) and _defines_only(update.body[-1:], result.name):
            fresh[result.name] = d.name
    given = {p.name: operand for p, operand in zip(update.params, (d, *captured), strict=True)}
    for stmt in substitute(rename(update.body, fresh), given):
        builder.emit(stmt)
    renamed: dict[str, Expr] = {n: Var(new) for n, new in fresh.items()}
    for result in update.results:
        value = replace_names(result, given | renamed)
        if value != d:
            builder.emit(Assign(d.name, value, update.span))


def _defines_only(last: Block, name: str) -> bool:
    """Whether the last statement of a block gives the name its value, as the last that it does."""
    match last:
        case (Assign(target),):
            return target == name
        case (If(joins=(Join(target),)),):
            return target == name
    return False


def _renamed(kind: Type, names: Mapping[str, str]) -> Type:
    """The type, whose lengths may be named after what the block defines."""

    def length(d: Dim) -> Dim:
        return d.replaced(lambda symbol: dim(replace(symbol, name=names.get(symbol.name, symbol.name))))

    match kind:
        case Scalar(_, Dim() as value):
            return replace(kind, dim=length(value))
        case Array(dims=dims):
            return replace(kind, dims=tuple(map(length, dims)))
        case _:
            return kind
