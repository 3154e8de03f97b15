"""`scipy.integrate.solve_ivp` and `odeint`: the methods of Runge and Kutta, with steps of a length that is controlled.

The lengths of the steps are searched for with constants. The derivative is that of these steps: the discrete adjoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate

from srcad.rules.expansions.math_module import doubles
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import expands, is_constant, unsupported

stopped = PRIMITIVES["stop_gradient"]
_MOST_STEPS = 100_000


@dataclass
class Solution:
    """What `solve_ivp` gives."""

    t: Any
    y: Any
    success: Any
    status: Any
    sol: Any
    message: Any


@expands(integrate.solve_ivp)
def solve_ivp(
    fun: Any,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: Any = False,
    events: Any = None,
    vectorized: Any = False,
    args: Any = None,
    *,
    max_step: Any = np.inf,
    rtol: Any = 1e-3,
    atol: Any = 1e-6,
    first_step: Any = None,
) -> Any:
    if method not in ("RK45", "RK23"):
        unsupported(f"scipy.integrate.solve_ivp with method={method} (RK45 and RK23 are)")
    if dense_output or events is not None or vectorized:
        unsupported("scipy.integrate.solve_ivp with dense_output, events or vectorized")
    given = () if args is None else args
    start = doubles(np.asarray(y0))
    if np.ndim(start) != 1:
        raise ValueError("`y0` must be 1-dimensional.")

    def slope(t: Any, y: Any) -> Any:
        return doubles(np.asarray(fun(t, y, *given)))

    first, last = t_span
    scheme = scheme_of(method)
    ends = step_ends(slope, first, last, start, scheme, rtol, atol, max_step, first_step)
    if t_eval is None:
        y = along_steps(slope, ends, start, scheme)
        return Solution(
            ends, y.T, True, 0, None, "The solver successfully reached the end of the integration interval."
        )
    places = doubles(np.asarray(t_eval))
    y = between_steps(slope, ends, start, places, scheme)
    return Solution(places, y.T, True, 0, None, "The solver successfully reached the end of the integration interval.")


@expands(integrate.odeint)
def odeint(
    func: Any,
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Any = None,
    col_deriv: Any = 0,
    full_output: Any = 0,
    ml: Any = None,
    mu: Any = None,
    rtol: Any = None,
    atol: Any = None,
    tcrit: Any = None,
    h0: Any = 0.0,
    hmax: Any = 0.0,
    hmin: Any = 0.0,
    ixpr: Any = 0,
    mxstep: Any = 0,
    mxhnil: Any = 0,
    mxordn: Any = 12,
    mxords: Any = 5,
    printmessg: Any = 0,
    tfirst: Any = False,
) -> Any:
    """By RK45, with a tenth of the tolerances: LSODA chooses among methods of many orders."""
    if full_output or tcrit is not None:
        unsupported("scipy.integrate.odeint with full_output or tcrit")
    start = doubles(np.atleast_1d(np.asarray(y0)))
    places = doubles(np.asarray(t))

    def slope(time: Any, y: Any) -> Any:
        return doubles(np.atleast_1d(np.asarray(func(time, y, *args) if tfirst else func(y, time, *args))))

    relative = 1.49e-8 if rtol is None else rtol
    absolute = 1.49e-8 if atol is None else atol
    scheme = scheme_of("RK45")
    ends = step_ends(slope, places[0], places[-1], start, scheme, 0.1 * relative, 0.1 * absolute, np.inf, None)
    return between_steps(slope, ends, start, places, scheme)


# ---- one step ----------------------------------------------------------------------------------


def scheme_of(method: Any) -> Any:
    """The places of the stages, what each takes of the slopes before it (the last: the step), what estimates the error.

    Then for each slope the coefficients of the powers of the place in a step, and the order of the estimate.

    Dormand and Prince (1980), with the interpolant of Shampine (1986); Bogacki and Shampine (1989).
    """
    if method == "RK23":
        return (
            np.array([0.0, 1 / 2, 3 / 4, 1.0]),
            np.array([
                0.0, 0.0, 0.0, 0.0, 1 / 2, 0.0, 0.0, 0.0, 0.0, 3 / 4, 0.0, 0.0, 2 / 9, 1 / 3, 4 / 9, 0.0,
            ]).reshape((4, 4)),
            np.array([5 / 72, -1 / 12, -1 / 9, 1 / 8]),
            np.array([1.0, -4 / 3, 5 / 9, 0.0, 1.0, -2 / 3, 0.0, 4 / 3, -8 / 9, 0.0, -1.0, 1.0]).reshape((4, 3)),
            2.0,
        )  # fmt: skip
    return (
        np.array([0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0]),
        np.array([
            0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
            1 / 5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
            3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0, 0.0,
            44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0, 0.0,
            19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0, 0.0,
            9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0, 0.0,
            35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0.0,
        ]).reshape((7, 7)),
        np.array([-71 / 57600, 0.0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40]),
        np.array([
            1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432,
            0.0, 0.0, 0.0, 0.0,
            0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799,
            0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072,
            0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632,
            0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844,
            0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423,
        ]).reshape((7, 4)),
        4.0,
    )  # fmt: skip


def slopes_of(slope: Any, scheme: Any, t: Any, y: Any, f: Any, h: Any) -> Any:
    """The slopes at the stages of a step, the last of them at its end."""
    c, a = scheme[:2]
    k = np.zeros((len(c), len(y)))
    k[0] = f
    for s in range(1, len(c)):
        k[s] = slope(t + c[s] * h, y + h * (a[s] @ k))
    return k


# ---- the lengths of the steps ------------------------------------------------------------------


def rms(x: Any) -> Any:
    return np.sqrt(np.mean(x * x))


def step_ends(
    slope: Any,
    first: Any,
    last: Any,
    y0: Any,
    scheme: Any,
    rtol: Any,
    atol: Any,
    max_step: Any,
    first_step: Any,
) -> Any:
    """Where the steps end, the first of them begins: Hairer, Nørsett, Wanner (1993), II.4."""
    _, a, e, _, order = scheme
    t = stopped(1.0 * first)
    end = stopped(1.0 * last)
    direction = np.sign(end - t)
    y = stopped(y0)
    f = stopped(slope(t, y))
    size = (
        first_length(slope, t, end, y, f, direction, order, rtol, atol, max_step) if first_step is None else first_step
    )
    ends = np.zeros(_MOST_STEPS + 1)
    ends[0] = t
    n = 1
    rejected = False
    while direction * (end - t) > 0.0:
        least = 10.0 * abs(np.spacing(t))
        size = size if rejected else min(max(size, least), max_step)
        if size < least:
            raise ValueError("Required step size is less than spacing between numbers.")
        new = t + size * direction
        if direction * (new - end) > 0.0:
            new = end
        h = new - t
        size = abs(h)
        k = stopped(slopes_of(slope, scheme, t, y, f, h))
        y_new = y + h * (a[-1] @ k)
        error = rms(h * (e @ k) / (atol + np.maximum(np.abs(y), np.abs(y_new)) * rtol))
        if error < 1.0:
            factor = 10.0 if error == 0.0 else min(10.0, 0.9 * error ** (-1.0 / (order + 1.0)))
            size *= min(1.0, factor) if rejected else factor
            t = new
            y = y_new
            f = k[-1]
            if n > _MOST_STEPS:
                raise ValueError("more than 100000 steps: the equations may be stiff, or the tolerances too small")
            ends[n] = t
            n += 1
        else:
            # not a number: shorter, until the step is too short
            size *= max(0.2, 0.9 * error ** (-1.0 / (order + 1.0))) if error == error else 0.2
        rejected = not error < 1.0
    found = ends[:n]
    if is_constant(first) and is_constant(last):
        return found
    # they move with the ends of the interval
    begin = stopped(1.0 * first)
    span = end - begin
    share = (found - begin) / (1.0 if span == 0.0 else span)
    return first + (last - first) * share


def first_length(
    slope: Any, t: Any, end: Any, y: Any, f: Any, direction: Any, order: Any, rtol: Any, atol: Any, max_step: Any
) -> Any:
    length = abs(end - t)
    scale = atol + np.abs(y) * rtol
    d0 = rms(y / scale)
    d1 = rms(f / scale)
    h0 = min(1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1, length)
    f1 = stopped(slope(t + h0 * direction, y + h0 * direction * f))
    d2 = rms((f1 - f) / scale) / h0 if h0 > 0.0 else 0.0
    h1 = max(1e-6, h0 * 1e-3) if d1 <= 1e-15 and d2 <= 1e-15 else (0.01 / max(d1, d2)) ** (1.0 / (order + 1.0))
    return min(100.0 * h0, h1, length, max_step)


# ---- values ------------------------------------------------------------------------------------


def along_steps(slope: Any, ends: Any, y0: Any, scheme: Any) -> Any:
    """The values where steps end."""
    a = scheme[1]
    out = np.zeros((len(ends), len(y0)))
    out[0] = y0
    y = y0
    f = slope(ends[0], y)
    for i in range(len(ends) - 1):
        h = ends[i + 1] - ends[i]
        k = slopes_of(slope, scheme, ends[i], y, f, h)
        y = y + h * (a[-1] @ k)
        f = k[-1]
        out[i + 1] = y
    return out


def between_steps(slope: Any, ends: Any, y0: Any, places: Any, scheme: Any) -> Any:
    """The values at given places, by the polynomials of the steps."""
    _, a, _, p, _ = scheme
    direction = -1.0 if ends[-1] < ends[0] else 1.0
    before = np.searchsorted(stopped(direction * places), stopped(direction * ends), "right")
    out = np.zeros((len(places), len(y0)))
    y = y0
    f = slope(ends[0], y)
    for i in range(len(ends) - 1):
        h = ends[i + 1] - ends[i]
        k = slopes_of(slope, scheme, ends[i], y, f, h)
        powers = k.T @ p
        for j in range(0 if i == 0 else before[i], before[i + 1]):
            s = (places[j] - ends[i]) / h
            inner = powers[:, -1] * s
            for q in range(2, p.shape[1] + 1):
                inner = (inner + powers[:, -q]) * s
            out[j] = y + h * inner
        y = y + h * (a[-1] @ k)
        f = k[-1]
    if len(ends) == 1:
        out[:] = y0
    return out
