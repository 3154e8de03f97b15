"""`scipy.optimize`: roots and minima, whose derivatives are those of the implicit function.

What is found is a constant; a step of Newton's method from there has the derivative (`expansions.roots`). A minimum is
a root of the slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from srcad.rules.expansions.math_module import doubles
from srcad.rules.expansions.roots import implicit_root
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, expands, unsupported
from srcad.rules.scipy.active_sets import limits_of, root_between, root_on_constraints
from srcad.rules.scipy.box_search import inward_gradient, inward_jacobian, lowest_in_box
from srcad.rules.scipy.found_points import derivative_of, given_of, slope_of, with_value
from srcad.rules.scipy.levenberg_marquardt import least_by_marquardt
from srcad.rules.scipy.powell_hybrid import forward_jacobian, root_by_hybrid
from srcad.rules.scipy.quadratic_programs import lowest_on_constraints
from srcad.rules.scipy.quasi_newton import EPS, forward_gradient, lowest_by_bfgs, lowest_by_cg, lowest_by_lbfgs
from srcad.rules.scipy.simplex import lowest_by_simplex
from srcad.rules.scipy.trust_region import least_by_trust_region, relative_jacobian

stopped = PRIMITIVES["stop_gradient"]

# ---- roots -------------------------------------------------------------------------------------


@expands(optimize.fsolve)
def fsolve(
    func: Any,
    x0: Any,
    args: Any = (),
    fprime: Any = None,
    full_output: Any = 0,
    col_deriv: Any = 0,
    xtol: Any = 1.49012e-8,
    maxfev: Any = 0,
    band: Any = None,
    epsfcn: Any = None,
    factor: Any = 100,
    diag: Any = None,
) -> Any:
    if full_output or col_deriv or diag is not None or band is not None or epsfcn is not None:
        unsupported("scipy.optimize.fsolve with full_output, col_deriv, diag, band or epsfcn")
    return system_root(func, x0, given_of(args), fprime, xtol, maxfev, factor)[0]


def system_root(f: Any, x0: Any, given: Any, slopes: Any, xtol: Any, maxfev: Any, factor: Any) -> Any:
    start = stopped(doubles(np.atleast_1d(np.asarray(x0))))
    n = len(start)

    def residual(x: Any) -> Any:
        return doubles(np.atleast_1d(np.asarray(f(x, *given))))

    def slopes_at(x: Any) -> Any:
        return stopped(doubles(np.asarray(slopes(x, *given))))

    if slopes is None:
        most = 200 * (n + 1) if maxfev == 0 else maxfev
        found, success = root_by_hybrid(residual, forward_jacobian(residual, EPS), start, xtol, most, n, factor)
    else:
        most = 100 * (n + 1) if maxfev == 0 else maxfev
        found, success = root_by_hybrid(residual, slopes_at, start, xtol, most, 0, factor)
    return with_value(found, implicit_root(residual, found)), success


@dataclass
class Found:
    """What `root`, `minimize` and `least_squares` give."""

    x: Any
    fun: Any
    success: Any
    message: Any


_SUCCESS = "The solution converged."


@expands(optimize.root)
def root(
    fun: Any,
    x0: Any,
    args: Any = (),
    method: Any = "hybr",
    jac: Any = None,
    tol: Any = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    if jac is True or callback is not None or method != "hybr":
        unsupported("scipy.optimize.root with jac=True, a callback or a method other than hybr")
    known_options(options, ("xtol", "maxfev", "factor"))
    xtol = option(options, "xtol", 1.49012e-8 if tol is None else tol)
    slopes = None if jac is None or jac is False else jac
    given = given_of(args)
    most = option(options, "maxfev", 0)
    x, success = system_root(fun, x0, given, slopes, xtol, most, option(options, "factor", 100))
    return Found(x, doubles(np.atleast_1d(np.asarray(fun(x, *given)))), success, _SUCCESS)


# ---- minima ------------------------------------------------------------------------------------


@expands(optimize.minimize)
def minimize(
    fun: Any,
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: Any = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    """By SciPy's own search, where it is written here; the derivative does not depend on it."""
    if callback is not None:
        unsupported("scipy.optimize.minimize with a callback")
    given = given_of(args)
    if dtype_of(np.asarray(x0)) == "float32":
        unsupported("scipy.optimize.minimize from a point of float32")
    limits = (constraints,) if isinstance(constraints, dict) else constraints
    chosen = "slsqp" if len(limits) > 0 else ("bfgs" if bounds is None else "l-bfgs-b")
    way = chosen if method is None else method.lower()
    if len(limits) > 0 and way != "slsqp":
        unsupported(f"scipy.optimize.minimize with constraints and method={method}")
    start = stopped(doubles(np.atleast_1d(np.asarray(x0))))

    def objective(x: Any) -> Any:
        return fun(x, *given)[0] if jac is True else fun(x, *given)

    if bounds is not None:
        if way not in ("l-bfgs-b", "slsqp"):
            unsupported(f"scipy.optimize.minimize with bounds and method={method}")
        low, high = limits_of(bounds, len(start))
    if jac is None or jac is False:
        if bounds is None:
            gradient = forward_gradient(objective, 1e-8 if way == "l-bfgs-b" else EPS)
        else:
            gradient = inward_gradient(objective, 1e-8 if way == "l-bfgs-b" else EPS, stopped(low), stopped(high))
    elif isinstance(jac, str):
        unsupported(f"scipy.optimize.minimize with jac={jac}")
    else:

        def gradient(x: Any, value: Any) -> Any:
            return stopped(doubles(np.asarray(fun(x, *given)[1] if jac is True else jac(x, *given))))

    if way == "slsqp":
        known_options(options, ("ftol", "maxiter", "disp"))
        level = option(options, "ftol", 1e-6 if tol is None else tol)
        most = option(options, "maxiter", 100)
        if bounds is None:
            low = np.full(len(start), -np.inf)
            high = np.full(len(start), np.inf)
        x, success = constrained_minimum(objective, gradient, limits, start, low, high, level, most)
        return Found(x, objective(x), success, _SUCCESS)
    if way == "bfgs":
        known_options(options, ("gtol", "maxiter", "disp"))
        tolerance = option(options, "gtol", 1e-5 if tol is None else tol)
        found, success = lowest_by_bfgs(objective, gradient, start, tolerance, option(options, "maxiter", None))
    elif way == "cg":
        known_options(options, ("gtol", "maxiter", "disp"))
        tolerance = option(options, "gtol", 1e-5 if tol is None else tol)
        found, success = lowest_by_cg(objective, gradient, start, tolerance, option(options, "maxiter", None))
    elif way == "l-bfgs-b":
        known_options(options, ("ftol", "gtol", "maxiter", "maxcor", "disp"))
        by_value = option(options, "ftol", 2.220446049250313e-09 if tol is None else tol)
        tolerance = option(options, "gtol", 1e-5 if tol is None else tol)
        most = option(options, "maxiter", 15000)
        memory = option(options, "maxcor", 10)
        if bounds is not None:
            found, success = lowest_in_box(
                objective, gradient, start, stopped(low), stopped(high), by_value, tolerance, most, memory
            )
            x = root_between(lambda x: slope_of(objective, x), found, low, high)
            return Found(x, objective(x), success, _SUCCESS)
        found, success = lowest_by_lbfgs(objective, gradient, start, by_value, tolerance, most, memory)
    elif way == "nelder-mead":
        known_options(options, ("xatol", "fatol", "maxiter", "maxfev", "disp"))
        near = option(options, "xatol", 1e-4 if tol is None else tol)
        level = option(options, "fatol", 1e-4 if tol is None else tol)
        limited = options is not None and ("maxiter" in options or "maxfev" in options)
        any_number = 10**9 if limited else 200 * len(start)
        most = option(options, "maxiter", any_number)
        found, success = lowest_by_simplex(objective, start, near, level, most, option(options, "maxfev", any_number))
    else:
        unsupported(f"scipy.optimize.minimize with method={method}")
    x = with_value(found, implicit_root(lambda x: slope_of(objective, x), found))
    return Found(x, objective(x), success, _SUCCESS)


