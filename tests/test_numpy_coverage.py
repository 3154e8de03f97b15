"""The table of NumPy's functions: each call has the right value and gradient, or is in the list of those refused."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.rules.registry import EXPANSIONS
from tests.coverage.calls import fresh, made
from tests.coverage.functions import without_a_call
from tests.coverage.libraries import of_srcad
from tests.coverage.numpy_expressions import GROUPS
from tests.numpy_values import differ

CALLS = [call for calls in GROUPS.values() for call in calls]

REFUSED = frozenset(
    """
np.bitwise_count(I)
np.frexp(x)
np.frompyfunc(abs, 1, 1)(v)
np.quantile(v, 0.3, weights=w * w, method='inverted_cdf')
np.histogramdd(m.T, bins=2)
np.linalg.eigh(p, 'U')
np.bmat([[m, n]])
np.r_['0,2', v, w]
np.lib.stride_tricks.as_strided(v, (3, 3), (8, 8))
m.tolist()
v.tolist()
np.sort_complex(v)
y = v + 0.0; y.resize(2); y
y = m + 0.0; np.random.shuffle(y); np.sum(y)
y = 0.0; for z in np.nditer(m): y = y * 0.9 + z; y
y = 0.0; for a, b in np.nditer([m, n]): y = y + a * b; y
""".strip().split("\n")
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.one_in(9)
@pytest.mark.parametrize("text", CALLS)
def test_right_or_refused(text: str, tmp_path: Path) -> None:
    found = of_srcad(made(text, tmp_path), "python")
    assert found == "right" if text not in REFUSED else found.startswith("refused: ")


SOME = [
    "np.gradient(m, 0.5, 2.0)", "np.einsum('...ij,...jk->...ik', c, d.transpose(0, 2, 1))", "np.linalg.qr(m.T)",
    "np.linalg.svd(m, full_matrices=False)", "np.pad(v, 2, mode='reflect')", "np.nanmean(np.where(B, np.nan, m))",
    "np.unique(i, return_counts=True)", "np.histogram(v, bins=g, weights=w)", "np.vectorize(lambda z: z * z)(x)",
    "y = m + 0.0; y.flat[::5] = t; y", "np.linalg.lstsq(m.T, r, rcond=None)[0]", "np.quantile(m, [0.1, 0.5], axis=0)",
]  # fmt: skip


@pytest.mark.one_in(4)
@pytest.mark.parametrize("text", SOME)
def test_compiled(text: str, tmp_path: Path) -> None:
    assert of_srcad(made(text, tmp_path), "cpu") == "right"


SMOOTH = [
    "np.gradient(v, np.array([0.0, 0.5, 1.2, 2.0, 2.5]))",
    "np.linalg.svd(s)", "np.linalg.qr(m.T)", "np.linalg.pinv(m)", "np.linalg.eigh(P)",
    "np.linalg.lstsq(m.T, r, rcond=None)[0]", "np.linalg.norm(m, 'nuc')", "np.linalg.norm(m, 2)", "np.linalg.cond(s)",
    "np.linalg.eig(p)", "np.einsum('iij->j', S.T)", "np.einsum('ij,jk,kl->il', m, n.T, m)", "np.cov(m, aweights=r * r)",
    "np.corrcoef(m)", "np.nanvar(np.where(B, np.nan, m))", "np.polyval(u, v)", "np.vander(v, 4)", "np.poly(u)",
    "np.multiply.accumulate(v)", "np.logaddexp.reduce(m)", "np.pad(v, 2, 'linear_ramp', end_values=t)", "np.kron(c, m)",
    "np.piecewise(v, [v < 0.0, v >= 0.0], [lambda z: z * z, lambda z: 2.0 * z])", "np.cumulative_prod(v)",
    "np.lib.stride_tricks.sliding_window_view(m, 2, axis=1)", "np.apply_along_axis(lambda z: z * z, 1, m)",
    "np.linalg.tensorsolve(f + 3.0 * np.eye(4).reshape(2, 2, 2, 2), f[0, 0])", "np.prod(m, where=B)",
]  # fmt: skip


@pytest.mark.one_in(3)
@pytest.mark.parametrize("text", SMOOTH)
def test_forward_mode_and_second_order(text: str, tmp_path: Path) -> None:
    call = made(text, tmp_path)
    assert call.weighted is not None
    k = call.active[0]
    rest = fresh(call)
    x = rest[k]
    direction = np.random.default_rng(1).normal(size=np.shape(x))
    tangents = [direction if j == k else np.zeros_like(rest[j], dtype=float) for j in call.active]
    primals = tuple(fresh(call))
    given = [np.zeros_like(one, dtype=float) for one in primals]
    for j, one in zip(call.active, tangents, strict=True):
        given[j] = one
    gradient = srcad.grad(call.weighted, k, target="python")
    _, tangent = srcad.jvp(call.weighted, primals, tuple(given), target="python")
    assert tangent == pytest.approx(np.sum(gradient(*fresh(call)) * direction), rel=1e-9, abs=1e-9)
    step = 1e-5
    high, low = fresh(call), fresh(call)
    high[k], low[k] = x + step * direction, x - step * direction
    want = (gradient(*high) - gradient(*low)) / (2.0 * step)
    _, have = srcad.jvp(gradient, primals, tuple(given), target="python")
    np.testing.assert_allclose(have, want, rtol=2e-5, atol=2e-5 * (1.0 + np.max(np.abs(want))))


class Prelude:
    """NumPy, with the functions of the prelude, which run as plain Python, in place of its own."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.module, name)
        if name in ("linalg", "lib", "stride_tricks"):
            return Prelude(found)
        if isinstance(found, type) or found.__hash__ is None or name in ("r_", "c_", "mgrid", "ogrid"):
            return found
        return EXPANSIONS.get(found, found)


@pytest.mark.one_in(9)
@pytest.mark.parametrize("text", [call for call in CALLS if call not in REFUSED])
def test_the_prelude_is_plain_python(text: str, tmp_path: Path) -> None:
    call = made(text, tmp_path)
    want = call.plain(*fresh(call))
    vars(sys.modules[call.plain.__module__])["np"] = Prelude(np)
    assert differ(call.plain(*fresh(call)), want, False, loose=True) is None


def test_every_public_function_has_a_call() -> None:
    assert without_a_call() == []
