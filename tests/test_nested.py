"""Derivatives of functions that call derivatives, and derivatives of derivatives: against closed forms."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError
from tests.numeric import numeric_gradient

pytestmark = pytest.mark.one_in(10, least=3)

CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_hessian(x: Any) -> Any:
    n = len(x)
    hessian = np.zeros((n, n))
    for i in range(n - 1):
        hessian[i, i] += 1200.0 * x[i] ** 2 - 400.0 * x[i + 1] + 2.0
        hessian[i, i + 1] = hessian[i + 1, i] = -400.0 * x[i]
        hessian[i + 1, i + 1] += 200.0
    return hessian


X = np.array([1.2, 0.7, -0.3, 0.5])


def derivative(f: Any, *args: Any, argnums: Any = 0) -> Any:
    return srcad.grad(f, argnums, target="python")(*args)


# ---- whose variable is it: no derivative is that of another -----------------------------------------


def test_perturbation_confusion() -> None:
    assert derivative(lambda x: x * srcad.grad(lambda y: x + y)(1.0), 2.0) == 1.0
    assert derivative(lambda x: x * srcad.grad(lambda y: x * y)(2.0), 3.0) == 6.0
    assert derivative(lambda x: srcad.grad(lambda y: x * x * y * y * y)(x), 2.0) == 12.0 * 8.0
    # the inner function names its variable as the outer one does
    assert derivative(lambda x: x * srcad.grad(lambda x: x**3)(x), 2.0) == 3.0 * 3.0 * 4.0


def thrice(x: Any) -> Any:
    def middle(y: Any) -> Any:
        return srcad.grad(lambda z: x * y * z**2 + y**2 * z)(x * y)

    return srcad.grad(middle)(x) * x


def test_three_levels_that_read_each_other() -> None:
    # d/dz = 2 x y z + y^2 at z = x y: 2 x^2 y^2 + y^2; by y: 4 x^2 y + 2 y; at y = x, times x: 4 x^4 + 2 x^2
    assert derivative(thrice, 1.5) == pytest.approx(16.0 * 1.5**3 + 4.0 * 1.5)


def test_what_is_a_constant_is_one_of_all_derivatives() -> None:
    assert derivative(lambda x: srcad.grad(lambda y: srcad.stop_gradient(x) * y**2)(x), 3.0) == 6.0
    assert derivative(lambda x: srcad.grad(lambda y: srcad.stop_gradient(y) * y**2)(x), 3.0) == 6.0
    step = lambda y: np.sum(srcad.stop_gradient(np.sin(y)) * y**2)  # noqa: E731
    np.testing.assert_allclose(derivative(lambda x: np.sum(srcad.grad(step)(x)), X), 2.0 * np.sin(X))


# ---- orders -----------------------------------------------------------------------------------------


def test_orders_of_a_polynomial() -> None:
    made: Any = lambda x: x**6 + 2.0 * x**3  # noqa: E731
    for want in (6 * 1.5**5 + 6 * 1.5**2, 30 * 1.5**4 + 12 * 1.5, 120 * 1.5**3 + 12, 360 * 1.5**2, 720 * 1.5):
        made = srcad.grad(made, target="python")
        assert made(1.5) == pytest.approx(want, rel=1e-13)


@pytest.mark.parametrize("x", [0.3, 1.7])
def test_orders_of_a_composition(x: float) -> None:
    def f(x: Any) -> Any:
        return np.exp(-x) * np.sin(2.0 * x)

    made: Any = f
    for order in range(1, 5):
        made = srcad.grad(made, target="python")
        # (i 2 - 1)^n e^((2i - 1) x), its imaginary part
        assert made(x) == pytest.approx(((2j - 1) ** order * np.exp((2j - 1) * x)).imag, rel=1e-12)


def test_mixed_third_derivative() -> None:
    def f(x: Any, y: Any) -> Any:
        return x**3 * np.sin(y) * y

    by_x = srcad.grad(f, target="python")
    by_xx = srcad.grad(by_x, "x", target="python")
    by_xxy = srcad.grad(by_xx, "y", target="python")
    assert by_xxy(1.3, 0.4) == pytest.approx(6 * 1.3 * (np.sin(0.4) + 0.4 * np.cos(0.4)))


def summed(x: Any, a: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            total += a * x[i] ** 4
        else:
            total += x[i] ** 3 * a**2
    return total


def test_third_order_of_a_loop_with_branches() -> None:
    x = np.array([1.0, -2.0, 3.0])
    first = srcad.grad(summed, target="python")
    second = srcad.grad(lambda x, a: np.sum(first(x, a) * np.arange(1.0, 4.0)), (0, 1), target="python")
    third = srcad.grad(lambda x, a: np.sum(second(x, a)[0]), (0, 1), target="python")
    w = np.arange(1.0, 4.0)
    a = 0.5
    per_item = np.where(x > 0, 24.0 * a * x, 6.0 * a**2) * w
    np.testing.assert_allclose(third(x, a)[0], per_item, **CLOSE)
    assert third(x, a)[1] == pytest.approx(np.sum(np.where(x > 0, 12.0 * x**2, 12.0 * x * a) * w))


@pytest.mark.parametrize(
    ("f", "x", "want"),
    [
        (lambda x: np.sqrt(1.0 + x * x), 0.0, 1.0),
        (lambda x: (1.0 + x * x) ** 0.5, 0.0, 1.0),
        (lambda x: (np.sqrt(x) - 1.0) ** 2, 1.0, 0.5),
        (lambda x: (x**0.5 - 1.0) ** 2, 1.0, 0.5),
        (lambda x: np.arcsin(x) ** 2, 0.0, 2.0),
        (lambda x: np.arcsin(x * x), 0.0, 2.0),
        (lambda x: (np.cbrt(x) - 1.0) ** 2, 1.0, 2.0 / 9.0),
        (lambda x: (x**x - 1.0) ** 2, 1.0, 2.0),
        (lambda x: np.logaddexp(x, -x), 0.0, 1.0),
        (lambda x: (2.0 + 0.0 * x) ** (x * x), 0.0, 2.0 * math.log(2.0)),
    ],
)
def test_zeros_that_have_a_slope(f: Any, x: float, want: float) -> None:
    """A factor of a derivative is zero here, and the rule guards against what it is multiplied by elsewhere."""
    plain = {"target": "python"}
    along: Any = lambda x: srcad.jvp(f, (x,), (1.0,))[1]  # noqa: E731
    found = [
        srcad.grad(srcad.grad(f, **plain), **plain)(x),
        srcad.hvp(f, (x,), (1.0,), **plain),
        srcad.grad(along, **plain)(x),
        srcad.jvp(along, (x,), (1.0,), **plain)[1],
        srcad.hessian(lambda x: np.sum(f(x)), **plain)(np.array([x]))[0, 0],
    ]
    np.testing.assert_allclose(found, want, rtol=1e-12)


def test_mixed_derivative_of_a_power_that_is_zero() -> None:
    (_, mixed), (again, _) = srcad.hessian(lambda a, b: a**b, (0, 1), target="python")(2.0, 0.0)
    assert mixed == again == 0.5


# ---- programs that call derivatives -----------------------------------------------------------------


def test_hessian_of_rosenbrock() -> None:
    hessian = srcad.jacobian(srcad.grad(rosenbrock, target="python"), target="python")
    np.testing.assert_allclose(hessian(X), rosenbrock_hessian(X), **CLOSE)


def critic(x: Any, w: Any, v: Any) -> Any:
    return np.sum(v * np.tanh(w @ x))


def penalised(w: Any, v: Any, xs: Any) -> Any:
    loss = 0.0
    for k in range(len(xs)):
        slope = srcad.grad(critic)(xs[k], w, v)
        loss += (np.sqrt(np.sum(slope * slope)) - 1.0) ** 2
    return loss / len(xs)


def test_gradient_penalty() -> None:
    rng = np.random.default_rng(1)
    w, v, xs = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(4, 2))
    plain = lambda w, v, xs: np.mean(  # noqa: E731
        [(np.linalg.norm((v * (1 - np.tanh(w @ x) ** 2)) @ w) - 1.0) ** 2 for x in xs]
    )
    have = srcad.value_and_grad(penalised, (0, 1), target="python")(w, v, xs)
    assert have[0] == pytest.approx(plain(w, v, xs))
    for at in (0, 1):
        np.testing.assert_allclose(have[1][at], numeric_gradient(plain, (w, v, xs), at), rtol=1e-8, atol=1e-9)


def adapted_loss(params: Any, x: Any, y: Any, rate: Any) -> Any:
    """MAML: steps of gradient descent on one half of the data, the loss on the other."""

    def loss(p: Any, xs: Any, ys: Any) -> Any:
        return np.mean((p["a"] * xs**2 + p["b"] * xs - ys) ** 2)

    step = srcad.value_and_grad(loss)
    for _ in range(3):
        _, d = step(params, x[:2], y[:2])
        params = {"a": params["a"] - rate * d["a"], "b": params["b"] - rate * d["b"]}
    return loss(params, x[2:], y[2:])


def plainly_adapted(a: Any, b: Any, x: Any, y: Any, rate: Any) -> Any:
    for _ in range(3):
        r = a * x[:2] ** 2 + b * x[:2] - y[:2]
        a, b = a - rate * np.mean(2 * r * x[:2] ** 2), b - rate * np.mean(2 * r * x[:2])
    return np.mean((a * x[2:] ** 2 + b * x[2:] - y[2:]) ** 2)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_maml(target: Any) -> None:
    x, y = np.array([0.3, -1.0, 0.7, 1.2]), np.array([1.0, 0.2, -0.4, 0.8])
    made = srcad.grad(adapted_loss, ("params", "rate"), target=target)
    d_params, d_rate = made({"a": 0.5, "b": -0.2}, x, y, 0.1)
    args = (0.5, -0.2, x, y, 0.1)
    for have, at in ((d_params["a"], 0), (d_params["b"], 1), (d_rate, 4)):
        assert have == pytest.approx(numeric_gradient(plainly_adapted, args, at), rel=1e-8)


def residual(weights: Any, points: Any) -> Any:
    """A PINN's loss: u'' + u = 0 at the points, where u is a network."""

    def u(x: Any) -> Any:
        return np.sum(weights[2] * np.tanh(weights[0] * x + weights[1]))

    second = srcad.grad(srcad.grad(u))
    total = 0.0
    for point in points:
        total += (second(point) + u(point)) ** 2
    return total


