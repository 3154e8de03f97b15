"""What is inactive need not be compiled: Python computes it before a call, once, and in its order.

Each program is called three times, with other values: the first call takes what was observed, the others what the
Python part computes.
"""

from __future__ import annotations

import bisect
import collections
import heapq
import itertools
import json
import logging
import math
import random
import re
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.interpolate import CubicSpline

import srcad

X = np.linspace(0.1, 1.0, 6)
# names that variables of the programs have, too: what a program leaves to Python must not become these
n, z, w, q, rng = 99, np.full(6, 7.0), 5.0, [9], 3
DATA = np.random.default_rng(1).normal(size=100)
RIGHT: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
REFUSED: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []


def right(*args: Any) -> Callable[[Any], Any]:
    return lambda f: RIGHT.append((f, args)) or f


def refused(*args: Any) -> Callable[[Any], Any]:
    return lambda f: REFUSED.append((f, args)) or f


def other(i):
    return np.random.default_rng(i).normal()


@refused(np.arange(6))
def alias_store(x, order):
    rng = np.random.default_rng(0)
    a = order
    rng.shuffle(a)
    return np.sum(x[order] * np.arange(6))


@right()
def local_shuffle(x):
    order = np.arange(6)
    b = order
    np.random.default_rng(2).shuffle(order)
    return np.sum(x[b] * np.arange(6))


@right(np.arange(6.0))
def inactive_arg_written(x, w):
    w *= 2.0
    h, _ = np.histogram(w, bins=6)
    return np.sum(x * h * w)


@right(np.arange(6.0))
def inactive_arg_written_after(x, w):
    h, _ = np.histogram(w, bins=6)
    w += h
    return np.sum(x * w)


@refused()
def active_branch(x):
    rng = np.random.default_rng(0)
    t = 0.0
    for i in range(6):
        if x[i] > 0.5:
            t += x[i] * rng.normal()
    return t


@right()
def active_stored(x):
    d = {}
    s = set()
    for i in range(6):
        d[i] = x[i] * 2
        s.add(i)
    t = 0.0
    for key in sorted(s):
        t += d[key] * key
    return t


@right()
def cond_draw(x):
    rng = np.random.default_rng(0)
    t = 0.0
    for i in range(6):
        if rng.random() < 0.5:
            t += x[i] * rng.normal()
        else:
            t += x[i] ** 2
    return t


@right()
def nested_loops(x):
    rng = np.random.default_rng(0)
    t = 0.0
    for i in range(3):
        for j in range(i + 1):
            w = rng.normal()
            t += w * x[i] * x[j]
        t *= rng.uniform(0.5, 1.0)
    return t


@right()
def reuse_name(x):
    z = np.random.default_rng(0).normal(size=6)
    t = np.sum(z * x)
    z = np.random.default_rng(1).normal(size=6)
    return t + np.sum(z * x**2)


@right()
def accumulate_inactive(x):
    rng = np.random.default_rng(0)
    path = []
    s = 0.0
    for i in range(6):
        s += rng.normal()
        path.append(s)
    return np.sum(x * np.array(path))


@right()
def sde(x):
    rng = np.random.default_rng(0)
    s = 1.0
    for i in range(50):
        s = s + x[0] * s * 0.01 + x[1] * s * 0.1 * rng.standard_normal()
    return s


@right()
def metropolis(x):
    rng = np.random.default_rng(0)
    s = 0.0
    acc = 0.0
    for i in range(20):
        prop = s + rng.normal()
        if rng.random() < math.exp(min(0.0, 0.5 * s * s - 0.5 * prop * prop)):
            s = prop
        acc += x[0] * s + x[1] * s * s
    return acc / 20


@right()
def metro_active(x):
    rng = np.random.default_rng(0)
    s = 0.0
    for i in range(5):
        prop = s + x[0] * rng.normal()
        if rng.random() < 0.5:
            s = prop
    return s


@right()
def heap(x):
    h = [(3, 0), (1, 1), (2, 2)]
    heapq.heapify(h)
    t = 0.0
    r = 1.0
    while h:
        w, i = heapq.heappop(h)
        t += r * w * x[i] ** 2
        r *= 2
    return t


