"""What Python computes before a call: programs with effects, aliases, exits and objects from outside.

Each is called three times. The gradient is that of the values, and all that the function does besides, it does once and
in its order: what it prints and notes, and the random numbers that it draws.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import heapq
import io
import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad

X = np.array([0.5, 0.2])
CALLS = (X, 3), (X, 2), (X, 4)
RIGHT: list[tuple[Callable[..., Any], Any]] = []
REFUSED: list[tuple[Callable[..., Any], Any]] = []
LOG: list[Any] = []
RATES = {"lr": 0.1}
G, D, LST, COUNT, BUF = 2.0, {}, [1.0], [0], np.zeros(2)


class Box:
    v = 1.0


BOX = Box()


def right(*calls: Any) -> Callable[[Any], Any]:
    return lambda f: RIGHT.append((f, calls or CALLS)) or f


def refused(*calls: Any) -> Callable[[Any], Any]:
    return lambda f: REFUSED.append((f, calls or CALLS)) or f


@right()
def pops_in_active_statements(x, n):
    items = [0.3, 0.5, 0.7, 0.9]
    y = x[0] * items.pop()
    y = y * float("0.5") * items[-1]
    while len(items) > 1:
        y = 0.5 * y + x[1] * items.pop(0)
        LOG.append(len(items) if n > 2 else float("1.5"))
    return y


@right()
def prints_beside_a_with(x, n):
    with np.errstate(all="ignore"):
        y = x[0] * n
    print("once", n)
    return y * x[1]


@right()
def pops_under_a_choice(x, n):
    items = [0.3, 0.5, 0.7, 0.9]
    y = x[0] * (items.pop() if n > 2 else 0.5)
    return y * float("0.5") * items[-1]


@right()
def leaves_a_loop_from_try(x, n):
    t = x[0]
    for i in range(4):
        try:
            int("z" * (i == n))
        except ValueError:
            break
        t = t * x[1]
    return t


@refused()
def leaves_a_loop_from_with(x, n):
    for i in range(4):
        with open("/dev/null") as f:
            if i == n:
                break
    return x[0] * i


@right()
def suppressed(x, n):
    with contextlib.suppress(KeyError):
        if n > 2:
            return 1.0
    return x[0] * x[1]


@right()
def heap_pop(x, n):
    l = [1.0, 2.0, 3.0]
    v = heapq.heappop(l)
    return x[0] * v * len(l)


def advance(st):
    st["t"] += 1.0
    return random.random()


@right()
def dict_changed_by_a_function(x, n):
    st = {"t": 0.0}
    v = advance(st)
    return x[0] * st["t"] * v


@right()
def out(x, n):
    a = np.zeros(2)
    np.random.default_rng(n).standard_normal(out=a)
    return x[0] * a[0]


@right()
def cell_of_a_local_function(x, n):
    c = np.zeros(1)

    def tick():
        c[0] += 1.0
        return random.random()

    v = tick()
    return x[0] * c[0] * v


@refused((X, np.zeros(2)), (X, np.ones(2)))
def out_is_an_argument(x, a):
    np.random.default_rng(0).standard_normal(out=a)
    return x[0] * a[0]


@right()
def pop_in_a_loop(x, n):
    l = [1.0, 2.0, 3.0]
    t = x[0]
    while l:
        t = t * x[1] + l.pop()
    return t


@right()
def emptied(x, n):
    l = [1.0, 2.0, 3.0]
    while len(l) > 1:
        l.pop()
    return x[0] * len(l) * random.random()


def decay():
    RATES["lr"] *= 0.5
    return random.random()


def setG(v):
    global G
    G = v


@refused()
def binds_a_global(x, n):
    setG(2.0)
    t = x[0] * G
    setG(n * 1.0)
    return t * G


@refused()
def changes_a_global_list(x, n):
    LST.append(2.0)
    k = len(LST)
    LST.pop()
    return x[0] * k


@refused()
def changes_a_global_dict(x, n):
    RATES["lr"] = 0.1
    decay()
    return x[0] * RATES["lr"]


def drawn_by_rate():
    return RATES["lr"] * random.random()


@refused((X, 3.0), (X, 2.0), (X, 4.0))
def stores_into_a_global_dict(x, v):
    RATES["lr"] = v
    return x[0] * drawn_by_rate()


@refused((X, 3.0), (X, 2.0), (X, 4.0))
def stores_what_is_active_into_a_global_dict(x, v):
    RATES["lr"] = v * x[0]
    return drawn_by_rate()


@right((X, 3.0), (X, 2.0), (X, 4.0))
def alias_of_a_slice(x, v):
    a = np.zeros(2)
    b = a[:1]
    b[0] = v
    return x[0] * max(set(a))


@right((X, 3.0), (X, 2.0), (X, 4.0))
def alias_of_a_list(x, v):
    l = [0.0]
    b = l
    b.append(v)
    return x[0] * max(set(l))


@right((X, 3.0), (X, 2.0), (X, 4.0))
def appended_by_a_local_function(x, v):
    acc = []

    def add(w):
        acc.append(w)

    add(v)
    return x[0] * sum(set(acc))


def store(a, v):
    a[0] = v
    return 1.0


@right((X, 3.0), (X, 2.0), (X, 4.0))
def stored_by_a_function(x, v):
    a = np.zeros(2)
    r = store(a, v)
    return x[0] * max(set(a)) * r


@refused()
def store_through_reshape(x, n):
    a = np.zeros(4)
    a.reshape(2, 2)[0, 0] = x[0]
    return max(set(a.tolist())) * x[1]


@refused()
def store_through_asarray(x, n):
    a = np.zeros(4)
    np.asarray(a)[0] = x[0]
    return max(set(a.tolist())) * x[1]


@refused()
def sum_through_reshape(x, n):
    a = np.zeros(4)
    a.reshape(2, 2)[0] += x[0]
    return max(set(a.tolist())) * x[1]


@refused()
def store_through_get(x, n):
    d = {"a": np.zeros(2)}
    d.get("a")[0] = x[0]
    return max(set(d["a"].tolist())) * x[1]


@refused()
def alias_of_a_global_array(x, n):
    b = BUF
    b[0] = x[0]
    return max(set(BUF.tolist())) * x[1]


@refused()
def counter_of_a_loop_left_early(x, n):
    t = x[0]
    for i in range(10):
        t = t * x[1]
        if t < 0.01 * n:
            break
    return t * len(set(range(i)))


@refused()
def random_index_of_a_store(x, n):
    y = np.zeros(3) + x[0]
    y[random.randrange(3)] = random.random()
    return y[0] + 2 * y[1] + 3 * y[2]


@refused()
def random_key_of_a_store(x, n):
    d = {0: x[0], 1: x[1], 2: 1.0}
    d[random.randrange(3)] = random.random() * x[0]
    return d[0] + 2 * d[1] + 3 * d[2]


@refused()
def while_else(x, n):
    k = 0
    t = x[0]
    s = set(range(n))
    while k in s:
        k += 1
    else:
        t = t * 3.0
    return t


@right()
def random_number_of_turns(x, n):
    t = x[0]
    r = random.Random(n)
    while random.random() < 0.9:
        t = t * x[1]
    return t


@right((X, 3, 1.0), (X, 4, 2.0), (X, 5, 3.0))
def name_of_a_count(x, n, holds_count):
    s = {1, 2}
    t = x[0]
    for i in range(n):
        if i in s:
            t = t * x[1]
    return t * holds_count


@refused()
def generator_read_on(x, n):
    t = x[0]
    it = (i * 0.5 for i in range(10))
    for v in it:
        t = t * x[1] + v
        if t > 0.5:
            break
    return t * sum(it)


@right()
def prints_a_draw(x, n):
    print(random.random())
    return x[0] * random.random()


@refused()
def stores_a_draw_outside(x, n):
    D["a"] = random.random()
    return x[0] * random.random()


@right()
def asserts_a_pop(x, n):
    q = collections.deque([1.0, 2.0, 3.0])
    assert q.popleft() == 1.0
    return x[0] * len(q)


@right()
def prints_a_set(x, n):
    for w in {"a", "b"}:
        print(len(w), w * 0)
    return x[0]


@right()
def calls_itself(x, n):
    v = 1.0
    if n > 0:
        v = float(str(calls_itself(np.ones(2), n - 1)))
    return x[0] * v


@right((X, 2), (X, 7), (X, 3))
def raises_before(x, n):
    if n > 5:
        raise ValueError("at most 5")
    return x[0] * random.sample(range(5), n)[0]


@refused()
def appended_in_a_comprehension(x, n):
    acc = []
    [acc.append(v) for v in x]
    return x[0] * len(set(acc))


@refused()
def chosen_array(x, n):
    r = random.Random(1)
    a = np.zeros(2)
    b = np.zeros(2)
    v = r.choice([a, b])
    v[0] = x[0]
    return x[1] * max(set(a.tolist()) | set(b.tolist()))


@refused()
def counter_of_a_loop_returned_from(x, n):
    k = 0
    i = 0
    t = x[0]
    for i in range(10):
        if t < 0.05:
            return t * 2
        t = t * x[1]
    return t * len(str(i))


@refused()
def setitem_of_a_lambda(x, n):
    a = np.zeros(2)
    f = lambda v: a.__setitem__(0, v)
    f(x[0])
    return x[1] * max(set(a.tolist()))


@refused()
def items_of_a_dict(x, n):
    a = np.zeros(2)
    d = {"a": a}
    for k, v in d.items():
        v[0] = x[0]
    return x[1] * max(set(a.tolist()))


@refused()
def transposed(x, n):
    rows = np.zeros((2, 2))
    c = rows.T
    c[0] = x
    return x[1] * max(set(rows.ravel().tolist()))


@right()
def list_in_a_dict(x, n):
    d = {"a": [1.0]}
    v = d["a"]
    v.append(float(json.loads("2")))
    return x[0] * sum(d["a"]) * len(v)


@right()
def lists_in_a_list_grow(x, n):
    rows = [[1.0], [2.0]]
    t = x[0]
    for r in rows:
        r.append(random.random())
        t = t * x[1] + sum(r)
    return t * len(rows[0])


@right()
def generator_used_up(x, n):
    g = (random.random() for _ in range(n))
    t = x[0]
    for v in g:
        t = t * v
    return t * len(list(g)) + x[1]


@right()
def local_function_draws(x, n):

    def draw(k):
        return random.random() * k

    a = draw(1.0)
    print("a", n)
    return x[0] * a + x[1] * draw(2.0)


@right()
def counts_of_a_local_function(x, n):
    state = [0]

    def step():
        state[0] += 1
        return json.loads("1")

    t = x[0]
    for i in range(n):
        step()
        t = t * x[1] + state[0]
    return t


@right()
def two_targets(x, n):
    a = b = json.loads("[1.0,2.0]")
    b[0] = 5.0
    return x[0] * a[0]


@right()
def parts_of_a_tuple(x, n):
    a, b = (x[0] * json.loads("2.0"), json.loads("[3.0]"))
    b.append(random.random())
    return a * sum(b)


@refused()
def order_in_a_dict(x, n):
    d = {random.random(): random.random(), 1.0: x[0]}
    return d[1.0] * random.random()


@refused()
def draw_in_a_choice(x, n):
    k = random.random() if n > 2 else 1.0
    return x[0] * k + (random.random() * x[1] if n > 3 else 0.0)


@right()
def continue_break_else(x, n):
    t = x[0]
    for i in range(n):
        if random.random() < 0.3:
            continue
        t = t * x[1] + i
        if i == 2 and random.random() < 0.9:
            break
    else:
        t = t * 2
    return t * random.random()


@refused()
def prints_what_is_active_decides(x, n):
    if x[0] > 0:
        print("pos")
    print("n", n, random.random())
    return x[0] * random.random()


@right()
def chosen_list(x, n):
    r = random.Random(n)
    a = [1.0]
    b = [2.0]
    c = r.choice([a, b])
    c[0] = 7.0
    return x[0] * a[0] + x[1] * b[0]


@right()
def shuffled_array(x, n):
    a = np.arange(3.0)
    random.shuffle(a)
    a[0] += 1.0
    return x[0] * a[0] + x[1] * a[1]


@refused((X, [1.0, 2.0]), (X, [3.0, 2.0, 5.0]), (X, [4.0]))
def heap_pop_of_an_argument(x, l):
    v = heapq.heappop(l)
    return x[0] * v * len(l)


@right()
def while_true(x, n):
    k = 0
    while True:
        k += 1
        if random.random() < 0.3 or k > n:
            break
    return x[0] * k


@right()
def pair_in_a_while(x, n):
    t = x[0]
    k = 0
    while k < n:
        k, t = (k + 1, t * x[1] * random.random())
    return t


@right()
def last_counter(x, n):
    s = 0
    for i, v in enumerate(x):
        s += i * random.randrange(5)
    return x[0] * s + i * x[1]


@refused()
def items_of_an_active_variable(x, n):
    y = x * 2
    s = 0
    for i, v in enumerate(y):
        s += i + random.randrange(5)
    return y[0] * s


@right()
def comprehension_that_appends(x, n):
    q = []
    [q.append(random.random()) for _ in range(n)]
    return x[0] * sum(q)


def logs(k):
    LOG.append(k)
    return 2.0


@right()
def effects_of_compiled_calls(x, n):
    a = logs(n)
    b = logs(n + 1) * x[1]
    return x[0] * a * random.random() + b


def shout(k):
    print("k", k)
    return k * 2.0


@right()
def prints_of_a_function(x, n):
    k = shout(n)
    t = x[0] * random.random()
    print("mid")
    shout(k)
    return t * k


@refused()
def prints_of_an_active_call(x, n):
    t = shout(x[0])
    print("after", random.random())
    return t


def tick():
    COUNT[0] += 1
    return float(COUNT[0])


def seen():
    return float(COUNT[0])


@right()
def function_that_reads_a_counter(x, n):
    tick()
    a = seen()
    tick()
    return x[0] * (seen() - a)


@refused()
def attribute_of_a_global_object(x, n):
    setattr(BOX, "v", random.random())
    w = BOX.v
    return x[0] * w


@refused()
def function_in_a_list(x, n):
    l = [0.0]

    def put(v):
        l[0] = v

    fs = [put]
    fs[0](x[0])
    return x[1] * float(str(l[0]))


@refused()
def bound_method(x, n):
    l = [0.0]
    add = l.append
    add(x[0])
    return x[1] * float(str(l[-1]))


@refused()
def mapped_method(x, n):
    l = [0.0]
    any(map(l.append, x))
    return x[1] * float(str(l[-1]))


@refused()
def appended_in_a_generator(x, n):
    l = [0.0]
    k = sum(1 for v in x if l.append(v) is None)
    return x[1] * float(str(l[-1])) * k


@right()
def alias_in_a_loop(x, n):
    t = 0.0
    for i in range(n):
        w = np.random.default_rng(i).normal(size=2)
        v = w
        v[0] = 2.0
        t = t + np.sum(w * x) * x[0]
    return t


@right()
def handler(x, n):
    try:
        v = json.loads("{" if n > 2 else "2.0")
    except ValueError as e:
        v = float(len(str(e)))
    finally:
        LOG.append(n)
    return x[0] * v


@right()
def exit_stack(x, n):
    with contextlib.ExitStack() as st:
        st.callback(LOG.append, n)
        v = random.random()
    return x[0] * v


@refused()
def errstate_returned_from(x, n):
    with np.errstate(all="ignore"):
        if n > 2:
            return x[0] * random.random()
        y = x[1]
    return y * random.random()


@right()
def errstate_left_by_break(x, n):
    for k in range(n):
        with np.errstate(all="ignore"):
            if random.random() < 0.5:
                break
            x = x * 2.0
    return x[0] * k


@right()
def guards(x, n):
    assert n < 4, "big"
    if n < 3:
        raise KeyError(f"small {n}")
    return x[0] * random.random()


@right()
def guard_that_is_active(x, n):
    if x[0] < 0:
        raise ValueError("neg")
    if n < 3:
        raise ValueError("small")
    return x[0] * random.random()


@right()
def updated_alias(x, n):
    m = {"a": {"b": 1.0}}
    u = m["a"]
    u.update(b=random.random())
    return x[0] * m["a"]["b"]


@refused(([0.5, 0.2], 3), ([0.3, 0.4, 0.6], 2))
def grown_by_an_alias(x, n):
    y = x
    y.append(1.0)
    return x[0] * len(json.dumps([0] * len(x)))


@refused(([0.5, 0.2], 3), ([0.3, 0.4, 0.6], 2))
def grown_by_a_slice(x, n):
    x[len(x) :] = [1.0]
    return x[0] * len(json.dumps([0] * len(x)))


@refused(([0.5, 0.2], 3), ([0.3, 0.4, 0.6], 2))
def grown_by_a_call(x, n):
    heapq.heappush(x, 9.0)
    return x[0] * len(json.dumps([0] * len(x)))


@refused()
def try_around_what_is_active(x, n):
    k = 1.0
    try:
        y = 1.0 / int(x[0])
        k = json.loads("2.0")
    except ZeroDivisionError:
        y = 1.0
    return x[0] * k * y


@refused()
def default_of_a_local_function(x, n):

    def g(v=x[0]):
        return json.loads(str(v))

    return x[1] * g()


@right()
def variable_of_a_local_function(x, n):
    state = [1.0]

    def h(v):
        y = v * state[0]
        return y

    state.append(random.random())
    state[0] = state[1]
    return h(x[0]) * random.random()


@refused()
def rows_stored_into(x, n):
    z = [[random.random() for _ in range(2)] for _ in range(n)]
    t = x[0]
    for r in z:
        r[0] = 0.0
        for v in r:
            t = t * x[1] + v
    return t + z[0][0] + z[0][1] * x[0]


@refused()
def rows_scaled_in_place(x, n):
    a = np.random.rand(2, 2)
    t = 0.0
    for r in a:
        r *= 2.0
        t = t + np.sum(r * x)
    return t + np.sum(a[0] * x)


@right((X, {"a": 1.0, "b": [1.0, 2.0]}), (X, {"a": 2.0, "b": [1.0, 4.0]}))
def copy_of_an_argument(x, cfg):
    c = dict(cfg)
    c["a"] = random.random()
    c["b"].append(3.0)
    return x[0] * c["a"] * sum(cfg["b"])


@right((X, np.arange(3.0)), (X, np.arange(3.0) + 1))
def view_of_an_argument(x, w):
    v = w[1:]
    v[0] = random.random()
    return x[0] * w[1] * random.random()


@right()
def prints_beside_a_local_function(x, n):

    def up():
        return x[0] * 2

    print(n)
    print(random.random())
    return up()


@right()
def key_that_draws(x, n):
    v = sorted(range(n), key=lambda i: LOG.append(i) or random.random())
    return x[0] * v[0]


@right()
def lazy_map(x, n):
    l = [3.0, 1.0]
    g = map(lambda v: v * random.random(), l)
    l[0] = 5.0
    return x[0] * sum(g)


@right()
def lazy_zip(x, n):
    l = [3.0, 1.0]
    z = zip(l, l)
    l.append(random.random())
    t = x[0]
    for a, b in z:
        t = t * a + b * x[1]
    return t


@right()
def reversed_view(x, n):
    a = np.random.rand(3)
    m = a.max()
    b = a[::-1]
    a.sort()
    return x[0] * b[0] + x[1] * m


@right()
def out_of_a_ufunc(x, n):
    a = np.random.rand(3)
    mv = memoryview(a)
    np.multiply(a, 2.0, out=a)
    return x[0] * a[0] + mv[1]


@right()
def flat_and_transposed(x, n):
    a = np.arange(3.0)
    a.flat[0] = random.random()
    a.T[1] = 4.0
    return x[0] * a[0] * a[1]


@right()
def raises_in_a_loop(x, n):
    t = x[0]
    for i in range(n):
        if i == 2:
            raise ValueError("two")
        t = t * random.random()
    return t


@right()
def returns_in_a_while(x, n):
    t = x[0]
    while n > 0:
        n -= 1
        if random.random() < 0.2:
            return t * 2
        t *= x[1]
    return t


@right()
def draw_after_an_active_if(x, n):
    t = x[0]
    for i in range(n):
        if t > 0.3:
            t = t * x[1]
        else:
            t = t + 1.0
        k = random.random()
        t = t * k
    return t


@refused()
def counter_behind_continue(x, n):
    t = x[0]
    k = 1
    for i in range(n):
        if t < 0.05:
            continue
        k += 1
        t = t * x[1]
    return t * len(str(k)) * random.random()


@refused()
def inner_loop_left_early(x, n):
    t = x[0]
    m = 0
    for i in range(n):
        for j in range(3):
            if t < 0.05:
                break
            t = t * x[1]
        m = j
        w = random.random()
    return t * len(str(m)) * w


@refused()
def inner_loop_returned_from(x, n):
    t = x[0]
    for i in range(n):
        for j in range(3):
            if t < 0.05:
                return t * 2
            t = t * x[1]
        w = random.random()
    return t * w


@refused()
def return_in_a_nested_if(x, n):
    t = x[0]
    if t > 0.1:
        for j in range(3):
            if n > 2:
                return t * 2
    w = random.random()
    return t * w


@refused()
def return_in_an_active_loop(x, n):
    t = x[0]
    while t > 0.01:
        t = t * x[1]
        if n > 3:
            return t
    return t * random.random()


@refused()
def alias_after_an_active_if(x, n):
    t = x[0]
    if t > 0.1:
        a = [1.0]
    else:
        a = [2.0]
    b = json.loads("[3.0]")
    a = b
    a.append(1.0)
    return t * sum(b)


@refused()
def list_grown_through_an_alias(x, n):
    t = x[0]
    a = [0]
    b = a
    if t > 0.1:
        b += [1]
    return t * len(json.dumps(a))


@refused()
def errstate_returned_from_where_active(x, n):
    with np.errstate(all="ignore"):
        if x[0] > 0.1:
            return x[0] * 2
    return x[0] * random.random()


@refused()
def errstate_left_where_active(x, n):
    t = x[0]
    for i in range(n):
        with np.errstate(all="ignore"):
            if t < 0.05:
                break
            t = t * x[1]
    return t * random.random() * i


@right()
def nested_targets(x, n):
    a, (b, c) = (x[0], (random.random(), [1.0]))
    c.append(b)
    return a * sum(c)


@right()
def nested_values(x, n):
    (a, b), c = ((x[0], random.random()), random.random())
    return a * b * c


@right()
def item_and_name(x, n):
    a = [x[0], 1.0]
    a[1], k = (random.random(), random.random())
    return a[0] * a[1] * k


@right()
def index_bound_beside(x, n):
    i = 0
    p = [5, 6]
    i, p[i] = (1, random.random())
    return x[0] * p[0] * p[1] * i


def done(f: Callable[..., Any], args: Any) -> tuple[Any, Any]:
    """The value of a call, or its error, and all that it does besides."""
    LOG.clear()
    COUNT[0] = 0
    random.seed(0)
    np.random.seed(0)
    with contextlib.redirect_stdout(io.StringIO()) as text:
        try:
            value = f(*copy.deepcopy(args))
        except (ValueError, KeyError, AssertionError) as error:
            value = f"{type(error).__name__}: {error}".partition("\n")[0]
    return value, (text.getvalue(), list(LOG), COUNT[0], random.random(), np.random.random())


def differences(f: Callable[..., Any], args: Any) -> Any:
    def at(k: int, h: float) -> Any:
        moved = np.array(args[0])
        moved[k] += h
        return done(f, (moved, *args[1:]))[0]

    return [(at(k, 1e-6) - at(k, -1e-6)) / 2e-6 for k in range(len(args[0]))]


def name(case: Any) -> str:
    return case[0].__name__


@pytest.mark.parametrize("case", RIGHT, ids=name)
def test_values_and_effects(case: Any) -> None:
    f, calls = case
    derivative = srcad.grad(f, target="python")
    for args in calls:
        value, effects = done(f, args)
        found = done(derivative, args)
        assert found[1] == effects
        if isinstance(value, str):
            assert found[0] == value
        else:
            np.testing.assert_allclose(found[0], differences(f, args), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", REFUSED, ids=name)
def test_refused(case: Any) -> None:
    f, calls = case
    derivative = srcad.grad(f, target="python")
    for args in calls[:1]:
        with pytest.raises(srcad.SrcadError):
            derivative(*copy.deepcopy(args))
