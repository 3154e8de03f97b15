"""Vector math library of compiled code: branch-free elementary functions that LLVM vectorises, and intrinsics.

Numba calls the C library for each `math.exp`, and a call keeps LLVM from vectorising the loop around it. The functions
below have no calls and no branches, only selects. They take one float64 (those called single: one float32), are
accurate to about 1 ulp over the full range, and agree with NumPy at zeros, infinities and NaN. The sources are Tang
(ACM TOMS 15, 1989, and 16, 1990), Cody and Waite (1980) and Sun's fdlibm (1993); the polynomials are minimax, computed
by the Remez algorithm with 60 digits on the reduced interval, widened by a thousandth, and rounded.

Like `runtime`, the module imports nothing of srcad; it is never shipped, since only compiled texts call it.

>>> inline_exp(1.0) == math.exp(1.0), inline_log(0.0), inline_tanh(-1000.0)
(np.True_, -inf, -1.0)
"""

import math
from typing import Any

import numpy as np

ORDERED = (
    *("inline_exp", "inline_expm1", "inline_log", "inline_log1p", "inline_logaddexp", "inline_tanh", "inline_erf"),
    *("inline_exp_single", "inline_log_single", "inline_log1p_single", "inline_expm1_single", "inline_tanh_single"),
    *("single_power_of_2", "exp_to_single"),
    *("inline_sin", "inline_cos", "in_quarter", "near_sin", "near_cos"),
    *("inline_cbrt", "inline_hypot", "inline_nextafter", "sinc_by_sin"),
    *("reduced", "reduced_exp", "power_of_2", "log_series"),
)
"""Functions whose sums must not be reassociated: no fastmath option may apply to them."""

_LOG2_E = 1.4426950408889634
_LN2 = 0.6931471805599453
_LN2_HIGH = 0.6931471803691238
"""ln 2 in 32 bits, so that its products with exponents are exact; the remainder is `_LN2_LOW`."""
_LN2_LOW = 1.9082149292705877e-10
FAR = 5e5
"""The largest argument for which `inline_sin` and `inline_cos` are accurate."""
_PI_HALVES = 1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32
"""pi/2 in three parts of 33 bits, whose products with integers below 2**20 are exact, and the remainder."""
_SHIFT = 1.5 * 2.0**52
"""Added to a small number, this leaves the nearest integer in the low bits of the sum."""
_FRACTION_MASK = 2**52 - 1
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_TO_EXPONENT = 0x3FF0000000000000 - 0x3FE6A09E667F3BCD
"""From the bits of sqrt(1/2) to those of 1.0."""
_BITS_OF_2_52 = 0x4330000000000000
_TWO_THIRDS_OF_BIAS = 715094163.0
"""What the upper half of the bits of cbrt(x) has more than a third of that of x."""
_TO_23_BITS = ~0x3FFFFFFF
"""Leaves 23 bits of a fraction."""
_SINGLE_LOG2_E = np.float32(1.4426950408889634)
_SINGLE_LN2 = np.float32(0.693359375), np.float32(-2.1219444005469057e-4)
"""ln 2 in 10 bits, so that its products with exponents are exact, and the remainder."""
_SINGLE_SHIFT = np.float32(1.5 * 2.0**23)
_SINGLE_HALF, _SINGLE_ONE, _SINGLE_TWO = np.float32(0.5), np.float32(1.0), np.float32(2.0)
_SINGLE_RANGE = np.float32(-105.0), np.float32(89.0)
"""Outside, exp of a float32 is 0 or infinite."""
_SINGLE_EXP = (
    *(np.float32(0.4999999341), np.float32(0.1666652011), np.float32(0.04166839429)),
    *(np.float32(0.008368780455), np.float32(0.001381446263)),
)
_SINGLE_LOG = np.float32(0.6666677705), np.float32(0.3997744954), np.float32(0.2987441865)
_SINGLE_TINY, _SINGLE_SCALE = np.float32(2.0**-126), np.float32(2.0**25)
_SINGLE_BIAS, _SINGLE_EXPONENT = np.float32(127.0), np.float32(2.0**23 + 127.0)
_SINGLE_SCALED_EXPONENT = np.float32(2.0**23 + 127.0 + 25.0)
_SINGLE_ZERO, _SINGLE_INF, _SINGLE_NAN = np.float32(0.0), np.float32(np.inf), np.float32(np.nan)
_SINGLE_FRACTION_MASK = 2**23 - 1
_SINGLE_SQRT_HALF_BITS = 0x3F3504F3
_SINGLE_TO_EXPONENT = 0x3F800000 - 0x3F3504F3
_SINGLE_BITS_OF_2_23 = 0x4B000000


