"""More distributions of `scipy.stats`: values against SciPy, derivatives against differences, a row a distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import srcad
from tests.test_scipy_special import differences

LINE, HALF, UNIT = np.array([-2.1, -0.4, 1.3]), np.array([-1.0, 0.3, 1.9]), np.array([-0.5, 0.2, 0.7, 1.5])
Q = np.array([0.07, 0.45, 0.83])
SHAPES = {"invgamma", "f", "betaprime", "erlang", "gengamma", "chi", "nakagami", "loggamma", "gennorm"}
"""Whose distribution functions are incomplete gamma and beta functions of a shape."""

ROWS: dict[str, tuple[Any, ...]] = {
    "gumbel_l": (LINE,),
    "weibull_max": (-HALF, 1.6),
    "invweibull": (HALF, 1.6),
    "genextreme": (LINE, 0.2),
    "genpareto": (HALF, -0.3),
    "lomax": (HALF, 2.1),
    "burr12": (HALF, 1.7, 1.2),
    "burr": (HALF, 1.7, 1.2),
    "fisk": (HALF, 1.7),
    "gompertz": (HALF, 0.8),
    "exponweib": (HALF, 1.3, 1.6),
    "halfcauchy": (HALF,),
    "levy": (HALF,),
    "invgamma": (HALF, 2.1),
    "f": (HALF, 3.0, 5.0),
    "betaprime": (HALF, 1.4, 2.6),
    "erlang": (HALF, 2.0),
    "gengamma": (HALF, 1.4, 1.6),
    "chi": (HALF, 2.2),
    "maxwell": (HALF,),
    "nakagami": (HALF, 1.3),
    "loggamma": (LINE, 1.1),
    "gennorm": (LINE, 1.6),
    "truncnorm": (LINE, -1.0, 1.7),
    "skewnorm": (LINE, 1.2),
    "exponnorm": (LINE, 1.1),
    "moyal": (LINE,),
    "johnsonsu": (LINE, 0.5, 1.2),
    "johnsonsb": (UNIT, 0.5, 1.2),
    "foldnorm": (HALF, 1.2),
    "rice": (HALF, 1.2),
    "invgauss": (HALF, 0.7),
    "wald": (HALF,),
    "truncexpon": (HALF, 2.0),
    "triang": (UNIT, 0.4),
    "powerlaw": (UNIT, 1.7),
    "arcsine": (UNIT,),
    "loguniform": (HALF, 0.1, 1.5),
    "semicircular": (UNIT - 0.4,),
    "vonmises": (LINE, 1.3),
    "dweibull": (LINE, 1.4),
    "laplace_asymmetric": (LINE, 1.3),
    "hypsecant": (LINE,),
    "halflogistic": (HALF,),
}
METHODS = ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf", "ppf", "isf", "median")


def known_methods(name: str) -> list[str]:
    """Those that srcad has an expansion of."""
    from srcad.rules.registry import EXPANSIONS
    from srcad.rules.scipy import stats as _  # noqa: F401

    return [method for method in METHODS if getattr(getattr(stats, name), method) in EXPANSIONS]


def called(name: str, method: str, count: int) -> Any:
    function = getattr(getattr(stats, name), method)
    if method == "median":
        return [
            lambda loc, scale: function(loc=loc, scale=scale),
            lambda a, loc, scale: function(a, loc, scale),
            lambda a, b, loc, scale: function(a, b, loc, scale),
        ][count]
    return [
        lambda x, loc, scale: function(x, loc, scale=scale),
        lambda x, a, loc, scale: function(x, a, loc, scale=scale),
        lambda x, a, b, loc, scale: function(x, a, b, loc, scale=scale),
    ][count]


CASES = [(name, method) for name in sorted(ROWS) for method in known_methods(name)]


@pytest.mark.one_in(12, least=3)
@pytest.mark.parametrize("name, method", CASES)
def test_distribution(name: str, method: str) -> None:
    points, *shapes = ROWS[name]
    function = called(name, method, len(shapes))
    first = [] if method == "median" else [Q if method in ("ppf", "isf") else points * 1.5 + 0.3]
    args = [np.array(one) for one in (*first, *shapes, 0.3, 1.5)]
    by_shape = method in ("logpdf", "pdf") or name not in SHAPES
    wanted = tuple(k for k in range(len(args)) if by_shape or not len(first) <= k < len(first) + len(shapes))

    def f(*args: Any) -> Any:
        y = function(*args)
        return np.sum(np.where(np.isfinite(y), np.sin(y), 0.0))

    with np.errstate(all="ignore"):
        value = srcad.jit(function, target="python")(*args)
        np.testing.assert_allclose(value, function(*args), rtol=1e-11, atol=1e-14)
        gradient = srcad.grad(f, wanted, target="python")(*args)
        for at, found in zip(wanted, gradient, strict=True):
            np.testing.assert_allclose(found, differences(f, args, at), rtol=1e-6, atol=1e-7, err_msg=f"{at}")
        along = tuple(np.ones_like(a) if k in wanted else None for k, a in enumerate(args))
        _, tangent = srcad.jvp(f, tuple(args), along, target="python")
    np.testing.assert_allclose(tangent, sum(np.sum(one) for one in gradient), rtol=1e-9, atol=1e-10)


def test_shapes_near_which_a_formula_is_another() -> None:
    """The generalised distributions of extremes, where their shape goes through 0: the derivative by it is smooth."""
    for distribution, limit in ((stats.genextreme, stats.gumbel_r), (stats.genpareto, stats.expon)):
        for method in ("logpdf", "cdf", "ppf"):
            f, x = getattr(distribution, method), 0.4
            for c in (0.0, 1e-9, 2e-3, 0.05):
                _, (slope, by_shape) = srcad.value_and_grad(lambda x, c, f=f: f(x, c), (0, 1), target="python")(x, c)
                h = 1e-3
                exact = (8.0 * (f(x, c + h) - f(x, c - h)) - (f(x, c + 2 * h) - f(x, c - 2 * h))) / (12.0 * h)
                assert by_shape == pytest.approx(exact, rel=1e-6), (distribution.name, method, c)
            assert srcad.jit(lambda x, f=f: f(x, 0.0), target="python")(x) == pytest.approx(getattr(limit, method)(x))
            del slope


def test_tails_of_the_truncated_normal() -> None:
    """Far out, where the mass is tiny, and with an end at infinity."""
    for a, b, x in ((6.0, 8.0, 6.5), (-9.0, -7.0, -7.5), (-1.0, np.inf, 0.5), (-np.inf, 1.0, -3.0), (-2.0, 9.0, 8.0)):
        for method in ("logpdf", "logcdf", "logsf", "cdf"):
            f = getattr(stats.truncnorm, method)
            value, slope = srcad.value_and_grad(lambda x, f=f, a=a, b=b: f(x, a, b), target="python")(x)
            assert value == pytest.approx(f(x, a, b), rel=1e-11)
            assert slope == pytest.approx(float(differences(lambda x: f(x, a, b), [np.array(x)], 0)), rel=1e-6)


K = np.array([-1, 0, 1, 2, 4])
COUNTS: list[tuple[Any, float]] = [
    (lambda p, method: getattr(stats.binom, method)(K, 4, p), 0.3),
    (lambda p, method: getattr(stats.nbinom, method)(K, 2.5, p), 0.3),
    (lambda p, method: getattr(stats.geom, method)(K, p), 0.3),
    (lambda p, method: getattr(stats.bernoulli, method)(K, p), 0.3),
    (lambda p, method: getattr(stats.poisson, method)(K + 0.5, p, 1), 1.3),
]
MASSES: list[tuple[Any, float]] = [
    (lambda p: stats.betabinom.logpmf(K, 4, p, 2.1), 1.3),
    (lambda p: stats.betabinom.pmf(K, 4, 1.2, p), 1.3),
    (lambda p: stats.logser.logpmf(K, p), 0.4),
    (lambda p: stats.skellam.logpmf(K, p, 2.1), 1.3),
    (lambda p: stats.multinomial.logpmf(np.array([[2, 1, 3], [0, 6, 0]]), 6, special.softmax(p * np.arange(3.0))), 0.4),
    (lambda p: stats.multinomial(6, np.array([0.3 * p, 0.2, 0.0])).pmf([2, 1, 3]), 0.4),
]


@pytest.mark.parametrize("method", ["cdf", "sf", "logcdf", "logsf"])
def test_tails_of_counts(method: str) -> None:
    for function, p in COUNTS:
        with np.errstate(all="ignore"):
            whole = lambda p, function=function: function(p, method)
            np.testing.assert_allclose(srcad.jit(whole, target="python")(p), whole(p), rtol=1e-13, atol=1e-15)
            f = lambda p, whole=whole: np.sum(np.where(np.isfinite(whole(p)), np.sin(whole(p)), 0.0))
            np.testing.assert_allclose(srcad.grad(f, target="python")(p), differences(f, [np.array(p)], 0), rtol=1e-8)


@pytest.mark.one_in(3, least=2)
@pytest.mark.parametrize("at", range(len(MASSES)))
def test_masses(at: int) -> None:
    function, p = MASSES[at]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(srcad.jit(function, target="python")(p), function(p), rtol=1e-12, atol=1e-15)
        f = lambda p: np.sum(np.where(np.isfinite(function(p)), np.sin(function(p)), 0.0))
        np.testing.assert_allclose(srcad.grad(f, target="python")(p), differences(f, [np.array(p)], 0), rtol=1e-7)


C = np.array([[1.5, 0.3, -0.2], [0.3, 0.9, 0.1], [-0.2, 0.1, 1.2]])
X = np.array([0.3, 0.5, 0.9])
OBJECTS = [
    stats.norm(0.1, np.array([1.0, 2.0, 3.0])),
    stats.multivariate_normal(np.zeros(3), C),
    stats.multivariate_normal(np.zeros(3), np.array([1.0, 2.0, 3.0])),
    stats.multivariate_t(np.zeros(3), C, df=3.0),
    stats.dirichlet(np.array([1.0, 2.0, 0.5])),
]


@pytest.mark.parametrize("at", range(len(OBJECTS)))
def test_objects(at: int) -> None:
    """Made outside: as a variable, as an argument, in an argument."""
    prior = OBJECTS[at]
    f = lambda x: np.sum(prior.logpdf(x / np.sum(x)))
    g = lambda x, made: np.sum(made["prior"].logpdf(x / np.sum(x)))
    value, slope = srcad.value_and_grad(f, target="python")(X)
    assert value == pytest.approx(f(X), rel=1e-13)
    np.testing.assert_allclose(slope, differences(f, [X], 0), rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(srcad.grad(g, target="python")(X, {"prior": prior}), slope)


def test_an_object_that_changes_is_read_at_each_call() -> None:
    prior = stats.norm(0.3, 2.0)

    def f(x: Any) -> Any:
        return prior.logpdf(x)

    df = srcad.grad(f, target="python")
    assert df(1.3) == pytest.approx(-0.25)
    prior = stats.norm(0.3, 1.0)
    assert df(1.3) == pytest.approx(-1.0)


SAMPLE, OTHER = np.array([1.3, 0.4, 2.2, 0.9, 3.1]), np.array([0.2, 1.4, 0.8, 1.1, 2.0])
SAMPLES: list[Any] = [
    lambda x: stats.gmean(x),
    lambda x: stats.hmean(x),
    lambda x: stats.sem(x),
    lambda x: stats.variation(x),
    lambda x: stats.moment(x, 3),
    lambda x: stats.skew(x) + stats.skew(x, bias=False),
    lambda x: stats.kurtosis(x) + stats.kurtosis(x, fisher=False, bias=False),
    lambda x: np.sum(stats.zscore(x, ddof=1) ** 3),
    lambda x: np.sum(stats.skew(np.outer(x, OTHER) ** 2 + x[:, None], axis=0)),
    lambda x: stats.pearsonr(x, OTHER)[0] + stats.pearsonr(OTHER, x).pvalue,
    lambda x: stats.linregress(OTHER, x).slope + stats.linregress(x, OTHER).stderr,
    lambda x: stats.linregress(x, OTHER).pvalue * stats.linregress(x, OTHER)[1],
    lambda x: np.sum(stats.rankdata(x) * x) + stats.rankdata(np.round(x), "dense")[3] * x[0],
    lambda x: (
        np.sum(stats.rankdata(np.append(x, x[1]), "min") * stats.rankdata(np.append(x[2], x), method="max")) * x[0]
    ),
    lambda x: np.sum(stats.rankdata(np.append(x, x[1]), "ordinal") * np.append(x, x[1])),
    lambda x: (
        np.sum(stats.rankdata([[1.0, 0.5], [2.0, 1.0]]) * x[:4]) + stats.rankdata([x[0], np.nan * x[0]])[:0].sum()
    ),
    lambda x: stats.mode(np.append(x, x[2])).mode * x[0] + stats.mode(np.array([2, 1, 2, 1])).count * x[1],
    lambda x: stats.wishart.logpdf(C + x[0] * np.eye(3), 5, C * x[1]),
    lambda x: stats.invwishart.logpdf(C + x[0] * np.eye(3), 5.0 * x[2], C * x[1]),
]


@pytest.mark.one_in(4, least=3)
@pytest.mark.parametrize("at", range(len(SAMPLES)))
def test_samples(at: int) -> None:
    f = SAMPLES[at]
    value, slope = srcad.value_and_grad(f, target="python")(SAMPLE)
    assert value == pytest.approx(f(SAMPLE), rel=1e-12)
    np.testing.assert_allclose(slope, differences(f, [SAMPLE], 0), rtol=1e-7, atol=1e-8)
