"""The helpers of generated code: each compiles under Numba, and gives then what it gives as plain Python."""

from __future__ import annotations

import itertools
import math
import types
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest

from srcad import runtime, vector_math

pytestmark = pytest.mark.one_in(10, least=3)

rng = np.random.default_rng(2)
MATRIX = rng.normal(size=(3, 4))
CUBE = rng.normal(size=(2, 3, 4))
SQUARE = rng.normal(size=(3, 3))
BAND = rng.normal(size=(4, 5))
IMAGES = rng.normal(size=(3, 2, 5, 4))
TIED = np.where(IMAGES > 0.8, np.nan, np.round(IMAGES))
KERNEL = rng.normal(size=(4, 2, 2, 3))

CALLS: dict[str, list[tuple[Any, ...]]] = {
    "constant": [(0.3,), (np.ones(2),)],
    "unbroadcast_1d": [(np.arange(4.0), np.ones(1)), (np.arange(4.0), np.ones(4)), (np.zeros(0), np.ones(1))],
    "unbroadcast_2d": [(MATRIX, np.ones(s)) for s in ((1, 1), (3, 1), (1, 4), (3, 4))],
    "unbroadcast_3d": [(CUBE, np.ones(s)) for s in ((1, 3, 1), (2, 1, 4))],
    "unbroadcast_4d": [(rng.normal(size=(2, 3, 2, 2)), np.ones(s)) for s in ((1, 3, 1, 2), (2, 1, 1, 1))],
    "unbroadcast_5d": [(rng.normal(size=(2, 1, 3, 2, 2)), np.ones(s)) for s in ((1, 1, 3, 1, 2), (2, 1, 1, 2, 1))],
    "eliminated": [(SQUARE, np.zeros(3, int)), (np.zeros((2, 2)), np.zeros(2, int))],
    "lu_packed": [(SQUARE,)],
    "lu_pivots": [(SQUARE,)],
    "order_of_pivots": [(np.array([2, 2, 2]),)],
    "banded_solution": [(BAND, rng.normal(size=(5, 2)), 1, 2), (BAND[1:], rng.normal(size=(5, 1)), 1, 1)],
    "banded_transposed": [(BAND, 1, 2)],
    "banded_product": [(BAND, rng.normal(size=(5, 2)), 1, 2)],
    "conjugate_gradients": [
        (np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0]), np.array([2.0, 3.0, 0.5, 0.5]), np.ones(2), 1e-12, 0.0, 20)
    ],
    "band_of_product": [(rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), 1, 2)],
    "joined": [((MATRIX, MATRIX + 1.0),), ((np.ones(3), np.zeros(2)),)],
    "lengths": [((MATRIX, MATRIX[:2].copy()),), ((np.ones(3), np.zeros(2)),)],
    "parted_1d": [(np.arange(6.0), np.array([3, 3]))],
    "parted_2d": [(np.arange(12.0), np.array([2, 3, 2, 3]))],
    "parted_3d": [(np.arange(8.0), np.array([2, 2, 1, 2, 2, 1]))],
    "snapshot_starts": [(np.array([0]), 0, 9, 3), (np.array([0, 4, 7, 9]), 2, 8, 3), (np.array([0, 1]), 0, 0, 1)],
    "max_first": [(MATRIX,), (np.array([[1.0, np.nan], [2.0, 3.0]]),)],
    "min_first": [(MATRIX.T,), (CUBE,)],
    "exact_sum": [(np.array([1e100, 0.5, -1e100, 2.0**-60]),), (np.array([2.0**53, 1.0, 2.0**-60]),), (np.zeros(0),)],
    "prod_first": [(MATRIX,), (np.zeros((0, 2)),)],
    "product_of_others": [(np.array([2.0, 0.0, 3.0]),), (np.array([5.0]),), (np.zeros(0),)],
    "product_of_others_first": [(MATRIX,)],
    "max_last": [(MATRIX,), (np.array([[1.0, np.nan], [2.0, 3.0]]),)],
    "min_last": [(MATRIX,), (np.array([[1.0, np.nan], [2.0, 3.0]]),)],
    "argmax_first": [(MATRIX,), (np.array([[1.0, np.nan], [1.0, 3.0]]),)],
    "argmin_first": [(MATRIX,)],
    "stable_order": [
        (np.array([2.0, 1.0, np.nan, 2.0, -0.0, np.nan, 0.0, 2.0]),),
        (np.array([3, 1, 3, 1])[::2],),
        (np.zeros(0),),
    ],
    "eigenpairs": [(np.diag([3.0, 1.0, 2.0]),)],
    "real_eigenpairs": [(np.diag([3.0, 1.0, 2.0]),)],
    "singular_triplets": [(np.diag([3.0, 1.0, 2.0])[:2],), (np.diag([3.0, 1.0, 2.0])[:, :2],)],
    "singular_values": [(MATRIX,), (SQUARE,)],
    "orthonormal_columns": [(MATRIX.T,), (SQUARE,)],
    "pseudoinverse": [(MATRIX, 1e-15), (SQUARE, 1e-15)],
    "diagonals": [(CUBE, 0), (CUBE, -1), (CUBE, 9)],
    "diagonals_adjoint": [(CUBE, np.ones((2, 3)), 1), (CUBE, np.ones((2, 2)), -1)],
    "windows": [(np.arange(5.0), 2), (MATRIX, 3)],
    "windows_adjoint": [(np.arange(5.0), np.ones((4, 2)), 2), (MATRIX, np.ones((2, 4, 2)), 2)],
    "cholesky_adjoint": [(np.linalg.cholesky(np.eye(n) + 0.1), rng.normal(size=(n, n))) for n in (0, 3, 50)],
    "cholesky_adjoint_of_block": [(np.linalg.cholesky(np.eye(3) + 0.1), np.tril(SQUARE))],
    "has_cholesky": [(SQUARE @ SQUARE.T,), (-np.eye(2),)],
    "has_inverse": [(SQUARE,), (np.ones((2, 2)),)],
    "sign_of_det": [(SQUARE,)],
    "log_abs_det": [(SQUARE,)],
    "chosen": [(True, 0.3, -1.5), (False, 0.3, -1.5)],
    "cut": [(0.3, True), (0.3, False), (np.ones(3), False)],
    "cofactors": [(SQUARE,), (np.ones((2, 2)),)],
    "cofactors_tangent": [(SQUARE, SQUARE.T), (np.ones((3, 3)), np.eye(3)), (np.ones((1, 1)), np.ones((1, 1)))],
    "with_diagonal": [(MATRIX, np.arange(1.0, 4.0), 0), (MATRIX, np.arange(1.0, 3.0), -1)],
    "patches_2d": [(IMAGES, 2, 3, 1), (IMAGES, 1, 2, 2)],
    "correlate_2d": [(IMAGES, KERNEL, 1), (IMAGES, KERNEL[:, :, :, ::-1], 2), (IMAGES[:0], KERNEL, 1)],
    "correlate_2d_input_adjoint": [
        (IMAGES, KERNEL, np.ones((3, 4, 4, 2)), 1),
        (IMAGES, KERNEL, np.ones((3, 4, 2, 1)), 2),
    ],
    "correlate_2d_kernel_adjoint": [
        (IMAGES, KERNEL, np.ones((3, 4, 4, 2)), 1),
        (IMAGES, KERNEL, np.ones((3, 4, 2, 1)), 2),
    ],
    "max_pool_2d": [(IMAGES, 2, 2), (TIED, 2, 1), (TIED, 3, 2), (IMAGES[:0], 2, 2)],
    "max_pool_2d_adjoint": [(TIED, np.ones((3, 2, 2, 2)), 2, 2), (IMAGES, np.ones((3, 2, 4, 3)), 2, 1)],
    "max_pool_2d_tangent": [(TIED, IMAGES, 2, 2), (IMAGES, IMAGES, 3, 1)],
    "largest_of_window": [(TIED, 0, 0, 1, 2, 2), (TIED, 1, 0, 0, 0, 3)],
    "larger": [((1.0, 0, 0), 2.0, 0, 1), ((1.0, 0, 0), 1.0, 0, 1), ((1.0, 0, 0), np.nan, 0, 1)],
    "digamma": [(x,) for x in (0.3, 4.0, -1.5, -2.0, 25.0)],
    "digamma_positive": [(0.3,)],
    "polygamma": [(1, 0.3), (2, -1.5), (1, 30.0)],
}
MACHINE: dict[str, list[tuple[Any, ...]]] = {
    "bits_of": [(1.0,), (-0.5,)],
    "with_bits": [(1 << 62,)],
    "power_of_2": [(-1022.0,), (7.0,)],
    "reduced": [(0.0,), (-3.5,), (700.0,)],
    "reduced_exp": [(0.0,), (-3.5,), (700.0,)],
    "log_series": [(0.3, 0.0, 0.0), (-0.2, 7.0, 1e-17)],
    "inline_exp": [(x,) for x in (0.3, -745.0, 800.0)],
    "inline_expm1": [(x,) for x in (0.3, 1e-20, -745.0, 800.0)],
    "inline_log": [(x,) for x in (0.3, 1e-310, -1.0)],
    "inline_log1p": [(x,) for x in (0.3, 1e-310, -1.0, 1e20)],
    "inline_logaddexp": [(0.3, 0.3), (-1.0, 700.0), (math.inf, math.inf)],
    "inline_tanh": [(x,) for x in (0.3, -2.0, 50.0)],
    "inline_erf": [(x,) for x in (0.3, -2.0, 50.0)],
    "in_quarter": [(0.3,), (-1e5,)],
    "near_sin": [(0.3, 1e-17)],
    "near_cos": [(0.3, 1e-17)],
    "inline_sin": [(x,) for x in (0.3, -2.0, 1e5)],
    "inline_cos": [(x,) for x in (0.3, -2.0, 1e5)],
    "inline_hypot": [(3.0, -4.0), (0.0, -0.0), (1e300, 1e300), (5e-324, 0.0), (-math.inf, math.nan), (1.0, math.nan)],
    "inline_cbrt": [(x,) for x in (27.0, -0.3, 1e-310, 0.0, math.inf, 8)],
    "inline_nextafter": [(1.0, 2.0), (-0.0, 1.0), (1.0, 1.0), (5e-324, -1.0), (math.inf, 0.0), (1, 0)],
    "sinc_by_sin": [(x,) for x in (0.3, 0.0, -2.0, 1)],
    "plus": [(0.3, 0.1)],
    "single_bits_of": [(np.float32(1.0),), (np.float32(-0.5),)],
    "with_single_bits": [(0x40490FDB,), (-1 << 31,)],
    "single_power_of_2": [(np.float32(-126.0),), (np.float32(7.0),)],
    "inline_exp_single": [(np.float32(x),) for x in (0.3, -104.0, -90.0, 800.0)],
    "inline_log_single": [(np.float32(x),) for x in (0.3, 1e-40, -1.0)],
    "inline_log1p_single": [(np.float32(x),) for x in (0.3, 1e-40, -1.0, 1e20)],
    "inline_expm1_single": [(np.float32(x),) for x in (0.3, 1e-20, -745.0, 800.0)],
    "exp_to_single": [(x,) for x in (0.3, -80.0, 80.0)],
    "inline_tanh_single": [(np.float32(x),) for x in (0.3, -2.0, 50.0)],
}
ALL = [(runtime, name, calls) for name, calls in CALLS.items()] + [
    (vector_math, n, calls) for n, calls in MACHINE.items()
]


