"""What `norm(loc, scale)` and the like are inside a compiled function: a distribution with its parameters.

One that was made outside is read as a call with these parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from scipy import stats

from srcad.rules.registry import EXPANSIONS, OBJECTS

_KNOWN: dict[type, Any] = {}
"""The class of a distribution -> the distribution: SciPy's objects with parameters have a copy of it."""


def enter(distribution: Any) -> None:
    """Let objects of this distribution that were made outside be known by it."""
    _KNOWN[type(distribution)] = distribution


def method_of_frozen(frozen: Any, name: str) -> Any:
    """The method of the distribution with the parameters of the object.

    >>> from srcad.rules.scipy import stats as _
    >>> method_of_frozen(stats.gamma(2.0, scale=3.0), "logpdf").keywords
    {'a': 2.0, 'scale': 3.0}
    """
    distribution = _KNOWN.get(type(frozen.dist))
    method: Any = getattr(distribution, name, None)
    if distribution is None or method not in EXPANSIONS:
        return None
    names = [*(distribution.shapes or "").replace(",", " ").split(), "loc", "scale"]
    return partial(method, **dict(zip(names, frozen.args, strict=False)), **frozen.kwds)


for _object in (stats.norm(), stats.poisson(1.0)):
    OBJECTS[type(_object)] = method_of_frozen


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
