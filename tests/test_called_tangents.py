"""Forward mode through calls that stay calls: recursion, functions that are called more than once."""

import numpy as np
import pytest

import srcad
from srcad.errors import AliasError, UnsupportedError
from tests.test_calls import ALL, flat, floats, log_sum_exp, whole_tree
from tests.test_recursion_tape import ON_A_TAPE, WITHOUT, by_bits, chain, summed, with_tangent

pytestmark = pytest.mark.one_in(10, least=3)

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


@pytest.mark.one_in(8, least=1)
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


def overlapping(a, b, n):
    a[0] += b[0] * b[1]
    if n > 0:
        overlapping(a[1:], b, n - 1)
    b[1] *= a[0]


def given_two_views(x):
    y = x * 1.0
    overlapping(y, y[1:], 2)
    return y


def given_twice(x):
    y = np.sin(x)
    added(y, y, 2)
    return y


def pops(found, x, n):
    y = found.pop()
    y[0] += x[0] * x[1]
    if n > 0:
        pops(found, x, n - 1)
    return x[0] * y[0]


def given_in_a_list(x):
    y, z = x * 1.0, x * 2.0
    found = []
    for a in (y, z):
        found.append(a)
    pops(found, y, 1)
    return y * z


@pytest.mark.parametrize("f", [given_two_views, given_twice], ids=lambda f: f.__name__)
def test_an_array_that_is_changed_and_given_twice_is_refused(f):
    with pytest.raises(AliasError, match="changes (a|out), which may be in the same memory as (b|x)") as error:
        srcad.jvp(f, (np.ones(4),), (np.ones(4),), target="python")
    assert error.value.problems[0].code == "S401"


def test_an_array_that_is_given_in_a_list_too_is_refused():
    with pytest.raises(AliasError, match="changes found, which may be in the same memory as x"):
        srcad.jvp(given_in_a_list, (np.ones(4),), (np.ones(4),), target="python")


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


# ---- second derivatives ---------------------------------------------------------------------------------------------


def differences_of_gradients(f, args, tangents):
    return along(srcad.grad(f, target="python"), args, tangents)


SECOND = ["tree sum", "root recurs", "mutual", "several results", "outer variable", "its own argument"]
SECOND += ["two adjoints of one", "saved in a loop"]