def constrained_minimum(
    objective: Any, gradient: Any, limits: Any, start: Any, low: Any, high: Any, tol: Any, most: Any
) -> Any:
    for limit in limits:
        if not isinstance(limit, dict):
            unsupported("scipy.optimize.minimize with a constraint that is not a dict")
        if limit["type"] not in ("eq", "ineq"):
            raise ValueError("Unknown constraint type: it is 'eq' or 'ineq'")

    def value_of(limit: Any, x: Any) -> Any:
        given = given_of(limit["args"]) if "args" in limit else ()
        return doubles(np.atleast_1d(np.asarray(limit["fun"](x, *given))))

    def slopes_of(limit: Any, x: Any) -> Any:
        if "jac" in limit and limit["jac"] is not None:
            given = given_of(limit["args"]) if "args" in limit else ()
            return stopped(doubles(np.atleast_2d(np.asarray(limit["jac"](x, *given)))))
        slopes = inward_jacobian(lambda x: value_of(limit, x), EPS, stopped(low), stopped(high))
        return slopes(x, stopped(value_of(limit, x)))

    def of_type(type: Any, x: Any) -> Any:
        values = np.zeros(0)
        for limit in limits:
            if limit["type"] == type:
                values = np.append(values, value_of(limit, x))
        return values

    def normals(x: Any) -> Any:
        rows = np.zeros((0, len(x)))
        for type in ("eq", "ineq"):
            for limit in limits:
                if limit["type"] == type:
                    rows = np.concatenate((rows, slopes_of(limit, x)))
        return rows

    def equal(x: Any) -> Any:
        return of_type("eq", x)

    def least(x: Any) -> Any:
        return of_type("ineq", x)

    def together(x: Any) -> Any:
        return np.append(equal(x), least(x))

    def lagrangian(x: Any, forces: Any) -> Any:
        return objective(x) - np.sum(forces * together(x))

    equalities = len(equal(start))
    found, forces, success = lowest_on_constraints(
        objective, gradient, together, normals, equalities, start, stopped(low), stopped(high), tol, most
    )
    return root_on_constraints(lagrangian, equal, least, found, forces, low, high), success


