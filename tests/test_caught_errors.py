"""What a handler reads of the error it has caught, and what is done on the way of an error out of a function.

Each program is called in Python and as a gradient: values, prints and errors are the same, the gradient that of central
differences.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import pytest

import srcad

CASES: list[tuple[Callable[..., Any], tuple[float, ...]]] = []
REFUSED: list[Callable[..., Any]] = []


def at(*points: float) -> Callable[[Any], Any]:
    """A program that is run for each of these arguments."""
    return lambda f: CASES.append((f, points)) or f


def refused(f: Any) -> Any:
    REFUSED.append(f)
    return f


class ModelError(Exception):
    pass


class OwnText(ValueError):
    def __str__(self):
        return "own text"


def root(x):
    if x < 0.0:
        raise ValueError("negative input")
    if x > 100.0:
        raise ValueError("large input", 100)
    return math.sqrt(x)


@at(4.0, -2.0, 200.0)
def printed(x):
    try:
        y = root(x)
    except ValueError as e:
        print("caught:", e)
        y = 0.5 * x
    return y * x


@at(4.0, -2.0, 200.0)
def formatted(x):
    try:
        y = root(x)
    except ValueError as e:
        print(f"caught: {e}")
        print(f"{e!r}")
        y = 0.5 * x
    return y * x


@at(4.0, -2.0, 200.0)
def by_its_text(x):
    try:
        y = root(x)
    except ValueError as e:
        if len(e.args) == 1:
            y = 3.0 * x
        else:
            y = x * e.args[1]
    return y * x


@at(4.0, -2.0)
def of_pythons_function(x):
    try:
        y = math.log(x)
    except ValueError as e:
        print(e)
        y = x * x
    return y


@at(2.0, 1000.0)
def of_overflow(x):
    try:
        y = math.exp(x)
    except OverflowError as e:
        print(e)
        y = x * x
    return y


@at(4.0, -2.0, 200.0)
def another_error_says_it(x):
    try:
        y = root(x)
    except ValueError as e:
        raise ModelError(f"no model: {e}") from e
    return y * x


@at(4.0, -2.0)
def raised_by_its_name(x):
    try:
        y = root(x)
    except ValueError as e:
        print("again", e)
        raise e
    return y * x


@at(4.0, -2.0, 200.0)
def raised_by_its_name_and_caught(x):
    try:
        try:
            y = root(x)
        except ValueError as e:
            print("inner", e)
            raise e
    except ValueError as again:
        print("outer", again)
        y = x * 7.0
    return y * x


@at(4.0, -2.0, 200.0)
def several_handlers(x):
    try:
        if x > 150.0:
            raise KeyError("k")
        y = root(x)
    except KeyError as e:
        print("key", e)
        y = x * 2.0
    except (ValueError, ZeroDivisionError) as e:
        print("value", e)
        y = x * 3.0
    return y


@at(4.0)
def in_a_loop(x):
    total = 0.0
    for k in range(4):
        try:
            if k == 2:
                raise ValueError("two")
            total += x * k
        except ValueError as e:
            print("turn", k, e)
            continue
    return total * x


class Section:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        print("enter", self.name)
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None:
            print("leave", self.name)
        else:
            print("leave", self.name, "for", kind.__name__)


@contextmanager
def section(name):
    print("begin", name)
    try:
        yield
    finally:
        print("end", name)


@at(4.0, -2.0, 200.0)
def finally_prints(x):
    try:
        y = root(x)
    finally:
        print("done")
    return y


@at(4.0, -2.0, 200.0)
def finally_prints_what_is_bound(x):
    n = 1
    try:
        n = 2
        y = root(x)
        n = 3
    finally:
        print("done", n)
    return y * n


@at(4.0, -2.0, 200.0)
def inner_before_outer(x):
    try:
        try:
            y = root(x)
        finally:
            print("inner")
        print("between")
    finally:
        print("outer")
    return y


@at(4.0, -2.0, 200.0)
def handler_and_finally(x):
    try:
        y = root(x)
    except ValueError as e:
        print("handler", e)
        raise ModelError("no model") from e
    finally:
        print("finally")
    return y


@at(4.0, -2.0, 200.0)
def handler_of_another_class(x):
    try:
        y = root(x)
    except KeyError:
        print("handler")
        raise
    finally:
        print("finally")
    return y


@at(4.0, -2.0, 200.0)
def handler_goes_on_or_raises(x):
    try:
        y = root(x)
    except ValueError as e:
        print("handler", e)
        if len(e.args) == 2:
            raise
        y = 2.0 * x
    finally:
        print("finally")
    return y


@at(4.0, -2.0, 200.0)
def manager(x):
    with Section("a"):
        y = root(x)
    return y * x


@at(4.0, -2.0, 200.0)
def managers(x):
    with Section("a"), section("b"):
        y = root(x)
        with section("c"):
            y = y * root(x - 1.0)
    return y * x


@at(4.0, -2.0, 200.0)
def around_a_loop(x):
    total = 0.0
    with section("loop"):
        for k in range(4):
            try:
                total += root(x - k)
            finally:
                print("turn", k)
    return total


@at(4.0, -2.0)
def around_an_assertion(x):
    with section("assertion"):
        assert x > 0.0, "not positive"
        y = x * x
    return y


@at(4.0, -2.0)
def nothing_to_do_at_last(x):
    try:
        y = root(x)
    finally:
        n = 3
    return y * n


class Swallows(Section):
    def __exit__(self, kind, error, traceback):
        print("leave", self.name)
        return kind is ValueError


@refused
def text_of_the_users(x):
    try:
        if x < 0.0:
            raise OwnText("not this")
        y = x
    except ValueError as e:
        print(e)
        y = x * 2.0
    return y


@refused
def text_with_a_value(x):
    try:
        if x < 0.0:
            raise ValueError(f"{x} is negative")
        y = x
    except ValueError as e:
        print(e)
        y = x * 2.0
    return y


def outcome(f: Callable[..., Any], x: float) -> tuple[Any, str]:
    """What a call gives or raises, and what it prints."""
    out = StringIO()
    with redirect_stdout(out):
        try:
            result = f(x)
        except Exception as error:
            result = (type(error), str(error).partition("\n")[0])  # pytest adds lines to what `assert` says
    return result, out.getvalue()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_as_python(case: Any) -> None:
    f, points = case
    derivative = srcad.value_and_grad(f, target="python")
    for x in points:
        wanted, printed = outcome(f, x)
        found, also_printed = outcome(derivative, x)
        assert also_printed == printed
        if isinstance(wanted, tuple):
            assert found == wanted
            continue
        value, gradient = found
        assert value == wanted
        h = 1e-6 * abs(x)
        np.testing.assert_allclose(gradient, (outcome(f, x + h)[0] - outcome(f, x - h)[0]) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_refused_where_the_text_is_not_known(f: Any) -> None:
    with pytest.raises(srcad.UnsupportedError, match="a caught error is read"):
        srcad.grad(f, target="python")(-1.0)


def swallowed(x):
    y = x
    with Swallows("a"):
        y = root(x)
    return y * x


def test_refused_where_a_manager_may_catch() -> None:
    with pytest.raises(srcad.UnsupportedError, match="S105"):
        srcad.grad(swallowed, target="python")(4.0)


def test_compiled(capfd: pytest.CaptureFixture[str]) -> None:
    derivative = srcad.value_and_grad(managers)
    for x in (4.0, -2.0):
        wanted, printed = outcome(managers, x)
        capfd.readouterr()
        if isinstance(wanted, tuple):
            with pytest.raises(wanted[0], match=wanted[1]):
                derivative(x)
        else:
            np.testing.assert_allclose(derivative(x)[0], wanted)
        assert capfd.readouterr().out == printed
