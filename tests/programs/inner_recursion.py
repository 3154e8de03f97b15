"""Inner functions that call themselves, and read what is around them."""

import math

import numpy as np

from tests.programs.registry import case, real


@case(real(5), compiled=True)
def halves(x):
    def total(low, high):
        if high - low == 1:
            return x[low] ** 2
        middle = (low + high) // 2
        return total(low, middle) * 0.5 + total(middle, high)

    return total(0, len(x))


@case(0.6, 4)
@case(0.6, 0)
def by_each_other(x, n):
    def even(k):
        return x if k == 0 else math.sin(odd(k - 1))

    def odd(k):
        return 1.0 if k == 0 else even(k - 1) * x

    return even(n)


@case(0.8, 2)
def with_functions_beside_it(b, n):
    def f(t):
        return math.exp(-t * t * b)

    def integral(low, high, depth):
        middle = 0.5 * (low + high)
        coarse = (high - low) / 6.0 * (f(low) + 4.0 * f(middle) + f(high))
        return coarse if depth == 0 else integral(low, middle, depth - 1) + integral(middle, high, depth - 1)

    return integral(0.0, b, n)


@case(real(5))
def over_a_structure(x):
    tree = {"v": x[0], "kids": [{"v": x[1], "kids": []}, {"v": x[2], "kids": [{"v": x[3], "kids": []}]}]}

    def total(node, depth):
        own = node["v"] ** 2 / (1 + depth)
        for kid in node["kids"]:
            own += total(kid, depth + 1)
        return own

    return total(tree, 0)


@case(real(4), 3)
def variables_change_between_calls(x, n):
    k = x[1]

    def f(v, d):
        return v if d == 0 else f(math.sin(v * k) + x[0], d - 1)

    a = f(x[2], n)
    k = x[3]
    return a + f(x[2], n)


@case(real(4), 3)
def two_of_one_definition(x, n):
    def make(s):
        def f(v, d):
            return v * s if d == 0 else f(0.5 * v * v + s, d - 1)

        return f

    g, h = make(x[0]), make(x[1] * 2.0)
    return g(x[2], n) + h(x[2], n) * g(x[3], n + 1)


@case(real(4), 3)
def inside_one_another(x, n):
    def a(k):
        before = k - 1

        def b(j):
            return x[j] if j <= 0 else b(j - 1) * k + a(before - 1)

        return 0.5 if k <= 0 else b(k)

    return a(n)


@case(real(4), 3)
def the_array_around_is_given_too(x, n):
    def f(v, d):
        return np.sum(v * x[: len(v)]) if d == 0 else f(v[1:] * x[0], d - 1) + f(x, 0)

    return f(x, n)


@case(real(5), 3)
def defined_in_a_loop(x, n):
    s = 0.0
    for i in range(n):

        def f(v, d):
            return v if d == 0 else x[i] * f(v, d - 1) + v

        s += f(x[4], i + 1)
    return s


@case(0.7, 4)
def a_lambda(x, n):
    factorial = lambda k: 1.0 if k <= 0 else x * k * factorial(k - 1)  # noqa: E731
    return factorial(n)
