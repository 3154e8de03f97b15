"""Convolution of images, and the pooling of what it gives: arrays of shape (batch, channels, height, width)."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.nn.dtypes import as_dtype, as_floats, float_dtype
from srcad.rules.registry import common_dtype, dtype_of
from srcad.runtime import correlate_2d, max_pool_2d


def conv2d(params: Any, x: Any, padding: int = 0, stride: int = 1) -> Any:
    """The products of kernels with each patch of images, as `scipy.signal.correlate`, plus a bias for each output.

    x of shape (batch, channels, height, width), kernel of (outputs, channels, rows, columns), bias of (outputs,); the
    result is (batch, outputs, (height + 2 padding - rows) // stride + 1, ...). `padding` lines of zeros are put around
    each image. A ValueError is raised where the kernel is larger than that.

    >>> params = {"kernel": np.ones((1, 1, 2, 2)), "bias": np.zeros(1)}
    >>> conv2d(params, np.arange(9.0).reshape(1, 1, 3, 3))
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    if padding < 0 or stride < 1:
        raise ValueError(f"a padding of {padding} and a stride of {stride}")
    x, kernel = np.asarray(x), np.asarray(params["kernel"])
    if kernel.shape[1] != x.shape[1] or kernel.shape[0] != len(params["bias"]):
        raise ValueError(
            f"a kernel of {kernel.shape[1]} channels and {kernel.shape[0]} outputs "
            f"for images of {x.shape[1]} channels and a bias of {len(params['bias'])}"
        )
    dtype = float_dtype(common_dtype(dtype_of(x), dtype_of(kernel)))
    image = zero_padded(as_dtype(x, dtype), padding)
    check_window(image, kernel.shape[2], kernel.shape[3])
    y = correlate_2d(image, as_dtype(kernel, dtype), stride)
    y += as_dtype(params["bias"], dtype)[:, None, None]
    return y


def zero_padded(x: Any, padding: int) -> Any:
    """Images with lines of zeros around them.

    >>> zero_padded(np.ones((1, 1, 1, 1)), 1)[0, 0]
    array([[0., 0., 0.],
           [0., 1., 0.],
           [0., 0., 0.]])
    """
    if padding == 0:
        return x
    height, width = x.shape[2], x.shape[3]
    padded = np.zeros((x.shape[0], x.shape[1], height + 2 * padding, width + 2 * padding), x.dtype)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    return padded


def check_window(x: Any, rows: int, columns: int) -> None:
    """Raise a ValueError where images are smaller than a window, which then has no place."""
    if x.shape[2] < rows or x.shape[3] < columns:
        raise ValueError(f"a window of {rows} by {columns} for images of {x.shape[2]} by {x.shape[3]}")


def max_pool2d(x: Any, size: int, stride: int | None = None) -> Any:
    """The largest entry of each window of `size` by `size`; windows are `stride` (by default `size`) apart.

    Of entries that tie the first is taken, and gets the derivative; NaN is taken before all. Lines at the end that fill
    no window are left out.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    x = np.asarray(x)
    step = size if stride is None else stride
    if size < 1 or step < 1:
        raise ValueError(f"a window of {size} and a stride of {step}")
    check_window(x, size, size)
    return max_pool_2d(x, size, step)


def average_pool2d(x: Any, size: int, stride: int | None = None) -> Any:
    """The mean of each window of `size` by `size`; windows are `stride` (by default `size`) apart.

    >>> average_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    x = as_floats(np.asarray(x))
    step = size if stride is None else stride
    if size < 1 or step < 1:
        raise ValueError(f"a window of {size} and a stride of {step}")
    check_window(x, size, size)
    out = np.empty((x.shape[0], x.shape[1], (x.shape[2] - size) // step + 1, (x.shape[3] - size) // step + 1), x.dtype)
    for b in range(out.shape[0]):
        for c in range(out.shape[1]):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    out[b, c, i, j] = np.mean(x[b, c, i * step : i * step + size, j * step : j * step + size])
    return out
