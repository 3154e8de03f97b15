"""Functions of `scipy.special`: extremes, broadcasting, the ones that are expansions, refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import special

import srcad
from srcad.errors import SrcadError
from tests.test_scipy_special import called, differences


@pytest.mark.parametrize("name", ["xlogy", "betaln", "rel_entr", "poch"])
def test_broadcasting(name: str) -> None:
    function = called(name)
    f = lambda a, b: np.sum(np.cos(function(a, b)))
    for a, b in [
        (POSITIVE_3[:, None], POSITIVE_3[:2]),
        (np.array(0.7), POSITIVE_3),
        (POSITIVE_3[None], POSITIVE_3[:, None]),
    ]:
        gradient = srcad.grad(f, (0, 1), target="python")(a, b)
        for at in (0, 1):
            np.testing.assert_allclose(gradient[at], differences(f, [a, b], at), rtol=1e-7)


POSITIVE_3 = np.array([0.4, 1.3, 2.2])


def slope(f: Any, *args: Any) -> Any:
    every = tuple(range(len(args)))
    found = srcad.grad(f, every, target="python")(*args)
    forward = [srcad.jvp(f, args, tuple(float(k == at) for k in every), target="python")[1] for at in every]
    np.testing.assert_allclose(forward, found, rtol=1e-12)
    return found if len(args) > 1 else found[0]


def test_extremes() -> None:
    """No NaN where the derivative is finite; digits where a difference would have none."""
    assert slope(lambda x, y: special.xlogy(x, y), 0.0, 2.0) == (np.log(2.0), 0.0)
    assert slope(lambda x, y: special.xlogy(x, y), 0.0, 0.0)[1] == 0.0
    assert slope(lambda x, y: special.xlog1py(x, y), 0.0, -1.0)[1] == 0.0
    assert slope(lambda x, y: special.rel_entr(x, y), 0.0, 0.0)[1] == 0.0
    assert slope(lambda x, y: special.kl_div(x, y), 0.0, 0.0)[1] == 1.0
    assert slope(lambda x: special.expit(x), 1000.0) == 0.0 == slope(lambda x: special.expit(x), -1000.0)
    assert slope(lambda x: special.expit(x), 40.0) == pytest.approx(np.exp(-40.0), rel=1e-14)
    assert slope(lambda x: special.log_expit(x), -1000.0) == 1.0
    assert slope(lambda x: special.log_expit(x), 1000.0) == 0.0
    # phi(x) / Phi(x), by its continued fraction far out
    for x in (-40.0, -1e3, -1e8):
        assert slope(lambda x: special.log_ndtr(x), x) == pytest.approx(-x + 1 / (-x + 2 / (-x + 3 / -x)), rel=1e-9)
    assert slope(lambda x: special.log_ndtr(x), 40.0) == pytest.approx(0.0, abs=1e-300)
    for x in (20.0, 30.0, 1e3, 1e9):  # the first terms of the asymptotic series
        near = -(1.0 - 1.5 / x**2 + 3.75 / x**4) / (np.sqrt(np.pi) * x**2)
        assert slope(lambda x: special.erfcx(x), x) == pytest.approx(near, rel=1e-6)
        near = -(1.0 + 1.5 / x**2 + 3.75 / x**4) / (2.0 * x**2)
        assert slope(lambda x: special.dawsn(x), x) == pytest.approx(near, rel=1e-6)
    assert slope(lambda x: special.i1(x), 0.0) == 0.5 == slope(lambda x: special.j1(x), 0.0)
    assert slope(lambda x: special.rgamma(x), -3.0) == pytest.approx(-6.0, rel=1e-13)
    assert slope(lambda x: special.ellipk(x), 0.0) == pytest.approx(np.pi / 8.0, rel=1e-14)
    assert slope(lambda x: special.ellipe(x), 0.0) == pytest.approx(-np.pi / 8.0, rel=1e-14)
    assert slope(lambda x: special.spence(x), 1.0) == -1.0
    assert slope(lambda x: special.exprel(x), 0.0) == 0.5
    assert slope(lambda x, y: special.boxcox(x, y), 2.0, 0.0)[1] == pytest.approx(0.5 * np.log(2.0) ** 2, rel=1e-14)


def test_second_derivatives_at_special_points() -> None:
    """A derivative that is chosen at one point alone would be a constant there."""
    mixed = srcad.hessian(lambda p: special.xlogy(p[0], p[1]), target="python")(np.array([0.0, 2.0]))
    np.testing.assert_allclose(mixed, [[0.0, 0.5], [0.5, 0.0]])
    for f, expected in [
        (special.spence, 0.5),
        (special.exprel, 1 / 3),
        (special.i1, 0.0),
        (special.ellipk, 9 * np.pi / 64),
        (special.log_ndtr, -2.0 / np.pi),
    ]:
        at = 1.0 if f is special.spence else 0.0
        second = srcad.grad(srcad.grad(lambda x, f=f: f(x), target="python"), target="python")(at)
        assert second == pytest.approx(expected, rel=1e-13, abs=1e-15), f
    third = srcad.grad(
        srcad.grad(srcad.grad(lambda x: special.i1(x), target="python"), target="python"), target="python"
    )
    assert third(0.0) == pytest.approx(0.375, rel=1e-13)
    for x in (50.0, -50.0):
        second = srcad.grad(srcad.grad(lambda x: special.log_ndtr(x), target="python"), target="python")(x)
        assert np.isfinite(second)


# ---- functions that are expansions ---------------------------------------------------------------

A = np.array([[0.3, -1.2, 2.0], [0.1, 0.5, -0.7]])
WEIGHTS = np.array([[0.5, 2.0, 1.0], [1.5, 0.2, 0.0]])

EXPANDED: list[tuple[Any, Any]] = [
    (lambda x: special.logsumexp(x), A),
    (lambda x: special.logsumexp(x, axis=1), A),
    (lambda x: special.logsumexp(x, axis=(0, 1), keepdims=True), A),
    (lambda x: special.logsumexp(x, axis=-1, keepdims=True), A),
    (lambda x: special.logsumexp(x, b=WEIGHTS), A),
    (lambda x: special.logsumexp(A, axis=0, b=x), WEIGHTS + 0.1),
    (lambda x: special.logsumexp(x, axis=1, b=np.array([0.5, 2.0, 0.3])), A),
    (lambda x: special.logsumexp(x, axis=1, b=np.array([-0.5, 2.0, -3.0]), return_sign=True)[0], A),
    (lambda x: special.logsumexp(1000.0 * x, axis=1), A),
    (lambda x: special.logsumexp(x, 1) + special.logsumexp([x[0, 0], 2.0]), A),
    (lambda x: special.softmax(x), A),
    (lambda x: special.softmax(x, axis=1), A),
    (lambda x: special.softmax(100.0 * x, axis=0), A),
    (lambda x: special.log_softmax(x), A),
    (lambda x: special.log_softmax(1000.0 * x, axis=1), A),
    (lambda x: special.polygamma(0, x), np.abs(A)),
    (lambda x: special.polygamma(1, x), np.abs(A)),
    (lambda x: special.polygamma(np.array([0, 1, 3]), x), np.abs(A)),
    (lambda x: special.multigammaln(x[0, 0], 3), np.abs(A) + 3.0),
    (lambda x: special.comb(x + 3.0, 2), np.abs(A)),
    (lambda x: special.comb(5, x), np.abs(A)),
    (lambda x: special.comb(x, 2, repetition=True), np.abs(A) + 1.0),
    (lambda x: special.perm(x + 3.0, 2.5), np.abs(A)),
    (lambda x: special.factorial(x), np.abs(A)),
]


@pytest.mark.one_in(3, least=8)
@pytest.mark.parametrize("at", range(len(EXPANDED)))
def test_expansions(at: int) -> None:
    function, x = EXPANDED[at]
    f = lambda x: np.sum(np.cos(function(x)) * np.arange(1.0, np.size(function(A)) + 1).reshape(np.shape(function(A))))
    g = lambda x: np.sum(np.cos(function(x)))
    value, gradient = srcad.value_and_grad(g, target="python")(x)
    np.testing.assert_allclose(value, g(x), rtol=1e-13)
    np.testing.assert_allclose(gradient, differences(g, [x], 0), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(srcad.jit(function, target="python")(x), function(x), rtol=1e-13)
    _, tangent = srcad.jvp(g, (x,), (WEIGHTS,), target="python")
    np.testing.assert_allclose(tangent, np.vdot(gradient, WEIGHTS), rtol=1e-11, atol=1e-13)
    second = srcad.hessian(g, target="python")(x)
    want = differences(srcad.grad(g, target="python"), [x], 0)
    np.testing.assert_allclose(second, want, rtol=1e-5, atol=1e-5 * np.max(np.abs(want)) + 1e-9)


def test_logsumexp_of_infinities() -> None:
    for x in ([-np.inf, 1.0], [-np.inf, -np.inf], [np.inf, 1.0]):
        with np.errstate(all="ignore"):
            value = srcad.jit(lambda x: special.logsumexp(x), target="python")(np.array(x))
            assert value == special.logsumexp(x)
    gradient = srcad.grad(lambda x: special.logsumexp(x), target="python")(np.array([-np.inf, 1.0, 1.0]))
    np.testing.assert_allclose(gradient, [0.0, 0.5, 0.5])


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda x: special.iv(x, 2.0), "special.iv by its argument v"),
        (lambda x: special.hyp2f1(1.0, 2.0, x, 0.3), "special.hyp2f1 by its argument c"),
        (lambda x: special.zeta(x), "without q"),
        (lambda x: special.comb(x, 2, exact=True), "exact=True"),
        (lambda x: special.mathieu_a(1.0, x), "scipy.special.mathieu_a"),
        (lambda x: special.sici(x)[0], "scipy.special.sici"),
    ],
)
@pytest.mark.parametrize("mode", [srcad.grad, lambda f, target: lambda x: srcad.jvp(f, (x,), (1.0,), target=target)])
def test_refused(call: Any, said: str, mode: Any) -> None:
    with pytest.raises(SrcadError, match=said.replace("(", r"\(")):
        mode(call, target="python")(2.0)


def test_the_option_dtype() -> None:
    value, slope = srcad.value_and_grad(lambda x: special.erf(x, dtype=np.float32), target="python")(0.3)
    assert value == special.erf(0.3, dtype=np.float32) and value.dtype == np.float32
    assert slope == pytest.approx(2.0 / np.sqrt(np.pi) * np.exp(-0.09), rel=1e-6)


def test_an_order_that_is_a_whole_number_moves_nothing() -> None:
    assert srcad.grad(lambda n, x: special.polygamma(n, x), (0, 1), target="python")(2.0, 1.3) == (
        0.0,
        pytest.approx(special.polygamma(3, 1.3), rel=1e-13),
    )


def test_an_argument_without_a_derivative_may_rest() -> None:
    assert srcad.grad(lambda v, x: special.jv(v, x), 1, target="python")(1.5, 2.0) == pytest.approx(
        special.jvp(1.5, 2.0), rel=1e-13
    )


def test_what_a_user_says_of_a_function_goes_first() -> None:
    """Whether it was said before the first function was read, or after."""
    text = """
