"""The functions of `scipy.special`: values against SciPy, derivatives against differences, a row a function."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

import srcad
from srcad.backend.modules.import_module import imported
from srcad.errors import SrcadError
from srcad.rules.primitives import PRIMITIVES

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
    "zeta": (2.5, POSITIVE),
    **dict.fromkeys("beta betaln poch".split(), (POSITIVE, POSITIVE)),
    "binom": ((4.0, 6.0), (0.5, 3.5)),
    **dict.fromkeys("gammainc gammaincc".split(), (1.7, POSITIVE)),
    **dict.fromkeys("gammaincinv gammainccinv".split(), (1.7, UNIT)),
    **dict.fromkeys("chdtr chdtrc".split(), (3.0, POSITIVE)),
    "chdtri": (3.0, UNIT),
    **dict.fromkeys("pdtr pdtrc".split(), (3.0, POSITIVE)),
    **dict.fromkeys("betainc betaincc betaincinv betainccinv".split(), (1.7, 2.6, UNIT)),
    "stdtr": (2.5, FAR),
    "stdtrit": (2.5, UNIT),
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
    **dict.fromkeys("ellipkinc ellipeinc".split(), (R, 0.6)),
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
    known = {name.removeprefix("special.") for name in PRIMITIVES if name.startswith("special.")}
    assert known == ROWS.keys() - {"exp2", "expm1", "log1p", "cbrt"}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_values_and_derivatives(name: str) -> None:
    f, args = weighted(name), [a for a in arguments(name) if isinstance(a, np.ndarray)]
    every = tuple(range(len(args)))
    value, gradient = srcad.value_and_grad(f, every, target="python")(*args)
    np.testing.assert_allclose(value, f(*args), rtol=1e-14)
    for at in every:
        np.testing.assert_allclose(gradient[at], differences(f, args, at), rtol=2e-8, atol=1e-9)
    # forward mode, second order
    directions = [np.cos(7.0 * a) for a in args]
    _, tangent = srcad.jvp(f, tuple(args), tuple(directions), target="python")
    np.testing.assert_allclose(tangent, sum(map(np.vdot, gradient, directions)), rtol=1e-12)
    df = srcad.grad(f, 0, target="python")
    hessian = srcad.hessian(f, 0, target="python")(*args)
    np.testing.assert_allclose(hessian, differences(df, args, 0), rtol=1e-6, atol=1e-7)
    # float32
    single = [a.astype(np.float32) for a in args]
    value, gradient = srcad.value_and_grad(f, every, target="python")(*single)
    assert np.asarray(value).dtype == np.asarray(f(*single)).dtype and gradient[0].dtype == np.float32
    np.testing.assert_allclose(value, f(*single), rtol=1e-5)
    expected = srcad.grad(f, every, target="python")(*[a.astype(np.float64) for a in single])
    np.testing.assert_allclose(gradient[0], expected[0], rtol=3e-4, atol=1e-4)


# ---- compiled code -----------------------------------------------------------------------------


def written(tmp_path: Path, text: str, name: str) -> Any:
    """A module with this text, which the compiler can read."""
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    return imported(path, name, registered=True)


def rows_of(names: list[str]) -> tuple[list[Any], list[str]]:
    """Samples, and for each function the text of a call with rows of them."""
    given: list[Any] = []
    calls = []
    for name in names:
        texts = []
        for arg in arguments(name, 3):
            texts.append(f"x[{len(given)}]" if isinstance(arg, np.ndarray) else repr(arg))
            given += [arg] if isinstance(arg, np.ndarray) else []
        calls.append(f"special.{name}({', '.join(texts)})")
    return given, calls


HEAD = "import numpy as np\nfrom scipy import special\n\n\ndef f(x):\n"


def test_every_function_compiled(tmp_path: Path) -> None:
    """Of numbers: the values of SciPy."""
    given, calls = rows_of(sorted(ROWS))
    text = f"{HEAD}    return np.array([{', '.join(calls)}])\n"
    f = written(tmp_path, text, "special_of_numbers").f
    for point in (np.array(given)[:, 0], np.array(given, np.float32)[:, 0]):
        np.testing.assert_allclose(srcad.jit(f)(point), f(point), rtol=1e-13 if point.dtype == np.float64 else 1e-6)


SOME = "erf expit log_ndtr gammaln digamma betaln xlogy gammainc iv i1e hyp1f1 spence rel_entr".split()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_compiled(dtype: str, tmp_path: Path) -> None:
    """Of vectors and of numbers together, in loops."""
    given, calls = rows_of(SOME)
    lines = "".join(f"    out += {one} * (1.0 + {one.replace(']', ', 0]')})\n" for one in calls)
    text = f"{HEAD}    out = np.zeros_like(x[0])\n{lines}    return np.sum(out)\n"
    f, x = written(tmp_path, text, f"special_of_{dtype}").f, np.array(given, dtype)
    value, gradient = srcad.value_and_grad(f)(x)
    expected, slopes = srcad.value_and_grad(f, target="python")(x)
    assert np.asarray(value).dtype == np.asarray(expected).dtype and gradient.dtype == slopes.dtype
    rtol = 1e-12 if dtype == "float64" else 2e-4
    np.testing.assert_allclose(value, f(x), rtol=rtol)
    np.testing.assert_allclose(gradient, slopes, rtol=rtol, atol=rtol)


def test_code_from_the_cache_runs_in_another_process(tmp_path: Path) -> None:
    text = (
        "import srcad\nfrom scipy import special\n\n\ndef f(x):\n    return special.gammaln(x) ** 2\n\n\n"
        "print(srcad.grad(f)(2.5))\n"
    )
    (tmp_path / "cached.py").write_text(text)
    env = {**os.environ, "SRCAD_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    runs = [
        subprocess.run([sys.executable, "cached.py"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != ""
    assert list((tmp_path / "cache").rglob("*.nbc"))


def shipped(x: Any) -> Any:
    return np.sum(special.gammaln(x) * special.xlogy(x, 2.0)) + special.polygamma(1, x[0])


def test_a_shipped_file_needs_no_srcad(tmp_path: Path) -> None:
    df, x = srcad.grad(shipped), np.array([0.4, 1.3])
    want = df(x)
    df.save(tmp_path / "shipped.py")
    line = "import sys, numpy as np, shipped as s; print(s.shipped_grad(np.array([0.4, 1.3])).tolist(), [*sys.modules])"
    env = {"PATH": os.environ["PATH"]}
    for _ in range(2):  # with its compiled form, and without
        call = [sys.executable, "-c", line]
        run = subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, text=True)
        numbers, modules = run.stdout.split("] [")
        np.testing.assert_allclose([float(n) for n in numbers.strip("[").split(",")], want, rtol=1e-13)
        assert "'srcad'" not in modules and not run.stderr
        shutil.rmtree(tmp_path / "_machine", ignore_errors=True)


# ---- broadcasting, extremes ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["xlogy", "betaln", "rel_entr", "poch"])
def test_broadcasting(name: str) -> None:
    function = called(name)
    f = lambda a, b: np.sum(np.cos(function(a, b)))
    for a, b in [
        (POSITIVE_3[:, None], POSITIVE_3[:2]),
        (np.array(0.7), POSITIVE_3),
        (POSITIVE_3[None], POSITIVE_3[:, None]),
    ]:
        gradient = srcad.grad(f, (0, 1), target="python")(a, b)
        for at in (0, 1):
            np.testing.assert_allclose(gradient[at], differences(f, [a, b], at), rtol=1e-7)


POSITIVE_3 = np.array([0.4, 1.3, 2.2])


def slope(f: Any, *args: Any) -> Any:
    every = tuple(range(len(args)))
    found = srcad.grad(f, every, target="python")(*args)
    forward = [srcad.jvp(f, args, tuple(float(k == at) for k in every), target="python")[1] for at in every]
    np.testing.assert_allclose(forward, found, rtol=1e-12)
    return found if len(args) > 1 else found[0]


def test_extremes() -> None:
    """No NaN where the derivative is finite; digits where a difference would have none."""
    assert slope(lambda x, y: special.xlogy(x, y), 0.0, 2.0) == (np.log(2.0), 0.0)
    assert slope(lambda x, y: special.xlogy(x, y), 0.0, 0.0)[1] == 0.0
    assert slope(lambda x, y: special.xlog1py(x, y), 0.0, -1.0)[1] == 0.0
    assert slope(lambda x, y: special.rel_entr(x, y), 0.0, 0.0)[1] == 0.0
    assert slope(lambda x, y: special.kl_div(x, y), 0.0, 0.0)[1] == 1.0
    assert slope(lambda x: special.expit(x), 1000.0) == 0.0 == slope(lambda x: special.expit(x), -1000.0)
    assert slope(lambda x: special.expit(x), 40.0) == pytest.approx(np.exp(-40.0), rel=1e-14)
    assert slope(lambda x: special.log_expit(x), -1000.0) == 1.0
    assert slope(lambda x: special.log_expit(x), 1000.0) == 0.0
    # phi(x) / Phi(x), by its continued fraction far out
    for x in (-40.0, -1e3, -1e8):
        assert slope(lambda x: special.log_ndtr(x), x) == pytest.approx(-x + 1 / (-x + 2 / (-x + 3 / -x)), rel=1e-9)
    assert slope(lambda x: special.log_ndtr(x), 40.0) == pytest.approx(0.0, abs=1e-300)
    for x in (20.0, 30.0, 1e3, 1e9):  # the first terms of the asymptotic series
        near = -(1.0 - 1.5 / x**2 + 3.75 / x**4) / (np.sqrt(np.pi) * x**2)
        assert slope(lambda x: special.erfcx(x), x) == pytest.approx(near, rel=1e-6)
        near = -(1.0 + 1.5 / x**2 + 3.75 / x**4) / (2.0 * x**2)
        assert slope(lambda x: special.dawsn(x), x) == pytest.approx(near, rel=1e-6)
    assert slope(lambda x: special.i1(x), 0.0) == 0.5 == slope(lambda x: special.j1(x), 0.0)
    assert slope(lambda x: special.rgamma(x), -3.0) == pytest.approx(-6.0, rel=1e-13)
    assert slope(lambda x: special.ellipk(x), 0.0) == pytest.approx(np.pi / 8.0, rel=1e-14)
    assert slope(lambda x: special.ellipe(x), 0.0) == pytest.approx(-np.pi / 8.0, rel=1e-14)
    assert slope(lambda x: special.spence(x), 1.0) == -1.0
    assert slope(lambda x: special.exprel(x), 0.0) == 0.5
    assert slope(lambda x, y: special.boxcox(x, y), 2.0, 0.0)[1] == pytest.approx(0.5 * np.log(2.0) ** 2, rel=1e-14)


def test_second_derivatives_at_special_points() -> None:
    """A derivative that is chosen at one point alone would be a constant there."""
    mixed = srcad.hessian(lambda p: special.xlogy(p[0], p[1]), target="python")(np.array([0.0, 2.0]))
    np.testing.assert_allclose(mixed, [[0.0, 0.5], [0.5, 0.0]])
    for f, expected in [
        (special.spence, 0.5),
        (special.exprel, 1 / 3),
        (special.i1, 0.0),
        (special.ellipk, 9 * np.pi / 64),
        (special.log_ndtr, -2.0 / np.pi),
    ]:
        at = 1.0 if f is special.spence else 0.0
        second = srcad.grad(srcad.grad(lambda x, f=f: f(x), target="python"), target="python")(at)
        assert second == pytest.approx(expected, rel=1e-13, abs=1e-15), f
    third = srcad.grad(
        srcad.grad(srcad.grad(lambda x: special.i1(x), target="python"), target="python"), target="python"
    )
    assert third(0.0) == pytest.approx(0.375, rel=1e-13)
    for x in (50.0, -50.0):
        second = srcad.grad(srcad.grad(lambda x: special.log_ndtr(x), target="python"), target="python")(x)
        assert np.isfinite(second)


# ---- functions that are expansions ---------------------------------------------------------------

A = np.array([[0.3, -1.2, 2.0], [0.1, 0.5, -0.7]])
WEIGHTS = np.array([[0.5, 2.0, 1.0], [1.5, 0.2, 0.0]])

EXPANDED: list[tuple[Any, Any]] = [
    (lambda x: special.logsumexp(x), A),
    (lambda x: special.logsumexp(x, axis=1), A),
    (lambda x: special.logsumexp(x, axis=(0, 1), keepdims=True), A),
    (lambda x: special.logsumexp(x, axis=-1, keepdims=True), A),
    (lambda x: special.logsumexp(x, b=WEIGHTS), A),
    (lambda x: special.logsumexp(A, axis=0, b=x), WEIGHTS + 0.1),
    (lambda x: special.logsumexp(x, axis=1, b=np.array([0.5, 2.0, 0.3])), A),
    (lambda x: special.logsumexp(x, axis=1, b=np.array([-0.5, 2.0, -3.0]), return_sign=True)[0], A),
    (lambda x: special.logsumexp(1000.0 * x, axis=1), A),
    (lambda x: special.logsumexp(x, 1) + special.logsumexp([x[0, 0], 2.0]), A),
    (lambda x: special.softmax(x), A),
    (lambda x: special.softmax(x, axis=1), A),
    (lambda x: special.softmax(100.0 * x, axis=0), A),
    (lambda x: special.log_softmax(x), A),
    (lambda x: special.log_softmax(1000.0 * x, axis=1), A),
    (lambda x: special.polygamma(0, x), np.abs(A)),
    (lambda x: special.polygamma(1, x), np.abs(A)),
    (lambda x: special.polygamma(np.array([0, 1, 3]), x), np.abs(A)),
    (lambda x: special.multigammaln(x[0, 0], 3), np.abs(A) + 3.0),
    (lambda x: special.comb(x + 3.0, 2), np.abs(A)),
    (lambda x: special.comb(5, x), np.abs(A)),
    (lambda x: special.comb(x, 2, repetition=True), np.abs(A) + 1.0),
    (lambda x: special.perm(x + 3.0, 2.5), np.abs(A)),
    (lambda x: special.factorial(x), np.abs(A)),
]


@pytest.mark.parametrize("at", range(len(EXPANDED)))
def test_expansions(at: int) -> None:
    function, x = EXPANDED[at]
    f = lambda x: np.sum(np.cos(function(x)) * np.arange(1.0, np.size(function(A)) + 1).reshape(np.shape(function(A))))
    g = lambda x: np.sum(np.cos(function(x)))
    value, gradient = srcad.value_and_grad(g, target="python")(x)
    np.testing.assert_allclose(value, g(x), rtol=1e-13)
    np.testing.assert_allclose(gradient, differences(g, [x], 0), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(srcad.jit(function, target="python")(x), function(x), rtol=1e-13)
    _, tangent = srcad.jvp(g, (x,), (WEIGHTS,), target="python")
    np.testing.assert_allclose(tangent, np.vdot(gradient, WEIGHTS), rtol=1e-11, atol=1e-13)
    second = srcad.hessian(g, target="python")(x)
    want = differences(srcad.grad(g, target="python"), [x], 0)
    np.testing.assert_allclose(second, want, rtol=1e-5, atol=1e-5 * np.max(np.abs(want)) + 1e-9)


def test_logsumexp_of_infinities() -> None:
    for x in ([-np.inf, 1.0], [-np.inf, -np.inf], [np.inf, 1.0]):
        with np.errstate(all="ignore"):
            value = srcad.jit(lambda x: special.logsumexp(x), target="python")(np.array(x))
            assert value == special.logsumexp(x)
    gradient = srcad.grad(lambda x: special.logsumexp(x), target="python")(np.array([-np.inf, 1.0, 1.0]))
    np.testing.assert_allclose(gradient, [0.0, 0.5, 0.5])


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda x: special.iv(x, 2.0), "special.iv by its argument v"),
        (lambda x: special.hyp2f1(1.0, 2.0, x, 0.3), "special.hyp2f1 by its argument c"),
        (lambda x: special.zeta(x, 2.0), "special.zeta by its argument s"),
        (lambda x: special.polygamma(x, 2.0), "special.zeta by its argument s"),
        (lambda x: special.zeta(x), "without q"),
        (lambda x: special.comb(x, 2, exact=True), "exact=True"),
        (lambda x: special.struve(1.0, x), "scipy.special.struve"),
        (lambda x: special.erf(x, dtype=np.float32), "dtype"),
        (lambda x: special.sici(x)[0], "scipy.special.sici"),
    ],
)
@pytest.mark.parametrize("mode", [srcad.grad, lambda f, target: lambda x: srcad.jvp(f, (x,), (1.0,), target=target)])
def test_refused(call: Any, said: str, mode: Any) -> None:
    with pytest.raises(SrcadError, match=said.replace("(", r"\(")):
        mode(call, target="python")(2.0)


def test_an_argument_without_a_derivative_may_rest() -> None:
    assert srcad.grad(lambda v, x: special.jv(v, x), 1, target="python")(1.5, 2.0) == pytest.approx(
        special.jvp(1.5, 2.0), rel=1e-13
    )


def test_what_a_user_says_of_a_function_goes_first() -> None:
    """Whether it was said before the first function was read, or after."""
    text = """
import numpy as np, srcad, sys
from scipy import linalg, special
from srcad.rules import expands, partials, vjp

def add():
    @partials(special.erf)
    def erf(y, x):
        return 10.0
    @vjp(linalg.expm)
    def expm(d_y, y, A):
        return 7.0 * d_y
    @expands(special.logsumexp)
    def logsumexp(x):
        return 3.0 * np.sum(x)

if before:
    add()
srcad.grad(lambda x: special.expit(x), target="python")(1.0)
if not before:
    add()
x = np.eye(2)
for f in (lambda x: np.sum(special.erf(x)), lambda x: np.sum(linalg.expm(x)), lambda x: special.logsumexp(x)):
    print(srcad.grad(f, target="python")(x)[0, 0], end=" ")
"""
    for before in (True, False):
        call = [sys.executable, "-c", f"before = {before}\n{text}"]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(call, env=env, capture_output=True, text=True)
        assert run.stdout.split() == ["10.0", "7.0", "3.0"], run.stderr[-2000:]
