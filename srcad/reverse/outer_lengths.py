"""Array lengths in terms of names defined outside of loops.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import expr_text
>>> from srcad.ir.regions import regions
>>> from srcad.ir.types import Symbol, dim
>>> def first(x):
...     for k in range(3):
...         y = x[k:]
...     return x[0]
>>> import numpy as np
>>> outside = regions(normal_form(first, np.ones(3)))
>>> expr_text(length(dim(Symbol("x", 0)) - 1, outside)), length(dim(Symbol("y.0", 0)), outside)
('max(shape(x, axis=0) - 1, 0)', None)
"""

from __future__ import annotations

from srcad.ir.length_exprs import linear_expression, nonnegative_length, shape_query
from srcad.ir.nodes import Expr
from srcad.ir.regions import Regions
from srcad.ir.types import Dim


def length(d: Dim, regions: Regions) -> Expr | None:
    """A length in terms of names defined outside of loops; None where there is no such form."""
    return nonnegative_length(d, shape_query) if _is_defined_outside(d, regions) else None


def linear(d: Dim, regions: Regions) -> Expr | None:
    """An integer, in the same terms."""
    return linear_expression(d, shape_query) if _is_defined_outside(d, regions) else None


def _is_defined_outside(d: Dim, regions: Regions) -> bool:
    found = [regions.definitions.get(symbol.name) for symbol, _ in d.terms]
    return all(definition is not None and not regions.enclosing_loops(definition.region) for definition in found)
