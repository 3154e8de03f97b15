"""The tape of a recursion: what is saved on it is taken from it, and nothing is computed again."""

import inspect

import numpy as np
import pytest

import srcad
from srcad.errors import UnsupportedError


def early(x, n):
    if n == 0:
        return np.sin(x)
    y = np.exp(0.1 * x)
    if y > 1.3:
        return y * early(x * 0.5, n - 1)
    z = np.cos(x * y)
    if n % 2 == 0:
        return z * early(z + x, n - 1) + y
    a = early(z * x, n - 1)
    if a > 0.5:
        return a * a
    return a * np.exp(a) + early(z, n - 2 if n > 1 else 0)


def two_in_one_expression(x, n):
    if n <= 0:
        return np.sin(x)
    return two_in_one_expression(x * x, n - 1) * two_in_one_expression(np.sin(x), n - 2) + np.exp(x)


def in_a_loop(x, n):
    if n == 0:
        return np.exp(x)
    s = x
    for i in range(n):
        s = s * in_a_loop(0.5 * s, i) if i % 2 == 0 else s + np.sin(in_a_loop(s * 0.1, n - 1 - i))
    return s


def until(x, n):
    if n == 0:
        return np.exp(0.3 * x)
    k = 0
    s = x
    while s < 2.0 and k < 3:
        s = s + 0.5 * np.sin(until(0.5 * s, n - 1))
        k += 1
        if s > 1.7:
            break
    return s


def in_a_condition(x, n):
    if n > 0 and np.sin(in_a_condition(x * 0.9, n - 1)) > 0.3:
        return x * x * np.exp(x)
    return np.sin(x)


def helper(x):
    y = np.exp(x)
    return y * np.sin(y)


def function_beside(x, n):
    if n == 0:
        return helper(x)
    b = function_beside(helper(0.3 * x), n - 1)
    return helper(b * x) + helper(b)


def result_unused(x, n):
    if n == 0:
        return np.exp(x)
    result_unused(x, n - 1)
    y = result_unused(np.sin(x), n - 1)
    return y * y


def names_reused(x, n):
    y = x
    if n > 0:
        y = np.sin(names_reused(x * 0.5, n - 1))
        y = y * names_reused(y, n - 1)
    n = n - 1
    if n > 0:
        y = y * np.exp(names_reused(0.1 * y, n - 1))
    return y


def changed_between(x, n):
    v = x * 2.0
    if n == 0:
        return np.sum(np.sin(v))
    a = changed_between(v * 0.3, n - 1)
    v[0] = v[0] * a
    b = changed_between(v * 0.2, n - 1)
    v[1:] = v[1:] * b
    w = v[1:]
    w[0] = np.sin(w[0]) * a
    return np.sum(v * v) * a + b


def through_a_view(x, n):
    v = np.exp(x)
    if n > 0:
        w = v[1:]
        y = np.sin(w)
        a = through_a_view(y, n - 1)
        v[1] = v[1] * a
        w[0] = w[0] * w[0]
        s = np.sum(w * y)
    else:
        s = np.sum(v)
    v[0] = v[0] * s
    return np.sum(v * v) * 0.01


def one_array_by_two_names(x, n):
    v = np.exp(0.1 * x)
    u = v
    if n > 0:
        v = one_array_by_two_names(u, n - 1) * u
    v[0] = v[0] * v[0]
    v[1] = v[1] * v[0]
    return v


def undefined_in_a_branch(x, n):
    if n == 0:
        return x
    y = undefined_in_a_branch(x * np.exp(0.1 * x), n - 1)
    if y[0] > 0.5:
        return y * x
    z = y.copy()
    z[0] = x[1] * y[1]
    return z * y


def changed_after_the_branch(x, n):
    if n == 0:
        return x * x
    v = np.exp(x)
    s = 0.0
    if n % 2 == 1:
        w = v[1:]
        s = np.sum(w * w * w)
    v[1] = v[1] * changed_after_the_branch(v * 0.1, n - 1)[0]
    if n % 2 == 1:
        s = s + np.sum(w * w)
    return v * s


