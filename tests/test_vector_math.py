"""The elementary functions of vector loops: their accuracy, their special values, and where they are used."""

from __future__ import annotations

import ast
import math
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import vector_math
from srcad.backend.numba import target
from srcad.backend.numba.compilation import compiled
from srcad.ir.nodes import Function
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Type, dim
from srcad.optimize.vectorize.vector_functions import use_vector_functions
from srcad.options import Options

pytestmark = pytest.mark.one_in(10, least=3)

COUNT = 200_000
LONG = np.longdouble
NUMBERS = np.random.default_rng(7)
TINY = 5e-324


def uniform(low: float, high: float) -> Any:
    return NUMBERS.uniform(low, high, COUNT)


def scaled(low: float, high: float) -> Any:
    """Of all magnitudes between two powers of ten."""
    return 10.0 ** NUMBERS.uniform(low, high, COUNT)


def both(low: float, high: float) -> list[Any]:
    return [scaled(low, high), -scaled(low, high)]


def long_tanh(x: Any) -> Any:
    e = np.expm1(2 * np.clip(x, -25, 25))
    return e / (e + 2)


def long_erf(x: Any) -> Any:
    """By the series of exp(-x**2) times positive terms, of which 160 are enough up to 6."""
    z = np.clip(x, -6.5, 6.5)
    term = z
    total = z
    for n in range(1, 160):
        term = term * (2 * z * z) / (2 * n + 1)
        total = total + term
    return total * np.exp(-z * z) * 2 / np.sqrt(LONG("3.14159265358979323846264338327950288"))


def near_quarters() -> Any:
    """The numbers next to multiples of pi/2, where a sine or a cosine is smallest."""
    near = np.arange(1.0, 318_000.0) * (np.pi / 2)
    near = np.concatenate([near, np.nextafter(near, 0.0), np.nextafter(near, 1e9)])
    return near[near < vector_math.FAR]


ANGLES = [uniform(-0.8, 0.8), uniform(-10, 10), uniform(-5e5, 5e5), *both(-320, 5), near_quarters(), -near_quarters()]
ACCURACY: list[tuple[Any, Any, float, list[Any]]] = [
    (
        vector_math.inline_exp,
        np.exp,
        0.8,
        [uniform(-0.5, 0.5), uniform(-708, 709.78), uniform(709, 709.7827128), uniform(-746, -707), -scaled(-20, 2)],
    ),
    (
        vector_math.inline_expm1,
        np.expm1,
        1.1,
        [uniform(-1.1, 1.1), uniform(-60, 709.78), uniform(30, 40), uniform(709, 709.7827), *both(-320, 2)],
    ),
    (
        vector_math.inline_log1p,
        np.log1p,
        0.9,
        [
            uniform(-0.3, 0.42),
            uniform(-1, 1),
            uniform(0.35, 0.5),
            scaled(-320, 308),
            -scaled(-320, 0),
            scaled(-16, -1) - 1.0,
        ],
    ),
    (vector_math.inline_sin, np.sin, 0.8, ANGLES),
    (vector_math.inline_cos, np.cos, 0.8, ANGLES),
    (
        vector_math.inline_log,
        np.log,
        0.9,
        [uniform(0.7, 1.45), 1.0 + scaled(-16, -2), 1.0 - scaled(-16, -2), scaled(-307, 308), scaled(-323, -306)],
    ),
    (
        vector_math.inline_tanh,
        long_tanh,
        1.05,
        [uniform(-0.65, 0.65), uniform(0.64, 0.8), uniform(-23, 23), scaled(-310, 2), -scaled(-20, 1)],
    ),
    (
        vector_math.inline_erf,
        long_erf,
        1.4,
        [uniform(-1.0, 1.0), uniform(0.98, 1.3), uniform(-6.5, 6.5), scaled(-307, 2), -scaled(-20, 1)],
    ),
    (vector_math.inline_cbrt, np.cbrt, 0.67, [uniform(1.0, 8.0), uniform(-1e3, 1e3), *both(-323, 308)]),
]


