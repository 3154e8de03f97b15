"""What need not be saved: what an iteration stores into an array of its own, what every iteration computes alike, and
sums of what is computed again anyway. Beside each are programs that look like it, in which it has to be saved."""

import math

import numpy as np

from tests.programs.registry import case, positive, real, single

# ---- arrays that each iteration allocates ------------------------------------------------------------------------


@case(real(6), 0)
@case(real(6), 3, compiled=True)
def own_array_each_turn(u, n):
    for _ in range(n):
        w = np.zeros(len(u))
        for i in range(1, len(u) - 1):
            w[i] = np.sin(u[i - 1]) * u[i + 1] + u[i] ** 2
        u = w
    return np.sum(u**2)


@case(real(6), 3)
def own_array_by_slices(u, n):
    for _ in range(n):
        w = np.zeros_like(u)
        w[1:-1] = np.sin(u[:-2]) * u[2:] + u[1:-1]
        u = w
    return np.sum(u**2)


@case(4, 3, 0.7)
def own_array_from_nothing(m, n, p):
    """The state begins as a constant: the adjoint of what a store overwrites has to be cleared all the same."""
    u = np.ones(m)
    for _ in range(n):
        w = np.zeros(m)
        for i in range(m):
            w[i] = np.sin(p * u[i]) + u[m - 1 - i]
        u = w
    return np.sum(u * u)


@case(real(5), 3, compiled=True)
def own_array_read_before_it_is_replaced(u, n):
    """The store at the end of an iteration replaces what its own array held when it was read."""
    for _ in range(n):
        w = np.cos(u) + u
        total = np.sum(np.sin(w))
        w[1] = total * w[2]
        w[2] = np.cos(w[1]) * w[2]
        u = w
    return np.sum(u * u)


@case(real(4), 3)
def own_array_filled_by_an_inner_loop(u, n):
    for _ in range(n):
        w = np.ones(len(u))
        for k in range(3):
            w[1] = np.sin(w[1]) * u[k]
            w[k] = w[1] * w[k]
        u = w
    return np.sum(u * u)


@case(real(4), 3)
def own_array_read_by_a_second_name(u, n):
    for _ in range(n):
        w = np.cos(u) + u[0]
        tail = w[1:]
        total = np.sum(np.sin(tail))
        w[2] = 0.5 * total
        u = w
    return np.sum(u * u)


@case(real(4), 3)
def own_array_stored_into_by_a_second_name(u, n):
    for _ in range(n):
        w = np.cos(u) + u[0]
        total = np.sum(np.sin(w))
        tail = w[1:]
        tail[0] = 0.5 * total
        u = w
    return np.sum(u * u)


@case(real(4), 4, compiled=True)
def array_of_the_turn_before(u, n):
    """The store is to the array that the turn before has made, after it was read."""
    before = u * 2.0
    total = 0.0
    for _ in range(n):
        w = np.sin(before)
        before[1] = before[1] * w[2]
        total += before[1] * before[0]
        before = w
    return total + np.sum(before)


@case(real(4), 3)
def array_of_an_outer_turn(u, n):
    """Each turn of the inner loop stores into one array: that of the outer turn."""
    for _ in range(n):
        w = np.cos(u)
        for k in range(1, 3):
            w[0] = np.sin(w[0]) * w[k] * u[k]
        u = w
    return np.sum(u * u)


@case(real(4), 3)
def own_array_by_parts_in_an_inner_loop(u, n):
    """Each turn of the inner loop reads a part, and then replaces an element of it."""
    total = 0.3
    for _ in range(n):
        w = np.cos(u) + total
        for k in range(3):
            part = w[k:]
            total = np.sin(total + np.sum(np.sin(part)))
            w[k + 1] = total * u[k]
        u = w
    return total + np.sum(u)


@case(real(5), real(5), 4)
def part_of_an_array_that_a_branch_makes(u, x, n):
    """Both the array and a part of it are saved: what is restored in one has to be there in the other."""
    v = np.ones(5)
    for t in range(n):
        w = np.ones(5)
        if t % 2 == 0:
            w = v.copy()
            u[1:] = np.sin(w[:-1]) * u[1:] + x[1:]
        v[2] += w[0] + x[-1]
        w[t] = u[2] * u[-1]
        v[0] += w[t] * w[0]
    return np.sum(u * np.cos(v))


