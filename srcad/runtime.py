"""Run-time support library of generated code: functions that Numba lacks, on NumPy arrays, in plain Python.

The module imports nothing of srcad: functions that a shipped module calls are copied into it. Every function
runs as plain Python and compiles under Numba, at any rank unless its name says otherwise.

>>> unbroadcast_2d(np.ones((2, 3)), np.ones((1, 3)))
array([[2., 2., 2.]])
>>> product_of_others(np.array([2.0, 0.0, 3.0]))
array([0., 6., 0.])
"""

import math
from typing import Any

import numpy as np

INLINED = "largest_of_window", "larger"
"""Functions of inner loops, of which each call is inlined."""

# ---- constants ---------------------------------------------------------------------------------


def constant(x: Any) -> Any:
    """`x`: stands in a derivative that is differentiated again for what each derivative takes as a constant."""
    return x


def cut(x: Any, where: Any) -> Any:
    """`x`, as a constant where the condition holds: so it stands in a derivative that is differentiated again."""
    return x


def chosen(c: Any, a: Any, b: Any) -> Any:
    """`a if c else b`: in a derivative that is differentiated again, where both are there, and one may be infinite."""
    return a if c else b


# ---- broadcasting ------------------------------------------------------------------------------


def unbroadcast_1d(big: Any, like: Any) -> Any:
    """Sum `big` down to the length of `like`: where `like` has one entry, it stood for all of them.

    Where `big` has one entry, that is the one of all.
    """
    if like.shape[0] == big.shape[0]:
        return big
    out = np.zeros(like.shape, big.dtype)
    step = 0 if like.shape[0] == 1 else 1
    from_step = 0 if big.shape[0] == 1 else 1
    for i in range(big.shape[0] if step == 0 else like.shape[0]):
        out[i * step] += big[i * from_step]
    return out


def unbroadcast_2d(big: Any, like: Any) -> Any:
    """Sum `big` over the axes along which `like`, of the same rank, has length 1; repeat it where its own are 1."""
    if like.shape == big.shape:
        return big
    out = np.zeros(like.shape, big.dtype)
    step_0 = 0 if like.shape[0] == 1 else 1
    step_1 = 0 if like.shape[1] == 1 else 1
    from_0 = 0 if big.shape[0] == 1 else 1
    from_1 = 0 if big.shape[1] == 1 else 1
    for i in range(big.shape[0] if step_0 == 0 else like.shape[0]):
        for j in range(big.shape[1] if step_1 == 0 else like.shape[1]):
            out[i * step_0, j * step_1] += big[i * from_0, j * from_1]
    return out


def unbroadcast_3d(big: Any, like: Any) -> Any:
    """The same for arrays of three axes."""
    if like.shape == big.shape:
        return big
    out = np.zeros(like.shape, big.dtype)
    step = 0 if like.shape[0] == 1 else 1
    from_step = 0 if big.shape[0] == 1 else 1
    for i in range(big.shape[0] if step == 0 else like.shape[0]):
        out[i * step] += unbroadcast_2d(big[i * from_step], like[i * step])
    return out


def unbroadcast_4d(big: Any, like: Any) -> Any:
    """The same for arrays of four axes."""
    if like.shape == big.shape:
        return big
    out = np.zeros(like.shape, big.dtype)
    step = 0 if like.shape[0] == 1 else 1
    from_step = 0 if big.shape[0] == 1 else 1
    for i in range(big.shape[0] if step == 0 else like.shape[0]):
        out[i * step] += unbroadcast_3d(big[i * from_step], like[i * step])
    return out


def unbroadcast_5d(big: Any, like: Any) -> Any:
    """The same for arrays of five axes."""
    if like.shape == big.shape:
        return big
    out = np.zeros(like.shape, big.dtype)
    step = 0 if like.shape[0] == 1 else 1
    from_step = 0 if big.shape[0] == 1 else 1
    for i in range(big.shape[0] if step == 0 else like.shape[0]):
        out[i * step] += unbroadcast_4d(big[i * from_step], like[i * step])
    return out


# ---- lists of arrays as arrays -----------------------------------------------------------------


def joined(items: Any) -> Any:
    """The elements of arrays, one after another, by rows."""
    size = 0
    for item in items:
        size += item.size
    out = np.empty(size)
    at = 0
    for item in items:
        out[at : at + item.size] = item.ravel()
        at += item.size
    return out


def lengths(items: Any) -> Any:
    """The lengths of the axes of arrays, one after another.

    >>> items = [np.ones((2, 3)), np.zeros((1, 2))]
    >>> lengths(items), [item.shape for item in parted_2d(joined(items), lengths(items))]
    (array([2, 3, 1, 2]), [(2, 3), (1, 2)])
    """
    count = 0
    for item in items:
        count += item.ndim
    out = np.empty(count, np.int64)
    at = 0
    for item in items:
        for length in item.shape:
            out[at] = length
            at += 1
    return out