def over(function: Callable[..., Any], fastmath: bool = False) -> Callable[..., Any]:
    """A compiled loop over a vector."""

    def loop(x: Any) -> Any:
        out = np.empty_like(x)
        for i in range(len(x)):
            out[i] = function(x[i])
        return out

    return compiled(loop, Options(fastmath=fastmath, cache=False))


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(
    "function, exact, bound, samples",
    ACCURACY,
    ids=["exp", "expm1", "log1p", "sin", "cos", "log", "tanh", "erf", "cbrt"],
)
@pytest.mark.skipif(np.finfo(LONG).nmant < 63, reason="no numbers more exact than float64")
def test_error_in_last_places(function: Any, exact: Any, bound: float, samples: list[Any], fastmath: bool) -> None:
    loop = over(function, fastmath)
    for x in samples:
        true = exact(x.astype(LONG))
        unit = np.spacing(np.abs(true.astype(float)))
        assert np.max(np.abs(loop(x) - true) / unit) <= bound


@pytest.mark.parametrize(
    "function, library, points",
    [
        (vector_math.inline_exp, np.exp, [0.0, -0.0, 709.782712893384, 710.0, 1e300, -745.13, -745.2, -746.0, -1e300]),
        (
            vector_math.inline_expm1,
            np.expm1,
            [0.0, -0.0, TINY, -TINY, 1e-310, -1e-17, 709.782712893384, 709.79, 710.0, 1e300, -37.5, -745.0, -1e300],
        ),
        (
            vector_math.inline_log1p,
            np.log1p,
            [0.0, -0.0, TINY, -TINY, 1e-310, -1e-17, -1.0, -1.0 + 2.0**-53, -1.1, 1e16, 1.7976931348623157e308, -1e300],
        ),
        (vector_math.inline_sin, np.sin, [0.0, -0.0, TINY, -TINY, 1e-310, vector_math.FAR, -vector_math.FAR]),
        (vector_math.inline_cos, np.cos, [0.0, -0.0, TINY, -TINY, 1e-310, vector_math.FAR, -vector_math.FAR]),
        (
            vector_math.inline_log,
            np.log,
            [0.0, -0.0, 1.0, -1.0, TINY, -TINY, 2.2250738585072014e-308, 1.7976931348623157e308],
        ),
        (vector_math.inline_tanh, np.tanh, [0.0, -0.0, TINY, -TINY, 1e300, -1e300, 20.0, -20.0]),
        (vector_math.inline_erf, np.vectorize(math.erf), [0.0, -0.0, 1e-300, -TINY, 1e300, -1e300, 6.0, -6.0, 1e200]),
        (vector_math.inline_cbrt, np.cbrt, [0.0, -0.0, 27.0, -8.0, 1e-309, TINY, -TINY, 1.7976931348623157e308]),
        (vector_math.sinc_by_sin, np.sinc, [0.0, -0.0, 1.0, -0.5, TINY, -TINY, 1e-20, 3.0, 1e300]),
        (np.cbrt, np.cbrt, [0.0, -0.0, 27.0, -8.0]),
        (np.sinc, np.sinc, [0.0, -0.0, 1.0, -0.5, TINY]),
    ],
    ids=["exp", "expm1", "log1p", "sin", "cos", "log", "tanh", "erf", "cbrt", "sinc", "np.cbrt", "np.sinc"],
)
def test_special_values(function: Any, library: Any, points: list[float]) -> None:
    x = np.array([*points, math.inf, -math.inf, math.nan])
    with np.errstate(all="ignore"):
        expected = library(x)
        alone = np.array([function(one) for one in x])
    for found in (over(function)(x), alone):
        np.testing.assert_allclose(found, expected, rtol=2.3e-16, atol=0)
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))


def test_logaddexp() -> None:
    ends = [0.0, -0.0, 1.0, -1.0, 800.0, -800.0, 1e300, -1e300, math.inf, -math.inf, math.nan]
    a, b = (np.ravel(x) for x in np.meshgrid(ends, ends))
    a, b = np.append(a, uniform(-30, 30)), np.append(b, uniform(-30, 30))
    found = np.empty_like(a)

    def loop(a: Any, b: Any, out: Any) -> None:
        for i in range(len(a)):
            out[i] = vector_math.inline_logaddexp(a[i], b[i])

    compiled(loop, Options(cache=False))(a, b, found)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(found, np.logaddexp(a, b), rtol=4e-16, atol=4e-16)


