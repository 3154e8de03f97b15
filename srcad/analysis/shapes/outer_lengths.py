"""Array lengths in terms of what is defined outside of loops, for every completed iteration; normal form.

In `w @ h`, w has as many columns as h has items; in `a + b` both are equally long where neither has length 1: otherwise
NumPy raises. In an iteration that completes, all its statements have succeeded (shape constraint propagation); so a
loop-carried array may be known to have the length of an array from before the loop in every iteration, though its type
does not say it.
"""

from __future__ import annotations

from collections.abc import Callable

from srcad.analysis.shapes.implied_equalities import implied_equalities
from srcad.ir.length_exprs import linear_expression, nonnegative_length, shape_query
from srcad.ir.length_facts import NOTHING, LengthFacts
from srcad.ir.nodes import Expr, For, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Array, Dim, Type, dim


def length(d: Dim, regions: Regions) -> Expr | None:
    """A length in terms of names defined outside of loops; None where its type has no such form."""
    return nonnegative_length(d, shape_query) if _is_outside(d, regions) else None


def linear(d: Dim, regions: Regions) -> Expr | None:
    """An integer, in the same terms."""
    return linear_expression(d, shape_query) if _is_outside(d, regions) else None


def _is_outside(d: Dim, regions: Regions) -> bool:
    found = [regions.definitions.get(symbol.name) for symbol, _ in d.terms]
    return all(definition is not None and not regions.enclosing_loops(definition.region) for definition in found)


class OuterLengths:
    """The lengths of a function, with what is known of them in each region.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import type_text
    >>> from srcad.ir.regions import regions
    >>> from srcad.typing.builder import Builder
    >>> def iterate(w, h):
    ...     for t in range(9):
    ...         h = w @ h
    ...     return h
    >>> f = normal_form(iterate, np.ones((3, 3)), np.ones(3))
    >>> tree = regions(f)
    >>> (body,) = (region for region in tree if isinstance(region.owner, For))
    >>> (carried,) = f.types["%h.0"].dims  # the length of h in an iteration
    >>> equal = OuterLengths(tree, Builder.resume(f).typeof).before_loops(carried, body)
    >>> equal == f.types["w"].dims[1]
    True
    """

    def __init__(self, regions: Regions, typeof: Callable[[Expr], Type]) -> None:
        self.regions = regions
        self.typeof = typeof
        self._known: dict[Region, LengthFacts] = {}

    def before_loops(self, d: Dim, region: Region) -> Dim | None:
        """The length in terms of lengths from before all loops around `region`, in every completed iteration of them.

        In an iteration that raises, it need not be that length.
        """
        return self._in_terms(d, self._facts(region), region)

    def _in_terms(self, d: Dim, facts: LengthFacts, region: Region) -> Dim | None:
        total = dim(d.const)
        for symbol, coefficient in d.terms:
            found = self._one(dim(symbol), facts, region)
            # the length of a slice, `n - 2`, is 0 where the form is negative: it must not be part of a sum
            if found is None or not (found.is_nonnegative or d == dim(symbol)):
                return None
            total = total + found * coefficient
        return total

    def _one(self, d: Dim, facts: LengthFacts, region: Region) -> Dim | None:
        if self._is_before(d, region):
            return d
        return next((e for e in facts.equal_to(d) if self._is_before(e, region)), None)

    def _is_before(self, d: Dim, region: Region) -> bool:
        """Whether the length is defined before all loops around the region."""
        if not _is_outside(d, self.regions):
            return False
        homes = [self.regions.definitions[symbol.name] for symbol, _ in d.terms]
        return all((place := home.region.place_of(region)) is not None and home.position < place for home in homes)

    def _facts(self, region: Region) -> LengthFacts:
        """What holds at the end of the region."""
        if region not in self._known:
            facts = self._facts(region.parent) if region.parent is not None else NOTHING
            facts = facts.with_equal(*(pair for stmt in region.stmts for pair in implied_equalities(stmt, self.typeof)))
            if isinstance(region.owner, For | While):
                facts = self._begun(region.owner, facts, region)
            self._known[region] = facts
        return self._known[region]

    def _begun(self, loop: For | While, facts: LengthFacts, turn: Region) -> LengthFacts:
        """The facts, and that an initial value is as long as the carried value in each iteration, if that is fixed."""
        for carry in loop.carried:
            first, each = self.typeof(carry.init), self.typeof(Var(carry.arg))
            if isinstance(first, Array) and isinstance(each, Array):
                for a, b in zip(first.dims, each.dims, strict=True):
                    fixed = self._in_terms(b, facts, turn)
                    if fixed is not None and self._is_before(a, turn):
                        facts = facts.with_equal((a, fixed))
        return facts
