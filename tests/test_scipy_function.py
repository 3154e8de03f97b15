"""Functions for SciPy's optimisers: vectors for arguments of any structure, and back."""

from __future__ import annotations

import functools
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize, rosen, rosen_der

import srcad
from srcad.errors import SrcadError


def rosenbrock(x: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def misfit(params: Any, data: Any, weight: Any = 1.0) -> Any:
    guess = np.tanh(data @ params["layers"][0]) @ params["layers"][1] + params["offset"]
    return weight * np.sum(guess**2) + 0.1 * np.sum((params["layers"][0] - 1.0) ** 2)


def params(dtype: Any = np.float64) -> Any:
    rng = np.random.default_rng(0)
    layers = [np.asfortranarray(rng.normal(size=(3, 2)).astype(dtype)), rng.normal(size=2).astype(dtype)]
    return {"layers": layers, "offset": 0.5, "name": "net", "none": None}


DATA = np.random.default_rng(1).normal(size=(5, 3))


@pytest.mark.parametrize("make", [srcad.grad, srcad.value_and_grad])
def test_value_and_gradient_of_a_vector(make: Any) -> None:
    x = np.array([-1.2, 1.0, 0.7, 2.0])
    value, gradient = make(rosenbrock, target="python").scipy(x)
    assert type(value) is float and value == pytest.approx(rosen(x)) and gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, rosen_der(x))


def test_minimum_by_every_method_that_takes_gradients() -> None:
    df = srcad.grad(rosenbrock, target="python")
    for method in ("BFGS", "L-BFGS-B", "CG", "Newton-CG", "TNC", "SLSQP"):
        found = minimize(df.scipy, np.array([-1.2, 1.0]), jac=True, method=method)
        np.testing.assert_allclose(found.x, 1.0, atol=2e-3)


def test_nested_parameters_of_every_leaf() -> None:
    """The vector has the floats in the order of the leaves: each one is moved, and the value follows."""
    own = params()
    flat = srcad.grad(misfit, target="python").scipy.like(own)
    assert flat.x0.tolist() == [*own["layers"][0].ravel(), *own["layers"][1], 0.5]
    back = flat.unpack(flat.x0)
    assert np.array_equal(back["layers"][0], own["layers"][0]) and back["name"] == "net" and back["none"] is None
    assert not np.shares_memory(back["layers"][0], own["layers"][0])
    assert check_grad(lambda x: flat(x, DATA)[0], lambda x: flat(x, DATA)[1], flat.x0) < 1e-5
    assert flat(flat.x0, DATA)[0] == pytest.approx(misfit(own, DATA))
    assert flat(flat.x0, DATA, 2.0)[0] == pytest.approx(misfit(own, DATA, 2.0))
    found = minimize(flat, flat.x0, args=(DATA,), jac=True)
    assert found.success and misfit(flat.unpack(found.x), DATA) == pytest.approx(found.fun) and found.fun < 1e-8
    assert np.array_equal(flat.x0, flat.x0) and own["offset"] == 0.5


def test_float32_and_numbers_keep_their_types() -> None:
    flat = srcad.grad(misfit, target="python").scipy.like(params(np.float32))
    back = flat.unpack(flat.x0 + 1e-12)
    assert back["layers"][0].dtype == np.float32 and type(back["offset"]) is float
    value, gradient = flat(flat.x0, DATA.astype(np.float32))
    assert gradient.dtype == np.float64 and gradient.shape == flat.x0.shape
    one = srcad.grad(lambda x: x * x, target="python").scipy
    assert type(one.like(np.float32(2.0)).unpack([3.0])) is np.float32
    assert one.like(2)(np.array([3.0]))[1].tolist() == [6.0] and one.like(2).unpack([3.0]) == 3.0


@dataclass
class Pair:
    a: Any
    b: Any


def several(k: Any, pair: Any, *, y: Any) -> Any:
    return k * np.sum(pair.a * y) + pair.b * y[0] ** 2


