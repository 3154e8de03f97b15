"""`scipy.optimize` for functions of a number: roots and minima, whose derivatives are those of the implicit function.

The searches are SciPy's own, step by step; what they find is a constant, and has SciPy's value to the last bit. A step
of Newton's method from there has the derivative (`expansions.roots`). A minimum is a root of the slope.
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
from srcad.rules.scipy.found_points import given_of, slope_of, with_value
from srcad.rules.scipy.scalar_minima import (
    bracketed,
    checked_bracket,
    lowest_between,
    lowest_by_brent,
    lowest_by_sections,
)
from srcad.rules.scipy.scalar_roots import (
    by_brent,
    by_repetition,
    by_ridder,
    by_secants,
    by_slopes,
    forward_difference,
    halved,
)

stopped = PRIMITIVES["stop_gradient"]

# ---- roots -------------------------------------------------------------------------------------


def rooted(f: Any, found: Any, given: Any) -> Any:
    return with_value(found, implicit_root(f, found, *given))


@dataclass
class Root:
    """What `root_scalar` gives."""

    root: Any
    converged: Any


def found_between(method: Any, f: Any, a: Any, b: Any, given: Any, xtol: Any, rtol: Any, most: Any) -> Any:
    first = stopped(1.0 * a)
    last = stopped(1.0 * b)

    def of_point(x: Any) -> Any:
        return f(x, *given)

    if method == "bisect":
        found = halved(of_point, first, last, xtol, rtol, most)
    elif method == "ridder":
        found = by_ridder(of_point, first, last, xtol, rtol, most)
    elif method in ("brentq", "brenth"):
        found = by_brent(of_point, first, last, xtol, rtol, most, method == "brenth")
    else:
        unsupported(f"a root of scipy.optimize with method={method}")
    return rooted(f, found, given)


@expands(optimize.brentq)
def brentq(
    f: Any,
    a: Any,
    b: Any,
    args: Any = (),
    xtol: Any = 2e-12,
    rtol: Any = 8.881784197001252e-16,
    maxiter: Any = 100,
    full_output: Any = False,
    disp: Any = True,
) -> Any:
    x = found_between("brentq", f, a, b, given_of(args), xtol, rtol, maxiter)
    return (x, Root(x, True)) if full_output else x


@expands(optimize.brenth)
def brenth(
    f: Any,
    a: Any,
    b: Any,
    args: Any = (),
    xtol: Any = 2e-12,
    rtol: Any = 8.881784197001252e-16,
    maxiter: Any = 100,
    full_output: Any = False,
    disp: Any = True,
) -> Any:
    x = found_between("brenth", f, a, b, given_of(args), xtol, rtol, maxiter)
    return (x, Root(x, True)) if full_output else x


@expands(optimize.bisect)
def bisect(
    f: Any,
    a: Any,
    b: Any,
    args: Any = (),
    xtol: Any = 2e-12,
    rtol: Any = 8.881784197001252e-16,
    maxiter: Any = 100,
    full_output: Any = False,
    disp: Any = True,
) -> Any:
    x = found_between("bisect", f, a, b, given_of(args), xtol, rtol, maxiter)
    return (x, Root(x, True)) if full_output else x


@expands(optimize.ridder)
def ridder(
    f: Any,
    a: Any,
    b: Any,
    args: Any = (),
    xtol: Any = 2e-12,
    rtol: Any = 8.881784197001252e-16,
    maxiter: Any = 100,
    full_output: Any = False,
    disp: Any = True,
) -> Any:
    x = found_between("ridder", f, a, b, given_of(args), xtol, rtol, maxiter)
    return (x, Root(x, True)) if full_output else x


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
    if np.ndim(x0) > 0:
        unsupported("scipy.optimize.newton of several numbers")
    x = found_from(func, x0, x1, fprime, fprime2, given_of(args), tol, rtol, maxiter)
    return (x, Root(x, True)) if full_output else x


def found_from(f: Any, x0: Any, x1: Any, slope: Any, curvature: Any, given: Any, tol: Any, rtol: Any, most: Any) -> Any:
    first = stopped(1.0 * x0)

    def of_point(x: Any) -> Any:
        return f(x, *given)

    if slope is None:
        second = first * (1.0 + 1e-4)
        second = second + (1e-4 if second >= 0.0 else -1e-4) if x1 is None else stopped(1.0 * x1)
        return rooted(f, by_secants(of_point, first, second, tol, rtol, most), given)

    def slope_at(x: Any) -> Any:
        return slope(x, *given)

    def curvature_at(x: Any) -> Any:
        return curvature(x, *given)

    bent = None if curvature is None else curvature_at
    return rooted(f, by_slopes(of_point, slope_at, bent, first, tol, rtol, most), given)


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
    if options is not None or fprime is True or fprime2 is True:
        unsupported("scipy.optimize.root_scalar with options, or a function that returns its slope")
    given = given_of(args)
    if method is None:
        if bracket is not None:
            way = "brentq"
        elif fprime is not None:
            way = "newton" if fprime2 is None else "halley"
        else:
            way = "newton" if x1 is None else "secant"
    else:
        way = method.lower()
    if way in ("newton", "halley", "secant"):
        tol = 1.48e-8 if xtol is None else xtol
        part = 0.0 if rtol is None else rtol
        most = 50 if maxiter is None else maxiter

        def of_point(x: Any) -> Any:
            return f(x, *given)

        if way == "secant":
            return Root(found_from(f, x0, x1, None, None, given, tol, part, most), True)
        if fprime is None:
            found = by_slopes(of_point, forward_difference(of_point), None, stopped(1.0 * x0), tol, part, most)
            return Root(rooted(f, found, given), True)
        bent = fprime2 if way == "halley" else None
        return Root(found_from(f, x0, None, fprime, bent, given, tol, part, most), True)
    near = 2e-12 if xtol is None else xtol
    share = 8.881784197001252e-16 if rtol is None else rtol
    steps = 100 if maxiter is None else maxiter
    return Root(found_between(way, f, bracket[0], bracket[1], given, near, share, steps), True)


@expands(optimize.fixed_point)
def fixed_point(func: Any, x0: Any, args: Any = (), xtol: Any = 1e-8, maxiter: Any = 500, method: Any = "del2") -> Any:
    given = given_of(args)

    def image(x: Any) -> Any:
        return doubles(np.asarray(func(x, *given)))

    found = by_repetition(image, stopped(doubles(np.asarray(x0))), xtol, maxiter, method == "del2")
    return with_value(found, implicit_root(lambda x: x - image(x), found))


# ---- minima ------------------------------------------------------------------------------------


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
    if options is not None:
        unsupported("scipy.optimize.minimize_scalar with options")
    given = given_of(args)

    def objective(x: Any) -> Any:
        return fun(x, *given)

    way = ("brent" if bounds is None else "bounded") if method is None else method.lower()
    if way == "bounded":
        low = stopped(1.0 * bounds[0])
        high = stopped(1.0 * bounds[1])
        near = 1e-5 if tol is None else tol
        found, success = lowest_between(objective, low, high, near, 499)
    else:
        if bracket is not None and len(bracket) == 3:
            ends = (stopped(1.0 * bracket[0]), stopped(1.0 * bracket[1]), stopped(1.0 * bracket[2]))
            a, b, c = checked_bracket(objective, ends[0], ends[1], ends[2])
        elif bracket is not None:
            a, b, c = bracketed(objective, stopped(1.0 * bracket[0]), stopped(1.0 * bracket[1]))
        else:
            a, b, c = bracketed(objective, 0.0, 1.0)
        if way == "brent":
            found, success = lowest_by_brent(objective, a, b, c, 1.48e-8 if tol is None else tol, 500)
        elif way == "golden":
            found, success = lowest_by_sections(objective, a, b, c, 2.0**-26 if tol is None else tol, 5000)
        else:
            unsupported(f"scipy.optimize.minimize_scalar with method={method}")
    if not success:
        raise ValueError("minimize_scalar: no minimum found; allow a larger tolerance")
    if way == "bounded" and found - low <= 2.0 * near and stopped(slope_of(objective, low)) > 0.0:
        x = with_value(found, 1.0 * bounds[0])  # it moves with the end that it is at
    elif way == "bounded" and high - found <= 2.0 * near and stopped(slope_of(objective, high)) < 0.0:
        x = with_value(found, 1.0 * bounds[1])
    else:
        x = with_value(found, implicit_root(lambda x: slope_of(objective, x), found))
    return FoundNumber(x, objective(x), True)
