"""Counting: which bin an entry is in, and how many or how much of them each has. A bin's edge has no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import flat
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import dtype_of, expands, is_float_name, unsupported

cast = PRIMITIVES["astype"]
search = PRIMITIVES["np.searchsorted"]


@expands(np.searchsorted, methods=("searchsorted",))
def searchsorted(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    return search(a if sorter is None else a[np.asarray(sorter)], v, side=side)


@expands(np.digitize)
def digitize(x: Any, bins: Any, right: Any = False) -> Any:
    edges = np.asarray(bins)
    n = len(edges)
    rising = np.all(edges[1:] >= edges[:-1])
    if not rising and not np.all(edges[1:] <= edges[:-1]):
        raise ValueError("bins must be monotonically increasing or decreasing")
    up = edges if rising else edges[::-1]
    side: Any = "left" if right else "right"
    other: Any = "right" if right else "left"
    return np.searchsorted(up, x, side=side) if rising else n - np.searchsorted(up, x, side=other)


@expands(np.bincount)
def bincount(x: Any, weights: Any = None, minlength: Any = 0) -> Any:
    if weights is not None and len(weights) != len(x):
        raise ValueError(f"{len(weights)} weights for {len(x)} items")
    n = max(minlength, np.max(x) + 1 if len(x) > 0 else 0)
    out = np.zeros(n, dtype="int64" if weights is None else "float64")
    for k in range(len(x)):
        if weights is None:
            out[x[k]] += 1
        else:
            out[x[k]] += weights[k]
    return out


# ---- histograms ---------------------------------------------------------------------------------


@expands(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    if isinstance(bins, str):
        unsupported("a histogram whose number of bins is estimated")
    if isinstance(bins, (tuple, list)) or np.ndim(bins) > 0:
        return np.asarray(bins)
    x = flat(a)
    if range is None:
        low = 0.0 if len(x) == 0 else np.min(x) * 1.0
        high = 1.0 if len(x) == 0 else np.max(x) * 1.0
    else:
        low, high = range[0] * 1.0, range[1] * 1.0
        if low > high:
            raise ValueError("max must be larger than min in range parameter.")
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("autodetected range is not finite")
    if low == high:
        low = low - 0.5
        high = high + 0.5
    edges = np.linspace(low, high, bins + 1)
    return cast(edges, dtype=dtype_of(x)) if is_float_name(dtype_of(x)) else edges


@expands(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    x = flat(a)
    edges = histogram_bin_edges(a, bins, range)
    w = None if weights is None else flat(weights)
    if w is not None and len(w) != len(x):
        raise ValueError("weights should have the same shape as a.")
    counts = counted(x, edges, w)
    if not density:
        return counts, edges
    widths = cast(edges[1:] - edges[:-1], dtype="float64")
    return counts / widths / np.sum(counts), edges


def counted(x: Any, edges: Any, w: Any) -> Any:
    """How many entries there are in each bin; the last one has both its edges."""
    n = len(edges) - 1
    if np.any(edges[1:] < edges[:-1]):
        raise ValueError("`bins` must increase monotonically")
    name = "int64" if w is None or not is_float_name(dtype_of(w)) else dtype_of(w)
    counts = np.zeros(n, dtype=name)
    for k in np.arange(len(x)):
        if x[k] >= edges[0] and x[k] <= edges[n]:
            place = min(np.searchsorted(edges, x[k], side="right") - 1, n - 1)
            if w is None:
                counts[place] += 1
            else:
                counts[place] += w[k]
    return counts


@expands(np.histogram2d)
def histogram2d(x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if len(x) != len(y):
        raise ValueError("x and y must have same length.")
    if isinstance(bins, (tuple, list)) and len(bins) == 2:
        in_x, in_y = bins[0], bins[1]
    else:
        in_x, in_y = bins, bins
    rows = histogram_bin_edges(x, in_x, None if range is None else range[0])
    columns = histogram_bin_edges(y, in_y, None if range is None else range[1])
    n, m = len(rows) - 1, len(columns) - 1
    counts = np.zeros((n, m))
    for k in np.arange(len(x)):
        if x[k] >= rows[0] and x[k] <= rows[n] and y[k] >= columns[0] and y[k] <= columns[m]:
            i = min(np.searchsorted(rows, x[k], side="right") - 1, n - 1)
            j = min(np.searchsorted(columns, y[k], side="right") - 1, m - 1)
            counts[i, j] += 1.0 if weights is None else weights[k]
    if density:
        areas = (rows[1:] - rows[:-1])[:, None] * (columns[1:] - columns[:-1])
        counts = counts / areas / np.sum(counts)
    return counts, rows, columns
