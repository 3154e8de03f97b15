"""Names from outside that are defined anew between calls: the next call notices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from tests.functions_from_text import execute, function_of

CASES = {
    "abs(x[0])": ("abs = lambda v: v * 5.0", "del abs"),
    "sum([x[0], x[1]])": ("sum = lambda v: v[0]",),
    "np.sin(x[0])": ("class np:\n    sin = abs",),
    "x[0] * (1 in K) + x[1]": ("K = {1, 2}", "K.discard(1)", "K = frozenset({1})"),
    "x[0] * len(K)": ("K = {1, 2}", "K.add(3)", "K = [5]"),
    "K * x[0]": ("K = 2", "K = 3.0", "K = True"),
    "h(x[0])": ("h = abs", "h = np.exp", "def h(v): return 3.0 * v", "h.__code__ = (lambda v: v * v).__code__"),
}
X = np.array([0.7, 0.4])


@pytest.mark.parametrize("expression", CASES)
def test_a_name_defined_anew(expression: str) -> None:
    names: dict[str, Any] = {"K": {1, 3}, "h": np.sin}
    if "K *" in expression:
        names["K"] = 1.5
    f = function_of(f"def f(x):\n    return {expression}\n", names)
    derivative = srcad.value_and_grad(f, target="python")
    for change in ("pass", *CASES[expression]):
        execute(change, f.__globals__)
        value, slopes = derivative(X)
        assert value == pytest.approx(f(X), rel=1e-13)
        differences = [(f(X + 1e-6 * e) - f(X - 1e-6 * e)) / 2e-6 for e in np.eye(2)]
        np.testing.assert_allclose(slopes, differences, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["K", "h"])
def test_a_name_that_is_deleted(name: str) -> None:
    f = function_of("def f(x):\n    return h(x[0]) * K\n", {"K": 2.0, "h": np.sin})
    derivative = srcad.grad(f, target="python")
    derivative(X)
    del f.__globals__[name]
    with pytest.raises(srcad.SrcadError, match="S120"):
        derivative(X)
