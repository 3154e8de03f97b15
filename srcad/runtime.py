"""Functions that generated code may call: what Numba lacks, on NumPy arrays, in plain Python.

The file imports nothing of srcad and is shipped beside generated modules as `_runtime.py`. Every function
runs as plain Python and compiles under Numba, at any rank unless its name says otherwise.
"""

import math
from typing import Any

import numpy as np

# ---- broadcasting ------------------------------------------------------------------------------


def unbroadcast_1d(big: Any, like: Any) -> Any:
    """Sum `big` down to the length of `like`: where `like` has one entry, it stood for all of them."""
    if like.shape[0] == big.shape[0]:
        return big
    out = np.zeros(like.shape, big.dtype)
    for i in range(big.shape[0]):
        out[0] += big[i]
    return out


def unbroadcast_2d(big: Any, like: Any) -> Any:
    """Sum `big` over the axes along which `like`, of the same rank, has length 1."""
    if like.shape == big.shape:
        return big
    out = np.zeros(like.shape, big.dtype)
    step_0 = 0 if like.shape[0] == 1 else 1
    step_1 = 0 if like.shape[1] == 1 else 1
    for i in range(big.shape[0]):
        for j in range(big.shape[1]):
            out[i * step_0, j * step_1] += big[i, j]
    return out


def unbroadcast_3d(big: Any, like: Any) -> Any:
    """Sum `big` over the axes along which `like`, of the same rank, has length 1."""
    if like.shape == big.shape:
        return big
    out = np.zeros(like.shape, big.dtype)
    step = 0 if like.shape[0] == 1 else 1
    for i in range(big.shape[0]):
        out[i * step] += unbroadcast_2d(big[i], like[i * step])
    return out


def unbroadcast_4d(big: Any, like: Any) -> Any:
    """Sum `big` over the axes along which `like`, of the same rank, has length 1."""
    if like.shape == big.shape:
        return big
    out = np.zeros(like.shape, big.dtype)
    step = 0 if like.shape[0] == 1 else 1
    for i in range(big.shape[0]):
        out[i * step] += unbroadcast_3d(big[i], like[i * step])
    return out


def unbroadcast_5d(big: Any, like: Any) -> Any:
    """Sum `big` over the axes along which `like`, of the same rank, has length 1."""
    if like.shape == big.shape:
        return big
    out = np.zeros(like.shape, big.dtype)
    step = 0 if like.shape[0] == 1 else 1
    for i in range(big.shape[0]):
        out[i * step] += unbroadcast_4d(big[i], like[i * step])
    return out


# ---- reductions over the first axis ------------------------------------------------------------


def max_first(x: Any) -> Any:
    """The largest entry along the first axis of an array with at least two axes; NaN wins, as in NumPy."""
    out = x[0].copy()
    for k in range(1, x.shape[0]):
        out = np.maximum(out, x[k])
    return out


def min_first(x: Any) -> Any:
    """The smallest entry along the first axis of an array with at least two axes; NaN wins, as in NumPy."""
    out = x[0].copy()
    for k in range(1, x.shape[0]):
        out = np.minimum(out, x[k])
    return out


def max_last(x: Any) -> Any:
    """The largest entry of each row of a matrix; NaN wins, as in NumPy."""
    if x.shape[1] == 0:
        raise ValueError("zero-size array to reduction operation maximum which has no identity")
    out = x[:, 0].copy()
    for i in range(x.shape[0]):
        for j in range(1, x.shape[1]):
            out[i] = np.maximum(out[i], x[i, j])
    return out


def min_last(x: Any) -> Any:
    """The smallest entry of each row of a matrix; NaN wins, as in NumPy."""
    if x.shape[1] == 0:
        raise ValueError("zero-size array to reduction operation minimum which has no identity")
    out = x[:, 0].copy()
    for i in range(x.shape[0]):
        for j in range(1, x.shape[1]):
            out[i] = np.minimum(out[i], x[i, j])
    return out


def prod_first(x: Any) -> Any:
    """The product along the first axis of an array with at least two axes."""
    out = np.ones(x.shape[1:], x.dtype)
    for k in range(x.shape[0]):
        out = out * x[k]
    return out


