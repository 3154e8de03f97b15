"""Forward mode: every program of the corpus, against the gradient; what it takes beyond reverse mode; `srcad.jvp`."""

from __future__ import annotations

import warnings
import zlib
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError
from tests.numeric import copied, leaves, map_leaves
from tests.programs.registry import Case, all_cases
from tests.test_programs import expected, plain

pytestmark = pytest.mark.one_in(10, least=3)

ALL = all_cases()
_NOT_A_NUMBER = {"ufuncs:root_at_zero_times_zero"}
"""A factor of exactly 0 times an infinite tangent (docs/conventions.md)."""


def directions(case: Case) -> tuple[Any, ...]:
    """A direction in which all that is differentiated moves."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))

    def direction(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray):
            return rng.normal(size=leaf.shape).astype(leaf.dtype) if leaf.dtype.kind == "f" else None
        return (
            float(rng.normal()) if isinstance(leaf, float | np.floating | int) and not isinstance(leaf, bool) else None
        )

    return tuple(map_leaves(direction, a) if i in case.wrt else None for i, a in enumerate(case.args))


def slope(case: Case, tangents: tuple[Any, ...]) -> tuple[float, float]:
    """The derivative in a direction by the gradient, and the sum of the sizes of its terms."""
    total = size = 0.0
    for i, gradient in zip(case.wrt, expected(case.name), strict=True):
        for d, t in zip(leaves(gradient), leaves(tangents[i]), strict=True):
            if t is not None and d is not None:
                terms = np.asarray(d, float) * t
                total, size = total + float(np.sum(terms)), size + float(np.sum(np.abs(terms)))
    return total, size


def check(case: Case, target: str) -> None:
    tangents = directions(case)
    before = copied(case.args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, tangent = srcad.jvp(case.function, case.args, tangents, target=target)
    for have, was in zip(leaves(case.args), leaves(before), strict=True):
        np.testing.assert_array_equal(have, was)
    np.testing.assert_allclose(value, plain(case), rtol=1e-5 if "single" in case.name else 1e-12, atol=1e-300)
    want, size = slope(case, tangents)
    if case.name in _NOT_A_NUMBER:
        assert np.isnan(tangent)
    else:
        assert abs(tangent - want) <= 3.0 * max(case.tolerance, 1e-7) * (size + 1.0)


@pytest.mark.parametrize("case", ALL, ids=lambda c: c.name)
def test_program(case: Case) -> None:
    check(case, "python")


COMPILED = [case for case in ALL if case.compiled][::7]


@pytest.mark.parametrize("case", COMPILED, ids=lambda c: c.name)
def test_compiled(case: Case) -> None:
    check(case, "cpu")


# ---- what reverse mode refuses ----------------------------------------------------------------------


def chosen(x: Any, first: bool) -> Any:
    y, z = np.zeros(3), np.ones(3)
    w = y if first else z
    w[1] = x
    v = w[1:]
    v[0] *= x
    return np.sum(y * y) + 2.0 * np.sum(z)


def popped(x: Any) -> Any:
    values = []
    while x < 100.0:
        x = x * x + 1.0
        values.append(x)
    values.pop()
    total = 0.0
    while len(values) > 0:
        total += values.pop()
    return total


def rows_chosen(a: Any, b: Any, swap: bool) -> Any:
    one, other = a * 1.0, b * 1.0
    for k in range(3):
        if swap:
            one, other = other, one
        one[k] = one[k] * other[0]
        other += one
    return np.sum(one * other)


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize(
    ("function", "args"),
    [
        (chosen, (1.3, True)),
        (chosen, (1.3, False)),
        (popped, (1.5,)),
        (rows_chosen, (np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.2, 0.1]), True)),
    ],
)
def test_taken_though_refused_in_reverse(function: Any, args: Any, target: str) -> None:
    tangents = tuple(None if isinstance(a, bool) else np.ones_like(a) if np.ndim(a) else 1.0 for a in args)
    value, tangent = srcad.jvp(function, args, tangents, target=target)
    h = 1e-6

    def at(step: float) -> Any:
        return function(*(a if t is None else a + step * t for a, t in zip(args, tangents, strict=True)))

    np.testing.assert_allclose(value, at(0.0))
    np.testing.assert_allclose(tangent, (at(h) - at(-h)) / (2.0 * h), rtol=1e-6)


# ---- the public function ----------------------------------------------------------------------------


def test_structures() -> None:
    def model(p: Any, n: int, x: Any) -> Any:
        h = np.tanh(p["W"] @ x + p["b"]) * n
        return {"h": h, "size": len(h), "norm": (np.sum(h * h), n)}

    p = {"W": np.ones((2, 3)), "b": np.array([0.1, 0.2])}
    t_p = {"W": np.full((2, 3), 0.5), "b": None}
    out, t_out = srcad.jvp(model, (p, 2, np.arange(3.0)), (t_p, None, None), target="python")
    h = np.tanh(p["W"] @ np.arange(3.0) + p["b"])
    t_h = 2 * (1 - h * h) * 1.5
    np.testing.assert_allclose(t_out["h"], t_h)
    np.testing.assert_allclose(t_out["norm"][0], np.sum(2 * (2 * h) * t_h))
    assert t_out["size"] is None and t_out["norm"][1] is None and out["size"] == 2 and out["norm"][1] == 2


def test_has_aux() -> None:
    made = srcad.jvp(lambda x: (x * x, {"double": 2.0 * x}), has_aux=True, target="python")
    assert made((3.0,), (1.0,)) == (9.0, 6.0, {"double": 6.0})


def test_same_object_again() -> None:
    def f(x: Any) -> Any:
        return x * x

    made = srcad.jvp(f, target="python")
    assert made((3.0,), (1.0,)) == (9.0, 6.0) and made((np.float32(3.0),), (np.float32(2.0),)) == (9.0, 12.0)
    assert "def f_jvp(x, t_x):" in made.source


def test_zero_tangents_at_infinite_slopes() -> None:
    x = np.array([0.0, 4.0])
    _, t = srcad.jvp(lambda x: np.sum(np.sqrt(x)) + np.sum(x**0.5), (x,), (np.array([0.0, 1.0]),), target="python")
    assert t == 0.5


def test_arguments_as_they_were() -> None:
    def f(x: Any) -> Any:
        x[0] = x[0] * x[1]
        return x

    x, t = np.array([2.0, 3.0]), np.array([1.0, 0.0])
    out, t_out = srcad.jvp(f, (x,), (t,), target="python")
    np.testing.assert_array_equal(out, [6.0, 3.0])
    np.testing.assert_array_equal(t_out, [3.0, 0.0])
    np.testing.assert_array_equal(x, [2.0, 3.0])
    np.testing.assert_array_equal(t, [1.0, 0.0])


def test_views_of_strided_arguments() -> None:
    def f(x: Any) -> Any:
        flat = x.reshape(-1)
        flat[0] = flat[1] * flat[2]
        return np.sum(x * x)

    def want(x: Any, t: Any) -> Any:
        h = 1e-6
        return (f(x + h * t) - f(x - h * t)) / (2.0 * h)

    base = np.arange(1.0, 25.0).reshape(4, 6)
    x = base[:2].copy()
    for t in (np.ones((2, 6)), np.ones((2, 6), order="F"), base[::2], np.ones(()) + np.zeros((2, 1)) + np.zeros(6)):
        _, have = srcad.jvp(f, (x,), (t,), target="python")
        np.testing.assert_allclose(have, want(x, t), rtol=1e-6)
    for x in (np.asfortranarray(base[:2, :3]), base[::2, 1:4], base[::-1, :3]):
        with pytest.raises(srcad.AliasError, match="S401"):
            srcad.jvp(f, (x,), (np.ones(x.shape),), target="python")


def test_column_of_a_strided_argument() -> None:
    def f(x: Any) -> Any:
        column = x[:, 1]
        column[0] = column[1] * x[0, 0]
        return np.sum(x * x)

    base = np.arange(1.0, 25.0).reshape(4, 6)
    for x in (base[::2, 1:4], base[::-1, :3], np.asfortranarray(base), base.T):
        t, h = np.cos(x), 1e-6
        _, have = srcad.jvp(f, (x,), (t,), target="python")
        np.testing.assert_allclose(have, (f(x + h * t) - f(x - h * t)) / (2.0 * h), rtol=1e-6)


def test_the_tangent_of_a_result_is_not_the_one_given() -> None:
    x, t = np.ones(3), np.ones(3)
    for f in (lambda x: x + 0.0, lambda x: x.copy(), lambda x: (x * 1.0,)[0]):
        _, found = srcad.jvp(f, (x,), (t,), target="python")
        assert not np.shares_memory(found, t)


@pytest.mark.parametrize(
    ("primals", "tangents"),
    [
        ((np.ones(3),), (np.ones(2),)),
        ((np.ones(3),), (1.0,)),
        ((1.0, 2.0), (1.0,)),
        (1.0, 1.0),
        (({"a": 1.0},), ({"b": 1.0},)),
        ((2,), (np.array("text"),)),
        ((np.arange(3),), (np.ones(3),)),
        ((1.0,), (1j,)),
        (("relu",), (1.0,)),
    ],
)
def test_tangents_that_do_not_fit(primals: Any, tangents: Any) -> None:
    with pytest.raises(ArgumentError, match="S325"):
        srcad.jvp(lambda *x: 0.0, primals, tangents, target="python")


def test_written_after_it_was_copied() -> None:
    """The tangent of `y` is that of `x` until `y` is written."""

    def f(x: Any) -> Any:
        y = x + 0.0
        y[0] = 3.0 * y[1]
        return np.sum(x * y)

    x = np.array([2.0, 3.0])
    _, t = srcad.jvp(f, (x,), (np.array([1.0, 10.0]),), target="python")
    assert t == 9.0 + 2.0 * 30.0 + 2.0 * 3.0 * 10.0


def test_the_argument_of_a_sum_is_written_to() -> None:
    """The tangent of the sum is that of the argument before."""

    def f(x: Any) -> Any:
        a = np.sin(x)
        y = a + 1.0
        a[0] = 5.0
        return y * y + a[1]

    x, t = np.array([0.3, 0.7]), np.array([0.5, -1.0])
    _, tangent = srcad.jvp(f, (x,), (t,), target="python")
    np.testing.assert_allclose(tangent, 2.0 * (np.sin(x) + 1.0) * np.cos(x) * t + np.cos(x[1]) * t[1], rtol=1e-14)


def test_broadcast() -> None:
    def f(x: Any, c: Any) -> Any:
        y = x + c
        y[1, 0] = 5.0 * y[0, 0]
        return y

    _, t = srcad.jvp(f, (np.ones(3), np.ones((2, 3))), (np.arange(3.0), None), target="python")
    np.testing.assert_array_equal(t, [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    _, t = srcad.jvp(lambda x, c: x + c, (1.0, np.ones(3)), (2.0, None), target="python")
    np.testing.assert_array_equal(t, [2.0, 2.0, 2.0])


# ---- functions that write into their arguments, and return nothing -----------------------------------


def smooth(x: Any, y: Any, h: Any) -> None:
    for i in range(1, len(x) - 1):
        y[i] = x[i] + h * (x[i - 1] - 2.0 * x[i] + x[i + 1]) ** 2
    x[:] = y


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_procedure(target: str) -> None:
    def after(step: float) -> Any:
        x, y = np.arange(5.0) ** 2 + step * np.arange(5.0), np.ones(5) * step
        smooth(x, y, 0.1 + 0.3 * step)
        return np.array([x, y])

    x, y, t_x, t_y = np.arange(5.0) ** 2, np.zeros(5), np.arange(5.0), np.ones(5)
    assert srcad.jvp(smooth, (x, y, 0.1), (t_x, t_y, 0.3), target=target) == (None, None)
    np.testing.assert_allclose([x, y], after(0.0))
    np.testing.assert_allclose([t_x, t_y], (after(1e-6) - after(-1e-6)) / 2e-6, rtol=1e-7)


def test_procedure_whose_tangents_cannot_be_written() -> None:
    x, y, t_x, t_y = np.ones(5), np.zeros(5), np.ones(5), np.ones(5)
    frozen = np.ones(5)
    frozen.flags.writeable = False
    for tangents in (
        (t_x, None),
        (t_x, [0.0] * 5),
        (t_x, np.ones(5, np.float32)),
        (t_x, frozen),
        (t_x, np.ones(10)[::2]),
    ):
        with pytest.raises(ArgumentError, match="S325"):
            srcad.jvp(smooth, (x, y, 0.1), (*tangents, None), target="python")
    for tangents in ((t_x, t_x), (x, t_y), (t_x, x)):
        with pytest.raises(ArgumentError, match="S308"):
            srcad.jvp(smooth, (x, y, 0.1), (*tangents, None), target="python")
    np.testing.assert_array_equal([x, t_x, y, t_y], [np.ones(5), np.ones(5), np.zeros(5), np.ones(5)])
