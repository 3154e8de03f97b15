"""Loops that change places: only where every element gets the same in the same order."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numba import njit

import srcad
from srcad.ir.nodes import AugAssign, Block, Expr, For, Function, If, Op, Param, Stmt, Store, Var
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.optimize.loops.interchange import interchange
from srcad.optimize.memory.accumulator_promotion import promote_accumulators
from tests.sequential import Execution
from tests.test_tune_loops import same_numbers

pytestmark = pytest.mark.one_in(10, least=3)

SIZE = 9
FLOAT, INT = Scalar("float64"), Scalar("int64")
MATRIX = Array("float64", (dim(Symbol("A", 0)), dim(Symbol("A", 1))))
VECTOR = Array("float64", (dim(Symbol("x", 0)),))
TYPES: dict[str, Type] = {
    **dict.fromkeys(("A", "B"), MATRIX),
    **dict.fromkeys(("x", "y"), VECTOR),
    **dict.fromkeys(("s", "t", "u", "w"), FLOAT),
    **dict.fromkeys(("c", "i", "j", "k", "n", "m", "p"), INT),
}


class Run(Execution):
    def value(self, expr: Expr) -> Any:
        match expr:
            case Op("min" | "max" as prim, (a, b)):
                return {"min": min, "max": max}[prim](self.value(a), self.value(b))
        return super().value(expr)


def environment(n: int = 7, m: int = 2) -> dict[str, Any]:
    r = np.random.default_rng(5)
    arrays = {a: r.standard_normal((SIZE, SIZE)) for a in "AB"} | {a: r.standard_normal(SIZE) for a in "xy"}
    return arrays | {"s": 0.5, "t": 0.25, "u": 2.0, "w": 0.75, "n": n, "m": m, "p": 3, **dict.fromkeys("cijk", 1)}


def changed(body: Block, live: tuple[str, ...] = ()) -> Block:
    params = tuple(Param(n, n) for n in ("A", "B", "x", "y", "n", "m", "s", "t", "u", "w", "p"))
    return interchange(Function("f", params, body, tuple(map(Var, live)), dict(TYPES))).body


def same(body: Block, made: Block, live: tuple[str, ...] = (), exact: bool = True, **given: int) -> None:
    one, other = (Run(environment(**given)).run(b) for b in (body, made))
    for name in ("A", "B", "x", "y", *live):
        if exact:
            np.testing.assert_array_equal(other[name], one[name], name + "\n" + show(body) + "\n->\n" + show(made))
        else:
            np.testing.assert_allclose(other[name], one[name], 1e-9, 1e-12, err_msg=show(body) + "\n->\n" + show(made))


# ---- what moves --------------------------------------------------------------------------------

MOVE = [
    "for j in range(n):\n    for k in range(n):\n        A[k, j] += x[k] * y[j]",
    "for j in range(m, n):\n    for k in range(m):\n        A[m, j] -= A[m, k] * A[k, j]",
    "for j in range(n - 1, -1, -1):\n    for k in range(j - 1, -1, -1):\n        A[k, j] -= x[k] * y[j]",
    "for j in range(n):\n    for k in range(j + 1, n):\n        A[k, j] = B[k, j] * x[k]",
    "for j in range(n):\n    for k in range(0, j - 1):\n        A[k, j] = B[k, j] * x[k]",
    "for j in range(2, n):\n    for k in range(n - 1, j - 3, -1):\n        A[k, j] = B[k, j] * x[k]",
    # a number flows to it, another one from it
    "for c in range(n):\n    s = x[c]\n    for k in range(n):\n        A[k, c] += B[k, c] * s\n    y[c] += s",
    "for c in range(n):\n    s = x[c]\n    for k in range(n):\n        s += B[k, c] * y[k]\n    x[c] = s",
    "for c in range(n - 1, -1, -1):\n    s = x[c]\n    x[c] = 0.0\n    for k in range(n):\n"
    "        A[k, c] += B[k, c] * s",
    "for c in range(n):\n    s += x[c]\n    for k in range(n):\n        A[k, c] += s",
    "for c in range(n):\n    p = c + 1\n    for i in range(m):\n        for k in range(n):\n"
    "            t = 0.5 * x[k]\n            A[k, p] += t * t",
    # the order in which an element gets its terms stays
    "for c in range(n):\n    for j in range(m):\n        for k in range(n):\n"
    "            A[k, c] = 0.5 * A[k, c] + x[j]",
    "for j in range(1, n):\n    for k in range(n):\n        A[k, j] = 0.5 * A[k, j - 1]",
    "for j in range(n):\n    for k in range(1, n):\n        A[k, j] = 0.5 * A[k - 1, j]",
    "for j in range(1, n):\n    for k in range(1, n):\n        A[k, j] = 0.5 * A[k - 1, j - 1]",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] = 0.5 * A[k - 1, j]",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] = 0.5 * A[k, j - 1]",
    # what stays, and what waits
    "for j in range(n):\n    x[j] *= 0.5\n    for k in range(n):\n        A[k, j] += x[j]\n        y[k] += B[j, k]",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] += x[k]\n    if x[j] > 0.0:\n        y[j] = 1.0",
]


@pytest.mark.parametrize("source", MOVE)
def test_moves(source: str) -> None:
    body = parse(source)
    made = changed(body)
    assert made != body, show(body)
    for n, m in ((7, 2), (1, 2), (0, 0), (2, 0), (6, 1)):
        same(body, made, n=n, m=m)


STAY = [
    # goes along rows as it is
    "for j in range(n):\n    for k in range(n):\n        A[j, k] += x[k] * y[j]",
    # reads what another turn writes, the other way about
    "for j in range(1, n):\n    for k in range(1, n):\n        A[k, j] = 0.5 * A[k + 1, j - 1]",
    "for j in range(1, n):\n    for k in range(1, n):\n        A[k, j] = 0.5 * A[k - 1, j + 1]",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] = 0.5 * A[j, k]",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] = B[k, j] * s\n        s = A[k, j]",
    # counts from the end in the first turn
    "for j in range(n):\n    for k in range(n):\n        A[k, j] = 0.5 * A[k - 1, j - 1]",
    # the turn before stores what it reads, or reads what it stores
    "for j in range(n):\n    x[j] = A[m, m]\n    for k in range(n):\n        A[k, j] = B[k, j]",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] = B[k, j] * x[0]\n    x[0] *= 0.5",
    "for j in range(n):\n    x[0] *= 0.5\n    for k in range(n):\n        A[k, j] = B[k, j] * x[0]",
    "for j in range(n):\n    for k in range(n):\n        t = A[k, j]\n        A[k, j] = 0.0\n        B[k, j] += t",
    # a sum in order would be all that the innermost loop does
    "for j in range(n):\n    for k in range(n):\n        x[k] += A[k, j]",
    # numbers that other turns have made
    "for j in range(n):\n    for k in range(n):\n        A[k, j] += t\n        t = B[j, k]",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] += s\n    s = x[j]",
    "for j in range(n):\n    for k in range(n):\n        s += B[k, j] * y[k]\n    x[j] = s",
    "for j in range(n):\n    s = x[j]\n    for k in range(n):\n        A[j, k] = s\n        s += B[k, j] * y[k]",
    "for j in range(n):\n    s = x[j]\n    for k in range(n):\n        A[k, j] += s\n        s *= 0.5",
    "for j in range(n):\n    p = k\n    for k in range(n):\n        A[k, j] += x[p]",
    # bounds that say something else in each turn
    "for j in range(n):\n    m = m + 1\n    for k in range(m):\n        A[k, j] += 1.0",
    "for j in range(n):\n    for k in range(2 * j - 6):\n        A[k, j] += 1.0",
    "for j in range(n):\n    for k in range(j, j + 2):\n        A[k, j] += 1.0",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] += 1.0\n    n = n - 1",
    # a turn too many to take along, a few turns only
    "for j in range(4):\n    for k in range(n):\n        A[k, j] += x[k]",
    "for j in range(n):\n    for k in range(n):\n        A[k, j] += np.exp(x[k])",
]


@pytest.mark.parametrize("source", STAY)
def test_stays(source: str) -> None:
    body = parse(source)
    assert changed(body) == body
    # and what would be lost by a change that is not refused shows in the numbers
    same(body, changed(body))


def test_a_number_that_is_read_afterwards_stays() -> None:
    loop = parse("for c in range(n):\n    s = x[c]\n    for k in range(n):\n        s += B[k, c] * y[k]\n    x[c] = s")
    assert changed(loop) != loop
    assert changed(loop, live=("s",)) == loop
    assert (
        changed(parse("for j in range(n):\n    for k in range(n):\n        A[k, j] += x[k]"), live=("k",))[0]
        == parse("for j in range(n):\n    for k in range(n):\n        A[k, j] += x[k]")[0]
    )


def test_sums_of_adjoints_may_be_all_that_the_innermost_loop_does() -> None:
    (loop,) = parse("for j in range(n):\n    for k in range(n):\n        x[k] += A[k, j] * y[j]")
    assert isinstance(loop, For) and isinstance(loop.body[0], For)
    (store,) = loop.body[0].body
    assert isinstance(store, Store)
    freed = replace(loop, body=(replace(loop.body[0], body=(replace(store, free=True),)),))
    made = promote_accumulators(Function("f", (), changed((freed,)), (), dict(TYPES))).body
    assert show(made).splitlines()[3].strip() == "for j in range(n):", show(made)
    same((freed,), made, exact=False)


# ---- random nests ------------------------------------------------------------------------------


class Writer:
    """A random nest on matrices, that goes down columns more often than not."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.counters: list[str] = []

    def pick(self, *options: Any) -> Any:
        return self.random.choice(options)

    def item(self, counter: str | None = None) -> str:
        if not self.counters or (counter is None and self.random.random() < 0.15):
            return str(self.pick("m", "0", "n - 1", "p", "-1"))
        counter = counter or self.pick(*self.counters)
        return counter + self.pick("", "", "", "", " + 1", " - 1", " - 3")

    def element(self) -> str:
        if self.random.random() < 0.3:
            return f"{self.pick('x', 'y')}[{self.item()}]"
        last = self.counters[0] if self.counters and self.random.random() < 0.7 else None
        first = self.counters[-1] if self.counters and self.random.random() < 0.7 else None
        return f"{self.pick('A', 'B')}[{self.item(first)}, {self.item(last)}]"

    def value(self) -> str:
        one, other = self.element(), self.pick(self.element(), self.element(), "s", "t", "u", "0.25")
        return str(self.pick(f"0.5 * {one} - 0.25 * {other}", f"0.1 * {one} * {other}", one, f"{other} + 0.1"))

    def statement(self) -> str:
        kind = self.random.random()
        if kind < 0.65:
            return f"{self.element()} {self.pick('=', '+=', '+=', '-=')} {self.value()}"
        if kind < 0.8:
            return f"{self.pick('s', 't', 'u')} = {self.value()}"
        if kind < 0.9:
            return f"{self.pick('s', 't')} {self.pick('+=', '-=')} {self.value()}"
        return f"p = {self.pick('c', 'j', 'k', 'm')} + 1"

    def some(self, pad: str, most: int) -> list[str]:
        found = []
        for _ in range(self.random.randint(0, most)):
            if self.random.random() < 0.12:
                found += [f"{pad}if {self.element()} > 0.0:", f"{pad}    {self.statement()}"]
            else:
                found.append(pad + self.statement())
        return found

    def bounds(self) -> str:
        inner = []
        if self.counters:
            near = self.pick(*self.counters) + self.pick("", " + 1", " - 1")
            inner = [f"range({near}, n)", f"range(1, {near})", f"range({near}, 0, -1)", f"range(n - 1, {near}, -1)"]
        return str(self.pick(*inner, "range(n)", "range(n - 1, -1, -1)", "range(1, n)", "range(m, n)"))

    def program(self) -> str:
        lines: list[str] = []
        depth = self.random.randint(2, 3)
        tails: list[list[str]] = []
        for level in range(depth):
            pad = "    " * level
            lines.append(f"{pad}for {'cjk'[level]} in {self.bounds()}:")
            self.counters.append("cjk"[level])
            lines += self.some(pad + "    ", 2 if level < depth - 1 else 3) or [f"{pad}    {self.statement()}"]
            tails.append(self.some(pad + "    ", 1 if level else 2) if level < depth - 1 else [])
        for tail in reversed(tails):
            lines += tail
        return "\n".join(lines)


