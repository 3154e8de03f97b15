"""Values between the points of an image: `scipy.ndimage.map_coordinates` and `shift`, of order 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import axes_of, expands, unsupported
from srcad.rules.scipy.image_filters import image, like, of_axis


@expands(ndimage.map_coordinates)
def map_coordinates(
    input: Any,
    coordinates: Any,
    output: Any = None,
    order: Any = 3,
    mode: Any = "constant",
    cval: Any = 0.0,
    prefilter: Any = True,
) -> Any:
    """By multilinear interpolation, or the nearest point; the derivative is that of the cell a point is in."""
    x = image(input, output, "map_coordinates")
    if order != 0 and order != 1:
        unsupported(f"scipy.ndimage.map_coordinates of order {order} (0 and 1 are)")
    places = doubles(np.asarray(coordinates))
    if places.shape[0] != np.ndim(x):
        raise ValueError("invalid shape for coordinate array")
    flat = x.reshape(-1)
    inside = True
    corners = [(0, 1.0)]
    for k in axes_of(None, np.ndim(x)):
        n = x.shape[k]
        at = places[k]
        if mode == "constant":
            inside = inside & (at >= 0.0) & (at <= n - 1.0)
        elif mode == "mirror":
            period = max(2.0 * n - 2.0, 1.0)
            at = np.minimum(at % period, period - at % period)
        elif mode != "nearest":
            unsupported(f"scipy.ndimage.map_coordinates with the mode {mode}")
        at = np.clip(at, 0.0, n - 1.0)
        if order == 0:
            near = np.floor(at + 0.5).astype(np.int64)
            corners = [(cell * n + near, weight) for cell, weight in corners]
        else:
            first = np.clip(np.floor(at).astype(np.int64), 0, max(n - 2, 0))
            share = at - first
            second = np.minimum(first + 1, n - 1)
            corners = [(cell * n + first, weight * (1.0 - share)) for cell, weight in corners] + [
                (cell * n + second, weight * share) for cell, weight in corners
            ]
    y = 0.0 * places[0]
    for cell, weight in corners:
        y = y + flat[cell] * weight
    return like(np.where(inside, y, cval) if mode == "constant" else y, input)


@expands(ndimage.shift)
def shift(
    input: Any,
    shift: Any,
    output: Any = None,
    order: Any = 3,
    mode: Any = "constant",
    cval: Any = 0.0,
    prefilter: Any = True,
) -> Any:
    x = image(input, output, "shift")
    if np.ndim(x) == 1:
        places = (np.arange(x.shape[0]) - of_axis(shift, 0))[None, :]
    elif np.ndim(x) == 2:
        down = np.arange(x.shape[0])[:, None] - along(shift, 0) + np.zeros(x.shape)
        right = np.arange(x.shape[1])[None, :] - along(shift, 1) + np.zeros(x.shape)
        places = np.stack((down, right))
    else:
        unsupported("scipy.ndimage.shift of more than two axes")
    return map_coordinates(input, places, output, order, mode, cval, prefilter)


def along(shift: Any, k: Any) -> Any:
    if isinstance(shift, (tuple, list)):
        return shift[k]
    return shift if np.ndim(shift) == 0 else shift[k]