import numpy as np, srcad, sys
from scipy import linalg, special
from srcad.rules import expands, partials, vjp

def add():
    @partials(special.erf)
    def erf(y, x):
        return 10.0
    @vjp(linalg.expm)
    def expm(d_y, y, A):
        return 7.0 * d_y
    @expands(special.logsumexp)
    def logsumexp(x):
        return 3.0 * np.sum(x)

if before:
    add()
srcad.grad(lambda x: special.expit(x), target="python")(1.0)
if not before:
    add()
x = np.eye(2)
for f in (lambda x: np.sum(special.erf(x)), lambda x: np.sum(linalg.expm(x)), lambda x: special.logsumexp(x)):
    print(srcad.grad(f, target="python")(x)[0, 0], end=" ")
"""
    for before in (True, False):
        call = [sys.executable, "-c", f"before = {before}\n{text}"]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(call, env=env, capture_output=True, text=True)
        assert run.stdout.split() == ["10.0", "7.0", "3.0"], run.stderr[-2000:]


def test_logarithms_of_sums_that_are_all_but_one() -> None:
    """Values to the last digits, however near to 0: with ties, signs, weights of 0 and infinities."""
    rng = np.random.default_rng(0)
    functions: list[Any] = [
        lambda a, b: special.logsumexp(a),
        lambda a, b: special.logsumexp(a, b=b),
        lambda a, b: special.logsumexp(a, b=b, return_sign=True),
        lambda a, b: special.logsumexp(a, return_sign=True),
    ]
    own = [srcad.jit(f, target="python") for f in functions]
    for _ in range(100):
        a = rng.choice([-np.inf, 0.0, -50.0, 1.0, -1e-20, 700.0, -745.0, -3.0, np.nan], 4)
        b = rng.choice([0.0, 1.0, -1.0, 2.5, 1e-30], 4)
        for mine, f in zip(own, functions, strict=True):
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(mine(a, b), f(a, b), rtol=1e-12, err_msg=f"{a} {b}")
    a = np.array([0.0, -50.0])
    value, gradient = srcad.value_and_grad(lambda a: special.logsumexp(a))(a)
    assert value == pytest.approx(np.exp(-50.0)) and gradient == pytest.approx([1.0, np.exp(-50.0)])
