"""Interpolation by `scipy.interpolate` with one variable: cubic splines, and lines between samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import interpolate, linalg

from srcad.rules.expansions.linalg import floats
from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import STAND_INS, expands, unsupported
from srcad.rules.scipy.piecewise import Piecewise, mode_of

# ---- cubic polynomials by values and slopes -----------------------------------------------------


def samples(x: Any, y: Any, axis: Any, name: Any) -> Any:
    places = doubles(np.asarray(x))
    values = doubles(np.asarray(y))
    if np.ndim(values) > 2 or axis != 0:
        unsupported(f"scipy.interpolate.{name} of more than two axes, or along another than the first")
    if np.ndim(places) != 1 or places.shape[0] != values.shape[0] or places.shape[0] < 2:
        raise ValueError("x has one axis, with as many items as y has along its first one, two at least")
    if np.any(np.diff(places) <= 0.0):
        raise ValueError("`x` must be strictly increasing sequence.")
    return places, values


def along_first(steps: Any, values: Any) -> Any:
    return steps if np.ndim(values) == 1 else steps[:, None]


def hermite(x: Any, y: Any, slopes: Any, outside: Any) -> Any:
    """The cubic polynomials that have these values and slopes at the breakpoints."""
    widths = along_first(np.diff(x), y)
    secants = np.diff(y, axis=0) / widths
    bend = (slopes[:-1] + slopes[1:] - 2.0 * secants) / widths
    return Piecewise((bend / widths, (secants - slopes[:-1]) / widths - bend, slopes[:-1], y[:-1]), x, outside)


@expands(interpolate.CubicHermiteSpline)
def hermite_spline(x: Any, y: Any, dydx: Any, axis: Any = 0, extrapolate: Any = None) -> Any:
    places, values = samples(x, y, axis, "CubicHermiteSpline")
    return hermite(
        places, values, doubles(np.asarray(dydx)), "extrapolate" if extrapolate is None else mode_of(extrapolate)
    )


@expands(interpolate.CubicSpline)
def cubic_spline(x: Any, y: Any, axis: Any = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None) -> Any:
    places, values = samples(x, y, axis, "CubicSpline")
    if bc_type == "periodic":
        unsupported("scipy.interpolate.CubicSpline with bc_type='periodic'")
    first, last = (bc_type, bc_type) if isinstance(bc_type, str) else bc_type
    slopes = spline_slopes(places, values, first, last)
    return hermite(places, values, slopes, "extrapolate" if extrapolate is None else mode_of(extrapolate))


def spline_slopes(x: Any, y: Any, first: Any, last: Any) -> Any:
    """The slopes at the breakpoints for which the second derivative is continuous: de Boor (1978), chapter 4."""
    n = x.shape[0]
    dx = np.diff(x)
    widths = along_first(dx, y)
    secants = np.diff(y, axis=0) / widths
    if n == 2 and first == "not-a-knot" and last == "not-a-knot":
        return np.concatenate((secants, secants))
    band = np.zeros((3, n))
    right = np.zeros(y.shape)
    if n == 3 and first == "not-a-knot" and last == "not-a-knot":
        # a parabola
        band[1, 0], band[0, 1] = 1.0, 1.0
        band[2, 0], band[1, 1], band[0, 2] = dx[1], 2.0 * (dx[0] + dx[1]), dx[0]
        band[2, 1], band[1, 2] = 1.0, 1.0
        right[0] = 2.0 * secants[0]
        right[1] = 3.0 * (dx[0] * secants[1] + dx[1] * secants[0])
        right[2] = 2.0 * secants[1]
        return linalg.solve_banded((1, 1), band, right)
    band[1, 1:-1] = 2.0 * (dx[:-1] + dx[1:])
    band[0, 2:] = dx[:-1]
    band[2, :-2] = dx[1:]
    right[1:-1] = 3.0 * (widths[1:] * secants[:-1] + widths[:-1] * secants[1:])
    if first == "not-a-knot":
        band[1, 0] = dx[1]
        band[0, 1] = x[2] - x[0]
        d = x[2] - x[0]
        right[0] = ((dx[0] + 2.0 * d) * dx[1] * secants[0] + dx[0] ** 2 * secants[1]) / d
    else:
        order, value = condition(first)
        if order == 1:
            band[1, 0] = 1.0
            right[0] = value
        else:
            band[1, 0] = 2.0 * dx[0]
            band[0, 1] = dx[0]
            right[0] = -0.5 * value * dx[0] ** 2 + 3.0 * (y[1] - y[0])
    if last == "not-a-knot":
        band[1, -1] = dx[-2]
        band[2, -2] = x[-1] - x[-3]
        d = x[-1] - x[-3]
        right[-1] = (dx[-1] ** 2 * secants[-2] + (2.0 * d + dx[-1]) * dx[-2] * secants[-1]) / d
    else:
        order, value = condition(last)
        if order == 1:
            band[1, -1] = 1.0
            right[-1] = value
        else:
            band[1, -1] = 2.0 * dx[-1]
            band[2, -2] = dx[-1]
            right[-1] = 0.5 * value * dx[-1] ** 2 + 3.0 * (y[-1] - y[-2])
    return linalg.solve_banded((1, 1), band, right)


def condition(end: Any) -> Any:
    """The order of the derivative that is given at an end, and its value."""
    if end == "natural":
        return 2, 0.0
    if end == "clamped":
        return 1, 0.0
    if isinstance(end, str):
        raise ValueError("bc_type is 'not-a-knot', 'clamped', 'natural', or a pair of orders and values")
    return end


@expands(interpolate.PchipInterpolator)
def pchip(x: Any, y: Any, axis: Any = 0, extrapolate: Any = None) -> Any:
    """The slopes are weighted harmonic means of the secants': Fritsch and Butland (1984)."""
    places, values = samples(x, y, axis, "PchipInterpolator")
    n = places.shape[0]
    h = along_first(np.diff(places), values)
    m = np.diff(values, axis=0) / h
    if n == 2:
        slopes = np.concatenate((m, m))
    else:
        turns = m[1:] * m[:-1] <= 0.0
        w1 = 2.0 * h[1:] + h[:-1]
        w2 = h[1:] + 2.0 * h[:-1]
        left = np.where(turns, 1.0, m[:-1])
        right = np.where(turns, 1.0, m[1:])
        inner = np.where(turns, 0.0, (w1 + w2) / (w1 / left + w2 / right))
        first = end_slope(h[:1], h[1:2], m[:1], m[1:2])
        last = end_slope(h[-1:], h[-2:-1], m[-1:], m[-2:-1])
        slopes = np.concatenate((first, inner, last))
    return hermite(places, values, slopes, "extrapolate" if extrapolate is None else mode_of(extrapolate))


