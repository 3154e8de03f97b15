"""Convention for convention: a value through srcad is NumPy's, or the call is refused.

All calls on all kinds of arguments, and compiled, are for a command (`python -m tests.numpy_values`); here each call
has one common kind of arguments and one of the others, in turn.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import itertools
import math
import operator
import textwrap
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError
from srcad.rules.primitives import PRIMITIVE_OF, PRIMITIVES
from srcad.rules.registry import EXPANSIONS, METHODS
from tests import numpy_values
from tests.coverage.calls import body_of
from tests.coverage.numpy_expressions import GROUPS as TABLE
from tests.numeric import numeric_gradient
from tests.numpy_values import CALLS, GROUPS, kinds_of, outcomes
from tests.test_prelude import of_scipy

pytestmark = pytest.mark.one_in(10, least=3)


def chosen(call: str) -> list[tuple[str, str]]:
    kinds = [kind for kind in kinds_of(call) if kind not in LATER.get(call, ())]
    other = (call, kinds[zlib.crc32(call.encode()) % len(kinds)])
    return [other] if CALLS[call] == "reductions" else list(dict.fromkeys([(call, kinds[0]), other]))


LATER = {"np.interp(v, g[:1], w[:1])": {"empty"}}
"""A slice of nothing that is taken to have one item."""


@pytest.mark.parametrize("group", GROUPS)
def test_values_are_those_of_numpy(group: str, tmp_path: Path) -> None:
    runs = [run for call in GROUPS[group] for run in chosen(call)]
    found = list(outcomes(runs, tmp_path, 0))
    assert [one for one in found if one.wrong] == []
    assert sum(one.what == "equal" for one in found) > 0.6 * len(found)


SOME = [
    "a // a2", "a % a2", "np.fmod(a, a2)", "I // -2", "I % -2", "k ** -1", "np.linalg.eigh(s)", "np.sign(a)",
    "np.median(v)",
    "np.argsort(v.round(), kind='stable')", "math.fsum([1e100, t, -1e100])",
]  # fmt: skip


def test_values_compiled(tmp_path: Path) -> None:
    found = list(numpy_values.of_chunk(SOME, "plain", tmp_path, 0))
    assert len(found) == len(SOME) and [one for one in found if one.wrong] == []


# ---- gradients of what depends on a convention ---------------------------------------------------


def sign_of_a_vector(a):
    return np.sum(np.linalg.eigh(a)[1] @ np.array([1.0, 2.0, 3.0])) + np.linalg.eigh(a)[1][0, 1] ** 3


def order_of_values(a):
    return np.linalg.eigh(a)[0][0] * 2.0 + np.linalg.eigvalsh(a, "U")[2] + np.sort(a[0])[1] * np.argsort(a[0])[0]


def places_of_values(a):
    return (
        np.median(a) + np.quantile(a[0], 0.3) + np.correlate(a[0], a.ravel(), "same")[2] + np.ptp(a) + np.std(a, ddof=1)
    )


def sums_over_an_axis(a):
    return (
        np.sum(np.add.reduce(a) ** 2)
        + np.sum(np.roll(a, (1, 1), axis=0) * a)
        + np.sum(np.repeat(a, [2], axis=1)[:, 1:4] ** 2)
    )


def powers_and_quotients(a):
    n = 3
    return np.sum(a % 0.7) * n**-1 + np.sum(a // 0.7 * a) + math.fsum(a[0]) ** 2 + math.dist(a[0], a[1])


@pytest.mark.parametrize(
    "f",
    [sign_of_a_vector, order_of_values, places_of_values, sums_over_an_axis, powers_and_quotients],
    ids=lambda f: f.__name__,
)
def test_gradients_follow_the_convention(f: Any) -> None:
    a = np.random.default_rng(3).normal(size=(3, 3))
    value, gradient = srcad.value_and_grad(f, target="python")(a)
    assert value == pytest.approx(f(a), rel=1e-12)
    np.testing.assert_allclose(gradient, numeric_gradient(f, (a,), 0, 1e-5), rtol=1e-5, atol=1e-6)


# ---- every function, every option ----------------------------------------------------------------


def parsed(row: str) -> str:
    before, last = body_of(row)
    return textwrap.dedent(before) + last


def calls_in_rows() -> Iterator[ast.Call]:
    for row in [*CALLS, *(call for calls in TABLE.values() for call in calls)]:
        yield from (node for node in ast.walk(ast.parse(parsed(row))) if isinstance(node, ast.Call))


def called(node: ast.Call) -> tuple[object, list[Any]]:
    """The function or method that a row calls, and what is given before its arguments."""
    text = ast.unparse(node.func)
    if all(part.isidentifier() for part in text.split(".")) and text.split(".")[0] in ("np", "math", *vars(builtins)):
        return eval(text, {"np": np, "math": math}), []
    return text.rpartition(".")[2], [None]


def options_shown() -> dict[object, set[str]]:
    shown: dict[object, set[str]] = {}
    for node in calls_in_rows():
        target, before = called(node)
        function = METHODS.get(target) if isinstance(target, str) else EXPANSIONS.get(target)
        given = shown.setdefault(target, set())
        if function is not None:
            try:
                keywords = {str(k.arg): k.value for k in node.keywords}
                bound = inspect.signature(function).bind(*before, *node.args, **keywords)
            except TypeError:
                continue  # an option that is refused
            given |= set(bound.arguments)
    return shown


ELSEWHERE = {math.gcd: {"integers"}, np.empty: set(), np.empty_like: set()}


def test_every_function_and_every_option_has_a_row() -> None:
    shown = options_shown()
    missing = []
    for function, expansion in [*EXPANSIONS.items(), *METHODS.items()]:
        if not expansion.__module__.startswith("srcad.rules.expansions"):
            continue  # of a test
        if function in (*vars(np.fft).values(), complex, np.complex64, np.complex128):
            continue  # `test_fft` has each with each option, `test_complex` the others
        if function in (operator.matmul, operator.abs) or not callable(function) and not isinstance(function, str):
            continue  # spelled as operators, or indexed
        if getattr(function, "__name__", "") == "trapz" and hasattr(np, "trapezoid"):
            continue  # its old name, where NumPy has both
        options = {name for name in inspect.signature(expansion).parameters if name != "out"}
        if function not in shown:
            missing.append(f"{function}")
        elif not isinstance(function, str):
            missing += [f"{function}: {name}" for name in options - shown[function]]
    assert missing == []


OPERATORS = {f: f.__name__ for f in PRIMITIVE_OF if getattr(operator, getattr(f, "__name__", ""), None) is f}


def test_every_primitive_that_users_call_has_a_row() -> None:
    shown = set(options_shown())
    ours = {f for f in PRIMITIVE_OF if str(getattr(f, "__module__", "")).startswith("srcad.")}
    ours |= {f for f, prim in PRIMITIVE_OF.items() if PRIMITIVES[prim].external}  # of other tests
    ours |= {
        f for f, prim in PRIMITIVE_OF.items() if prim.startswith("special.") or of_scipy(f)
    }  # in tests of their own
    assert [f for f in PRIMITIVE_OF if f not in shown and f not in OPERATORS and f not in ours] == []
    kinds = {type(node) for row in CALLS for node in ast.walk(ast.parse(row))}
    operators = {
        kind
        for base in (ast.operator, ast.cmpop, ast.unaryop)
        for kind in base.__subclasses__()
        if kind.__module__ in ("ast", "_ast")
    }
    assert operators - kinds <= {ast.Is, ast.IsNot, ast.In, ast.NotIn}  # of structure, not of numbers


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "sort", "argsort", "sum", "max", "argmax", "flip", "diff"])
@pytest.mark.parametrize("axis", [1, -2])
def test_a_vector_has_one_axis(name: str, axis: int) -> None:
    function = getattr(np, name)

    def primal(x: Any) -> Any:
        return function(x, axis=axis)

    with pytest.raises(np.exceptions.AxisError):
        primal(np.ones(3))
    with pytest.raises((srcad.SrcadError, IndexError, ValueError)):
        srcad.jit(primal)(np.ones(3))


def stacked(x):
    out = []
    for v in x:
        out.append(x * v)
    return np.sum(np.stack(out))


def concatenated(x):
    out = []
    for v in x:
        out.append(x * v)
    return np.sum(np.concatenate(out))


def in_parts(x, k=0):
    return np.sum(x.reshape(k, -1))


def greatest(x):
    return max(x) * 1.0


@pytest.mark.parametrize("f", [stacked, concatenated, in_parts, greatest])
@pytest.mark.parametrize("target", ["python", "cpu"])
def test_of_nothing_as_python(f, target):
    with pytest.raises(ValueError):
        f(np.zeros(0))
    with pytest.raises(ValueError, match="^L"):
        srcad.grad(f, target=target)(np.zeros(0))


@pytest.mark.parametrize("f", [np.mean, np.average], ids=lambda f: f.__name__)
def test_the_mean_of_nothing_is_nan(f):
    value, slope = srcad.value_and_grad(lambda x: f(x) * 1.0, target="python")(np.zeros(0))
    assert np.isnan(value) and slope.shape == (0,)


@pytest.mark.parametrize("f", [math.prod, math.fsum])
def test_math_takes_vectors(f):
    with pytest.raises(SrcadError, match=f"math.{f.__name__} of more than one axis"):
        srcad.grad(lambda m: np.sum(f(m)), target="python")(np.ones((2, 2)))


def remainder_of_fmod(a, b):
    return np.fmod(a, b)


def sum_of_remainders(x, a, b):
    return x**2 * (1 + np.fmod(a, b))


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_fmod_by_the_integer_zero_is_zero(target):
    f = srcad.jit(remainder_of_fmod, target=target)
    with np.errstate(divide="ignore"):
        for a, b in itertools.product((7, -7, 0), (3, -3, 0)):
            assert f(a, b) == np.fmod(a, b)
        a, b = np.array([7, -7, 5]), np.array([0, 2, -3])
        for given in [(a, b), (a, 0), (7, b)]:
            np.testing.assert_array_equal(f(*given), np.fmod(*given))
    assert srcad.grad(sum_of_remainders, target=target)(1.5, 7, 0) == 3.0
