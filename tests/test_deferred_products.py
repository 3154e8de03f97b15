"""Sums of products with an array of the tape become one product after the loop, where nothing else uses the sum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.ir.nodes import Block, For, Function, Param, Saved, Store, Var
from srcad.ir.notation import parse, show
from srcad.ir.traversal import blocks, with_blocks
from srcad.ir.types import Array, Dim, Scalar, Type
from srcad.optimize.loops.deferred_products import defer_products
from tests.interpreter import interpret

TURNS, ROWS, INNER, COLUMNS = 4, 3, 10, 11
SHAPES = {
    "saved": (TURNS, ROWS, INNER),
    "items": (TURNS, INNER),
    "W": (INNER, COLUMNS),
    "tiny": (2, 3),
    "tiny_items": (TURNS, 2),
    "tiny_row": (3,),
    "y": (ROWS, COLUMNS),
    "z": (ROWS, COLUMNS),
    "row": (COLUMNS,),
    "stack": (TURNS, ROWS, COLUMNS),
    "a": (ROWS, INNER),
    "view": (COLUMNS, INNER),
    "given": (TURNS, ROWS, INNER),
    "given_items": (TURNS, INNER),
    "wide": (COLUMNS, INNER),
}
TYPES: dict[str, Type] = {
    **{name: Array("float64", tuple(Dim((), n) for n in shape)) for name, shape in SHAPES.items()},
    **dict.fromkeys(("n", "m", "t", "k"), Scalar("int64")),
    **dict.fromkeys(("s", "u"), Scalar("float64")),
}
ARGUMENTS = (
    "saved",
    "items",
    "given",
    "given_items",
    "wide",
    "a",
    "tiny",
    "tiny_items",
    "tiny_row",
    "W",
    "y",
    "z",
    "row",
    "stack",
    "n",
    "m",
    "s",
)
RESULTS = ("W", "wide", "given_items", "tiny", "s", "stack", "saved", "y")
SUM = "W[...] += np.transpose(saved[t], axes=(1, 0)) @ y"
BEFORE = SUM.replace("saved[t]", "saved[t - 1]")
DOWN = "for t in range(n - 1, -1, -1):"


def function(text: str, free: bool = True) -> Function:
    def marked(block: Block) -> Block:
        block = tuple(replace(s, free=free) if isinstance(s, Store) and s.op == "+" else s for s in block)
        return tuple(with_blocks(s, [marked(b) for b in blocks(s)]) for s in block)

    params = tuple(Param(name, name) for name in ARGUMENTS)
    tape = {name: Saved("h") for name in ("saved", "items", "tiny_items")}
    return Function("f", params, marked(parse(text)), tuple(map(Var, RESULTS)), TYPES, tape=tape)


def results(f: Function, n: int) -> list[Any]:
    # positive numbers: no sum cancels
    rng = np.random.default_rng(0)
    values = {name: rng.uniform(0.5, 1.5, shape) for name, shape in SHAPES.items()} | {"n": n, "m": 2, "s": 0.5}
    return list(interpret(f, [values[name] for name in ARGUMENTS]))


def loop(*turn: str, head: str = DOWN) -> str:
    return "\n".join([head, *(f"    {line}" for line in turn)])


def is_deferred(f: Function) -> bool:
    return "turns" in show(f.body)


@pytest.mark.parametrize("n", [TURNS, 2, 1, 0, -3])
@pytest.mark.parametrize(
    "text",
    [
        loop("y = y * 0.5", SUM),
        loop("y = y * 0.5", SUM, head="for t in range(n):"),
        loop(SUM, "y[...] += z"),  # the factor changes after it has been read
        loop("row = row * 0.5", "W[...] += np.outer(items[t], row)"),
        loop("row = row * 0.5", "W[...] += items[t][:, None] * row"),
        loop("a = saved[t]", "y = y * 0.5", "W[...] += np.transpose(a, axes=(1, 0)) @ (y * z)"),
        loop(*loop("y = y * 0.5", SUM).splitlines(), head="for k in range(m):"),
        loop("y = y * 0.5", SUM, "W[...] += np.transpose(saved[t], axes=(1, 0)) @ z"),
        "stack = np.zeros(4, 3, 11)\n" + loop("y = y * 0.5", "stack[t] += y", SUM),
        loop("y = y * 0.5", SUM, "stack[t] = y"),
        # the row of the tape on the right
        loop("z = z * 0.5", "wide[...] += np.transpose(z, axes=(1, 0)) @ saved[t]"),
        loop("row = row * 0.5", "wide[...] += row[:, None] * items[t]"),
        loop("row = row * 0.5", "wide[...] += np.outer(row, items[t])", "u = items[t, 0]"),
        # rows that are not of the tape
        loop("s = s + saved[t, 0, 0]", "W[...] += np.transpose(given[t], axes=(1, 0)) @ y"),
        loop("s = s + items[t, 0]", "W[...] += given_items[t][:, None] * row"),
        loop("s = s + items[t, 0]", "wide[...] += row[:, None] * given_items[t]"),
        # another sum beside it
        loop("y = y * 0.5", SUM, "W[...] += np.transpose(a, axes=(1, 0)) @ z"),
        loop(
            "y = y * 0.5",
            "W[...] += np.transpose(a, axes=(1, 0)) @ z",
            SUM,
            "W[...] += np.transpose(a, axes=(1, 0)) @ y",
        ),
        # a loop that begins elsewhere
        loop("y = y * 0.5", BEFORE, head="for t in range(1, n):"),
        loop("y = y * 0.5", BEFORE, head="for t in range(n - 1, 0, -1):"),
        loop("y = y * 0.5", BEFORE.replace("t - 1", "t - m"), head="for t in range(m, n + m):"),
        loop("y = y * 0.5", BEFORE.replace("t - 1", "t - m"), head="for t in range(n + m - 1, m - 1, -1):"),
        loop("y = y * 0.5", BEFORE.replace("t - 1", "t + 3"), head="for t in range(-3, n - 3):"),
        "stack = np.zeros(4, 3, 11)\n" + loop("stack[t] = y", BEFORE, head="for t in range(1, n):"),
        "stack = np.zeros(4, 3, 11)\n" + loop("stack[t - 1] += y", BEFORE, head="for t in range(n - 1, 0, -1):"),
        # arrays that hold something else than the factors
        loop("y = y * 0.5", "stack[t] += y", SUM),
        "stack = np.zeros(4, 3, 11)\n" + loop("stack[0] += z", "stack[t] += y", SUM),
        "stack = np.zeros(4, 3, 11)\nstack[1] = z\n" + loop("stack[t] += y", SUM),
        loop("stack[t] = y", "y[...] += z", SUM),
        loop("stack[t] = y", "y = y * 0.5", SUM),
        loop("stack[t] = y", SUM, "stack[0] = z"),
    ],
)
def test_one_product(text: str, n: int) -> None:
    f = function(text)
    deferred = defer_products(f)
    assert is_deferred(deferred)
    for found, expected in zip(results(deferred, n), results(f, n), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_an_array_that_holds_the_factors_anyway() -> None:
    zero = "stack = np.zeros(4, 3, 11)\n"
    for text in (zero + loop("stack[t] += y", SUM), loop(SUM, "stack[t] = y")):
        assert "factors" not in show(defer_products(function(text)).body)


def test_an_array_that_was_not_zero() -> None:
    text = "stack = np.ones(4, 3, 11)\n" + loop("stack[t] += y", SUM)
    assert "factors" in show(defer_products(function(text)).body)


@pytest.mark.parametrize(
    "text",
    [
        loop(SUM, "s = s + W[0, 0]"),
        loop("W = W * 0.5", SUM),
        loop(SUM, "W = np.ones(10, 11)"),
        loop(SUM, "W[0, 0] = 0.0"),
        "view = np.transpose(W, axes=(1, 0))\n" + loop(SUM, "view[0, 0] = 0.0"),
        "view = np.transpose(W, axes=(1, 0))\n" + loop(SUM, "s = s + view[0, 0]"),
        loop(SUM, "saved[t] = a", "a = saved[0]").replace("saved[t] = a", "saved[t, 0, 0] = 2.0"),
        loop(SUM, "a = saved[t]", "a[...] = 1.0"),
        loop("a = saved[t]", SUM.replace("saved[t]", "a"), "a[0, 0] = 1.0"),
        loop("a = saved[t]", "if s > 0.0:", "    a = saved[0]", SUM.replace("saved[t]", "a")),
        loop(SUM.replace("saved[t]", "a"), "a = saved[t]"),
        loop(SUM.replace("saved[t]", "saved[0]")),
        loop(SUM, head="for t in range(1, n):"),
        loop(SUM, head="for t in range(n - 1, 0, -1):"),
        loop(BEFORE.replace("t - 1", "t - 2"), head="for t in range(1, n):"),
        loop(BEFORE, head="for t in range(n - 1, 1, -1):"),
        loop(BEFORE, head="for t in range(1, n, 2):"),
        loop(BEFORE.replace("t - 1", "t - m"), "m = m + 1", head="for t in range(m, n):"),
        loop(BEFORE.replace("t - 1", "t - m"), "m = m + 1", head="for t in range(n - 1, m - 1, -1):"),
        loop("if s > 0.0:", f"    {SUM}"),
        # the tape holds nothing alike
        loop("W[...] += given_items[t][:, None] * row"),
        loop("s = s + items[t, 0]", "W[...] += np.transpose(given[t], axes=(1, 0)) @ y"),
        loop("s = s + items[t, 0]", "given_items[t] = 0.5", "W[...] += given_items[t][:, None] * row"),
        loop("s = s + items[0, 0]", "W[...] += given_items[t][:, None] * row"),
        # what is added beside it depends on the sum
        loop("y = y * 0.5", SUM, "W[...] += W * 0.5"),
        loop("y = y * 0.5", SUM, "W[...] = W * 0.5"),
        loop("y = y * 0.5", SUM, "W[0] += row"),
        loop("tiny[...] += np.outer(tiny_items[t], tiny_row)"),
    ],
)
def test_left_alone(text: str) -> None:
    assert not is_deferred(defer_products(function(text)))


def test_left_alone_where_the_user_wrote_the_sum_or_the_loop_may_end_early() -> None:
    text = loop(SUM)
    assert not is_deferred(defer_products(function(text, free=False)))
    f = function(text)
    assert is_deferred(defer_products(f))
    assert not is_deferred(defer_products(replace(f, tape={})))
    (one,) = f.body
    assert isinstance(one, For)
    assert not is_deferred(defer_products(replace(f, body=(replace(one, exit=Var("s")),))))


@pytest.mark.parametrize("steps", [5, 0])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_the_compiled_gradient(steps: int, batch: tuple[int, ...]) -> None:
    def last_state(W: Any, h: Any, xs: Any) -> Any:
        for t in range(len(xs)):
            h = np.tanh(xs[t] + h @ W)
        return np.sum(h * h)

    rng = np.random.default_rng(1)
    W, h, xs = rng.normal(size=(12, 12)) / 4, rng.normal(size=(*batch, 12)), rng.normal(size=(steps, *batch, 12))
    gradient = srcad.grad(last_state, (0, 2))
    found, expected = gradient(W, h, xs), srcad.grad(last_state, (0, 2), target="python")(W, h, xs)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    if steps:
        (made,) = next(iter(gradient._specialisations.values()))
        assert "turns" in made.generated.machine_text()
