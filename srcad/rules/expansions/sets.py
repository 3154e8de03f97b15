"""Arrays as sets: their distinct entries, sorted, and what two of them have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.expansions.shapes import flat, reshaped
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import common_dtype, dtype_of, expands, is_float_name, unsupported

cast = PRIMITIVES["astype"]
UniqueAllResult = type(np.unique_all(np.zeros(1)))
UniqueCountsResult = type(np.unique_counts(np.zeros(1)))
UniqueInverseResult = type(np.unique_inverse(np.zeros(1)))


@expands(np.unique)
def unique(
    ar: Any,
    return_index: Any = False,
    return_inverse: Any = False,
    return_counts: Any = False,
    axis: Any = None,
    *,
    equal_nan: Any = True,
    sorted: Any = True,
) -> Any:
    if axis is None or np.ndim(ar) == 1:
        x = flat(ar)
        order = runtime.stable_order(x)
        first = is_first(x, order, equal_nan)
    else:
        x = np.moveaxis(ar, axis, 0)
        rows = np.reshape(x, (x.shape[0], -1))
        order = np.lexsort(rows.T[::-1])
        first = is_first_row(rows, order)
    starts = np.flatnonzero(first)
    places = order[starts]
    results: Any = [x[places] if axis is None else np.moveaxis(x[places], 0, axis)]
    if return_index:
        results = results + [places]  # noqa: RUF005
    if return_inverse:
        inverse = inverse_of_order(order, first)
        results = results + [reshaped(inverse, np.shape(ar)) if axis is None else inverse]  # noqa: RUF005
    if return_counts:
        results = results + [counts_from(starts, len(x))]  # noqa: RUF005
    if len(results) == 1:
        return results[0]
    return tuple(results)


def is_first(x: Any, order: Any, equal_nan: Any) -> Any:
    """Which of the sorted entries differ from the one before; the derivative is that of the first in the array."""
    first = np.ones(len(x), dtype=bool)
    for k in range(1, len(x)):
        same = x[order[k]] == x[order[k - 1]]
        if equal_nan and is_float_name(dtype_of(x)):
            same = same | (np.isnan(x[order[k]]) & np.isnan(x[order[k - 1]]))
        first[k] = not same
    return first


def is_first_row(rows: Any, order: Any) -> Any:
    """The same of rows, of which one with a nan equals none."""
    first = np.ones(len(order), dtype=bool)
    for k in range(1, len(order)):
        first[k] = np.any(rows[order[k]] != rows[order[k - 1]])
    return first


def inverse_of_order(order: Any, first: Any) -> Any:
    inverse = np.empty(len(order), dtype=np.int64)
    inverse[order] = np.cumsum(first) - 1
    return inverse


def counts_from(starts: Any, n: Any) -> Any:
    counts = np.empty(len(starts), dtype=np.int64)
    for k in range(len(starts)):
        counts[k] = (starts[k + 1] if k + 1 < len(starts) else n) - starts[k]
    return counts


@expands(np.unique_values)
def unique_values(x: Any) -> Any:
    # NumPy does not say in which order they are: it sorts them no more
    return unique(x, equal_nan=False)


@expands(np.unique_counts)
def unique_counts(x: Any) -> Any:
    values, counts = unique(x, return_counts=True, equal_nan=False)
    return UniqueCountsResult(values, counts)


@expands(np.unique_inverse)
def unique_inverse(x: Any) -> Any:
    values, inverse = unique(x, return_inverse=True, equal_nan=False)
    return UniqueInverseResult(values, inverse)


@expands(np.unique_all)
def unique_all(x: Any) -> Any:
    values, places, inverse, counts = unique(x, True, True, True, equal_nan=False)
    return UniqueAllResult(values, places, inverse, counts)


# ---- of two arrays ------------------------------------------------------------------------------


@expands(np.isin)
def isin(element: Any, test_elements: Any, assume_unique: Any = False, invert: Any = False, *, kind: Any = None) -> Any:
    given = flat(test_elements)
    x = np.asarray(element)
    entries = np.ravel(x)
    found = np.zeros(entries.size, dtype=bool)
    for k in range(entries.size):
        for j in range(len(given)):
            if entries[k] == given[j]:
                found[k] = True
    if invert:
        found = np.logical_not(found)
    return found[0] if np.ndim(x) == 0 else reshaped(found, x.shape)


def as_one_dtype(x: Any, name: Any) -> Any:
    return x if dtype_of(x) == name else cast(x, dtype=name)


@expands(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    name = common_dtype(dtype_of(ar1), dtype_of(ar2))
    return unique(np.concatenate((as_one_dtype(flat(ar1), name), as_one_dtype(flat(ar2), name))))


@expands(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: Any = False, return_indices: Any = False) -> Any:
    if return_indices:
        unsupported("np.intersect1d with return_indices=True")
    x = unique(ar1)
    return as_one_dtype(x[isin(x, ar2)], common_dtype(dtype_of(ar1), dtype_of(ar2)))


@expands(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: Any = False) -> Any:
    x = flat(ar1) if assume_unique else unique(ar1)
    return x[isin(x, ar2, invert=True)]


@expands(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: Any = False) -> Any:
    return np.sort(np.concatenate((setdiff1d(ar1, ar2), setdiff1d(ar2, ar1))))
