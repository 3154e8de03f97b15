"""The streaming form of windows: a ring of pullbacks."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import Capacitor, window

RNG = np.random.default_rng(3)
P = {"W": 0.4 * RNG.standard_normal((3, 3)), "b": RNG.standard_normal(3)}
STATE = (RNG.standard_normal(3), RNG.standard_normal(3))
XS = RNG.standard_normal((8, 3))


def step(p: Any, state: Any, x: Any) -> Any:
    h, c = state
    c = 0.5 * c + np.tanh(p["W"] @ h + x + p["b"])
    h = np.tanh(c)
    return np.sum(h * h) + np.sum(h * x), (h, c)


def of_window(p: Any, h: Any, c: Any, xs: Any, every: Any, back: Any) -> Any:
    total = 0.0
    for x in window(xs, every=every, back=back, cut=("h", "c")):
        loss, (h, c) = step(p, (h, c), x)
        total += loss
    return total


@pytest.mark.parametrize(("every", "back"), [(1, 1), (1, 3), (2, 2), (2, 4), (4, 8), (3, 6), (5, 5), (1, 20)])
def test_the_sum_is_the_gradient_of_a_window(every: int, back: int) -> None:
    record, state, total = Capacitor(back, every, target="python"), STATE, 0.0
    found = {"W": np.zeros((3, 3)), "b": np.zeros(3)}
    for t, x in enumerate(XS):
        loss, state, gradient = record(step, P, state, x)
        total += loss
        assert (gradient is None) == ((t + 1) % every != 0)
        for key in found if gradient is not None else ():
            found[key] += gradient[key]
    rest = record.finish()
    assert (rest is None) == (len(XS) % every == 0)
    for key in found if rest is not None else ():
        found[key] += rest[key]
    value, want = srcad.value_and_grad(of_window, target="python")(P, *STATE, XS, every, back)
    np.testing.assert_allclose(total, value, rtol=1e-14)
    for key in found:
        np.testing.assert_allclose(found[key], want[key], rtol=1e-12, atol=1e-14)


def test_parameters_that_change_in_place() -> None:
    """Each step is differentiated at the parameters that it was taken with."""
    p = {key: value.copy() for key, value in P.items()}
    record, state, found = Capacitor(2, target="python"), STATE, []
    for x in XS[:3]:
        _, state, gradient = record(step, p, state, x)
        found.append({key: value.copy() for key, value in gradient.items()})
        for key in p:
            p[key] -= 0.1 * gradient[key]

    def two(p: Any, before: Any, state: Any, xs: Any) -> Any:
        _, state = step(before, state, xs[0])
        return step(p, state, xs[1])[0]

    first = {key: P[key] - 0.1 * found[0][key] for key in P}
    _, state = step(P, STATE, XS[0])
    second = srcad.grad(two, (0, 1), target="python")(first, P, STATE, XS[:2])
    for key in P:
        np.testing.assert_allclose(found[1][key], second[0][key] + second[1][key], rtol=1e-12)


def test_streams_and_their_ends() -> None:
    record = Capacitor(3, target="python")
    _, state, first = record(step, P, STATE, XS[0])
    record(step, P, state, XS[1])
    record.clear()
    assert record.finish() is None
    again = record(step, P, STATE, XS[0])
    np.testing.assert_array_equal(first["W"], again.gradient["W"])
    np.testing.assert_array_equal(again.state[0], state[0])


def test_memory_does_not_grow() -> None:
    def light(w: Any, h: Any, x: Any) -> Any:
        h = np.tanh(w * h + x)
        return np.sum(h), h

    record, h, w = Capacitor(5, target="python"), np.zeros(1000), np.full(1000, 0.5)
    sizes = []
    tracemalloc.start()
    for t in range(300):
        _, h, _ = record(light, w, h, 0.1)
        if t in (99, 299):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[1] - sizes[0] < 8_000  # one state more than before would be as much


def test_refused() -> None:
    for back, every in ((3, 2), (0, 1), (3, 0)):
        with pytest.raises(srcad.SrcadError, match="S131.*multiple"):
            Capacitor(back, every=every)
    with pytest.raises(srcad.SrcadError, match="S201"):
        Capacitor(3, target="python")(lambda w, h: w * h, 1.0, 2.0)
    with pytest.raises(srcad.SrcadError, match="nonsense"):
        Capacitor(3, nonsense=1)
