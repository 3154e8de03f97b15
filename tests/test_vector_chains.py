"""Chains of functions on arrays: one loop, without calls, vectorised, in the function as in its gradient."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.ir.nodes import Function
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.optimize.vectorize.vector_functions import use_vector_functions
from tests.test_tune_loops import same_numbers

pytestmark = pytest.mark.one_in(10, least=3)

NUMBERS = np.random.default_rng(3)
X, Y = NUMBERS.uniform(0.5, 2.0, (2, 37))
A, ROW, COLUMN = NUMBERS.uniform(0.5, 2.0, (11, 13)), NUMBERS.uniform(0.5, 2.0, 13), NUMBERS.uniform(0.5, 2.0, 11)
Y[:4] = X[:4]  # what is compared may be equal


def options(spot, strike, rate, spread):
    d1 = (np.log(spot / strike) + rate * spread) / np.sqrt(spread)
    d2 = d1 - np.sqrt(spread)
    return np.sum(spot * np.tanh(d1 + 0.04 * d1**3) - strike * np.exp(-rate * spread) * np.tanh(d2 + 0.04 * d2**3))


def chosen(x, y):
    return np.sum(np.where(x > y, np.exp(x), np.log(y)))


def cut(x, y):
    return np.sum(np.maximum(np.exp(x) - y, 0.0) * np.minimum(np.tanh(y), x))


def distance(x, y):
    return np.sum(np.abs(np.exp(x) - np.exp(y)) * np.sign(x - y))


def clipped(x, y):
    return np.sum(np.clip(np.exp(x), 0.5, 3.0) * y)


def known(x, y):
    return np.sum(np.where(np.isnan(x), 0.0, np.exp(-x) * y))


def powers(x, y):
    return np.sum(np.exp(x) ** 2 * y**-3 + x**3.0 * y**0.5 + x**-1.0)


def density(x, y):
    return np.mean(np.exp(-0.5 * ((x - y) / 0.3) ** 2) / (0.3 * np.sqrt(2 * np.pi)))


def entropy(x, y):
    p = 1.0 / (1.0 + np.exp(-x))
    return -np.sum(y * np.log(p) + (1.0 - y) * np.log(1.0 - 0.9 * p))


def mish(x, y):
    return np.sum(x * np.tanh(np.log(1.0 + np.exp(x))) * y)


def softplus(x, y):
    return np.sum(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0) * np.expm1(y))


def added(x, y):
    return np.sum(np.logaddexp(x, y) * np.logaddexp(0.0, x))


def rows(a, row):
    return np.sum(np.tanh(a + row) ** 2)


def columns(a, column):
    return np.sum(np.exp(a * column[:, None]))


def loop(x, y):
    total = 0.0
    for i in range(len(x)):
        total += math.exp(-max(x[i], y[i])) * min(x[i], 1.0)
    return total


def branches(x, y):
    total = 0.0
    for i in range(len(x)):
        if x[i] > y[i]:
            total += math.exp(-x[i])
        else:
            total += math.log(y[i])
    return total


ONE_LOOP = [chosen, cut, distance, clipped, known, powers, density, entropy, mish, softplus, added, loop, branches]
CHAINS = [(f, (X, Y), 1) for f in ONE_LOOP] + [
    (options, (X, Y, 0.1, X), 1),
    (rows, (A, ROW), 2),
    (columns, (A, COLUMN), 2),
]


def without_comments(text: str) -> str:
    """Nor without what errors quote."""
    return re.sub('#.*|"[^"]*"', "", text)


@pytest.mark.parametrize("function, args, depth", CHAINS, ids=lambda what: getattr(what, "__name__", ""))
def test_one_loop_without_calls(function: Callable[..., Any], args: Any, depth: int) -> None:
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray))
    text = without_comments(same_numbers(function, *args, wrt=wrt, compiled=True))
    alone = srcad.jit(function)
    assert alone(*args) == pytest.approx(function(*args), rel=1e-14)
    for made in (text, without_comments(alone.specialisation(*args).generated.machine_text())):
        assert not re.search(r"(np|math)\.(exp|expm1|log|log1p|logaddexp|tanh)\(", made)
        assert made.count("for ") == depth


@pytest.mark.parametrize("function, args, depth", CHAINS, ids=lambda what: getattr(what, "__name__", ""))
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="looks for its instructions")
def test_the_machine_computes_several_at_once(function: Callable[..., Any], args: Any, depth: int) -> None:
    for made in (srcad.grad(function, cache=False), srcad.jit(function, cache=False)):
        made(*args)
        compiled: Any = made.specialisation(*args).compiled()
        asm = compiled.inspect_asm(compiled.signatures[0])
        assert "mulpd" in asm


@pytest.mark.parametrize("function", [chosen, cut, distance, known, softplus, added, branches])
def test_where_numbers_are_none(function: Callable[..., Any]) -> None:
    """Chosen by a select what is NaN elsewhere, -0.0, infinities, and what compares as neither."""
    x = np.array([0.5, math.nan, 1.0, -0.0, 0.0, math.inf, 2.0, -1.0, -math.inf, 0.7])
    y = np.array([0.5, 1.0, math.nan, 0.0, -0.0, 1.0, math.inf, -2.0, 1.0, 0.2])
    with np.errstate(all="ignore"):
        want = srcad.grad(function, (0, 1), target="python")(x, y)
        have = srcad.grad(function, (0, 1))(x, y)
    np.testing.assert_allclose(have, want, rtol=1e-13)


def test_float32_stays_float32() -> None:
    x = X.astype(np.float32)
    same_numbers(lambda x, y: np.sum(np.exp(x) * np.tanh(y)), x, x + np.float32(1.0), wrt=(0, 1), compiled=True)


@pytest.mark.parametrize(
    "power",
    [
        lambda x, y: np.log(y) + x**-1.0,
        lambda x, y: np.log(y) + x**-2.0,
        lambda x, y: np.log(y) + x**-3.0,
        lambda x, y: np.log(y) + x**4.0,
    ],
)
def test_powers_at_their_ends(power: Callable[..., Any]) -> None:
    x = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 1e-160, -1e150, 1e200, 3.7])
    found = np.array([srcad.jit(lambda x, y: np.sum(power(x, y)))(x[k : k + 1], np.ones(1)) for k in range(len(x))])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(found, power(x, np.ones(len(x))), rtol=1e-15)


# ---- which loops -------------------------------------------------------------------------------

NAMES: dict[str, Type] = {
    **{f"{kind}{k}": Array("float64", (dim(9),)) for kind in ("new", "given") for k in range(20)},
    **dict.fromkeys(("x", "y"), Array("float64", (dim(9),))),
    **dict.fromkeys("abs", Scalar("float64")),
    **dict.fromkeys("ijn", Scalar("int64")),
}


def inlined(text: str) -> bool:
    return "inline_" in show(use_vector_functions(Function("f", (), parse(text), (), NAMES)).body)


def storing(kind: str, count: int) -> str:
    made = [f"new{k} = np.empty(n)" for k in range(count)]
    turn = [f"    {kind}{k}[i] = a" for k in range(count)]
    return "\n".join([*made, "for i in range(n):", "    a = np.exp(x[i])", *turn])


def test_new_arrays_need_no_comparison() -> None:
    assert inlined(storing("new", 20))
    assert inlined(storing("given", 15))
    assert not inlined(storing("given", 17))


def test_what_one_if_assigns_is_known_to_the_next() -> None:
    both = "for i in range(n):\n    if x[i] > b:\n        a = np.exp(x[i])\n{between}    if {cond}:\n        y[i] = a"
    assert inlined(both.format(between="", cond="x[i] > b"))
    assert not inlined(both.format(between="", cond="x[i] > s"))
    assert not inlined(both.format(between="    b = 2.0 * x[i]\n", cond="x[i] > b"))
    assert not inlined(both.format(between="    x[i] = 0.0\n", cond="x[i] > b"))


@pytest.mark.parametrize("term", ["math.gamma(x[i])", "math.erfc(x[i])", "a ** j"])
def test_calls_that_keep_it_from_being_vectorised(term: str) -> None:
    assert not inlined(f"for i in range(n):\n    y[i] = np.exp(x[i]) + {term}")


def test_one_row_by_two_names() -> None:
    """Each store meets the loads by the other name: LLVM finds so at run time, and runs the loop without vectors."""
    kinds: dict[str, Type] = {"s": Array("float64", (dim(4), dim(9))), "x": Array("float64", (dim(9),))}
    k = dim(Symbol("k", None))
    kinds |= {name: Scalar("int64", dim(Symbol(name, None))) for name in "kin"}
    kinds["row"] = Scalar("int64", k + 1)
    one = parse("for i in range(n):\n    s[row, i] = s[k + 1, i] * np.exp(x[i])")
    other = parse("for i in range(n):\n    s[row, i] = s[k, i] * np.exp(x[i])")
    assert use_vector_functions(Function("f", (), one, (), kinds)).body == one
    assert "inline_exp" in show(use_vector_functions(Function("f", (), other, (), kinds)).body)
