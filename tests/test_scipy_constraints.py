"""Minima of SciPy between bounds and on constraints: found as SciPy finds them, differentiated where they are held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize

import srcad
from srcad.errors import SrcadError
from tests.test_scipy_searches import DATA, TIMES, V3, curved, found_as_by_scipy, many, slope_of_many

ENDED: dict[str, Any] = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-12}
COSTS = np.array([[1.0, 0.2, 0.1], [0.2, 2.0, 0.3], [0.1, 0.3, 0.5]])
SHARES, NEGATIVE = np.array([0.1, 0.3, 0.2]), np.array([-1.0, 0.3, 0.2])
CIRCLE: dict[str, Any] = {"type": "eq", "fun": lambda x: np.sum(x**2) - 2.0, "jac": lambda x: 2.0 * x}
FAR: dict[str, Any] = {"type": "eq", "fun": lambda x: x[0] ** 2 + x[1] - 3.5}
CURVES: dict[str, Any] = {"type": "ineq", "fun": lambda x: np.array([x[0] * x[1] + 1.0, 2.0 - x[2] ** 2])}
BELOW: dict[str, Any] = {"type": "ineq", "fun": lambda x, c: c - x[0] - x[1], "args": (0.5,)}


def bent(x: Any, p: Any) -> Any:
    return np.sum((x - p) ** 2 + 0.1 * x**4)


def portfolio(mu: Any) -> Any:
    invested = {"type": "eq", "fun": lambda w: np.sum(w) - 1.0}
    return optimize.minimize(
        lambda w: 0.5 * w @ COSTS @ w - mu @ w, np.ones(3) / 3, bounds=[(0.0, 1.0)] * 3, constraints=invested, tol=1e-12
    ).x


def growth(t: Any, a: Any, b: Any) -> Any:
    return a * np.exp(b * t)


FOUND: list[tuple[Any, Any]] = [
    (lambda p: optimize.minimize(bent, np.ones(3), args=(p,), tol=1e-10, method="CG").x, V3),
    (
        lambda p: optimize.minimize(bent, np.ones(3), (p,), tol=1e-10, bounds=[(0.4, None), (None, 0.6), (p[0], 3)]).x,
        V3,
    ),
    (lambda p: optimize.minimize(bent, np.ones(3), (p,), tol=1e-10, bounds=optimize.Bounds(0.25, 0.7 * p + 0.1)).x, V3),
    (
        lambda p: optimize.minimize(bent, np.ones(3), (p,), tol=1e-10, bounds=[(0.5, 0.5), (p[2], p[2]), (None, 9)]).x,
        V3,
    ),
    (lambda p: optimize.minimize(bent, np.ones(3), (p,), tol=1e-12, method="SLSQP").x, V3),
    (
        lambda p: (
            optimize.minimize(
                lambda x: np.sum((x - p) ** 2),
                np.array([0.1, 0.2, 0.0]),
                constraints=[
                    {"type": "ineq", "fun": lambda x: p[0] - np.sum(x**2)},
                    {"type": "ineq", "fun": lambda x: x[0] + 2.0},
                ],
                tol=1e-12,
            ).x
        ),
        V3,
    ),
    (portfolio, SHARES),
    (portfolio, NEGATIVE),
    (lambda p: optimize.root(lambda x: x**3 + 2 * x + 0.5 * x[::-1] - p, np.ones(3), method="lm", tol=1e-13).x, V3),
    (lambda p: optimize.leastsq(lambda x: np.append(x - p, 0.3 * x**2), np.ones(3), ftol=1e-15, xtol=1e-15)[0], V3),
    (
        lambda p: (
            optimize.least_squares(
                lambda x: np.append(x - p, 0.3 * x**2), np.ones(3), bounds=([0.5, -1, 0], [2, 3, p[2] - 0.5]), **ENDED
            ).x
        ),
        V3,
    ),
    (lambda y: optimize.curve_fit(growth, TIMES, y, p0=[2.0, 0.5], bounds=([0, 0], [3.0, 2.0]), **ENDED)[0], DATA),
    (lambda y: optimize.curve_fit(growth, TIMES, y, p0=[1.0, 0.5], bounds=(0, [1.9, 2.0]), **ENDED)[0], DATA),
    (
        lambda y: np.ravel(optimize.curve_fit(growth, TIMES, y, p0=[2.0, 0.5], bounds=(0, 3.0), **ENDED)[1]),
        DATA,
    ),
]


def slopes_by_differences(f: Any, p: Any, h: float = 1e-3) -> Any:
    return np.stack([(f(p + move) - f(p - move)) / (2.0 * h) for move in h * np.eye(len(p))], axis=1)


@pytest.mark.one_in(8, least=3)
@pytest.mark.parametrize("at", range(len(FOUND)))
def test_found(at: int) -> None:
    f, p = FOUND[at]
    np.testing.assert_allclose(srcad.jit(f, target="python")(p), f(p), rtol=3e-7, atol=1e-8)
    jacobian = srcad.jacobian(f, target="python")(p)
    np.testing.assert_allclose(jacobian, slopes_by_differences(f, p), rtol=1e-4, atol=2e-5)


SAME: list[Any] = [
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), method="CG").x,
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), (p,), "CG", slope_of_many, tol=1e-7).x,
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), bounds=[(-1, 2.0)] * 3).x,
    lambda p, a, b: (
        optimize.minimize(
            many, np.array([a, b, 0.3]), (p,), jac=slope_of_many, bounds=[(-1, None), (None, 0.2), (0.0, 1.0)]
        ).x
    ),
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), bounds=[(None, None)] * 3).x,
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), method="SLSQP").x,
    lambda p, a, b: (
        optimize.minimize(many, np.array([a, b, 0.3]), (p,), "SLSQP", slope_of_many, bounds=[(-1, 2.0)] * 3).x
    ),
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), constraints=CIRCLE).x,
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), constraints=(BELOW, CURVES)).x,
    lambda p, a, b: optimize.leastsq(curved, np.array([a, b, 0.3]), args=(p,))[0],
    lambda p, a, b: optimize.root(slope_of_many, np.array([a, b, 0.3]), args=(p,), method="lm").x,
    lambda p, a, b: optimize.least_squares(curved, np.array([a, b, 0.3]), args=(p,), bounds=(-4.0, [4, 5, 1])).x,
    lambda p, a, b: (
        optimize.least_squares(
            curved, np.array([min(a, 0.1), b, 0.3]), args=(p,), bounds=([-4.0, -4.0, -0.2], [0.1, 5.0, 0.35])
        ).x
    ),
]


@pytest.mark.one_in(6, least=2)
@pytest.mark.parametrize("at", range(len(SAME)))
def test_what_is_found_is_what_scipy_finds(at: int) -> None:
    """Of functions with many minima, from many places: which one is found depends on every step."""
    assert found_as_by_scipy(SAME[at], at, 12, 2e-6, (ValueError,)) >= 4


@pytest.mark.one_in(6, least=2)
@pytest.mark.parametrize("moved", [-1e-9, 0.0, 1e-9])
@pytest.mark.parametrize(
    "f",
    [
        lambda p: optimize.minimize(lambda x: (x[0] - p) ** 2, np.ones(1), bounds=[(0.3, None)], tol=1e-12).x[0],
        lambda p: optimize.minimize(lambda x: (x[0] - p) ** 2, np.ones(1), bounds=[(0.3, 2)], method="SLSQP").x[0],
        lambda p: optimize.minimize(
            lambda x: (x[0] - p) ** 2, np.ones(1), constraints={"type": "ineq", "fun": lambda x: x[0] - 0.3}
        ).x[0],
        lambda p: optimize.least_squares(lambda x: x - p, np.ones(1), bounds=(0.3, np.inf)).x[0],
    ],
)
def test_a_bound_that_only_just_holds(f: Any, moved: float) -> None:
    """To one side it moves with p, to the other it stays: no number is right."""
    with pytest.raises(ValueError, match="has no derivative"):
        srcad.grad(f, target="python")(0.3 + moved)


@pytest.mark.one_in(3, least=2)
@pytest.mark.parametrize(
    "call, error, said",
    [
        (lambda p: optimize.minimize(bent, np.ones(2), args=(p,), bounds=[(0, 1)]).fun, ValueError, "length of"),
        (lambda p: optimize.minimize(bent, np.ones(1), args=(p,), bounds=[(1, 0)]).fun, ValueError, "greater than"),
        (lambda p: optimize.minimize(bent, np.ones(1), (p,), "BFGS", bounds=[(0, 1)]).fun, SrcadError, "method=BFGS"),
        (lambda p: optimize.minimize(bent, np.ones(2), (p,), "CG", constraints=CIRCLE).fun, SrcadError, "method=CG"),
        (
            lambda p: (
                optimize.minimize(
                    bent, np.ones(1), args=(p,), constraints=[optimize.LinearConstraint(np.ones((1, 1)), 0.0, 1.0)]
                ).fun
            ),
            SrcadError,
            "dict|LinearConstraint",
        ),
        (
            lambda p: optimize.minimize(bent, np.ones(2), (p,), bounds=[(0, 1)] * 2, constraints=FAR).fun,
            ValueError,
            "SLSQP",
        ),
        (
            lambda p: optimize.minimize(bent, np.ones(2), (p,), "SLSQP", constraints=[CIRCLE, CIRCLE]).fun,
            ValueError,
            "depend on each other",
        ),
        (lambda p: optimize.least_squares(lambda x: x - p, np.ones(1), bounds=(2, 3)).x[0], ValueError, "infeasible"),
        (
            lambda p: optimize.least_squares(lambda x: x - p, np.ones(1), bounds=(0, 3), method="dogbox").x[0],
            SrcadError,
            "dogbox",
        ),
    ],
)
def test_refused(call: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        srcad.grad(call, target="python")(1.3)


def held(p: Any) -> Any:
    return np.sum(optimize.minimize(bent, np.ones(3), args=(p,), bounds=[(0.4, None), (None, 0.6), (p[0], 3)]).x ** 2)


@pytest.mark.thorough
@pytest.mark.parametrize("f, p", [(held, V3), (lambda mu: np.sum(portfolio(mu) ** 2), SHARES)])
def test_compiled_and_twice(f: Any, p: Any) -> None:
    value, gradient = srcad.value_and_grad(f)(p)
    assert value == pytest.approx(f(p), rel=1e-8)
    plain = srcad.grad(f, target="python")
    np.testing.assert_allclose(gradient, plain(p), rtol=1e-7, atol=1e-9)
    hessian = srcad.hessian(f, target="python")(p)
    np.testing.assert_allclose(hessian, slopes_by_differences(plain, p), rtol=1e-4, atol=1e-5)
