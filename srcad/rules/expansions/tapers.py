"""The windows of spectral analysis, as `np.hanning`, and the Bessel function of one of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules import special as special  # fills PRIMITIVES
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import expands

bessel_i0 = PRIMITIVES["special.i0"]


@expands(np.i0)
def i0(x: Any) -> Any:
    return bessel_i0(np.asarray(x) * 1.0)


def positions(M: Any) -> Any:
    """The places of the entries in -1 .. 1, of a window of one entry 0."""
    return np.arange(1.0 - M, M, 2.0) / max(M - 1.0, 1.0)


@expands(np.bartlett)
def bartlett(M: Any) -> Any:
    return 1.0 - np.abs(positions(M))


@expands(np.hanning)
def hanning(M: Any) -> Any:
    return 0.5 + 0.5 * np.cos(np.pi * positions(M))


@expands(np.hamming)
def hamming(M: Any) -> Any:
    return 0.54 + 0.46 * np.cos(np.pi * positions(M))


@expands(np.blackman)
def blackman(M: Any) -> Any:
    at = positions(M)
    return 0.42 + 0.5 * np.cos(np.pi * at) + 0.08 * np.cos(2.0 * np.pi * at)


@expands(np.kaiser)
def kaiser(M: Any, beta: Any) -> Any:
    # the rounding of a place at an end may leave less than 0
    return np.i0(beta * np.sqrt(np.maximum(1.0 - positions(M) ** 2, 0.0))) / np.i0(beta)
