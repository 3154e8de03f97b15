"""Which directions are swept, and where each nonzero entry is found in the results.

>>> band = sp.diags([1, 1, 1], [-1, 0, 1], shape=(4, 4), format="csr", dtype=bool)
>>> plan = by_columns(band)
>>> plan.count, [t.tolist() for t in plan.directions()][0]
(3, [1.0, 0.0, 0.0, 1.0])
>>> J = band.toarray() * [2.0, 3.0, 4.0, 5.0]
>>> plan.matrix([J @ t for t in plan.directions()]).toarray()
array([[2., 3., 0., 0.],
       [2., 3., 4., 0.],
       [0., 3., 4., 5.],
       [0., 0., 4., 5.]])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from srcad.sparse.coloring import column_colors, star_colors

Integers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Plan:
    """Sweeps that give a matrix of a known pattern, a sweep for each colour."""

    pattern: Any
    """Boolean, by rows. What follows has an item for each of its entries."""
    colors: Integers
    """Of the columns; of the rows where it is `transposed`."""
    reaches: Place
    """The place in a result that the entry is added to."""
    alone: Place
    """The place where it stands alone, or where its mirror image does."""
    transposed: bool = False
    """The sweeps give products of the transposed matrix."""

    @property
    def count(self) -> int:
        """Of sweeps."""
        return int(self.colors.max(initial=-1)) + 1

    def directions(self) -> Iterator[np.ndarray[Any, Any]]:
        for color in range(self.count):
            yield (self.colors == color).astype(np.float64)

    def matrix(self, results: Iterable[Any]) -> Any:
        """The matrix, of the results of the sweeps in their order. None where an entry is not in the pattern.

        Where no entry is added to a place of a result, that is exactly zero: a product with zeros, or NaN.
        """
        pattern = self.pattern
        data = np.zeros(pattern.nnz)
        for color, result in enumerate(results):
            if color == 0:
                data = data.astype(result.dtype)
            rest = result.copy()
            rest[self.reaches.at[self.reaches.of(color)]] = 0.0
            if np.any((rest != 0.0) & (rest == rest)):
                return None
            entries = self.alone.of(color)
            data[entries] = result[self.alone.at[entries]]
        return sp.csr_matrix((data, pattern.indices.copy(), pattern.indptr.copy()), pattern.shape)


class Place:
    """Of each entry the sweep, and the position in the result of that."""

    def __init__(self, sweep: Integers, at: Integers) -> None:
        self.at = at
        self._order = np.argsort(sweep, kind="stable")
        self._ends = np.cumsum(np.bincount(sweep, minlength=1))

    def of(self, sweep: int) -> Integers:
        """The entries that are found in a sweep."""
        start = self._ends[sweep - 1] if sweep else 0
        return self._order[start : self._ends[sweep]] if sweep < len(self._ends) else self._order[:0]


def by_columns(pattern: Any) -> Plan:
    """For products of the matrix with vectors: columns of one colour are swept together."""
    rows, columns = _entries(pattern)
    colors = column_colors(pattern)
    place = Place(colors[columns], rows)
    return Plan(pattern, colors, place, place)


def by_rows(pattern: Any) -> Plan:
    """For products of the transposed matrix: rows of one colour are swept together."""
    rows, columns = _entries(pattern)
    colors = column_colors(pattern.T)
    place = Place(colors[rows], columns)
    return Plan(pattern, colors, place, place, transposed=True)


def by_symmetry(pattern: Any) -> Plan:
    """For products of a symmetric matrix, of which an entry or its mirror image stands alone."""
    pattern = sp.csr_matrix(pattern + pattern.T)
    pattern.sort_indices()
    rows, columns = _entries(pattern)
    colors = star_colors(pattern)
    places = rows * (colors.max(initial=0) + 1) + colors[columns]
    _, same, often = np.unique(places, return_inverse=True, return_counts=True)
    own = often[same] == 1
    alone = Place(np.where(own, colors[columns], colors[rows]), np.where(own, rows, columns))
    return Plan(pattern, colors, Place(colors[columns], rows), alone)


def _entries(pattern: Any) -> tuple[Integers, Integers]:
    """The row and the column of each."""
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    return rows, pattern.indices.astype(np.int64)
