"""`np.fft`: transforms along one axis or several, by those that are primitives; frequencies and shifts."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.shapes import stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import axis_of, compile_time, expands

forward_1 = PRIMITIVES["np.fft.fft"]
inverse_1 = PRIMITIVES["np.fft.ifft"]
forward_real = PRIMITIVES["np.fft.rfft"]
inverse_real = PRIMITIVES["np.fft.irfft"]
forward_hermitian = PRIMITIVES["np.fft.hfft"]
inverse_hermitian = PRIMITIVES["np.fft.ihfft"]
forward_n = PRIMITIVES["np.fft.fftn"]
inverse_n = PRIMITIVES["np.fft.ifftn"]


@compile_time
def place(axis: int, rank: int) -> int | None:
    """The axis as a primitive has it: None for the last one."""
    k = axis_of(axis, rank)
    return None if k == rank - 1 else k


@compile_time
def places(axes: Any, count: int | None, rank: int) -> tuple[int, ...]:
    """The axes of a transform, in their order: the last ones where only their number is said."""
    given = range(rank - (rank if count is None else count), rank) if axes is None else axes
    return tuple(axis_of(k, rank) for k in given)


@compile_time
def all_or(axes: tuple[int, ...], rank: int) -> tuple[int, ...] | None:
    """The axes as a primitive has them: None for all, in their order."""
    return None if axes == tuple(range(rank)) else axes


@compile_time
def scaling(norm: Any) -> str | None:
    """The scaling as a primitive has it: None for the default."""
    if norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return None if norm == "backward" else norm


# ---- along one axis -----------------------------------------------------------------------------


def along(transform: Any, a: Any, n: Any, axis: Any, norm: Any) -> Any:
    x = np.asarray(a)
    if np.ndim(x) == 0:
        raise IndexError("tuple index out of range")
    if n is None:
        return transform(x, axis=place(axis, np.ndim(x)), norm=scaling(norm))
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return transform(x, n, axis=place(axis, np.ndim(x)), norm=scaling(norm))


@expands(np.fft.fft)
def fft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    return stored(along(forward_1, a, n, axis, norm), out)


@expands(np.fft.ifft)
def ifft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    return stored(along(inverse_1, a, n, axis, norm), out)


@expands(np.fft.rfft)
def rfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    return stored(along(forward_real, a, n, axis, norm), out)


@expands(np.fft.irfft)
def irfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    return stored(along(inverse_real, a, n, axis, norm), out)


@expands(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    return stored(along(forward_hermitian, a, n, axis, norm), out)


@expands(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    return stored(along(inverse_hermitian, a, n, axis, norm), out)


# ---- along several axes -------------------------------------------------------------------------


def along_all(whole: Any, one: Any, a: Any, s: Any, axes: Any, norm: Any) -> Any:
    """The transform along each of the axes, the last one first; in one call where no length is given."""
    x = np.asarray(a)
    chosen = places(axes, None if s is None else len(s), np.ndim(x))
    if s is None:
        return whole(x, axes=all_or(chosen, np.ndim(x)), norm=scaling(norm))
    if len(s) != len(chosen):
        raise ValueError("Shape and axes have different lengths.")
    for j in range(len(chosen) - 1, -1, -1):
        x = along(one, x, None if s[j] == -1 else s[j], chosen[j], norm)
    return x


@expands(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    return stored(along_all(forward_n, forward_1, a, s, axes, norm), out)


@expands(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    return stored(along_all(inverse_n, inverse_1, a, s, axes, norm), out)


@expands(np.fft.fft2)
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return fftn(a, s, axes, norm, out)


@expands(np.fft.ifft2)
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return ifftn(a, s, axes, norm, out)


@expands(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    x = np.asarray(a)
    chosen = places(axes, None if s is None else len(s), np.ndim(x))
    last = len(chosen) - 1
    y = along(forward_real, x, None if s is None else s[last], chosen[last], norm)
    if last > 0:
        y = along_all(forward_n, forward_1, y, None if s is None else s[:last], chosen[:last], norm)
    return stored(y, out)


@expands(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    y = np.asarray(a)
    chosen = places(axes, None if s is None else len(s), np.ndim(y))
    last = len(chosen) - 1
    if last > 0:
        y = along_all(inverse_n, inverse_1, y, None if s is None else s[:last], chosen[:last], norm)
    return stored(along(inverse_real, y, None if s is None else s[last], chosen[last], norm), out)


@expands(np.fft.rfft2)
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return rfftn(a, s, axes, norm, out)


@expands(np.fft.irfft2)
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return irfftn(a, s, axes, norm, out)


# ---- frequencies and shifts ---------------------------------------------------------------------


@expands(np.fft.fftfreq)
def fftfreq(n: Any, d: Any = 1.0) -> Any:
    return np.concatenate((np.arange(0, (n - 1) // 2 + 1), np.arange(-(n // 2), 0))) * (1.0 / (n * d))


@expands(np.fft.rfftfreq)
def rfftfreq(n: Any, d: Any = 1.0) -> Any:
    return np.arange(0, n // 2 + 1) * (1.0 / (n * d))


@compile_time
def shifted_axes(axes: Any, rank: int) -> tuple[int, ...]:
    return tuple(
        axis_of(k, rank) for k in (range(rank) if axes is None else (axes,) if isinstance(axes, int) else axes)
    )


@expands(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    y = np.asarray(x)
    for k in shifted_axes(axes, np.ndim(y)):
        y = np.roll(y, y.shape[k] // 2, k)
    return y


@expands(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    y = np.asarray(x)
    for k in shifted_axes(axes, np.ndim(y)):
        y = np.roll(y, -(y.shape[k] // 2), k)
    return y
