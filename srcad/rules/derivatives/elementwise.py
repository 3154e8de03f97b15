"""Partial derivatives of the elementwise operations: one function each, of the result and the arguments.

The decorator of a function of NumPy or `math` is its row too: what passes have to know of it (see
`rules/primitive_type`).

`singular=False` marks a partial that is finite whatever the arguments. All others are infinite or NaN somewhere
(`log` at 0, `exp` of 1000, a product with NaN), which must not reach past an `np.where` that chose the other side.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad import runtime
from srcad.rules.primitives import CHEAP, SCALAR, elementwise, functions, row
from srcad.rules.registry import dtype_of, is_complex_name, is_constant, partials, vjp

# ---- arithmetic --------------------------------------------------------------------------------


@partials("+", singular=False)
def add(y: Any, a: Any, b: Any) -> Any:
    return 1.0, 1.0


@partials("-", singular=False)
def subtract(y: Any, a: Any, b: Any) -> Any:
    return 1.0, -1.0


@partials("*")
def multiply(y: Any, a: Any, b: Any) -> Any:
    return b, a


@partials("/")
def divide(y: Any, a: Any, b: Any) -> Any:
    # not -a / (b * b): the square overflows, or vanishes, long before the quotient does
    inverse = 1.0 / b
    if is_constant(a) and a == 1:
        # then the result is the inverse: the reverse sweep need not have b as well
        by_b = -y * y
    else:
        by_b = -y * inverse
    return inverse, by_b


@partials("neg", singular=False)
def negative(y: Any, x: Any) -> Any:
    return -1.0


@partials("pos", "float", "astype", "copy", "np.ascontiguousarray", singular=False)
def same(y: Any, x: Any, dtype: Any = None) -> Any:
    return 1.0


@partials("np.broadcast_to", singular=False)
def broadcast_to(y: Any, x: Any, *shape: Any) -> Any:
    return 1.0


@partials("%")
def modulo(y: Any, a: Any, b: Any) -> Any:
    return 1.0, -(a // b)


@partials(*elementwise("np.fmod", np.fmod, dtype="float", vector="call", weak_literals=True))
def fmod(y: Any, a: Any, b: Any) -> Any:
    # not trunc(a / b): where the quotient rounds up to a whole number, as 1.0 / 0.1 does, it is one too many
    return 1.0, -np.rint((a - y) / b)


@partials("**", *functions(math.pow, vector="call", poles=True, infinite_slopes=True))
def power(y: Any, a: Any, b: Any) -> Any:
    by_a: Any
    by_b: Any
    if is_constant(b):
        if b == 0:
            by_a = None
        elif b == 1:
            by_a = 1.0
        elif b == 2:
            by_a = 2.0 * a
        elif b == 0.5:
            by_a = 0.5 / y
        elif is_complex_name(dtype_of(b)):
            by_a = b * a ** (b - 1)
        elif b < 0:
            # a division instead of a power; at 0, where a positive exponent would give 0 / 0, both are infinite
            by_a = b * y / a
        else:
            by_a = b * a ** (b - 1)
    else:
        # x ** 0 is constant, also at x = 0, where 0 * 0 ** -1 would be NaN
        by_a = np.where((a == 0) & (b == 0), 0.0, b * a ** (b - 1.0))
    if is_constant(a):
        if a == 0:
            by_b = None
        else:
            by_b = y * log_in_field_of(y, a)
    else:
        by_b = np.where(a == 0, 0.0, y * log_in_field_of(y, a))
    return by_a, by_b


def log_in_field_of(y: Any, a: Any) -> Any:
    """The logarithm of the base of the power y: complex, where y is, also of a real base that is negative."""
    if is_complex_name(dtype_of(y)) and not is_complex_name(dtype_of(a)):
        return np.log(a + 0j)
    return np.log(a)


# ---- exponentials and logarithms ---------------------------------------------------------------


@partials(
    *functions(np.exp, dtype="float", vector="machine.inline_exp", vector_single="machine.inline_exp_single"),
    *functions(math.exp, vector="machine.inline_exp"),
)
def exp(y: Any, x: Any) -> Any:
    return y


@partials(*functions(np.exp2, dtype="float", vector="call"))
def exp2(y: Any, x: Any) -> Any:
    return y * math.log(2.0)


@partials(
    *functions(np.expm1, dtype="float", vector="machine.inline_expm1", vector_single="machine.inline_expm1_single"),
    *functions(math.expm1, vector="machine.inline_expm1"),
)
def expm1(y: Any, x: Any) -> Any:
    # not y + 1, which has no digits left for a very negative x
    return np.exp(x)


@partials(
    *functions(
        np.log, dtype="float", vector="machine.inline_log", vector_single="machine.inline_log_single", poles=True
    ),
    # with a base it is an expansion
    *row("math.log", math.log, "elementwise", **SCALAR, vector="machine.inline_log", poles=True),
)
def log(y: Any, x: Any) -> Any:
    return 1.0 / x


@partials(*functions(np.log2, math.log2, dtype="float", vector="call", poles=True))
def log2(y: Any, x: Any) -> Any:
    return 1.0 / (x * math.log(2.0))


@partials(*functions(np.log10, math.log10, dtype="float", vector="call", poles=True))
def log10(y: Any, x: Any) -> Any:
    return 1.0 / (x * math.log(10.0))


@partials(
    *functions(
        np.log1p, dtype="float", vector="machine.inline_log1p", vector_single="machine.inline_log1p_single", poles=True
    ),
    *functions(math.log1p, vector="machine.inline_log1p", poles=True),
)
def log1p(y: Any, x: Any) -> Any:
    return 1.0 / (1.0 + x)


@partials(*functions(np.logaddexp, dtype="float", vector="machine.inline_logaddexp"))
def logaddexp(y: Any, a: Any, b: Any) -> Any:
    share = np.exp(_below(a, b))
    return np.where(a >= b, 1.0, share) / (1.0 + share), np.where(a >= b, share, 1.0) / (1.0 + share)


@partials(*functions(np.logaddexp2, dtype="float"))
def logaddexp2(y: Any, a: Any, b: Any) -> Any:
    share = np.exp2(_below(a, b))
    return np.where(a >= b, 1.0, share) / (1.0 + share), np.where(a >= b, share, 1.0) / (1.0 + share)


def _below(a: Any, b: Any) -> Any:
    """-|a - b|, with a slope where they are equal: its exponential does not overflow, nor do those derived from it."""
    if is_constant(a) and abs(a) < math.inf:
        return np.where(a >= b, b - a, a - b)
    # equal infinities: their difference would be NaN
    return np.where((a == b) & np.isinf(a), 0.0, np.where(a >= b, b - a, a - b))


# ---- roots and distances -----------------------------------------------------------------------


@partials(*functions(np.sqrt, math.sqrt, dtype="float", vector="instructions", infinite_slopes=True))
def sqrt(y: Any, x: Any) -> Any:
    return 0.5 / y


# printed `np.sqrt`; another primitive because its derivative at 0 is 0: the norm of a zero vector
@partials(*elementwise("root", np.sqrt, dtype="float", vector="instructions"), singular=False)
def root(y: Any, x: Any) -> Any:
    return np.where(y > 0.0, 0.5 / y, 0.0)


@partials(*functions(np.cbrt, dtype="float", vector="machine.inline_cbrt", infinite_slopes=True))
def cbrt(y: Any, x: Any) -> Any:
    return 1.0 / (3.0 * y * y)


@partials(*functions(np.hypot, dtype="float", vector="machine.inline_hypot", weak_literals=True))
def hypot(y: Any, a: Any, b: Any) -> Any:
    return np.where(y > 0.0, a / y, 0.0), np.where(y > 0.0, b / y, 0.0)


# ---- trigonometry ------------------------------------------------------------------------------


@partials(*functions(np.sin, math.sin, dtype="float", vector="call"))
def sin(y: Any, x: Any) -> Any:
    return np.cos(x)


@partials(*functions(np.cos, math.cos, dtype="float", vector="call"))
def cos(y: Any, x: Any) -> Any:
    return -np.sin(x)


@partials(*functions(np.tan, math.tan, dtype="float", vector="call", poles=True))
def tan(y: Any, x: Any) -> Any:
    return 1.0 + y * y


@partials(*functions(np.arcsin, math.asin, dtype="float", infinite_slopes=True))
def arcsin(y: Any, x: Any) -> Any:
    return 1.0 / np.sqrt((1.0 - x) * (1.0 + x))


@partials(*functions(np.arccos, math.acos, dtype="float", infinite_slopes=True))
def arccos(y: Any, x: Any) -> Any:
    return -1.0 / np.sqrt((1.0 - x) * (1.0 + x))


@partials(*functions(np.arctan, math.atan, dtype="float", vector="call"))
def arctan(y: Any, x: Any) -> Any:
    return 1.0 / (1.0 + x * x)


@partials(*functions(np.arctan2, math.atan2, dtype="float", vector="call", weak_literals=True))
def arctan2(y: Any, a: Any, b: Any) -> Any:
    return b / np.hypot(a, b) / np.hypot(a, b), -a / np.hypot(a, b) / np.hypot(a, b)


@partials(*functions(np.sinh, math.sinh, dtype="float", vector="call"))
def sinh(y: Any, x: Any) -> Any:
    return np.cosh(x)


@partials(*functions(np.cosh, math.cosh, dtype="float", vector="call"))
def cosh(y: Any, x: Any) -> Any:
    return np.sinh(x)


@partials(
    *functions(np.tanh, dtype="float", vector="machine.inline_tanh", vector_single="machine.inline_tanh_single"),
    *functions(math.tanh, vector="machine.inline_tanh"),
)
def tanh(y: Any, x: Any) -> Any:
    return 1.0 - y * y


@partials(*functions(np.arcsinh, math.asinh, dtype="float"))
def arcsinh(y: Any, x: Any) -> Any:
    return 1.0 / np.hypot(x, 1.0)


@partials(*functions(np.arccosh, math.acosh, dtype="float", infinite_slopes=True))
def arccosh(y: Any, x: Any) -> Any:
    # two roots: the product overflows for large x
    return 1.0 / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0))


@partials(
    *functions(np.arctanh, dtype="float", poles=True),
    *row(
        "math.atanh",
        lambda x: math.atanh(x) if abs(x) < 1 else np.arctanh(float(x)).item(),
        "elementwise",
        math.atanh,
        **SCALAR,
        poles=True,
    ),
)
def arctanh(y: Any, x: Any) -> Any:
    return 1.0 / ((1.0 - x) * (1.0 + x))


@partials(*functions(np.deg2rad, math.radians, **CHEAP, dtype="float"), singular=False)
def radians(y: Any, x: Any) -> Any:
    return math.pi / 180.0


@partials(*functions(np.rad2deg, math.degrees, **CHEAP, dtype="float"), singular=False)
def degrees(y: Any, x: Any) -> Any:
    return 180.0 / math.pi


@partials(*elementwise("np.sinc", np.sinc, np.sinc, dtype="float", float_operands=True, vector="call"))
def sinc(y: Any, x: Any) -> Any:
    # near 0 the difference has no digits left: its series there
    z = math.pi * x
    series = -math.pi * z * (1.0 - z * z * (1.0 - z * z / 28.0) / 10.0) / 3.0
    return np.where(abs(x) < 0.01, series, (np.cos(z) - y) / np.where(x == 0.0, 1.0, x))


@partials(
    *functions(
        np.nextafter, dtype="float", cheap=True, steps=(1,), vector="machine.inline_nextafter", weak_literals=True
    ),
    singular=False,
)
def nextafter(y: Any, a: Any, b: Any) -> Any:
    return 1.0, None


# ---- choices -----------------------------------------------------------------------------------


@partials("abs", np.abs, *functions(np.fabs, math.fabs, **CHEAP, dtype="float"))
def absolute(y: Any, x: Any) -> Any:
    if is_complex_name(dtype_of(x)):
        return np.conj(x) * (1.0 / np.where(y == 0.0, np.inf, y))
    return np.sign(x)


@partials(*functions(np.copysign, math.copysign, **CHEAP, steps=(1,), dtype="float", weak_literals=True))
def copysign(y: Any, a: Any, b: Any) -> Any:
    return np.sign(a) * np.sign(y), None


@partials(*functions(np.maximum, **CHEAP, dtype="joined", choice="maximum", weak_literals=True), singular=False)
def maximum(y: Any, a: Any, b: Any) -> Any:
    return np.where(a > b, 1.0, np.where(a < b, 0.0, 0.5)), np.where(b > a, 1.0, np.where(b < a, 0.0, 0.5))


@partials(*functions(np.minimum, **CHEAP, dtype="joined", choice="minimum", weak_literals=True), singular=False)
def minimum(y: Any, a: Any, b: Any) -> Any:
    return np.where(a < b, 1.0, np.where(a > b, 0.0, 0.5)), np.where(b < a, 1.0, np.where(b > a, 0.0, 0.5))


@partials(
    *functions(np.fmax, **CHEAP, dtype="joined", choice="maximum", weak_literals=True),
    *functions(np.fmin, **CHEAP, dtype="joined", choice="minimum", weak_literals=True),
    singular=False,
)
def fmax(y: Any, a: Any, b: Any) -> Any:
    # told by the result: the other side may be NaN, which compares false both ways
    return np.where(a == b, 0.5, np.where(y == a, 1.0, 0.0)), np.where(a == b, 0.5, np.where(y == b, 1.0, 0.0))


@vjp("np.where", "select")
def where(d_y: Any, y: Any, c: Any, a: Any, b: Any) -> Any:
    return None, np.where(c, d_y, 0.0), np.where(c, 0.0, d_y)


@vjp("cut_gradient")
def cut_gradient(d_y: Any, y: Any, x: Any, where: Any) -> Any:
    return np.where(where, 0.0, d_y), None


# ---- special functions -------------------------------------------------------------------------


@partials(*functions(math.erf, vector="machine.inline_erf"))
def erf(y: Any, x: Any) -> Any:
    return 2.0 / math.sqrt(math.pi) * np.exp(-x * x)


@partials(*functions(math.erfc))
def erfc(y: Any, x: Any) -> Any:
    return -2.0 / math.sqrt(math.pi) * np.exp(-x * x)


@partials(*functions(math.gamma))
def gamma(y: Any, x: Any) -> Any:
    return y * runtime.digamma(x)


@partials(*functions(math.lgamma))
def lgamma(y: Any, x: Any) -> Any:
    return runtime.digamma(x)


@partials(runtime.digamma)
def digamma(y: Any, x: Any) -> Any:
    return runtime.polygamma(1, x)


@partials(runtime.polygamma)
def polygamma(y: Any, n: Any, x: Any) -> Any:
    return None, runtime.polygamma(n + 1, x)