def bits_of(x: Any) -> Any:
    """The bits of a float64 as an int64."""
    return np.float64(x).view(np.int64)


def with_bits(bits: Any) -> Any:
    """The float64 that has these bits."""
    return np.int64(bits).view(np.float64)


def single_bits_of(x: Any) -> Any:
    """The bits of a float32 as an int64."""
    return np.int64(np.float32(x).view(np.int32))


def with_single_bits(bits: Any) -> Any:
    """The float32 that has these bits, the lower half of an int64."""
    return np.int32(np.int64(bits)).view(np.float32)


def plus(a: Any, b: Any) -> Any:
    """The sum of two float64 or two float32, as an addition that LLVM may reassociate."""
    return a + b


def power_of_2(k: Any) -> Any:
    """2.0**k for a whole -1022 <= k <= 1023, by its bits."""
    return with_bits(bits_of(k + (_SHIFT + 1023.0)) << 52)


def reduced(x: Any) -> Any:
    """exp(x) = (1 + r + rest) * 2**k, with |r| <= ln(2)/2 and `rest` below r**2.

    By Cody and Waite, x = k ln 2 + r + low. Of exp(r) = 1 + r + r**2 q(r), q is a polynomial.
    """
    k = (x * _LOG2_E + _SHIFT) - _SHIFT
    first = x - k * _LN2_HIGH
    second = k * _LN2_LOW
    r = first - second
    low = (first - r) - second
    r2 = r * r
    q = (
        (0.5000000000000011 + r * 0.1666666666666641)
        + r2 * (0.04166666666652919 + r * 0.008333333333495625)
        + (r2 * r2)
        * (
            (0.0013888888943921643 + r * 0.00019841269504760906)
            + r2 * (2.4801492763679055e-05 + r * 2.7557587347375725e-06)
            + (r2 * r2) * (2.7630378343369984e-07 + r * 2.4999963376328255e-08)
        )
    )
    return r, low, r2 * q, k


def reduced_exp(x: Any) -> Any:
    """exp(x) = (p + rest) * 2**k, with `rest` below the last bit of p: what the sum 1 + r loses is carried along."""
    r, low, curved, k = reduced(x)
    head = 1.0 + r
    tail = (r - (head - 1.0)) + low + curved
    p = head + tail
    return p, tail - (p - head), k


def inline_exp(x: Any) -> Any:
    """exp(x), to 0.8 ulp; below 2**-1022 to one unit of the smallest float."""
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    p, _, k = reduced_exp(x)
    # in two steps: 2**k alone may be too large or too small for a float
    half = (k * 0.5 + _SHIFT) - _SHIFT
    return p * power_of_2(half) * power_of_2(k - half)


def inline_expm1(x: Any) -> Any:
    """exp(x) - 1, to 1.1 ulp, as half of it, (2**(k-1) - 1/2) + 2**(k-1) (r + rest), which does not overflow."""
    y = 710.0 if x > 710.0 else x
    y = -40.0 if y < -40.0 else y
    r, low, curved, k = reduced(y)
    scale = power_of_2(k - 1.0)
    head, part = scale - 0.5, scale * r
    total = head + part
    lost = (part - (total - head)) + ((scale - head) - 0.5)
    value = 2.0 * (total + (lost + scale * (low + curved)))
    return x if abs(x) < 2.0**-54 else value


