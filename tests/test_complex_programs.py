"""Programs of signal processing, quantum mechanics, optics and circuits, in loops and in place."""

from __future__ import annotations

import numpy as np
import pytest

import srcad
from tests.complex_derivatives import check, complex_normal

Z, A = complex_normal(5), complex_normal(3, 3)
X = np.random.default_rng(1).normal(size=5)


def trotter_steps(psi, theta, n):
    for _ in range(n):
        psi = np.exp(-1j * theta * np.arange(5)) * psi
        psi = 0.5 * (psi + np.roll(psi, 1)) * np.exp(1j * theta)
    return np.sum(np.abs(psi[:2]) ** 2)


def rotations_of_neighbours(psi, theta):
    psi = psi.copy()
    for t in range(len(theta)):
        c, s = np.cos(theta[t]), 1j * np.sin(theta[t])
        for k in range(t % 2, len(psi) - 1, 2):
            a = c * psi[k] - s * psi[k + 1]
            psi[k + 1] = c * psi[k + 1] - s * psi[k]
            psi[k] = a
    return np.sum(np.abs(psi[::2]) ** 4)


def spin(theta, phi):
    psi = np.array([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)])
    sx = np.array([[0, 1], [1, 0]], dtype=complex)
    sy = np.array([[0, -1j], [1j, 0]])
    return np.vdot(psi, sx @ psi).real + np.vdot(psi, sy @ psi).real ** 2


def exponential_of_a_matrix(h):
    H = np.array([[h[0], h[1] + 1j * h[2]], [h[1] - 1j * h[2], -h[0]]])
    U = np.eye(2, dtype=complex)
    term = np.eye(2, dtype=complex)
    for k in range(1, 12):
        term = term @ (-1j * H) / k
        U = U + term
    return np.abs(U[0, 1]) ** 2


def escape(c, n):
    z = 0j
    total = 0.0
    for _ in range(n):
        z = z * z + c
        if abs(z) > 2.0:
            break
        total += abs(z)
    return total


def until_it_is_large(c, x):
    while abs(c) < 5.0:
        c = c * (1.2 + 0.3j) + x
    return c.real


def resonant_circuit(R, L, C, w):
    total = 0.0
    for k in range(len(w)):
        Z = R + 1j * w[k] * L + 1.0 / (1j * w[k] * C)
        total += abs(1.0 / Z) ** 2
    return total


def transfer_function(b, a, w):
    s = 1j * w
    H = np.polyval(b, s) / np.polyval(a, s)
    return np.sum(20 * np.log10(np.abs(H))) + np.sum(np.angle(H))


def nodal_analysis(y):
    Y = np.zeros((3, 3), dtype=complex)
    for i in range(3):
        Y[i, i] = y[i] + 1j * y[i + 1]
    Y[0, 1] = Y[1, 0] = -1j * y[0]
    V = np.linalg.solve(Y, np.array([1.0, 0.0, 0.5j]))
    return np.sum(np.abs(V) ** 2)


def thin_film(n1, d, wavelength):
    delta = 2 * np.pi * n1 * d / wavelength
    m = np.array([[np.cos(delta), 1j * np.sin(delta) / n1], [1j * n1 * np.sin(delta), np.cos(delta)]])
    B = m[0, 0] + m[0, 1] * 1.5
    C = m[1, 0] + m[1, 1] * 1.5
    return abs((B - C) / (B + C)) ** 2


def fourier_sums(x):
    total = 0.0
    for k in range(len(x)):
        coefficient = 0j
        for t in range(len(x)):
            coefficient += x[t] * np.exp(-2j * np.pi * k * t / len(x))
        total += abs(coefficient) * k
    return total


def damped_oscillator(w0, g):
    root = -g + 1j * np.sqrt(w0 * w0 - g * g)
    out = []
    for t in range(4):
        out.append(np.exp(root * t * 0.1).real)
    return sum(out)


def filled_in_place(x):
    z = np.zeros((3, 4), dtype=complex)
    for i in range(3):
        for j in range(4):
            z[i, j] = x[j] * np.exp(1j * i * x[j])
            z[i, j] *= 1j
            z[i, j] += x[i]
    z[1:] -= z[:-1] * 0.5
    return np.sum(np.abs(z) ** 2)