@right()
def early_return(x):
    rng = np.random.default_rng(0)
    if rng.random() > 2:
        return x[0]
    v = rng.normal()
    return v * x[1]


@refused()
def early_active_return(x):
    rng = np.random.default_rng(0)
    if x[0] > 5:
        return x[0]
    return rng.normal() * x[1]


@right()
def brk(x):
    rng = np.random.default_rng(0)
    t = 0.0
    for i in range(6):
        if rng.random() < 0.2:
            break
        t += x[i]
    return t * rng.normal()


@refused()
def brk_active(x):
    rng = np.random.default_rng(0)
    t = 0.0
    for i in range(6):
        if t > 1.0:
            break
        t += x[i] * rng.uniform()
    return t


@right()
def whiled(x):
    rng = np.random.default_rng(0)
    t = 0.0
    i = 0
    while rng.random() < 0.8 and i < 6:
        t += x[i] * i
        i += 1
    return t


@right()
def comp(x):
    rng = np.random.default_rng(0)
    w = [rng.normal() for _ in range(6)]
    return sum(a * b for a, b in zip(x, w))


@refused()
def comp2(x):
    rng = np.random.default_rng(0)
    return sum(x[i] * rng.normal() for i in range(6))


@right()
def string_work(x):
    text = "a,b;c"
    parts = re.split("[,;]", text)
    cfg = json.loads('{"p": 2, "names": ["u","v"]}')
    return np.sum(x ** cfg["p"]) * len(parts) + x[len(cfg["names"])]


@right()
def counter(x):
    c = collections.Counter("abracadabra")
    t = 0.0
    for i, (ch, m) in enumerate(sorted(c.items())):
        t += m * x[i]
    return t


@right()
def defaultd(x):
    groups = collections.defaultdict(list)
    for i in range(6):
        groups[i % 2].append(i)
    t = 1.0
    for g in groups.values():
        s = 0.0
        for i in g:
            s += x[i]
        t *= s
    return t


@right()
def rnd_choice(x):
    rng = random.Random(3)
    i = rng.choice([0, 1, 2])
    j = rng.randint(0, 5)
    return x[i] * x[j]


@right()
def callee_host(x):
    return x[0] * other(3) + x[1] * other(4)


@right()
def try_active(x):
    try:
        y = np.sum(x**2)
    except ZeroDivisionError:
        y = 0.0
    return y


@right()
def zipped(x):
    rng = np.random.default_rng(0)
    t = 0.0
    for xi, w in zip(x, rng.normal(size=6)):
        t += xi * w
    return t


@right()
def enum(x):
    rng = np.random.default_rng(0)
    t = 0.0
    for i, xi in enumerate(x):
        if rng.random() > 0.3:
            t += xi * i
    return t


@refused()
def shape_changes(x):
    rng = np.random.default_rng(0)
    y = x[2:]
    w = rng.normal(size=y.shape)
    return np.sum(w * y)


@refused()
def shape_rebound(x):
    rng = np.random.default_rng(0)
    x = x[2:]
    w = rng.normal(size=len(x))
    return np.sum(w * x)


@right()
def matrix_draws(x):
    rng = np.random.default_rng(0)
    t = 0.0
    for i in range(4):
        A = rng.normal(size=(6, 6))
        t += x @ A @ x
    return t


@right()
def mutated_record(x):
    w = np.zeros(6)
    t = 0.0
    rng = np.random.default_rng(0)
    for i in range(6):
        w[i] = rng.normal()
        t += np.sum(w * x)
    return t


@right()
def bisected(x):
    grid = [0.0, 0.3, 0.6]
    i = bisect.bisect(grid, 0.5)
    return x[i] ** 2


@right(4)
def int_arg(x, m):
    rng = np.random.default_rng(m)
    z = rng.integers(0, 6, size=m)
    return np.sum(x[z] * np.arange(m))


@right("abc")
def str_arg(x, name):
    w = len(name.upper())
    c = collections.Counter(name)
    return x[0] * w + x[1] * c["a"]


