"""Draws as expressions of a draw of the standard distribution, as NumPy computes them from the same stream.

What NumPy does with the parameters, after it has drawn: `legacy-distributions.c` and `distributions.c` of NumPy. So the
values are those of NumPy, bit by bit, where a distribution is one of location and scale.

>>> DISTRIBUTIONS["normal"].value
'loc + scale * draw'
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Distribution:
    """A draw is `value`, an expression of the parameters and of `draw`, a draw of the method `standard`.

    Of `parameters` those without a default are `None`. `raises` is the condition on which NumPy raises a ValueError,
    and its message, if the parameters that it is about are given; `RandomState` does not ask it where `is_modern`.
    """

    parameters: dict[str, str | None]
    standard: str
    value: str
    raises: str = ""
    is_modern: bool = False
    arguments: str = ""
    """What `standard` is called with, of parameters that are not differentiated."""
    is_of_vectors: bool = False
    """Whether a draw is a vector: its length does not count in `size`."""
    options: frozenset[str] = frozenset()
    """Further arguments by keyword, of both methods."""

    @property
    def fixed(self) -> list[str]:
        """The parameters that are not to be differentiated."""
        return [name for name in self.parameters if re.search(rf"\b{name}\b", self.arguments)]


def _located(standard: str) -> Distribution:
    return Distribution({"loc": "0.0", "scale": "1.0"}, standard, "loc + scale * draw", "scale < 0")


DISTRIBUTIONS: dict[str, Distribution] = {
    "normal": _located("standard_normal"),
    "laplace": _located("laplace"),
    "logistic": _located("logistic"),
    "gumbel": _located("gumbel"),
    "uniform": Distribution(
        {"low": "0.0", "high": "1.0"}, "random", "low + (high - low) * draw", "high - low < 0", True
    ),
    "exponential": Distribution({"scale": "1.0"}, "standard_exponential", "scale * draw", "scale < 0"),
    "rayleigh": Distribution({"scale": "1.0"}, "rayleigh", "scale * draw", "scale < 0"),
    "lognormal": Distribution(
        {"mean": "0.0", "sigma": "1.0"}, "standard_normal", "np.exp(mean + sigma * draw)", "sigma < 0"
    ),
    "gamma": Distribution(
        {"shape": None, "scale": "1.0"}, "standard_gamma", "scale * draw", "scale < 0", arguments="shape"
    ),
    "multivariate_normal": Distribution(
        {"mean": None, "cov": None},
        "multivariate_normal",
        "mean + draw",
        arguments="np.zeros(np.shape(cov)[0]), cov",
        is_of_vectors=True,
        options=frozenset({"method", "check_valid", "tol"}),
    ),
    "weibull": Distribution({"a": None}, "standard_exponential", "draw ** (1.0 / a)", "a <= 0"),
    "pareto": Distribution({"a": None}, "standard_exponential", "np.expm1(draw / a)", "a <= 0"),
    "power": Distribution({"a": None}, "standard_exponential", "(-np.expm1(-draw)) ** (1.0 / a)", "a <= 0"),
}
"""By the names of the methods of `numpy.random.Generator`."""

BY_CHOLESKY = Distribution(
    {"mean": None, "cov": None},
    "standard_normal",
    "mean + draw @ np.linalg.cholesky(cov).T",
    is_of_vectors=True,
    options=frozenset({"method"}),
)
"""What `multivariate_normal` computes with `method="cholesky"`."""

DISCRETE = frozenset(
    {"binomial", "negative_binomial", "poisson", "geometric", "hypergeometric", "logseries", "zipf", "multinomial"}
    | {"multivariate_hypergeometric", "integers", "randint", "random_integers", "choice", "permutation", "permuted"}
)
"""Methods whose values jump, where they depend on the parameters at all."""

OTHERS = frozenset(
    {"beta", "chisquare", "dirichlet", "f", "noncentral_chisquare", "noncentral_f"}
    | {"standard_cauchy", "standard_gamma", "standard_t", "triangular", "vonmises", "wald"}
)
"""Methods that are not in `DISTRIBUTIONS`, and whose values change smoothly with their parameters."""

"""Methods that draw from a distribution without parameters."""
