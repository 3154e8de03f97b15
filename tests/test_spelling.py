"""The text says what a person would have written: each kind of phrase that was there once, and the right gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest

import srcad
from srcad.cleanup.expressions.conditional_expressions import conditional_expressions
from srcad.ir.notation import parse, show
from tests.numeric import numeric_gradient, worst_error

x = np.array([0.3, 0.7, -0.2, 0.9])


def of_math(a):
    return math.sin(a) * math.cosh(a) + math.cos(a) + math.sinh(a) + math.expm1(a) + math.erf(a)


def of_zero(x):
    return np.sum(np.logaddexp(0.0, x)) + np.sum(np.exp(0.0 - x))


def matrix(a, b):
    m = np.array([[a, b], [b, -a], [1.0, a]])
    return np.sum(m * m * m)


def doubled_where(x):
    return np.sum(np.where(x > 0.5, x, 3.0 * x))


def spikes(x, leak):
    v = 0.0
    for i in range(len(x)):
        v = leak * v + x[i]
        if v > 0.5:
            v = v - 0.5
    return v * v


def rows(x):
    m = np.zeros((2, 2))
    for i in range(2):
        m[i, :] = x[i] * x[2:]
    first, last = m[0, :], m[:, 1]
    return first[1] * m[1, 0] + np.sin(last[1])


def masked(x, y):
    m = x > 0.0
    y = y * 1.0
    y[m] = y[m] * x[m]
    return np.sum(y[m] ** 2)


CASES = [
    (masked, (x, 0.5 - x), ["nonzero"], ["nonzero_1", "broadcast"]),
    (of_math, (0.4,), ["math.cos(a)", "math.sin(a)", "math.sinh(a)", "math.cosh(a)", "math.exp("], ["np."]),
    (of_zero, (x,), ["np.exp(-x)"], ["0.0 - "]),
    (matrix, (0.4, 0.7), ["np.array([[a, b], [b, -a], [1.0, a]])", "d_m[0, 0]"], ["concatenate", ":][", "[None]"]),
    (doubled_where, (x,), ["3.0 * np.where("], ["!= 0.0"]),
    (spikes, (x, 0.9), [], ["took_if", "pass"]),
    (rows, (x,), [], [":][0]", ":][1]"]),
]


@pytest.mark.parametrize(("f", "args", "there", "not_there"), CASES, ids=lambda one: getattr(one, "__name__", ""))
def test_spelling(f, args, there, not_there):
    text = srcad.grad(f, target="python").source_for(*args)
    body = text[text.index("---- reverse" if f is of_math else "import numpy") :]
    code = "\n".join(line for line in body.splitlines() if "#" not in line)
    assert not [phrase for phrase in there if phrase not in text]
    assert not [phrase for phrase in not_there if phrase in code]


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize(("f", "args"), [case[:2] for case in CASES], ids=lambda one: getattr(one, "__name__", ""))
def test_right(f, args, target):
    wrt = tuple(range(len(args)))
    value, found = srcad.value_and_grad(f, wrt, target=target)(*args)
    assert value == pytest.approx(f(*args), rel=1e-14)
    assert worst_error(found, [numeric_gradient(f, args, at) for at in wrt]) < 1e-7


@pytest.mark.parametrize(
    "branches",
    [
        "a = 0.0\nif c:\n    a = b\n    d = b\nelse:\n    d = b",  # without c, a is 0
        "if c:\n    d = a\nelse:\n    d = b",
        "if c:\n    d = a\n    e = a\nelse:\n    e = a\n    d = b",
        "if c:\n    a = b\n    b = a\nelse:\n    b = b",
        "if c:\n    d = b\nelse:\n    d = b + 1.0",
        "if c:\n    d = b",
    ],
)
def test_branches_of_copies_that_differ(branches):
    assert show(conditional_expressions(parse(branches), {})) == branches


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_rows_of_numbers_of_several_kinds(target):
    """Numba has no list of an integer list and a float list; NumPy makes all of one dtype."""

    def f(a, n):
        return np.sum(np.array([[1, 2], [a, 3.0], [n, n]]) ** 2)

    assert srcad.grad(f, target=target)(2.0, 3) == pytest.approx(4.0)
    assert srcad.jit(f, target=target)(2.0, 3) == f(2.0, 3)

    def single(a, b):
        return np.sum(np.array([[a, b], [b, a]]) ** 2 * np.float32(2.0))

    one, two = np.float32(1.5), np.float32(2.5)
    assert srcad.jit(single, target=target)(one, two).dtype == single(one, two).dtype
    assert srcad.grad(single, target=target)(one, two) == pytest.approx(12.0)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_a_zero_cotangent_of_what_is_infinite_stays_zero(target):
    """Only where the slope is a number of the text is there nothing to guard against."""

    def f(x):
        return np.sum(np.where(x > 0.0, 2.0 * np.sqrt(np.maximum(x, 0.0)), 3.0 * x))

    found = srcad.grad(f, target=target)(np.array([4.0, 0.0, -1.0]))
    assert found == pytest.approx([0.5, 3.0, 3.0])
