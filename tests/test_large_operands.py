"""What compiled code does with large arrays, slices and rows: memory, products, extremes, sums."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad

NUMBERS = np.random.default_rng(3)


# ---- huge pages --------------------------------------------------------------------------------


def huge_pages() -> bool:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return sys.platform == "linux" and setting.exists() and "[never]" not in setting.read_text()


@pytest.mark.skipif(not huge_pages(), reason="the system has no huge pages")
def test_large_arrays_ask_for_huge_pages() -> None:
    """A page of 4 KB a fault would be 16,384 faults for 64 MB."""
    import resource

    double = srcad.jit(lambda x: 2.0 * x)
    x = np.ones(2**23)
    double(x)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    found = double(x)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 8000
    assert found[0] == found[-1] == 2.0


@pytest.mark.parametrize("extra", [-1, 0, 1, 513])
def test_arrays_about_the_least_large_one(extra: int) -> None:
    x = NUMBERS.random(2**19 + extra)
    np.testing.assert_array_equal(srcad.jit(lambda x: 2.0 * x)(x), 2.0 * x)


# ---- products of slices ------------------------------------------------------------------------


def matrices(rows: int, columns: int, dtype: Any) -> Iterator[Any]:
    """A matrix that is not known to be contiguous, in several forms of memory: to the compiler all are of one type."""
    big = NUMBERS.random((2 * rows + 3, 2 * columns + 3)).astype(dtype)
    yield big[1 : 1 + rows, 1 : 1 + columns]
    yield big[: 2 * rows : 2, 1 : 1 + columns]
    yield big[1 : 1 + rows, : 2 * columns : 2]
    yield np.asfortranarray(big)[1 : 1 + rows, 1 : 1 + columns]
    yield big[:rows, :columns][::-1]
    yield big[:rows, :columns][:, ::-1]
    yield np.lib.stride_tricks.as_strided(big, (rows, columns), (0, big.itemsize))
    yield np.lib.stride_tricks.as_strided(big, (rows, columns), (big.itemsize, big.itemsize))


def vectors(length: int, dtype: Any) -> Iterator[Any]:
    yield NUMBERS.random(2 * length).astype(dtype)[::2]
    yield NUMBERS.random(length).astype(dtype)[::-1]


PRODUCT = srcad.jit(lambda a, b: a @ b)
LENGTHS = [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 1), (0, 4, 5), (3, 0, 5), (3, 4, 0), (20, 30, 17)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products_of_slices(dtype: Any) -> None:
    close = {"rtol": 1e-12 if dtype is np.float64 else 1e-5}
    for n, m, k in LENGTHS:
        for a in matrices(n, m, dtype):
            for b in matrices(m, k, dtype):
                np.testing.assert_allclose(PRODUCT(a, b), a @ b, **close)
            if dtype is np.float32:
                continue
            for b in vectors(m, dtype):
                np.testing.assert_allclose(PRODUCT(a, b), a @ b, **close)
            for b in vectors(n, dtype):
                np.testing.assert_allclose(PRODUCT(b, a), b @ a, **close)


def test_a_product_with_itself() -> None:
    x = NUMBERS.random((9, 12))[:, 2:11]
    np.testing.assert_allclose(PRODUCT(x, x), x @ x, rtol=1e-13)
    np.testing.assert_allclose(PRODUCT(x.T, x), x.T @ x, rtol=1e-13)


def covariance(x: Any) -> Any:
    x = x - np.mean(x, axis=0)
    total = 0.0
    for i in range(x.shape[1]):
        total = total + np.sum((x[:, i] @ x[:, i:]) ** 2)
    return total


def test_the_gradient_of_products_of_slices() -> None:
    x = NUMBERS.random((11, 7))
    np.testing.assert_allclose(
        srcad.grad(covariance)(x), srcad.grad(covariance, target="python")(x), rtol=1e-11, atol=1e-13
    )
    srcad.check_grad(covariance, x)


@pytest.mark.parametrize("lengths", [((6, 4), (3,)), ((3,), (2, 4)), ((3, 8), (3, 3))])
def test_lengths_that_do_not_fit(lengths: Any) -> None:
    a, b = (np.ones([2 * n for n in shape])[tuple(slice(n) for n in shape)] for shape in lengths)
    with pytest.raises(ValueError, match="do not fit"):
        PRODUCT(a, b)


# ---- extremes ----------------------------------------------------------------------------------

ENDS = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extremes_of_two_numbers(dtype: Any) -> None:
    a, b = np.array(list(itertools.product(ENDS, ENDS)), dtype).T.copy()
    for f, made in (
        (np.maximum, srcad.jit(lambda a, b: np.maximum(a, b))),
        (np.minimum, srcad.jit(lambda a, b: np.minimum(a, b))),
    ):
        found = made(a, b)
        np.testing.assert_array_equal(found, f(a, b))
        assert found.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extremes_of_an_array(dtype: Any) -> None:
    largest, smallest = srcad.jit(lambda x: np.max(x)), srcad.jit(lambda x: np.min(x))
    for n, special in itertools.product([1, 2, 9, 33, 100], [0.0, np.nan, np.inf, -np.inf]):
        for at in {0, n // 2, n - 1}:
            x = NUMBERS.normal(size=n).astype(dtype)
            x[at] = special
            np.testing.assert_array_equal(largest(x), np.max(x))
            np.testing.assert_array_equal(smallest(x), np.min(x))


def along_last(x: Any) -> Any:
    return np.max(x, axis=-1)


def over_two(x: Any) -> Any:
    return np.min(x, axis=(-2, -1), keepdims=True)


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("f", [along_last, over_two])
def test_extremes_along_the_last_axes(f: Any, target: Any) -> None:
    made = srcad.jit(f, target=target)
    for shape in [(2, 3, 4), (1, 1, 1), (2, 3, 2, 10)]:
        x = NUMBERS.normal(size=shape)
        for y in (x, NUMBERS.normal(size=shape[::-1]).T, np.where(x > 0.5, np.nan, x)):
            np.testing.assert_array_equal(made(y), f(y))
    assert made(np.ones((0, 3, 4))).shape == f(np.ones((0, 3, 4))).shape
    with pytest.raises(ValueError, match="no items|zero-size"):
        made(np.ones((2, 3, 0)))


@pytest.mark.parametrize("f", [along_last, over_two])
def test_the_gradient_of_an_extreme_along_the_last_axes(f: Any) -> None:
    weighted = srcad.value_and_grad(lambda x, w: np.sum(f(x) ** 2 * w), target="python")
    x = NUMBERS.normal(size=(2, 3, 4))
    x[0, 1, 2] = x[0, 1, 0] = 9.0  # two that tie share the adjoint
    _, d_x = weighted(x, 1.0)
    y = f(x) if f(x).ndim == 3 else f(x)[..., None]
    ties = x == y
    np.testing.assert_allclose(
        d_x, 2.0 * y * ties / np.sum(ties, axis=-1 if f is along_last else (1, 2), keepdims=True)
    )
    assert "transpose" not in weighted.source_for(x, 1.0)


# ---- float32 -----------------------------------------------------------------------------------


def rectified(x: Any, y: Any) -> Any:
    return np.sum(np.maximum(2 * x - 1, 0) * np.minimum(y, 1) / 3)


def test_float32_beside_literal_integers() -> None:
    """It is computed in float32, and its sum in parts: 400,000 terms one by one would lose four digits."""
    x, y = NUMBERS.random((2, 100, 4000)).astype(np.float32)
    made = srcad.jit(rectified)
    text = made.specialisation(x, y).generated.machine_text()
    assert "np.float32(0.0)" in text and "plus(" in text
    found = made(x, y)
    assert isinstance(found, np.float32)
    np.testing.assert_allclose(found, rectified(x.astype(float), y.astype(float)), rtol=1e-5)
    gradient = srcad.grad(rectified, (0, 1))
    for have, want in zip(gradient(x, y), gradient(x.astype(float), y.astype(float)), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-7)
