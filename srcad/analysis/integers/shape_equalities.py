"""Shape constraint propagation: equalities of lengths implied by the statements of a completed iteration.

In `w @ h`, w has as many columns as h has items; in `a + b` both are equally long where neither has length 1: otherwise
NumPy raises. In an iteration that completes, all its statements have succeeded; so a loop-carried array may be known to
have the length of an array from before the loop in every iteration, though its type does not say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from srcad.ir.nodes import Assign, Expr, For, Op, Stmt, Store, Var, While
from srcad.ir.regions import Region, Regions
from srcad.ir.traversal import place
from srcad.ir.types import Array, Dim, Type, dim
from srcad.rules.primitives import PRIMITIVES


class ShapeEqualities:
    """The equalities of a function in normal form, by region.

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
    >>> equal = ShapeEqualities(tree, Builder.resume(f).typeof).before_loops(carried, body)
    >>> equal == f.types["w"].dims[1]
    True
    """

    def __init__(self, regions: Regions, typeof: Callable[[Expr], Type]) -> None:
        self.regions = regions
        self.typeof = typeof
        self._known: dict[Region, dict[Dim, Dim]] = {}

    def before_loops(self, d: Dim, region: Region) -> Dim | None:
        """The length in terms of lengths from before all loops around `region`, in every completed iteration of them.

        In an iteration that raises, it need not be that length.
        """
        return self._in_terms(d, self._facts(region), region)

    def _in_terms(self, d: Dim, facts: dict[Dim, Dim], region: Region) -> Dim | None:
        total = dim(d.const)
        for symbol, coefficient in d.terms:
            found = self._one(dim(symbol), facts, region)
            # the length of a slice, `n - 2`, is 0 where the form is negative: it must not be part of a sum
            if found is None or not (found.is_nonnegative or d == dim(symbol)):
                return None
            total = total + found * coefficient
        return total

    def _one(self, d: Dim, facts: dict[Dim, Dim], region: Region) -> Dim | None:
        if self._is_before(d, region):
            return d
        first = _first(d, facts)
        return next((e for e in (first, *facts) if self._is_before(e, region) and _first(e, facts) == first), None)

    def _is_before(self, d: Dim, region: Region) -> bool:
        """Whether the length is defined before all loops around the region."""
        for symbol, _ in d.terms:
            home = self.regions.definitions.get(symbol.name)
            if home is None or self.regions.enclosing_loops(home.region):
                return False
            place = home.region.place_of(region)
            if place is None or home.position >= place:
                return False
        return True

    def _facts(self, region: Region) -> dict[Dim, Dim]:
        """The union-find forest of equal lengths: each maps to one that it equals."""
        if region not in self._known:
            facts = dict(self._facts(region.parent)) if region.parent is not None else {}
            for stmt in region.stmts:
                for a, b in self._said(stmt):
                    _learn(a, b, facts)
            if isinstance(region.owner, For | While):
                self._begun(region.owner, facts, region)
            self._known[region] = facts
        return self._known[region]

    def _begun(self, loop: For | While, facts: dict[Dim, Dim], turn: Region) -> None:
        """Add that an initial value is as long as the carried value in every iteration, if that is invariant."""
        for carry in loop.carried:
            first, each = self.typeof(carry.init), self.typeof(Var(carry.arg))
            if isinstance(first, Array) and isinstance(each, Array):
                for a, b in zip(first.dims, each.dims, strict=True):
                    fixed = self._in_terms(b, facts, turn)
                    if fixed is not None and self._is_before(a, turn):
                        _learn(a, fixed, facts)

    def _said(self, stmt: Stmt) -> Iterator[tuple[Dim, Dim]]:
        match stmt:
            case Assign(_, Op(prim, args)):
                lengths = [self._lengths(a) for a in args]
                if PRIMITIVES[prim].kind == "elementwise":
                    yield from _broadcast(lengths)
                for signature in PRIMITIVES[prim].dims:
                    yield from _signed(signature.partition("->")[0].split(","), lengths)
            case Store(_, _, value):
                # the value is broadcast, the target is not
                pairs = zip(reversed(self._lengths(value)), reversed(self._lengths(place(stmt))), strict=False)
                yield from ((own, its) for own, its in pairs if own.is_not_one)

    def _lengths(self, e: Expr) -> tuple[Dim, ...]:
        known = self.typeof(e)
        return known.dims if isinstance(known, Array) else ()


def _broadcast(operands: Sequence[tuple[Dim, ...]]) -> Iterator[tuple[Dim, Dim]]:
    """
    >>> two, three = dim(2), dim(3)
    >>> list(_broadcast([(two, two), (three,), ()])) == [(two, three)]
    True
    """
    for axis in range(1, max(map(len, operands), default=0) + 1):
        longer = [lengths[-axis] for lengths in operands if axis <= len(lengths) and lengths[-axis].is_not_one]
        yield from pairwise(longer)


def _signed(letters: Sequence[str], operands: Sequence[tuple[Dim, ...]]) -> Iterator[tuple[Dim, Dim]]:
    """The equalities by a signature for operands of these ranks; none where it is for other ranks, or any (`...`).

    >>> two, three, four = dim(2), dim(3), dim(4)
    >>> list(_signed(["ij", "jk"], [(two, three), (four, two)])) == [(three, four)]
    True
    """
    if any("..." in word for word in letters) or [len(word) for word in letters] != [
        len(lengths) for lengths in operands
    ]:
        return
    named: dict[str, Dim] = {}
    for word, lengths in zip(letters, operands, strict=True):
        for letter, length in zip(word, lengths, strict=True):
            if letter in named:
                yield named[letter], length
            named[letter] = length


def _learn(a: Dim, b: Dim, facts: dict[Dim, Dim]) -> None:
    a, b = _first(a, facts), _first(b, facts)
    if a != b:
        facts[a] = b


def _first(d: Dim, facts: dict[Dim, Dim]) -> Dim:
    """The representative of the lengths that equal this one."""
    while d in facts:
        d = facts[d]
    return d
