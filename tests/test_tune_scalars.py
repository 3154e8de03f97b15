"""Small arrays of loops as numbers: the same numbers as with arrays, and no array where none is needed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.ir.nodes import Function, Param, Var
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, ListOf, Scalar, dim
from srcad.optimize.memory.scalar_replacement import replace_small_arrays
from tests.test_tune_loops import same_numbers

pytestmark = pytest.mark.one_in(10, least=3)

r = np.random.default_rng(29)
INT = Scalar("int64")


def in_loops(text: str) -> str:
    """The lines of a machine text that are inside a loop."""
    found: list[str] = []
    depth: list[int] = []
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        while depth and line.strip() and indent <= depth[-1]:
            depth.pop()
        if depth:
            found.append(line.partition("#")[0])
        if line.lstrip().startswith(("for ", "while ")):
            depth.append(indent)
    return "\n".join(found)


def rates(y, p):
    return np.array([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])


def heun(y0, p, h, steps):
    y = y0
    for _ in range(steps):
        k = rates(y, p)
        y = y + 0.5 * h * (k + rates(y + h * k, p))
    return np.sum(y**2)


def quaternion(q0, w, dt):
    q = q0
    for t in range(len(w)):
        x, y, z = w[t, 0], w[t, 1], w[t, 2]
        d = np.array([
            -q[1] * x - q[2] * y - q[3] * z,
            q[0] * x + q[2] * z - q[3] * y,
            q[0] * y - q[1] * z + q[3] * x,
            q[0] * z + q[1] * y - q[2] * x,
        ])  # fmt: skip
        q = q + 0.5 * dt * d
        q = q / np.sqrt(np.sum(q * q))
    return q[1] ** 2 + 2.0 * q[2] + q[3] * q[0]


def chain(angles, lengths):
    p = np.zeros(2)
    R = np.eye(2)
    for k in range(len(angles)):
        c, s = np.cos(angles[k]), np.sin(angles[k])
        R = R @ np.array([[c, -s], [s, c]])
        p = p + R @ np.array([lengths[k], 0.3])
    return np.sum(p**2)


def two_steps(y0, h, steps):
    before = np.array([y0[0], 2.0 * y0[1]])
    y = np.array([y0[1], y0[0] + 0.1])
    for _ in range(steps):
        new = y + h * (1.5 * np.sin(y) - 0.5 * before * y)
        before = y
        y = new
    return np.sum(before * y)


def either_way(y0, h, steps):
    y = np.array([y0[0], y0[1] * 0.5])
    for t in range(steps):
        if y[0] > 0.2 * t:
            y = y - h * np.array([y[1], y[0]])
        else:
            y = 2.0 * y
    return y[0] * y[1]


def until(y0, h, limit):
    y = np.array([y0[0], y0[1]])
    n = 0
    while y[0] * y[0] + y[1] * y[1] < limit:
        y = y + h * np.array([y[0] - y[1], y[0] + y[1]])
        n += 1
        if n > 40:
            break
    return y[0] + 3.0 * y[1]


def sum_of_products(A, v, steps):
    """Rectangular, transposed, from the left, a number."""
    M = np.array([[v[0], v[1], 1.0], [v[1] * v[0], 2.0, v[2]]])
    total = 0.0
    for t in range(steps):
        w = M @ np.array([v[0], A[t, 0], v[2]])
        z = w @ M
        total += np.sum(M.T @ w) * z[1] + w @ np.array([1.0, v[1]]) + z @ z + (M @ M.T)[0, 1]
    return total


def in_place(y0, h, steps):
    """The array is written to in the loop, and read by its name after it."""
    acc = np.zeros(3)
    y = np.array([y0[0], y0[1]])
    for t in range(steps):
        acc[0] += y[0] * h
        acc[2] = acc[0] * y[1] + acc[2]
        y = y * (1.0 - h) + acc[2]
        acc[1] -= y[-1]
    return acc[0] * acc[1] + np.sum(acc) + y[0]


def rows(x, steps):
    """What was a row is not the row any more once that is written to."""
    M = np.zeros((3, 2))
    total = 0.0
    for t in range(steps):
        M[0, 0] = x[t]
        row = M[0] * 1.0
        M[0] = row * x[t] + M[1]
        M[1, 1] += row[0] * M[0, 0]
        total += np.sum(row) + M[1, 1]
    return total + np.sum(M)


def any_element(x, which, steps):
    """An index that nobody knows keeps the array an array."""
    s = np.zeros(3)
    for t in range(steps):
        s[which[t]] += x[t] * x[t]
        s[0] = s[0] * 0.9
    return s[0] * s[1] + s[2]


def listed(x, steps):
    """Each item of the list is the array of its turn."""
    found = []
    y = np.array([x[0], x[1]])
    for _ in range(steps):
        y = y * np.array([x[1], 0.5])
        found.append(y)
    total = 0.0
    for t in range(steps):
        total += found[t][0] * (t + 1.0) + found[t][1]
    return total


def inner(x, n):
    """A loop in a loop, with arrays that live in one of them or in both."""
    s = np.array([1.0, 0.0])
    for i in range(n):
        f = np.zeros(2)
        for j in range(n):
            if i != j:
                d = np.array([x[j] - x[i], x[j] * s[0]])
                f = f + d / (1.0 + d[0] * d[0])
        s = s + 0.1 * f
    return s[0] * s[1]


def solved(x, steps):
    """Arrays that a call makes, and that are given to one."""
    y = np.array([x[0], x[1]])
    for _ in range(steps):
        A = np.array([[2.0 + y[0] ** 2, y[1]], [0.3, 3.0]])
        y = np.linalg.solve(A, y) + 0.1
    return np.sum(y * y)


def widened(s, x, steps):
    """`s` has one element or two."""
    total = 0.0
    for t in range(steps):
        v = s + np.array([x[t], 2.0])
        total += v[0] * v[1]
    return total


def narrow(x, steps):
    y = np.array([x[0], x[1]])
    for _ in range(steps):
        y = y + x * 0.25
    return np.sum(y)


def wheel(x, steps):
    """Three names trade places."""
    a = np.array([x[0], 1.0])
    b = np.array([x[1], 2.0])
    c = np.array([x[2], 3.0])
    for t in range(steps):
        a, b, c = b, c, a * x[t]
    return a[0] + 2.0 * b[0] * c[1] + 3.0 * c[0] + b[1]


def bodies(pos, vel, m, dt, steps):
    """The length of `d` is asked for in some turns of inner loops only."""
    x = pos.copy()
    v = vel.copy()
    n = len(m)
    for _ in range(steps):
        for i in range(n):
            f = np.zeros(3)
            for j in range(n):
                if i != j:
                    d = x[j] - x[i]
                    f = f + m[j] * d / (d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 0.01)
            v[i] = v[i] + dt * f
        for i in range(n):
            x[i] = x[i] + dt * v[i]
    return np.sum(x * x)


def filled(x, steps):
    """One name, filled anew in every turn, and what it was before kept by another."""
    last = np.zeros(2)
    total = 0.0
    for t in range(steps):
        new = np.empty(2)
        new[0] = x[t] + last[1]
        new[1] = x[t] * last[0] + 1.0
        total += np.sum(new * last)
        last = new
        new[0] *= 2.0
    return total


def first_and_last(x, steps):
    """The last element is the first, where there is one."""
    y = x.copy()
    for _ in range(steps):
        y[0] = y[0] * y[0]
        y[-1] += 0.5
    return np.sum(y * y)


def some_elements(x, steps):
    """An element that there may not be is read in some turns only, or in no turn."""
    total = 0.0
    y = x.copy()
    for t in range(steps):
        if t > 2:
            total += x[3] * y[t]
        y[t] += total * x[t]
    return total


def row_by_row(A, steps):
    """A place that is the same in all turns of the inner loop, not in those of the outer one."""
    B = A.copy()
    for t in range(steps):
        for i in range(A.shape[0]):
            for j in range(2):
                B[t, j] += A[i, 0] * B[t, j] * 0.5 + A[t, 1]
            B[i, 0] += A[t, 0]
    return np.sum(B)


def lives_of_one_name(x, steps):
    y = x[:2] * 2.0
    total = 0.0
    for t in range(steps):
        y = x[1:3] * y
        total += y[0]
    y = np.array([total, x[0], 1.0])
    for t in range(steps):
        total += y[1] * y[2]
        y = y * 0.5
    return total + np.sum(y)


CASES: list[tuple[Any, ...]] = [
    (heun, r.normal(size=3), r.normal(size=3), 0.01, 7),
    (heun, r.normal(size=3), r.normal(size=3), 0.01, 0),
    (heun, r.normal(size=5), r.normal(size=3), 0.01, 0),
    (quaternion, r.normal(size=4), r.normal(size=(6, 3)), 0.1),
    (quaternion, r.normal(size=4), r.normal(size=(0, 3)), 0.1),
    (chain, r.normal(size=5), r.normal(size=5)),
    (chain, r.normal(size=0), r.normal(size=0)),
    (two_steps, r.normal(size=2), 0.1, 6),
    (two_steps, r.normal(size=2), 0.1, 1),
    (either_way, np.array([1.0, 0.3]), 0.1, 12),
    (until, np.array([0.5, 0.3]), 0.1, 9.0),
    (until, np.array([5.0, 0.3]), 0.1, 9.0),
    (sum_of_products, r.normal(size=(4, 2)), r.normal(size=3), 4),
    (in_place, r.normal(size=2), 0.1, 5),
    (in_place, r.normal(size=2), 0.1, 0),
    (rows, r.normal(size=5), 5),
    (any_element, r.normal(size=6), np.array([0, 2, 1, 1, -1, 0]), 6),
    (listed, r.normal(size=2), 5),
    (inner, r.normal(size=4), 4),
    (inner, r.normal(size=1), 1),
    (solved, r.normal(size=2), 3),
    (widened, r.normal(size=1), r.normal(size=4), 4),
    (widened, r.normal(size=2), r.normal(size=4), 4),
    (narrow, r.normal(size=2).astype(np.float32), 3),
    (wheel, r.normal(size=8), 8),
    (bodies, r.normal(size=(4, 3)), r.normal(size=(4, 3)), r.random(4), 0.1, 3),
    (bodies, r.normal(size=(1, 3)), r.normal(size=(1, 3)), r.random(1), 0.1, 3),
    (bodies, r.normal(size=(0, 5)), r.normal(size=(0, 5)), r.random(0), 0.1, 2),
    (bodies, r.normal(size=(2, 5)), r.normal(size=(2, 5)), r.random(2), 0.1, 0),
    (filled, r.normal(size=4), 4),
    (first_and_last, r.normal(size=1), 3),
    (first_and_last, r.normal(size=3), 3),
    (some_elements, r.normal(size=3), 3),
    (some_elements, r.normal(size=6), 6),
    (row_by_row, r.normal(size=(4, 2)), 4),
    (lives_of_one_name, r.normal(size=4), 3),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].__name__}-{case[-1]}")
def test_same_numbers(case: tuple[Any, ...]) -> None:
    function, *args = case
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    same_numbers(function, *args, wrt=wrt)


@pytest.mark.parametrize(
    "function", [heun, quaternion, chain, two_steps, either_way, in_place, inner, sum_of_products, wheel, bodies]
)
def test_no_array_in_a_loop(function: Any) -> None:
    _, *args = next(case for case in CASES if case[0] is function)
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray))
    text = same_numbers(function, *args, wrt=wrt, compiled=True)
    assert not re.search(r"np\.(empty|zeros|array)|@", in_loops(text)), text


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_a_length_that_does_not_fit_is_an_error(target: str) -> None:
    gradient = srcad.grad(heun, 0, target=target)
    assert np.shape(gradient(np.ones(5), np.ones(3), 0.1, 0)) == (5,)
    with pytest.raises(ValueError, match="broadcast|do not fit"):
        gradient(np.ones(5), np.ones(3), 0.1, 2)
    gradient = srcad.grad(bodies, 0, target=target)
    with pytest.raises(ValueError, match="broadcast|do not fit"):
        gradient(np.ones((2, 3)), np.ones((2, 5)), np.ones(2), 0.1, 1)


def test_text_grows_with_the_source_only() -> None:
    """Loops of many turns, or of many statements, stay loops."""

    def many(x, steps):
        total = 0.0
        for t in range(steps):
            for i in range(40):
                for j in range(3):
                    for k in range(20):
                        total += x[i, j, k] * t
        return total

    text = same_numbers(many, r.normal(size=(40, 3, 20)), 2)
    assert "range(40)" in text and "range(20)" in text
    assert len(text.splitlines()) < 60


SMALL = Array("float64", (dim(2),))
TYPES = {**dict.fromkeys("abcxy", SMALL), "A": Array("float64", (dim(9), dim(2))), **dict.fromkeys("nkt", INT)}
TYPES.update(dict.fromkeys("hs", Scalar("float64")))


@pytest.mark.parametrize("text", [
    # two names for one array, one of which is written to in a later turn
    """
    a = np.zeros(2)
    b = np.zeros(2)
    for t in range(n):
        a[0] += h
        s += b[0]
        b = a
    """,
    # a row, and the array it is a row of
    """
    for t in range(n):
        a = A[t]
        A[t, 0] = h
        s += a[0]
    """,
    # memory of somebody else, written to by a second name
    """
    for t in range(n):
        x[0] += h
        b = x
        b[1] = h
    """,
    # who knows which element
    """
    a = np.zeros(2)
    for t in range(n):
        a[k] += h
    s = a[0]
    """,
    # in a list, where it stays the same array
    """
    for t in range(n):
        a = np.zeros(2)
        append(items, a)
        a[0] = h
    """,
])  # fmt: skip
def test_arrays_that_stay(text: str) -> None:
    params = tuple(Param(name, name) for name in ("x", "y", "A", "n", "k", "h", "s", "items"))
    types = {**TYPES, "items": ListOf(SMALL)}
    block = parse(text)
    made = replace_small_arrays(Function("f", params, block, (Var("s"),), types))
    assert show(made.body) == show(block)


def stored_after_no_turn(u, n):
    p = u
    for _ in range(n):
        p = p * 2.0
    p[0] = 7.0
    return p[0]


def argument_met_in_a_turn(u, n):
    p = np.zeros(1)
    for _ in range(n):
        p = u
    p[0] = 4.0
    return u[0]


def argument_met_in_a_while(u, n):
    p = np.zeros(1)
    i = 0
    while i < n:
        p = u
        i += 1
    p[0] = 4.0
    return u[0]


def stored_in_the_next_turn(u, n):
    p = np.zeros(1)
    s = 0.0
    for _ in range(3):
        p[0] += 1.0
        for _ in range(n):
            p = u
        s += u[0]
    return s


def row_left_behind(u, n):
    m = np.zeros((2, 2))
    r = m[0]
    for i in range(n):
        r = m[i]
    r[0] = u[0]
    return m[0, 0] + 2.0 * m[1, 0]


def bound_on_one_path(u, n):
    if u[0] < 3.0:
        for _ in range(n + 1):
            p = u
    p[0] += 0.5
    return u[0]


def returned(u, n):
    p = u
    for _ in range(n):
        p = p * 2.0
    return p


def two_returned(u, n):
    p = u * 2.0
    q = np.zeros(1)
    for _ in range(n):
        q = p
    return p, q


AFTERWARDS = [
    stored_after_no_turn, argument_met_in_a_turn, argument_met_in_a_while, stored_in_the_next_turn, row_left_behind,
    bound_on_one_path, returned, two_returned,
]  # fmt: skip


@pytest.mark.parametrize("turns", [0, 1, 2])
@pytest.mark.parametrize("function", AFTERWARDS, ids=lambda f: f.__name__)
def test_memory_after_the_loop_is_whose_it_was(function: Any, turns: int) -> None:
    """What is stored into after the loop, by the function or by its caller, is the array of the program."""

    def outcome(run: Any) -> tuple[list[Any], list[list[bool]]]:
        u = np.array([1.5])
        result = run(u, turns)
        parts = [u, *(result if isinstance(result, tuple) else (result,))]
        same = [[np.shares_memory(a, b) for b in parts] for a in parts if isinstance(a, np.ndarray)]
        return [np.asarray(part).tolist() for part in parts], same

    made = srcad.jit(function, target="python").specialisation(np.array([1.5]), turns).generated
    assert outcome(getattr(load(cache_files.store(made.name, made.machine_text())), made.function.name)) == outcome(
        function
    )


def test_states_that_are_read_only_afterwards_are_numbers() -> None:
    y0, p = r.normal(size=3), r.normal(size=3)
    made = srcad.jit(heun, target="python").specialisation(y0, p, 0.1, 4).generated
    assert "np." not in in_loops(made.machine_text())
