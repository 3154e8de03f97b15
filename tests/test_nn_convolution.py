"""Convolution and pooling against loops written out here, and their gradients against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from srcad import nn
from srcad.runtime import correlate_2d_kernel_adjoint

rng = np.random.default_rng(11)
X = rng.normal(size=(2, 3, 7, 6))
PARAMS = {"kernel": rng.normal(size=(4, 3, 3, 2)), "bias": rng.normal(size=4)}


def patches(x: Any, rows: int, columns: int, stride: int) -> Any:
    """(batch, channels, height, width, rows, columns)"""
    windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(2, 3))
    return windows[:, :, ::stride, ::stride]


def correlated(params: Any, x: Any, padding: int, stride: int) -> Any:
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = patches(x, *params["kernel"].shape[2:], stride)
    return np.einsum("bcijmn,kcmn->bkij", windows, params["kernel"]) + params["bias"][:, None, None]


geometry = pytest.mark.parametrize("padding, stride", [(0, 1), (1, 1), (0, 2), (2, 3), (1, 7)])


@geometry
def test_conv2d(padding: int, stride: int) -> None:
    want = correlated(PARAMS, X, padding, stride)
    np.testing.assert_allclose(nn.conv2d(PARAMS, X, padding, stride), want, rtol=1e-12, atol=1e-14)

    def total(params: Any, x: Any) -> Any:
        return np.sum(np.sin(nn.conv2d(params, x, padding, stride)))

    srcad.check_grad(total, PARAMS, X[:, :, :5], argnums=(0, 1), target="python")


@pytest.mark.parametrize("shape", [(0, 3, 5, 5), (1, 3, 3, 2), (1, 1, 5, 5)])
def test_conv2d_of_small_batches(shape: tuple[int, ...]) -> None:
    params = {"kernel": PARAMS["kernel"][:, : shape[1]], "bias": PARAMS["bias"]}
    x = rng.normal(size=shape)
    np.testing.assert_allclose(nn.conv2d(params, x), correlated(params, x, 0, 1), rtol=1e-12, atol=1e-14)
    gradient = srcad.grad(lambda x: np.sum(nn.conv2d(params, x) ** 2), target="python")(x)
    assert gradient.shape == shape


@pytest.mark.parametrize("size, stride", [((9, 13), 1), ((17, 25), 2), ((26, 27), 1)])
def test_kernel_adjoint_of_more_images_than_are_taken_together(size: tuple[int, int], stride: int) -> None:
    x, kernel = rng.normal(size=(11, 2, *size)), np.zeros((3, 2, 2, 3))
    windows = patches(x, 2, 3, stride)
    d_y = rng.normal(size=(11, 3, *windows.shape[2:4]))
    want = np.einsum("bcijmn,bkij->kcmn", windows, d_y)
    np.testing.assert_allclose(correlate_2d_kernel_adjoint(x, kernel, d_y, stride), want, rtol=1e-11, atol=1e-11)


def test_second_derivatives_of_conv2d() -> None:
    def total(kernel: Any, x: Any) -> Any:
        return np.sum(nn.conv2d({"kernel": kernel, "bias": PARAMS["bias"]}, x, 1, 2) ** 3)

    kernel, x = PARAMS["kernel"], X[:1]
    v, w = rng.normal(size=kernel.shape), rng.normal(size=x.shape)
    gradient = srcad.grad(total, (0, 1), target="python")
    found = srcad.hvp(total, (kernel, x), (v, w), argnums=(0, 1), target="python")
    h = 1e-5
    ahead, behind = gradient(kernel + h * v, x + h * w), gradient(kernel - h * v, x - h * w)
    for one, a, b in zip(found, ahead, behind):
        np.testing.assert_allclose(one, (a - b) / (2.0 * h), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("x_dtype, dtype", [(np.float32, np.float32), (np.float64, np.float32), (np.uint8, np.float32)])
def test_dtypes_of_conv2d(x_dtype: Any, dtype: Any) -> None:
    x = (X * 10.0 + 50.0).astype(x_dtype)
    params = {name: value.astype(dtype) for name, value in PARAMS.items()}
    want = np.float64 if x_dtype == np.float64 else np.float32
    y = nn.conv2d(params, x)
    assert y.dtype == want
    np.testing.assert_allclose(y, correlated(params, x.astype(np.float64), 0, 1), rtol=2e-3, atol=2e-3)
    gradient = srcad.grad(lambda p, x: np.sum(nn.conv2d(p, x)), target="python")(params, x)
    assert gradient["kernel"].dtype == dtype
    sums = np.sum(patches(x.astype(np.float64), 3, 2, 1), axis=(0, 2, 3))
    np.testing.assert_allclose(gradient["kernel"][0], sums, rtol=1e-4)


def test_arguments_of_conv2d() -> None:
    for params, x, padding, stride in [
        (PARAMS, X[:, :2], 0, 1),
        (PARAMS, X[:, :, :2], 0, 1),
        ({"kernel": PARAMS["kernel"], "bias": np.zeros(3)}, X, 0, 1),
        ({"kernel": PARAMS["kernel"], "bias": np.zeros(5)}, X, 0, 1),
        (PARAMS, X, -1, 1),
        (PARAMS, X, 0, 0),
    ]:
        with pytest.raises(ValueError):
            nn.conv2d(params, x, padding, stride)
        with pytest.raises((ValueError, srcad.SrcadError)):
            srcad.grad(lambda p, x: np.sum(nn.conv2d(p, x, padding, stride)), target="python")(params, x)


@pytest.mark.parametrize("size, stride", [(1, 1), (2, None), (2, 1), (3, 2), (2, 3)])
def test_pooling(size: int, stride: int | None) -> None:
    windows = patches(X, size, size, size if stride is None else stride)
    np.testing.assert_array_equal(nn.max_pool2d(X, size, stride), np.max(windows, axis=(4, 5)))
    np.testing.assert_allclose(nn.average_pool2d(X, size, stride), np.mean(windows, axis=(4, 5)), rtol=1e-13)
    for pool in (nn.max_pool2d, nn.average_pool2d):
        srcad.check_grad(lambda x: np.sum(np.sin(pool(x, size, stride))), X[:1, :2], target="python")


def test_the_first_of_a_tie_gets_the_derivative() -> None:
    gradient = srcad.grad(lambda x: np.sum(nn.max_pool2d(x, 2)), target="python")(np.zeros((1, 1, 2, 4)))
    np.testing.assert_array_equal(gradient[0, 0], [[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])


@pytest.mark.parametrize("target", ["cpu", "python"])
@pytest.mark.parametrize("size, stride", [(2, None), (3, 1), (2, 3)])
def test_the_derivative_goes_to_the_first_of_the_largest(size: int, stride: int | None, target: Any) -> None:
    x = rng.integers(-1, 2, size=(3, 2, 7, 8)).astype(np.float32)
    step = size if stride is None else stride
    windows = patches(x, size, size, step)
    cotangent = rng.normal(size=windows.shape[:4]).astype(np.float32)
    want = np.zeros_like(x)
    for b, c, i, j in np.ndindex(cotangent.shape):
        m, n = np.unravel_index(np.argmax(windows[b, c, i, j]), (size, size))
        want[b, c, i * step + m, j * step + n] += cotangent[b, c, i, j]
    pooled = srcad.grad(lambda x, w: np.sum(nn.max_pool2d(x, size, stride) * w), target=target)
    np.testing.assert_allclose(pooled(x, cotangent), want, rtol=1e-6)
    np.testing.assert_allclose(pooled(x[:, :, ::-1, ::-1][:, :, ::-1, ::-1], cotangent), want, rtol=1e-6)


@pytest.mark.parametrize("size, stride", [(2, 0), (0, 1), (2, -1), (0, None)])
def test_windows_of_no_size_or_stride(size: int, stride: int | None) -> None:
    for pool in (nn.max_pool2d, nn.average_pool2d):
        with pytest.raises(ValueError, match="a window of"):
            pool(X, size, stride)
        with pytest.raises(ValueError, match="a window of"):
            srcad.grad(lambda x, size: np.sum(pool(x, size, stride)), target="python")(X, size)


def test_tangents_and_second_derivatives_of_pooling() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(nn.max_pool2d(x, 2)) * nn.max_pool2d(x * x, 3, 1)[:, :, ::2, ::2][:, :, :1, :1])

    x, t = X[:1, :1], rng.normal(size=X[:1, :1].shape)
    gradient = srcad.grad(f, target="python")
    _, slope = srcad.jvp(f, (x,), (t,), target="python")
    np.testing.assert_allclose(slope, np.sum(gradient(x) * t), rtol=1e-12)
    h = 1e-5
    by_differences = (gradient(x + h * t) - gradient(x - h * t)) / (2.0 * h)
    np.testing.assert_allclose(srcad.hvp(f, (x,), (t,), target="python"), by_differences, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("at", [(0, 0), (0, 1), (1, 1)])
def test_nan_is_the_largest(at: tuple[int, int]) -> None:
    x = np.arange(4.0).reshape(1, 1, 2, 2)
    x[0, 0][at] = np.nan
    assert np.isnan(nn.max_pool2d(x, 2)[0, 0, 0, 0])


def test_windows_that_do_not_fit() -> None:
    for pool in (nn.max_pool2d, nn.average_pool2d):
        with pytest.raises(ValueError):
            pool(X, 7)


def test_compiled() -> None:
    def total(params: Any, x: Any) -> Any:
        return np.sum(np.sin(nn.average_pool2d(nn.max_pool2d(nn.conv2d(params, x, 1, 1), 2), 2, 1)))

    narrow = {name: value.astype(np.float32) for name, value in PARAMS.items()}
    found, by_x = srcad.grad(total, (0, 1))(narrow, X.astype(np.float32))
    wide, wide_by_x = srcad.grad(total, (0, 1), target="python")(PARAMS, X)
    assert found["kernel"].dtype == by_x.dtype == np.float32
    for name in found:
        np.testing.assert_allclose(found[name], wide[name], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(by_x, wide_by_x, rtol=1e-3, atol=1e-4)