def freed(block: Block, some: random.Random) -> Block:
    """The block with some of its sums free."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case For():
                stmt = replace(stmt, body=freed(stmt.body, some))
            case If():
                stmt = replace(stmt, then=freed(stmt.then, some))
            case Store(op="+" | "-") | AugAssign(op="+" | "-"):
                stmt = replace(stmt, free=True)
        out.append(stmt)
    return tuple(out)


@pytest.mark.parametrize("first", range(0, 2000, 500))
@pytest.mark.parametrize("free", [False, True])
def test_random_nests(first: int, free: bool) -> None:
    moved = 0
    for seed in range(first, first + 500):
        body = parse(Writer(seed).program())
        some = random.Random(seed)
        live = tuple(n for n in ("s", "t", "u", "p") if some.random() < 0.2)
        if free:
            body = freed(body, some)
        made = changed(body, live)
        moved += made != body
        if made != body:
            with np.errstate(all="ignore"):
                for n in (7, 2, 0):
                    same(body, made, live, exact=not free, n=n)
    assert moved > 15, moved


# ---- compiled ----------------------------------------------------------------------------------


def factorise(a):
    a = a.copy()
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[k, j]
            a[i, j] /= a[j, j]
        for j in range(i, n):
            for k in range(i):
                a[i, j] -= a[i, k] * a[k, j]
    return np.sum(a * a)


def factors(a):
    a = a.copy()
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[k, j]
            a[i, j] /= a[j, j]
        for j in range(i, n):
            for k in range(i):
                a[i, j] -= a[i, k] * a[k, j]
    return a[n - 1, n - 1] + a[n - 1, 1] * a[1, n - 1]


def channels(images, weights, bias):
    size, count, classes = weights.shape
    scores = np.empty(classes)
    total = 0.0
    for i in range(images.shape[0] - size + 1):
        for c in range(classes):
            score = bias[c]
            for a in range(size):
                for k in range(count):
                    score += images[i + a, k] * weights[a, k, c]
            scores[c] = score
        for c in range(classes):
            total += np.exp(scores[c])
    return total


def no_rows(a, x, n):
    s = 0.0
    for j in range(n):
        for k in range(x.size):
            s += a[k, j] * x[k] ** 2
    return s


r = np.random.default_rng(1)


@pytest.mark.parametrize(
    "case",
    [
        (factorise, r.standard_normal((7, 7)) + 5.0 * np.eye(7)),
        (factorise, np.zeros((0, 0))),
        (channels, r.standard_normal((9, 3)), r.standard_normal((3, 3, 6)), r.standard_normal(6)),
        (channels, r.standard_normal((9, 3)), r.standard_normal((3, 3, 0)), r.standard_normal(0)),
        (channels, r.standard_normal((2, 3)), r.standard_normal((3, 3, 6)), r.standard_normal(6)),
        (no_rows, r.standard_normal((5, 6)), r.standard_normal(5), 6),
        (no_rows, r.standard_normal((5, 6)), r.standard_normal(5), -3),
        (no_rows, r.standard_normal((0, 6)), r.standard_normal(0), 6),
    ],
    ids=lambda case: f"{case[0].__name__}-{np.shape(case[1])}-{np.shape(case[-1])}",
)
def test_programs(case: tuple[Any, ...]) -> None:
    function, *args = case
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray))
    same_numbers(function, *args, wrt=wrt, compiled=True)


@pytest.mark.parametrize(
    "case",
    [
        (factors, r.standard_normal((60, 60)) + 20.0 * np.eye(60)),
        (channels, r.standard_normal((20, 3)), r.standard_normal((3, 3, 40)), r.standard_normal(40)),
    ],
    ids=lambda case: case[0].__name__,
)
def test_the_value_keeps_its_bits(case: tuple[Any, ...]) -> None:
    """The sums of the function itself are added up in its order, whatever becomes of the loops around them."""
    function, *args = case
    value = njit(error_model="numpy")(function)(*args)
    assert srcad.value_and_grad(function)(*args)[0] == value
    assert srcad.jit(function)(*args) == value


def test_equal_calls_give_equal_bits() -> None:
    a = r.standard_normal((61, 61)) + 20.0 * np.eye(61)
    gradient = srcad.grad(factorise)
    first = gradient(a)
    for _ in range(5):
        padding = np.empty(r.integers(1, 5000))  # another place in memory
        assert gradient(a.copy()).tobytes() == first.tobytes()
        del padding