def log_series(f: Any, k: Any, low: Any) -> Any:
    """log((1 + f) * 2**k), where `low` is k times the rest of ln 2, and what else is small.

    With s = f / (2 + f) is log(1 + f) = log((1 + s) / (1 - s)) = 2 s + s**3 (2/3 + 2/5 s**2 + ...), and
    2 s = f - s f.
    """
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    series = z * (
        (0.6666666666666735 + z * 0.3999999999941291)
        + z2
        * (
            (0.28571428742820315 + z * 0.22222198525020162)
            + z2 * (0.1818356701288378 + z * (0.1531397735854026 + z * 0.14796724599324768))
        )
    )
    # s f = f**2 / 2 - s f**2 / 2: the smaller the term, the less its rounding weighs
    half = 0.5 * f * f
    return k * _LN2_HIGH - ((half - (s * (half + series) + low)) - f)


def inline_log(x: Any) -> Any:
    """log(x), to 0.9 ulp: -inf at zero, NaN below.

    x = (1 + f) 2**k with 1 + f in [sqrt(1/2), sqrt(2)), by its bits.
    """
    tiny = x < 2.2250738585072014e-308
    y = x * 2.0**54 if tiny else x
    bits = bits_of(y) + _TO_EXPONENT
    # the exponent in the low bits of 2**52 + exponent
    exponent = with_bits((bits >> 52) | _BITS_OF_2_52)
    k = exponent - (2.0**52 + 1023.0 + 54.0 if tiny else 2.0**52 + 1023.0)
    f = with_bits((bits & _FRACTION_MASK) + _SQRT_HALF_BITS) - 1.0
    value = log_series(f, k, k * _LN2_LOW)
    value = value if x < math.inf else x
    value = -math.inf if x == 0.0 else value
    return math.nan if x < 0.0 else value


def inline_log1p(x: Any) -> Any:
    """log(1 + x), to 1 ulp: -inf at -1, NaN below.

    As `inline_log` of y = 1 + x, corrected by what that sum loses: log(y + lost) = log(y) + lost / y. Where
    k = 0, x itself is f.
    """
    y = 1.0 + x
    high = y - 1.0
    lost = (1.0 - (y - high)) + (x - high)
    bits = bits_of(y) + _TO_EXPONENT
    k = with_bits((bits >> 52) | _BITS_OF_2_52) - (2.0**52 + 1023.0)
    f = with_bits((bits & _FRACTION_MASK) + _SQRT_HALF_BITS) - 1.0
    near = k == 0.0
    rest = 0.0 if near else lost / (1.0 if y == 0.0 else y)
    value = log_series(x if near else f, k, k * _LN2_LOW + rest)
    value = value if x < math.inf else x
    value = -math.inf if x == -1.0 else value
    value = x if abs(x) < 2.0**-54 else value
    return math.nan if x < -1.0 else value


