"""Every way to read from an array."""

import numpy as np

from tests.programs.registry import case, real, single

INDEX = np.array([2, 0, 2, 3, 2])
PAIRS = np.array([[0, 1], [3, 3]])
MASK = np.array([True, False, True, True])


@case(real(4), compiled=True)
def integers(x):
    return x[0] * x[-1] + x[2] ** 2 + x[-4]


@case(real(4), 1)
@case(real(4), -1, compiled=True)
def runtime_integer(x, i):
    return x[i] * x[i - 1] + x[i] ** 3


@case(real(6), compiled=True)
def slices(x):
    return np.sum(x[1:4] * x[2:5]) + np.sum(x[:2] * x[-2:]) + np.sum(x[:] ** 2)


@case(real(7))
def slices_with_steps(x):
    return np.sum(x[::2] * x[::-2]) + np.sum(x[::-1] * x) + np.sum(x[5:1:-2]) * x[0] + np.sum(x[1::3] ** 2)


@case(real(6), 1, 4)
@case(real(6), 2, 2)
@case(real(6), -3, 100)
@case(real(6), 4, 1)
def runtime_slice(x, a, b):
    return np.sum(x[a:b] ** 2) + x[0] * np.sum(x[:a]) + np.sum(x[b:])


@case(real(5))
def slice_beyond_the_end(x):
    return np.sum(x[3:100] ** 2) + np.sum(x[-100:2] * x[0]) + np.sum(x[9:])


@case(real(3, 4), compiled=True)
def two_axes(a):
    return a[1, 2] * a[-1, 0] + np.sum(a[1] * a[2]) + np.sum(a[:, 1] ** 2) + a[2][3]


@case(real(3, 4))
def two_axes_sliced(a):
    return np.sum(a[1:, :2] * a[:2, 2:]) + np.sum(a[::2, ::-1] ** 2) + np.sum(a[0, 1:] * a[:, 0])


@case(real(2, 3, 4))
def ellipsis(a):
    return np.sum(a[..., 0] ** 2) + np.sum(a[1, ...] * a[0]) + np.sum(a[0, ..., 1:3]) * a[1, 1, 1]


@case(real(4))
def newaxis(x):
    return np.sum(x[:, None] * x[None, :] * np.sin(x[np.newaxis])) + np.sum(x[1:, None] ** 2)


@case(real(2, 3))
def ellipsis_with_newaxis(a):
    b = a[..., None] * a[:, None]
    return np.sum(b * b)


@case(real(4), INDEX, wrt=0, compiled=True)
@case(real(4), np.array([1]), wrt=0)
@case(real(4), np.zeros(0, dtype=np.int64), wrt=0, zero=True)
def gather_with_repeats(x, idx):
    y = x[idx]
    return np.sum(y * y * np.arange(len(idx))) + np.sum(y)


@case(real(4))
def gather_by_a_list(x):
    return np.sum(x[[0, 2, 2]] * x[[1, 1, 3]])


@case(real(4, 3), INDEX, wrt=0)
def gather_rows(a, idx):
    b = a[idx]
    return np.sum(b * b) + np.sum(a[idx, 1] * a[idx - 1, 0])


@case(real(4, 4), PAIRS, wrt=0)
def gather_by_a_matrix(a, idx):
    return np.sum(a[0][idx] ** 2) + np.sum(a[idx] * a[idx, idx][:, :, None])


@case(real(4, 4), INDEX, wrt=0, compiled=True)
def gather_columns(a, idx):
    return np.sum(a[:, idx] ** 2) + np.sum(a[1:3, idx] * a[0, idx])


@case(real(4, 4), np.array([0, 1, 3]), np.array([1, 1, 2]), wrt=0)
def gather_two_indices(a, i, j):
    return np.sum(a[i, j] * a[j, i]) + np.sum(a[i[:, None], j] ** 2)


@case(real(4))
@case(-real(4))
def boolean_mask(x):
    y = x[x > 0]
    return np.sum(y * y) + y.size * x[0]


@case(real(4), MASK, wrt=0, compiled=True)
def boolean_mask_argument(x, m):
    return np.sum(x[m] * x[m]) + np.sum(x[~m]) * x[0]


@case(real(4, 3), MASK, wrt=0)
def boolean_mask_of_rows(a, m):
    return np.sum(a[m] ** 2) + np.sum(a[m, 1] * a[m, 0])


@case(real(3, 3))
def boolean_mask_of_a_matrix(a):
    return np.sum(a[a > 0] ** 3)


@case(real(5), 3)
def scalar_index_from_a_computation(x, n):
    s = 0.0
    for k in range(n):
        s += x[(k * 3 + 1) % 5] * x[-k] * x[2 * k - n]
    return s


@case(real(5), INDEX, wrt=0)
def index_read_from_an_array(x, idx):
    s = 1.0
    for k in range(len(idx)):
        s = s * x[idx[k]] + x[idx[k] - 1]
    return s


@case(real(5))
def argmax_and_argsort(x):
    i = np.argmax(x)
    j = np.argmin(x)
    return x[i] * x[j] + x[i] ** 2


@case(real(3, 3))
def chained_indexing(a):
    return a[0][1] * a[1:][0][2] + np.sum(a[:, 1:][1] ** 2) + a.T[2][0]


@case(real(2, 3, 4))
def three_axes(a):
    s = 0.0
    for i in range(2):
        for k in range(4):
            s += a[i, 1, k] * a[1 - i, 2, k - 1]
    return s * np.sum(a[:, 1, 1:3])


@case(single(4), INDEX, wrt=0, tolerance=2e-5)
def gather_single_precision(x, idx):
    return np.sum(x[idx] * x[idx])


@case(real(4))
def take_function(x):
    return np.sum(np.take(x, [0, 1, 1]) ** 2)


@case(real(1, 4))
@case(real(4, 1))
def size_one_axes(a):
    return np.sum(a[0] ** 2) * a[0, 0] + np.sum(a[:, 0])


@case(real(4))
def whole_array_aliases(x):
    y = x[...]
    z = x[:]
    return np.sum(y * z) + y[1] * z[0]
