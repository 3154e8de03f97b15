"""Adjoints of stencils on threads: borders of small grids, where they overlap, and gathers that share their loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from srcad.analysis.loops.parallel_loops import is_partitioned
from srcad.ir.nodes import For
from srcad.ir.notation import parse
from tests.on_threads import forced, threads_in_python

SIZES = ((0, 3), (1, 1), (1, 4), (2, 2), (2, 6), (3, 3), (3, 7), (4, 2), (4, 4), (5, 3), (6, 5), (7, 9))


def two_fields(u: Any, v: Any, steps: int) -> Any:
    rows, cols = u.shape
    u, v = u.copy(), v.copy()
    a, b = np.zeros_like(u), np.zeros_like(v)
    for _step in range(steps):
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                a[i, j] = u[i - 1, j] + 2.0 * u[i + 1, j] + u[i, j - 1] - u[i, j + 1] - 4.0 * u[i, j]
                b[i, j] = v[i - 1, j] + v[i + 1, j] + 3.0 * v[i, j - 1] + v[i, j + 1] - 4.0 * v[i, j]
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                reaction = u[i, j] * v[i, j] * v[i, j]
                u[i, j] += 0.1 * (a[i, j] - reaction)
                v[i, j] += 0.1 * (b[i, j] + reaction)
    return np.sum(u * v)


def boxes(u: Any, v: Any, steps: int) -> Any:
    """In three dimensions, with shifts to one side along the second."""
    w = np.zeros((u.shape[0], v.shape[1], u.shape[1]))
    a = np.zeros_like(w)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            for k in range(w.shape[2]):
                w[i, j, k] = u[i, k] * v[i, j]
    for _step in range(steps):
        for i in range(1, w.shape[0] - 1):
            for j in range(w.shape[1] - 2):
                for k in range(1, w.shape[2] - 1):
                    a[i, j, k] = w[i - 1, j, k] + w[i + 1, j + 1, k] + 2.0 * w[i, j + 2, k - 1] - w[i, j, k + 1]
        for i in range(1, w.shape[0] - 1):
            for j in range(w.shape[1] - 2):
                for k in range(1, w.shape[2] - 1):
                    w[i, j, k] += 0.1 * a[i, j, k]
    return np.sum(w * w)


@pytest.mark.parametrize("function", [two_fields, boxes])
def test_small_grids(function: Any) -> None:
    numbers = np.random.default_rng(1)
    serial = srcad.value_and_grad(function, (0, 1), target="python")
    with forced(blocks=3):
        call, text = threads_in_python(function, (0, 1), (np.ones((6, 5)), np.ones((6, 5)), 3))
        assert "edge" in text and "prange" in text
        for shape in SIZES:
            u, v = numbers.normal(size=(2, *shape))
            want, have = serial(u, v, 3), call(u, v, 3)
            np.testing.assert_allclose(have[0], want[0], rtol=1e-13)
            for x, y in zip(have[1], want[1], strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-13, err_msg=str(shape))


@pytest.mark.parametrize(
    ("first", "apart"),
    [
        ("i = k if k < 2 else k + max(m, 0)", True),
        ("i = k if k < 2 else k + (max(m, 0) if m < 9 else 0)", True),
        ("i = k if k < 2 else k + m", False),
        ("i = k if k < 2 else 0", False),
        ("i = k + 1 if k < 2 else k", False),
        ("i = k if 2 < k else k + 3", False),
        ("i = k if k < 2 else k + max(k, 0)", False),
        ("i = k if k < 2 else k + (1 if k < 5 else 0)", False),
        ("i = k\n    i = 2", False),
        ("m = x[k]\n    i = k + max(m, 0)", False),
    ],
)
def test_an_index_that_may_not_grow(first: str, apart: bool) -> None:
    (loop,) = parse(f"for k in range(n):\n    {first}\n    y[i] = y[i] * x[k]\n")
    assert isinstance(loop, For)
    assert is_partitioned("y", loop, {}, str.__eq__) == apart
