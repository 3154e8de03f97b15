"""Loops whose first iteration makes an array of a number, or something of None; arrays taken apart into their items."""

import numpy as np

from tests.programs.registry import case, positive, real


@case(real(3, 2), compiled=True)
def sum_of_rows_from_the_number_zero(x):
    total = 0
    for row in x:
        total += row**2
    return np.sum(np.sin(total))


@case(real(3, 2))
def weighted_rows_from_zero(x):
    total = 0.0
    for i in range(len(x)):
        total = total + (i + 1) * x[i]
    return np.sum(total**3)


@case(real(4, 2), 4)
@case(real(4, 2), 1, name="one iteration")
@case(real(4, 2), 2, name="left at once")
def number_that_becomes_an_array_and_a_break(x, n):
    total = 0
    for i in range(n):
        if i == 1 and n == 2:
            break
        total = total + x[i] * x[0]
    return np.sum(total**2)


@case(real(4, 2))
def largest_row_from_none(x):
    best = None
    for row in x:
        size = np.sum(row**2)
        if best is None or size > best:
            best = size
    return best


@case(real(4, 2))
def view_that_the_first_iteration_makes(x):
    total = None
    for row in x:
        if total is None:
            total = row
        else:
            total += 2.0 * row
    return np.sum(total**2) + np.sum(x[0])


@case(real(4, 2))
def differences_of_neighbours(x):
    before = None
    total = 0.0
    for row in x:
        if before is not None:
            total += np.sum((row - before) ** 2)
        before = row
    return total


@case(real(4, 2), 3.0)
def while_that_begins_with_a_number(x, limit):
    total, k = 0.1, 0
    while k < len(x) and np.sum(total) < limit:
        total = total + x[k]
        k += 1
    return np.sum(total**3)


@case(real(3, 2))
def inner_loop_from_zero(x):
    total = 0.0
    for i in range(len(x)):
        partial = 0.0
        for j in range(i, len(x)):
            partial = partial + x[i] * x[j]
        total += np.sum(np.sin(partial))
    return total


@case(real(4, 2), 4)
def every_second_one_backwards(x, n):
    total = 0
    for k in range(n, 0, -2):
        total = total * x[0] + x[k - 1]
    return np.sum(total)


@case(real(4, 2), 9.0)
@case(real(4, 2), -9.0, name="at once")
def left_early_by_return(x, limit):
    total = 0
    for row in x:
        total = total + row
        if np.sum(total) > limit:
            return np.sum(total**2)
    return np.sum(total)


@case(real(2))
def text_written_into_a_list(x):
    items = [x, x]
    for _ in range(len(x)):
        items[1] = "text"
    return np.sum(items[0] ** 2)


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


@case(positive(3), compiled=True)
def parameters_from_one_array(p):
    return np.sum(decay(np.array([0.1, 0.5, 1.0]), *p) ** 2)


@case(real(4))
@case(real(1), name="one item")
def first_and_others(p):
    first, *others = p
    for k, value in enumerate(others):
        first = first * np.sin(value) + k
    return first


@case(real(3))
def named_parameters(p):
    given = dict(zip(["mass", "spring", "damping"], p, strict=True))
    return given["mass"] * given["spring"] - np.exp(given["damping"])


@case(real(3))
@case(real(2), name="array shorter")
@case(real(5), name="array longer")
def sequence_beside_an_array(p):
    total = 1.0
    for i, (name, value) in enumerate(zip(("sin", "cos", "sin"), p)):
        total = total * (np.sin(value) if name == "sin" else np.cos(value)) + i
    return total


@case(real(2))
def array_that_changes_beside_a_sequence(p):
    p = p.copy()
    total = 1.0
    for weight, value in zip([1.0, 2.0], p):
        total *= weight * value
        p[1] = p[1] * total
    return total


@case(real(2))
def list_that_changes_beside_an_array(p):
    weights = [p[0], p[1], 3.0]
    total = 1.0
    for weight, value in zip(weights, p):
        weights[1] = 4.0 * value
        total *= weight * value
    return total


@case(real(3), real(4))
def sequence_beside_two_arrays(p, q):
    return sum(w * a * b**2 for w, a, b in zip([1.0, 2.0, 3.0, 4.0], p, q) if w != 2.0)


@case(real(3))
def reversed_pairs(p):
    total = 0.0
    for value, weight in reversed(list(zip(p, [1.0, 2.0, 3.0]))):
        total = total * value + weight
    return total


DAMPED = True


@case(real(3))
def flag_from_outside_decides_the_type(x):
    if DAMPED:
        y = np.sum(x)
    else:
        y = x
    return np.sum(y * x)


KEPT = {"keepdims": True, "axis": None}


@case(real(3))
def options_from_outside(x):
    return np.sum(x * np.sum(np.sin(x), **KEPT))
