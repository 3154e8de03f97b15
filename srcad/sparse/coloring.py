"""Colours of columns that one sweep computes together: those of one colour do not disturb each other.

>>> import numpy as np
>>> import scipy.sparse as sp
>>> band = sp.diags([1, 1, 1], [-1, 0, 1], shape=(6, 6), format="csr", dtype=bool)
>>> column_colors(band).tolist()
[0, 1, 2, 0, 1, 2]
>>> star_colors(band).tolist()
[0, 1, 0, 2, 0, 1]

Both take one column after another and give each the first colour that is free: Gebremedhin, Manne and Pothen, "What
color is your Jacobian?" (2005), algorithms 3.1 and 4.1. The columns of a band take as many colours as it has diagonals,
which is the least.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Colors = np.ndarray[Any, np.dtype[np.int64]]


def column_colors(pattern: Any) -> Colors:
    """A colour for each column of a sparse boolean matrix: two columns of one colour have no row in common."""
    columns = pattern.tocsc()
    return _fewest(_columns_in_order, columns, int(np.bincount(columns.indices).max(initial=1)))  # the longest row


def star_colors(pattern: Any) -> Colors:
    """A colour for each column of a symmetric pattern, so that of each entry and its mirror image one stands alone.

    That is, neighbours differ, and each path of four takes three colours. An entry (i, j) then is the only one of row i
    in the columns of j's colour, or (j, i) is the only one of row j in the columns of i's colour.
    """
    return _fewest(_stars_in_order, pattern.tocsc(), 3)


def _fewest(colored: Callable[[Any, Any], Colors], columns: Any, enough: int) -> Colors:
    """The better of two orders: as the columns stand, which suits bands, and the longest ones first."""
    lengths = np.diff(columns.indptr)
    natural = colored(columns, range(len(lengths)))
    if natural.max(initial=-1) < enough:
        return natural
    other = colored(columns, np.argsort(-lengths, kind="stable").tolist())
    return other if other.max() < natural.max() else natural


def _columns_in_order(columns: Any, order: Any) -> Colors:
    starts, indices = columns.indptr.tolist(), columns.indices.tolist()
    used = [0] * columns.shape[0]  # for each row, the colours of its columns so far, as bits
    colors = np.zeros(columns.shape[1], np.int64)
    for j in order:
        rows = indices[starts[j] : starts[j + 1]]
        taken = 0
        for i in rows:
            taken |= used[i]
        free = ~taken & (taken + 1)
        for i in rows:
            used[i] |= free
        colors[j] = free.bit_length() - 1
    return colors


def _stars_in_order(columns: Any, order: Any) -> Colors:
    """Of a path v, w, x, y that is to be kept from two colours, v is the one that is colored last.

    While w has none, v must differ from x: so all neighbours of w that are colored differ, as long as w is not. Else v
    must differ from x where x has a neighbour y of w's colour.
    """
    starts, indices = columns.indptr.tolist(), columns.indices.tolist()
    n = columns.shape[1]
    color = [-1] * n
    near = [0] * n  # for each vertex, the colours of its neighbours, as bits
    ends = [0] * n  # for each w, the colours of those x that have another neighbour of w's colour
    first: list[dict[int, int]] = [{} for _ in range(n)]  # for each x, the first neighbour of a colour; -1: several
    for v in order:
        neighbours = [w for w in indices[starts[v] : starts[v + 1]] if w != v]
        taken = 0
        for w in neighbours:
            taken |= near[w] if color[w] < 0 else ends[w] | 1 << color[w]
        free = ~taken & (taken + 1)
        own = color[v] = free.bit_length() - 1
        for x in neighbours:
            near[x] |= free
            one = first[x].setdefault(own, v)
            if one != v and color[x] >= 0:
                ends[v] |= 1 << color[x]
                if one >= 0:
                    ends[one] |= 1 << color[x]
                    first[x][own] = -1
    return np.array(color, np.int64)
