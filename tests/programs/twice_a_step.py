"""A state that each step changes twice: one of both stores saves what the steps read, where it reaches all of it."""

import numpy as np

from tests.programs.registry import case, real

X, V = real(5), real(5, seed=1)


@case(X, V, 0)
@case(X, V, 1)
@case(X, V, 3, compiled=True)
def leapfrog(position, velocity, steps):
    x, v, a = position.copy(), velocity.copy(), np.zeros(5)
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * v[i]
        for i in range(5):
            a[i] = np.sin(x[i] * x[i - 1])
        for i in range(5):
            v[i] += 0.1 * a[i]
            x[i] += 0.1 * v[i]
    return np.sum(x * x)


@case(X, V, 3, compiled=True)
def the_second_store_reads_what_it_overwrites(position, velocity, steps):
    x, v = position.copy(), velocity.copy()
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * v[i]
        for i in range(5):
            x[i] = np.sin(x[i])
    return np.sum(x * x)


@case(X, V, 3)
def the_second_store_is_of_all_at_once(position, velocity, steps):
    x = position.copy()
    for _ in range(steps):
        x[1:] += velocity[1:]
        x[1:] = np.sin(x[1:])
    return np.sum(x * x)


@case(X, V, 3)
def whole_and_read_by_the_second(position, velocity, steps):
    x = position.copy()
    for _ in range(steps):
        x[:] += velocity
        x[:] = np.sin(x)
    return np.sum(x * x)


