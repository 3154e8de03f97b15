"""Several arrays indexed by one mask: its positions are computed once, as long as the mask is what it was."""

import numpy as np

from tests.programs.registry import case, positive, real


@case(real(6), real(6, seed=1), compiled=True)
def two_arrays_by_one_mask(x, y):
    m = x > 0.0
    return np.sum(x[m] * y[m])


@case(real(6), real(6, seed=1))
def one_condition_written_three_times(x, y):
    z = y.copy()
    z[x > 0.2] = x[x > 0.2] * y[x > 0.2] ** 2
    return np.sum(z * x)


@case(real(6), compiled=True)
def changed_by_what_it_selects(x):
    y = x.copy()
    y[y > 0.3] = y[y > 0.3] - 0.9
    y[y > 0.3] *= 3.0 * y[y > 0.3]
    y[y > -0.4] = 2.0 * y[y > -0.4]
    return np.sum(y * y)


@case(real(6), real(6, seed=1))
def mask_stored_to_between(x, y):
    m = x > 0.0
    a = x[m]
    m[0] = not m[0]
    m[1] = not m[1]
    return np.sum(a**2) + np.sum(y[m] ** 3)


@case(real(6), real(6, seed=1))
def mask_stored_to_through_a_view(x, y):
    m = x > 0.0
    part = m[1:4]
    a = np.sum(x[m])
    part[:] = True
    return a * np.sum(y[m] ** 2)


@case(real(6), real(6, seed=1))
def mask_changed_in_a_loop(x, y):
    m = x > 0.0
    total = 0.0
    for i in range(len(x)):
        total += np.sum(x[m] * y[m]) * y[i]
        m[i] = not m[i]
    return total


@case(real(6), real(6, seed=1))
def positions_that_the_user_stores_to(x, y):
    m = x > -2.0
    i = np.nonzero(m)[0]
    a = x[i]
    i[0] = 3
    j = np.nonzero(m)[0]
    return np.sum(a * y[m]) + np.sum(x[i] ** 2) + np.sum(y[j] * x[m])


@case(positive(3, 4))
def mask_of_two_axes(a):
    m = a > 1.0
    b = a * a
    return np.sum(a[m] * b[m]) + np.sum(b[m])


@case(real(6), 0.1)
def in_branches(x, limit):
    m = x > limit
    if limit > 0.0:
        total = np.sum(x[m])
    else:
        total = np.sum(x[m] ** 2)
    return total * np.sum(x[m] ** 3)