def test_hypot() -> None:
    """Below 1.5 ulp (half of two from the sum, half from the root) for all magnitudes; a loop of it has no calls."""

    def loop(a: Any, b: Any, out: Any) -> Any:
        for i in range(len(a)):
            out[i] = vector_math.inline_hypot(a[i], b[i])
        return out

    made: Any = compiled(loop, Options(cache=False))
    for a, b in [
        (uniform(-3, 3), uniform(-3, 3)),
        (scaled(-320, 307), -scaled(-320, 307)),
        (scaled(-160, -140), scaled(-160, -140)),
        (scaled(148, 152), scaled(148, 152)),
        (scaled(307, 308), scaled(300, 308)),
        (TINY * np.arange(1.0, 2000.0), np.full(1999, 3 * TINY)),
    ]:
        true = np.hypot(a.astype(LONG), b.astype(LONG))
        with np.errstate(over="ignore"):
            unit = np.spacing(true.astype(float))
        finite = np.isfinite(unit)
        assert np.max(np.abs(made(a, b, np.empty_like(a))[finite] - true[finite]) / unit[finite]) < 1.5
    ends = [0.0, -0.0, 3.0, -4.0, TINY, 1.7976931348623157e308, math.inf, -math.inf, math.nan]
    a, b = (np.ravel(x) for x in np.meshgrid(ends, ends))
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(made(a, b, np.empty_like(a)), np.hypot(a, b), rtol=2.3e-16)
    asm = made.inspect_asm(made.signatures[0])
    assert not [line for line in asm.splitlines() if "call" in line and "hypot" in line]
    assert "sqrtpd" in asm or platform.machine() not in ("x86_64", "AMD64")


@pytest.mark.parametrize("function", [vector_math.inline_nextafter, np.nextafter, np.fmod])
def test_two_operands_to_the_bit(function: Any) -> None:
    ends = [0.0, 1.0, 0.5, 3.0, TINY, 2.2250738585072014e-308, 1e-310, 1.7976931348623157e308, math.inf, math.nan]
    a, b = (np.ravel(x) for x in np.meshgrid([*ends, *(-x for x in ends)], [*ends, *(-x for x in ends)]))
    a, b = np.append(a, scaled(-320, 308)), np.append(b, -scaled(-320, 308))

    def loop(a: Any, b: Any, out: Any) -> Any:
        for i in range(len(a)):
            out[i] = function(a[i], b[i])
        return out

    with np.errstate(all="ignore"):
        expected = (np.fmod if function is np.fmod else np.nextafter)(a, b)
        alone = np.array([function(x, y) for x, y in zip(a[:400], b[:400], strict=True)])
    for found in (compiled(loop, Options(cache=False))(a, b, np.empty_like(a)), alone):
        np.testing.assert_array_equal(found, expected[: len(found)])
        numbers = ~np.isnan(found)
        np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[: len(found)][numbers]))


def test_cubes_have_whole_roots() -> None:
    """Numba makes a power of `np.cbrt`, for which the root of 27 is 3.0000000000000004."""
    roots = np.arange(-3000.0, 3000.0)
    for function in (vector_math.inline_cbrt, np.cbrt):
        np.testing.assert_array_equal(over(function)(roots**3), roots)


