"""Polynomials between breakpoints, as the splines of `scipy.interpolate` are: what their objects are read as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import interpolate

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import STAND_INS, unsupported


@dataclass
class Piecewise:
    """A polynomial in the distance from the breakpoint on the left, in each interval.

    `c` has the coefficients, an array for each power, the highest first; an axis behind that of the intervals is one of
    values. `outside` says what there is beyond the ends: `extrapolate`, `nan` or `periodic`.

    >>> line = Piecewise((np.array([2.0, 4.0]), np.array([0.0, 2.0])), np.array([0.0, 1.0, 2.0]), "nan")
    >>> line(np.array([0.5, 1.5, 3.0])), float(line(1.5, 1)), float(line.integrate(0.0, 2.0))
    (array([ 1.,  4., nan]), 4.0, 5.0)
    """

    c: Any
    x: Any
    outside: Any

    def __call__(self, x: Any, nu: Any = 0, extrapolate: Any = None) -> Any:
        place = doubles(np.asarray(x))
        beyond = self.outside if extrapolate is None else mode_of(extrapolate)
        if beyond == "periodic":
            place = self.x[0] + (place - self.x[0]) % (self.x[-1] - self.x[0])
        at = np.clip(np.searchsorted(self.x, place, "right") - 1, 0, len(self.x) - 2)
        distance = place - self.x[at]
        known = (place >= self.x[0]) & (place <= self.x[-1]) if beyond == "nan" else place == place
        if np.ndim(self.c[0]) > 1:
            distance = distance[..., None]
            known = known[..., None]
        c = differentiated(self.c, nu)
        y = c[0][at] + 0.0 * distance
        for one in c[1:]:
            y = y * distance + one[at]
        return np.where(known, y, np.nan) if beyond == "nan" else y

    def derivative(self, nu: Any = 1) -> Any:
        return Piecewise(differentiated(self.c, nu), self.x, self.outside)

    def antiderivative(self, nu: Any = 1) -> Any:
        if nu != 1:
            unsupported("the antiderivative of a spline of an order other than 1")
        return Piecewise(integrated(self.c, self.x), self.x, self.outside)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        beyond = self.outside if extrapolate is None else mode_of(extrapolate)
        if beyond == "periodic":
            unsupported("the integral of a periodic spline")
        whole = Piecewise(integrated(self.c, self.x), self.x, beyond)
        return whole(b) - whole(a)


def mode_of(extrapolate: Any) -> Any:
    if extrapolate == "periodic":
        return "periodic"
    return "extrapolate" if extrapolate else "nan"


def differentiated(c: Any, nu: Any) -> Any:
    """The coefficients of the derivative of this order."""
    for _ in range(nu):
        n = len(c) - 1
        c = tuple([c[k] * (1.0 * (n - k)) for k in range(n)]) if n > 0 else (0.0 * c[0],)
    return c


def integrated(c: Any, x: Any) -> Any:
    """The coefficients of the integral from the first breakpoint on."""
    n = len(c)
    higher = [c[k] / (1.0 * (n - k)) for k in range(n)]
    widths = np.diff(x)
    if np.ndim(c[0]) > 1:
        widths = widths[:, None]
    total = 0.0 * higher[0]
    for one in higher:
        total = (total + one) * widths
    sums = np.cumsum(total, axis=0)
    return (*higher, np.concatenate((0.0 * sums[:1], sums[:-1])))


# ---- objects of SciPy ---------------------------------------------------------------------------


def _as_piecewise(one: Any) -> Any:
    if one.axis != 0 or one.c.ndim > 3 or np.iscomplexobj(one.c) or not bool(np.all(np.diff(one.x) >= 0.0)):
        return one
    kept = np.diff(one.x) > 0.0
    ends = np.append(one.x[:-1][kept], one.x[-1])
    return Piecewise(tuple(row[kept] for row in one.c), ends, mode_of(one.extrapolate))


def _spline_as_piecewise(one: Any) -> Any:
    return _as_piecewise(interpolate.PPoly.from_spline(one)) if one.axis == 0 and one.c.ndim == 1 else one


def _fit_as_piecewise(one: Any) -> Any:
    outside = {0: "extrapolate"}.get(one.ext)
    if outside is None:
        return one
    return _as_piecewise(interpolate.PPoly.from_spline(one._eval_args))


STAND_INS[interpolate.PPoly] = _as_piecewise
STAND_INS[interpolate.BSpline] = _spline_as_piecewise
STAND_INS[interpolate.UnivariateSpline] = _fit_as_piecewise
