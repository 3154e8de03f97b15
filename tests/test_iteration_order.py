"""Iterables that read an item at another time than Python: right, or refused where something changes in between.

Each program goes over an iterable of x and y, and writes into one of them: before the loop, in it, or after the item is
read. That the value is the function's own shows that the items are those that Python reads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from tests.functions_from_text import function_of

ITERABLES = """
itertools.pairwise(x)
itertools.pairwise(v * 2 for v in x)
itertools.pairwise(map(lambda v: v * 2, x))
itertools.pairwise(zip(x, y))
itertools.pairwise(itertools.accumulate(x))
itertools.product(x, y)
itertools.product(x, repeat=2)
itertools.product(x[::-1], x)
itertools.product(map(lambda v: v * 2, x), y)
itertools.combinations(x, 2)
itertools.permutations(x, 2)
itertools.combinations_with_replacement(x, 2)
zip(itertools.chain(x, y), y)
zip(itertools.chain(x, y), itertools.chain(y, x))
zip(itertools.accumulate(x), y)
zip(itertools.accumulate(v * 2 for v in x), y)
zip(itertools.chain.from_iterable([v, v * 2] for v in x), y)
zip(filter(lambda v: v > 0.5, x), y)
zip(map(lambda v: v * 2, x), y)
zip(itertools.cycle(x[:2]), y)
zip(itertools.islice(x, 1, None), y)
zip((v for v in x), (v * 2 for v in y))
zip(itertools.starmap(lambda a, b: a * b, zip(x, y)), y)
itertools.zip_longest(x, y[1:], fillvalue=0.3)
itertools.islice(itertools.pairwise(x), 2)
""".strip().split("\n")

SOURCES = {
    "arrays": ("x, y = x.copy(), y.copy()", ("x[1:] *= 0.5", "y[:] = y * 0.7 + 0.1", "x += 0.1 * s")),
    "of known length": (
        "x, y = np.array([x[0], x[1], x[2], x[3]]), np.array([y[0], y[1], y[2], y[3]])",
        ("x[1:] *= 0.5", "y[:] = y * 0.7 + 0.1", "x += 0.1 * s"),
    ),
    "lists": (
        "x, y = [x[0], x[1], x[2], x[3]], [y[0], y[1], y[2], y[3]]",
        ("x[2] *= 0.5", "y[0] = y[0] * 0.7 + 0.1", "x[1] += 0.1 * s"),
    ),
}

PLACES = {
    "at the end": """
    for a, b in {iterable}:
        s = s * 0.9 + np.sum(a) * np.sum(b) + np.sum(a)
        {write}
""",
    "at the beginning": """
    for a, b in {iterable}:
        {write}
        s = s * 0.9 + np.sum(a) * np.sum(b) + np.sum(a)
""",
    "before the loop": """
    items = {iterable}
    {write}
    for a, b in items:
        s = s * 0.9 + np.sum(a) * np.sum(b) + np.sum(a)
""",
}

PROGRAMS = [
    f"def f(x, y):\n    {source}\n    s = 0.0{place.format(iterable=iterable, write=write)}    return s\n"
    for source, writes in SOURCES.values()
    for place in PLACES.values()
    for write in writes
    for iterable in ITERABLES
]

X, Y = np.array([0.3, 1.2, 0.7, 1.1]), np.array([0.9, 0.4, 1.3, 0.6])


def outcome(f: Callable[..., Any]) -> str:
    """What becomes of the gradient: right, refused, or how it is wrong."""
    try:
        value, slopes = srcad.value_and_grad(f, (0, 1), target="python")(X.copy(), Y.copy())
    except srcad.SrcadError as error:
        return f"refused: {error.problems[0].code}"
    if not np.isclose(value, f(X, Y), rtol=1e-12):
        return f"the value is {value} and not {f(X, Y)}"
    for at, direction in itertools.product(range(2), np.eye(4)):
        ends = [[X, Y], [X, Y]]
        for sign, end in zip((1e-6, -1e-6), ends, strict=True):
            end[at] = end[at] + sign * direction
        slope = (f(*ends[0]) - f(*ends[1])) / 2e-6
        if not np.isclose(slopes[at] @ direction, slope, rtol=1e-5, atol=1e-7):
            return f"a slope is {slopes[at] @ direction} and not {slope}"
    return "right"


@pytest.mark.one_in(12)
@pytest.mark.parametrize("text", PROGRAMS)
def test_items_are_those_that_python_reads(text: str) -> None:
    assert outcome(function_of(text, {"itertools": itertools})) in ("right", "refused: S129", "refused: S125")


EAGER = [text for text in PROGRAMS if "itertools.product(" in text or "combinations(" in text]
LAZY = [text for text in PROGRAMS if "zip(map(" in text or "zip(filter(" in text or "islice(x" in text]


@pytest.mark.one_in(12)
@pytest.mark.parametrize("text", EAGER + LAZY)
def test_what_can_be_right_is_not_refused(text: str) -> None:
    assert outcome(function_of(text, {"itertools": itertools})) == "right"


def test_what_is_refused_says_why() -> None:
    text = PROGRAMS[0].replace("x[1:] *= 0.5", "x[-1] = a")
    with pytest.raises(srcad.SrcadError) as caught:
        srcad.grad(function_of(text, {"itertools": itertools}), target="python")(X, Y)
    (problem,) = caught.value.problems
    assert problem.code == "S129"
    assert problem.message == "an array that pairwise goes over is written to meanwhile"
    assert problem.span is not None and "loop over indices" in (problem.advice or "")


EFFECTS = """
zip(map(g, items), items)
zip(map(g, (x[0], x[1])), y)
zip(filter(lambda v: g(v) > -9.0, items), items)
zip(itertools.accumulate(items, lambda a, b: g(a) + b), items)
zip(itertools.starmap(lambda a, b: g(a) * b, zip(items, items)), items)
zip((v for v in items), (g(v) for v in items))
zip((v for v in items), (v * n for v in items))
itertools.pairwise(map(g, items))
itertools.pairwise(g(v) for v in x)
itertools.product(map(g, items), y)
zip(itertools.chain(map(g, items), items), items)
zip(itertools.islice(map(g, items), 1, None), items)
itertools.zip_longest(map(g, items), items)
[(g(v), v) for v in items]
""".strip().split("\n")

COUNTS = """def f(x, y):
    s = n = 0.0
    items = [x[0], x[1], x[2]]
    def g(v):
        nonlocal n
        n += v
        return v * n
    for a, b in {iterable}:
        s = s * 0.9 + a * b + a * n
        n = n * 0.7
    return s + n