def product_of_others(x: Any) -> Any:
    """For each entry of the vector `x` the product of all the others; right where some are zero."""
    out = np.empty(x.shape, x.dtype)
    left = x.dtype.type(1.0)
    for k in range(x.size):
        out[k] = left
        left = left * x[k]
    right = x.dtype.type(1.0)
    for k in range(x.size - 1, -1, -1):
        out[k] = out[k] * right
        right = right * x[k]
    return out


def product_of_others_first(x: Any) -> Any:
    """For each entry of `x` (two axes or more) the product of the others along the first axis."""
    out = np.empty(x.shape, x.dtype)
    left = np.ones(x.shape[1:], x.dtype)
    for k in range(x.shape[0]):
        out[k] = left
        left = left * x[k]
    right = np.ones(x.shape[1:], x.dtype)
    for k in range(x.shape[0] - 1, -1, -1):
        out[k] = out[k] * right
        right = right * x[k]
    return out


def argmax_first(x: Any) -> Any:
    """Where the largest entry along the first axis is first found; a NaN counts as largest, as in NumPy."""
    best = x[0].copy()
    out = np.zeros(best.shape, np.int64)
    for k in range(1, x.shape[0]):
        better = (x[k] > best) | ((x[k] != x[k]) & (best == best))
        out = np.where(better, k, out)
        best = np.where(better, x[k], best)
    return out


def argmin_first(x: Any) -> Any:
    """Where the smallest entry along the first axis is first found; a NaN counts as smallest, as in NumPy."""
    best = x[0].copy()
    out = np.zeros(best.shape, np.int64)
    for k in range(1, x.shape[0]):
        better = (x[k] < best) | ((x[k] != x[k]) & (best == best))
        out = np.where(better, k, out)
        best = np.where(better, x[k], best)
    return out


def stable_order(x: Any) -> Any:
    """The indices that sort the vector `x`, equal entries in the order in which they stand, NaN last.

    Numba has a stable sort too, but cannot keep in its cache what calls it.
    """
    order = np.argsort(x)
    start = 0
    for stop in range(1, x.size + 1):
        if stop < x.size:
            first, next_one = x[order[start]], x[order[stop]]
            if first == next_one or (first != first and next_one != next_one):
                continue
        if stop - start > 1:
            order[start:stop] = np.sort(order[start:stop])
        start = stop
    return order


# ---- linear algebra ----------------------------------------------------------------------------


def sign_of_det(a: Any) -> Any:
    """The sign of the determinant of a square matrix."""
    return np.linalg.slogdet(a)[0]


def log_abs_det(a: Any) -> Any:
    """The logarithm of the absolute value of the determinant of a square matrix."""
    return np.linalg.slogdet(a)[1]


def cofactors(a: Any) -> Any:
    """The derivative of the determinant by each entry of a square matrix, also of a singular one.

    det(A) inv(A).T, to the accuracy of the rest however near A is to a singular matrix: the last pivot cancels. Where
    the determinant is zero or about to overflow, from A = U S V: det(U) det(V) U diag(products of the other singular
    values) V.
    """
    det = np.linalg.det(a)
    if 1e-30 < abs(det) < 1e30:
        return np.ascontiguousarray(det * np.linalg.inv(a).T)
    u, s, v = np.linalg.svd(np.ascontiguousarray(a))
    sign = np.linalg.det(u) * np.linalg.det(v)
    return sign * ((u * product_of_others(s)) @ v)


