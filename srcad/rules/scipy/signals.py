"""`scipy.signal`: filters and convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from srcad.rules.expansions.linalg import floats
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axis_of, common_dtype, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]

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
    if boundary != "fill" or fillvalue != 0:
        unsupported("scipy.signal.convolve2d with a boundary that is not filled with zeros")
    return convolved(np.asarray(in1), np.asarray(in2), mode)


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


# ---- filters -----------------------------------------------------------------------------------


@expands(signal.lfilter)
def lfilter(b: Any, a: Any, x: Any, axis: Any = -1, zi: Any = None) -> Any:
    if zi is not None:
        unsupported("scipy.signal.lfilter with zi")
    samples = floats(np.asarray(x))
    numerator = floats(np.atleast_1d(np.asarray(b)))
    denominator = floats(np.atleast_1d(np.asarray(a)))
    name = common_dtype(dtype_of(samples), dtype_of(numerator), dtype_of(denominator))
    samples = samples if dtype_of(samples) == name else cast(samples, dtype=name)
    if np.ndim(samples) == 1:
        return filtered(numerator / denominator[0], denominator / denominator[0], samples)
    if np.ndim(samples) != 2:
        unsupported("scipy.signal.lfilter of more than two axes")
    rows = samples if axis_of(axis, 2) == 1 else samples.T
    out = np.zeros(rows.shape, dtype=name)
    for k in range(rows.shape[0]):
        out[k] = filtered(numerator / denominator[0], denominator / denominator[0], rows[k])
    return out if axis_of(axis, 2) == 1 else out.T


def filtered(b: Any, a: Any, x: Any) -> Any:
    """y[t] + a[1] y[t - 1] + ... = b[0] x[t] + b[1] x[t - 1] + ..."""
    y = np.zeros(x.shape[0], dtype=dtype_of(x))
    for t in range(x.shape[0]):
        total = b[0] * x[t]
        for k in range(1, min(t + 1, b.shape[0])):
            total += b[k] * x[t - k]
        for k in range(1, min(t + 1, a.shape[0])):
            total -= a[k] * y[t - k]
        y[t] = total
    return y


@expands(signal.sosfilt)
def sosfilt(sos: Any, x: Any, axis: Any = -1, zi: Any = None) -> Any:
    if zi is not None:
        unsupported("scipy.signal.sosfilt with zi")
    sections = floats(np.asarray(sos))
    y = floats(np.asarray(x))
    if np.ndim(y) != 1:
        unsupported("scipy.signal.sosfilt of more than one axis")
    for k in range(sections.shape[0]):
        y = filtered(sections[k, :3], sections[k, 3:], y)
    return y
