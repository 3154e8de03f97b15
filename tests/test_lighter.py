"""The lighter forms of what Numba supplies give the same."""

from __future__ import annotations

import platform
from typing import Any

import numba
import numpy as np
import pytest

import srcad
from srcad.backend.numba import target

MATRIX = np.arange(12.0).reshape(3, 4)


def compiled(function: Any) -> Any:
    return target.compiled(function, False)


@pytest.mark.parametrize("array", [MATRIX, MATRIX.T, MATRIX.astype(int)], ids=["wide", "tall", "integers"])
def test_triangles(array: Any) -> None:
    def both(m, k):  # type: ignore[no-untyped-def]
        return np.tril(m, k), np.triu(m, k)

    ours = compiled(both)
    for k in (-5, -1, 0, 1, 2, 6):
        for have, want in zip(ours(array, k), (np.tril(array, k), np.triu(array, k)), strict=True):
            assert have.dtype == want.dtype
            np.testing.assert_array_equal(have, want)
    assert ours(array[:0], 1)[0].shape == array[:0].shape


SINGLE = MATRIX.astype(np.float32)


@pytest.mark.parametrize(
    "arguments",
    [
        (MATRIX > 4.0, MATRIX, -MATRIX),
        (MATRIX > 4.0, MATRIX, 1),
        (MATRIX[0] > 1.0, 2, MATRIX),
        (MATRIX[:, :1] > 1.0, MATRIX, MATRIX[0]),
        (MATRIX.T > 4.0, MATRIX.T, np.arange(3)),
        (np.arange(4) % 2, SINGLE, np.float32(0.0)),
        (MATRIX > 4.0, SINGLE, MATRIX),
        (MATRIX > 4.0, MATRIX > 5.0, False),
        (MATRIX[:0] > 4.0, MATRIX[:0], 0.0),
        (MATRIX[::-1, ::2] > 4.0, np.array(1.5), MATRIX[:, 1::2]),
    ],
    ids=str,
)
def test_where(arguments: Any) -> None:
    have, want = compiled(lambda c, x, y: np.where(c, x, y))(*arguments), np.where(*arguments)
    assert have.dtype == want.dtype
    np.testing.assert_array_equal(have, want)


def test_where_does_not_fit() -> None:
    with pytest.raises(ValueError):
        compiled(lambda c, x, y: np.where(c, x, y))(MATRIX > 1.0, MATRIX[:2], MATRIX)


def views(x: Any) -> Any:
    """Both names are of one new array."""
    new = np.zeros(len(x) + 1)
    part = new[1:]
    for i in range(len(x)):
        part[i] = 2.0 * x[i]
        new[i] += part[i] + 1.0
    return new


def swapped(x: Any) -> Any:
    one, other = np.empty(len(x)), np.ones(len(x))
    for t in range(5):
        for i in range(1, len(x)):
            one[i] = other[i - 1] + x[i]
        one[0] = t
        one, other = other, one
    return one - other


def either(x: Any) -> Any:
    one, other = np.zeros(len(x)), np.ones(len(x))
    chosen = one if x[0] > 0.0 else other
    for i in range(1, len(x)):
        chosen[i] = one[i - 1] + other[i - 1] + x[i]
    return chosen


def kept_in_a_list(x: Any) -> Any:
    kept = [np.zeros(len(x))]
    for t in range(4):
        new = np.empty(len(x))
        kept.append(new)
        for i in range(len(x)):
            new[i] = x[i] * t
            kept[-1][i] += kept[-2][i] + new[i]
    return kept[-1] + kept[1]


def used_again(x: Any) -> Any:
    """Each turn frees what it allocates: the next has the same memory."""
    total = np.zeros(len(x))
    for t in range(6):
        new = np.empty(len(x))
        for i in range(len(x)):
            new[i] = x[i] + t
        last = new[-1]
        for i in range(len(x)):
            total[i] += new[len(x) - 1 - i] * last
    return total


def shaped(x: Any) -> Any:
    new = np.ones(2 * len(x))
    folded = new.reshape((2, len(x)))
    for i in range(len(x)):
        folded[0, i] = x[i]
        folded[1, len(x) - 1 - i] = new[i] + new[2 * len(x) - 1 - i]
        new[len(x) + i] += folded[0, i] * folded[1, i]
    return folded.T + new[: len(x)].reshape((len(x), 1))


@pytest.mark.parametrize("function", [views, swapped, either, kept_in_a_list, used_again, shaped])
def test_new_memory_is_its_own_and_nothing_else(function: Any) -> None:
    """LLVM is told that what is allocated is met by no other address; those that come from it meet it."""
    x = np.linspace(0.5, 2.0, 67)
    np.testing.assert_array_equal(compiled(function)(x), function(x))


def test_new_arrays_are_not_compared() -> None:
    """Twenty of them: with comparisons LLVM would give up."""
    names = [f"a{k}" for k in range(20)]
    made = "".join(f"    {name} = np.empty(len(x))\n" for name in names)
    turn = "".join(f"        {name}[i] = x[i] * {k}.5\n" for k, name in enumerate(names))
    # also where somebody has called it before
    numba.njit(lambda n: (np.empty(n), np.zeros(n)))(3)
    scope: dict[str, Any] = {"np": np}
    exec(f"def f(x):\n{made}    for i in range(len(x)):\n{turn}    return {', '.join(names)}", scope)
    ours = compiled(scope["f"])
    ours(np.ones(3))
    asm = ours.inspect_asm(ours.signatures[0])
    assert "mulpd" in asm or platform.machine() not in ("x86_64", "AMD64")


def short_and_backwards(b, t, x):
    x[1::-1] = np.arctan(t[-2:]) + np.concatenate([x[..., -2:1], x[-1:0:-2]])
    return b[np.array([0, 3])] * x.copy()


def test_a_loop_of_few_turns_is_compiled():
    """LLVM's assertions end the process where it weighs a loop of at most two turns that goes backwards, with masks."""
    b, t, x = np.array([-0.21, -0.99, 0.44, 0.39, 0.51])[::-1], np.array([0.89, -0.98]), np.array([-0.85, -0.84])
    rows = srcad.jacobian(short_and_backwards, (0, 1, 2), cache=False)(b, t, x)
    np.testing.assert_allclose(rows[0], [[np.arctan(-0.98) - 0.84, 0, 0, 0, 0], [0, 0, 0, np.arctan(0.89) - 0.85, 0]])
