"""Reshaping, joining, splitting, turning."""

import numpy as np

from tests.programs.registry import case, real, single


@case(real(2, 6), compiled=True)
def reshapes(a):
    b = a.reshape(3, 4)
    c = np.reshape(a, (4, 3))
    d = a.reshape(-1)
    e = a.reshape((2, 2, -1))
    return np.sum(b * c.T) + np.sum(d[1:] * d[:-1]) + np.sum(e[0] * e[1])


@case(real(3, 4))
def reshape_of_a_transpose(a):
    return np.sum(a.T.reshape(12) * np.arange(12) * a.ravel())


@case(real(3, 4), compiled=True)
def ravel_and_flatten(a):
    return (
        np.sum(a.ravel() * a.flatten() * np.arange(12))
        + np.sum(np.ravel(a[:, 1:]) ** 3)
        + np.sum(a.T.flatten() * np.arange(12))
    )


@case(real(2, 3, 4), compiled=True)
def transposes(a):
    b = np.transpose(a, (2, 0, 1))
    c = a.T
    d = a.transpose(1, 0, 2)
    return np.sum(b[0] * b[1]) + np.sum(c[:, 1, 0] ** 2) + np.sum(d[0] * d[2]) + np.sum(np.transpose(a[0]) ** 2)


@case(real(2, 3, 4))
def swaps_and_moves(a):
    return (
        np.sum(np.swapaxes(a, 0, 2)[1] ** 2) + np.sum(np.moveaxis(a, 0, -1)[0] ** 3) + np.sum(a.swapaxes(1, 2)[0] ** 2)
    )


@case(real(3, 1, 4), compiled=True)
def squeezes(a):
    return np.sum(np.squeeze(a) ** 2) + np.sum(a.squeeze(1)[0] ** 3) + np.sum(np.squeeze(a, axis=-2) * a[:, 0])


@case(real(3))
def expands(x):
    a = np.expand_dims(x, 0)
    b = np.expand_dims(x, axis=-1)
    c = np.atleast_2d(x)
    return np.sum(np.sin(a * b)) + np.sum(c * a)


@case(real(3), real(2, seed=1), compiled=True)
def concatenates(x, y):
    z = np.concatenate((x, y * y, x[:1]))
    return np.sum(z * z * np.arange(6))


@case(real(2, 3), real(2, 2, seed=1), real(1, 3, seed=2))
def concatenates_along_axes(a, b, c):
    d = np.concatenate([a, b], axis=1)
    e = np.concatenate((a, c), axis=0)
    f = np.concatenate((a, b), axis=None)
    return np.sum(d * d) + np.sum(e**3) + np.sum(f * np.arange(10))


@case(real(3), real(3, seed=1))
def stacks(x, y):
    a = np.stack((x, y))
    b = np.stack([x, y, x], axis=1)
    c = np.stack((x, y), axis=-1)
    return np.sum(a[0] * a[1]) + np.sum(b[1] * b[2]) + np.sum(c[0] * c[2])


@case(real(3), real(3, seed=1))
def vertical_and_horizontal(x, y):
    a = np.vstack((x, y))
    b = np.hstack((x, y))
    c = np.column_stack((x, y))
    return np.sum(a[0] * a[1]) + np.sum(b * b * np.arange(6)) + np.sum(c[0] * c[1])


@case(real(2, 3), real(2, 3, seed=1))
def horizontal_of_matrices(a, b):
    c = np.hstack((a, b))
    d = np.vstack((a, b))
    e = np.dstack((a, b))
    return np.sum(c**2 * np.arange(6)) + np.sum(d[1] * d[2]) + np.sum(e[0, :, 0] * e[1, :, 1])


@case(real(6))
def splits(x):
    a, b, c = np.split(x, 3)
    d, e = np.split(x, [2])
    return np.sum(a * b * c) + np.sum(d) * np.sum(e * e)


@case(real(3, 4))
def flips_and_rolls(a):
    return (
        np.sum(np.flip(a[0]) * a[1])
        + np.sum(np.flip(a, axis=1) * a[::-1])
        + np.sum(np.roll(a[0], 1) * a[1])
        + np.sum(np.flipud(a) * np.fliplr(a))
        + np.sum(np.roll(a, 1, axis=1) * a)
    )


@case(real(3))
def repeats_and_tiles(x):
    return np.sum(np.repeat(x, 2) * np.arange(6)) + np.sum(np.tile(x, 2) ** 2 * np.arange(6))


@case(real(3, 4))
def shape_len_size_ndim(a):
    n, m = a.shape
    return a[n - 1, m - 1] * len(a) * a.size * a.ndim + np.shape(a)[1] * a[0, 0] + np.size(a) * a[1, 1] ** 2


@case(real(4), single(4, seed=1), tolerance=3e-5)
def astype_and_copy(x, y):
    a = x.astype(np.float64) * y.astype(np.float64)
    b = np.copy(a)
    b[0] = x[1]
    return np.sum(a * b)


@case(real(3, 3))
def diagonals(a):
    d = np.diag(a)
    m = np.diag(d * d)
    return np.sum(m @ a) + np.sum(np.diag(a, 1) ** 2)


@case(real(5))
def padded(x):
    return np.sum(np.pad(x, 1) ** 2 * np.arange(7)) + np.sum(np.pad(x, (0, 2)) ** 2)


@case(real(4))
def sorted_values(x):
    y = np.sort(x)
    return np.sum(y * np.array([1.0, 2.0, 3.0, 4.0])) + y[0] * y[3]


@case(np.array(0.7))
def zero_dimensional(x):
    y = x.reshape(1)
    return y[0] * x + x.item() ** 2


@case(real(1), compiled=True)
@case(real(1, 1))
def item_of_one_element(x):
    return x.item() ** 2 + np.sum(x)


@case(real(2, 3), real(2, 3, seed=1))
def joined_in_a_loop(a, b):
    rows = np.zeros((0, 3))
    for i in range(2):
        rows = np.concatenate((rows, a[i : i + 1] * b[i]))
    return np.sum(rows * rows * a)


@case(real(4), 3)
def grows_by_concatenate(x, n):
    y = x[:1]
    for i in range(n):
        y = np.concatenate((y, y[-1:] * x[i]))
    return np.sum(y * y)
