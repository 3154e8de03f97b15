"""Reductions: every axis, negative and several, with and without keepdims, empty and of size one."""

import numpy as np

from tests.programs.registry import case, positive, real, single


@case(real(3, 4), compiled=True)
@case(real(1, 4))
@case(real(3, 1))
def sums(a):
    return (
        np.sum(a) * a[0, 0]
        + np.sum(np.sum(a, axis=0) ** 2)
        + np.sum(a.sum(axis=1) ** 3)
        + np.sum(np.sum(a, axis=-1, keepdims=True) * a)
        + np.sum(a.sum(0, keepdims=True) * a * a)
        + np.sum(a, axis=(0, 1)) ** 2
    )


@case(real(2, 3, 4))
def sums_over_several_axes(a):
    b = np.sum(a, axis=(0, 2))
    c = np.sum(a, axis=(-1, 1), keepdims=True)
    d = a.sum(axis=(0, 1, 2), keepdims=True)
    return np.sum(b * b) + np.sum(c * a * a) + np.sum(d * a)


@case(real(3, 4), compiled=True)
@case(real(3, 1))
def means(a):
    return np.mean(a) ** 2 + np.sum(a.mean(axis=0) ** 2) + np.sum(np.mean(a, axis=1, keepdims=True) * a * a)


@case(real(3, 4))
@case(real(2, 1))
def products(a):
    return np.prod(a) + np.sum(np.prod(a, axis=0) ** 2) + np.sum(a.prod(axis=-1, keepdims=True) * a)


@case(np.array([2.0, 0.0, 3.0]), gradient=np.array([0.0, 6.0, 0.0]))
@case(np.array([0.0, 0.0, 3.0]), zero=True)
@case(real(4), compiled=True)
def product_with_zeros(x):
    return np.prod(x)


@case(real(3, 4), compiled=True)
def maxima(a):
    return np.max(a) ** 2 + a.min() ** 3 + np.sum(np.max(a, axis=0) ** 2) + np.sum(a.min(axis=1, keepdims=True) * a * a)


@case(real(2, 3, 4))
def maxima_over_several_axes(a):
    return np.sum(np.max(a, axis=(0, 2)) ** 2) + np.sum(np.amin(a, axis=(1, 2), keepdims=True) * a)


@case(np.array([1.0, 3.0, 3.0]), gradient=np.array([0.0, 0.5, 0.5]))
def maximum_shares_ties(x):
    return np.max(x)


@case(np.array([[1.0, 1.0], [2.0, 3.0]]), gradient=np.array([[0.5, 0.5], [1.0, 0.0]]))
def minimum_over_an_axis_shares_ties(a):
    return np.sum(np.min(a, axis=1))


@case(real(3, 4), compiled=True)
def variances(a):
    return np.var(a) + np.sum(np.var(a, axis=0) ** 2) + np.sum(a.var(axis=1, ddof=1, keepdims=True) * a)


@case(real(3, 4))
def standard_deviations(a):
    return np.std(a) * a[0, 0] + np.sum(a.std(axis=0) ** 3) + np.sum(np.std(a, axis=-1, ddof=1, keepdims=True) * a)


@case(real(3, 4))
def peak_to_peak(a):
    return np.ptp(a) ** 2 + np.sum(np.ptp(a, axis=0) ** 2) + np.sum(np.ptp(a, axis=1, keepdims=True) * a)


@case(real(3, 4), compiled=True)
def norms(a):
    return (
        np.linalg.norm(a)
        + np.sum(np.linalg.norm(a, axis=0) ** 2)
        + np.sum(np.linalg.norm(a, axis=1, keepdims=True) * a)
        + np.linalg.norm(a[0], 1)
        + np.linalg.norm(a[1], np.inf) ** 2
        + np.linalg.norm(a[2], 3)
    )


@case(real(3, 4), compiled=True)
def cumulative_sums(a):
    return np.sum(np.cumsum(a[0]) ** 2) + np.sum(np.cumsum(a, axis=0) ** 2) + np.sum(a.cumsum(axis=1) * a)


@case(real(4))
def cumulative_product(x):
    return np.sum(np.cumprod(x) * np.arange(1, 5))


@case(real(3, 3))
def trace_and_diagonal(a):
    return np.trace(a) ** 2 + np.sum(np.diag(a) ** 3) + np.trace(a @ a)


@case(real(5))
def average_with_weights(x):
    return np.average(x, weights=x * x + 1) + np.average(x) ** 2 + np.median(x) * x[0]


@case(real(3, 4))
def mean_of_squares_twice(a):
    m = a.mean(axis=1)
    return m.sum() * a.mean() + (m * m).mean()


@case(np.zeros(0), zero=True)
@case(np.zeros((0, 3)), zero=True)
@case(np.array(0.5))
@case(0.5)
@case(real(1))
def sum_of_anything(x):
    return np.sum(x) * np.sum(x * x) + np.sum(x)


@case(np.zeros((0, 3)), real(3))
def sum_over_an_empty_axis(a, x):
    return np.sum((np.sum(a, axis=0) + 1) * x * x)


@case(single(3, 4), tolerance=3e-5)
def single_precision(a):
    return np.sum(np.mean(a, axis=0) ** 2) + np.sum(np.max(a, axis=1))


@case(real(5))
def python_sum_max_min(x):
    return sum(x) * x[0] + max(x) ** 2 + min(x) ** 3 + sum([x[0], x[1] * x[2]], 1.0)


@case(real(5))
def count_and_compare(x):
    k = np.sum(x > 0)
    return k * np.sum(x * x) + np.count_nonzero(x > 0.5) * x[0]


@case(real(4))
def differences(x):
    return np.sum(np.diff(x) ** 2) + np.sum(np.diff(x[::-1]) * x[:3])


@case(positive(4))
def log_sum_exp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


@case(real(3, 4))
def softmax_of_rows(a):
    e = np.exp(a - np.max(a, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    return np.sum(p * p * a)


@case(real(4), real(4, seed=1))
def dot_by_sum(x, y):
    return np.sum(x * y) ** 2 + (x * y).sum() * x[0] + np.dot(x, y)


@case(real(3, 4), 1, wrt=0)
@case(real(3, 4), 0, wrt=0, name="axis as an argument", compiled=True)
def axis_by_hand(a, k):
    total = 0.0
    for i in range(a.shape[k]):
        line = a[i] if k == 0 else a[:, i]
        total += np.sum(line) ** 2
    return total


@case(real(5), 0.1, wrt=0)
def sum_of_a_generator(x, low):
    return sum(v * v for v in x if v > low) + sum(abs(v) for v in x)


@case(real(3, 4))
def running_sums_through_a_transpose(a):
    y = a.copy()
    rows = y.T
    for i in range(1, 4):
        rows[i] += rows[i - 1]
    return np.sum(y * a)
