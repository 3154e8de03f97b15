"""`try` that goes on after an error: what is raised all the same, the text, and what is refused."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

import srcad
from srcad.errors import UnsupportedError


def checked(v):
    if v <= 0:
        raise ValueError("not positive")
    return np.log(v)


def falls_back(x):
    try:
        y = checked(x)
    except ValueError:
        y = 3.0 * x
    return y * y


def test_the_handler_is_a_branch():
    text = srcad.value_and_grad(falls_back, target="python").source_for(1.0)
    forward = text[text.index("    if not") : text.index("    value") if "    value" in text else len(text)]
    assert forward.startswith(textwrap.indent("if not x <= 0:\n    y = np.log(x)\nelse:\n    y = 3.0 * x\n", "    "))


def raises_again(x):
    t = x[0]
    try:
        t = t + checked(x[1])
    except ValueError:
        if x[2] < 1.0:
            raise
        t = 5.0 * x[2]
    return t


def other_error(x):
    try:
        if x[2] < 1.0:
            raise KeyError("another")
        t = checked(x[1])
    except ValueError:
        t = 5.0 * x[2]
    return t


def unbound(x):
    try:
        t = checked(x[1])
    except ValueError:
        u = x[0]
    return t if x[2] > 0 else u


@pytest.mark.parametrize("function", [raises_again, other_error, unbound], ids=lambda f: f.__name__)
def test_errors_that_are_not_caught(function):
    x = np.array([0.7, -0.4, 0.3])
    with pytest.raises(Exception) as wanted:
        function(x)
    with pytest.raises(type(wanted.value)):
        srcad.grad(function, target="python")(x)


def of_numpys_numbers(x):
    try:
        return 1.0 / x[0]
    except ZeroDivisionError:
        return x[1]


def test_numpys_numbers_raise_nothing():
    with np.errstate(all="ignore"):
        value, _ = srcad.value_and_grad(of_numpys_numbers, target="python")(np.array([0.0, 2.0]))
    assert value == np.inf


def of_either(x, s):
    total = 0.0
    for v in x:
        total += v
    try:
        return s / total
    except ZeroDivisionError:
        return s


def setting_of_numpy(x):
    try:
        return 1.0 / x[0]
    except FloatingPointError:
        return 0.0


def passes_finally(x):
    t = x[0]
    try:
        try:
            t = t + checked(x[1])
        finally:
            t = t * 2.0
    except ValueError:
        t = t + x[2]
    return t


def reads_a_text_of_values(x):
    try:
        if x[1] <= 0:
            raise ValueError(f"{x[1]} is not positive")
        t = np.log(x[1])
    except ValueError as error:
        print(error)
        t = x[0]
    return t


def gives(x):
    for v in x:
        try:
            yield checked(v)
        except ValueError:
            yield 0.0


def caught_in_a_generator(x):
    return sum(gives(x))


def deeper(n, v):
    if v > 5.0:
        raise ValueError("too large")
    return v if n == 0 else deeper(n - 1, v * 1.5) + v


def recursion(x, s):
    try:
        return deeper(3, s)
    except ValueError:
        return s


X = np.array([0.7, -0.4, 1.3])
REFUSED = {
    of_either: ((X, 2.0), "S103"),
    setting_of_numpy: ((X,), "S103"),
    passes_finally: ((X,), "S103"),
    reads_a_text_of_values: ((X,), "S103"),
    caught_in_a_generator: ((X,), "S103"),
    recursion: ((X, 2.0), "S115"),
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_refused(function):
    args, code = REFUSED[function]
    with pytest.raises(UnsupportedError) as caught:
        srcad.grad(function, len(args) - 1, target="python")(*args)
    assert [problem.code for problem in caught.value.problems] == [code]


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_what_stands_beside_a_try_that_is_left_happens_once(target, capsys):
    def total(p, known):
        s = 0.0
        for key in ("u", "v"):
            print("look", key)
            try:
                w = known[key]
            except KeyError:
                continue
            s += p * w
        return s

    df = srcad.grad(total, target=target)
    for known, slope in (({"u": 3.0}, 3.0), ({"u": 3.0}, 3.0), ({"u": 1.0, "v": 1.5}, 2.5)):
        assert df(2.0, known) == slope
        assert capsys.readouterr().out == "look u\nlook v\n"


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_nothing_is_read_of_a_loop_without_iterations(target):
    def least(x):
        best = None
        for v in x:
            if best is None or v < best:
                best = v
        return best * best

    df = srcad.grad(least, target=target)
    np.testing.assert_array_equal(df(np.array([3.0, 2.0])), [0.0, 4.0])
    with pytest.raises(ValueError, match="no iteration"):
        df(np.array([]))


@pytest.mark.parametrize("n", [0, 2])
def test_the_pop_of_an_empty_list_is_caught_in_every_mode(n):
    def last(x, n):
        kept = [v * v for v in x[:n]]
        try:
            return kept.pop() * x[0]
        except LookupError:
            return x[0] * 5.0

    x = np.array([0.5, 1.5])
    gradient = srcad.grad(last, target="python")(x, n)
    assert srcad.jit(last, target="python")(x, n) == last(x, n)
    value, slope = srcad.jvp(last, (x, n), (np.ones(2), 0), target="python")
    assert value == last(x, n)
    assert slope == pytest.approx(np.sum(gradient))
