"""Lists of objects, and keys, of which only the arrays of a call say how many and which there are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import UnsupportedError

X = np.array([0.7, 1.3, 0.4, 2.1, 0.9])
LABELS = np.array([2, 0, 2, 1, 0])


class Particle:
    def __init__(self, pos, vel):
        self.pos, self.vel = pos, vel

    def step(self, dt):
        self.vel -= self.pos * dt
        self.pos += self.vel * dt


def objects_in_a_list(x):
    particles = [Particle(v, 0.5) for v in x]
    for _ in range(3):
        for one in particles:
            one.step(0.1)
    return sum(p.pos**2 + p.vel for p in particles)


class Node:
    def __init__(self, value, following=None):
        self.value, self.following = value, following


def a_linked_list(x):
    head = None
    for v in x:
        head = Node(v, head)
    total, weight, node = 0.0, 1.0, head
    while node is not None:
        total += weight * node.value**2
        weight *= 0.5
        node = node.following
    return total


def sorted_tuples(x):
    pairs = sorted([(v, k) for k, v in enumerate(x)], key=lambda p: -p[0])
    found = 0.0
    for v, k in sorted([(k % 2, v) for k, v in enumerate(x)]):
        found = 0.5 * found + k * (v + 1)
    return found + sum((at + 1) * v * (k + 1) for at, (v, k) in enumerate(pairs))


def rows_of_growing_length(x):
    rows = []
    for i in range(len(x)):
        row = []
        for j in range(i + 1):
            row.append(x[i] * x[j])
        rows.append(row)
    return sum(sum(row) ** 2 for row in rows)


def sums_by_label(x, labels):
    sums, counts = defaultdict(float), {}
    for v, k in zip(x, labels):
        sums[k] += v
        if k not in counts:
            counts[k] = 0
        counts[k] += 1
    found = 0.0
    for k in sums:  # in the order in which they came
        found = 0.5 * found + (sums[k] / counts[k]) ** 2
    return found


def groups_by_label(x, labels):
    groups = {}
    for v, k in zip(x, labels):
        groups.setdefault(k, []).append(v)
    parts = [[] for _ in range(3)]
    for i in range(len(x)):
        parts[labels[i]].append(x[i] ** 2)
    found = sum(max(g) * len(g) for g in groups.values())
    for part in parts:
        s = 0.0
        for v in part:
            s += v
        found += s**2
    return found


def by_cell(x, labels):
    grid = {}
    for k in range(1, len(labels)):
        cell = (labels[k - 1] // 2, labels[k] + 1)
        grid[cell] = grid.get(cell, 0.0) + x[k] ** 2
    return sum(i * v**2 + j * v for (i, j), v in grid.items())


def an_object_carried_by_a_loop(x):
    poly = (1.0,)
    for root in x:
        new = [0.0] * (len(poly) + 1)
        for at, c in enumerate(poly):
            new[at] -= root * c
            new[at + 1] += c
        poly = tuple(new)
    return sum(c * 1.7**k for k, c in enumerate(poly))


def a_dict_by_place(x):
    d = {i: v**2 for i, v in enumerate(x) if i % 2 == 0}
    return sum(k * v * v for k, v in d.items())


def type_that_settles_after_two_iterations(x, n):
    first, second = None, None
    for _ in range(n):
        first, second = np.sum(x), first
    return second


def rank_by_an_integer(x, n):
    y = np.sum(x) * (np.ones(3) if n > 2 else np.ones((2, 2)))
    return np.sum(y * y)


def rank_that_grows(x, n):
    y = x[0] * np.ones(1)
    for _ in range(n):
        y = y[None] * x[1]
    return np.sum(y)


def differences(f: Any, x: np.ndarray, *rest: Any) -> np.ndarray:
    steps = np.eye(len(x)) * 1e-6
    return np.array([(f(x + s, *rest) - f(x - s, *rest)) / 2e-6 for s in steps])


OF_X = [
    objects_in_a_list,
    a_linked_list,
    sorted_tuples,
    rows_of_growing_length,
    an_object_carried_by_a_loop,
    a_dict_by_place,
]
OF_INTEGERS = [type_that_settles_after_two_iterations, rank_by_an_integer, rank_that_grows]
OF_LABELS = [sums_by_label, groups_by_label, by_cell]


@pytest.mark.parametrize("f", OF_X, ids=lambda f: f.__name__)
def test_each_length_has_a_text(f: Any) -> None:
    gradient = srcad.grad(f, target="python")
    for x in (X[:3], X, X[:3] + 0.1):
        np.testing.assert_allclose(gradient(x), differences(f, x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("f", OF_LABELS, ids=lambda f: f.__name__)
def test_each_labelling_has_a_text(f: Any) -> None:
    gradient = srcad.grad(f, target="python")
    for labels in (LABELS, LABELS[::-1].astype(np.int32), LABELS):
        np.testing.assert_allclose(gradient(X, labels), differences(f, X, labels), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("f", OF_INTEGERS, ids=lambda f: f.__name__)
def test_each_integer_has_a_text(f: Any) -> None:
    gradient = srcad.grad(f, target="python")
    for n in (3, 2):
        np.testing.assert_allclose(gradient(X, n), differences(f, X, n), rtol=1e-6, atol=1e-8)


def test_labels_that_change_in_place() -> None:
    labels = LABELS.copy()
    gradient = srcad.grad(sums_by_label, target="python")
    gradient(X, labels)
    labels[:] = [1, 1, 0, 0, 2]
    np.testing.assert_allclose(gradient(X, labels), differences(sums_by_label, X, labels), rtol=1e-6)


@pytest.mark.parametrize(("f", "args"), [(objects_in_a_list, (X,)), (groups_by_label, (X, LABELS))])
def test_compiled(f: Any, args: tuple[Any, ...]) -> None:
    np.testing.assert_allclose(srcad.grad(f)(*args), differences(f, *args), rtol=1e-6)


def test_the_text_asks_for_what_it_was_made_for() -> None:
    gradient = srcad.grad(by_cell, target="python")
    gradient(X, LABELS)
    names: dict[str, Any] = {}
    exec(gradient.source, names)
    np.testing.assert_allclose(names["by_cell_grad"](X, LABELS), differences(by_cell, X, LABELS), rtol=1e-6)
    with pytest.raises(ValueError, match="made for"):
        names["by_cell_grad"](X, np.array([2, 0, 2, 1, 1]))
    with pytest.raises(ValueError, match="made for 4 items"):
        names["by_cell_grad"](np.append(X, 1.0), np.append(LABELS, 1))


def written_labels(x, labels):
    view = labels[1:]
    view[0] = 1
    sums = {}
    for v, k in zip(x, labels):
        sums[k] = sums.get(k, 0.0) + v
    return sum(s**2 for s in sums.values())


def test_labels_that_the_function_writes() -> None:
    """The text was made for the labels of the call, and finds others."""
    with pytest.raises((ValueError, UnsupportedError), match=r"made for the integer|S\d\d\d"):
        srcad.grad(written_labels, target="python")(X, LABELS.copy())


def kept_where_large(x):
    particles = [Particle(v, 0.5) for v in x if v > 0.6]
    return sum(p.pos * p.vel for p in particles)


class Linked:
    def __init__(self, value):
        self.value, self.before, self.after = value, None, None


def linked_both_ways(x):
    last, total = Linked(0.0), 0.0
    for v in x:
        one = Linked(v)
        one.before, last.after = last, one
        last = one
    while last.before is not None:
        total, last = total + last.value * last.before.value, last.before
    return total


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (linked_both_ways, (X,)),
        (kept_where_large, (X,)),
        (objects_in_a_list, (np.ones(100),)),
        (sums_by_label, (X, LABELS + 0.0)),
    ],
    ids=["objects that lead to each other", "depends on values", "too many items", "keys that are floats"],
)
def test_refused(f: Any, args: tuple[Any, ...]) -> None:
    with pytest.raises(UnsupportedError) as caught:
        srcad.grad(f, target="python")(*args)
    assert "^" in str(caught.value)
