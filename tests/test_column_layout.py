"""Arrays of rows of a few numbers are allocated transposed where vector loops go along their columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from srcad.ir.nodes import Function, Param, Return, Var
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.optimize.vectorize.column_layout import lay_out_columns
from tests.sequential import Execution

N = 5
COUNT = dim(Symbol("n", None))
ROWS = Array("float64", (COUNT, dim(3)))
TYPES: dict[str, Type] = {
    **dict.fromkeys(("a", "x", "y", "z", "other", "result", "view"), ROWS),
    "wide": Array("float64", (COUNT, COUNT)),
    "cube": Array("float64", (dim(4), COUNT, dim(3))),
    "v": Array("float64", (COUNT,)),
    "places": Array("int64", (COUNT,)),
    **dict.fromkeys(("n", "m", "i", "j", "k", "t"), Scalar("int64")),
    **dict.fromkeys(("s", "u"), Scalar("float64")),
}
ARGUMENTS = ("a", "v", "places", "n", "s")
NEW = "x = np.empty(n, 3)\nx[...] = a\n"
ALONG = "for i in range(n):\n    x[i, 0] += v[i] * x[i, 2]\n"
DEEP = "for k in range(n):\n    for i in range(n):\n        s += x[i, 0] * x[i, 1]\n"
RESULT = "result = x\n"


def function(text: str, *results: str) -> Function:
    body = (*parse(text), Return(tuple(map(Var, results or ("result", "s")))))
    return Function("f", tuple(Param(name, name) for name in ARGUMENTS), body, (), TYPES)


def outputs(f: Function) -> list[Any]:
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(size=(N, 3)), "v": rng.normal(size=N), "places": rng.permutation(N), "n": N, "s": 0.5}
    run = Execution(values)
    run.run(f.body)
    return [np.array(one) for one in run.result]


@pytest.mark.parametrize(
    "text",
    [
        NEW + ALONG + RESULT,
        NEW + "for i in range(n - 1, -1, -1):\n    s += x[i, 1] * v[i]\n" + RESULT,
        NEW + "for i in range(n - 1):\n    s += x[i + 1, 1]\n" + RESULT,
        NEW + "for k in range(n):\n    for j in range(3):\n        x[k, j] *= 2.0\n    s += x[places[k], 0]\n"
        "    for i in range(n):\n        s += x[i, 2] * x[k, 1]\n" + RESULT,
        NEW + ALONG + "s += len(x) + shape(x, axis=0) - 2 * shape(x, axis=1)\n" + RESULT,
        NEW + "y = np.zeros_like(x)\n" + ALONG + "for i in range(n):\n    y[i, 1] = x[i, 0]\nresult = y\n",
        NEW + "y = np.zeros_like(x)\n" + ALONG + "y[places[0], places[1] % 3] = x[2, 1]\nresult = y\n",
        "y = np.zeros(n, 3)\ny[places[0], places[1] % 3] = s\nx = np.zeros_like(y)\n"
        + ALONG
        + "result = y\ns += x[1, 2]",
        NEW + ALONG + "y = np.empty(n, 3)\ny[...] = x\nfor i in range(n):\n    y[i, 1] += 1.0\nresult = y\n",
        NEW + ALONG + "y = np.empty(n, 3)\ny[...] = x\ny[places[0], places[1] % 3] = s\nresult = y\n",
        NEW + ALONG + "x[...] = 0.5\n" + ALONG + RESULT,
        NEW + DEEP + "for k in range(n):\n    for j in range(shape(a, axis=1)):\n        x[k, j] *= 2.0\n" + RESULT,
        "cube = np.zeros(4, n, 3)\nfor t in range(4):\n    for i in range(n):\n        cube[t, i, 1] = v[i] + t\n"
        "s += cube[2, 3, 1]\nresult = a\n",
    ],
)
def test_transposed(text: str) -> None:
    f = function(text)
    g = lay_out_columns(f)
    assert "(3, n)" in show(g.body) or "(4, 3, n)" in show(g.body) or "np.zeros(shape(y, axis=1)" in show(g.body)
    for have, want in zip(outputs(g), outputs(f), strict=True):
        np.testing.assert_array_equal(have, want)


def test_a_result_under_its_own_name() -> None:
    f = function(NEW + ALONG, "x", "x", "s")
    g = lay_out_columns(f)
    assert g != f
    for have, want in zip(outputs(g), outputs(f), strict=True):
        np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize(
    "text",
    [
        # the array of somebody else
        ALONG.replace("x", "a") + "result = a\n",
        "x = a\n" + ALONG + RESULT,
        # other names, parts, whole operations
        NEW + "view = x\n" + ALONG + "view[0, 1] = 1.0\n" + RESULT,
        NEW + ALONG + "result = x\nx[0, 0] = 7.0\n",
        NEW + ALONG + "result = x\nresult[0, 0] = 7.0\n",
        NEW + ALONG + "result = x\nresult[0, 0] = 7.0\nresult = x\n",
        NEW + ALONG + "x[0] = 1.0\n" + RESULT,
        NEW + ALONG + "x[:, 1] = v\n" + RESULT,
        NEW + ALONG + "v = x[1:, 0]\n" + RESULT,
        NEW + ALONG + "s += np.sum(x)\n" + RESULT,
        NEW + ALONG + "x[...] += a\n" + RESULT,
        NEW + ALONG + "x[...] = a * 2.0\n" + RESULT,
        NEW + ALONG + "x += a\n" + RESULT,
        NEW + ALONG + "if s > 0.0:\n    x = a\n" + RESULT,
        # rows that may be long: of one column, or in as many loops
        NEW
        + DEEP.replace("x[i, 1]", "x[i, 0]")
        + "for k in range(n):\n    for j in range(m):\n        s += x[k, j]\n"
        + RESULT,
        NEW + ALONG + "for k in range(n):\n    for j in range(m):\n        s += x[k, j]\n" + RESULT,
        NEW + DEEP + "for j in range(m):\n    s += x[j, j]\n" + RESULT,
        NEW + DEEP + "j = places[1] % 3\ns += x[0, j]\n" + RESULT,
        # no vector loop, or one along the rows
        NEW + "for i in range(1, n):\n    x[i, 0] = x[i - 1, 0] * v[i]\n" + RESULT,
        NEW + "for i in range(n):\n    s = s * x[i, 0]\n" + RESULT,
        NEW + "for i in range(n):\n    s += x[places[i], 0] * x[places[i], 1]\n" + RESULT,
        NEW + ALONG + "for k in range(n):\n    for i in range(n):\n        s += x[places[i], 0]\n" + RESULT,
        "wide = np.zeros(n, n)\nfor k in range(n):\n    for i in range(n):\n        wide[k, i] = v[i]\nresult = a\n",
        "wide = np.zeros(n, n)\nfor k in range(n):\n    for i in range(n):\n        wide[i, k] = v[i]\nresult = a\n",
        "x = np.zeros(n, 3)\ns += x[0, 1]\nresult = a\n",
    ],
)
def test_left_alone(text: str) -> None:
    f = function(text)
    assert lay_out_columns(f).body == f.body


def pairs(position: Any, weight: Any, steps: int) -> float:
    x = position.copy()
    total = 0.0
    for _ in range(steps):
        force = np.zeros((len(x), 3))
        for i in range(len(x)):
            for j in range(i + 1, len(x)):
                d0 = x[j, 0] - x[i, 0]
                d1 = x[j, 1] - x[i, 1]
                d2 = x[j, 2] - x[i, 2]
                pull = weight[j] * weight[i] / (0.1 + d0 * d0 + d1 * d1 + d2 * d2)
                total += pull
                force[i, 0] += pull * d0
                force[i, 1] += pull * d1
                force[i, 2] += pull * d2
                force[j, 0] -= pull * d0
                force[j, 1] -= pull * d1
                force[j, 2] -= pull * d2
        x += 0.1 * force
    return total


@pytest.mark.parametrize(("count", "steps"), [(7, 3), (2, 1), (1, 2), (0, 2), (7, 0)])
@pytest.mark.parametrize("stride", [1, -2])
def test_the_compiled_gradient(count: int, steps: int, stride: int) -> None:
    rng = np.random.default_rng(1)
    position, weight = rng.normal(size=(2 * count, 6))[::stride, ::2][:count], rng.uniform(0.5, 1.0, count)
    before = position.copy()
    have = srcad.grad(pairs, (0, 1))(position, weight, steps)
    want = srcad.grad(pairs, (0, 1), target="python")(position, weight, steps)
    for one, other in zip(have, want, strict=True):
        assert one.flags.c_contiguous and one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(position, before)


def test_the_text() -> None:
    derivative = srcad.grad(pairs, (0, 1))
    arguments = (np.ones((9, 3)), np.ones(9), 2)
    derivative.source_for(*arguments)
    text = derivative.specialisation(*arguments).generated.machine_text()
    assert "x[0, np.uint64(j)] - " in text and "d_x[2, np.uint64(j)]" in text
    assert ".T" in text and "x[0, " not in derivative.source_for(*arguments)