def inline_logaddexp(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b)), the larger of the two and log(1 + exp(-|a - b|))."""
    difference = a - b
    larger = a if difference > 0.0 else b
    # equal infinities have no difference
    return larger + inline_log1p(inline_exp(0.0 if a == b else -abs(difference)))


def inline_tanh(x: Any) -> Any:
    """tanh(x), to 1 ulp.

    For |x| < 0.65 it is x + x**3 P(x**2) / Q(x**2), above 1 - 2 / (exp(2 |x|) + 1), where what the sum in the
    denominator loses corrects the quotient. One division serves both.
    """
    a = abs(x)
    z = a * a
    small = a < 0.65
    p, rest, k = reduced_exp(40.0 if a > 20.0 else 2.0 * a)
    scale = power_of_2(k)
    power = scale * p
    below = 1.0 + power
    lost = scale * rest + (1.0 - (below - power))
    numerator = a * z * (-0.33333333333333254 + (z * -0.020489922520463034 + (z * z) * -0.00019878526329477304))
    denominator = (1.0 + z * 0.4614697675613021) + (z * z) * (0.023279500910710398 + z * 0.00020611312339807223)
    quotient = (numerator if small else -2.0) / (denominator if small else below)
    correction = 0.0 if small else 0.5 * quotient * quotient * lost
    return math.copysign((a if small else 1.0) + (quotient + correction), x)


def single_power_of_2(k: Any) -> Any:
    """2.0**k as a float32 for a whole -126 <= k <= 127, by its bits."""
    return with_single_bits(single_bits_of(k + (_SINGLE_SHIFT + _SINGLE_BIAS)) << 23)


def inline_exp_single(x: Any) -> Any:
    """exp(x) of a float32, to 1 ulp, in float32: as `inline_exp`, without what the sums lose."""
    y = _SINGLE_RANGE[1] if x > _SINGLE_RANGE[1] else x
    y = _SINGLE_RANGE[0] if y < _SINGLE_RANGE[0] else y
    k = (y * _SINGLE_LOG2_E + _SINGLE_SHIFT) - _SINGLE_SHIFT
    r = (y - k * _SINGLE_LN2[0]) - k * _SINGLE_LN2[1]
    r2 = r * r
    q = (_SINGLE_EXP[0] + r * _SINGLE_EXP[1]) + r2 * (_SINGLE_EXP[2] + r * _SINGLE_EXP[3] + r2 * _SINGLE_EXP[4])
    p = _SINGLE_ONE + (r + r2 * q)
    half = (k * _SINGLE_HALF + _SINGLE_SHIFT) - _SINGLE_SHIFT
    return p * single_power_of_2(half) * single_power_of_2(k - half)


def inline_log_single(x: Any) -> Any:
    """log(x) of a float32, to 1 ulp, in float32: as `inline_log`."""
    tiny = x < _SINGLE_TINY
    y = x * _SINGLE_SCALE if tiny else x
    bits = single_bits_of(y) + _SINGLE_TO_EXPONENT
    exponent = with_single_bits((bits >> 23) | _SINGLE_BITS_OF_2_23)
    k = exponent - (_SINGLE_SCALED_EXPONENT if tiny else _SINGLE_EXPONENT)
    f = with_single_bits((bits & _SINGLE_FRACTION_MASK) + _SINGLE_SQRT_HALF_BITS) - _SINGLE_ONE
    s = f / (_SINGLE_TWO + f)
    z = s * s
    series = z * (_SINGLE_LOG[0] + z * (_SINGLE_LOG[1] + z * _SINGLE_LOG[2]))
    half = _SINGLE_HALF * f * f
    value = k * _SINGLE_LN2[0] - ((half - (s * (half + series) + k * _SINGLE_LN2[1])) - f)
    value = value if x < _SINGLE_INF else x
    value = -_SINGLE_INF if x == _SINGLE_ZERO else value
    return _SINGLE_NAN if x < _SINGLE_ZERO else value


def inline_log1p_single(x: Any) -> Any:
    """log(1 + x) of a float32, to 0.51 ulp, in float64."""
    return np.float32(inline_log1p(np.float64(x)))


def inline_expm1_single(x: Any) -> Any:
    """exp(x) - 1 of a float32, to 0.51 ulp, in float64."""
    return np.float32(inline_expm1(np.float64(x)))


def inline_tanh_single(x: Any) -> Any:
    """tanh(x) of a float32, to 0.51 ulp: in float64, 1 - 2 / (exp(2 x) + 1) loses no digit that a float32 has.

    Below 1e-4, where it would, tanh(x) is x up to x**3 / 3.
    """
    wide = np.float64(x)
    near = 20.0 if wide > 20.0 else wide
    near = -20.0 if near < -20.0 else near
    return np.float32(wide if abs(wide) < 1e-4 else 1.0 - 2.0 / (exp_to_single(2.0 * near) + 1.0))


def exp_to_single(x: Any) -> Any:
    """exp(x) of a float64 from -700 to 700, with a relative error below 1e-11: enough to be rounded to a float32.

    As in `reduced`, with shorter constants. The polynomial interpolates (exp(r) - 1 - r) / r**2 at the Chebyshev nodes.
    """
    k = (x * _LOG2_E + _SHIFT) - _SHIFT
    r = x - k * _LN2
    r2 = r * r
    q = (0.5 + r * 0.1666666671900065) + r2 * (
        (0.04166666671898399 + r * 0.008333298482359645)
        + r2 * ((0.0013888854048220197 + r * 0.00019899275120321492) + r2 * 2.4859579383769182e-05)
    )
    return (1.0 + (r + r2 * q)) * power_of_2(k)


def inline_erf(x: Any) -> Any:
    """erf(x), to 1.4 ulp.

    For |x| < 1 it is x + x P(x**2) / Q(x**2), above 1 - exp(-x**2) R(|x|) / S(|x|), and 1 from 6 on. One division
    serves both.
    """
    a = abs(x)
    small = a < 1.0
    z, z2 = a * a, (a * a) * (a * a)
    p = (0.1283791670955126 - z * 0.31700377484610737) + z2 * (
        (-0.04833528550449428 - z * 0.008816590587732223) + z2 * (-0.0004957556895329082 - z * 2.073907352043816e-05)
    )
    q = (1.0 + z * 0.4605312179798134) + z2 * (
        (0.0938216231934727 + z * 0.010694766268676699) + z2 * (0.0006926691471842849 + z * 2.0817979753820782e-05)
    )
    b = a if a < 6.0 else 6.0
    b2 = b * b
    r = (0.9999998876986431 + b * 1.3904389101754828) + b2 * (
        (0.9493480755152324 + b * 0.373495866891057) + b2 * (0.0843158418659774 + b * 0.008925323401319279)
    )
    s = (1.0 + b * 2.51881689356321) + b2 * (
        (2.7915345334788513 + b * 1.7568221085388038)
        + b2 * ((0.6699736593831604 + b * 0.14944202612385218) + b2 * 0.01581984656221963)
    )
    quotient = (p if small else r) / (q if small else s)
    far = 1.0 - inline_exp(-x * x) * quotient
    return math.copysign(a + a * quotient if small else far, x)


def in_quarter(x: Any) -> Any:
    """x = k pi/2 + r + low with |r| <= pi/4, for |x| <= `FAR`, and the lowest bits of k.

    By Cody and Waite, with all that the differences lose: no double is so near to a multiple of pi/2 that r would be
    less exact.
    """
    shifted = x * 0.6366197723675814 + _SHIFT
    k = shifted - _SHIFT
    a = x - k * _PI_HALVES[0]
    part = k * _PI_HALVES[1]
    b = a - part
    back = b - a
    lost = (a - (b - back)) - (part + back)
    part = k * _PI_HALVES[2]
    c = b - part
    back = c - b
    rest = lost + ((b - (c - back)) - (part + back)) - k * _PI_HALVES[3]
    r = c + rest
    return r, (c - r) + rest, bits_of(shifted)


def near_sin(r: Any, low: Any) -> Any:
    """sin(r + low) for |r| <= pi/4, with the polynomial of fdlibm."""
    z = r * r
    cubed = z * r
    p = (0.00833333333332249 - z * 0.0001984126982985795) + (z * z) * (
        (2.7557313707070068e-06 - z * 2.5050760253406863e-08) + (z * z) * 1.58969099521155e-10
    )
    return r - ((z * (0.5 * low - cubed * p) - low) + cubed * 0.16666666666666632)


def near_cos(r: Any, low: Any) -> Any:
    """cos(r + low) for |r| <= pi/4, with the polynomial of fdlibm."""
    z = r * r
    p = (0.0416666666666666 - z * 0.001388888888887411) + (z * z) * (
        (2.480158728947673e-05 - z * 2.7557314351390663e-07)
        + (z * z) * (2.087572321298175e-09 - z * 1.1359647557788195e-11)
    )
    half = 0.5 * z
    head = 1.0 - half
    return head + (((1.0 - head) - half) + (z * z * p - r * low))


def inline_sin(x: Any) -> Any:
    """sin(x), to 0.9 ulp, where |x| <= `FAR`."""
    r, low, k = in_quarter(x)
    value = near_sin(r, low) if k & 1 == 0 else near_cos(r, low)
    value = value if k & 2 == 0 else -value
    return x if abs(x) < 2.0**-27 else value


def inline_cos(x: Any) -> Any:
    """cos(x), to 0.9 ulp, where |x| <= `FAR`."""
    r, low, k = in_quarter(x)
    value = near_cos(r, low) if k & 1 == 0 else near_sin(r, low)
    return value if (k + 1) & 2 == 0 else -value


def inline_cbrt(x: Any) -> Any:
    """The real cube root of x, to 0.67 ulp; that of a cube of a small integer exactly.

    As fdlibm does. A third of the exponent gives 5 bits, a polynomial 23, and one step by Halley all. The square of a
    root of 23 bits is exact.
    """
    x = np.float64(x)
    a = abs(x)
    proper = a > 0.0 and a < math.inf
    tiny = a < 2.2250738585072014e-308
    y = (a * 2.0**54 if tiny else a) if proper else 1.0
    upper = with_bits((bits_of(y) >> 32) | _BITS_OF_2_52) - 2.0**52
    t = with_bits(bits_of(upper * 0.3333333333333333 + (_SHIFT + _TWO_THIRDS_OF_BIAS)) << 32)
    # t**3 = (1 + u) y, and cbrt(y) = t (1 + u)**(-1/3)
    u = t * t * (t / y) - 1.0
    u2 = u * u
    t = t * (
        (0.9999999891774864 - u * 0.3333302580127495)
        + u2 * (0.22223534207731754 - u * 0.1742222572804648)
        + (u2 * u2) * 0.14279676275497963
    )
    t = with_bits((bits_of(t) + 0x20000000) & _TO_23_BITS)
    r = y / (t * t)
    root = t + t * ((r - t) / (t + t + r))
    return math.copysign(root * 2.0**-18 if tiny else root, x) if proper else x


def inline_hypot(x: Any, y: Any) -> Any:
    """The root of x**2 + y**2, below 1.5 ulp: where a square would overflow or vanish, a power of 2 is taken out.

    The sum of squares has an error of up to two half units in the last place, the root has half of that and its own.
    """
    a, b = abs(x), abs(y)
    larger = a if a > b else b
    scale = 2.0**-600 if larger > 2.0**500 else 2.0**600 if larger < 2.0**-500 else 1.0
    back = 2.0**600 if larger > 2.0**500 else 2.0**-600 if larger < 2.0**-500 else 1.0
    a, b = a * scale, b * scale
    length = np.sqrt(a * a + b * b) * back
    return np.inf if (abs(x) == np.inf) | (abs(y) == np.inf) else length


def inline_nextafter(a: Any, b: Any) -> Any:
    """The float64 next to a in the direction of b, by its bits: b if both are equal, NaN if one is."""
    a, b = np.float64(a), np.float64(b)
    from_zero = a == 0.0
    y = 1.0 if from_zero else a
    grows = (y < b) == (y > 0.0)
    value = with_bits(bits_of(y) + (1 if grows else -1))
    value = math.copysign(5e-324, b) if from_zero else value
    value = b if a == b else value
    return value if a == a and b == b else a + b


def sinc_by_sin(x: Any) -> Any:
    """sin(pi x) / (pi x), and 1 at zero, as NumPy computes it."""
    y = math.pi * (1e-20 if x == 0.0 else x)
    return np.sin(y) / y
