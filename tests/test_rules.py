"""Each derivative rule, run as plain Python on NumPy values, against central differences: a row a rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import srcad.rules  # noqa: F401  fills the table
from srcad import runtime
from srcad.forward.tangents import with_tangents
from srcad.ir.nodes import Const, Function, Param, Span, Var
from srcad.ir.types import Array, Scalar, dim
from srcad.rules.primitives import PRIMITIVE_OF, PRIMITIVES
from srcad.rules.registry import RULES, Rule, find_rule
from srcad.typing.builder import Builder
from tests.interpreter import interpret

Sampler = Callable[[np.random.Generator, tuple[int, ...]], Any]


@dataclass(frozen=True)
class Case:
    """A primitive with a sampler for each argument it is differentiated by, or a fixed value for the others."""

    prim: object
    args: tuple[Any, ...]
    static: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.prim if isinstance(self.prim, str) else PRIMITIVE_OF[self.prim]


def real(low: float = -2.0, high: float = 2.0) -> Sampler:
    """Values away from 0, where a kink would be crossed by the differences."""

    def sample(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        x = rng.uniform(low, high, shape)
        return x + np.where(abs(x) < 0.05, 0.1, 0.0)

    return sample


def case(prim: object, *args: Any, **static: Any) -> Case:
    return Case(prim, args, static)


R, POSITIVE, UNIT = real(), real(0.2, 3.0), real(-0.9, 0.9)

ELEMENTWISE = [
    case("+", R, R),
    case("-", R, R),
    case("*", R, R),
    case("/", R, POSITIVE),
    case("neg", R),
    case("pos", R),
    case("%", R, POSITIVE),
    case("np.fmod", R, POSITIVE),
    case(np.nextafter, R, 5.0),
    case(np.nextafter, R, -5.0),
    case("**", POSITIVE, R),
    case("**", R, 2),
    case("**", R, 3),
    case("**", R, -1),
    case("**", R, 1),
    case("**", R, 0),
    case("**", POSITIVE, 0.5),
    case("**", POSITIVE, 2.5),
    case("**", 3, R),
    case("**", R, np.array(2)),
    case(np.exp, R),
    case(np.exp2, R),
    case(np.expm1, R),
    case(np.log, POSITIVE),
    case(np.log2, POSITIVE),
    case(np.log10, POSITIVE),
    case(np.log1p, UNIT),
    case(np.logaddexp, R, R),
    case(np.logaddexp2, R, R),
    case(np.sqrt, POSITIVE),
    case("root", POSITIVE),
    case(np.cbrt, R),
    case(np.hypot, R, R),
    case(np.sin, R),
    case(np.cos, R),
    case(np.tan, UNIT),
    case(np.arcsin, UNIT),
    case(np.arccos, UNIT),
    case(np.arctan, R),
    case(np.arctan2, R, R),
    case(np.sinh, R),
    case(np.cosh, R),
    case(np.tanh, R),
    case(np.arcsinh, R),
    case(np.arccosh, real(1.2, 3.0)),
    case(np.arctanh, UNIT),
    case(np.deg2rad, R),
    case(np.rad2deg, R),
    case(np.sinc, R),
    case(np.sinc, real(0.0001, 0.02)),
    case("np.abs", R),
    case("abs", R),
    case(np.fabs, R),
    case(np.copysign, R, -1.5),
    case(np.maximum, R, R),
    case(np.minimum, R, R),
    case(np.fmax, R, R),
    case(np.fmin, R, R),
    case("np.where", np.array([True]), R, R),
    case("np.where", np.array([False]), R, R),
    case("copy", R),
    case("np.ascontiguousarray", R),
]
SCALAR = [
    case(math.sin, R),
    case(math.cos, R),
    case(math.tan, UNIT),
    case(math.asin, UNIT),
    case(math.acos, UNIT),
    case(math.atan, R),
    case(math.atan2, R, R),
    case(math.sinh, R),
    case(math.cosh, R),
    case(math.tanh, R),
    case(math.asinh, R),
    case(math.acosh, real(1.2, 3.0)),
    case(math.atanh, UNIT),
    case(math.exp, R),
    case(math.expm1, R),
    case("math.log", POSITIVE),
    case(math.log2, POSITIVE),
    case(math.log10, POSITIVE),
    case(math.log1p, UNIT),
    case(math.sqrt, POSITIVE),
    case(math.pow, POSITIVE, R),
    case(math.erf, R),
    case(math.erfc, R),
    case(math.gamma, POSITIVE),
    case(math.gamma, real(-1.8, -1.2)),
    case(math.lgamma, POSITIVE),
    case(math.lgamma, real(-1.8, -1.2)),
    case(math.fabs, R),
    case(math.copysign, R, 1.5),
    case(math.degrees, R),
    case(math.radians, R),
    case("runtime.digamma", POSITIVE),
    case("runtime.digamma", real(-1.8, -1.2)),
    case("runtime.polygamma", 1, POSITIVE),
    case("runtime.polygamma", 2, real(-1.8, -1.2)),
    case("cut_gradient", R, False),
    case("select", True, R, R),
    case("select", False, R, R),
    case("float", R),
]


def of(*shape: int, low: float = -2.0, high: float = 2.0) -> Callable[[np.random.Generator], Any]:
    return lambda rng: rng.uniform(low, high, shape)


def well(n: int) -> Callable[[np.random.Generator], Any]:
    """A well-conditioned square matrix."""
    return lambda rng: rng.uniform(-1.0, 1.0, (n, n)) + 2.0 * np.eye(n)


def definite(n: int) -> Callable[[np.random.Generator], Any]:
    def sample(rng: np.random.Generator) -> Any:
        half = rng.uniform(-1.0, 1.0, (n, n))
        return half @ half.T + np.eye(n)

    return sample


def factor(n: int) -> Callable[[np.random.Generator], Any]:
    return lambda rng: np.linalg.cholesky(definite(n)(rng))


def lower(n: int) -> Callable[[np.random.Generator], Any]:
    return lambda rng: np.tril(rng.uniform(-1.0, 1.0, (n, n)))


def singular(n: int) -> Callable[[np.random.Generator], Any]:
    """A matrix of rank n - 1: its last row is the sum of the others."""

    def sample(rng: np.random.Generator) -> Any:
        a = well(n)(rng)
        a[-1] = a[:-1].sum(axis=0)
        return a

    return sample


ZEROS = [np.array(z) for z in ([1.5, 0.0, 2.0], [0.0, 0.0, 3.0], [-1.0, 2.0, 0.5], [4.0])]

STRUCTURED = [
    case("@", of(4), of(4)),
    case("@", of(3, 4), of(4)),
    case("@", of(3), of(3, 4)),
    case("@", of(3, 4), of(4, 2)),
    case("np.outer", of(3), of(4)),
    case("np.trace", of(3, 4)),
    case("np.linalg.solve", well(3), of(3)),
    case("np.linalg.solve", well(3), of(3, 2)),
    case("np.linalg.inv", well(3)),
    case("np.linalg.det", well(3)),
    case("np.linalg.det", singular(2)),
    case("np.linalg.det", singular(3)),
    case("np.linalg.det", singular(5)),
    case("np.linalg.det", of(1, 1)),
    case("np.linalg.cholesky", definite(4)),
    case("runtime.cholesky_adjoint", factor(4), lower(4)),
    case("runtime.log_abs_det", well(4)),
    case("runtime.cofactors", well(3)),
    case("runtime.cofactors_tangent", well(3), of(3, 3)),
    case("runtime.cofactors_tangent", well(4), of(4, 4)),
    case("runtime.eigenpairs", definite(4)),
    case("runtime.lu_packed", of(4, 4)),
    case("runtime.banded_solution", of(4, 6), of(6, 2), 1, 2),
    case("runtime.banded_transposed", of(4, 6), 1, 2),
    case("runtime.banded_product", of(4, 6), of(6, 2), 2, 1),
    case("runtime.band_of_product", of(6, 2), of(6, 2), 2, 1),
    case("runtime.conjugate_gradients", np.arange(3), np.arange(3), of(3, low=1.0), of(3), 1e-13, 0.0, 20),
    case("runtime.real_eigenpairs", definite(3)),
    case("runtime.singular_values", of(3, 4)),
    case("runtime.singular_triplets", of(3, 4)),
    case("runtime.singular_triplets", of(4, 2)),
    case("runtime.orthonormal_columns", of(4, 3)),
    case("runtime.orthonormal_columns", well(3)),
    case("runtime.pseudoinverse", of(4, 2), 1e-12),
    case("runtime.pseudoinverse", of(2, 4), 1e-12),
    case("runtime.pseudoinverse", well(3), 1e-12),
    case("runtime.correlate_2d", of(2, 3, 5, 4), of(2, 3, 2, 3), 1),
    case("runtime.correlate_2d", of(2, 1, 6, 5), of(3, 1, 2, 2), 2),
    case("runtime.correlate_2d_input_adjoint", np.ones((2, 1, 6, 5)), of(3, 1, 2, 2), of(2, 3, 3, 2), 2),
    case("runtime.correlate_2d_kernel_adjoint", of(2, 1, 6, 5), np.ones((3, 1, 2, 2)), of(2, 3, 3, 2), 2),
    case("runtime.max_pool_2d", of(2, 3, 5, 4), 2, 2),
    case("runtime.max_pool_2d", of(2, 1, 5, 6), 3, 1),
    case("runtime.max_pool_2d_adjoint", of(2, 1, 5, 4), of(2, 1, 2, 2), 2, 2),
    case("runtime.max_pool_2d_tangent", of(2, 1, 5, 4), of(2, 1, 5, 4), 2, 2),
    case("np.sum", of(3, 4)),
    case("np.sum", of(3, 4), axis=0),
    case("np.sum", of(2, 3, 4), axis=1),
    case("np.sum", of(3), axis=0),
    case("np.mean", of(3, 4)),
    case("np.max", of(3, 4)),
    case("np.min", of(5)),
    case("runtime.max_first", of(3, 4)),
    case("runtime.min_first", of(3, 2, 2)),
    case("runtime.max_last", of(3, 4)),
    case("runtime.min_last", of(3, 2)),
    *[case("np.prod", lambda rng, z=z: z.copy()) for z in ZEROS],
    case("np.prod", of(2, 3)),
    case("runtime.exact_sum", of(4)),
    case("runtime.prod_first", of(3, 2)),
    case("runtime.prod_first", lambda rng: np.array([[0.0, 1.0], [2.0, 0.0], [3.0, 0.0]])),
    case("runtime.product_of_others", of(4)),
    case("runtime.product_of_others_first", of(3, 2)),
    case("reshape", of(2, 6), 3, 4),
    case("np.transpose", of(2, 3, 4), axes=(2, 0, 1)),
    case("np.broadcast_to", of(3), 2, 3),
    case("np.broadcast_to", of(3, 1), 2, 3, 4),
    case("astype", of(3), dtype="float64"),
    case("np.concatenate", of(2, 3), of(1, 3), axis=0),
    case("np.concatenate", of(2, 3), of(2, 1), of(2, 2), axis=1),
    case("array", of(), of(), of()),
    case("np.full", of(), 2, 3),
    case("np.full_like", np.ones((2, 3)), of()),
    case("np.arange", of(), 9.0, 1.0),
    case("np.linspace", of(), of(), 5),
    case("np.linspace", of(), of(), 1),
    case("np.cumsum", of(5)),
    case("np.diag", of(3), 1),
    case("diagonal", of(3, 4), 0),
    case("diagonal", of(3, 4), -1),
    case("diagonal", of(4, 3), 1),
    case("np.tril", of(3, 4), 1),
    case("np.triu", of(3, 3), -1),
    case("runtime.unbroadcast_1d", of(4), np.ones(1)),
    case("runtime.unbroadcast_2d", of(3, 4), np.ones((3, 1))),
    case("runtime.unbroadcast_3d", of(2, 3, 4), np.ones((1, 3, 1))),
    case("runtime.unbroadcast_4d", of(2, 2, 3, 4), np.ones((2, 1, 1, 4))),
    case("runtime.unbroadcast_5d", of(2, 2, 1, 3, 2), np.ones((2, 1, 1, 3, 1))),
    case("runtime.diagonals", of(2, 3, 4), 1),
    case("runtime.diagonals_adjoint", np.ones((2, 3, 4)), of(2, 2), -1),
    case("runtime.windows", of(5), 3),
    case("runtime.windows", of(4, 2), 2),
    case("runtime.windows_adjoint", np.ones(5), of(3, 3), 3),
    case("runtime.with_diagonal", np.ones((3, 4)), of(3), 1),
]


def contributions(rule: Rule, d_y: Any, y: Any, args: list[Any], static: dict[str, Any]) -> list[Any]:
    """What the compiler makes of a rule, before it sums over broadcast axes."""
    if rule.kind == "vjp":
        given = rule.function(d_y, y, *args, **static)
    else:
        given = rule.function(y, *args, **static)
    given = list(given) if isinstance(given, tuple) else [given]
    given += [None] * (len(args) - len(given))
    return [None if g is None else g if rule.kind == "vjp" else d_y * g for g in given]


def check(
    name: str, args: list[Any], active: list[int], static: dict[str, Any], rng: Any, tolerance: float = 2e-7
) -> None:
    """Compare <contribution, v> with the difference of <d_y, y> along v, for a random direction v of each argument."""
    prim = PRIMITIVES[name]
    rule = find_rule(name, tuple(np.ndim(a) for a in args))
    assert rule is not None, f"{name} has no rule for these ranks"
    y = prim(*args, **static)
    d_y = rng.normal(size=np.shape(y))[()]
    found = contributions(rule, d_y, y, args, static)
    for k in active:
        if found[k] is None:  # the rule says it is constant
            found[k] = 0.0
        v = rng.normal(size=np.shape(args[k]))
        step = 1e-6

        def along(by: float, k: int = k, v: Any = v) -> float:
            moved = [a + by * v if j == k else a for j, a in enumerate(args)]
            moved = [float(m) if isinstance(m, np.floating) else m for m in moved]
            return float(np.sum(d_y * prim(*moved, **static)))

        want = (along(step) - along(-step)) / (2.0 * step)
        with np.errstate(all="ignore"):
            have = float(np.sum(found[k] * v))
        size = max(1.0, abs(want), float(np.max(np.abs(found[k]))))
        assert abs(have - want) <= tolerance * size, (name, k, have, want)


SHAPES = [((), ()), ((4,), (4,)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (3,)), ((2, 3), ()), ((1,), (5,))]


def label(case: Case) -> str:
    return f"{case.name}-{[a for a in case.args if not callable(a)]}-{case.static}"


@pytest.mark.parametrize("case", ELEMENTWISE, ids=label)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise(case: Case) -> None:
    rng = np.random.default_rng(3)
    for pair in SHAPES:
        shapes = [pair[0], pair[1], pair[1]] if case.name != "np.where" else [(), pair[0], pair[1]]
        args = [a(rng, shapes[k]) if callable(a) else a for k, a in enumerate(case.args)]
        check(case.name, args, [k for k, a in enumerate(case.args) if callable(a)], case.static, rng)


@pytest.mark.parametrize("case", ELEMENTWISE, ids=label)
def test_elementwise_in_single_precision(case: Case) -> None:
    """The formula loses no more digits in float32 than float32 has."""
    rng = np.random.default_rng(4)
    args = [a(rng, (6,)) if callable(a) else a for a in case.args]
    narrow = [a.astype(np.float32) if callable(s) else a for a, s in zip(args, case.args, strict=True)]
    wide = [n.astype(np.float64) if callable(s) else n for n, s in zip(narrow, case.args, strict=True)]
    rule = find_rule(case.name, tuple(np.ndim(a) for a in args))
    assert rule is not None
    prim = PRIMITIVES[case.name]
    with np.errstate(all="ignore"):
        single = contributions(rule, np.ones(6, np.float32), prim(*narrow), list(narrow), case.static)
        double = contributions(rule, np.ones(6), prim(*wide), list(wide), case.static)
    for k, one in enumerate(single):
        if one is not None and callable(case.args[k]):
            np.testing.assert_allclose(one, double[k], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", SCALAR, ids=label)
def test_scalar(case: Case) -> None:
    rng = np.random.default_rng(5)
    for _ in range(5):
        args = [float(a(rng, ())) if callable(a) else a for a in case.args]
        check(case.name, args, [k for k, a in enumerate(case.args) if callable(a)], case.static, rng)


@pytest.mark.parametrize("case", STRUCTURED, ids=label)
def test_structured(case: Case) -> None:
    rng = np.random.default_rng(6)
    args = [a(rng) if callable(a) else a for a in case.args]
    check(case.name, args, [k for k, a in enumerate(case.args) if callable(a)], case.static, rng)


# ---- forward mode -------------------------------------------------------------------------------


def row(case: Case, args: list[Any]) -> tuple[Function, list[str], list[Any]]:
    """The function of one operation in normal form, the parameters that it is differentiated by, and their values."""
    builder = Builder()
    builder.span = Span("test_rules.py", "row", 1, 0, 1, 0, "")
    atoms: list[Any] = []
    params, values, moving = [], [], []
    for k, (given, value) in enumerate(zip(case.args, args, strict=True)):
        if not callable(given) and not isinstance(given, np.ndarray):
            atoms.append(Const(given))
            continue
        name = f"x{k}"
        dtype = str(np.asarray(value).dtype)
        shape = np.shape(value)
        builder.types[name] = Array(dtype, tuple(map(dim, shape))) if shape else Scalar(dtype)
        atoms.append(Var(name))
        params.append(Param(name, name))
        values.append(value)
        if callable(given):
            moving.append(name)
    with builder.block() as body:
        y = builder.op(case.name, *atoms, **case.static)
    return builder.built(Function("row", tuple(params), tuple(body), (y,), {})), moving, values


def check_tangents(case: Case, args: list[Any], rng: Any, tolerance: float = 2e-7) -> None:
    """The tangent against the difference of y along it, and against the rule of reverse mode: <w, J v> = <J^T w, v>."""
    f, moving, values = row(case, args)
    tangent = with_tangents(f, moving)
    names = [p.name for p in f.params]
    v = {name: rng.normal(size=np.shape(values[names.index(name)]))[()] for name in moving}

    def moved(by: float) -> list[Any]:
        return [x + by * v[name] if name in v else x for name, x in zip(names, values, strict=True)]

    y, t_y = interpret(tangent, [*values, *v.values()])
    (up,), (down,) = interpret(f, moved(1e-6)), interpret(f, moved(-1e-6))
    want = (up - down) / 2e-6
    assert np.shape(t_y) == np.shape(y)
    assert np.max(np.abs(t_y - want), initial=0.0) <= tolerance * max(1.0, np.max(np.abs(want), initial=0.0)), case
    w = rng.normal(size=np.shape(y))[()]
    rule = find_rule(case.name, tuple(np.ndim(a) for a in args))
    assert rule is not None
    with np.errstate(all="ignore"):
        found = contributions(rule, w, y, args, case.static)
        parts = [np.sum(d * v[f"x{k}"]) for k, d in enumerate(found) if f"x{k}" in v and d is not None]
        have, want = float(np.sum(w * t_y)), float(np.sum(parts))
        size = max(1.0, abs(want), *(float(np.max(np.abs(d), initial=0.0)) for d in found if d is not None))
    assert abs(have - want) <= 1e-12 * size * max(1, np.size(y)), (case, have, want)


@pytest.mark.parametrize("case", [*ELEMENTWISE, *SCALAR, *STRUCTURED], ids=label)
def test_tangents(case: Case) -> None:
    rng = np.random.default_rng(7)
    pairs = SHAPES if case in ELEMENTWISE else [((), ())]
    for pair in pairs:
        shapes = [pair[0], pair[1], pair[1]] if case.name != "np.where" else [pair[0] or (1,), pair[0], pair[1]]
        if case in STRUCTURED:
            args = [a(rng) if callable(a) else a for a in case.args]
        else:
            args = [a(rng, shapes[k]) if callable(a) else a for k, a in enumerate(case.args)]
        check_tangents(case, args, rng)


# ---- points where a formula could go wrong ------------------------------------------------------

inf, nan = np.inf, np.nan
POINTS: list[tuple[object, tuple[Any, ...], tuple[Any, ...]]] = [
    ("**", (0.0, 2), (0.0, None)),
    ("**", (0.0, 1), (1.0, None)),
    ("**", (0.0, 3), (0.0, None)),
    ("**", (-2.0, 2), (-4.0, None)),
    ("**", (-2.0, 3), (12.0, None)),
    ("**", (-2.0, -1), (-0.25, None)),
    ("**", (0.0, 0.5), (inf, None)),
    ("**", (np.array([0.0, -2.0]), np.array([0, 3])), (np.array([0.0, 12.0]), None)),
    ("**", (np.array([0.0]), np.array([2.0])), (np.array([0.0]), np.array([0.0]))),
    ("**", (0.0, np.array([2.0, 0.5])), (np.array([0.0, inf]), None)),
    ("**", (np.array([0.0, -1.0, 0.5]), 1.5), (np.array([0.0, nan, 1.5 * 0.5**0.5]), None)),
    ("/", (1e-200, 1e-170), (1e170, -1e140)),
    ("/", (1.0, 0.0), (inf, -inf)),
    (np.sqrt, (0.0,), (inf,)),
    ("root", (0.0,), (0.0,)),
    (np.hypot, (0.0, 0.0), (0.0, 0.0)),
    (np.hypot, (3e200, 4e200), (0.6, 0.8)),
    (np.arctan2, (3e200, 4e200), (0.16e-200, -0.12e-200)),
    (np.arctan2, (0.0, -2.0), (-0.5, 0.0)),
    (np.logaddexp, (-inf, -inf), (0.5, 0.5)),
    (np.logaddexp, (-inf, 1.0), (0.0, 1.0)),
    (np.logaddexp, (1000.0, -1000.0), (1.0, 0.0)),
    (np.logaddexp, (inf, 0.0), (1.0, 0.0)),
    (np.maximum, (1.0, 1.0), (0.5, 0.5)),
    (np.minimum, (1.0, 1.0), (0.5, 0.5)),
    (np.maximum, (-inf, -inf), (0.5, 0.5)),
    (np.maximum, (-inf, 2.0), (0.0, 1.0)),
    (np.fmax, (nan, 2.0), (0.0, 1.0)),
    (np.fmin, (2.0, nan), (1.0, 0.0)),
    ("abs", (0.0,), (0.0,)),
    (np.copysign, (0.0, -1.0), (0.0, None)),
    (np.arcsinh, (1e200,), (1e-200,)),
    (np.arccosh, (1e200,), (1e-200,)),
    (np.expm1, (-50.0,), (math.exp(-50.0),)),
    (np.tanh, (400.0,), (0.0,)),
    (np.sinc, (0.0,), (0.0,)),
    (np.sinc, (1e-9,), (-(math.pi**2) * 1e-9 / 3,)),
    (np.arcsin, (1.0 - 2.0**-50,), (2.0**24.5,)),
    ("np.fmod", (-7.0, 2.0), (1.0, 3.0)),
    ("np.fmod", (1.0, 0.1), (1.0, -9.0)),  # 1.0 / 0.1 rounds up to 10
    (np.nextafter, (1.0, 2.0), (1.0, None)),
    (np.nextafter, (2.0, 2.0), (1.0, None)),
    ("%", (-7.0, 2.0), (1.0, 4.0)),
]


@pytest.mark.parametrize("prim, args, want", POINTS, ids=lambda v: getattr(v, "__name__", str(v)))
def test_points(prim: object, args: tuple[Any, ...], want: tuple[Any, ...]) -> None:
    name = prim if isinstance(prim, str) else PRIMITIVE_OF[prim]
    rule = find_rule(name, tuple(np.ndim(a) for a in args))
    assert rule is not None
    with np.errstate(all="ignore"):
        values = [np.float64(a) if isinstance(a, float) else a for a in args]
        found = rule.function(PRIMITIVES[name](*values), *values)
    found = found if isinstance(found, tuple) else (found,)
    for have, right in zip(found, want, strict=True):
        if right is not None:
            np.testing.assert_allclose(have, right, rtol=1e-12, atol=0.0)


def contribution(name: str, d_y: Any, x: Any, **static: Any) -> Any:
    rule = find_rule(name, (np.ndim(x),))
    assert rule is not None
    with np.errstate(all="ignore"):
        return contributions(rule, d_y, PRIMITIVES[name](x, **static), [x], static)[0]


def test_ties_share_equally() -> None:
    x = np.array([[1.0, 3.0, 3.0], [3.0, 0.0, 0.0]])
    np.testing.assert_allclose(contribution("np.max", 6.0, x), [[0.0, 2.0, 2.0], [2.0, 0.0, 0.0]])
    np.testing.assert_allclose(contribution("np.min", 6.0, x), [[0.0, 0.0, 0.0], [0.0, 3.0, 3.0]])
    same = np.array([[1.0, 2.0], [1.0, 0.0]])
    np.testing.assert_allclose(contribution("runtime.max_first", np.array([4.0, 6.0]), same), [[2.0, 6.0], [2.0, 0.0]])
    np.testing.assert_allclose(
        contribution("runtime.max_last", np.array([4.0, 6.0]), x), [[0.0, 2.0, 2.0], [6.0, 0.0, 0.0]]
    )


@pytest.mark.parametrize("n", [0, 1, 5, 48, 49, 97, 130])
def test_blocks_of_the_cholesky_adjoint(n: int) -> None:
    rng = np.random.default_rng(n)
    y = np.linalg.cholesky(definite(n)(rng))
    d_y = rng.normal(size=(n, n))
    middle = np.tril(y.T @ d_y)
    d_A = np.linalg.solve(y.T, np.linalg.solve(y.T, middle + np.tril(middle, -1).T).T)
    want = np.tril(d_A, -1) + 0.5 * np.diag(np.diag(d_A))
    np.testing.assert_allclose(runtime.cholesky_adjoint(y, d_y), want, rtol=1e-9, atol=1e-12)


def test_digamma() -> None:
    special = pytest.importorskip("scipy.special")
    from srcad.runtime import digamma, polygamma

    for x in (1e-8, 0.1, 0.5, 2.0, 9.99, 10.0, 1e5, -0.5, -1.3, -20.25):
        assert abs(digamma(x) - special.digamma(x)) <= 2e-14 * max(1.0, abs(special.digamma(x)))
        for n in (1, 2, 3):
            if x > 0:
                np.testing.assert_allclose(polygamma(n, x), special.polygamma(n, x), rtol=1e-13)
    assert math.isnan(digamma(0.0)) and math.isnan(digamma(-3.0))


# ---- completeness -------------------------------------------------------------------------------

STRUCTURAL = {"index", "tuple", "call", "result"}
"""Handled by the reverse sweep itself."""


def test_every_differentiable_primitive_has_a_rule() -> None:
    assert not [
        name
        for name, p in PRIMITIVES.items()
        if p.differentiable and name not in RULES and name not in STRUCTURAL and not p.external
        if p.kind != "effect"  # those of kernels, which `reverse/adjoint/exchanges` reverses
    ]


def test_every_rule_is_of_a_differentiable_primitive() -> None:
    assert not [name for name in RULES if not PRIMITIVES[name].differentiable]


def test_every_rule_has_a_row() -> None:
    rows = {c.name for c in (*ELEMENTWISE, *SCALAR, *STRUCTURED)}
    # those of SciPy have theirs in test_scipy_special, those of np.fft in test_fft, of complex numbers in test_complex
    rows |= {"real", "imag", "np.real", "np.imag", "np.conj", "np.angle", "complex"}
    elsewhere = ("special.", "np.fft.")
    ours = [name for name in RULES if not PRIMITIVES[name].external and not name.startswith(elsewhere)]
    assert not [name for name in ours if name not in rows]
