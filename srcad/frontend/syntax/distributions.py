"""Draws as expressions of a draw of the standard distribution, as NumPy computes them from the same stream.

What NumPy does with the parameters, after it has drawn: `legacy-distributions.c` and `distributions.c` of NumPy. So the
values are those of NumPy, bit by bit, where a distribution is one of location and scale.

>>> DISTRIBUTIONS["normal"].value
'loc + scale * draw'
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Distribution:
    """A draw is `value`, an expression of the parameters and of `draw`, a draw of the method `standard`.

    Of `parameters` those without a default are `None`; `bounds` has the conditions that raise a ValueError.
    """

    parameters: dict[str, str | None]
    standard: str
    value: str
    bounds: dict[str, str]


def _located(standard: str) -> Distribution:
    return Distribution({"loc": "0.0", "scale": "1.0"}, standard, "loc + scale * draw", {"scale": "<"})


DISTRIBUTIONS: dict[str, Distribution] = {
    "normal": _located("standard_normal"),
    "laplace": _located("laplace"),
    "logistic": _located("logistic"),
    "gumbel": _located("gumbel"),
    "uniform": Distribution({"low": "0.0", "high": "1.0"}, "random", "low + (high - low) * draw", {}),
    "exponential": Distribution({"scale": "1.0"}, "standard_exponential", "scale * draw", {"scale": "<"}),
    "rayleigh": Distribution({"scale": "1.0"}, "rayleigh", "scale * draw", {"scale": "<"}),
    "lognormal": Distribution(
        {"mean": "0.0", "sigma": "1.0"}, "standard_normal", "np.exp(mean + sigma * draw)", {"sigma": "<"}
    ),
    "weibull": Distribution({"a": None}, "standard_exponential", "draw ** (1.0 / a)", {"a": "<="}),
    "pareto": Distribution({"a": None}, "standard_exponential", "np.expm1(draw / a)", {"a": "<="}),
    "power": Distribution({"a": None}, "standard_exponential", "(-np.expm1(-draw)) ** (1.0 / a)", {"a": "<="}),
}
"""By the names of the methods of `numpy.random.Generator`."""

DISCRETE = frozenset(
    {"binomial", "negative_binomial", "poisson", "geometric", "hypergeometric", "logseries", "zipf", "multinomial"}
    | {"multivariate_hypergeometric", "integers", "randint", "random_integers", "choice", "permutation", "permuted"}
)
"""Methods whose values jump, where they depend on the parameters at all."""

OTHERS = frozenset(
    {"beta", "chisquare", "dirichlet", "f", "gamma", "multivariate_normal", "noncentral_chisquare", "noncentral_f"}
    | {"standard_cauchy", "standard_gamma", "standard_t", "triangular", "vonmises", "wald"}
)
"""Methods that are not in `DISTRIBUTIONS`, and whose values change smoothly with their parameters."""