@right()
def genexp(x):
    gen = (i * i for i in range(3))
    t = 0.0
    for g in gen:
        t += g * x[g]
    return t


@right()
def genbreak(x):
    t = 0.0
    for g in itertools.count():
        if g > 3:
            break
        t += g * x[g]
    return t


@right()
def genbreak_active(x):
    t = 0.0
    for g in itertools.count():
        if t > 1:
            break
        t += x[g] * g
    return t


@right()
def draws(x):
    rng = np.random.default_rng(0)
    z = rng.normal(size=6)
    return np.sum(x * z)


@right()
def histogram(x):
    h, _ = np.histogram(DATA, bins=6)
    return np.sum(x * h)


@right()
def spline(x):
    knots = np.linspace(0, 1, 5)
    s = CubicSpline(knots, np.sin(knots))
    return np.sum(x * s(0.3))


@right()
def timing(x):
    t0 = time.time()
    y = np.sum(x**2)
    logging.info("took %s", time.time() - t0)
    return y


@right()
def sets(x):
    seen = set()
    t = 0.0
    for i in [0, 1, 1, 2, 0]:
        if i in seen:
            continue
        seen.add(i)
        t += x[i] ** 2
    return t


@right()
def queue(x):
    q = collections.deque([0, 1, 2])
    t = 0.0
    while q:
        i = q.popleft()
        if i == 2 and len(q) < 3:
            q.append(3)
        t += x[i] ** 2
    return t


@right()
def errstate(x):
    with np.errstate(divide="ignore"):
        y = np.log(x)
    return np.sum(y)


@right()
def attempts(x):
    try:
        n = int("7")
    except ValueError:
        n = 0
    return np.sum(x) * n


@right()
def warns(x):
    warnings.warn("hi")
    return np.sum(x)


@right()
def sparse_pattern(x):
    A = sp.diags([1.0, 2.0, 3.0, 1, 1, 1]).toarray()
    return x @ A @ x


@right()
def f_string(x):
    label = f"{len(x)} items"
    return np.sum(x) * len(label)


@right()
def logs(x):
    logger = logging.getLogger("a")
    for i in range(3):
        logger.debug("i=%d", i)
        x = x * 1.5
    return np.sum(x)


@right()
def draws_of_a_loop(x):
    t = 0.0
    for i in range(5):
        w = np.random.default_rng(i).normal()
        t += w * x[i]
    return t


class Holder:
    value = 1.0

    def set(self, value):
        self.value = value

    def get(self):
        return json.loads(str(self.value))


HOLDER, TABLE = Holder(), {"v": 1.0}


@refused()
def through_an_object_outside(x):
    HOLDER.set(x[0])
    return x[1] * HOLDER.get()


@refused()
def through_a_table_outside(x):
    TABLE["v"] = x[0]
    return x[1] * json.loads(str(TABLE["v"]))


@refused()
def through_an_object(x):
    holder = Holder()
    holder.set(x[0])
    return x[1] * holder.get()


@refused()
def through_an_alias(x):
    table = {}
    same = table
    same["v"] = x[0]
    return x[1] * json.loads(str(table["v"]))


@refused()
def through_a_closure(x):
    y = x[0]

    def get():
        return json.loads(str(y))

    return x[1] * get()


@refused()
def through_the_variables(x):
    y = x[0]
    return x[1] * eval("y")


@refused()
def through_a_callback(x):
    table = []
    list(map(table.append, x))
    return x[1] * json.loads(str(table[0]))


@refused()
def through_a_sum_of_lists(x):
    row = np.ones(2)
    both = [row] + [np.zeros(2)]
    both[0][0] = x[0]
    return x[1] * json.loads(str(row[0]))


@refused()
def through_a_longer_list(x):
    row, rows = np.ones(2), []
    rows += [row]
    rows[0][0] = x[0]
    return x[1] * json.loads(str(row[0]))


@right()
def condition_on_floats(x):
    rng = np.random.default_rng(0)
    t, s = 0.0, 0.3
    for i in range(6):
        s = math.exp(-s) * math.sin(3.0 * s)
        if s > 0.2:
            t += rng.normal() * x[i]
        if s < -1.0:
            break
    return t


