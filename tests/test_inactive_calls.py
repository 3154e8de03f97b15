"""Inactive Python beside calls of functions that a user has written, beside sets, and in a `try` left by `continue`.

Each program is called with two values of what is differentiated: the value is that of Python to the last bit, the
gradient that of central differences, and what it prints is printed once and in order.
"""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import pytest

import srcad

X = np.array([0.5, 1.2, -0.7, 2.0])
RIGHT: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
REFUSED: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []


def right(*args: Any) -> Callable[[Any], Any]:
    return lambda f: RIGHT.append((f, args)) or f


def refused(*args: Any) -> Callable[[Any], Any]:
    return lambda f: REFUSED.append((f, args)) or f


def scaled(x, p):
    return x * p


def layer(x, w):
    h = np.tanh(w * x)
    return h.sum()


def model(x, p):
    total = 0.0
    for i in range(len(p)):
        total += p[i] * x**i
    return total


def writes(out, p):
    out[0] = p * 2.0
    return out[0]


def keeps(items, p):
    items.append(p)
    return p


@right(1.3)
def draw_to_user(p):
    rng = np.random.default_rng(3)
    x = rng.normal()
    return scaled(x, p) + scaled(rng.normal(), p)


@right(1.3)
def draw_stdlib(p):
    r = random.Random(3)
    total = 0.0
    for k in range(4):
        x = r.gauss(0.0, 1.0)
        total += scaled(x, p)
    return total


@right(X)
def draw_array(p):
    rng = np.random.default_rng(3)
    x = rng.normal(size=4)
    return layer(x, p)


@right(X)
def sgd_like(p):
    random.seed(1)
    total = 0.0
    for _ in range(5):
        x = random.uniform(-1, 1)
        e = model(x, p) - math.sin(x)
        total += e * e
    return total


@right(X, "1.5 2.5\n0.5 -0.3\n")
def parsed(p, text):
    total = 0.0
    for line in text.splitlines():
        a, b = line.split()
        x = float(a)
        e = model(x, p) - float(b)
        total += e * e
    return total


@right(X, ["1.0", "x", "2.0"])
def parsed_continue(p, lines):
    total = 0.0
    for line in lines:
        try:
            x = float(line)
        except ValueError:
            continue
        total += model(x, p)
    return total


@right(1.3, [3, 1, 3, 2])
def seen_set(p, words):
    seen = set()
    total = 0.0
    for w in words:
        if w in seen:
            continue
        seen.add(w)
        total += w * p
    return total


@right(1.3, ["a", "b", "a"])
def seen_words(p, words):
    seen = set()
    total = 0.0
    for k, w in enumerate(words):
        if w not in seen:
            seen.add(w)
            total += p ** (k + 1)
    return total


@right(1.3, 5)
def tuple_rng(p, n):
    rng, t = random.Random(n), 0.0
    for _ in range(n):
        t += p * rng.random()
    return t


@right(1.3, ["1", "b", "3"])
def draw_beside_try(p, lines):
    rng = random.Random(1)
    t = 0.0
    for line in lines:
        w = rng.random()
        try:
            v = float(line)
        except ValueError:
            continue
        t += p * v * w
    return t


@right(1.3, [1.0, 2.0, -1.0])
def draw_beside_try2(p, xs):
    rng = random.Random(1)
    t = 0.0
    for x in xs:
        w = rng.random()
        try:
            v = math.sqrt(x)
        except ValueError:
            continue
        t += p * v * w
    return t


@right(1.3, 5)
def nested_user(p, n):
    rng = np.random.default_rng(0)

    def f(x, q):
        return scaled(x, q) + q

    s = 0.0
    for k in range(n):
        x = rng.uniform()
        s += f(x, p)
    return s


@right(1.3, {"a": "2.0", "b": "3.0"})
def config(p, cfg):
    a = float(cfg["a"])
    b = float(cfg.get("b", "1"))
    return scaled(a, p) * scaled(b, p)


@right(X)
def in_comprehension(p):
    rng = np.random.default_rng(1)
    xs = [rng.normal() for _ in range(4)]
    return sum(model(x, p) for x in xs)


@right(X)
def shuffled(p):
    r = random.Random(0)
    idx = list(range(4))
    r.shuffle(idx)
    t = 0.0
    for i in idx:
        t = t * 0.5 + p[i]
    return t


@refused(1.3)
def writes_out(p):
    rng = np.random.default_rng(3)
    buf = rng.normal(size=3)
    a = writes(buf, p)
    return a + buf[0] + buf[1]


@refused(1.3)
def keeps_items(p):
    rng = np.random.default_rng(3)
    items = [rng.normal()]
    a = keeps(items, p)
    return a + items[-1] * items[0]


