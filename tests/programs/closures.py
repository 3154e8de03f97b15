"""Lambdas, inner functions, globals, closed-over variables."""

import math

import numpy as np

from tests.programs.registry import case, real

FACTOR = 2.5
WEIGHTS = real(4, seed=9)
TABLE = {"rate": 0.3, "offsets": real(3, seed=8)}
SIZE = 3


@case(0.7)
def global_number(x):
    return FACTOR * x * x


@case(real(4), compiled=True)
def global_array(x):
    return np.sum(WEIGHTS * x * x)


@case(real(3))
def global_container(x):
    return np.sum(TABLE["offsets"] * x * x) * TABLE["rate"]


@case(0.7)
def global_integer_bound(x):
    s = x
    for i in range(SIZE):
        s = s * x + FACTOR
    return s


def made_by_a_factory(scale, offsets):
    def inner(x):
        return np.sum((scale * x + offsets) ** 2)

    return inner


closure_over_array = case(real(3))(made_by_a_factory(1.7, real(3, seed=4)))


def chain(f, g):
    return lambda x: f(g(x)) + f(x)


lambda_over_functions = case(0.7)(chain(math.sin, math.exp))
plain_lambda = case(0.7, 1.2)(lambda x, y: x * y + x)


@case(0.7)
def lambda_inside(x):
    f = lambda t: t * t + x  # noqa: E731
    return f(x) * f(2.0)


@case(0.7, compiled=True)
def inner_function(x):
    def g(t):
        y = t * x
        return y * y

    return g(x) + g(3.0)


@case(0.7)
def inner_function_sees_the_later_value(x):
    a = x

    def g(t):
        return a * t

    first = g(x)
    a = x * x
    return first + g(x) * 3


@case(0.7, 3)
def inner_function_in_a_loop(x, n):
    s = 0.0
    for i in range(n):

        def g(t):
            return t * i + s  # noqa: B023

        s = g(x)
    return s * x


@case(0.7)
def inner_of_inner(x):
    def g(t):
        def h(u):
            return u * t * x

        return h(t) + h(x)

    return g(x * x)


@case(real(3))
def inner_function_writes_a_closed_over_array(x):
    y = np.zeros(3)

    def put(i, v):
        y[i] = v

    put(0, x[1] * x[1])
    put(1, x[0])
    put(0, y[0] * x[2])
    return np.sum(y * x)


@case(0.7)
def default_argument_frozen_at_definition(x):
    a = x

    def g(t, b=a):
        return t * b

    a = 5 * x
    return g(x) + a


@case(0.7)
def name_of_a_builtin(x):
    sum = x * x
    len = 2.0
    return sum * len


@case(0.7)
def name_of_numpy(d_x):
    d_result = d_x * 2
    d_d_x = d_result * d_x
    return d_d_x * d_x


@case(0.7, 1.3)
def names_of_the_generator(x, x_saved):
    turns = x * x_saved
    x_stack = turns * x
    for i in range(3):
        x_stack = np.sin(x_stack * turns)
    return x_stack


@case(0.7)
def keyword_like_names(in_):
    lambda_ = in_ * 3
    result = lambda_ * in_
    return result


@case(0.7)
def unicode_names(α):
    β = α * α
    return β * np.sin(α)