ON_A_TAPE = [
    (early, 6),
    (two_in_one_expression, 4),
    (in_a_loop, 4),
    (until, 3),
    (in_a_condition, 4),
    (function_beside, 3),
    (result_unused, 3),
    (names_reused, 4),
    (changed_between, 3),
    (through_a_view, 2),
    (undefined_in_a_branch, 3),
]
WITHOUT = [(one_array_by_two_names, 2), (changed_after_the_branch, 3)]
OF_ARRAYS = ON_A_TAPE[-3:] + WITHOUT


def summed(f, n):
    if (f, n) in OF_ARRAYS:
        return lambda x: np.sum(f(x, n)), np.array([0.9, 0.4, 0.7, 0.2])
    return lambda x: f(x, n), 0.37


@pytest.mark.parametrize(("f", "n"), ON_A_TAPE + WITHOUT)
def test_against_differences(f, n):
    whole, x = summed(f, n)
    found = srcad.check_grad(whole, x, target="python")
    assert found, str(found)


@pytest.mark.parametrize(("f", "n"), ON_A_TAPE)
def test_text_is_read_again(f, n):
    whole, x = summed(f, n)
    df = srcad.grad(whole, target="python")
    text = df.source_for(x)
    assert f"def {f.__name__}_forward(" in text and "saved" in text, text
    # the lambda took `n` from outside
    np.testing.assert_array_equal(srcad.jit(text, target="python")(x, n=n), df(x))


@pytest.mark.parametrize(("f", "n"), [(early, 6), (through_a_view, 2), (in_a_loop, 4)])
def test_compiled(f, n):
    whole, x = summed(f, n)
    want = srcad.grad(whole, target="python")(x)
    np.testing.assert_allclose(srcad.grad(whole)(x), want, rtol=1e-12)


# ---- how much is computed and saved ---------------------------------------------------------------------------------


def chain(x, n):
    if n == 0:
        return x
    y = chain(x, n - 1)
    return np.sin(y) * np.exp(-0.1 * y) + 0.1 * x


def tree(values, lo, hi):
    if hi - lo == 1:
        return np.exp(values[lo])
    mid = (lo + hi) // 2
    return tree(values, lo, mid) * np.sin(tree(values, mid, hi))


def calls_in(text, *args):
    """How often each function of a text is called."""
    names = {}
    exec(text, names)
    own = [n for n, f in names.items() if inspect.isfunction(f)]
    counts = dict.fromkeys(own, 0)

    def counted(name, f):
        def wrapped(*args):
            counts[name] += 1
            return f(*args)

        return wrapped

    names.update({n: counted(n, names[n]) for n in own})
    names[own[-1]](*args)
    return counts


@pytest.mark.parametrize("n", [0, 1, 50])
def test_each_level_of_a_chain_runs_once_in_each_sweep(n):
    text = srcad.grad(lambda x, n: chain(x, n), target="python").source_for(0.3, n)
    counts = calls_in(text, 0.3, n)
    assert counts.pop("chain_forward") == counts.pop("chain_adjoint") == n + 1
    assert list(counts.values()) == [1]


def test_each_node_of_a_tree_runs_once_in_each_sweep():
    values = np.linspace(0.1, 1.0, 13)
    counts = calls_in(srcad.grad(lambda v: tree(v, 0, len(v)), target="python").source_for(values), values)
    assert counts["tree_forward"] == counts["tree_adjoint"] == 25


def light(values, lo, hi):
    if hi - lo == 1:
        return values[lo] * values[lo]
    mid = (lo + hi) // 2
    return light(values, lo, mid) + light(values, mid, hi)


def test_where_nothing_is_needed_nothing_is_saved():
    text = srcad.grad(lambda v: light(v, 0, len(v)), target="python").source_for(np.ones(4))
    assert "saved" not in text and "_forward" not in text


def test_what_is_saved_in_a_branch_is_saved_there():
    text = srcad.grad(chain, target="python").source_for(0.3, 2)
    start, end = text.index("def chain_forward"), text.index("def chain_adjoint")
    assert "    else:\n" in text[start:end] and "\n    saved.append" not in text[start:end]