def plain_residual(weights: Any, points: Any) -> Any:
    total = 0.0
    for point in points:
        h = np.tanh(weights[0] * point + weights[1])
        second = np.sum(weights[2] * weights[0] ** 2 * (-2.0 * h) * (1 - h**2))
        total += (second + np.sum(weights[2] * h)) ** 2
    return total


def test_second_derivatives_of_a_network() -> None:
    weights, points = np.random.default_rng(2).normal(size=(3, 5)), np.linspace(-1.0, 1.0, 4)
    assert srcad.jit(residual, target="python")(weights, points) == pytest.approx(plain_residual(weights, points))
    want = numeric_gradient(plain_residual, (weights, points), 0)
    np.testing.assert_allclose(derivative(residual, weights, points), want, rtol=1e-7, atol=1e-8)


def newton(start: Any, a: Any) -> Any:
    """Newton's method on a gradient: the minimum of x^4 / 4 - a x."""

    def energy(x: Any) -> Any:
        return x**4 / 4.0 - a * x

    x = start
    for _ in range(30):
        slope = srcad.grad(energy)
        x = x - slope(x) / srcad.grad(slope)(x)
    return x


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_newton_on_a_gradient(target: Any) -> None:
    d_start, d_a = srcad.grad(newton, (0, 1), target=target)(1.5, 5.0)
    assert srcad.jit(newton, target=target)(1.5, 5.0) == pytest.approx(5.0 ** (1 / 3))
    assert d_start == pytest.approx(0.0, abs=1e-12) and d_a == pytest.approx(5.0 ** (-2 / 3) / 3.0)