def parted_1d(values: Any, lengths: Any) -> Any:
    """The list of arrays that `values` are the elements of: views of it."""
    items = []
    at = 0
    for n in lengths:
        items.append(values[at : at + n])
        at += n
    return items


def parted_2d(values: Any, lengths: Any) -> Any:
    """The list of arrays of two axes that `values` are the elements of: views of it."""
    items = []
    at = 0
    for k in range(0, lengths.size, 2):
        rows, columns = lengths[k], lengths[k + 1]
        items.append(values[at : at + rows * columns].reshape((rows, columns)))
        at += rows * columns
    return items


def parted_3d(values: Any, lengths: Any) -> Any:
    """The list of arrays of three axes that `values` are the elements of: views of it."""
    items = []
    at = 0
    for k in range(0, lengths.size, 3):
        n, rows, columns = lengths[k], lengths[k + 1], lengths[k + 2]
        items.append(values[at : at + n * rows * columns].reshape((n, rows, columns)))
        at += n * rows * columns
    return items


# ---- checkpoints --------------------------------------------------------------------------------


def snapshot_starts(starts: Any, place: Any, stretch: Any, count: Any) -> Any:
    """Say where to save states on the way from the start of a stretch of a loop, `starts[place]`, to that of `stretch`.

    Returns the places up to this one as they are; for each place after it, of `count` in all, the stretch whose start
    state it takes; and last `stretch` itself. Stretches are reversed from the last to the first, each after a way from
    the last state that is saved. With these places the fewest stretches run again: the binomial schedule of Griewank
    and Walther, Algorithm 799, ACM Transactions on Mathematical Software 26 (2000).

    >>> snapshot_starts(np.array([0]), 0, 9, 3)
    array([0, 4, 7, 9])
    """
    found = np.empty(count + 1, np.int64)
    found[: place + 1] = starts[: place + 1]
    at = found[place]
    free = count - place
    while at < stretch:
        found[place] = at
        left = stretch + 1 - at
        # the most stretches that `free` places reverse if each runs again at most `repeats` times
        repeats, reach = 1, free + 1
        while reach < left:
            repeats += 1
            reach = reach * (free + repeats) // repeats
        reach_once_less = reach * repeats // (free + repeats)
        of_rest = reach_once_less * free // (free + repeats - 1)
        at += min(reach_once_less, left - of_rest)
        place += 1
        free -= 1
    found[place] = stretch
    return found[: place + 1]


# ---- reductions over the first axis ------------------------------------------------------------


def max_first(x: Any) -> Any:
    """The largest entry along the first axis of an array with at least two axes; NaN wins, as in NumPy."""
    if x.shape[0] == 0:
        raise ValueError("zero-size array to reduction operation maximum which has no identity")
    out = x[0].copy()
    for k in range(1, x.shape[0]):
        out = np.maximum(out, x[k])
    return out


def min_first(x: Any) -> Any:
    """The smallest entry along the first axis of an array with at least two axes; NaN wins, as in NumPy."""
    if x.shape[0] == 0:
        raise ValueError("zero-size array to reduction operation minimum which has no identity")
    out = x[0].copy()
    for k in range(1, x.shape[0]):
        out = np.minimum(out, x[k])
    return out


def max_last(x: Any) -> Any:
    """The largest entry along the last axis of an array with at least two axes; NaN wins, as in NumPy."""
    if x.shape[-1] == 0:
        raise ValueError("zero-size array to reduction operation maximum which has no identity")
    out = np.empty(x.shape[:-1], x.dtype)
    for at in np.ndindex(out.shape):
        out[at] = np.max(x[at])
    return out


def min_last(x: Any) -> Any:
    """The smallest entry along the last axis of an array with at least two axes; NaN wins, as in NumPy."""
    if x.shape[-1] == 0:
        raise ValueError("zero-size array to reduction operation minimum which has no identity")
    out = np.empty(x.shape[:-1], x.dtype)
    for at in np.ndindex(out.shape):
        out[at] = np.min(x[at])
    return out


def prod_first(x: Any) -> Any:
    """The product along the first axis of an array with at least two axes."""
    out = np.ones(x.shape[1:], x.dtype)
    for k in range(x.shape[0]):
        out = out * x[k]
    return out


