"""Errors of users' classes, and messages that compiled code does not format: a derivative raises what Python raises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad


class ModelError(Exception):
    pass


class RangeError(ValueError):
    def __init__(self, name, value):
        super().__init__(f"{name} out of range: {value}")
        self.name, self.value = name, value


def own_class(x):
    if x[0] < 0.0:
        raise ModelError("negative")
    return np.sum(x**2)


def own_arguments(x):
    for k in range(len(x)):
        if x[k] < 0.0:
            raise RangeError("x", x[k])
    return np.sum(x**2)


def formatted(x):
    if x[0] < 0.0:
        raise ValueError(f"x must be positive, not {x[0]:.3f} of {len(x)}")
    return np.sum(x**2)


def asserted(x):
    assert x[0] > 0.0, f"bad {x[0]}"
    return np.sum(x**2)


def always_at_the_end(x):
    if x[0] > 0.0:
        return np.sum(x)
    raise ModelError(x.shape, "no")


def class_alone(x):
    if x[0] < 0.0:
        raise ModelError
    return np.sum(x)


def checked(x):
    if x[0] < 0.0:
        raise ValueError("inner")
    return np.sum(x)


def from_another(x):
    try:
        y = checked(x)
    except ValueError as error:
        raise ModelError(f"outer {x[0]:.1f}") from error
    return y * y


def bare_raise(x):
    try:
        return checked(x)
    except ValueError:
        raise


FAILING = [own_class, own_arguments, formatted, asserted, always_at_the_end, class_alone, from_another, bare_raise]
GOOD, BAD = np.array([1.0, 2.0, 3.0]), np.array([-1.5, 2.0, 3.0])


def raised(f: Any, *args: Any) -> Exception:
    with pytest.raises(Exception) as caught:
        f(*args)
    return caught.value


def assert_alike(have: Exception, want: Exception) -> None:
    assert type(have) is type(want)
    assert have.args == want.args
    assert vars(have) == vars(want)
    assert type(have.__cause__) is type(want.__cause__)


@pytest.mark.parametrize("f", FAILING, ids=lambda f: f.__name__)
def test_the_gradient_raises_what_the_function_raises(f: Any) -> None:
    want = raised(f, BAD)
    derivative = srcad.grad(f, target="python")
    np.testing.assert_allclose(derivative(GOOD), srcad.grad(f, target="python")(GOOD))
    given = BAD.copy()
    assert_alike(raised(derivative, given), want)
    np.testing.assert_array_equal(given, BAD)
    for call in (
        lambda: srcad.vjp(f, BAD, target="python"),
        lambda: srcad.jvp(f, (BAD,), (GOOD,), target="python"),
        lambda: srcad.hvp(f, (BAD,), (GOOD,), target="python"),
        lambda: srcad.jit(f, target="python")(BAD),
    ):
        assert_alike(raised(call), want)


@pytest.mark.parametrize("f", [own_arguments, from_another], ids=lambda f: f.__name__)
def test_compiled(f: Any) -> None:
    derivative = srcad.grad(f)
    derivative(GOOD)
    assert_alike(raised(derivative, BAD), raised(f, BAD))


def test_the_text_raises_the_builtin_class() -> None:
    text = srcad.grad(own_arguments, target="python").source_for(GOOD)
    assert 'raise ValueError("RangeError: x, {x[k]}")' in text
    text = srcad.grad(formatted, target="python").source_for(GOOD)
    assert 'raise ValueError(f"x must be positive, not {{x[0]}} of {len(x)}")' in text


def test_what_was_printed_is_not_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x):
        print("once")
        if x < 0.0:
            raise ModelError(f"{x:.1f}")
        return x * x

    error = raised(srcad.grad(f, target="python"), -2.0)
    assert error.args == ("-2.0",)
    assert capsys.readouterr().out == "once\n"


def product_with_none(x):
    found = None
    for v in x:
        if v > 0:
            found = v
    return found * x[0]


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_arithmetic_with_none(target):
    x = np.array([-0.5, -1.0])
    with pytest.raises(TypeError):
        product_with_none(x)
    gradient = srcad.grad(product_with_none, target=target)
    with pytest.raises(TypeError, match=r"found \* x\[0\]: None where a value is needed"):
        gradient(x)
    np.testing.assert_allclose(gradient(np.array([2.0, 3.0])), [3.0, 2.0])
