"""Tests of an `if` that the reverse sweep makes again, instead of reading from the tape which way they went."""

import numpy as np
import pytest

import srcad


def contact(x, radius):
    """Half of the points lie on the border of the radius: what a test makes of rounding decides."""
    n = len(x)
    total = 0.0
    near = np.zeros(n)
    for i in range(n):
        for j in range(n):
            d = x[i] - x[j]
            r2 = d * d
            if r2 < radius * radius:
                w = np.exp(r2) * near[i]
                near[i] = near[i] + 1.0 + w * d
                near[j] = near[j] * w
    for i in range(n):
        total += near[i] ** 2
    return total


def text(f, *args, **options):
    return srcad.grad(f, **options).source_for(*args)


X = 0.1 * np.arange(6.0)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_the_test_goes_the_same_way_where_rounding_decides(target):
    """At radius 0.3 the squares of 0.3 - 0.0, 0.4 - 0.1, 0.5 - 0.2 differ in the last digit."""
    assert "took_if" not in text(contact, X, 0.3)
    for radius in (0.1, 0.2, 0.3, 0.30000000000000004):
        ours = srcad.grad(contact, target=target)(X, radius)
        np.testing.assert_allclose(ours, taped(X, radius), rtol=1e-12)


def taped(x, radius):
    return srcad.grad(contact, target="python", fastmath=True)(x, radius)


def test_with_fastmath_it_is_on_the_tape():
    assert "took_if" in text(contact, X, 0.3, fastmath=True)
    assert "took_if" in text(contact, X, 0.3, target="cuda")


def overwritten(x, c):
    """The test reads an element that a later iteration overwrites."""
    total = 0.0
    for t in range(3):
        for i in range(1, len(x)):
            d = x[i] - x[i - 1]
            if d * d < c:
                x[i] = x[i] * d * np.cos(d)
            total += x[i] * d
    return total


def summed(x, y, c):
    """The order in which a sum is added up is not certain: its test is on the tape."""
    total = 0.0
    for i in range(len(x)):
        d = x[i] - y[i]
        if np.sum(d * d) < c:
            total = np.sin(total) + np.sum(d * d * d)
    return total


def other_operand(x, c):
    """What the test reads is not read by the reverse sweep, which would read more memory for it than the test takes."""
    total = 0.0
    for i in range(len(x)):
        a = x[i] * x[i - 1]
        if a + c < 1.0:
            total += c * 3.0
    return total


CASES = {
    "overwritten": (overwritten, (np.linspace(0.3, 1.0, 7) ** 2, 0.01), None),
    "summed": (summed, (np.ones((4, 3)) * 0.1, np.linspace(0, 0.4, 12).reshape(4, 3), 0.05), True),
    "other_operand": (other_operand, (np.linspace(0.1, 1.5, 9), 0.3), None),
}


@pytest.mark.parametrize("name", CASES)
def test_is_the_gradient(name):
    f, args, kept = CASES[name]
    srcad.check_grad(f, *args, target="python")
    if kept is not None:
        assert ("took_if" in text(f, *args)) == kept
