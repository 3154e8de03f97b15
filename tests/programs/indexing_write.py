"""Every way to write into an array: what was there before must stop counting, and nothing else."""

import numpy as np

from tests.programs.registry import case, real, single

INDEX = np.array([2, 0, 2, 3])
MASK = np.array([True, False, True, True])


@case(real(4), 0.7, compiled=True)
def one_element(x, a):
    y = x.copy()
    y[1] = a * y[2]
    return np.sum(y * y)


@case(real(4), compiled=True)
def same_element_several_times(x):
    y = np.zeros(3)
    y[0] = x[0] * x[1]
    y[0] = y[0] * x[2]
    y[1] = y[0] + 1
    y[0] = np.sin(y[0])
    y[0] *= x[3]
    y[0] **= 2
    return np.sum(y * y)


@case(real(4))
def multiplied_in_place(x):
    y = x * 2
    for i in range(len(x)):
        y[i] *= x[i]
        y[i] *= y[i - 1]
    return np.sum(y)


@case(real(4), compiled=True)
def overwritten_after_read_then_used(x):
    y = x * 1.0
    s = np.sum(y * y)
    y[0] = s * x[1]
    y[1:] = y[:-1] * s
    return np.sum(y * y)


@case(real(4))
def overwritten_with_a_constant(x):
    y = x * x
    y[1] = 3.0
    y[2] = 0
    return np.sum(y * x)


@case(real(4))
def every_augmented_operator(x):
    y = x + 3
    y[0] += x[1]
    y[1] -= x[2] * y[0]
    y[2] *= x[3]
    y[3] /= x[0] + 3
    y[0] **= 2
    y[1] %= 0.7
    return np.sum(y * y)


@case(real(5), compiled=True)
def slice_assigned(x):
    y = np.zeros_like(x)
    y[1:4] = x[2:] * x[:3]
    y[:1] = x[4]
    y[3:] = 2 * x[:2]
    return np.sum(y * x)


@case(real(5))
def slice_assigned_a_scalar(x):
    y = x.copy()
    y[1:3] = x[0] * x[0]
    return np.sum(y**2 * np.arange(5))


@case(real(5))
def slice_augmented(x):
    y = x.copy()
    y[1:3] += x[3:] * y[0]
    y[:2] *= x[1]
    y[::2] -= x[0]
    return np.sum(y * y)


@case(real(6))
def strided_slices(x):
    y = np.zeros(6)
    y[::2] = x[:3]
    y[1::2] = x[::-2] * x[0]
    y[::-1] *= x
    return np.sum(y * y * x)


@case(real(5))
def overlapping_slices(x):
    y = x.copy()
    y[1:] = y[:-1]
    y[:-1] += y[1:] * y[1:]
    return np.sum(y * y * np.arange(1, 6))


@case(real(3, 4), compiled=True)
def rows_and_columns(a):
    b = np.zeros((3, 4))
    b[0] = a[1] * a[2]
    b[:, 1] = a[:, 0] ** 2
    b[2, 1:3] += a[0, :2]
    b[1, -1] = a[2, 2] * b[2, 1]
    return np.sum(b * a)


@case(real(3, 4))
def whole_array_assigned(a):
    b = np.empty((3, 4))
    b[:] = a * a
    b[...] *= a
    c = np.empty((3, 4))
    c[:, :] = b
    b[:] = 1.0
    return np.sum(c * c + b * a)


@case(real(4), real(3, 4, seed=1))
def broadcast_on_assignment(x, a):
    b = a.copy()
    b[1:] = x
    b[:, 2:] *= x[0]
    b[:, :1] = b[:, 1:2]
    return np.sum(b * b)


@case(real(3), real(3, 4, seed=1))
def column_broadcast_on_assignment(x, a):
    b = a * 1.0
    b[:] += x[:, None]
    b[:] = b * x[:, None]
    return np.sum(b * b)


@case(real(4), INDEX, wrt=0)
def scatter_last_wins(x, idx):
    y = np.zeros(4)
    y[idx] = x * x
    return np.sum(y * np.array([1.0, 2.0, 3.0, 4.0]))


@case(real(4), INDEX, wrt=0)
def scatter_augmented_counts_repeats_once(x, idx):
    y = x * 1.0
    y[idx] += x * x
    y[idx] *= 2
    return np.sum(y * y)


@case(real(4), INDEX, wrt=0, compiled=True)
def scatter_add_by_a_loop(x, idx):
    y = np.zeros(4)
    for k in range(len(idx)):
        y[idx[k]] += x[k] * x[idx[k]]
    return np.sum(y * y)


@case(real(4), INDEX, wrt=0)
def scatter_rows_of_a_matrix(x, idx):
    a = np.ones((4, 2))
    a[idx, 1] = x
    a[idx] *= x[:, None]
    return np.sum(a * a)


@case(real(4))
@case(-real(4), compiled=True)
def masked_write(x):
    y = x * 1.0
    y[y > 0] = 0.3
    y[x < 0.5] *= 2
    return np.sum(y * y * x)


@case(real(4), MASK, wrt=0)
def masked_write_of_values(x, m):
    y = x * x
    y[m] = x[:3] * x[1]
    y[~m] += x[0]
    return np.sum(y * y)