def settled_at(a: Any) -> Any:
    return srcad.implicit_root(lambda x: x**3 - a, 1.0, bracket=(0.5, 4.0))


def test_orders_of_a_root() -> None:
    made, want, power = settled_at, 1.0, 1 / 3
    for _ in range(4):
        made = srcad.grad(made, target="python")
        want, power = want * power, power - 1.0
        assert made(5.0) == pytest.approx(want * 5.0**power, rel=1e-8)


def test_second_order_of_roots_of_a_system() -> None:
    def f(a: Any) -> Any:
        x = srcad.implicit_root(lambda x: np.array([x[0] ** 2 - a * x[1], x[1] ** 2 - x[0]]), np.ones(2) * 1.5)
        return x[0] * x[1]  # x1^4 = a x1, x0 = x1^2: x0 x1 = a

    assert derivative(f, 2.0) == pytest.approx(1.0)
    assert srcad.grad(srcad.grad(lambda a: f(a) ** 2, target="python"), target="python")(2.0) == pytest.approx(2.0)
    assert srcad.grad(lambda a: srcad.grad(f)(a) * a**2, target="python")(2.0) == pytest.approx(4.0)


# ---- where the call stands, and what the function is -------------------------------------------------


def in_branches(x: Any, k: Any) -> Any:
    if x > 1.0:
        return srcad.grad(lambda y: k * y**3)(x)
    return k * srcad.value_and_grad(lambda y: y * y * k)(x)[1]


def test_in_branches() -> None:
    assert derivative(in_branches, 2.0, 0.5, argnums=(0, 1)) == (6.0, 12.0)
    assert derivative(in_branches, 0.5, 0.5, argnums=(0, 1)) == (0.5, 1.0)


def slope_at(f: Any, x: Any) -> Any:
    return srcad.grad(f)(x)


def test_in_called_functions_and_of_functions_given() -> None:
    assert derivative(lambda x, k: slope_at(lambda y: k * y**3, x) + slope_at(np.sin, x), 2.0, 0.5) == pytest.approx(
        6.0 - math.sin(2.0)
    )


def test_of_a_partial_function() -> None:
    def power(k: Any, x: Any) -> Any:
        return x**k

    bound = srcad.grad(functools.partial(power, 4.0))
    assert derivative(lambda x: bound(x), 1.5) == pytest.approx(12.0 * 1.5**2)
    assert derivative(lambda x: srcad.grad(functools.partial(power, 3.0))(x), 1.5) == pytest.approx(6.0 * 1.5)


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass
class Well:
    depth: Any
    name: str = "well"

    def energy(self, p: Any) -> Any:
        return self.depth * (p.x**2 * p.y + p.y**3)

    def force(self, p: Any) -> Any:
        return srcad.grad(self.energy)(p)


def test_methods_and_structures() -> None:
    def f(depth: Any, x: Any) -> Any:
        force = Well(depth).force(Point(x, 2.0))
        return force.x * force.y

    # depth (2 x y) * depth (x^2 + 3 y^2)
    d_depth, d_x = derivative(f, 0.5, 1.5, argnums=(0, 1))
    assert d_depth == pytest.approx(2 * 0.5 * 6.0 * (1.5**2 + 12.0))
    assert d_x == pytest.approx(0.25 * 4.0 * (3 * 1.5**2 + 12.0))


