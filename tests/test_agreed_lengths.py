"""Lengths that every call checks hold from the start: the text relies on them, and asks first."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad

pytestmark = pytest.mark.one_in(10, least=3)

RNG = np.random.default_rng(11)
U, V = RNG.standard_normal((2, 12))


def relaxed(u: Any, v: Any, steps: Any) -> Any:
    for _ in range(steps):
        new_u, new_v = u.copy(), v.copy()
        new_u[1:-1] = u[1:-1] + 0.1 * (u[:-2] - 2.0 * u[1:-1] + u[2:]) - u[1:-1] * v[1:-1]
        new_v[1:-1] = v[1:-1] + 0.1 * u[1:-1] * v[1:-1]
        u, v = new_u, new_v
    return np.sum(u * v)


def asserted(u: Any, v: Any, steps: Any) -> Any:
    total = 0.0
    for _ in range(steps):
        total += np.sum(u[1:-1] * v[1:-1] * np.sin(total))
    assert len(u) == len(v), "as many"
    return total + u[0]


def through_another(u: Any, v: Any, w: Any, steps: Any) -> Any:
    total = 0.0
    for _ in range(steps):
        total += np.sum(u[1:-1] * v[1:-1] * np.cos(total + v[0]))
    return total + np.dot(u, w) + np.dot(w, v)


def squares(A: Any, b: Any, steps: Any) -> Any:
    total = 0.0
    for _ in range(steps):
        total += np.sum(A[1:-1, 0] * b[1:-1] * np.cos(total))
    return total + np.sum((A @ b - b) ** 2)


PROGRAMS = [
    (relaxed, (U, V, 3)),
    (asserted, (U, V, 3)),
    (through_another, (U, V, U - V, 3)),
    (squares, (np.outer(U, V), V, 2)),
]


@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=lambda one: getattr(one, "__name__", ""))
def test_nothing_has_to_find_out(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    df = srcad.grad(f, (0, 1), target="python")
    source = df.source_for(*args)
    assert "unbroadcast" not in source and ".shape[0] != 1" not in source
    srcad.check_grad(f, *args, argnums=(0, 1), target="python")
    tangents = (np.cos(args[0]), *(None for _ in args[1:]))
    value, tangent = srcad.jvp(f, args, tangents, target="python")
    np.testing.assert_allclose(tangent, np.sum(df(*args)[0] * tangents[0]), rtol=1e-10)
    assert value == pytest.approx(f(*args), rel=1e-14)


@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=lambda one: getattr(one, "__name__", ""))
@pytest.mark.parametrize("steps", [0, 2])
def test_it_asks_first(f: Callable[..., Any], args: tuple[Any, ...], steps: int, tmp_path: Path) -> None:
    """What fits in the loop (one item broadcasts) and not after it is an error; so are other lengths."""
    df = srcad.grad(f, target="python")
    df(*args)
    makers: list[Callable[..., Any]] = [
        df,
        srcad.grad(f, boundscheck=False, target="python"),
        srcad.jit(f, target="python"),
        srcad.hessian(f, target="python"),
        lambda *a: srcad.hvp(f, target="python")(a, (np.ones_like(a[0]), *(None for _ in a[1:]))),
        lambda *a: srcad.vjp(f, *a, argnums=(0,), target="python"),
        srcad.jit(df.source, target="python"),
    ]
    df.save(tmp_path / "made.py")
    spec = importlib.util.spec_from_file_location("made", tmp_path / "made.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    makers.append(getattr(module, f"{f.__name__}_grad"))
    for length in (9, 13):
        wrong = (args[0], np.ones(length), *args[2:-1], steps)
        for made in makers:
            with pytest.raises((ValueError, AssertionError)) as caught:
                made(*wrong)
            assert not isinstance(caught.value, srcad.SrcadError) or "S3" in str(caught.value)


def test_compiled_it_asks_first() -> None:
    df = srcad.grad(relaxed, (0, 1))
    for one, want in zip(df(U, V, 3), srcad.grad(relaxed, (0, 1), target="python")(U, V, 3), strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-12)
    for length in (9, 13, 100_000):
        with pytest.raises(ValueError, match="L"):
            df(U, np.ones(length), 0)


def test_what_only_some_calls_check_holds_in_none() -> None:
    def f(u: Any, v: Any, last: Any) -> Any:
        total = 0.0
        for k in range(2):
            total += np.sum(u[1:-1] * v[1:-1]) * np.cos(u[k])
        if last:
            total += np.dot(u, v)
        return total

    v = np.array([1.0, 2.0, 3.0])  # one item inside, for all of u's
    found = srcad.grad(f, (0, 1), target="python")(U, v, False)
    np.testing.assert_allclose(found[1][1], np.sum(U[1:-1]) * (np.cos(U[0]) + np.cos(U[1])), rtol=1e-12)
    with pytest.raises(ValueError, match="do not fit"):
        srcad.grad(f, target="python")(U, v, True)


def test_what_is_printed_comes_before(capsys: pytest.CaptureFixture[str]) -> None:
    def f(u: Any, v: Any) -> Any:
        print("called")
        for _ in range(2):
            u = u.copy()
            u[1:-1] = u[1:-1] * v[1:-1]
        return np.dot(u, v)

    with pytest.raises(ValueError, match="do not fit"):
        srcad.grad(f, target="python")(U, np.ones(11))
    assert capsys.readouterr().out == "called\n"


def test_functions_of_shapes_are_right() -> None:
    """A question that the check decides is decided by it: after it, not before."""

    def f(u: Any, v: Any) -> Any:
        total = 0.0
        for _ in range(2):
            total += np.sum(u[1:-1] * v[1:-1])
        if len(u) != len(v):
            total += 100.0
        return total + np.dot(u, v)

    assert srcad.jit(f, target="python")(U, V) == pytest.approx(f(U, V))
    with pytest.raises(ValueError, match="do not fit"):
        srcad.jit(f, target="python")(U, np.ones(11))
