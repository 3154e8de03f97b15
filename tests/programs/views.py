"""A view is another name of the same memory, in the reverse sweep as in the program."""

import numpy as np

from tests.programs.registry import case, real


@case(real(6), compiled=True)
def write_through_a_slice(x):
    y = x * 1.0
    v = y[2:5]
    v *= 3
    v[0] = x[0] * v[1]
    return np.sum(y * y)


@case(real(6))
def write_to_the_base_seen_in_the_view(x):
    y = x * 1.0
    v = y[2:5]
    y[3] = x[0] * x[1]
    y *= 2
    return np.sum(v * v) + v[1] * x[3]


@case(real(3, 4), compiled=True)
def write_through_a_row(a):
    b = a * 1.0
    r = b[1]
    r[2] = a[0, 0] * r[1]
    r += a[2]
    return np.sum(b * b)


@case(real(3, 4))
def write_through_a_transpose(a):
    b = a * 1.0
    t = b.T
    t[0] = t[1] * a[0, 0]
    t[2, 1] *= a[1, 1]
    return np.sum(b * a)


@case(real(3, 4))
def write_through_a_column(a):
    b = a * 1.0
    c = b[:, 2]
    c[:] = c * b[:, 0]
    c[0] = 5.0
    return np.sum(b * b)


@case(real(6))
def view_of_a_view(x):
    y = x * 1.0
    v = y[1:]
    w = v[::2]
    w *= x[:3]
    v[0] += w[1]
    return np.sum(y * y)


@case(real(6))
def reversed_view(x):
    y = x * 1.0
    r = y[::-1]
    r[:3] = x[:3] * x[3:]
    return np.sum(y * x)


@case(real(6))
def reshape_is_a_view(x):
    y = x * 1.0
    m = y.reshape(2, 3)
    m[1] = m[0] * x[0]
    m[0, 1] *= 4
    return np.sum(y * y)


@case(real(6))
def ravel_of_contiguous_is_a_view(x):
    m = np.zeros((2, 3))
    m[:] = x.reshape(2, 3)
    r = m.ravel()
    r[4] = r[0] * r[1]
    return np.sum(m * m)


@case(real(6))
def flatten_is_a_copy(x):
    m = x.reshape(2, 3) * 1.0
    r = m.flatten()
    r[4] = r[0] * r[1]
    return np.sum(m * m) + np.sum(r * r)


@case(real(6))
def copy_is_no_view(x):
    y = x * 1.0
    v = y[1:4].copy()
    v *= 3
    y[1] = v[2]
    return np.sum(y * y) + np.sum(v)


@case(real(6), 3)
def views_taken_in_a_loop(x, n):
    y = x * 1.0
    for k in range(n):
        v = y[k : k + 3]
        v *= x[k]
        v[1] = v[0] + v[2] * v[2]
    return np.sum(y * y)


@case(real(3, 4))
def rows_in_a_loop(a):
    b = a * 1.0
    for i in range(1, 3):
        r = b[i]
        p = b[i - 1]
        r += p * a[i, 0]
    return np.sum(b * b)


@case(real(6))
def view_outlives_a_rebinding(x):
    y = x * 1.0
    v = y[1:3]
    y = y * 2
    v *= x[0]
    return np.sum(y) + np.sum(v * v)


@case(real(6))
def view_of_the_argument(x):
    v = x[1:3]
    v *= x[0]
    return np.sum(x * x)


@case(real(6))
def saved_before_the_view_is_written(x):
    y = x * x
    v = y[:2]
    s = v[0] * v[1]
    v[:] = s * x[4:]
    return np.sum(y) * s


@case(real(4))
def expand_dims_is_a_view(x):
    y = x * 1.0
    c = y[:, None]
    c[1, 0] = x[0] * x[2]
    c *= 2
    return np.sum(y * y)


@case(real(3, 3))
def diagonal_by_a_loop_through_views(a):
    b = a * 1.0
    for i in range(3):
        row = b[i]
        row[i] = row[i] * row[i - 1]
    return np.sum(b * b)


