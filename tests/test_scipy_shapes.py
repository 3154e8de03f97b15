"""Derivatives of distribution functions by their shapes, against numbers of 60 digits; polynomials; borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import srcad
from srcad.errors import SrcadError
from tests.test_scipy_special import differences

# central differences of mpmath's functions, of steps of 1e-14 with 60 digits
GAMMA = np.array([
    (28.756220908444615, 3.4727926936164435, -6.826079282069285e-17),
    (0.0013052492390714292, 0.04049662071611299, -2.6621581294606402),
    (17.638044353639106, 8.771471916542252, -0.00419053792564897),
    (3511.615574509002, 3518.962369010689, -0.006673904097906326),
    (0.016966386033739927, 0.01580693116829211, -3.398851955326009),
    (0.9095164291230617, 0.16120447790606218, -0.4077864191689268),
    (49.473302612572574, 68.5375879586295, -0.0025443431448239776),
    (0.4850012744756073, 0.5522909641366669, -0.6165333514850768),
    (35.744969750335926, 31.99316963101488, -0.0571693108509742),
    (0.008824203908320305, 0.06931765649196316, -2.13208515602125),
])  # fmt: skip
BETA = np.array([
    (6.633918380418473, 0.5, 0.04097352393619469, -4.465304955347231e-10),
    (0.0012565096061564738, 75.79166280107815, 2.5121411640772423e-175, -241.1148204832855),
    (78.54550290833141, 0.5, 0.8574042765875693, -1.4675162815351457e-07),
    (0.0015904259448963074, 23.874411690960788, 0.8631789223498866, -1.1596634361664587e-22),
    (1.7732391920694865, 0.5, 0.42268722119765845, -0.10825792861407232),
    (0.0014788292326570382, 0.005568005543648332, 1.2194295009139308e-90, -202.99533998043884),
    (0.20047735580877157, 0.5, 0.1980339177821603, -1.4521471638895418),
    (0.21554033021467228, 0.006465156320788778, 0.4858353588317891, -0.13416701342916107),
    (217.233603349544, 0.5, 0.9995678840598312, -0.000724985051088922),
    (0.10652887803464775, 0.22372473542908053, 7.512240542814572e-06, -2.8944050021608123),
    (0.0031922144671697335, 0.5, 4.695434538842535e-32, -58.134887530105686),
    (181.51201786994778, 0.0022459920197383924, 0.05202130106440961, -3.665563462667207e-238),
])  # fmt: skip
STUDENT = np.array([
    (117.74154985086273, -0.3544906045001932, -2.689568739930489e-06),
    (50440.82462406216, 0.47001494837454116, 2.0142297696031154e-11),
    (0.732753120024803, 0.9516740207756229, 0.09652145357039403),
    (49192.24950758323, -0.18608874257324406, -7.799012336713132e-12),
    (7.429998260135517, -0.41084786221326897, -0.0007611220263982493),
    (34.67038735465146, 0.0386434040378024, 3.184324722895079e-06),
    (9251.572636262477, -0.011301999771059128, -1.3170135323899232e-11),
    (28.52297479905831, 0.012115648482950665, 1.4715212355748983e-06),
    (198.40934620783554, 0.07479312041444917, 1.8977571953652097e-07),
    (0.14633717925197204, -0.20731622187014043, -0.10638508534448807),
])  # fmt: skip


@pytest.mark.parametrize(
    "f, table, accuracy",
    [
        (lambda a, x: np.sum(special.gammainc(a, x)), GAMMA, 1e-11),
        (lambda a, b, x: np.sum(special.betainc(a, b, x)), BETA, 1e-10),
        (lambda df, t: np.sum(special.stdtr(df, t)), STUDENT, 2e-9),
    ],
)
def test_sixty_digits(f: Any, table: Any, accuracy: float) -> None:
    *args, want = table.T
    np.testing.assert_allclose(srcad.grad(f, target="python")(*args), want, rtol=accuracy)


def test_the_second_shape_is_the_first_one_mirrored() -> None:
    b, a, x, want = BETA[[0, 2, 4, 6, 9]].T
    found = srcad.grad(lambda a, b, x: np.sum(special.betaincc(a, b, 1.0 - x)), 1, target="python")(a, b, x)
    np.testing.assert_allclose(found, want, rtol=1e-9)


def slopes(f: Any, *args: float) -> tuple[float, ...]:
    found = srcad.grad(f, (0, 1), target="python")(*args)
    return tuple(map(float, found))


def test_borders() -> None:
    """What a shape does not move is 0; outside it is not a number, never one."""
    assert slopes(lambda a, x: special.gammainc(a, x), 2.0, 0.0) == (0.0, 0.0)
    assert slopes(lambda a, x: special.gammainc(a, x), 2.0, np.inf)[0] == 0.0
    assert slopes(lambda a, x: special.gammaincinv(a, x), 2.0, 0.0)[0] == 0.0
    assert slopes(lambda a, x: special.betainc(a, 2.0, x), 2.0, 0.0)[0] == 0.0
    assert slopes(lambda a, x: special.betainc(a, 2.0, x), 2.0, 1.0)[0] == 0.0
    assert slopes(lambda a, x: special.betaincinv(3.0, a, x), 2.0, 1.0)[0] == 0.0
    assert slopes(lambda df, t: special.stdtr(df, t), 2.5, 0.0)[0] == 0.0
    assert slopes(lambda df, t: special.stdtr(df, t), 2.5, -np.inf) == (0.0, 0.0)
    assert np.isnan(slopes(lambda a, x: special.gammainc(a, x), 2.0, -1.0)[0])
    assert np.isnan(slopes(lambda a, x: special.gammainc(a, x), -2.0, 1.0)[0])
    assert np.isnan(slopes(lambda a, x: special.betainc(a, 2.0, x), 2.0, 1.3)[0])
    # the density at 0 moves with the degrees of freedom, where the distribution function does not
    by_df = srcad.grad(lambda df, t: special.stdtr(df, t), target="python")
    mixed = srcad.grad(lambda df, t: by_df(df, t), 1, target="python")(2.5, 0.0)
    want = (stats.t.pdf(0.0, 2.5 + 1e-5) - stats.t.pdf(0.0, 2.5 - 1e-5)) / 2e-5
    assert mixed == pytest.approx(want, rel=1e-8)


def test_distributions_by_their_shapes() -> None:
    """In the tails, where differences of the value have no digits left."""
    for f, args in [
        (lambda a, x: stats.gamma.logsf(x, a), (2.5, 40.0)),
        (lambda df, x: stats.t.logcdf(x, df), (3.5, -20.0)),
        (lambda a, x: stats.beta.logcdf(x, a, 2.0), (3.0, 1e-3)),
    ]:
        found = srcad.grad(f, target="python")(*args)
        assert found == pytest.approx(float(differences(f, [np.array(v) for v in args], 0, 1e-3)), rel=1e-7)


X = np.array([0.15, 0.4, 0.8])
POLYNOMIALS: list[Any] = [
    lambda n, x: special.eval_legendre(n, x),
    lambda n, x: special.eval_sh_legendre(n, x),
    lambda n, x: special.eval_laguerre(n, x),
    lambda n, x: special.eval_genlaguerre(n, x, x[::-1]),
    lambda n, x: special.eval_hermite(n, x),
    lambda n, x: special.eval_hermitenorm(n, x),
    lambda n, x: special.eval_chebyt(n, x) + special.eval_sh_chebyt(n, x),
    lambda n, x: special.eval_chebyu(n, x) + special.eval_sh_chebyu(n, x),
    lambda n, x: special.eval_chebyc(n, x) + special.eval_chebys(n, x),
    lambda n, x: special.eval_gegenbauer(n, x + 1.0, x),
    lambda n, x: special.eval_jacobi(n, x, x + 0.3, 2.0 * x - 1.0),
    lambda n, x: special.eval_sh_jacobi(n, x + 2.5, x + 1.0, x),
]


@pytest.mark.one_in(4, least=3)
@pytest.mark.parametrize("at", range(len(POLYNOMIALS)))
def test_polynomials(at: int) -> None:
    f = POLYNOMIALS[at]
    value, gradient = srcad.jit(f, target="python"), srcad.grad(lambda n, x: np.sum(f(n, x)), 1, target="python")
    for n in (0, 1, 2, 5):
        np.testing.assert_allclose(value(n, X), f(n, X), rtol=1e-12, atol=1e-13)
        want = differences(lambda x, n=n: np.sum(f(n, x)), [X], 0, 1e-4)
        np.testing.assert_allclose(gradient(n, X), want, rtol=1e-8, atol=1e-8)


def test_degrees() -> None:
    degree = srcad.grad(lambda n, x: special.eval_legendre(n, x), 1, target="python")
    assert degree(3.0, 0.5) == degree(3, 0.5) == pytest.approx(0.375, rel=1e-14)
    for n in (-1, 2.5):
        with pytest.raises(ValueError, match="negative, or not a whole number"):
            degree(n, 0.5)
    with pytest.raises(SrcadError, match="an array"):
        srcad.grad(lambda x: np.sum(special.eval_legendre(np.array([1, 2]), x)), target="python")(X)
