"""Builtins, functools, itertools and operator over known and over run-time numbers of items."""

import functools
import itertools
import math
import operator
from functools import lru_cache, partial, reduce
from itertools import accumulate, chain, product
from operator import attrgetter, itemgetter

import numpy as np

from tests.programs.containers import Point
from tests.programs.inner_functions import Circle, Rect, area
from tests.programs.registry import case, real


@case(real(5))
def use_map(x):
    return sum(map(lambda v: v * v, x))


@case(real(5))
def use_map_list(x):
    ys = list(map(math.exp, x))
    return ys[0] * ys[1] + sum(ys)


@case(real(5), real(5, seed=2), compiled=True)
def use_map_two(x, y):
    return sum(map(operator.mul, x, y))


@case(real(5))
def use_filter(x):
    return sum(filter(lambda v: v > 0, x))


@case(real(5))
def use_reduce(x):
    return reduce(lambda a, b: a * b + 1.0, x)


@case(real(5))
def use_reduce_init(x):
    return reduce(operator.mul, x, 2.0)


@case(real(5), compiled=True)
def use_accumulate(x):
    return sum(a * a for a in accumulate(x))


@case([0.3, 0.4, 0.5])
def use_accumulate_list(x):
    t = list(accumulate(x, lambda a, b: a * b))
    return t[-1] + t[1] + sum(accumulate(x, operator.add, initial=1.0))


@case(real(3), real(2))
def use_product(x, y):
    return sum((a * b**2 for a, b in product(x, y)))


@case(real(3))
def use_product_range(x):
    s = 0.0
    for i, j in product(range(3), repeat=2):
        s += x[i] * x[j] * (i + 1)
    return s


@case(real(3), real(2))
def use_chain(x, y):
    s = 0.0
    for v in chain(x, y):
        s = s * 0.5 + v * v
    return s


@case(real(3), real(3, seed=2))
def use_zip_enumerate(x, y):
    return sum((i * a * b for i, (a, b) in enumerate(zip(x, y), start=1)))


@case(real(5))
def sorted_array(x):
    y = sorted(x)
    return y[0] * y[-1] + 2 * y[1]


@case([0.5, -0.3, 0.9])
def sorted_list(x):
    y = sorted(x, reverse=True)
    return y[0] * 2 + y[1] * y[2]


@case([0.5, -0.3, 0.9], compiled=True)
def sorted_key(x):
    y = sorted(x, key=lambda v: v * v)
    return y[0] + 2 * y[1] + 5 * y[2]


@case(real(4, 2))
def sorted_key_range(x):
    order = sorted(range(4), key=lambda i: x[i, 0])
    s = 0.0
    for k, i in enumerate(order):
        s += k * x[i, 1] * x[i, 0]
    return s


@case([0.5, -0.3, 0.9])
def min_key(x):
    return min(x, key=lambda v: abs(v - 0.4)) ** 2 + max(x, key=abs)


@case(real(5))
def min_key_range(x):
    i = min(range(len(x)), key=lambda i: x[i])
    return x[i] ** 2 + i * x[0]


@case([Point(0.3, 0.5), Point(0.1, 0.9)])
def min_key_points(ps):
    p = min(ps, key=lambda p: p.x**2 + p.y)
    return p.x * p.y


@case(real(5))
def any_all(x):
    if any(v > 1.4 for v in x) or all(v < 5 for v in x):
        return np.sum(x**2)
    return x[0]


@case(real(5))
def sum_start(x):
    return sum((v * v for v in x), x[0]) + sum([x[1], x[2]], start=1.0)


@case([real(3), real(3, seed=1)])
def sum_arrays(p):
    return np.sum(sum(p) ** 2) + np.sum(sum((a * a for a in p), np.zeros(3)))


@case(0.5)
def use_del(x):
    y = x * x
    z = [y, x, 3 * x]
    del z[1]
    w = z[1] * y
    del y
    d = {"a": x, "b": w}
    del d["a"]
    return w + len(d)


@functools.cache
def cached(x, n):
    return x**n


@case(0.5)
def use_lru(x):
    return cached(x, 2) + cached(x, 3)


@lru_cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@case(0.5)
def use_lru_int(x):
    return x * fib(7)


@functools.cache
def coeffs(n):
    return [1.0 / math.factorial(k) for k in range(n)]


@case(0.5)
def use_cache_table(x):
    return sum((c * x**k for k, c in enumerate(coeffs(6))))


@case(0.5)
def use_singledispatch(x):
    return sum(area(s) for s in [Circle(x), Rect(x, 2 * x)])


@case([(0.3, 0.1), (0.4, 0.7)])
def use_itemgetter(ps):
    get = itemgetter(1)
    first, second = itemgetter(0, 1)(ps[0])
    return get(ps[0]) * get(ps[1]) + first * second + attrgetter("real")(first)


@case(0.5)
def use_partial(x):
    f = partial(pow, x)
    g = partial(lambda a, b, c: a * b + c, x, c=2 * x)
    return f(2) + g(3.0)


@case(7.3, 2.1)
def use_divmod(x, y):
    q, r = divmod(x, y)
    a, b = divmod(17, 5)
    return q * x + r * r + a * b


@case(real(5))
def pairwise_window(x):
    return sum(((b - a) ** 2 for a, b in zip(x, x[1:]))) + sum(((b - a) ** 2 for a, b in itertools.pairwise(x)))
