"""`nonlocal`, `match`, closures, imports and decorators inside functions."""

import math
from functools import reduce, singledispatch, wraps

from tests.programs.containers import Point
from tests.programs.registry import case


@case(0.5)
def nonlocal_counter(x):
    n = 0
    total = 0.0

    def add(v):
        nonlocal n, total
        n += 1
        total = total + v * n

    add(x)
    add(x * x)
    for i in range(3):
        add(x)
    return total


@case(0.5, 4, compiled=True)
def nonlocal_loop(x, n):
    acc = 0.0

    def add(v):
        nonlocal acc
        acc += v * v

    for i in range(n):
        add(x + i)
    return acc


def scaled(k):

    def deco(f):

        @wraps(f)
        def inner(*args, **kwargs):
            return k * f(*args, **kwargs)

        return inner

    return deco


def logged(f):

    @wraps(f)
    def wrapper(*a, **k):
        r = f(*a, **k)
        return r

    return wrapper


@scaled(2.0)
@logged
def decorated_inner(x, y=3.0, *, z=1.0):
    return x * y * z


@case(0.5)
def calls_decorated(x):
    return decorated_inner(x, z=x) + decorated_inner(x, 2.0)


@case(0.5, 0.3)
@logged
def decorated_top(x, y=2.0):
    return x * x * y


@case(0.5, compiled=True)
def local_decorator(x):

    def twice(f):

        @wraps(f)
        def g(*a):
            return f(f(*a))

        return g

    @twice
    def sq(v):
        return v * v + 0.1

    return sq(x)


@singledispatch
def area(s):
    raise NotImplementedError


class Circle:
    def __init__(self, r):
        self.r = r


class Rect:
    def __init__(self, w, h):
        self.w, self.h = (w, h)


@area.register
def _(s: Circle):
    return math.pi * s.r**2


@area.register(Rect)
def _(s):
    return s.w * s.h


@case(Circle(0.4), Rect(0.3, 0.2))
def singledispatch_args(c, r):
    return area(c) * area(r)


@case(0.5)
def local_import(x):
    import math as m
    from math import sin

    import numpy

    return m.exp(x) * sin(x) + numpy.sum(x)


@case(0.5, 2)
def match_int(x, n):
    match n:
        case 0:
            return x
        case 1 | 2:
            return x * x
        case _:
            return x**3


@case(0.5, "b")
def match_str(x, mode):
    match mode:
        case "a":
            y = x
        case "b":
            y = x * x
        case other:
            y = x * len(other)
    return y


@case((0.5, 0.2))
def match_tuple(p):
    match p:
        case [x, y] if x > y:
            return x * y
        case [x, y]:
            return x + y


@case(0.5, compiled=True)
def match_class(x):
    out = 0.0
    for s in [Circle(x), Rect(x, 2 * x), Point(x, 3.0), {"k": x}, [x, 1.0, 2.0], None]:
        match s:
            case Circle(r=r):
                out += r * r
            case Rect(w=w, h=h):
                out += w * h
            case Point(a, b):
                out += a * b
            case {"k": v}:
                out += v**3
            case [first, *rest]:
                out += first * len(rest)
            case None:
                out += 1.0
    return out


@case(0.5)
def lambda_list(x):
    fs = [lambda v, k=k: v**k for k in range(1, 4)]
    return sum(f(x) for f in fs)


@case(0.5)
def late_binding(x):
    fs = [lambda v: v**k for k in range(1, 4)]
    return sum(f(x) for f in fs)


@case(0.5)
def compose(x):

    def comp(*fs):
        return reduce(lambda f, g: lambda v: g(f(v)), fs)

    return comp(math.sin, lambda v: v * v, math.exp)(x)


@case(0.3, 0.4)
def kwargs_dict(a, b):

    def loss(**p):
        return sum(v**2 for v in p.values()) + p["a"]

    return loss(a=a, b=b, **{"c": a * b})
