"""`scipy.optimize`: roots and minima, whose derivatives are those of the implicit function.

What is found is a constant; a step of Newton's method from there has the derivative (`expansions.roots`). A minimum is
a root of the slope.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize

from srcad.rules.expansions.math_module import doubles
from srcad.rules.expansions.roots import implicit_root
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, expands, unsupported
from srcad.rules.scipy.active_sets import ROUNDING, limits_of, root_between
from srcad.rules.scipy.box_search import inward_gradient, lowest_in_box
from srcad.rules.scipy.constrained_searches import constrained_minimum
from srcad.rules.scipy.found_points import CONVERGED, Found, given_of, known_options, option, slope_of, with_value
from srcad.rules.scipy.powell_hybrid import forward_jacobian, root_by_hybrid
from srcad.rules.scipy.quasi_newton import EPS, forward_gradient, lowest_by_bfgs, lowest_by_cg, lowest_by_lbfgs
from srcad.rules.scipy.simplex import lowest_by_simplex
from srcad.rules.scipy.squares_searches import marquardt

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
    if jac is True or callback is not None or method not in ("hybr", "lm"):
        unsupported("scipy.optimize.root with jac=True, a callback or a method other than hybr and lm")
    if method == "lm":
        known_options(options, ("xtol", "ftol", "gtol", "maxiter", "factor"))
    else:
        known_options(options, ("xtol", "maxfev", "factor"))
    xtol = option(options, "xtol", 1.49012e-8 if tol is None else tol)
    slopes = None if jac is None or jac is False else jac
    given = given_of(args)
    if method == "lm":
        by_value = option(options, "ftol", 1.49012e-8)
        by_slope = option(options, "gtol", 0.0)
        most = option(options, "maxiter", 0)
        start = stopped(doubles(np.atleast_1d(np.asarray(x0))))

        def residual(x: Any) -> Any:
            return doubles(np.atleast_1d(np.asarray(fun(x, *given))))

        found, success = marquardt(
            residual, slopes, given, start, by_value, xtol, by_slope, most, option(options, "factor", 100.0)
        )
        x = with_value(found, implicit_root(residual, found))
        return Found(x, residual(x), success, CONVERGED)
    most = option(options, "maxfev", 0)
    x, success = system_root(fun, x0, given, slopes, xtol, most, option(options, "factor", 100))
    return Found(x, doubles(np.atleast_1d(np.asarray(fun(x, *given)))), success, CONVERGED)


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
        return Found(x, objective(x), success, CONVERGED)
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
            x = root_between(lambda x: slope_of(objective, x), found, low, high, ROUNDING)
            return Found(x, objective(x), success, CONVERGED)
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
    return Found(x, objective(x), success, CONVERGED)


@expands(optimize.rosen)
def rosen(x: Any) -> Any:
    y = np.asarray(x)
    return np.sum(100.0 * (y[1:] - y[:-1] ** 2) ** 2 + (1.0 - y[:-1]) ** 2, axis=0)


@expands(optimize.rosen_der)
def rosen_der(x: Any) -> Any:
    y = doubles(np.asarray(x))
    rise = y[1:] - y[:-1] ** 2
    none = np.zeros_like(y[:1])
    by_first = -400.0 * y[:-1] * rise - 2.0 * (1.0 - y[:-1])
    return np.concatenate((by_first, none)) + np.concatenate((none, 200.0 * rise))