@right()
def local_import(x):
    import calendar

    return x[0] * calendar.monthrange(2024, 2)[1]


COUNTS = np.zeros(2)


@refused()
def counts(x):
    COUNTS[0] += 1.0
    return np.sum(np.random.default_rng(0).normal(size=6) * x)


def differences(f: Callable[..., Any], x: Any, args: tuple[Any, ...]) -> Any:
    def at(k: int, h: float) -> Any:
        moved = x.copy()
        moved[k] += h
        return f(moved, *map(np.copy, args)) if all(isinstance(a, np.ndarray) for a in args) else f(moved, *args)

    return [(at(k, 1e-6) - at(k, -1e-6)) / 2e-6 for k in range(len(x))]


def name(case: tuple[Callable[..., Any], Any]) -> str:
    return case[0].__name__


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", RIGHT, ids=name)
def test_right(case: Any) -> None:
    f, args = case
    derivative = srcad.grad(f, target="python")
    for x in (X, 0.9 * X[::-1], X + 0.05):
        np.testing.assert_allclose(derivative(x.copy(), *args), differences(f, x, args), rtol=1e-5, atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "case", [one for one in RIGHT if name(one) in ("queue", "cond_draw", "histogram", "sde")], ids=name
)
def test_compiled(case: Any) -> None:
    f, args = case
    derivative = srcad.grad(f)
    for x in (X, 0.9 * X[::-1]):
        np.testing.assert_allclose(derivative(x.copy(), *args), differences(f, x, args), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", REFUSED, ids=name)
def test_refused_where_what_is_differentiated_decides(case: Any) -> None:
    f, args = case
    with pytest.raises(srcad.SrcadError):
        srcad.grad(f, target="python")(X, *args)


def drawn(x):
    return np.sum(np.random.normal(size=6) * x)


def test_the_stream_of_numpy() -> None:
    np.random.seed(3)
    want = [np.random.normal(size=6) for _ in range(4)]
    derivative = srcad.grad(drawn, target="python")
    np.random.seed(3)
    np.testing.assert_array_equal([derivative(X) for _ in range(4)], want)


EVENTS: list[str] = []


def note(what):
    EVENTS.append(what)
    return float(len(EVENTS))


def noted(x):
    a = note("a")
    logging.getLogger("srcad.test").info("b")
    t = 0.0
    for i in range(2):
        t += note(f"c{i}") * x[i]
    return t + a * x[2]


def test_effects_happen_once_and_in_order(caplog: pytest.LogCaptureFixture) -> None:
    derivative = srcad.grad(noted, target="python")
    caplog.set_level(logging.INFO)
    for k in range(3):
        EVENTS.clear()
        caplog.clear()
        np.testing.assert_array_equal(derivative(X + k), [2.0, 3.0, 1.0, 0.0, 0.0, 0.0])
        assert EVENTS == ["a", "c0", "c1"]
        assert caplog.messages == ["b"]


def prints(x):
    print("printed")
    return np.sum(np.random.default_rng(0).normal(size=6) * x)


def test_prints_are_those_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    derivative = srcad.grad(prints, target="python")
    derivative(X)
    derivative(X)
    assert capsys.readouterr().out == "printed\nprinted\n"


def of_any_kind(x, kinds):
    value = json.loads(kinds)
    return x[0] * value


def test_values_of_other_kinds_make_another_text() -> None:
    derivative = srcad.grad(of_any_kind, target="python")
    assert [derivative(X, text)[0] for text in ("2", "2.5", "true", "3")] == [2.0, 2.5, 1.0, 3.0]


ITEMS: list[str] = []


def of_items(x, n):
    t = 0.0
    for i in range(n):
        t += np.sum(x) * json.loads(ITEMS[i])
    return t


def test_kinds_that_change_in_a_loop_are_refused() -> None:
    derivative = srcad.grad(of_items, target="python")
    ITEMS[:] = "1.0", "2.0", "4.0"
    assert derivative(X, 2)[0] == 3.0
    assert derivative(X, 3)[0] == 7.0
    ITEMS[:] = "1", "2", "4"
    with pytest.raises(srcad.SrcadError, match="S362"):
        derivative(X, 2)


def test_threads_have_their_own_values() -> None:
    def f(x, seed):
        return np.sum(np.random.default_rng(seed).normal(size=6) * x)

    derivative = srcad.grad(f, target="python")
    wrong = []

    def run(seed: int) -> None:
        want = np.random.default_rng(seed).normal(size=6)
        wrong.extend(k for k in range(30) if not np.array_equal(derivative(X, seed), want))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong


def test_other_derivatives() -> None:
    rows = np.random.default_rng(0).normal(size=(3, 6))

    def f(x):
        return np.random.default_rng(0).normal(size=(3, 6)) @ x

    value, tangent = srcad.jvp(f, target="python")((X,), (np.ones(6),))
    np.testing.assert_allclose(value, rows @ X)
    np.testing.assert_allclose(tangent, rows @ np.ones(6))
    np.testing.assert_allclose(srcad.jacobian(f, target="python")(X), rows)


def test_a_pullback() -> None:
    def f(x, n):
        return np.sum(x[:n] * np.random.default_rng(n).normal(size=n))

    for n in (2, 3):
        _, pullback = srcad.vjp(f, target="python")(X[:3], n)
        np.testing.assert_array_equal(pullback(2.0)[0][:n], 2.0 * np.random.default_rng(n).normal(size=n))


def test_a_jacobian_of_few_inputs() -> None:
    """Where it is computed in forward mode, for there are fewer inputs than outputs."""

    def f(x, seed):
        return np.random.default_rng(seed).normal(size=(9, 2)) @ x

    derivative = srcad.jacobian(f, target="python")
    for seed in range(4):
        np.testing.assert_allclose(derivative(X[:2], seed), np.random.default_rng(seed).normal(size=(9, 2)))


def test_the_text_says_what_python_computes() -> None:
    text = srcad.grad(sde, target="python").source_for(X)
    assert "python  standard_normal_values = rng.standard_normal(), each time (L" in text
    assert "python  z = rng.normal(size=6)" in srcad.grad(draws, target="python").source_for(X)


def test_an_error_of_the_inactive_part_is_that_of_python() -> None:
    def f(x, text):
        return x[0] * json.loads(text)

    derivative = srcad.grad(f, target="python")
    with pytest.raises(json.JSONDecodeError):
        derivative(X, "{bad")
    assert derivative(X, "2.0")[0] == 2.0
    with pytest.raises(json.JSONDecodeError):
        derivative(X, "{bad")


def test_what_is_given_an_active_value_may_leave_its_block_out() -> None:
    """Python enters no block alone that `with` enters with x: neither are its variables read behind it."""

    class Unless:
        def __init__(self, value):
            self.value = value

        def __enter__(self):
            return self

        def __exit__(self, *what):
            return True

    def f(x):
        with Unless(x):
            text = "2.0"
        return x[0] * json.loads(text)

    with pytest.raises(srcad.UnsupportedError, match="text"):
        srcad.grad(f, target="python")(X)


def test_constants_of_libraries_are_no_state() -> None:
    """What draws may change what a module has, but not the number pi."""

    def f(x, seed):
        rng = np.random.default_rng(seed)
        low, total = -np.inf, 0.0
        for _ in range(3):
            total += np.pi * x[1] * rng.normal()
        return total if total > low else low

    drawn = np.random.default_rng(2).normal(size=3).sum()
    np.testing.assert_allclose(srcad.grad(f, target="python")(X, 2)[1], np.pi * drawn, rtol=1e-13)


@pytest.mark.parametrize("given", [np.ones(3), 0.5])
def test_a_loop_over_what_replaces_an_argument(given):
    def f(a, w):
        w = a[-4:]
        with np.errstate(all="ignore"):
            for i in range(len(w)):
                pass
        return a[0] * i

    x = np.arange(1.0, 7.0)
    value, slopes = srcad.value_and_grad(f, target="python")(x, given)
    assert value == 3.0
    np.testing.assert_array_equal(slopes, [3.0, 0.0, 0.0, 0.0, 0.0, 0.0])
