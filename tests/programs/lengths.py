"""Lengths that change from turn to turn: what is known of one turn says nothing of another."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import case, real


@case(real(5), 2.0)
@case(real(5), 2.0, name="compiled", compiled=True)
def difference_before_a_product(x, u):
    """After the loop `d` has four items, in its first turn five."""
    return np.sum(np.diff(x) @ np.full((4, 4), x[0] * u))


@case(real(6), real(3, 3), name="three left")
def shortened_in_a_loop(x, m):
    for _ in range(3):
        x = x[1:] * x[:-1]
    return np.sum(m @ x)


@case(real(3), real(3, 2, 3), 0.7, wrt=(0, 1, 2))
@case(real(3), real(4, 2, 3), 0.7, wrt=(0, 1, 2), name="longer")
def three_axes_of_three_lengths_copied(w, p, s):
    """A copy is as long as what it is a copy of along each axis, which does not make its axes equally long."""
    for _ in range(p.shape[1]):
        q = p.copy()
        w[1] = np.sum(q * p)
        w[-3:2] *= np.full(p.shape[1], s)
    return np.sum(w * w)


@case(real(2, seed=3), np.array([0.31]), name="known to have one item")
@case(real(2, seed=3), np.array([0.31]), name="compiled", compiled=True)
def one_item_bound_in_a_loop_of_a_branch(p, a):
    """A name without a value has the length of its type all the same: a loop may read it before its first turn."""
    if p[0] <= 1.6:
        for _ in p:
            c = 0.5 * a[::3]
    return np.sum(p * c)


@case(real(3, seed=3), 2, 1)
@case(real(3, seed=3), 2, 1, name="compiled", compiled=True)
def items_asked_of_an_argument_bound_in_a_loop_of_a_branch(p, n, c):
    if c > 0:
        for i in range(n):
            v = p[::-1] * np.array([1.0, p[i], 2.0])
    return np.sum(v * v)


@case(real(4, seed=3), 1)
@case(real(4, seed=3), 1, name="compiled", compiled=True)
def as_long_as_a_name_of_the_other_path(p, n):
    """A list that one path makes is as long as what that path alone has made."""
    if n > 3:
        pass
    else:
        part = p[n:]
        a = []
        for i in range(len(part)):
            a.append(part[i] * p[0])
    return a[0] * a[1]


@case(real(3), 0, compiled=True)
def a_path_that_ends_in_an_error(p, n):
    y = p
    if n > 3:
        row = p.reshape(1, -1)[1]
        y = np.exp(y) * row
    return np.sum(y * p)


@case(real(3), 0, compiled=True)
def a_turn_that_ends_in_an_error(p, n):
    """What it asks in the first turn, a loop without turns does not ask."""
    y = p
    for i in range(n):
        y = y * p[i]
        assert False, "no turns"
        y = y * y * p
    return np.sum(y * p)


@case(np.array([-0.17, 0.44]))
@case(np.array([-0.5, 0.44]))
@case(np.array([-0.17, 0.44]), name="compiled", compiled=True)
def part_of_what_may_be_empty(x):
    """`part[1:]` of nothing is as long as `part`, of one item it is not."""
    part = x[x < -0.2]
    rest = part[1:]
    rest *= part
    return np.sum(rest) + np.sum(part) + x[1] * x[1]


@case(np.linspace(0.2, 0.9, 8).reshape(2, 2, 2), np.array([0.42, 0.33, 0.99]), np.array([[0.3, 0.6, 0.1]]), wrt=(0, 1))
def part_that_its_form_says_is_shorter_than_nothing(b, q, p):
    """`b[0:-3]` of two rows has none, not -1."""
    for t in range(p.shape[0], len(q), 2):
        k = 0
        while 0.5 > len(q):
            q[2::-1] -= (r := q)
            r[r > 0.2] += np.dot(b[0:-3, 0], r[:1])
        d = np.reshape(q[0:3], (1, p.shape[1]))
    c = np.multiply(b[:, 0], [[q[t], d[k][2]], [b[k, k, 1], 1.3]])
    return np.sum(c)


@case(np.array([-0.18, 0.08, 0.9, 0.66, 0.1]))
def part_that_one_path_makes(x):
    if x[2] >= x[3]:
        part = x[1:4]
    for _ in range(len(x)):
        rest = part[:-1]
    return np.sum(rest * rest)


@case(np.array([-0.18, 0.08, 0.9, 0.66, 0.1]))
def array_that_one_path_makes(x):
    if x[2] >= x[3]:
        made = x[1:4] * 2.0
    for e in made:
        rest = made[:-1] * e
    return np.sum(rest * rest)


@case(real(4), 4)
def filled_anew_and_read_backwards(p, n):
    for i in range(0, n, 2):
        first = p[i]
        p = np.full((p.shape[0],), first)
        p[:] -= 0.5 * np.sin(p[::-1])
    return np.sum(p * p)


@case(real(4), 2)
def an_element_of_what_is_made_anew(p, n):
    for _ in range(n):
        p = p * 2.0 + np.sum(p)
        x = p[3]
        p = p + p[::-1] * x
    return np.sum(p)


@case(np.array([-0.18, 0.08, 0.9, 0.66, 0.1]), np.array([0.5]))
@case(np.array([-0.18, 0.08, 0.5, 0.66, 0.1]), np.array([0.5]), name="otherwise")
def parts_of_two_lengths(x, w):
    if x[2] >= x[3]:
        part = x[1:4] * 2.0
    else:
        part = x[0:4] * 3.0 * w
    return np.sum(part * part)


@case(np.zeros(0), real(3))
def from_the_length_of_a_part(x, y):
    """`x[2:]` of an empty array has none, not two fewer: the loop has no turn, and the lengths need not fit."""
    s = np.sum(y * y)
    for _ in range(x[2:].shape[0], x.shape[0]):
        s += np.dot(x, y)
    return s
