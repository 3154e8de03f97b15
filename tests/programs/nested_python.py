"""Generators, context managers, `try`, containers and loops that are left, inside one another."""

from collections import defaultdict, deque
from contextlib import contextmanager

import numpy as np

from tests.programs.registry import case

V = np.array([0.5, 1.2, -0.7, 2.0, 0.3])


@case(V)
def integers_beside_an_array(x):
    t = 0.0
    for k, e in zip([2, 3, -1], x):
        t += e**k
    return t


def state(x):
    a = np.zeros(2)
    for e in x:
        a = a * 0.5 + e
        yield a
        a = a + 1.0


@case(V)
def items_changed_by_the_loop(x):
    t = 0.0
    for a in state(x):
        a[0] *= 2.0
        t += np.sum(a)
    return t


def inplace(x):
    a = np.zeros(2)
    for e in x:
        a *= 0.5
        a += e
        yield a


@case(V)
def one_array_changed_by_both(x):
    t = 0.0
    last = None
    for a in inplace(x):
        a[0] += 1.0
        t += np.sum(a * a)
    return t


@case(V)
def last_item_kept(x):
    keep = np.zeros(2)
    for a in inplace(x):
        keep = a
    return np.sum(keep * keep)


def items(xs):
    out = []
    for e in xs:
        out.append(e)
        yield out


@case([0.5, 1.2, 0.7])
def list_given_again_and_again(xs):
    t = 0.0
    for o in items(xs):
        o[0] = o[0] * 2.0
        t += sum(o)
    return t


@case(V)
def greatest_by_an_inner_function(x):
    best = x[0]

    def upd(e):
        nonlocal best
        if e > best:
            best = e * 1.5

    for e in x:
        upd(e)
    return best**2


@case(V)
def bound_by_an_inner_function_alone(x):
    def setit(e):
        nonlocal last
        last = e

    if x[0] > 10:
        last = 0.0
    for e in x:
        if e < 0:
            setit(e * 2)
            continue
        setit(e)
    return last * x[1]


@case(V, compiled=True)
def loops_left_inside_a_loop_over_a_generator(x):
    t = 0.0
    for i, s in enumerate(e * e for e in x):
        for j in range(5):
            if j > i:
                break
            if s * j > 3:
                break
            t += s * j
        else:
            t += 100 * s
        if t > 50:
            return t * s
    return t


@case(V)
def window_whose_items_are_assigned(x):
    w = deque(maxlen=2)
    old = 0.0
    for e in x:
        if len(w) == 2:
            old += w[0] * e
        w.append(e)
        w[0] = w[0] * 1.1
    return old + w[0] * w[-1]


@case(V)
def default_on_two_paths(x):
    d = defaultdict(float)
    if x[0] > 0:
        d["a"] += x[0]
    else:
        d["a"] -= x[1]
    d["b"] = d["a"] * 2
    return d["a"] * d["b"]


@contextmanager
def nested_cm(a):
    t = a * 2
    try:
        yield t
    finally:
        t = 0.0


@case(V, compiled=True)
def loops_left_inside_with(x):
    t = 0.0
    for e in x:
        with nested_cm(e) as y:
            for k in range(3):
                if k == 2:
                    break
                t += y * k * e
            if t > 5:
                break
    return t


@case(V)
def generator_inside_with(x):
    t = 0.0
    with nested_cm(x[0]) as y:
        for s in (e * y for e in x):
            if s > 1:
                break
            t += s
    return t * y


@case(V)
def loops_left_inside_try(x):
    t = 0.0
    for e in x:
        try:
            if e < 0:
                continue
            t += e * e
            if t > 4:
                break
        finally:
            t += e
    return t


@case(V)
def two_generators_side_by_side(x):
    a = (e * 2 for e in x)
    b = (e + 1 for e in x if e > 0)
    return sum(p * q for p, q in zip(a, b))


@case(V)
def popped_and_inserted(x):
    s = list(x)
    t = 0.0
    while len(s) > 1:
        a = s.pop(1)
        s[0] = s[0] * a * 0.5 + 1.0
        t += s[0]
        if len(s) > 2:
            s.insert(0, s.pop())
    return t


@case(V)
def yield_in_while(x):
    def g(a):
        i = 0
        while i < len(a):
            if a[i] < 0:
                i += 2
                continue
            yield a[i] ** 2
            i += 1

    return sum(g(x)) + max(g(x))


@case(V)
def comprehension_over_a_generator(x):
    def g(a):
        for e in a:
            yield e, e * e

    ys = [p * q for p, q in g(x) if p > 0]
    return sum(ys) * len(ys)


@case(V)
def generator_calls_itself(x):
    def walk(n):
        if n > 0:
            yield x[n] * n
            yield from walk(n - 1)

    return sum(walk(3))


@case(V)
def functions_beside_an_array(x):
    fs = [lambda z, k=k: z * k for k in range(3)]
    return sum(f(e) for f, e in zip(fs, x))
