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
from srcad.rules.registry import expands, unsupported
from srcad.rules.scipy.minima import derivative_of, least_residuals, lowest_between, lowest_point, slope_of

stopped = PRIMITIVES["stop_gradient"]

# ---- roots -------------------------------------------------------------------------------------


def given_of(args: Any) -> Any:
    return args if isinstance(args, tuple) else (args,)


@expands(optimize.brentq, optimize.brenth, optimize.bisect, optimize.ridder)
def brentq(
    f: Any,
    a: Any,
    b: Any,
    args: Any = (),
    xtol: Any = 2e-12,
    rtol: Any = 8.9e-16,
    maxiter: Any = 100,
    full_output: Any = False,
    disp: Any = True,
) -> Any:
    if full_output:
        unsupported("a root of scipy.optimize with full_output")
    return implicit_root(f, stopped(0.5 * (a + b)), *given_of(args), bracket=(stopped(1.0 * a), stopped(1.0 * b)))


@expands(optimize.newton)
def newton(
    func: Any,
    x0: Any,
    fprime: Any = None,
    args: Any = (),
    tol: Any = 1.48e-8,
    maxiter: Any = 50,
    fprime2: Any = None,
    x1: Any = None,
    rtol: Any = 0.0,
    full_output: Any = False,
    disp: Any = True,
) -> Any:
    """From where SciPy's search ends: that is the method of secants where no slope is given."""
    if full_output or fprime2 is not None or np.ndim(x0) > 0:
        unsupported("scipy.optimize.newton with full_output, fprime2, or of several numbers")
    given = given_of(args)
    if fprime is not None:
        return implicit_root(func, x0, *given)
    before = stopped(1.0 * x0)
    x = before * (1.0 + 1e-4) + (1e-4 if before >= 0.0 else -1e-4) if x1 is None else stopped(1.0 * x1)
    at_before = stopped(func(before, *given))
    at_x = stopped(func(x, *given))
    if abs(at_x) >= abs(at_before):
        before, x = x, before
        at_before, at_x = at_x, at_before
    for _ in range(maxiter):
        if at_x == at_before or abs(x - before) <= 1e-9 * (1.0 + abs(x)):
            break
        new = x - at_x * (x - before) / (at_x - at_before)
        before = x
        at_before = at_x
        x = new
        at_x = stopped(func(x, *given))
    return implicit_root(func, x, *given)


@dataclass
class Root:
    """What `root_scalar` gives."""

    root: Any
    converged: Any


@expands(optimize.root_scalar)
def root_scalar(
    f: Any,
    args: Any = (),
    method: Any = None,
    bracket: Any = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: Any = None,
    x1: Any = None,
    xtol: Any = None,
    rtol: Any = None,
    maxiter: Any = None,
    options: Any = None,
) -> Any:
    if bracket is None:
        return Root(newton(f, x0, fprime, args, x1=x1), True)
    return Root(brentq(f, bracket[0], bracket[1], args), True)


@expands(optimize.fixed_point)
def fixed_point(func: Any, x0: Any, args: Any = (), xtol: Any = 1e-8, maxiter: Any = 500, method: Any = "del2") -> Any:
    return implicit_root(lambda x: x - func(x, *given_of(args)), x0)


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
    if full_output:
        unsupported("scipy.optimize.fsolve with full_output")

    def residual(x: Any) -> Any:
        return doubles(np.atleast_1d(np.asarray(func(x, *given_of(args)))))

    # steps that are shortened stay near to where the search begins; Newton's method goes to any root
    return implicit_root(residual, least_residuals(residual, stopped(doubles(np.atleast_1d(np.asarray(x0))))))


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
    if jac is True or callback is not None:
        unsupported("scipy.optimize.root with jac=True or a callback")
    x = fsolve(fun, x0, args)
    return Found(x, doubles(np.atleast_1d(np.asarray(fun(x, *given_of(args))))), True, _SUCCESS)


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
    """By the method of Broyden, Fletcher, Goldfarb and Shanno, whichever is named: the minimum is the same."""
    if bounds is not None or callback is not None or len(constraints) > 0:
        unsupported("scipy.optimize.minimize with bounds, constraints or a callback")
    given = given_of(args)

    def objective(x: Any) -> Any:
        return fun(x, *given)[0] if jac is True else fun(x, *given)

    x = implicit_root(
        lambda x: slope_of(objective, x), lowest_point(objective, stopped(doubles(np.atleast_1d(np.asarray(x0)))))
    )
    return Found(x, objective(x), True, _SUCCESS)


@dataclass
class FoundNumber:
    """What `minimize_scalar` gives."""

    x: Any
    fun: Any
    success: Any


@expands(optimize.minimize_scalar)
def minimize_scalar(
    fun: Any,
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: Any = None,
    tol: Any = None,
    options: Any = None,
) -> Any:
    given = given_of(args)

    def objective(x: Any) -> Any:
        return fun(x, *given)

    ends = (0.0, 1.0) if bracket is None else bracket
    low, high = ends[:2] if bounds is None else bounds
    start = lowest_between(objective, stopped(1.0 * low), stopped(1.0 * high), bounds is None)
    x = implicit_root(lambda x: slope_of(objective, x), start)
    return FoundNumber(x, objective(x), True)


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
    given = given_of(args)

    def residual(x: Any) -> Any:
        return doubles(np.atleast_1d(np.asarray(fun(x, *given))))

    x = squares_root(residual, stopped(doubles(np.atleast_1d(np.asarray(x0)))))
    return Found(x, residual(x), True, _SUCCESS)


def squares_root(residual: Any, start: Any) -> Any:
    def cost(x: Any) -> Any:
        r = residual(x)
        return 0.5 * np.sum(r * r)

    return implicit_root(lambda x: slope_of(cost, x), least_residuals(residual, start))


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
    ftol: Any = 1e-8,
    xtol: Any = 1e-8,
    gtol: Any = 0.0,
) -> Any:
    if p0 is None or bounds is not None or full_output or nan_policy is not None:
        unsupported("scipy.optimize.curve_fit without p0, with bounds, full_output or nan_policy")
    if sigma is not None and np.ndim(sigma) > 1:
        unsupported("scipy.optimize.curve_fit with a matrix for sigma")
    begin = stopped(doubles(np.atleast_1d(np.asarray(p0))))

    def residual(p: Any) -> Any:
        r = doubles(np.asarray(f(xdata, *[p[k] for k in range(len(p0))]))) - ydata
        return r if sigma is None else r / sigma

    x = squares_root(residual, begin)
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
