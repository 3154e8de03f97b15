"""`break`, `continue`, `return` in the middle, `else` of loops."""

import numpy as np

from tests.programs.registry import case, positive, real


@case(real(6), 0.9, wrt=0)
@case(real(6), 100.0, wrt=0, name="never")
@case(real(6), -100.0, wrt=0, name="at once", compiled=True)
def break_on_a_value(x, limit):
    s = 0.3
    for i in range(len(x)):
        s = s * 0.8 + x[i]
        if s > limit:
            break
        s = s + 0.1 * x[i] * x[i]
    return s * s


@case(real(6), compiled=True)
@case(-real(6))
def continue_on_a_value(x):
    s = 0.3
    for i in range(len(x)):
        if x[i] < 0:
            continue
        s = s * x[i] + np.sin(s)
    return s


@case(0.9, 0)
@case(0.9, 6)
def continue_in_a_runtime_loop(x, n):
    s = x
    for i in range(n):
        s = s * 0.9
        if i % 2 == 1:
            continue
        s = s * x + np.sin(s)
    return s


@case(real(6))
def continue_then_break(x):
    s = 0.3
    for v in x:
        if v < 0:
            s *= 0.5
            continue
        s += v
        if s > 1.2:
            break
        s *= v
    return s * s


@case(real(6), 0.5, wrt=0, compiled=True)
@case(real(6), 50.0, wrt=0)
def early_return_in_a_loop(x, limit):
    s = x[0]
    for i in range(1, len(x)):
        s = np.sin(s) + x[i]
        if s > limit:
            return s * x[0]
    return s * s


@case(0.5)
@case(-0.5)
@case(-5.0)
def early_returns(x):
    if x > 0:
        return x * x
    y = x * 3
    if y < -10:
        return y
    return y * x


@case(real(6), 0.9, wrt=0)
@case(real(6), 90.0, wrt=0)
def for_else(x, limit):
    s = 0.0
    for v in x:
        s += v * v
        if s > limit:
            s = s * 2
            break
    else:
        s = s * x[0]
    return s * s


@case(real(3))
@case(np.zeros(0), zero=True)
def for_else_without_break(x):
    s = 1.0
    for v in x:
        s *= v
    else:
        s += 2
    return s


@case(real(4), 0.3, wrt=0)
@case(real(4), 30.0, wrt=0)
def break_of_the_inner_loop_only(x, limit):
    s = 0.0
    for i in range(len(x)):
        t = x[i]
        for j in range(len(x)):
            t = t + x[j] * x[i]
            if t > limit:
                break
        s += t * t
    return s


@case(real(4), 0.6, wrt=0)
@case(real(4), 60.0, wrt=0)
def break_of_both_loops_by_a_flag(x, limit):
    s = 0.0
    done = False
    for i in range(len(x)):
        for j in range(len(x)):
            s += x[i] * x[j]
            if abs(s) > limit:
                done = True
                break
        if done:
            break
    return s * s


@case(real(4), 0.6, wrt=0)
@case(real(4), 60.0, wrt=0)
def return_out_of_nested_loops(x, limit):
    s = 0.1
    for i in range(len(x)):
        for j in range(i + 1):
            s = s + x[i] * x[j] * s
            if abs(s) > limit:
                return s * x[j]
    return s


@case(real(5), 0.4, wrt=0)
def index_of_the_break_read_after(x, limit):
    for i in range(len(x)):
        if x[i] > limit:
            break
    return x[i] * x[i] * (i + 1)


@case(real(5), 0.4, wrt=0, compiled=True)
def value_bound_before_the_break(x, limit):
    for i in range(len(x)):
        found = x[i] * 2
        if found > limit:
            break
    return found * found


@case(real(5))
def write_before_continue(x):
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = x[i]
        if x[i] < 0:
            continue
        y[i] *= x[i] * x[i]
    return np.sum(y * x)


@case(real(5), 2)
@case(real(5), 9)
def break_after_a_write(x, k):
    y = x.copy()
    for i in range(len(y)):
        y[i] = y[i] * x[0]
        if i == k:
            break
        y[i] += x[1]
    return np.sum(y * y)


@case(0.5, 5)
@case(0.5, 0)
def break_in_the_first_turn(x, n):
    s = x
    for i in range(n):
        s = s * x
        break
    return s * s


@case(0.5, 5)
def return_in_both_branches_in_a_loop(x, n):
    for i in range(n):
        x = x * 1.5
        if x > 1:
            return x * x
        elif x < 0:
            return -x
    return 7 * x


@case(real(5))
def return_of_a_tuple_element(x):
    for i in range(len(x)):
        if x[i] < 0:
            pair = x[i], x[i - 1]
            return pair[0] * pair[1]
    return x[0]


@case(real(5))
@case(-real(5))
def unreachable_code(x):
    if x[0] > 0:
        return x[0] * x[1]
    else:
        return x[2] ** 2
    return x[3]


@case(0.5, 5)
def continue_inside_try_of_three(x, n):
    s = x
    for i in range(n):
        if i == 1:
            continue
        if i == 3:
            s += x
            continue
        if i == 4:
            break
        s *= 1 + x
    return s


def relaxed(b, steps):
    x = b.copy()
    for _ in range(steps):
        dx = 0.3 * (b - x**2)
        x += dx
        if np.max(np.abs(dx)) < 1e-2:
            return x
    return 2.0 * x


@case(positive(2), 20, compiled=True)
@case(positive(2), 1, name="not left")
def array_updated_in_place_is_returned_from_the_loop(b, steps):
    return np.sum(relaxed(b, steps) ** 2)


def relaxed_or_error(b):
    x = b.copy()
    while True:
        dx = 0.3 * (b - x**2)
        x += dx
        if np.max(dx) > 1e3:
            raise ValueError("diverged")
        if np.max(np.abs(dx)) < 1e-2:
            return x


@case(positive(2))
def array_updated_in_place_is_returned_from_an_endless_loop(b):
    return np.sum(relaxed_or_error(b) ** 2)


def relaxed_in_two_loops(b):
    x = b.copy()
    for _ in range(4):
        for _ in range(3):
            dx = 0.3 * (b - x**2)
            x += dx
            if np.max(np.abs(dx)) < 1e-1:
                return x
    return x


@case(positive(2))
@case(np.array([0.1, 3.0]), name="not left")
def array_updated_in_place_is_returned_from_two_loops(b):
    return np.sum(relaxed_in_two_loops(b) ** 2)


@case(real(4), 2)
@case(real(4), 9, name="never")
def array_kept_from_an_iteration_that_goes_on(x, at):
    y = np.sin(x)
    kept = y.copy()
    for i in range(4):
        y = y * x
        if i == at:
            kept = y
        elif i > at:
            break
    return np.sum(kept * y)