def test_arguments_by_name_and_several() -> None:
    def energy(x: Any, y: Any, *, scale: Any) -> Any:
        return scale * x**2 * y

    def f(x: Any, y: Any) -> Any:
        d_y, d_scale = srcad.grad(energy, ("y", "scale"))(x, y=y, scale=3.0)
        return d_y * d_scale

    assert derivative(f, 2.0, 0.5, argnums=(0, 1)) == (3 * 0.5 * 4 * 2.0**3, 3 * 2.0**4)


def test_aux() -> None:
    def loss(x: Any, k: Any) -> Any:
        return x**3 * k, {"square": x * x, "count": 3}

    def f(x: Any, k: Any) -> Any:
        slope, more = srcad.grad(loss, has_aux=True)(x, k)
        (value, again), other = srcad.value_and_grad(loss, has_aux=True)(x, k)
        return slope * more["square"] * again["count"] + value + other

    assert derivative(f, 2.0, 0.5) == pytest.approx(9 * 0.5 * 4 * 2.0**3 + 3 * 0.5 * 4.0 + 6 * 0.5 * 2.0)


def test_jacobian_inside() -> None:
    def f(x: Any) -> Any:
        return np.sum(srcad.jacobian(lambda y: y * y * np.sum(x))(x))

    # sum of the diagonal 2 x_i s: 2 s^2
    np.testing.assert_allclose(derivative(f, X), np.full(4, 4.0 * X.sum()), **CLOSE)


def test_arguments_are_not_written_to() -> None:
    def energy(x: Any) -> Any:
        x[0] = x[0] * x[1]
        return np.sum(x * x)

    def f(x: Any) -> Any:
        slope = srcad.grad(energy)(x)
        return np.sum(slope) + np.sum(x)

    x = np.array([2.0, 3.0])
    # 2 x0 x1^2 + 2 x0^2 x1 + 2 x1, and the sum of x as it was
    np.testing.assert_allclose(derivative(f, x), [2 * 9 + 4 * 6 + 1, 4 * 6 + 2 * 4 + 2 + 1], **CLOSE)


def test_float32() -> None:
    second = srcad.grad(srcad.grad(lambda x: x * x * x, target="python"), target="python")
    found = second(np.float32(2.0))
    assert found == 12.0 and isinstance(found, np.float32)
    x = np.array([1.0, 2.0], np.float32)
    found = derivative(lambda x: np.sum(srcad.grad(lambda y: np.sum(y**3))(x)), x)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, 6.0 * x)


def test_integers_count_as_floats() -> None:
    assert srcad.jit(lambda x: srcad.grad(lambda y: y * y)(3) * x, target="python")(2.0) == 12.0


def test_the_text_is_read_again() -> None:
    text = srcad.grad(srcad.grad(lambda x: x**4, target="python"), target="python").source_for(2.0)
    assert srcad.grad(text, target="python")(2.0) == 48.0


def settled(x: Any) -> Any:
    while np.sum(x) > 1.0:
        x = x - 0.02 * x * x
    return np.sum(x * x)


def shortened(x: Any) -> Any:
    while len(x) > 1:
        x = x[1:] * x[:-1]
    return np.sum(x)


def test_while_loops() -> None:
    x = np.array([1.5, 0.8])  # for 85 turns: what the sweeps save grows
    slope = srcad.grad(settled, target="python")
    want = [np.sum(slope(x + 1e-6 * e) - slope(x - 1e-6 * e)) / 2e-6 for e in np.eye(2)]
    np.testing.assert_allclose(derivative(lambda x: np.sum(srcad.grad(settled)(x)), x), want, rtol=1e-7)
    _, have = srcad.jvp(slope, (x,), (np.array([1.0, 1.0]),), target="python")
    np.testing.assert_allclose(have, want, rtol=1e-7)


def test_lists_of_a_reverse_sweep() -> None:
    compiled = srcad.jit(lambda x: srcad.grad(shortened)(x), target="python")
    slope = srcad.grad(shortened, target="python")
    np.testing.assert_array_equal(compiled(X), slope(X))
    with pytest.raises(SrcadError, match="S125"):
        derivative(lambda x: np.sum(srcad.grad(shortened)(x)), X)
    _, have = srcad.jvp(slope, (X,), (np.ones(4),), target="python")
    np.testing.assert_allclose(have, (slope(X + 1e-6) - slope(X - 1e-6)) / 2e-6, rtol=1e-7)


def kept(u: Any, n: Any) -> Any:
    total = 0.0
    hs = []
    for i in range(n):
        hs.append(u * u * (i + 1.0))
    while len(hs) > 1:
        total = total + np.sum(np.sin(hs.pop()))
    return total


def test_forward_mode_takes_lists_that_a_run_knows() -> None:
    slope = srcad.grad(shortened, target="python")
    want = np.transpose([(slope(X + 1e-6 * e) - slope(X - 1e-6 * e)) / 2e-6 for e in np.eye(4)])
    have = srcad.hessian(shortened, target="python")(X)
    np.testing.assert_allclose(have, want, rtol=1e-7, atol=1e-8)

    def both(u: Any, n: Any) -> Any:  # one site makes lists inside and outside of what is differentiated
        return kept(u, n) + srcad.jvp(lambda w: kept(w, n), (u,), (u,))[1]

    i = np.arange(2.0, 41.0)[:, None]  # so many that no loop is unrolled
    want = np.sum(np.sin(i * X * X)) + np.sum(2.0 * i * X * X * np.cos(i * X * X))
    np.testing.assert_allclose(srcad.jit(both, target="python")(X, 40), want, rtol=1e-12)


