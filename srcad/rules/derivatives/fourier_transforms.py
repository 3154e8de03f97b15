"""Adjoints of `np.fft`, with its own functions, as its documentation pairs them.

All are linear, so each is its own tangent. The matrix of `fft` is symmetric, and so is that of `ifft`: each is its own
adjoint (`rules/complex_numbers` has the convention). `rfft` leaves out the bins that are conjugates of others, `hfft`
and `irfft` let each bin stand for both of a pair: but for the bin of frequency 0, and for an even length the last, a
bin counts twice. With inner bins halved or doubled, `hfft` is the adjoint of `rfft` and `irfft` that of `ihfft`.

The transforms of one axis are cut or filled with zeros to `n` first: what is cut off has the derivative 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.rules.primitives import row
from srcad.rules.registry import at_axis, axis_of, compile_time, dtype_of, vjp

# ---- primitives --------------------------------------------------------------------------------


def _along_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """The transform along one axis, the last one where it is None.

    It is asked for types with one item along each axis, of which `irfft` and `hfft` make none: then of two.
    """

    def evaluate(a: Any, n: Any = None, axis: Any = None, norm: Any = None) -> Any:
        return function(a, 2 if n is None and a.size == 1 else n, -1 if axis is None else axis, norm)

    return evaluate


def _along_several(function: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(a: Any, axes: Any = None, norm: Any = None) -> Any:
        return function(a, axes=axes, norm=norm)

    return evaluate


_OPAQUE: dict[str, Any] = {"linear": (0,), "layout": "C", "noun": "transform", "interpreted": True}
for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    row(f"np.fft.{_name}", _along_one(getattr(np.fft, _name)), "linalg", **_OPAQUE)
for _name in ("fftn", "ifftn"):
    row(f"np.fft.{_name}", _along_several(getattr(np.fft, _name)), "linalg", **_OPAQUE, dims="...->...")


# ---- bins --------------------------------------------------------------------------------------


@compile_time
def place_of(axis: Any, rank: int) -> int:
    """The axis as a non-negative one; None is the last."""
    return axis_of(-1 if axis is None else axis, rank)


def fitted(d: Any, like: Any, k: Any) -> Any:
    """`d` with the length of `like` along the axis k: cut off, or followed by zeros."""
    out = np.zeros(like.shape, dtype=dtype_of(d))
    n = min(d.shape[k], like.shape[k])
    out[at_axis(np.ndim(d), k, slice(0, n))] = d[at_axis(np.ndim(d), k, slice(0, n))]
    return out


def with_inner_bins(d: Any, n: Any, k: Any, factor: Any) -> Any:
    """The bins of a real signal of length n, those multiplied that stand for two of its coefficients."""
    bins = np.copy(d)
    bins[at_axis(np.ndim(d), k, slice(1, (n + 1) // 2))] *= factor
    return bins


# ---- rules -------------------------------------------------------------------------------------


@vjp("np.fft.fft")
def fft(d_y: Any, y: Any, a: Any, *n: Any, axis: Any = None, norm: Any = None) -> Any:
    d_a = np.fft.fft(d_y, axis=-1 if axis is None else axis, norm=norm)
    return (d_a,) if len(n) == 0 else (fitted(d_a, a, place_of(axis, np.ndim(a))), None)


@vjp("np.fft.ifft")
def ifft(d_y: Any, y: Any, a: Any, *n: Any, axis: Any = None, norm: Any = None) -> Any:
    d_a = np.fft.ifft(d_y, axis=-1 if axis is None else axis, norm=norm)
    return (d_a,) if len(n) == 0 else (fitted(d_a, a, place_of(axis, np.ndim(a))), None)


@vjp("np.fft.fftn")
def fftn(d_y: Any, y: Any, a: Any, axes: Any = None, norm: Any = None) -> Any:
    return np.fft.fftn(d_y, axes=axes, norm=norm)


@vjp("np.fft.ifftn")
def ifftn(d_y: Any, y: Any, a: Any, axes: Any = None, norm: Any = None) -> Any:
    return np.fft.ifftn(d_y, axes=axes, norm=norm)


@vjp("np.fft.rfft")
def rfft(d_y: Any, y: Any, a: Any, *n: Any, axis: Any = None, norm: Any = None) -> Any:
    k = place_of(axis, np.ndim(a))
    length = a.shape[k] if len(n) == 0 else n[0]
    d_a = np.fft.hfft(with_inner_bins(d_y, length, k, 0.5), length, -1 if axis is None else axis, norm)
    return (d_a,) if len(n) == 0 else (fitted(d_a, a, k), None)


@vjp("np.fft.ihfft")
def ihfft(d_y: Any, y: Any, a: Any, *n: Any, axis: Any = None, norm: Any = None) -> Any:
    k = place_of(axis, np.ndim(a))
    length = a.shape[k] if len(n) == 0 else n[0]
    d_a = np.fft.irfft(with_inner_bins(d_y, length, k, 0.5), length, -1 if axis is None else axis, norm)
    return (d_a,) if len(n) == 0 else (fitted(d_a, a, k), None)


@vjp("np.fft.irfft")
def irfft(d_y: Any, y: Any, a: Any, *n: Any, axis: Any = None, norm: Any = None) -> Any:
    k = place_of(axis, np.ndim(a))
    d_a = with_inner_bins(np.fft.ihfft(d_y, axis=-1 if axis is None else axis, norm=norm), y.shape[k], k, 2.0)
    return (d_a,) if len(n) == 0 else (fitted(d_a, a, k), None)


@vjp("np.fft.hfft")
def hfft(d_y: Any, y: Any, a: Any, *n: Any, axis: Any = None, norm: Any = None) -> Any:
    k = place_of(axis, np.ndim(a))
    d_a = with_inner_bins(np.fft.rfft(d_y, axis=-1 if axis is None else axis, norm=norm), y.shape[k], k, 2.0)
    return (d_a,) if len(n) == 0 else (fitted(d_a, a, k), None)
