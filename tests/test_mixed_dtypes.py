"""Operands of different dtypes: compiled, NumPy computes and returns in the same dtype as in plain Python."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.rules.primitives import PRIMITIVES
from tests.numpy_values import functions

pytestmark = pytest.mark.one_in(10, least=3)

VALUES: dict[str, Any] = {
    **{d: np.array([1.1, -2.3, 0.7], d) for d in ("float32", "float64")},
    **{d: np.array([3, 2, 7], d) for d in ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")},
    "bool": np.array([True, False, True]),
    "int": 5,
    "float": 0.3,
    "scalar float32": np.float32(1.1),
}
PAIRS = [
    ("float32", "int64"), ("int32", "float32"), ("float32", "uint32"), ("uint64", "float32"), ("float32", "int8"),
    ("float32", "float64"), ("int32", "int64"), ("int8", "int16"),
    ("float32", "int"), ("float32", "float"), ("scalar float32", "int64"),
    ("bool", "float32"),
]  # fmt: skip


def calls() -> list[str]:
    """One of each elementwise primitive of two operands."""
    found = []
    for name, p in PRIMITIVES.items():
        if isinstance(p.evaluate, np.ufunc) and p.evaluate.nin == 2 and name.startswith("np."):
            found.append(f"{name}(x, y)")
        elif p.kind == "elementwise" and p.dtype != "bits" and isinstance(p.operator, type):
            node = p.operator()
            if isinstance(node, ast.operator | ast.cmpop):
                found.append(f"x {name} y")
    return [*found, "np.where(x > y, x, y)"]


CALLS = calls()


def unlike(call: str, have: Any, want: Any) -> str | None:
    h, w = np.asarray(have), np.asarray(want)
    close = 1e-6 if w.dtype == np.float32 else 1e-14
    same = h.dtype == w.dtype and np.allclose(h, w, rtol=close, atol=0.0, equal_nan=True)
    return None if same else f"{call}: {h!r}, not {w!r}"


def compared(f: Any, names: list[str], *args: Any) -> list[str]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want, have = f(*args), srcad.jit(f)(*args)
    return [found for c, h, w in zip(names, have, want, strict=True) if (found := unlike(c, h, w))]


def known_of(a: str, b: str) -> list[str]:
    """The calls that NumPy has for these dtypes, with a result in a dtype that srcad has."""
    known = []
    for call in CALLS:
        with np.errstate(all="ignore"):
            try:
                result = eval(call, {"np": np, "x": VALUES[a], "y": VALUES[b]})
            except TypeError:
                continue
        if result.dtype != np.float16:
            known.append(call)
    return known


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_each_primitive_of_two_operands(a: str, b: str, tmp_path: Path) -> None:
    known = known_of(a, b)
    (f,) = functions([f"({', '.join(known)})"], tmp_path, f"mixed_{a}_{b}".replace(" ", "_"))
    assert compared(f, known, VALUES[a], VALUES[b]) == []
    assert len(known) > 15


# ---- in expressions, loops and stores ------------------------------------------------------------


def near(x, k):
    return x == k, x < k, np.greater(k, x), np.not_equal(x, k)


def nested(x, k):
    return np.hypot(x * 3, k) + x / 3 * k, 2.0 * x * k - np.sqrt(x) % k, np.outer(x, k), x[:, None] / k


def reduced(x, k):
    return np.sum(x * k), np.sum(np.hypot(x[:, None], k), axis=0), np.max(x - k), np.prod(x * k)


def stored(x, k):
    y, z = x.copy(), np.zeros(3)
    y += k
    y[1:] *= k[1:]
    z[:] = np.arctan2(k, y)
    return y, z


def elements(x, k):
    out = np.zeros(3)
    n = 0
    for i in range(3):
        out[i] = np.hypot(x[i], k[i]) + np.arctan2(k[i], x[i] * 2.0) * x[i] % k[i]
        if np.less(x[i], k[i]):
            n += 10
    return out, n


def named_elements(x, k):
    out = np.zeros(3)
    for i in range(3):
        a = x[i]
        b = k[i]
        out[i] = np.hypot(a, b) + np.arctan2(b, a)
    b = k[1]
    return out, np.hypot(x, b) + x * b


@pytest.mark.parametrize("f", [near, nested, reduced, stored, elements, named_elements], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint32"])
def test_where_operands_differ(f: Any, dtype: str) -> None:
    x, k = np.array([16777216, 5.3, 1.7], np.float32), np.array([16777217, 2, 3], dtype)
    names = ["first", "second", "third", "fourth"][: len(f(x, k))]
    found = compared(f, names, x, k)
    assert found == []


def curved(x, k):
    return np.sum(np.hypot(x, k) * np.arctan2(x, k) + x % k + np.logaddexp(x, k) + x**k + np.maximum(x, k))


def test_gradients() -> None:
    x, k = np.array([1.1, 2.3, 0.7], np.float32), np.array([3, 2, 7])
    have, want = srcad.grad(curved)(x, k), srcad.grad(curved)(x.astype(float), k)
    assert have.dtype == np.float32
    np.testing.assert_allclose(have, want, rtol=1e-6)


# ---- functions of floats alone -------------------------------------------------------------------


def sincs(k):
    return np.sinc(k), np.sinc(k[1:]) * 2.0


def times_sincs(x, k):
    total = np.sum(np.sinc(k) * x * x)
    for i in range(3):
        total += np.sinc(k[i]) * x[i]
    return total


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "float32"])
def test_sinc_of_integers(dtype: str, target: Any) -> None:
    k = np.array([0, 1, 2]).astype(dtype)
    for have, want in zip(srcad.jit(sincs, target=target)(k), sincs(k), strict=True):
        assert have.dtype == want.dtype
        np.testing.assert_allclose(have, want, rtol=1e-6 if dtype == "float32" else 1e-15)
    x = np.array([1.0, 2.0, 3.0])
    have = srcad.grad(times_sincs, target=target)(x, k)
    np.testing.assert_allclose(have, np.sinc(k) * (2.0 * x + 1.0), rtol=1e-6 if dtype == "float32" else 1e-14)


# ---- numbers of Python and of NumPy --------------------------------------------------------------


def scaled(m, t):
    s = 2.0 * t
    out = np.zeros_like(m)
    for i in range(len(m)):
        out[i] = m[i] * (t * t)
    chosen = np.where(m > t, m * t, t * t), np.clip(m, -t, 2.0 * t), np.maximum(m, t * 2.0)
    return m / (2.0 * t), m / -t, m * s, (1.0 - t) * m + t, (m * (t + 1)).sum(), m @ (m * (1.0 - t)), out, *chosen


def chosen_literals(m, k):
    return np.where(k > m, k - m, 0), np.where(k > m, k, 0), np.where(m > 0, m, 0), np.where(m > 0, 1, m)


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("t", [0.3, np.float64(0.3), np.float32(0.3), np.array(0.3)], ids=lambda t: type(t).__name__)
def test_a_float_of_python_widens_nothing_and_one_of_numpy_does(t: Any, target: Any) -> None:
    m = np.array([1.1, 2.3, 0.7], np.float32)
    for have, want in zip(srcad.jit(scaled, target=target)(m, t), scaled(m, t), strict=True):
        assert unlike("scaled", have, want) is None


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("dtype", ["bool", "int16", "int64", "float32"])
def test_a_literal_in_a_choice_widens_nothing(dtype: str, target: Any) -> None:
    m, k = np.array([0.3, -0.3, 2.5], np.float32), np.array([1, 0, 2]).astype(dtype)
    for have, want in zip(srcad.jit(chosen_literals, target=target)(m, k), chosen_literals(m, k), strict=True):
        assert unlike("chosen_literals", have, want) is None


def of_scale(m, t):
    return np.sum(np.sin(m / (2.0 * t)) * (1.0 + t))


@pytest.mark.parametrize("t", [0.3, np.float64(0.3), np.float32(0.3)], ids=lambda t: type(t).__name__)
def test_gradients_by_a_scale(t: Any) -> None:
    m = np.array([1.1, 2.3, 0.7], np.float32)
    want = srcad.grad(of_scale, (0, 1), target="python")(m.astype(float), float(t))
    for target in ("python", "cpu"):
        have = srcad.grad(of_scale, (0, 1), target=target)(m, t)
        assert have[0].dtype == np.float32 and type(have[1]) is type(t)
        np.testing.assert_allclose(have[0], want[0], rtol=1e-5)
        np.testing.assert_allclose(have[1], want[1], rtol=1e-5)
