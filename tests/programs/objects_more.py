"""Properties, class attributes, enums, dataclasses, copies, lists in objects, operators."""

import dataclasses
import enum
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tests.programs.objects import Spring
from tests.programs.registry import case, real


class Kind(enum.Enum):
    LINEAR = 1
    QUAD = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 4


@dataclass
class Params:
    a: float
    b: float = 2.0
    name: str = "p"

    def value(self, x):
        return self.a * x + self.b


@dataclass(frozen=True)
class Frozen:
    a: float
    b: float

    @property
    def s(self):
        return self.a + self.b

    def __add__(self, o):
        return Frozen(self.a + o.a, self.b * o.b)


@dataclass
class Post:
    w: float
    h: float
    area: float = field(init=False)

    def __post_init__(self):
        self.area = self.w * self.h


@dataclass
class State:
    pos: np.ndarray
    vel: np.ndarray
    t: float = 0.0


class Point(NamedTuple):
    x: float
    y: float

    def norm2(self):
        return self.x**2 + self.y**2


@case(0.7, Kind.QUAD)
def enum_argument(x, kind):
    return x * x if kind is Kind.QUAD else x


@case(0.7, compiled=True)
def enum_inside(x):
    for k in (Kind.LINEAR, Kind.QUAD):
        if k == Kind.LINEAR:
            x = x * 3
        else:
            x = x * x
    return x * Level.HIGH + Kind.QUAD.value * x


@case(0.7)
def enum_loop(x):
    s = 0.0
    for k in Kind:
        s += x**k.value
    return s


@case(Params(0.3), 0.7, compiled=True)
def dataclass_written(p, x):
    p.a = p.a * x
    p.b += p.a
    return p.value(x)


@case(Frozen(0.3, 0.2), 0.7)
def frozen_ops(p, x):
    q = replace(p, a=x) + p
    return q.s * q.a


@case(0.3, 0.7)
def dataclass_post_init(a, b):
    p = Post(a, b)
    return p.area * p.w


@case(Post(0.3, 0.4), 0.7)
def dataclass_post_init_arg(p, b):
    return p.area * p.w + b * p.h


@case(State(real(3), real(3, seed=1)), 0.05, 10)
def state_stepped(s, dt, n):
    for i in range(n):
        s.vel = s.vel - dt * np.sin(s.pos)
        s.pos = s.pos + dt * s.vel
        s.t += dt
    return np.sum(s.pos**2) + s.t


@case(State(real(3), real(3, seed=1)), 0.05, 10, compiled=True)
def state_inplace(s, dt, n):
    for i in range(n):
        s.vel -= dt * np.sin(s.pos)
        s.pos += dt * s.vel
    return np.sum(s.pos**2)


@case(State(real(3), real(3, seed=1)), 0.05, 10)
def state_replaced(s, dt, n):
    for i in range(n):
        v = s.vel - dt * np.sin(s.pos)
        s = replace(s, pos=s.pos + dt * v, vel=v, t=s.t + dt)
    return np.sum(s.pos**2) * s.t


@case(Point(0.3, 0.5))
def namedtuple_method(p):
    q = p._replace(x=p.y * 2)
    x, y = q
    return q.norm2() * x + p.x * y


class Stack:
    def __init__(self):
        self.items = []

    def push(self, v):
        self.items.append(v)

    def pop(self):
        return self.items.pop()


@case(0.5)
def stack_object(x):
    s = Stack()
    s.push(x)
    s.push(x * x)
    a = s.pop() + s.pop() * 3
    s.push(a)
    return s.pop() ** 2


@case(0.5, 4)
def attribute_list_grows(x, n):
    s = Stack()
    for i in range(n):
        s.push(x * i)
    return sum(s.items)


class Temp:
    def __init__(self, c):
        self._c = c

    @property
    def f(self):
        return self._c * 1.8 + 32

    @f.setter
    def f(self, v):
        self._c = (v - 32) / 1.8

    @staticmethod
    def half(x):
        return x / 2

    @classmethod
    def from_f(cls, f):
        t = cls(0.0)
        t.f = f
        return t


@case(20.0, compiled=True)
def property_setter(x):
    t = Temp(x)
    t.f = t.f * 2
    return t._c * Temp.half(x) + Temp.from_f(x)._c


class Base:
    scale = 2.0

    def run(self, x):
        return self.inner(x) * self.scale


class Sub(Base):
    scale = 3.0

    def inner(self, x):
        return x * x


@case(0.5)
def abstract_method(x):
    return Sub().run(x)


class Matrix:
    def __init__(self, a):
        self.a = a

    def __matmul__(self, o):
        return Matrix(self.a @ o.a)

    def __setitem__(self, k, v):
        self.a[k] = v

    def __getitem__(self, k):
        return self.a[k]

    def __truediv__(self, o):
        return Matrix(self.a / o)

    def __pow__(self, n):
        return Matrix(self.a**n)

    def __eq__(self, o):
        return True

    def __lt__(self, o):
        return self.a.sum() < o.a.sum()

    def __bool__(self):
        return True

    def __contains__(self, v):
        return v == 3


@case(real(3, 3))
def matrix_object(a):
    m = Matrix(a.copy())
    m[0, 1] = m[1, 0] * 2
    q = (m @ m / 3.0) ** 2
    if m < q:
        q = m
    if q and 3 in q:
        return q[0, 0] + np.sum(q.a)
    return 0.0


class Cfg:
    alpha = 0.5

    class inner:
        beta = 2.0


CONFIG = {"lr": 0.1, "steps": 3}


@case(0.5)
def class_constants(x):
    for _ in range(CONFIG["steps"]):
        x = x - CONFIG["lr"] * Cfg.alpha * x**Cfg.inner.beta
    return x


class Nested:
    def __init__(self, x):
        self.spring = Spring(x)
        self.history = [x]
        self.d = {"a": x}


@case(0.5, compiled=True)
def nested_objects(x):
    n = Nested(x)
    n.spring.k = 3 * x
    n.history.append(x * x)
    n.d["b"] = n.history[-1]
    m = n.spring
    m.x0 = 0.3 * x
    return n.spring.energy(1.0) + sum(n.history) + n.d["b"]


@dataclass
class WithList:
    w: list = field(default_factory=list)
    scale: float = 1.0


@case(0.5)
def default_factory(x):
    a, b = (WithList(), WithList(scale=x))
    a.w.append(x * x)
    return a.w[0] + len(b.w) + b.scale


@dataclass(order=True)
class Ordered:
    v: float


@case(0.5, 0.7)
def dataclass_eq(a, b):
    if Ordered(a) == Ordered(a) and dataclasses.is_dataclass(Ordered(a)):
        return a * b
    return b