def exact_sum(x: Any) -> Any:
    """The sum of a vector, rounded once, as that of `math.fsum`.

    Kept as a sum of numbers of which none reaches into the digits of another: Shewchuk, "Adaptive precision
    floating-point arithmetic" (1997). Infinities and NaN are added up by themselves.
    """
    parts = np.empty(min(x.size, 64) + 1)
    n = 0
    special = 0.0
    for k in range(x.size):
        high = x[k]
        if not math.isfinite(high):
            special += high
            continue
        kept = 0
        for j in range(n):
            low = parts[j]
            if abs(high) < abs(low):
                high, low = low, high
            total = high + low
            low -= total - high
            high = total
            if low != 0.0:
                parts[kept] = low
                kept += 1
        if not math.isfinite(high):
            raise OverflowError("intermediate overflow in fsum")
        parts[kept] = high
        n = kept + 1
    if n == 0 or special != 0.0:
        return special
    high, low = parts[n - 1], 0.0
    n -= 1
    while n > 0 and low == 0.0:
        n -= 1
        total = high + parts[n]
        low = parts[n] - (total - high)
        high = total
    # half way between two numbers, what is left decides
    if n > 0 and (low < 0.0) == (parts[n - 1] < 0.0) and 2.0 * low == (high + 2.0 * low) - high:
        high += 2.0 * low
    return high


def product_of_others(x: Any) -> Any:
    """For each entry of the vector `x` the product of all the others; right where some are zero."""
    out = np.empty(x.shape, x.dtype)
    left = x.dtype.type(1.0)
    for k in range(x.size):
        out[k] = left
        left = left * x[k]
    right = x.dtype.type(1.0)
    for k in range(x.size - 1, -1, -1):
        out[k] = out[k] * right
        right = right * x[k]
    return out


def product_of_others_first(x: Any) -> Any:
    """For each entry of `x` (two axes or more) the product of the others along the first axis."""
    out = np.empty(x.shape, x.dtype)
    left = np.ones(x.shape[1:], x.dtype)
    for k in range(x.shape[0]):
        out[k] = left
        left = left * x[k]
    right = np.ones(x.shape[1:], x.dtype)
    for k in range(x.shape[0] - 1, -1, -1):
        out[k] = out[k] * right
        right = right * x[k]
    return out


def argmax_first(x: Any) -> Any:
    """Where the largest entry along the first axis is first found; a NaN counts as largest, as in NumPy."""
    if x.shape[0] == 0:
        raise ValueError("attempt to get argmax of an empty sequence")
    best = x[0].copy()
    out = np.zeros(best.shape, np.int64)
    for k in range(1, x.shape[0]):
        better = (x[k] > best) | ((x[k] != x[k]) & (best == best))
        out = np.where(better, k, out)
        best = np.where(better, x[k], best)
    return out


def argmin_first(x: Any) -> Any:
    """Where the smallest entry along the first axis is first found; a NaN counts as smallest, as in NumPy."""
    if x.shape[0] == 0:
        raise ValueError("attempt to get argmin of an empty sequence")
    best = x[0].copy()
    out = np.zeros(best.shape, np.int64)
    for k in range(1, x.shape[0]):
        better = (x[k] < best) | ((x[k] != x[k]) & (best == best))
        out = np.where(better, k, out)
        best = np.where(better, x[k], best)
    return out


def stable_order(x: Any) -> Any:
    """The indices that sort the vector `x`, equal entries in the order in which they stand, NaN last.

    Numba has a stable sort too, but cannot keep in its cache what calls it.
    """
    order = np.argsort(x)
    start = 0
    for stop in range(1, x.size + 1):
        if stop < x.size:
            first, next_one = x[order[start]], x[order[stop]]
            if first == next_one or (first != first and next_one != next_one):
                continue
        if stop - start > 1:
            order[start:stop] = np.sort(order[start:stop])
        start = stop
    return order


# ---- linear algebra ----------------------------------------------------------------------------


def has_cholesky(a: Any) -> Any:
    """Whether a matrix has a Cholesky factor: `np.linalg.cholesky` raises an error where it has none."""
    try:
        np.linalg.cholesky(a)
    except Exception:  # the only class that Numba knows here
        return False
    return True


def has_inverse(a: Any) -> Any:
    """Whether `np.linalg.inv` and `np.linalg.solve` find a matrix that they can divide by."""
    try:
        np.linalg.inv(a)
    except Exception:
        return False
    return True


def sign_of_det(a: Any) -> Any:
    """The sign of the determinant of a square matrix."""
    return np.linalg.slogdet(a)[0]


def log_abs_det(a: Any) -> Any:
    """The logarithm of the absolute value of the determinant of a square matrix."""
    return np.linalg.slogdet(a)[1]


