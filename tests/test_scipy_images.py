"""`scipy.ndimage`: filters and values between points, a row a call, with every mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import srcad
from srcad.errors import SrcadError
from tests.test_scipy_special import differences

RNG = np.random.default_rng(1)
I, V, T = RNG.normal(size=(5, 6)), RNG.normal(size=7), RNG.normal(size=(3, 4, 5))
W, W4 = RNG.normal(size=(2, 3)), RNG.normal(size=4)
AT = np.array([[1.2, 2.3, -1.4, 3.9], [0.4, 3.1, 2.2, 5.6]])


def of_mode(m: str) -> list[tuple[Any, tuple[Any, ...]]]:
    return [
        (lambda a: ndimage.gaussian_filter(a, (0.8, 1.3), mode=m, cval=0.3), (I,)),
        (lambda a: ndimage.convolve(a, W, mode=m, cval=0.3), (I,)),
        (lambda a, w: ndimage.correlate(a, w, mode=m, cval=0.3), (I, W)),
        (lambda a, w: ndimage.convolve1d(a, w, axis=0, mode=m, cval=0.3, origin=1), (I, W4)),
        (lambda a: ndimage.uniform_filter(a, (2, 4), mode=m, cval=0.3), (I,)),
        (lambda a: ndimage.maximum_filter(a, (2, 3), mode=m, cval=0.3), (I,)),
        (lambda a: ndimage.minimum_filter(a, 3, mode=m, cval=0.3), (V,)),
        (lambda a: ndimage.median_filter(a, (2, 3), mode=m, cval=0.3), (I,)),
        (lambda a: ndimage.median_filter(a, 4, mode=m, cval=0.3), (V,)),
        (lambda a: ndimage.laplace(a, mode=m), (T,)),
        (lambda a: ndimage.sobel(a, axis=0, mode=m), (T,)),
        (lambda a: ndimage.prewitt(a, mode=m), (I,)),
        (lambda a: ndimage.gaussian_laplace(a, 1.1, mode=m), (I,)),
        (lambda a: ndimage.gaussian_gradient_magnitude(a, 1.1, mode=m), (I,)),
    ]


def between(m: str) -> list[tuple[Any, tuple[Any, ...]]]:
    return [
        (lambda a, c: ndimage.map_coordinates(a, c, order=1, mode=m, cval=0.2), (I, AT)),
        (lambda a, c: ndimage.map_coordinates(a, c, order=0, mode=m, cval=0.2), (I, AT)),
        (lambda a, c: ndimage.map_coordinates(a, c, order=1, mode=m), (T, 0.3 + np.abs(T[:, :2, :2]))),
        (lambda a: ndimage.shift(a, (0.3, -1.2), order=1, mode=m), (I,)),
        (lambda a, s: ndimage.shift(a, s, order=1, mode=m), (V, np.array(0.4))),
    ]


ROWS: list[tuple[Any, tuple[Any, ...]]] = [
    *[row for m in ("reflect", "nearest", "mirror", "wrap", "constant") for row in of_mode(m)],
    *[row for m in ("nearest", "constant", "mirror") for row in between(m)],
    (lambda a, s: ndimage.gaussian_filter(a, s), (I, np.array(1.3))),
    (lambda a: ndimage.gaussian_filter(a, 1.2, order=(1, 2)), (I,)),
    (lambda a, s: ndimage.gaussian_filter1d(a, s, order=1), (V, np.array(0.9))),
    (lambda a: ndimage.correlate(a, W4), (V,)),
    (lambda a: ndimage.convolve(a, W4, origin=-1), (V,)),
    (lambda a: ndimage.uniform_filter1d(a, 4, axis=0), (T,)),
    (lambda a: ndimage.gaussian_filter(a, 2.5), (V[:3],)),  # wider than the image
]


@pytest.mark.one_in(12, least=8)
@pytest.mark.parametrize("at", range(len(ROWS)))
def test_row(at: int) -> None:
    function, args = ROWS[at]
    f = lambda *args: np.sum(np.sin(function(*args)))
    every = tuple(range(len(args)))
    np.testing.assert_allclose(srcad.jit(function, target="python")(*args), function(*args), rtol=1e-12, atol=1e-13)
    gradient = srcad.grad(f, every, target="python")(*args)
    for k in every:
        np.testing.assert_allclose(gradient[k], differences(f, list(args), k), rtol=1e-6, atol=1e-8)


def test_compiled_and_float32() -> None:
    f = lambda a: np.sum(ndimage.gaussian_filter(a, 1.1) ** 2) + np.sum(ndimage.map_coordinates(a, AT, order=1))
    value, gradient = srcad.value_and_grad(f)(I)
    assert value == pytest.approx(f(I), rel=1e-12)
    np.testing.assert_allclose(gradient, differences(f, [I], 0), rtol=1e-7, atol=1e-9)
    single = srcad.jit(lambda a: ndimage.gaussian_filter(a, 1.1), target="python")(I.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, ndimage.gaussian_filter(I.astype(np.float32), 1.1), rtol=1e-6)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda a: np.sum(ndimage.map_coordinates(a, AT)), "order 3"),
        (lambda a: np.sum(ndimage.map_coordinates(a, AT, order=1, mode="reflect")), "mode reflect"),
        (lambda a: np.sum(ndimage.maximum_filter(a, footprint=np.ones((2, 2)))), "footprint"),
        (lambda a: np.sum(ndimage.correlate(a, W4)), "another rank"),
        (lambda a: np.sum(ndimage.zoom(a, 2.0)), "zoom"),
    ],
)
def test_refused(call: Any, said: str) -> None:
    with pytest.raises(SrcadError, match=said):
        srcad.grad(call, target="python")(I)
