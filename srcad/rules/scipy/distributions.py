"""The methods of a continuous distribution of `scipy.stats`, made of the formulas of its standard form.

They are `pdf`, `logpdf`, `cdf`, `logcdf`, `sf`, `logsf`, `ppf` and `isf`; `norm(loc, scale)` is an object with them.
Where SciPy gives NaN, for parameters out of their ranges, so do these. They compute in float64, as SciPy does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import expands, is_constant
from srcad.rules.scipy.frozen import Frozen, enter

Formula = Callable[..., Any]

# ---- parameters --------------------------------------------------------------------------------


def no_shape(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (), loc, scale


def shape_a(x: Any, a: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(a),), loc, scale


def shape_b(x: Any, b: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(b),), loc, scale


def shape_c(x: Any, c: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(c),), loc, scale


def shape_df(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(df),), loc, scale


def shape_s(x: Any, s: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(s),), loc, scale


def shape_mu(x: Any, mu: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(mu),), loc, scale


def shape_nu(x: Any, nu: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(nu),), loc, scale


def shape_beta(x: Any, beta: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(beta),), loc, scale


def shape_kappa(x: Any, kappa: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(kappa),), loc, scale


def shape_K(x: Any, K: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(K),), loc, scale


def any_a(x: Any, a: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (doubles(a),), loc, scale


def any_c(x: Any, c: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (doubles(c),), loc, scale


def shapes_a_b(x: Any, a: Any, b: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(a), positive(b)), loc, scale


def any_a_and_b(x: Any, a: Any, b: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (doubles(a), positive(b)), loc, scale


def shapes_a_c(x: Any, a: Any, c: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(a), positive(c)), loc, scale


def shapes_c_d(x: Any, c: Any, d: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(c), positive(d)), loc, scale


def shapes_dfn_dfd(x: Any, dfn: Any, dfd: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return x, (positive(dfn), positive(dfd)), loc, scale


def positive(value: Any) -> Any:
    """The value where it is positive, else NaN: so SciPy says that there is no such distribution."""
    if is_constant(value) and value > 0:
        return value
    number = doubles(value)
    return np.where(number > 0.0, number, np.nan)


def standardised(x: Any, loc: Any, scale: Any) -> Any:
    z = doubles(x)
    if not (is_constant(loc) and loc == 0):
        z = z - loc
    if not (is_constant(scale) and scale == 1):
        z = z / positive(scale)
    return z


# ---- the methods of a distribution -------------------------------------------------------------


def define(
    distribution: Any,
    parameters: Formula,
    logpdf: Formula,
    cdf: Formula | None = None,
    sf: Formula | None = None,
    ppf: Formula | None = None,
    isf: Formula | None = None,
    logcdf: Formula | None = None,
    logsf: Formula | None = None,
    pdf: Formula | None = None,
) -> None:
    """Make the methods of a continuous distribution expansions of its formulas, of z and its shapes.

    A method without a formula stays unknown, but for the logarithms of the others.
    """

    def logpdf_of(*args: Any, **keywords: Any) -> Any:
        x, shapes, loc, scale = parameters(*args, **keywords)
        y = logpdf(standardised(x, loc, scale), *shapes)
        return y if is_constant(scale) and scale == 1 else y - np.log(scale)

    def pdf_of(*args: Any, **keywords: Any) -> Any:
        x, shapes, loc, scale = parameters(*args, **keywords)
        z = standardised(x, loc, scale)
        y = np.exp(logpdf(z, *shapes)) if pdf is None else pdf(z, *shapes)
        return y if is_constant(scale) and scale == 1 else y / scale

    def cdf_of(*args: Any, **keywords: Any) -> Any:
        x, shapes, loc, scale = parameters(*args, **keywords)
        return cdf(standardised(x, loc, scale), *shapes)  # type: ignore[misc]

    def sf_of(*args: Any, **keywords: Any) -> Any:
        x, shapes, loc, scale = parameters(*args, **keywords)
        return sf(standardised(x, loc, scale), *shapes)  # type: ignore[misc]

    def logcdf_of(*args: Any, **keywords: Any) -> Any:
        x, shapes, loc, scale = parameters(*args, **keywords)
        z = standardised(x, loc, scale)
        return np.log(cdf(z, *shapes)) if logcdf is None else logcdf(z, *shapes)  # type: ignore[misc]

    def logsf_of(*args: Any, **keywords: Any) -> Any:
        x, shapes, loc, scale = parameters(*args, **keywords)
        z = standardised(x, loc, scale)
        return np.log(sf(z, *shapes)) if logsf is None else logsf(z, *shapes)  # type: ignore[misc]

    def ppf_of(*args: Any, **keywords: Any) -> Any:
        q, shapes, loc, scale = parameters(*args, **keywords)
        return ppf(probability(q), *shapes) * positive(scale) + loc  # type: ignore[misc]

    def isf_of(*args: Any, **keywords: Any) -> Any:
        q, shapes, loc, scale = parameters(*args, **keywords)
        return isf(probability(q), *shapes) * positive(scale) + loc  # type: ignore[misc]

    def median_of(*args: Any, **keywords: Any) -> Any:
        return ppf_of(0.5, *args, **keywords)

    def frozen(*args: Any, **keywords: Any) -> Any:
        return Frozen(distribution, args, keywords)

    made: list[Formula] = [logpdf_of, pdf_of]
    made += [cdf_of, logcdf_of] if cdf is not None else []
    made += [sf_of, logsf_of] if sf is not None else []
    made += [ppf_of, median_of] if ppf is not None else []
    made += [isf_of] if isf is not None else []
    for method in made:
        expands(getattr(distribution, method.__name__.removesuffix("_of")))(method)
    expands(distribution, distribution.freeze)(frozen)
    enter(distribution)


def probability(q: Any) -> Any:
    p = doubles(q)
    return np.where((p < 0.0) | (p > 1.0), np.nan, p)