def cofactors(a: Any) -> Any:
    """The derivative of the determinant by each entry of a square matrix, also of a singular one.

    det(A) inv(A).T, to the accuracy of the rest however near A is to a singular matrix: the last pivot cancels. Where
    the determinant is zero or about to overflow, from A = U S V: det(U) det(V) conj(U) diag(products of the other
    singular values) conj(V).
    """
    det = np.linalg.det(a)
    if 1e-30 < abs(det) < 1e30:
        return np.ascontiguousarray(det * np.linalg.inv(a).T)
    u, s, v = np.linalg.svd(np.ascontiguousarray(a))
    sign = np.linalg.det(u) * np.linalg.det(v)
    return sign * ((np.conj(u) * product_of_others(s)) @ np.conj(v))


def cofactors_tangent(a: Any, t: Any) -> Any:
    """How the cofactors of a square matrix change when it changes by `t`, also where it is singular.

    From A = U S V, with the conjugates P and Q of U and V: det(U) det(V) P C Q, where C is the change of the cofactors
    of the diagonal S by P.T t Q.T. It is symmetric: the sum of d * cofactors_tangent(a, t) is that of
    t * cofactors_tangent(a, d).
    """
    left, s, right = np.linalg.svd(np.ascontiguousarray(a))
    u, v = np.conj(left), np.conj(right)
    sign = u.dtype.type(np.linalg.det(left) * np.linalg.det(right))
    inner = np.ascontiguousarray(u.T) @ np.ascontiguousarray(t) @ np.ascontiguousarray(v.T)
    out = np.zeros_like(inner)
    for i in range(s.size):
        for j in range(s.size):
            if i != j:
                others = sign
                for k in range(s.size):
                    if k != i and k != j:
                        others = others * s[k]
                out[i, i] += others * inner[j, j]
                out[i, j] = -others * inner[j, i]
    return u @ out @ v


def cholesky_adjoint(y: Any, d_y: Any) -> Any:
    """The adjoint of the lower triangle of A, by that of its Cholesky factor `y`; each entry stands for both of a pair.

    In blocks of 48 columns, from the last to the first: Murray, "Differentiation of the Cholesky decomposition"
    (2016), section 4.2. Two thirds of the arithmetic of a product of two such matrices, nearly all of it in products.
    """
    out = np.tril(d_y)
    for end in range(y.shape[0], 0, -48):
        start = max(end - 48, 0)
        left = np.ascontiguousarray(y[start:end, :start])
        corner = np.ascontiguousarray(y[start:end, start:end])
        d_corner = np.ascontiguousarray(out[start:end, start:end])
        if end < y.shape[0]:
            below = np.ascontiguousarray(y[end:, start:end])
            d_below = np.ascontiguousarray(out[end:, start:end])
            for i in range(d_below.shape[0]):  # d_below @ inv(corner)
                for j in range(end - start - 1, -1, -1):
                    d_below[i, j] /= corner[j, j]
                    for k in range(j):
                        d_below[i, k] -= d_below[i, j] * corner[j, k]
            out[end:, start:end] = d_below
            out[end:, :start] -= d_below @ left
            out[start:end, :start] -= d_below.T @ np.ascontiguousarray(y[end:, :start])
            d_corner -= d_below.T @ below
        d_corner = cholesky_adjoint_of_block(corner, d_corner)
        out[start:end, start:end] = d_corner
        out[start:end, :start] -= (d_corner + d_corner.T) @ left
    return out


def cholesky_adjoint_of_block(y: Any, d_y: Any) -> Any:
    """The same for a small matrix, in the memory of `d_y`, column by column from the last; zeros above the diagonal."""
    for j in range(y.shape[0] - 1, -1, -1):
        d_y[j, j] /= y[j, j]
        for i in range(j + 1, y.shape[0]):
            d_y[i, j] /= y[j, j]
            d_y[j, j] -= d_y[i, j] * y[i, j] / y[j, j]
        for i in range(j, y.shape[0]):
            for k in range(j):
                d_y[j, k] -= d_y[i, j] * y[i, k]
        for i in range(j + 1, y.shape[0]):
            for k in range(j):
                d_y[i, k] -= d_y[i, j] * y[j, k]
        d_y[j, j] *= 0.5
        d_y[j, j + 1 :] = 0.0
    return d_y


def eigenpairs(a: Any) -> Any:
    """The eigenvalues of a symmetric matrix, ascending, and below them its eigenvectors, one in each column.

    Like `np.linalg.eigh`, of which this is the result in one array, it reads the lower triangle only.
    """
    values, vectors = np.linalg.eigh(a)
    out = np.empty((a.shape[0] + 1, a.shape[1]), a.dtype)
    out[0] = values
    out[1:] = vectors
    return out


