"""Lists of arrays whose lengths are computed in each iteration, and are the same."""

import numpy as np

from tests.programs.registry import case, real


@case(real(3, 4), 2, compiled=True)
def rows_of_slices(q, d):
    k = q.shape[0]
    rows = [np.exp(q[i, :d]) for i in range(k)]
    return sum(r.sum() for r in rows) + rows[0][0] * rows[-1][1]


@case(real(3, 4), 3)
def slices_stacked(q, d):
    m = np.stack([q[i, 1:d] * i for i in range(len(q))])
    return np.sum(m**2) * m[1, 0]


@case(real(4, 5), 2)
def normalised_rows(q, d):
    p = np.array([r[:d] / np.sum(r[:d] ** 2) for r in q])
    return np.sum(p**3)


@case(real(0, 4), real(2), 2)
def no_rows(q, x, d):
    rows = [q[i, :d] for i in range(len(q))]
    return len(rows) + x[0] ** 2 + sum(np.sum(r) for r in rows)