def end_slope(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    """Of a parabola, as far as that keeps the shape."""
    d = ((2.0 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    steep = (np.sign(m0) != np.sign(m1)) & (np.abs(d) > 3.0 * np.abs(m0))
    return np.where(np.sign(d) != np.sign(m0), 0.0, np.where(steep, 3.0 * m0, d))


@expands(interpolate.Akima1DInterpolator)
def akima(x: Any, y: Any, axis: Any = 0, *, method: Any = "akima", extrapolate: Any = None) -> Any:
    """Akima (1970), with the weights of Moler for `makima`."""
    places, values = samples(x, y, axis, "Akima1DInterpolator")
    if np.ndim(values) != 1:
        unsupported("scipy.interpolate.Akima1DInterpolator of more than one axis")
    inner = np.diff(values) / np.diff(places)
    m_1 = 2.0 * inner[0] - inner[1]
    m_n = 2.0 * inner[-1] - inner[-2]
    m = np.concatenate((
        np.array([2.0 * m_1 - inner[0], m_1]), inner, np.array([m_n, 2.0 * m_n - inner[-1]])
    ))  # fmt: skip
    changes = np.abs(np.diff(m))
    if method == "makima":
        changes = changes + 0.5 * np.abs(m[1:] + m[:-1])
    f1 = changes[2:]
    f2 = changes[:-2]
    both = f1 + f2
    clear = both > 1e-9 * np.max(both)
    share = f2 / np.where(clear, both, 1.0)
    slopes = np.where(clear, m[1:-2] + share * (m[2:-1] - m[1:-2]), 0.5 * (m[3:] + m[:-3]))
    return hermite(places, values, slopes, "nan" if extrapolate is None else mode_of(extrapolate))


@expands(interpolate.make_interp_spline)
def make_interp_spline(
    x: Any, y: Any, k: Any = 3, t: Any = None, bc_type: Any = None, axis: Any = 0, check_finite: Any = True
) -> Any:
    if t is not None or (k != 3 and k != 1):
        unsupported("scipy.interpolate.make_interp_spline with knots, or of a degree other than 1 and 3")
    places, values = samples(x, y, axis, "make_interp_spline")
    if k == 1:
        return lines(places, values, "extrapolate")
    return cubic_spline(places, values, axis, "not-a-knot" if bc_type is None else bc_type)


def lines(x: Any, y: Any, outside: Any) -> Any:
    return Piecewise((np.diff(y, axis=0) / along_first(np.diff(x), y), y[:-1]), x, outside)


# ---- interp1d ----------------------------------------------------------------------------------


@dataclass
class Interpolated:
    """What `interp1d` gives: a function between samples, a value or an error beyond them."""

    inner: Any
    x: Any
    y: Any
    kind: Any
    raises: Any
    below: Any
    above: Any

    def __call__(self, x: Any) -> Any:
        place = doubles(np.asarray(x))
        if self.raises == "raise":
            if np.any(place < self.x[0]):
                raise ValueError("A value in x_new is below the interpolation range.")
            if np.any(place > self.x[-1]):
                raise ValueError("A value in x_new is above the interpolation range.")
        n = len(self.x)
        if self.kind == "previous":
            y = self.y[np.clip(np.searchsorted(self.x, place, "right") - 1, 0, n - 1)]
        elif self.kind == "next":
            y = self.y[np.clip(np.searchsorted(self.x, place, "left"), 0, n - 1)]
        elif self.kind == "nearest":
            y = self.y[np.clip(np.searchsorted(0.5 * (self.x[1:] + self.x[:-1]), place, "left"), 0, n - 1)]
        else:
            y = self.inner(place)
        if self.raises == "extrapolate":
            return y
        return np.where(place < self.x[0], self.below, np.where(place > self.x[-1], self.above, y))


@expands(interpolate.interp1d)
def interp1d(
    x: Any,
    y: Any,
    kind: Any = "linear",
    axis: Any = -1,
    copy: Any = True,
    bounds_error: Any = None,
    fill_value: Any = np.nan,
    assume_sorted: Any = False,
) -> Any:
    places = floats(np.asarray(x))
    values = floats(np.asarray(y))
    if np.ndim(values) != 1:
        unsupported("scipy.interpolate.interp1d of more than one axis")
    if not assume_sorted:
        order = np.argsort(places)
        places = places[order]
        values = values[order]
    if kind == "cubic" or kind == 3:
        inner = cubic_spline(places, values)
    elif kind == "linear" or kind == "slinear" or kind == 1:
        inner = lines(places, values, "extrapolate")
    elif kind in ("previous", "next", "nearest"):
        inner = None
    else:
        unsupported(f"scipy.interpolate.interp1d of kind {kind}")
    if isinstance(fill_value, str):
        if fill_value != "extrapolate":
            raise ValueError("fill_value is a number, a pair of them, or 'extrapolate'")
        return Interpolated(inner, places, values, kind, "extrapolate", 0.0, 0.0)
    below, above = fill_value if isinstance(fill_value, tuple) else (fill_value, fill_value)
    strict = bounds_error is None and not isinstance(fill_value, tuple) and is_nan(fill_value)
    return Interpolated(inner, places, values, kind, "raise" if strict or bounds_error else "fill", below, above)


def is_nan(value: Any) -> Any:
    return isinstance(value, float) and value != value


def _as_interpolated(one: Any) -> Any:
    if one.y.ndim != 1 or np.iscomplexobj(one.y):
        return one
    kind = one._kind
    if kind == "spline":
        degree = one._spline.k
        if degree != 3 and degree != 1:
            return one
        kind = "cubic" if degree == 3 else "linear"
    y = one.y.astype(np.float64)
    inner = None
    if kind == "linear":
        slopes = np.diff(y) / np.diff(one.x)
        inner = Piecewise((slopes, y[:-1]), one.x.astype(np.float64), "extrapolate")
    elif kind == "cubic":
        made = interpolate.CubicSpline(one.x, y)
        inner = Piecewise(tuple(made.c), made.x, "extrapolate")
    raises = "extrapolate" if one._extrapolate else "raise" if one.bounds_error else "fill"
    below, above = (0.0, 0.0) if one._extrapolate else (one._fill_value_below, one._fill_value_above)
    return Interpolated(inner, one.x, y, kind, raises, float(np.squeeze(below)), float(np.squeeze(above)))


STAND_INS[interpolate.interp1d] = _as_interpolated
