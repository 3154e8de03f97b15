"""Distributions of `scipy.stats`: values against SciPy, derivatives against differences, a row a distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import srcad
from srcad.errors import SrcadError
from tests.test_scipy_special import differences

LINE = np.array([-3.1, -0.4, 0.3, 1.7])
HALF = np.array([-1.0, 0.2, 0.9, 2.4])
BEYOND = np.array([0.5, 1.2, 3.4])
UNIT = np.array([-0.5, 0.2, 0.75, 1.5])
Q = np.array([0.07, 0.45, 0.83])

ROWS: dict[str, tuple[Any, ...]] = {
    "norm": (LINE,),
    "laplace": (LINE,),
    "cauchy": (LINE,),
    "logistic": (LINE,),
    "gumbel_r": (LINE,),
    "t": (LINE, 2.7),
    "expon": (HALF,),
    "halfnorm": (HALF,),
    "rayleigh": (HALF,),
    "gamma": (HALF, 1.8),
    "chi2": (HALF, 3.3),
    "lognorm": (HALF, 0.8),
    "weibull_min": (HALF, 1.6),
    "pareto": (BEYOND, 2.2),
    "beta": (UNIT, 1.4, 2.6),
    "uniform": (UNIT,),
}
"""Points, some outside of the support, and the shapes."""
GROUPS = {"density": ("logpdf", "pdf"), "tails": ("cdf", "sf", "logcdf", "logsf"), "quantiles": ("ppf", "isf")}


def stacked(name: str, methods: tuple[str, ...], count: int) -> Any:
    """The results of several methods, with the parameters by position and by keyword."""
    functions = tuple(getattr(getattr(stats, name), method) for method in methods)
    if count == 0:
        return lambda x, loc, scale: np.stack([f(x, loc, scale=scale) for f in functions])
    if count == 1:
        return lambda x, a, loc, scale: np.stack([f(x, a, loc, scale=scale) for f in functions])
    return lambda x, a, b, loc, scale: np.stack([f(x, a, b, loc, scale=scale) for f in functions])


@pytest.mark.one_in(3, least=16)
@pytest.mark.parametrize("group", sorted(GROUPS))
@pytest.mark.parametrize("name", sorted(ROWS))
def test_distribution(name: str, group: str) -> None:
    points, *shapes = ROWS[name]
    function = stacked(name, GROUPS[group], len(shapes))
    args = [np.array(one) for one in (Q if group == "quantiles" else points * 1.5 + 0.3, *shapes, 0.3, 1.5)]
    wanted = tuple(range(len(args)))

    def f(*args: Any) -> Any:
        y = function(*args)
        return np.sum(np.where(np.isfinite(y), np.sin(y) * np.arange(1.0, len(y) + 1)[:, None], 0.0))

    with np.errstate(all="ignore"):
        value = srcad.jit(function, target="python")(*args)
        np.testing.assert_allclose(value, function(*args), rtol=1e-13, atol=1e-15)
        gradient = srcad.grad(f, wanted, target="python")(*args)
        for at, found in zip(wanted, gradient, strict=True):
            np.testing.assert_allclose(found, differences(f, args, at), rtol=1e-7, atol=1e-8, err_msg=f"{at}")
        along = tuple(np.ones_like(a) for a in args)
        _, tangent = srcad.jvp(f, tuple(args), along, target="python")
    np.testing.assert_allclose(tangent, sum(np.sum(one) for one in gradient), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ["norm", "t", "gamma", "beta"])
def test_second_order_and_float32(name: str) -> None:
    points, *shapes = ROWS[name]
    x, function = points[1:3], getattr(stats, name).logpdf
    f = lambda x: np.sum(np.sin(function(x, *shapes)))
    hessian = srcad.hessian(f, target="python")(x)
    want = differences(srcad.grad(f, target="python"), [x], 0)
    np.testing.assert_allclose(hessian, want, rtol=1e-6, atol=1e-8)
    single = x.astype(np.float32)
    value = srcad.jit(lambda x: function(x, *shapes), target="python")(single)
    np.testing.assert_allclose(value, function(single, *shapes), rtol=1e-13)
    assert value.dtype == function(single, *shapes).dtype


def model(x: Any, loc: Any, scale: Any, df: Any) -> Any:
    return np.sum(stats.t(df, loc, scale=scale).logpdf(x)) + stats.expon.sf(x[2], 0.0, scale)


def test_compiled() -> None:
    args = (LINE, 0.2, 1.3, 2.5)
    value, gradient = srcad.value_and_grad(model, (0, 1, 2, 3))(*args)
    expected, slopes = srcad.value_and_grad(model, (0, 1, 2, 3), target="python")(*args)
    assert value == pytest.approx(model(*args), rel=1e-13) and expected == pytest.approx(value, rel=1e-13)
    for found, want in zip(gradient, slopes, strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-12)
    np.testing.assert_allclose(gradient[2], differences(model, [np.array(a) for a in args], 2), rtol=1e-8)


def test_parameters_out_of_their_ranges() -> None:
    """NaN, as SciPy says it."""
    for call in (
        lambda p: stats.norm.cdf(0.3, 0.0, p),
        lambda p: stats.norm.pdf(0.3, scale=p),
        lambda p: stats.gamma.logpdf(0.3, p),
        lambda p: stats.beta.cdf(0.3, p, 2.0),
        lambda p: stats.expon.cdf(-0.3, 0.0, p),
        lambda p: stats.norm.ppf(p),
        lambda p: stats.poisson.logpmf(2, p),
        lambda p: stats.binom.logpmf(2, 3, p),
        lambda p: stats.uniform.pdf(0.5, 0.0, p),
    ):
        with np.errstate(all="ignore"):
            assert np.isnan(call(-0.5)) and np.isnan(srcad.jit(call, target="python")(-0.5))


PRIOR, SHAPED, COUNTED = stats.norm(0.3, scale=1.5), stats.gamma(1.8, 0.1), stats.binom(5, p=0.3)


def test_objects_made_outside() -> None:
    """The parameters are constants of the function that calls their methods."""
    for f in (
        lambda x: PRIOR.logpdf(x) + PRIOR.sf(x),
        lambda x: SHAPED.logpdf(x) * SHAPED.ppf(0.3 * x),
        lambda x: COUNTED.logpmf(2) * x,
    ):
        value, slope = srcad.value_and_grad(f, target="python")(0.7)
        assert value == pytest.approx(f(0.7), rel=1e-13)
        assert slope == pytest.approx(differences(f, [np.array(0.7)], 0), rel=1e-8)
    assert srcad.grad(lambda x: x * PRIOR.var(), target="python")(0.7) == PRIOR.var()  # inactive
    with pytest.raises(SrcadError, match="expect"):
        srcad.grad(lambda x: PRIOR.expect(lb=x), target="python")(0.7)


COUNTS = np.array([-1, 0, 1, 2, 7])
DISCRETE: list[tuple[Any, float]] = [
    (lambda k, p: stats.poisson.logpmf(k, 3.0 * p), 0.3),
    (lambda k, p: stats.poisson.pmf(k, mu=3.0 * p, loc=1), 0.3),
    (lambda k, p: stats.poisson.cdf(k, p), 1.3),
    (lambda k, p: stats.poisson.sf(k, p), 1.3),
    (lambda k, p: stats.poisson(p).logpmf(k), 1.3),
    (lambda k, p: stats.bernoulli.logpmf(k, p), 0.3),
    (lambda k, p: stats.bernoulli.pmf(k, p), 0.3),
    (lambda k, p: stats.binom.logpmf(k, 5, p), 0.3),
    (lambda k, p: stats.binom.pmf(k, 7, p), 0.3),
    (lambda k, p: stats.geom.logpmf(k, p), 0.3),
    (lambda k, p: stats.nbinom.logpmf(k, 4, p), 0.3),
    (lambda k, p: stats.nbinom.logpmf(k, 4.0 * p, 0.2), 0.3),
]


@pytest.mark.parametrize("at", range(len(DISCRETE)))
def test_counts(at: int) -> None:
    function, p = DISCRETE[at]
    with np.errstate(all="ignore"):
        for k in (COUNTS, COUNTS + 0.5, 2):
            value = srcad.jit(function, target="python")(k, p)
            np.testing.assert_allclose(value, function(k, p), rtol=1e-13, atol=1e-15)
        f = lambda p: np.sum(np.where(np.isfinite(function(COUNTS, p)), np.sin(function(COUNTS, p)), 0.0))
        found = srcad.grad(f, target="python")(p)
        np.testing.assert_allclose(found, differences(f, [np.array(p)], 0), rtol=1e-8)


X = np.array([[0.3, -1.0, 0.7], [1.1, 0.4, -0.2]])
MEAN = np.array([0.1, -0.3, 0.5])
C = np.array([[1.5, 0.3, -0.2], [0.3, 0.9, 0.1], [-0.2, 0.1, 1.2]])
VECTORS: list[tuple[Any, tuple[Any, ...]]] = [
    (lambda x, m, c: stats.multivariate_normal.logpdf(x, m, c), (X, MEAN, C)),
    (lambda x, m, c: stats.multivariate_normal.pdf(x, mean=m, cov=c), (X[0], MEAN, C)),
    (lambda x, m, c: stats.multivariate_normal(m, c).logpdf(x), (X, MEAN, C)),
    (lambda x, c: stats.multivariate_normal.logpdf(x, cov=c), (X, C)),
    (lambda x, m, c: stats.multivariate_normal.logpdf(x, m, c), (X, MEAN, np.array([0.7, 1.3, 2.0]))),
    (lambda x, m, c: stats.multivariate_normal.logpdf(x, m, c), (X, MEAN, np.array(0.7))),
    (lambda x, m: stats.multivariate_normal.logpdf(x, m), (X, MEAN)),
    (lambda x, m, c: stats.multivariate_normal.logpdf(x, m, c), (X[0], np.array(0.2), np.array(0.7))),
    (lambda x, a: stats.dirichlet.logpdf(x / np.sum(x), a), (np.array([0.3, 0.5, 0.9]), np.array([1.2, 0.7, 2.0]))),
    (lambda x, a: stats.dirichlet.pdf(x[:2] / np.sum(x), a), (np.array([0.3, 0.5, 0.9]), np.array([1.2, 0.7, 2.0]))),
]


@pytest.mark.parametrize("at", range(len(VECTORS)))
def test_vectors(at: int) -> None:
    function, args = VECTORS[at]
    f = lambda *args: np.sum(np.sin(function(*args)))
    value = srcad.jit(function, target="python")(*args)
    np.testing.assert_allclose(value, function(*args), rtol=1e-13)
    gradient = srcad.grad(f, tuple(range(len(args))), target="python")(*args)
    for k, found in enumerate(gradient):
        np.testing.assert_allclose(found, differences(f, list(args), k), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda x: stats.norm.entropy(x), "entropy"),
        (lambda x: stats.multivariate_normal.logpdf(np.ones(2) * x, allow_singular=True), "allow_singular"),
        (lambda x: stats.skewnorm.cdf(x, 2.0), "cdf"),
        (lambda x: stats.norm(0.0, x).var(), "var"),
        (lambda x: stats.norm.rvs(x), "rvs"),
    ],
)
def test_refused(call: Any, said: str) -> None:
    with pytest.raises(SrcadError, match=said):
        srcad.grad(call, target="python")(1.3)
