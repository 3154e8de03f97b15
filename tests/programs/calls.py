"""Calls of other functions: several results, defaults, keywords, arguments written into."""

import functools

import numba
import numpy as np

from tests.programs.registry import case, real


def square(x):
    return x * x


def twice_and_cube(x):
    return 2 * x, x**3


def with_default(x, power=2, scale=1.5):
    return scale * x**power


def sign_dependent(x):
    if x > 0:
        return x * x
    return -3 * x


def scale_in_place(y, factor):
    y *= factor


def fill_from(y, x):
    for i in range(len(x)):
        y[i] = x[i] * x[i - 1]


def write_and_return(y, v):
    y[0] = v * v
    return y


def looped(x, n):
    s = x
    for i in range(n):
        s = np.sin(s) * x
    return s


def outer_function(x):
    return square(x) + looped(square(x), 2)


def variadic(first, *rest):
    s = first
    for r in rest:
        s = s * r + r
    return s


def with_keywords(x, **options):
    return x * options["a"] + options["b"]


def keyword_only(x, *, power):
    return x**power


@numba.njit
def jitted(x, y):
    return x * y + np.sin(x)


def rebinding_its_argument(x):
    x = x * x
    x = x + 1
    return x


def rebinding_an_array(y):
    y = y * 2
    y[0] = 7.0
    return y


@case(0.7, compiled=True)
def called_twice(x):
    return square(x) * square(x + 1) + square(square(x))


@case(0.7)
def several_results(x):
    a, b = twice_and_cube(x)
    c, _ = twice_and_cube(b)
    return a * b + c


@case(0.7)
def result_tuple_indexed(x):
    pair = twice_and_cube(x)
    return pair[1] * pair[0] + pair[-1]


@case(0.7)
def defaults_and_keywords(x):
    return with_default(x) + with_default(x, 3) + with_default(x, scale=x) + with_default(power=1, x=x)


@case(0.7)
@case(-0.7)
def callee_with_early_return(x):
    return sign_dependent(x) * x + sign_dependent(-x)


@case(real(4), 0.7, compiled=True)
def callee_writes_its_argument(x, a):
    y = x * 1.0
    s = np.sum(y * y)
    scale_in_place(y, a)
    return np.sum(y * x) + s


@case(real(4))
def callee_fills_a_buffer(x):
    y = np.zeros(len(x))
    fill_from(y, x)
    fill_from(x * 2, y)
    return np.sum(y * y * x)


@case(real(4))
def callee_returns_what_it_wrote(x):
    y = x.copy()
    z = write_and_return(y, x[2])
    z[1] = z[0] * x[3]
    return np.sum(y * z)


@case(real(4))
def callee_writes_a_view(x):
    y = x * 1.0
    scale_in_place(y[1:3], x[0])
    return np.sum(y * y)


@case(real(3, 2))
def callee_writes_rows(a):
    b = a * 1.0
    for i in range(len(b)):
        scale_in_place(b[i], a[i, 0])
    return np.sum(b * b)


@case(0.7, 0)
@case(0.7, 3)
def callee_with_a_loop(x, n):
    s = 0.0
    for i in range(n):
        s += looped(x * s + x, i)
    return s * s + x


@case(0.7)
def calls_that_call(x):
    return outer_function(x) * square(outer_function(x * x))


@case(0.7, 1.1, 0.3)
def variadic_call(x, y, z):
    return variadic(x, y, z) + variadic(x) + variadic(*(x, y))


@case(0.7, 1.1)
def keyword_dict_call(x, y):
    return with_keywords(x, a=y, b=x * x) + keyword_only(x, power=3)


@case(0.7, 1.1)
def calls_a_jitted_function(x, y):
    return jitted(x, y) * jitted(y, x)


jitted_itself = case(0.7, 1.1)(jitted)


@case(0.7)
def callee_rebinds_its_parameter(x):
    return rebinding_its_argument(x) * x


@case(real(3))
def callee_rebinds_then_writes(x):
    z = rebinding_an_array(x)
    return np.sum(z * x) + x[0] * x[0]


@case(real(4))
def overwrites_its_own_parameter(x):
    x[1] = x[0] * x[2]
    x *= 2
    return np.sum(x * x)


@case(real(4), 3, compiled=True)
def overwrites_its_own_parameter_in_a_loop(x, n):
    for k in range(n):
        for i in range(1, len(x)):
            x[i] = np.sin(x[i] + x[i - 1])
    return np.sum(x * x)


@case(0.7)
def partial_call(x):
    cube = functools.partial(with_default, power=3)
    return cube(x) + functools.partial(with_default, x)(1)


def apply_n(f, x, n):
    for _ in range(n):
        x = f(x)
    return x


@case(0.7, 3)
def function_as_an_argument(x, n):
    return apply_n(square, x, n) + apply_n(np.sin, x, n) + apply_n(lambda t: t * x, x, 2)


@case(0.7)
def function_chosen_by_name(x):
    table = {"a": square, "b": np.cos}
    f = table["a"]
    g = table["b"]
    return f(x) * g(x)


@case(real(3))
def in_the_index_of_a_call(x):
    return square(x[1]) * np.sum(square(x[:2]))


@case(0.7)
def docstring_assert_print_pass(x):
    """A docstring is no statement."""
    assert x > 0, "positive"
    pass
    ...
    y = x * x
    assert y < 9
    return y * x


def callee_with_assert(x):
    assert x < 100
    return x**2


@case(0.7)
def same_names_as_the_callee(x):
    s = x * 2
    i = 3
    y = looped(s, i)
    return y * s * i


def mutates_and_reads(buffer, x, k):
    old = buffer[k]
    buffer[k] = x * old
    return old


@case(real(3), 0.7)
def callee_returns_the_old_value(x, a):
    b = x * x
    t = mutates_and_reads(b, a, 1)
    u = mutates_and_reads(b, t, 1)
    return t * u + np.sum(b)


def annotated(x: float, n: int = 2) -> float:
    y: float = x * n
    z: float
    z = y * y
    return z


@case(0.7)
def annotations(x: float) -> float:
    return annotated(x) + annotated(x, 3)


def power_rec_free(x, n):
    r = 1.0
    while n > 0:
        if n % 2 == 1:
            r = r * x
        x = x * x
        n = n // 2
    return r


@case(1.1, 0)
@case(1.1, 1)
@case(1.1, 13)
def power_by_squaring(x, n):
    return power_rec_free(x, n) * x


def two_arrays(x):
    return x * 2, x[::-1] * x


@case(real(3))
def callee_returns_two_arrays(x):
    a, b = two_arrays(x)
    a[0] += b[1]
    return np.sum(a * b)
