"""Random draws inside of functions: the stream of NumPy, derivatives by the parameters of location-scale draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError

X = np.array([0.4, 0.7, 1.3])
RIGHT: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
"""Functions of an array that is differentiated, and of other arguments."""


def right(*args: Any) -> Callable[[Any], Any]:
    return lambda f: RIGHT.append((f, args)) or f


def name(case: Any) -> str:
    return str(case[0].__name__)


@right()
def normal(x):
    rng = np.random.default_rng(3)
    return np.sum(rng.normal(x[0], x[1], 4) ** 2) + rng.normal(x[2])


@right()
def normal_by_keyword(x):
    rng = np.random.default_rng(3)
    return np.sum(rng.normal(scale=x[1], size=(2, 3)) * x[0]) + rng.normal(loc=x[0], scale=0.3)


@right()
def uniform(x):
    rng = np.random.default_rng(1)
    return np.sum(np.sin(rng.uniform(x[0], x[2], 5))) + rng.uniform(-x[1], x[1])


@right()
def exponential(x):
    rng = np.random.default_rng(1)
    return np.sum(rng.exponential(x[1], 3)) * rng.exponential(x[0])


@right()
def location_and_scale(x):
    rng = np.random.default_rng(5)
    s = rng.laplace(x[0], x[1], 3) + rng.logistic(x[1], x[2], 3) + rng.gumbel(x[2], x[0], 3)
    return np.sum(s * s)


@right()
def rayleigh_and_powers(x):
    rng = np.random.default_rng(5)
    s = rng.rayleigh(x[0], 2) * rng.weibull(x[1] + 1.0, 2) + rng.pareto(x[2] + 2.0, 2)
    return np.sum(s) + rng.power(x[0] + 1.0) + rng.lognormal(x[0], 0.3)


@right()
def without_size(x):
    rng = np.random.default_rng(7)
    z = rng.normal(x, 0.5 * x + 0.1)
    w = np.sin(x) + 1.0
    return np.sum(z * z) + np.sum(rng.exponential(w))


@right(np.eye(3) + 0.1)
def of_a_product(x, a):
    rng = np.random.default_rng(7)
    mean = a @ x
    return np.sum(np.tanh(rng.normal(mean, 0.3)))


@right()
def walk(x):
    rng = np.random.default_rng(2)
    s = 0.1
    for _ in range(6):
        s += 0.1 * rng.normal(x[0] * s, x[1])
    return s * s


@right(4)
def under_inactive_conditions(x, n):
    rng = np.random.default_rng(2)
    total = 0.0
    for i in range(n):
        if rng.random() < 0.5:
            total += rng.normal(x[0], x[1])
        elif i % 2 == 0:
            total += rng.uniform(0.0, x[2])
        else:
            total *= rng.standard_normal()
    return total


@right()
def legacy(x):
    np.random.seed(11)
    s = np.random.normal(x[0], x[1], 3) + np.random.uniform(x[1], x[2], 3)
    return np.sum(s * np.random.rand(3)) + np.random.exponential(x[0])


@right()
def of_a_state(x):
    state = np.random.RandomState(4)
    s = state.normal(x[0], x[1], 3) * state.gumbel(x[1], x[2], 3) + state.laplace(x[0], x[1], 3)
    return np.sum(s) + state.weibull(x[2]) + state.lognormal(x[0], x[1])


@right()
def mixed_order(x):
    rng = np.random.default_rng(9)
    a = rng.normal(x[0], 1.0)
    order = rng.permutation(3)
    b = rng.uniform(0.0, x[1])
    picked = rng.choice(np.array([0.2, 0.5, 0.9]), 2)
    rng.shuffle(order)
    return a * b + np.sum(x[order] * np.arange(3.0)) + np.sum(picked) * rng.normal(x[2], 0.1)


@right()
def two_generators(x):
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    return one.normal(x[0], x[1]) * other.normal(x[1], x[2]) + one.normal(x[2])


@right(np.array([[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 0.8]]))
def vectors(x, cov):
    rng = np.random.default_rng(1)
    z = rng.multivariate_normal(x, cov) + np.sum(rng.multivariate_normal(2.0 * x, cov, 4, method="eigh") ** 2)
    own = cov + np.outer(x, x)
    y = rng.multivariate_normal(x, own, method="cholesky") * rng.multivariate_normal(
        np.sin(x), own, 2, method="cholesky"
    )
    return np.sum(z) + np.sum(y * y)


@right()
def gamma_by_its_scale(x):
    rng = np.random.default_rng(1)
    legacy = np.random.RandomState(2)
    return np.sum(rng.gamma(2.5, x[0], 3)) * rng.gamma(np.array([0.4, 2.0]), x[1])[0] + legacy.gamma(1.5, x[2])


@right({"scale": 0.4})
def in_structures(x, options):
    rng = np.random.default_rng(1)
    means = {"a": x[0], "b": x[1]}
    return rng.normal(means["a"], options["scale"], 2) @ rng.normal(means["b"], 0.1, 2)


def sample(rng, mean, scale=0.3):
    z = rng.normal(mean, scale)
    return np.tanh(z) + 0.1 * z


def path(rng, x, n):
    s = 0.0
    for _ in range(n):
        s = s + sample(rng, s * x[0], scale=x[1])
    return s


def bumped(rng, y):
    y[0] = rng.normal(y[1], 0.1)
    return y[0]


def two_ways(rng, mean):
    if rng.random() > 0.5:
        return rng.normal(mean)
    return mean


@right(4)
def in_functions_that_are_called(x, seed):
    rng = np.random.default_rng(seed)
    z = sample(rng, x[0])
    total = 0.5 * sample(rng, x[1], x[2]) + z * path(rng, x, 3)
    total += np.sum(np.sin(sample(rng, x)))
    return total - sample(rng, mean=total)


@right()
def whose_function_writes(x):
    rng = np.random.default_rng(3)
    y = x.copy()
    z = bumped(rng, y)
    return z * y[0] + y[2]


def slopes(f: Callable[..., Any], x: Any, rest: tuple[Any, ...]) -> Any:
    """Central differences of the function: equal seeds give equal standard draws."""
    steps = 1e-5 * np.eye(len(x))
    return np.array([(f(x + h, *rest) - f(x - h, *rest)) / 2e-5 for h in steps])


@pytest.mark.parametrize("case", RIGHT, ids=name)
def test_as_numpy_draws(case: Any) -> None:
    f, rest = case
    derivative = srcad.value_and_grad(f, 0, target="python")
    forward = srcad.jvp(f, target="python")
    for x in (X, np.sqrt(X), X + 0.3):
        value, gradient = derivative(x, *rest)
        np.testing.assert_allclose(value, f(x, *rest), rtol=1e-14)
        np.testing.assert_allclose(gradient, slopes(f, x, rest), rtol=1e-6, atol=1e-7)
        along = np.array([0.3, -0.2, 0.5])
        tangent = forward((x, *rest), (along, *(None for _ in rest)))[1]
        np.testing.assert_allclose(tangent, gradient @ along, rtol=1e-12)


@pytest.mark.parametrize("case", [c for c in RIGHT if name(c) in ("walk", "legacy", "without_size")], ids=name)
def test_compiled(case: Any) -> None:
    f, rest = case
    value, gradient = srcad.value_and_grad(f, 0)(X, *rest)
    np.testing.assert_allclose(value, f(X, *rest), rtol=1e-14)
    np.testing.assert_allclose(gradient, slopes(f, X, rest), rtol=1e-6)


LOCATED: dict[str, Callable[..., Any]] = {
    "normal": lambda x, rng: rng.normal(x[0], x[1], 200),
    "uniform": lambda x, rng: rng.uniform(x[0], x[1], 200),
    "exponential": lambda x, rng: rng.exponential(x[1], 200),
    "laplace": lambda x, rng: rng.laplace(x[0], x[1], 200),
    "logistic": lambda x, rng: rng.logistic(x[0], x[1], 200),
    "gumbel": lambda x, rng: rng.gumbel(x[0], x[1], 200),
    "rayleigh": lambda x, rng: rng.rayleigh(x[1], 200),
}


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState], ids=["Generator", "RandomState"])
@pytest.mark.parametrize("which", LOCATED)
def test_the_same_bits_and_the_same_state(which: str, make: Any) -> None:
    f = LOCATED[which]
    pulled = srcad.vjp(f, target="python")
    given, own = make(12), make(12)
    for _ in range(3):
        have, want = pulled(X, given)[0], f(X, own)
        np.testing.assert_array_equal(have, want)
    assert given.random() == own.random()


def test_a_generator_as_an_argument() -> None:
    def f(x, rng):
        s = rng.standard_normal(3) @ x
        for _ in range(2):
            s += rng.normal(x[0], x[1])
        return s * s

    derivative = srcad.value_and_grad(f, target="python")
    given, own = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(3):
        state = own.bit_generator.state
        value, gradient = derivative(X, given)
        np.testing.assert_allclose(value, f(X, own), rtol=1e-14)

        def again(x, state=state):
            rng = np.random.default_rng(0)
            rng.bit_generator.state = state
            return f(x, rng)

        np.testing.assert_allclose(gradient, slopes(again, X, ()), rtol=1e-6)
        assert given.bit_generator.state == own.bit_generator.state
    # another generator of the class needs no other text
    assert derivative.specialisation(X, np.random.default_rng(8)) is derivative.specialisation(X, given)


def test_single_precision_parameters() -> None:
    def f(x):
        return np.random.default_rng(1).normal(x[0], x[1])

    x = X.astype(np.float32)
    value, gradient = srcad.value_and_grad(f, target="python")(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-6)
    np.testing.assert_allclose(gradient, [1.0, np.random.default_rng(1).normal(), 0.0], rtol=1e-6)


DISCRETE = {
    "poisson": lambda x: np.random.default_rng(1).poisson(x[0]) * x[1],
    "binomial": lambda x: np.random.default_rng(1).binomial(3, x[0]) * x[1],
    "choice": lambda x: np.random.default_rng(1).choice(3, p=x / np.sum(x)) * x[1],
    "geometric": lambda x: np.random.geometric(x[0]) * x[1],
    "gamma": lambda x: np.random.default_rng(1).gamma(x[0]) * x[1],
    "multivariate_normal": lambda x: np.random.default_rng(1).multivariate_normal(x, np.outer(x, x) + np.eye(3))[0],
    "beta": lambda x: np.random.default_rng(1).beta(x[0], x[1]),
    "vonmises": lambda x: np.random.default_rng(1).vonmises(x[0], x[1]),
}


@pytest.mark.parametrize("which", DISCRETE)
def test_refused_by_name(which: str) -> None:
    with pytest.raises(SrcadError, match=rf"S203.*{which} with parameters that are differentiated"):
        srcad.grad(DISCRETE[which], target="python")(X)


def test_discrete_draws_of_what_is_inactive() -> None:
    def f(x):
        rng = np.random.default_rng(1)
        return (
            x[rng.integers(0, 3)] * rng.poisson(3.0) + rng.binomial(5, 0.4) * x[0] + x[rng.choice(3, p=[0.2, 0.3, 0.5])]
        )

    value, gradient = srcad.value_and_grad(f, target="python")(X)
    assert value == f(X)
    np.testing.assert_allclose(gradient, slopes(f, X, ()), rtol=1e-8)


def test_what_numpy_raises_of_a_parameter() -> None:
    def f(x):
        rng = np.random.default_rng(1)
        return rng.normal(0.0, x[0]) + np.sum(rng.exponential(x, 3))

    derivative = srcad.grad(f, target="python")
    assert np.isfinite(derivative(X)).all()
    for x in (np.array([-0.1, 0.2, 0.3]), np.array([0.1, -0.2, 0.3])):
        with pytest.raises(ValueError, match="scale < 0"):
            f(x)
        with pytest.raises(ValueError, match="scale < 0"):
            derivative(x)


def test_an_active_branch_before_a_draw_is_refused() -> None:
    def f(x):
        rng = np.random.default_rng(1)
        s = x[1]
        if x[0] > 0.3:
            s = rng.normal(x[0], x[1])
        return s + rng.normal(x[0], x[1])

    with pytest.raises(SrcadError, match="S203"):
        srcad.grad(f, target="python")(X)


def test_an_unknown_number_of_draws_is_refused() -> None:
    def f(x):
        rng = np.random.default_rng(1)
        y = x[x > 0.5]
        return np.sum(rng.normal(y, 0.1))

    with pytest.raises(SrcadError, match="give it size="):
        srcad.grad(f, target="python")(X)


def test_the_text() -> None:
    def f(x):
        rng = np.random.default_rng(3)
        return np.sum(rng.normal(x[0], x[1], 4) ** 2)

    text = srcad.grad(f, target="python").source_for(X)
    assert "standard_normal = rng.standard_normal(size=4)" in text and "x[0] + x[1] * standard_normal" in text


def test_the_order_of_what_is_inlined() -> None:
    def read_before(x):
        rng = np.random.default_rng(3)
        y = x.copy()
        return y[0] + bumped(rng, y)

    def drawn_before(x):
        rng = np.random.default_rng(3)
        return rng.normal(x[0], 0.1) * sample(rng, x[1]) + np.sum([rng.random() for _ in range(2)]) * sample(rng, x[2])

    def left_early(x):
        rng = np.random.default_rng(3)
        return two_ways(rng, x[0])

    for f in (read_before, drawn_before, left_early):
        derivative = srcad.value_and_grad(f, target="python")
        try:
            value, gradient = derivative(X)
        except SrcadError as error:
            assert error.problems[0].code == "S203"
        else:
            np.testing.assert_allclose(value, f(X), rtol=1e-14)
            np.testing.assert_allclose(gradient, slopes(f, X, ()), rtol=1e-6)
