"""Array lengths in terms of names defined outside of loops."""

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
