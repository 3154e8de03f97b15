"""What `norm(loc, scale)` and the like are inside a compiled function: a distribution with its parameters.

One that was made outside is read as such an object, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy import stats

from srcad.rules.registry import STAND_INS

_KNOWN: dict[type, Any] = {}
"""The class of a distribution -> the distribution: SciPy's objects with parameters have a copy of it."""


def enter(distribution: Any) -> None:
    """Let objects of this distribution that were made outside be known by it."""
    _KNOWN[type(distribution)] = distribution


@dataclass
class Frozen:
    """A distribution of SciPy with parameters. Its methods are those of the distribution, given the parameters."""

    dist: Any
    args: Any
    kwds: Any

    def pdf(self, x: Any) -> Any:
        return self.dist.pdf(x, *self.args, **self.kwds)

    def logpdf(self, x: Any) -> Any:
        return self.dist.logpdf(x, *self.args, **self.kwds)

    def pmf(self, k: Any) -> Any:
        return self.dist.pmf(k, *self.args, **self.kwds)

    def logpmf(self, k: Any) -> Any:
        return self.dist.logpmf(k, *self.args, **self.kwds)

    def cdf(self, x: Any) -> Any:
        return self.dist.cdf(x, *self.args, **self.kwds)

    def logcdf(self, x: Any) -> Any:
        return self.dist.logcdf(x, *self.args, **self.kwds)

    def sf(self, x: Any) -> Any:
        return self.dist.sf(x, *self.args, **self.kwds)

    def logsf(self, x: Any) -> Any:
        return self.dist.logsf(x, *self.args, **self.kwds)

    def ppf(self, q: Any) -> Any:
        return self.dist.ppf(q, *self.args, **self.kwds)

    def isf(self, q: Any) -> Any:
        return self.dist.isf(q, *self.args, **self.kwds)

    def median(self) -> Any:
        return self.dist.median(*self.args, **self.kwds)

    def mean(self) -> Any:
        return self.dist.mean(*self.args, **self.kwds)

    def var(self) -> Any:
        return self.dist.var(*self.args, **self.kwds)

    def std(self) -> Any:
        return self.dist.std(*self.args, **self.kwds)

    def rvs(self, size: Any = 1, random_state: Any = None) -> Any:
        return self.dist.rvs(*self.args, **self.kwds, size=size, random_state=random_state)


def _as_frozen(one: Any) -> Frozen:
    """
    >>> _as_frozen(stats.norm(0.5, scale=2.0)).args
    (0.5,)
    """
    return Frozen(_KNOWN.get(type(one.dist), one.dist), one.args, one.kwds)


for _object in (stats.norm(), stats.poisson(1.0)):
    STAND_INS[type(_object)] = _as_frozen
