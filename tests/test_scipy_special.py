"""The functions of `scipy.special`: values against SciPy, derivatives against differences, a row a function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import srcad
from srcad.rules.registry import RULES

R, FAR = (-2.0, 2.0), (-6.0, 6.0)
POSITIVE, UNIT, INNER = (0.3, 3.0), (0.1, 0.9), (-0.8, 0.8)

ROWS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys("erf erfc dawsn ndtr log_ndtr expit log_expit".split(), (FAR,)),
    **dict.fromkeys("erfi cosm1 exprel exp10 exp2 expm1 cbrt".split(), (R,)),
    **dict.fromkeys("erfinv".split(), (INNER,)),
    **dict.fromkeys("erfcinv ndtri logit entr".split(), (UNIT,)),
    "erfcx": ((-2.0, 6.0),),
    "ndtri_exp": ((-4.0, -0.1),),
    **dict.fromkeys("xlogy rel_entr kl_div".split(), (POSITIVE, POSITIVE)),
    "xlog1py": (R, INNER),
    "huber": (1.0, FAR),
    "pseudo_huber": (POSITIVE, R),
    "boxcox": (POSITIVE, R),
    "boxcox1p": (POSITIVE, R),
    "inv_boxcox": (POSITIVE, POSITIVE),
    "inv_boxcox1p": (POSITIVE, POSITIVE),
    "powm1": (POSITIVE, R),
    **dict.fromkeys("gamma gammaln loggamma digamma log1p".split(), (POSITIVE,)),
    "rgamma": ((-2.7, 3.0),),
    "zeta": ((1.5, 4.0), POSITIVE),
    **dict.fromkeys("beta betaln poch".split(), (POSITIVE, POSITIVE)),
    "binom": ((4.0, 6.0), (0.5, 3.5)),
    **dict.fromkeys("gammainc gammaincc chdtr chdtrc".split(), (POSITIVE, POSITIVE)),
    **dict.fromkeys("gammaincinv gammainccinv chdtri".split(), (POSITIVE, UNIT)),
    **dict.fromkeys("pdtr pdtrc".split(), (3.0, POSITIVE)),
    **dict.fromkeys("betainc betaincc betaincinv betainccinv".split(), (POSITIVE, POSITIVE, UNIT)),
    "stdtr": (POSITIVE, FAR),
    "stdtrit": (POSITIVE, UNIT),
    **dict.fromkeys("j0 j1 i0 i1 i0e i1e".split(), (FAR,)),
    **dict.fromkeys("y0 y1 k0 k1 k0e k1e".split(), (POSITIVE,)),
    **dict.fromkeys("jv jve yv yve iv ive kv kve".split(), (1.3, POSITIVE)),
    **dict.fromkeys("kn yn".split(), (2, POSITIVE)),
    "hyp0f1": (1.4, R),
    "hyp1f1": (1.4, 2.3, R),
    "hyperu": (1.4, 2.3, POSITIVE),
    "hyp2f1": (1.4, 0.7, 2.3, INNER),
    **dict.fromkeys("ellipk ellipe".split(), (INNER,)),
    "ellipkm1": (UNIT,),
    **dict.fromkeys("ellipkinc ellipeinc".split(), (FAR, INNER)),
    **dict.fromkeys("ber bei berp beip ker kei kerp keip itstruve0 itmodstruve0".split(), (POSITIVE,)),
    **dict.fromkeys("struve modstruve".split(), (1.3, POSITIVE)),
    **dict.fromkeys("sindg cosdg tandg cotdg".split(), ((10.0, 80.0),)),
    **dict.fromkeys("expi exp1".split(), (POSITIVE,)),
    "expn": (2, POSITIVE),
    "spence": (POSITIVE,),
    "wrightomega": (R,),
    "owens_t": (R, R),
}
"""For each function the ranges of what it is differentiated by, and values of the other arguments."""


def arguments(name: str, size: int = 5) -> list[Any]:
    rng = np.random.default_rng(len(name))
    return [rng.uniform(*one, size) if isinstance(one, tuple) else one for one in ROWS[name]]


def called(name: str) -> Any:
    return getattr(special, name)


def weighted(name: str) -> Any:
    """A function of the arguments that are differentiated alone, which gives one number."""
    function, given = called(name), ROWS[name]
    if len(given) == 1:
        return lambda x: np.sum(np.cos(function(x)))
    if len(given) == 4:
        return lambda x: np.sum(np.cos(function(given[0], given[1], given[2], x)))
    if len(given) == 3 and isinstance(given[0], tuple):
        return lambda x, z, w: np.sum(np.cos(function(x, z, w)))
    if len(given) == 3:
        return lambda x: np.sum(np.cos(function(given[0], given[1], x)))
    if not isinstance(given[0], tuple):
        return lambda x: np.sum(np.cos(function(given[0], x)))
    if not isinstance(given[1], tuple):
        return lambda x: np.sum(np.cos(function(x, given[1])))
    return lambda x, z: np.sum(np.cos(function(x, z)))


def differences(f: Any, args: list[Any], at: int, h: float = 1e-5) -> Any:
    """The gradient of f by one argument, by central differences of order four."""
    out = np.empty(args[at].shape + np.shape(f(*args)))
    for k in np.ndindex(args[at].shape):
        values = []
        for step in (-2, -1, 1, 2):
            moved = [np.array(a, float) for a in args]
            moved[at][k] += step * h
            values.append(f(*moved))
        out[k] = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * h)
    return out


def test_every_function_has_a_row() -> None:
    known = {name.removeprefix("special.") for name in RULES if name.startswith("special.")}
    # what `elliprd` is differentiated by is refused
    assert known - {"elliprd"} == ROWS.keys() - {"exp2", "expm1", "log1p", "cbrt"}


@pytest.mark.parametrize(
    "f",
    [
        lambda m: special.elliprd(0.7, m, 1.0),
        lambda m: srcad.grad(lambda m: special.ellipkinc(0.7, m))(m),
        lambda v: special.struve(v, 1.3),
    ],
)
def test_arguments_without_a_derivative(f: Any) -> None:
    with pytest.raises(srcad.errors.SrcadError, match="S203"):
        srcad.grad(f, target="python")(0.3)


PHI, M = (
    np.ravel(a)
    for a in np.meshgrid(
        [-7.0, -0.5 * np.pi, -0.4, 0.0, 1e-9, 0.3, 1.6, np.pi, 8.0], [-5.0, -0.3, 0.0, 1e-9, 0.7, 0.99]
    )
)


@pytest.mark.parametrize("name", ["ellipkinc", "ellipeinc"])
def test_elliptic_integrals_by_the_parameter(name: str) -> None:
    """At whole turns, where the parameter is all but 0, and where both are."""
    function = called(name)
    found = srcad.grad(lambda m: np.sum(function(PHI, m)), target="python")(M)
    h = 1e-5 * (1.0 - M) / (2.0 - M)
    values = [function(PHI, M + k * h) for k in (-2, -1, 1, 2)]
    want = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * h)
    np.testing.assert_allclose(found, want, rtol=1e-7, atol=1e-8)


EDGES = [-1.0, 0.0, 0.3, 2.5, 40.0, np.inf, np.nan]
COUNTS, SHARES = [-2.0, -1.0, -0.5, 0.0, 1.0, 2.7, 5.0, 6.0, np.nan], [-0.1, 0.0, 0.2, 1.0, 1.2, np.nan]
GRIDS: list[tuple[Any, tuple[Any, ...]]] = [
    (lambda a, b, x: special.gdtr(a, b, x), (EDGES, EDGES, EDGES)),
    (lambda a, b, x: special.gdtrc(a, b, x), (EDGES, EDGES, EDGES)),
    (lambda a, b, x: special.fdtr(a, b, x), (EDGES, EDGES, EDGES)),
    (lambda a, b, x: special.fdtrc(a, b, x), (EDGES, EDGES, EDGES)),
    (lambda k, n, p: special.bdtr(k, n, p), (COUNTS, [0.0, 1.0, 5.0], SHARES)),
    (lambda k, n, p: special.bdtrc(k, n, p), (COUNTS, [0.0, 1.0, 5.0], SHARES)),
    (lambda v, x: special.jvp(v, x, 2) + special.yvp(v, x), ([0.0, 1.0, 1.3], [-3.0, 0.0, 0.3, 9.0])),
    (lambda v, x: special.ivp(v, x, 2) + special.kvp(v, x, 3), ([0.0, 1.0, 1.3], [-3.0, 0.0, 0.3, 9.0])),
]


@pytest.mark.filterwarnings("ignore:non-integer arg n")
@pytest.mark.parametrize("at", range(len(GRIDS)))
def test_what_others_are_made_of(at: int) -> None:
    """Everywhere, out of their ranges too; and the derivative by the last argument inside."""
    f, grids = GRIDS[at]
    args = [np.ravel(a) for a in np.meshgrid(*grids)]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(srcad.jit(f, target="python")(*args), f(*args), rtol=1e-12)
    inside = [np.array([2.0, 3.0]), np.array([5.0, 4.0]), np.array([0.3, 0.6])][: len(grids) - 1] + [
        np.array([0.3, 0.6])
    ]
    number = lambda *args: np.sum(f(*args))
    found = srcad.grad(number, len(grids) - 1, target="python")(*inside)
    np.testing.assert_allclose(found, differences(number, inside, len(grids) - 1), rtol=1e-8)


@pytest.mark.one_in(3, least=30)
@pytest.mark.parametrize("name", sorted(ROWS))
def test_values_and_derivatives(name: str) -> None:
    f, args = weighted(name), [a for a in arguments(name) if isinstance(a, np.ndarray)]
    every = tuple(range(len(args)))
    df = srcad.value_and_grad(f, every, target="python")
    value, gradient = df(*args)
    np.testing.assert_allclose(value, f(*args), rtol=1e-14)
    for at in every:
        np.testing.assert_allclose(gradient[at], differences(f, args, at), rtol=2e-8, atol=1e-9)
    # forward mode, second order
    directions = [np.cos(7.0 * a) for a in args]
    _, tangent = srcad.jvp(f, tuple(args), tuple(directions), target="python")
    np.testing.assert_allclose(tangent, sum(map(np.vdot, gradient, directions)), rtol=1e-12)
    hessian = srcad.hessian(f, 0, target="python")(*args)
    want = differences(lambda *args: df(*args)[1][0], args, 0)
    np.testing.assert_allclose(hessian, want, rtol=1e-6, atol=1e-7)
    # float32
    single = [a.astype(np.float32) for a in args]
    value, gradient = df(*single)
    assert np.asarray(value).dtype == np.asarray(f(*single)).dtype and gradient[0].dtype == np.float32
    np.testing.assert_allclose(value, f(*single), rtol=1e-5)
    _, expected = df(*[a.astype(np.float64) for a in single])
    np.testing.assert_allclose(gradient[0], expected[0], rtol=3e-4, atol=1e-4)


def test_sign_of_gamma_and_rounding() -> None:
    f = lambda x: x * special.gammasgn(x) + x * special.round(x)
    value, slope = srcad.value_and_grad(f, target="python")(-1.7)
    assert value == f(-1.7) and slope == special.gammasgn(-1.7) - 2.0
