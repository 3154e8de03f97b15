"""Programs written in ways one does not think of first: text as keys, objects, itertools, late binding, equality."""

from __future__ import annotations

import dataclasses
import enum
import functools
import itertools
import math
import operator

import numpy as np

import srcad
from tests.programs.registry import case, real


class Kind(enum.Enum):
    SQUARE = 1
    CUBE = 2


@case(0.7, Kind.CUBE, wrt=0)
def enumeration_as_argument(x, kind):
    if kind is Kind.SQUARE:
        return x * x
    return x**3 if kind == Kind.CUBE else x


@case({"W0": 0.3, "W1": 0.7})
def weights_by_old_text(p):
    total = 1.0
    for i in range(2):
        total = p["W%d" % i] * total + p["W" + "0"]  # noqa: UP031
    return total


def sum_of_squares_along(x, axis=0):
    return np.sum(np.sum(x, axis=axis) ** 2)


@case(real(2, 3))
def partial_with_an_axis(x):
    return functools.partial(sum_of_squares_along, axis=1)(x)


@case(0.7)
def functions_that_share_the_loop_variable(x):
    made = []
    for i in range(3):
        made.append(lambda t: t**i)
    return made[0](x) + made[1](x)


@case(0.7)
def functions_that_keep_the_loop_variable(x):
    made = []
    for i in range(3):
        made.append(lambda t, i=i: t**i)
    return made[0](x) + made[1](x) + made[2](x)


@case(real(3))
def pairs_of_itertools(x):
    total = 0.0
    for i, j in itertools.product(range(2), repeat=2):
        total += x[i] * x[j + 1]
    for a, b in itertools.combinations((x[0], x[1], x[2]), 2):
        total += math.sin(a * b)
    for a, b in itertools.pairwise([x[2], x[0], x[1]]):
        total *= operator.add(a, b)
    for v in itertools.chain([x[0]], (x[1],)):
        total += v**3
    return total


@case(0.7)
def filtered_while_compiling(x):
    return sum(v * x**v for v in filter(lambda k: k % 2, range(6)))


@case(real(2, 3))
def rows_unpacked(x):
    total = 0.0
    for i, (a, b, c) in enumerate(x):
        total += a * b * c * (i + 1)
    first, second = x
    return total + np.sum(first * second)


@dataclasses.dataclass
class Point:
    x: float
    y: float

    @property
    def norm(self):
        return self.x**2 + self.y**2

    @classmethod
    def diagonal(cls, v):
        return cls(v, 2.0 * v)


@case(0.7)
def members_of_a_dataclass(x):
    return Point.diagonal(x).norm * Point(x, 3.0).norm


@case(0.7)
def equality_of_structures(x):
    total = x
    if (1, 2) == [1, 2]:
        total = total * 2.0
    if {"a": 1, "b": 2} == {"b": 2, "a": 1}:
        total = total * x
    if Point(1.0, x) == Point(1.0, 2.0 * x):
        total = total * 5.0
    return total + math.sin(total)


@srcad.jit
def compiled_square(x):
    return x * x


@case(0.7)
def calls_what_is_compiled(x):
    return compiled_square(x) * math.cos(x)


@case(0.7)
def messages_of_every_kind(x):
    assert x > 0, "bad %s" % x  # noqa: UP031
    assert x > 0, "bad {}".format(x)  # noqa: UP032
    assert x > 0, ("bad", x)
    assert x > 0, x
    return x * x


@case(real(3))
def attributes_asked_for(x):
    if hasattr(x, "tolist") and not hasattr(x, "nothing"):
        return np.sum(x * x)
    return np.sum(x)


@case(0.7)
def names_of_the_generated_text(d_result):
    d_x = d_result * d_result
    turns, i_1, took_if, np_ = 0, 0.0, d_x, 1.0
    while turns < 3:
        turns += 1
        i_1 += d_x * took_if
        if i_1 > 0.5:
            took_if = i_1 * np_
    return i_1 * took_if


@case(0.7)
def names_beyond_ascii(α):
    β = α * α
    ñ = math.sin(β)
    return ñ * β


def twice(v):
    return v, v


@case(real(3))
def one_value_under_two_names(x):
    a, b = twice(x[0] * 2.0)
    a *= 3.0
    total = a * b
    for c in twice(x[1] * 2.0):
        total += c * c
    first, *rest = twice(x[2] * 2.0)
    return total * first * rest[0] + sum([v * w for v, w in [twice(x[0] * x[1])] * 2])
