"""Integers of other dtypes than int64: the compiled text computes, wraps and returns as NumPy does."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import srcad

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64"]


def images(dtype: str) -> tuple[Any, Any]:
    info = np.iinfo(dtype)
    return np.array([[info.max - 10, 7], [info.min + 3, 100]], dtype), np.array([[9, 3], [120, 50]], dtype)


def arrays(a, b):
    return a - b, a + b + a, a * b * a, (a - b) // b, (a - b) % b, -a, -a + b, abs(a - b), np.abs(-a), a / b


def literals(a, b):
    return a + 1, 2 * a, a - 100, a**2, (a - b) ** 3, a % 3, a // 3, a << 1, (a - b) >> 1, ~a, a & b, a | b, a ^ b


def compared(a, b):
    elements = (a[0, 0] - b[0, 0]) < 0, a[0, 0] * b[0, 0] > 200, -a[0, 0] < 0, a[0, 0] * 2 == a[0, 0] + a[0, 0]
    return a < b, (a - b) < 0, (a - b) > b, a == b, (a - b) > 100, -a < 0, a < 100, *elements


def reduced(a, b):
    of_all = np.sum(a), np.prod(a), np.mean(a), np.max(a), np.min(a), np.sum(a * b), np.prod(a - b), np.mean(a - b)
    return (
        *of_all,
        np.mean((a - b) ** 2),
        np.var(a),
        np.std(a - b),
        np.average(a, weights=b),
        np.ptp(a),
        sum(a),
        np.trace(a),
    )


def along_axes(a, b):
    of_axes = np.sum(a, axis=0), np.prod(a, axis=0), np.mean(a, axis=1), np.max(a, axis=0) - b[0], sum(a - b)
    return *of_axes, np.cumsum(a), np.cumsum(a, axis=0), np.cumprod(a, axis=1), np.cumprod(a[0]), np.diff(a, axis=0)


def chosen(a, b):
    some = np.where(a > b, a, b) - a, np.where(a > b, a - b, 0), np.maximum(a, b) - a, np.clip(a - b, 0, 100)
    return *some, np.sign(a - b), np.sign(a), np.square(a - b), np.minimum(a - b, 3), max(a[0, 0] - b[1, 0], b[0, 0])


def multiplied(a, b):
    return a @ b, np.dot(a, b[0]), np.vdot(a, b), np.outer(a, b), np.einsum("ij,jk->ik", a, b), np.convolve(a[0], b[0])


def converted(a, b):
    floats = float(a[0, 0] - b[0, 0]), np.float64(a[0, 0] - b[0, 0]), (a - b) * 0.5, 2.0 * (a[0, 0] + a[0, 1])
    return *floats, (a - b).astype(np.int64), int(a[0, 0] - b[0, 0]), np.arange(2) * a[0, 0], np.full(2, a[0, 0]) * 2


def elements(a, b):
    x, y, z = a[0, 0], b[0, 0], b[1, 1]
    return x - y, (x - y) * z, x * y, -x, x // z, (x - y) % z, abs(x - y), z**2, x + x if x > y else y * z


def loops(a, b):
    total, product, c = 0, a[0, 1], np.zeros_like(a)
    stored = np.zeros(2)
    for i in range(2):
        total = total + a[i, 0]
        product += a[i, 1] * b[i, 0]
        stored[i] = a[i, 0] - b[i, 0]
        for j in range(2):
            c[i, j] = a[i, j] * b[j, i] - c[i - 1, j]
    return total, product, c, c - a, stored


def stores(a, b):
    c, d = a.copy(), a.copy()
    c -= b
    c *= 2
    d[0] += b[0]
    d[1, 1] -= b[0, 0]
    return c, d, c - d


def steps(a, b):
    k, n = a[0, 0], 0
    while n < 5:
        k = k * 3 + b[0, 0]
        n += 1
    return k, n


FUNCTIONS = [
    arrays, literals, compared, reduced, along_axes, chosen, multiplied, converted, elements, loops, stores, steps,
]  # fmt: skip


def unlike(f: Any, dtype: str, target: Any) -> list[str]:
    found = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        wanted = f(*images(dtype))
        for at, (want, have) in enumerate(zip(wanted, srcad.jit(f, target=target)(*images(dtype)), strict=True)):
            w, h = np.asarray(want), np.asarray(have)
            close = np.allclose(w, h, rtol=1e-12, atol=0.0) if w.dtype.kind == "f" else np.array_equal(w, h)
            # a Python number may come for one of NumPy
            if not close or (w.ndim and w.dtype != h.dtype):
                found.append(f"{f.__name__}[{at}]: {have!r}, not {want!r}")
    return found


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", DTYPES)
def test_uncompiled(f: Any, dtype: str) -> None:
    assert unlike(f, dtype, "python") == []


@pytest.mark.one_in(2, least=5)
@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_compiled(f: Any) -> None:
    assert unlike(f, "uint8", "cpu") == []


@pytest.mark.one_in(2, least=4)
@pytest.mark.parametrize("f", [arrays, elements], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "uint64"])
def test_compiled_of_other_dtypes(f: Any, dtype: str) -> None:
    assert unlike(f, dtype, "cpu") == []


# ---- gradients, whose factors are integers ---------------------------------------------------------


def misfit(w, a, b):
    return w * np.mean((a - b) ** 2)


def products(w, a, b):
    total = 0.0
    for i in range(len(a)):
        total += w * (a[i] * b[i]) + w**2 * (a[i] - b[i])
    return total


@pytest.mark.parametrize("f", [misfit, products], ids=lambda f: f.__name__)
@pytest.mark.parametrize("target", ["python", "cpu"])
def test_gradients(f: Any, target: Any) -> None:
    a, b = np.array([200, 7, 3], np.uint8), np.array([100, 90, 250], np.uint8)
    with np.errstate(over="ignore"):
        want = (f(1.5 + 1e-4, a, b) - f(1.5 - 1e-4, a, b)) / 2e-4
        np.testing.assert_allclose(srcad.grad(f, target=target)(1.5, a, b), want, rtol=1e-9)


def test_a_literal_that_the_dtype_has_not_raises_what_numpy_raises() -> None:
    def beyond(w, a):
        return w * np.sum(a + 300)

    def below(w, a):
        return w * np.sum(a * -1)

    a = np.array([200, 7], np.uint8)
    for f in (beyond, below):
        with pytest.raises(OverflowError):
            f(1.0, a)
        with pytest.raises(OverflowError, match="out of bounds for uint8"):
            srcad.grad(f)(1.0, a)


def test_a_reduction_in_small_integers_is_refused() -> None:
    with pytest.raises(srcad.SrcadError, match="64 bits"):
        srcad.jit(lambda a: np.sum(a, dtype=np.uint8), target="python")(np.arange(3))
