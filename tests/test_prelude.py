"""Each function of the prelude, run as plain Python, equals NumPy: value, shape and dtype."""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import srcad.rules  # noqa: F401  fills the tables
from srcad.rules.expansions import advanced_indexing
from srcad.rules.registry import EXPANSIONS, METHODS, UFUNC_METHODS
from tests.coverage.numpy_expressions import GROUPS as TABLE

rng = np.random.default_rng(1)
VECTOR = rng.normal(size=5)
MATRIX = rng.normal(size=(3, 4))
CUBE = rng.normal(size=(2, 3, 4))
SQUARE = rng.normal(size=(3, 3)) + 3.0 * np.eye(3)
TIES = np.array([[1.0, 3.0, 3.0, -1.0], [3.0, 0.0, 0.0, 3.0]])
COUNTS = np.array([[3, 0, 2], [5, 1, 1]])
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]])


@dataclass(frozen=True)
class Case:
    """One call that must give what NumPy gives."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        shapes = ",".join(str(np.shape(a)) if isinstance(a, np.ndarray) else str(a)[:12] for a in self.args)
        return f"{self.function.__name__}-{shapes}-{self.keywords}"


def case(function: Callable[..., Any], *args: Any, **keywords: Any) -> Case:
    return Case(function, args, keywords)


def reductions() -> list[Case]:
    cases = []
    for function in (np.sum, np.mean, np.var, np.std, np.prod, np.max, np.min, np.ptp, np.any, np.all):
        for x, axes in [
            (VECTOR, (None, 0, -1)),
            (MATRIX, (None, 0, 1, -1, (0, 1))),
            (CUBE, (None, 0, 1, -1, (0, 2), (-1, 0), (0, 1, 2), (1,))),
            (TIES, (None, 0, 1)),
            (COUNTS, (None, 0, 1)),
            (CUBE.astype(np.float32), (None, 1)),
        ]:
            cases += [case(function, x, axis=a, keepdims=k) for a, k in itertools.product(axes, (False, True))]
    for function in (np.argmax, np.argmin):
        cases += [case(function, TIES, axis=a, keepdims=k) for a in (None, 0, -1) for k in (False, True)]
        cases += [case(function, np.array([[1.0, np.nan], [2.0, 3.0]]), axis=a) for a in (0, 1)]
    for function in (np.var, np.std):
        cases += [case(function, MATRIX, axis=a, ddof=1) for a in (None, 0)]
    for function in (np.cumsum, np.cumprod):
        cases += [case(function, CUBE, axis=a) for a in (None, 0, 1, -1)] + [
            case(function, VECTOR),
            case(function, COUNTS),
        ]
    cases += [case(np.sum, MASK), case(np.sum, MASK, axis=0), case(np.mean, MASK, axis=1), case(np.mean, COUNTS)]
    cases += [
        case(np.sum, np.zeros((0, 3)), axis=0),
        case(np.sum, np.zeros(0)),
        case(np.prod, np.zeros((0, 3)), axis=0),
    ]
    cases += [
        case(np.sum, 2.5),
        case(np.sum, [1.0, 2.0]),
        case(np.max, (1.0, 3.0)),
        case(np.sum, CUBE, dtype=np.float32),
    ]
    cases += [case(np.count_nonzero, COUNTS, axis=a) for a in (None, 0)]
    cases += [case(np.average, MATRIX), case(np.average, MATRIX, axis=1, weights=np.arange(1.0, 5.0))]
    cases += [case(np.average, VECTOR, weights=VECTOR**2), case(np.average, MATRIX, weights=MATRIX**2, axis=0)]
    cases += [
        case(np.diff, VECTOR),
        case(np.diff, CUBE, n=2, axis=1),
        case(np.diff, CUBE, axis=0),
        case(np.ediff1d, MATRIX),
    ]
    return cases


def norms() -> list[Case]:
    cases = [case(np.linalg.norm, VECTOR, ord=p) for p in (None, 1, 2, 3, 0, np.inf, -np.inf, 0.5)]
    cases += [case(np.linalg.norm, MATRIX, ord=p) for p in (None, "fro", 1, -1, np.inf, -np.inf)]
    cases += [
        case(np.linalg.norm, MATRIX, ord=p, axis=a, keepdims=k)
        for p in (None, 1, 2, np.inf)
        for a in (0, 1, -1)
        for k in (False, True)
    ]
    return cases + [case(np.linalg.norm, CUBE), case(np.linalg.norm, CUBE, axis=(0, 2)), case(np.linalg.norm, -2.0)]


def products() -> list[Case]:
    shapes = [(4,), (3, 4), (4, 2), (2, 3, 4), (2, 4, 5), (1, 4, 3), (2, 2, 3, 4), (2, 1, 4, 3), (1, 2, 4, 5)]
    arrays = [rng.normal(size=s) for s in shapes]
    cases = []
    for a, b in itertools.product(arrays, arrays):
        try:
            np.matmul(a, b)
        except ValueError:
            continue
        cases.append(case(np.matmul, a, b))
    cases += [case(np.dot, a, b) for a in arrays[:4] for b in arrays[:1] + arrays[2:3] if a.shape[-1] == b.shape[0]]
    cases += [case(np.dot, 2.0, VECTOR), case(np.matmul, COUNTS, COUNTS.T), case(np.dot, COUNTS[0], COUNTS[1])]
    cases += [case(np.matmul, COUNTS.T, MATRIX[:2]), case(np.matmul, MATRIX.astype(np.float32), MATRIX.T)]
    cases += [case(np.inner, VECTOR, VECTOR), case(np.inner, MATRIX, MATRIX), case(np.inner, CUBE, MATRIX)]
    cases += [case(np.vdot, MATRIX, MATRIX), case(np.outer, VECTOR, MATRIX), case(np.kron, MATRIX, SQUARE)]
    cases += [
        case(np.kron, VECTOR, VECTOR),
        case(np.trace, MATRIX),
        case(np.trace, MATRIX, 1),
        case(np.trace, MATRIX, -1),
    ]
    cases += [case(np.tensordot, CUBE, MATRIX, 2), case(np.tensordot, CUBE, MATRIX, axes=([1, 2], [0, 1]))]
    cases += [
        case(np.tensordot, CUBE, MATRIX, axes=(2, 1)),
        case(np.tensordot, VECTOR, VECTOR, 1),
        case(np.tensordot, VECTOR, MATRIX, 0),
    ]
    cases += [case(np.linalg.matrix_power, SQUARE, 3), case(np.linalg.multi_dot, [MATRIX.T, SQUARE, MATRIX])]
    for text, operands in [
        ("ij,jk->ik", (MATRIX, MATRIX.T)),
        ("ij,jk", (MATRIX, MATRIX.T)),
        ("i,i", (VECTOR, VECTOR)),
        ("ij->ji", (MATRIX,)),
        ("ii", (SQUARE,)),
        ("ii->i", (SQUARE,)),
        ("ij->", (MATRIX,)),
        ("ij->j", (MATRIX,)),
        ("i,j->ij", (VECTOR, VECTOR)),
        ("ij,j->i", (MATRIX, MATRIX[0])),
        ("bij,bjk->bik", (CUBE, CUBE.transpose(0, 2, 1))),
        ("bij,jk->bik", (CUBE, MATRIX.T)),
        ("ij,ij->", (MATRIX, MATRIX)),
        ("ij,ij->i", (MATRIX, MATRIX)),
        ("ij,ij->ij", (MATRIX, MATRIX)),
        ("i,ij,j->", (MATRIX[:, 0], MATRIX, MATRIX[0])),
        ("ijk,k->ji", (CUBE, MATRIX[0])),
        ("ijk->ki", (CUBE,)),
        ("ij,ji->ij", (SQUARE, SQUARE)),
        ("ij,kl->jl", (MATRIX, CUBE[0])),
    ]:
        cases.append(case(np.einsum, text, *operands))
    return cases


def linear_algebra() -> list[Case]:
    stack = np.stack([SQUARE, SQUARE.T + np.eye(3)])
    matrices = [SQUARE, stack, COUNTS[:, :2].astype(bool), COUNTS[:, :2] + 1, SQUARE.astype(np.float32)]
    cases = [case(f, a) for f in (np.linalg.inv, np.linalg.det, np.linalg.slogdet) for a in matrices]
    cases += [case(np.linalg.cholesky, a @ np.swapaxes(a, -1, -2)) for a in (SQUARE, stack, SQUARE.astype(np.float32))]
    for a, b in itertools.product(
        (SQUARE, stack, SQUARE.astype(np.float32)), (VECTOR[:3], MATRIX, stack, np.array([1, 2, 3]))
    ):
        cases.append(case(np.linalg.solve, a, b))
    cases += [case(np.linalg.solve, np.eye(3, dtype=int), VECTOR[:3].astype(np.float32))]
    cases += [case(np.linalg.matrix_power, a, n) for a in (SQUARE.astype(np.float32), COUNTS[:, :2]) for n in (0, 1, 3)]
    cases += [case(np.linalg.matrix_power, SQUARE, -2)]
    cases += [case(np.linalg.eigh, SQUARE), case(np.linalg.eigvalsh, SQUARE, UPLO="U")]
    return cases + [case(np.linalg.eigvalsh, np.array([[2, 1], [1, 3]]))]


def shapes() -> list[Case]:
    cases = [case(np.reshape, CUBE, s) for s in (24, -1, (4, 6), (-1, 6), (2, -1), (3, 4, 2), (2, 1, -1))]
    cases += [case(np.reshape, 2.0, (1, 1)), case(np.reshape, np.ones((1, 1)), ()), case(np.reshape, MATRIX.T, -1)]
    cases += [case(np.ravel, CUBE), case(np.ravel, 1.0), case(np.transpose, CUBE), case(np.transpose, CUBE, (1, -1, 0))]
    cases += [case(np.transpose, VECTOR), case(np.swapaxes, CUBE, 0, -1), case(np.moveaxis, CUBE, 0, -1)]
    cases += [case(np.moveaxis, CUBE, (0, 1), (-1, 0)), case(np.rollaxis, CUBE, 2), case(np.rollaxis, CUBE, 0, 3)]
    cases += [case(np.squeeze, CUBE[:1]), case(np.squeeze, CUBE[:, :1], axis=1), case(np.squeeze, CUBE[:1, :1, :1])]
    cases += [case(np.squeeze, CUBE[:1, :, :1], axis=(0, -1)), case(np.squeeze, MATRIX)]
    cases += [case(np.expand_dims, MATRIX, a) for a in (0, 1, -1, (0, 2), (0, -1))] + [case(np.expand_dims, 3.0, 0)]
    for function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
        cases += [case(function, x) for x in (1.0, VECTOR, MATRIX, CUBE)]
    cases += [
        case(np.broadcast_to, VECTOR, (3, 5)),
        case(np.broadcast_to, 1.0, 4),
        case(np.broadcast_to, MATRIX[:, :1], (2, 3, 4)),
    ]
    cases += [case(np.repeat, MATRIX, 2), case(np.repeat, MATRIX, 3, axis=0), case(np.repeat, CUBE, 2, axis=-1)]
    cases += [
        case(np.repeat, VECTOR, np.array([0, 2, 1, 0, 3])),
        case(np.repeat, MATRIX, [1, 0, 2], axis=0),
        case(np.repeat, 2.0, 3),
    ]
    cases += [
        case(np.tile, VECTOR, 3),
        case(np.tile, VECTOR, (2, 2)),
        case(np.tile, MATRIX, (2, 1, 3)),
        case(np.tile, CUBE, 2),
    ]
    return cases


def joining() -> list[Case]:
    pair = (MATRIX, 2.0 * MATRIX)
    cases = [case(np.concatenate, pair, axis=a) for a in (0, 1, -1, None)] + [
        case(np.stack, pair, axis=a) for a in (0, 1, 2, -1)
    ]
    cases += [
        case(f, p)
        for f in (np.vstack, np.hstack, np.dstack)
        for p in (pair, (VECTOR, VECTOR), (1.0, 2.0), [CUBE, CUBE])
    ]
    cases += [
        case(np.column_stack, (VECTOR, VECTOR)),
        case(np.column_stack, (MATRIX, MATRIX[:, 0])),
        case(np.stack, [1.0, 2.0]),
    ]
    cases += [
        case(np.concatenate, (COUNTS, MATRIX[:, :3])),
        case(np.append, VECTOR, 1.0),
        case(np.append, MATRIX, MATRIX, axis=1),
    ]
    cases += [
        case(np.pad, VECTOR, 2),
        case(np.pad, MATRIX, (1, 2)),
        case(np.pad, MATRIX, ((1, 0), (0, 2)), constant_values=1.5),
    ]
    cases += [
        case(np.split, np.arange(6.0), 3),
        case(np.split, MATRIX, [1, 3], axis=1),
        case(np.array_split, VECTOR, 3),
    ]
    cases += [case(np.vsplit, MATRIX, 3), case(np.hsplit, MATRIX, 2)]
    cases += [case(np.roll, VECTOR, s) for s in (0, 2, -7)] + [
        case(np.roll, MATRIX, 1),
        case(np.roll, CUBE, (1, -1), axis=(0, 2)),
    ]
    cases += [
        case(np.roll, np.zeros(0), 1),
        case(np.flip, CUBE),
        case(np.flip, CUBE, axis=1),
        case(np.flip, CUBE, axis=(0, -1)),
    ]
    cases += [case(np.fliplr, MATRIX), case(np.flipud, MATRIX)] + [case(np.rot90, MATRIX, k) for k in (0, 1, 2, 3, -1)]
    cases += [case(f, MATRIX, k) for f in (np.tril, np.triu, np.diag, np.diagonal) for k in (0, 1, -1)]
    return cases + [case(np.diag, VECTOR), case(np.diag, VECTOR, -2), case(np.diagflat, MATRIX[:2, :2])]


def creation() -> list[Case]:
    cases = [case(f, s) for f in (np.zeros, np.ones) for s in (3, (2, 3), ())] + [case(np.zeros, 2, dtype=np.int64)]
    cases += [
        case(np.full, (2, 2), 1.5),
        case(np.full, 3, 2),
        case(np.full, 2, 1, dtype=np.float32),
        case(np.full, (2, 5), VECTOR),
    ]
    cases += [case(f, x) for f in (np.zeros_like, np.ones_like) for x in (MATRIX, COUNTS, 2.0)]
    cases += [case(np.full_like, COUNTS, 2.7), case(np.zeros_like, COUNTS, dtype=float), case(np.full_like, MATRIX, 1)]
    cases += [
        case(np.arange, 5),
        case(np.arange, 2, 7),
        case(np.arange, 5.0, 1.0, -1.5),
        case(np.arange, 0.0, 1.0, 0.25),
    ]
    cases += [
        case(np.linspace, 0.0, 1.0, 5),
        case(np.linspace, 2, 1, 4, endpoint=False),
        case(np.linspace, 3.0, 4.0, 1),
    ]
    cases += [
        case(np.logspace, 0.0, 2.0, 5),
        case(np.geomspace, 1.0, 8.0, 4),
        case(np.eye, 3),
        case(np.eye, 2, 3, 1),
        case(np.identity, 2),
    ]
    cases += [
        case(np.tri, 3),
        case(np.tri, 3, 4, -1),
        case(np.meshgrid, VECTOR, MATRIX[0]),
        case(np.meshgrid, VECTOR, MATRIX[0], indexing="ij"),
    ]
    cases += [
        case(np.array, [1.0, 2.0]),
        case(np.array, [1, 2]),
        case(np.array, [[1.0, 2], [3, 4]]),
        case(np.array, [VECTOR, VECTOR]),
    ]
    cases += [
        case(np.array, MATRIX, dtype=np.float32),
        case(np.asarray, VECTOR),
        case(np.asarray, [1, 2], dtype=float),
        case(np.array, []),
    ]
    return cases + [
        case(np.copy, MATRIX.T),
        case(np.ascontiguousarray, MATRIX.T),
        case(np.array, [[[1.0], [2.0]], [[3.0], [4.0]]]),
    ]


def elementwise() -> list[Case]:
    points = np.array([-2.5, -1.5, -0.5, -0.0, 0.0, 0.5, 1.5, 2.5, np.inf, -np.inf, np.nan])
    cases = [
        case(np.clip, MATRIX, -0.5, 0.5),
        case(np.clip, MATRIX, None, 0.5),
        case(np.clip, 3.0, 0.0, None),
        case(np.clip, MATRIX, MATRIX * 0, 1.0),
    ]
    cases += [
        case(np.square, points),
        case(abs, points),
        case(abs, -2.0),
        case(float, 2),
        case(float, True),
        case(np.reciprocal, MATRIX),
        case(np.float_power, COUNTS, 2),
    ]
    cases += [
        case(np.fmod, COUNTS, 3),
        case(np.fmod, -COUNTS, COUNTS.T[:1].T + 2),
        *[case(math.fmod, a, b) for a, b in ((7.5, -2.0), (-7.5, 2.0), (-7, 2))],
        case(np.fmod, 7, -2),
        case(np.fmod, -7, 2),
        case(np.fmod, MATRIX, 0.7),
        case(np.heaviside, points, 0.25),
        case(np.round, points),
        case(np.round, MATRIX, 2),
        case(np.round, MATRIX * 100, -1),
        case(np.fix, points),
    ]
    cases += [
        case(np.where, MASK, MATRIX, 0.0),
        case(np.where, MASK),
        case(np.where, True, 1, 2.5),
        case(np.where, MASK[:1], 1.0, MATRIX),
    ]
    cases += [
        case(np.select, [MATRIX > 1, MATRIX > 0], [MATRIX, -MATRIX], 5.0),
        case(np.nan_to_num, points, posinf=9.0, neginf=-9.0),
        case(np.nan_to_num, points),
        case(np.nan_to_num, points.astype(np.float32)),
        case(np.nan_to_num, COUNTS),
        case(np.modf, points),
        case(np.ldexp, MATRIX, np.array([[1], [-2], [0]])),
    ]
    cases += [
        case(np.isclose, points, points + 1e-9),
        case(np.allclose, MATRIX, MATRIX),
        case(np.divmod, MATRIX, 0.7),
        case(np.nonzero, COUNTS),
    ]
    cases += [
        case(np.flatnonzero, COUNTS),
        case(np.float32, 1.5),
        case(np.float64, 2),
        case(np.int64, 2.7),
        case(np.nonzero, VECTOR),
    ]
    return cases


def signals() -> list[Case]:
    knots, heights = np.array([0.0, 1.0, 2.5, 4.0]), np.array([1.0, -1.0, 0.5, 2.0])
    at = np.array([-1.0, 0.0, 0.3, 1.0, 2.4999, 4.0, 5.0, np.nan])
    cases = [
        case(np.interp, at, knots, heights),
        case(np.interp, 0.7, knots, heights),
        case(np.interp, at.reshape(2, 4), knots, heights, left=-9.0, right=9.0),
    ]
    cases += [
        case(f, a, b, mode=m)
        for f in (np.convolve, np.correlate)
        for a, b in ((VECTOR, heights[:3]), (heights[:2], VECTOR))
        for m in ("full", "same", "valid")
        if not (f is np.correlate and len(a) < len(b))
    ]
    cases += [
        case(np.cross, VECTOR[:3], heights[:3]),
        case(np.searchsorted, knots, 1.0),
        case(np.searchsorted, knots, at, side="right"),
    ]
    trapezoid = getattr(np, "trapezoid", None) or np.trapz
    cases += [
        case(trapezoid, VECTOR),
        case(trapezoid, MATRIX, dx=0.5),
        case(trapezoid, MATRIX, x=knots),
        case(trapezoid, CUBE, axis=0),
    ]
    return cases + [case(trapezoid, MATRIX, x=np.cumsum(MATRIX**2, axis=0), axis=0)]


def sorting() -> list[Case]:
    cases = [case(np.argsort, x, axis=a, kind="stable") for x, a in ((VECTOR, -1), (TIES, 0), (TIES, 1), (CUBE, 1))]
    cases += [
        case(np.sort, x, axis=a)
        for x, a in ((VECTOR, -1), (TIES, 0), (TIES, None), (CUBE, 1), (np.array([1.0, np.nan, 0.0]), 0))
    ]
    cases += [case(np.median, x) for x in (VECTOR, MATRIX, np.array([3.0]))] + [
        case(np.median, MATRIX, axis=a, keepdims=k) for a in (0, 1, -1) for k in (False, True)
    ]
    cases += [case(np.quantile, VECTOR, q) for q in (0.0, 0.3, 1.0)] + [case(np.percentile, MATRIX, 37.0, axis=0)]
    return cases


def picking() -> list[Case]:
    cases = [
        case(np.take, VECTOR, np.array([0, -1, 0])),
        case(np.take, MATRIX, np.array([[0, 2], [1, 1]]), axis=1),
        case(np.take, MATRIX, 2, axis=1),
        case(np.take, MATRIX, [3, 5]),
    ]
    cases += [
        case(np.compress, [True, False, True], MATRIX, axis=0),
        case(np.extract, MASK, MATRIX),
        case(np.bincount, COUNTS[0], weights=VECTOR[:3]),
        case(np.bincount, COUNTS[1], minlength=4),
    ]
    return cases + [case(np.take_along_axis, MATRIX, np.argsort(MATRIX, axis=a), a) for a in (0, 1)]


def maths() -> list[Case]:
    cases = [
        case(math.log, 3.0),
        case(math.log, 3.0, 2.0),
        case(math.hypot, 3.0, -4.0, 12.0),
        case(math.hypot, -2.0),
        case(math.dist, [1.0, 2.0], (4.0, 6.0)),
    ]
    cases += [case(math.fsum, VECTOR), case(math.prod, [2.0, 3.0]), case(math.prod, [2.0, 3.0], start=4.0)]
    for x, y in itertools.product((5.0, -5.0, 2.5, 7.5, -7.5, 0.0, 0.1, 1e10, 3.0, 4.5), (2.0, -2.0, 5.0, 0.3, 3.0)):
        cases.append(case(math.remainder, x, y))
    cases += [case(math.modf, x) for x in (2.75, -2.75, math.inf)] + [
        case(math.ldexp, 1e-5, n) for n in (3, -4, 1030, -1000)
    ]
    cases += [
        case(math.isclose, a, b) for a, b in ((1.0, 1.0 + 1e-10), (1.0, 1.1), (math.inf, math.inf), (math.inf, 1.0))
    ]
    cases += [case(math.factorial, n) for n in (0, 1, 6)] + [case(math.comb, n, k) for n, k in ((6, 2), (3, 5), (4, 0))]
    cases += [case(math.gcd, *n) for n in ((), (12, -18), (0, 5), (12, 18, 8))]
    cases += [case(getattr(math, n), 0.7) for n in ("exp2", "cbrt") if hasattr(math, n)]
    return cases


CASES = [
    *reductions(),
    *norms(),
    *products(),
    *linear_algebra(),
    *shapes(),
    *joining(),
    *creation(),
    *elementwise(),
    *signals(),
    *sorting(),
    *picking(),
    *maths(),
]


def same(have: Any, want: Any) -> None:
    if isinstance(want, tuple | list):
        assert len(have) == len(want)
        for one, other in zip(have, want, strict=True):
            same(one, other)
        return
    assert np.shape(have) == np.shape(want)
    assert np.asarray(have).dtype == np.asarray(want).dtype
    single = np.asarray(want).dtype == np.float32
    np.testing.assert_allclose(have, want, rtol=2e-5 if single else 1e-12, atol=1e-6 if single else 1e-13)


@pytest.mark.one_in(10)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_equals_numpy(case: Case) -> None:
    with np.errstate(all="ignore"):
        same(EXPANSIONS[case.function](*case.args, **case.keywords), case.function(*case.args, **case.keywords))


X4 = rng.normal(size=(3, 4, 5, 2))
INDEX = np.array([0, 2, 2, -1])
INDEXINGS = [
    (VECTOR, (np.array([4, 0, 0]),)),
    (VECTOR, ([1, 2],)),
    (VECTOR, (VECTOR > 0,)),
    (VECTOR, (np.array([[0, 1], [3, -1]]),)),
    (MATRIX, (INDEX,)),
    (MATRIX, (slice(None), INDEX)),
    (MATRIX, (INDEX[:3], np.array([1, 1, 3]))),
    (MATRIX, (MASK,)),
    (MATRIX, (1, INDEX)),
    (MATRIX, (INDEX, 1)),
    (MATRIX, (slice(0, 2), INDEX)),
    (MATRIX, (MATRIX[:, 0] > 0,)),
    (MATRIX, (MATRIX[:, 0] > 9,)),
    (MATRIX, (INDEX[:, None], np.array([1, 0]))),
    (MATRIX, (np.array([[0], [1]]), np.array([[1, 2, 3]]))),
    (MATRIX, (INDEX, np.array([1]))),
    (CUBE, (slice(None), INDEX[:2], slice(None, None, 2))),
    (CUBE, (Ellipsis, INDEX)),
    (CUBE, (np.array([0, 1]), slice(None), np.array([3, 0]))),
    (CUBE, (np.array([0, 1]), slice(1, 3), 2)),
    (CUBE, (None, np.array([1, 1]), Ellipsis)),
    (CUBE, (slice(None), MASK)),
    (CUBE, (0, MASK)),
    (X4, (slice(None), np.array([0, 3]), np.array([1, 1]))),
    (X4, (0, slice(None), INDEX)),
    (X4, (slice(None), np.array([[0, 3], [1, 1]]), slice(None), 1)),
    (X4, (np.array([0, 1, 2]), Ellipsis, np.array([1, 0, 1]))),
    (X4, (slice(None), INDEX, None, slice(1, 2))),
    (X4, (Ellipsis, np.array([[0], [1]]), np.array([0, 1, 1]))),
    (VECTOR, (np.zeros(0, dtype=int),)),
]


@pytest.mark.parametrize("x, items", INDEXINGS, ids=str)
def test_take(x: Any, items: Any) -> None:
    same(advanced_indexing.take(x, items), x[items])


@pytest.mark.parametrize("x, items", INDEXINGS, ids=str)
def test_put(x: Any, items: Any) -> None:
    shape = x[items].shape
    for value in (7.0, rng.normal(size=shape), rng.normal(size=shape[-1:]), rng.normal(size=(1,) * len(shape))):
        want, have = x.copy(), x.copy()
        want[items] = value
        advanced_indexing.put(have, items, value)
        same(have, want)


def test_put_of_its_own_view() -> None:
    want, have = np.arange(6.0), np.arange(6.0)
    want[np.array([1, 2, 3])] = want[0:3]
    advanced_indexing.put(have, (np.array([1, 2, 3]),), have[0:3])
    same(have, want)


def test_methods_in_place() -> None:
    x = TIES.copy()
    METHODS["sort"](x, axis=0)
    same(x, np.sort(TIES, axis=0))
    METHODS["fill"](x, 2.0)
    same(x, np.full(TIES.shape, 2.0))
    EXPANSIONS[np.fill_diagonal](x, 5.0)
    assert x[0, 0] == 5.0 and x[1, 1] == 5.0 and x[0, 1] == 2.0
    EXPANSIONS[np.copyto](x, 1.0)
    same(x, np.ones(TIES.shape))
    UFUNC_METHODS["at"](np.add, x, np.array([0, 0, 1]), 1.0)
    same(x, np.array([[3.0] * 4, [2.0] * 4]))


METHOD_CALLS = [
    (CUBE, "reshape", (4, 6)),
    (CUBE, "reshape", ((4, -1),)),
    (CUBE, "transpose", ()),
    (CUBE, "transpose", (2, 0, 1)),
    (CUBE, "transpose", ((2, 0, 1),)),
    (CUBE, "flatten", ()),
    (CUBE, "sum", (1,)),
    (MATRIX, "astype", (np.float32,)),
    (COUNTS, "astype", (float,)),
    (MATRIX, "dot", (MATRIX.T,)),
    (MATRIX, "clip", (0.0, 1.0)),
    (MATRIX, "clip", (None, 1.0)),
    (VECTOR, "argsort", ()),
    (VECTOR, "item", (2,)),
    (np.array([2.5]), "item", ()),
    (MATRIX, "take", ([1, 2],)),
    (MATRIX, "diagonal", (1,)),
    (MATRIX, "repeat", (2, 1)),
    (CUBE, "swapaxes", (0, 1)),
    (MATRIX, "copy", ()),
]


@pytest.mark.parametrize("x, name, args", METHOD_CALLS, ids=str)
def test_methods(x: Any, name: str, args: Any) -> None:
    same(METHODS[name](x, *args), getattr(x, name)(*args))


SHOWN_ELSEWHERE = {
    np.empty,
    np.empty_like,
    np.fill_diagonal,
    np.copyto,
    np.add.at,
    np.add.reduce,
    np.multiply.reduce,
    np.maximum.reduce,
    np.minimum.reduce,
    np.multiply.outer,
    np.bool_,
    np.int32,
    divmod,
    np.real,
    np.conj,
    np.linalg.slogdet,
    np.broadcast_arrays,
    np.around,
    np.asanyarray,
    np.amax,
    np.amin,
    operator.matmul,
    operator.abs,
}


def in_table() -> set[object]:
    """What the table of NumPy's functions has a call of, which `test_numpy_coverage` runs as plain Python."""
    text = "\n".join(call for calls in TABLE.values() for call in calls)
    names = set(re.findall(r"np(?:\.[A-Za-z_]\w*)+", text))
    return {function for name in names if isinstance(function := eval(name, {"np": np}), Hashable)}


def test_every_expansion_has_a_case() -> None:
    shown = {c.function for c in CASES} | SHOWN_ELSEWHERE | in_table() | {getattr(math, "sumprod", None)}
    shown |= {f for f in vars(np.fft).values() if callable(f)} | {complex, np.complex64, np.complex128}  # `test_fft`
    both = hasattr(np, "trapezoid") and hasattr(np, "trapz")  # one function under two names
    missing = [f for f in EXPANSIONS if f not in shown and not (both and f is np.trapz)]
    assert not [f for f in missing if not of_scipy(f)]  # whose own tests have cases, once a module of it is loaded


def of_scipy(f: object) -> bool:
    if isinstance(f, np.ufunc):
        return getattr(np, f.__name__, None) is not f
    owner = type(getattr(f, "__self__", None)).__module__
    return any(str(name).startswith("scipy.") for name in (getattr(f, "__module__", ""), type(f).__module__, owner))
