"""Generator functions and generator expressions: looped over, left early, summed, given to functions, and infinite."""

import math
from itertools import (
    accumulate,
    chain,
    combinations,
    combinations_with_replacement,
    cycle,
    islice,
    permutations,
    product,
    starmap,
    takewhile,
    zip_longest,
)

import numpy as np

from tests.programs.registry import case, real

V = np.array([0.5, 1.2, -0.7, 2.0])
M = np.arange(6.0).reshape(3, 2) / 3 + 0.1


def squares(x):
    for e in x:
        yield e * e


@case(V, compiled=True)
def brk(x):
    t = 0.0
    for s in squares(x):
        if s > 1.0:
            break
        t += s
    return t + s


@case(V)
def cont(x):
    t = 0.0
    for s in squares(x):
        if s < 0.3:
            continue
        t += s * s
    return t


@case(V)
def ret(x):
    for s in squares(x):
        if s > 1.0:
            return s * x[0]
    return 0.0


@case(V)
def forelse(x):
    for s in squares(x):
        if s > 100:
            break
    else:
        return s * 2
    return 1.0


@case(V, compiled=True)
def nested(x):
    t = 0.0
    for a in squares(x):
        for b in squares(x[1:]):
            if b > a * 3:
                break
            t += a * b
    return t


@case(V, compiled=True)
def lazy_mut(x):
    y = x.copy()
    t = 0.0
    for k, s in enumerate(squares(y)):
        if k + 1 < len(y):
            y[k + 1] += s
        t += s
    return t


def running(x):
    buf = np.zeros(len(x))
    for i in range(len(x)):
        buf[i] = x[i] * 2
        yield buf


@case(V)
def aliased(x):
    t = 0.0
    for b in running(x):
        t += np.sum(b**2)
    return t


def fib(a, b, n):
    for _ in range(n):
        yield a
        a, b = b, a * b + 0.1


@case(V)
def fibs(x):
    return sum(fib(x[0], x[1], 5))


@case(M)
def rows(m):
    def norm_rows(a):
        for r in a:
            yield r / np.sum(r)

    t = np.zeros(2)
    for r in norm_rows(m):
        t = t + r**2
    return np.sum(t)


@case(M)
def rows_sum(m):
    return np.sum(sum(r * 2 for r in m) ** 2)


@case(V)
def cond_yield(x):
    def pos(a):
        for e in a:
            if e > 0:
                yield e
            else:
                yield -e
                yield 2 * e

    return sum(e**3 for e in pos(x))


@case(V, compiled=True)
def early_return_gen(x):
    def until(a, lim):
        t = 0.0
        for e in a:
            t += e
            if t > lim:
                return
            yield e * t

    return sum(until(x, 1.1))


@case(V)
def chain_gens(x):
    a = (e * e for e in x)
    b = (e + 1 for e in a if e > 0.3)
    return sum(math.log(e) for e in b)


@case(V)
def late_binding(x):
    k = 2.0
    g = (e * k for e in x)
    k = 3.0
    return sum(g)


@case(V)
def late_binding_x(x):
    y = x.copy()
    g = (e * e for e in y)
    y[0] = 7.0 * x[1]
    return sum(g)


class Data:
    def __init__(self, x, n):
        self.x, self.n = x, n

    def batches(self):
        for i in range(0, len(self.x), self.n):
            yield self.x[i : i + self.n]

    def __iter__(self):
        return self.batches()


@case(V, compiled=True)
def batches(x):
    d = Data(x, 2)
    t = 0.0
    for b in d:
        t += np.sum(b) ** 2
    for b in d.batches():
        t += np.sum(b**3)
    return t


@case(V)
def zip_two(x):
    return sum(a * b for a, b in zip(squares(x), squares(x[::-1])))


@case(V)
def zip_mid(x):
    t = 0.0
    for a, s, b in zip(x, squares(x), x[1:]):
        t += a * s * b
    return t


@case(V)
def any_all(x):
    t = np.sum(x**2)
    if any(s > 1 for s in squares(x)):
        t *= 2
    if all(s > 0.3 for s in squares(x)):
        t *= 3
    if any(squares(x)):
        t *= 2
    return t


@case(V)
def maxmin(x):
    return max(squares(x)) * min(squares(x)) + sorted(squares(x))[1]


@case(V)
def max_key(x):
    return max(squares(x), key=lambda s: -s) + max((e for e in x if e > 10), default=2.0) * x[0]


@case(V)
def star(x):
    def two(a):
        yield a[0]
        yield a[1] ** 2

    def f(a, b):
        return a * b

    p, q = two(x)
    return f(*two(x)) + p * q + np.sum(np.array(list(two(x))) ** 2)


@case(V)
def next_def(x):
    return next((e for e in x if e > 1), 0.0) ** 2 + next(squares(x)) + next((e for e in x if e > 50), 3.0) * x[0]


def newton(x):
    y = x
    while True:
        y = 0.5 * (y + x / y)
        yield y


