"""An element that a turn gets back and alone reads is a number, and any other goes back to memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from srcad.ir.nodes import Function, Param, Var
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Dim, Scalar
from srcad.optimize.memory.array_contraction import promote_private_elements

TYPES: dict[str, Any] = dict.fromkeys(("u", "w", "d", "x"), Array("float64", (Dim((), 9),)))
TYPES |= dict.fromkeys(("i", "k", "t"), Scalar("int64")) | {
    "s": Scalar("float64"),
    "small": Array("float32", (Dim((), 9),)),
}

ALONE = """
u = copy(x)
for t in range(3):
    for i in range(8):
        u[i] = x[i] * t
        if x[i] > 4.0:
            u[i] += 1.0
        d[i] += u[i] * u[i]
        u[i] = 0.0
"""
STAYS = {
    "read_after": ALONE + "s = u[3]\n",
    "read_as_a_whole": ALONE + "s = np.sum(u)\n",
    "used_in_full_in_the_turn": ALONE.replace("u[i] * u[i]", "u[i] * np.sum(u)"),
    "read_in_the_next_turn": ALONE.replace("    for i in range(8):", "    s = u[2]\n    for i in range(8):"),
    "a_neighbour": ALONE.replace("u[i] * u[i]", "u[i] * u[i + 1]"),
    "read_first": ALONE.replace("        u[i] = x[i]", "        s = u[i]\n        u[i] = x[i]"),
    "reads_itself": ALONE.replace("u[i] = x[i] * t", "u[i] = x[i] * u[i]"),
    "in_a_branch": ALONE.replace("u[i] = x[i] * t\n", "if x[i] > 3.0:\n            u[i] = x[i] * t\n"),
    "another_index": ALONE.replace("u[i] = x[i] * t\n", "u[i] = x[i] * t\n        u[0] = 3.0\n"),
    "an_index_that_changes": ALONE.replace("u[i]", "u[k]").replace("        d[i]", "        k = i\n        d[i]"),
    "two_names": ALONE.replace("for t", "w = u\nfor t", 1) + "s = w[3]\n",
    "a_view": ALONE.replace("for t", "w = u[1:]\nfor t", 1) + "s = w[3]\n",
    "added_to_first": ALONE.replace("u[i] = x[i] * t", "u[i] += x[i] * t"),
    "of_the_caller": ALONE.replace("u = copy(x)\n", "").replace("u[", "w["),
}


def done(text: str) -> str:
    params = tuple(Param(name, name) for name in ("x", "d", "w"))
    return show(
        promote_private_elements(Function("f", params, parse("k = 0\ns = 0.0\n" + text), (Var("s"),), dict(TYPES))).body
    )


def run(text: str) -> list[Any]:
    env: dict[str, Any] = {"x": np.arange(9.0), "d": np.ones(9), "w": np.ones(9), "np": np, "copy": np.copy, "s": 0.0}
    exec(text, env)
    return [env[name] for name in ("x", "d", "w", "s")]


def test_becomes_a_number() -> None:
    after = done(ALONE)
    assert "u[" not in after and "u_here" in after
    for have, want in zip(run(after), run("k = 0\n" + ALONE), strict=True):
        np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("name", STAYS)
def test_stays(name: str) -> None:
    assert done(STAYS[name]) == show(parse("k = 0\ns = 0.0\n" + STAYS[name]))


def test_single_precision_is_not_a_number_of_python() -> None:
    assert "small_here" not in done(ALONE.replace("u", "small").replace("s = ", "s = "))


def test_an_integer_is_converted() -> None:
    text = ALONE.replace("u[i] = x[i] * t", "u[i] = 3037000500 + t")
    assert "u_here = float(" in done(text)


OUTER = """
u = copy(x)
for i in range(8):
    u[i] = x[i] * 2.0
    for k in range(3):
        u[i] = x[k] + k
        d[i] += u[i] * u[i]
    d[i] += u[i]
"""


def test_of_the_outer_loop() -> None:
    """An inner loop that has the element to itself as well leaves its value to what follows."""
    after = done(OUTER)
    assert "u[" not in after
    for have, want in zip(run(after), run(OUTER), strict=True):
        np.testing.assert_array_equal(have, want)


def test_several_elements_of_one_array() -> None:
    text = ALONE.replace("u[i] = x[i] * t", "u[8] = 3.0\n        u[7] = x[i] * t").replace("u[i]", "u[7]")
    assert "u[7]" not in done(text)


def test_two_indices_of_one_element() -> None:
    text = ALONE.replace("u[i] = x[i] * t", "u[k] = 3.0\n        u[i] = x[i] * t\n        d[i] += u[k]")
    assert "u[i]" in done(text) and "u[k]" in done(text)
