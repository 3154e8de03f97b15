"""Interpolation by `scipy.interpolate` on grids of several variables: `RegularGridInterpolator`, `interpn`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import interpolate

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import STAND_INS, expands, unsupported


@dataclass
class OnGrid:
    """Values at the points of a grid, and between them: linear in each variable, or those of the nearest point."""

    points: Any
    values: Any
    method: Any
    outside: Any
    fill: Any

    def __call__(self, xi: Any, method: Any = None) -> Any:
        rule = self.method if method is None else method
        if rule != "linear" and rule != "nearest":
            unsupported(f"RegularGridInterpolator with method={rule}")
        d = len(self.points)
        if isinstance(xi, tuple):
            places = np.stack(np.broadcast_arrays(*[doubles(np.asarray(one)) for one in xi]), axis=-1)
        else:
            places = doubles(np.asarray(xi))
        if np.ndim(places) == 1:
            places = places[:, None] if d == 1 else places[None, :]
        if places.shape[-1] != d:
            raise ValueError("the requested sample points have another dimension than the grid")
        flat = self.values.reshape(-1)
        corners: Any = [(0, 1.0)]
        inside = True
        for k in range(d):
            x = self.points[k]
            place = places[..., k]
            inside = inside & (place >= x[0]) & (place <= x[-1])
            at = np.clip(np.searchsorted(x, place, "right") - 1, 0, len(x) - 2)
            share = (place - x[at]) / (x[at + 1] - x[at])
            n = len(x)
            if rule == "nearest":
                corners = [(cell * n + np.where(share <= 0.5, at, at + 1), weight) for cell, weight in corners]
            else:
                corners = [(cell * n + at, weight * (1.0 - share)) for cell, weight in corners] + [
                    (cell * n + at + 1, weight * share) for cell, weight in corners
                ]
        if self.outside == "raise" and not np.all(inside):
            raise ValueError("One of the requested xi is out of bounds")
        y = 0.0 * places[..., 0] if rule == "nearest" else 0.0
        for cell, weight in corners:
            y = y + flat[cell] * weight
        return np.where(inside, y, self.fill) if self.outside == "fill" else y


@expands(interpolate.RegularGridInterpolator)
def regular_grid(
    points: Any,
    values: Any,
    method: Any = "linear",
    bounds_error: Any = True,
    fill_value: Any = np.nan,
    *,
    solver: Any = None,
    solver_args: Any = None,
) -> Any:
    grid = tuple([doubles(np.asarray(one)) for one in points])
    heights = doubles(np.asarray(values))
    if np.ndim(heights) != len(grid):
        unsupported("RegularGridInterpolator of arrays of values at each point")
    for one in grid:
        if np.any(np.diff(one) <= 0.0):
            raise ValueError("The points of a grid are strictly ascending here")
    outside = "raise" if bounds_error else "extrapolate" if fill_value is None else "fill"
    return OnGrid(grid, heights, method, outside, 0.0 if fill_value is None else fill_value)


@expands(interpolate.interpn)
def interpn(
    points: Any, values: Any, xi: Any, method: Any = "linear", bounds_error: Any = True, fill_value: Any = np.nan
) -> Any:
    return regular_grid(points, values, method, bounds_error, fill_value)(xi)


def _as_on_grid(one: Any) -> Any:
    if one._values.ndim != len(one._grid) or np.iscomplexobj(one._values):
        return one
    fill = one.fill_value
    outside = "raise" if one.bounds_error else "extrapolate" if fill is None else "fill"
    values = np.asarray(one._values, dtype=np.float64)
    return OnGrid(tuple(one._grid), values, one.method, outside, 0.0 if fill is None else float(fill))


STAND_INS[interpolate.RegularGridInterpolator] = _as_on_grid