class Acc:
    def __init__(self):
        self.n = 0.0

    def sum(self):
        self.n += 1.0
        return self.n


def total_of(a, p):
    return a.sum() * p


def pick(x, p):
    return x


def head(x, p):
    return x[:2]


def first(it, p):
    return next(it) * p


def loop(it, p):
    t = 0.0
    for v in it:
        t += v * p
        if t > 3:
            break
    return t


def apply(f, x, p):
    return f(x) * p


def join(a, b):
    return a + b


def fill(x, v):
    x[:] = v
    return v


def indirect(x, v):
    return fill(x, v)


CONF = {"n": 0}


def counted(x, p):
    CONF["n"] += 1
    return x * p * CONF["n"]


def scaled_by_conf(x, p):
    return x * p * CONF["n"]


@right(1.3)
def object_method(p):
    r = random.Random(1)
    a = Acc()
    w = r.random()
    t = total_of(a, p) + total_of(a, p) * w
    return t + a.n * p


@refused(1.3)
def picked(p):
    rng = np.random.default_rng(1)
    buf = rng.normal(size=3)
    y = pick(buf, p)
    y[0] = p * 2.0
    return buf[0] * buf[1] + y[0]


@refused(1.3)
def headed(p):
    rng = np.random.default_rng(1)
    buf = rng.normal(size=3)
    y = head(buf, p)
    y[0] = p * 2.0
    return buf[0] * buf[1] + y[0]


@right(1.3)
def iterated(p):
    r = random.Random(1)
    it = iter([r.random() for _ in range(5)])
    a = first(it, p)
    b = first(it, p * p)
    return a + b + next(it) * p


@refused(1.3)
def iterated2(p):
    r = random.Random(1)
    it = iter([r.random() + 1.0 for _ in range(5)])
    a = loop(it, p)
    return a + next(it) * p


@refused(1.3)
def genned(p):
    r = random.Random(1)
    it = (r.random() + 1.0 for _ in range(5))
    a = loop(it, p)
    return a + r.random() * p


@right(1.3)
def called_arg(p):
    r = random.Random(1)
    log = []

    def f(v):
        log.append(v)
        return v * 2

    a = apply(f, r.random(), p) + apply(f, r.random(), p)
    return a + len(log) * p


@refused(1.3)
def joined(p):
    rng = np.random.default_rng(1)
    buf = rng.normal(size=3)
    rows = join([buf], [buf])
    rows[0][0] = p
    return buf[0] * buf[1]


@refused(1.3)
def joined2(p):
    rng = np.random.default_rng(1)
    rows = [rng.normal(size=3)]
    more = join(rows, [rng.normal(size=3)])
    more[0][0] = p
    return rows[0][0] * rows[0][1] + more[1][0] * p


@refused(1.3)
def filled(p):
    rng = np.random.default_rng(1)
    buf = rng.normal(size=3)
    b0 = buf[0]
    indirect(buf, p)
    return b0 * buf[0] * buf[1]


@refused(1.3)
def state(p):
    CONF["n"] = 0
    r = random.Random(2)
    return counted(r.random(), p) + counted(r.random(), p)


@right(1.3)
def shadow(p):
    r = random.Random(2)
    log = []

    def scaled(x, q):
        log.append(x)
        return x * q * len(log)

    a = scaled(r.random(), p)
    return a + scaled(r.random(), p)


@refused(1.3)
def local_write(p):
    rng = np.random.default_rng(2)
    buf = rng.normal(size=2)

    def put(v):
        buf[0] = v
        return v * 2

    a = put(p)
    return a * buf[0] * buf[1]


@right(1.3, [[1.0], [2.0], [3.0]])
def seen_lists(p, rows):
    seen = []
    r = random.Random(1)
    t = 0.0
    for w in rows:
        seen.append(w)
        w[0] = w[0] + r.random()
        t += w[0] * p
    return t + seen[0][0] * p


@right(1.3, [1.0, 2.0, 3.0])
def rebound_later(p, rows):
    r = random.Random(1)
    w = 2.0
    keep = [w]
    w = rows
    w[0] = r.random()
    return rows[0] * p + keep[0] * p


@right(1.3)
def retry(p):
    r = random.Random(1)
    tries = 0
    while True:
        try:
            tries += 1
            v = r.random()
            if v < 0.5:
                raise ValueError("small")
            break
        except ValueError:
            continue
    return p * v * tries


@right(1.3, ["1", "b", "3", "stop", "4"])
def both_ways(p, lines):
    t = 0.0
    r = random.Random(1)
    n = 0
    for line in lines:
        try:
            v = float(line)
        except ValueError:
            n += 1
            if line == "stop":
                break
            continue
        else:
            if v > 2.5:
                continue
        finally:
            r.random()
        t += v * p * r.random()
    return t + n * p + r.random() * p