def known_options(options: Any, known: Any) -> Any:
    if options is not None:
        for name in options:
            if name not in known:
                unsupported(f"scipy.optimize with the option {name}")


def option(options: Any, name: Any, default: Any) -> Any:
    return default if options is None or name not in options else options[name]


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
    if bounds is not None or loss != "linear" or kwargs is not None or callback is not None:
        unsupported("scipy.optimize.least_squares with bounds, a loss, kwargs or a callback")
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
    if method == "trf":
        found, success = least_by_trust_region(residual, slopes, start, ftol, xtol, gtol, max_nfev)
    elif method == "lm":
        most = 100 * len(start) if max_nfev is None else max_nfev
        found, success = least_by_marquardt(residual, slopes, start, ftol, xtol, gtol, most, 0, 100.0)
    else:
        unsupported(f"scipy.optimize.least_squares with method={method}")
    x = with_value(found, squares_root(residual, found))
    return Found(x, residual(x), success, _SUCCESS)


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
    ftol: Any = 1.49012e-8,
    xtol: Any = 1.49012e-8,
    gtol: Any = 0.0,
) -> Any:
    if p0 is None or bounds is not None or full_output or nan_policy is not None:
        unsupported("scipy.optimize.curve_fit without p0, with bounds, full_output or nan_policy")
    if method is not None and method != "lm":
        unsupported(f"scipy.optimize.curve_fit with method={method}")
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

    n = len(begin)
    given = jac is not None and not isinstance(jac, str)
    differences = forward_jacobian(residual, EPS)
    most = (100 if given else 200) * (n + 1) if maxfev is None else maxfev
    calls, slopes_there = (0, slopes_at) if given else (n, differences)
    found, success = least_by_marquardt(residual, slopes_there, begin, ftol, xtol, gtol, most, calls, 100.0)
    if not success:
        raise RuntimeError("Optimal parameters not found: allow more calls of the function")
    x = with_value(found, squares_root(residual, found))
    slopes = derivative_of(residual, x)
    r = residual(x)
    covariance = np.linalg.inv(slopes.T @ slopes)
    if not absolute_sigma:
        covariance = covariance * (np.sum(r * r) / (1.0 * len(r) - len(begin)))
    return x, covariance


@expands(optimize.rosen)
def rosen(x: Any) -> Any:
    y = np.asarray(x)
    return np.sum(100.0 * (y[1:] - y[:-1] ** 2) ** 2 + (1.0 - y[:-1]) ** 2, axis=0)