@case(real(4), 3, compiled=True)
def sine_that_is_stored_into(x, n):
    """The derivative of the cosine needs a sine; the one that the program has computed is another array by then."""
    u = np.sin(x)
    for _ in range(n):
        u[1:] = np.sin(u[:-1]) * u[1:]
    return np.sum(u * np.cos(x))


# ---- what every iteration computes alike -------------------------------------------------------------------------


@case(real(3), 0.7, 0.4)
@case(real(0), 0.7, 0.4)
@case(real(3), 0.7, 0.4, name="compiled", compiled=True)
def weight_of_each_turn(x, k, s):
    for i in range(len(x)):
        s = s * np.exp(k) + x[i] * s
    return s


@case(real(3), real(2, 3), 1, 2, 0.4, compiled=True)
@case(real(0), real(2, 3), 1, 7, 0.4, name="no turn and no such place", zero=True, wrt=(0, 1))
def element_of_a_table(x, table, a, b, s):
    for i in range(len(x)):
        s = s * np.exp(table[a, b]) + x[i] * s
    return s


@case(real(3), real(2, 3), 1, 3)
def row_of_a_table(x, table, a, n):
    for _ in range(n):
        x = np.tanh(x * np.exp(table[a]))
    return np.sum(x)


@case(real(3), real(3, 3), 3, compiled=True)
def weights_of_a_table(alpha, table, n):
    for _ in range(n):
        new = np.zeros(3)
        for a in range(3):
            for b in range(3):
                new[b] += alpha[a] * np.exp(table[a, b])
        alpha = new / np.sum(new * new)
    return alpha[0]


@case(0.4, real(4), 3, compiled=True)
def weights_of_a_table_that_changes(x, table, n):
    table = table.copy()
    for _ in range(n):
        for a in range(len(table)):
            x = np.sin(x * np.exp(table[a]))
        table[0] = x
    return x


@case(0.4, real(4), 3)
def weight_of_a_place_that_changes(x, table, n):
    table = table.copy()
    for _ in range(n):
        x = np.sin(x * np.exp(table[1]))
        table[1] = x
    return x


@case(0.4, real(5), 4)
def weights_from_the_turn_on(x, table, n):
    for t in range(n):
        for a in range(t, n):
            x = np.sin(x * np.exp(table[a]) + table[a - t])
    return x


@case(0.4, real(5), 3)
def weights_up_to_the_turn(x, table, n):
    for t in range(n):
        for a in range(t):
            x = np.sin(x * np.exp(table[a]) + x)
    return x


@case(0.3, 0.2)
def weight_of_a_while(x, k):
    s = 1.0
    while s < 5.0:
        s = s * np.exp(k) + x
    return s


@case(0.3, 0.2, real(3))
def weights_of_a_loop_that_is_left(x, k, table):
    s = 1.0
    for _ in range(100):
        for j in range(3):
            s = s * np.exp(k) + np.sin(table[j]) ** 2 + x
        if s > 50.0:
            break
    return s


@case(real(5), 0.3, 0.5)
def weight_in_a_branch(x, k, v):
    s = 1.0
    for i in range(len(x)):
        if x[i] > 0.0:
            s = s * np.exp(k * v) + x[i]
    return s


# ---- sums of what is computed again ------------------------------------------------------------------------------


@case(real(4, 2), real(4, 2), 3, 0.1, compiled=True)
def forces_of_pairs(x, v, n, dt):
    for _ in range(n):
        f = np.zeros_like(x)
        for i in range(len(x)):
            for j in range(len(x)):
                if i != j:
                    d = x[i] - x[j]
                    r2 = d @ d + 0.1
                    f[i] += d / (r2 * math.sqrt(r2))
        v = v + dt * f
        x = x + dt * v
    return np.sum(x**2)


@case(real(4, 2), 1.2)
def distances_of_pairs(x, s):
    for i in range(len(x)):
        for j in range(i):
            d = x[i] - x[j]
            s = s * np.sqrt(np.sum(d**2)) + np.linalg.norm(d)
    return s


@case(real(4, 2), 1.2)
def distances_of_points_that_move(x, s):
    """What the sum is of has been replaced when it is read again."""
    x = x.copy()
    for i in range(len(x)):
        for j in range(i):
            d = x[i] - x[j]
            s = np.sin(s * (d @ d))
            x[i] = d * s
    return s + np.sum(x)


