"""Everything of `math` that can be differentiated, and what of it is flat."""

import math

from tests.programs.registry import case


@case(0.4, compiled=True)
def trigonometry(x):
    return math.sin(x) + math.cos(x) * 2 + math.tan(x) * math.sin(2 * x)


@case(0.4)
def inverse_trigonometry(x):
    return math.asin(x) + 2 * math.acos(x) ** 2 + math.atan(x) * x


@case(0.4, 1.3)
@case(-0.4, -1.3)
@case(0.4, -1.3)
def two_arguments(y, x):
    return math.atan2(y, x) + math.hypot(x, y) * x + math.pow(x * x, y) + math.copysign(x, y) * y


@case(0.4, compiled=True)
@case(-0.7)
def hyperbolic(x):
    return math.sinh(x) + math.cosh(x) * 2 + math.tanh(x) * x + math.asinh(x) + math.atanh(x) * x + math.acosh(2 + x)


@case(0.4, compiled=True)
def exponentials(x):
    return math.exp(x) + math.expm1(x) * 2 + 2 * math.exp(-x * x)


@case(0.4)
def logarithms(x):
    return math.log(x) + math.log1p(x) * x + math.log2(x) + math.log10(x) ** 2 + math.log(x, 3) + math.log(2 + x, x + 3)


@case(0.4, compiled=True)
def roots_and_errors(x):
    return math.sqrt(x) + math.erf(x) * 2 + math.erfc(x) * x + math.gamma(x + 1) + math.lgamma(x + 2) * x


@case(0.4)
def roots_and_powers_of_two(x):
    return math.fabs(-x) * x + math.degrees(x) * 0.01 + math.radians(x) ** 2


@case(1.6)
@case(-1.6)
def flat_functions(x):
    return math.floor(x) * x + math.ceil(x) * x * x + math.trunc(x) * 2 * x + x


@case(1.6, 0.7)
@case(-1.6, 0.7)
def remainders(x, y):
    return math.fmod(x, y) * y + x


@case(0.4)
def constants(x):
    return math.pi * x + math.e * x * x + math.tau


@case(0.4)
def tests_of_numbers(x):
    if math.isnan(x) or math.isinf(x) or not math.isfinite(x):
        return 0.0 * x
    return x * x


@case(0.0, gradient=1.0)
def at_zero(x):
    return math.sin(x) + math.fabs(x) + math.tan(x) ** 2


@case(0.0, gradient=0.0)
def fabs_at_zero(x):
    return abs(x) + math.fabs(x)


@case(3, wrt=0)
def of_an_integer(x):
    return math.sqrt(x) + math.exp(-x)


@case(0.4, 5)
def series(x, n):
    s = 0.0
    for k in range(n):
        s += x**k / math.factorial(k)
    return s * math.sqrt(n)


@case(1.4, 1.2)
def distance_and_products(x, y):
    return math.dist((x, y), (1.0, 2.0)) + math.prod((x, y, x)) + math.fsum([x, y * y])
