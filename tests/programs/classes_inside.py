"""Classes that are defined inside the function, and names that `:=` binds in comprehensions."""

import abc
import dataclasses
import math
from collections import namedtuple
from dataclasses import dataclass

import numpy as np

from tests.programs.registry import case, real


@case(real(4), compiled=True)
def operators_and_inheritance(x):
    class A:
        def __init__(self, v):
            self.v = v

        def __add__(self, other):
            return A(self.v + other.v)

        @property
        def square(self):
            return self.v**2

        @classmethod
        def of(cls, v):
            return cls(v * 2.0)

        @staticmethod
        def twice(v):
            return 2.0 * v

    class B(A):
        k = 3.0

        def __init__(self, v):
            super().__init__(v)
            self.w = v * self.k

        @property
        def square(self):
            return super().square + self.w

    b = B.of(x[0])
    a = A(x[1]) + b
    return a.square * b.square + A.twice(x[2]) * B.k


@case(real(4))
def a_method_reads_variables_as_they_are_now(x):
    k = x[0]

    class Reader:
        def get(self):
            return k

    reader = Reader()
    first = reader.get()
    k = x[1] * 3.0
    return first * reader.get()


@case(real(4))
def a_method_assigns_a_variable_around_it(x):
    total = 0.0

    class Sum:
        def add(self, v):
            nonlocal total
            total = total * 0.5 + v * x[0]

    s = Sum()
    for v in x:
        s.add(v)
    return total


def _shifted(v):
    class Pair:
        def __init__(self, u):
            self.u = u

        def product(self):
            return self.u * v

    return Pair(v + 1.0)


@case(real(4))
def each_call_makes_its_own(x):
    one, other = _shifted(x[0]), _shifted(x[1])
    total = one.product() + 3.0 * other.product()
    for v in x:
        total += _shifted(v).product() * one.product()
    return total


@case(real(4))
def made_in_each_iteration_over_its_variable(x):
    total = 0.0
    for v in x:

        class Product:
            def __init__(self, a):
                self.a = a

            def value(self):
                return self.a * v

        total = total + Product(v * v).value()
    return total


@case(real(4))
def a_frozen_dataclass_carried_by_a_loop(x):
    @dataclass(frozen=True)
    class V:
        a: float
        b: float = 1.0

        def __mul__(self, s):
            return V(self.a * s, self.b + s)

    v = V(x[0])
    for u in x:
        v = v * u
    return v.a * v.b


@case(real(4))
def an_abstract_base_and_slots(x):
    class Base(abc.ABC):
        @abc.abstractmethod
        def value(self, t): ...

        def __call__(self, t):
            return self.value(t) * 2.0

    class Linear(Base):
        def __init__(self, k):
            self.k = k

        def value(self, t):
            return self.k * t

    class Quadratic(Base):
        __slots__ = ["k"]

        def __init__(self, k):
            self.k = k

        def value(self, t):
            return self.k * t * t

    return sum(f(x[2]) for f in [Linear(x[0]), Quadratic(x[1])])


@case(0.7)
def a_method_that_calls_itself(x):
    class Repeated:
        def value(self, k, v):
            return v if k == 0 else self.value(k - 1, math.sin(v) + v * v)

    return Repeated().value(3, x)


@case(real(4))
def a_named_tuple_is_made(x):
    Point = namedtuple("Point", "a b")
    p = Point(x[0], b=x[1])
    q = p._replace(a=p.a * x[2])
    return q.a * q.b + p.a


@dataclass
class Layer:
    weights: np.ndarray
    bias: float


@dataclass
class Model:
    layers: list
    scale: float


@case(real(4))
def dataclasses_taken_apart(x):
    model = Model([Layer(x[:2], x[2]), Layer(x[2:], x[0])], x[3])
    found = dataclasses.asdict(model)
    layers, scale = dataclasses.astuple(model)
    found["layers"][0]["weights"][0] = 5.0
    return np.sum(found["layers"][0]["weights"] ** 2) * layers[1][1] + np.sum(x**3) * scale * found["scale"]


@case(real(5))
def a_walrus_is_read_after_its_comprehension(x):
    kept = [y for v in x if (y := v * v) > 0.3]
    return sum(kept) * y


@case(real(5))
def a_walrus_reads_what_it_has_bound(x):
    last = 0.5
    found = [last := last * 0.5 + v for v in x]
    return sum(found) * last


@case(real(5))
def a_walrus_in_a_sum(x):
    t = 1.0
    s = sum((t := t * v) for v in x)
    return s + 3.0 * t


@case(real(5))
def a_walrus_in_a_nested_comprehension(x):
    s = [[z := z0 * v for v in x] for z0 in (1.0, 2.0)]
    return z * s[0][1]


@case(real(5))
def a_walrus_in_a_loop(x):
    s = 0.0
    for i in range(3):
        s += sum([q := v * (i + 1) for v in x if v > 0.5 or i == 0]) * q
    return s