@case(X, V, 3, compiled=True)
def the_second_leaves_one_out(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(1, 5):
            x[i] += 0.1 * velocity[i]
    return s


@case(X, V, 3)
@case(-X, V, 3)
def the_second_under_a_condition(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(5):
            if velocity[i] > 0.0:
                x[i] += 0.1 * velocity[i]
    return s


@case(X, V, 3)
def the_first_under_a_condition(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            if velocity[i] > 0.0:
                x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(5):
            x[i] += 0.1 * velocity[i]
    return s


@case(X, V, 4, 0)
@case(X, V, 4, 2)
def the_second_has_no_iteration(position, velocity, steps, count):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for _ in range(count):
            x[2] *= 1.1
    return s


@case(X, V, 4, 3)
def the_second_is_left_early(position, velocity, steps, end):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(5):
            if i == end:
                break
            x[i] += 0.1 * velocity[i]
    return s


@case(X, V, 5)
def the_steps_are_left_early(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.5 * velocity[i] * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        if s > 3.0:
            break
        for i in range(5):
            x[i] += 0.1 * velocity[i]
    return s + np.sum(x * x)


@case(X, V, 5)
def the_second_is_passed_over(position, velocity, steps):
    x, s = position.copy(), 0.0
    for t in range(steps):
        for i in range(5):
            x[i] += 0.5 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        if t % 2 == 0:
            continue
        for i in range(5):
            x[i] += 0.1 * velocity[i]
    return s


@case(X, V, 3)
def read_behind_the_second(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(5):
            x[i] += 0.2 * velocity[i]
        for i in range(5):
            s += np.cos(x[i])
    return s


@case(X, V, 3)
def read_among_the_first(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
            s += np.sin(x[4 - i])
        for i in range(5):
            x[i] += 0.2 * velocity[i]
    return s


@case(X, V, 3)
def read_among_the_second(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            x[i] += 0.2 * velocity[i] * s
            s += np.sin(x[4 - i])
    return s


@case(real(6, 5), V, 3, compiled=True)
def rows_and_columns(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(6):
            for j in range(1, 5):
                x[i, j] += 0.1 * velocity[j]
        for i in range(5):
            s += np.sin(x[i, i] * x[i + 1, i])
        for j in range(4):
            for i in range(5, -1, -1):
                x[i, j + 1] += 0.1 * velocity[j]
    return s


@case(real(5, 5), V, 3)
def the_second_is_of_the_diagonal(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            for j in range(5):
                x[i, j] += 0.1 * velocity[j]
        for i in range(5):
            for j in range(5):
                s += np.sin(x[i, j])
        for i in range(5):
            x[i, i] += 0.1 * velocity[i]
    return s


@case(real(5, 5), V, 3)
def both_are_of_a_triangle(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            for j in range(i):
                x[i, j] += 0.1 * velocity[j]
        for i in range(5):
            for j in range(5):
                s += np.sin(x[i, j])
        for i in range(5):
            for j in range(i):
                x[j, i] += 0.1 * velocity[i]
    return s


@case(X, V, 4)
def the_names_of_two_states_are_exchanged(position, velocity, steps):
    x, y, s = position.copy(), velocity.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] = x[i] + 0.1 * y[i]
        for i in range(5):
            s += np.sin(x[i]) * y[i]
        for i in range(5):
            y[i] = y[i] + 0.2 * x[i]
        x, y = y, x
    return s


@case(X, V, 4)
def of_a_part_that_moves(position, velocity, steps):
    x, s = position.copy(), 0.0
    for t in range(steps):
        for i in range(t, 5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(t, 5):
            x[i] += 0.1 * velocity[i]
    return s


@case(X, V, 4)
def the_second_moves_on(position, velocity, steps):
    x, s = position.copy(), 0.0
    for t in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        x[t] *= 1.5
    return s


@case(X, V, np.array([0, 3, 3, 1]))
def at_places_from_memory(position, velocity, places):
    x, s = position.copy(), 0.0
    p = places.copy()
    for _ in range(4):
        for i in range(4):
            x[p[i]] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(4):
            x[p[i]] += 0.1 * velocity[i]
        for i in range(4):
            p[i] = (p[i] + 1) % 5
    return s


@case(X, V, 3, 2)
def within_another_loop(position, velocity, steps, rounds):
    x, s = position.copy(), 0.0
    for _ in range(rounds):
        for i in range(5):
            s += x[i] ** 3
        for _ in range(steps):
            for i in range(5):
                x[i] += 0.1 * velocity[i]
            for i in range(5):
                s += np.sin(x[i])
            for i in range(5):
                x[i] += 0.1 * velocity[i]
        x[0] = s
    return s


@case(X, V, 3.0, compiled=True)
def while_it_lasts(position, velocity, end):
    x, s = position.copy(), 0.0
    while s < end:
        for i in range(5):
            x[i] += 0.5 * velocity[i] * velocity[i]
        for i in range(5):
            s += np.sin(x[i]) ** 2
        for i in range(5):
            x[i] += 0.1 * velocity[i]
    return s + np.sum(x)


@case(real(10), V, 3)
def a_view_beside_it(position, velocity, steps):
    x, s = position.copy(), 0.0
    y = x[::2]
    for _ in range(steps):
        for i in range(5):
            y[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(y[i] * x[i])
        for i in range(10):
            x[i] *= 0.9
        for i in range(5):
            y[i] += 0.1 * velocity[i]
    return s


@case(X, V, 3)
def read_among_the_second_before_it(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[4 - i])
            x[i] += 0.2 * velocity[i]
    return s


@case(X, V, 3)
def read_in_a_loop_behind_the_second(position, velocity, steps):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            a = 0.2 * velocity[i]
            b = a * a
            x[i] += b
            for j in range(2):
                s += (x[i] - j) ** 3
    return s


@case(X, V, 4, 3)
def the_second_is_left_early_behind_it(position, velocity, steps, end):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        for i in range(5):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(5):
            x[i] += 0.1 * velocity[i]
            if i * velocity[i] ** 2 > 0.4:
                break
    return s


@case(X, V, 4, 0)
@case(X, V, 4, 2)
def an_element_whose_second_has_no_iteration(position, velocity, steps, count):
    x, s = position.copy(), 0.0
    for _ in range(steps):
        if velocity[0] < 9.0:
            x[2] += 0.1 * velocity[2]
        for i in range(3):
            s += x[i] * x[i] * x[i]
        for i in range(count):
            x[2] += 0.1 * velocity[i]
    return s


@case(X, V, 4)
def of_a_part_that_grows(position, velocity, steps):
    x, s = position.copy(), 0.0
    for t in range(steps):
        for i in range(t + 1):
            x[i] += 0.1 * velocity[i]
        for i in range(5):
            s += np.sin(x[i])
        for i in range(t + 1):
            x[i] += 0.1 * velocity[i]
    return s