@pytest.mark.parametrize("function", [np.cbrt, np.sinc])
def test_a_float32_stays_one(function: Any) -> None:
    x = np.append(NUMBERS.uniform(-3, 3, 1000), [0.0, -0.0, 27.0, 1.0, math.inf, math.nan]).astype(np.float32)
    alone: Any = target.compiled(lambda x: function(x), False)
    alone(x[0])
    assert [str(signature.return_type) for signature in alone.nopython_signatures] == ["float32"]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(over(function)(x), function(x), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize(
    "function",
    [
        getattr(vector_math, name)
        for name in vector_math.ORDERED
        if "inline" in name and name[7:] not in ("logaddexp", "nextafter", "hypot") and not name.endswith("_single")
    ],
)
def test_the_loops_are_vectorised(function: Any) -> None:
    loop: Any = over(function)
    loop(np.ones(3))
    asm = loop.inspect_asm(loop.signatures[0])
    name = function.__name__.removeprefix("inline_")
    assert not [line for line in asm.splitlines() if "call" in line and name in line]
    assert "mulpd" in asm or platform.machine() not in ("x86_64", "AMD64")


def test_tanh_of_float32() -> None:
    """To 0.51 ulp for all magnitudes, signs and special values; and a loop of it has no calls."""
    x = np.concatenate(
        [uniform(-1, 1), uniform(-12, 12), *both(-44, 38), [0.0, -0.0, math.inf, -math.inf, 1e-4, -1e-4]]
    )
    single = x.astype(np.float32)
    loop: Any = over(vector_math.inline_tanh_single)
    found = loop(single)
    assert found.dtype == np.float32
    expected = long_tanh(LONG(single))
    unit = np.spacing(np.maximum(np.abs(expected).astype(np.float32), np.float32(1e-38)))
    assert np.max(np.abs(found - expected) / unit) <= 0.51
    np.testing.assert_array_equal(np.signbit(found), np.signbit(single))
    assert np.isnan(loop(np.full(9, np.nan, np.float32))).all()
    asm = next(iter(loop.inspect_asm().values()))
    assert "divpd" in asm or platform.machine() not in ("x86_64", "AMD64")


EVERY_FLOAT32 = np.arange(0, 2**32, 2357, np.uint64).astype(np.uint32).view(np.float32)
"""One in 2357 of them, with NaN of many kinds and subnormal numbers."""


@pytest.mark.parametrize(
    "function, library, bound, points",
    [
        (vector_math.inline_exp_single, np.exp, 1.0, uniform(-104.5, 89.5)),
        (vector_math.inline_log_single, np.log, 0.9, uniform(0.3, 3.0)),
        (vector_math.inline_log1p_single, np.log1p, 0.51, uniform(-1.0, 1.0)),
        (vector_math.inline_expm1_single, np.expm1, 0.51, uniform(-20.0, 89.5)),
    ],
    ids=["exp", "log", "log1p", "expm1"],
)
def test_functions_of_float32(function: Any, library: Any, bound: float, points: Any) -> None:
    """To the bound in units of the last place, subnormal ones too; NaN, infinities and signs are those of NumPy."""
    ends = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 88.722839, 88.72284, -103.97208, -103.972084]
    x = np.concatenate([EVERY_FLOAT32, points.astype(np.float32), np.array(ends, np.float32)])
    loop: Any = over(function)
    found = loop(x)
    assert found.dtype == np.float32
    with np.errstate(all="ignore"):
        exact = library(x.astype(np.float64))
        expected = exact.astype(np.float32)
        alone = np.array([function(one) for one in x[-len(ends) :]])
    assert alone.dtype == np.float32
    np.testing.assert_array_equal(alone, found[-len(ends) :])
    numbers, finite = ~np.isnan(expected), np.isfinite(expected)
    np.testing.assert_array_equal(np.isnan(found), ~numbers)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))
    np.testing.assert_array_equal(np.isfinite(found), finite)
    assert np.max(np.abs(found[finite] - exact[finite]) / np.spacing(np.abs(expected[finite]))) <= bound
    asm = next(iter(loop.inspect_asm().values()))
    name = function.__name__.removeprefix("inline_").removesuffix("_single")
    assert not [line for line in asm.splitlines() if "call" in line and name in line]
    assert "mulps" in asm or "mulpd" in asm or platform.machine() not in ("x86_64", "AMD64")


@pytest.mark.parametrize(
    "function, by_hand",
    [
        (np.tanh, lambda x: 1.0 - np.tanh(x) ** 2),
        (np.exp, np.exp),
        (np.log, lambda x: 1.0 / x),
        (np.log1p, lambda x: 1.0 / (1.0 + x)),
        (np.expm1, np.exp),
    ],
    ids=["tanh", "exp", "log", "log1p", "expm1"],
)
def test_where_functions_of_float32_are_used(function: Any, by_hand: Any) -> None:
    df = srcad.grad(lambda x: np.sum(function(x) * x))
    single = np.linspace(0.125, 3.0, 33).astype(np.float32)
    found = df(single)
    assert found.dtype == np.float32
    (one,) = next(iter(df._specialisations.values()))
    assert f"inline_{function.__name__}_single(" in one.generated.machine_text()
    wide = single.astype(np.float64)
    np.testing.assert_allclose(found, function(wide) + wide * by_hand(wide), rtol=2e-6, atol=2e-7)


# ---- the pass ----------------------------------------------------------------------------------

VECTOR = Array("float64", (dim(9),))
NAMES: dict[str, Type] = {
    **dict.fromkeys("xyz", VECTOR),
    "w": Array("float32", (dim(9),)),
    "idx": Array("int64", (dim(9),)),
    **dict.fromkeys("abs", Scalar("float64")),
    **dict.fromkeys("ijn", Scalar("int64")),
}


def inlined(text: str) -> bool:
    return "inline_" in show(use_vector_functions(Function("f", (), parse(text), (), NAMES)).body)


@pytest.mark.parametrize(
    "turn",
    [
        "y[i] = np.exp(x[i])",
        "s += math.log(x[i] + 2.0)",
        "a = np.tanh(x[i])\n    y[i] = a * a\n    z[i] -= a",
        "y[i] = math.log(1.0 + math.exp(y[i]))",
        "y[i] = np.exp(-x[i] ** 2)",
        "y[i] = math.erf(x[i])",
        "w[i] = np.exp(w[i])",
    ],
)
def test_replaced(turn: str) -> None:
    assert inlined(f"for i in range(n):\n    {turn}")


