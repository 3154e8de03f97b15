"""Programs on which one tool or another gives a wrong gradient, or none. Here they are right.

`docs/elsewhere.md` tells where each of them goes wrong.
"""

import numpy as np

from tests.programs.registry import case, positive, real


@case(0.8, 0)
@case(0.8, 1)
@case(0.8, 2)
@case(0.8, 9, compiled=True)
def runtime_loop_with_a_carried_intermediate(x, n):
    s = x
    for i in range(n):
        s = s * x + np.sin(s)
    return s


@case(0.8, 9)
def runtime_loop_with_continue(x, n):
    s = x
    for i in range(n):
        if i % 3 == 1:
            continue
        s = s * x + np.sin(s)
    return s


@case(real(3))
def element_written_several_times(x):
    y = np.zeros(2)
    y[0] = x[0]
    y[0] = y[0] * x[1] + y[0]
    y[0] = np.sin(y[0]) * x[2]
    y[1] = y[0] * y[0]
    return y[0] + y[1]


@case(real(4), 0.7, compiled=True)
def element_multiplied_in_place(x, v):
    y = x * x
    for i in range(len(x)):
        y[i] *= v
        y[i] *= x[i]
    return np.sum(y * y)


@case(real(4))
def overwritten_after_read_then_used_again(x):
    y = x * 2
    z = np.sin(y)
    y[:] = z * x
    w = y * z
    y[0] = w[1]
    return np.sum(y * w)


@case(real(3), 3)
def if_in_a_for_in_a_for(x, n):
    total = 0.0
    for i in range(n):
        t = x[i]
        for j in range(n):
            if x[j] > t:
                t = t * x[j]
            else:
                t = t + x[j] * 0.5
        total += t * t
    return total


@case(real(4), np.array([1, 1, 3, 0, 1]), wrt=0, compiled=True)
def gather_with_repeated_indices(x, idx):
    return np.sum(x[idx] ** 2 * np.arange(1.0, 6.0))


@case(real(3), real(3, seed=1))
def augmented_name_used_again(x, y):
    x += y
    z = x * y
    x += z
    return np.sum(x * z)


@case(3, wrt=0, gradient=27.0)
@case(2, 3, wrt=(0, 1), gradient=(12.0, 4.0))
def integer_input(x, y=None):
    return x * x * x if y is None else x * x * y


@case(0.7, compiled=True)
@case(-0.7)
def branches_binding_different_names(x):
    a = b = x
    if x > 0:
        a = x * x
    else:
        b = x * 5
    return a + 2 * b * a


@case(positive(3, 1), positive(4), compiled=True)
@case(positive(4), positive(3, 1))
@case(1.5, positive(3))
def broadcasting_in_divide_power_maximum(a, b):
    return np.sum(a / b + a**b + np.maximum(a, b) ** 2)


@case(real(6), compiled=True)
def write_through_a_view(x):
    y = x * x
    v = y[2:5]
    v *= 3
    return np.sum(y * x)


@case(real(3, 2))
def rows_of_a_matrix_written(a):
    y = a * 1.0
    for row in y:
        row *= row[0]
        row[1] += 2
    return np.sum(y * y)


@case(2.0, compiled=True)
def while_until_convergence(a):
    x = 1.0
    while abs(x * x - a) > 1e-3:
        x = 0.5 * (x + a / x)
    return x * a


@case(0.6, 0)
@case(0.6, 4)
@case(-0.6, 4)
def range_of_an_argument_and_if_on_a_value(x, n):
    s = x
    for i in range(n):
        if s > 0:
            s = s * x - 0.2
        else:
            s = s + x * x
    return s


@case(np.array([-1.0, 0.0, 2.0]), gradient=np.array([0.0, 0.0, 0.5]), compiled=True)
def where_guards_a_logarithm(x):
    return np.sum(np.where(x > 0, np.log(x), 0.0))


@case(-2.0, 3.0, wrt=0)
@case(-2.0, 2.0, wrt=0)
@case(0.0, 2.0, wrt=0, gradient=0.0)
def power_of_a_negative_base(x, y):
    return x**y


@case(np.array([-2.0, 0.0, 1.0]), gradient=np.array([-4.0, 0.0, 2.0]))
def square_at_zero(x):
    return np.sum(x**2)


@case(0.0, gradient=0.0)
def root_times_zero(x):
    return float(np.where(x > 0, np.sqrt(x), 0.0)) * 0.0 + x * x


@case(real(3), real(2, 3, seed=1))
def zero_times_keeps_the_shape(x, a):
    y = 0 * a
    y += x
    return np.sum(y * a)


@case(real(5, 2), real(2), real(2, 2), compiled=True)
def recurrent_keeping_the_last_state(xs, h, W):
    for t in range(len(xs)):
        h = np.tanh(W @ h + xs[t])
    return np.sum(h * h)


@case(real(5, 2), real(2), real(2, 2))
def recurrent_collecting_the_states(xs, h, W):
    hs = np.zeros((len(xs) + 1, 2))
    hs[0] = h
    for t in range(len(xs)):
        hs[t + 1] = np.tanh(W @ hs[t] + xs[t])
    return np.sum(hs[-1] * hs[-1])


@case(real(3, 2))
def spelled_by_method_and_attribute(x):
    def inner(v):
        return v.sum() * v.mean()

    n = x.shape[0]
    print("rows", n)
    return inner(x[0, :]) + x.T.sum() * n + (x.T @ x).trace() + x[:, 1].max()


def quadratic(x):
    return np.sum(x * x)


@case(real(3))
def user_function_calling_another(x):
    return quadratic(x) ** 2 + quadratic(np.sin(x))


@case(real(3), 40)
def many_turns_of_a_python_loop(x, n):
    for i in range(n):
        x = np.sin(x * 0.99 + 0.01)
    return np.sum(x)


@case(np.array([2.0, 2.0, 1.0]), gradient=np.array([0.5, 0.5, 0.0]))
def tie_in_the_maximum(x):
    return np.max(x)


@case(1.0, 1.0, gradient=(0.5, 0.5))
def tie_of_np_maximum(x, y):
    return np.maximum(x, y)


@case(1.0, 1.0, gradient=(1.0, 0.0))
def tie_of_builtin_max(x, y):
    return max(x, y)


@case(0.0, gradient=0.0)
def absolute_value_at_zero(x):
    return abs(x)


@case(np.array([2.0, 1.0, 1.0]), gradient=np.array([3.0, 1.0, 2.0]))
def tie_in_sort_is_stable(x):
    return np.sum(np.sort(x) * np.array([1.0, 2.0, 3.0]))
