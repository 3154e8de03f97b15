"""Integrals of functions in `scipy.integrate`: `quad`, `dblquad`, `fixed_quad`.

The subdivision is searched for with constants. The derivative is that of the sum over the intervals that were found, by
the limits, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate, special

from srcad.rules.expansions.math_module import doubles
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import compile_time, expands, is_constant, unsupported

stopped = PRIMITIVES["stop_gradient"]


@expands(integrate.quad)
def quad(
    func: Any,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: Any = 0,
    epsabs: Any = 1.49e-8,
    epsrel: Any = 1.49e-8,
    limit: Any = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: Any = 50,
    limlst: Any = 50,
    complex_func: Any = False,
) -> Any:
    """Intervals are halved where the rules of Gauss and Kronrod differ most: QUADPACK (1983), without extrapolation."""
    if points is not None or weight is not None or full_output or complex_func:
        unsupported("scipy.integrate.quad with full_output, points, weight or complex_func")
    given = args if isinstance(args, tuple) else (args,)
    below = is_constant(a) and a == -np.inf
    above = is_constant(b) and b == np.inf

    def integrand(t: Any, low: Any, high: Any) -> Any:
        """Of a place in the unit interval: Piessens et al. (1983), 2.2.3.3 for infinite ranges."""
        if not below and not above:
            return func(low + (high - low) * t, *given) * (high - low)
        x = (1.0 - t) / t
        if below and above:
            return (func(x, *given) + func(-x, *given)) / (t * t)
        return (func(high - x, *given) if below else func(low + x, *given)) / (t * t)

    if not (below or np.isfinite(a)) or not (above or np.isfinite(b)):
        raise ValueError("an infinite limit of quad is -np.inf below, np.inf above, and written as such")
    low = 0.0 if below else doubles(a)
    high = 0.0 if above else doubles(b)
    low_then = stopped(low)
    high_then = stopped(high)
    nodes, weights, fewer = gauss_kronrod()

    def constant(t: Any) -> Any:
        return stopped(integrand(t, low_then, high_then))

    lefts, rights, error = subdivision(constant, nodes, weights, fewer, epsabs, epsrel, 4 * limit)
    total = 0.0
    for i in range(len(lefts)):
        middle = 0.5 * (lefts[i] + rights[i])
        half = 0.5 * (rights[i] - lefts[i])
        for k in range(21):
            total += half * weights[k] * integrand(middle + half * nodes[k], low, high)
    return total, error


def subdivision(f: Any, nodes: Any, weights: Any, fewer: Any, epsabs: Any, epsrel: Any, most: Any) -> Any:
    """The ends of the intervals for which the error is small enough, and the error."""
    lefts = np.zeros(most)
    rights = np.ones(most)
    sums = np.zeros(most)
    sizes = np.zeros(most)
    errors = np.zeros(most)
    n = 1
    at: Any = 0
    found = False
    error = 0.0
    while not found and n <= most:
        for turn in range(2):
            i = at if turn == 0 else n - 1
            middle = 0.5 * (lefts[i] + rights[i])
            half = 0.5 * (rights[i] - lefts[i])
            values = np.zeros(21)
            for k in range(21):
                values[k] = f(middle + half * nodes[k])
            sums[i] = half * np.sum(weights * values)
            sizes[i] = half * np.sum(weights * np.abs(values))
            spread = half * np.sum(weights * np.abs(values - sums[i] / (2.0 * half)))
            distance = abs(sums[i] - half * np.sum(fewer * values))
            errors[i] = distance
            if spread > 0.0 and distance > 0.0:
                errors[i] = spread * min(1.0, (200.0 * distance / spread) ** 1.5)
        error = np.sum(errors[:n])
        found = error <= max(epsabs, epsrel * abs(np.sum(sums[:n])), 1e-14 * np.sum(sizes[:n]))
        if not found:
            at = np.argmax(errors[:n])
            if n < most:
                middle = 0.5 * (lefts[at] + rights[at])
                lefts[n] = middle
                rights[n] = rights[at]
                rights[at] = middle
            n += 1
    if not found:
        raise ValueError("quad: the integral does not converge, or slowly; raise limit, or split the range")
    return lefts[:n], rights[:n], error


def gauss_kronrod() -> Any:
    """The nodes of the rule of 21 points, its weights, and those of the rule of 10 at the same points."""
    x = (0.995657163025808080735527280689003, 0.973906528517171720077964012084452, 0.930157491355708226001207180059508,
         0.865063366688984510732096688423493, 0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
         0.562757134668604683339000099272694, 0.433395394129247190799265943165784, 0.294392862701460198131126603103866,
         0.148874338981631210884826001129720)  # fmt: skip
    w = (0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
         0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
         0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
         0.147739104901338491374841515972068)  # fmt: skip
    g = (0.0, 0.066671344308688137593568809893332, 0.0, 0.149451349150580593145863396957697,
         0.0, 0.219086362515982043995534934228163, 0.0, 0.269266719309996355091226921569469,
         0.0, 0.295524224714752870173815619188769)  # fmt: skip
    nodes = np.array([*[-one for one in x], 0.0, *x[::-1]])
    weights = np.array([*w, 0.149445554002916905664936468389821, *w[::-1]])
    return nodes, weights, np.array([*g, 0.0, *g[::-1]])


@expands(integrate.dblquad)
def dblquad(
    func: Any, a: Any, b: Any, gfun: Any, hfun: Any, args: Any = (), epsabs: Any = 1.49e-8, epsrel: Any = 1.49e-8
) -> Any:
    def inner(x: Any) -> Any:
        low = gfun(x) if callable(gfun) else gfun
        high = hfun(x) if callable(hfun) else hfun
        return quad(func, low, high, (x, *args), epsabs=epsabs, epsrel=epsrel)[0]

    return quad(inner, a, b, epsabs=epsabs, epsrel=epsrel)


@compile_time
def legendre(n: int) -> Any:
    nodes, weights = special.roots_legendre(n)
    return tuple(nodes.tolist()), tuple(weights.tolist())


@expands(integrate.fixed_quad)
def fixed_quad(func: Any, a: Any, b: Any, args: Any = (), n: Any = 5) -> Any:
    nodes, weights = legendre(n)
    half = 0.5 * (b - a)
    values = func(half * (np.array([*nodes]) + 1.0) + a, *args)
    return half * np.sum(np.array([*weights]) * values, axis=-1), None
