"""`srcad.vjp`: a value and its pullback, of any structure, called late and often; the two functions behind them."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit

import srcad
from tests.numeric import copied, leaves, map_leaves
from tests.poison import poisoned
from tests.programs.registry import Case, all_cases
from tests.test_programs import derivative

pytestmark = pytest.mark.one_in(10, least=3)

ALL = all_cases()
X = np.array([0.3, 1.1, 2.0])


class Motion(NamedTuple):
    position: Any
    speed: Any


@dataclass
class Fit:
    loss: float
    parts: Any


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        every = metafunc.config.getoption("--compile-all")
        metafunc.parametrize("case", ALL if every else ALL[::16], ids=lambda c: c.name)
    if "kept" in metafunc.fixturenames:
        every = metafunc.config.getoption("--compile-all")
        compiled = KEEPING if every else [one for one in KEEPING if one[0] in (scaled_in_place, searched, growing)]
        chosen = [(one, "python") for one in KEEPING] + [(one, "cpu") for one in compiled]
        metafunc.parametrize(
            ("kept", "target"), chosen, ids=lambda one: one if isinstance(one, str) else one[0].__name__
        )


def spoil(tree: Any) -> None:
    """Write into the arrays of a structure."""
    for leaf in leaves(tree):
        if isinstance(leaf, np.ndarray) and leaf.flags.writeable:
            leaf[...] = np.nan if leaf.dtype.kind == "f" else 0


def weighted(f: Callable[..., Any], weights: Any) -> Callable[..., Any]:
    """The number whose gradient is the pullback of `weights`."""

    def total(*args: Any) -> float:
        given = [leaf for leaf in leaves(f(*args)) if np.asarray(leaf).dtype.kind == "f"]
        return sum(float(np.sum(w * one)) for w, one in zip(leaves(weights), given, strict=True))

    return total


def differences(f: Callable[..., Any], args: tuple[Any, ...], at: int) -> Any:
    """The gradient of a number with respect to an argument that is a float or an array, by differences."""
    found = np.zeros(np.shape(args[at]))
    for k in np.ndindex(found.shape):
        step = np.zeros(found.shape)
        step[k] = 1e-5
        moved = [[*args[:at], args[at] + s * step, *args[at + 1 :]] for s in (1, -1)]
        found[k] = (f(*copied(moved[0])) - f(*copied(moved[1]))) / 2e-5
    return found


def floats(case: Case) -> tuple[Any, ...]:
    """The arguments, of which no differentiated number is whole: that has no cotangent."""
    args = list(copied(case.args))
    for at in case.wrt:
        args[at] = map_leaves(lambda leaf: float(leaf) if type(leaf) is int else leaf, args[at])
    return tuple(args)


def test_the_corpus(case: Case) -> None:
    """The pullback of one is the gradient, of three three times that, whatever has happened to the arguments."""
    args = floats(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, gradient = derivative(case.function, case.wrt, "python")(*copied(args))
        made = srcad.vjp(case.function, argnums=case.wrt, target="python")
        given = copied(args)
        with poisoned():
            out, pullback = made(*given)
        spoil(given)
        with poisoned():
            first = pullback(1.0)
            spoil(first)
            made(*copied(args))[1](0.0)
            thrice, once = pullback(3.0), pullback(1.0)
    assert np.array_equal(out, value)
    tolerance = 1e-5 if any(np.asarray(leaf).dtype == np.float32 for leaf in leaves(gradient)) else 1e-11
    for want, have, have_thrice in zip(leaves(gradient), leaves(once), leaves(thrice), strict=True):
        scale = tolerance * np.max(np.abs(want), initial=1e-300)
        np.testing.assert_allclose(have, want, rtol=tolerance, atol=scale)
        np.testing.assert_allclose(have_thrice, 3.0 * np.asarray(want), rtol=tolerance, atol=3.0 * scale)
        assert np.asarray(have).dtype == np.asarray(want).dtype


# ---- structures --------------------------------------------------------------------------------


def several(x, s):
    return s * np.sin(x), {"sum": np.sum(x), "twice": [x + x, s * s]}


def motion(x, s):
    return Motion(s * x, x * x)


def fit(x, s):
    return Fit(np.sum(s * x * x), (np.exp(x), None))


def counted(x, s):
    return np.sum(x * x) * s, len(x), "note", x > 1.0


STRUCTURES = [
    (several, (X + 1.0, {"sum": 2.0, "twice": [X - 1.0, -3.0]})),
    (motion, Motion(X, 2.0 - X)),
    (fit, Fit(2.0, (X, None))),
    (counted, (2.0, None, None, None)),
]


@pytest.mark.parametrize(("f", "weights"), STRUCTURES, ids=lambda one: getattr(one, "__name__", ""))
def test_structures(f: Callable[..., Any], weights: Any) -> None:
    out, pullback = srcad.vjp(f, X, 0.7, target="python")
    want = f(X, 0.7)
    assert type(out) is type(want)
    for have, leaf in zip(leaves(out), leaves(want), strict=True):
        np.testing.assert_allclose(have, leaf)
    found = pullback(weights)
    assert isinstance(found, tuple)
    for at in range(2):
        np.testing.assert_allclose(found[at], differences(weighted(f, weights), (X, 0.7), at), rtol=1e-7, atol=1e-8)


def test_keys_in_another_order() -> None:
    _, pullback = srcad.vjp(lambda x: {"a": x, "b": x * x}, 3.0, target="python")
    assert pullback({"b": 1.0, "a": 10.0}) == (16.0,)


def test_primals_of_any_structure() -> None:
    def f(params, x):
        return params["w"] @ x + params["b"][0]

    params = {"w": np.ones((2, 3)), "b": [np.zeros(2), "relu"], "size": 2}
    _, pullback = srcad.vjp(f, params, X, target="python")
    d_params, d_x = pullback(np.array([1.0, 2.0]))
    np.testing.assert_allclose(d_params["w"], np.outer([1.0, 2.0], X))
    np.testing.assert_allclose(d_params["b"][0], [1.0, 2.0])
    np.testing.assert_allclose(d_x, [3.0, 3.0, 3.0])
    assert d_params["size"] is None and d_params["b"][1] is None


def test_has_aux() -> None:
    def f(x):
        y = x * x
        return (y, np.sum(y)), {"y": y, "count": len(x)}

    out, pullback, aux = srcad.vjp(f, X, has_aux=True, target="python")
    np.testing.assert_allclose(out[0], aux["y"])
    assert aux["count"] == 3
    spoil(aux)
    spoil(out)
    np.testing.assert_allclose(pullback((X, 1.0))[0], 2.0 * X * X + 2.0 * X)
    with pytest.raises(srcad.SrcadError, match="S201"):
        srcad.vjp(lambda x: x * x, 2.0, has_aux=True, target="python")


def test_argnums() -> None:
    def f(x, n, s):
        return s * x**n

    for argnums in (2, "s", ("s",)):
        assert srcad.vjp(f, 2.0, 3, 5.0, argnums=argnums, target="python")[1](1.0) == (8.0,)
    assert srcad.vjp(f, 2.0, 3, 5.0, argnums=("s", 0), target="python")[1](1.0) == (8.0, 60.0)
    assert srcad.vjp(f, 2.0, 3, 5.0, target="python")[1](1.0) == (60.0, None, 8.0)


def test_nothing_active() -> None:
    assert srcad.vjp(lambda x: 3.0, 2.0, target="python")[1](1.0) == (0.0,)
    np.testing.assert_array_equal(srcad.vjp(lambda x: np.ones(2), X, target="python")[1](np.ones(2))[0], np.zeros(3))
    for args, what in (((3,), "x has no float in it"), ((np.arange(3),), "x has no float in it")):
        with pytest.raises(srcad.SrcadError, match=f"S207: {what}"):
            srcad.vjp(lambda x: x + x, *args, target="python")
    with pytest.raises(srcad.SrcadError, match="S202"):
        srcad.vjp(lambda x: x > 1.0, 2.0, target="python")


# ---- cotangents that do not fit -----------------------------------------------------------------

MISFITS = [
    ((np.ones(4), 1.0, None), r"cotangent\[0\] is an array of shape \(4,\)"),
    ((np.ones((3, 1)), 1.0, None), r"cotangent\[0\] is an array of shape \(3, 1\)"),
    ((1.0, 1.0, None), r"cotangent\[0\] is a number"),
    ((None, 1.0, None), r"cotangent\[0\] is None"),
    ((X * 1j, 1.0, None), r"cotangent\[0\] is of type ndarray"),
    ((X > 1.0, 1.0, None), r"cotangent\[0\] is an array of bools"),
    ((X, np.ones(1), None), r"cotangent\[1\] is an array of shape \(1,\)"),
    ((X, True, None), r"cotangent\[1\] is a bool"),
    ((X, "1.0", None), r"cotangent\[1\] is of type str"),
    ((X, 1j, None), r"cotangent\[1\] is of type complex"),
    ((X, 1.0, 1.0), r"cotangent\[2\] is not None"),
    ((X, 1.0, 0), r"cotangent\[2\] is not None"),
    ((X, 1.0), "another structure"),
    ([X, 1.0, None], "another structure"),
    (X, "another structure"),
    (None, "another structure"),
]


@pytest.mark.parametrize(("cotangent", "message"), MISFITS)
def test_misfits(cotangent: Any, message: str) -> None:
    _, pullback = srcad.vjp(lambda x: (x * x, np.sum(x), len(x)), X, target="python")
    with pytest.raises(srcad.ArgumentError, match=message) as raised:
        pullback(cotangent)
    assert raised.value.problems[0].code == "S321"
    np.testing.assert_allclose(pullback((X, 1, None))[0], 2.0 * X * X + 1.0)


def test_the_shape_is_that_of_its_own_call() -> None:
    made = srcad.vjp(lambda x: x * x, target="python")
    (_, short), (_, long) = made(np.ones(2)), made(np.ones(5))
    np.testing.assert_allclose(short(np.ones(2))[0], 2.0 * np.ones(2))
    with pytest.raises(srcad.ArgumentError, match="S321"):
        short(np.ones(5))
    np.testing.assert_allclose(long(np.ones(5))[0], 2.0 * np.ones(5))


def test_layouts_and_dtypes_of_cotangents() -> None:
    x = np.arange(6.0).reshape(2, 3)
    w = np.arange(1.0, 7.0).reshape(2, 3)
    read_only = w.copy()
    read_only.setflags(write=False)
    strided = np.repeat(w, 2, axis=1)[:, ::2]
    for target in ("python", "cpu"):
        _, pullback = srcad.vjp(lambda x: np.sin(x), x, target=target)
        for given in (w, np.asfortranarray(w), read_only, strided, w.astype(np.float32), w.astype(int)):
            np.testing.assert_allclose(pullback(given)[0], w * np.cos(x), rtol=1e-6)
    single = x.astype(np.float32)
    out, pullback = srcad.vjp(lambda x: x * x, single, target="python")
    found = pullback(w)[0]
    assert out.dtype == found.dtype == np.float32


# ---- whose memory it is ---------------------------------------------------------------------------


def relaxed(u, f, n):
    u = u.copy()
    for _ in range(n):
        for i in range(1, len(u) - 1):
            u[i] = 0.5 * (np.sin(u[i - 1]) + u[i + 1] * f[i])
    return u


def scaled_in_place(d, s):
    d *= s
    return d


def states(x, n):
    h = x
    kept = []
    for _ in range(n):
        h = np.sin(h) * x
        kept.append(h)
    total = np.zeros_like(x)
    for h in kept:
        total = total + h
    return h, total


def two_names(x):
    y = np.exp(x)
    return y, y


def rows(x):
    return x[0], x[1:], x


def searched(x, limit):
    total = 0.0
    for k in range(len(x)):
        total = total * x[k] + np.sin(x[k])
        if total > limit:
            break
    while total > 0.1:
        total = 0.5 * total * np.cos(total)
    return total * x, k


def sum_of_halves(x, lo, hi):
    if hi - lo == 1:
        return np.sin(x[lo])
    mid = (lo + hi) // 2
    return sum_of_halves(x, lo, mid) * np.cos(sum_of_halves(x, mid, hi))


def recursive(x):
    return sum_of_halves(x, 0, len(x))


def wave(a, b):
    total = 0.0
    for k in range(3):
        total += np.exp(-a * k) * np.sin(b)
    return total


def with_calls(x):
    return np.array([wave(x[0], x[1]), wave(x[1], x[2]) * wave(x[0] * x[2], x[1])])


def growing(x, n):
    """The rows of the list are of different lengths."""
    parts = []
    for k in range(n):
        parts.append(np.sin(x[: k + 1]) * x[k])
    total = 0.0
    for part in parts:
        total += np.sum(part * part)
    return total * parts[0]


def added(x, y):
    return x + y


def through_a_view(x):
    """The reverse sweep restores y, and reads it by another name."""
    y = np.zeros(len(x) + 1)
    tail = y[1:]
    for _ in range(2):
        for i in range(len(x)):
            y[i + 1] = np.sin(tail[i]) * tail[i] + x[i]
    return np.sum(tail * tail)


KEEPING: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = [
    (relaxed, (np.linspace(0.1, 1.0, 6), np.ones(6), 3), np.arange(1.0, 7.0)),
    (scaled_in_place, (X, 2.0), X),
    (states, (X, 3), (X, 1.0 - X)),
    (two_names, (X,), (X, 2.0 * X)),
    (rows, (X,), (1.0, np.ones(2), X)),
    (searched, (X, 1.5), (X, None)),
    (recursive, (X,), 1.0),
    (with_calls, (X,), np.array([1.0, 2.0])),
    (growing, (X, 3), np.array([1.0])),
    (through_a_view, (X,), 1.0),
    (added, (X, 2.0 * X), X),
]


def test_what_a_pullback_keeps(kept: tuple[Callable[..., Any], tuple[Any, ...], Any], target: str) -> None:
    """Pullbacks called late, often and out of order, after everything that can be reached was written into."""
    f, args, weights = kept
    made = srcad.vjp(f, target=target)
    others = tuple(1.5 * one if np.asarray(one).dtype.kind == "f" else one for one in args)
    calls = []
    for these in (args, others):
        given = copied(these)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out, pullback = made(*given)
        for have, want in zip(leaves(given), leaves(these), strict=True):
            np.testing.assert_array_equal(have, want)  # the call itself leaves them as they were
        for have, want in zip(leaves(out), leaves(f(*copied(these))), strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-12)
        spoil(given)
        spoil(out)
        calls.append((these, pullback))
    for (these, pullback), factor in zip([*calls[::-1], *calls, calls[0]], [1.0, 2.0, -1.0, 1.0, 3.0], strict=True):
        cotangent = map_leaves(lambda leaf, factor=factor: factor * leaf, weights)
        before = copied(cotangent)
        found = pullback(cotangent)
        for have, want in zip(leaves(cotangent), leaves(before), strict=True):
            np.testing.assert_array_equal(have, want)
        for at, one in enumerate(these):
            if np.asarray(one).dtype.kind != "f":
                assert found[at] is None
                continue
            want = differences(weighted(f, before), these, at)
            np.testing.assert_allclose(found[at], want, rtol=1e-6, atol=1e-7)
        spoil(cotangent)
        arrays = [one for one in leaves(found) if isinstance(one, np.ndarray)]
        assert not any(np.shares_memory(a, b) for at, a in enumerate(arrays) for b in arrays[:at])
        assert all(np.all(np.isfinite(one)) for one in arrays), "a result is memory of the cotangent"
        spoil(found)


def test_captured_values() -> None:
    """What a function reads from outside is kept as well."""
    weights = np.array([1.0, 2.0, 3.0])

    def f(x):
        return np.sum(weights * x * x)

    _, pullback = srcad.vjp(f, X, target="python")
    weights *= 10.0
    np.testing.assert_allclose(pullback(1.0)[0], 2.0 * np.array([1.0, 2.0, 3.0]) * X)
    np.testing.assert_allclose(srcad.vjp(f, X, target="python")[1](1.0)[0], 2.0 * weights * X)


def test_it_prints_once(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x, n):
        found = [x]
        for k in range(n):
            found.append(found[k] * x)
        print("length", len(found))
        return found[n] * x

    _, pullback = srcad.vjp(f, 2.0, 3, target="python")
    assert pullback(1.0) == pullback(1.0) == (5 * 2.0**4, None)
    assert capsys.readouterr().out == "length 4\n"


def test_threads() -> None:
    made = srcad.vjp(relaxed, target="python")
    found: dict[int, Any] = {}

    def work(k: int) -> None:
        _, pullback = made(np.linspace(0.1, 1.0, 6) * k, np.ones(6), 3)
        found[k] = pullback(np.ones(6))[0]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, one in found.items():
        want = differences(lambda u: np.sum(relaxed(u, np.ones(6), 3)), (np.linspace(0.1, 1.0, 6) * k,), 0)
        np.testing.assert_allclose(one, want, rtol=1e-7, atol=1e-8)


# ---- the object, and the two functions ------------------------------------------------------------


def energy(x, s):
    y = np.exp(s * x)
    return {"energy": np.sum(y), "y": y}


def test_the_object() -> None:
    made = srcad.vjp(energy, target="python")
    assert repr(made) == "<srcad: vjp of energy>"
    assert pickle.loads(pickle.dumps(made))(X, 2.0)[0]["energy"] == np.sum(np.exp(2.0 * X))
    text = made.source_for(X, 2.0)
    assert "def energy_forward(x, s):" in text and "def energy_reverse(" in text
    assert "def energy_reverse(" not in made.forward.source and "def energy_forward(" not in made.reverse.source
    assert made.plan(X, 2.0).bytes == 0 or made.plan(X, 2.0).saved
    out, pullback = made(X, 2.0)
    assert repr(pullback) == "<srcad: pullback of energy>"
    copy.copy(made)(X, 2.0)
    for primals, code in (((X,), "S306"), ((X, 2.0, 1.0), "S306"), ((), "S306")):
        with pytest.raises(srcad.SrcadError, match=code):
            srcad.vjp(energy, target="python")(*primals)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_saved(tmp_path: Path, target: str) -> None:
    """The file has both functions, and needs nothing of srcad."""
    made = srcad.vjp(states, target=target)
    _, pullback = made(X, 3)
    file = made.save(tmp_path / "states_vjp.py")
    want = pullback((X, X))[0]
    np.save(tmp_path / "want.npy", want)
    program = f"""