@right(1.3, {"a": 1.0})
def item_of_an_argument(p, settings):
    try:
        scale = settings["b"]
    except KeyError as e:
        print("missing", e)
        scale = 2.0
    return p * scale


@right(1.3, [[1.0], [2.0]])
def row_of_an_argument(p, rows):
    r = random.Random(1)
    try:
        row = rows[r.randrange(2)]
    except IndexError:
        row = rows[0]
    return p * row[0] + p * rows[1][0]


@refused(1.3, [[1.0], [2.0]])
def row_of_an_argument_changed(p, rows):
    r = random.Random(1)
    try:
        row = rows[r.randrange(2)]
        row[0] = r.random()
    except IndexError:
        row = rows[0]
    return p * row[0] + p * rows[0][0] + p * rows[1][0]


@right(X)
def row_changed_by_another_name(p):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 4))
    t = 0.0
    for row in a:
        a[0][0] = rng.normal()
        t = t + np.sum(row * p)
    return t


@refused(np.array([0.5, 1.2]))
def row_changed_by_python_alone(x):
    np.random.seed(0)
    a = np.random.rand(2, 2)
    t = 0.0
    for row in a:
        a[0][0] = json.loads("5.0")
        t = t + np.sum(row * x)
    return t


@refused(1.3, [[1.0], [2.0]])
def row_of_an_argument_grown(p, rows):
    r = random.Random(1)
    row = rows[0] if r.random() > 2.0 else rows[1]
    row += [r.random()]
    return p * row[0] + p * sum(rows[1])


@right(1.3, ["1", "b", "3"])
def prints_in_try(p, lines):
    t = 0.0
    for k, line in enumerate(lines):
        print("line", k)
        try:
            v = float(line)
        except ValueError as e:
            print("bad", e)
            continue
        t += v * p
    return t


@refused(1.3, ["1", "b", "3"])
def active_before(p, lines):
    r = random.Random(1)
    t = 0.0
    for line in lines:
        try:
            v = float(line)
            t = t * p + v
        except ValueError:
            continue
        t += r.random() * p
    return t


@refused(1.3, ["1", "b", "3"])
def active_handler(p, lines):
    r = random.Random(1)
    t = 1.0
    for line in lines:
        try:
            v = float(line)
        except ValueError:
            t = t * p
            continue
        t += r.random() * p * v
    return t


@refused(1.3)
def tuple_swap(p):
    r = random.Random(1)
    a, b = r.random(), p
    a, b = b, a
    return a * b + r.random() * a


@right(1.3, {"a": "1.5", "b": "zz"})
def dict_lines(p, d):
    out = {}
    bad = 0
    for k, v in d.items():
        try:
            out[k] = float(v)
        except ValueError:
            bad += 1
            continue
    return sum(out.values()) * p + bad * p**2


@right(1.3, "a=1;b=x;c=3")
def nested_loops(p, s):
    t = 0.0
    for part in s.split(";"):
        name, value = part.split("=")
        for k in range(2):
            try:
                v = int(value) + k
            except ValueError:
                break
            t += v * p
        else:
            t += p**2
    return t


def called(f: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, str]:
    out = StringIO()
    with redirect_stdout(out):
        result = f(*copy.deepcopy(args))
    return result, out.getvalue()


def differences(f: Callable[..., Any], x: Any, args: tuple[Any, ...]) -> Any:
    def at(moved: Any) -> Any:
        return called(f, (moved, *args))[0]

    if isinstance(x, float):
        return (at(x + 1e-6) - at(x - 1e-6)) / 2e-6
    return [(at(x + h) - at(x - h)) / 2e-6 for h in 1e-6 * np.eye(len(x))]


def name(case: tuple[Callable[..., Any], Any]) -> str:
    return case[0].__name__


@pytest.mark.parametrize("case", RIGHT, ids=name)
def test_right(case: Any) -> None:
    f, (x, *args) = case
    derivative = srcad.value_and_grad(f, target="python")
    for at in (x, 0.9 * x):
        (value, gradient), printed = called(derivative, (at, *args))
        assert (value, printed) == called(f, (at, *args))
        np.testing.assert_allclose(gradient, differences(f, at, tuple(args)), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", REFUSED, ids=name)
def test_refused_with_a_reason(case: Any) -> None:
    f, args = case
    with pytest.raises(srcad.SrcadError, match=r"It is inactive, and would be left to Python; but|from outside"):
        srcad.grad(f, target="python")(*copy.deepcopy(args))