def eliminated(a: Any, pivots: Any) -> Any:
    """L, without its diagonal of ones, and U of a square matrix in one; with which row each changed places in `pivots`.

    >>> pivots = np.zeros(2, np.int64)
    >>> eliminated(np.array([[1.0, 2.0], [4.0, 6.0]]), pivots), pivots
    (array([[4.  , 6.  ],
           [0.25, 0.5 ]]), array([1, 1]))
    """
    lu = np.ascontiguousarray(a).copy()
    for k in range(lu.shape[0]):
        best = k
        for i in range(k + 1, lu.shape[0]):
            if abs(lu[i, k]) > abs(lu[best, k]):
                best = i
        pivots[k] = best
        if best != k:
            row = lu[k].copy()
            lu[k] = lu[best]
            lu[best] = row
        if lu[k, k] != 0.0:
            for i in range(k + 1, lu.shape[0]):
                lu[i, k] /= lu[k, k]
                lu[i, k + 1 :] -= lu[i, k] * lu[k, k + 1 :]
    return lu


def lu_packed(a: Any) -> Any:
    """L and U of a square matrix with partial pivoting, as `scipy.linalg.lu_factor` gives them."""
    return eliminated(a, np.empty(a.shape[0], np.int64))


def lu_pivots(a: Any) -> Any:
    """Which row each row changes places with in `lu_packed`."""
    pivots = np.empty(a.shape[0], np.int64)
    eliminated(a, pivots)
    return pivots


def order_of_pivots(pivots: Any) -> Any:
    """The order of rows after they have changed places.

    >>> order_of_pivots(np.array([2, 2, 2]))
    array([2, 0, 1])
    """
    order = np.arange(pivots.size)
    for k in range(pivots.size):
        first, second = order[k], order[pivots[k]]
        order[k] = second
        order[pivots[k]] = first
    return order


def banded_solution(ab: Any, b: Any, lower: Any, upper: Any) -> Any:
    """The solution of A x = b, where `ab[upper + i - j, j]` is A[i, j]: elimination with partial pivoting in the band.

    >>> ab = np.array([[0.0, 1.0, 1.0], [2.0, 2.0, 2.0], [1.0, 1.0, 0.0]])
    >>> banded_solution(ab, np.array([[3.0], [4.0], [3.0]]), 1, 1)[:, 0]
    array([1., 1., 1.])
    """
    n = ab.shape[1]
    width = lower + upper
    rows = np.zeros((n, lower + width + 1), ab.dtype)  # row i begins in column i - lower; pivoting makes it wider
    for i in range(n):
        for j in range(max(0, i - lower), min(n, i + upper + 1)):
            rows[i, j - i + lower] = ab[upper + i - j, j]
    x = b.copy()
    for k in range(n):
        best = k
        for i in range(k + 1, min(n, k + lower + 1)):
            if abs(rows[i, k - i + lower]) > abs(rows[best, k - best + lower]):
                best = i
        if best != k:
            for j in range(k, min(n, k + width + 1)):
                entry = rows[k, j - k + lower]
                rows[k, j - k + lower] = rows[best, j - best + lower]
                rows[best, j - best + lower] = entry
            line = x[k].copy()
            x[k] = x[best]
            x[best] = line
        pivot = rows[k, lower]
        if pivot == 0.0:
            raise np.linalg.LinAlgError("singular matrix")
        for i in range(k + 1, min(n, k + lower + 1)):
            factor = rows[i, k - i + lower] / pivot
            if factor != 0.0:
                for j in range(k, min(n, k + width + 1)):
                    rows[i, j - i + lower] -= factor * rows[k, j - k + lower]
                x[i] -= factor * x[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, min(n, k + width + 1)):
            x[k] -= rows[k, j - k + lower] * x[j]
        x[k] /= rows[k, lower]
    return x


def banded_transposed(ab: Any, lower: Any, upper: Any) -> Any:
    """The band of the transpose, which has `upper` diagonals below the main one, and `lower` above."""
    n = ab.shape[1]
    out = np.zeros_like(ab)
    for i in range(n):
        for j in range(max(0, i - lower), min(n, i + upper + 1)):
            out[lower + j - i, i] = ab[upper + i - j, j]
    return out


def banded_product(ab: Any, x: Any, lower: Any, upper: Any) -> Any:
    """A @ x, where `ab[upper + i - j, j]` is A[i, j]."""
    n = ab.shape[1]
    out = np.zeros_like(x)
    for i in range(n):
        for j in range(max(0, i - lower), min(n, i + upper + 1)):
            out[i] += ab[upper + i - j, j] * x[j]
    return out