"""


@pytest.mark.one_in(3)
@pytest.mark.parametrize("iterable", EFFECTS)
def test_functions_with_effects_run_where_python_runs_them(iterable: str) -> None:
    text = COUNTS.format(iterable=iterable)
    assert outcome(function_of(text, {"itertools": itertools})) in ("right", "refused: S129")


def refused(text: str) -> str:
    with pytest.raises(srcad.SrcadError) as caught:
        srcad.grad(function_of(text, {"itertools": itertools}), (0, 1), target="python")(X, Y)
    return caught.value.problems[0].message


def test_a_variable_that_changes_meanwhile() -> None:
    text = COUNTS.format(iterable="zip((v for v in items), (v * n for v in items))")
    assert refused(text) == "what zip goes over changes meanwhile"


def test_effects_of_what_is_read_early() -> None:
    text = COUNTS.format(iterable="zip((v for v in items), (g(v) for v in items))")
    assert refused(text) == "what zip takes its items from has effects of its own"


def test_a_copy_that_is_a_result() -> None:
    def f(x: Any) -> Any:
        return np.array(x)

    made = srcad.jit(f, target="python")(X)
    assert not np.shares_memory(made, X)


def test_what_the_reading_itself_writes_is_no_reason() -> None:
    text = "def f(x, y):\n    return max(itertools.accumulate(v * y[0] for v in x if v > 0.5))\n"
    assert outcome(function_of(text, {"itertools": itertools})) == "right"


def test_nothing_is_copied_that_nobody_writes_into() -> None:
    def f(x: Any) -> Any:
        return sum(a * b for a, b in itertools.combinations(x, 2))

    assert "copy" not in srcad.grad(f, target="python").source_for(X)


def test_compiled() -> None:
    def f(x: Any) -> Any:
        s = 0.0
        for a, b in itertools.product(x, repeat=2):
            x[1:] *= 0.9
            s += a * b
        return s

    np.testing.assert_allclose(srcad.grad(f)(X), 2.0 * np.sum(X), rtol=1e-12)


ASKING = {
    "a function": "run(({item}) for v in x)",
    "a method": "Runner().run((({item}) for v in x))",
    "a class": "Runner(({item}) for v in x).result()",
    "a function inside": "inner(({item}) for v in x)",
}


@pytest.mark.parametrize("call", ASKING)
def test_a_generator_that_is_given_is_asked_for_one_item_after_the_other(call: str) -> None:
    text = f"""
def run(items):
    s = 0.0
    for item in items:
        s = s * 0.9 + item
    return s

class Runner:
    def __init__(self, items=None):
        self.items = items
    def run(self, items):
        return run(items)
    def result(self):
        return run(self.items)

def f(x, y):
    n = 0.0
    def halved(v):
        nonlocal n
        n = n * 0.5 + v
        return v
    def inner(items):
        s = 0.0
        for item in items:
            s = s * 0.9 + item * n
        return s
    return {ASKING[call].format(item="halved(v) * 2")} + n
"""
    assert outcome(function_of(text, {})) == "right"
