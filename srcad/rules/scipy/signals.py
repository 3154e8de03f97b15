"""`scipy.signal`: convolutions here, filters in the module beside this."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from srcad.rules.expansions.linalg import floats
from srcad.rules.registry import common_dtype, dtype_of, expands, is_constant, unsupported
from srcad.rules.scipy import filters
from srcad.rules.scipy.image_filters import extended

__all__ = ["filters"]

# ---- convolutions ------------------------------------------------------------------------------


@expands(signal.convolve)
def convolve(in1: Any, in2: Any, mode: Any = "full", method: Any = "auto") -> Any:
    return convolved(np.asarray(in1), np.asarray(in2), mode)


@expands(signal.fftconvolve, signal.oaconvolve)
def fftconvolve(in1: Any, in2: Any, mode: Any = "full", axes: Any = None) -> Any:
    if axes is not None:
        unsupported("scipy.signal.fftconvolve with axes")
    return convolved(floats(np.asarray(in1)), floats(np.asarray(in2)), mode)


@expands(signal.convolve2d)
def convolve2d(in1: Any, in2: Any, mode: Any = "full", boundary: Any = "fill", fillvalue: Any = 0) -> Any:
    x = np.asarray(in1)
    kernel = np.asarray(in2)
    if boundary == "fill" and is_constant(fillvalue) and fillvalue == 0:
        return convolved(x, kernel, mode)
    if mode == "valid":
        return convolved(x, kernel, mode)
    way = {"fill": "constant", "wrap": "wrap", "symm": "reflect"}[boundary]
    wide = floats(x)
    for k in (0, 1):
        wide = extended(wide, k, kernel.shape[k] - 1, kernel.shape[k] - 1, way, fillvalue)
    full = convolved_2(wide, floats(kernel), "full")
    rows = kernel.shape[0] - 1
    columns = kernel.shape[1] - 1
    n = x.shape[0] + rows
    m = x.shape[1] + columns
    full = full[rows : rows + n, columns : columns + m]
    if mode == "full":
        return full
    return full[rows // 2 : rows // 2 + x.shape[0], columns // 2 : columns // 2 + x.shape[1]]


@expands(signal.correlate)
def correlate(in1: Any, in2: Any, mode: Any = "full", method: Any = "auto") -> Any:
    b = np.asarray(in2)
    return convolved(np.asarray(in1), b[::-1] if np.ndim(b) == 1 else b[::-1, ::-1], mode)


def convolved(a: Any, b: Any, mode: Any) -> Any:
    """The sum of shifted copies of the first, one for each entry of the second."""
    if np.ndim(a) != np.ndim(b) or (np.ndim(a) != 1 and np.ndim(a) != 2):
        unsupported("a convolution in scipy.signal of other than two vectors or two matrices")
    if mode not in ("full", "same", "valid"):
        raise ValueError("the mode of a convolution is 'full', 'same' or 'valid'")
    return convolved_1(a, b, mode) if np.ndim(a) == 1 else convolved_2(a, b, mode)


def convolved_1(a: Any, b: Any, mode: Any) -> Any:
    n = a.shape[0]
    m = b.shape[0]
    out = np.zeros(n + m - 1, dtype=common_dtype(dtype_of(a), dtype_of(b)))
    for k in range(m):
        out[k : k + n] += a * b[k]
    if mode == "full":
        return out
    if mode == "same":
        # centred, of the length of the first
        start = (m - 1) // 2
        return out[start : start + n]
    return out[min(n, m) - 1 : max(n, m)]


def convolved_2(a: Any, b: Any, mode: Any) -> Any:
    n_0 = a.shape[0]
    n_1 = a.shape[1]
    m_0 = b.shape[0]
    m_1 = b.shape[1]
    out = np.zeros((n_0 + m_0 - 1, n_1 + m_1 - 1), dtype=common_dtype(dtype_of(a), dtype_of(b)))
    for i in range(m_0):
        for j in range(m_1):
            out[i : i + n_0, j : j + n_1] += a * b[i, j]
    if mode == "full":
        return out
    if mode == "same":
        start_0 = (m_0 - 1) // 2
        start_1 = (m_1 - 1) // 2
        return out[start_0 : start_0 + n_0, start_1 : start_1 + n_1]
    if (n_0 < m_0) != (n_1 < m_1) and n_0 != m_0 and n_1 != m_1:
        raise ValueError("for 'valid' mode, one must be at least as large as the other in every dimension")
    return out[min(n_0, m_0) - 1 : max(n_0, m_0), min(n_1, m_1) - 1 : max(n_1, m_1)]
