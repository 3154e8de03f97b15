"""What `np.poly1d(c)` and `np.polynomial.Polynomial(c)` are inside a compiled function: objects with coefficients.

One that was made outside is read as such an object, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from srcad.rules.expansions.polynomials import coefficients
from srcad.rules.registry import STAND_INS, expands, unsupported


@dataclass
class HighestFirst:
    """`np.poly1d`: a polynomial by its coefficients, of the highest power first."""

    coefs: Any

    @property
    def c(self) -> Any:
        return leading(self.coefs)

    @property
    def coeffs(self) -> Any:
        return leading(self.coefs)

    @property
    def coefficients(self) -> Any:
        return leading(self.coefs)

    @property
    def order(self) -> Any:
        return len(leading(self.coefs)) - 1

    @property
    def roots(self) -> Any:
        return np.roots(self.coefs)

    @property
    def r(self) -> Any:
        return np.roots(self.coefs)

    def __call__(self, x: Any) -> Any:
        return np.polyval(self.coefs, x)

    def deriv(self, m: Any = 1) -> Any:
        return HighestFirst(np.polyder(self.coefs, m))

    def integ(self, m: Any = 1, k: Any = 0) -> Any:
        return HighestFirst(np.polyint(self.coefs, m, k))

    def __neg__(self) -> Any:
        return HighestFirst(-self.coefs)

    def __add__(self, other: Any) -> Any:
        return HighestFirst(np.polyadd(self.coefs, own(other)))

    def __radd__(self, other: Any) -> Any:
        return HighestFirst(np.polyadd(own(other), self.coefs))

    def __sub__(self, other: Any) -> Any:
        return HighestFirst(np.polysub(self.coefs, own(other)))

    def __rsub__(self, other: Any) -> Any:
        return HighestFirst(np.polysub(own(other), self.coefs))

    def __mul__(self, other: Any) -> Any:
        return HighestFirst(np.polymul(self.coefs, own(other)))

    def __rmul__(self, other: Any) -> Any:
        return HighestFirst(np.polymul(own(other), self.coefs))


def own(other: Any) -> Any:
    """The coefficients of an operand: a polynomial, or a number."""
    return other.coefs if isinstance(other, HighestFirst) else other


def leading(coefs: Any) -> Any:
    """The coefficients, which `np.poly1d` has without those that are 0 before the first that is not."""
    if len(coefs) > 1 and coefs[0] == 0:
        raise ValueError("the coefficients of a poly1d that begin with 0 are not supported: it leaves them out")
    return coefs


@expands(np.poly1d)
def poly1d(c_or_r: Any, r: Any = False) -> Any:
    if isinstance(c_or_r, HighestFirst):
        return c_or_r
    return HighestFirst(np.poly(c_or_r) if r else coefficients(c_or_r) + 0.0)


@dataclass
class LowestFirst:
    """`np.polynomial.Polynomial`: a polynomial by its coefficients, of the constant first."""

    coef: Any

    def __call__(self, x: Any) -> Any:
        return np.polynomial.polynomial.polyval(x, self.coef)

    def deriv(self, m: Any = 1) -> Any:
        return LowestFirst(np.polyder(self.coef[::-1], m)[::-1])

    def integ(self, m: Any = 1) -> Any:
        return LowestFirst(np.polyint(self.coef[::-1], m)[::-1])

    def degree(self) -> Any:
        return len(self.coef) - 1


@expands(Polynomial)
def polynomial(coef: Any) -> Any:
    return LowestFirst(coefficients(coef) + 0.0)


def _as_lowest_first(made: Any) -> LowestFirst:
    if np.any(made.domain != made.window):
        unsupported("a Polynomial whose domain is scaled")
    return LowestFirst(made.coef.tolist())


STAND_INS[np.poly1d] = lambda made: HighestFirst(made.coeffs.tolist())
STAND_INS[Polynomial] = _as_lowest_first