def cholesky_adjoint(y: Any, d_y: Any) -> Any:
    """The adjoint of the lower triangle of A, by that of its Cholesky factor `y`; each entry stands for both of a pair.

    In blocks of 48 columns, from the last to the first: Murray, "Differentiation of the Cholesky decomposition"
    (2016), section 4.2. Two thirds of the arithmetic of a product of two such matrices, nearly all of it in products.
    """
    out = np.tril(d_y)
    for end in range(y.shape[0], 0, -48):
        start = max(end - 48, 0)
        left = np.ascontiguousarray(y[start:end, :start])
        corner = np.ascontiguousarray(y[start:end, start:end])
        d_corner = np.ascontiguousarray(out[start:end, start:end])
        if end < y.shape[0]:
            below = np.ascontiguousarray(y[end:, start:end])
            d_below = np.ascontiguousarray(out[end:, start:end])
            for i in range(d_below.shape[0]):  # d_below @ inv(corner)
                for j in range(end - start - 1, -1, -1):
                    d_below[i, j] /= corner[j, j]
                    for k in range(j):
                        d_below[i, k] -= d_below[i, j] * corner[j, k]
            out[end:, start:end] = d_below
            out[end:, :start] -= d_below @ left
            out[start:end, :start] -= d_below.T @ np.ascontiguousarray(y[end:, :start])
            d_corner -= d_below.T @ below
        d_corner = cholesky_adjoint_of_block(corner, d_corner)
        out[start:end, start:end] = d_corner
        out[start:end, :start] -= (d_corner + d_corner.T) @ left
    return out


def cholesky_adjoint_of_block(y: Any, d_y: Any) -> Any:
    """The same for a small matrix, in the memory of `d_y`, column by column from the last; zeros above the diagonal."""
    for j in range(y.shape[0] - 1, -1, -1):
        d_y[j, j] /= y[j, j]
        for i in range(j + 1, y.shape[0]):
            d_y[i, j] /= y[j, j]
            d_y[j, j] -= d_y[i, j] * y[i, j] / y[j, j]
        for i in range(j, y.shape[0]):
            for k in range(j):
                d_y[j, k] -= d_y[i, j] * y[i, k]
        for i in range(j + 1, y.shape[0]):
            for k in range(j):
                d_y[i, k] -= d_y[i, j] * y[j, k]
        d_y[j, j] *= 0.5
        d_y[j, j + 1 :] = 0.0
    return d_y


def eigenpairs(a: Any) -> Any:
    """The eigenvalues of a symmetric matrix, ascending, and below them its eigenvectors, one in each column.

    Like `np.linalg.eigh`, of which this is the result in one array, it reads the lower triangle only.
    """
    values, vectors = np.linalg.eigh(a)
    out = np.empty((a.shape[0] + 1, a.shape[1]), a.dtype)
    out[0] = values
    out[1:] = vectors
    return out


def with_diagonal(like: Any, values: Any, k: Any) -> Any:
    """A matrix of zeros of the shape of `like`, with `values` on its `k`-th diagonal."""
    out = np.zeros(like.shape, values.dtype)
    for i in range(min(values.size, like.shape[0] - max(-k, 0), like.shape[1] - max(k, 0))):
        out[i + max(-k, 0), i + max(k, 0)] = values[i]
    return out


# ---- special functions -------------------------------------------------------------------------


def digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function, to about 1e-15 relative away from its zeros.

    Reflection for x <= 0, recurrence up to 10, then the asymptotic series (Abramowitz and Stegun 6.3.7,
    6.3.5, 6.3.18). NaN at the poles 0, -1, -2, ...
    """
    if x <= 0.0:
        if x == math.floor(x):
            return math.nan
        # the fractional part first: tan(pi x) of a large x has lost it
        return digamma_positive(1.0 - x) - math.pi / math.tan(math.pi * (x - math.floor(x)))
    return digamma_positive(x)


def digamma_positive(x: Any) -> Any:
    """`digamma` for x > 0."""
    shift = 0.0
    while x < 10.0:
        shift += 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * (691 / 32760 - r / 12))))))
    return math.log(x) - 0.5 / x - series - shift


def polygamma(n: Any, x: Any) -> Any:
    """The `n`-th derivative of `digamma`, n >= 1 (A&S 6.4.6 and 6.4.11); NaN at the poles 0, -1, -2, ..."""
    if x <= 0.0 and x == math.floor(x):
        return math.nan
    factorial = math.gamma(n + 1.0)
    shift = 0.0
    while x < 12.0 + n:
        shift += factorial / x ** (n + 1)
        x += 1.0
    # factorial is n!; `rising` runs through (2k + n - 1)! / (2k)!
    total = shift + factorial / n / x**n + 0.5 * factorial / x ** (n + 1)
    rising = factorial * (n + 1) / 2.0
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
    for k in range(1, 9):
        total += bernoulli[k - 1] * rising / x ** (n + 2 * k)
        rising *= (2 * k + n) * (2 * k + n + 1) / ((2 * k + 1.0) * (2 * k + 2.0))
    return total if n % 2 == 1 else -total


# ---- elementary functions for inner loops ------------------------------------------------------
#
# Numba calls the C library for each `math.exp`, and a call keeps LLVM from vectorising the loop around it. What is
# below has no calls and no branches, only selects. For one float64, to about 1 ulp over the whole range, with the
# values at zeros, infinities and NaN that NumPy gives. The sources are Tang (ACM TOMS 15, 1989, and 16, 1990), Cody
# and Waite (1980) and Sun's fdlibm (1993); the polynomials are minimax, computed by the Remez algorithm with 60
# digits on the reduced interval, widened by a thousandth, and rounded.

ORDERED = ("inline_exp", "inline_log", "inline_tanh", "inline_erf", "reduced_exp", "power_of_2")
"""Their sums are exact only in the order written: no fastmath option may reach them."""

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238
"""ln 2 in 32 bits, so that its products with exponents are exact; the rest of it is `_LN2_LOW`."""
_LN2_LOW = 1.9082149292705877e-10
_SHIFT = 1.5 * 2.0**52
"""Added to a small number, this leaves the nearest whole number in the low bits of the sum."""
_FRACTION_MASK = 2**52 - 1
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_TO_EXPONENT = 0x3FF0000000000000 - 0x3FE6A09E667F3BCD
"""From the bits of sqrt(1/2) to those of 1.0."""
_BITS_OF_2_52 = 0x4330000000000000


def bits_of(x: Any) -> Any:
    """The bits of a float64 as an int64."""
    return np.float64(x).view(np.int64)


def with_bits(bits: Any) -> Any:
    """The float64 that has these bits."""
    return np.int64(bits).view(np.float64)


def plus(a: Any, b: Any) -> Any:
    """The sum of two float64, a term of a sum that may be added up in any order."""
    return a + b


def power_of_2(k: Any) -> Any:
    """2.0**k for a whole -1022 <= k <= 1023, by its bits."""
    return with_bits(bits_of(k + (_SHIFT + 1023.0)) << 52)


def reduced_exp(x: Any) -> Any:
    """exp(x) = (p + rest) * 2**k, with `rest` below the last bit of p.

    By Cody and Waite, x = k ln 2 + r + low, where |r| <= ln(2)/2. Of exp(r) = 1 + r + r**2 q(r), q is a polynomial;
    what the sum of the first two terms loses is carried along.
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
    head = 1.0 + r
    tail = (r - (head - 1.0)) + low + r2 * q
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


def inline_log(x: Any) -> Any:
    """log(x), to 0.9 ulp: -inf at zero, NaN below.

    x = m 2**k with m in [sqrt(1/2), sqrt(2)), by its bits. With f = m - 1 and s = f / (2 + f) is
    log(m) = log((1 + s) / (1 - s)) = 2 s + s**3 (2/3 + 2/5 s**2 + ...), and 2 s = f - s f.
    """
    tiny = x < 2.2250738585072014e-308
    y = x * 2.0**54 if tiny else x
    bits = bits_of(y) + _TO_EXPONENT
    # the exponent in the low bits of 2**52 + exponent
    exponent = with_bits((bits >> 52) | _BITS_OF_2_52)
    k = exponent - (2.0**52 + 1023.0 + 54.0 if tiny else 2.0**52 + 1023.0)
    f = with_bits((bits & _FRACTION_MASK) + _SQRT_HALF_BITS) - 1.0
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
    # 2 s = f - s f, and s f = f**2 / 2 - s f**2 / 2: the smaller the term, the less its rounding weighs
    half = 0.5 * f * f
    value = k * _LN2_HIGH - ((half - (s * (half + series) + k * _LN2_LOW)) - f)
    value = value if x < math.inf else x
    value = -math.inf if x == 0.0 else value
    return math.nan if x < 0.0 else value


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
