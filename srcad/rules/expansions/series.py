"""Sums of orthogonal polynomials, by Clenshaw's recurrences: `chebval`, `legval`, `hermval`, `hermeval`, `lagval`.

C. W. Clenshaw, "A note on the summation of Chebyshev series" (1955); the recurrences are those of DLMF 18.9.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre

from srcad.rules.registry import expands, unsupported


def series_of(c: Any) -> Any:
    """The coefficients as floats, of the constant first."""
    if np.ndim(c) != 1:
        unsupported("a series whose coefficients are no vector")
    if len(c) == 0:
        raise IndexError("a series without coefficients")
    return np.asarray(c) + 0.0


@expands(chebyshev.chebval)
def chebval(x: Any, c: Any) -> Any:
    """The sum over k of `c[k] * T_k(x)`, with T_{k+1} = 2 x T_k - T_{k-1}."""
    a, at = series_of(c), np.asarray(x) * 1.0
    last, before = 0.0 * at, 0.0 * at
    for k in range(len(a) - 1, 0, -1):
        last, before = a[k] + 2.0 * at * last - before, last
    return a[0] + at * last - before


@expands(legendre.legval)
def legval(x: Any, c: Any) -> Any:
    """The sum over k of `c[k] * P_k(x)`, with (k + 1) P_{k+1} = (2k + 1) x P_k - k P_{k-1}."""
    a, at = series_of(c), np.asarray(x) * 1.0
    last, before = 0.0 * at, 0.0 * at
    for k in range(len(a) - 1, 0, -1):
        last, before = a[k] + (2 * k + 1) / (k + 1) * at * last - (k + 1) / (k + 2) * before, last
    return a[0] + at * last - 0.5 * before


@expands(hermite.hermval)
def hermval(x: Any, c: Any) -> Any:
    """The sum over k of `c[k] * H_k(x)`, with H_{k+1} = 2 x H_k - 2k H_{k-1}."""
    a, at = series_of(c), np.asarray(x) * 1.0
    last, before = 0.0 * at, 0.0 * at
    for k in range(len(a) - 1, 0, -1):
        last, before = a[k] + 2.0 * at * last - 2.0 * (k + 1) * before, last
    return a[0] + 2.0 * at * last - 2.0 * before


@expands(hermite_e.hermeval)
def hermeval(x: Any, c: Any) -> Any:
    """The sum over k of `c[k] * He_k(x)`, with He_{k+1} = x He_k - k He_{k-1}."""
    a, at = series_of(c), np.asarray(x) * 1.0
    last, before = 0.0 * at, 0.0 * at
    for k in range(len(a) - 1, 0, -1):
        last, before = a[k] + at * last - (k + 1.0) * before, last
    return a[0] + at * last - before


@expands(laguerre.lagval)
def lagval(x: Any, c: Any) -> Any:
    """The sum over k of `c[k] * L_k(x)`, with (k + 1) L_{k+1} = (2k + 1 - x) L_k - k L_{k-1}."""
    a, at = series_of(c), np.asarray(x) * 1.0
    last, before = 0.0 * at, 0.0 * at
    for k in range(len(a) - 1, 0, -1):
        last, before = a[k] + (2 * k + 1 - at) / (k + 1) * last - (k + 1) / (k + 2) * before, last
    return a[0] + (1.0 - at) * last - 0.5 * before