@case(real(2, 3, 4))
def view_of_three_axes(a):
    b = a * 1.0
    plane = b[1]
    plane[:, 2] = plane[:, 1] * a[0, :, 0]
    line = plane[1]
    line *= a[0, 0]
    return np.sum(b * b)


@case(real(4), real(4, seed=1))
def view_chosen_by_index(x, y):
    m = np.zeros((2, 4))
    m[0] = x
    m[1] = y
    k = 1 if x[0] > y[0] else 0
    v = m[k]
    v *= x
    return np.sum(m * m)


@case(np.asfortranarray(real(3, 4)), compiled=True)
@case(real(4, 3).T)
@case(real(6, 8)[::2, ::2])
def noncontiguous_argument(a):
    b = a * 1.0
    b[1] *= a[0]
    return np.sum(b * b) + np.sum(a[:, 1] * a[:, 0])


@case(real(8)[::2])
@case(real(4)[::-1])
def strided_argument_written(x):
    x[1] = x[0] * x[2]
    x *= x
    return np.sum(x)


@case(real(4))
def zeros_like_of_a_view(x):
    v = x[::-1]
    z = np.zeros_like(v)
    z[1:] = v[:-1] * v[1:]
    return np.sum(z * z)


@case(real(6))
def swapaxes_and_moves(x):
    m = x.reshape(2, 3) * 1.0
    s = np.swapaxes(m, 0, 1)
    s[1, 0] = s[0, 1] * 2
    return np.sum(m * m)


@case(real(5))
def in_place_on_a_shifted_view(x):
    y = x * 1.0
    left = y[:-1]
    right = y[1:]
    left += right * right
    right -= left[0] * x[1:]
    return np.sum(y * y)


@case(real(3, 4), compiled=True)
def through_a_transpose(x):
    y = np.zeros_like(x)
    y.T[...] += x.T
    y.T[1:3] *= 2.0
    y.reshape(12)[...] -= x.ravel() ** 2
    return np.sum(y * y)


# ---- a view that one of several paths has taken -------------------------------------------------------


@case(real(3, 3), compiled=True)
def row_left_behind_by_a_loop(a):
    a = a * 1.0
    s = 0.0
    for row in a:
        s += row[0]
    row[1] = s * s
    return np.sum(a * a) * row[0]


@case(real(4), True)
@case(real(4), False)
def part_chosen_by_a_branch(x, far):
    y = x * 1.0
    v = y[1:3] if far else y[0:2]
    v[0] = v[1] * v[1]
    return np.sum(y * y) + np.sum(v)


@case(real(3, 3), 2)
def part_left_behind_in_a_loop(a, n):
    b = a * 1.0
    for i in range(n):
        for j in range(2):
            c = b[i:, j]
            c[0] += 0.5 * c[1]
        b[i, 0] = c[0] * b[i, 1]
    return np.sum(b * b)


@case(real(3, 3), 4)
def row_left_behind_by_a_while(a, n):
    b = a * 1.0
    t = 0
    while t < n:
        row = b[t % 3]
        t += 1
        row[0] *= 2.0
    row[1] = b[0, 0] ** 2
    return np.sum(b * b)


@case(real(3, 3), 1.0)
@case(real(3, 3), 0.0, wrt=0)
def row_replaced_in_a_branch(a, p):
    b = a * 1.0
    row = b[0]
    if p < 0.5:
        row = b[int(p) + 2]
    row *= 2.0
    row[0] = b[1, 1]
    return np.sum(b * b) + row[1]


@case(real(4), compiled=True)
@case(real(4, 2))
def reversed_elements_added_to(u):
    """What is taken from an element of the adjoint would be put back into it at once."""
    v = u * u
    for i in range(len(u)):
        v[::-1][i] = v[::-1][i] + 2.0 * u[i]
    return np.sum(v**2)
