"""Lengths of arrays in terms of what is known outside of loops."""

from __future__ import annotations

from srcad.ir.length_exprs import linear_expression, nonnegative_length, shape_query
from srcad.ir.nodes import Expr
from srcad.ir.regions import Regions
from srcad.ir.types import Dim


def length(d: Dim, regions: Regions) -> Expr | None:
    """A length in terms of what is known outside of loops; None where that does not say it."""
    return nonnegative_length(d, shape_query) if _known(d, regions) else None


def linear(d: Dim, regions: Regions) -> Expr | None:
    """An integer in the same terms."""
    return linear_expression(d, shape_query) if _known(d, regions) else None


def _known(d: Dim, regions: Regions) -> bool:
    homes = [regions.definitions.get(symbol.name) for symbol, _ in d.terms]
    return all(home is not None and not regions.enclosing_loops(home.region) for home in homes)