def band_of_product(a: Any, b: Any, lower: Any, upper: Any) -> Any:
    """The band of a @ b.T, of two matrices of n rows, as `banded_solution` takes it."""
    n = a.shape[0]
    out = np.zeros((lower + upper + 1, n), a.dtype)
    for i in range(n):
        for j in range(max(0, i - lower), min(n, i + upper + 1)):
            out[upper + i - j, j] = np.sum(a[i] * b[j])
    return out


def conjugate_gradients(rows: Any, columns: Any, data: Any, b: Any, relative: Any, absolute: Any, most: Any) -> Any:
    """The solution of A x = b, where A is symmetric and positive, and `data[k]` a part of A[rows[k], columns[k]].

    Hestenes and Stiefel (1952), until the residual is not longer than `relative` times b is, or than `absolute`.

    >>> diagonal = np.array([0, 1])
    >>> conjugate_gradients(diagonal, diagonal, np.array([2.0, 4.0]), np.array([2.0, 2.0]), 1e-10, 0.0, 20)
    array([1. , 0.5])
    """
    x = np.zeros_like(b)
    r = b.copy()
    limit = max(absolute, relative * np.sqrt(np.sum(b * b)))
    p = np.zeros_like(b)
    before = 1.0
    for turn in range(most + 1):
        size = np.sum(r * r)
        if np.sqrt(size) <= limit:
            return x
        p = r + p * (size / before) if turn > 0 else r.copy()
        before = size
        q = np.zeros_like(b)
        for k in range(data.size):
            q[rows[k]] += data[k] * p[columns[k]]
        step = size / np.sum(p * q)
        x = x + step * p
        r = r - step * q
    raise ValueError("cg: the residual is too long after all iterations")


def real_eigenpairs(a: Any) -> Any:
    """The eigenvalues of a matrix, which must be real, and below them its eigenvectors, of length 1, in the columns."""
    values, vectors = np.linalg.eig(a)
    if np.any(np.imag(values) != 0.0):
        raise ValueError("the eigenvalues are complex numbers, which are not supported")
    out = np.empty((a.shape[0] + 1, a.shape[1]), a.dtype)
    out[0] = np.real(values)
    out[1:] = np.real(vectors)
    return out


def singular_triplets(a: Any) -> Any:
    """One below the other: the left singular vectors, the singular values, the right singular vectors, in columns.

    >>> singular_triplets(np.diag([3.0, 2.0]))[2]
    array([3., 2.])
    """
    m = a.shape[0]
    u, s, vt = np.linalg.svd(np.ascontiguousarray(a), False)
    out = np.empty((m + a.shape[1] + 1, s.size), a.dtype)
    out[:m] = u
    out[m] = s
    out[m + 1 :] = vt.T
    return out


def singular_values(a: Any) -> Any:
    """The singular values of a matrix, in descending order."""
    return np.linalg.svd(np.ascontiguousarray(a), False)[1]


def orthonormal_columns(a: Any) -> Any:
    """The factor Q of a matrix that has no more columns than rows, A = Q R."""
    return np.linalg.qr(np.ascontiguousarray(a))[0]


def pseudoinverse(a: Any, rcond: Any) -> Any:
    """The inverse of Moore and Penrose; singular values below `rcond` times the largest one count as zero."""
    return np.linalg.pinv(np.ascontiguousarray(a), rcond)


def with_diagonal(like: Any, values: Any, k: Any) -> Any:
    """A matrix of zeros of the shape of `like`, with `values` on its `k`-th diagonal."""
    out = np.zeros(like.shape, values.dtype)
    for i in range(min(values.size, like.shape[0] - max(-k, 0), like.shape[1] - max(k, 0))):
        out[i + max(-k, 0), i + max(k, 0)] = values[i]
    return out


def diagonals(a: Any, offset: Any) -> Any:
    """The diagonals of matrices, which the last two axes are.

    >>> diagonals(np.arange(8.0).reshape(2, 2, 2), 1)
    array([[1.],
           [5.]])
    """
    down, right = max(-offset, 0), max(offset, 0)
    n = max(min(a.shape[-2] - down, a.shape[-1] - right), 0)
    out = np.empty(a.shape[:-2] + (n,), a.dtype)  # noqa: RUF005
    for k in range(n):
        out[..., k] = a[..., k + down, k + right]
    return out


def diagonals_adjoint(a: Any, d_y: Any, offset: Any) -> Any:
    """The adjoint of `a`, of which only the shape is read, by that of `diagonals(a, offset)`."""
    down, right = max(-offset, 0), max(offset, 0)
    out = np.zeros(a.shape, d_y.dtype)
    for k in range(min(a.shape[-2] - down, a.shape[-1] - right)):
        out[..., k + down, k + right] = d_y[..., k]
    return out


