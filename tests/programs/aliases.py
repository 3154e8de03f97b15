"""Two names for one array, one name for two arrays."""

import numpy as np

from tests.programs.registry import case, real

SHARED = real(3)


@case(real(3), compiled=True)
def second_name(x):
    y = x * 1.0
    z = y
    z[0] = x[1] * x[2]
    return np.sum(y * y) + z[1]


@case(real(3))
def second_name_augmented(x):
    y = x * 1.0
    z = y
    z *= x
    z += 1
    return np.sum(y * z)


@case(real(3))
def rebinding_separates(x):
    y = x * 1.0
    z = y
    z = z * 2
    z[0] = 9.0
    return np.sum(y * z)


@case(real(3), real(3, seed=1))
def augmented_and_used_again(x, y):
    z = x * 1.0
    z += y
    w = z * y
    z += w
    return np.sum(z * w)


@case(SHARED, SHARED)
def same_array_twice_when_nothing_is_written(x, y):
    return np.sum(x * y * y)


@case(real(4), 3, compiled=True)
def double_buffer(x, n):
    a = x.copy()
    b = np.empty_like(a)
    for _ in range(n):
        b[0] = a[0]
        for i in range(1, len(a)):
            b[i] = a[i] * a[i - 1]
        a, b = b, a
    return np.sum(a)


@case(real(4), 3)
@case(real(4), 4)
def double_buffer_by_slices(x, n):
    a = x.copy()
    b = x.copy()
    for k in range(n):
        b[1:-1] = 0.3 * (a[:-2] + a[1:-1] * a[1:-1] + a[2:])
        a, b = b, a
    return np.sum(a * b)


@case(real(4), 2)
def triple_buffer(x, n):
    a = x.copy()
    b = x * 2
    c = np.zeros(4)
    for _ in range(n):
        c[:] = a * b
        a, b, c = b, c, a
    return np.sum(a * b) + c[0] * c[0]


@case(real(4))
def alias_in_a_tuple(x):
    y = x * 1.0
    pair = (y, x)
    pair[0][1] = x[0] * x[0]
    return np.sum(y * pair[1])


@case(real(4))
def alias_of_the_parameter(x):
    y = x
    y[1] = y[0] * y[2]
    return np.sum(x * x)


@case(real(4), 3)
def alias_in_a_loop(x, n):
    y = x * 1.0
    z = y
    for i in range(n):
        z[i] = y[i + 1] * z[i]
        y *= 0.9
    return np.sum(y * z)


@case(real(4), 3)
def rebound_to_itself_each_turn(x, n):
    y = x * 1.0
    for i in range(n):
        y = y * x
        y[i] = x[i]
        y += x[0]
    return np.sum(y * y)


@case(real(4), 3)
def previous_is_kept(x, n):
    y = x * 1.0
    for i in range(n):
        old = y.copy()
        y[1:] = old[:-1] * old[1:]
        y += old
    return np.sum(y * y)


@case(real(3))
def array_of_itself(x):
    y = x * 1.0
    y[:] = y * y
    y -= y[0]
    y[1:] = y[1:] * y[:-1]
    return np.sum(y * x)


@case(real(3))
def in_place_with_itself(x):
    y = x * 1.0
    y += y
    y *= y
    y[0] += y[0] * y[0]
    return np.sum(y)


@case(real(2, 2), real(2, 2, seed=1), 3)
def matrices_rotate(a, b, n):
    for _ in range(n):
        a, b = a @ b * 0.5, a
    return np.sum(a * b)


# ---- an adjoint summed to a shape that it may have already --------------------------------------


@case(real(4), 4, compiled=True)
def sum_with_an_array_of_another_length(x, n):
    a = np.zeros(n)
    for i in range(1, n):
        a[i] = 0.7 * x[i] + a[i - 1]
    y = a + x
    return np.sum(y * y)


@case(real(3, 4), 3, 4)
def sum_with_a_matrix_of_another_shape(x, n, m):
    a = np.zeros((n, m))
    for i in range(1, n):
        a[i] = 0.5 * a[i - 1] + x[i - 1]
    y = a + x
    return np.sum(y * y)


@case(real(4), 4, 3)
def state_summed_with_an_array_of_another_length(x, n, turns):
    a = np.zeros(n)
    b = x * 1.0
    for _ in range(turns):
        c = a + b
        a[1:] = 0.5 * a[:-1] + b[0]
        b[0] = b[1] * b[2]
        a = c
    return np.sum(a * a) + b[0]


@case(real(3), real(3, seed=1), 1)
@case(real(3), real(3, seed=1), -1, name="other branch", compiled=True)
def one_array_of_two_names_from_a_branch(x, y, c):
    if c > 0:
        a = v = x * 2.0
    else:
        a = v = y * 3.0
    v[0] = v[0] * v[1]
    return np.sum(a * a)


@case(real(3), real(3, seed=1), 2)
@case(real(3), real(3, seed=1), 0, name="no turn")
def one_array_of_two_names_from_a_loop(x, y, n):
    a = v = x * 1.0
    for _ in range(n):
        a = v = y * a
    v[0] = v[0] * v[1]
    return np.sum(a * a)


@case(real(3), 1, zero=False)
def view_of_a_view_bound_in_a_branch(x, c):
    if c > 0:
        a = x[:2]
        v = a.T
    v[0] = v[0] * v[1]
    return np.sum(a * a)
