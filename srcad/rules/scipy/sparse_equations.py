"""Equations with sparse matrices: elimination in a band, after the unknowns are ordered; conjugate gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import common_dtype, dtype_of

cast = PRIMITIVES["astype"]


def conjugate_gradient_solution(a: Any, b: Any, relative: Any, absolute: Any, most: Any) -> Any:
    count = 10 * len(b) if most is None else most
    name = common_dtype(dtype_of(a.data), dtype_of(b))
    data = a.data if dtype_of(a.data) == name else cast(a.data, dtype=name)
    y = b if dtype_of(b) == name else cast(b, dtype=name)
    return runtime.conjugate_gradients(a.rows, a.columns, data, y, 1.0 * relative, 1.0 * absolute, count)


def ordered_solution(a: Any, b: Any) -> Any:
    """The unknowns are ordered so that the entries are near the diagonal: Cuthill and McKee (1969)."""
    order = cuthill_mckee(a.rows, a.columns, a.shape[0])
    place = np.argsort(order)
    i = place[a.rows]
    j = place[a.columns]
    lower = 0
    upper = 0
    for k in range(len(i)):
        lower = max(lower, i[k] - j[k])
        upper = max(upper, j[k] - i[k])
    band = np.zeros((lower + upper + 1, a.shape[0]))
    for k in range(len(i)):
        band[upper + i[k] - j[k], j[k]] += a.data[k]
    return runtime.banded_solution(band, b[order], lower, upper)[place]


def cuthill_mckee(rows: Any, columns: Any, n: Any) -> Any:
    """Unknowns in the order in which they are met from one with few neighbours, those with few neighbours first."""
    starts = np.zeros(n + 1, dtype=np.int64)
    for k in range(len(rows)):
        starts[rows[k] + 1] += 1
        starts[columns[k] + 1] += 1
    for i in range(n):
        starts[i + 1] += starts[i]
    neighbours = np.zeros(2 * len(rows), dtype=np.int64)
    filled = np.zeros(n, dtype=np.int64)
    for k in range(len(rows)):
        r = rows[k]
        c = columns[k]
        neighbours[starts[r] + filled[r]] = c
        filled[r] += 1
        neighbours[starts[c] + filled[c]] = r
        filled[c] += 1
    by_degree = np.argsort(filled, kind="stable")
    order = np.zeros(n, dtype=np.int64)
    met = np.zeros(n, dtype=np.bool_)
    count = 0
    done = 0
    for seed in range(n):
        if not met[by_degree[seed]]:
            met[by_degree[seed]] = True
            order[count] = by_degree[seed]
            count += 1
        while done < count:
            here = order[done]
            done += 1
            first = count
            for k in range(starts[here], starts[here + 1]):
                other = neighbours[k]
                if not met[other]:
                    met[other] = True
                    # into its place among those that were met from here
                    at = count
                    while at > first and filled[order[at - 1]] > filled[other]:
                        order[at] = order[at - 1]
                        at -= 1
                    order[at] = other
                    count += 1
    return order
