"""Iterators: `iter`, and `next` more than once; descriptors."""

import functools

import numpy as np

from tests.programs.registry import case, real


@case(real(5), compiled=True)
def the_first_item_and_then_the_others(x):
    it = iter(x)
    previous = next(it)
    s = previous
    for v in it:
        s += (v - previous) ** 2
        previous = v
    return s


@case(real(5))
def items_of_a_generator_expression(x):
    k = 2.0
    g = (v * k for v in x)
    a = next(g)
    k = 3.0
    return a * next(g) + sum(g)


@case(real(5))
def in_a_loop(x):
    g = (v * v for v in x)
    s = 0.0
    for _ in range(3):
        s = 0.5 * s + next(g)
    return s * sum(g)


@case(real(5))
def under_a_condition(x):
    it = iter(x)
    s = 0.0
    for v in x:
        if v > 0.0:
            s += next(it, 2.0) * v
    return s


@case(real(5))
def until_there_is_none(x):
    it = iter(x)
    s = 0.0
    while True:
        v = next(it, None)
        if v is None:
            break
        s = 0.5 * s + v * v
    return s


@case(real(5))
def given_on(x):
    it = iter([x[0], x[1] * x[2], x[3]])
    first = next(it)
    rest = list(it)
    other = iter(x)
    start = next(other)
    return rest[0] * first * len(rest) + functools.reduce(lambda a, v: a * v + 1.0, other, start)


@case(real(5))
def a_list_that_changes_in_between(x):
    items = [x[0], x[1]]
    it = iter(items)
    a = next(it)
    items[1] = x[2] * 3.0
    return a * next(it)


class Scaled:
    def __init__(self, factor):
        self.factor = factor

    def __set_name__(self, owner, name):
        self.key = "raw_" + name

    def __get__(self, obj, owner):
        if obj is None:
            return self
        return obj.__dict__[self.key] * self.factor

    def __set__(self, obj, value):
        obj.__dict__[self.key] = value**2


class Area:
    def __get__(self, obj, owner=None):
        return obj.width * obj.height


class Box:
    width = Scaled(2.0)
    height = Scaled(0.5)
    area = Area()

    def __init__(self, width, height):
        self.width, self.height = width, height


@case(real(3))
def descriptors(x):
    box = Box(x[0], x[1])
    box.width += x[2]
    before = box.area
    box.area = x[0]  # it has no __set__: the object's own goes first
    return before * box.area


class Vector:
    def __init__(self, items):
        self.items = list(items)

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return len(self.items)

    def __radd__(self, other):
        return self if other == 0 else NotImplemented

    def __add__(self, other):
        return Vector([a + b for a, b in zip(self, other, strict=True)])


@case(real(3))
def objects_that_have_items(x):
    total = sum([Vector([x[0], x[1]]), Vector([x[1], x[2] * x[0]])], Vector([1.0, x[2]]))
    a, b = total
    return a * b + sum(total) * len(total) + np.prod(list(total))


@case(np.array([0.7, 1.3, 0.4, 2.1, 0.9]), np.array([1, 0, 1, 0, 1]))
def sorted_by_tuples(x, labels):
    by_two = sorted(x, key=lambda v: (v < 0.8, -v))
    stable = sorted(x, key=lambda v: (v < 0.8, 1), reverse=True)
    places = sorted(range(5), key=lambda i: (labels[i], -x[i]), reverse=True)
    found = sum((n + 1) * v for n, v in enumerate(by_two))
    found += sum((n + 1) * v**2 for n, v in enumerate(stable))
    return found * sum((n + 1) * x[i] * (1 + labels[i]) for n, i in enumerate(places))