@pytest.mark.parametrize(
    "turn",
    [
        "s = np.tanh(s + x[i])",
        "s += np.exp(s)",
        "s *= np.exp(x[i])",
        "y[i] = np.exp(y[i - 1])",
        "y[idx[i]] += np.exp(x[i])",
        "w[i] = math.erf(w[i])",
        "y[i] = np.exp(x[i]) * math.gamma(x[i])",
        "y[0] += np.exp(x[i])",
        "for j in range(n):\n        y[j] = x[j]\n    y[i] = np.exp(x[i])",
    ],
)
def test_left_alone(turn: str) -> None:
    assert not inlined(f"for i in range(n):\n    {turn}")


def test_outside_loops_left_alone() -> None:
    assert not inlined("s = math.exp(a)")


# ---- gradients ---------------------------------------------------------------------------------


def logistic(w: Any, X: Any, y: Any) -> Any:
    z = X @ w
    return np.sum(np.log(1.0 + np.exp(-y * z)))


def loops(w: Any, X: Any, y: Any) -> Any:
    total = 0.0
    for i in range(len(y)):
        score = 0.0
        for j in range(len(w)):
            score += np.tanh(w[j]) * math.exp(-(X[i, j] ** 2)) + math.log(2.0 + X[i, j] * w[j] ** 2 + X[i, j] ** 2)
        total += y[i] * score
    return total


@pytest.mark.parametrize("function", [logistic, loops])
@pytest.mark.parametrize("fastmath", [False, True])
def test_compiled_equals_python(function: Any, fastmath: bool) -> None:
    numbers = np.random.default_rng(1)
    w, X, y = numbers.standard_normal(7), numbers.standard_normal((50, 7)), numbers.choice([-1.0, 1.0], 50)
    found = srcad.grad(function, fastmath=fastmath)(w, X, y)
    expected = srcad.grad(function, target="python")(w, X, y)
    np.testing.assert_allclose(found, expected, rtol=1e-12 if fastmath else 1e-13)


def test_only_the_compiled_text_has_them() -> None:
    w, X, y = np.ones(3), np.ones((4, 3)), np.ones(4)
    gradient = srcad.grad(logistic)
    gradient(w, X, y)
    assert "inline_" not in gradient.source


def test_a_call_by_itself_is_the_same() -> None:
    alone = target.compiled(lambda x: vector_math.inline_exp(x), False)
    assert alone(1.5) == pytest.approx(math.exp(1.5), rel=2.3e-16)


def test_statements_on_whole_arrays_have_them() -> None:
    """Nests of loops that array statements become: their counters are integers like any other."""

    def layers(x: Any, a: Any) -> Any:
        return np.sum(np.tanh(np.exp(x @ a) + 1.0))

    gradient = srcad.grad(layers)
    text = gradient.specialisation(np.ones((3, 4)), np.ones((4, 2))).generated.machine_text()
    assert "inline_exp" in text and "inline_tanh" in text


@pytest.mark.parametrize(
    "function, element",
    [
        (lambda x, y: np.sum(np.cbrt(x) * y), "inline_cbrt(x[i])"),
        (lambda x, y: np.sum(np.fmod(x, y) * y), "np.fmod(x[i], y[i])"),
        (lambda x, y: np.sum(np.fmod(x, 2.5) * y), "np.fmod(x[i], 2.5)"),
        (lambda x, y: np.sum(np.sinc(x) * y), "np.sinc(x[i])"),
        (lambda x, y: np.sum(np.nextafter(x, 10.0) * y), "inline_nextafter(x[i], 10.0)"),
    ],
    ids=["cbrt", "fmod", "fmod by a number", "sinc", "nextafter"],
)
def test_functions_of_arrays_join_the_loop(function: Any, element: str) -> None:
    """No operation on whole arrays is left, and so no array but the derivative."""
    x, y = np.linspace(-3.0, 3.0, 12) + 0.01, np.linspace(0.5, 2.0, 12)
    gradient = srcad.value_and_grad(function)
    text = gradient.specialisation(x, y).generated.machine_text()
    assert element in text
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert not [c for c in calls if any(isinstance(arg, ast.Name) and arg.id in ("x", "y") for arg in c.args)]
    assert text.count("np.empty(") == 1
    found = gradient(x, y)
    expected = srcad.value_and_grad(function, target="python")(x, y)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)