def test_lists_that_a_run_knows_are_refused() -> None:
    def of_one_site(u: Any, n: Any) -> Any:
        return kept(u, n) + np.sum(srcad.grad(kept)(u, n))

    def of_outer_list(u: Any, n: Any, reverse: Any) -> Any:
        hs = []
        for i in range(n):
            hs.append(u * i)
        while len(hs) > 1:
            u = u + hs.pop()
        if reverse:
            return srcad.grad(lambda w: np.sum(w * hs[0]))(u)
        return srcad.jvp(lambda w: w * hs[0], (u,), (u,))[1]

    with pytest.raises(SrcadError, match="S125"):
        srcad.jit(of_one_site, target="python")(X, 40)
    for reverse in (False, True):
        with pytest.raises(SrcadError, match="S125: .* reads the list hs, whose length only a run knows"):
            srcad.jit(of_outer_list, target="python")(X, 40, reverse)


# ---- forward mode -----------------------------------------------------------------------------------


def test_forward_mode_confuses_no_perturbations() -> None:
    def slope(f: Any, x: Any) -> Any:
        return srcad.jvp(f, (x,), (1.0,))[1]

    plain = {"target": "python"}
    f = lambda x: x * slope(lambda y: x * y, 2.0)  # noqa: E731
    assert derivative(f, 3.0) == 6.0
    assert srcad.jvp(f, (3.0,), (1.0,), **plain) == (9.0, 6.0)
    g = lambda x: x * srcad.grad(lambda y: x + y)(1.0)  # noqa: E731
    assert srcad.jvp(g, (2.0,), (1.0,), **plain) == (2.0, 1.0)
    # the direction is what depends on the variable
    assert derivative(lambda x: srcad.jvp(np.sin, (x,), (x**2,))[1], 0.7) == pytest.approx(
        2 * 0.7 * np.cos(0.7) - 0.49 * np.sin(0.7)
    )
    twice = srcad.jvp(lambda x: slope(lambda y: y**4 * x, x), (1.5,), (1.0,), **plain)
    assert twice == pytest.approx((4 * 1.5**4, 16 * 1.5**3))


def moved(p: Any, x: Any, n: Any) -> Any:
    h = np.tanh(p["W"] @ x + p["b"])
    return {"h": h, "n": n, "norm": (np.sum(h * h), None)}


def test_tangents_of_structures_inside() -> None:
    def f(w: Any, x: Any, t: Any) -> Any:
        p, t_p = {"W": w, "b": x[:2]}, {"W": t, "b": None}
        out, t_out = srcad.jvp(moved, (p, x, 2), (t_p, None, None))
        assert t_out["n"] is None and t_out["norm"][1] is None
        return np.sum(t_out["h"]) + t_out["norm"][0] + out["norm"][0] * out["n"]

    def plain(w: Any, x: Any, t: Any) -> Any:
        h = np.tanh(w @ x + x[:2])
        t_h = (1 - h * h) * (t @ x)
        return np.sum(t_h) + np.sum(2 * h * t_h) + 2 * np.sum(h * h)

    rng = np.random.default_rng(3)
    args = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=(2, 3))
    assert srcad.jit(f, target="python")(*args) == pytest.approx(plain(*args))
    for at, have in enumerate(derivative(f, *args, argnums=(0, 1, 2))):
        np.testing.assert_allclose(have, numeric_gradient(plain, args, at), rtol=1e-8, atol=1e-9)


def test_aux_of_tangents() -> None:
    def f(x: Any) -> Any:
        out, t_out, aux = srcad.jvp(lambda y: (y**3, {"n": y}), (x,), (2.0,), has_aux=True)
        return out + t_out * aux["n"]

    assert derivative(f, 2.0) == 3 * 4.0 + 18 * 4.0


def test_arguments_of_a_tangent_are_not_written_to() -> None:
    def energy(x: Any) -> Any:
        x[0] = x[0] * x[1]
        return np.sum(x)

    def f(x: Any, t: Any) -> Any:
        _, slope = srcad.jvp(energy, (x,), (t,))
        return slope * x[0] + np.sum(t)

    x, t = np.array([2.0, 3.0]), np.array([0.5, 1.0])
    # (t0 x1 + x0 t1 + t1) x0 + t0 + t1
    np.testing.assert_allclose(derivative(f, x, t, argnums=0), [1.5 + 4.0 + 1.0, 1.0])
    np.testing.assert_allclose(derivative(f, x, t, argnums=1), [6.0 + 1.0, 6.0 + 1.0])


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_hvp(target: Any) -> None:
    v = np.array([0.5, -1.0, 2.0, 0.3])
    made = srcad.hvp(rosenbrock, target=target)
    np.testing.assert_allclose(made((X,), (v,)), rosenbrock_hessian(X) @ v, **CLOSE)
    np.testing.assert_allclose(srcad.hvp(rosenbrock, (X,), (v,), target="python"), rosenbrock_hessian(X) @ v, **CLOSE)
    assert "def rosenbrock_hvp(x, t_x):" in made.source
    inside = srcad.jit(lambda x, v: srcad.hvp(rosenbrock, (x,), (v,)), target="python")
    np.testing.assert_allclose(inside(X, v), rosenbrock_hessian(X) @ v, **CLOSE)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_hessian(target: Any) -> None:
    made = srcad.hessian(rosenbrock, target=target)
    np.testing.assert_allclose(made(X), rosenbrock_hessian(X), **CLOSE)
    np.testing.assert_allclose(made(X[:2]), rosenbrock_hessian(X[:2]), **CLOSE)
    assert "def rosenbrock_hessian(x):" in made.source