@pytest.mark.parametrize("module, calls", [(runtime, CALLS), (vector_math, MACHINE)], ids=["runtime", "machine"])
def test_every_helper_is_called_here(module: Any, calls: Any) -> None:
    helpers = {n for n, f in vars(module).items() if isinstance(f, types.FunctionType)}
    assert helpers == set(calls)


@cache
def compiled(module: Any) -> dict[str, Callable[..., Any]]:
    """A copy of the module whose functions call one another compiled."""
    source = open(module.__file__).read()
    names: dict[str, Any] = {}
    exec(compile(source, module.__name__, "exec"), names)
    for name in [n for n, f in names.items() if isinstance(f, types.FunctionType)]:
        names[name] = numba.njit(names[name], error_model="numpy")
    return names


@pytest.mark.parametrize("module, name, calls", ALL, ids=[name for _, name, _ in ALL])
def test_compiled_equals_plain(module: Any, name: str, calls: list[tuple[Any, ...]]) -> None:
    for args in calls:
        with np.errstate(all="ignore"):
            have, want = compiled(module)[name](*args), getattr(module, name)(*args)
        assert np.shape(have) == np.shape(want)
        np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-14)


def test_unbroadcast_sums() -> None:
    for shape in ((1, 1), (3, 1), (1, 4), (3, 4)):
        axes = tuple(k for k in range(2) if shape[k] == 1)
        want = np.sum(MATRIX, axis=axes, keepdims=True) if axes else MATRIX
        np.testing.assert_allclose(runtime.unbroadcast_2d(MATRIX, np.ones(shape)), want)


def test_the_order_is_stable() -> None:
    for (x,) in CALLS["stable_order"]:
        np.testing.assert_array_equal(runtime.stable_order(x), np.argsort(x, kind="stable"))


@pytest.mark.parametrize("module", [runtime, vector_math], ids=["runtime", "machine"])
def test_the_modules_stand_alone(module: Any) -> None:
    imported = [line for line in open(module.__file__) if line.startswith(("import ", "from "))]
    assert [line.split()[1] for line in imported] == ["math", "typing", "numpy"]


def test_unbroadcast_sums_along_some_axes_and_repeats_along_others() -> None:
    for rank in (1, 2, 3):
        for big in itertools.product((0, 1, 3), repeat=rank):
            for like in itertools.product((0, 1, 3), repeat=rank):
                if any(b != n and 1 not in (b, n) for b, n in zip(big, like)):
                    continue
                x, shape = rng.normal(size=big), np.broadcast_shapes(big, like)
                axes = tuple(k for k in range(rank) if like[k] == 1 != shape[k])
                want = np.broadcast_to(x, shape).sum(axes, keepdims=True)
                found = getattr(runtime, f"unbroadcast_{rank}d")(x, np.ones(like))
                assert found.shape == like
                np.testing.assert_allclose(found, want)
