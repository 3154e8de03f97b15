"""Linear filters of `scipy.signal`, along one axis, and trends."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage, signal

from srcad.rules.expansions.linalg import floats
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axis_of, common_dtype, compile_time, dtype_of, expands, unsupported

cast = PRIMITIVES["astype"]

# ---- one signal --------------------------------------------------------------------------------


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


def filtered_from(b: Any, a: Any, x: Any, state: Any) -> Any:
    """What is filtered, and the state behind it: what earlier samples add to the next outputs."""
    n = len(state)
    y = np.zeros(x.shape[0], dtype=dtype_of(x))
    z = np.zeros(n + 1, dtype=dtype_of(x))
    z[:n] = state
    for t in range(x.shape[0]):
        y[t] = z[0] + b[0] * x[t]
        for k in range(n):
            z[k] = z[k + 1]
            if k + 1 < b.shape[0]:
                z[k] += b[k + 1] * x[t]
            if k + 1 < a.shape[0]:
                z[k] -= a[k + 1] * y[t]
    return y, z[:n]


def along_axis(x: Any, axis: Any, b: Any, a: Any) -> Any:
    """Each signal of an array of one or two axes, filtered."""
    if np.ndim(x) == 1:
        return filtered(b, a, x)
    if np.ndim(x) != 2:
        unsupported("a filter of scipy.signal along more than two axes")
    rows = x if axis_of(axis, 2) == 1 else x.T
    out = np.zeros(rows.shape, dtype=dtype_of(x))
    for k in range(rows.shape[0]):
        out[k] = filtered(b, a, rows[k])
    return out if axis_of(axis, 2) == 1 else out.T


# ---- filters by their coefficients -------------------------------------------------------------


@expands(signal.lfilter)
def lfilter(b: Any, a: Any, x: Any, axis: Any = -1, zi: Any = None) -> Any:
    samples = floats(np.asarray(x))
    numerator = floats(np.atleast_1d(np.asarray(b)))
    denominator = floats(np.atleast_1d(np.asarray(a)))
    name = common_dtype(dtype_of(samples), dtype_of(numerator), dtype_of(denominator))
    samples = samples if dtype_of(samples) == name else cast(samples, dtype=name)
    numerator = numerator / denominator[0]
    denominator = denominator / denominator[0]
    if zi is None:
        return along_axis(samples, axis, numerator, denominator)
    if np.ndim(samples) != 1:
        unsupported("scipy.signal.lfilter with zi, of more than one axis")
    state = floats(np.asarray(zi))
    if len(state) != max(len(numerator), len(denominator)) - 1:
        raise ValueError("zi has an entry for each coefficient but the first")
    return filtered_from(numerator, denominator, samples, state)


@expands(signal.lfilter_zi)
def lfilter_zi(b: Any, a: Any) -> Any:
    """The state of a signal that has always been 1: Gustafsson (1996)."""
    numerator = floats(np.atleast_1d(np.asarray(b)))
    denominator = floats(np.atleast_1d(np.asarray(a)))
    n = max(len(numerator), len(denominator))
    c = np.zeros(n)
    c[: len(numerator)] = numerator / denominator[0]
    d = np.zeros(n)
    d[: len(denominator)] = denominator / denominator[0]
    system = np.eye(n - 1)
    system[:, 0] += d[1:]
    for k in range(n - 2):
        system[k, k + 1] -= 1.0
    return np.linalg.solve(system, c[1:] - d[1:] * c[0])


@expands(signal.filtfilt)
def filtfilt(
    b: Any,
    a: Any,
    x: Any,
    axis: Any = -1,
    padtype: Any = "odd",
    padlen: Any = None,
    method: Any = "pad",
    irlen: Any = None,
) -> Any:
    samples = floats(np.asarray(x))
    numerator = floats(np.atleast_1d(np.asarray(b)))
    denominator = floats(np.atleast_1d(np.asarray(a)))
    if method != "pad" or np.ndim(samples) != 1:
        unsupported("scipy.signal.filtfilt of more than one axis, or with another method")
    count = 3 * max(len(numerator), len(denominator)) if padlen is None else padlen
    wide = with_ends(samples, padtype, count)
    state = lfilter_zi(numerator, denominator)
    y = lfilter(numerator, denominator, wide, -1, state * wide[0])[0]
    y = lfilter(numerator, denominator, y[::-1], -1, state * y[-1])[0][::-1]
    return y[count : count + len(samples)]


def with_ends(x: Any, padtype: Any, count: Any) -> Any:
    if padtype is None:
        return x
    if len(x) <= count:
        raise ValueError("The length of the input vector x must be greater than padlen")
    if padtype == "odd":
        return np.concatenate((
            2.0 * x[0] - x[1 : count + 1][::-1], x, 2.0 * x[-1] - x[len(x) - 1 - count : len(x) - 1][::-1]
        ))  # fmt: skip
    if padtype == "even":
        return np.concatenate((x[1 : count + 1][::-1], x, x[len(x) - 1 - count : len(x) - 1][::-1]))
    if padtype == "constant":
        return np.concatenate((np.full(count, x[0]), x, np.full(count, x[-1])))
    return unsupported(f"the padding {padtype} of scipy.signal.filtfilt")


# ---- filters by sections -----------------------------------------------------------------------


@expands(signal.sosfilt)
def sosfilt(sos: Any, x: Any, axis: Any = -1, zi: Any = None) -> Any:
    sections = floats(np.asarray(sos))
    y = floats(np.asarray(x))
    if zi is None:
        for k in range(sections.shape[0]):
            y = along_axis(y, axis, sections[k, :3], sections[k, 3:])
        return y
    if np.ndim(y) != 1:
        unsupported("scipy.signal.sosfilt with zi, of more than one axis")
    state = floats(np.asarray(zi))
    behind = np.zeros(state.shape)
    for k in range(sections.shape[0]):
        y, after = filtered_from(sections[k, :3], sections[k, 3:], y, state[k])
        behind[k] = after
    return y, behind


@expands(signal.sosfilt_zi)
def sosfilt_zi(sos: Any) -> Any:
    sections = floats(np.asarray(sos))
    state = np.zeros((sections.shape[0], 2))
    scale = 1.0
    for k in range(sections.shape[0]):
        state[k] = scale * lfilter_zi(sections[k, :3], sections[k, 3:])
        scale = scale * np.sum(sections[k, :3]) / np.sum(sections[k, 3:])
    return state


@expands(signal.sosfiltfilt)
def sosfiltfilt(sos: Any, x: Any, axis: Any = -1, padtype: Any = "odd", padlen: Any = None) -> Any:
    sections = floats(np.asarray(sos))
    samples = floats(np.asarray(x))
    if np.ndim(samples) != 1:
        unsupported("scipy.signal.sosfiltfilt of more than one axis")
    count = 0
    if padlen is None:
        first = 0
        second = 0
        for k in range(sections.shape[0]):
            first += 1 if sections[k, 2] == 0.0 else 0
            second += 1 if sections[k, 5] == 0.0 else 0
        count = 3 * (2 * sections.shape[0] + 1 - min(first, second))
    else:
        count = padlen
    wide = with_ends(samples, padtype, count)
    state = sosfilt_zi(sections)
    y = sosfilt(sections, wide, -1, state * wide[0])[0]
    y = sosfilt(sections, y[::-1], -1, state * y[-1])[0][::-1]
    return y[count : count + len(samples)]


# ---- trends ------------------------------------------------------------------------------------


@expands(signal.detrend)
def detrend(data: Any, axis: Any = -1, type: Any = "linear", bp: Any = 0, overwrite_data: Any = False) -> Any:
    x = floats(np.asarray(data))
    if bp != 0 or overwrite_data or type not in ("linear", "l", "constant", "c"):
        unsupported("scipy.signal.detrend with breaks, or overwriting")
    level = x - np.mean(x, axis=axis, keepdims=True)
    if type == "constant" or type == "c":
        return level
    moved = np.moveaxis(level, axis, -1)
    n = moved.shape[-1]
    place = np.arange(n) - 0.5 * (n - 1.0)
    slope = np.sum(moved * place, axis=-1, keepdims=True) / np.sum(place * place)
    return np.moveaxis(moved - slope * place, -1, axis)


@compile_time
def fits_of_window(length: int, order: int, deriv: int, delta: float) -> Any:
    """What gives the polynomial that fits a window, or a derivative of it, at each of its points."""
    places = np.arange(length) - 0.5 * (length - 1)
    powers = np.vander(places, order + 1, increasing=True)
    values = np.zeros((length, order + 1))
    for k in range(deriv, order + 1):
        factor = np.prod(np.arange(k - deriv + 1, k + 1)) if deriv else 1.0
        values[:, k] = factor * places ** (k - deriv) / delta**deriv
    return tuple((values @ np.linalg.pinv(powers)).ravel().tolist())


@expands(signal.savgol_filter)
def savgol_filter(
    x: Any,
    window_length: Any,
    polyorder: Any,
    deriv: Any = 0,
    delta: Any = 1.0,
    axis: Any = -1,
    mode: Any = "interp",
    cval: Any = 0.0,
) -> Any:
    y = floats(np.asarray(x))
    if mode != "interp" or np.ndim(y) != 1 or window_length % 2 == 0:
        unsupported("scipy.signal.savgol_filter with another mode, of more than one axis, or with an even window")
    fits = np.array([*fits_of_window(window_length, polyorder, deriv, delta)]).reshape((window_length, window_length))
    n = len(y)
    half = window_length // 2
    if n < window_length:
        raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
    out = np.zeros(n)
    for j in range(window_length):
        out[half : n - half] += fits[half, j] * y[j : j + n - window_length + 1]
    out[:half] = fits[:half] @ y[:window_length]
    out[n - half :] = fits[half + 1 :] @ y[n - window_length :]
    return out


@expands(signal.medfilt)
def medfilt(volume: Any, kernel_size: Any = 3) -> Any:
    return ndimage.median_filter(volume, kernel_size, mode="constant")


@expands(signal.upfirdn)
def upfirdn(h: Any, x: Any, up: Any = 1, down: Any = 1, axis: Any = -1, mode: Any = "constant", cval: Any = 0) -> Any:
    weights = floats(np.asarray(h))
    samples = floats(np.asarray(x))
    if np.ndim(samples) != 1 or np.ndim(weights) != 1 or mode != "constant" or cval != 0:
        unsupported("scipy.signal.upfirdn of more than one axis, or with a mode")
    spread = np.zeros((len(samples) - 1) * up + 1)
    spread[::up] = samples
    return np.convolve(spread, weights)[::down]