def test_hessians_of_structures() -> None:
    def f(p: Any, x: Any) -> Any:
        return p["a"] ** 2 * np.sum(x**3) + np.sum(np.outer(p["b"], x))

    p, x = {"a": 2.0, "b": np.array([[1.0, 2.0]])[0]}, np.array([1.0, 2.0, 3.0])
    of_p, (xp, xx) = srcad.hessian(f, (0, 1), target="python")(p, x)
    assert of_p["a"][0]["a"] == 2.0 * np.sum(x**3)
    for zero, shape in ((of_p["a"][0]["b"], 2), (of_p["b"][0]["a"], 2), (of_p["b"][0]["b"], (2, 2))):
        np.testing.assert_array_equal(zero, np.zeros(shape))
    np.testing.assert_allclose(of_p["a"][1], 2 * 2.0 * 3 * x**2)
    np.testing.assert_allclose(of_p["b"][1], np.ones((2, 3)))
    np.testing.assert_allclose(xp["a"], of_p["a"][1])
    np.testing.assert_allclose(xp["b"], np.ones((3, 2)))
    np.testing.assert_allclose(xx, np.diag(4.0 * 6 * x))


def test_hessian_of_a_matrix_with_aux() -> None:
    w = np.arange(6.0).reshape(2, 3)
    made = srcad.hessian(lambda w: (np.sum(w**3), {"n": len(w)}), has_aux=True, target="python")
    found, aux = made(w)
    want = np.zeros((2, 3, 2, 3))
    for i in range(2):
        for j in range(3):
            want[i, j, i, j] = 6 * w[i, j]
    np.testing.assert_array_equal(found, want)
    assert aux == {"n": 2}


def test_float32_hessian() -> None:
    found = srcad.hessian(lambda x: np.sum(x**3), target="python")(np.array([1.0, 2.0], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.diag([6.0, 12.0]))


def test_forward_jacobians() -> None:
    def f(x: Any, k: Any) -> Any:
        return {"a": k * x**2, "b": [np.sum(x), k * 2.0]}

    x = np.array([1.0, 2.0, 3.0])
    by_x, by_k = (srcad.jacobian(f, at, mode="forward", target="python")(x, 0.5) for at in (0, 1))
    np.testing.assert_array_equal(by_x["a"], np.diag(x))
    np.testing.assert_array_equal(by_x["b"][0], np.ones(3))
    np.testing.assert_array_equal(by_x["b"][1], np.zeros(3))
    np.testing.assert_array_equal(by_k["a"], x**2)
    assert by_k["b"] == [0.0, 2.0]
    both = srcad.jacobian(f, (0, 1), mode="forward", target="python")(x, 0.5)
    np.testing.assert_array_equal(both["a"][0], by_x["a"])
    assert both["b"][1][1] == 2.0


@pytest.mark.parametrize("x", [np.zeros(0), np.ones(1), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), 0.5])
def test_both_modes_of_a_jacobian_agree(x: Any) -> None:
    def f(x: Any) -> Any:
        y = np.sin(x) * np.sum(x)
        return y * y

    forward, reverse = (srcad.jacobian(f, mode=mode, target="python")(x) for mode in ("forward", "reverse"))
    assert np.shape(forward) == np.shape(x) * 2
    np.testing.assert_allclose(forward, reverse, **CLOSE)


def test_the_cheaper_mode_is_taken() -> None:
    def made(f: Any, *args: Any, argnums: Any = 0) -> str:
        return srcad.jacobian(f, argnums, target="python").source_for(*args)

    reverse = '"""Jacobian of'  # a Jacobian in forward mode is the compiled form of a function that calls tangents
    assert reverse not in made(lambda t: np.array([t, t * t]), 2.0)
    assert reverse in made(lambda x: (np.sum(x * x), np.sum(x)), np.ones(3))
    assert reverse in made(lambda x: x * x, np.ones(4))
    assert reverse not in made(lambda x: np.outer(x, x), np.ones(4))
    assert reverse in made(lambda x: x[::4] ** 2, np.ones(8))
    mixed = srcad.jacobian(lambda x: (x * x, np.sum(x)), target="python")(np.arange(3.0))
    np.testing.assert_array_equal(mixed[0], np.diag([0.0, 2.0, 4.0]))
    np.testing.assert_array_equal(mixed[1], np.ones(3))
    inside = srcad.jit(lambda t: srcad.jacobian(lambda s: np.array([s, s * s]))(t), target="python")
    np.testing.assert_array_equal(inside(3.0), [1.0, 6.0])
    aux = srcad.jacobian(lambda x: (x * x, len(x)), has_aux=True, target="python")(np.ones(2))
    np.testing.assert_array_equal(aux[0], 2.0 * np.eye(2))
    assert aux[1] == 2


