"""`argnums` of functions that take `*args` and `**kwargs`: decorated ones, methods, partials."""

import functools
from functools import partial

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError

plain = {"target": "python"}


def product(*args):
    return args[0] * args[1] ** 2


def scaled(x, *rest, scale):
    return x * rest[0] * rest[1] * scale


def named(x, **more):
    return x * more["a"]


def twice(g):
    @functools.wraps(g)
    def wrapper(*args, **kwargs):
        return 2.0 * g(*args, **kwargs)

    return wrapper


def tripled(g):
    @functools.wraps(g)
    def wrapper(first, *rest):
        return 3.0 * g(first, *rest)

    return wrapper


@twice
def energy(x, k, *, s=1.0):
    return np.sum(x**2) * k * s


@tripled
def square(x, k):
    return x * k**2


class Model:
    @twice
    def loss(self, x, k):
        return x * k


class Whole:
    def loss(*args):
        return args[1] * args[2] ** 2


x = np.arange(3.0)


@pytest.mark.parametrize(
    ("f", "argnums", "args", "kwargs", "right"),
    [
        (product, 0, (3.0, 4.0), {}, 16.0),
        (product, 1, (3.0, 4.0), {}, 24.0),
        (product, (1, 0), (3.0, 4.0), {}, (24.0, 16.0)),
        (product, "args", (3.0, 4.0), {}, (16.0, 24.0)),
        (scaled, 0, (2.0, 3.0, 5.0), {"scale": 7.0}, 105.0),
        (scaled, 2, (2.0, 3.0, 5.0), {"scale": 7.0}, 42.0),
        (scaled, "rest", (2.0, 3.0, 5.0), {"scale": 7.0}, (70.0, 42.0)),
        (scaled, ("scale", 1, "x"), (2.0, 3.0, 5.0), {"scale": 7.0}, (30.0, 70.0, 105.0)),
        (named, "a", (2.0,), {"a": 3.0}, 2.0),
        (named, "more", (2.0,), {"a": 3.0}, {"a": 2.0}),
        (energy, 0, (x, 2.0), {}, 8.0 * x),
        (energy, 1, (x, 2.0), {}, 10.0),
        (energy, "k", (x, 2.0), {}, 10.0),
        (energy, "k", (x,), {"k": 2.0}, 10.0),
        (energy, ("s", "x"), (x, 2.0), {"s": 3.0}, (20.0, 24.0 * x)),
        (square, 1, (3.0, 4.0), {}, 72.0),
        (square, "x", (3.0, 4.0), {}, 48.0),
        (square, "k", (3.0, 4.0), {}, 72.0),
        (square, "rest", (3.0, 4.0), {}, (72.0,)),
        (Model().loss, 0, (3.0, 4.0), {}, 8.0),
        (Model().loss, "k", (3.0, 4.0), {}, 6.0),
        (Whole().loss, 0, (3.0, 4.0), {}, 16.0),
        (Whole().loss, 1, (3.0, 4.0), {}, 24.0),
        (partial(product, 3.0), 0, (4.0,), {}, 24.0),
        (partial(scaled, 2.0, 3.0), 0, (5.0,), {"scale": 7.0}, 42.0),
    ],
)
def test_each_value_of_a_star_parameter_is_an_argument(f, argnums, args, kwargs, right):
    have = srcad.grad(f, argnums, **plain)(*args, **kwargs)
    wanted, given = (right, have) if isinstance(right, tuple) else ((right,), (have,))
    assert len(wanted) == len(given)
    for one, other in zip(wanted, given, strict=True):
        assert (one == other) if isinstance(one, dict) else np.array_equal(one, other)


def test_items_that_are_structures_keep_theirs():
    def f(*layers):
        return layers[0]["w"] * layers[1][0] * layers[1][1]

    layers = {"w": 2.0}, [3.0, 5.0]
    assert srcad.grad(f, 1, **plain)(*layers) == [10.0, 6.0]
    assert srcad.grad(f, (0, 1), **plain)(*layers) == ({"w": 15.0}, [10.0, 6.0])
    assert srcad.value_and_grad(f, 0, **plain)(*layers) == (30.0, {"w": 15.0})


def test_finite_differences_of_one_of_them():
    assert srcad.check_grad(product, 3.0, 4.0, argnums=1, **plain).entries == 1
    assert srcad.check_grad(energy, x, 2.0, argnums=("k", "x"), **plain).entries == 4


@pytest.mark.parametrize(
    ("argnums", "said"),
    [
        (5, r"argnums names args\[5\], and this call of product gives no such argument"),
        (-1, r"How many arguments \*args holds is known at a call only"),
        ((0, "args"), "names a parameter twice"),
        ((1, 1), "names a parameter twice"),
        ("k", "argnums 'k' is no parameter of product"),
    ],
)
def test_what_names_no_argument_is_refused(argnums, said):
    with pytest.raises(ArgumentError, match=f"S307(?s:.*){said}"):
        srcad.grad(product, argnums, **plain)(3.0, 4.0)


def test_buffers_of_an_adjoint_need_named_parameters():
    def double(x, y):
        for i in range(len(x)):
            y[i] = 2.0 * x[i]

    def any_number(*args):
        double(*args)

    with pytest.raises(ArgumentError, match="S309: the buffers of an adjoint cannot be told from arguments"):
        srcad.adjoint(any_number, (0, 1), **plain)(np.ones(2), np.zeros(2), np.zeros(2), np.ones(2))
    decorated = functools.wraps(double)(any_number)
    d_x = np.zeros(2)
    srcad.adjoint(decorated, (0, 1), **plain)(np.ones(2), np.zeros(2), d_x, np.ones(2))
    assert np.array_equal(d_x, [2.0, 2.0])


def test_a_function_that_caches_its_results_and_a_static_method():
    @functools.lru_cache(None)
    def square(x):
        return x * x

    class Model:
        cube = staticmethod(lambda x: x**3)

    assert srcad.grad(square, target="python")(3.0) == 6.0
    assert srcad.grad(Model.__dict__["cube"], target="python")(2.0) == 12.0