@case(real(4, 3), 1.2)
def products_with_rows_that_change(x, s):
    """A factor of the product is replaced before the product is read for the last time."""
    x = x.copy()
    for i in range(1, len(x)):
        row = x[i]
        d = row - x[i - 1]
        product = d @ row
        row[0] = np.sin(product) * row[1]
        s = np.sin(s * product) + np.cos(d[1] * product)
    return s + np.sum(x)


# ---- logistic functions: the derivative from the quotient --------------------------------------------------------


@case(real(4), 3, compiled=True)
def logistic_turns(x, n):
    for _ in range(n):
        x = 1 / (1 + np.exp(-x * 1.3))
    return np.sum(x)


@case(positive(3), real(3))
def inverses(x, y):
    return np.sum(1.0 / x + y / x + 1 / (x * x))


# ---- arrays of which the reverse sweep reads the shape -----------------------------------------------------------


@case(real(4), real(4), compiled=True)
def only_its_shape(w, p):
    z = w * p
    return np.mean(np.cumsum(z))


@case(real(4), real(4))
def its_shape_and_its_elements(w, p):
    z = np.sin(w * p)
    total = np.cumsum(z)
    return np.mean(total) * np.mean(total * z)


@case(real(4), positive(4))
def its_shape_after_the_parameter_changes(w, p):
    w = w[1:] * 2.0
    z = np.cumsum(w)
    return np.mean(z) * np.mean(np.cumsum(p))


@case(real(3, 4), real(4), real(3), compiled=True)
def lengths_of_a_product(a, x, v):
    return np.sum(2.0 * a @ x + v)


@case(real(3, 4), real(4), 2)
@case(real(1, 4), real(4), 0)
def lengths_of_a_parameter_that_is_cut(a, x, k):
    a = a[:k]
    y = a @ x
    return np.sum(y) + np.sum(x)


@case(real(4), single(4))
def dtype_of_what_is_not_computed(x, y):
    return np.sum(np.sin(x)[0] + np.cumsum(y * 2.0)) + np.sum(np.cumsum(y) * x[0])


@case(real(5, 5), real(5, 5), real(), compiled=True)
@case(real(1, 1), real(1, 1), real())
def products_of_columns_in_place(a, b, alpha):
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            b[i, j] += np.dot(a[i + 1 :, i], b[i + 1 :, j])
    b *= alpha
    return np.sum(b)


# ---- calls that are alike in each iteration ----------------------------------------------------------------------


def up_to_eight_tenths(v):
    s = 0.0
    while s < 0.8:
        s += v * v
    return s


def scaled_until_it_is_long(x):
    y = x.copy()
    while np.sum(y * y) < 3.0:
        y += 0.5 * x
    return y, 2.0 * x[0]


@case(real(3), 0)
@case(real(3), 2, compiled=True)
def called_again_in_a_loop(x, n):
    """What counts the iterations of the call is saved once; its value is of the same call."""
    y = up_to_eight_tenths(x[1])
    for _ in range(n):
        y = up_to_eight_tenths(x[1])
    return y * x[0]


@case(real(3))
def called_in_a_loop_that_surely_runs(x):
    y = up_to_eight_tenths(x[0])
    for i in range(3):
        y = y * up_to_eight_tenths(x[1]) + x[i]
    return y


@case(real(3), 0)
@case(real(3), 2, compiled=True)
def several_results_of_a_call_in_a_loop(x, n):
    z, _ = scaled_until_it_is_long(x)
    s = z[1]
    for _ in range(n):
        y, a = scaled_until_it_is_long(x)
        s += a * np.sum(y * y) * s
    return s


@case(real(3), 2, compiled=True)
def result_of_a_call_that_the_loop_writes_into(x, n):
    z, s = scaled_until_it_is_long(x)
    for _ in range(n):
        y, a = scaled_until_it_is_long(x)
        y[0] += s
        s += a * np.sum(y * y)
    return s + z[2]


# ---- arrays that are put back, or hold it still ------------------------------------------------------------------


@case(real(4))
def scaled_at_last(x):
    x *= 2.0
    return np.sum(x)


@case(real(4))
def scaled_at_last_and_read(x):
    x *= x
    y = np.sin(x)
    x *= 2.0
    return np.sum(x) + np.sum(y * x[0])


@case(real(4))
def scaled_at_last_through_a_view(x):
    x *= x
    tail = x[1:]
    x[:] = np.sin(x)
    tail *= tail
    x *= 3.0
    return np.sum(x)


@case(real(4))
def an_element_at_last(x):
    y = x * x
    y[2] = np.exp(y[2])
    y[2] *= 5.0
    return np.sum(y)