@case(3.0, compiled=True)
def conv(x):
    prev = x
    for y in newton(x):
        if abs(y - prev) < 1e-12:
            break
        prev = y
    return y * y * y


@case(3.0)
def islice_newton(x):
    return sum(islice(newton(x), 5)) + list(islice(newton(x), 2, 4))[0]


@case(3.0)
def takewhile_newton(x):
    return sum(y**2 for y in takewhile(lambda y: y > 1.74, newton(x)))


@case(V)
def accum(x):
    best = 0.0
    for t in accumulate(squares(x)):
        best = max(best, t)
    return best + sum(accumulate(x, lambda a, b: a * b))


@case(V)
def dictgen(x):
    def named(a):
        yield "p", a[0]
        yield "q", a[1] ** 2

    d = dict(named(x))
    e = {k: w * 2 for k, w in named(x)}
    return d["p"] * d["q"] * e["q"]


@case(V)
def tree(x):
    def leaves(t):
        if isinstance(t, dict):
            for k in t:
                yield from leaves(t[k])
        else:
            yield t

    return sum(np.sum(w**2) for w in leaves({"a": x, "b": {"c": 2 * x}}))


@case(V)
def prod3(x):
    return (
        sum(a * b * w for a, b, w in product(x, x, [1.0, 2.0]))
        + sum(a * b * c for a, b, c in combinations(x, 3))
        + sum(a * b for a, b in combinations_with_replacement(x, 2))
    )


@case(V)
def chain_mixed(x):
    return sum(e**2 for e in chain(x, [1.0, x[0]], squares(x))) + sum(chain.from_iterable([x, x**2]))


@case(V)
def map_gen(x):
    return (
        sum(map(lambda s: s * 2, squares(x)))
        + sum(map(lambda s, e: s * e, squares(x), x))
        + sum(filter(lambda s: s > 0.4, squares(x)))
    )


@case(V)
def enum_start(x):
    return sum(k * s for k, s in enumerate(squares(x), 1))


@case(V)
def collect(x):
    out = []
    for s in squares(x):
        if s > 0.3:
            out.append(s)
    return np.sum(np.array(out) ** 2) * len(out)


@case(V)
def carry_arr(x):
    w = np.zeros(3)
    for s in squares(x):
        w = 0.5 * w + s
    return np.sum(w**2)


@case(V, compiled=True)
def nonlocal_gen(x):
    total = 0.0

    def g(a):
        nonlocal total
        for e in a:
            total += e
            yield total

    t = 0.0
    for s in g(x):
        t += s * total
    return t * total


@case(V)
def param_gen(x):
    def apply(it, f):
        t = 0.0
        for e in it:
            t += f(e)
        return t

    return apply(squares(x), np.sin) + apply((e for e in x), np.cos)


@case(V)
def tuple_state(x):
    lo, hi = x[0], x[0]
    for s in squares(x):
        if s < lo:
            lo = s
        elif s > hi:
            hi = s
    return lo * hi


@case(V)
def print_gen(x):
    def g(a):
        for e in a:
            print("item")
            yield e * e

    t = 0.0
    for s in g(x):
        print("got")
        t += s
    return t


@case(V)
def body_fn(x):
    t = 0.0
    for s in squares(x):

        def h(z):
            return z * s

        t += h(x[0])
    return t


@case(V)
def first_bound(x):
    for k, s in enumerate(squares(x)):
        if k == 0:
            prev = s
        else:
            diff = s - prev
            prev = s
    return diff * prev


@case(real(3), 0)
def empty_gen(x, n):
    t = np.sum(x)
    for s in squares(x[:n]):
        t += s
    return t * sum(squares(x[:n])) + t


@case(V)
def generator_kept_while_its_source_changes(x):
    y = x * 1.0
    kept = (v * v for v in y)
    y[0] = 5.0
    return sum(kept)


@case(V)
def generator_looped_over(x):
    y = x * 1.0
    s = 0.0
    for v in (w * w for w in y):
        y[2] += v
        s += v * y[2]
    return s


@case(V)
def others_of_itertools(x):
    steps = sum(starmap(lambda a, b: a * b, zip(x, x[1:])))
    weighed = sum(w * e for w, e in zip(cycle([1.0, 2.0]), x))
    pairs = sum(a * b * b for a, b in permutations(x, 2))
    padded = sum(a * b for a, b in zip_longest(x, x[:2] ** 2, fillvalue=3.0))
    return steps * weighed + pairs + padded + sum(e**2 for e in islice(x, 1, None, 2))


@case(V)
def bound_in_the_last_iteration(x):
    for k, s in enumerate(squares(x)):
        if k == 2:
            found = s * x[0]
    return found * s


@case(V)
def assigned_by_an_inner_function_in_a_loop(x):
    def keep(value):
        nonlocal kept
        kept = value

    if x[0] > 100.0:
        kept = 0.0
    for e in x:
        if e > 0:
            keep(e * e)
    return kept * 2.0
