"""The differentiable ufuncs of NumPy, on arrays and on scalars, and their conventions."""

import numpy as np

from tests.programs.registry import case, positive, real, single


@case(real(3) * 0.5, compiled=True)
@case(0.4)
def trigonometry(x):
    return np.sum(np.sin(x) + np.cos(x) * 2 + np.tan(x) * np.sin(2 * x))


@case(real(3) * 0.5)
@case(0.4)
def inverse_trigonometry(x):
    return np.sum(np.arcsin(x) + 2 * np.arccos(x) ** 2 + np.arctan(x) * x)


@case(real(3) * 0.5, compiled=True)
@case(0.4)
def hyperbolic(x):
    return np.sum(np.sinh(x) + np.cosh(x) * 2 + np.tanh(x) * x + np.arcsinh(x) + np.arctanh(x) * x + np.arccosh(2 + x))


@case(positive(3), compiled=True)
@case(0.4)
def exponentials_and_logarithms(x):
    return np.sum(
        np.exp(x) + np.expm1(x) * x + np.exp2(x) + np.log(x) + np.log1p(x) * x + np.log2(x) ** 2 + np.log10(x) * x
    )


@case(positive(3))
def roots(x):
    return np.sum(np.sqrt(x) + np.cbrt(x) * x + np.square(x) + np.reciprocal(x))


@case(real(3))
def sign_like(x):
    return np.sum(
        np.abs(x) * x + np.absolute(x) + np.fabs(x) ** 3 + np.sign(x) * x * x + np.negative(x) * 2 + np.positive(x)
    )


@case(np.array([-1.0, 0.0, 2.0]), gradient=np.array([-1.0, 0.0, 1.0]), compiled=True)
def absolute_at_zero(x):
    return np.sum(np.abs(x)) + np.sum(np.sign(x)) + np.sum(np.floor(x + 0.5))


@case(real(3) * 2 + 0.05)
def flat_functions(x):
    return np.sum((np.floor(x) + np.ceil(x) + np.round(x) + np.rint(x) + np.trunc(x)) * x) + np.sum(np.fix(x) * x)


@case(positive(3), positive(3, seed=1), compiled=True)
@case(positive(3, 1), positive(2, seed=1))
@case(1.3, 0.8)
def arithmetic_by_name(x, y):
    return np.sum(
        np.add(x, y) * np.subtract(x, 2 * y)
        + np.multiply(x, y) / (1 + np.divide(x, y))
        + np.power(x, y)
        + np.true_divide(y, x)
    )


@case(positive(3), positive(3, seed=1))
@case(real(3, 1), positive(2, seed=1))
def remainders(x, y):
    return np.sum(np.mod(x, y) * x + np.remainder(x, y) * y + np.fmod(x, y) + np.floor_divide(x, y) * x)


@case(real(3), real(3, seed=1), compiled=True)
@case(real(3, 1), real(2, seed=1))
@case(0.3, 0.5)
def two_arguments(x, y):
    return np.sum(
        np.arctan2(x, y) * x + np.hypot(x, y) + np.logaddexp(x, y) * y + np.logaddexp2(x, y) + np.copysign(x, y) * y
    )


@case(real(3), real(3, seed=1), compiled=True)
def maximum_minimum(x, y):
    return np.sum(np.maximum(x, y) ** 2 + np.minimum(x, 0.2) * y + np.fmax(x, y) * y + np.fmin(x, y) ** 3)


@case(np.array([1.0, 2.0]), np.array([1.0, 3.0]), gradient=(np.array([0.5, 0.0]), np.array([0.5, 1.0])))
def maximum_shares_ties(x, y):
    return np.sum(np.maximum(x, y))


@case(1.0, 1.0, gradient=(0.5, 0.5))
def minimum_of_scalars_shares_ties(x, y):
    return np.minimum(x, y)


@case(real(4), compiled=True)
def clip(x):
    return np.sum(np.clip(x, -0.5, 0.5) * x + x.clip(0.1, 2.0) ** 2) + np.sum(np.clip(x, None, 0.3) * x)


@case(0.2, real(4), 0.9)
def clip_with_active_bounds(lo, x, hi):
    return np.sum(np.clip(x * 2, lo, hi) * x)


@case(real(4), real(4, seed=1), compiled=True)
@case(real(4), 0.3)
def where(x, y):
    return np.sum(np.where(x > 0, x * y, y * 3 - x) * x)


@case(np.array([-1.0, 0.0, 2.0]), gradient=np.array([0.0, 0.0, 0.5]), compiled=True)
def where_does_not_poison_by_log(x):
    return np.sum(np.where(x > 0, np.log(x), 0.0))


@case(np.array([-1.0, 0.0, 4.0]), gradient=np.array([2.0, 2.0, 0.25]))
def where_does_not_poison_by_sqrt(x):
    return np.sum(np.where(x > 0, np.sqrt(x), 2 * x))


@case(np.array([0.0, 2.0]), gradient=np.array([1.0, -0.25]))
def where_does_not_poison_by_division(x):
    return np.sum(np.where(x == 0, x, 1 / x))


@case(0.0, gradient=3.0)
def where_of_scalars_does_not_poison(x):
    return float(np.where(x > 0, np.sqrt(x) / x, 3 * x))


@case(real(4))
def heaviside_and_sinc(x):
    return np.sum(np.heaviside(x, 0.5) * x * x) + np.sum(np.sinc(x) * x)


@case(real(3))
def degrees_and_radians(x):
    return np.sum(np.deg2rad(x) * x + np.rad2deg(x) * 0.01 + np.degrees(x) * 0.1 + np.radians(x) ** 2)


@case(real(4))
def logical_functions(x):
    m = np.logical_and(x > -1, np.logical_not(x > 1)) | np.logical_or(x < -9, x > 9)
    return np.sum(x[m] ** 2) + np.sum(np.isfinite(x) * x) + np.sum(np.isnan(x) * x)


@case(real(3))
def out_argument(x):
    y = np.zeros_like(x)
    np.multiply(x, x, out=y)
    np.sin(y, out=y)
    return np.sum(y * x)


@case(single(3), tolerance=3e-5)
def single_precision(x):
    return np.sum(np.sin(x) * np.exp(x) + np.maximum(x, 0) ** 2)


@case(np.array(0.4), compiled=True)
@case(np.float64(0.4))
def zero_dimensional(x):
    return np.sin(x) * x + np.maximum(x, 0.1) + np.sum(x)


@case(np.array([1000.0, -1000.0, 0.3]), step=1e-6, tolerance=1e-6)
def logaddexp_far_out(x):
    return np.sum(np.logaddexp(0.0, x) * np.array([1.0, 2.0, 3.0])) + np.sum(np.tanh(x))


@case(real(3))
def interpolation(x):
    return np.interp(0.3, np.array([0.0, 0.5, 1.0]), x)


@case(np.array([0.0, 4.0]), 0.0, gradient=(np.array([0.0, 0.0]), 2.0))
def root_at_zero_times_zero(x, a):
    return a * np.sum(np.sqrt(x) * np.array([0.0, 1.0]))


@case(real(5, seed=1), positive(5, seed=1), compiled=True)
@case(real(3, 1), positive(2, seed=1))
@case(0.3, 0.5)
def roots_and_neighbours(x, y):
    return np.sum(np.cbrt(x) * y + np.fmod(x, y) * x + np.sinc(x * y) + np.nextafter(x, y) * y)


@case(real(4), np.array([-7, 7, 8, -8]), compiled=True)
def remainder_of_integers(x, k):
    return np.sum(np.fmod(k, 3) * x + np.fmod(k, -3) * x**2)