def windows(a: Any, width: Any) -> Any:
    """Each stretch of `width` items of the first axis, along a new last axis.

    >>> windows(np.arange(4.0), 2)
    array([[0., 1.],
           [1., 2.],
           [2., 3.]])
    """
    n = a.shape[0] - width + 1
    out = np.empty((n,) + a.shape[1:] + (width,), a.dtype)  # noqa: RUF005
    for k in range(width):
        out[..., k] = a[k : k + n]
    return out


def windows_adjoint(a: Any, d_y: Any, width: Any) -> Any:
    """The adjoint of `a`, of which only the shape is read, by that of `windows(a, width)`."""
    n = d_y.shape[0]
    out = np.zeros(a.shape, d_y.dtype)
    for k in range(width):
        out[k : k + n] += d_y[..., k]
    return out


# ---- convolutions ------------------------------------------------------------------------------


def patches_2d(images: Any, rows: Any, columns: Any, step: Any) -> Any:
    """The patches of images that a kernel of `rows` by `columns` meets: (channels rows columns, batch height width)."""
    batch, channels = images.shape[0], images.shape[1]
    height = (images.shape[2] - rows) // step + 1
    width = (images.shape[3] - columns) // step + 1
    out = np.empty((channels, rows, columns, batch, height, width), images.dtype)
    for c in range(channels):
        for m in range(rows):
            for n in range(columns):
                for b in range(batch):
                    for i in range(height):
                        line = images[b, c, i * step + m]
                        if step == 1:  # neighbours, which are copied several at a time
                            for j in range(width):
                                out[c, m, n, b, i, j] = line[n + j]
                        else:
                            for j in range(width):
                                out[c, m, n, b, i, j] = line[n + j * step]
    return out.reshape(channels * rows * columns, batch * height * width)


def correlate_2d(x: Any, kernel: Any, step: Any) -> Any:
    """The products of each patch with each kernel: x (batch, channels, ..), kernel (outputs, channels, rows, columns).

    Image by image, as one product of matrices: its patches stay in the cache, and are made again where an adjoint needs
    them.
    """
    outputs, channels, rows, columns = kernel.shape
    height = (x.shape[2] - rows) // step + 1
    width = (x.shape[3] - columns) // step + 1
    weights = np.ascontiguousarray(kernel).reshape(outputs, channels * rows * columns)
    out = np.empty((x.shape[0], outputs, height, width), x.dtype)
    for b in range(x.shape[0]):
        out[b] = (weights @ patches_2d(x[b : b + 1], rows, columns, step)).reshape(outputs, height, width)
    return out


def correlate_2d_input_adjoint(x: Any, kernel: Any, d_y: Any, step: Any) -> Any:
    """The adjoint of `x`, of which only the shape is read, by that of `correlate_2d(x, kernel, step)`."""
    outputs, channels, rows, columns = kernel.shape
    height, width = d_y.shape[2], d_y.shape[3]
    weights = np.ascontiguousarray(kernel).reshape(outputs, channels * rows * columns)
    out = np.zeros(x.shape, d_y.dtype)
    for b in range(x.shape[0]):
        d_image = np.ascontiguousarray(d_y[b]).reshape(outputs, height * width)
        d_patches = (weights.T @ d_image).reshape(channels, rows, columns, height, width)
        for c in range(channels):
            for m in range(rows):
                for n in range(columns):
                    for i in range(height):
                        line = out[b, c, i * step + m]
                        if step == 1:
                            for j in range(width):
                                line[n + j] += d_patches[c, m, n, i, j]
                        else:
                            for j in range(width):
                                line[n + j * step] += d_patches[c, m, n, i, j]
    return out


