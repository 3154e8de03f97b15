"""What SciPy searches for: integrals, solutions of differential equations, roots, minima, fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize

import srcad
from srcad.errors import SrcadError
from tests.test_scipy_special import differences

V3 = np.array([0.3, 0.7, 1.9])
TIMES = np.linspace(0.0, 2.0, 7)
DATA = np.array([2.1, 2.4, 3.3, 4.0, 5.2, 6.1, 8.0])
TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}


def oscillator(t: Any, z: Any, k: Any, c: Any) -> Any:
    x, v = z
    return [v, -k * x - c * v + 0.1 * np.sin(t)]


def path(k: Any, c: Any, **options: Any) -> Any:
    return integrate.solve_ivp(oscillator, (0.0, 2.0), np.array([1.0, k]), args=(k, c), **options)


INTEGRALS: list[tuple[Any, tuple[Any, ...]]] = [
    (lambda p, b: integrate.quad(lambda t: np.exp(-p * t * t), 0, b)[0], (1.3, 1.7)),
    (lambda p, a: integrate.quad(lambda t: np.exp(-p * t) * np.cos(t), a, np.inf)[0], (1.3, 0.2)),
    (lambda p, a: integrate.quad(lambda t, q: np.exp(-q * t * t + t), -np.inf, np.inf, args=(p,))[0] * a, (1.3, 0.2)),
    (lambda p, b: integrate.quad(lambda t: np.exp(p * t), -np.inf, b)[0], (1.3, 0.4)),
    (lambda p, b: integrate.quad(lambda t: p / np.sqrt(b * t), 0.0, 1.0, limit=100)[0], (1.3, 0.4)),
    (lambda p, b: integrate.quad(lambda t: np.sin(40.0 * p * t), 0, b)[0], (1.3, 1.7)),
    (lambda p, b: integrate.quad(lambda t: p * t, b, 0.2)[0], (1.3, 1.7)),
    (lambda p, b: integrate.dblquad(lambda y, x: np.exp(-p * x * y), 0.0, b, 0.0, lambda x: 1.0 + x)[0], (0.7, 1.2)),
    (lambda p, b: integrate.fixed_quad(lambda t: np.exp(-p * t), 0.0, b, n=7)[0], (0.7, 1.2)),
]
PATHS: list[tuple[Any, tuple[Any, ...]]] = [
    (lambda k, c: path(k, c, **TIGHT).y[:, -1], (1.3, 0.4)),
    (lambda k, c: path(k, c, t_eval=TIMES, **TIGHT).y, (1.3, 0.4)),
    (lambda k, c: path(k, c, t_eval=TIMES, method="RK23", rtol=1e-7, atol=1e-9).y[0], (1.3, 0.4)),
    (lambda b, y0: integrate.solve_ivp(lambda t, y: -y * y, (0.0, b), y0, **TIGHT).y[:, -1], (1.4, V3)),
    (lambda a, y0: integrate.solve_ivp(lambda t, y: -y * y + t, (a, 0.0), y0, **TIGHT).y[:, -1], (0.3, V3)),
    (lambda k, y0: integrate.solve_ivp(lambda t, y: k * y, (0, 1), y0, first_step=0.1, max_step=0.2).y, (0.4, V3)),
    (lambda k, t: integrate.odeint(lambda y, t: -k * y + t, np.array([1.0, 2.0]), t), (0.7, TIMES)),
    (
        lambda k, y0: integrate.odeint(lambda t, y, k: [y[1], -k * y[0]], y0, TIMES, args=(k,), tfirst=True),
        (0.7, V3[:2]),
    ),
]


@pytest.mark.one_in(3, least=4)
@pytest.mark.parametrize("at", range(len(INTEGRALS)))
def test_integral(at: int) -> None:
    f, args = INTEGRALS[at]
    value, gradient = srcad.value_and_grad(f, (0, 1), target="python")(*args)
    assert value == pytest.approx(f(*args), rel=3e-8)
    for k in range(2):
        want = float(differences(f, [np.array(a) for a in args], k, 1e-3))
        assert gradient[k] == pytest.approx(want, rel=1e-5, abs=1e-6), k
    hessian = srcad.hessian(f, target="python")(*args)
    slope = srcad.grad(f, target="python")
    want = differences(lambda *args: slope(*map(float, args)), [np.array(a) for a in args], 0)
    assert hessian == pytest.approx(float(want), rel=1e-5, abs=1e-6)


@pytest.mark.one_in(3, least=4)
@pytest.mark.parametrize("at", range(len(PATHS)))
def test_path(at: int) -> None:
    function, args = PATHS[at]
    args = tuple(map(np.array, args)) if at != 5 else args
    f = lambda *args: np.sum(np.sin(function(*args)))
    value = srcad.jit(function, target="python")(*args)
    np.testing.assert_allclose(value, function(*args), rtol=1e-9 if at < 6 else 3e-7)
    gradient = srcad.grad(f, (0, 1), target="python")(*args)
    # `f` itself takes other steps for other arguments: near to a smooth function, as far as the tolerance says
    loose = {2: 3e-6, 5: 1e-3, 6: 1e-4, 7: 1e-4}.get(at, 1e-6)
    for k in range(2):
        want = differences(f, [np.array(a) for a in args], k, 1e-2 if loose > 1e-6 else 1e-3)
        np.testing.assert_allclose(gradient[k], want, rtol=loose, atol=loose)
    directions = tuple(np.cos(7.0 * np.asarray(a)) for a in args)
    _, tangent = srcad.jvp(f, args, directions, target="python")
    np.testing.assert_allclose(tangent, sum(map(np.vdot, gradient, directions)), rtol=1e-10)


def test_the_values_are_those_of_the_solver() -> None:
    """Steps and all, with the tolerances that nobody gives."""
    found = srcad.jit(lambda k, c: path(k, c).t, target="python")(1.3, 0.4)
    np.testing.assert_allclose(found, path(1.3, 0.4).t, rtol=1e-10)


def compiled(k: Any, c: Any, b: Any) -> Any:
    y = integrate.solve_ivp(oscillator, (0.0, 1.0), np.array([1.0, k]), args=(k, c), t_eval=[0.5, 1.0], **TIGHT).y
    return np.sum(y) * integrate.quad(lambda t: np.exp(-k * t), 0.0, b)[0]


def test_compiled() -> None:
    args = (1.3, 0.4, 0.8)
    value, gradient = srcad.value_and_grad(compiled, (0, 1, 2))(*args)
    assert value == pytest.approx(compiled(*args), rel=1e-9)
    for k in range(3):
        want = float(differences(compiled, [np.array(a) for a in args], k, 1e-3))
        assert gradient[k] == pytest.approx(want, rel=1e-6)


ENDED: dict[str, Any] = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}  # SciPy's searches, as far as they go


def slopes(t: Any, a: Any, b: Any) -> Any:
    return np.stack((np.exp(b * t), a * t * np.exp(b * t)), axis=1)


FOUND: list[tuple[Any, Any]] = [
    (lambda p: optimize.brentq(lambda x: x**3 - p, 0, 3), 1.3),
    (lambda p: optimize.bisect(lambda x, q: np.exp(x) - q, -1.0, 3.0, args=(p,), xtol=1e-14), 1.3),
    (lambda p: optimize.newton(lambda x, q: x**3 - q, 1.0, args=(p,), tol=1e-14), 1.3),
    (lambda p: optimize.root_scalar(lambda x: x**3 - p, bracket=(0, 3)).root, 1.3),
    (lambda p: optimize.root_scalar(lambda x: x**3 - p, x0=1.0, fprime=lambda x: 3.0 * x**2).root, 1.3),
    (lambda p: optimize.fixed_point(lambda x: np.cos(p * x), 0.5, xtol=1e-13), 0.7),
    (lambda p: np.sum(optimize.root(lambda x: x**3 + 2.0 * x + 0.5 * x[::-1] - p, np.ones(3), tol=1e-13).x ** 2), V3),
    (lambda p: np.sum(optimize.fsolve(lambda x: x**3 + 2.0 * x + 0.5 * x[::-1] - p, np.ones(3), xtol=1e-13) ** 2), V3),
    (lambda p: optimize.minimize_scalar(lambda x: (x - p) ** 2 + 0.1 * x**4).x, 1.3),
    (lambda p: optimize.minimize_scalar(lambda x: (x - p) ** 4 + x**2, bounds=(-1, 4), method="bounded").fun, 1.3),
    (lambda p: np.sum(optimize.minimize(lambda x: np.sum((x - p) ** 2 + 0.1 * x**4), np.ones(3), tol=1e-9).x ** 2), V3),
    (lambda p: optimize.minimize(lambda x: optimize.rosen(x) + p @ x, np.zeros(3), tol=1e-9).fun, 0.1 * V3),
    (lambda p: np.sum(optimize.least_squares(lambda x: np.append(x - p, 0.3 * x**2), np.ones(3), **ENDED).x), V3),
    (lambda y: np.sum(optimize.curve_fit(lambda t, a, b: a * np.exp(b * t), TIMES, y, p0=[2.0, 0.5])[0] ** 2), DATA),
    (
        lambda y: np.sum(
            optimize.curve_fit(lambda t, a, b: a * np.exp(b * t), TIMES, y, p0=[2.0, 0.5], jac=slopes, **ENDED)[1]
        ),
        DATA,
    ),
    (lambda x: optimize.rosen(x), V3),
]


@pytest.mark.one_in(3, least=6)
@pytest.mark.parametrize("at", range(len(FOUND)))
def test_found(at: int) -> None:
    f, p = FOUND[at]
    p = np.array(p) if np.ndim(p) else p
    value, gradient = srcad.value_and_grad(f, target="python")(p)
    assert value == pytest.approx(f(p), rel=1e-12 if at < 12 else 1e-6)
    # the gradient is exact, the value of SciPy as its tolerances say
    np.testing.assert_allclose(gradient, differences(f, [np.array(p)], 0, 1e-2), rtol=2e-3, atol=1e-3)


def waves(x: Any, p: Any) -> Any:
    return np.sin(p * x) + 0.05 * (x - 1.0) ** 2


def slope_of_waves(x: Any, p: Any) -> Any:
    return p * np.cos(p * x) + 0.1 * (x - 1.0)


def many(x: Any, p: Any) -> Any:
    return np.sum(np.sin(p * x)) + 0.3 * np.sum((x - 0.5) ** 2) + 0.1 * x[0] * x[1]


def slope_of_many(x: Any, p: Any) -> Any:
    g = p * np.cos(p * x) + 0.6 * (x - 0.5)
    g[0] += 0.1 * x[1]
    g[1] += 0.1 * x[0]
    return g


def curved(x: Any, p: Any) -> Any:
    return np.append(np.sin(p * x) - 0.3 * x[::-1], 0.3 * (x - 0.4))


# functions with many roots and minima: which one is found depends on every step of the search
SAME: list[Any] = [
    lambda p, a, b: optimize.brentq(slope_of_waves, a, b, args=(p,)),
    lambda p, a, b: optimize.brenth(lambda x: slope_of_waves(x, p), a, b),
    lambda p, a, b: optimize.ridder(slope_of_waves, a, b, args=(p,)),
    lambda p, a, b: optimize.bisect(slope_of_waves, a, b, args=(p,), xtol=1e-3),
    lambda p, a, b: optimize.newton(slope_of_waves, a, args=(p,)),
    lambda p, a, b: optimize.root_scalar(slope_of_waves, args=(p,), x0=a).root,
    lambda p, a, b: optimize.root_scalar(slope_of_waves, args=(p,), x0=a, x1=b).root,
    lambda p, a, b: optimize.newton(
        slope_of_waves,
        a,
        args=(p,),
        fprime=lambda x, p: 0.1 - p * p * np.sin(p * x),
        fprime2=lambda x, p: -(p**3) * np.cos(p * x),
    ),
    lambda p, a, b: optimize.fixed_point(lambda x: np.cos(0.3 * p * x) + 0.1 * x, a),
    lambda p, a, b: optimize.minimize_scalar(waves, args=(p,)).x,
    lambda p, a, b: optimize.minimize_scalar(waves, args=(p,), bracket=(a, b), method="golden").x,
    lambda p, a, b: optimize.minimize_scalar(waves, args=(p,), bounds=(min(a, b), max(a, b))).x,
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,)).x,
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), jac=slope_of_many, tol=1e-8).x,
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), method="Nelder-Mead").x,
    lambda p, a, b: optimize.minimize(many, np.array([a, b, 0.3]), args=(p,), method="L-BFGS-B").x,
    lambda p, a, b: optimize.fsolve(slope_of_many, np.array([a, b, 0.3]), args=(p,)),
    lambda p, a, b: optimize.least_squares(curved, np.array([a, b, 0.3]), args=(p,)).x,
    lambda p, a, b: optimize.least_squares(curved, np.array([a, b, 0.3]), args=(p,), method="lm").x,
]


@pytest.mark.one_in(9, least=2)
@pytest.mark.parametrize("at", range(len(SAME)))
def test_what_is_found_is_what_scipy_finds(at: int) -> None:
    """To the last bit; of systems, whose matrices are factorised otherwise, as far as differences tell."""
    assert found_as_by_scipy(SAME[at], at, 30, 0.0 if at < 15 else 2e-6, (ValueError, RuntimeError)) >= 8


def found_as_by_scipy(f: Any, seed: int, starts: int, tolerance: float, fails: tuple[type[Exception], ...]) -> int:
    """From how many random places something is found: each time what SciPy finds."""
    rng, same = np.random.default_rng(seed), 0
    own = srcad.jit(f, target="python")
    for _ in range(starts):
        p, a, b = rng.uniform(0.5, 3.0), *rng.uniform(-4.0, 4.0, 2)
        with np.errstate(all="ignore"):
            try:
                want, found = f(p, a, b), own(p, a, b)
            except fails:
                continue  # nothing, or nothing whose derivative is known
        same += 1
        np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)
    return same


def test_a_minimum_at_an_end_moves_with_it() -> None:
    found = lambda p, high: optimize.minimize_scalar(lambda x: -p * x, bounds=(0.0, high)).x
    assert srcad.grad(found, (0, 1), target="python")(1.3, 2.0) == (0.0, 1.0)


def fitted(p: Any) -> Any:
    total = 0.0
    for k in range(2):
        total += optimize.brentq(lambda x: x**3 - p[k], 0.0, 3.0)
    return total + optimize.minimize(lambda x: np.sum((x - p) ** 2 + 0.1 * x**4), np.ones(3)).fun


@pytest.mark.thorough
def test_found_compiled_and_twice() -> None:
    value, gradient = srcad.value_and_grad(fitted)(V3)
    assert value == pytest.approx(fitted(V3), rel=1e-8)
    np.testing.assert_allclose(gradient, differences(fitted, [V3], 0, 1e-3), rtol=1e-5)
    hessian = srcad.hessian(fitted, target="python")(V3)
    want = differences(srcad.grad(fitted, target="python"), [V3], 0, 1e-3)
    np.testing.assert_allclose(hessian, want, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "call, error, said",
    [
        (lambda p: integrate.quad(lambda t: p / t, 0.0, 1.0)[0], ValueError, "does not converge"),
        (lambda p: integrate.quad(lambda t: t, 0.0, np.inf / p)[0], ValueError, "infinite limit"),
        (lambda p: integrate.quad(lambda t: t * p, 0.0, 1.0, points=[0.5])[0], SrcadError, "points"),
        (lambda p: np.sum(path(p, 0.4, method="LSODA").y), SrcadError, "method=LSODA"),
        (lambda p: np.sum(path(p, 0.4, events=lambda t, z, k, c: z[0]).y), SrcadError, "events"),
        (lambda p: np.sum(integrate.solve_ivp(lambda t, y: p * y * y, (0, 5), np.ones(1)).y), ValueError, "step size"),
        (lambda p: optimize.brentq(lambda x: x * x + p, 0.0, 3.0), ValueError, "different signs"),
        (lambda p: optimize.brentq(lambda x: -p if x < 1.0 else p, 0.0, 3.0), ValueError, "root|derivative"),
        (lambda p: optimize.root(lambda x: x**3 - p, np.ones(2), method="krylov").x[0], SrcadError, "other than hybr"),
        (lambda p: optimize.minimize(lambda x: p @ x, np.ones(2), method="COBYLA").fun, SrcadError, "COBYLA"),
        (lambda p: optimize.minimize(lambda x: p * np.sum(x), np.ones(2)).fun, np.linalg.LinAlgError, "Singular"),
        (lambda p: optimize.curve_fit(lambda t, a: a * t, TIMES, DATA * p)[0][0], SrcadError, "p0"),
        (lambda p: optimize.linprog(np.ones(2) * p).fun, SrcadError, "linprog"),
    ],
)
def test_refused(call: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said), np.errstate(all="ignore"):
        srcad.grad(call, target="python")(1.3)
