"""Functions made for the lengths of arrays in a call: where an array is taken apart into its items."""

import importlib.util

import numpy as np
import pytest

import srcad


def polynomial(t, *coefficients):
    total = 0.0
    for c in coefficients:
        total = total * t + c
    return total


def at_two(p):
    return polynomial(2.0, *p)


def weighted(p):
    total = 0.0
    for name, v in zip(("a", "bb", "ccc"), p):
        total += len(name) * v**2
    return total


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_another_length_is_another_function(target):
    gradient = srcad.grad(at_two, target=target)
    for n in (3, 4, 1, 3):
        np.testing.assert_allclose(gradient(np.arange(1.0, n + 1)), 2.0 ** np.arange(n - 1, -1, -1))


def test_other_lengths_make_no_other_function():
    def loss(p, data):
        return np.sum((data - at_two(p)) ** 2)

    gradient = srcad.grad(loss, target="python")
    p = np.ones(3)
    one = gradient.specialisation(p, np.ones(20))
    gradient(p, np.ones(30))
    assert gradient.specialisation(p, np.ones(30)) is one
    assert gradient.specialisation(np.ones(4), np.ones(30)) is not one


table = np.array([1.0, 4.0, 2.0])


def test_an_array_from_outside_may_change_its_length(monkeypatch):
    def loss(x):
        return polynomial(x, *table)

    gradient = srcad.grad(loss, target="python")
    assert gradient(3.0) == pytest.approx(2.0 * 3.0 + 4.0)
    monkeypatch.setitem(globals(), "table", np.array([5.0, 1.0, 4.0, 2.0]))
    assert gradient(3.0) == pytest.approx(15.0 * 9.0 + 2.0 * 3.0 + 4.0)


def test_a_saved_file_refuses_other_lengths(tmp_path):
    gradient = srcad.grad(weighted, target="python")
    gradient(np.ones(3))
    path = tmp_path / "saved.py"
    gradient.save(path)
    spec = importlib.util.spec_from_file_location("saved", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    np.testing.assert_allclose(module.weighted_grad(np.ones(3)), [2.0, 4.0, 6.0])
    for n in (2, 4):
        with pytest.raises(ValueError, match=f"made for 3 items, and not {n}"):
            module.weighted_grad(np.ones(n))


def test_second_order_and_forward_mode():
    x = np.array([0.3, 0.5, 0.7])
    np.testing.assert_allclose(srcad.hessian(weighted, target="python")(x), np.diag([2.0, 4.0, 6.0]))
    np.testing.assert_allclose(srcad.jvp(weighted, target="python")((x,), (np.ones(3),))[1], 2.0 * x @ [1.0, 2.0, 3.0])


def test_a_loop_without_its_first_iteration_is_refused():
    def total(x, n):
        y = 0
        for i in range(n):
            y = y + x[i]
        return np.sum(y)

    gradient = srcad.grad(total, target="python")
    np.testing.assert_allclose(gradient(np.ones((3, 2)), 2), [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match="has another type where it has no iteration"):
        gradient(np.ones((3, 2)), 0)


def test_a_flag_from_outside_is_read_at_each_call(monkeypatch):
    gradient = srcad.grad(squared, target="python")
    np.testing.assert_allclose(gradient(np.array([1.0, 2.0])), [6.0, 6.0])
    monkeypatch.setitem(globals(), "SUMMED", False)
    np.testing.assert_allclose(gradient(np.array([1.0, 2.0])), [2.0, 4.0])


SUMMED = True


def squared(x):
    if SUMMED:
        y = np.sum(x)
    else:
        y = x
    return np.sum(y * y)


def test_slices_and_ranges_are_constants_of_a_call():
    def part(x, where, places):
        return np.sum(x[where] ** 2) + sum(x[i] for i in places)

    gradient = srcad.grad(part, target="python")
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(gradient(x, slice(0, 2), range(1)), [3.0, 4.0, 0.0])
    np.testing.assert_allclose(gradient(x, slice(1, 3), range(1)), [1.0, 4.0, 6.0])
    np.testing.assert_allclose(gradient(x, slice(1, 3), range(1, 3)), [0.0, 5.0, 7.0])


WHERE = {"part": slice(0, 2)}


def test_a_slice_from_outside_may_change(monkeypatch):
    def part(x):
        return np.sum(x[WHERE["part"]] ** 2)

    gradient = srcad.grad(part, target="python")
    np.testing.assert_allclose(gradient(np.ones(3)), [2.0, 2.0, 0.0])
    monkeypatch.setitem(WHERE, "part", slice(1, 3))
    np.testing.assert_allclose(gradient(np.ones(3)), [0.0, 2.0, 2.0])