def correlate_2d_kernel_adjoint(x: Any, kernel: Any, d_y: Any, step: Any) -> Any:
    """The adjoint of `kernel`, of which only the shape is read, by that of `correlate_2d(x, kernel, step)`.

    Small images are taken together, so that there are fewer products, and fewer results to be added up.
    """
    outputs, channels, rows, columns = kernel.shape
    size = d_y.shape[2] * d_y.shape[3]
    together = max(1, 512 // max(1, size))
    out = np.zeros((outputs, channels * rows * columns), d_y.dtype)
    for b in range(0, x.shape[0], together):
        some = x[b : b + together]
        d_some = np.empty((outputs, some.shape[0], size), d_y.dtype)
        for k in range(some.shape[0]):
            d_some[:, k] = np.ascontiguousarray(d_y[b + k]).reshape(outputs, size)
        out += d_some.reshape(outputs, some.shape[0] * size) @ patches_2d(some, rows, columns, step).T
    return out.reshape(outputs, channels, rows, columns)


# ---- pooling -----------------------------------------------------------------------------------


def max_pool_2d(x: Any, size: Any, step: Any) -> Any:
    """The largest entry, or NaN, of each window of `size` by `size`; windows, which fit, are `step` apart."""
    height, width = (x.shape[2] - size) // step + 1, (x.shape[3] - size) // step + 1
    out = np.empty((x.shape[0], x.shape[1], height, width), x.dtype)
    for b in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(height):
                for j in range(width):
                    out[b, c, i, j] = largest_of_window(x, b, c, i * step, j * step, size)[0]
    return out


def max_pool_2d_adjoint(x: Any, d_y: Any, size: Any, step: Any) -> Any:
    """The adjoint of `x` by that of `max_pool_2d(x, size, step)`: it goes to the first of the largest entries.

    Places are found again, which is quicker than to save them.
    """
    out = np.zeros(x.shape, d_y.dtype)
    for b in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(d_y.shape[2]):
                for j in range(d_y.shape[3]):
                    _, m, n = largest_of_window(x, b, c, i * step, j * step, size)
                    out[b, c, m, n] += d_y[b, c, i, j]
    return out


def max_pool_2d_tangent(x: Any, t_x: Any, size: Any, step: Any) -> Any:
    """The tangent of `max_pool_2d(x, size, step)`, and the adjoint of what `max_pool_2d_adjoint` takes."""
    height, width = (x.shape[2] - size) // step + 1, (x.shape[3] - size) // step + 1
    out = np.empty((x.shape[0], x.shape[1], height, width), t_x.dtype)
    for b in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(height):
                for j in range(width):
                    _, m, n = largest_of_window(x, b, c, i * step, j * step, size)
                    out[b, c, i, j] = t_x[b, c, m, n]
    return out


def largest_of_window(x: Any, b: Any, c: Any, row: Any, column: Any, size: Any) -> Any:
    """The first of the largest entries of a window, of NaN the last, and its place: `entry, row, column`.

    Which entry it is cannot be predicted, so there are no branches; and no loops where the window is of the usual size.
    """
    found = x[b, c, row, column], row, column
    if size == 2:
        found = larger(found, x[b, c, row, column + 1], row, column + 1)
        found = larger(found, x[b, c, row + 1, column], row + 1, column)
        return larger(found, x[b, c, row + 1, column + 1], row + 1, column + 1)
    for m in range(row, row + size):
        for n in range(column, column + size):
            found = larger(found, x[b, c, m, n], m, n)
    return found


def larger(found: Any, entry: Any, row: Any, column: Any) -> Any:
    """`found`, an entry and its place, or another entry where that is larger or NaN."""
    largest, m, n = found
    is_larger = (entry > largest) | (entry != entry)
    return entry if is_larger else largest, row if is_larger else m, column if is_larger else n


# ---- special functions -------------------------------------------------------------------------


def digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function, to about 1e-15 relative away from its zeros.

    Reflection for x <= 0, recurrence up to 10, then the asymptotic series (Abramowitz and Stegun 6.3.7,
    6.3.5, 6.3.18). NaN at the poles 0, -1, -2, ...
    """
    if x <= 0.0:
        if x == math.floor(x):
            return math.nan
        # the fractional part first: tan(pi x) of a large x has lost it
        return digamma_positive(1.0 - x) - math.pi / math.tan(math.pi * (x - math.floor(x)))
    return digamma_positive(x)


def digamma_positive(x: Any) -> Any:
    """`digamma` for x > 0."""
    shift = 0.0
    while x < 10.0:
        shift += 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * (691 / 32760 - r / 12))))))
    return math.log(x) - 0.5 / x - series - shift


def polygamma(n: Any, x: Any) -> Any:
    """The `n`-th derivative of `digamma`, n >= 1 (A&S 6.4.6 and 6.4.11); NaN at the poles 0, -1, -2, ..."""
    if x <= 0.0 and x == math.floor(x):
        return math.nan
    factorial = math.gamma(n + 1.0)
    shift = 0.0
    while x < 12.0 + n:
        shift += factorial / x ** (n + 1)
        x += 1.0
    # factorial is n!; `rising` runs through (2k + n - 1)! / (2k)!
    total = shift + factorial / n / x**n + 0.5 * factorial / x ** (n + 1)
    rising = factorial * (n + 1) / 2.0
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
    for k in range(1, 9):
        total += bernoulli[k - 1] * rising / x ** (n + 2 * k)
        rising *= (2 * k + n) * (2 * k + n + 1) / ((2 * k + 1.0) * (2 * k + 2.0))
    return total if n % 2 == 1 else -total