def branches_of_both_fields(x, flag):
    z = x[0] if flag else x[0] * 1j
    return abs(z + 1) ** 2


def a_real_start(x):
    z = 0.0
    for i in range(len(x)):
        z = z * z + x[i] * 1j
    return z.real


def compares(z):
    total = 0.0
    for k in range(len(z)):
        if z[k] != 0 and z[k].real > 0:
            total += abs(z[k])
        else:
            total -= z[k].imag ** 2
    return total


def stores_into_parts(z, x):
    z = z.copy()
    z.real[1:3] = x[:2]
    z.imag[0] = x[3] * z[0].real
    return np.sum(np.abs(z) ** 2 * z.real)


def updates_parts(z, x):
    w = z * 1j
    w.real = x
    w.imag *= 2.0
    w.imag += x
    w.real[::2] -= 1.5
    return np.sum((w**3).real)


def stores_into_parts_of_an_argument(z, x):
    for i in range(5):
        z.real[i] = x[i] ** 2
    return np.sum((z * z).imag)


def rows_of_parts(x):
    m = np.zeros((2, 5), dtype=complex)
    m.real[0] = x
    m.imag[1] = x * 2
    m[1].real = x + 1
    return np.sum((m**2).real + m.imag**2)


def reads_parts_before_and_after(z):
    part = z.real
    total = np.sum(part**2)
    w = np.zeros(5)
    w[:] = z.real
    w[1:] += z[:-1].imag
    w += z.imag
    return total + part[1] * z.imag[2] + np.sum(w**2)


def real_part_of_a_real_array(x):
    x.real[1] = 3.0
    return np.sum(x**2)


PROGRAMS = [
    (trotter_steps, (Z, 0.3, 4)),
    (rotations_of_neighbours, (Z, X)),
    (spin, (0.5, 0.7)),
    (exponential_of_a_matrix, (np.array([0.3, 0.5, -0.2]),)),
    (escape, (0.3 + 0.4j, 10)),
    (until_it_is_large, (0.1 + 0.2j, 0.5)),
    (resonant_circuit, (1.0, 0.5, 0.2, np.array([0.5, 1.0, 3.0]))),
    (transfer_function, (np.array([1.0, 2.0]), np.array([1.0, 0.3, 2.0]), np.array([0.5, 1.0, 2.0]))),
    (nodal_analysis, (X,)),
    (thin_film, (1.38, 0.1, 0.55)),
    (fourier_sums, (X,)),
    (damped_oscillator, (2.0, 0.3)),
    (filled_in_place, (X[:4],)),
    (branches_of_both_fields, (X, True)),
    (branches_of_both_fields, (X, False)),
    (a_real_start, (X,)),
    (compares, (Z,)),
    (stores_into_parts, (Z, X)),
    (updates_parts, (Z, X)),
    (stores_into_parts_of_an_argument, (Z, X)),
    (rows_of_parts, (X,)),
    (reads_parts_before_and_after, (Z,)),
    (real_part_of_a_real_array, (X,)),
]
NAMES = [function.__name__ for function, _ in PROGRAMS]


@pytest.mark.filterwarnings("ignore::srcad.ZeroDerivativeWarning")
@pytest.mark.parametrize(("function", "args"), PROGRAMS, ids=NAMES)
def test_program(function, args):
    check(function, *args)


@pytest.mark.one_in(6, least=4)
@pytest.mark.parametrize(("function", "args"), PROGRAMS, ids=NAMES)
def test_compiled(function, args):
    wrt = tuple(k for k, a in enumerate(args) if np.asarray(a).dtype.kind in "fc")
    found = srcad.grad(function, argnums=wrt)(*args)
    for one, other in zip(found, srcad.grad(function, argnums=wrt, target="python")(*args), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


def test_checkpoints():
    expected = srcad.grad(trotter_steps, target="python")(Z, 0.3, 9)
    found = srcad.grad(trotter_steps, checkpoint="_", target="python")(Z, 0.3, 9)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_threads():
    def energies(z):
        total = 0.0
        w = np.zeros_like(z)
        for i in range(len(z)):
            w[i] = z[i] ** 2 * np.conj(z[i])
            total += w[i].real
        return total

    z = complex_normal(50)
    found = srcad.grad(energies, parallel=True)(z)
    np.testing.assert_allclose(found, srcad.grad(energies, target="python")(z), rtol=1e-12)
