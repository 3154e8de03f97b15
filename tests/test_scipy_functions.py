"""`scipy.linalg`, `signal`, `integrate` and `spatial.distance`: a row a call, with every option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import integrate, linalg, signal, spatial
from scipy.spatial import distance

import srcad
from srcad.errors import SrcadError
from tests.test_scipy_special import differences

RNG = np.random.default_rng(3)
M = RNG.normal(size=(3, 3)) + 2.0 * np.eye(3)
M[0, 0], M[2, 0] = 0.1, 3.0  # rows change places
P = M @ M.T + np.eye(3) + np.triu(0.1 * np.ones((3, 3)), 1)  # of which one triangle is read
T = np.tril(M) + 2.0 * np.eye(3)
B, V = RNG.normal(size=(3, 2)), RNG.normal(size=3)
BAND = RNG.normal(size=(4, 6)) + np.array([[0.0], [0.0], [1.0], [0.0]])
R6, S6 = RNG.normal(size=6), RNG.normal(size=(6, 2))
A4, K3 = RNG.normal(size=(4, 5)), RNG.normal(size=(3, 2))
S, X7, STEPS = RNG.normal(size=8), RNG.normal(size=7), np.cumsum(RNG.uniform(0.2, 1.0, 7))
U, W = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3))
SECTIONS = np.array([[1.0, 0.2, 0.1, 1.0, 0.3, 0.1], [0.5, 0.1, 0.0, 1.0, -0.2, 0.2]])

LINALG: list[tuple[Any, tuple[Any, ...]]] = [
    (lambda a, b: linalg.solve(a, b), (M, B)),
    (lambda a, b: linalg.solve(a, b, transposed=True), (M, V)),
    (lambda a, b: linalg.solve(a, b, assume_a="pos"), (P, V)),
    (lambda a, b: linalg.solve(a, b, lower=True, assume_a="sym"), (P, B)),
    (lambda a, b: linalg.solve(a, b, assume_a="gen", check_finite=False), (M, V)),
    (lambda a, b: linalg.solve_triangular(a, b), (M + 2.0 * np.eye(3), V)),
    (lambda a, b: linalg.solve_triangular(a, b, lower=True), (T, B)),
    (lambda a, b: linalg.solve_triangular(a, b, trans=1, lower=True), (T, V)),
    (lambda a, b: linalg.solve_triangular(a, b, "T", unit_diagonal=True), (M, B)),
    (lambda a: linalg.inv(a), (M,)),
    (lambda a: linalg.det(a), (M,)),
    (lambda a: linalg.norm(a), (M,)),
    (lambda a: linalg.norm(a, 1, axis=0), (M,)),
    (lambda a: linalg.cholesky(a), (P,)),
    (lambda a: linalg.cholesky(a, lower=True), (P,)),
    (lambda a, b: linalg.cho_solve(linalg.cho_factor(a), b), (P, V)),
    (lambda a, b: linalg.cho_solve(linalg.cho_factor(a, lower=True), b), (P, B)),
    (lambda c, b: linalg.cho_solve((c, True), b), (T, V)),
    (lambda a: linalg.lu_factor(a)[0], (M,)),
    (lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b), (M, V)),
    (lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b, trans=1), (M, B)),
    (lambda ab, b: linalg.solve_banded((1, 2), ab, b), (BAND, R6)),
    (lambda ab, b: linalg.solve_banded((2, 1), ab, b), (BAND[::-1], S6)),
    (lambda ab, b: linalg.solve_banded((1, 1), ab, b), (BAND[1:], R6)),
    (lambda a: linalg.expm(a), (0.3 * M,)),
    (lambda a: linalg.expm(a), (3.0 * M,)),
    (lambda a, b, c: linalg.block_diag(a, b, c), (M, V, B)),
    (lambda c: linalg.toeplitz(c), (V,)),
    (lambda c, r: linalg.toeplitz(c, r), (V, R6)),
    (lambda c: linalg.circulant(c), (R6,)),
    (lambda a: linalg.eigh(a + a.T)[0], (M,)),
    (lambda a: linalg.svd(a)[1] + linalg.svdvals(a), (M,)),
    (lambda a: linalg.qr(a)[1], (M,)),
    (lambda a: linalg.lu(a)[0] @ (linalg.lu(a)[1] + linalg.lu(a)[2]), (M,)),
    (lambda a: linalg.polar(a)[0] + linalg.polar(a)[1], (M,)),
    (lambda a: linalg.pinv(a), (M[:, :2],)),
    (lambda a, b: linalg.lstsq(a, b)[0], (M[:, :2], V)),
    (lambda a: linalg.sqrtm(a @ a.T + np.eye(3)), (M,)),
    (lambda a: linalg.sqrtm(np.eye(3) + 0.0 * a), (M,)),  # equal eigenvalues
    (lambda a: linalg.logm(a @ a.T + np.eye(3)), (M,)),
    (lambda a: linalg.fractional_matrix_power(a @ a.T + np.eye(3), 0.3), (M,)),
    (lambda a: linalg.cosm(a) + linalg.sinm(0.5 * a), (M,)),
    (lambda a, b, q: linalg.solve_sylvester(a, b, q), (M + 3.0 * np.eye(3), M[:2, :2] + 4.0 * np.eye(2), B)),
    (lambda a, q: linalg.solve_continuous_lyapunov(a, q), (M + 3.0 * np.eye(3), P)),
    (lambda a, q: linalg.solve_discrete_lyapunov(a, q), (0.2 * M, P)),
    (lambda c, r, b: linalg.solve_toeplitz((c, r), b), (V + np.array([5.0, 0.0, 0.0]), M[0], B)),
    (lambda ab, b: linalg.solveh_banded(ab, b), (0.3 * BAND[1:] + np.array([[0.0], [0.0], [3.0]]), R6)),
    (lambda ab, b: linalg.solveh_banded(ab, b, lower=True), (0.3 * BAND[1:] + np.array([[3.0], [0.0], [0.0]]), R6)),
    (lambda c, r: linalg.hankel(c, r), (V, R6)),
    (lambda a, b: linalg.khatri_rao(a, b), (A4, M[:, :1] * np.ones(5))),
]
SIGNALS: list[tuple[Any, tuple[Any, ...]]] = [
    *[(lambda a, b, mode=mode: signal.convolve(a, b, mode), (S, V)) for mode in ("full", "same", "valid")],
    *[
        (lambda a, b, mode=mode: signal.convolve(a, b, mode=mode, method="direct"), (V, S))
        for mode in ("same", "valid")
    ],
    *[(lambda a, b, mode=mode: signal.fftconvolve(a, b, mode), (A4, K3)) for mode in ("full", "same", "valid")],
    *[(lambda a, b, mode=mode: signal.convolve2d(a, b, mode), (K3, A4)) for mode in ("full", "same", "valid")],
    *[(lambda a, b, mode=mode: signal.correlate(a, b, mode), (S, V)) for mode in ("full", "same", "valid")],
    (lambda a, b: signal.correlate(a, b, "same"), (A4, K3)),
    (lambda a, b: signal.correlate(a, b, "same"), (S, S[:4])),
    (lambda a, b: signal.oaconvolve(a, b), (S, V)),
    (lambda b, a, x: signal.lfilter(b, a, x), (V, np.array([1.3, 0.4]), S)),
    (lambda b, x: signal.lfilter(b, 1.0, x), (V, S)),
    (lambda b, a, x: signal.lfilter(b, a, x), (V[:1], np.array([0.7, 0.4, -0.2]), A4)),
    (lambda b, a, x: signal.lfilter(b, a, x, axis=0), (V, np.array([0.7, 0.4, -0.2]), A4)),
    (lambda x: signal.sosfilt(SECTIONS, x), (S,)),
    (lambda x: signal.sosfilt(SECTIONS, x, axis=0), (A4,)),
    (lambda x, z: signal.sosfilt(SECTIONS, x, zi=z)[0], (S, B[:2])),
    (lambda x, z: signal.lfilter(V, [1.0, 0.3], x, zi=z)[0], (S, B[0])),
    (lambda x, z: signal.lfilter([0.4], [2.0, 0.3, -0.1], x, zi=z)[1], (S, B[0])),
    (lambda b, a, x: signal.filtfilt(b, a, x), (V[:2], np.array([1.3, 0.4]), X7)),
    (lambda x: signal.filtfilt(V, [1.0], np.append(x, x), padtype="even", padlen=5), (X7,)),
    (lambda x: signal.sosfiltfilt(SECTIONS, x, padlen=4), (X7,)),
    (lambda x: signal.detrend(x), (A4,)),
    (lambda x: signal.detrend(x, axis=0, type="constant"), (A4,)),
    (lambda x: signal.savgol_filter(x, 5, 2), (S,)),
    (lambda x: signal.savgol_filter(x, 5, 3, deriv=1, delta=0.5), (S,)),
    (lambda x: signal.medfilt(x, 3), (S,)),
    (lambda h, x: signal.upfirdn(h, x, 3, 2), (V, X7)),
    *[
        (lambda a, b, mode=mode, way=way: signal.convolve2d(a, b, mode, way), (A4, K3))
        for mode in ("full", "same", "valid")
        for way in ("wrap", "symm")
    ],
    (lambda y: integrate.trapezoid(y), (A4,)),
    (lambda y, x: integrate.trapezoid(y, x), (X7, STEPS)),
    (lambda y, x: integrate.trapezoid(y, x=x, axis=0), (np.outer(X7, V), STEPS)),
    (lambda y: integrate.cumulative_trapezoid(y, dx=0.3), (X7,)),
    (lambda y, x: integrate.cumulative_trapezoid(y, x, initial=0), (X7, STEPS)),
    (lambda y: integrate.simpson(y), (X7,)),
    (lambda y: integrate.simpson(y, dx=0.3), (S,)),
    (lambda y, x: integrate.simpson(y, x), (X7, STEPS)),
    (lambda y, x: integrate.simpson(y, x=x), (X7[:6], STEPS[:6])),
    (lambda y, x: integrate.simpson(y, x=x), (X7[:2], STEPS[:2])),
    (lambda y: integrate.simpson(y, axis=0), (A4,)),
    (lambda y: integrate.simpson(y), (A4,)),
    (lambda y, x: integrate.simpson(y, x=x, axis=0), (A4, np.cumsum(np.abs(A4) + 0.1, axis=0))),
    *[
        (lambda a, b, metric=metric: distance.cdist(a, b, metric), (U, W))
        for metric in ("euclidean", "sqeuclidean", "cityblock", "chebyshev", "minkowski")
    ],
    (lambda a, b: distance.cdist(a, b, metric="minkowski", p=3), (U, W)),
    *[
        (lambda a, b, metric=metric: distance.cdist(a, b, metric), (np.abs(U), np.abs(W)))
        for metric in ("cosine", "correlation", "canberra", "braycurtis")
    ],
    (lambda a: distance.squareform(distance.pdist(a)), (U,)),
    (lambda a: distance.squareform(a @ a.T, checks=False), (M,)),
    (lambda a, b: spatial.distance_matrix(a, b), (U, W)),
    (lambda u, v, w: distance.mahalanobis(u, v, w), (U[0], U[1], P)),
    (lambda a: distance.pdist(a), (U,)),
    (lambda a: distance.pdist(a, "cityblock"), (U,)),
    (lambda u, v: distance.euclidean(u, v) + distance.sqeuclidean(u, v) + distance.cityblock(u, v), (U[0], U[1])),
    (lambda u, v: distance.cosine(u, v) + distance.chebyshev(u, v), (U[0], U[1])),
]
ROWS = [*LINALG, *SIGNALS]


@pytest.mark.one_in(4, least=9)
@pytest.mark.parametrize("at", range(len(ROWS)))
def test_row(at: int) -> None:
    function, args = ROWS[at]
    args = tuple(map(np.array, args))
    f = lambda *args: np.sum(np.cos(function(*args)))
    every = tuple(range(len(args)))
    value = srcad.jit(function, target="python")(*args)
    np.testing.assert_allclose(value, function(*args), rtol=1e-12, atol=1e-14)
    gradient = srcad.grad(f, every, target="python")(*args)
    for k in every:
        np.testing.assert_allclose(gradient[k], differences(f, list(args), k), rtol=1e-6, atol=1e-8)
    directions = tuple(np.cos(7.0 * a) for a in args)
    _, tangent = srcad.jvp(f, args, directions, target="python")
    np.testing.assert_allclose(tangent, sum(map(np.vdot, gradient, directions)), rtol=1e-9, atol=1e-11)
    single = tuple(a.astype(np.float32) for a in args)
    found, want = srcad.jit(function, target="python")(*single), function(*single)
    np.testing.assert_allclose(found, want, rtol=2e-3, atol=2e-4)


def program(A: Any, b: Any, band: Any, x: Any, theta: Any) -> Any:
    L = linalg.cholesky(A @ A.T + np.eye(3), lower=True)
    y = linalg.solve_triangular(L, b, lower=True) + linalg.lu_solve(linalg.lu_factor(A), b)
    z = linalg.solve_banded((1, 2), band, x)
    filtered = signal.lfilter([1.0, theta], [1.0, -0.3], x)
    return np.sum(y * y) + np.sum(z * filtered) + integrate.simpson(x, dx=theta) + np.sum(distance.cdist(A, A + 1.0))


@pytest.mark.thorough
def test_compiled() -> None:
    args = (M, V, BAND, R6, 0.4)
    value, gradient = srcad.value_and_grad(program, (0, 1, 2, 3, 4))(*args)
    expected, slopes = srcad.value_and_grad(program, (0, 1, 2, 3, 4), target="python")(*args)
    assert value == pytest.approx(program(*args), rel=1e-12) and expected == pytest.approx(value, rel=1e-12)
    for found, want in zip(gradient, slopes, strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-10)
    np.testing.assert_allclose(gradient[4], differences(program, [np.array(a) for a in args], 4), rtol=1e-8)


@pytest.mark.parametrize("at", [18, 19, 21, 24])
def test_second_order(at: int) -> None:
    function, args = LINALG[at]
    args = tuple(map(np.array, args))
    df = srcad.grad(lambda *args: np.sum(np.cos(function(*args))), target="python")
    hessian = srcad.hessian(lambda *args: np.sum(np.cos(function(*args))), target="python")(*args)
    want = differences(df, list(args), 0)
    np.testing.assert_allclose(hessian, want, rtol=1e-5, atol=1e-6 * np.max(np.abs(want)))


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda x: np.sum(linalg.solve(M * x, V, assume_a="banded")), "assume_a=banded"),
        (lambda x: np.sum(linalg.solve(M * x, V, overwrite_a=True)), "overwriting"),
        (lambda x: np.sum(linalg.inv(M * x, assume_a="pos")), "assume_a=pos"),
        (lambda x: np.sum(linalg.orth(M * x)), "orth"),
        (lambda x: np.sum(signal.lfilter(V, [1.0, x], A4, zi=np.zeros((4, 2)))[0]), "zi"),
        (lambda x: np.sum(signal.hilbert(S * x).real), "hilbert"),
        (lambda x: np.sum(signal.fftconvolve(A4 * x, K3, axes=0)), "axes"),
        (lambda x: np.sum(distance.cdist(U * x, W, "seuclidean")), "metric seuclidean"),
        (lambda x: np.sum(distance.cdist(U * x, W, w=np.ones(3))), "out or w"),
        (lambda x: np.sum(linalg.eigvalsh(M * x, eigvals_only=True)), "eigvalsh"),
    ],
)
def test_refused(call: Any, said: str) -> None:
    with pytest.raises(SrcadError, match=said):
        srcad.grad(call, target="python")(1.3)