def test_the_vector_takes_the_place_of_the_named_argument() -> None:
    x = np.array([1.0, 2.0])
    f = lambda k, x, m: k * x[0] * x[1] ** m
    value, gradient = srcad.grad(f, "x", target="python").scipy(x, 3.0, 2)
    assert value == 12.0 and gradient.tolist() == [12.0, 12.0]
    assert srcad.grad(f, -2, target="python").scipy(x, 3.0, 2)[0] == 12.0
    partial = functools.partial(f, 3.0)
    assert srcad.grad(partial, target="python").scipy(x, 2)[1].tolist() == [12.0, 12.0]


def test_several_arguments_are_one_vector() -> None:
    flat = srcad.grad(several, ("y", "pair"), target="python").scipy.like((np.array([1.0, 2.0]), Pair(np.ones(2), 3.0)))
    value, gradient = flat(flat.x0, 2.0)
    assert flat.x0.tolist() == [1.0, 2.0, 1.0, 1.0, 3.0]
    assert value == 9.0 and gradient.tolist() == [8.0, 2.0, 2.0, 4.0, 1.0]
    y, pair = flat.unpack(flat.x0)
    assert y.tolist() == [1.0, 2.0] and pair == Pair(pair.a, 3.0)


def test_star_parameters() -> None:
    def product(scale: Any, *parts: Any) -> Any:
        return scale * parts[0] * parts[1][0]

    whole = srcad.grad(product, "parts", target="python").scipy.like((2.0, np.array([3.0])))
    assert whole(whole.x0, 5.0)[0] == 30.0 and whole(whole.x0, 5.0)[1].tolist() == [15.0, 10.0]
    item = srcad.grad(product, 2, target="python").scipy
    value, gradient = item(np.array([3.0]), 5.0, 2.0)
    assert value == 30.0 and gradient.tolist() == [10.0]


def test_an_aux_is_left_out() -> None:
    df = srcad.value_and_grad(lambda x: (x @ x, "aux"), has_aux=True, target="python")
    assert df.scipy(np.array([3.0]))[0] == 9.0 and df.scipy(np.array([3.0]))[1].tolist() == [6.0]


def test_the_gradient_is_the_callers() -> None:
    """Optimisers of SciPy keep gradients, and write into their vector between calls."""
    df = srcad.grad(rosenbrock, target="python").scipy
    x = np.array([-1.2, 1.0])
    _, first = df(x)
    kept = first.copy()
    x += 1.0
    df(x)
    assert np.array_equal(first, kept)


def test_compiled() -> None:
    df = srcad.grad(rosenbrock)
    found = minimize(df.scipy, np.array([-1.2, 1.0, 0.5]), jac=True)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)
    assert df.scipy is df.scipy
    flat = pickle.loads(pickle.dumps(df.scipy.like(np.ones((2, 1)))))
    assert flat.unpack(flat.x0).shape == (2, 1)


@pytest.mark.parametrize(
    "code, call",
    [
        ("S310", lambda: srcad.jit(rosenbrock).scipy),
        ("S310", lambda: srcad.jvp(rosenbrock).scipy),
        ("S306", lambda: srcad.grad(rosenbrock).scipy(np.ones((2, 2)))),
        ("S306", lambda: srcad.grad(several, ("y", "pair")).scipy(np.ones(5), 2.0)),
        ("S306", lambda: srcad.grad(several, ("y", "pair")).scipy.like(np.ones(5))),
        ("S306", lambda: srcad.grad(rosenbrock).scipy.x0),
        ("S306", lambda: srcad.grad(rosenbrock).scipy.unpack(np.ones(2))),
        ("S306", lambda: srcad.grad(rosenbrock).scipy.like(np.ones(3)).unpack(np.ones(4))),
        ("S306", lambda: srcad.grad(rosenbrock).scipy.like(np.ones(3))(np.ones(2))),
        ("S306", lambda: srcad.grad(rosenbrock).scipy(np.ones(3), 1.0)),
    ],
)
def test_refused(code: str, call: Any) -> None:
    with pytest.raises(SrcadError, match=code):
        call()
