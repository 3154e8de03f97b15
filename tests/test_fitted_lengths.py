"""Slices that reach the end of an array in a call: the text is of such calls, and no other call runs it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from tests.numeric import numeric_gradient

RNG = np.random.default_rng(12)
A, B = RNG.standard_normal((2, 12))
FIELD, COEFF = RNG.standard_normal((9, 10)), RNG.standard_normal((5, 6))


def sweeps(n: Any, a: Any, b: Any) -> Any:
    for _ in range(2):
        b[1 : n - 1] = 0.33 * (a[: n - 2] + a[1 : n - 1] * a[2:n])
        a[1 : n - 1] = 0.33 * (b[: n - 2] + b[1 : n - 1] * b[2:n])
    return np.sum(a)


def differences(n: Any, a: Any, b: Any) -> Any:
    return np.sum((a[1:n] - a[: n - 1]) * b[1:n])


def diffusion(field: Any, coeff: Any) -> Any:
    rows, cols = coeff.shape
    flux = field[1 : rows + 3, 1 : cols + 3] - (field[2 : rows + 4, 1 : cols + 3] * field[1 : rows + 3, 2 : cols + 4])
    return np.sum(coeff * (flux[1:-1, 1:-1] - flux[2:, 1:-1]))


def turned(n: Any, a: Any, b: Any) -> Any:
    """The integer is changed, and the names of the arrays."""
    n = n - 2
    a, b = b[:n] * a[2 : n + 2], a[1 : n + 1]
    return np.sum(a * b[:n])


PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]]] = [
    (sweeps, (12, A, B), (1, 2)),
    (differences, (12, A, B), (1, 2)),
    (diffusion, (FIELD, COEFF), (0, 1)),
    (turned, (12, A, B[:10]), (1, 2)),
]
IDS = [f.__name__ for f, *_ in PROGRAMS]


def compared(f: Callable[..., Any], args: tuple[Any, ...], wrt: tuple[int, ...], df: Callable[..., Any]) -> None:
    def fresh() -> tuple[Any, ...]:
        return tuple(np.copy(a) if isinstance(a, np.ndarray) else a for a in args)

    for at, have in zip(wrt, df(*fresh()), strict=True):
        want = numeric_gradient(lambda *given: f(*map(np.copy, given)), fresh(), at)
        np.testing.assert_allclose(have, want, rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize(("f", "args", "wrt"), PROGRAMS, ids=IDS)
def test_nothing_has_to_find_out(f: Callable[..., Any], args: tuple[Any, ...], wrt: tuple[int, ...]) -> None:
    df = srcad.grad(f, wrt, target="python")
    source = df.source_for(*args)
    assert "unbroadcast" not in source and ".shape[0] != 1" not in source
    assert source.count("this is for calls in which") == 2
    compared(f, args, wrt, df)


def test_compiled() -> None:
    df = srcad.grad(sweeps, (1, 2))
    compared(sweeps, (12, A, B), (1, 2), df)
    compared(sweeps, (9, A, B), (1, 2), df)


OTHER_CALLS = [
    (0, A, B),
    (1, A[:1], B[:1]),
    (2, A[:2], B[:2]),
    (3, A[:3], B[:3]),
    (9, A, B),
    (9, A, B[:9]),
    (9, A[:9], B),
    (-1, A, B),
]


@pytest.mark.parametrize("f", [sweeps, differences, turned])
@pytest.mark.parametrize("first", [0, 1], ids=["fitted_first", "other_first"])
def test_other_calls_get_other_texts(f: Callable[..., Any], first: int) -> None:
    df = srcad.grad(f, (1, 2), target="python")
    for args in [(12, A, B), *OTHER_CALLS][first:] + [(12, A, B)]:
        try:
            f(*map(np.copy, args))
        except (ValueError, IndexError) as error:
            with pytest.raises(type(error)):
                df(*map(np.copy, args))
            continue
        compared(f, args, (1, 2), df)


def test_what_is_longer_or_shorter() -> None:
    """NumPy cuts a slice that ends behind the array, and a longer array has a rest that nobody reads."""
    df = srcad.value_and_grad(diffusion, (0, 1), target="python")
    df(FIELD, COEFF)
    more = RNG.standard_normal((11, 10))
    value, (d_field, d_coeff) = df(more, COEFF)
    assert value == diffusion(more, COEFF)
    np.testing.assert_allclose(d_field, numeric_gradient(diffusion, (more, COEFF), 0), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(d_coeff, numeric_gradient(diffusion, (more, COEFF), 1), rtol=1e-6, atol=1e-8)


def test_a_file_says_what_it_is_for(tmp_path: Path) -> None:
    df = srcad.grad(sweeps, 1, target="python")
    df(12, A.copy(), B.copy())
    file = tmp_path / "sweeps_grad.py"
    df.save(file)
    spec = importlib.util.spec_from_file_location("sweeps_grad", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    have = module.sweeps_grad(10, A[:10].copy(), B[:10].copy())
    np.testing.assert_allclose(have, df(10, A[:10].copy(), B[:10].copy()))
    with pytest.raises(ValueError, match=r"this is for calls in which n is a.shape\[0\]"):
        module.sweeps_grad(9, A.copy(), B.copy())


def test_a_type_alone_says_nothing() -> None:
    def total(n: int, a: float64[::1]) -> float:  # type: ignore[name-defined] # noqa: F821
        return np.sum(a[:n] * a[:n])

    assert "this is for" not in srcad.grad(total, 1, target="python").source


def test_samples_with_integers_of_their_own() -> None:
    batched = srcad.grad(differences, 1, target="python").batched(in_axes=(0, 0, None))
    counts, rows = np.array([12, 5, 9]), RNG.standard_normal((3, 12))
    want = [srcad.grad(differences, 1, target="python")(int(n), row, B) for n, row in zip(counts, rows, strict=True)]
    np.testing.assert_allclose(batched(counts, rows, B), want)


def test_higher_orders() -> None:
    def energy(n: Any, a: Any) -> Any:
        return np.sum((a[1:n] - a[: n - 1]) ** 4)

    da = srcad.grad(energy, 1, target="python")
    for n in (12, 8):
        have = srcad.hvp(energy, (n, A), (None, np.cos(A)), argnums=1, target="python")
        step = 1e-5 * np.cos(A)
        np.testing.assert_allclose(have, (da(n, A + step) - da(n, A - step)) / 2e-5, rtol=1e-6, atol=1e-7)
