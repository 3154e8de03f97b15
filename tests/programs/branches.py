"""`if`, `elif`, `else`: names bound on one side only, conditions that change after they were tested."""

import numpy as np

from tests.programs.registry import case, real


@case(0.5, compiled=True)
@case(-0.5)
def name_first_bound_in_a_branch(x):
    if x > 0:
        y = x * x
    else:
        y = -3 * x
    return y * x


@case(0.5)
@case(-0.5)
def branches_bind_different_names(x):
    a = x
    b = 2 * x
    if x > 0:
        a = x * x
    else:
        b = x**3
    return a * b + a


@case(0.5, compiled=True)
@case(-0.5)
def name_unbound_on_the_other_path(x):
    if x > 0:
        y = x * x
    r = x
    if x > 0:
        r = r + y
    return r


@case(0.5)
@case(-0.5)
def swap_in_a_branch(x):
    a, b = x, x * x
    if a > 0:
        a, b = b, a
    return a * 2 + b * b * 5


@case(1.5)
@case(0.5)
@case(-0.5)
@case(-1.5)
def elif_chain(x):
    if x > 1:
        y = x
    elif x > 0:
        y = x * x
    elif x > -1:
        y = x * x * x
    else:
        y = 4 * x
    return y * y


@case(1.5, 0.5)
@case(-1.5, 0.5)
@case(1.5, -0.5)
@case(-1.5, -0.5)
def nested_branches(x, y):
    r = x * y
    if x > 0:
        r = r * x
        if y > 0:
            r = r * y
        else:
            r = r - y
    elif y > 0:
        r = r + x
    return r * r


@case(0.8)
@case(2.0)
def condition_variable_changes_in_the_branch(x):
    if x > 1:
        x = x - 1
        x = x * x * 0.1
    if x > 1:
        x = 7 * x
    return x * x


@case(0.8, compiled=True)
@case(-0.8)
def sign_is_flipped_by_the_body(x):
    y = x
    if y > 0:
        y = -y * y
    else:
        y = y * 3
    return y + x


@case(0.8)
@case(-0.8)
def conditional_rebind_keeps_the_old_value(x):
    y = x * x
    z = y
    if x > 0:
        y = y * x
    return y + z * 3


@case(real(4))
@case(-real(4))
def conditional_rebind_of_an_array(x):
    y = x
    if x[0] > 0:
        y = x * x
    return np.sum(y * x)


@case(real(3))
@case(-real(3))
def write_in_a_branch(x):
    y = x * 1.0
    if x[0] > 0:
        y[1] = x[0] * x[2]
    return np.sum(y * y)


@case(0.3)
@case(-0.3)
def branch_without_effect(x):
    if x > 0:
        unused = x * x
        unused += 1
    else:
        pass
    return x * 3 + x * x


@case(0.3)
@case(-0.3)
def integer_chosen_by_a_value(x):
    k = 3 if x > 0 else 2
    return x**k * k


@case(0.3, real(3))
@case(-0.3, real(3))
def loop_in_a_branch(x, w):
    r = x
    if x > 0:
        for i in range(len(w)):
            r = r * w[i] + x
    return r * r


@case(0.3, real(3))
@case(-0.3, real(3))
def branch_gives_a_tuple(x, w):
    if x > 0:
        a, b = x * w[0], x * x
    else:
        a, b = w[1], x
    return a * b


@case(0.3)
@case(-0.3)
def both_branches_reassign_after_use(x):
    y = np.sin(x)
    z = y * y
    if z > 0.5 * x:
        z, y = y * z, x
    else:
        y = z + y
    return z * y + y


@case(0.3)
@case(-0.3)
def boolean_kept_and_read_later(x):
    up = x > 0
    x = -2 * x
    r = x * x
    if up:
        r = r * x
    return r


@case(0.3)
@case(1.0)
@case(3.0)
def and_or_mixed(x):
    if (x > 0.5 and x < 2) or not (x < 2.5 or x == 7):
        return x * x
    return 5 * x


@case(0.2, 0.9)
@case(0.9, 0.2)
def int_joins_float(x, y):
    s = 0
    if x > y:
        s = x * y
    return s + x + y * y


@case(real(3), real(3, seed=5))
def branch_on_any_and_all(x, y):
    r = np.sum(x * y)
    if np.any(x > 0):
        r = r * x[0]
    if np.all(y > -9):
        r = r + y[1] * y[1]
    return r


@case(0.4)
@case(1.4)
def all_paths_return(x):
    if x > 1:
        y = x * 2
        return y * x
    else:
        if x > 0:
            return x
        else:
            return x**3
