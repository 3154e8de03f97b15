"""Searches of `scipy.optimize` for the minimum of a function of a number, step by step as SciPy makes them.

What they find is a constant. Where there are several minima, it is the one that SciPy finds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.rules.primitives import PRIMITIVES

stopped = PRIMITIVES["stop_gradient"]

_GROWTH = 1.618034
_FAR = 110.0


def bracketed(f: Any, first: Any, second: Any) -> Any:
    """Three points, the middle one lowest: downhill, by parabolas. Press et al., Numerical Recipes, 10.1."""
    a = first
    b = second
    at_a = stopped(f(a))
    at_b = stopped(f(b))
    if at_a < at_b:
        a, b = b, a
        at_a, at_b = at_b, at_a
    c = b + _GROWTH * (b - a)
    at_c = stopped(f(c))
    for _ in range(1001):
        if not at_c < at_b:
            break
        from_a = (b - a) * (at_b - at_c)
        from_c = (b - c) * (at_b - at_a)
        bend = from_c - from_a
        w = b - ((b - c) * from_c - (b - a) * from_a) / (2.0 * bend if abs(bend) >= 1e-21 else 2e-21)
        limit = b + _FAR * (c - b)
        if (w - c) * (b - w) > 0.0:
            at_w = stopped(f(w))
            if at_w < at_c:
                a = b
                b = w
                at_a = at_b
                at_b = at_w
                break
            if at_w > at_b:
                c = w
                at_c = at_w
                break
            w = c + _GROWTH * (c - b)
        elif (w - limit) * (limit - c) >= 0.0:
            w = limit
        elif (w - limit) * (c - w) > 0.0:
            at_w = stopped(f(w))
            if at_w < at_c:
                b = c
                c = w
                w = c + _GROWTH * (c - b)
                at_b = at_c
                at_c = at_w
        else:
            w = c + _GROWTH * (c - b)
        a = b
        b = c
        c = w
        at_a = at_b
        at_b = at_c
        at_c = stopped(f(c))
    lowest = (at_b < at_c and at_b <= at_a) or (at_b < at_a and at_b <= at_c)
    if not (lowest and ((a < b and b < c) or (c < b and b < a)) and abs(a) < np.inf and abs(c) < np.inf):
        raise RuntimeError("The algorithm terminated without finding a valid bracket")
    return a, b, c


def checked_bracket(f: Any, first: Any, middle: Any, last: Any) -> Any:
    """Three points that are given, in their order."""
    a = first
    c = last
    if a > c:
        a, c = c, a
    if not (a < middle and middle < c):
        raise ValueError("Bracketing values (xa, xb, xc) do not fulfill this requirement: (xa < xb) and (xb < xc)")
    at_middle = stopped(f(middle))
    if not (at_middle < stopped(f(a)) and at_middle < stopped(f(c))):
        raise ValueError("Bracketing values do not fulfill this requirement: (f(xb) < f(xa)) and (f(xb) < f(xc))")
    return a, middle, c


def lowest_by_brent(f: Any, first: Any, middle: Any, last: Any, tol: Any, most: Any) -> Any:
    """Steps by parabolas through the lowest three points `x`, `w`, `v`, or golden sections. Brent (1973), chapter 5."""
    a = min(first, last)
    b = max(first, last)
    x = middle
    w = middle
    v = middle
    at_x = stopped(f(x))
    at_w = at_x
    at_v = at_x
    step = 0.0 * x
    step_before = step
    found = False
    for _ in range(most):
        limit = tol * abs(x) + 1.0e-11
        middle_now = 0.5 * (a + b)
        found = abs(x - middle_now) < 2.0 * limit - 0.5 * (b - a)
        if found:
            break
        accepted = False
        if abs(step_before) > limit:
            by_v = (x - w) * (at_x - at_v)
            by_w = (x - v) * (at_x - at_w)
            p = (x - v) * by_w - (x - w) * by_v
            q = 2.0 * (by_w - by_v)
            if q > 0.0:
                p = -p
            q = abs(q)
            accepted = p > q * (a - x) and p < q * (b - x) and abs(p) < abs(0.5 * q * step_before)
            step_before = step
            if accepted:
                step = p / q
                there = x + step
                if there - a < 2.0 * limit or b - there < 2.0 * limit:
                    step = limit if middle_now - x >= 0.0 else -limit
        if not accepted:
            step_before = a - x if x >= middle_now else b - x
            step = 0.3819660 * step_before
        if abs(step) < limit:
            u = x + limit if step >= 0.0 else x - limit
        else:
            u = x + step
        at_u = stopped(f(u))
        if at_u > at_x:
            if u < x:
                a = u
            else:
                b = u
            if at_u <= at_w or w == x:
                v = w
                at_v = at_w
                w = u
                at_w = at_u
            elif at_u <= at_v or v in (x, w):
                v = u
                at_v = at_u
        else:
            if u >= x:
                a = x
            else:
                b = x
            v = w
            at_v = at_w
            w = x
            at_w = at_x
            x = u
            at_x = at_u
    return x, found


def lowest_by_sections(f: Any, first: Any, middle: Any, last: Any, tol: Any, most: Any) -> Any:
    """Golden sections."""
    ratio = 0.61803399
    rest = 1.0 - ratio
    a = first
    d = last
    if abs(last - middle) > abs(middle - first):
        b = middle
        c = middle + rest * (last - middle)
    else:
        c = middle
        b = middle - rest * (middle - first)
    at_b = stopped(f(b))
    at_c = stopped(f(c))
    found = False
    for _ in range(most):
        found = abs(d - a) <= tol * (abs(b) + abs(c))
        if found:
            break
        if at_c < at_b:
            a = b
            b = c
            c = ratio * b + rest * d
            at_b = at_c
            at_c = stopped(f(c))
        else:
            d = c
            c = b
            b = ratio * c + rest * a
            at_c = at_b
            at_b = stopped(f(b))
    return (b if at_b < at_c else c), found


def lowest_between(f: Any, low: Any, high: Any, tol: Any, most: Any) -> Any:
    """Between two ends, as `lowest_by_brent`: Forsythe, Malcolm and Moler (1977), `fmin`."""
    if low > high:
        raise ValueError("The lower bound exceeds the upper bound")
    root_of_eps = math.sqrt(2.2e-16)
    ratio = 0.5 * (3.0 - math.sqrt(5.0))
    a = low
    b = high
    v = a + ratio * (b - a)
    w = v
    x = v
    at_x = stopped(f(x))
    at_w = at_x
    at_v = at_x
    step = 0.0 * x
    step_before = step
    found = False
    for _ in range(most):
        middle = 0.5 * (a + b)
        limit = root_of_eps * abs(x) + tol / 3.0
        found = not abs(x - middle) > 2.0 * limit - 0.5 * (b - a)
        if found:
            break
        accepted = False
        if abs(step_before) > limit:
            r = (x - w) * (at_x - at_v)
            q = (x - v) * (at_x - at_w)
            p = (x - v) * q - (x - w) * r
            q = 2.0 * (q - r)
            if q > 0.0:
                p = -p
            q = abs(q)
            accepted = abs(p) < abs(0.5 * q * step_before) and p > q * (a - x) and p < q * (b - x)
            step_before = step
            if accepted:
                step = p / q
                there = x + step
                if there - a < 2.0 * limit or b - there < 2.0 * limit:
                    step = limit if middle - x >= 0.0 else -limit
        if not accepted:
            step_before = a - x if x >= middle else b - x
            step = ratio * step_before
        length = max(abs(step), limit)
        u = x + (length if step >= 0.0 else -length)
        at_u = stopped(f(u))
        if at_u <= at_x:
            if u >= x:
                a = x
            else:
                b = x
            v = w
            at_v = at_w
            w = x
            at_w = at_x
            x = u
            at_x = at_u
        else:
            if u < x:
                a = u
            else:
                b = u
            if at_u <= at_w or w == x:
                v = w
                at_v = at_w
                w = u
                at_w = at_u
            elif at_u <= at_v or v in (x, w):
                v = u
                at_v = at_u
    return x, found
