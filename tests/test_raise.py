"""`raise` behind a condition: the gradient raises what the function raises, compiled, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import srcad


def after_statements(x: Any, n: int) -> Any:
    y = x * x
    if x > 10.0:
        z = y * 2.0
        raise ValueError(f"large: {n}")
    return y


def in_a_loop(x: Any, n: int) -> Any:
    for i in range(n):
        x = x * 1.1
        if x > 100.0:
            y = x * 2.0
            raise OverflowError(f"diverged at {i}")
    return x


def fails(n: int) -> None:
    raise ValueError(f"bad {n}")


def in_a_helper(x: Any, n: int) -> Any:
    parts = {"a": x}
    if n > 5:
        fails(n)
    else:
        parts["a"] = x * x
    return parts["a"] * 2.0


class Tank:
    def __init__(self, level: Any) -> None:
        self.level = level

    def take(self, amount: Any) -> Any:
        if amount > self.level:
            missing = amount - self.level
            raise ArithmeticError("empty")
        self.level -= amount
        return amount * amount


def in_a_method(x: Any, n: int) -> Any:
    tank = Tank(10.0 * x)
    s = 0.0
    for _ in range(n):
        s += tank.take(x)
    return s


def from_an_empty_list(x: Any, n: int) -> Any:
    found = []
    if x > 0.0:
        found.append(x)
    for _ in range(n):
        x = x * found.pop()
    return x


def past_the_end_of_a_list(x: Any, n: int) -> Any:
    found = []
    for i in range(n):
        if x * i < 2.0:
            found.append(x * i)
    return found[n - 1]


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize(
    ("f", "x", "n", "good"),
    [
        (after_statements, 50.0, 3, 2.0),
        (in_a_loop, 50.0, 30, 0.5),
        (in_a_helper, 2.0, 8, None),
        (in_a_method, 2.0, 11, None),
        (from_an_empty_list, 2.0, 2, None),
        (past_the_end_of_a_list, 1.0, 4, 0.5),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_raises_what_the_function_raises(
    f: Callable[..., Any], x: float, n: int, good: float | None, target: Any
) -> None:
    with pytest.raises(Exception) as wanted:
        f(x, n)
    gradient = srcad.grad(f, target=target)
    with pytest.raises(type(wanted.value)) as caught:
        gradient(x, n)
    if "index" not in str(wanted.value):
        assert "".join(map(str, caught.value.args)).endswith(str(wanted.value))  # after the place
    if good is not None:
        difference = (f(good + 1e-6, n) - f(good - 1e-6, n)) / 2e-6
        assert gradient(good, n) == pytest.approx(difference, rel=1e-5)
