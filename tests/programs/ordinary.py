"""What ordinary programs combine: lists as indices, pairs, lists that take two items at once, slices kept elsewhere."""

import itertools

import numpy as np

from tests.programs.registry import case, positive, real


@case(real(4))
@case(real(1), name="one item")
def two_items_at_once(x):
    found = []
    for value in x:
        found += [2.0 * value, value**2]
    return np.sum(np.array(found) ** 2)


@case(real(4))
def extended_by_two_items(x):
    found = []
    for value in x:
        found.extend((2.0 * value, value**2))
    return np.sum(np.array(found) ** 2)


@case(positive(4), [0, 3], compiled=True)
@case(positive(4), [], name="all free")
def system_of_the_free_unknowns(x, fixed):
    free = [k for k in range(len(x)) if k not in fixed]
    stiffness = np.outer(x, x) + 3.0 * np.eye(len(x))
    u = np.zeros(len(x))
    u[free] = np.linalg.solve(stiffness[np.ix_(free, free)], x[free])
    return x @ u


@case(positive(4))
def list_of_places_that_values_choose(x):
    large = []
    for i in range(len(x)):
        if x[i] > 1.0:
            large.append(i)
    y = x**2
    y[large] *= x[large]
    return np.sum(y)


@case(real(4, 2), compiled=True)
@case(real(1, 2), name="no pair", zero=True)
def forces_between_pairs(x):
    forces = np.zeros_like(x)
    for i, j in itertools.combinations(range(len(x)), 2):
        d = x[i] - x[j]
        f = d / (1.0 + d @ d)
        forces[i] += f
        forces[j] -= f
    return np.sum(forces**2)


@case(real(5))
def pairs_of_numbers_with_a_break(x):
    total = 0.0
    for k, (a, b) in enumerate(itertools.combinations(x, 2)):
        if k == 2:
            continue
        if k == 7:
            break
        total += a * b**2 * k
    return total


@case(real(5))
def sum_over_pairs(x):
    return sum(np.sin(a * b) for a, b in itertools.combinations(x, 2))


@case(real(4))
def triples(x):
    return sum(a * b**2 * c**3 for a, b, c in itertools.combinations(x, 3))


PARTS = {"matrix": slice(0, 4), "vector": slice(4, None), "every second": slice(None, None, 2)}
MIDDLE = range(1, 3)


@case(real(6))
def slices_kept_outside(x):
    matrix = x[PARTS["matrix"]].reshape(2, 2)
    return np.sum(matrix @ x[PARTS["vector"]]) + np.prod(x[PARTS["every second"]])


class Layout:
    def __init__(self):
        self.places = {}
        self.size = 0

    def add(self, name, shape):
        end = self.size + int(np.prod(shape))
        self.places[name] = slice(self.size, end), shape
        self.size = end

    def get(self, vector, name):
        where, shape = self.places[name]
        return vector[where].reshape(shape)


LAYOUT = Layout()
LAYOUT.add("matrix", (2, 2))
LAYOUT.add("vector", (2,))


@case(real(6))
def layout_of_a_vector(x):
    return np.sum(np.tanh(LAYOUT.get(x, "matrix") @ LAYOUT.get(x, "vector")))


@case(real(4))
def range_kept_outside(x):
    return sum(x[i] ** 2 for i in MIDDLE) * len(MIDDLE)


@case(real(4), slice(1, 3))
def slice_given(x, part):
    return np.sum(x[part] ** 2)


@case(real(4), range(0, 4, 2))
def range_given(x, places):
    total = 0.0
    for i in places:
        total = total + x[i] ** 2
    return total


@case(real(3))
def array_made_by_its_class(x):
    y = np.ndarray((3,), dtype=float)
    for i in range(3):
        y[i] = x[i] ** 2
    return y[0] * y[1] + y[2]


@case(positive(2), np.array([0.4, 0.6, 0.3, 0.7]), 3, wrt=(0, 1))
def field_of_two_kinds(u, n, steps):
    hopping = np.eye(4, k=1) + np.eye(4, k=-1)
    m = n[::-1].copy()
    energy = 0.0
    for _ in range(steps):
        levels, first = np.linalg.eigh(u[0] * np.diag(m) - hopping)
        others, second = np.linalg.eigh(u[1] * np.diag(n) - hopping)
        n = (first[:, :2] ** 2).sum(axis=1)
        m = (second[:, :2] ** 2).sum(axis=1)
        energy = levels[0] + others[1] - u[0] * n @ m
    return energy