import sys
sys.modules["srcad"] = None
import numpy as np
from {file.stem} import states_forward, states_reverse
import inspect
x = np.array({X.tolist()})
h, total, *saved = states_forward(x, 3)
reads = inspect.signature(getattr(states_reverse, "py_func", states_reverse)).parameters
given = [one for one in (("x", x), ("n", 3)) if one[0] in reads]
for _ in range(2):
    found = states_reverse(*(one for _, one in given), *saved, x, x)
    np.testing.assert_allclose(found[0] if isinstance(found, tuple) else found, np.load("want.npy"))
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


def test_called_from_compiled_code() -> None:
    made = srcad.vjp(energy)
    out, pullback = made(X, 2.0)
    forward, reverse = made.forward.compiled, made.reverse.compiled

    @njit
    def kept_twice(x, s, d_energy, d_y):
        first, y, y_saved = forward(x, s)
        again, _, again_saved = forward(2.0 * x, s)
        d_again = reverse(2.0 * x, s, again_saved, d_energy, d_y)
        return first, again, reverse(x, s, y_saved, d_energy, d_y), d_again

    first, again, found, found_again = kept_twice(X, 2.0, 3.0, X)
    cotangent = {"energy": 3.0, "y": X}
    assert first == out["energy"]
    np.testing.assert_allclose(found[0], pullback(cotangent)[0])
    np.testing.assert_allclose(found[1], pullback(cotangent)[1])
    np.testing.assert_allclose(found_again[0], made(2.0 * X, 2.0)[1](cotangent)[0])
    with pytest.raises((TypeError, srcad.SrcadError)):
        reverse(X.astype(np.float32), 2.0, out["y"], 3.0, X)


