"""What a function calls, and the classes of its objects, may be defined anew between calls: the gradient is of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import srcad

X = np.array([0.5, 1.5])


def cube(v: float) -> float:
    return v**3


class Base:
    k = 2.0
    count = 0

    def base_method(self, v: float) -> float:
        return v * v


class Squares(Base):
    def __init__(self, a: float) -> None:
        self.a = a

    def f(self, v: float) -> float:
        return self.a * v**2

    @property
    def twice(self) -> float:
        return 2.0 * self.a

    def __add__(self, v: float) -> float:
        return self.a + v

    def __call__(self, v: float) -> float:
        return self.a * v

    def __bool__(self) -> bool:
        return True

    def through(self, v: float) -> float:
        return super().base_method(v)


@dataclass
class Pair:
    a: float
    b: float = 2.0

    def __post_init__(self) -> None:
        self.b = self.b * self.a


def helper(v: float, power: float = 2.0, *, scale: float = 3.0) -> float:
    return scale * v**power


held = Squares(1.5)


def uses(x: np.ndarray) -> float:
    one = Squares(x[0])
    return one.f(x[1]) + one.twice + (one + x[1]) + one(x[1]) + one.through(x[1]) + one.k * x[0]


CASES: dict[str, tuple[Callable[..., Any], Any, str, Any]] = {
    "method": (uses, Squares, "f", lambda self, v: self.a * v**3),
    "property": (uses, Squares, "twice", property(lambda self: self.a**2)),
    "operator": (uses, Squares, "__add__", lambda self, v: self.a * v),
    "call": (uses, Squares, "__call__", lambda self, v: self.a * v * v),
    "of a base, through super": (uses, Base, "base_method", lambda self, v: v**3),
    "now hidden by the class": (uses, Squares, "k", 9.0),
    "init": (uses, Squares, "__init__", lambda self, a: setattr(self, "a", a * 2.0)),
    "an object outside": (lambda x: held.f(x[0]) * x[1], Squares, "f", lambda self, v: self.a * v**3),
    "after init": (lambda x: Pair(x[0]).b * x[1], Pair, "__post_init__", lambda self: None),
    "truth": (lambda x: x[0] if Squares(x[0]) else x[1] ** 2, Squares, "__bool__", lambda self: False),
    "defaults": (lambda x: helper(x[0]) * x[1], helper, "__defaults__", (3.0,)),
    "defaults by keyword": (lambda x: helper(x[0]) * x[1], helper, "__kwdefaults__", {"scale": 5.0}),
    "code": (lambda x: helper(x[0]) * x[1], helper, "__code__", cube.__code__),
}


@pytest.mark.parametrize("name", CASES)
def test_the_newest_definition_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    f, owner, attribute, new = CASES[name]
    df = srcad.value_and_grad(f, target="python")
    before = df(X)
    assert before[0] == pytest.approx(f(X), rel=1e-13)
    monkeypatch.setattr(owner, attribute, new)
    after = df(X)
    assert after[0] == pytest.approx(f(X), rel=1e-13) != before[0]
    fresh = srcad.value_and_grad(f, target="python")(X)
    np.testing.assert_allclose(after[1], fresh[1], rtol=1e-13)
    monkeypatch.undo()
    assert df(X)[0] == before[0]


def test_a_named_default_changed_in_place() -> None:
    df = srcad.grad(lambda x: helper(x), target="python")
    assert df(2.0) == pytest.approx(12.0)
    helper.__kwdefaults__["scale"] = 5.0
    try:
        assert df(2.0) == pytest.approx(20.0)
    finally:
        helper.__kwdefaults__["scale"] = 3.0


def test_the_function_itself() -> None:
    def f(v: float) -> float:
        return v**2

    df = srcad.grad(f, target="python")
    assert df(2.0) == pytest.approx(4.0)
    f.__code__ = cube.__code__
    assert df(2.0) == pytest.approx(12.0)


def test_values_of_a_class_ask_for_no_other_text() -> None:
    df = srcad.value_and_grad(uses, target="python")
    df(X)
    text = df.source
    Base.k = 3.0
    Squares.count = Base.count + 1
    try:
        assert df(X)[0] == pytest.approx(uses(X), rel=1e-13)
        assert df.source == text
    finally:
        Base.k = 2.0
        del Squares.count
