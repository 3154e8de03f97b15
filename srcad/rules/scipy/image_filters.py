"""Filters of `scipy.ndimage`. They compute in float64, as SciPy does, and give the dtype of the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from srcad.rules.expansions.math_module import doubles
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import at_axis, axes_of, axis_of, dtype_of, expands, is_float_name, unsupported

cast = PRIMITIVES["astype"]
root = PRIMITIVES["root"]

# ---- beyond the edges --------------------------------------------------------------------------


def image(input: Any, output: Any, name: Any) -> Any:
    x = np.asarray(input)
    if output is not None or not is_float_name(dtype_of(x)):
        unsupported(f"scipy.ndimage.{name} with an output, or of an image that is not of floats")
    return doubles(x)


def like(y: Any, input: Any) -> Any:
    """The result in the dtype of the image."""
    name = dtype_of(np.asarray(input))
    return y if dtype_of(y) == name else cast(y, dtype=name)


def sources(n: Any, before: Any, after: Any, mode: Any) -> Any:
    """Where the values come from that an axis of length n has, with so many more before and after."""
    places = np.arange(-before, n + after)
    if mode == "nearest":
        return np.clip(places, 0, n - 1)
    if mode == "wrap" or mode == "grid-wrap":
        return places % n
    if mode == "mirror":
        period = max(2 * n - 2, 1)
        return np.minimum(places % period, (period - places) % period)
    if mode == "reflect" or mode == "grid-mirror":
        return np.minimum(places % (2 * n), 2 * n - 1 - places % (2 * n))
    return unsupported(f"the mode {mode} of scipy.ndimage")


def extended(x: Any, axis: Any, before: Any, after: Any, mode: Any, cval: Any) -> Any:
    if mode != "constant" and mode != "grid-constant":
        return np.take(x, sources(x.shape[axis], before, after, mode), axis=axis)
    n = x.shape[axis]
    shape = tuple([x.shape[k] + before + after if k == axis else x.shape[k] for k in axes_of(None, np.ndim(x))])
    out = np.full(shape, 1.0 * cval)
    out[at_axis(np.ndim(x), axis, slice(before, before + n))] = x
    return out


def of_axis(given: Any, k: Any) -> Any:
    return given[k] if isinstance(given, (tuple, list)) else given


# ---- weights -----------------------------------------------------------------------------------


def correlated(x: Any, weights: Any, axis: Any, mode: Any, cval: Any, origin: Any) -> Any:
    size = len(weights)
    wide = extended(x, axis, size // 2 + origin, size - size // 2 - 1 - origin, mode, cval)
    n = x.shape[axis]
    out = np.zeros(x.shape)
    for j in range(size):
        out += weights[j] * wide[at_axis(np.ndim(x), axis, slice(j, j + n))]
    return out


@expands(ndimage.correlate1d)
def correlate1d(
    input: Any,
    weights: Any,
    axis: Any = -1,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
) -> Any:
    x = image(input, output, "correlate1d")
    return like(correlated(x, doubles(np.asarray(weights)), axis_of(axis, np.ndim(x)), mode, cval, origin), input)


@expands(ndimage.convolve1d)
def convolve1d(
    input: Any,
    weights: Any,
    axis: Any = -1,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
) -> Any:
    w = doubles(np.asarray(weights))
    even = 1 - len(w) % 2
    return correlate1d(input, w[::-1], axis, output, mode, cval, -origin - even)


@expands(ndimage.correlate)
def correlate(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    x = image(input, output, "correlate")
    w = doubles(np.asarray(weights))
    if axes is not None or np.ndim(w) != np.ndim(x):
        unsupported("scipy.ndimage.correlate with axes, or weights of another rank")
    if np.ndim(x) == 1:
        return like(correlated(x, w, 0, mode, cval, of_axis(origin, 0)), input)
    if np.ndim(x) != 2:
        unsupported("scipy.ndimage.correlate of more than two axes")
    wide = x
    for k in range(2):
        before = w.shape[k] // 2 + of_axis(origin, k)
        wide = extended(wide, k, before, w.shape[k] - 1 - before, mode, cval)
    n, m = x.shape
    out = np.zeros(x.shape)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            out += w[i, j] * wide[i : i + n, j : j + m]
    return like(out, input)


@expands(ndimage.convolve)
def convolve(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    w = np.asarray(weights)
    turned = w[tuple([slice(None, None, -1) for _ in axes_of(None, np.ndim(w))])]
    moved = tuple([-of_axis(origin, k) - (1 - w.shape[k] % 2) for k in axes_of(None, np.ndim(w))])
    return correlate(input, turned, output, mode, cval, moved, axes=axes)


# ---- smoothing ---------------------------------------------------------------------------------


def gaussian_weights(sigma: Any, order: Any, radius: Any) -> Any:
    x = np.arange(-radius, radius + 1)
    square = sigma * sigma
    phi = np.exp(-0.5 / square * x**2)
    phi = phi / np.sum(phi)
    if order == 0:
        return phi
    if order == 1:
        return x / square * phi
    if order == 2:
        return (x**2 / (square * square) - 1.0 / square) * phi
    return unsupported("a derivative of a Gaussian of an order above 2 in scipy.ndimage")


def smoothed(x: Any, sigma: Any, order: Any, axis: Any, mode: Any, cval: Any, truncate: Any, radius: Any) -> Any:
    reach = int(truncate * sigma + 0.5) if radius is None else radius
    return correlated(x, gaussian_weights(sigma, order, reach), axis, mode, cval, 0)


@expands(ndimage.gaussian_filter1d)
def gaussian_filter1d(
    input: Any,
    sigma: Any,
    axis: Any = -1,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: Any = 4.0,
    *,
    radius: Any = None,
) -> Any:
    x = image(input, output, "gaussian_filter1d")
    return like(smoothed(x, sigma, order, axis_of(axis, np.ndim(x)), mode, cval, truncate, radius), input)


@expands(ndimage.gaussian_filter)
def gaussian_filter(
    input: Any,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: Any = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Any:
    y = image(input, output, "gaussian_filter")
    chosen = axes_of(axes, np.ndim(y))
    for k in range(len(chosen)):
        way = of_axis(mode, k)
        y = smoothed(y, of_axis(sigma, k), of_axis(order, k), chosen[k], way, cval, truncate, of_axis(radius, k))
    return like(y, input)


@expands(ndimage.uniform_filter1d)
def uniform_filter1d(
    input: Any,
    size: Any,
    axis: Any = -1,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
) -> Any:
    x = image(input, output, "uniform_filter1d")
    return like(correlated(x, np.full(size, 1.0 / size), axis_of(axis, np.ndim(x)), mode, cval, origin), input)


@expands(ndimage.uniform_filter)
def uniform_filter(
    input: Any,
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    y = image(input, output, "uniform_filter")
    chosen = axes_of(axes, np.ndim(y))
    for k in range(len(chosen)):
        n = of_axis(size, k)
        y = correlated(y, np.full(n, 1.0 / n), chosen[k], of_axis(mode, k), cval, of_axis(origin, k))
    return like(y, input)


# ---- differences -------------------------------------------------------------------------------


@expands(ndimage.laplace)
def laplace(input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None) -> Any:
    x = image(input, output, "laplace")
    y = np.zeros(x.shape)
    for k in axes_of(axes, np.ndim(x)):
        y = y + correlated(x, np.array([1.0, -2.0, 1.0]), k, of_axis(mode, k), cval, 0)
    return like(y, input)


def edges(x: Any, axis: Any, across: Any, mode: Any, cval: Any) -> Any:
    own = axis_of(axis, np.ndim(x))
    y = correlated(x, np.array([-1.0, 0.0, 1.0]), own, of_axis(mode, own), cval, 0)
    for k in axes_of(None, np.ndim(x)):
        if k != own:
            y = correlated(y, np.array([1.0, across, 1.0]), k, of_axis(mode, k), cval, 0)
    return y


@expands(ndimage.sobel)
def sobel(input: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    return like(edges(image(input, output, "sobel"), axis, 2.0, mode, cval), input)


@expands(ndimage.prewitt)
def prewitt(input: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    return like(edges(image(input, output, "prewitt"), axis, 1.0, mode, cval), input)


def gaussian_derivative(x: Any, sigma: Any, axis: Any, order: Any, mode: Any, cval: Any) -> Any:
    y = x
    for k in axes_of(None, np.ndim(x)):
        y = smoothed(y, of_axis(sigma, k), order if k == axis else 0, k, of_axis(mode, k), cval, 4.0, None)
    return y


@expands(ndimage.gaussian_laplace)
def gaussian_laplace(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None
) -> Any:
    x = image(input, output, "gaussian_laplace")
    if axes is not None:
        unsupported("scipy.ndimage.gaussian_laplace with axes")
    y = np.zeros(x.shape)
    for k in axes_of(None, np.ndim(x)):
        y = y + gaussian_derivative(x, sigma, k, 2, mode, cval)
    return like(y, input)


@expands(ndimage.gaussian_gradient_magnitude)
def gaussian_gradient_magnitude(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None
) -> Any:
    x = image(input, output, "gaussian_gradient_magnitude")
    if axes is not None:
        unsupported("scipy.ndimage.gaussian_gradient_magnitude with axes")
    y = np.zeros(x.shape)
    for k in axes_of(None, np.ndim(x)):
        y = y + gaussian_derivative(x, sigma, k, 1, mode, cval) ** 2
    return like(root(y), input)


# ---- orders ------------------------------------------------------------------------------------


def with_margins(x: Any, k: int, size: Any, mode: Any, cval: Any, origin: Any) -> Any:
    """The image with what a window of the size reads beyond both ends of an axis."""
    width = of_axis(size, k)
    before = width // 2 + of_axis(origin, k)
    return extended(x, k, before, width - 1 - before, of_axis(mode, k), cval)


def extremes(x: Any, size: Any, mode: Any, cval: Any, origin: Any, largest: Any) -> Any:
    """Along one axis after the other."""
    y = x
    for k in axes_of(None, np.ndim(x)):
        width = of_axis(size, k)
        wide = with_margins(y, k, size, mode, cval, origin)
        n = x.shape[k]
        y = wide[at_axis(np.ndim(x), k, slice(0, n))]
        for j in range(1, width):
            other = wide[at_axis(np.ndim(x), k, slice(j, j + n))]
            y = np.maximum(y, other) if largest else np.minimum(y, other)
    return y


@expands(ndimage.maximum_filter)
def maximum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    if footprint is not None or size is None or axes is not None:
        unsupported("scipy.ndimage.maximum_filter with a footprint, or axes")
    return like(extremes(image(input, output, "maximum_filter"), size, mode, cval, origin, True), input)


@expands(ndimage.minimum_filter)
def minimum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    if footprint is not None or size is None or axes is not None:
        unsupported("scipy.ndimage.minimum_filter with a footprint, or axes")
    return like(extremes(image(input, output, "minimum_filter"), size, mode, cval, origin, False), input)


@expands(ndimage.median_filter)
def median_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    if footprint is not None or size is None or axes is not None:
        unsupported("scipy.ndimage.median_filter with a footprint, or axes")
    x = image(input, output, "median_filter")
    if np.ndim(x) > 2:
        unsupported("scipy.ndimage.median_filter of more than two axes")
    wide = x
    for k in axes_of(None, np.ndim(x)):
        wide = with_margins(wide, k, size, mode, cval, origin)
    rows = of_axis(size, 0)
    if np.ndim(x) == 1:
        values = np.zeros((rows, x.shape[0]))
        for i in range(rows):
            values[i] = wide[i : i + x.shape[0]]
        return like(np.sort(values, axis=0)[rows // 2], input)
    columns = of_axis(size, 1)
    n, m = x.shape
    windows = np.zeros((rows * columns, n, m))
    for i in range(rows):
        for j in range(columns):
            windows[i * columns + j] = wide[i : i + n, j : j + m]
    return like(np.sort(windows, axis=0)[rows * columns // 2], input)