@pytest.mark.parametrize("c", [1.0, -1.0])
def test_a_copy_of_what_has_no_value_on_a_branch(c: float) -> None:
    def f(p: Any, s: Any, c: Any) -> Any:
        if c > 0.0:
            s = s * 2.0
        else:
            s[[0]] = p[1::1]
        return np.sum(s)

    _, pullback = srcad.vjp(f, np.array([0.5, 0.6]), np.array([0.1, 0.2, 0.3]), srcad.stop_gradient(c), target="python")
    d_p, d_s, _ = pullback(1.0)
    np.testing.assert_array_equal(d_p, [0.0, 0.0] if c > 0.0 else [0.0, 1.0])
    np.testing.assert_array_equal(d_s, [2.0, 2.0, 2.0] if c > 0.0 else [0.0, 1.0, 1.0])


@pytest.mark.parametrize("n", [0.95, 0.25])
def test_memory_that_is_shared_since_the_forward_sweep(n: float) -> None:
    def chosen(y: Any, n: Any) -> Any:
        left = np.arctan(y[1])
        return np.sum(np.full((3, 4), left) @ np.full(4, left) if n > 0.5 else y)

    y, w = np.array([0.02, 1.0, 0.77]), np.array([1.0, 2.0, 3.0])
    slope = srcad.grad(chosen, target="python")
    _, pullback = srcad.vjp(lambda y: slope(y, n), y, target="python")
    np.testing.assert_allclose(pullback(w)[0], srcad.hvp(chosen, target="python")((y, n), (w, None)))


def test_what_only_a_loop_without_iterations_would_read() -> None:
    def last(s: Any, k: Any) -> Any:
        for row in s[::-1]:
            state = row[k]
        return 0.5 * state + np.sum(row * row)

    s, w = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
    slope = srcad.grad(last, target="python")
    out, pullback = srcad.vjp(lambda s: slope(s, 1), s, target="python")
    np.testing.assert_allclose(out, [[0.0, 2.5], [0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(pullback(w)[0], srcad.hvp(last, target="python")((s, 1), (w, None)))