# ---- both sweeps go the same way ------------------------------------------------------------------------------------


def by_bits(x, n):
    """A difference in the last bit of an argument leads another way."""
    if n == 0:
        return np.exp(0.1 * x)
    a = x * 0.1 * 3.0
    y = by_bits((x * 0.1 * 3.0) * (x * 0.7 * 5.0), n - 1)
    if (a * 1e15) % 1.0 < 0.5:
        return y * np.exp(-y) + a
    return y * np.sin(y * a) + np.exp(-y) * by_bits(0.9 * a / 0.3, n - 1)


def with_tangent(x, n):
    if n == 0:
        return np.exp(0.1 * x), 0.1 * np.exp(0.1 * x)
    a, e = x * 0.1 * 3.0, 0.3
    y, d = with_tangent((x * 0.1 * 3.0) * (x * 0.7 * 5.0), n - 1)
    d = d * 0.3 * 3.5 * 2.0 * x
    if (a * 1e15) % 1.0 < 0.5:
        return y * np.exp(-y) + a, (1.0 - y) * np.exp(-y) * d + e
    z, c = with_tangent(0.9 * a / 0.3, n - 1)
    value = y * np.sin(y * a) + np.exp(-y) * z
    return value, d * np.sin(y * a) + y * np.cos(y * a) * (d * a + y * e) + np.exp(-y) * (c * 3.0 * e - z * d)


def test_tests_of_rounded_numbers():
    df = srcad.grad(lambda x: by_bits(x, 5), target="python")
    points = np.random.default_rng(0).uniform(0.0, 0.9, 40)
    np.testing.assert_allclose([df(x) for x in points], [with_tangent(x, 5)[1] for x in points], rtol=1e-10)


def test_fastmath_may_round_differently_in_each_sweep():
    text = srcad.grad(lambda x: by_bits(x, 5), fastmath=True).source_for(0.3)
    assert "saved" not in text


# ---- errors and calls one after another -----------------------------------------------------------------------------


def failing(x, n, limit):
    y = np.exp(0.1 * x)
    if y > limit:
        raise ValueError("too large")
    return y if n == 0 else y * failing(y * x, n - 1, limit)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_an_error_leaves_nothing_on_the_tape(target):
    df = srcad.grad(failing, target=target)
    before = df(1.0, 3, 9.0)
    with pytest.raises(ValueError, match="too large"):
        df(1.0, 3, 1.12)
    assert df(1.0, 3, 9.0) == before
    assert srcad.check_grad(failing, 1.0, 3, 9.0, target=target)


def test_a_text_with_a_tape_is_not_differentiated_again():
    text = srcad.grad(lambda x: chain(x, 4), target="python").source_for(0.3)
    with pytest.raises(UnsupportedError, match="a list whose length is known only at run time") as error:
        srcad.grad(text, target="python")(0.3)
    assert error.value.problems[0].code == "S115"


def collecting(x, n, found):
    if n > 0:
        collecting(x * 0.5, n - 1, found)
        found.append(x + n)
    return x


def test_a_list_of_the_user_is_no_tape():
    def f(x):
        found = [0.0]
        collecting(x, 4, found)
        total = 0.0
        for i in range(len(found)):
            total = 0.5 * total + found[i]
        return total

    assert srcad.jit(f, target="python")(0.3) == f(0.3)


def test_primal_of_a_root_that_recurs():
    assert srcad.jit(chain, target="python")(0.3, 5) == chain(0.3, 5)


# ---- the same for functions that do not call themselves -------------------------------------------------------------


def seen_through_a_view(x):
    v = np.exp(x)
    w = v[1:]
    w[0] = w[0] * w[0]
    v[1] = v[1] * v[0]
    return np.sum(w * w) + np.sum(v * v * v)


def test_what_the_reverse_sweep_restores_is_seen_through_views():
    def f(x):
        return seen_through_a_view(x) * seen_through_a_view(x * x)

    x = np.array([0.3, 0.5, 0.7, 0.2])
    assert "_forward(" in srcad.grad(f, target="python").source_for(x)
    assert srcad.check_grad(f, x, target="python")
