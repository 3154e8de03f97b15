"""Second derivatives of each derivative rule, in the four ways to make them, against differences of the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.compiler.nested_derivative import nested_derivative
from srcad.forward.tangents import with_tangents
from srcad.frontend.values.abstract_values import Leaf
from srcad.ir.nodes import Function, Param, Var
from srcad.ir.types import Array, Scalar
from srcad.options import Options
from srcad.request import Request
from srcad.typing.builder import Builder
from tests.interpreter import interpret
from tests.test_rules import ELEMENTWISE, SCALAR, STRUCTURED, Case, label, row

pytestmark = pytest.mark.one_in(10, least=3)

PLAIN: dict[str, Any] = {"target": "python"}
WAYS = ("forward over reverse", "reverse over reverse", "forward over forward", "reverse over forward")


def weighted(f: Function, y: Any) -> Function:
    """sum(w * y) of the result y of an operation: a number, which each entry of y is a part of."""
    builder = Builder.resume(f)
    (result,) = f.results
    of_y = builder.typeof(result)
    builder.types["w"] = Array(of_y.dtype, of_y.dims) if isinstance(of_y, Array) else Scalar(of_y.dtype)
    with builder.block() as body:
        total = builder.op("*", Var("w"), result)
        if np.ndim(y):
            total = builder.op("np.sum", total)
    span = f.body[0].span
    return builder.built(Function(f.name, (*f.params, Param("w", "w")), (*f.body, *body), (total,), {}, span=span))


class Second:
    """The derivative of sum(w * y) along one direction of the arguments, and its derivative along another."""

    def __init__(self, case: Case, args: list[Any], rng: Any) -> None:
        plain, self.moving, values = row(case, args)
        (y,) = interpret(plain, values)
        dtype = str(np.asarray(y).dtype)

        def draw(x: Any) -> Any:
            way = rng.normal(size=np.shape(x)).astype(dtype)[()]
            # its arguments are triangles, of which it reads the lower half
            return np.tril(way) if case.name == "runtime.cholesky_adjoint" else way

        self.names = [*(p.name for p in plain.params), "w"]
        self.values = [*values, draw(y)]
        f = weighted(plain, y)
        result = Leaf(f.results[0], Scalar(dtype))

        def made(mode: str) -> Callable[..., Any]:
            return nested_derivative(f, result, Request(mode, tuple(self.moving), False, False, Options()))

        self.gradient, self.tangent = made("grad"), made("tangent")
        given = dict(zip(self.names, self.values, strict=True))
        self.first = tuple(draw(given[name]) for name in self.moving)
        second = {name: draw(given[name]) for name in (*self.moving, "w")}
        self.second = tuple(second.get(name) for name in self.names)

    def along(self, values: list[Any]) -> float:
        return float(sum(self.contracted(self.entries(self.gradient(*values)), self.first)))

    def entries(self, gradient: Any) -> Any:
        """The gradient of one argument is returned as such."""
        return gradient if len(self.moving) > 1 else (gradient,)

    def by_differences(self, step: float = 2e-4) -> float:
        def at(by: float) -> float:
            moved = [x if t is None else x + by * t for x, t in zip(self.values, self.second, strict=True)]
            return self.along(moved)

        return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)

    def found(self, way: str) -> Any:
        """The parts that the second derivative is the sum of."""
        values, none = tuple(self.values), (None,) * len(self.first)
        at = tuple(k for k, t in enumerate(self.second) if t is not None)
        match way:
            case "forward over reverse":
                _, t = srcad.jvp(self.gradient, values, self.second, **PLAIN)
                return self.contracted(self.entries(t), self.first)
            case "reverse over reverse":
                _, pullback = srcad.vjp(self.gradient, *values, **PLAIN)
                found = pullback(self.first if len(self.first) > 1 else self.first[0])
                return self.contracted([found[k] for k in at], [self.second[k] for k in at])
            case "forward over forward":
                _, t = srcad.jvp(self.tangent, (*values, *self.first), (*self.second, *none), **PLAIN)
                return [t]
            case _:
                found = srcad.grad(self.tangent, at, **PLAIN)(*values, *self.first)
                return self.contracted(found, [self.second[k] for k in at])

    @staticmethod
    def contracted(found: Any, way: Any) -> list[Any]:
        for one, v in zip(found, way, strict=True):
            assert one is None or np.shape(one) == np.shape(v)
        return [np.sum(one * v) for one, v in zip(found, way, strict=True) if one is not None]


PAIRS = [((), ()), ((3, 1), (1, 4)), ((), (3,))]


def sampled(case: Case, pair: Any, rng: Any) -> list[Any]:
    if case in STRUCTURED:
        return [a(rng) if callable(a) else a for a in case.args]
    shapes = [pair[0], pair[1], pair[1]] if case.name != "np.where" else [pair[0] or (1,), pair[0], pair[1]]
    return [a(rng, shapes[k]) if callable(a) else a for k, a in enumerate(case.args)]


@pytest.mark.parametrize("case", [*ELEMENTWISE, *SCALAR, *STRUCTURED], ids=label)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_second_derivatives(case: Case) -> None:
    rng = np.random.default_rng(7)
    for pair in PAIRS if case in ELEMENTWISE else PAIRS[:1]:
        second = Second(case, sampled(case, pair, rng), rng)
        want = second.by_differences()
        for way in WAYS:
            parts = second.found(way)
            size = max(1.0, abs(want), *map(abs, parts), 0.0)
            assert abs(sum(parts) - want) <= 2e-8 * size, (case, pair, way, sum(parts), want)


@pytest.mark.parametrize("case", [*ELEMENTWISE, *STRUCTURED], ids=label)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_single_precision(case: Case) -> None:
    """The tangents, of the operation and of its gradient, have the dtype of the values, and as many digits."""
    rng = np.random.default_rng(4)
    args = sampled(case, ((6,), (6,)), rng)
    args = [np.asarray(a, np.float32)[()] if callable(g) else a for g, a in zip(case.args, args, strict=True)]
    f, moving, values = row(case, args)
    given = zip([p.name for p in f.params], values, strict=True)
    ways = [np.asarray(rng.normal(size=np.shape(x)), np.float32)[()] for name, x in given if name in moving]
    y, t_y = interpret(with_tangents(f, moving), [*values, *ways])
    assert np.asarray(t_y).dtype == np.asarray(y).dtype
    f, moving, values = row(case, doubled(args))
    _, wide = interpret(with_tangents(f, moving), [*values, *doubled(ways)])
    np.testing.assert_allclose(t_y, wide, rtol=0.0, atol=1e-5 * max(1.0, np.max(np.abs(wide), initial=0.0)))

    narrow, second = Second(case, args, rng), Second(case, doubled(args), rng)
    gradient, t = srcad.jvp(narrow.gradient, tuple(narrow.values), narrow.second, **PLAIN)
    _, wide = srcad.jvp(second.gradient, tuple(doubled(narrow.values)), tuple(doubled(narrow.second)), **PLAIN)
    for one, have, want in zip(*map(narrow.entries, (gradient, t, wide)), strict=True):
        if have is not None:
            assert np.asarray(have).dtype == np.asarray(one).dtype
            np.testing.assert_allclose(have, want, rtol=0.0, atol=1e-4 * max(1.0, np.max(np.abs(want), initial=0.0)))


def doubled(values: Any) -> list[Any]:
    """The same numbers in double precision."""
    return [np.asarray(x, np.float64)[()] if np.asarray(x).dtype == np.float32 else x for x in values]


# ---- points where the text of a rule has a guard ------------------------------------------------------


def turning(a: Any, b: Any) -> Any:
    _, v = np.linalg.eigh(np.array([[1.0 + a, b], [b, 2.0]]))
    return v[0, 1] * v[1, 1]  # b / sqrt((1 - a)^2 + 4 b^2)


def test_eigenvectors_that_do_not_turn() -> None:
    """The vectors rest along `a`; along `b` the speed of that has a slope."""
    along = lambda a, b: srcad.jvp(turning, (a, b), (1.0, 0.0))[1]  # noqa: E731
    squared = srcad.hessian(lambda a, b: turning(a, b) ** 2, (0, 1), **PLAIN)
    assert srcad.jvp(along, (0.0, 0.0), (0.0, 1.0), **PLAIN) == pytest.approx((0.0, 1.0))
    assert srcad.grad(along, (0, 1), **PLAIN)(0.0, 0.0) == pytest.approx((0.0, 1.0))
    np.testing.assert_allclose(squared(0.0, 0.0), [[0.0, 0.0], [0.0, 2.0]], atol=1e-15)
    np.testing.assert_allclose(srcad.hessian(turning, (0, 1), **PLAIN)(0.0, 0.0), [[0.0, 1.0], [1.0, 0.0]], atol=1e-15)


def test_third_derivative_of_the_determinant_of_a_singular_matrix() -> None:
    third = srcad.jacobian(srcad.hessian(lambda a: np.linalg.det(a), **PLAIN), mode="forward", **PLAIN)
    assert third(np.diag([2.0, 3.0, 4.0]))[0, 0, 1, 1, 2, 2] == pytest.approx(1.0)
    with pytest.raises(np.linalg.LinAlgError):
        third(np.ones((3, 3)))


@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
def test_far_sides_of_logaddexp(f: Any) -> None:
    made = srcad.hessian(lambda a, b: f(a, b), (0, 1), **PLAIN)
    for a, b in ((2000.0, 0.0), (0.0, 2000.0), (-np.inf, 1.0)):
        np.testing.assert_array_equal(made(a, b), np.zeros((2, 2)))


@pytest.mark.parametrize(
    "f",
    [lambda x: np.linalg.norm(x), lambda x: np.std(x), lambda x: np.hypot(x[0], x[1])],
    ids=["norm", "std", "hypot"],
)
def test_norm_of_zero(f: Any) -> None:
    """0, as the first derivative, in each mode."""
    slope = srcad.grad(f, **PLAIN)
    x = np.zeros(2)
    np.testing.assert_array_equal(srcad.hessian(f, **PLAIN)(x), np.zeros((2, 2)))
    np.testing.assert_array_equal(srcad.grad(lambda x: np.sum(slope(x)), **PLAIN)(x), np.zeros(2))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_equal_eigenvalues() -> None:
    """No number where there is none: the second derivative of the largest eigenvalue."""

    def largest(a: Any, b: Any) -> Any:
        values, _ = np.linalg.eigh(np.array([[1.0 + a, b], [b, 1.0]]))
        return values[1]

    assert not np.isfinite(srcad.hessian(largest, 1, **PLAIN)(0.0, 0.0))
