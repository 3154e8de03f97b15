"""Every operator, on scalars and on arrays, where precedence, laziness or a zero could hide a mistake."""

import numpy as np

from tests.programs.registry import case, positive, real, single


@case(0.7, 1.3, compiled=True)
@case(0.0, 0.0, zero=True)
def add_sub_mul(x, y):
    return (x + y) * (x - y) * 3 + x * y


@case(0.7, 1.3)
@case(-0.7, 1.3)
def divide(x, y):
    return x / y + 1 / (2 + x)


@case(1.7, 0.6)
@case(-1.7, 0.6)
def floor_divide(x, y):
    return (x // y) * x + y


@case(1.7, 0.6)
@case(-1.7, 0.6)
@case(1.7, -0.6)
def remainder(x, y):
    return x % y * y + (x * 3) % 2


@case(1.7, 0.6)
def power_both(x, y):
    return x**y


@case(-1.7)
@case(0.0, gradient=1.0)
def power_constants(x):
    return x**2 + x**3 + x**1 + x**0


@case(-1.3, 3.0, wrt=0)
@case(-1.3, 3, wrt=0)
@case(0.0, 2, wrt=0, gradient=0.0)
@case(0.0, 1, wrt=0, gradient=1.0)
@case(1.3, -2, wrt=0)
@case(1.3, 0, wrt=0, zero=True)
def power_inactive_exponent(x, n):
    return x**n


@case(0.4)
@case(-0.4)
def power_of_constant(x):
    return 2**x + 2.5 ** (x * x)


@case(0.8)
def precedence(x):
    return -(x**2) + -(x**-2) + 2 - (3 - x) - (x - 1) / (2 / x)


@case(0.8)
def unary(x):
    return -x + +x * -(-x) - (-(-(x * x)))


@case(0.5)
@case(1.5)
@case(-1.0, name="outside")
def chained_comparison(x):
    if 0 < x < 1:
        return x * x
    return 3 * x


@case(0.5, 2.0)
@case(0.5, -2.0)
@case(-0.5, 2.0)
@case(-0.5, -2.0, compiled=True)
def boolean_operators(x, y):
    r = 0.0
    if x > 0 and y > 0:
        r += x * y
    if x > 0 or y > 0:
        r += x * x * y
    if not x > 0:
        r += x**3
    return r


@case(np.array([1.0, 2.0, 3.0]), 2)
@case(np.array([1.0, 2.0, 3.0]), 3, compiled=True)
def short_circuit_guards_an_index(x, i):
    if i < len(x) and x[i] > 0:
        return x[i] * x[0]
    return x[0] ** 3


@case(0.0, gradient=0.0)
@case(0.5)
def short_circuit_guards_a_division(x):
    if x != 0 and 1 / x > 1:
        return 1 / x
    return x * x


@case(0.5)
@case(-0.5)
def ternary(x):
    return x * x if x > 0 else -3 * x


@case(0.5)
@case(-0.5)
def ternary_is_lazy(x):
    return np.sqrt(x) if x > 0 else x * x


@case(0.7)
@case(-0.7)
def ternary_nested(x):
    return x if x > 1 else (x * 2 if x > 0 else (x * 3 if x > -1 else x * 4))


@case(0.5)
@case(2.5)
def walrus(x):
    if (y := x * x) > 1:
        return y * x
    return y + (z := 2 * y) * z


@case(real(4))
def walrus_in_while(x):
    i = 0
    s = 0.0
    while (k := i + 1) < len(x):
        s += x[i] * x[k]
        i = k
    return s


@case(1.2)
@case(0.0, gradient=1.0)
def zero_times(x):
    return 0 * x + x * 0.0 + x + 0.0


@case(real(3))
def zero_times_array_keeps_the_shape(x):
    y = 0 * x
    y += x[0]
    return np.sum(y * x)


@case(1.2, 0.3, wrt=(0, 1))
def ignores_an_argument(x, y):
    return x * x


@case(1.2, real(2, 3), wrt=(0, 1), zero=True)
def depends_on_nothing(x, y):
    return 4.0


@case(1.2)
def returns_its_argument(x):
    return x


@case(0.3, 0.3)
def argument_twice(x, y):
    return x * y + y * y


@case(3, wrt=0, gradient=27.0)
@case(np.float64(3.0), wrt=0)
@case(np.float32(1.5), wrt=0, tolerance=1e-5)
@case(np.array(3.0), wrt=0, compiled=True)
def python_int_counts_as_float(x):
    return x * x * x


@case(3, 2, wrt=(0, 1))
def python_ints_divided(x, y):
    return x / y + x // y + x * y


@case(0.8, 5)
@case(0.8, 6)
def integer_arithmetic_decides(x, n):
    k = (n * 3 + 1) % 4 + (n & 3) + (n | 4) - (n ^ 1) + (n << 1) - (n >> 1) + ~n
    return x**2 * k if k % 2 == 0 else x * k


@case(0.8)
@case(-0.8)
def boolean_as_number(x):
    return (x > 0) * x * x + (x <= 0) * 3 * x + True * x


@case(1.7)
@case(-1.7)
def casts(x):
    return float(x) * int(x) + x * float(3) + bool(x) * x


@case(1.6)
@case(-1.4)
def builtins_on_scalars(x):
    return abs(x) + pow(x, 3) + round(x) * x + divmod(x, 0.5)[1] * x


@case(0.7, 1.2, 0.9)
@case(1.7, 1.2, 0.9, compiled=True)
def builtin_max_min(x, y, z):
    return max(x, y) * min(x, y, z) + max(x * y, z, 0.1)


@case(1.0, 1.0, gradient=(2.0, 0.0))
def builtin_max_tie_takes_the_first(x, y):
    return max(x, y) + min(x, y) * y - y * y + y


@case(real(3), real(3, seed=1))
def array_operators(x, y):
    return np.sum((x + y) * (x - 2 * y) / (3 + x * x) - -x)


@case(positive(3), real(3))
def array_power(x, y):
    return np.sum(x**y + x**2 + 2.0**y + x**-1.5)


@case(np.array([-1.0, 0.0, 2.0]))
def array_square_at_zero(x):
    return np.sum(x**2 + x**3)


@case(real(4), real(4, seed=3))
def array_remainder(x, y):
    return np.sum(x % (2 + y * y) * x) + np.sum((3 * x) // 1.0 * y)


@case(real(3))
def array_comparison_as_factor(x):
    return np.sum((x > 0) * x * x + (x < 0.5) * x)


@case(single(3), single(3, seed=1), tolerance=2e-5, compiled=True)
def single_precision(x, y):
    return np.sum(x * y / (np.float32(2) + x * x))


@case(single(3), 0.7, wrt=(0, 1), tolerance=2e-5)
def single_times_double_scalar(x, a):
    return np.sum(a * x * x)


@case(np.zeros(0), zero=True)
@case(real(1))
def empty_array(x):
    return np.sum(x * x) + 1.0


@case(real(2, 3))
@case(np.array(0.7))
@case(0.7)
def any_rank(x):
    return np.sum(np.sin(x) * x)


@case(0.3, 2.0)
@case(0.0, 2.0, gradient=(2.0, 0.0))
def value_of_or(x, y):
    z = x or y
    return z * x + y * x if z == x else y * x


@case(1.3)
def long_expression(x):
    return ((x + 1) * (x + 2) * (x + 3) - (x - 1) * (x - 2)) / ((x * x + 1) * (2 - x / 3)) + x * (
        x * (x * (x + 1) + 1) + 1
    )


@case(0.4, None, wrt=0)
@case(0.4, 2.0)
def optional_argument(x, y=None):
    if y is None:
        y = 3.0 * x
    return x * y


@case(0.4, "square", wrt=0)
@case(0.4, "cube", wrt=0)
def string_option(x, mode):
    if mode == "square":
        return x**2
    elif mode in ("cube", "third"):
        return x**3
    return x


@case(0.4, True, wrt=0)
@case(0.4, False, wrt=0)
def boolean_option(x, twice):
    return 2 * x * x if twice else x


@case(np.array([0.0, 2.0, 0.0]), np.array([0.0, 4.0, 1.0]), wrt=(0, 1), compiled=True)
def quotient_not_chosen(a, b):
    """0 / 0 is NaN, and so is what it is a factor of; neither was chosen."""
    return np.sum(np.where(b > 0.5, a / b, 1.0)) + sum(a) + sum(b)


@case(1e-200, 3e-200, wrt=(0, 1), compiled=True)
def quotient_of_small_numbers(a, b):
    """b * b is zero; the derivatives are not."""
    return 1e-200 * (a / b)


@case(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 4.0]), wrt=(0, 1), compiled=True)
@case(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.7, wrt=(0, 1), compiled=True)
def quotient_that_broadcasts(a, b):
    q = a / b
    r = b / q
    return np.sum(q * r[0] + r * r)


@case(np.array([0.3, 0.8, 4.0]), np.array([0.0, 2.0, 0.0]), wrt=0, compiled=True)
def negative_powers(x, c):
    return np.sum(x**-1.5 + x**-2) + x[1] ** -0.9 + np.sum(np.where(c > 0.5, x**-0.5, x**-3))


@case(1e120, gradient=-1.5e-100, compiled=True)
def negative_power_of_a_large_number(x):
    return 1e200 * x**-1.5


@case(np.array([0.0, 2.0]), compiled=True)
def negative_power_not_chosen(x):
    return np.sum(np.where(x > 1.0, x**-1.5, x * x)) + np.sum(np.minimum(x**-2, 9.0 + x))
