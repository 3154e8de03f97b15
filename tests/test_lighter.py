"""The lighter forms of what Numba supplies give the same."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from srcad.backend.lighter import lighter

MATRIX = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize("array", [MATRIX, MATRIX.T, MATRIX.astype(int)], ids=["wide", "tall", "integers"])
def test_triangles(array: Any) -> None:
    with lighter():

        @numba.njit
        def both(m, k):  # type: ignore[no-untyped-def]
            return np.tril(m, k), np.triu(m, k)

        for k in (-5, -1, 0, 1, 2, 6):
            for have, want in zip(both(array, k), (np.tril(array, k), np.triu(array, k)), strict=True):
                assert have.dtype == want.dtype
                np.testing.assert_array_equal(have, want)
        assert both(array[:0], 1)[0].shape == array[:0].shape