def test_third_derivatives_of_rosenbrock() -> None:
    third = srcad.jacobian(srcad.hessian(rosenbrock, target="python"), mode="forward", target="python")(X)
    want = np.zeros((4, 4, 4))
    for i in range(3):
        want[i, i, i] = 2400.0 * X[i]
        want[i, i, i + 1] = want[i, i + 1, i] = want[i + 1, i, i] = -400.0
    np.testing.assert_allclose(third, want, **CLOSE)


@pytest.mark.parametrize(
    ("f", "code"),
    [
        (lambda x: srcad.jvp(np.sin, x, 1.0), "S325"),
        (lambda x: srcad.jvp(np.sin, (x,), (1.0, 2.0)), "S325"),
        (lambda x: srcad.jvp(np.sum, (x * np.ones(3),), (1.0,)), "S325"),
        (lambda x: srcad.jvp(lambda y: y["a"], ({"a": x},), ({"b": x},)), "S325"),
        (lambda x: srcad.jvp(lambda n: n * x, (True,), (1.0,)), "S325"),
        (lambda x: srcad.jvp(lambda y: None, (x,), (1.0,)), "S201"),
        (lambda x: srcad.jvp(np.sin)(x), "S124"),
        (lambda x: srcad.jacobian(np.sin, mode="both")(x), "S310"),
        (lambda x: srcad.hessian(lambda y: (y, y))(x), "S201"),
        (lambda x: srcad.jacobian(lambda y: 2, mode="forward")(x), "S202"),
        (lambda x: srcad.jacobian(lambda y: (y, "text"), mode="forward")(x), "S209"),
        (lambda x: srcad.jacobian(np.sin, has_aux=True, mode="reverse")(x), "S310"),
    ],
)
def test_refused_in_forward_mode(f: Any, code: str) -> None:
    with pytest.raises(SrcadError, match=code):
        srcad.jit(f, target="python")(2.0)


def test_a_tangent_of_another_length() -> None:
    inside = srcad.jit(lambda x, t: srcad.jvp(np.sum, (x,), (t,))[1], target="python")
    assert inside(np.ones(3), np.ones(3)) == 3.0
    for length in (1, 2, 4):
        with pytest.raises(ValueError, match="its tangent of shape"):
            inside(np.ones(3), np.ones(length))


# ---- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "code"),
    [
        (lambda x: srcad.grad(lambda y: (y, y))(x), "S201"),
        (lambda x: srcad.grad(lambda y: y, 1)(x), "S307"),
        (lambda x: srcad.grad(lambda y: y, (0, 0))(x), "S307"),
        (lambda x: srcad.grad(lambda y: y)("text") * x, "S207"),
        (lambda x: srcad.grad(lambda y: y)(True) * x, "S302"),
        (lambda x: srcad.grad(x)(x), "S117"),
        (lambda x: srcad.adjoint(lambda y: y)(x), "S121"),
        (lambda x: srcad.check_grad(lambda y: y, x), "S121"),
        (lambda x: srcad.grad(lambda y: y, nonsense=1)(x), "S310"),
    ],
)
def test_refused(f: Any, code: str) -> None:
    with pytest.raises(SrcadError, match=code):
        derivative(f, 2.0)


def test_changes_of_lists_from_outside_are_refused() -> None:
    def f(x: Any) -> Any:
        seen = [0.0]

        def energy(y: Any) -> Any:
            seen[0] = y
            return y * y

        return srcad.grad(energy)(x) + seen[0]

    with pytest.raises(SrcadError, match="S108"):
        derivative(f, 2.0)


def scaled_by(x: Any, m: Any) -> Any:
    m[0] = x[0] * m[1]
    return np.sum(m * x)


def test_arguments_that_are_written_to_are_apart() -> None:
    x, m = np.array([2.0, 3.0]), np.array([0.5, 1.5])
    slope = srcad.grad(scaled_by, (0, 1), target="python")
    twice = srcad.grad(lambda x, m: np.sum(slope(x, m)[0]), target="python")
    # x0^2 m1 + x1 m1: 2 x0 m1 + m1, by x0: 2 m1
    np.testing.assert_allclose(twice(x, m), [3.0, 0.0])
    np.testing.assert_allclose(srcad.hessian(scaled_by, target="python")(x, m), [[3.0, 0.0], [0.0, 0.0]])
    with pytest.raises(SrcadError, match="S308"):
        twice(x, x)
    with pytest.raises(SrcadError, match="S401"):
        derivative(lambda x: np.sum(slope(x, x)[0]), x)


def test_shared_memory_is_refused() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        tail = y[1:]

        def energy(z: Any) -> Any:
            z[0] = z[0] * z[1]
            return np.sum(z) * tail[0]

        return np.sum(srcad.grad(energy)(y))

    with pytest.raises(SrcadError, match="S401"):
        derivative(f, X)


