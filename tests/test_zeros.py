"""Where an argument enters in steps only, its derivative is 0, and a warning says so; nowhere else."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad

X = np.array([0.3, 1.7, 2.5])


# ---- in steps only: the last line of each names the arguments --------------------------------------


def bisection(p, top):
    lo, hi = 0.0, 4.0
    for _ in range(50):
        mid = 0.5 * (lo + hi)
        if mid**3 < p:
            lo = mid
        else:
            hi = mid
    return 0.5 * (lo + hi) + top


def golden(p, scale):
    a, b = 0.0, 4.0
    while b - a > 1e-6:
        c, d = b - 0.618 * (b - a), a + 0.618 * (b - a)
        if (c - p) ** 2 < (d - p) ** 2:
            b = d
        else:
            a = c
    return scale * (a + b)


def counted_events(p, scale):
    n = 0
    for k in range(10):
        if k * 0.3 > p:
            n += 1
    return n * scale


def counted_by_sum(p, scale):
    return scale * np.sum(X > p)


def found_by_position(p, scale):
    return scale * X[int(p)]


def found_by_search(p, scale):
    return scale * X[np.searchsorted(np.sort(X), p)]


def written_by_position(p, scale):
    u = np.zeros(3)
    u[int(p)] = scale
    return u[0] - u[1]


def turns_of_a_loop(p, scale):
    total = 0.0
    for _ in range(int(p)):
        total += scale
    return total


def left_early(p, scale):
    total = 0.0
    for k in range(10):
        total += scale
        if k > p:
            break
    return total


def whiles(p, scale):
    total = 0.0
    while total < p:
        total += scale
    return total


def list_that_grows(p, scale):
    found = []
    for k in range(3):
        if k < p:
            found.append(scale)
        else:
            found.append(1.0)
    return np.sum(np.array(found))


def conditions(p, scale):
    return np.where(p, scale, 2.0 * scale)


def rounded(p, scale):
    return np.floor(p) * np.sign(p) * round(p) * scale


def length_of_a_range(p, scale):
    return scale * np.sum(np.arange(0.0, p, 0.5))


def filled_by_a_test(p, scale):
    return scale * np.sum(np.full_like(np.array([p]), 1.0 if p > 0.0 else 2.0))


def sign_taken(p, scale):
    return np.copysign(scale, p)


def early_return(p, scale):
    if p > 1.0:
        return scale
    return 2.0 * scale


def inner(p):
    return 1.0 if p > 0.0 else 2.0


def called(p, scale):
    return inner(p) * scale


STEPPED: list[Callable[..., Any]] = [
    bisection, golden, counted_events, counted_by_sum, found_by_position, found_by_search, written_by_position,
    turns_of_a_loop, left_early, whiles, list_that_grows, conditions, rounded, sign_taken, length_of_a_range,
    filled_by_a_test, early_return, called,
]  # fmt: skip


@pytest.mark.parametrize("f", STEPPED, ids=lambda f: f.__name__)
def test_in_steps_only(f: Callable[..., Any]) -> None:
    df = srcad.grad(f, (0, 1), target="python")
    with pytest.warns(srcad.ZeroDerivativeWarning) as caught:
        by_p, by_other = df(1.3, 0.7)
    (one,) = caught
    assert f"{f.__name__} depends on p through comparisons" in str(one.message)
    assert by_p == 0.0 and by_other != 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        df(1.3, 0.9)  # once for each specialisation


def test_the_text_names_the_lines() -> None:
    first = bisection.__code__.co_firstlineno
    with pytest.warns(srcad.ZeroDerivativeWarning) as caught:
        srcad.grad(bisection, target="python")(1.3, 0.7)
    assert str(caught[0].message) == (
        "bisection depends on p through comparisons, roundings and the like alone: its derivative is 0\n"
        f"    bisection, line {first + 4}: if mid**3 < p:\n"
        "  You can: use srcad.implicit_root where this finds a root (docs/roots.md); srcad.stop_gradient where a\n"
        "  constant is meant; or warnings.filterwarnings('ignore', category=srcad.ZeroDerivativeWarning)."
    )
    assert caught[0].filename == __file__ and caught[0].lineno == first + 4


def leaves(p):
    scale = p["scale"] if p["limits"][0] < 0.5 else 2.0 * p["scale"]
    return scale * p["limits"][1]


def test_each_leaf_is_asked_about() -> None:
    with pytest.warns(srcad.ZeroDerivativeWarning) as caught:
        srcad.grad(leaves, target="python")({"scale": 1.0, "limits": (0.2, 3.0)})
    (one,) = caught
    assert str(one.message).startswith("leaves depends on p['limits'][0] through")


def two(p, q):
    return p * q, np.floor(p) * q


def test_each_output_is_asked_about() -> None:
    with pytest.warns(srcad.ZeroDerivativeWarning) as caught:
        srcad.jacobian(two, (0, 1), target="python")(1.5, 2.0)
    (one,) = caught
    assert str(one.message).startswith("output 1 of two depends on p through")


def thresholds(x, y, z):
    for i in range(len(x)):
        y[i] = 1.0 if x[i] > 0.0 else 0.0
        z[i] = x[i] * y[i]


def test_each_buffer_is_asked_about() -> None:
    arrays = [X.copy(), np.zeros(3), np.zeros(3), np.zeros(3), np.ones(3), np.ones(3)]
    with pytest.warns(srcad.ZeroDerivativeWarning) as caught:
        srcad.adjoint(thresholds, (0, 1, 2), target="python")(*arrays)
    (one,) = caught
    assert str(one.message).startswith("what thresholds leaves in y depends on x through")


def test_every_way_to_make_a_gradient() -> None:
    for make in (srcad.value_and_grad, srcad.jacobian):
        with pytest.warns(srcad.ZeroDerivativeWarning):
            make(bisection, target="python")(1.3, 0.7)
    with pytest.warns(srcad.ZeroDerivativeWarning):
        assert "def early_return_grad" in srcad.grad(early_return).source_for(1.0, 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert srcad.jit(early_return, target="python")(1.5, 2.0) == 2.0
        assert srcad.grad(early_return, 1, target="python")(1.5, 2.0) == 1.0
        with pytest.raises(srcad.ZeroDerivativeWarning):
            srcad.grad(early_return, target="python")(1.5, 2.0)


def test_a_build_warns() -> None:
    from srcad.build_step.config import entry_for

    entry = entry_for(f"{__file__}:early_return", ("p",), "(float64, float64)", None)
    with pytest.warns(srcad.ZeroDerivativeWarning, match="early_return depends on p"):
        assert "def early_return_grad" in entry.shipment().text


# ---- no warning ------------------------------------------------------------------------------------


def not_used(p, x):
    return np.sum(x)


def shape_only(p, x):
    return np.sum(x) * len(p) + np.sum(np.zeros_like(p)) + np.sum(np.full_like(p, x[0]))


def smooth_too(p, x):
    return np.sum(np.where(p > 0.0, p, 0.1 * p)) + np.sum(x)


def smooth_in_a_branch(p, x):
    return np.sum(p) if x[0] > 0.0 else 0.0


def asserted_and_shown(p, x):
    assert p[0] > 0.0
    if p[1] > 5.0:
        print(p[0])
    return np.sum(x)


def stopped(p, x):
    return np.sum(x) if srcad.stop_gradient(p)[0] > 0.0 else 2.0 * np.sum(x)


def straight_through(p, x):
    return np.sum((p + srcad.stop_gradient(np.round(p) - p)) * x)


def sorted_smoothly(p, x):
    return np.median(p) + np.sort(p)[0] + np.interp(p[0], np.arange(3.0), x) + np.max(p) + np.clip(p, 0.0, 1.0)[0]


def carried_for_a_test_only(p, x):
    before, total = p[0], np.sum(x)
    for k in range(3):
        before = before * 2.0
    return total


@pytest.mark.parametrize(
    "f",
    [
        not_used, shape_only, smooth_too, smooth_in_a_branch, asserted_and_shown, stopped, straight_through,
        sorted_smoothly, carried_for_a_test_only,
    ],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_no_warning(f: Callable[..., Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", srcad.ZeroDerivativeWarning)
        srcad.grad(f, target="python")(np.array([0.5, 1.5, 2.5]), X)


def test_a_filter_silences() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=srcad.ZeroDerivativeWarning)
        assert srcad.grad(bisection, target="python")(1.3, 0.7) == 0.0


def gives_nothing(p):
    q = p > 1.0


def gives_a_count(p):
    return 1 if p > 1.0 else 2


@pytest.mark.parametrize("f", [gives_nothing, gives_a_count], ids=lambda f: f.__name__)
def test_what_has_no_gradient_is_refused_as_ever(f: Callable[..., Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(srcad.DerivativeError):
            srcad.grad(f, target="python")(2.0)
