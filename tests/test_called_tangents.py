"""Forward mode through calls that stay calls: recursion, functions that are called more than once."""

import numpy as np
import pytest

import srcad
from tests.test_calls import ALL, flat, floats
from tests.test_recursion_tape import ON_A_TAPE, WITHOUT, summed

_rng = np.random.default_rng(3)


def direction(value):
    if isinstance(value, dict):
        return {key: direction(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(direction, value))
    return _rng.standard_normal(np.shape(value)) if np.ndim(value) else float(_rng.standard_normal())


def slope(f, args, tangents):
    """From the gradient in reverse mode."""
    argnums = tuple(k for k, t in enumerate(tangents) if t is not None)
    gradient = srcad.grad(f, argnums, target="python")(*args)
    return flat(gradient) @ flat([t for t in tangents if t is not None])


def along(f, args, tangents, step=1e-6):
    """Differences of values that are arrays or numbers."""

    def at(h):
        moved = [a if t is None else a + h * t for a, t in zip(args, tangents, strict=True)]
        return flat(f(*(np.copy(a) if np.ndim(a) else a for a in moved)))

    return (at(step) - at(-step)) / (2.0 * step)


def tangents_of(args):
    return tuple(direction(a) if k in floats(args) else None for k, a in enumerate(args))


# ---- against reverse mode -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_against_the_gradient(name):
    f, *args = ALL[name]
    tangents = tangents_of(args)
    made = srcad.jvp(f, target="python")
    value, tangent = made(args, tangents)
    assert made.source.count("_jvp") > 2, made.source
    np.testing.assert_allclose(value, f(*args), rtol=1e-13)
    np.testing.assert_allclose(tangent, slope(f, args, tangents), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["tree sum", "multigrid", "several results", "Runge-Kutta with an event"])
def test_compiled(name):
    f, *args = ALL[name]
    tangents = tangents_of(args)
    want = srcad.jvp(f, target="python")(args, tangents)
    np.testing.assert_allclose(srcad.jvp(f)(args, tangents), want, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("f", "n"), ON_A_TAPE + WITHOUT)
def test_functions_with_a_tape_in_reverse_mode(f, n):
    whole, x = summed(f, n)
    tangents = (direction(x),)
    _, tangent = srcad.jvp(whole, (x,), tangents, target="python")
    np.testing.assert_allclose(tangent, slope(whole, (x,), tangents), rtol=1e-11)


# ---- functions that change what they are given ----------------------------------------------------------------------


def in_place(x, n):
    x[0] = x[0] * x[1]
    return x[0] if n == 0 else in_place(x, n - 1) + x[1]


def changes_its_argument(x):
    y = np.sin(x)
    return in_place(y, 2) + y[0] * y[1]


def ramp(out, x, lo, hi):
    """Fills an array half by half, through views."""
    if hi - lo == 1:
        out[lo] = x[lo] ** 2
        return
    mid = (lo + hi) // 2
    ramp(out, x, lo, mid)
    ramp(out, x, mid, hi)
    out[hi - 1] += out[lo] * out[mid - 1]


def of_a_procedure(x):
    out = np.zeros(len(x))
    ramp(out, x, 0, len(x))
    return np.sum(out * x)


def doubled(x):
    """Changes the views that it is given."""
    x *= 2.0
    if len(x) > 1:
        doubled(x[1:])
        x[0] += x[1] * x[1]


def through_views(x):
    y = x + 1.0
    doubled(y[1:])
    doubled(y[::2])
    return y


def workspace(x, w, n):
    """Overwrites what the caller has no derivative of, and returns what it reads of it."""
    w[0] = np.sin(x)
    if n == 0:
        return w[0]
    below = workspace(x * x, w, n - 1)
    return below + w[0] * x


def with_workspace(x):
    w = np.ones(3)
    y = workspace(x, w, 2)
    return y + w[1]


def reset(x, n):
    """No derivative passes through it, to a result or to what it changes."""
    x[n] = 3.0
    if n > 0:
        reset(x, n - 1)


def with_reset(x):
    y = x * x
    reset(y, 1)
    return y * x


def added(out, x, n):
    out += x
    if n > 0:
        added(out, x, n - 1)


def given_twice(x):
    """The function is given one array twice: what it adds to is what it reads."""
    y = np.sin(x)
    added(y, y, 2)
    return y


def given_with_its_sum(x):
    """The tangent of the sum is that of the argument, to which the function adds."""
    y = np.sin(x)
    z = y + 1.0
    added(y, z, 1)
    return y * z


def swapped(a, b, n):
    if n > 0:
        a[0], b[0] = b[0] * a[1], a[0]
        swapped(b, a, n - 1)


def of_two(x):
    a, b = x * x, np.exp(x)
    swapped(a, b, 3)
    return a + 2.0 * b


CHANGING = [
    changes_its_argument,
    of_a_procedure,
    through_views,
    with_reset,
    given_twice,
    given_with_its_sum,
    of_two,
]


@pytest.mark.parametrize("f", CHANGING, ids=lambda f: f.__name__)
def test_arrays_that_are_changed(f):
    x, t = np.array([0.4, 0.9, 1.3]), np.array([0.7, -0.2, 0.5])
    value, tangent = srcad.jvp(f, (x,), (t,), target="python")
    np.testing.assert_allclose(value, f(x), rtol=1e-13)
    np.testing.assert_allclose(flat(tangent), along(f, (x,), (t,)), rtol=1e-7)


@pytest.mark.parametrize("f", [of_a_procedure, through_views, given_with_its_sum], ids=lambda f: f.__name__)
def test_arrays_that_are_changed_compiled(f):
    x, t = np.array([0.4, 0.9, 1.3]), np.array([0.7, -0.2, 0.5])
    want = srcad.jvp(f, (x,), (t,), target="python")
    found = srcad.jvp(f, (x,), (t,))
    np.testing.assert_allclose(found[0], want[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], want[1], rtol=1e-12)


def test_a_workspace_without_a_tangent_gets_one():
    _, tangent = srcad.jvp(with_workspace, (0.7,), (1.0,), target="python")
    np.testing.assert_allclose(tangent, along(with_workspace, (0.7,), (1.0,)), rtol=1e-7)


# ---- memory ---------------------------------------------------------------------------------------------------------


def two_of_one(x, n):
    y = np.sin(x) if n == 0 else two_of_one(x, n - 1)[0] * x
    return y, y + 1.0


def written_to_one(x):
    y, z = two_of_one(x, 1)
    y[0] = 5.0 * z[1]
    return y * z


def test_tangents_of_two_results_have_memory_of_their_own():
    x, t = np.array([0.4, 0.9]), np.array([0.7, -0.2])
    _, tangent = srcad.jvp(written_to_one, (x,), (t,), target="python")
    np.testing.assert_allclose(tangent, along(written_to_one, (x,), (t,)), rtol=1e-7)
    _, (first, second) = srcad.jvp(lambda x: two_of_one(x, 1), (x,), (t,), target="python")
    first[0] = 99.0
    assert second[0] != 99.0


def shifted(x, n):
    return x + 1.0 if n == 0 else shifted(x, n - 1) - 2.0


def written_after(x):
    y = np.sin(x)
    z = shifted(y, 1)
    z[0] = 7.0
    return y * z + z


def test_the_tangent_of_a_result_is_not_that_of_an_argument():
    x, t = np.array([0.4, 0.9]), np.array([0.7, -0.2])
    _, tangent = srcad.jvp(written_after, (x,), (t,), target="python")
    np.testing.assert_allclose(tangent, along(written_after, (x,), (t,)), rtol=1e-7)