def residuals(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.1:
            total += (np.sqrt(x[i]) - 1.0) ** 2
    return total + np.sum((np.sqrt(x) - 1.0) ** 2)


@pytest.mark.parametrize("at", [[1.0, 1.0, 1.0], [1.0, 4.0, 0.01]])
def test_second_derivatives_of_a_text_where_a_cotangent_is_zero(at: list[float]) -> None:
    """The guard `part if d != 0.0 else 0.0` of a text that srcad wrote is no branch."""
    x = np.array(at)
    want = np.where(x > 0.1, 2.0, 1.0) * 0.5 * x**-1.5
    gradient = srcad.grad(residuals, target="python")
    gradient(x)

    weighted = srcad.jvp(gradient.source, target="python")
    _, t = weighted((x, 1.0), (np.ones(3), None))
    np.testing.assert_allclose(t, want, rtol=1e-12)
    np.testing.assert_allclose(np.diag(srcad.hessian(residuals, target="python")(x)), want, rtol=1e-12)


# ---- pullbacks inside functions ----------------------------------------------------------------------


def pulled_back(x: Any, a: Any) -> Any:
    def g(x: Any, b: Any) -> Any:
        return {"s": np.sum(x * x) * b, "v": np.sin(MATRIX @ x) * b}

    out, back = srcad.vjp(g, x, a)
    d_x, d_b = back({"s": 2.0 * a, "v": out["v"]})
    return np.sum(d_x * d_x) + d_b * out["s"]


def gauss_newton(x: Any) -> Any:
    for _ in range(3):
        out, back, size = srcad.vjp(lambda p: (np.array([p[0] * p[1] - 1.0, p[0] - p[1] ** 2]), 2.0), x, has_aux=True)
        (g,) = back(out)
        x = x - 0.1 * size * g
    return np.sum(x)


def misfits(p: Any) -> Any:
    return np.array([p[0] * p[1] - 1.0, p[0] - p[1] ** 2]), 2.0


def of_one_function(x: Any) -> Any:
    """As `gauss_newton`, which makes a function, and so a derivative of it, at each turn of each plain call."""
    for _ in range(3):
        out, back, size = srcad.vjp(misfits, x, has_aux=True)
        (g,) = back(out)
        x = x - 0.1 * size * g
    return np.sum(x)


MATRIX = 0.3 * np.arange(6.0).reshape(2, 3)


@pytest.mark.one_in(2, least=1)
@pytest.mark.parametrize("target", ["python", "cpu"])
def test_vjp_inside_a_function(target: str) -> None:
    x = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(srcad.jit(pulled_back, target=target)(x, 0.7), pulled_back(x, 0.7), rtol=1e-13)
    srcad.check_grad(pulled_back, x, 0.7, argnums=(0, 1), order=2, target=target)
    y = np.array([0.5, 0.7])
    srcad.check_grad(of_one_function, y, order=2, target=target)
    want = srcad.grad(of_one_function, target="python")(y)
    np.testing.assert_allclose(srcad.grad(gauss_newton, target=target)(y), want, rtol=1e-13)
    np.testing.assert_allclose(srcad.jit(gauss_newton, target="python")(y), gauss_newton(y), rtol=1e-13)


def test_hessian_of_what_keeps_lists() -> None:
    def forward(log_a: Any, alpha: Any, steps: int) -> Any:
        for _ in range(1, steps):
            new = np.empty_like(alpha)
            for j in range(len(alpha)):
                z = alpha + log_a[j]
                top = np.max(z)
                new[j] = top + np.log(np.sum(np.exp(z - top)))
            alpha = new
        return np.sum(alpha)

    log_a, alpha = np.log(np.eye(3) * 0.5 + 0.1), np.array([0.1, 0.2, 0.3])
    gradient = srcad.grad(forward, 1, target="python")
    found = srcad.hessian(forward, 1, target="python")(log_a, alpha, 4)
    h = 1e-5
    want = [(gradient(log_a, alpha + h * e, 4) - gradient(log_a, alpha - h * e, 4)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(found, want, atol=1e-9)


def test_what_makes_derivatives_may_be_applied_twice() -> None:
    def slope(g: Any) -> Any:
        return lambda z: srcad.jvp(g, (z,), (1.0,))[1]

    def laplacian(g: Any) -> Any:
        return lambda x: np.trace(srcad.hessian(g)(x))

    curvature = slope(slope(lambda z: np.sin(z * z)))
    z = 0.7
    want = 2.0 * np.cos(z * z) - 4.0 * z * z * np.sin(z * z)
    assert abs(srcad.jit(lambda z: curvature(z), target="python")(z) - want) < 1e-12
    twice = laplacian(laplacian(lambda x: np.sum(x**6)))
    x = np.array([0.5, 0.7])
    np.testing.assert_allclose(srcad.jit(lambda x: twice(x), target="python")(x), 360.0 * np.sum(x * x))


def test_what_second_derivatives_keep_is_not_bounded() -> None:
    for make in (srcad.hvp, srcad.hessian):
        with pytest.raises(srcad.SrcadError, match="S310"):
            make(rosenbrock, max_tape=1000)