@case(real(5))
def write_in_a_loop_then_read_neighbours(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = x[i] * x[i]
        if i > 0:
            y[i] = y[i] + y[i - 1] * x[i]
    return y[-1]


@case(real(5), 3)
@case(real(5), 0)
def written_in_turns(x, n):
    y = x.copy()
    for k in range(n):
        for i in range(len(y)):
            y[i] = np.sin(y[i] + y[i - 1])
    return np.sum(y * y)


@case(real(5), 3)
def gauss_seidel_both_ways(x, n):
    y = x.copy()
    for k in range(n):
        for i in range(1, len(y) - 1):
            y[i] = 0.3 * (y[i - 1] + y[i + 1]) + 0.2 * y[i] * y[i]
        for i in range(len(y) - 2, 0, -1):
            y[i] = 0.3 * (y[i - 1] + y[i + 1]) + x[i]
    return np.sum(y * y)


@case(real(4))
def swap_elements(x):
    y = x * x
    y[0], y[1] = y[1], y[0]
    t = y[2]
    y[2] = y[3]
    y[3] = t
    return np.sum(y * x)


@case(real(4, 4))
def swap_rows(a):
    b = a.copy()
    t = b[0].copy()
    b[0] = b[2]
    b[2] = t
    return np.sum(b * b * np.arange(4.0)[:, None])


@case(real(3))
def element_zeroed(x):
    y = x * 2
    s = y[1] * y[0]
    y[1] = 0.0
    y[1] += x[2] * s
    return np.sum(y * y)


@case(single(4), tolerance=2e-5, step=0.1)
def write_into_single_precision(x):
    y = np.zeros(4, dtype=np.float32)
    y[1:] = x[:3] * x[1:]
    y[0] = x[0]
    return np.sum(y * y)


@case(real(4))
def runtime_position(x):
    y = x.copy()
    k = int(np.argmax(x))
    y[k] = x[k - 1] * 3
    y[k - 1] *= y[k]
    return np.sum(y * y)


@case(real(3))
def write_reads_itself(x):
    y = x.copy()
    y[0] = y[0] * y[0] + y[1]
    y[1] = y[0] * y[1]
    y[2] = y[2] / (2 + y[0] * y[0])
    return y[0] * y[1] + y[2]


@case(real(2, 3))
def flat_counter(a):
    out = np.zeros(6)
    k = 0
    for i in range(2):
        for j in range(3):
            out[k] = a[i, j] * a[i, j - 1]
            k += 1
    return np.sum(out * np.arange(6))


@case(0.7, 5)
def array_of_states(x, n):
    s = np.empty(n + 1)
    s[0] = x
    for i in range(n):
        s[i + 1] = s[i] * x + np.sin(s[i])
    return s[n] * s[n // 2]


@case(np.zeros(0), zero=True)
@case(real(1))
def empty_writes(x):
    y = np.zeros_like(x)
    y[:] = x * x
    y[0:0] = 1.0
    return np.sum(y) + 1


@case(real(4), np.array([0, 1]), 3)
def index_that_is_written_to_between_two_uses(x, k, n):
    y = x * 1.0
    t = 0.0
    for _ in range(n):
        t += y[k[0]] ** 2
        k[0] = k[0] + 1
        y[k[0]] = 3.0 * x[1] * t
    return t * np.sum(y * y)


@case(real(3), real(2, 3), compiled=True)
def one_value_for_many_places_as_the_call_shows(x, m):
    y = x * 1.0
    y[y > 0.0] = m[1::2, 0]
    y[[0, 2]] += y[np.array([1])]
    z = m * m
    z[[0, 1], [1, 0]] = m[1:2, 0]
    z[np.array([[0, 1], [1, 0]])] *= y[0]
    z[:, [0, 2]] = m[:, 1:2] * z[:1, 1:]
    return np.sum(y * y) + np.sum(z * z)


@case(real(3), real(2, 3), compiled=True)
def one_value_for_each_row_of_a_grid_of_places(x, m):
    y = x * 1.0
    y[np.array([[0, 1], [1, 2]])] = m[:2, 1:2] * y[:1]
    m[m[:, 0] > -9.0] = y[1:2]
    return np.sum(y * y) + np.sum(m * m)


@case(real(4))
def as_many_values_as_places_by_two_masks(x):
    y = x * 2.0
    y[x > 0.0] = x[x > 0.0] ** 2
    y[x > 9.0] = x[:1]
    return np.sum(y * y)


@case(real(1, 1), 3, compiled=True)
def filled_with_a_choice_of_its_own_element(b, n):
    for j in range(n):
        b[:] = b[0, j % 1] * 1.5 if j < 2 else 0.7 * j * b[0, 0]
        b.fill(b[0, j % 1] if b[0, 0] < 2.0 else 0.7)
    return np.sum(b)


@case(real(5), 3037000505, compiled=True)
def integer_in_an_array_of_floats(x, n):
    """Its square is no int64."""
    u = np.empty(len(x))
    total = 0.0
    for i in range(len(x)):
        u[i] = n
        total += x[i] * x[i] + np.sqrt(u[i] * u[i]) / n
    return total
