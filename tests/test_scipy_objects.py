"""Objects of SciPy in compiled functions: made outside, given as arguments, held by other objects, made inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.sparse.linalg as sparse_linalg
from scipy import interpolate, sparse, stats

import srcad
from srcad.errors import SrcadError
from tests.test_scipy_special import differences

KNOTS = np.array([0.0, 0.7, 1.5, 2.2, 3.0, 4.1])
VALUES = np.array([0.3, -1.0, 0.4, 1.9, 0.2, 0.7])
PLACES = np.array([-0.4, 0.3, 1.6, 2.9, 4.6])
INSIDE = np.array([0.1, 0.3, 1.6, 2.9, 4.0])
GRID = (np.array([0.0, 1.0, 2.5, 3.0]), np.array([-1.0, 0.5, 1.0]))
TABLE = np.cos(np.arange(12.0)).reshape(4, 3)
POINTS = np.array([[1.1, 0.3], [2.7, -0.4], [0.2, 0.9]])
MATRIX = sparse.csr_array(np.diag(np.full(5, 3.0)) + np.diag(np.arange(1.0, 5.0), 1) - np.diag(np.ones(3), -2))

OBJECTS: list[tuple[Any, Any, Any]] = [
    (stats.norm(0.1, 2.0), lambda one, x: one.logpdf(x) + one.cdf(x), PLACES),
    (stats.gamma(2.0, scale=np.array([1.0, 2.0, 1.5, 0.7, 0.9])), lambda one, x: one.logpdf(x), INSIDE),
    (stats.poisson(2.0), lambda one, x: x * one.pmf(2), PLACES),
    (interpolate.CubicSpline(KNOTS, VALUES), lambda one, x: one(x) + one(x, 1) * one.derivative(2)(x), PLACES),
    (interpolate.CubicSpline(KNOTS, VALUES), lambda one, x: one.integrate(x[0], x[1]) * x, PLACES),
    (interpolate.CubicSpline(KNOTS, np.outer(VALUES, [1.0, 2.0])), lambda one, x: one(x), PLACES),
    (interpolate.CubicSpline(KNOTS, np.append(VALUES[:-1], 0.3), bc_type="periodic"), lambda one, x: one(x), PLACES),
    (interpolate.PchipInterpolator(KNOTS, VALUES), lambda one, x: one(x), PLACES),
    (interpolate.Akima1DInterpolator(KNOTS, VALUES), lambda one, x: one(x), INSIDE),
    (interpolate.make_interp_spline(KNOTS, VALUES, k=2), lambda one, x: one(x), PLACES),
    (interpolate.UnivariateSpline(KNOTS, VALUES, s=0.3), lambda one, x: one(x), PLACES),
    (stats.gaussian_kde(VALUES, weights=KNOTS + 1.0), lambda one, x: one(x) + one.logpdf(x) + one.factor, PLACES),
    (stats.gaussian_kde(np.stack((KNOTS, VALUES)), "silverman"), lambda one, x: one.pdf([x, x * x]), PLACES),
    (stats.gaussian_kde(VALUES, 0.4), lambda one, x: x * one.integrate_box_1d(x[0], x[3]), PLACES),
    (interpolate.interp1d(KNOTS, VALUES), lambda one, x: one(x), INSIDE),
    (interpolate.interp1d(KNOTS, VALUES, kind="cubic"), lambda one, x: one(x), INSIDE),
    (interpolate.interp1d(KNOTS, VALUES, kind="nearest"), lambda one, x: x * one(x), INSIDE),
    (interpolate.interp1d(KNOTS, VALUES, fill_value="extrapolate"), lambda one, x: one(x), PLACES),
    (interpolate.interp1d(KNOTS, VALUES, bounds_error=False, fill_value=(1.0, 2.0)), lambda one, x: one(x) * x, PLACES),
    (interpolate.RegularGridInterpolator(GRID, TABLE), lambda one, x: one(x), POINTS),
    (interpolate.RegularGridInterpolator(GRID, TABLE), lambda one, x: one((x[0], x[1][:, None])), POINTS[:2].T),
    (
        interpolate.RegularGridInterpolator(GRID, TABLE, bounds_error=False, fill_value=None),
        lambda one, x: one(x),
        3.0 * POINTS,
    ),
    (
        interpolate.RegularGridInterpolator(GRID, TABLE, bounds_error=False, fill_value=0.5),
        lambda one, x: one(x) * x[:, 0],
        3.0 * POINTS,
    ),
    (MATRIX, lambda one, x: one @ x, PLACES),
    (MATRIX.tocsc(), lambda one, x: one.T.dot(np.outer(x, x)) + x @ one, PLACES),
    (sparse.csr_matrix(MATRIX), lambda one, x: (2.0 * one - one.T) * x + one.diagonal() * x, PLACES),
    (sparse.dia_array(MATRIX), lambda one, x: (one @ one).toarray() @ x + one.sum(axis=0) * x, PLACES),
    (MATRIX, lambda one, x: sparse_linalg.spsolve(one.tocsc(), x), PLACES),
]


@dataclass
class Model:
    """What a user holds such an object in."""

    part: Any
    weight: float

    def of(self, function: Any, x: Any) -> Any:
        return self.weight * np.sum(np.sin(function(self.part, x)))


@pytest.mark.one_in(5, least=5)
@pytest.mark.parametrize("at", range(len(OBJECTS)))
def test_object(at: int) -> None:
    one, function, x = OBJECTS[at]
    f = lambda x: np.sum(np.sin(function(one, x)))
    value, gradient = srcad.value_and_grad(f, target="python")(x)
    assert value == pytest.approx(f(x), rel=1e-12)
    np.testing.assert_allclose(gradient, differences(f, [x], 0), rtol=1e-6, atol=1e-8)
    _, tangent = srcad.jvp(f, (x,), (np.cos(x),), target="python")
    assert tangent == pytest.approx(np.vdot(gradient, np.cos(x)), rel=1e-10)
    given = srcad.grad(lambda x, one: np.sum(np.sin(function(one, x))), target="python")(x, one)
    np.testing.assert_allclose(given, gradient, rtol=1e-13)
    held = srcad.grad(lambda x, model: model.of(function, x), target="python")(x, Model(one, 2.0))
    np.testing.assert_allclose(held, 2.0 * gradient, rtol=1e-13)


@pytest.mark.parametrize("at", [3, 10, 16, 21])
def test_second_order(at: int) -> None:
    one, function, x = OBJECTS[at]
    f = lambda x: np.sum(np.sin(function(one, x)))
    hessian = srcad.hessian(f, target="python")(x)
    want = differences(srcad.grad(f, target="python"), [x], 0)
    np.testing.assert_allclose(hessian, want, rtol=1e-5, atol=1e-7)


MADE: list[tuple[Any, tuple[Any, ...]]] = [
    *[
        (lambda x, y, q, bc=bc: interpolate.CubicSpline(x, y, bc_type=bc)(q), (KNOTS, VALUES, PLACES))
        for bc in ("not-a-knot", "natural", "clamped", ((1, 0.3), (2, -0.4)))
    ],
    (lambda x, y, q: interpolate.CubicSpline(x, y)(q), (KNOTS[:3], VALUES[:3], PLACES)),
    (lambda x, y, q: interpolate.CubicSpline(x, y)(q), (KNOTS[:2], VALUES[:2], PLACES)),
    (lambda x, y, q: interpolate.CubicSpline(x, np.outer(y, y))(q, 1), (KNOTS, VALUES, PLACES)),
    (lambda x, y, q: interpolate.CubicSpline(x, y, extrapolate=False)(q), (KNOTS, VALUES, INSIDE)),
    (lambda x, y, q: interpolate.PchipInterpolator(x, y)(q), (KNOTS, VALUES, PLACES)),
    (lambda x, y, q: interpolate.PchipInterpolator(x, np.cumsum(y**2))(q), (KNOTS, VALUES, PLACES)),
    (lambda x, y, q: interpolate.Akima1DInterpolator(x, y)(q), (KNOTS, VALUES, INSIDE)),
    (lambda x, y, q: interpolate.Akima1DInterpolator(x, y, method="makima")(q), (KNOTS, VALUES, INSIDE)),
    (lambda x, y, q: interpolate.CubicHermiteSpline(x, y, np.cos(y))(q), (KNOTS, VALUES, PLACES)),
    (lambda x, y, q: interpolate.interp1d(x, y)(q), (KNOTS, VALUES, INSIDE)),
    (lambda x, y, q: interpolate.interp1d(x[::-1], y[::-1], kind="cubic")(q), (KNOTS, VALUES, INSIDE)),
    (lambda x, y, q: interpolate.make_interp_spline(x, y)(q), (KNOTS, VALUES, PLACES)),
    (lambda x, y, q: interpolate.make_interp_spline(x, y, k=1)(q), (KNOTS, VALUES, INSIDE)),
    (lambda y, q: stats.gaussian_kde(y)(q), (VALUES, PLACES)),
    (lambda y, w, q: stats.gaussian_kde(y, "silverman", w * w).logpdf(q), (VALUES, KNOTS + 1.0, PLACES)),
    (lambda y, q: stats.gaussian_kde(y, 0.5).evaluate(q[:2]), (np.stack((KNOTS, VALUES)), PLACES)),
    (lambda y, q: interpolate.RegularGridInterpolator(GRID, y)(q), (TABLE, POINTS)),
    (lambda y, q: interpolate.interpn(GRID, y, q), (TABLE, POINTS)),
    (lambda y, q: y * interpolate.RegularGridInterpolator(GRID, TABLE, method="nearest")(q), (VALUES[:3], POINTS)),
    (lambda d, x: sparse.csr_array((d, MATRIX.indices, MATRIX.indptr), shape=MATRIX.shape) @ x, (MATRIX.data, PLACES)),
    (lambda d, x: sparse.csc_matrix((d, MATRIX.indices, MATRIX.indptr), MATRIX.shape) * x, (MATRIX.data, PLACES)),
    (lambda d, x: sparse.coo_array((d, ([0, 2, 2], [1, 0, 0])), shape=(3, 5)) @ x, (VALUES[:3], PLACES)),
    (lambda d, x: sparse.diags([d, 2.0 * d, d[:-1]], [-1, 1, 2], shape=(6, 6)) @ x, (PLACES, VALUES)),
    (lambda d, x: sparse.diags_array(d, offsets=0) @ x + sparse.eye_array(5) @ d, (PLACES, PLACES)),
    (
        lambda d, x: sparse_linalg.spsolve(sparse.diags([-d[1:], 4.0 + d, d[:-1]], [-1, 0, 1], format="csc"), x),
        (PLACES, INSIDE),
    ),
    (
        lambda d, x: sparse_linalg.splu(sparse.csc_matrix(MATRIX * 2.0 + sparse.diags_array(d))).solve(x),
        (PLACES, INSIDE),
    ),
    (
        lambda d, x: sparse_linalg.cg(sparse.diags([d[1:], 9.0 + d, d[1:]], [-1, 0, 1]), x, rtol=1e-12)[0],
        (PLACES, INSIDE),
    ),
]


@pytest.mark.one_in(5, least=5)
@pytest.mark.parametrize("at", range(len(MADE)))
def test_made_inside(at: int) -> None:
    """Derivatives by the data that an object is made of, too."""
    function, args = MADE[at]
    f = lambda *args: np.sum(np.sin(function(*args)))
    every = tuple(range(len(args)))
    value = srcad.jit(function, target="python")(*args)
    np.testing.assert_allclose(value, function(*args), rtol=1e-11, atol=1e-13)
    gradient = srcad.grad(f, every, target="python")(*args)
    for k in every:
        np.testing.assert_allclose(gradient[k], differences(f, list(args), k), rtol=1e-6, atol=1e-7, err_msg=f"{k}")
    directions = tuple(np.cos(7.0 * a) for a in args)
    _, tangent = srcad.jvp(f, args, directions, target="python")
    np.testing.assert_allclose(tangent, sum(map(np.vdot, gradient, directions)), rtol=1e-8, atol=1e-10)


SPLINE = interpolate.CubicSpline(KNOTS, VALUES)


def program(x: Any, y: Any, d: Any) -> Any:
    total = np.sum(SPLINE(x)) + np.sum(interpolate.CubicSpline(KNOTS, y)(x))
    u = d * 1.0
    for _ in range(3):
        u = sparse_linalg.spsolve(MATRIX + sparse.diags_array(d), u) + MATRIX @ u
        u[0] = total
    return np.sum(u * u)


@pytest.mark.thorough
def test_compiled() -> None:
    args = (INSIDE, VALUES, PLACES)
    value, gradient = srcad.value_and_grad(program, (0, 1, 2))(*args)
    assert value == pytest.approx(program(*args), rel=1e-12)
    for k in range(3):
        np.testing.assert_allclose(gradient[k], differences(program, list(args), k), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "call, x, error, said",
    [
        (lambda x: interpolate.interp1d(KNOTS, VALUES)(x), 9.0, ValueError, "above the interpolation range"),
        (lambda x: interpolate.RegularGridInterpolator(GRID, TABLE)(x)[0], np.array([9.0, 0.0]), ValueError, "bounds"),
        (lambda x: interpolate.CubicSpline(np.zeros(4), x)(0.5), VALUES[:4], ValueError, "increasing"),
        (lambda x: np.sum(MATRIX @ x), VALUES, ValueError, "dimension mismatch"),
        (lambda x: np.sum(MATRIX * x), PLACES, SrcadError, "elements of a sparse array"),
        (lambda x: interpolate.interp1d(KNOTS, VALUES, kind="quadratic")(x), 1.0, SrcadError, "kind quadratic"),
        (lambda x: interpolate.CubicSpline(KNOTS, x, bc_type="periodic")(0.5), VALUES, SrcadError, "periodic"),
        (lambda x: interpolate.RBFInterpolator(GRID[0][:, None], TABLE[:, 0])(x)[0], POINTS[:, :1], SrcadError, "RBF"),
        (lambda x: np.sum(sparse_linalg.gmres(MATRIX, x)[0]), PLACES, SrcadError, "gmres"),
    ],
)
def test_refused(call: Any, x: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        srcad.grad(call, target="python")(x)
