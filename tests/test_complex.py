"""Each function of complex numbers: value, gradient in both parts, forward mode, second order; all others refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError
from tests.complex_derivatives import check, complex_normal

Z, W = complex_normal(4), complex_normal(4)
X = np.random.default_rng(1).normal(size=4)
A, B = complex_normal(3, 3), complex_normal(3, 3)
T = complex_normal(2, 3, 2)
C, R = 0.3 + 0.7j, 0.6


def power(y: Any) -> Any:
    """A real number that depends on both parts of all entries."""
    return np.sum(np.abs(y) ** 2 + (y * y).real + (y * (0.3 - 0.4j)).imag)


ROWS: list[tuple[Any, tuple[Any, ...]]] = [
    # parts
    (lambda z: np.sum(z.real**2 * z.imag), (Z,)),
    (lambda z: np.sum(np.real(z) * np.imag(z) ** 2), (Z,)),
    (lambda z: power(np.conj(z) * z * z.conjugate()), (Z,)),
    (lambda z: np.sum(np.angle(z)) + np.angle(z[0], deg=True), (Z,)),
    (lambda c: c.real * c.imag + np.angle(c) + abs(c.conjugate() * 1j + 1) ** 3, (C,)),
    (lambda x, y: power(complex(x, y) * complex(2.0, x) + complex(y)), (R, 0.2)),
    (lambda x: power(x.astype(complex) * 1j + x.real - x.imag), (X,)),
    # magnitudes
    (lambda z: np.sum(np.abs(z)), (Z,)),
    (lambda z: np.sum(np.absolute(z) ** 3), (Z,)),
    (lambda c: abs(c) + abs(c * c), (C,)),
    (lambda z: np.linalg.norm(z) + np.linalg.norm(z, 1) + np.linalg.norm(z, 3), (Z,)),
    (lambda a: np.linalg.norm(a) + np.sum(np.linalg.norm(a, axis=1)) + np.linalg.norm(a, 1), (A,)),
    # arithmetic, mixed with real numbers
    (lambda z, w: power(z * w - z / w + 2 * z - w / 3.0 + 1j * w - (-z)), (Z, W)),
    (lambda z, x: power(z * x + x / z - z / x + x - z), (Z, X)),
    (lambda c, x: power(c * x + x / c), (C, X)),
    (lambda z, r: power(z * r + r / z), (Z, R)),
    (lambda z: power(z[:, None] * z[None, :].real + z[None, :1]), (Z,)),
    (lambda z: power(np.square(z) + np.reciprocal(z)), (Z,)),
    # powers
    (lambda z: power(z**2 + z**3 + z**-1 + z**-2 + z**0.5 + z**1 + z**0), (Z,)),
    (lambda z: power(z ** (1 + 2j)), (Z,)),
    (lambda z, w: power(z**w), (Z, W)),
    (lambda x, w: power(x ** (0.3 * w) + 2.0**w + (-1.5) ** (0.3 * w)), (X + 0.1, W)),
    (lambda x: power((x * x + 1) ** 1j), (X,)),
    (lambda z, x: power(z**x), (Z, X)),
    # functions
    (lambda z: power(np.exp(z)), (Z,)),
    (lambda z: power(np.log(z) + np.sqrt(z)), (Z,)),
    (lambda z: power(np.sin(z) * np.cos(z)), (Z,)),
    (lambda z: power(np.tan(z) + np.tanh(z)), (Z,)),
    (lambda z: power(np.sinh(z) - np.cosh(z)), (Z,)),
    (lambda c: power(np.exp(c) * np.sqrt(c) + np.sin(c)), (C,)),
    # choices
    (lambda z, x: power(np.where(x > 0, z, x) + np.where(z == 0, 1.0, z)), (Z, X)),
    (lambda z, x: power(np.select([x > 1, x > 0], [z, 2j * z], x)), (Z, X)),
    (lambda c, r: power(c if r > 0 else r) + (1.0 if c != 0j else abs(c)), (C, R)),
    # sums and products
    (lambda z: power(np.sum(z) * np.mean(z)) + np.abs(np.prod(z)), (Z,)),
    (lambda a: power(np.mean(a, axis=0) * a.sum(axis=1, keepdims=True)), (A,)),
    (lambda a: power(np.prod(a, axis=1)) + power(a.mean()), (A,)),
    (lambda z: np.var(z) + np.std(z * z) + np.var(z.real), (Z,)),
    (lambda z: power(np.cumsum(z) * np.cumprod(z)), (Z,)),
    (lambda a: power(np.cumsum(a, axis=1) + np.diff(a, axis=0)[0]), (A,)),
    (lambda z, x: power(np.average(z, weights=x * x)) + power(np.trapezoid(z, x)), (Z, X)),
    (lambda z: power(np.gradient(z)), (Z,)),
    # products of matrices
    (lambda a, z: power(a @ z[:3] + z[:3] @ a), (A, Z)),
    (lambda a, b: power(a @ b - np.dot(b, a.conj().T)), (A, B)),
    (lambda z, w: power(np.vdot(z, w) + np.dot(z, w) + np.inner(w, z)), (Z, W)),
    (lambda z, w: power(np.vecdot(z, w)), (Z, W)),
    (lambda z, x: power(np.outer(z, x) + np.outer(x, z)), (Z, X)),
    (lambda a, x: power(a @ x[:3]), (A, X)),
    (lambda a, z: np.einsum("ij,j,i->", a, z[:3], np.conj(z[:3])).real, (A, Z)),
    (lambda a, t: power(np.tensordot(a, t, axes=([0], [1]))) + power(np.kron(a, a)[:2]), (A, T)),
    (lambda t: power(np.matmul(t, np.swapaxes(t, 1, 2))), (T,)),
    (lambda a: power(np.trace(a) * np.trace(a, 1) + np.linalg.matrix_power(a, 3)[0, 1]), (A,)),
    (lambda z, x: power(np.convolve(z, x)) + power(np.correlate(x, z, "full")) + power(np.correlate(z, z[:2])), (Z, X)),
    (lambda a: power(np.linalg.multi_dot([a, a, a])), (A,)),
    # equations
    (lambda a, z: power(np.linalg.solve(a, z[:3])), (A, Z)),
    (lambda a, b: power(np.linalg.solve(a, b.real)), (A, B)),
    (lambda a, b: power(np.linalg.solve(a.real + 3.0 * np.eye(3), b)), (A, B)),
    (lambda a: power(np.linalg.inv(a)), (A,)),
    (lambda a: power(np.linalg.det(a)), (A,)),
    # polynomials
    (lambda z, c: power(np.polyval(z, c)) + power(np.polyval(z.real, c)), (Z, C)),
    (lambda z, x: power(np.polyval(x, z) / np.polyval(x[::-1], 1j * x)), (Z, X)),
    (lambda z, w: power(np.polymul(z, w)) + power(np.polyder(z)) + power(np.polyadd(z, w[:2])), (Z, W)),
    # shapes
    (lambda z: power(np.concatenate((z, z.real, 1j * z[::-1]))[1::2]), (Z,)),
    (lambda a: power(np.stack((a, a.T))[:, 0]) + power(a.reshape(9)[::2] * 1j), (A,)),
    (lambda t: power(np.transpose(t, (2, 0, 1))[0] + np.roll(t, 1, 1)[:, :2, 0].T[0, 0]), (T,)),
    (lambda a: power(np.diag(a) + np.diag(np.tril(a) @ np.triu(a))) + power(np.diag(a[0])), (A,)),
    (lambda z: power(np.array([z[0], 1.0, 2j * z[1], z[2].real])), (Z,)),
    (lambda z: power(np.tile(z, 2) * np.repeat(z, 2)) + power(np.full(3, z[0]) + np.full_like(z[:3], z[1])), (Z,)),
    (lambda z: power(np.flip(z) * np.append(z[1:], 1.0) + z[[3, 0, 0, 1]]), (Z,)),
]


@pytest.mark.one_in(4, least=16)
@pytest.mark.parametrize(("function", "args"), ROWS, ids=range(len(ROWS)))
def test_function(function, args):
    check(function, *args)


@pytest.mark.one_in(12, least=4)
@pytest.mark.parametrize(("function", "args"), ROWS, ids=range(len(ROWS)))
def test_compiled(function, args):
    wrt = tuple(range(len(args)))
    found = srcad.grad(function, argnums=wrt)(*args)
    for one, other in zip(found, srcad.grad(function, argnums=wrt, target="python")(*args), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


def single(a: Any) -> Any:
    a = np.asarray(a)
    return a.astype(np.complex64 if a.dtype.kind == "c" else np.float32)[()]


@pytest.mark.one_in(8, least=8)
@pytest.mark.parametrize(("function", "args"), ROWS, ids=range(len(ROWS)))
def test_single_precision(function, args):
    wrt, singles = tuple(range(len(args))), tuple(map(single, args))
    value, found = srcad.value_and_grad(function, argnums=wrt, target="python")(*singles)
    assert np.asarray(value).dtype == np.asarray(function(*singles)).dtype
    wanted = srcad.grad(function, argnums=wrt, target="python")(*args)
    for one, given, other in zip(found, singles, wanted, strict=True):
        assert np.asarray(one).dtype == np.asarray(given).dtype
        np.testing.assert_allclose(one, other, rtol=5e-3, atol=5e-3)


def test_the_convention_is_that_of_jax():
    # of f = z**2 + conj(z), as JAX gives them: df/dx - i df/dy of the real part, the transpose in a pullback
    z = 0.3 + 0.7j
    assert srcad.grad(lambda z: (z * z + z.conjugate()).real, target="python")(z) == pytest.approx(2.0 * z + 1.0)
    out, pullback = srcad.vjp(lambda z: z * z + z.conjugate(), z, target="python")
    assert out == z * z + z.conjugate()
    assert pullback(1j)[0] == pytest.approx(2j * z + np.conj(1j))
    assert srcad.jvp(lambda z: z * z + z.conjugate(), (z,), (1j,), target="python")[1] == pytest.approx(2j * z - 1j)


def test_the_magnitude_at_zero():
    z = np.array([0j, 3.0 + 4.0j])
    for target in ("python", "cpu"):
        np.testing.assert_allclose(srcad.grad(lambda z: np.sum(np.abs(z)), target=target)(z), [0.0, 0.6 - 0.8j])
        np.testing.assert_allclose(srcad.grad(lambda z: np.sum(np.abs(z) ** 2), target=target)(z), [0.0, 6.0 - 8.0j])
    assert srcad.grad(lambda c: abs(c), target="python")(0j) == 0j


def test_a_real_argument_has_a_real_gradient():
    def f(x):
        return np.sum(np.abs(np.exp(1j * x) + x) ** 2)

    found = srcad.grad(f, target="python")(X)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, 2.0 * (np.cos(X) - X * np.sin(X) + X), rtol=1e-12)
    assert "d_x = d_sum.real + (1j * (exp * d_sum)).real" in srcad.grad(f, target="python").source_for(X)


def test_arguments_of_all_kinds():
    def f(p):
        return abs(p["z"][0]) ** 2 * p["r"] + np.sum(np.abs(p["a"]) ** 2) + abs(p["n"] * 1j)

    given = {"z": [1 + 2j, 3j], "r": 2.0, "a": np.array([1j, 2.0]), "n": 3}
    found = srcad.grad(f, target="python")(given)
    assert found["z"] == [4 - 8j, 0j] and found["r"] == pytest.approx(5.0) and found["n"] == 1.0
    np.testing.assert_allclose(found["a"], [-2j, 4.0])
    for leaf in (np.complex64(1 + 2j), np.array(1 + 2j), np.complex128(1 + 2j)):
        found = srcad.grad(lambda z: abs(z) ** 2, target="python")(leaf)
        assert type(found) is type(leaf) and found.dtype == leaf.dtype and found == 2 - 4j


def stores_a_complex_number(z):
    y = np.zeros(4)
    y[1] = z[0]
    return y[1]


def stores_an_array(z):
    y = np.zeros(4)
    y[:] = z
    return y[1]


def adds_in_place(z):
    y = z.real.copy()
    y += z
    return y[0]


REFUSED: list[tuple[Any, str]] = [
    (lambda z: z[0] * 2.0, "S202"),
    (lambda z: (z[0] < z[1]) * 1.0, "S116"),
    (lambda z: np.max(z).real, "S116"),
    (lambda z: max(z[0], z[1]).real, "S116"),
    (lambda z: np.sort(z)[0].real, "S116"),
    (lambda z: sorted(z)[0].real, "S116"),
    (lambda z: np.argmax(z) * z[0].real, "S116"),
    (lambda z: float(z[0]), "S116"),
    (lambda z: int(z[0]) * 1.0, "S116"),
    (lambda z: z.astype(float)[0], "S116"),
    (lambda z: np.float64(z[0]), "S116"),
    (lambda z: np.sum(z // 2).real, "S116"),
    (lambda z: np.sum(np.sign(z)).real, "S116"),
    (lambda z: np.sum(np.maximum(z, 0.0)).real, "S116"),
    (lambda z: np.sum(np.hypot(z, z)), "S116"),
    (lambda z: np.sum(np.floor(z)).real, "S116"),
    (lambda z: np.add.reduce(z).real, "S116"),
    (lambda z: np.linalg.eigvalsh(np.outer(z, z.conj()))[0], "S116"),
    (lambda z: np.linalg.slogdet(np.outer(z, z.conj()))[1], "S116"),
    (lambda z: np.interp(0.5, z.real, z).real, "S116"),
    (lambda z: z[1j].real, "S126"),
    (lambda z: np.median(z).real, "S116"),
    (stores_a_complex_number, "S116"),
    (stores_an_array, "S116"),
    (adds_in_place, "S127"),
]


@pytest.mark.parametrize(("function", "code"), REFUSED, ids=range(len(REFUSED)))
def test_refused(function, code):
    with pytest.raises(SrcadError) as error:
        srcad.grad(function, target="python")(Z)
    assert error.value.problems[0].code == code


def test_derivatives_by_each_number_are_of_real_ones():
    def squared(z):
        return np.abs(z) ** 2

    rows = srcad.jacobian(squared, target="python")(Z)
    np.testing.assert_allclose(rows, np.diag(2.0 * Z.conj()))
    for make, code in (
        (lambda: srcad.jacobian(squared, mode="forward", target="python")(Z), "S304"),
        (lambda: srcad.hessian(lambda z: np.sum(np.abs(z) ** 2), target="python")(Z), "S304"),
        (lambda: srcad.jacobian(lambda x: np.exp(1j * x), target="python")(X), "S202"),
        (lambda: srcad.jacobian(lambda x: np.exp(1j * x), mode="forward", target="python")(X), "S202"),
    ):
        with pytest.raises(SrcadError) as error:
            make()
        assert error.value.problems[0].code == code


def test_check_grad_looks_at_both_parts():
    found = srcad.check_grad(lambda z: np.sum(np.abs(z) ** 3 * z.imag), Z, order=2, target="python")
    assert found.entries == 8 and found.forward < 1e-12 and found.second < 1e-6
    with pytest.raises(SrcadError, match="S312"):

        def wrong(z):
            return np.sum((srcad.stop_gradient(z) * z).real)

        srcad.check_grad(wrong, Z, target="python")


def test_literals_are_read_back():
    from srcad.backend.python.writer import literal

    for value in (1j, -1j, 1 - 2j, -0.0 + 1j, complex(-0.0, -2.0), complex(0.0, -0.0), complex(np.inf, np.nan), 0j):
        back = eval(literal(value), {"np": np})
        assert repr(np.complex128(back)) == repr(np.complex128(value))


def test_names_in_array_expressions_of_single_precision():
    """Numba alone names the second value of `x` and the first of `x_1` alike."""

    def spread(z):
        return np.std(z) + np.var(z * z)

    z = np.array([1.0 + 2.0j, 0.3 - 1.0j, 2.0 + 0.5j, -0.1 + 0.2j], np.complex64)
    found = srcad.grad(spread)(z)
    np.testing.assert_allclose(found, srcad.grad(spread, target="python")(z.astype(complex)), rtol=1e-5)