@pytest.mark.parametrize("name", SECOND)
def test_hessian_times_a_vector(name):
    f, *args = ALL[name]
    tangents = tangents_of(args)
    found = srcad.hvp(f, args, tangents, target="python")
    want = differences_of_gradients(f, args, tangents)
    np.testing.assert_allclose(flat(found), want, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(("f", "n"), ON_A_TAPE[::2] + WITHOUT[:1])
def test_hessian_times_a_vector_with_a_tape(f, n):
    whole, x = summed(f, n)
    t = direction(x)
    found = srcad.hvp(whole, (x,), (t,), target="python")
    np.testing.assert_allclose(flat(found), differences_of_gradients(whole, (x,), (t,)), rtol=2e-6, atol=1e-7)


def test_an_adjoint_that_takes_what_was_on_the_tape_with_the_tape_is_refused():
    """It writes to arrays that it takes from the tape, and nothing tells that its argument is on it no more."""
    whole, x = summed(*WITHOUT[1])
    with pytest.raises(AliasError, match="changes saved_arrays, which may be in the same memory as x"):
        srcad.hvp(whole, (x,), (x,), target="python")


def test_hessian():
    x = np.array([0.3, 0.4, 0.5])
    np.testing.assert_allclose(srcad.hessian(whole_tree, target="python")(x), np.diag(-np.sin(x)), rtol=1e-14)
    full = srcad.hessian(log_sum_exp, target="python")(x)
    shares = np.exp(x - log_sum_exp(x))
    np.testing.assert_allclose(full, np.diag(shares) - np.outer(shares, shares), rtol=1e-13, atol=1e-15)


def test_second_derivatives_compiled():
    def f(x):
        return chain(x, 4)

    want = srcad.hvp(f, (0.3,), (1.0,), target="python")
    np.testing.assert_allclose(srcad.hvp(f, (0.3,), (1.0,)), want, rtol=1e-13)
    np.testing.assert_allclose(srcad.hessian(f)(0.3), want, rtol=1e-13)


def test_a_gradient_called_inside_a_function():
    def newton(x):
        return x - srcad.grad(lambda y: chain(y, 3) + y * y)(x) / 2.0

    found = srcad.jvp(newton, (0.3,), (1.0,), target="python")
    second = differences_of_gradients(lambda y: chain(y, 3) + y * y, (0.3,), (1.0,))
    np.testing.assert_allclose(found[1], 1.0 - second[0] / 2.0, rtol=1e-6)


def scaled_chain(x, n, k):
    return k * x if n == 0 else np.sin(k * scaled_chain(x, n - 1, k))


def test_what_is_read_from_around_moves_too():
    """The derivative of a gradient by a number that the differentiated function reads from outside."""

    def slope_at(x, k):
        return srcad.grad(lambda y: scaled_chain(y, 2, k))(x)

    _, tangent = srcad.jvp(slope_at, (0.3, 1.2), (0.0, 1.0), target="python")
    step = 1e-6
    want = (slope_of(scaled_chain, 0.3, 1.2 + step) - slope_of(scaled_chain, 0.3, 1.2 - step)) / (2.0 * step)
    assert tangent == pytest.approx(want, rel=1e-7)


def slope_of(f, x, k):
    return srcad.grad(lambda y: f(y, 2, k), target="python")(x)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_tests_of_rounded_numbers_go_the_same_way_in_both_sweeps(target):
    df = srcad.hvp(lambda x: by_bits(x, 5), target=target)
    want = srcad.jvp(lambda x: with_tangent(x, 5)[1], target="python")
    points = np.random.default_rng(0).uniform(0.1, 0.9, 20)
    found = [df((x,), (1.0,)) for x in points]
    np.testing.assert_allclose(found, [want((x,), (1.0,))[1] for x in points], rtol=1e-9)


def test_no_tape_where_the_outer_derivative_rounds_as_it_likes():
    made = srcad.hvp(lambda x: by_bits(x, 5), fastmath=True, target="python")
    made((0.3,), (1.0,))
    assert "saved" not in made.source


# ---- texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tree sum", "mutual", "several results", "Runge-Kutta with an event"])
def test_is_read_again(name):
    f, *args = ALL[name]
    tangents = tangents_of(args)
    made = srcad.jvp(f, target="python")
    want = made(args, tangents)
    again = srcad.jit(made.source, target="python")
    np.testing.assert_array_equal(again(*args, *(t for t in tangents if t is not None)), want)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_tangent_of_a_text_with_a_tape(target):
    text = srcad.grad(lambda x: chain(x, 4), target="python").source_for(0.3)
    _, tangent = srcad.jvp(text, (0.3, 1.0), (1.0, None), target=target)
    want = differences_of_gradients(lambda x: chain(x, 4), (0.3,), (1.0,))
    np.testing.assert_allclose(tangent, want[0], rtol=1e-7)


def test_second_derivatives_are_read_again():
    made = srcad.hvp(lambda x: chain(x, 4), target="python")
    want = made((0.3,), (1.0,))
    assert srcad.jit(made.source, target="python")(0.3, 1.0) == want


def test_a_step_with_one_more_tangent_is_a_function_of_its_own():
    f, *args = ALL["Runge-Kutta with an event"]
    made = srcad.jvp(f, target="python")
    made(args, (*tangents_of(args)[:2], None, None, None))
    assert made.source.count("def ") == 4, made.source
    assert "k1, t_k1 = rhs_jvp(y, p, t_y, t_p)\n" in made.source
    assert "new, t_new = step_jvp(y, p, h, t_y, t_p)\n" in made.source
    assert len([line for line in made.source.splitlines() if line.strip()]) < 100


def test_one_function_for_all_levels():
    """The adjoint has no tangent of its seed at the first level, and one at the others: the first gives it zero."""
    made = srcad.hvp(lambda x: chain(x, 4), target="python")
    made((0.3,), (1.0,))
    assert made.source.count("def ") == 3, made.source


def powers(x, n):
    return x if n == 0 else x * powers(x, n - 1)


def test_sparsity_of_a_recursion_is_refused():
    with pytest.raises(UnsupportedError, match="sparsity of a Jacobian is asked for") as error:
        srcad.jacobian(lambda x: powers(x, 2), sparse=True, target="python")(np.ones(3))
    assert error.value.problems[0].code == "S115"
