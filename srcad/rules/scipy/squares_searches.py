"""`scipy.optimize`: least squares and fits, whose derivatives are those of the root of their slope."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize

from srcad.rules.expansions.math_module import doubles
from srcad.rules.expansions.roots import implicit_root
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, expands, unsupported
from srcad.rules.scipy.active_sets import ends_of, root_between
from srcad.rules.scipy.bounded_squares import least_between, relative_inward_jacobian
from srcad.rules.scipy.found_points import CONVERGED, Found, derivative_of, given_of, slope_of, with_value
from srcad.rules.scipy.levenberg_marquardt import least_by_marquardt
from srcad.rules.scipy.powell_hybrid import forward_jacobian
from srcad.rules.scipy.quasi_newton import EPS
from srcad.rules.scipy.trust_region import least_by_trust_region, relative_jacobian

stopped = PRIMITIVES["stop_gradient"]


def marquardt(
    residual: Any,
    slopes: Any,
    given: Any,
    start: Any,
    ftol: Any,
    xtol: Any,
    gtol: Any,
    most: Any,
    factor: Any,
) -> Any:
    """As `leastsq` begins it: with derivatives that are given, or differences."""
    n = len(start)
    if slopes is None:
        differences = forward_jacobian(residual, EPS)
        limit = 200 * (n + 1) if most == 0 else most
        return least_by_marquardt(residual, differences, start, ftol, xtol, gtol, limit, n, factor)

    def slopes_at(x: Any) -> Any:
        return stopped(doubles(np.asarray(slopes(x, *given))))

    limit = 100 * (n + 1) if most == 0 else most
    return least_by_marquardt(residual, slopes_at, start, ftol, xtol, gtol, limit, 0, factor)


@expands(optimize.leastsq)
def leastsq(
    func: Any,
    x0: Any,
    args: Any = (),
    Dfun: Any = None,
    full_output: Any = False,
    col_deriv: Any = False,
    ftol: Any = 1.49012e-8,
    xtol: Any = 1.49012e-8,
    gtol: Any = 0.0,
    maxfev: Any = 0,
    epsfcn: Any = None,
    factor: Any = 100,
    diag: Any = None,
) -> Any:
    if full_output or col_deriv or epsfcn is not None or diag is not None:
        unsupported("scipy.optimize.leastsq with full_output, col_deriv, epsfcn or diag")
    given = given_of(args)
    start = stopped(doubles(np.atleast_1d(np.asarray(x0))))

    def residual(x: Any) -> Any:
        return doubles(np.atleast_1d(np.asarray(func(x, *given))))

    found, success = marquardt(residual, Dfun, given, start, ftol, xtol, gtol, maxfev, factor)
    return with_value(found, squares_root(residual, found)), np.where(success, 1, 5)


@expands(optimize.least_squares)
def least_squares(
    fun: Any,
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = None,
    method: Any = "trf",
    ftol: Any = 1e-8,
    xtol: Any = 1e-8,
    gtol: Any = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: Any = 1.0,
    diff_step: Any = None,
    tr_solver: Any = None,
    tr_options: Any = None,
    jac_sparsity: Any = None,
    max_nfev: Any = None,
    verbose: Any = 0,
    args: Any = (),
    kwargs: Any = None,
    callback: Any = None,
    workers: Any = None,
) -> Any:
    if loss != "linear" or kwargs is not None or callback is not None:
        unsupported("scipy.optimize.least_squares with a loss, kwargs or a callback")
    if bounds is not None and method != "trf":
        unsupported(f"scipy.optimize.least_squares with bounds and method={method}")
    if x_scale is not None or diff_step is not None or tr_solver == "lsmr" or jac_sparsity is not None:
        unsupported("scipy.optimize.least_squares with x_scale, diff_step, tr_solver='lsmr' or jac_sparsity")
    if dtype_of(np.asarray(x0)) == "float32":
        unsupported("scipy.optimize.least_squares from a point of float32")
    given = given_of(args)
    start = stopped(doubles(np.atleast_1d(np.asarray(x0))))

    def residual(x: Any) -> Any:
        return doubles(np.atleast_1d(np.asarray(fun(x, *given))))

    def slopes_at(x: Any) -> Any:
        return stopped(doubles(np.asarray(jac(x, *given))))

    if isinstance(jac, str):
        if jac != "2-point":
            unsupported(f"scipy.optimize.least_squares with jac={jac}")
        slopes = relative_jacobian(residual)
    else:
        slopes = slopes_at
    if bounds is not None:
        low, high = ends_of(bounds, len(start))
        if isinstance(jac, str):
            slopes = relative_inward_jacobian(residual, stopped(low), stopped(high))
        x, success = squares_between(residual, slopes, start, low, high, ftol, xtol, gtol, max_nfev)
        return Found(x, residual(x), success, CONVERGED)
    if method == "trf":
        found, success = least_by_trust_region(residual, slopes, start, ftol, xtol, gtol, max_nfev)
    elif method == "lm":
        most = 100 * len(start) if max_nfev is None else max_nfev
        found, success = least_by_marquardt(residual, slopes, start, ftol, xtol, gtol, most, 0, 100.0)
    else:
        unsupported(f"scipy.optimize.least_squares with method={method}")
    x = with_value(found, squares_root(residual, found))
    return Found(x, residual(x), success, CONVERGED)


def squares_between(
    residual: Any, slopes: Any, start: Any, low: Any, high: Any, ftol: Any, xtol: Any, gtol: Any, most: Any
) -> Any:
    found, success = least_between(residual, slopes, start, stopped(low), stopped(high), ftol, xtol, gtol, most)

    def cost(x: Any) -> Any:
        r = residual(x)
        return 0.5 * np.sum(r * r)

    # the search stays between the bounds
    return root_between(lambda x: slope_of(cost, x), found, low, high, 1e-6), success


def squares_root(residual: Any, found: Any) -> Any:
    def cost(x: Any) -> Any:
        r = residual(x)
        return 0.5 * np.sum(r * r)

    return implicit_root(lambda x: slope_of(cost, x), found)


@expands(optimize.curve_fit)
def curve_fit(
    f: Any,
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: Any = False,
    check_finite: Any = None,
    bounds: Any = None,
    method: Any = None,
    jac: Any = None,
    *,
    full_output: Any = False,
    nan_policy: Any = None,
    maxfev: Any = None,
    ftol: Any = None,
    xtol: Any = None,
    gtol: Any = None,
) -> Any:
    if p0 is None or full_output or nan_policy is not None:
        unsupported("scipy.optimize.curve_fit without p0, with full_output or nan_policy")
    if method is not None and method != ("lm" if bounds is None else "trf"):
        unsupported(f"scipy.optimize.curve_fit with method={method} (lm, and trf with bounds, are)")
    if isinstance(jac, str) and jac != "2-point":
        unsupported(f"scipy.optimize.curve_fit with jac={jac}")
    if sigma is not None and np.ndim(sigma) > 1:
        unsupported("scipy.optimize.curve_fit with a matrix for sigma")
    begin = stopped(doubles(np.atleast_1d(np.asarray(p0))))

    def residual(p: Any) -> Any:
        r = doubles(np.asarray(f(xdata, *[p[k] for k in range(len(p0))]))) - ydata
        return r if sigma is None else r / sigma

    def slopes_at(p: Any) -> Any:
        slopes = stopped(doubles(np.asarray(jac(xdata, *[p[k] for k in range(len(p0))]))))
        return slopes if sigma is None else slopes / np.asarray(sigma)[:, np.newaxis]

    if bounds is not None:
        low, high = ends_of(bounds, len(begin))
        slopes_there = relative_inward_jacobian(residual, stopped(low), stopped(high))
        if jac is not None and not isinstance(jac, str):
            slopes_there = slopes_at
        by_value = 1e-8 if ftol is None else ftol
        by_way = 1e-8 if xtol is None else xtol
        by_slope = 1e-8 if gtol is None else gtol
        x, success = squares_between(residual, slopes_there, begin, low, high, by_value, by_way, by_slope, maxfev)
        if not success:
            raise RuntimeError("Optimal parameters not found: allow more calls of the function")
        return x, covariance_of(residual, x, absolute_sigma)
    n = len(begin)
    given = jac is not None and not isinstance(jac, str)
    differences = forward_jacobian(residual, EPS)
    most = (100 if given else 200) * (n + 1) if maxfev is None else maxfev
    calls, slopes_there = (0, slopes_at) if given else (n, differences)
    by_value = 1.49012e-8 if ftol is None else ftol
    by_way = 1.49012e-8 if xtol is None else xtol
    by_slope = 0.0 if gtol is None else gtol
    found, success = least_by_marquardt(residual, slopes_there, begin, by_value, by_way, by_slope, most, calls, 100.0)
    if not success:
        raise RuntimeError("Optimal parameters not found: allow more calls of the function")
    x = with_value(found, squares_root(residual, found))
    return x, covariance_of(residual, x, absolute_sigma)


def covariance_of(residual: Any, x: Any, absolute: Any) -> Any:
    slopes = derivative_of(residual, x)
    r = residual(x)
    covariance = np.linalg.inv(slopes.T @ slopes)
    if not absolute:
        covariance = covariance * (np.sum(r * r) / (1.0 * len(r) - len(x)))
    return covariance
